"""What is known about one graded submission, where it is kept, and the tables made from it.

A record is one JSON file, written whole or not at all, that carries a *key*: a hash of everything that a grade depends
on. A record whose key is still right is never graded again, so an interrupted run goes on where it stopped, and a
changed test or a new upload is graded anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lecture5.exercise.catalogue import catalogue_file
from lecture5.exercise.files import write_text
from lecture5.exercise.model import Exercise

Record = dict[str, Any]
FINAL = ("graded", "unreadable")


def grader_version(exercise_number: str) -> str:
    """Return a hash of the source that a grade of this exercise depends on: another grader may give another grade."""
    package = Path(__file__).resolve().parents[1]
    folders = [package / name for name in ("exercise", "grading", "inside")]
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return content_key(*(path.read_bytes() for path in [*paths, catalogue_file(exercise_number)]))


def content_key(*parts: bytes | str) -> str:
    """Return a hash of all parts, in which nothing of one part can be taken for another."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def record_name(student: str) -> str:
    """Return a file name for a student: readable, safe on every system, and never shared by two students."""
    readable = quote(student, safe=" ").replace("%", "_").replace(" ", "-")[:60].strip(".-") or "student"
    return f"{readable}-{hashlib.sha256(student.encode()).hexdigest()[:8]}"


def record_path(out: Path, student: str) -> Path:
    """Return where a student's record lies."""
    return out / "records" / f"{record_name(student)}.json"


def save(out: Path, record: Record) -> None:
    """Write a record, atomically."""
    write_text(record_path(out, record["student"]), json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def load(path: Path) -> Record | None:
    """Return a record; None if there is none, or if it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "key" in record else None


def load_all(out: Path) -> list[Record]:
    """Return all records of a folder, ordered by student."""
    records = [load(path) for path in sorted((out / "records").glob("*.json"))]
    return sorted((record for record in records if record), key=lambda record: record["student"])


def finished(out: Path, student: str, key: str) -> Record | None:
    """Return a student's record if it is final and was made from exactly this."""
    record = load(record_path(out, student))
    return record if record and record["key"] == key and record["status"] in FINAL else None


def points_by_function(record: Record, exercise: Exercise) -> dict[str, float]:
    """Return the points of each function."""
    return {
        question.name: sum(check["points"] for check in record["checks"] if check["function"] == question.name)
        for question in exercise.questions
    }


def write_tables(out: Path, records: Sequence[Record], exercise: Exercise) -> None:
    """Write ``grades.csv``, one line per student, and ``checks.csv``, one line per student and check.

    Neither holds a time or anything else that differs between two runs over the same submissions.
    """
    functions = [question.name for question in exercise.questions]
    head = ["student", "points", "max_points", *functions, "status", "reason", "late", "attempt", "lms_id"]
    lines = []
    for record in records:
        by_function = points_by_function(record, exercise)
        scores = (
            [number(by_function[name]) for name in functions] if record["status"] != "error" else [""] * len(functions)
        )
        points = number(record["points"]) if record["status"] != "error" else ""
        rest = [
            record["status"],
            record["reason"],
            "yes" if record["late"] else "no",
            record["attempt"],
            record["lms_id"],
        ]
        lines.append([record["student"], points, number(record["max_points"]), *scores, *rest])
    write_text(out / "grades.csv", as_csv(head, lines))
    head = ["student", "function", "check", "kind", "outcome", "points", "max_points", "message"]
    lines = [
        [record["student"]]
        + [check[name] for name in ("function", "name", "kind", "outcome")]
        + [number(check["points"]), number(check["max_points"]), check["message"]]
        for record in records
        for check in record["checks"]
    ]
    write_text(out / "checks.csv", as_csv(head, lines))


def as_csv(head: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV in which no cell is a formula: a text that begins like one gets an apostrophe before it."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    return stream.getvalue()


def _harmless(cell: Any) -> Any:
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + cell
    return cell


def number(value: float) -> str:
    """Return points as people write them: 3, 2.5."""
    return f"{value:.4g}"


def summary(record: Mapping[str, Any]) -> str:
    """Return, in one line, why a submission did not get all points; empty if it did."""
    if record["reason"]:
        return str(record["reason"])
    reasons = []
    for name in dict.fromkeys(check["function"] for check in record["checks"]):
        lost = [
            check for check in record["checks"] if check["function"] == name and check["points"] < check["max_points"]
        ]
        if not lost:
            continue
        named = record["reports"].get(name, {}).get("misconceptions")
        hidden = [check for check in lost if check["outcome"] != "passed"] or lost
        reasons.append(f"{name}: " + (" + ".join(one["name"] for one in named) if named else hidden[0]["message"]))
    return "; ".join(reasons)
