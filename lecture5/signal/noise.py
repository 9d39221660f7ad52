"""Noise to add, a filter against it that is no convolution, and a measure of what is left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments


def add_gaussian_noise(x: Any, sigma: float, seed: int) -> np.ndarray:
    """Add independent normal noise of standard deviation ``sigma`` to every value: a sensor in poor light.

    Examples
    --------
    >>> add_gaussian_noise(np.zeros(100_000), 0.1, seed=0).std().round(3)
    np.float64(0.1)
    """
    x = arguments.numeric_array("x", x)
    sigma = arguments.real("sigma", sigma, minimum=0)
    return x + np.random.default_rng(seed).normal(scale=sigma, size=x.shape).astype(np.result_type(x, np.float32))


def add_salt_and_pepper(x: Any, fraction: float, seed: int, *, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Set each value, with probability ``fraction``, to ``low`` (pepper) or ``high`` (salt), both equally likely.

    Examples
    --------
    >>> noisy = add_salt_and_pepper(np.full(100_000, 0.5), 0.1, seed=0)
    >>> [float(round((noisy == value).mean(), 2)) for value in (0, 0.5, 1)]
    [0.05, 0.9, 0.05]
    """
    x = arguments.numeric_array("x", x)
    fraction = arguments.real("fraction", fraction, minimum=0, maximum=1)
    draw = np.random.default_rng(seed).random(x.shape)
    return np.where(draw < fraction / 2, low, np.where(draw < fraction, high, x)).astype(x.dtype)


def median_filter(x: Any, size: int = 3) -> np.ndarray:
    """Replace each pixel by the median of the ``size`` × ``size`` window round it; the border repeats the last pixel.

    Not a convolution: the median of a sum is not the sum of the medians, so no kernel and no frequency response
    describe it. That is its strength against salt and pepper: a blur spreads a wrong pixel, a median drops it.

    Parameters
    ----------
    x
        (..., H, W).
    size
        Odd.

    Examples
    --------
    >>> dot = np.zeros((3, 4))
    >>> dot[1, 1] = 1
    >>> median_filter(dot).max()
    np.float64(0.0)
    """
    x = arguments.numeric_array("x", x)
    size = arguments.integer("size", size, minimum=1)
    if size % 2 == 0:
        raise ValueError(f"size is {size}, but it must be odd, so that a window has a middle")
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}, but it must be (..., H, W)")
    border = [(0, 0)] * (x.ndim - 2) + [(size // 2, size // 2)] * 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, border, mode="edge"), (size, size), (-2, -1))
    return np.median(windows, axis=(-2, -1))


def psnr(x: Any, reference: Any, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in decibels: 10 log₁₀(peak² / mean squared difference).

    Every 20 dB divides the error by ten; two images of brightness 0 to 1 above 40 dB are hard to tell apart, at 20 dB
    noise is plain to see. Infinite if the two are equal.

    Parameters
    ----------
    x, reference
        Arrays of one shape.
    peak
        The largest value that an image can have: 1 for floats, 255 for bytes.

    Examples
    --------
    >>> psnr([0.1, 0.5], [0.0, 0.4])
    20.0
    """
    x = arguments.numeric_array("x", x).astype(np.float64)
    reference = arguments.numeric_array("reference", reference).astype(np.float64)
    peak = arguments.real("peak", peak, above=0)
    if x.shape != reference.shape or x.size == 0:
        raise ValueError(
            f"x has shape {x.shape} and reference {reference.shape}, but they must be equal, and not empty"
        )
    squared_error = float(np.mean((x - reference) ** 2))
    return math.inf if squared_error == 0 else 10 * math.log10(peak**2 / squared_error)
