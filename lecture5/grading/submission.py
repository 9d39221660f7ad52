"""A student's submission as hidden tests see it: ``submission.conv1d(x, w)`` is a call into the sandbox.

One kernel serves all cells and calls of a submission (one for each set of allowed distributions, where questions of an
exercise differ in that). If it has to be ended (a loop that does not end, a crash), a fresh one is started for the next
check and the answers are run again: one bad function does not cost the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nbformat import NotebookNode

from lecture5.exercise import cells
from lecture5.exercise.model import Exercise
from lecture5.grading.kernel import Execution, Kernel, Made
from lecture5.grading.outcomes import CallProblem, Died, Raised, TimedOut, WrongType
from lecture5.grading.sandbox import LIMITS, Limits
from lecture5.inside.modules import METHODS

STRIKES = 2  # after so many calls that had to be ended, a function is not called again
ENDINGS = ("timeout", "died", "out of memory", "output limit")
# After these another function that has used the same kernel may be to blame: tried once more, in a fresh one.
DOUBTFUL = (*ENDINGS, "protocol")
Allowed = tuple[str, ...]


class Submission:
    """The functions of one submission.

    Parameters
    ----------
    exercise
        Says which functions there are, and what each may import.
    start_kernel
        Starts a fresh kernel in which these distributions are present.
    """

    def __init__(self, exercise: Exercise, start_kernel: Callable[[Allowed], Kernel], limits: Limits = LIMITS):
        self.answer_errors: dict[str, CallProblem] = {}
        self._allowed = {question.name: exercise.allowed_for(question) for question in exercise.questions}
        self._modules = {question.name for question in exercise.questions if question.is_module}
        self._start_kernel = start_kernel
        self._limits = limits
        self._kernels: dict[Allowed, Kernel] = {}
        self._users: dict[Kernel, set[str]] = {}  # the functions that have been called on each kernel
        self._replay: list[NotebookNode] = []
        self._strikes: Counter[str] = Counter()
        self._last: dict[str, CallProblem] = {}
        self._deadline = time.monotonic() + limits.submission_seconds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._allowed:
            raise AttributeError(f"the exercise asks for {', '.join(self._allowed)}, not for {name!r}")
        return lambda *arguments, **keywords: self._call(name, arguments, keywords)

    def run_cell(self, cell: NotebookNode) -> Execution:
        """Run one cell of the notebook, in its turn."""
        name = _function(cell)
        self._refuse_after_strikes(name)
        if not name:  # ours, for every kernel; each runs it when it is next used
            self._replay.append(cell)
            for kernel in self._kernels.values():
                if kernel.alive:
                    kernel.execute(cell.source, self._seconds(self._limits.cell_seconds))
            return Execution()
        try:
            seconds = self._limits.cell_seconds
            execution = self._try(name, lambda kernel: kernel.execute(cell.source, self._seconds(seconds)))
        except CallProblem as problem:
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
        """End all kernels."""
        for kernel in list(self._users):
            self._drop(kernel)

    def _call(self, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        result = self._on_kernel(name, name, arguments, keywords)
        if isinstance(result, Made):
            result = RemoteModule(self, name, result)
        if hasattr(result, "load") != (name in self._modules):
            wanted = "a torch module" if name in self._modules else "an array of numbers"
            raise WrongType(f"{name} should give {wanted}")
        return result

    def _on_kernel(
        self, name: str, target: str | Made, arguments: Sequence[Any], keywords: Mapping[str, Any], home: Any = None
    ) -> Any:
        """Call ``target`` on behalf of the function ``name``; an object is used on the kernel that is its home."""
        self._refuse_after_strikes(name)

        def call(kernel: Kernel) -> Any:
            if home not in (None, kernel):
                raise Died("the object is gone: Python ended after it was made")
            return kernel.call(target, arguments, dict(keywords), self._seconds(self._limits.call_seconds))

        try:
            return self._try(name, call)
        except CallProblem as problem:
            self._explain_absence(name, problem)
            raise

    def _try(self, name: str, action: Callable[[Kernel], Any]) -> Any:
        """Do something on a function's kernel; count it against the function if that ends the kernel."""
        kernel = self._ready(name)
        shared = bool(self._users[kernel] - {name})
        self._users[kernel].add(name)
        try:
            return action(kernel)
        except CallProblem as problem:
            if shared and problem.outcome in DOUBTFUL:
                self._drop(kernel)
                return self._try(name, action)
            self._strike(name, problem)
            raise

    def _drop(self, kernel: Kernel) -> None:
        self._users.pop(kernel)
        self._kernels = {allowed: other for allowed, other in self._kernels.items() if other is not kernel}
        kernel.close()

    def _explain_absence(self, name: str, problem: CallProblem | None) -> None:
        """Where a function is not there because its cell failed, say what the cell said."""
        if isinstance(problem, Raised) and problem.kind == "NameError" and name in self.answer_errors:
            raise self.answer_errors[name] from None

    def _ready(self, name: str) -> Kernel:
        """Return a living kernel for this function, with every answer so far in it."""
        allowed = self._allowed[name]
        if allowed in self._kernels and not self._kernels[allowed].alive:
            self._drop(self._kernels[allowed])
        if allowed not in self._kernels:
            self._kernels[allowed] = kernel = self._start_kernel(allowed)
            self._users[kernel] = set()
            for cell in [cell for cell in self._replay if self._allowed.get(_function(cell), allowed) == allowed]:
                try:
                    kernel.execute(cell.source, self._seconds(self._limits.cell_seconds))
                except CallProblem as problem:  # it ran before: not the same twice, so do without it
                    self._replay.remove(cell)
                    self._strike(_function(cell), problem)
                    return self._ready(name)
        return self._kernels[allowed]

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


class RemoteModule:
    """A torch module of the student, in the sandbox: ``load``, ``train``, ``gradient``, ``state``, and a call.

    See :class:`lecture5.inside.modules.Module`, which does the work.
    """

    def __init__(self, submission: Submission, name: str, made: Made):
        self._submission, self._name, self._made = submission, name, made
        self._kernel = submission._ready(name)

    def __call__(self, *arguments: Any) -> Any:
        return self._use("run", *arguments)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in METHODS:
            raise AttributeError(f"a module has {', '.join(METHODS)}, not {method!r}")
        return partial(self._use, method)

    def _use(self, method: str, *arguments: Any) -> Any:
        target = Made(self._made.number, method)
        result = self._submission._on_kernel(self._name, target, arguments, {}, self._kernel)
        if isinstance(result, Made):
            raise WrongType("you returned a module; an array of numbers is expected")
        return result


def _function(cell: NotebookNode) -> str:
    return cell.metadata.get("lecture5", {}).get("function", "")
