"""Wavelets against published coefficients, the definition, convolution layers, and what orthogonality implies."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import signal

every_wavelet = pytest.mark.parametrize("wavelet", signal.WAVELETS)
wavelets = st.sampled_from(signal.WAVELETS)

# Daubechies, Ten Lectures on Wavelets, table 6.1 (1992): order, weights.
PUBLISHED = {
    2: [0.482962913145, 0.836516303738, 0.224143868042, -0.129409522551],
    3: [0.332670552950, 0.806891509311, 0.459877502118, -0.135011020010, -0.085441273882, 0.035226291882],
    4: [
        0.230377813309, 0.714846570553, 0.630880767930, -0.027983769417,
        -0.187034811719, 0.030841381836, 0.032883011667, -0.010597401785,
    ],
}  # fmt: skip


@pytest.mark.parametrize("order", PUBLISHED)
def test_weights_are_the_published_ones(order):
    np.testing.assert_allclose(signal.daubechies(order), PUBLISHED[order], atol=1e-11)


@every_wavelet
def test_filters_are_orthogonal_to_their_own_and_each_others_even_shifts(wavelet):
    low, high = signal.wavelet_filters(wavelet)
    length = low.size
    for shift in range(0, length, 2):
        for a, b, expected in (
            (low, low, float(shift == 0)),
            (high, high, float(shift == 0)),
            (low, high, 0),
            (high, low, 0),
        ):
            assert a[shift:] @ b[: length - shift] == pytest.approx(expected, abs=1e-12)


@every_wavelet
def test_high_pass_has_as_many_vanishing_moments_as_the_order_and_no_more(wavelet):
    low, high = signal.wavelet_filters(wavelet)
    order = low.size // 2
    assert low.sum() == pytest.approx(math.sqrt(2))
    position = np.linspace(-1, 1, high.size)
    moments = [high @ position**power for power in range(order + 1)]
    np.testing.assert_allclose(moments[:order], 0, atol=1e-8)
    assert abs(moments[order]) > 100 * max(abs(np.array(moments[:order])))


@every_wavelet
def test_the_two_responses_share_the_energy_of_every_frequency(wavelet):
    omega = np.linspace(-np.pi, np.pi, 101)
    low, high = (np.abs(signal.frequency_response(f, omega)) ** 2 for f in signal.wavelet_filters(wavelet))
    np.testing.assert_allclose(low + high, 2, atol=1e-11)
    assert low[50] == pytest.approx(2)
    assert high[0] == pytest.approx(2)


@given(wavelet=wavelets, half=st.integers(1, 20), seed=st.integers(0, 99))
def test_one_level_is_the_formula_and_comes_back(wavelet, half, seed):
    x = np.random.default_rng(seed).normal(size=2 * half)
    low, high = signal.wavelet_filters(wavelet)
    approximation, detail = signal.analyse(x, wavelet)
    n = np.arange(low.size)
    for k in range(half):
        window = x[(2 * k + n) % x.size]
        assert approximation[k] == pytest.approx(low @ window, abs=1e-10)
        assert detail[k] == pytest.approx(high @ window, abs=1e-10)
    np.testing.assert_allclose(signal.synthesise(approximation, detail, wavelet), x, atol=1e-10)


@given(
    wavelet=wavelets,
    levels=st.integers(0, 3),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_transform_is_a_rotation_in_any_number_of_dimensions(wavelet, levels, sizes, seed):
    x = np.random.default_rng(seed).normal(size=(2, *(size * 2**levels for size in sizes)))
    axes = range(1, x.ndim)
    coefficients = signal.wavelet_transform(x, wavelet, levels, axes)
    assert (coefficients**2).sum() == pytest.approx((x**2).sum())
    np.testing.assert_allclose(signal.inverse_wavelet_transform(coefficients, wavelet, levels, axes), x, atol=1e-10)


def test_the_matrix_of_the_transform_is_orthogonal():
    matrix = signal.wavelet_transform(np.eye(16), "db3", levels=2, axes=-1)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(16), atol=1e-12)
    assert abs(matrix - np.eye(16)).max() > 0.1


@pytest.mark.parametrize("wavelet", ["haar", "db2", "db4"])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_one_level_is_a_convolution_layer_with_stride_two(wavelet, dimensions):
    x = np.random.default_rng(0).normal(size=(2, 1, 8, 12, 6)[: 2 + dimensions])
    kernels = signal.wavelet_kernels(wavelet, dimensions)
    wrap = kernels.shape[-1] - 2
    padded = np.pad(x, [(0, 0)] * 2 + [(0, wrap)] * dimensions, mode="wrap")
    conv = getattr(torch.nn.functional, f"conv{dimensions}d")
    expected = conv(torch.from_numpy(padded), torch.from_numpy(kernels), stride=2).numpy()
    axes = range(2, x.ndim)
    coefficients = signal.wavelet_transform(x, wavelet, 1, axes)
    for band, channel in zip(signal.subbands(x.shape[2:], 1), range(2**dimensions), strict=True):
        np.testing.assert_allclose(coefficients[:, 0][:, *band.where], expected[:, channel], atol=1e-12)


def test_each_subband_answers_to_its_own_kind_of_edge():
    image = np.zeros((16, 16))
    image[:, 7:] = 1  # a vertical edge
    coefficients = signal.wavelet_transform(image, "haar", levels=2)
    assert [band.level for band in signal.subbands(image.shape, 2)] == [2, 2, 2, 2, 1, 1, 1]
    energy = {(b.level, b.name): (coefficients[b.where] ** 2).sum() for b in signal.subbands(image.shape, 2)}
    assert set(energy) == {(2, "LL"), (2, "LH"), (2, "HL"), (2, "HH"), (1, "LH"), (1, "HL"), (1, "HH")}
    assert energy[1, "LH"] > 0.1
    assert energy[1, "HL"] == energy[1, "HH"] == energy[2, "HL"] == energy[2, "HH"] == 0
    assert sum(energy.values()) == pytest.approx((image**2).sum())


@pytest.mark.parametrize(("wavelet", "degree"), [("haar", 0), ("db2", 1), ("db3", 2), ("db4", 3)])
def test_details_of_a_polynomial_vanish_up_to_the_order(wavelet, degree):
    t = np.linspace(0, 1, 32)
    for power, vanishes in ((degree, True), (degree + 1, False)):
        _, detail = signal.analyse(t**power, wavelet)
        inside = detail[: -signal.daubechies(degree + 1).size]  # windows that do not wrap round
        assert (abs(inside).max() < 1e-12) == vanishes


def test_keep_largest_leaves_the_smallest_possible_error():
    x = np.random.default_rng(0).normal(size=(8, 16)).cumsum(0).cumsum(1)
    coefficients = signal.wavelet_transform(x, "db2", 2)
    kept = signal.keep_largest(coefficients, 0.25)
    assert np.count_nonzero(kept) == 32
    assert abs(coefficients[kept == 0]).max() <= abs(coefficients[kept != 0]).min()
    error = x - signal.inverse_wavelet_transform(kept, "db2", 2)
    assert (error**2).sum() == pytest.approx((coefficients[kept == 0] ** 2).sum())
    np.testing.assert_array_equal(signal.keep_largest([1, 1, -1, 1], 0.5), [1, 1, 0, 0])
    assert np.count_nonzero(signal.keep_largest(x, 0)) == 0
    np.testing.assert_array_equal(signal.keep_largest(x, 1), x)


def test_soft_threshold_by_hand():
    np.testing.assert_array_equal(signal.soft_threshold([-3.0, -1, 0, 0.5, 4], 1.5), [-1.5, 0, 0, 0, 2.5])


def test_float32_stays_and_the_input_is_not_changed():
    x = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    before = x.copy()
    coefficients = signal.wavelet_transform(x, "db4", 2)
    assert coefficients.dtype == np.float32
    back = signal.inverse_wavelet_transform(coefficients, "db4", 2)
    assert back.dtype == signal.keep_largest(x, 0.5).dtype == np.float32
    np.testing.assert_allclose(back, x, atol=1e-5)
    np.testing.assert_array_equal(x, before)
    assert signal.wavelet_transform([[1, 2], [3, 5]], "haar").dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signal.wavelet_filters("db99"), "wavelet is 'db99', but it must be one of 'haar', 'db2'"),
        (lambda: signal.daubechies(0), "order is 0"),
        (lambda: signal.daubechies(21), "order is 21, but it must be at most 20"),
        (lambda: signal.analyse([1, 2, 3]), "length 3 along axis -1, but it must be even"),
        (lambda: signal.synthesise([1, 2], [1]), r"shape \(2,\) and detail \(1,\)"),
        (
            lambda: signal.wavelet_transform(np.ones((8, 12)), levels=3),
            "axis -1 .* not divisible by 2.3 = 8.* pad to 16",
        ),
        (lambda: signal.wavelet_transform(np.ones(8)), "has no axis -2"),
        (lambda: signal.wavelet_transform(np.ones((8, 8)), axes=(0, -2)), "names axis 0 twice"),
        (lambda: signal.keep_largest([1], 5), "fraction is 5"),
        (lambda: signal.soft_threshold([1], -1), "threshold is -1"),
        (lambda: signal.wavelet_transform(np.ones((8, 8)) * 1j), "complex128"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
