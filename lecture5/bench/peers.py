"""The convolutions to be measured against: torch, scipy, and three that teaching code usually has, in our words."""

from __future__ import annotations

from math import prod

import numpy as np

from lecture5.conv.settings import Settings
from lecture5.padding import pad


def naive_loops(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Six nested loops in two dimensions, one number at a time, as in the definition."""
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    x = pad(x, settings.padding)
    y = np.zeros((len(x), len(w), *output_size), x.dtype)
    for n in range(len(x)):
        for k in range(len(w)):
            for p in np.ndindex(*output_size):
                total = 0.0
                for c in range(w.shape[1]):
                    for q in np.ndindex(*w.shape[2:]):
                        at = (
                            i * s + j * d for i, s, j, d in zip(p, settings.stride, q, settings.dilation, strict=True)
                        )
                        total += w[k, c, *q] * x[n, c, *at]
                y[n, k, *p] = total
    return y


def strided_einsum(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """A view of all windows, made with ``as_strided``, and a plain ``einsum``."""
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    x = pad(x, settings.padding)
    over_positions = (stride * size for stride, size in zip(settings.stride, x.strides[2:], strict=True))
    over_taps = (dilation * size for dilation, size in zip(settings.dilation, x.strides[2:], strict=True))
    windows = np.lib.stride_tricks.as_strided(
        x, (*x.shape[:2], *output_size, *w.shape[2:]), (*x.strides[:2], *over_positions, *over_taps)
    )
    axes = len(output_size)
    positions, taps = list(range(3, 3 + axes)), list(range(3 + axes, 3 + 2 * axes))
    return np.einsum(windows, [0, 1, *positions, *taps], w, [2, 1, *taps], [0, 2, *positions])


def indexed_im2col(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Columns of the whole batch taken with arrays of indices, and one matrix product."""
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    x = pad(x, settings.padding)
    taps = np.indices(w.shape[1:]).reshape(1 + len(output_size), -1, 1)
    positions = np.indices(output_size).reshape(len(output_size), 1, -1)
    cells = [
        stride * position + dilation * tap
        for stride, position, dilation, tap in zip(settings.stride, positions, settings.dilation, taps[1:], strict=True)
    ]
    columns = x[:, taps[0], *cells]  # (N, C·taps, positions)
    columns = columns.transpose(1, 2, 0).reshape(prod(w.shape[1:]), -1)
    y = w.reshape(len(w), -1) @ columns
    return y.reshape(len(w), *output_size, len(x)).transpose(-1, *range(1 + len(output_size)))


def scipy_signal(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """``scipy.signal.correlate``, which picks its own method, for each sample and pair of channels."""
    from scipy.signal import correlate

    x = pad(x, settings.padding)
    every = tuple(slice(None, None, step) for step in settings.stride)
    return np.stack(
        [
            [
                sum(correlate(channel, kernel, "valid")[every] for channel, kernel in zip(sample, filters, strict=True))
                for filters in w
            ]
            for sample in x
        ]
    )
