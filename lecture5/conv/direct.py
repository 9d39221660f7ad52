r"""The definition, as loops.

With ``s`` the stride, ``d`` the dilation and ``x`` padded, for sample ``n``, output channel ``k`` and position ``p``::

    y[n, k, p] = Σ_c Σ_q  w[k, c, q] x[n, c, s p + d q]

``p`` and ``q`` run over all spatial axes. The map is linear in ``x`` and linear in ``w``, so both gradients use the
same loop: wherever ``w[k, c, q]`` met ``x[n, c, s p + d q]`` to make ``y[n, k, p]``, each of the two receives the other
one times the gradient of ``y[n, k, p]``. Everything else in this package is a faster way to the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lecture5.conv.settings import Settings
from lecture5.padding import pad


def forward(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    x = pad(x, settings.padding)
    y = np.zeros((len(x), len(w), *output_size), x.dtype)
    for n, k, p, window in _loop(y.shape, w.shape, settings):
        y[n, k, *p] = np.sum(w[k] * x[n, *window])
    return y


def input_grad(grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``x``, (N, C, *input)."""
    channels = w.shape[1] * settings.groups
    grad_x = np.zeros((len(grad_output), channels, *settings.padded_size(input_size)), w.dtype)
    for n, k, p, window in _loop(grad_output.shape, w.shape, settings):
        grad_x[n, *window] += w[k] * grad_output[n, k, *p]
    inside = (slice(before, before + size) for size, (before, _) in zip(input_size, settings.padding, strict=True))
    return grad_x[:, :, *inside]


def weight_grad(grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``w``, (K, C / groups, *kernel)."""
    x = pad(x, settings.padding)
    grad_w = np.zeros((grad_output.shape[1], x.shape[1] // settings.groups, *kernel_size), x.dtype)
    for n, k, p, window in _loop(grad_output.shape, grad_w.shape, settings):
        grad_w[k] += x[n, *window] * grad_output[n, k, *p]
    return grad_w


def _loop(output_shape: tuple[int, ...], kernel_shape: tuple[int, ...], settings: Settings) -> Iterator:
    """Yield every output cell ``n, k, p`` and the ``window`` it sees: its group's channels, and a slice per axis."""
    samples, out_channels, *output_size = output_shape
    _, channels, *kernel_size = kernel_shape
    span = settings.span(kernel_size)
    for n in range(samples):
        for k in range(out_channels):
            group = k // (out_channels // settings.groups)
            group_channels = slice(group * channels, (group + 1) * channels)
            for p in np.ndindex(*output_size):
                axes = zip(p, settings.stride, span, settings.dilation, strict=True)
                yield n, k, p, (group_channels, *(slice(i * s, i * s + reach, d) for i, s, reach, d in axes))
