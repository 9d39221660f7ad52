"""Pack an exercise for Gradescope and GitHub Classroom: ``lecture5 package``.

Both are made from the course itself, so there is nothing to keep up to date by hand.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.files import write_text
from lecture5.exercise.model import Exercise
from lecture5.exercise.places import NotFound, course_root, hidden_tests, source_notebook
from lecture5.exercise.release import released_text
from lecture5.grading.providers.container import containerfile

SETUP = """\
#!/usr/bin/env bash
# Runs once, when Gradescope builds the image: the versions are those of course/constraints.txt.
set -euo pipefail
autograder="${AUTOGRADER:-/autograder}"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y bubblewrap
python=""
for version in 3.13 3.12 3.11; do  # lecture5 needs 3.11; which of them there is depends on the image
    if apt-get install -y "python$version" "python$version-venv"; then python="python$version"; break; fi
done
[ -n "$python" ] || { echo "this image has no Python from 3.11 on: choose a newer base image" >&2; exit 1; }
"$python" -m venv "$autograder/venv"
pip="$autograder/venv/bin/pip"
cd "$autograder/source/course"
# PyTorch's own index has builds for the processor alone, without several GB of CUDA libraries.
"$pip" install "$(grep '^torch==' constraints.txt)" --index-url https://download.pytorch.org/whl/cpu
"$pip" install -c constraints.txt -e '.[grade]'
"$autograder/venv/bin/lecture5" doctor || true  # its words stand in the build's log
"""

RUN = """\
#!/usr/bin/env bash
# Runs for each upload. Without results.json, Gradescope says that the autograder failed: never a zero.
autograder="${{AUTOGRADER:-/autograder}}"
cd "$autograder/source/course" || exit 3
exec "${{LECTURE5_PYTHON:-$autograder/venv/bin/python}}" -m lecture5.grading.gradebook.autograde \\
    --autograder "$autograder" {options}
"""

WORKFLOW = """\
# Made by `lecture5 package classroom`. It runs the visible checks only: hidden tests must never be in this repository.
name: Autograding Tests
on: [push, workflow_dispatch]
permissions:
  checks: write
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-latest
    if: github.actor != 'github-classroom[bot]'
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{python}"
      - name: Install
        run: python -m pip install -c constraints.txt -r requirements.txt
      - name: Visible checks
        id: visible
        run: python -m lecture5.grading.gradebook.classroom {notebook} >> "$GITHUB_OUTPUT"
      - name: Report
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
          VISIBLE_RESULTS: ${{{{ steps.visible.outputs.result }}}}
        with:
          runners: visible
"""
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def gradescope_files(exercise: Exercise, *, trust: bool = False, cohort: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a Gradescope autograder."""
    options = ["--exercise", exercise.number]
    if cohort:
        options += ["--cohort", shlex.quote(cohort)]
    if trust:
        options.append("--trust")
    yield "setup.sh", SETUP.encode()
    yield "run_autograder", RUN.format(options=" ".join(options)).encode()
    root = course_root()
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "LICENSE-TEXT"):
        yield f"course/{name}", (root / name).read_bytes()
    yield f"course/exercises/{exercise.notebook_name}", released_text(exercise).encode()
    for path in (source_notebook(exercise), hidden_tests(exercise)):
        yield f"course/{path.relative_to(root).as_posix()}", path.read_bytes()
    for path in sorted((root / "lecture5").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
            yield f"course/{path.relative_to(root).as_posix()}", path.read_bytes()


def write_zip(files: Iterable[tuple[str, bytes]], out: Path) -> None:
    """Write the zip that is uploaded as an assignment's autograder; the same files give the same bytes."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name in ("setup.sh", "run_autograder") else 0o644) << 16
            archive.writestr(entry, content)


def classroom_files(exercise: Exercise, install: str) -> dict[str, str]:
    """Return the files of a template repository for GitHub Classroom.

    Parameters
    ----------
    exercise
        The exercise.
    install
        What pip is to install: ``git+https://…`` or the address of a wheel.
    """
    root = course_root()
    version = re.search(r'requires-python = ">=([\d.]+)"', (root / "pyproject.toml").read_text(encoding="utf-8"))[1]
    return {
        ".github/workflows/classroom.yml": WORKFLOW.format(notebook=exercise.notebook_name, python=version),
        exercise.notebook_name: released_text(exercise),
        "constraints.txt": (root / "constraints.txt").read_text(encoding="utf-8"),
        "requirements.txt": f"lecture5[lab,grade] @ {install}\n",
    }


def _all_allowed(exercise: Exercise) -> tuple[str, ...]:
    """Return what any question of an exercise may import: a container has one image for all of them."""
    names = {name for question in exercise.questions for name in exercise.allowed_for(question)}
    return tuple(sorted(names | set(exercise.allowed)))


def command(options: argparse.Namespace) -> int:
    """Write a package."""
    try:
        exercise = get_exercise(options.exercise)
        if options.platform == "gradescope":
            write_zip(gradescope_files(exercise, trust=options.trust, cohort=options.cohort), options.out)
        elif options.platform == "image":
            write_text(options.out, containerfile(_all_allowed(exercise)))
            print(f"build it with: docker build --tag lecture5-{exercise.number} - < {options.out}", file=sys.stderr)
        else:
            for name, text in classroom_files(exercise, options.install).items():
                path = options.out / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, text)
    except (KeyError, NotFound, OSError) as error:
        print(error if isinstance(error, OSError) else error.args[0], file=sys.stderr)
        return 2
    print(options.out)
    return 0
