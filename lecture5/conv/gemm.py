"""One matrix product per block of output positions.

Write the kernel as a matrix with one row per output channel, (K, C·taps), and the windows of a block of positions side
by side as columns, (C·taps, positions): their product is that block of the output. Both gradients are products with the
same two shapes: ``kernelᵀ grad`` gives what each cell of each column receives, which is then added up over the windows,
and ``grad columnsᵀ`` is the gradient by the kernel.

A matrix product is what a processor does fastest, so this is how most libraries convolve ("im2col"). The columns hold
each input cell once for each tap. Written for the whole input they would take gigabytes, and be read back from slow
memory; so they are written for one block at a time (:mod:`lecture5.conv.columns`), small enough for the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from lecture5.conv.columns import Block, Part, blocks, gather, parts, scatter
from lecture5.conv.settings import Settings
from lecture5.conv.threads import WORTH_A_THREAD, in_threads, thread_count

CACHE = 2**20
"""Bytes of columns that one thread writes at a time: about the cache that belongs to one core."""

MEMORY = 24 * 2**20
"""Bytes that all threads together may use."""


def forward(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    y = np.empty((len(x), len(w), *output_size), x.dtype)
    kernel = w.reshape(settings.groups, len(w) // settings.groups, -1)
    channels = x.shape[1]

    def work(part: Sequence[Block]) -> None:
        buffer = _buffer(part, channels * prod(w.shape[2:]), x.dtype)
        for block in part:
            columns = _shaped(buffer, (channels, *w.shape[2:], *block.shape))
            gather(x, block, columns, settings)
            product = kernel @ columns.reshape(settings.groups, kernel.shape[2], -1)
            y[block.samples, :, *block.positions] = product.reshape(len(w), *block.shape).swapaxes(0, 1)

    in_threads(work, _blocks(x.shape, w.shape, output_size, settings, thread_count()))
    return y


def input_grad(grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``x``, (N, C, *input)."""
    groups = settings.groups
    kernel_size, output_size = w.shape[2:], grad_output.shape[2:]
    grad_x = np.zeros((len(grad_output), w.shape[1] * groups, *input_size), w.dtype)
    kernel = w.reshape(groups, len(w) // groups, w.shape[1], -1)

    def work(part: Sequence[Part]) -> None:
        for some_groups, within, channels in part:
            columns_of = kernel[some_groups, :, within].reshape(
                some_groups.stop - some_groups.start, kernel.shape[1], -1
            )
            target = grad_x[:, channels]
            for block in _blocks(target.shape, w.shape, output_size, settings):
                grad = _rows(grad_output, block, groups)[some_groups]
                columns = (columns_of.swapaxes(1, 2) @ grad).reshape(-1, *kernel_size, *block.shape)
                scatter(columns, block, target, settings)

    in_threads(work, parts(grad_x.shape, w.shape, output_size, groups))
    return grad_x


def weight_grad(grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``w``, (K, C / groups, *kernel)."""
    groups, out_channels = settings.groups, grad_output.shape[1]
    output_size = grad_output.shape[2:]
    grad_w = np.zeros((out_channels, x.shape[1] // groups, *kernel_size), x.dtype)
    kernel = grad_w.reshape(groups, out_channels // groups, grad_w.shape[1], -1)

    def work(part: Sequence[Part]) -> None:
        for some_groups, within, channels in part:
            seen = x[:, channels]
            target = kernel[some_groups, :, within].reshape(some_groups.stop - some_groups.start, kernel.shape[1], -1)
            some_blocks = _blocks(seen.shape, grad_w.shape, output_size, settings)
            buffer = _buffer(some_blocks, seen.shape[1] * prod(kernel_size), x.dtype)
            for block in some_blocks:
                columns = _shaped(buffer, (seen.shape[1], *kernel_size, *block.shape))
                gather(seen, block, columns, settings)
                columns = columns.reshape(len(target), target.shape[2], -1)
                target += _rows(grad_output, block, groups)[some_groups] @ columns.swapaxes(1, 2)

    in_threads(work, parts(x.shape, grad_w.shape, output_size, groups))
    return grad_w


def _blocks(
    x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int], settings: Settings, threads: int = 1
) -> list[Block]:
    """Return blocks whose columns fit the cache; or are as large as the kernel, which each product reads once."""
    column = x_shape[1] * prod(w_shape[2:]) * 4
    largest = min(max(CACHE, prod(w_shape) * 4), MEMORY // thread_count())
    multiplications = x_shape[0] * prod(w_shape) * prod(output_size)
    fewest = min(threads, 1 + multiplications // WORTH_A_THREAD)
    return blocks(x_shape[0], output_size, largest // column, fewest)


def _rows(grad_output: np.ndarray, block: Block, groups: int) -> np.ndarray:
    """Return a block of the output's gradient as a matrix for each group, (groups, K / groups, positions)."""
    rows = grad_output[block.samples, :, *block.positions].swapaxes(0, 1)
    return rows.reshape(groups, len(rows) // groups, -1)


def _buffer(some_blocks: Sequence[Block], rows: int, dtype: np.dtype) -> np.ndarray:
    """Return room for the columns of the largest block, to be used again for each."""
    return np.empty(rows * max(prod(block.shape) for block in some_blocks), dtype)


def _shaped(buffer: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return buffer[: prod(shape)].reshape(shape)
