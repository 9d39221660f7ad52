"""How much of a kernel is a Gabor: fit one, and say what it explains."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from .. import arguments


class GaborFit(NamedTuple):
    """The Gabor closest to a kernel, and the share of the kernel's sum of squares that it explains, 0 to 1."""

    kernel: np.ndarray
    explained: float
    wavelength: float
    angle: float


def fit_gabor(kernel: Any) -> GaborFit:
    """Find the Gabor that is closest to a kernel in the sum of squares.

    Free are the wavelength (2 to twice the kernel's longer side, in pixels), the direction, the window's middle, its
    width and its aspect, the phase and the strength: eight numbers. The last two are a combination of a cosine and a
    sine wave, which is linear, so only six have to be searched for: from several starts, by least squares.

    Parameters
    ----------
    kernel
        (H, W), not all zero.

    Returns
    -------
    GaborFit
        ``angle`` as in :func:`lecture5.signal.gabor`, from 0 to π.

    Notes
    -----
    Eight numbers explain a part of anything: compare with the same fit to random kernels of the same size.

    References
    ----------
    J. P. Jones and L. A. Palmer, "An evaluation of the two-dimensional Gabor filter model of simple receptive fields
    in cat striate cortex", J. Neurophysiology 58 (1987), 1233–1258, fit Gabors in the same way.

    Examples
    --------
    >>> from lecture5.signal import gabor
    >>> fit = fit_gabor(3 * gabor(wavelength=5, angle=0.6, sigma=1.8, size=9, phase=1.0))
    >>> [round(number, 2) for number in fit[1:]]
    [1.0, 5.0, 0.6]
    """
    kernel = arguments.numeric_array("kernel", kernel).astype(np.float64)
    if kernel.ndim != 2 or not kernel.any() or not np.isfinite(kernel).all():
        raise ValueError(f"kernel has shape {kernel.shape}, but it must be (H, W), finite, and not all zero")
    longest = max(kernel.shape)
    middle = [(size - 1) / 2 for size in kernel.shape]
    lowest = np.array([math.log(2), -np.inf, -0.5, -0.5, math.log(0.5), math.log(0.25)])
    highest = np.array(
        [math.log(2 * longest), np.inf, *(size - 0.5 for size in kernel.shape), math.log(longest), math.log(4)]
    )

    def residual(parameters: np.ndarray) -> np.ndarray:
        return (_closest(kernel, parameters) - kernel).ravel()

    places = [np.unravel_index(np.abs(kernel).argmax(), kernel.shape), middle]
    wavelengths = np.log([3, 0.5 * longest, longest])
    starts = [
        np.clip([wavelength, angle, *place, math.log(longest / 5), 0.0], lowest, highest)
        for wavelength, angle, place in itertools.product(wavelengths, np.arange(8) * math.pi / 8, places)
    ]
    starts.sort(key=lambda start: np.sum(residual(start) ** 2))
    fits = [scipy.optimize.least_squares(residual, start, bounds=(lowest, highest)) for start in starts[:4]]
    best = min(fits, key=lambda fit: fit.cost)
    explained = 1 - 2 * best.cost / np.sum(kernel**2)
    return GaborFit(_closest(kernel, best.x), float(explained), math.exp(best.x[0]), float(best.x[1] % math.pi))


def _closest(kernel: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The best Gabor with these six parameters: the other two, for cosine and sine, by linear least squares."""
    log_wavelength, angle, row, column, log_sigma, log_aspect = parameters
    y, x = np.ogrid[: kernel.shape[0], : kernel.shape[1]]
    u = (x - column) * math.cos(angle) + (y - row) * math.sin(angle)
    v = -(x - column) * math.sin(angle) + (y - row) * math.cos(angle)
    window = np.exp(-(u**2 + (math.exp(log_aspect) * v) ** 2) / (2 * math.exp(2 * log_sigma)))
    phase = 2 * math.pi * u / math.exp(log_wavelength)
    waves = np.stack([(window * np.cos(phase)).ravel(), (window * np.sin(phase)).ravel()], axis=1)
    strengths = np.linalg.lstsq(waves, kernel.ravel(), rcond=None)[0]
    return (waves @ strengths).reshape(kernel.shape)
