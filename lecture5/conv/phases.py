"""A convolution with strides, as one without.

Let a window move by ``s`` cells. From one position to the next, each of its taps moves by ``s`` cells too, and so it
only ever meets every ``s``-th cell: one *phase* of the input, of ``s``. The taps 0, s, 2s, … share a phase, which in
their eyes moves on by one cell each time. So the output is the sum over the phases of convolutions without a stride,
each with its phase of the kernel; and a sum over more planes of the input is a sum over more channels. With ``d`` axes,

    x, (N, C, *input),              becomes (N, C·sᵈ, *phase),
    w, (K, C / groups, *kernel),    becomes (K, C·sᵈ / groups, *⌈kernel / s⌉),

with zeros for the padding, and for taps that the kernel does not have. Signal processing calls this its polyphase form
(P. P. Vaidyanathan, *Multirate systems and filter banks*, 1993, section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import prod

import numpy as np

from lecture5.conv.settings import Settings
from lecture5.conv.workspace import workspace


def taps_of(kernel_size: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """Return the taps of a phase of the kernel along each axis.

    Examples
    --------
    >>> taps_of((11, 7), (4, 1))
    (3, 7)
    """
    return tuple(-(-taps // step) for taps, step in zip(kernel_size, stride, strict=True))


def size_of(kernel_size: Sequence[int], output_size: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """Return the cells of a phase of the input along each axis: as many as the output needs.

    Examples
    --------
    >>> size_of((11, 7), (55, 55), (4, 1))
    (57, 61)
    """
    return tuple(size + taps - 1 for size, taps in zip(output_size, taps_of(kernel_size, stride), strict=True))


def of_kernel(w: np.ndarray, stride: Sequence[int]) -> np.ndarray:
    """Return the phases of a kernel, (K, C / groups · phases, *taps).

    Examples
    --------
    >>> of_kernel(np.array([[[1, 2, 3]]]), (2,))
    array([[[1, 3],
            [2, 0]]])
    """
    taps = taps_of(w.shape[2:], stride)
    whole = np.zeros((*w.shape[:2], *(count * step for count, step in zip(taps, stride, strict=True))), w.dtype)
    whole[:, :, *map(slice, w.shape[2:])] = w
    split = whole.reshape(*w.shape[:2], *chain(*zip(taps, stride, strict=True)))
    axes = range(2, split.ndim)
    return split.transpose(0, 1, *axes[1::2], *axes[::2]).reshape(len(w), -1, *taps)


def to_kernel(phases: np.ndarray, kernel_size: Sequence[int], stride: Sequence[int]) -> np.ndarray:
    """Return the kernel whose phases these are; what belongs to taps that it does not have is left out."""
    taps = phases.shape[2:]
    split = phases.reshape(len(phases), -1, *stride, *taps)
    first, second = range(2, 2 + len(taps)), range(2 + len(taps), split.ndim)
    whole = split.transpose(0, 1, *chain(*zip(second, first, strict=True)))
    size = [count * step for count, step in zip(taps, stride, strict=True)]
    return whole.reshape(*whole.shape[:2], *size)[:, :, *map(slice, kernel_size)]


def of_input(x: np.ndarray, size: Sequence[int], settings: Settings) -> np.ndarray:
    """Return the phases of an input, (N, C · phases, *size), in memory that the next call uses again."""
    phases = workspace("phases", (*x.shape[:2], *settings.stride, *size), x.dtype)
    phases[...] = 0
    for phase, of_x, of_phase in _places(x.shape[2:], size, settings):
        phases[:, :, *phase, *of_phase] = x[:, :, *of_x]
    return phases.reshape(len(x), -1, *size)


def to_input(phases: np.ndarray, input_size: Sequence[int], settings: Settings) -> np.ndarray:
    """Return the input whose phases these are; cells that no phase has are zero."""
    size, step = phases.shape[2:], settings.stride
    phases = phases.reshape(len(phases), -1, *step, *size)
    x = np.zeros((*phases.shape[:2], *input_size), phases.dtype)
    for phase, of_x, of_phase in _places(input_size, size, settings):
        x[:, :, *of_x] = phases[:, :, *phase, *of_phase]
    return x


def input_bytes(x_shape: Sequence[int], size: Sequence[int], settings: Settings) -> int:
    """Return the bytes that the phases of one sample take, in single precision."""
    return 4 * x_shape[1] * prod(settings.stride) * prod(size)


def _places(
    input_size: Sequence[int], size: Sequence[int], settings: Settings
) -> Iterator[tuple[tuple[int, ...], list[slice], list[slice]]]:
    """Yield each phase, which cells of the input it has, and where in the phase they lie: at ``j`` for cell ``s j``."""
    for phase in np.ndindex(*settings.stride):
        of_x, of_phase = [], []
        for first, cells, places, step, (before, _) in zip(
            phase, input_size, size, settings.stride, settings.padding, strict=True
        ):
            start = max(0, -(-(before - first) // step))
            cell = start * step + first - before
            count = max(0, min(places - start, -(-(cells - cell) // step)))
            of_x.append(slice(cell, cell + count * step, step))
            of_phase.append(slice(start, start + count))
        yield phase, of_x, of_phase
