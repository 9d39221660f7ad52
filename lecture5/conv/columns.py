"""Blocks of positions, and the windows that they see, side by side as the columns of a matrix.

``gather`` writes, for a block of output positions ``p``, the cells ``x[n, c, s p + d q]`` as a matrix with one row for
each channel ``c`` and tap ``q``, and one column for each sample and position. Taken tap by tap, and not window by
window, this is a copy of whole rows: what one tap meets as the window moves along is a row of the input, from some cell
on. A view with the right strides says all of that at once, and a single copy of it writes the matrix in the order in
which it lies in memory.

``scatter`` is its transpose: it adds each entry of such a matrix to the cell that it would have been read from.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from lecture5.conv.settings import Settings
from lecture5.conv.threads import WORTH_A_THREAD, cuts, thread_count
from lecture5.conv.workspace import workspace
from lecture5.taps import taps


class Block(NamedTuple):
    """A box of output positions in a range of samples."""

    samples: slice
    positions: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return ``(samples, *positions)``."""
        return tuple(part.stop - part.start for part in (self.samples, *self.positions))


def blocks(samples: int, output_size: Sequence[int], largest: int, threads: int = 1) -> list[Block]:
    """Cut all positions of all samples into blocks of at most ``largest``; if possible, as many for each thread.

    A block is several whole samples, or a box in one: whole rows as long as they are small enough.

    Examples
    --------
    >>> [block.shape for block in blocks(5, (3, 4), largest=24)]
    [(1, 3, 4), (2, 3, 4), (2, 3, 4)]
    >>> [block.shape for block in blocks(1, (3, 4), largest=8)]
    [(1, 1, 4), (1, 2, 4)]
    >>> [block.shape for block in blocks(1, (7, 4), largest=12, threads=2)]
    [(1, 1, 4), (1, 2, 4), (1, 2, 4), (1, 2, 4)]
    >>> [block.shape for block in blocks(1, (7, 4), largest=100, threads=2)]
    [(1, 3, 4), (1, 4, 4)]
    """
    positions = prod(output_size)
    if positions <= largest and samples >= threads:
        whole = tuple(slice(0, size) for size in output_size)
        together = min(largest // positions, samples // threads)
        pieces = _multiple(-(-samples // together), threads, samples)
        return [Block(slice(a, b), whole) for a, b in cuts(samples, pieces)]
    axes = []
    for axis, size in enumerate(output_size):
        length = max(1, largest // prod(output_size[axis + 1 :]))
        pieces = -(-size // length)
        if axis == 0:
            pieces = _multiple(pieces, threads // gcd(threads, samples), size)
        axes.append([slice(a, b) for a, b in cuts(size, pieces)])
        largest = max(1, largest // min(length, size))
    return [Block(slice(n, n + 1), box) for n in range(samples) for box in product(*axes)]


def _multiple(pieces: int, of: int, most: int) -> int:
    """Return the next multiple of ``of`` that is at least ``pieces``, if it is not too many."""
    multiple = -(-pieces // of) * of
    return multiple if multiple <= most else pieces


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


def gather(x: np.ndarray, block: Block, columns: np.ndarray, settings: Settings, channels_last: bool = False) -> None:
    """Fill ``columns``, (C, *kernel, samples, *positions), with what the windows of ``block`` see of ``x``.

    If the channels come last in the memory of ``columns``, whatever its axes are called, the input is brought into that
    order before: then all channels of a cell are copied at once, each time a window sees it.

    A row of positions can be copied at once too, if the window moves by one cell along it. If it moves by more, the
    cells of each row are sorted into their phases before (:mod:`lecture5.conv.phases`): then what a tap meets is a row
    of one phase, without gaps.
    """
    channels, *kernel_size = columns.shape[: 1 + len(block.positions)]
    samples, *position_rows, row = block.shape
    gap, step = settings.dilation[-1], settings.stride[-1]
    phases = 1 if channels_last or prod(kernel_size) <= prod(settings.stride) else step
    cells = _cells(x, block, settings, kernel_size, phases, channels_last)
    apart = phases // gcd(phases, gap)  # From one tap to the next that meets the same phase.
    of_sample, of_channel, *of_axes, of_phase, of_cell = cells.strides
    over_taps = [stride * gap for stride, gap in zip(of_axes, settings.dilation[:-1], strict=True)]
    over_positions = [stride * step for stride, step in zip(of_axes, settings.stride[:-1], strict=True)]
    over_taps += [of_phase, of_cell * apart * gap // phases]
    over_positions += [of_cell * step // phases]
    taps_of_phase, longest = -(-kernel_size[-1] // apart), row + (apart - 1) * gap // phases
    windows = as_strided(
        cells,
        (channels, *kernel_size[:-1], phases, taps_of_phase, samples, *position_rows, longest),
        (of_channel, *over_taps, of_sample, *over_positions),
        writeable=False,
    )
    rest = (slice(None),) * (1 + len(position_rows))
    for first in range(min(apart, kernel_size[-1])):
        ahead, phase = divmod(first * gap, phases)
        target = columns[..., first::apart, *rest, :]
        met = windows[..., phase, : target.shape[len(kernel_size)], *rest, ahead : ahead + row]
        if channels_last:
            met, target = np.moveaxis(met, 0, -1), np.moveaxis(target, 0, -1)
        copy_rows(met, target)


def _cells(
    x: np.ndarray, block: Block, settings: Settings, kernel_size: Sequence[int], phases: int, channels_last: bool
) -> np.ndarray:
    """Return the cells that a block sees, with their padding: (samples, C, *size), the last axis as (phases, cells).

    Cell ``i`` of a row is the cell ``i // phases`` of phase ``i % phases``.
    """
    inside, within, size = region(x.shape, block, settings, kernel_size)
    cells = x[block.samples, :, *inside]
    is_whole = cells.shape[2:] == size
    if is_whole and phases == 1 and not channels_last:
        return cells[..., np.newaxis, :]
    *rows, row = within
    shape = [*cells.shape[:2], *size[:-1], phases, -(-size[-1] // phases)]
    if channels_last:
        shape.append(shape.pop(1))
    padded = workspace("padded", shape, x.dtype)
    if not is_whole:
        padded[...] = 0
    if channels_last:
        padded = np.moveaxis(padded, -1, 1)
    for phase in range(phases):
        first = (phase - row.start) % phases
        of_phase = cells[..., first::phases]
        start = (row.start + first) // phases
        copy_rows(of_phase, padded[:, :, *rows, phase, start : start + of_phase.shape[-1]])
    return padded


def copy_rows(source: np.ndarray, target: np.ndarray) -> None:
    """Copy ``source`` to ``target``, each row at once, as one item, if its numbers lie side by side in both.

    For short rows that takes half as long or less.
    """
    if source.shape[-1] > 1 and source.strides[-1] == target.strides[-1] == source.itemsize:
        row = np.dtype((np.void, source.shape[-1] * source.itemsize))
        source, target = source.view(row), target.view(row)
    target[...] = source


def scatter(columns: np.ndarray, block: Block, x: np.ndarray, settings: Settings) -> None:
    """Add ``columns``, (C, *kernel, samples, *positions), to the cells of ``x`` that ``gather`` reads for ``block``."""
    kernel_size = columns.shape[1 : 1 + len(block.positions)]
    inside, within, size = region(x.shape, block, settings, kernel_size)
    padded = workspace("padded", (len(columns), block.shape[0], *size), x.dtype)
    padded[...] = 0
    for tap, met in taps(padded, kernel_size, block.shape[1:], settings.stride, settings.dilation):
        met += columns[:, *tap]
    x[block.samples, :, *inside] += padded[:, :, *within].swapaxes(0, 1)


def region(x_shape: Sequence[int], block: Block, settings: Settings, kernel_size: Sequence[int]) -> tuple:
    """Return which cells of the input a block sees, where they lie in the region with the padding, and its size."""
    inside, within, size = [], [], []
    for cells, positions, stride, (before, _), span in zip(
        x_shape[2:], block.positions, settings.stride, settings.padding, settings.span(kernel_size), strict=True
    ):
        first = positions.start * stride - before
        length = (positions.stop - 1 - positions.start) * stride + span
        start, stop = (min(max(end, 0), cells) for end in (first, first + length))
        inside.append(slice(start, stop))
        within.append(slice(start - first, stop - first))
        size.append(length)
    return inside, within, tuple(size)
