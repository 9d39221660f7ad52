"""One matrix product per block of output positions.

Write the kernel as a matrix with one row per output channel, (K, C·taps), and put the windows of a block of positions
side by side as columns, (C·taps, positions): their product is that block of the output. The matrix product is the
fastest thing that a processor does, so this is how most libraries convolve ("im2col"). The columns hold each input
cell once per tap; making them for the whole input costs gigabytes, and so they are made for one block at a time, small
enough to stay in the cache, tap by tap: each tap is one shifted copy of whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from lecture5.conv import gradients
from lecture5.conv.settings import Settings
from lecture5.padding import pad

BLOCK_BYTES = 2**20
"""How large a block of columns is made; what fits into the cache next to the kernel."""


def forward(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    groups = settings.groups
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    y = np.empty((len(x), len(w), *output_size), x.dtype)
    kernel = w.reshape(groups, len(w) // groups, -1)
    for n, rows, columns in _column_blocks(x, w.shape[2:], output_size, settings):
        block = kernel @ columns
        y[n, :, rows] = block.reshape(len(w), -1, *output_size[1:])
    return y


input_grad = partial(gradients.input_grad, forward)


def weight_grad(grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``w``, (K, C / groups, *kernel)."""
    groups, out_channels = settings.groups, grad_output.shape[1]
    in_channels = x.shape[1] // groups
    grad_w = np.zeros((groups, out_channels // groups, in_channels * int(np.prod(kernel_size))), x.dtype)
    for n, rows, columns in _column_blocks(x, kernel_size, grad_output.shape[2:], settings):
        block = grad_output[n, :, rows].reshape(groups, out_channels // groups, -1)
        grad_w += block @ columns.swapaxes(1, 2)
    return grad_w.reshape(out_channels, in_channels, *kernel_size)


def _column_blocks(
    x: np.ndarray, kernel_size: tuple[int, ...], output_size: tuple[int, ...], settings: Settings
) -> Iterator[tuple[int, slice, np.ndarray]]:
    """Yield, for blocks of whole output rows, the sample, the rows, and their columns (groups, C·taps, positions)."""
    shape = (settings.groups, x.shape[1] // settings.groups, *kernel_size)
    row_bytes = int(np.prod(shape)) * int(np.prod(output_size[1:])) * x.itemsize
    rows_at_once = max(1, BLOCK_BYTES // row_bytes)
    for n in range(len(x)):
        sample = pad(x[n : n + 1], settings.padding)[0]
        sample = sample.reshape(*shape[:2], *sample.shape[1:])
        for first in range(0, output_size[0], rows_at_once):
            rows = slice(first, min(first + rows_at_once, output_size[0]))
            block_size = (rows.stop - first, *output_size[1:])
            columns = np.empty((*shape, *block_size), x.dtype)
            for tap in np.ndindex(*kernel_size):
                columns[:, :, *tap] = sample[:, :, *_cells_under(tap, first, block_size, settings)]
            yield n, rows, columns.reshape(shape[0], -1, int(np.prod(block_size)))


def _cells_under(tap: tuple[int, ...], first_row: int, block_size: tuple[int, ...], settings: Settings) -> Iterator:
    """Yield, per axis, the slice of input cells that one tap of the kernel meets at the positions of a block."""
    first_position = (first_row, *(0 for _ in tap[1:]))
    for q, first, size, stride, dilation in zip(
        tap, first_position, block_size, settings.stride, settings.dilation, strict=True
    ):
        start = first * stride + q * dilation
        yield slice(start, start + (size - 1) * stride + 1, stride)
