"""Records of a large class, made up but shaped like real ones, and of students who attack who reads them."""

from __future__ import annotations

import random

from lecture5.exercise.catalogue import get_exercise
from lecture5.grading import records
from lecture5.grading.records import Record

# One string for every kind of file that a name or a message ends up in.
HOSTILE = (
    '=HYPERLINK("http://x.example","click")',
    "<script>alert(1)</script>",
    "]]></failure><testcase name='forged'/>",
    "\x1b[31mred\x1b[0m\x00\x0b\ufffe",
    "::error::forged\n::add-mask::x\n::set-output name=a::b",
    '"quoted", with, commas\r\nand lines',
    "\u202egnp.exe",
    "</style><img src=x onerror=alert(1)>",
)


def check(name: str, function: str, kind: str, passed: bool, message: str = "", points: float = 1.0) -> dict:
    """Return one check of a record."""
    return {
        "name": name, "function": function, "kind": kind, "title": "visible check" if kind == "visible" else "a case",
        "points": points if passed else 0.0, "max_points": points, "outcome": "passed" if passed else "wrong",
        "message": message, "hint": "", "detail": "", "seconds": 0.012,
    }  # fmt: skip


def record(student: str = "ada", **more) -> Record:
    """Return a record with two checks, of which one passed."""
    checks = [check("conv1d-visible", "conv1d", "visible", True), check("test_a", "conv1d", "hidden", False, "no")]
    made = {
        "student": student, "file": "x.ipynb", "lms_id": "", "late": False, "attempt": 1, "exercise": "01", "key": "k",
        "status": "graded", "reason": "", "checks": checks, "cell_errors": {}, "reports": {}, "seconds": 0.5, **more,
    }  # fmt: skip
    made.setdefault("points", sum(one["points"] for one in made["checks"]))
    made.setdefault("max_points", 17.0)
    return made


def hostile() -> list[Record]:
    """Return records in which everything that a student can choose is hostile."""
    return [
        record(
            text,
            lms_id=str(number),
            reason=text if number % 2 else "",
            checks=[check("test_a", "conv1d", "hidden", False, text)],
            cell_errors={"conv1d": text},
            reports={"conv1d": {"cases": [], "misconceptions": [{"name": "flipped-kernel", "sentence": "Turned."}]}},
        )
        for number, text in enumerate(HOSTILE)
    ]


def large_class(size: int = 200, seed: int = 5) -> list[Record]:
    """Return records for exercise 1: most do well, some share a misconception, a few hand in nothing."""
    rng, exercise = random.Random(seed), get_exercise("01")
    return [_student(f"student-{number:03d}", rng, exercise) for number in range(size)]


def _student(name, rng, exercise):
    kind = rng.random()
    late, attempt = rng.random() < 0.1, 1 + (rng.random() < 0.2)
    common = {"late": late, "attempt": attempt, "lms_id": str(rng.randrange(10**5))}
    if kind < 0.02:
        return record(name, status="error", reason="error of ours, not graded: no space left on device", checks=[])
    if kind < 0.05:
        return record(name, status="unreadable", reason="the file is empty", checks=[], seconds=0.0, **common)
    able, checks, reports = rng.random() ** 0.35, [], {}
    for question in exercise.questions:
        right = rng.random() < able
        for number in range(3):
            hidden = number > 0
            passed = right or rng.random() < 0.25
            test = f"test_{question.name}_{number}" if hidden else f"{question.name}-visible"
            checks.append(check(test, question.name, "hidden" if hidden else "visible", passed, "" if passed else "no"))
        if not right and rng.random() < 0.8:
            wrong = question.misconceptions[min(int(rng.expovariate(0.7)), len(question.misconceptions) - 1)]
            named = [{"name": wrong.name, "sentence": wrong.sentence}]
            reports[question.name] = {"cases": [], "misconceptions": named}
    seconds = round(rng.lognormvariate(-0.6, 0.5), 3)
    return record(name, checks=checks, reports=reports, seconds=seconds, max_points=15.0, **common)


def write(out, made) -> None:
    """Write records as ``lecture5 grade`` does."""
    (out / "records").mkdir(parents=True)
    for one in made:
        records.save(out, one)
