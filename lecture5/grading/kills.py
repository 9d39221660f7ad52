"""The book's page on the kill table: which check catches which misconception. ``lecture5 release`` keeps it current.

Each exercise has a section, which begins with a hash of what it was made from, so that only those that changed are made
anew. The page names misconceptions and says what a check shows, as a student's feedback does; it has neither code nor
the sentences that explain a misconception, so it can be read before an exercise is done.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from lecture5.exercise import commands as exercise_commands
from lecture5.exercise import notebooks
from lecture5.exercise.catalogue import catalogue_file, exercise_numbers, get_exercise
from lecture5.exercise.files import write_text
from lecture5.exercise.model import Exercise, Question
from lecture5.exercise.places import course_root, hidden_tests, source_notebook
from lecture5.grading.grade import Job
from lecture5.grading.planted import Kill, kill_table
from lecture5.grading.records import content_key
from lecture5.grading.session import CheckResult, Grader

PAGE = "kill-table.md"
HEAD = """\
# Which check catches which error

Tests can be wrong too, mostly by being blind: a test of a convolution whose kernel does not change when it is turned
round passes, turned or not. So the tests of our exercises are tested. For each function that students write there is a
catalogue of *misconceptions*, small wrong implementations of the kind that people really write. Each is handed in like
a submission, and **each must fail a hidden test**. The reference must pass everything.

The same catalogue tells a student what went wrong: if an answer gives just what a misconception gives, `check` names
it.

A row is a misconception, a column a check of that function: V, the *visible* check in the notebook, then the hidden
tests by number. A dot says that the check catches the error; where V has a dash it was not tried, because the
stand-ins for torch modules only answer calls. `lecture5 release` makes this page, and a test fails if it is not
current, or if a misconception survives.
"""
MARK = re.compile(r"^(% exercise \d\d made from \w+\n)", re.MULTILINE)


def release_command(options: argparse.Namespace) -> int:
    """``lecture5 release``: write the students' notebooks, then this page; or check that they are current."""
    status = exercise_commands.release_command(options)
    if status and not options.check:
        return status
    if is_current():
        print(f"book/{PAGE}: current")
        return status
    if options.check:
        print(f"book/{PAGE}: not current, run `lecture5 release`", file=sys.stderr)
        return 1
    path = page_path()
    write_text(path, page(path.read_text(encoding="utf-8") if path.is_file() else ""))
    print(f"book/{PAGE}: written")
    return status


def page_path() -> Path:
    """Return where the page lies."""
    return course_root() / "book" / PAGE


def page(current: str = "", numbers: Iterable[str] | None = None) -> str:
    """Return the page for these exercises (default: all), with the sections of ``current`` that are still right."""
    exercises = [get_exercise(number) for number in numbers or exercise_numbers()]
    known = sections(current)
    made = [known.get(_mark(exercise)) or section(exercise) for exercise in exercises]
    return HEAD + "".join(f"\n{_mark(exercise)}{text}" for exercise, text in zip(exercises, made, strict=True))


def is_current() -> bool:
    """Whether every section was made from what is there now; in a course that has no book, there is nothing to do."""
    if not page_path().parent.is_dir():
        return True
    text = page_path().read_text(encoding="utf-8") if page_path().is_file() else ""
    return text.startswith(HEAD) and list(sections(text)) == [_mark(get_exercise(n)) for n in exercise_numbers()]


def sections(text: str) -> dict[str, str]:
    """Return the sections of a page by the line that marks what they were made from."""
    _, *parts = MARK.split(text)
    return {mark: body.strip("\n") + "\n" for mark, body in zip(parts[::2], parts[1::2], strict=True)}


def _mark(exercise: Exercise) -> str:
    files = (catalogue_file(exercise.number), hidden_tests(exercise), source_notebook(exercise))
    return f"% exercise {exercise.number} made from {content_key(*(file.read_bytes() for file in files))[:16]}\n"


def section(exercise: Exercise) -> str:
    """Plant every misconception of an exercise, and return what caught it as a section of the page."""
    kills, checks = kill_table(exercise), _checks(exercise)
    survivors = [f"{kill.function}: {kill.misconception}" for kill in kills if not kill.hidden]
    about = notebooks.read(source_notebook(exercise)).metadata.get("lecture5", {})
    title = about.get("title", exercise.name.replace("-", " ").capitalize())
    counts = f"{len(exercise.questions)} functions, {len(kills)} misconceptions"
    visible = sum(1 for kill in kills if kill.visible)
    caught = f"{len(kills) - len(survivors)} fail a hidden test, {visible} the visible check too"
    tables = [
        _table(question, [c for c in checks if c.function == question.name], kills) for question in exercise.questions
    ]
    lines = [f"## Exercise {int(exercise.number)}: {title}", f"{counts}: {caught}."]
    lines += [":::{dropdown} The table, function by function", *tables, ":::"]
    if survivors:
        lines.insert(2, f"**Not caught by any hidden test: {', '.join(survivors)}.**")
    return "\n\n".join(lines) + "\n"


def _table(question: Question, checks: Sequence[CheckResult], kills: Sequence[Kill]) -> str:
    visible = [check for check in checks if check.kind == "visible"]
    hidden = [check for check in checks if check.kind == "hidden"]
    legend = " · ".join(f"**{number}** {check.title}" for number, check in enumerate(hidden, 1))
    heads = [*("V" for _ in visible), *(str(number) for number in range(1, len(hidden) + 1))]
    rows = [f"| misconception | {' | '.join(heads)} |", f"|---|{':-:|' * len(heads)}"]
    for kill in kills:
        if kill.function == question.name:
            caught = {*kill.visible, *kill.hidden}
            marks = ["–" if question.is_module else _dot(check, caught) for check in visible]
            marks += [_dot(check, caught) for check in hidden]
            rows.append(f"| {kill.misconception} | {' | '.join(marks)} |")
    return f"`{question.name}`: {legend}\n\n" + "\n".join(rows)


def _dot(check: CheckResult, caught: set[str]) -> str:
    return "●" if check.name in caught else " "


def _checks(exercise: Exercise) -> list[CheckResult]:
    """Return the checks of an exercise, in order, not run."""
    job, found = Job(exercise.number), []
    grader = Grader(exercise, job.pristine, job.tests())
    grader.run(iter([lambda grader: found.extend(grader.checks)]))
    return found
