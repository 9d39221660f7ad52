"""The convolution theorem: transform, multiply, transform back.

A convolution is a product in the frequency domain, and ours is one with the flipped kernel, ``Y = Σ_c X_c W_c``. A
transform of ``n`` cells costs only ``n log n``: the kernel's size does not matter, so large ones are nearly free. The
discrete transform treats a signal as if it started again at its end, and so gives the *circular* convolution. With a
transform as long as the padded input, what wraps around stands in the first ``span - 1`` cells only, where the kernel
reaches back over the beginning; they are cut off, and the rest are the positions at which the kernel lies inside.
(Conjugating the kernel's transform in place of flipping it would move them to the front, at the price of a copy.)
Dilation puts zeros between the taps; a stride keeps every ``s``-th position.

The same works for any part of the output, from the part of the input that it sees. So the input is cut into tiles that
overlap ("overlap-save"): a tile a few times larger than the kernel costs less than the whole, and fits the cache; above
all, the kernels, of which there is one for each pair of channels, are transformed at the size of a tile only. Arrays
are done a few tiles at a time. Tensors are done with all tiles at once, with torch's transforms, and the result can be
differentiated.

Rounding errors are spread over a whole tile, relative to its largest values, and one infinity or NaN fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import log2, prod
from operator import mul
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import gradients
from lecture5.conv.columns import Block, region
from lecture5.conv.settings import Settings
from lecture5.conv.threads import cuts, in_threads, thread_count
from lecture5.conv.workspace import workspace

MEMORY = 8 * 2**20
"""Bytes that the transforms of kernels may take."""

CACHE = 2**18
"""Bytes of the tiles that are worked on together."""

LARGE = 2**17
"""Bytes of a tile beyond which its transform does not find room beside others in the cache."""

SMALL = 256
"""Pairs of channels up to which the sum over channels is made one channel at a time."""

KERNELS = 0.6
"""What the transform of a kernel costs, as a part of that of a whole tile: most rows hold nothing but zeros."""

FACTORS = (1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64)
"""How many times the kernel's span a tile may have along each axis."""


def forward(x: Any, w: Any, settings: Settings) -> Any:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    if arguments.is_tensor(x):
        return _all_tiles(x, w, best_tile(x.shape, w.shape, settings, tensor_tile_cost), settings)
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    tile = best_tile(x.shape, w.shape, settings)
    y = np.empty((len(x), settings.groups, len(w) // settings.groups, *output_size), x.dtype)
    filters = w.reshape(*y.shape[1:3], *w.shape[1:])
    filter_bytes = settings.groups * w.shape[1] * prod(tile) * x.itemsize
    for first, last in cuts(y.shape[2], -(-y.shape[2] * filter_bytes // MEMORY)):
        _tile_by_tile(x, filters[:, first:last], y[:, :, first:last], tile, settings)
    return y.reshape(len(x), len(w), *output_size)


input_grad = partial(gradients.input_grad, forward)
weight_grad = partial(gradients.weight_grad, forward)


def tile_cost(x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings, tile: Sequence[int]) -> float:
    """Return about how many nanoseconds a core needs for arrays with tiles of this size.

    A transform takes a quarter of a nanosecond for each of ``n log2 n``, and half as long again if it is large; 0.8 ns
    to copy a cell; a complex product, one for every two cells, takes 0.9 ns, or twice as long in small matrices; each
    tile needs some calls. Where the transforms of all kernels take too much memory, those of the input are made anew
    for every few of them.
    """
    cells, tiles = prod(tile), _number_of_tiles(x_shape, w_shape, settings, tile)
    each = 0.8 + log2(cells) * (0.25 if 4 * cells <= LARGE else 0.38)
    passes = -(-w_shape[0] * w_shape[1] * cells * 4 // MEMORY)
    transforms = tiles * (passes * x_shape[1] + w_shape[0]) + KERNELS * w_shape[0] * w_shape[1]
    each_product = 0.45 if w_shape[0] * w_shape[1] <= SMALL else 0.9
    return cells * (each * transforms + each_product * tiles * w_shape[0] * w_shape[1]) + 20_000 * tiles


def tensor_tile_cost(x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings, tile: Sequence[int]) -> float:
    """Return the same for tensors.

    torch's transforms take 1.4 ns for each cell, or twice as long if they are large, and half as long again for the
    way back; to make tiles and to put them together takes another 1.4 ns for each cell. All tiles share the calls.
    """
    cells, tiles = prod(tile), _number_of_tiles(x_shape, w_shape, settings, tile)
    each = 1.4 if 4 * cells <= LARGE else 2.8
    transforms = tiles * (2 * x_shape[1] + 2.5 * w_shape[0]) + 1.5 * KERNELS * w_shape[0] * w_shape[1]
    return cells * (each * transforms + 0.45 * tiles * w_shape[0] * w_shape[1])


def best_tile(
    x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings, cost_of: Callable = tile_cost
) -> tuple[int, ...]:
    """Return the size of the transforms that costs least, from about the kernel's span to the whole input.

    Positions are shared out among the tiles first, so that none is larger than it has to be. Sizes are even, since a
    real signal of even length is transformed as a complex one of half of it.
    """
    from scipy.fft import next_fast_len

    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    axes = list(zip(output_size, settings.span(w_shape[2:]), settings.stride, strict=True))
    candidates = set()
    for factor in (*FACTORS, max(settings.padded_size(x_shape[2:]))):  # The last one makes a single tile.
        tile = []
        for size, span, stride in axes:
            pieces = -(-size // (int((factor - 1) * span) // stride + 1))
            positions = -(-size // pieces)
            tile.append(2 * next_fast_len(-(-((positions - 1) * stride + span) // 2), real=True))
        candidates.add(tuple(tile))
    return min(sorted(candidates), key=lambda tile: cost_of(x_shape, w_shape, settings, tile))


def cost(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> float:
    """Return about how many nanoseconds this method needs for arrays on one core; see :mod:`lecture5.conv.cost`."""
    return _least_cost(product, x_shape, w_shape, settings, tile_cost) + 140_000


def tensor_cost(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> float:
    """Return the same for tensors."""
    return _least_cost(product, x_shape, w_shape, settings, tensor_tile_cost) + 300_000


def _least_cost(
    product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings, cost_of: Callable
) -> float:
    if product == "input_grad":
        x_shape, w_shape, settings = gradients.input_grad_as_forward(x_shape, w_shape, settings)
    elif product == "weight_grad":
        x_shape, w_shape, settings = gradients.weight_grad_as_forward(x_shape, w_shape, settings)
    return cost_of(x_shape, w_shape, settings, best_tile(x_shape, w_shape, settings, cost_of))


def _number_of_tiles(x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings, tile: Sequence[int]) -> int:
    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    return x_shape[0] * prod(_pieces(output_size, _positions_of_tile(tile, w_shape[2:], settings)))


def _pieces(output_size: Sequence[int], positions: Sequence[int]) -> tuple[int, ...]:
    """Return how many tiles of so many positions it takes along each axis."""
    return tuple(-(-size // some) for size, some in zip(output_size, positions, strict=True))


def _positions_of_tile(tile: Sequence[int], kernel_size: Sequence[int], settings: Settings) -> tuple[int, ...]:
    """Return how many positions of the kernel lie whole inside a tile."""
    axes = zip(tile, settings.span(kernel_size), settings.stride, strict=True)
    return tuple((size - span) // stride + 1 for size, span, stride in axes)


def _tile_by_tile(x: np.ndarray, filters: np.ndarray, y: np.ndarray, tile: tuple[int, ...], settings: Settings) -> None:
    """Fill ``y``, (N, groups, K / groups, *output), by filters (groups, K / groups, C / groups, *kernel)."""
    samples, groups, outs, *output_size = y.shape
    ins, kernel_size = filters.shape[2], filters.shape[3:]
    spectra = _spectra_of_filters(filters, tile, settings)
    every = _kept(tile, kernel_size, settings)
    pieces = _pieces(output_size, _positions_of_tile(tile, kernel_size, settings))
    axes = [[slice(a, b) for a, b in cuts(size, number)] for size, number in zip(output_size, pieces, strict=True)]
    tiles = [Block(slice(n, n + 1), box) for n in range(samples) for box in product(*axes)]
    together = max(1, CACHE // (max(x.shape[1], groups * outs) * prod(tile) * x.itemsize))

    def work(part: Sequence[Block]) -> None:
        for first in range(0, len(part), together):
            some = part[first : first + together]
            cells = workspace("tiles", (len(some), x.shape[1], *tile), x.dtype)
            cells[...] = 0
            for block, seen in zip(some, cells, strict=True):
                inside, within, _ = region(x.shape, block, settings, kernel_size)
                seen[:, *within] = x[block.samples.start, :, *inside]
            x_hat = _transform(cells, tile)
            y_hat = _sum_over_channels(x_hat.reshape(len(some), groups, ins, -1), spectra)
            found = _inverse(y_hat.reshape(len(some), groups, outs, *x_hat.shape[2:]), x.dtype, tile, every)
            for block, values in zip(some, found, strict=True):
                y[block.samples.start, :, :, *block.positions] = values[:, :, *map(slice, block.shape[1:])]

    in_threads(work, tiles)


def _spectra_of_filters(filters: np.ndarray, tile: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the transforms of filters (groups, outs, ins, *kernel), laid out for :func:`_sum_over_channels`."""
    from scipy import fft

    groups, outs, ins, *kernel_size = filters.shape
    filters = filters.swapaxes(1, 2)
    with fft.set_workers(thread_count()):
        spectra = _spectra(filters.reshape(-1, 1, *kernel_size), tile, settings).reshape(groups, ins, outs, -1)
    return spectra if outs * ins <= SMALL else np.ascontiguousarray(spectra.transpose(0, 3, 1, 2))


def _sum_over_channels(x_hat: np.ndarray, spectra: np.ndarray) -> np.ndarray:
    """Return ``y[n, g, k, f] = Σ_c x_hat[n, g, c, f] w_hat[g, k, c, f]``: a matrix product for each ``f``.

    Very small matrices are multiplied one input channel at a time, for all frequencies at once.
    """
    samples, groups, ins, frequencies = x_hat.shape
    outs = spectra.size // (groups * ins * frequencies)
    if ins * outs > SMALL:
        return (x_hat.transpose(1, 3, 0, 2) @ spectra).transpose(2, 0, 3, 1)
    total, term = (workspace(name, (samples, groups, outs, frequencies), x_hat.dtype) for name in ("total", "term"))
    np.multiply(x_hat[:, :, 0, None], spectra[:, 0], out=total)
    for channel in range(1, ins):
        total += np.multiply(x_hat[:, :, channel, None], spectra[:, channel], out=term)
    return total


def _all_tiles(x: Any, w: Any, tile: tuple[int, ...], settings: Settings) -> Any:
    """Return the output for tensors, with all tiles in one batch."""
    groups, output_size = settings.groups, settings.output_size(x.shape[2:], w.shape[2:])
    positions = _positions_of_tile(tile, w.shape[2:], settings)
    pieces = _pieces(output_size, positions)
    x_hat = _transform(_cut(x, tile, positions, pieces, settings), tile)
    w_hat = _spectra(w, tile, settings).reshape(groups, len(w) // groups, w.shape[1], -1)
    y_hat = _tensor_sum_over_channels(x_hat.reshape(len(x_hat), groups, w.shape[1], -1), w_hat)
    y_hat = y_hat.reshape(len(x_hat), len(w), *x_hat.shape[2:])
    found = _inverse(y_hat, x.dtype, tile, _kept(tile, w.shape[2:], settings))
    y = _joined(found.reshape(len(x), *pieces, len(w), *positions))
    return y[:, :, *map(slice, output_size)].contiguous()


def _cut(x: Any, tile: Sequence[int], positions: Sequence[int], pieces: Sequence[int], settings: Settings) -> Any:
    """Return the tiles that a tensor is cut into, (N·pieces, C, *tile)."""
    from torch.nn.functional import pad

    padding = []
    for size, (before, _), length, stride, some, number in zip(
        x.shape[2:], settings.padding, tile, settings.stride, positions, pieces, strict=True
    ):
        padding = [before, (number - 1) * some * stride + length - size - before, *padding]  # The last axis first.
    cells = pad(x, padding)
    for axis, (length, some, stride) in enumerate(zip(tile, positions, settings.stride, strict=True)):
        cells = cells.unfold(2 + axis, length, some * stride)
    return cells.movedim(1, 1 + len(tile)).reshape(-1, x.shape[1], *tile)  # From (N, C, *pieces, *tile).


def _joined(found: Any) -> Any:
    """Return what was found in each tile, (N, *pieces, K, *positions), put together: (N, K, *pieces·positions)."""
    dimensions = found.ndim // 2 - 1
    pieces, positions = found.shape[1 : 1 + dimensions], found.shape[2 + dimensions :]
    order = [axis for piece in range(dimensions) for axis in (1 + piece, 2 + dimensions + piece)]
    y = found.permute(0, 1 + dimensions, *order)
    return y.reshape(*y.shape[:2], *map(mul, pieces, positions))


def _tensor_sum_over_channels(x_hat: Any, w_hat: Any) -> Any:
    """Return ``y[n, g, k, f] = Σ_c x_hat[n, g, c, f] w_hat[g, k, c, f]``, as for arrays."""
    if w_hat.shape[1] * w_hat.shape[2] > SMALL:
        x_hat, w_hat = x_hat.permute(1, 3, 0, 2).contiguous(), w_hat.permute(0, 3, 2, 1).contiguous()
        return (x_hat @ w_hat).permute(2, 0, 3, 1)
    total = x_hat[:, :, 0, None] * w_hat[:, :, 0]
    for channel in range(1, w_hat.shape[2]):
        total.addcmul_(x_hat[:, :, channel, None], w_hat[:, :, channel])
    return total


def _spectra(w: Any, tile: tuple[int, ...], settings: Settings) -> Any:
    """Return the transforms of the kernels, flipped, at the size of a tile."""
    w = gradients.stuff_zeros(w, settings.dilation)
    axes = tuple(range(2, w.ndim))
    return _transform(w.flip(axes) if arguments.is_tensor(w) else np.flip(w, axes), tile)


def _kept(tile: Sequence[int], kernel_size: Sequence[int], settings: Settings) -> tuple[slice, ...]:
    """Return which cells of a tile are positions of the output; before them, the kernel has wrapped around."""
    axes = zip(tile, settings.span(kernel_size), settings.stride, strict=True)
    return tuple(slice(span - 1, size, stride) for size, span, stride in axes)


def _transform(cells: Any, length: Sequence[int]) -> Any:
    """Return the Fourier transform over the last axes, of this ``length``, which may be more than there are cells.

    One axis after the other, from the last one, so that rows which are not there yet are not transformed. Of a real
    signal the first transform gives half of the frequencies: the rest is its mirror image. Each axis is the last one
    when its turn comes, since transforms are fastest where cells lie side by side; so the axes ``(…, z, y, x)`` are in
    the order ``(…, y, x, z)`` in the end.
    """
    fft, axis, move = _library(cells)
    first = fft.fft if _is_complex(cells.dtype) else fft.rfft
    cells = first(cells, length[-1], **axis(-1))
    for cells_there in length[-2::-1]:
        cells = fft.fft(move(cells, -1, -len(length)), cells_there, **axis(-1))
    return cells


def _inverse(spectra: Any, dtype: Any, length: Sequence[int], kept: Sequence[slice]) -> Any:
    """Return the cells ``kept`` of what has these ``spectra`` at this ``length``: the same way back."""
    fft, axis, move = _library(spectra)
    for cells_there, some in zip(length[:-1], kept[:-1], strict=True):
        spectra = move(fft.ifft(spectra, cells_there, **axis(-1))[..., some], -len(length), -1)
    final = fft.ifft if _is_complex(dtype) else fft.irfft
    return final(spectra, length[-1], **axis(-1))[..., kept[-1]]


def _library(cells: Any) -> tuple[Any, Callable, Callable]:
    """Return the transforms for these cells, the keyword argument that names an axis, and how an axis is moved."""
    if arguments.is_tensor(cells):
        from torch import fft

        return fft, lambda axis: {"dim": axis}, lambda cells, start, end: cells.movedim(start, end).contiguous()
    from scipy import fft

    return fft, lambda axis: {"axis": axis}, np.moveaxis


def _is_complex(dtype: Any) -> bool:
    return dtype.kind == "c" if isinstance(dtype, np.dtype) else dtype.is_complex
