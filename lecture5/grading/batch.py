"""Grade a folder of submissions: ``lecture5 grade``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from lecture5.exercise.files import write_text
from lecture5.grading import records
from lecture5.grading.feedback import page
from lecture5.grading.grade import Job
from lecture5.grading.pool import grade_all
from lecture5.grading.providers.container import require
from lecture5.grading.records import Record
from lecture5.grading.sandbox import remove_abandoned
from lecture5.grading.submissions import Found, Unreadable, find_submissions, read_file

Engine = Callable[[Iterable[Found], Job], Iterator[Record]]


class Unsafe(Exception):
    """There is no sandbox on this machine, and ``--trust`` was not given."""


def run(place: Path, job: Job, out: Path, workers: int, engine: Engine | None = None) -> list[Record]:
    """Grade what is in ``place`` and not yet graded; write records, tables and feedback; return all records.

    Parameters
    ----------
    place, job, out
        What to grade, against what, and the folder to write to.
    workers
        How many are graded side by side on this machine.
    engine
        Grades elsewhere; ``workers`` does not count then.

    Raises
    ------
    Unsafe
        If submissions would run with the rights of the user.
    FileNotFoundError
        If ``place`` does not exist, or holds nothing.
    """
    if engine is None and job.container is not None:
        require(job.container)
    elif engine is None and job.sandboxed and shutil.which("bwrap") is None:
        raise Unsafe(
            "bubblewrap is not installed, so submissions would run with all your rights. Install it "
            "(apt-get install bubblewrap), use --container, or add --trust if you trust every one of them. "
            "lecture5 doctor says more."
        )
    found = find_submissions(place, job.exercise.notebook_name)
    if not found:
        raise FileNotFoundError(f"there are no submissions in {place}")
    remove_abandoned()
    (out / "records").mkdir(parents=True, exist_ok=True)
    (out / "feedback").mkdir(exist_ok=True)
    done = {one.student: records.finished(out, one.student, _key(one, job)) for one in found}
    missing = [one for one in found if done[one.student] is None]
    progress = tqdm(
        total=len(found), initial=len(found) - len(missing), unit="notebook", disable=not sys.stderr.isatty()
    )
    earlier = [record for record in done.values() if record is not None]
    with progress:
        for record in grade_all(missing, job, workers) if engine is None else engine(missing, job):
            records.save(out, record)
            _write_feedback(out, record, job)  # here and not at the end: the workers go on meanwhile
            done[record["student"]] = record
            progress.update()
    for record in earlier:
        _write_feedback(out, record, job)
    finished = [done[one.student] for one in found]
    _remove_others(out, {one.student for one in found})
    records.write_tables(out, finished, job.exercise)
    return finished


def _write_feedback(out: Path, record: Record, job: Job) -> None:
    title = job.pristine.metadata.get("lecture5", {}).get("title", job.exercise.name)
    name = f"{records.record_name(record['student'])}.html"
    write_text(out / "feedback" / name, page(record, job.exercise, title))


def _key(found: Found, job: Job) -> str:
    try:
        return job.key(read_file(found.path))
    except Unreadable:
        return job.key(b"")


def _remove_others(out: Path, students: set[str]) -> None:
    """Remove what belongs to submissions that are no longer there, and what a killed grader had half written."""
    for path in out.rglob(".writing-*"):
        path.unlink()
    names = {records.record_name(student) for student in students}
    for path in (*(out / "records").glob("*.json"), *(out / "feedback").glob("*.html")):
        if path.stem not in names:
            path.unlink()


def table(finished: Sequence[Record]) -> str:
    """Return the grades as a table for a terminal."""
    width = max(len("student"), *(len(record["student"]) for record in finished))
    lines = [f"{'student':{width}}  points  why not more"]
    for record in finished:
        points = "  –" if record["status"] == "error" else records.number(record["points"])
        lines.append(f"{record['student']:{width}}  {points:>6}  {records.summary(record)[:150]}".rstrip())
    most = max(record["max_points"] for record in finished)
    lines.append(f"{len(finished)} submissions, {records.number(most)} points each at most")
    return "\n".join(lines)


def as_json(finished: Sequence[Record]) -> str:
    """Return all records as JSON."""
    return json.dumps(finished, indent=1, ensure_ascii=False)
