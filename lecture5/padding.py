"""Padding: what a convolution reads outside its input.

Four answers, along one axis, for the signal ``a b c d`` with two cells added on each side::

    zeros       0 0 | a b c d | 0 0      nothing is there
    replicate   a a | a b c d | d d      the last value goes on
    reflect     c b | a b c d | c b      a mirror in the last cell, which is not repeated
    circular    c d | a b c d | a b      the signal starts again, as the discrete Fourier transform assumes

All but the first say *which input cell to read*, so each is one formula for an index (:func:`source_index`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lecture5 import arguments

PADDING_MODES = ("zeros", "replicate", "reflect", "circular")

Pairs = tuple[tuple[int, int], ...]
"""Cells before and after, for each spatial axis."""


def pad(x: Any, padding: int | Sequence, mode: str = "zeros") -> Any:
    """Return ``x`` with cells added at the ends of its spatial axes.

    Parameters
    ----------
    x : array or tensor, (N, C, *spatial)
        Numbers of any kind; the dtype is kept.
    padding
        Cells on each side: one integer, one per spatial axis, or one ``(before, after)`` pair per spatial axis.
    mode : {"zeros", "replicate", "reflect", "circular"}
        What the new cells hold; see the top of this module.

    Returns
    -------
    array or tensor, (N, C, *padded)
        A new array. A torch tensor gives a tensor on its device, through which gradients flow.

    Raises
    ------
    ValueError
        If an axis is too short: reflect needs less padding than cells, circular no more than cells, as in torch.
    TypeError
        If ``padding`` is not made of integers or ``x`` not of numbers.

    Examples
    --------
    >>> row = [[[1, 2, 3, 4]]]
    >>> for mode in PADDING_MODES:
    ...     print(pad(row, 2, mode)[0, 0])
    [0 0 1 2 3 4 0 0]
    [1 1 1 2 3 4 4 4]
    [3 2 1 2 3 4 3 2]
    [3 4 1 2 3 4 1 2]
    >>> pad(row, [(0, 3)])[0, 0]
    array([1, 2, 3, 4, 0, 0, 0])
    """
    arguments.choice("mode", mode, PADDING_MODES)
    if not arguments.is_tensor(x):
        x = arguments.numeric_array("x", x, allow_complex=True)
    if x.ndim < 3:
        raise ValueError(f"x has shape {tuple(x.shape)}, but it must be (N, C, *spatial), with at least 3 axes")
    pairs = padding_pairs("padding", padding, x.ndim - 2)
    if mode == "zeros":
        return _pad_with_zeros(x, pairs)
    for axis, (before, after) in enumerate(pairs):
        index = source_index(x.shape[2 + axis], before, after, mode)
        x = _read(x, index, 2 + axis)
    return x


def source_index(size: int, before: int, after: int, mode: str) -> np.ndarray:
    """Return which of ``size`` cells each cell of the padded axis repeats.

    Examples
    --------
    >>> source_index(4, 2, 3, "reflect")
    array([2, 1, 0, 1, 2, 3, 2, 1, 0])
    """
    limit, reason = {
        "replicate": (np.inf if size else 0, "there is no cell to repeat"),
        "reflect": (max(size - 1, 0), "reflect repeats each cell at most once, without the last one"),
        "circular": (size, "circular goes around at most once"),
    }[mode]
    if max(before, after) > limit:
        raise ValueError(
            f"padding is ({before}, {after}) on an axis of {size} cells, but mode {mode!r} allows at most {limit}:"
            f" {reason}"
        )
    index = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(index, 0, size - 1)
    if mode == "reflect":
        last = size - 1
        return last - abs(last - abs(index))
    return index % size if size else index


def padding_pairs(name: str, padding: int | Sequence, dimensions: int) -> Pairs:
    """Return ``padding`` as one ``(before, after)`` pair per spatial axis.

    Examples
    --------
    >>> padding_pairs("padding", 1, 2)
    ((1, 1), (1, 1))
    >>> padding_pairs("padding", [3, (0, 1)], 2)
    ((3, 3), (0, 1))
    """
    if not isinstance(padding, (list, tuple, np.ndarray)):
        padding = (padding,) * dimensions
    if len(padding) != dimensions:
        raise ValueError(
            f"{name} is {padding!r}, {len(padding)} values, but the number of spatial axes is {dimensions}: give one"
            " integer, one per axis, or one (before, after) pair per axis, such as"
            f" {[(1, 2)] * dimensions}"
        )
    return tuple(
        arguments.per_axis(f"{name}[{axis}]", tuple(entry), 2, minimum=0)
        if isinstance(entry, (list, tuple, np.ndarray))
        else (arguments.integer(name, entry, minimum=0),) * 2
        for axis, entry in enumerate(padding)
    )


def resolve_padding(
    padding: int | str | Sequence, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Pairs:
    """Return the ``padding`` argument of a convolution as one ``(before, after)`` pair per spatial axis.

    ``"valid"`` is no padding. ``"same"`` is what makes the output as large as the input at stride 1: the kernel's span
    less one in total; when that is odd, the extra cell goes after, as in torch.

    Examples
    --------
    >>> resolve_padding("same", kernel_size=(3, 4), stride=(1, 1), dilation=(2, 1))
    ((2, 2), (1, 2))
    """
    if not isinstance(padding, str):
        return padding_pairs("padding", padding, len(kernel_size))
    arguments.choice("padding", padding, ("same", "valid"))
    if padding == "valid":
        return ((0, 0),) * len(kernel_size)
    if any(step != 1 for step in stride):
        raise ValueError(
            f"padding is 'same' with stride {tuple(stride)}, but 'same' needs stride 1, since a larger stride always"
            " makes the output smaller: give the padding as integers"
        )
    totals = [step * (size - 1) for size, step in zip(kernel_size, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def _pad_with_zeros(x: Any, pairs: Pairs) -> Any:
    if arguments.is_tensor(x):
        from torch.nn.functional import pad as torch_pad

        return torch_pad(x, [cells for pair in reversed(pairs) for cells in pair])
    spatial = zip(x.shape[2:], pairs, strict=True)
    padded = np.zeros(x.shape[:2] + tuple(size + before + after for size, (before, after) in spatial), x.dtype)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape[2:], pairs, strict=True))
    padded[:, :, *inside] = x
    return padded


def _read(x: Any, index: np.ndarray, axis: int) -> Any:
    """Return the cells of ``x`` at ``index`` along ``axis``."""
    if arguments.is_tensor(x):
        import torch

        return x.index_select(axis, torch.from_numpy(index).to(x.device))
    return x.take(index, axis)
