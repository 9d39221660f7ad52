"""Find submissions in a folder, and read a student's answers out of one, without running or trusting anything.

A submission is bytes until the end of :func:`read_answers`: links are not followed, size and structure are bounded
before the JSON is read, and of its content only the source of cells with the id of one of our answer cells is used.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from lecture5.exercise import cells
from lecture5.grading.outcomes import clean

MAX_FILE = 50 * 2**20
MAX_STRUCTURE = 2_000_000  # commas, brackets and braces: what JSON can blow up to in memory
MAX_ANSWER = 200_000
IGNORED = {"__MACOSX", "timestamp.txt", "Thumbs.db", "desktop.ini"}

# lovelaceada_LATE_12345_67890_01-convolution-2.ipynb
CANVAS = re.compile(r"(?P<student>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)")
CANVAS_ATTEMPT = re.compile(r"-(\d+)$")
# Ada Lovelace_123456_assignsubmission_file_
MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?")


class Unreadable(Exception):
    """A submission cannot be graded; the message says why, in words for the student."""


@dataclass(frozen=True)
class Found:
    """One submission: who, which file, and what the platform's file names say about it."""

    student: str
    path: Path
    lms_id: str = ""
    late: bool = False
    attempt: int = 1


@dataclass(frozen=True)
class Answers:
    """The source of the answer cells by id, and the names that the student's other cells define."""

    sources: Mapping[str, str]
    defined_elsewhere: Sequence[str] = field(default=())


def find_submissions(place: Path, notebook_name: str) -> list[Found]:
    """Return the submissions in ``place``, ordered by student.

    ``place`` is one notebook, or a folder that holds any of these:

    - files named after students: ``ada.ipynb``;
    - Canvas downloads: ``lovelaceada_LATE_12345_67890_01-convolution.ipynb``;
    - Moodle downloads: ``Ada Lovelace_123456_assignsubmission_file_/01-convolution.ipynb``;
    - one folder per student, also in nbgrader's layout: ``submitted/ada/01-convolution/01-convolution.ipynb``.

    Every file and folder becomes a submission, also what is not a notebook: it will get its reason.
    """
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist")
    if not place.is_dir():
        return [_from_file(place)]
    if (place / "submitted").is_dir():
        place = place / "submitted"
    found = []
    for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        path = Path(entry.path)
        found.append(_from_folder(path, notebook_name) if entry.is_dir(follow_symlinks=False) else _from_file(path))
    return _one_name_each(sorted(found, key=lambda one: (one.student, one.attempt, str(one.path))))


def _from_file(path: Path) -> Found:
    match = CANVAS.fullmatch(path.name)
    if match is None:
        return Found(clean(path.stem), path)
    attempt = CANVAS_ATTEMPT.search(Path(match["file"]).stem)
    # a Canvas file that is handed in again gets "-1", "-2", …; the exercise's own name does not end so
    number = int(attempt[1]) + 1 if attempt else 1
    return Found(clean(match["student"]), path, match["id"], bool(match["late"]), number)


def _from_folder(folder: Path, notebook_name: str) -> Found:
    match = MOODLE.fullmatch(folder.name)
    student, lms_id = (match["student"], match["id"]) if match else (folder.name, "")
    notebooks = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in IGNORED)
        notebooks += [Path(place) / name for name in sorted(names) if name.endswith(".ipynb")]
    named = [path for path in notebooks if path.name == notebook_name]
    path = (named or notebooks or [folder / notebook_name])[0]
    return Found(clean(student), path, lms_id)


def _one_name_each(found: list[Found]) -> list[Found]:
    """Tell submissions with the same name apart, so that no record replaces another."""
    seen: dict[str, int] = {}
    result = []
    for one in found:
        seen[one.student] = seen.get(one.student, 0) + 1
        number = seen[one.student]
        student = one.student if number == 1 else f"{one.student} ({number})"
        result.append(Found(student, one.path, one.lms_id, one.late, one.attempt))
    return result


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file of bounded size; a link, a pipe or a device is refused.

    Raises
    ------
    Unreadable
        If it is something else, or too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise Unreadable("no notebook was handed in") from None
    except OSError:
        raise Unreadable("the file is a link, or cannot be opened") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
        os.close(handle)
        too_large = f"the file is larger than {MAX_FILE // 2**20} MiB"
        raise Unreadable(too_large if stat.S_ISREG(status.st_mode) else "it is not a file")
    with os.fdopen(handle, "rb") as stream:
        return stream.read(MAX_FILE + 1)


def read_answers(data: bytes, pristine: NotebookNode) -> Answers:
    """Return the answers in the bytes of a submitted notebook.

    Raises
    ------
    Unreadable
        If it is not a notebook, or not one of this exercise.
    """
    if not data.strip():
        raise Unreadable("the file is empty")
    if sum(data.count(character) for character in (b",", b"[", b"{")) > MAX_STRUCTURE:
        raise Unreadable("the file is too complicated for a notebook")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("this is not a notebook: it is not text") from None
    except (ValueError, RecursionError):
        raise Unreadable("this is not a notebook, or it is damaged: it cannot be read as JSON") from None
    submitted = notebook.get("cells") if isinstance(notebook, dict) else None
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise Unreadable("this notebook has an old format: open it in JupyterLab, save it, and hand it in again")
    if not isinstance(submitted, list):
        raise Unreadable("this is not a notebook: it has no cells")
    wanted = {cell.id: cell.metadata["nbgrader"]["grade_id"] for cell in cells.answer_cells(pristine)}
    sources: dict[str, str] = {}
    others: list[str] = []
    for cell in submitted:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = _source(cell)
        name = _answer_id(cell, wanted)
        if name is None:
            others.append(source)
        elif name not in sources:  # the first one, if a cell was copied
            if len(source) > MAX_ANSWER:
                raise Unreadable(f"the answer in cell {name} has more than {MAX_ANSWER} characters")
            sources[name] = source
    if not sources:
        raise Unreadable("none of this exercise's answer cells is in this notebook: is it another one?")
    definitions = re.findall(r"^(?:def|class)\s+(\w+)", "\n".join(others)[:MAX_FILE], re.MULTILINE)
    return Answers(sources, tuple(dict.fromkeys(definitions)))


def _answer_id(cell: dict[str, Any], wanted: Mapping[str, str]) -> str | None:
    """Return which of our answer cells this is: by its id, or, where an editor removed ids, by nbgrader's."""
    name = cell.get("id")
    if isinstance(name, str):
        return name if name in wanted else None
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    return next((ours for ours, theirs in wanted.items() if theirs == grade_id), None)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return ""
    return source.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be sent
