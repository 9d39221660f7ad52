"""What chapter 2 adds: the learned bank, the fit of Gabors, and its two figures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import nets, plots, signal


@given(st.floats(3, 9), st.floats(0, 3.1), st.floats(1, 2.5), st.floats(-3, 3))
def test_a_gabor_is_found_again(wavelength, angle, sigma, phase):
    kernel = -0.3 * signal.gabor(wavelength, angle, sigma, size=(9, 11), phase=phase)
    assert signal.fit_gabor(kernel).explained > 0.99


def test_a_fit_away_from_the_middle():
    kernel = signal.gabor(5, 0.7, 1.2, size=13)[:9, 3:]
    fit = signal.fit_gabor(kernel)
    assert fit.explained > 0.999
    assert fit.kernel == pytest.approx(kernel, abs=1e-3)
    assert fit.angle == pytest.approx(0.7, abs=1e-3)
    assert fit.wavelength == pytest.approx(5, abs=1e-2)


def test_noise_is_no_gabor():
    noise = np.random.default_rng(0).normal(size=(10, 9, 9))
    assert np.median([signal.fit_gabor(kernel).explained for kernel in noise]) < 0.35


def test_what_a_fit_explains_is_what_is_left():
    kernel = np.random.default_rng(1).normal(size=(5, 7))
    fit = signal.fit_gabor(kernel)
    assert fit.explained == pytest.approx(1 - np.sum((fit.kernel - kernel) ** 2) / np.sum(kernel**2))


@pytest.mark.parametrize("kernel", [np.zeros((3, 3)), np.ones(4), np.full((2, 2), np.nan)])
def test_what_cannot_be_fitted(kernel):
    with pytest.raises(ValueError, match="kernel has shape"):
        signal.fit_gabor(kernel)


def bank(threshold, filters=6, kernel_size=3):
    torch.manual_seed(0)
    model = nets.LearnedBank(filters, kernel_size).double()
    with torch.no_grad():
        model.threshold.fill_(threshold)
    return model


def test_bank_is_its_definition_window_by_window():
    model = bank(0.2)
    x = np.random.default_rng(0).normal(size=(5, 7))
    w = model.filters().detach().numpy()[:, 0].reshape(6, 9)
    total, windows = np.zeros(x.shape), np.zeros(x.shape)
    for i in range(3):
        for j in range(5):
            window = x[i : i + 3, j : j + 3]
            z = signal.soft_threshold(w @ (window - window.mean()).ravel(), 0.2)
            total[i : i + 3, j : j + 3] += window.mean() + (z @ w).reshape(3, 3)
            windows[i : i + 3, j : j + 3] += 1
    ours = model(torch.tensor(x)[None, None])[0, 0].detach().numpy()
    np.testing.assert_allclose(ours, total / windows, atol=1e-12)


def test_bank_keeps_the_mean_and_with_high_thresholds_nothing_else():
    x = torch.randn(2, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(bank(0.1)(x).mean((2, 3)), x.mean((2, 3)))
    assert torch.allclose(bank(100.0)(x), x.mean((2, 3), keepdim=True).expand_as(x))


def test_the_shipped_banks_are_what_the_chapter_says():
    shares = {}
    for name in ("learned-bank", "learned-bank-faint"):
        kernels = nets.load(name).filters().detach().numpy()[::4, 0]
        shares[name] = np.median([signal.fit_gabor(kernel).explained for kernel in kernels])
    assert shares["learned-bank"] > 0.85
    assert shares["learned-bank-faint"] < 0.6


def test_tiles_stand_in_rows_each_on_its_own_scale():
    from lecture5.plots.filters import _mosaic

    kernels = np.array([[[1.0, -2.0]], [[10.0, 5.0]], [[0.0, 0.0]]])
    expected = [[0.5, -1, 0, 1, 0.5], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_allclose(_mosaic(kernels, columns=2, gap=1), expected)


def test_figures_ask_for_what_they_need():
    with pytest.raises(ValueError, match="1 groups, but 2 alts"):
        plots.kernel_tiles({"a": np.ones((1, 2, 2))}, ["one", "two"])
    with pytest.raises(ValueError, match=r"must be \(K, kh, kw\)"):
        plots.kernel_tiles({"a": np.ones((2, 2))}, ["one"])
    coefficients = signal.wavelet_transform(np.random.default_rng(0).random((8, 8)), "haar", levels=2)
    assert "two levels" in repr(plots.wavelet_pyramid(coefficients, 2, alt="two levels"))
