"""A sliding window, seen tap by tap.

A window that slides over an input can be looked at in two ways. Stand at one position, and look at all the cells in the
window: that is the definition, with a loop over the positions. Or hold on to one cell of the window, a *tap*, and look
at what it meets at all positions: that is every ``stride``-th cell of the input from some start, a plain slice. There
are few taps and many positions, so the second loop is the fast one. Pooling, transposed convolution and the locally
connected layer use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


def taps(
    x: Any, kernel_size: Sequence[int], output_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield each tap of the window, and the cells of ``x`` that it meets at all positions.

    Parameters
    ----------
    x : array or tensor, (..., *spatial)
        The input, with its padding.

    Yields
    ------
    tap : tuple of int
        The place in the window, in row-major order.
    cells : array or tensor, (..., *output_size)
        A view into ``x``: adding to it adds to ``x``, each cell once.

    Examples
    --------
    A window of three that moves by two over seven cells, so it has three positions: 012, 234 and 456.

    >>> for tap, cells in taps(np.arange(7), (3,), (3,), stride=(2,), dilation=(1,)):
    ...     print(tap, cells)
    (0,) [0 2 4]
    (1,) [1 3 5]
    (2,) [2 4 6]
    """
    for tap in np.ndindex(*kernel_size):
        starts = [gap * index for gap, index in zip(dilation, tap, strict=True)]
        lengths = [step * (size - 1) + 1 for step, size in zip(stride, output_size, strict=True)]
        cells = (
            slice(start, start + length, step) for start, length, step in zip(starts, lengths, stride, strict=True)
        )
        yield tap, x[..., *cells]
