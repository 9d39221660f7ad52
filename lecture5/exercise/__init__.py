"""What an exercise is: its cells, its points, its checks, and the misconceptions that explain a wrong answer.

Students and the grader use the same code: ``check(conv1d)`` in a notebook diagnoses with the catalogue that also
proves the hidden tests.
"""

from __future__ import annotations

__all__ = ["check"]


def check(answer, exercise: str | None = None):
    """Check one function of an exercise and say what is wrong; see :func:`lecture5.exercise.checking.check`."""
    from lecture5.exercise.checking import check as run

    return run(answer, exercise)
