"""Start a new exercise from a template that is complete: ``lecture5 new-exercise NN-name``."""

from __future__ import annotations

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path

from lecture5.exercise import catalogue, notebooks
from lecture5.exercise.files import write_text
from lecture5.exercise.places import NotFound, course_root
from lecture5.exercise.template.notebook import template

NAME = re.compile(r"(\d\d)-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
HERE = Path(__file__).parent
ENTRY = re.compile(r'^    "(\d\d)": "(\w+)",$', re.MULTILINE)


class CannotStart(Exception):
    """A new exercise cannot be made from this name, or not here."""


def new_exercise(text: str) -> list[Path]:
    """Write the four files of a new exercise and enter it in the catalogue; return the paths, the released one last.

    Parameters
    ----------
    text
        Two digits and a name, for example ``"20-total-variation"``; the function that students write is called
        ``total_variation`` at first.

    Raises
    ------
    CannotStart
        If the name cannot be used, or something of that name is there already.
    """
    match = NAME.fullmatch(text)
    if match is None:
        raise CannotStart(f"{text!r} should be two digits and a name in small letters, for example 20-total-variation")
    number, name = match[1], match[2]
    function = name.replace("-", "_")
    root = course_root()
    _require_free(number, function, root)
    folder = HERE / "catalogue"
    paths = [
        folder / f"{function}.py",
        root / "solutions" / "tests" / f"test_{number}_{function}.py",
        root / "solutions" / f"{text}.ipynb",
    ]
    for path in paths:
        if path.exists():
            raise CannotStart(f"{path} exists already")
    for path, source in zip(paths, ("catalogue.py", "hidden_tests.py"), strict=False):
        write_text(path, _renamed((HERE / "template" / source).read_text(encoding="utf-8"), number, name))
    write_text(paths[2], _renamed(notebooks.dumps(notebooks.normalise(template())), number, name))
    _enter(folder / "__init__.py", number, function)
    # other processes, since this one has read the catalogue without the new entry
    for command in (["lecture5.exercise.notebooks", str(paths[2])], ["lecture5.cli", "release", "--exercise", number]):
        subprocess.run([sys.executable, "-m", *command], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return [*paths, root / "exercises" / f"{text}.ipynb"]


def _require_free(number: str, function: str, root: Path) -> None:
    if not HERE.is_relative_to(root):
        raise CannotStart(f"lecture5 is imported from {HERE.parent}, not from the course in {root}: pip install -e .")
    if number in catalogue.exercise_numbers():
        raise CannotStart(f"there is an exercise {number}: {catalogue.get_exercise(number).notebook_name}")
    if keyword.iskeyword(function):
        raise CannotStart(f"{function} is a word of Python's own; choose another name")
    try:
        exercise, _ = catalogue.find_question(function)
    except KeyError:
        return
    raise CannotStart(f"exercise {exercise.number} asks for a function called {function}; choose another name")


def _renamed(text: str, number: str, name: str) -> str:
    """Put number and name in place of the template's, in each of the forms in which they occur."""
    words = name.replace("-", " ")
    forms = {
        "moving-average": name,
        "moving_average": name.replace("-", "_"),
        "moving average": words,
        "Moving average": words.capitalize(),
        "xercise 00": f"xercise {number}",
        '"00"': f'"{number}"',
    }
    for old, new in forms.items():
        text = text.replace(old, new)
    return text


def _enter(path: Path, number: str, module: str) -> None:
    """Add a line to the catalogue's list of modules, in order."""
    text = path.read_text(encoding="utf-8")
    lines = [match[0] for match in ENTRY.finditer(text)]
    line = f'    "{number}": "{module}",'
    after = max((other for other in lines if other < line), default="")
    anchor = after or "_MODULES = {"
    write_text(path, text.replace(f"{anchor}\n", f"{anchor}\n{line}\n", 1))


def command(options: argparse.Namespace) -> int:
    """Make a new exercise and say what to do next."""
    try:
        paths = new_exercise(options.name)
    except (CannotStart, NotFound) as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd)} failed; the files are written, mend them and run it again", file=sys.stderr)
        return 3
    root = course_root()
    for path in paths:
        print(path.relative_to(root))
    print("It is complete and passes its tests: now make it yours, file by file (the book: Writing a new exercise).")
    return 0
