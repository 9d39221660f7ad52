"""``lecture5 export`` and ``lecture5 report``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lecture5.exercise.files import write_text
from lecture5.exercise.places import NotFound
from lecture5.grading.gradebook.exports import export, write_export
from lecture5.grading.gradebook.folder import Unusable, read_folder
from lecture5.grading.gradebook.report import page


def export_command(options: argparse.Namespace) -> int:
    """Write a graded folder in another program's format."""
    try:
        folder = read_folder(options.folder, due=options.due, times=options.times)
        made = export(folder, options.format, class_list=options.class_list, column=options.column)
    except (Unusable, KeyError, NotFound) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    out = options.out or default_place(options.folder, options.format)
    write_export(made, out)
    for note in made.notes:
        print(note, file=sys.stderr)
    print(f"{out}: {_named(sorted(made.files))}")
    return 0


def report_command(options: argparse.Namespace) -> int:
    """Write the class at a glance as one page."""
    try:
        folder = read_folder(options.folder, due=options.due, times=options.times)
    except (Unusable, KeyError, NotFound) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    path = options.out or options.folder / "report.html"
    write_text(path, page(folder))
    print(path)
    return 0


def default_place(folder: Path, form: str) -> Path:
    """Return where an export goes: into the graded folder itself, out of the way of the records."""
    return folder / "exports" / form


def _named(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} files"
