"""``check(conv1d)``: what passes, what differs and where, and which misconception explains it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture5.exercise.catalogue import find_question
from lecture5.exercise.diagnosis import (
    Comparison,
    Raised,
    compare,
    diagnose,
    outputs,
    picture,
    plane_to_show,
    reference_outputs,
)
from lecture5.exercise.model import Answer, Misconception, Question
from lecture5.inside.modules import Module

ALL_PASS = "Visible checks pass; hidden tests run when it is graded."
SOME_FAIL = "Not yet: the checks marked ✗ fail."


@dataclass(frozen=True)
class CheckedCase:
    """One line of a report: a case's name, and how the output compares."""

    name: str
    comparison: Comparison


@dataclass(frozen=True)
class Report:
    """The result of :func:`check`. Jupyter shows it as HTML; ``print`` shows it as text.

    Attributes
    ----------
    function
        The name of the function that was checked.
    cases
        One entry per public case.
    diagnosis
        The misconceptions that explain the outputs; empty if none does, or if nothing is wrong.
    """

    function: str
    cases: Sequence[CheckedCase]
    diagnosis: Sequence[Misconception]

    @property
    def passed(self) -> bool:
        """Whether every case agrees."""
        return all(case.comparison.agrees for case in self.cases)

    def __str__(self) -> str:
        lines = [f"{self.function}"]
        for case in self.cases:
            lines.append(f"  {'✓' if case.comparison.agrees else '✗'} {case.name}")
            if not case.comparison.agrees:
                lines.append(f"      {case.comparison.problem}")
                if case.comparison.signs is not None:
                    lines += [f"      {line}" for line in picture(case.comparison.signs).splitlines()]
        if any(case.comparison.signs is not None for case in self.cases):
            lines.append("  · equal   + too large   − too small   ? wrong otherwise")
        lines += [f"  → {one.sentence}" for one in self.diagnosis]
        lines.append(ALL_PASS if self.passed else SOME_FAIL)
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for case in self.cases:
            mark, word = ("✓", "passes") if case.comparison.agrees else ("✗", "fails")
            detail = "" if case.comparison.agrees else html.escape(case.comparison.problem)
            drawing = "" if case.comparison.signs is None else _svg(case.comparison.signs)
            rows.append(
                f'<tr><td><span role="img" aria-label="{word}">{mark}</span></td><td style="text-align:left">'
                f'{html.escape(case.name)}</td><td style="text-align:left">{detail}{drawing}</td></tr>'
            )
        hints = "".join(f"<p><strong>→ {html.escape(one.sentence)}</strong></p>" for one in self.diagnosis)
        verdict = ALL_PASS if self.passed else SOME_FAIL
        return (
            f"<div><p><code>{html.escape(self.function)}</code></p><table>{''.join(rows)}</table>{hints}"
            f"<p>{html.escape(verdict)}</p></div>"
        )


def _svg(signs: np.ndarray, rows: int = 12, columns: int = 32, size: int = 14) -> str:
    """Draw the differences as coloured squares; each holds its sign, so that nothing depends on colour alone."""
    plane = plane_to_show(signs)[:rows, :columns]
    colours = {0: "#e8e8e8", 1: "#f2a65a", -1: "#7fb3e6", 2: "#e58f8f"}
    squares = []
    for (row, column), value in np.ndenumerate(plane):
        x, y = column * size, row * size
        squares.append(f'<rect x="{x}" y="{y}" width="{size - 1}" height="{size - 1}" fill="{colours[int(value)]}"/>')
        if value:
            squares.append(
                f'<text x="{x + size / 2 - 0.5}" y="{y + size - 4}" font-size="{size - 3}" text-anchor="middle" '
                f'fill="#000">{"·+?−"[value]}</text>'
            )
    height, width = plane.shape[0] * size, plane.shape[1] * size
    label = f"{int((signs != 0).sum())} of {signs.size} values differ; + too large, − too small, ? wrong otherwise"
    return (
        f'<br><svg width="{width}" height="{height}" role="img" aria-label="{label}"><title>{label}</title>'
        f"{''.join(squares)}</svg>"
    )


def check(answer: Answer) -> Report:
    """Try a function of an exercise on its public cases.

    Parameters
    ----------
    answer : callable
        Your function (or class), under the name that the exercise gives it.

    Returns
    -------
    Report
        Which cases pass, where the others differ, and, if a known misconception gives just your outputs, a sentence
        that names it. The right values are not shown.

    Raises
    ------
    TypeError
        If ``answer`` is not a function: ``check(conv1d)``, not ``check(conv1d(x, w))``.
    KeyError
        If no exercise asks for a function of this name.

    Examples
    --------
    >>> def conv1d(x, w):
    ...     return [sum(x[t + k] * w[-1 - k] for k in range(len(w))) for t in range(len(x) - len(w) + 1)]
    >>> report = check(conv1d)
    >>> report.passed
    False
    >>> print(report.diagnosis[0].sentence[:28])
    Your kernel is turned round:
    """
    if not callable(answer):
        raise TypeError(f"check takes the function itself, as in check(conv1d); it was given {type(answer).__name__}")
    _, question = find_question(getattr(answer, "__name__", str(answer)))
    if isinstance(answer, type):
        return judge(question, outputs(question, lambda *arguments: Module(answer(*arguments))))
    return judge(question, outputs(question, answer))


def judge(question: Question, given: Sequence[Any]) -> Report:
    """Build the report from outputs on ``question.cases``, in order; the grader calls this with remote outputs."""
    expected = reference_outputs(question)
    cases = [
        CheckedCase(case.name, _compare(right, mine))
        for case, right, mine in zip(question.cases, expected, given, strict=True)
    ]
    wrong = not all(case.comparison.agrees for case in cases)
    diagnosis = diagnose(question, given) if wrong else []
    return Report(question.name, cases, diagnosis)


def _compare(expected: Any, got: Any) -> Comparison:
    if isinstance(got, Raised):
        if got.kind == "NotImplementedError":
            return Comparison("not written yet")
        return Comparison(f"raised {got.kind}: {got.text}")
    return compare(expected, got)
