"""Noise, the median filter, PSNR and the audio kernels, against scipy and values worked out by hand."""

import math

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import signal


def test_noise_is_seeded_and_has_the_stated_size():
    x = np.full((200, 300), 0.5)
    for noise in (signal.add_gaussian_noise, signal.add_salt_and_pepper):
        np.testing.assert_array_equal(noise(x, 0.2, 7), noise(x, 0.2, 7))
        assert (noise(x, 0.2, 7) != noise(x, 0.2, 8)).mean() > 0.1
        np.testing.assert_array_equal(noise(x, 0, 7), x)
        assert noise(x.astype(np.float32), 0.2, 7).dtype == np.float32
    error = signal.add_gaussian_noise(x, 0.2, 7) - x
    assert error.std() == pytest.approx(0.2, rel=0.02)
    assert error.mean() == pytest.approx(0, abs=0.005)
    noisy = signal.add_salt_and_pepper(x, 0.2, 7, low=-1, high=3)
    assert [(noisy == value).mean() for value in (-1, 0.5, 3)] == pytest.approx([0.1, 0.8, 0.1], abs=0.01)


@given(size=st.sampled_from([1, 3, 5]), height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 99))
def test_median_filter_agrees_with_scipy(size, height, width, seed):
    x = np.random.default_rng(seed).normal(size=(2, height, width))
    expected = [scipy.ndimage.median_filter(image, size, mode="nearest") for image in x]
    np.testing.assert_array_equal(signal.median_filter(x, size), expected)


def test_median_beats_blur_on_salt_and_pepper_and_blur_beats_median_on_gaussian_noise():
    rows, columns = np.mgrid[:64, :64] / 64
    image = 0.5 + 0.4 * np.sin(5 * rows) * np.cos(4 * columns)

    def improved(noisy):
        blurred = scipy.ndimage.correlate(noisy, signal.gaussian(1.0, 5), mode="nearest")
        return signal.psnr(signal.median_filter(noisy, 3), image), signal.psnr(blurred, image)

    median, blur = improved(signal.add_salt_and_pepper(image, 0.1, 0))
    assert median > blur + 5
    median, blur = improved(signal.add_gaussian_noise(image, 0.1, 0))
    assert blur > median


def test_psnr_by_hand():
    assert signal.psnr([0, 0, 0, 0], [255, 0, 0, 0], peak=255) == pytest.approx(10 * math.log10(4))
    assert signal.psnr(np.uint8([200]), np.uint8([100]), peak=100) == 0  # no wrap-around of bytes
    assert signal.psnr([1.0], [1.0]) == math.inf


def test_echo_repeats_a_click_later_and_softer():
    sound = np.array([0, 1.0, 0, 0])
    heard = scipy.signal.convolve(sound, signal.echo_kernel(delay=2, decay=-0.5, repeats=2))
    np.testing.assert_array_equal(heard, [0, 1, 0, -0.5, 0, 0.25, 0, 0])


@pytest.mark.parametrize(("cutoff", "sample_rate", "size"), [(1000, 8000, 101), (300, 44100, 31), (3999, 8000, 5)])
def test_low_pass_agrees_with_scipy(cutoff, sample_rate, size):
    expected = scipy.signal.firwin(size, cutoff, window="hamming", fs=sample_rate)
    np.testing.assert_allclose(signal.low_pass_kernel(cutoff, sample_rate, size), expected, atol=1e-12)


def test_low_pass_keeps_and_removes_what_its_docstring_says():
    kernel = signal.low_pass_kernel(1000, 8000, 201)
    hertz = np.linspace(0, 4000, 801)
    gain = signal.frequency_response(kernel, 2 * np.pi * hertz / 8000)
    np.testing.assert_allclose(gain.imag, 0, atol=1e-12)
    half_slope = 3.3 * 8000 / 201 / 2
    np.testing.assert_allclose(gain[hertz < 1000 - half_slope].real, 1, atol=0.01)
    np.testing.assert_allclose(gain[hertz > 1000 + half_slope].real, 0, atol=0.01)
    assert gain[hertz == 1000].real == pytest.approx(0.5, abs=0.01)


def test_equaliser_sets_the_gain_of_each_band():
    kernel = signal.equaliser_kernel([500, 2000], [6, -20, 0], sample_rate=8000)
    middles = np.array([100, 250, 1000, 1500, 3000, 3900])
    gain = np.abs(signal.frequency_response(kernel, 2 * np.pi * middles / 8000))
    np.testing.assert_allclose(20 * np.log10(gain), [6, 6, -20, -20, 0, 0], atol=0.3)
    sound = np.random.default_rng(0).normal(size=600)
    unchanged = scipy.signal.convolve(sound, signal.equaliser_kernel([500, 2000], [0, 0, 0], 8000), "same")
    np.testing.assert_allclose(unchanged, sound, atol=1e-12)
    louder = signal.equaliser_kernel([], [20], 8000, size=3)
    np.testing.assert_allclose(louder, [0, 10, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signal.add_gaussian_noise([1.0], -1, 0), "sigma is -1"),
        (lambda: signal.add_salt_and_pepper([1.0], 2, 0), "fraction is 2"),
        (lambda: signal.median_filter(np.ones((3, 3)), 4), "size is 4, but it must be odd"),
        (lambda: signal.median_filter([1.0, 2.0]), r"\(\.\.\., H, W\)"),
        (lambda: signal.psnr([1.0], [1.0, 2.0]), r"shape \(1,\) and reference \(2,\)"),
        (lambda: signal.echo_kernel(0.5, 1), "delay is 0.5"),
        (lambda: signal.low_pass_kernel(4000, 8000), "below 4000 Hz"),
        (lambda: signal.low_pass_kernel(1000, 8000, 100), "size is 100, but it must be odd"),
        (lambda: signal.equaliser_kernel([500], [0], 8000), "1 edges make 2 bands"),
        (lambda: signal.equaliser_kernel([500, 400], [0, 0, 0], 8000), "must rise"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
