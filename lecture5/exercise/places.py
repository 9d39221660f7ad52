"""Where solutions, hidden tests and released exercises lie."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from lecture5.exercise.model import Exercise


class NotFound(Exception):
    """A folder or file of the course is not where it should be; the message says where it was looked for."""


def course_root(start: Path | None = None) -> Path:
    """Return the nearest folder, from ``start`` (the working directory) upwards, that holds the course.

    A checkout of the course is recognised by its ``exercises`` and ``solutions`` folders. From elsewhere, the checkout
    from which this package was imported is used, if it is one.
    """
    start = Path(start or Path.cwd()).resolve()
    installed_from = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, installed_from):
        if (folder / "exercises").is_dir() and (folder / "solutions").is_dir():
            return folder
    raise NotFound(f"no course in {start} or above it: a course has the folders exercises and solutions")


def installed_notebook(exercise: Exercise) -> Path:
    """Return the students' notebook as it lies in an installed package."""
    for file in importlib.metadata.files("lecture5") or ():
        if file.parent.name == "exercises" and file.name == exercise.notebook_name:
            return _existing(Path(str(file.locate())))
    raise NotFound(f"this installation of lecture5 has no {exercise.notebook_name}: install it anew, or use a checkout")


def source_notebook(exercise: Exercise) -> Path:
    """Return the notebook with the solutions."""
    return _existing(course_root() / "solutions" / exercise.notebook_name)


def hidden_tests(exercise: Exercise) -> Path:
    """Return the file with the hidden tests. It is in no release and no wheel."""
    return _existing(course_root() / "solutions" / "tests" / exercise.test_name)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotFound(f"{path} does not exist")
    return path
