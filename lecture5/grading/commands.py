"""``lecture5 check`` and ``lecture5 grade``."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.exercise.checking import ALL_PASS, SOME_FAIL
from lecture5.exercise.model import Exercise
from lecture5.exercise.places import NotFound
from lecture5.grading import batch
from lecture5.grading.engines import dask
from lecture5.grading.grade import Job, grade
from lecture5.grading.gradebook.commands import default_place
from lecture5.grading.gradebook.exports import export, write_export
from lecture5.grading.gradebook.folder import read_folder
from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.pool import default_workers
from lecture5.grading.providers.container import Container
from lecture5.grading.records import Record
from lecture5.grading.session import Grader
from lecture5.grading.submissions import Found, Unreadable, read_answers, read_file


def grade_command(options: argparse.Namespace) -> int:
    """Grade a folder."""
    try:
        job = Job(
            get_exercise(options.exercise).number,
            options.cohort,
            sandboxed=not options.trust,
            container=Container(options.container, options.image) if options.container else None,
        )
        if (options.container is None) != (options.image is None) or (options.container and options.trust):
            raise batch.Unsafe("--container and --image belong together, and not to --trust")
        engine = partial(dask.grade_all, scheduler=options.scheduler) if options.engine == "dask" else None
        if (options.scheduler is None) != (engine is None):
            raise batch.Unsafe("--engine dask and --scheduler ADDRESS belong together")
        records = batch.run(options.submissions, job, options.out, options.workers or default_workers(), engine)
        for form in options.export:
            write_export(export(read_folder(options.out), form), default_place(options.out, form))
    except (KeyError, NotFound, FileNotFoundError, batch.Unsafe, dask.NoCluster) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except (SandboxFault, OSError) as error:
        print(f"{error}\nWhat was finished is kept: run the command again to go on.", file=sys.stderr)
        return 3
    print(batch.as_json(records) if options.json else batch.table(records))
    if not options.json:
        print(f"grades.csv, checks.csv, feedback/ and records/ are in {options.out}")
    errors = [record["student"] for record in records if record["status"] == "error"]
    if errors:
        print(f"not graded, by our own fault: {', '.join(errors)}", file=sys.stderr)
    return 3 if errors else 0


def check_command(options: argparse.Namespace) -> int:
    """Run the visible checks of one's own notebook, in an ordinary kernel, and diagnose."""
    if not options.file.is_file():
        print(f"{options.file} does not exist", file=sys.stderr)
        return 2
    try:
        exercise = exercise_of(options.file)
        record = check_file(options.file, exercise)
    except (Unreadable, NotFound) as error:
        print(error, file=sys.stderr)
        return 2
    except SandboxFault as error:
        print(error, file=sys.stderr)
        return 3
    print(json.dumps(record, indent=1, ensure_ascii=False) if options.json else report(record, exercise))
    return 0 if passed(record) else 1


def exercise_of(path: Path) -> Exercise:
    """Return the exercise that a notebook answers.

    Raises
    ------
    Unreadable
        If it is no notebook, or answers none.
    """
    data, problem = read_file(path), Unreadable("there are no exercises")
    for number in exercise_numbers():
        try:
            read_answers(data, Job(number).pristine)
            return get_exercise(number)
        except Unreadable as error:
            problem = error
    raise problem


def check_file(path: Path, exercise: Exercise) -> Record:
    """Return the record of a notebook's visible checks and public cases."""
    job = Job(exercise.number, sandboxed=False, with_hidden_tests=False)
    records: list[Record] = []
    grader = Grader(exercise, job.pristine, None)
    grader.run(iter([lambda grader: records.append(grade(grader, job, Found(path.stem, path)))]))
    return records[0]


def report(record: Record, exercise: Exercise) -> str:
    """Return what a student reads in the terminal."""
    lines = []
    for question in exercise.questions:
        lines.append(question.name)
        for check in record["checks"]:
            if check["function"] == question.name:
                lines.append(_line(check["title"], check["message"]))
        if question.name in record["cell_errors"]:
            lines.append(f"  its cell does not run: {record['cell_errors'][question.name]}")
        found = record["reports"].get(question.name, {"cases": [], "misconceptions": []})
        for case in found["cases"]:
            lines.append(_line(case["name"], case["problem"]))
            lines += [f"      {line}" for line in case["picture"].splitlines()]
        lines += [f"  → {one['sentence']}" for one in found["misconceptions"]]
    if any(case["picture"] for found in record["reports"].values() for case in found["cases"]):
        lines.append("· equal   + too large   − too small   ? wrong otherwise")
    lines.append(ALL_PASS if passed(record) else SOME_FAIL)
    return "\n".join(lines)


def passed(record: Record) -> bool:
    """Whether everything passes that a student can see."""
    cases = [case for found in record["reports"].values() for case in found["cases"]]
    return all(check["outcome"] == "passed" for check in record["checks"]) and not any(
        case["problem"] for case in cases
    )


def _line(name: str, problem: str) -> str:
    return f"  ✗ {name}: {problem}" if problem else f"  ✓ {name}"
