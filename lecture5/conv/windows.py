"""A view of all windows at once, and one Einstein sum.

``sliding_window_view`` shows the padded input as (N, C, *positions, *span) without copying a number: only the strides
of the array change. Every ``stride``-th position and every ``dilation``-th cell of it are the definition's
``x[n, c, s p + d q]``, which ``einsum`` sums against the kernel. This is the usual "vectorised" convolution: short,
and far from fast, since ``einsum`` first writes the windows out, each input cell once for each tap.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lecture5.conv import gradients
from lecture5.conv.settings import Settings
from lecture5.padding import pad


def forward(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    kernel_size = w.shape[2:]
    spatial = tuple(range(2, x.ndim))
    view = np.lib.stride_tricks.sliding_window_view(pad(x, settings.padding), settings.span(kernel_size), spatial)
    every = (slice(None, None, step) for step in (*settings.stride, *settings.dilation))
    view = view[:, :, *every]
    samples, _, *shape = view.shape  # shape: *output, *kernel
    view = view.reshape(samples, settings.groups, -1, *shape)
    kernel = w.reshape(settings.groups, -1, *w.shape[1:])
    positions, taps = [*range(4, 4 + len(spatial))], [*range(4 + len(spatial), 4 + 2 * len(spatial))]
    n, g, c, k = range(4)
    y = np.einsum(view, [n, g, c, *positions, *taps], kernel, [g, k, c, *taps], [n, g, k, *positions], optimize=True)
    return y.reshape(samples, len(w), *y.shape[3:])


input_grad = partial(gradients.input_grad, forward)
weight_grad = partial(gradients.weight_grad, forward)
