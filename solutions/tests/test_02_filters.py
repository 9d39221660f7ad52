"""Hidden tests of exercise 2. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by scipy or by sorting, so that nothing is compared with itself.
"""

import itertools

import numpy as np
import pytest
import scipy.ndimage

from lecture5.grading.testing import assert_equal


def gradient_length(image):
    parts = [scipy.ndimage.sobel(image.astype(float), axis=axis)[1:-1, 1:-1] for axis in (0, 1)]
    return np.hypot(*parts)


@pytest.mark.points("sobel_magnitude", 1, shows="edges in all directions")
def test_sobel_edges(submission, rng):
    row, column = np.indices((9, 7))
    for angle in rng.uniform(0, 2 * np.pi, size=4):
        image = np.round(((column - 3) * np.cos(angle) + (row - 4) * np.sin(angle) > 0) * rng.uniform(1, 5), 3)
        assert_equal(submission.sobel_magnitude(image), gradient_length(image))


@pytest.mark.points("sobel_magnitude", 1, shows="random pictures that are not square")
def test_sobel_random(submission, rng):
    for shape in [(5, 9), (8, 4), (3, 3), (3, 6)]:
        image = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.sobel_magnitude(image), gradient_length(image))


@pytest.mark.points("sobel_magnitude", 1, shows="bytes")
def test_sobel_bytes(submission, rng):
    for shape in [(6, 8), (7, 5)]:
        image = rng.integers(0, 256, size=shape).astype(np.uint8)
        assert_equal(submission.sobel_magnitude(image), gradient_length(image))


@pytest.mark.points("median_filter", 1, shows="windows of 3 × 3, inside and at the border")
def test_median_three(submission, rng):
    for shape in [(6, 9), (8, 5), (3, 3)]:
        image = np.round(rng.random(shape), 3)
        assert_equal(submission.median_filter(image, 3), scipy.ndimage.median_filter(image, 3, mode="nearest"))


@pytest.mark.points("median_filter", 1, shows="other sizes")
def test_median_sizes(submission, rng):
    for size in (1, 5, 7):
        image = np.round(rng.normal(size=(9, 11)), 3)
        assert_equal(submission.median_filter(image, size), scipy.ndimage.median_filter(image, size, mode="nearest"))


@pytest.mark.points("median_filter", 1, shows="salt and pepper, and corners")
def test_median_salt(submission, rng):
    image = np.full((10, 8), 0.5)
    wrong = rng.choice(80, size=12, replace=False)
    image.flat[wrong] = rng.integers(0, 2, size=12)
    image[0, 0], image[-1, 0], image[0, -1], image[-1, -1] = 1.0, 0.0, 1.0, 0.25
    for size in (3, 5):
        assert_equal(submission.median_filter(image, size), scipy.ndimage.median_filter(image, size, mode="nearest"))


def apart(x):
    pairs = x.reshape(-1, 2)
    return np.array([[p + q for p, q in pairs], [p - q for p, q in pairs]]) / 2**0.5


@pytest.mark.points("haar_step", 1, shows="random signals")
def test_haar_step_random(submission, rng):
    for length in (2, 6, 20):
        x = np.round(rng.normal(size=length), 3)
        assert_equal(submission.haar_step(x), apart(x))


@pytest.mark.points("haar_step", 1, shows="whole numbers, and a lone spike")
def test_haar_step_whole(submission, rng):
    x = rng.integers(-9, 10, size=12)
    assert_equal(submission.haar_step(x), apart(x))
    for place in (3, 4):
        spike = np.zeros(8)
        spike[place] = 3.0
        assert_equal(submission.haar_step(spike), apart(spike))


@pytest.mark.points("haar_inverse", 1, shows="the way back from random signals")
def test_haar_inverse_random(submission, rng):
    for length in (2, 6, 20):
        x = np.round(rng.normal(size=length), 3)
        assert_equal(submission.haar_inverse(apart(x)), x)


@pytest.mark.points("haar_inverse", 1, shows="coefficients one at a time")
def test_haar_inverse_single(submission, rng):
    for row, place in itertools.product((0, 1), (0, 2)):
        coefficients = np.zeros((2, 3))
        coefficients[row, place] = strength = round(float(rng.uniform(1, 4)), 3)
        expected = np.zeros(6)
        expected[2 * place : 2 * place + 2] = np.array([1, 1 - 2 * row]) * strength / 2**0.5
        assert_equal(submission.haar_inverse(coefficients), expected)


def largest(coefficients, fraction):
    sizes = sorted(np.abs(coefficients).ravel(), reverse=True)
    count = round(fraction * coefficients.size)
    stays = set(sizes[:count])
    return np.array([c if abs(c) in stays else 0.0 for c in coefficients.ravel()]).reshape(coefficients.shape)


def different(rng, shape):
    """Numbers of both signs, no two equally large."""
    sizes = rng.permutation(np.prod(shape)) + 1.0
    return (np.round(sizes + rng.uniform(0, 0.9), 3) * rng.choice([-1, 1], size=sizes.size)).reshape(shape)


@pytest.mark.points("keep_largest", 1, shows="a row of numbers of both signs")
def test_keep_largest_row(submission, rng):
    for fraction in (0.2, 0.5, 0.77):
        c = different(rng, (10,))
        assert_equal(submission.keep_largest(c, fraction), largest(c, fraction))


@pytest.mark.points("keep_largest", 1, shows="tables and blocks of numbers")
def test_keep_largest_shapes(submission, rng):
    for shape, fraction in [((4, 7), 0.3), ((9, 2), 0.6), ((2, 3, 5), 0.25)]:
        c = different(rng, shape)
        assert_equal(submission.keep_largest(c, fraction), largest(c, fraction))


@pytest.mark.points("keep_largest", 1, shows="none, all, rounding and whole numbers")
def test_keep_largest_edges(submission, rng):
    c = different(rng, (3, 5))
    for fraction in (0.0, 0.02, 1.0, 0.49, 0.58):
        assert_equal(submission.keep_largest(c, fraction), largest(c, fraction))
    whole = np.trunc(different(rng, (2, 6))).astype(int)
    assert_equal(submission.keep_largest(whole, 0.25), largest(whole, 0.25))
