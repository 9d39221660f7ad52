"""Comparing sequences: edit distance, global alignment and time warping are one network, run along anti-diagonals.

All three fill a table D in which an entry depends on the entries above, to the left, and above to the left:

    D[i, j] = straight[i, j] ⊗ D[i−1, j]  ⊕  straight[i, j] ⊗ D[i, j−1]  ⊕  diagonal[i, j] ⊗ D[i−1, j−1]

Row by row this is a loop over every entry. But the entries of one anti-diagonal, i + j = k, depend only on the two
diagonals before it: so they are one layer, a convolution with a kernel of 2, and m + n layers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .semiring import MAX_PLUS, MIN_PLUS, Semiring


def alignment_table(straight: Any, diagonal: Any, semiring: Semiring) -> Any:
    """Return the table D of the recurrence above, with D[0, 0] = one.

    Parameters
    ----------
    straight, diagonal : arrays or tensors, (m + 1, n + 1)
        What a step down or to the right, and a diagonal step, into each entry costs. ``semiring.zero`` forbids it.
    semiring

    Returns
    -------
    array or tensor, (m + 1, n + 1)
        The gradient of its last entry with respect to the two inputs marks the steps of a best alignment.
    """
    if tuple(straight.shape) != tuple(diagonal.shape) or straight.ndim != 2:
        raise ValueError(
            f"straight has shape {tuple(straight.shape)} and diagonal {tuple(diagonal.shape)}, but both must be the"
            " same (m + 1, n + 1)"
        )
    height, width = straight.shape
    rows = np.arange(height)
    nowhere = _filled(straight, height, semiring.zero)
    before, last = nowhere, _filled(straight, height, semiring.zero)
    last[0] = semiring.one  # a diagonal is indexed by its row i; this one is i + j = 0
    layers = [last]
    for k in range(1, height + width - 1):
        columns = k - rows
        inside = (columns >= 0) & (columns < width)
        columns = columns.clip(0, width - 1)
        arriving = semiring_conv(last[None, None], [[[semiring.one] * 2]], semiring, padding=[(1, 0)])[0, 0]
        shifted = semiring_conv(before[None, None], [[[semiring.one, semiring.zero]]], semiring, padding=[(1, 0)])[0, 0]
        reached = semiring.plus(
            semiring.times(straight[rows, columns], arriving), semiring.times(diagonal[rows, columns], shifted)
        )
        before, last = last, _where(inside, reached, nowhere)
        layers.append(last)
    stacked = _stack(layers)
    return stacked[rows[:, None] + np.arange(width), rows[:, None]]


def edit_distance(a: Sequence, b: Sequence) -> int:
    """Return the smallest number of insertions, deletions and replacements that turn ``a`` into ``b`` (Levenshtein).

    Parameters
    ----------
    a, b
        Strings, or sequences of anything that can be compared.

    Examples
    --------
    >>> edit_distance("kitten", "sitting")
    3
    >>> edit_distance("", "abc")
    3
    """
    different = _compare(a, b, equal=0, different=1)
    straight = np.ones((len(a) + 1, len(b) + 1))
    return int(alignment_table(straight, _bordered(different, np.inf), MIN_PLUS)[-1, -1])


class Alignment(NamedTuple):
    """A score, and two strings of equal length, with ``-`` where one of them skips."""

    score: float
    a: str
    b: str


def needleman_wunsch(a: str, b: str, *, match: float = 1, mismatch: float = -1, gap: float = -1) -> Alignment:
    """Return the best global alignment of two strings (Needleman and Wunsch 1970): the edit distance over (max, +).

    Of several best alignments, the one that prefers a diagonal step, then a gap in ``b``, read from the end.

    Raises
    ------
    ValueError
        If a score is NaN or +inf.

    Examples
    --------
    >>> needleman_wunsch("GATTACA", "GCATGCG")
    Alignment(score=0.0, a='G-ATTACA', b='GCA-TGCG')
    """
    scores = np.array([match, mismatch, gap], dtype=float)
    MAX_PLUS.require("one of match, mismatch, gap", scores)
    straight = np.full((len(a) + 1, len(b) + 1), float(gap))
    diagonal = _bordered(_compare(a, b, equal=match, different=mismatch), -np.inf)
    table = alignment_table(straight, diagonal, MAX_PLUS)
    i, j, pairs = len(a), len(b), []
    while i or j:
        if i and j and table[i, j] == table[i - 1, j - 1] + diagonal[i, j]:
            i, j = i - 1, j - 1
            pairs.append((a[i], b[j]))
        elif i and table[i, j] == table[i - 1, j] + gap:
            i -= 1
            pairs.append((a[i], "-"))
        else:
            j -= 1
            pairs.append(("-", b[j]))
    first, second = ("".join(letters) for letters in zip(*pairs[::-1], strict=True)) if pairs else ("", "")
    return Alignment(float(table[-1, -1]), first, second)


def dtw(a: Any, b: Any) -> float:
    """Return the dynamic time warping distance (Sakoe and Chiba 1978) of two series, which may differ in length.

    The sum, along the best monotone pairing of their samples, of the distance between paired samples: absolute
    difference for numbers, Euclidean for vectors.

    Parameters
    ----------
    a, b : arrays, (T,) or (T, features)

    Raises
    ------
    ValueError
        If one is empty, holds NaN or inf, or they have different numbers of features.

    Examples
    --------
    >>> dtw([0, 1, 2, 1], [0, 0, 1, 2, 2, 1])
    0.0
    >>> dtw([0, 1, 2], [0, 3])
    2.0
    """
    a, b = _series("a", a), _series("b", b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"a has {a.shape[1]} features and b {b.shape[1]}, but they must have as many")
    distance = _bordered(np.sqrt(((a[:, None] - b) ** 2).sum(axis=-1)), np.inf)
    return float(alignment_table(distance, distance, MIN_PLUS)[-1, -1])


def _compare(a: Sequence, b: Sequence, equal: float, different: float) -> np.ndarray:
    return np.array([[equal if p == q else different for q in b] for p in a], dtype=float).reshape(len(a), len(b))


def _bordered(inner: np.ndarray, value: float) -> np.ndarray:
    """Return ``inner`` with a row above and a column on the left of ``value``."""
    return np.pad(inner, ((1, 0), (1, 0)), constant_values=value)


def _series(name: str, values: Any) -> np.ndarray:
    series = arguments.numeric_array(name, values).astype(float)
    series = series[:, None] if series.ndim == 1 else series
    if series.ndim != 2 or len(series) == 0:
        raise ValueError(f"{name} has shape {series.shape}, but it must be (T,) or (T, features), with T at least 1")
    if not np.isfinite(series).all():
        raise ValueError(f"{name} holds {series[~np.isfinite(series)][0]}, but every sample must be finite")
    return series


def _filled(like: Any, size: int, value: float) -> Any:
    return like.new_full((size,), value) if arguments.is_tensor(like) else np.full(size, value, dtype=float)


def _where(condition: np.ndarray, a: Any, b: Any) -> Any:
    if not arguments.is_tensor(a):
        return np.where(condition, a, b)
    import torch

    return torch.where(torch.as_tensor(condition, device=a.device), a, b)


def _stack(layers: list) -> Any:
    if not arguments.is_tensor(layers[0]):
        return np.stack(layers)
    import torch

    return torch.stack(layers)
