"""Blocks of positions, and the windows that they see, side by side as the columns of a matrix.

``gather`` writes, for a block of output positions ``p``, the cells ``x[n, c, s p + d q]`` as a matrix with one row for
each channel and tap and one column for each sample and position. Tap by tap (and not window by window) this is a few
large copies: all that one tap meets is the input, shifted. With a stride the tap meets only every ``s``-th cell, and
such copies are slow. So the input is first split into its ``s`` *phases*, the cells 0, s, 2s, …, the cells 1, s + 1,
2s + 1, …, and so on: each tap reads one phase, shifted, without gaps. ("Polyphase", as signal processing calls it.)

``scatter`` is its transpose: it adds each entry of such a matrix to the cell that it would have been read from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from lecture5.conv.settings import Settings
from lecture5.conv.threads import WORTH_A_THREAD, cuts, thread_count


class Block(NamedTuple):
    """A box of output positions in a range of samples."""

    samples: slice
    positions: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return ``(samples, *positions)``."""
        return tuple(part.stop - part.start for part in (self.samples, *self.positions))


def blocks(samples: int, output_size: Sequence[int], largest: int, fewest: int = 1) -> list[Block]:
    """Cut all positions of all samples into blocks of at most ``largest``, and into ``fewest`` blocks if possible.

    A block is several whole samples, or a box in one: whole rows as long as they are small enough.

    Examples
    --------
    >>> [block.shape for block in blocks(5, (3, 4), largest=24)]
    [(1, 3, 4), (2, 3, 4), (2, 3, 4)]
    >>> [block.shape for block in blocks(1, (3, 4), largest=8)]
    [(1, 1, 4), (1, 2, 4)]
    """
    positions = prod(output_size)
    largest = max(1, min(largest, -(-samples * positions // fewest)))
    if positions <= largest:
        whole = tuple(slice(0, size) for size in output_size)
        return [Block(slice(a, b), whole) for a, b in cuts(samples, -(-samples // (largest // positions)))]
    axes = []
    for axis, size in enumerate(output_size):
        length = max(1, largest // prod(output_size[axis + 1 :]))
        axes.append([slice(a, b) for a, b in cuts(size, -(-size // length))])
        largest = max(1, largest // min(length, size))
    return [Block(slice(n, n + 1), box) for n in range(samples) for box in product(*axes)]


class Part(NamedTuple):
    """Some of the input channels: of some groups, some ``within`` each; ``channels`` counts them over all groups."""

    groups: slice
    within: slice
    channels: slice


def parts(x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int], groups: int) -> list[Part]:
    """Divide the input channels among threads, for products of which no two parts write to the same place."""
    channels = x_shape[1] // groups
    multiplications = x_shape[0] * prod(w_shape) * prod(output_size)
    pieces = min(thread_count(), 1 + multiplications // WORTH_A_THREAD)
    if groups == 1:
        return [Part(slice(0, 1), slice(a, b), slice(a, b)) for a, b in cuts(channels, pieces)]
    whole = slice(0, channels)
    return [Part(slice(a, b), whole, slice(a * channels, b * channels)) for a, b in cuts(groups, pieces)]


def gather(x: np.ndarray, block: Block, columns: np.ndarray, settings: Settings) -> None:
    """Fill ``columns``, (C, *kernel, samples, *positions), with what the windows of ``block`` see of ``x``."""
    dimensions = len(block.positions)
    kernel_size = columns.shape[1 : 1 + dimensions]
    inside, region, size = _region(x.shape, block, settings, kernel_size)
    cells = x[block.samples, :, *inside]
    if cells.shape[2:] != size:
        padded = np.zeros((*cells.shape[:2], *size), x.dtype)
        padded[:, :, *region] = cells
        cells = padded
    cells = phases(cells, settings.stride)
    steps = _tap_steps(kernel_size, settings.stride, settings.dilation)
    if prod(kernel_size) > len(steps):  # Each phase is read several times: it pays to have it in one piece.
        cells = np.ascontiguousarray(cells)
    shifted = _shifted(cells, block.shape[1:])
    for taps, phase_and_shift in steps:
        columns[:, *taps] = shifted[:, *phase_and_shift]


def scatter(columns: np.ndarray, block: Block, x: np.ndarray, settings: Settings) -> None:
    """Add ``columns``, (C, *kernel, samples, *positions), to the cells of ``x`` that ``gather`` reads for ``block``."""
    kernel_size = columns.shape[1 : 1 + len(block.positions)]
    inside, region, size = _region(x.shape, block, settings, kernel_size)
    padded = np.zeros((columns.shape[0], block.shape[0], *size), x.dtype)
    cells = phases(padded, settings.stride)
    if max(settings.stride) > 1:
        cells = np.zeros(cells.shape, x.dtype)
    for tap in np.ndindex(*kernel_size):
        along = [divmod(q * d, s) for q, d, s in zip(tap, settings.dilation, settings.stride, strict=True)]
        phase = (within for _, within in along)
        target = (slice(shift, shift + length) for (shift, _), length in zip(along, block.shape[1:], strict=True))
        cells[:, :, *phase, *target] += columns[:, *tap]
    if max(settings.stride) > 1:
        phases(padded, settings.stride)[...] = cells
    x[block.samples, :, *inside] += padded[:, :, *region].swapaxes(0, 1)


def _region(x_shape: Sequence[int], block: Block, settings: Settings, kernel_size: Sequence[int]) -> tuple:
    """Return which cells of the input a block sees, where they lie in the block's padded region, and its size.

    The size is rounded up to a multiple of the stride.
    """
    inside, region, size = [], [], []
    for cells, positions, stride, (before, _), span in zip(
        x_shape[2:], block.positions, settings.stride, settings.padding, settings.span(kernel_size), strict=True
    ):
        first = positions.start * stride - before
        length = (positions.stop - 1 - positions.start) * stride + span
        length += -length % stride
        start, stop = (min(max(end, 0), cells) for end in (first, first + length))
        inside.append(slice(start, stop))
        region.append(slice(start - first, stop - first))
        size.append(length)
    return inside, region, tuple(size)


def phases(x: np.ndarray, stride: Sequence[int]) -> np.ndarray:
    """Return a view, (a, b, *phase, *cells), of ``x``, (a, b, *spatial), with ``x[s i + phase]`` at ``[phase, i]``."""
    split = [part for size, step in zip(x.shape[2:], stride, strict=True) for part in (size // step, step)]
    axes = range(2, 2 + len(split))
    return x.reshape(*x.shape[:2], *split).transpose(0, 1, *axes[1::2], *axes[::2])


def _shifted(cells: np.ndarray, positions: tuple[int, ...]) -> np.ndarray:
    """Return a view, (C, *phase, *shift, samples, *positions), of ``cells``, (samples, C, *phase, *cells)."""
    samples, channels, *phase_and_cells = cells.shape
    of_phases, sizes = phase_and_cells[: len(positions)], phase_and_cells[len(positions) :]
    shifts = (size - length + 1 for size, length in zip(sizes, positions, strict=True))
    of_sample, of_channel, *of_phase_and_cell = cells.strides
    of_cell = of_phase_and_cell[len(positions) :]
    return as_strided(
        cells,
        (channels, *of_phases, *shifts, samples, *positions),
        (of_channel, *of_phase_and_cell, of_sample, *of_cell),
        writeable=False,
    )


@cache
def _tap_steps(kernel_size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> list[tuple]:
    """Return the taps that can be copied together, as slices, and the phase and shifts that they read.

    Tap ``q`` reads phase ``d q mod s``, shifted by ``d q div s``. The phase repeats after ``s / gcd(s, d)`` taps, and
    the shift has then grown by ``d / gcd(s, d)``.
    """
    axes = []
    for taps, s, d in zip(kernel_size, stride, dilation, strict=True):
        period, growth = s // gcd(s, d), d // gcd(s, d)
        alike = [range(first, taps, period) for first in range(min(period, taps))]
        shifts = [range(d * q[0] // s, d * q[-1] // s + 1, growth) for q in alike]
        axes.append([(_slice(q), d * q[0] % s, _slice(shift)) for q, shift in zip(alike, shifts, strict=True)])
    steps = [tuple(zip(*combination, strict=True)) for combination in product(*axes)]
    return [(taps, (*phase, *shift)) for taps, phase, shift in steps]


def _slice(indices: range) -> slice:
    return slice(indices.start, indices.stop, indices.step)
