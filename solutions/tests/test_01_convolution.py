"""Hidden tests of exercise 1. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by definitions written down once more, so that nothing is compared with itself.
"""

import itertools

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def cross_correlation(x, w):
    return np.correlate(x, w, "valid")


def signal(rng, length):
    return np.round(rng.normal(size=length) * 4, 3)


@pytest.mark.points("conv1d", 1, shows="random signals, kernels of odd and even length")
def test_conv1d_random(submission, rng):
    for length, kernel_size in [(9, 3), (12, 4), (7, 5), (20, 2)]:
        x, w = signal(rng, length), signal(rng, kernel_size)
        assert_equal(submission.conv1d(x, w), cross_correlation(x, w))


@pytest.mark.points("conv1d", 1, shows="a kernel of one weight, one as long as the signal, whole numbers")
def test_conv1d_edges(submission, rng):
    x = signal(rng, 8)
    for w in (signal(rng, 1), signal(rng, 8), signal(rng, 7)):
        assert_equal(submission.conv1d(x, w), cross_correlation(x, w))
    whole, fractions = rng.integers(-9, 10, size=11), signal(rng, 3)
    assert_equal(submission.conv1d(whole, fractions), cross_correlation(whole, fractions))


@pytest.mark.points("convolve", 1, shows="random signals, the kernel shorter or longer than the signal")
def test_convolve_random(submission, rng):
    for length, kernel_size in [(9, 3), (4, 11), (6, 6), (1, 5), (7, 2)]:
        x, w = signal(rng, length), signal(rng, kernel_size)
        assert_equal(submission.convolve(x, w), np.convolve(x, w))


@pytest.mark.points("convolve", 1, shows="whole numbers with fractions, a longer signal")
def test_convolve_whole_numbers_and_longer(submission, rng):
    whole, fractions = rng.integers(-9, 10, size=10), signal(rng, 4)
    assert_equal(submission.convolve(whole, fractions), np.convolve(whole, fractions))
    x, w = signal(rng, 300), signal(rng, 17)
    assert_equal(submission.convolve(x, w), np.convolve(x, w))


def filtered(image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return np.array(
        [
            [np.sum(image[r : r + kernel.shape[0], c : c + kernel.shape[1]] * kernel) for c in range(columns)]
            for r in range(rows)
        ]
    )


@pytest.mark.points("filter_image", 1, shows="images and kernels that are not square")
def test_filter_image_random(submission, rng):
    for image_shape, kernel_shape in [((6, 9), (3, 2)), ((8, 5), (2, 4)), ((7, 7), (3, 3))]:
        image, kernel = rng.normal(size=image_shape), rng.normal(size=kernel_shape)
        assert_equal(submission.filter_image(image, kernel), filtered(image, kernel))


@pytest.mark.points("filter_image", 1, shows="kernels of one row, one column, one weight, and as large as the image")
def test_filter_image_edges(submission, rng):
    image = rng.normal(size=(5, 8))
    for kernel_shape in [(1, 4), (4, 1), (1, 1), (5, 8), (5, 2), (2, 8)]:
        kernel = rng.normal(size=kernel_shape)
        assert_equal(submission.filter_image(image, kernel), filtered(image, kernel))


@pytest.mark.points("filter_image", 1, shows="a photograph's bytes, and results below zero")
def test_filter_image_bytes(submission, rng):
    image = rng.integers(0, 256, size=(11, 14), dtype=np.uint8)
    kernel = np.round(rng.normal(size=(3, 4)), 2)
    assert_equal(submission.filter_image(image, kernel), filtered(image.astype(float), kernel))


@pytest.mark.points("fourier_convolve", 1, shows="random signals of many lengths")
def test_fourier_convolve_random(submission, rng):
    for length, kernel_size in [(8, 8), (9, 3), (12, 5), (7, 2)]:
        x, w = signal(rng, length), signal(rng, kernel_size)
        assert_equal(submission.fourier_convolve(x, w), np.convolve(x, w))


@pytest.mark.points("fourier_convolve", 1, shows="a kernel longer than the signal, and a single sample")
def test_fourier_convolve_short_signal(submission, rng):
    for length, kernel_size in [(3, 10), (1, 6), (5, 8)]:
        x, w = signal(rng, length), signal(rng, kernel_size)
        assert_equal(submission.fourier_convolve(x, w), np.convolve(x, w))


@pytest.mark.points("fourier_convolve", 1, shows="a long signal, whole numbers")
def test_fourier_convolve_long(submission, rng):
    x, w = rng.integers(-9, 10, size=1000), signal(rng, 41)
    assert_equal(submission.fourier_convolve(x, w), np.convolve(x, w), absolute=1e-6)


def response(kernel, omega_1, omega_2):
    total = 0
    for i, j in itertools.product(range(kernel.shape[0]), range(kernel.shape[1])):
        shift = omega_1 * (i - kernel.shape[0] // 2) + omega_2 * (j - kernel.shape[1] // 2)
        total = total + kernel[i, j] * (np.cos(shift) - 1j * np.sin(shift))
    return total


@pytest.mark.points("frequency_response", 1, shows="kernels that are not symmetric, of odd size")
def test_frequency_response_odd(submission, rng):
    for shape in [(3, 3), (3, 5), (5, 1)]:
        kernel, omega = rng.normal(size=shape), rng.uniform(-np.pi, np.pi, size=(2, 7))
        assert_equal(submission.frequency_response(kernel, *omega), response(kernel, *omega))


@pytest.mark.points("frequency_response", 1, shows="kernels of even size, frequencies in a two-dimensional array")
def test_frequency_response_even_and_grid(submission, rng):
    for shape in [(2, 2), (4, 3), (1, 2)]:
        kernel, omega = rng.normal(size=shape), rng.uniform(-np.pi, np.pi, size=(2, 4, 5))
        assert_equal(submission.frequency_response(kernel, *omega), response(kernel, *omega))
