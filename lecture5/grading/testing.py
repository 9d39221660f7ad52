"""What hidden tests use."""

from __future__ import annotations

from typing import Any

from lecture5.exercise.diagnosis import ABSOLUTE, RELATIVE, compare


class WrongAnswer(AssertionError):
    """A result differs from the expected one."""


def assert_equal(actual: Any, expected: Any, *, relative: float = RELATIVE, absolute: float = ABSOLUTE) -> None:
    """Fail unless ``actual`` has the kind, the shape and, within rounding, the values of ``expected``.

    The message has neither the input nor the expected values: students may read it.
    """
    comparison = compare(expected, actual, relative=relative, absolute=absolute)
    if comparison.agrees:
        return
    if comparison.signs is None:
        raise WrongAnswer(comparison.problem)
    raise WrongAnswer(f"{int((comparison.signs != 0).sum())} of {comparison.signs.size} values differ")
