"""Read a graded folder: its records, its exercise, and how late each submission was."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.model import Exercise
from lecture5.grading import records
from lecture5.grading.records import Record

DAY = 24 * 60 * 60


class Unusable(Exception):
    """A file or a folder cannot be used for what was asked; the message says why, and what would be right."""


@dataclass(frozen=True)
class Lateness:
    """When a submission came. What follows from it for the grade is the course's policy, and not decided here.

    Attributes
    ----------
    submitted
        The time, as it was given; empty if it is not known.
    late
        Whether it came after the due date; without one, what the platform's file name says.
    late_days
        Days begun after the due date, 0 if it was in time; None if a time is missing.
    attempt, extra_attempts
        Which upload this is, and how many came before it.
    """

    submitted: str
    late: bool
    late_days: int | None
    attempt: int

    @property
    def extra_attempts(self) -> int:
        return self.attempt - 1


@dataclass(frozen=True)
class Folder:
    """A graded folder."""

    path: Path
    exercise: Exercise
    title: str
    records: list[Record]
    due: datetime | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)

    def lateness(self, record: Record) -> Lateness:
        """Return when a record's submission came."""
        time = self.times.get(record["student"])
        days = None if time is None or self.due is None else late_days(time, self.due)
        late = record["late"] if days is None else days > 0
        return Lateness("" if time is None else time.isoformat(sep=" "), late, days, record["attempt"])


def read_folder(path: Path, *, due: str = "", times: Path | None = None) -> Folder:
    """Read what ``lecture5 grade`` wrote.

    Parameters
    ----------
    path
        The folder that was given as ``--out``.
    due
        When submissions were due: ``2026-11-20``, the end of that day, or ``2026-11-20 18:00``, optionally with a zone.
    times
        When they came: see :func:`read_times`.

    Raises
    ------
    Unusable
        If there are no records, or those of several exercises, or a time cannot be read.
    """
    found = records.load_all(path)
    if not found:
        raise Unusable(f"there are no records in {path}: is it a folder that lecture5 grade wrote (its --out)?")
    numbers = sorted({record["exercise"] for record in found})
    if len(numbers) > 1:
        raise Unusable(f"{path} holds records of exercises {', '.join(numbers)}; give each its own folder")
    exercise = get_exercise(numbers[0])
    deadline = _end_of_day(due) if due else None
    known = read_times(times) if times else {}
    for student, time in known.items():
        if deadline is not None and (time.tzinfo is None) != (deadline.tzinfo is None):
            raise Unusable(f"of the due date and the time of {student}, only one says its time zone; give both or none")
    return Folder(path, exercise, _title(exercise), found, deadline, known)


def _title(exercise: Exercise) -> str:
    from lecture5.exercise.release import pristine

    return pristine(exercise).metadata.get("lecture5", {}).get("title", exercise.name)


def late_days(submitted: datetime, due: datetime) -> int:
    """Return the number of days begun after ``due``: 0 in time, 1 from the first second to the 24th hour after it.

    >>> late_days(datetime(2026, 11, 22, 0, 1), datetime(2026, 11, 20, 23, 59))
    2
    """
    return max(0, math.ceil((submitted - due).total_seconds() / DAY))


def read_times(path: Path) -> dict[str, datetime]:
    """Return when each student handed in.

    Parameters
    ----------
    path
        A CSV file with the columns ``student`` and ``submitted``, or a folder in nbgrader's layout, whose
        ``timestamp.txt`` files are read.

    Raises
    ------
    Unusable
        If it is neither, or a time cannot be read.
    """
    if path.is_dir():
        submitted = path / "submitted" if (path / "submitted").is_dir() else path
        files = sorted(submitted.glob("*/*/timestamp.txt"))
        if not files:
            raise Unusable(f"there is no timestamp.txt in {path}; give a CSV file with the columns student, submitted")
        return {file.parts[-3]: _time(file.read_text(encoding="utf-8"), str(file)) for file in files}
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"{path} cannot be read: {error}") from None
    if not rows or not {"student", "submitted"} <= rows[0].keys():
        raise Unusable(f"{path} needs the columns student and submitted, and at least one line")
    return {row["student"]: _time(row["submitted"] or "", f"{path}, {row['student']}") for row in rows}


def _end_of_day(text: str) -> datetime:
    """Read a due date; a day without a time ends with it."""
    time = _time(text, "the due date")
    return time.replace(hour=23, minute=59, second=59) if len(text.strip()) == len("2026-11-20") else time


def _time(text: str, where: str) -> datetime:
    """Read an ISO time, also with the name of a zone behind it, as nbgrader writes it."""
    text = text.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        time, _, zone = text.rpartition(" ")
    try:
        return datetime.fromisoformat(time).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError):
        raise Unusable(f"{where}: {text!r} is not a time; write it as 2026-11-20 18:00") from None
