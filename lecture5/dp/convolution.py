"""Convolution over any semiring: the layer that this package's algorithms are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..padding import resolve_padding
from .semiring import Semiring

# Numbers in the part of the output that is finished before the next is begun, so that it stays in the cache.
CELLS_AT_A_TIME = 16_384


def semiring_conv(
    x: Any,
    w: Any,
    semiring: Semiring,
    *,
    padding: int | str | Sequence = 0,
    dilation: int | Sequence[int] = 1,
) -> Any:
    """Return the convolution of ``x`` with ``w``, with a semiring's two operations for + and ×.

    Entry [n, k, p] is the ⊕, over channels c and kernel taps t, of  w[k, c, t] ⊗ x[n, c, p + dilation · t]. As
    everywhere in lecture5 the kernel is not flipped.

    Parameters
    ----------
    x : array or tensor, (N, C, *spatial)
    w : array or tensor, (K, C, *kernel_size)
        A tap that is ``semiring.zero`` is no tap: what it would read takes no part.
    semiring
        One of ``PLUS_TIMES``, ``MIN_PLUS``, ``MAX_PLUS``, ``MAX_TIMES``, ``OR_AND``, ``LOG_SUM_EXP``, or your own.
    padding
        Cells around ``x`` that hold ``semiring.zero``: an integer, one per axis, ``(before, after)`` pairs,
        ``"same"`` or ``"valid"``.
    dilation
        Distance between neighbouring taps.

    Returns
    -------
    array or tensor, (N, K, *output)
        Booleans for (or, and). Integers become float64 where ``semiring.zero`` is infinite.
        Gradients flow through a tensor; between equal candidates for a minimum or maximum the first tap gets them
        all, so that following gradients follows *one* best way.

    Raises
    ------
    ValueError
        If shapes do not fit, or ``x`` or ``w`` hold a number that the semiring does not have: NaN in any of them,
        −inf in (min, +), +inf in (max, +), a negative number in (max, ×).

    Examples
    --------
    Come from the left for 1, or stay for 0: how far is the nearest 0 on the left?

    >>> from lecture5.dp import MIN_PLUS
    >>> row = [[[0, np.inf, np.inf, 5]]]
    >>> semiring_conv(row, [[[1, 0]]], MIN_PLUS, padding=[(1, 0)])[0, 0]
    array([ 0.,  1., inf,  5.])
    """
    x, w = _operands(x, w, semiring)
    kernel_size, dimensions = tuple(w.shape[2:]), x.ndim - 2
    dilation = arguments.per_axis("dilation", dilation, dimensions, minimum=1)
    pairs = resolve_padding(padding, kernel_size, (1,) * dimensions, dilation)
    x = _pad(x, pairs, semiring.zero)
    spans = [step * (size - 1) + 1 for size, step in zip(kernel_size, dilation, strict=True)]
    sizes = tuple(size - span + 1 for size, span in zip(x.shape[2:], spans, strict=True))
    if min(sizes) < 1:
        raise ValueError(
            f"w has a kernel of {kernel_size}, which spans {tuple(spans)} cells with dilation {dilation}, but x with"
            f" its padding has only {tuple(x.shape[2:])}: pad more, or use a smaller kernel"
        )
    return (_fold_tensor if arguments.is_tensor(x) else _fold_array)(x, w, semiring, dilation, sizes)


def _fold_array(x: np.ndarray, w: np.ndarray, semiring: Semiring, dilation: tuple, sizes: tuple) -> np.ndarray:
    """The sum over taps, one tap after the other, for a band of rows at a time."""
    out = np.full((len(x), len(w), *sizes), semiring.zero, np.result_type(x, w))
    rows = max(1, CELLS_AT_A_TIME // max(1, int(np.prod(sizes[1:]))))
    scratch = np.empty((rows, *sizes[1:]), out.dtype)
    taps = [tuple(tap) for tap in np.argwhere(w != semiring.zero)]
    for n, first in itertools.product(range(len(x)), range(0, sizes[0], rows)):
        for k, c, *tap in taps:
            band = out[n, k, first : first + rows]
            starts = [step * offset for step, offset in zip(dilation, tap, strict=True)]
            starts[0] += first
            term = x[n, c, *(slice(s, s + size) for s, size in zip(starts, band.shape, strict=True))]
            if w[k, c, *tap] != semiring.one:
                term = semiring.multiply(term, w[k, c, *tap], out=scratch[: len(band)])
            semiring.add(band, term, out=band)
    return out


def _fold_tensor(x: Any, w: Any, semiring: Semiring, dilation: tuple, sizes: tuple) -> Any:
    """The same for tensors, with nothing written in place, so that autograd can follow."""
    out = x.new_full((len(x), len(w), *sizes), semiring.zero)
    for c, *tap in np.ndindex(*w.shape[1:]):
        window = [slice(s * t, s * t + size) for s, t, size in zip(dilation, tap, sizes, strict=True)]
        weight = w[:, c, *tap].reshape(1, -1, *[1] * len(sizes))
        out = semiring.plus(out, semiring.times(x[:, c : c + 1, *window], weight))
    return out


def _operands(x: Any, w: Any, semiring: Semiring) -> tuple[Any, Any]:
    """Return ``x`` and ``w`` as arrays or tensors of one dtype that can hold ``semiring.zero``."""
    if not isinstance(semiring, Semiring):
        raise TypeError(f"semiring is {semiring!r}, but it must be a Semiring, such as lecture5.dp.MIN_PLUS")
    if arguments.is_tensor(x) or arguments.is_tensor(w):
        x, w = _as_tensors(x, w, semiring)
    else:
        x, w = arguments.numeric_array("x", x), arguments.numeric_array("w", w)
    if x.ndim < 3:
        raise ValueError(f"x has shape {tuple(x.shape)}, but it must be (N, C, *spatial), with at least 3 axes")
    if w.ndim != x.ndim or w.shape[1] != x.shape[1]:
        raise ValueError(
            f"w has shape {tuple(w.shape)} and x {tuple(x.shape)}, but w must be (K, {x.shape[1]}, *kernel_size) with"
            f" {x.ndim - 2} kernel sizes, one per spatial axis of x"
        )
    semiring.require("x", x)
    semiring.require("w", w)
    if arguments.is_tensor(x):
        return x, w
    dtype = np.result_type(x, w)
    if isinstance(semiring.zero, bool):
        dtype = np.dtype(bool)
    elif np.isinf(semiring.zero) and dtype.kind != "f":
        dtype = np.dtype(np.float64)
    return x.astype(dtype, copy=False), w.astype(dtype, copy=False)


def _as_tensors(x: Any, w: Any, semiring: Semiring) -> tuple[Any, Any]:
    import torch

    tensor = x if arguments.is_tensor(x) else w
    # An array or list beside a tensor of floats takes its dtype: a kernel in float64 must not slow a float32 net down.
    kind = {"dtype": tensor.dtype if tensor.dtype.is_floating_point else None, "device": tensor.device}
    x = x if arguments.is_tensor(x) else torch.as_tensor(arguments.numeric_array("x", x), **kind)
    w = w if arguments.is_tensor(w) else torch.as_tensor(arguments.numeric_array("w", w), **kind)
    dtype = torch.promote_types(x.dtype, w.dtype)
    if isinstance(semiring.zero, bool):
        dtype = torch.bool
        semiring.require("x", x), semiring.require("w", w)
    elif not dtype.is_floating_point:
        dtype = torch.get_default_dtype() if np.isinf(semiring.zero) else torch.promote_types(dtype, torch.int64)
    return x.to(dtype), w.to(dtype)


def _pad(x: Any, pairs: Sequence[tuple[int, int]], value: float) -> Any:
    """Return ``x`` with cells of ``value`` around it; ``x`` itself where there are none to add."""
    if not any(map(any, pairs)):
        return x
    if not arguments.is_tensor(x):
        return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=value)
    from torch.nn.functional import pad

    return pad(x, [cells for pair in reversed(pairs) for cells in pair], value=value)
