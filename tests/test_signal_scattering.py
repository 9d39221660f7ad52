"""The scattering transform against its definition, its symmetries, its energy, and pixels under shifts and bends."""

import math

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import signal
from lecture5.data import digits
from lecture5.signal import Scattering2D, relative_change, scattering


@pytest.fixture(scope="module")
def images():
    """Blobs and lines at random places, (20, 32, 32): smoother than noise, sharper than a blur."""
    noise = np.random.default_rng(0).normal(size=(20, 32, 32))
    return np.maximum(scipy.ndimage.gaussian_filter(noise, (0, 1, 1), mode="wrap"), 0.3) - 0.3


def by_definition(transform, x):
    """Every path on the full grid, one after the other; subsampled only at the end."""
    step = 2**transform.scales
    channels = []
    for path in transform.paths:
        envelope = x
        for j, l in path:
            envelope = np.abs(np.fft.ifft2(np.fft.fft2(envelope) * transform.psi[j, l]))
        channels.append(np.fft.ifft2(np.fft.fft2(envelope) * transform.phi).real[..., ::step, ::step])
    return np.stack(channels, axis=-3)


@pytest.mark.parametrize(("shape", "scales", "orientations"), [((32, 32), 2, 8), ((16, 40), 3, 5), ((8, 12), 1, 3)])
def test_it_is_what_the_definition_says(shape, scales, orientations):
    x = scipy.ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(3, *shape)), (0, 0.7, 0.7), mode="wrap")
    transform = Scattering2D(shape, scales, orientations)
    expected = by_definition(transform, x)
    result = transform(x)
    assert result.shape == (3, len(transform.paths), shape[0] // 2**scales, shape[1] // 2**scales)
    for channel, path in enumerate(transform.paths):
        exact = all(j == 0 for j, _ in path)  # nothing was subsampled on the way
        error = relative_change(expected[:, channel], result[:, channel])
        assert error < (1e-12 if exact else 0.05), path
    assert relative_change(expected, result) < 0.01


@pytest.mark.parametrize(("scales", "orientations"), [(1, 3), (2, 8), (3, 6)])
def test_channels_are_counted_as_the_docstring_says(scales, orientations):
    paths = Scattering2D((16, 24), scales, orientations).paths
    assert len(paths) == 1 + scales * orientations + orientations**2 * scales * (scales - 1) // 2
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("shape", [(32, 32), (16, 48)])
@pytest.mark.parametrize(("scales", "orientations"), [(1, 8), (2, 8), (3, 6), (2, 3)])
def test_littlewood_paley_sum_is_one_at_every_frequency(shape, scales, orientations):
    transform = Scattering2D(shape, scales, orientations)
    energy = (transform.psi**2).sum(axis=(0, 1))
    energy_at_minus_omega = np.roll(energy[::-1, ::-1], (1, 1), (0, 1))
    np.testing.assert_allclose(transform.phi**2 + (energy + energy_at_minus_omega) / 2, 1, atol=1e-12)
    assert (transform.psi[..., 0, 0] == 0).all()  # wavelets do not see the mean
    assert transform.phi[0, 0] == 1


def test_tightening_changes_the_morlet_wavelets_by_the_stated_factor_only():
    transform = Scattering2D((64, 64), 3, 8)
    omega = 2 * np.pi * np.fft.fftfreq(64)
    radius = np.hypot(*np.meshgrid(omega, omega))
    inside = (radius > 0) & (radius < np.pi)
    wave, bell = (scattering._bell((64, 64), f, 0.8 * 2, math.pi / 8, 0.5) for f in (3 * math.pi / 8, 0))
    morlet = wave - wave[0, 0] / bell[0, 0] * bell
    clear = inside & (abs(morlet) > 1e-6)
    factor = transform.psi[1, 1][clear] / morlet[clear]
    assert 0.95 < factor.min() < factor.max() < 1.75


def test_energy_of_the_first_layer_is_that_of_the_image(images):
    transform = Scattering2D((32, 32), 3, 8)
    spectra = np.fft.fft2(images)
    energy = (abs(np.fft.ifft2(spectra * transform.phi)) ** 2).sum()
    energy += (abs(np.fft.ifft2(spectra[:, None, None] * transform.psi)) ** 2).sum()
    assert energy == pytest.approx((images**2).sum())


@pytest.mark.parametrize("scales", [2, 3])
def test_three_orders_hold_most_of_the_energy_of_digits(scales):
    images = np.pad(digits("test")[0][:50, 0], ((0, 0), (2, 2), (2, 2)))
    features = Scattering2D((32, 32), scales, 8)(images)
    held = 4**scales * (features**2).sum() / (images**2).sum()  # of 4^J pixels one is kept
    assert 0.84 < held < 0.92


@pytest.mark.parametrize("j", [0, 1, 2])
@pytest.mark.parametrize("l", [0, 1, 3, 5])  # the diagonals 2 and 6 of the finest scale are drawn to the corners
def test_each_wavelet_lies_at_its_own_frequency_and_near_its_own_place(j, l):
    transform = Scattering2D((64, 64), 3, 8)
    omega = 2 * np.pi * np.fft.fftfreq(64)
    row, column = np.unravel_index(transform.psi[j, l].argmax(), (64, 64))
    angle = l * math.pi / 8
    expected = 3 * math.pi / 4 / 2**j * np.array([math.cos(angle), math.sin(angle)])
    assert np.linalg.norm([omega[column], omega[row]] - expected) < 0.2 * np.linalg.norm(expected)
    power = abs(np.fft.ifft2(transform.psi[j, l])) ** 2
    place = 64 * np.fft.fftfreq(64)
    near = np.hypot(*np.meshgrid(place, place)) < 6 * 2**j
    assert power[near].sum() > 0.999 * power.sum()


def test_blur_has_no_negative_weight():
    assert np.fft.ifft2(Scattering2D((32, 32), 2).phi).real.min() > -1e-12


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_a_shift_by_the_step_shifts_the_features_by_one(images, scales):
    transform = Scattering2D((32, 32), scales, 6)
    step = 2**scales
    shifted = transform(np.roll(images, (step, -2 * step), (1, 2)))
    np.testing.assert_allclose(shifted, np.roll(transform(images), (1, -2), (2, 3)), atol=1e-12)


def test_mirroring_at_the_diagonal_swaps_the_directions(images):
    transform = Scattering2D((32, 32), 2, 8)
    mirrored = [tuple((j, (4 - l) % 8) for j, l in path) for path in transform.paths]
    features = transform(images)
    order = [transform.paths.index(path) for path in mirrored]
    transposed = transform(images.swapaxes(1, 2))
    expected = features[:, order].swapaxes(2, 3)
    assert relative_change(expected, transposed) < 1e-3
    assert relative_change(features.swapaxes(2, 3), transposed) > 0.1


def test_vertical_stripes_go_to_direction_zero():
    stripes = np.cos(2 * np.pi * np.arange(32) * 3 / 8) * np.ones((32, 1))  # 3π/4 radians a pixel to the right
    transform = Scattering2D((32, 32), 2, 8)
    energy = (transform(stripes) ** 2).sum(axis=(1, 2))
    assert transform.paths[energy.argmax()] == ((0, 0),)


@given(seed=st.integers(0, 999), size=st.sampled_from([0.01, 1.0, 100.0]))
def test_two_images_never_move_apart(seed, size):
    x, y = np.random.default_rng(seed).normal(scale=size, size=(2, 16, 16))
    transform = Scattering2D((16, 16), 2, 4)
    assert 4 * np.linalg.norm(transform(x) - transform(y)) <= np.linalg.norm(x - y)  # 4: one pixel of 16 is kept


@pytest.mark.parametrize("scales", [2, 3])
def test_features_move_less_than_pixels_under_shifts_and_bends(images, scales):
    transform = Scattering2D((32, 32), scales, 8)
    features = transform(images)
    shifted = np.roll(images, 1, 2)
    assert relative_change(features, transform(shifted)) < 0.5 * relative_change(images, shifted)
    bent = signal.warp(images, signal.random_displacement((32, 32), 0.2, seed=0))
    assert relative_change(features, transform(bent)) < 0.6 * relative_change(images, bent)


def test_more_scales_are_more_invariant(images):
    shifted = np.roll(images, 2, 1)
    changes = []
    for scales in (1, 2, 3, 4):
        transform = Scattering2D((32, 32), scales, 4)
        changes.append(relative_change(transform(images), transform(shifted)))
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] < changes[0] / 4


def test_stretching_a_wave_moves_its_fourier_modulus_but_hardly_its_scattering():
    wave, stretched = (signal.gabor(3 * s, angle=0.3, sigma=8 * s, size=64) for s in (1, 1.05))
    fourier = relative_change(abs(np.fft.fft2(wave)), abs(np.fft.fft2(stretched)))
    transform = Scattering2D((64, 64), 3)
    assert fourier > 0.5
    assert relative_change(transform(wave), transform(stretched)) < 0.2 * fourier


def test_batches_of_any_form_and_dtype(images, monkeypatch):
    transform = Scattering2D((32, 32), 2, 4)
    features = transform(images)
    assert features.dtype == np.float64
    np.testing.assert_allclose(transform(images[3]), features[3], atol=1e-14)
    np.testing.assert_allclose(transform(images.reshape(4, 5, 32, 32)), features.reshape(4, 5, -1, 8, 8), atol=1e-14)
    assert transform(images[:0]).shape == (0, 25, 8, 8)
    single = transform(images.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, features, atol=1e-5)
    monkeypatch.setattr(scattering, "CHUNK_VALUES", 4**2 * 32**2 // 4 * 3)  # three images at a time, and a rest of two
    np.testing.assert_allclose(transform(images), features, atol=1e-14)


def test_warp_moves_down_and_right_and_between_pixels():
    rows, columns = np.mgrid[:16, :24]
    image = np.sin(2 * np.pi * rows / 16) + np.cos(2 * np.pi * (columns / 12 + rows / 16))
    whole = np.broadcast_to(np.array([3.0, -5.0])[:, None, None], (2, 16, 24))
    np.testing.assert_allclose(signal.warp(image, whole), np.roll(image, (3, -5), (0, 1)), atol=1e-12)
    part = whole + 0.25
    expected = np.sin(2 * np.pi * (rows - 3.25) / 16) + np.cos(2 * np.pi * ((columns + 4.75) / 12 + (rows - 3.25) / 16))
    batch = signal.warp(np.stack([image, 2 * image])[:, None], part)
    np.testing.assert_allclose(batch[:, 0], [expected, 2 * expected], atol=5e-3)


def test_random_displacement_has_the_stated_strength():
    tau = signal.random_displacement((32, 48), 0.3, seed=1)
    padded = np.pad(tau, ((0, 0), (1, 1), (1, 1)), mode="wrap")
    slopes = np.stack(np.gradient(padded, axis=(1, 2)))[:, :, 1:-1, 1:-1]
    assert np.sqrt((slopes**2).sum(axis=(0, 1))).max() == pytest.approx(0.3)
    np.testing.assert_allclose(tau.mean(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_array_equal(tau, signal.random_displacement((32, 48), 0.3, seed=1))
    assert (tau != signal.random_displacement((32, 48), 0.3, seed=2)).all()


def test_relative_move_by_hand_and_whatever_all_images_share():
    before = np.array([[[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 12.0]]])  # distances 5, 12 and √73, row by row
    after = before + np.array([[[0.0, 2.0]], [[-3.0, 0.0]], [[0.0, 0.0]]])
    expected = np.array([2.0, 3.0, 0.0]) / ((5 + 12 + math.sqrt(73)) / 3)
    np.testing.assert_allclose(signal.relative_move(before, after), expected)
    np.testing.assert_allclose(signal.relative_move(before + 50, after + 50), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Scattering2D((28, 30), 3), r"divisible by 2.scales = 8: pad the images to \(32, 32\)"),
        (lambda: Scattering2D((32, 32), 0), "scales is 0"),
        (lambda: Scattering2D((32, 32), 2, 2), "orientations is 2, but it must be at least 3"),
        (lambda: Scattering2D((32, 32))(np.ones((32, 31))), r"x has shape \(32, 31\)"),
        (lambda: Scattering2D((32, 32))(np.ones((32, 32), complex)), "complex128"),
        (lambda: signal.warp(np.ones((4, 4)), np.ones((2, 4, 5))), r"displacement has shape \(2, 4, 5\)"),
        (lambda: signal.random_displacement((4, 4), -1, 0), "strength is -1"),
        (lambda: relative_change([0.0], [1.0]), "not all 0"),
        (lambda: signal.relative_move(np.eye(2), np.eye(3)), r"features has shape \(2, 2\) and changed \(3, 3\)"),
        (lambda: signal.relative_move([[1.0, 2.0]], [[1.0, 2.0]]), "two images or more"),
        (lambda: signal.relative_move(np.ones((3, 2)), np.zeros((3, 2))), "the same for all images"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
