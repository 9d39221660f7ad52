"""One pytest session that grades many submissions: nbval compares the visible checks, hidden tests run beside it.

Collecting and importing are done once per worker; then, for each submission, its answers are put into our notebook's
cells and every item runs anew. All of this happens in the grader's own process; only ``Submission`` and ``Kernel``
reach into the sandbox.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import numpy as np
import pytest
from _pytest.runner import runtestprotocol
from nbformat import NotebookNode
from nbval.plugin import IPyNbFile, NbCellError

from lecture5.exercise import cells
from lecture5.exercise.checking import judge
from lecture5.exercise.diagnosis import Raised as RaisedOutput
from lecture5.exercise.diagnosis import picture
from lecture5.exercise.model import Exercise, Question
from lecture5.grading.outcomes import PASSED, SENTENCES, WRONG, CallProblem, Raised, SandboxFault, clean
from lecture5.grading.sandbox import LIMITS, Limits, temporary_prefix
from lecture5.grading.submission import Allowed, Submission

DETAIL = 2000
# What a printed result says of the type of its numbers: float32, or a numpy integer, is as good an answer as another.
TYPE_NAMES = {
    r",\s*dtype=(?:float|longdouble|u?int)\d*": "",
    r"\bnp\.(?:float|longdouble|u?int)\d*\('?([^()']*)'?\)": r"\1",
}


@dataclass
class CheckResult:
    """How one check ended.

    ``message`` is for the student; ``detail``, for the instructor, may show a hidden test's values.
    """

    name: str
    function: str
    kind: str
    title: str
    points: float
    max_points: float
    outcome: str
    message: str = ""
    hint: str = ""
    detail: str = ""
    seconds: float = 0.0


@dataclass
class Graded:
    """All checks of one submission, what kept its cells from running, and its public cases with their diagnosis."""

    checks: list[CheckResult]
    cell_errors: dict[str, str]
    reports: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Grader:
    """Grades submissions of one exercise, one after the other, within one pytest session.

    Parameters
    ----------
    exercise
        The catalogue entry.
    pristine
        The exercise as released.
    tests
        The file of hidden tests; None runs the visible checks only.
    cohort
        Seeds the random inputs: the same for all submissions that are to be compared.
    """

    def __init__(self, exercise: Exercise, pristine: NotebookNode, tests: Path | None, cohort: str = ""):
        self.pristine = pristine
        self._exercise, self._tests, self._cohort = exercise, tests, cohort
        self._submission: Submission | None = None
        self._items: list[pytest.Item] = []

    def run(self, jobs: Iterator[Callable[[Grader], None]]) -> None:
        """Collect the checks, then carry out ``jobs``; each gets this object and calls :meth:`grade`.

        Raises
        ------
        SandboxFault
            If the tests cannot be collected: our fault.
        """
        with tempfile.TemporaryDirectory(prefix=temporary_prefix()) as folder:
            notebook = Path(folder) / "visible.ipynb"
            nbformat.write(cells.assemble(self.pristine, {}), notebook)
            settings = Path(folder) / "pytest.ini"
            settings.write_text("[pytest]\n")
            files = [str(notebook)] + ([str(self._tests)] if self._tests else [])
            # Only what is named here is loaded: another plugin on this machine must not change a grade.
            options = ["-c", str(settings), "--rootdir", folder, "--noconftest", "--import-mode=importlib"]
            options += ["-p", "nbval.plugin", "-p", "no:cacheprovider", "-s", "--color=no", "--strict-markers"]
            options += ["-p", "no:unraisableexception", "-p", "no:threadexception"]  # theirs: a search of all memory
            plugin = _Plugin(self, notebook, jobs)
            before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    status = pytest.main([*options, *files], plugins=[plugin])
            finally:
                if before is None:
                    del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
            if plugin.failure is not None:
                raise plugin.failure
            if status != pytest.ExitCode.OK:
                raise SandboxFault(f"the checks cannot be collected:\n{printed.getvalue()}")

    @property
    def checks(self) -> list[CheckResult]:
        """What earns points, before anything has run."""
        return [check for check in map(_result_for, self._items) if check.max_points > 0]

    @property
    def max_points(self) -> float:
        """What a submission can earn."""
        return sum(check.max_points for check in self.checks)

    def grade(
        self,
        answers: Mapping[str, str],
        start_kernel: Callable[[Allowed], Any],
        limits: Limits = LIMITS,
        only: str | None = None,
        explain: bool = True,
    ) -> Graded:
        """Grade one submission.

        Parameters
        ----------
        answers
            Source by cell id.
        start_kernel
            Starts a kernel with these distributions.
        limits
            What the submission may use.
        only
            The name of one function: leave out all others.
        explain
            Whether to look for the misconceptions behind wrong results.
        """
        notebook = cells.assemble(self.pristine, answers)
        items = [item for item in self._items if only is None or _function(item) in ("", only)]
        following = [*items[1:], self._items[0]]  # pytest wants to know what comes next, to see what it can tear down
        self._submission = submission = Submission(self._exercise, start_kernel, limits)
        try:
            results = [self._run(item, after, notebook) for item, after in zip(items, following, strict=True)]
            checks = [result for result in results if result.max_points > 0]
            _hold_back_unconfirmed(checks)
            reports = self._report(submission, checks) if explain else {}
        finally:
            submission.close()
            self._submission = None
        errors = {name: clean(str(problem)) for name, problem in submission.answer_errors.items()}
        return Graded(checks, errors, reports)

    def _run(self, item: pytest.Item, after: pytest.Item, notebook: NotebookNode) -> CheckResult:
        """Run one item for the current submission."""
        if isinstance(item.parent, _VisibleCells):
            item.cell = next(cell for cell in notebook.cells if cell.id == item.cell.id)
            item.parent.kernel = _NbvalKernel(self._submission, item.cell)
            item.parent.timed_out = False
        result = _result_for(item)
        start = time.perf_counter()
        runtestprotocol(item, log=False, nextitem=after)
        result.seconds = round(time.perf_counter() - start, 3)
        error = getattr(item, "_lecture5_error", None)
        item._lecture5_error = None
        if isinstance(error, SandboxFault):
            raise error
        result.outcome, result.message = _outcome(error)
        result.detail = "" if error is None else _detail(item, error)
        result.points = result.max_points if result.outcome == PASSED else 0.0
        return result

    def _report(self, submission: Submission, checks: list[CheckResult]) -> dict[str, dict[str, Any]]:
        """Try the public cases of each function: all of them for a student, where something is wrong for a grade."""
        reports = {}
        for question in self._exercise.questions:
            outcomes = {check.outcome for check in checks if check.function == question.name}
            interesting = outcomes & {WRONG, "exception", "type"} or not self._tests
            if question.name in submission.answer_errors or not outcomes or not interesting:
                continue
            report = judge(question, _outputs(submission, question))
            reports[question.name] = {
                "cases": [
                    {
                        "name": case.name,
                        "problem": clean(case.comparison.problem),
                        "picture": "" if case.comparison.signs is None else picture(case.comparison.signs),
                    }
                    for case in report.cases
                ],
                "misconceptions": [{"name": one.name, "sentence": one.sentence} for one in report.diagnosis],
            }
        return reports


def _outputs(submission: Submission, question: Question) -> list[Any]:
    """Return what a submission gives on a question's public cases, as :func:`lecture5.exercise.diagnosis.outputs`."""
    given: list[Any] = []
    for case in question.cases:
        try:
            given.append(question.run(getattr(submission, question.name), case.arguments))
        except Raised as problem:
            given.append(RaisedOutput(problem.kind, problem.text))
        except CallProblem as problem:
            given.append(RaisedOutput(problem.outcome, str(problem)))
    return given


class _VisibleCells(IPyNbFile):
    """nbval's notebook, with a kernel that is lent to it for each cell."""

    def __init__(self, *arguments: Any, **keywords: Any):
        super().__init__(*arguments, **keywords)
        self.compare_outputs = False  # only cells that are tagged nbval-check-output
        self.sanitize_patterns = TYPE_NAMES

    def setup(self) -> None:
        """Start nothing: the submission has a kernel."""

    def teardown(self) -> None:
        """End nothing."""


class _Plugin:
    """What turns a pytest session into a grader: our notebook, two fixtures, one marker, and the loop over jobs."""

    def __init__(self, grader: Grader, notebook: Path, jobs: Iterator[Callable[[Grader], None]]):
        self._grader, self._notebook, self._jobs = grader, notebook, jobs
        self.failure: BaseException | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(function, points, shows, hint): what a hidden test is worth")

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        return _VisibleCells.from_parent(parent, path=file_path) if file_path == self._notebook else None

    @pytest.fixture
    def submission(self) -> Submission:
        return self._grader._submission

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """The same random numbers for each submission of a cohort, others for each test."""
        text = f"{self._grader._cohort}/{request.node.name}"
        return np.random.default_rng(zlib.crc32(text.encode()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        """Keep the exception. To draw it among the lines of its source, as pytest would, takes longer than the test."""
        if call.excinfo is not None:
            item._lecture5_error = call.excinfo.value
        outcome = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return False  # pytest reports it and ends with another status than OK
        self._grader._items = list(session.items)
        try:
            for job in self._jobs:
                job(self._grader)
        except BaseException as error:  # pytest would turn it into text
            self.failure = error
        return True


class _NbvalKernel:
    """What nbval takes for its kernel: runs one cell of the submission, and hands over its results.

    What a student's code prints or draws is not handed over: it must not decide whether a check passes.
    """

    def __init__(self, submission: Submission, cell: NotebookNode):
        self._submission, self._cell = submission, cell
        self._messages: list[dict[str, Any]] = []

    def is_alive(self) -> bool:
        return True  # a dead one is replaced when the cell is run

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        execution = self._submission.run_cell(self._cell)
        self._messages = [
            {**message, "msg_type": message["header"]["msg_type"], "parent_header": {"msg_id": "cell"}}
            for message in execution.messages
            if message["header"]["msg_type"] in ("execute_result", "error") and _complete(message)
        ]
        idle = {"msg_type": "status", "content": {"execution_state": "idle"}, "parent_header": {"msg_id": "cell"}}
        self._messages.append(idle)
        if execution.error is not None:
            raise execution.error
        return "cell"

    def await_reply(self, request: str, timeout: float | None = None) -> None:
        """The cell has run."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        if not self._messages:
            raise Empty
        return self._messages.pop(0)

    def stop(self) -> None:
        """Nothing to end."""


def _complete(message: dict[str, Any]) -> bool:
    """Whether a result has the parts that nbval reads, of the right types."""
    content = message["content"]
    if message["header"]["msg_type"] == "error":
        return True
    data = content.get("data")
    return (
        isinstance(data, dict)
        and all(isinstance(value, str) for value in data.values())
        and (isinstance(content.get("metadata"), dict) and type(content.get("execution_count")) is int)
    )


def _function(item: pytest.Item) -> str:
    """Return the function that an item is about; empty for cells of ours that all functions use."""
    if isinstance(item.parent, _VisibleCells):
        return item.cell.metadata.get("lecture5", {}).get("function", "")
    return _hidden_result(item).function


def _result_for(item: pytest.Item) -> CheckResult:
    """Return the result of an item that has not run yet."""
    return _visible_result(item) if isinstance(item.parent, _VisibleCells) else _hidden_result(item)


def _visible_result(item: pytest.Item) -> CheckResult:
    cell = item.cell
    if cells.role(cell) != "check":
        return CheckResult(cell.id, "", "cell", "", 0.0, 0.0, WRONG)
    return CheckResult(cell.id, cells.function(cell), "visible", "visible check", 0.0, cells.points(cell), WRONG)


def _hidden_result(item: pytest.Item) -> CheckResult:
    marker = item.get_closest_marker("points")
    if marker is None:
        raise SandboxFault(f"the hidden test {item.name} has no points: mark it with pytest.mark.points(…)")
    function, value = marker.args
    title, hint = marker.kwargs.get("shows", "hidden test"), marker.kwargs.get("hint", "")
    return CheckResult(item.name, function, "hidden", title, 0.0, float(value), WRONG, hint=hint)


def _outcome(error: BaseException | None) -> tuple[str, str]:
    """Return the outcome's name, and the sentence for the student."""
    if error is None:
        return PASSED, ""
    if isinstance(error, Raised) and error.kind == "NotImplementedError" and not error.text:
        return error.outcome, "not written yet"
    if isinstance(error, CallProblem):
        return error.outcome, clean(str(error))
    if isinstance(error, NbCellError):
        return WRONG, "the output differs from the one stored in the notebook"
    if isinstance(error, AssertionError):
        return WRONG, clean(str(error).splitlines()[0][:300]) if str(error) else SENTENCES[WRONG]
    return "test error", SENTENCES["test error"]


def _detail(item: pytest.Item, error: BaseException) -> str:
    if isinstance(error, NbCellError):
        return clean((error.inner_traceback or str(error))[:DETAIL])
    return clean(f"{type(error).__name__}: {error}"[:DETAIL])


def _hold_back_unconfirmed(checks: list[CheckResult]) -> None:
    """Take the points of a visible check back if no hidden test of the same function passed.

    The kernel prints the output of a visible check, so a submission can print what is expected; it cannot know the
    inputs of hidden tests.
    """
    confirmed = {check.function for check in checks if check.kind == "hidden" and check.outcome == PASSED}
    tested = {check.function for check in checks if check.kind == "hidden"}
    for check in checks:
        if check.kind == "visible" and check.outcome == PASSED and check.function in tested - confirmed:
            check.points = 0.0
            check.message = "passes; its points count once a hidden test of the same function passes too"
