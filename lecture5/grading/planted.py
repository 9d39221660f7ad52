"""Prove the tests: every misconception must fail a check, every reference must pass all of them.

The planted errors are ours, so they need no sandbox: a kernel that is only a dictionary runs them in this process,
under the same pytest session, with the same checks as a submission.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lecture5.exercise.model import Exercise
from lecture5.grading.grade import Job
from lecture5.grading.kernel import Execution
from lecture5.grading.outcomes import Raised
from lecture5.grading.session import Graded, Grader


class LocalKernel:
    """Stands in for :class:`lecture5.grading.kernel.Kernel`, for code that is our own."""

    alive = True

    def __init__(self, functions: Mapping[str, Callable[..., Any]]):
        self._functions = functions
        self._names: dict[str, Any] = {}

    def execute(self, source: str, seconds: float) -> Execution:
        """Run a cell; an empty one, where an answer would be, defines the functions."""
        if not source:
            self._names.update(self._functions)
            return Execution()
        block = ast.parse(source)
        last = block.body.pop() if isinstance(block.body[-1], ast.Expr) else None
        try:
            exec(compile(block, "cell", "exec"), self._names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), self._names) if last else None
        except Exception as error:
            return Execution(error=Raised(type(error).__name__, str(error)))
        return Execution([_result(value)] if value is not None else [])

    def call(self, target: str, arguments: list[Any], keywords: dict[str, Any], seconds: float) -> Any:
        """Call a function on copies."""
        copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
        try:
            return self._names[target](*copies, **keywords)
        except Exception as error:
            raise Raised(type(error).__name__, str(error)) from None

    def close(self) -> None:
        """Nothing to end."""


def _result(value: Any) -> dict[str, Any]:
    from IPython.lib.pretty import pretty

    content = {"data": {"text/plain": pretty(value)}, "metadata": {}, "execution_count": 1}
    return {"header": {"msg_type": "execute_result"}, "content": content}


@dataclass(frozen=True)
class Kill:
    """What caught one misconception: names of visible checks and of hidden tests."""

    function: str
    misconception: str
    sentence: str
    visible: tuple[str, ...]
    hidden: tuple[str, ...]


def grade_functions(
    exercise: Exercise, variants: Iterable[tuple[Mapping[str, Callable[..., Any]], str | None]]
) -> list[Graded]:
    """Grade sets of functions as if they were submissions, without a sandbox: for our own code only.

    Parameters
    ----------
    exercise
        The exercise.
    variants
        Functions by name, and the name of the only one that is to be graded, or None for all.
    """
    job = Job(exercise.number)
    results: list[Graded] = []

    def task(functions: Mapping[str, Callable[..., Any]], only: str | None) -> Callable[[Grader], None]:
        def carry_out(grader: Grader) -> None:
            results.append(grader.grade({}, lambda allowed: LocalKernel(functions), only=only, explain=False))

        return carry_out

    grader = Grader(exercise, job.pristine, job.tests())
    grader.run(task(functions, only) for functions, only in variants)
    return results


def kill_table(exercise: Exercise) -> list[Kill]:
    """Return, for each misconception of an exercise, the checks that caught it.

    A torch module's visible check is left out: our stand-ins for modules only answer calls.

    Raises
    ------
    AssertionError
        If the references do not get all points.
    """
    right = {question.name: question.stand_in(question.reference) for question in exercise.questions}
    planted = [(question, wrong) for question in exercise.questions for wrong in question.misconceptions]
    spoiled = [({q.name: q.stand_in(wrong.spoil(q.reference))}, q.name) for q, wrong in planted]
    reference, *others = grade_functions(exercise, [(right, None), *spoiled])
    modules = {question.name for question in exercise.questions if question.is_module}
    failed = _caught(reference, "hidden") + _caught(reference, "visible", modules)
    if failed:
        raise AssertionError(f"the references of exercise {exercise.number} fail {', '.join(failed)}")
    return [
        Kill(question.name, wrong.name, wrong.sentence, _caught(graded, "visible", modules), _caught(graded, "hidden"))
        for (question, wrong), graded in zip(planted, others, strict=True)
    ]


def _caught(graded: Graded, kind: str, without: Collection[str] = ()) -> tuple[str, ...]:
    failed = [check for check in graded.checks if check.kind == kind and check.outcome != "passed"]
    return tuple(check.name for check in failed if check.function not in without)
