"""Compare an answer with what was expected, and find the misconception that explains the difference."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture5.exercise.model import Answer, Case, Misconception, Question

RELATIVE, ABSOLUTE = 1e-5, 1e-7


@dataclass(frozen=True)
class Comparison:
    """How an output relates to the expected one. ``problem`` is empty where they agree.

    ``signs`` has the result's shape: 0 where equal, 1 where the output is too large, -1 where it is too small, 2 where
    it is wrong otherwise: complex, or not a number.
    """

    problem: str = ""
    signs: np.ndarray | None = None

    @property
    def agrees(self) -> bool:
        return not self.problem


def as_array(output: Any) -> np.ndarray | None:
    """Return numbers, arrays, tensors and (nested) lists of numbers as an array; None if it is none of these."""
    if hasattr(output, "detach"):
        output = output.detach().cpu().numpy()
    try:
        array = np.array(output)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biufc" else None


def describe(output: Any) -> str:
    """Return what was given, in a few words: ``an array of shape (3,), dtype float64``."""
    if output is None:
        return "None (is a return statement missing?)"
    array = as_array(output)
    if array is None:
        return f"a {type(output).__name__} that holds no numbers"
    kind = "a list" if isinstance(output, (list, tuple)) else "a number" if array.ndim == 0 else "an array"
    return f"{kind} of shape {array.shape}, dtype {array.dtype}"


def compare(expected: Any, got: Any, *, relative: float = RELATIVE, absolute: float = ABSOLUTE) -> Comparison:
    """Compare kind, shape and values, in this order; say the first thing that is wrong, without the expected values.

    Examples
    --------
    >>> compare([1.0, 2.0, 3.0], [1.0, 2.5, 3.0]).problem
    'first difference at index (1,): yours is 2.5, which is too large; 1 of 3 values differ'
    >>> compare([1.0, 2.0, 3.0], [1.0, 2.0]).problem
    'the shape should be (3,), yours is (2,)'
    >>> compare([1.0, 2.0], [1.0, 2.0]).agrees
    True
    """
    expected = np.asarray(expected)
    array = as_array(got)
    if array is None:
        return Comparison(f"an array of numbers is expected, you return {describe(got)}")
    if array.shape != expected.shape:
        return Comparison(f"the shape should be {expected.shape}, yours is {array.shape}")
    if np.iscomplexobj(array) and not np.iscomplexobj(expected):
        return Comparison(f"the values should be real, yours have dtype {array.dtype}")
    if np.iscomplexobj(expected) and not np.iscomplexobj(array):
        return Comparison(f"the values should be complex, yours have dtype {array.dtype}")
    with np.errstate(invalid="ignore", over="ignore"):
        equal = np.isclose(array, expected, rtol=relative, atol=absolute, equal_nan=True)
        larger = np.zeros(equal.shape) if np.iscomplexobj(expected) else np.sign(array.astype(float) - expected)
    if equal.all():
        return Comparison()
    # complex numbers, and nan, are neither too large nor too small
    signs = np.where(equal, 0, np.where(np.abs(larger) == 1, larger, 2)).astype(int)
    index = tuple(int(n) for n in np.argwhere(~equal)[0]) if equal.ndim else ()
    way = {1: "too large", -1: "too small"}.get(int(signs[index]), "wrong")
    where = f"first difference at index {index}: yours" if index else "your value"
    return Comparison(
        f"{where} is {array[index]:.6g}, which is {way}; {int((~equal).sum())} of {equal.size} values differ", signs
    )


def picture(signs: np.ndarray, rows: int = 12, columns: int = 32) -> str:
    """Draw where an output differs: ``·`` equal, ``+`` too large, ``−`` too small, ``?`` otherwise wrong.

    More than two axes: the first plane with a difference. A large plane: its upper left corner, marked with ``…``.

    Examples
    --------
    >>> print(picture(np.array([[0, 0, 1], [0, -1, 0]])))
    · · +
    · − ·
    """
    plane = plane_to_show(signs)
    lines = [" ".join("·+?−"[value] for value in row[:columns]) for row in plane[:rows]]
    if plane.shape[1] > columns:
        lines = [line + " …" for line in lines]
    if plane.shape[0] > rows:
        lines.append("…")
    return "\n".join(lines)


def plane_to_show(signs: np.ndarray) -> np.ndarray:
    """Return the two axes of ``signs`` to draw."""
    if signs.ndim <= 2:
        return np.atleast_2d(signs)
    planes = signs.reshape(-1, *signs.shape[-2:])
    return planes[np.flatnonzero(planes.any(axis=(1, 2)))[0]]


@dataclass(frozen=True)
class Raised:
    """Stands for an output where a call raised an exception instead: its class's name, and its text, cut short."""

    kind: str
    text: str


def outputs(question: Question, answer: Answer) -> list[Any]:
    """Run a student's answer on copies of the question's public cases; an exception becomes :class:`Raised`."""
    return [_output(lambda *arguments: question.run(answer, arguments), case) for case in question.cases]


def reference_outputs(question: Question, reference: Answer | None = None) -> list[Any]:
    """Run the reference, or a wrong one made from it, on copies of the question's public cases."""
    return [_output(reference or question.reference, case) for case in question.cases]


def _output(function: Answer, case: Case) -> Any:
    try:
        return function(*copy.deepcopy(case.arguments))
    except Exception as error:  # whatever a student's code does
        return Raised(type(error).__name__, str(error)[:200])


def diagnose(question: Question, given: Sequence[Any]) -> list[Misconception]:
    """Return the misconceptions that together give just these outputs: none, one, or two.

    Parameters
    ----------
    question
        The function that was asked for.
    given
        The student's outputs on ``question.cases``, in order, as :func:`outputs` returns them.

    Notes
    -----
    A misconception is named only if it explains *every* case and differs from the right answer on at least two of
    them, so that one coincidence does not name it. Single ones are tried before pairs. An answer that raises an error
    in every case, as an empty one does, is not diagnosed: any error looks like any other.
    """
    if all(isinstance(output, Raised) for output in given):
        return []
    expected = reference_outputs(question)
    for number in (1, 2):
        for chosen in itertools.permutations(question.misconceptions, number):
            answer = question.reference
            for misconception in reversed(chosen):
                answer = misconception.spoil(answer)
            spoiled = []
            for case, mine in zip(question.cases, given, strict=True):
                spoiled.append(_output(answer, case))
                if not _same(spoiled[-1], mine):
                    break  # for most this is the first case, and there are many pairs
            else:
                differs = sum(not _same(right, wrong) for right, wrong in zip(expected, spoiled, strict=True))
                if differs >= 2:
                    return list(chosen)
    return []


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, Raised) or isinstance(got, Raised):
        return isinstance(expected, Raised) and isinstance(got, Raised)
    reference = as_array(expected)
    return reference is not None and compare(reference, got).agrees
