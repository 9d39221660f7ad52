"""Grade one submission: from its bytes to its record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode

from lecture5.exercise import notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.model import Exercise
from lecture5.exercise.places import hidden_tests
from lecture5.exercise.release import pristine
from lecture5.grading.kernel import Kernel
from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.providers.container import Container
from lecture5.grading.records import Record, content_key, grader_version
from lecture5.grading.sandbox import LIMITS, Limits
from lecture5.grading.session import Grader
from lecture5.grading.submission import Allowed
from lecture5.grading.submissions import Answers, Found, Unreadable, read_answers, read_file


@dataclass(frozen=True)
class Job:
    """What a class is graded against: the same for all its submissions."""

    exercise_number: str
    cohort: str = ""
    sandboxed: bool = True
    with_hidden_tests: bool = True
    limits: Limits = LIMITS
    container: Container | None = None  # a box in place of bubblewrap
    version: str = ""  # of the grader, as it was when the job was made; workers get it with the job

    def __post_init__(self) -> None:
        if not self.version:
            object.__setattr__(self, "version", grader_version(self.exercise_number))

    @property
    def exercise(self) -> Exercise:
        return get_exercise(self.exercise_number)

    @cached_property
    def pristine(self) -> NotebookNode:
        """The exercise as released."""
        return pristine(self.exercise)

    def tests(self) -> Path | None:
        """Return the file of hidden tests."""
        return hidden_tests(self.exercise) if self.with_hidden_tests else None

    @cached_property
    def _fingerprint(self) -> str:
        tests = self.tests()
        settings = f"{self.exercise_number}/{self.cohort}/{self.sandboxed}/{self.limits}/{self.container}"
        return content_key(notebooks.dumps(self.pristine), tests.read_bytes() if tests else b"", settings)

    def key(self, submission: bytes) -> str:
        """Return what a record of this submission is kept under."""
        return content_key(submission, self.version, self._fingerprint)


def new_record(found: Found, job: Job, key: str) -> Record:
    """Return a record without a grade."""
    return {
        "student": found.student,
        "file": found.path.name,
        "lms_id": found.lms_id,
        "late": found.late,
        "attempt": found.attempt,
        "exercise": job.exercise_number,
        "key": key,
        "status": "error",
        "reason": "",
        "points": 0.0,
        "max_points": 0.0,
        "checks": [],
        "cell_errors": {},
        "reports": {},
        "seconds": 0.0,
    }


def grade(grader: Grader, job: Job, found: Found, slot: int = 0) -> Record:
    """Return the record of one submission. Whatever the submission is, this returns; only our own faults are raised.

    Raises
    ------
    SandboxFault
        If the grader itself could not do its work.
    """
    start = time.perf_counter()
    try:
        data = read_file(found.path)
    except Unreadable as problem:
        record = new_record(found, job, job.key(b""))
        record.update(status="unreadable", reason=str(problem), max_points=grader.max_points)
        return record
    record = new_record(found, job, job.key(data))
    record["max_points"] = grader.max_points
    try:
        answers = read_answers(data, grader.pristine)
    except Unreadable as problem:
        record.update(status="unreadable", reason=str(problem))
        return record
    exercise = job.exercise

    def start_kernel(allowed: Allowed) -> Kernel:
        return Kernel(
            allowed, exercise.withheld, sandboxed=job.sandboxed, slot=slot, limits=job.limits, container=job.container
        )

    try:
        graded = grader.grade(answers.sources, start_kernel, job.limits)
    except OSError as error:  # no space, no processes, no memory for us
        raise SandboxFault(str(error)) from error
    record.update(status="graded", **graded.as_dict())
    _explain_stray_definitions(record, answers)
    record["points"] = sum(check["points"] for check in record["checks"])
    broken = [check["name"] for check in record["checks"] if check["outcome"] == "test error"]
    if broken:  # a test that fails by itself says nothing about the submission
        record.update(status="error", reason=f"error of ours: {', '.join(broken)} failed by itself; see the record")
    record["seconds"] = round(time.perf_counter() - start, 3)
    return record


def _explain_stray_definitions(record: Record, answers: Answers) -> None:
    """Help with the commonest honest mistake: a helper function in a cell of one's own."""
    for check in record["checks"]:
        for name in answers.defined_elsewhere:
            if f"NameError: name '{name}' is not defined" in check["message"]:
                check["message"] += (
                    f"; {name} is defined in a cell of your own, but only answer cells are graded: move it into one"
                )
