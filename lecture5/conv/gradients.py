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

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv.settings import Settings

Forward = Callable[[np.ndarray, np.ndarray, Settings], np.ndarray]


def input_grad(
    forward: Forward, grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings
) -> np.ndarray:
    """Return the gradient by the input, (N, C, *input), as a convolution done by ``forward``."""
    x_shape = (len(grad_output), w.shape[1] * settings.groups, *input_size)
    _, _, of_forward = input_grad_as_forward(x_shape, w.shape, settings)
    stuffed = stuff_zeros(grad_output, settings.stride)
    inside = []  # Where there was more padding than the kernel reaches, what lies beyond it has met zeros only.
    padding = []
    for size, (before, after) in zip(stuffed.shape[2:], of_forward.padding, strict=True):
        inside.append(slice(max(-before, 0), size - max(-after, 0)))
        padding.append((max(before, 0), max(after, 0)))
    of_forward = of_forward._replace(padding=tuple(padding))
    return forward(stuffed[:, :, *inside], adjoint_kernel(w, settings.groups), of_forward)


def weight_grad(
    forward: Forward, grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings
) -> np.ndarray:
    """Return the gradient by the kernel, (K, C / groups, *kernel), as a convolution done by ``forward``."""
    samples, groups = len(x), settings.groups
    x = x.reshape(samples, groups, -1, *x.shape[2:]).swapaxes(0, 2)  # (C / groups, groups, N, *input)
    x = x.reshape(len(x), groups * samples, *x.shape[3:])
    of_forward = settings._replace(stride=settings.dilation, dilation=settings.stride)
    grad_w = forward(x, grad_output.swapaxes(0, 1), of_forward).swapaxes(0, 1)
    return grad_w[:, :, *(slice(size) for size in kernel_size)]  # Input cells beyond the last position add nothing.


def input_grad_as_forward(
    x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings
) -> tuple[tuple[int, ...], tuple[int, ...], Settings]:
    """Return the shapes and the settings of the convolution that the gradient by the input is.

    Its padding is negative where cells of the zero-stuffed gradient are to be left out.
    """
    output_size, kernel_size = settings.output_size(x_shape[2:], w_shape[2:]), tuple(w_shape[2:])
    stuffed = tuple(step * (size - 1) + 1 for size, step in zip(output_size, settings.stride, strict=True))
    padding = tuple(
        (span - 1 - before, size - stuffed_size + before)
        for size, stuffed_size, span, (before, _) in zip(
            x_shape[2:], stuffed, settings.span(kernel_size), settings.padding, strict=True
        )
    )
    of_forward = Settings((1,) * len(stuffed), padding, settings.dilation, settings.groups)
    return (x_shape[0], w_shape[0], *stuffed), (x_shape[1], w_shape[0] // settings.groups, *kernel_size), of_forward


def weight_grad_as_forward(
    x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings
) -> tuple[tuple[int, ...], tuple[int, ...], Settings]:
    """Return the shapes and the settings of the convolution that the gradient by the kernel is."""
    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    of_forward = settings._replace(stride=settings.dilation, dilation=settings.stride)
    x_shape = (x_shape[1] // settings.groups, settings.groups * x_shape[0], *x_shape[2:])
    return x_shape, (w_shape[0], x_shape[1] // settings.groups, *output_size), of_forward


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
