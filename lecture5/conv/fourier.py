"""The convolution theorem: transform, multiply, transform back.

A correlation is a product in the frequency domain, ``Y = Σ_c X_c conj(W_c)``, and a transform of ``n`` cells costs only
``n log n``: the kernel's size does not matter, so large kernels are nearly free. The discrete transform treats a signal
as if it started again at its end, and so gives the *circular* correlation. But position ``p`` reads no further than
``p + span - 1``: with a transform as long as the padded input, no position of the output reads past the end, and what
wraps around stands in positions that are cut off. Dilation puts zeros between the taps; a stride keeps every ``s``-th
position.

Rounding errors are spread over the whole output, relative to its largest values, and one infinity or NaN fills it.
With numpy arrays the transforms are scipy's; with tensors they are torch's, and the result can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import gradients
from lecture5.conv.settings import Settings
from lecture5.padding import pad


def forward(x: Any, w: Any, settings: Settings) -> Any:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    from scipy.fft import next_fast_len

    groups = settings.groups
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    length = tuple(next_fast_len(size, real=True) for size in settings.padded_size(x.shape[2:]))
    transform, inverse = _transforms(x, length)
    x_hat = transform(pad(x, settings.padding))
    w_hat = transform(gradients.stuff_zeros(w, settings.dilation).conj()).conj()
    y_hat = _sum_over_channels(
        x_hat.reshape(len(x), groups, x.shape[1] // groups, -1),
        w_hat.reshape(groups, len(w) // groups, w.shape[1], -1),
    )
    y = inverse(y_hat.reshape(len(x), len(w), *x_hat.shape[2:]))
    every = (slice(0, (size - 1) * step + 1, step) for size, step in zip(output_size, settings.stride, strict=True))
    y = y[:, :, *every]
    return y.contiguous() if arguments.is_tensor(y) else np.ascontiguousarray(y)


input_grad = partial(gradients.input_grad, forward)
weight_grad = partial(gradients.weight_grad, forward)


def _transforms(x: Any, length: tuple[int, ...]) -> tuple[Callable, Callable]:
    """Return the Fourier transform over the spatial axes at this ``length``, and its inverse."""
    axes = tuple(range(2, x.ndim))
    if arguments.is_tensor(x):
        from torch import fft

        names = {"s": length, "dim": axes}
        is_complex = x.is_complex()
    else:
        from scipy import fft

        names = {"s": length, "axes": axes}
        is_complex = np.iscomplexobj(x)
    if is_complex:
        return partial(fft.fftn, **names), partial(fft.ifftn, **names)
    return partial(fft.rfftn, **names), partial(fft.irfftn, **names)  # Half the work: the rest is its mirror image.


def _sum_over_channels(x_hat: Any, w_hat: Any) -> Any:
    """Return ``y[n, g, k, f] = Σ_c x_hat[n, g, c, f] w_hat[g, k, c, f]``, a matrix product at each frequency ``f``."""
    if arguments.is_tensor(x_hat):
        import torch

        return torch.einsum("ngcf,gkcf->ngkf", x_hat, w_hat)
    if x_hat.shape[2] == 1:
        return x_hat * w_hat[:, :, 0]
    product = x_hat.transpose(1, 3, 0, 2) @ w_hat.transpose(0, 3, 2, 1)  # (g, f, n, c) @ (g, f, c, k)
    return product.transpose(2, 0, 3, 1)
