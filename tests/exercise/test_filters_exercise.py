"""The right implementations of exercise 2, against scipy and against the package."""

import numpy as np
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import signal
from lecture5.exercise.catalogue import filters as exercise

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(3, 8), st.integers(3, 8), st.sampled_from([1, 3, 5]), seeds)
def test_pictures(height, width, size, seed):
    image = np.random.default_rng(seed).normal(size=(height, width))
    parts = [scipy.ndimage.sobel(image, axis=axis)[1:-1, 1:-1] for axis in (0, 1)]
    np.testing.assert_allclose(exercise.sobel_magnitude(image), np.hypot(*parts), atol=1e-12)
    expected = scipy.ndimage.median_filter(image, size, mode="nearest")
    np.testing.assert_allclose(exercise.median_filter(image, size), expected)


@given(st.integers(1, 10), seeds)
def test_haar(pairs, seed):
    x = np.random.default_rng(seed).normal(size=2 * pairs)
    np.testing.assert_allclose(exercise.haar_step(x), signal.analyse(x, "haar"), atol=1e-12)
    np.testing.assert_allclose(exercise.haar_inverse(exercise.haar_step(x)), x, atol=1e-12)


@given(st.integers(1, 4), st.integers(1, 5), st.floats(0, 1), seeds)
def test_largest(rows, columns, fraction, seed):
    c = np.random.default_rng(seed).normal(size=(rows, columns))
    np.testing.assert_array_equal(exercise.keep_largest(c, fraction), signal.keep_largest(c, fraction))
