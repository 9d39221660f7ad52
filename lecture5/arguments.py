"""Checks on arguments, in one place, so that every error names the argument, its value and what would be right."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np


def integer(name: str, value: Any, *, minimum: int) -> int:
    """Return ``value`` as an int that is at least ``minimum``.

    Raises
    ------
    TypeError
        If ``value`` is not an integer (a bool, a float and a string are not).
    ValueError
        If it is smaller than ``minimum``.

    Examples
    --------
    >>> integer("stride", 2, minimum=1)
    2
    >>> integer("stride", 0, minimum=1)
    Traceback (most recent call last):
    ...
    ValueError: stride is 0, but it must be at least 1
    """
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}, but it must be an integer")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}), but it must be an integer") from None
    if number < minimum:
        raise ValueError(f"{name} is {number}, but it must be at least {minimum}")
    return number


def real(
    name: str, value: Any, *, above: float = -math.inf, minimum: float = -math.inf, maximum: float = math.inf
) -> float:
    """Return ``value`` as a finite float that is greater than ``above`` and between ``minimum`` and ``maximum``.

    Examples
    --------
    >>> real("sigma", 2, above=0)
    2.0
    >>> real("fraction", 1.5, minimum=0, maximum=1)
    Traceback (most recent call last):
    ...
    ValueError: fraction is 1.5, but it must be a finite number at least 0 and at most 1
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}), but it must be a real number")
    number = float(value)
    if not (math.isfinite(number) and above < number and minimum <= number <= maximum):
        limits = [("above", above), ("at least", minimum), ("at most", maximum)]
        wanted = " and ".join(f"{word} {limit:g}" for word, limit in limits if math.isfinite(limit))
        raise ValueError(f"{name} is {value!r}, but it must be a finite number {wanted}".rstrip())
    return number


def per_axis(name: str, value: int | Sequence[int], dimensions: int, *, minimum: int) -> tuple[int, ...]:
    """Return one integer per spatial axis: an int is repeated, a sequence must have one entry per axis.

    Examples
    --------
    >>> per_axis("stride", 2, 3, minimum=1)
    (2, 2, 2)
    >>> per_axis("stride", (2, 1, 1), 2, minimum=1)
    Traceback (most recent call last):
    ...
    ValueError: stride is (2, 1, 1), 3 values, but there are 2 spatial axes: give one integer, or 2
    """
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != dimensions:
            axes = "1 spatial axis" if dimensions == 1 else f"{dimensions} spatial axes"
            remedy = "give one integer" if dimensions == 1 else f"give one integer, or {dimensions}"
            raise ValueError(f"{name} is {value!r}, {len(value)} values, but there are {axes}: {remedy}")
        return tuple(integer(f"{name}[{axis}]", entry, minimum=minimum) for axis, entry in enumerate(value))
    return (integer(name, value, minimum=minimum),) * dimensions


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return ``value`` if it is one of the ``allowed`` words.

    Examples
    --------
    >>> choice("mode", "zero", ("zeros", "reflect"))
    Traceback (most recent call last):
    ...
    ValueError: mode is 'zero', but it must be one of 'zeros', 'reflect'
    """
    if not (isinstance(value, str) and value in allowed):
        raise ValueError(f"{name} is {value!r}, but it must be one of {', '.join(map(repr, allowed))}")
    return value


def numeric_array(name: str, value: Any, *, allow_complex: bool = False) -> np.ndarray:
    """Return ``value`` as a numpy array of numbers; lists are welcome, float32 and float64 keep their dtype.

    Booleans become int64, as numpy does when it adds them.

    Raises
    ------
    TypeError
        If it is ragged, or holds objects or text, or complex numbers where they have no meaning.

    Examples
    --------
    >>> numeric_array("x", [[1, 2], [3, 4]]).shape
    (2, 2)
    >>> numeric_array("x", ["a"])
    Traceback (most recent call last):
    ...
    TypeError: x has dtype <U1, but it must hold numbers (integers or floats)
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} is ragged: its rows have different lengths, but an array needs equal ones") from None
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    if array.dtype.kind not in ("iufc" if allow_complex else "iuf"):
        wanted = "numbers" if allow_complex else "numbers (integers or floats)"
        raise TypeError(f"{name} has dtype {array.dtype}, but it must hold {wanted}")
    return array


def as_floats(x: Any) -> Any:
    """Return ``x``, an array or tensor of numbers, with its integers as floats, as when they are divided.

    Examples
    --------
    >>> as_floats(np.array([1, 2]))
    array([1., 2.])
    """
    if is_tensor(x):
        return x if x.is_floating_point() else x / 1
    return x.astype(np.float64) if x.dtype.kind in "iu" else x


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a torch tensor, decided without importing torch."""
    return any(base.__module__ == "torch" and base.__name__ == "Tensor" for base in type(value).__mro__)
