"""True convolution: scipy as the oracle in any number of dimensions, and the laws that only the flip makes hold."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import CONV_METHODS, conv1d, convolve

RNG = np.random.default_rng(6)
LIMITED = ("matrix", "torch", "winograd")
MODES = ("full", "same", "valid")
FOUR_AXES = np.ones((1, 2, 3, 2))
every_method = pytest.mark.parametrize("method", [name for name in CONV_METHODS if name != "winograd"])
every_mode = pytest.mark.parametrize("mode", MODES)


@st.composite
def pairs(draw):
    dimensions = draw(st.integers(1, 3))
    sizes = st.lists(st.integers(1, 6), min_size=dimensions, max_size=dimensions)
    return RNG.standard_normal(draw(sizes)), RNG.standard_normal(draw(sizes))


@every_method
@given(pair=pairs())
def test_agrees_with_scipy(method, pair):
    a, b = pair
    for mode in MODES:
        try:
            expected = scipy.signal.convolve(a, b, mode, method="direct")
        except ValueError:
            with pytest.raises(ValueError, match="neither lies whole inside the other"):
                convolve(a, b, mode, method)
        else:
            np.testing.assert_allclose(convolve(a, b, mode, method), expected, rtol=1e-10, atol=1e-10)
            tensor = convolve(torch.from_numpy(a), torch.from_numpy(b), mode, method)
            np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-10, atol=1e-10)


@every_mode
@pytest.mark.parametrize("method", [method for method in CONV_METHODS if method not in LIMITED])
def test_four_dimensions_and_complex_numbers(method, mode):
    a = RNG.standard_normal((3, 4, 5, 3)) + 1j * RNG.standard_normal((3, 4, 5, 3))
    b = RNG.standard_normal((2, 1, 3, 2)) + 1j * RNG.standard_normal((2, 1, 3, 2))
    expected = scipy.signal.convolve(a, b, mode, method="direct")
    np.testing.assert_allclose(convolve(a, b, mode, method), expected, rtol=1e-10, atol=1e-10)


@every_method
def test_by_hand_with_a_kernel_that_shows_the_flip(method):
    a, b = [[1, 2, 3], [4, 5, 6]], [[1, 10]]
    assert convolve(a, b, "valid", method).tolist() == [[12, 23], [45, 56]]
    assert convolve(a, b, "full", method).tolist() == [[1, 12, 23, 30], [4, 45, 56, 60]]
    assert convolve(a, b, "same", method).tolist() == [[1, 12, 23], [4, 45, 56]]


@every_method
def test_it_is_commutative_and_associative_and_cross_correlation_is_not(method):
    a, b, c = RNG.standard_normal((5, 4)), RNG.standard_normal((3, 2)), RNG.standard_normal((2, 4))
    np.testing.assert_allclose(convolve(a, b, method=method), convolve(b, a, method=method), atol=1e-12)
    once = convolve(convolve(a, b, method=method), c, method=method)
    np.testing.assert_allclose(once, convolve(a, convolve(b, c, method=method), method=method), atol=1e-12)
    short, long = [[[1.0, 2.0]]], [[[1.0, 0.0, 3.0]]]
    one_way = conv1d(short, long, padding=2, method=method)[0, 0]
    other_way = conv1d(long, short, padding=1, method=method)[0, 0]
    np.testing.assert_allclose(one_way, other_way[::-1], atol=1e-12)
    assert abs(one_way - other_way).max() > 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: convolve([1, 2], [[1]]), ValueError, r"a has shape \(2,\) and b has shape \(1, 1\)"),
        (lambda: convolve([], [1]), ValueError, "no empty one"),
        (lambda: convolve(3, 4), ValueError, "at least one"),
        (lambda: convolve([1], [1], "circular"), ValueError, "mode is 'circular'.*'full', 'same', 'valid'"),
        (lambda: convolve([1], [1], method="fft"), ValueError, "method is 'fft'.*'fourier'"),
        (lambda: convolve(FOUR_AXES, FOUR_AXES, method="torch"), ValueError, "method is 'torch', .* over 4 axes"),
        (lambda: convolve(FOUR_AXES, FOUR_AXES, method="matrix"), ValueError, "method is 'matrix', .* up to 3 axes"),
        (lambda: convolve([1], ["a"]), TypeError, "b has dtype"),
        (lambda: convolve(np.ones((1, 3)), np.ones((2, 2)), "valid"), ValueError, "mode is 'valid', but a, "),
    ],
)
def test_errors_name_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
