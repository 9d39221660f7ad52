"""nbgrader reads our sources: by its schema of cell metadata, and, where it is installed, by itself."""

import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from lecture5.exercise import cells, notebooks, release
from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.exercise.places import source_notebook
from lecture5.exercise.template.notebook import template

# nbgrader/nbgraderformat/v3.json; version 3 is what nbgrader 0.6 to 0.9 write
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema_version", "grade", "locked", "solution"],
    "properties": {
        "schema_version": {"const": 3},
        "grade": {"type": "boolean"},
        "locked": {"type": "boolean"},
        "solution": {"type": "boolean"},
        "task": {"type": "boolean"},
        "grade_id": {"type": "string", "pattern": r"^[a-zA-Z0-9_\-]+$"},
        "points": {"type": "number", "minimum": 0},
        "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
        "cell_type": {"enum": ["raw", "code", "markdown"]},
    },
}
SOURCES = {get_exercise(number).notebook_name: get_exercise(number) for number in exercise_numbers()}


def marked(notebook):
    return [(cell, cell.metadata["nbgrader"]) for cell in notebook.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize("name", [*SOURCES, "template"])
def test_marks_are_nbgraders(name):
    notebook = template() if name == "template" else notebooks.read(source_notebook(SOURCES[name]))
    found = marked(notebook)
    assert found
    for cell, marks in found:
        jsonschema.validate(marks, SCHEMA)
        assert marks["cell_type"] == cell.cell_type
        assert ("points" in marks) == marks["grade"]  # nbgrader takes points for graded cells only
        assert marks["locked"] or marks["solution"]
    names = [marks["grade_id"] for _, marks in found]
    assert len(names) == len(set(names))


@pytest.mark.skipif(shutil.which("nbgrader") is None, reason="nbgrader is not installed: pip install nbgrader")
def test_nbgrader_makes_what_we_make(tmp_path):
    """``nbgrader generate_assignment`` accepts each source, and students get the same code from it as from us."""
    (tmp_path / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "cnn"\n')
    for name, exercise in SOURCES.items():
        folder = tmp_path / "source" / name.removesuffix(".ipynb")
        folder.mkdir(parents=True)
        shutil.copy(source_notebook(exercise), folder / name)
    path = f"{Path(shutil.which('nbgrader')).parent}{os.pathsep}{os.environ['PATH']}"  # it calls alembic
    for name in SOURCES:
        command = ["nbgrader", "generate_assignment", name.removesuffix(".ipynb")]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        theirs = notebooks.read(tmp_path / "release" / name.removesuffix(".ipynb") / name)
        ours = notebooks.read(release.release_path(SOURCES[name]))
        assert code(theirs) == code(ours)


def code(notebook):
    return [(cell.id, cell.source.strip()) for cell in notebook.cells if cells.role(cell) in ("answer", "check")]
