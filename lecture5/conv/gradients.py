"""The two gradients of a convolution are convolutions, so that any method gives them too.

The output is bilinear in input and kernel. Writing ``y[p] = Σ_q w[q] x[s p + d q]`` for one axis:

*   by the input: ``grad_x[i] = Σ w[q] grad_y[p]`` over all ``s p + d q = i``. Put ``s - 1`` zeros between the entries
    of ``grad_y`` and the stride is gone: it is a convolution of stride 1 with the kernel flipped, and input and output
    channels exchanged.
*   by the kernel: ``grad_w[q] = Σ_p grad_y[p] x[d q + s p]``, which is the definition itself with ``grad_y`` as the
    kernel, where stride and dilation have changed places. Samples are summed over, as channels are in the definition,
    so they change places as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv.settings import Settings

Forward = Callable[[np.ndarray, np.ndarray, Settings], np.ndarray]


def input_grad(
    forward: Forward, grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings
) -> np.ndarray:
    """Return the gradient by the input, (N, C, *input), as a convolution done by ``forward``."""
    stuffed = stuff_zeros(grad_output, settings.stride)
    padding, inside = [], []
    axes = zip(input_size, stuffed.shape[2:], settings.span(w.shape[2:]), settings.padding, strict=True)
    for size, stuffed_size, span, (before, _) in axes:
        first = span - 1 - before
        last = size - stuffed_size + before
        padding.append((max(first, 0), max(last, 0)))
        inside.append(slice(max(-first, 0), stuffed_size - max(-last, 0)))
    settings = Settings((1,) * len(input_size), tuple(padding), settings.dilation, settings.groups)
    return forward(stuffed[:, :, *inside], adjoint_kernel(w, settings.groups), settings)


def weight_grad(
    forward: Forward, grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings
) -> np.ndarray:
    """Return the gradient by the kernel, (K, C / groups, *kernel), as a convolution done by ``forward``."""
    samples, groups = len(x), settings.groups
    x = x.reshape(samples, groups, -1, *x.shape[2:])
    x = x.swapaxes(0, 2)  # (C / groups, groups, N, *input)
    x = x.reshape(len(x), groups * samples, *x.shape[3:])
    settings = Settings(settings.dilation, settings.padding, settings.stride, groups)
    grad_w = forward(x, grad_output.swapaxes(0, 1), settings).swapaxes(0, 1)
    return grad_w[:, :, *(slice(size) for size in kernel_size)]  # Input cells beyond the last position add nothing.


def stuff_zeros(x: Any, stride: tuple[int, ...]) -> Any:
    """Return ``x``, (N, C, *spatial), with ``stride - 1`` zeros between neighbours on each spatial axis."""
    if all(step == 1 for step in stride):
        return x
    shape = (*x.shape[:2], *(step * (size - 1) + 1 for size, step in zip(x.shape[2:], stride, strict=True)))
    stuffed = x.new_zeros(shape) if arguments.is_tensor(x) else np.zeros(shape, x.dtype)
    stuffed[:, :, *(slice(None, None, step) for step in stride)] = x
    return stuffed


def adjoint_kernel(w: np.ndarray, groups: int) -> np.ndarray:
    """Return ``w``, (K, C / groups, *kernel), flipped and with its channels exchanged: (C, K / groups, *kernel)."""
    out_channels, channels, *kernel_size = w.shape
    axes = tuple(range(2, w.ndim))
    flipped = w.flip(axes) if arguments.is_tensor(w) else np.flip(w, axes)
    flipped = flipped.reshape(groups, out_channels // groups, channels, *kernel_size)
    return flipped.swapaxes(1, 2).reshape(groups * channels, out_channels // groups, *kernel_size)
