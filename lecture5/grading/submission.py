"""A student's submission as hidden tests see it: ``submission.conv1d(x, w)`` is a call into the sandbox.

One kernel serves all cells and calls of a submission. If it has to be ended (a loop that does not end, a crash), a
fresh one is started for the next check and the answers are run again: one bad function does not cost the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbformat import NotebookNode

from lecture5.exercise import cells
from lecture5.grading.kernel import Execution, Kernel
from lecture5.grading.outcomes import CallProblem, Raised, TimedOut
from lecture5.grading.sandbox import LIMITS, Limits

STRIKES = 2  # after so many calls that had to be ended, a function is not called again
ENDINGS = ("timeout", "died", "out of memory", "output limit")


class Submission:
    """The functions of one submission.

    Parameters
    ----------
    notebook
        Our notebook with the student's answers in it (see :func:`lecture5.exercise.cells.assemble`).
    functions
        The names of the functions that the exercise asks for.
    start_kernel
        Starts a fresh kernel.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        functions: Sequence[str],
        start_kernel: Callable[[], Kernel],
        limits: Limits = LIMITS,
    ):
        self.answer_errors: dict[str, CallProblem] = {}
        self._functions = tuple(functions)
        self._start_kernel = start_kernel
        self._limits = limits
        self._kernel: Kernel | None = None
        self._replay: list[NotebookNode] = []
        self._strikes: Counter[str] = Counter()
        self._last: dict[str, CallProblem] = {}
        self._deadline = time.monotonic() + limits.submission_seconds
        self._notebook = notebook

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._functions:
            raise AttributeError(f"the exercise asks for {', '.join(self._functions)}, not for {name!r}")
        return lambda *arguments, **keywords: self._call(name, arguments, keywords)

    def run_cell(self, cell: NotebookNode) -> Execution:
        """Run one cell of the notebook, in its turn."""
        name = cell.metadata.get("lecture5", {}).get("function", "")
        self._refuse_after_strikes(name)
        try:
            execution = self._ready().execute(cell.source, self._seconds(self._limits.cell_seconds))
        except CallProblem as problem:
            self._strike(name, problem)
            if cells.role(cell) == "answer":
                self.answer_errors[name] = problem
            raise
        if cells.role(cell) != "check":
            self._replay.append(cell)
        if cells.role(cell) == "answer" and execution.error is not None:
            self.answer_errors[name] = execution.error
        self._explain_absence(name, execution.error)
        return execution

    def close(self) -> None:
        """End the kernel."""
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _call(self, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        self._refuse_after_strikes(name)
        try:
            return self._ready().call(name, arguments, dict(keywords), self._seconds(self._limits.call_seconds))
        except CallProblem as problem:
            self._strike(name, problem)
            self._explain_absence(name, problem)
            raise

    def _explain_absence(self, name: str, problem: CallProblem | None) -> None:
        """Where a function is not there because its cell failed, say what the cell said."""
        if isinstance(problem, Raised) and problem.kind == "NameError" and name in self.answer_errors:
            raise self.answer_errors[name] from None

    def _ready(self) -> Kernel:
        """Return a living kernel, with every answer so far in it."""
        if self._kernel is not None and not self._kernel.alive:
            self.close()
        if self._kernel is None:
            self._kernel = self._start_kernel()
            for cell in list(self._replay):
                try:
                    self._kernel.execute(cell.source, self._seconds(self._limits.cell_seconds))
                except CallProblem as problem:  # it ran before: not the same twice, so do without it
                    self._replay.remove(cell)
                    self._strike(cell.metadata.get("lecture5", {}).get("function", ""), problem)
                    return self._ready()
        return self._kernel

    def _seconds(self, seconds: float) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(f"the time for the whole notebook, {self._limits.submission_seconds:g} s, is used up")
        return min(seconds, left)

    def _strike(self, name: str, problem: CallProblem) -> None:
        if problem.outcome in ENDINGS:
            self._strikes[name] += 1
            self._last[name] = problem

    def _refuse_after_strikes(self, name: str) -> None:
        if name and self._strikes[name] >= STRIKES:
            raise type(self._last[name])(f"not tried: {self._last[name]}, twice before")
