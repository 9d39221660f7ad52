"""Grade one student's upload where Gradescope runs us: ``python -m lecture5.grading.gradebook.autograde``.

Gradescope's harness puts the upload into ``submission/`` and reads ``results/results.json``. When we fail by our own
fault, nothing is written there: Gradescope then says that the autograder failed, which can be run again, and no student
gets a zero for it. What was wrong stands in the log that instructors see.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from lecture5.exercise.files import write_text
from lecture5.grading import batch
from lecture5.grading.grade import Job
from lecture5.grading.gradebook.exports import gradescope_results
from lecture5.grading.gradebook.folder import late_days
from lecture5.grading.records import Record


def grade_upload(submission: Path, job: Job) -> Record:
    """Return the record of the notebook in a student's upload, which may hold other files, too.

    Raises
    ------
    batch.Unsafe
        If there is no sandbox, and the job does not trust the upload.
    """
    with tempfile.TemporaryDirectory(prefix="lecture5-") as place:
        student = Path(place) / "in" / "student"
        student.mkdir(parents=True)
        for number, path in enumerate(sorted(submission.rglob("*.ipynb"))):
            name = path.name if not (student / path.name).exists() else f"{number}-{path.name}"
            if path.is_symlink() or path.is_file():
                shutil.copyfile(path, student / name, follow_symlinks=False)  # a link stays one, and is refused
        (record,) = batch.run(student.parent, job, Path(place) / "out", workers=1)
    return record


def circumstances(metadata: Path) -> dict[str, Any]:
    """Return late days and attempts from Gradescope's ``submission_metadata.json``; nothing if it cannot be read."""
    try:
        known = json.loads(metadata.read_text(encoding="utf-8"))
        attempt = len(known.get("previous_submissions") or []) + 1
        due = (known.get("assignment") or {}).get("due_date")
        if not due:
            return {"attempt": attempt}
        days = late_days(datetime.fromisoformat(known["created_at"]), datetime.fromisoformat(due))
        return {"attempt": attempt, "late_days": days}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def main(arguments: list[str] | None = None) -> int:
    """Grade what lies in the autograder's folder; return an exit status as ``lecture5 grade`` does."""
    parser = argparse.ArgumentParser(prog="python -m lecture5.grading.gradebook.autograde")
    parser.add_argument("--exercise", required=True)
    parser.add_argument("--autograder", type=Path, default=Path("/autograder"), help="default: %(default)s")
    parser.add_argument("--cohort", default="")
    parser.add_argument("--trust", action="store_true")
    options = parser.parse_args(arguments)
    job = Job(options.exercise, options.cohort, sandboxed=not options.trust)
    try:
        record = grade_upload(options.autograder / "submission", job)
    except batch.Unsafe as problem:
        print(problem, file=sys.stderr)
        return 2
    if record["status"] == "error":
        print(f"not graded: {record['reason']}", file=sys.stderr)
        return 3
    extra = circumstances(options.autograder / "submission_metadata.json")
    results = options.autograder / "results"
    results.mkdir(exist_ok=True)
    write_text(results / "results.json", json.dumps(gradescope_results(record, extra), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
