"""What an exercise is: its cells, its points, its checks, and the misconceptions that explain a wrong answer.

Students and the grader use the same code: ``check(conv1d)`` in a notebook diagnoses with the catalogue that also
proves the hidden tests.

========================  =============================================================================
``model``                 Exercise, Question, Case, Misconception
``catalogue``             one module per exercise: right implementations, inputs, misconceptions
``diagnosis``             compare outputs; find the misconception that explains them
``checking``              ``check``: the report that a student sees
``cells``                 which cell of a notebook is an answer, a check or a helper, and its points
``release``               solutions/*.ipynb → exercises/*.ipynb
``notebooks``             run notebooks, and store them in one form
========================  =============================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lecture5.exercise.checking import check

__all__ = ["check"]


def __getattr__(name: str) -> Any:
    if name == "check":
        from lecture5.exercise.checking import check

        return check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
