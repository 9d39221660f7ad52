"""Classic kernels and frequency responses, against formulas worked out by hand, scipy and the DFT."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lecture5 import signal
from lecture5.signal import band_gains, frequency_grid, frequency_response

kernels = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(-9, 9))


def test_laplacian_response_is_the_formula_of_the_lecture():
    rows, columns = frequency_grid(129)
    expected = 9 - (1 + 2 * np.cos(rows)) * (1 + 2 * np.cos(columns))
    response = frequency_response(signal.LAPLACIAN, rows, columns)
    np.testing.assert_allclose(response, expected, rtol=0, atol=1e-12)
    at = {(0, 0): 0, (np.pi, np.pi): 8, (0, np.pi): 12, (np.pi, 0): 12}
    for omega, gain in at.items():
        assert frequency_response(signal.LAPLACIAN, *omega) == pytest.approx(gain, abs=1e-12)
    assert expected.max() == pytest.approx(12)


def test_laplacian_4_and_sobel_responses_are_those_of_their_docstrings():
    rows, columns = frequency_grid(33)
    expected = 4 - 2 * np.cos(rows) - 2 * np.cos(columns)
    np.testing.assert_allclose(frequency_response(signal.LAPLACIAN_4, rows, columns), expected, atol=1e-12)
    expected = -2j * np.sin(columns) * (2 + 2 * np.cos(rows))
    np.testing.assert_allclose(frequency_response(signal.SOBEL_X, rows, columns), expected, atol=1e-12)
    np.testing.assert_allclose(
        frequency_response(signal.SHARPEN, rows, columns),
        1 + frequency_response(signal.LAPLACIAN_4, rows, columns),
        atol=1e-12,
    )


def test_box_response_is_the_dirichlet_kernel():
    omega = np.linspace(0.1, np.pi, 50)
    expected = np.sin(5 * omega / 2) / (5 * np.sin(omega / 2))
    np.testing.assert_allclose(frequency_response(signal.box(5, 1), omega), expected, atol=1e-12)
    assert expected.min() < -0.1  # "swaps the dark and the bright"


@given(kernel=kernels)
def test_response_is_the_definition_summed_weight_by_weight(kernel):
    omegas = np.linspace(-3, 2, 7)[:, None] * np.arange(1, kernel.ndim + 1)
    expected = sum(
        weight * np.exp(-1j * omegas @ (np.array(n) - np.array(kernel.shape) // 2))
        for n, weight in np.ndenumerate(kernel)
    )
    np.testing.assert_allclose(frequency_response(kernel, *omegas.T), expected, atol=1e-10)


@given(kernel=kernels)
def test_response_at_the_dft_frequencies_is_the_dft(kernel):
    grid = np.ix_(*(2 * np.pi * np.fft.fftfreq(size) for size in kernel.shape))
    expected = np.fft.fftn(np.roll(kernel, [-(size // 2) for size in kernel.shape], range(kernel.ndim)))
    np.testing.assert_allclose(frequency_response(kernel, *grid), expected, atol=1e-10)


@pytest.mark.parametrize("size", [4, 7])
def test_response_in_one_dimension_agrees_with_freqz_up_to_the_origin(size):
    kernel = np.random.default_rng(size).normal(size=size)
    omega, expected = scipy.signal.freqz(kernel, worN=64)
    response = frequency_response(kernel, omega)
    np.testing.assert_allclose(response, expected * np.exp(1j * omega * (size // 2)), atol=1e-12)


def test_convolution_multiplies_a_wave_by_the_response_and_correlation_by_its_conjugate():
    kernel = np.random.default_rng(0).normal(size=(3, 5))
    rows, columns = np.ogrid[:20, :30]
    omega = 0.7, -1.9
    wave = np.exp(1j * (omega[0] * rows + omega[1] * columns))
    inside = (slice(3, -3), slice(3, -3))
    response = frequency_response(kernel, *omega)
    assert abs(response.imag) > 0.1
    np.testing.assert_allclose(scipy.signal.convolve(wave, kernel, "same")[inside], response * wave[inside])
    np.testing.assert_allclose(
        scipy.signal.correlate(wave, kernel, "same")[inside], response.conjugate() * wave[inside]
    )


def test_frequencies_broadcast_and_the_response_has_their_shape():
    assert frequency_response([1, 2], 0.5).shape == ()
    assert frequency_response([[1, 2]], 0.5, [0.1, 0.2, 0.3]).shape == (3,)
    assert frequency_response(signal.box(3, 3), *frequency_grid(5, 3)).shape == (5, 5, 5)


def test_band_gains_tell_low_from_high_pass():
    for kernel in (signal.box(3), signal.gaussian(1.0)):
        gains = band_gains(kernel)
        assert gains.zero == pytest.approx(1)
        assert gains.low > 2 * gains.high
    for kernel in (signal.LAPLACIAN, signal.LAPLACIAN_4):
        gains = band_gains(kernel)
        assert gains.zero == 0
        assert gains.high > 2 * gains.low
    assert band_gains(signal.IDENTITY) == pytest.approx((1, 1, 1))
    assert band_gains(signal.SHARPEN).zero == 1


@given(kernel=kernels)
def test_band_gains_hold_all_the_energy_of_the_weights(kernel):
    gains = band_gains(kernel)
    low_share = 0.5**kernel.ndim
    energy = low_share * gains.low**2 + (1 - low_share) * gains.high**2
    assert energy == pytest.approx((kernel**2).sum())  # Parseval's theorem


def test_sobel_agrees_with_scipy_and_points_to_the_right_and_down():
    image = np.random.default_rng(0).normal(size=(9, 12))
    for kernel, axis in ((signal.SOBEL_X, 1), (signal.SOBEL_Y, 0)):
        expected = scipy.ndimage.sobel(image, axis)[1:-1, 1:-1]
        np.testing.assert_allclose(scipy.signal.correlate(image, kernel, "valid"), expected)
    brighter_to_the_right = np.arange(5.0) * np.ones((5, 1))
    assert (scipy.signal.correlate(brighter_to_the_right, signal.SOBEL_X, "valid") == 8).all()
    assert (scipy.signal.correlate(brighter_to_the_right.T, signal.SOBEL_Y, "valid") == 8).all()


def test_fixed_kernels_and_their_sums():
    assert signal.IDENTITY.sum() == signal.SHARPEN.sum() == 1
    for kernel in (signal.LAPLACIAN, signal.LAPLACIAN_4, signal.SOBEL_X, signal.SOBEL_Y):
        assert kernel.sum() == 0
        with pytest.raises(ValueError, match="read-only"):
            kernel[0, 0] = 7
    image = np.random.default_rng(1).normal(size=(6, 7))
    laplace = -scipy.ndimage.laplace(image)[1:-1, 1:-1]
    np.testing.assert_allclose(scipy.signal.correlate(image, signal.LAPLACIAN_4, "valid"), laplace)
    mean = scipy.ndimage.uniform_filter(image, 3)[1:-1, 1:-1]
    np.testing.assert_allclose(
        scipy.signal.correlate(image, signal.LAPLACIAN, "valid"), 9 * (image[1:-1, 1:-1] - mean), atol=1e-12
    )


@pytest.mark.parametrize(("sigma", "size"), [(0.7, 5), (1.5, 9), (2.0, 6)])
def test_gaussian_agrees_with_scipy_and_is_separable(sigma, size):
    window = scipy.signal.windows.gaussian(size, sigma)
    window /= window.sum()
    np.testing.assert_allclose(signal.gaussian(sigma, size, 1), window)
    np.testing.assert_allclose(signal.gaussian(sigma, (size, 3))[:, 1], window * signal.gaussian(sigma, 3, 1)[1])


def test_gaussian_response_is_nearly_a_bell():
    rows, columns = frequency_grid(33)
    bell = np.exp(-(1.5**2) * (rows**2 + columns**2) / 2)
    np.testing.assert_allclose(frequency_response(signal.gaussian(1.5), rows, columns), bell, atol=2e-3)


@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 2, 2.5])
def test_gabor_passes_its_own_wavelength_and_direction(angle):
    kernel = signal.gabor(6.0, angle, sigma=5.0)
    rows, columns = frequency_grid(129)
    gain = np.abs(frequency_response(kernel, rows, columns))
    row, column = np.unravel_index(gain.argmax(), gain.shape)
    strongest = np.array([columns[0, column], rows[row, 0]])
    expected = 2 * np.pi / 6 * np.array([np.cos(angle), np.sin(angle)])
    step = 2 * np.pi / 128
    assert min(abs(strongest - expected).max(), abs(strongest + expected).max()) < step


def test_gabor_by_hand_odd_phase_and_long_window():
    odd = signal.gabor(4.0, 0.0, 2.0, (1, 3), phase=-np.pi / 2)  # sin(πx/2) exp(−x²/8): grows brighter to the right
    np.testing.assert_allclose(odd, [[-np.exp(-1 / 8), 0, np.exp(-1 / 8)]], atol=1e-12)
    long = signal.gabor(4.0, 0.0, 2.0, 5, aspect=0.5)
    assert long[0, 2] == pytest.approx(np.exp(-((0.5 * 2) ** 2) / 8))
    down = signal.gabor(4.0, np.pi / 2, 2.0, 5, phase=-np.pi / 2)
    assert down[3, 2] > 0 > down[1, 2]
    assert signal.gabor(4.0, 0.0, 2.0, aspect=0.5).shape == (25, 25)


def test_gabor_window_is_long_along_the_crests():
    kernel = signal.gabor(1e9, np.pi / 4, 2.0, 5, aspect=0.5)  # so long a wave is flat: the window alone remains
    assert kernel[0, 0] == pytest.approx(np.exp(-8 / 8))  # two down and two right: along the wave
    assert kernel[0, 4] == pytest.approx(np.exp(-0.25 * 8 / 8))  # along the crest


def test_impulse_reads_a_kernel_off_a_black_box():
    kernel = np.random.default_rng(0).normal(size=(3, 5))
    answer = scipy.signal.convolve(signal.impulse((5, 9)), kernel, "same")
    np.testing.assert_allclose(answer[1:-1, 2:-2], kernel, atol=1e-12)
    assert signal.impulse(4)[2] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signal.gaussian(0), "sigma is 0, but it must be a finite number above 0"),
        (lambda: signal.gaussian(float("nan")), "sigma is nan"),
        (lambda: signal.gaussian(float("inf")), "sigma is inf, but it must be a finite"),
        (lambda: signal.gaussian("2"), "sigma is '2' .str., but it must be a real number"),
        (lambda: signal.box((3, 3, 3)), "size is"),
        (lambda: signal.box(0), "size is 0, but"),
        (lambda: signal.gabor(-1, 0, 1), "wavelength is -1"),
        (lambda: signal.impulse((3, 0)), r"shape\[1\] is 0"),
        (lambda: frequency_response(np.ones((3, 3)), 0.0), "1 frequency arrays, but the kernel has shape"),
        (lambda: frequency_response([1, 2, 1], ["a"]), r"omegas\[0\] has dtype"),
        (lambda: frequency_response(np.ones((3, 3)), np.ones(3), np.ones(4)), "do not broadcast"),
        (lambda: frequency_response(3.0), "at least one axis"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
