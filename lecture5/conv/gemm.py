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
from lecture5.conv.workspace import workspace

CACHE = 2**21
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
        for block in part:
            columns = workspace("columns", (channels, *w.shape[2:], *block.shape), x.dtype)
            gather(x, block, columns, settings)
            columns = columns.reshape(settings.groups, kernel.shape[2], -1)
            target = y[block.samples, :, *block.positions]
            if len(target) == 1:  # Whole rows of one sample, or a part of a row: a matrix in memory, too.
                np.matmul(kernel, columns, out=target.reshape(settings.groups, kernel.shape[1], -1))
            else:
                target[...] = _product(kernel, columns).reshape(len(w), *block.shape).swapaxes(0, 1)

    in_threads(work, _blocks(x.shape, w.shape, output_size, x.itemsize, thread_count()))
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
            for block in _blocks(target.shape, w.shape, output_size, w.itemsize):
                grad = _rows(grad_output, block, groups)[some_groups]
                columns = _product(columns_of.swapaxes(1, 2), grad)
                scatter(columns.reshape(-1, *kernel_size, *block.shape), block, target, settings)

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
            for block in _blocks(seen.shape, grad_w.shape, output_size, x.itemsize):
                columns = workspace("columns", (seen.shape[1], *kernel_size, *block.shape), x.dtype)
                gather(seen, block, columns, settings)
                columns = columns.reshape(len(target), target.shape[2], -1)
                target += _product(_rows(grad_output, block, groups)[some_groups], columns.swapaxes(1, 2))

    in_threads(work, parts(x.shape, grad_w.shape, output_size, groups))
    return grad_w


def cost(product: str, x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings) -> float:
    """Return about how many nanoseconds this method needs on one core; see :mod:`lecture5.conv.cost`.

    A multiplication takes 0.024 ns. A number takes 0.3 ns to copy to the columns, and a row of them another 4 ns to
    begin. The gradient by the kernel reads each column for a few output channels at a time, which takes as long again;
    to add it back takes three times as long, and some calls for each tap.
    """
    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    columns = x_shape[0] * x_shape[1] * prod(w_shape[2:]) * prod(output_size)
    moves = columns * (0.3 + 4 / output_size[-1])
    if product == "weight_grad":
        moves += 0.3 * columns
    if product == "input_grad":
        moves = 3 * moves + 3_000 * prod(w_shape[2:]) * (1 + columns * 4 // CACHE)
    return 0.024 * x_shape[0] * prod(w_shape) * prod(output_size) + moves + 30_000


def _blocks(
    x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int], itemsize: int, threads: int = 1
) -> list[Block]:
    """Return blocks whose columns fit the cache; or are as large as the kernel, which each product reads once.

    A thread of its own is for a good number of positions, or else each would read the whole kernel for a few of them.
    """
    positions = x_shape[0] * prod(output_size)
    threads = min(threads, max(1, positions // 64), 1 + positions * prod(w_shape) // WORTH_A_THREAD)
    largest = min(max(CACHE, prod(w_shape) * itemsize), MEMORY // thread_count())
    return blocks(x_shape[0], output_size, largest // (x_shape[1] * prod(w_shape[2:]) * itemsize), threads)


def _rows(grad_output: np.ndarray, block: Block, groups: int) -> np.ndarray:
    """Return a block of the output's gradient as a matrix for each group, (groups, K / groups, positions)."""
    rows = grad_output[block.samples, :, *block.positions].swapaxes(0, 1)
    return rows.reshape(groups, len(rows) // groups, -1)


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``a @ b`` in memory that the next call uses again."""
    return np.matmul(a, b, out=workspace("product", (*a.shape[:-1], b.shape[-1]), a.dtype))
