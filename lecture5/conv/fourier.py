"""The convolution theorem: transform, multiply, transform back.

A correlation is a product in the frequency domain, ``Y = Σ_c X_c conj(W_c)``, and a transform of ``n`` cells costs only
``n log n``: the kernel's size does not matter, so large kernels are nearly free. The discrete transform treats a signal
as if it started again at its end, and so gives the *circular* correlation. But position ``p`` reads no further than
``p + span - 1``: with a transform as long as the padded input, no position of the output reads past the end, and what
wraps around stands in positions that are cut off. Dilation puts zeros between the taps; a stride keeps every ``s``-th
position.

The same works for any part of the output, from the part of the input that it sees. So arrays are done tile by tile
("overlap-save"): a tile somewhat larger than the kernel costs less than the whole, and fits the cache. Tensors are done
whole, with torch's transforms, and the result can be differentiated.

Rounding errors are spread over a whole tile, relative to its largest values, and one infinity or NaN fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import log2, prod
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import gradients
from lecture5.conv.columns import Block, region
from lecture5.conv.settings import Settings
from lecture5.conv.threads import cuts, in_threads, thread_count
from lecture5.conv.workspace import workspace
from lecture5.padding import pad

MEMORY = 8 * 2**20
"""Bytes that the transforms of kernels may take, and those of the tiles that are done together."""

CACHE = 2**19
"""Bytes of the transforms that are worked on together."""

SMALL = 256
"""Pairs of channels up to which the sum over channels is made one channel at a time."""

FACTORS = (1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64)
"""How many times the kernel's span a tile may have along each axis."""


def forward(x: Any, w: Any, settings: Settings) -> Any:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    if arguments.is_tensor(x):
        return _whole(x, w, settings)
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


def best_tile(x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings) -> tuple[int, ...]:
    """Return the size of the transforms that costs least: a multiple of the kernel's span, or the whole input."""
    from scipy.fft import next_fast_len

    span, whole = settings.span(w_shape[2:]), settings.padded_size(x_shape[2:])
    sizes = [[min(factor * reach, size) for reach, size in zip(span, whole, strict=True)] for factor in FACTORS]
    candidates = {tuple(next_fast_len(int(size), real=True) for size in tile) for tile in [*sizes, whole]}
    return min(sorted(candidates), key=lambda tile: tile_cost(x_shape, w_shape, settings, tile))


def cost(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> float:
    """Return about how many nanoseconds this method needs on one core; see :mod:`lecture5.conv.cost`."""
    if product == "input_grad":
        x_shape, w_shape, settings = gradients.input_grad_as_forward(x_shape, w_shape, settings)
    elif product == "weight_grad":
        x_shape, w_shape, settings = gradients.weight_grad_as_forward(x_shape, w_shape, settings)
    return tile_cost(x_shape, w_shape, settings, best_tile(x_shape, w_shape, settings)) + 140_000


def tensor_cost(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> float:
    """Return about how many nanoseconds this method needs for tensors, which are done whole.

    A transform takes 2.3 ns for each cell; a product of spectra 1 ns, or 8 ns where the sum over channels is torch's.
    """
    if product == "weight_grad":
        x_shape, w_shape, settings = gradients.weight_grad_as_forward(x_shape, w_shape, settings)
    transforms = x_shape[0] * (x_shape[1] + w_shape[0]) + w_shape[0] * w_shape[1]
    products = x_shape[0] * w_shape[0] * w_shape[1]
    each = 1 if w_shape[0] * w_shape[1] <= SMALL * settings.groups else 8
    return prod(settings.padded_size(x_shape[2:])) * (2.3 * transforms + each * products) + 300_000


def tile_cost(x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings, tile: Sequence[int]) -> float:
    """Return about how many nanoseconds a core needs with tiles of this size.

    A transform takes a third of a nanosecond for each of ``n log2 n``; a complex product, one for every two cells,
    takes 0.8 ns; and each tile needs some calls.
    """
    positions = _positions_of_tile(tile, w_shape[2:], settings)
    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    tiles = x_shape[0] * prod(-(-size // some) for size, some in zip(output_size, positions, strict=True))
    transforms = tiles * (x_shape[1] + w_shape[0]) + w_shape[0] * w_shape[1]
    products = tiles * w_shape[0] * w_shape[1]
    cells = prod(tile)
    return cells * (log2(cells + 1) * transforms / 3 + 0.4 * products) + 30_000 * tiles / x_shape[0]


def _positions_of_tile(tile: Sequence[int], kernel_size: Sequence[int], settings: Settings) -> tuple[int, ...]:
    """Return how many positions of the kernel lie whole inside a tile."""
    axes = zip(tile, settings.span(kernel_size), settings.stride, strict=True)
    return tuple((size - span) // stride + 1 for size, span, stride in axes)


def _tile_by_tile(x: np.ndarray, filters: np.ndarray, y: np.ndarray, tile: tuple[int, ...], settings: Settings) -> None:
    """Fill ``y``, (N, groups, K / groups, *output), by filters (groups, K / groups, C / groups, *kernel)."""
    samples, groups, outs, *output_size = y.shape
    ins, kernel_size = filters.shape[2], filters.shape[3:]
    transform, inverse = _transforms(x, tile)
    spectra = _spectra(filters.reshape(-1, *filters.shape[2:]), partial(transform, workers=thread_count()), settings)
    spectra = spectra.reshape(groups, outs, ins, -1)
    spectra = np.ascontiguousarray(spectra.transpose(_axes_of_spectra(outs, ins)))
    positions = zip(output_size, _positions_of_tile(tile, kernel_size, settings), strict=True)
    axes = [[slice(a, b) for a, b in cuts(size, -(-size // some))] for size, some in positions]
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
            x_hat = transform(cells)
            y_hat = _sum_over_channels(x_hat.reshape(len(some), groups, ins, -1), spectra)
            found = inverse(y_hat.reshape(len(some), groups, outs, *x_hat.shape[2:]))
            for block, values in zip(some, found, strict=True):
                every = (slice(0, (b - 1) * s + 1, s) for b, s in zip(block.shape[1:], settings.stride, strict=True))
                y[block.samples.start, :, :, *block.positions] = values[:, :, *every]

    in_threads(work, tiles)


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


def _axes_of_spectra(outs: int, ins: int) -> tuple[int, ...]:
    """Return how the axes (groups, outs, ins, f) are laid out for :func:`_sum_over_channels`."""
    return (0, 2, 1, 3) if outs * ins <= SMALL else (0, 3, 2, 1)


def _whole(x: Any, w: Any, settings: Settings) -> Any:
    """Return the output for tensors, with one transform of the whole input."""
    import torch
    from scipy.fft import next_fast_len

    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    length = tuple(next_fast_len(size, real=True) for size in settings.padded_size(x.shape[2:]))
    transform, inverse = _transforms(x, length)
    x_hat = transform(pad(x, settings.padding))
    groups, frequencies = settings.groups, x_hat.shape[2:]
    x_hat = x_hat.reshape(len(x), groups, x.shape[1] // groups, -1)
    w_hat = _spectra(w, transform, settings).reshape(groups, len(w) // groups, w.shape[1], -1)
    if w_hat.shape[1] * w_hat.shape[2] > SMALL:
        y_hat = torch.einsum("ngcf,gkcf->ngkf", x_hat, w_hat)
    else:
        y_hat = x_hat[:, :, 0, None] * w_hat[:, :, 0]
        for channel in range(1, w_hat.shape[2]):
            y_hat = torch.addcmul(y_hat, x_hat[:, :, channel, None], w_hat[:, :, channel])
    y = inverse(y_hat.reshape(len(x), len(w), *frequencies))
    every = (slice(0, (size - 1) * step + 1, step) for size, step in zip(output_size, settings.stride, strict=True))
    return y[:, :, *every].contiguous()


def _spectra(w: Any, transform: Callable, settings: Settings) -> Any:
    """Return what the transforms of the inputs are multiplied by: the kernels' transforms, conjugated."""
    return transform(gradients.stuff_zeros(w, settings.dilation).conj()).conj()


def _transforms(x: Any, length: tuple[int, ...]) -> tuple[Callable, Callable]:
    """Return the Fourier transform over the spatial axes at this ``length``, and its inverse."""
    axes = tuple(range(-len(length), 0))
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
