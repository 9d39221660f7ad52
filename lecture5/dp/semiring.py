"""Semirings: the two operations that an algorithm is made of.

A convolution multiplies and adds. Put other operations in their places, keep the rest, and it computes something else:
with addition for "times" and minimum for "plus" one layer finds the cheapest way to come from a neighbour. What a pair
of operations needs for that to make sense is what school algebra calls the distributive law, and a little more:

- ``plus`` is associative and commutative, and ``zero`` changes nothing:  a ⊕ 0 = a
- ``times`` is associative, and ``one`` changes nothing:                  a ⊗ 1 = 1 ⊗ a = a
- ``times`` distributes over ``plus``:                                    a ⊗ (b ⊕ c) = (a ⊗ b) ⊕ (a ⊗ c)
- ``zero`` absorbs:                                                       a ⊗ 0 = 0 ⊗ a = 0

Nothing is ever subtracted or divided, so minimum will do. The tests check every law for every semiring below.

References
----------
M. Mohri, "Semiring frameworks and algorithms for shortest-distance problems", Journal of Automata, Languages and
Combinatorics 7, 2002, section 2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import arguments


@dataclass(frozen=True)
class Semiring:
    """Two operations on numbers, and their neutral elements.

    Parameters
    ----------
    name
        What people call it.
    add, multiply
        The two operations, as numpy ufuncs. Torch has a function of the same name for each.
    zero
        Neutral for ``add``; absorbing for ``multiply``. What padding is filled with, and the weight that means "not
        connected".
    one
        Neutral for ``multiply``: the weight that means "as it is".
    numbers
        Which numbers belong to it, in words for an error message.
    contains
        The same as a test on each entry of an array or tensor.

    Examples
    --------
    >>> MIN_PLUS.plus(3, 5), MIN_PLUS.times(3, 5)
    (3, 8)
    >>> MIN_PLUS.zero, MIN_PLUS.one
    (inf, 0)
    >>> MIN_PLUS.sum(np.array([[4, 7], [6, 2]]), axis=1)
    array([4, 2])
    """

    name: str
    add: np.ufunc = field(repr=False)
    multiply: np.ufunc = field(repr=False)
    zero: float
    one: float
    numbers: str = field(repr=False)
    contains: Callable[[Any], Any] = field(repr=False)

    def plus(self, a: Any, b: Any) -> Any:
        """Return a ⊕ b, entry by entry: for numbers, arrays or tensors."""
        return _apply(self.add, a, b)

    def times(self, a: Any, b: Any) -> Any:
        """Return a ⊗ b, entry by entry."""
        return _apply(self.multiply, a, b)

    def sum(self, values: Any, axis: int) -> Any:
        """Return the ⊕ of all ``values`` along one axis."""
        if not arguments.is_tensor(values):
            return self.add.reduce(values, axis=axis)
        return functools.reduce(self.plus, values.unbind(axis))

    def require(self, name: str, values: Any) -> None:
        """Raise ValueError if some of the ``values`` are not numbers of this semiring.

        Examples
        --------
        >>> MIN_PLUS.require("w", np.array([1.0, -np.inf]))
        Traceback (most recent call last):
        ...
        ValueError: w holds -inf, but (min, +) works on real numbers and inf
        """
        inside = self.contains(values)
        if not inside.all():
            raise ValueError(f"{name} holds {float(values[~inside][0])}, but {self.name} works on {self.numbers}")


def _apply(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    if not (arguments.is_tensor(a) or arguments.is_tensor(b)):
        result = ufunc(a, b)
        return result.item() if np.isscalar(a) and np.isscalar(b) else result
    import torch

    if ufunc is np.minimum:  # torch.minimum would halve the gradient between equal candidates; a path takes one of them
        return torch.where(b < a, b, a)
    if ufunc is np.maximum:
        return torch.where(b > a, b, a)
    if ufunc is np.logaddexp:
        return _log_add_exp(a, b)
    return getattr(torch, ufunc.__name__)(torch.as_tensor(a), torch.as_tensor(b))


def _log_add_exp(a: Any, b: Any) -> Any:
    """log(exp a + exp b) with a gradient of 0, not NaN, where both are −inf: an impossible event stays impossible."""
    import torch

    a, b = torch.broadcast_tensors(torch.as_tensor(a), torch.as_tensor(b))
    largest = torch.where(b > a, b, a).detach()
    largest = torch.where(torch.isfinite(largest), largest, torch.zeros_like(largest))
    total = torch.exp(a - largest) + torch.exp(b - largest)
    impossible = total == 0
    logarithm = torch.log(torch.where(impossible, torch.ones_like(total), total)) + largest
    return torch.where(impossible, torch.full_like(total, -torch.inf), logarithm)


PLUS_TIMES = Semiring("(+, ×)", np.add, np.multiply, 0, 1, "finite numbers", lambda v: abs(v) < np.inf)
"""The ordinary one. Its convolution is *the* convolution; its networks count and average."""

MIN_PLUS = Semiring("(min, +)", np.minimum, np.add, np.inf, 0, "real numbers and inf", lambda v: v > -np.inf)
"""Costs: the cheapest of several ways, each the sum of its parts. ``inf`` is no way at all."""

MAX_PLUS = Semiring("(max, +)", np.maximum, np.add, -np.inf, 0, "real numbers and -inf", lambda v: v < np.inf)
"""Scores, and logarithms of probabilities: the best of several ways."""

MAX_TIMES = Semiring(
    "(max, ×)", np.maximum, np.multiply, 0, 1, "numbers from 0 up, without inf", lambda v: (v >= 0) & (v < np.inf)
)
"""Probabilities: the most probable of several ways."""

OR_AND = Semiring("(or, and)", np.logical_or, np.logical_and, False, True, "0 and 1", lambda v: (v == 0) | (v == 1))
"""Truth: whether there is any way."""

LOG_SUM_EXP = Semiring(
    "(logsumexp, +)", np.logaddexp, np.add, -np.inf, 0, "real numbers and -inf", lambda v: v < np.inf
)
"""Logarithms of probabilities: all ways together. (+, ×) on a scale on which products of thousands do not underflow."""

SEMIRINGS = (PLUS_TIMES, MIN_PLUS, MAX_PLUS, MAX_TIMES, OR_AND, LOG_SUM_EXP)
