"""A new exercise is complete from the start, and the page that says how to write one can be followed."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lecture5 import cli
from lecture5.exercise.catalogue import exercise_numbers

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "new-exercise.md"
HIDDEN = shutil.ignore_patterns("__pycache__", "*.safetensors")


@pytest.fixture
def course(tmp_path):
    """A copy of the course, with as many exercises as are needed to see that one is added in its place."""
    for name in ("lecture5", "tests/exercise"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=HIDDEN)
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("exercises", "solutions", "solutions/tests"):
        (tmp_path / name).mkdir()
        for path in [*(ROOT / name).glob("01*"), *(ROOT / name).glob("test_01*")]:
            shutil.copy(path, tmp_path / name / path.name)
    listed = tmp_path / "lecture5/exercise/catalogue/__init__.py"
    kept = re.sub(r'^    "(?!01)\d\d": "\w+",\n', "", listed.read_text(), flags=re.MULTILINE)
    listed.write_text(kept)
    return tmp_path


def run(command, folder):
    """Run one line of the page, with the copy's package and this environment's programs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_page_can_be_followed(course):
    commands = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert [command.split()[1] for command in commands if command.startswith("lecture5")] == [
        "new-exercise",
        "check",
        "release",
        "grade",
    ]
    printed = {}
    for command in commands:
        if command.startswith("lecture5 grade"):  # the sandbox is tested elsewhere
            command = command.rstrip() + " --trust --workers 1"
        done = run(command, course)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        printed[command.split()[1]] = done.stdout
    assert "solutions/20-moving-maximum.ipynb" in printed["new-exercise"]
    assert "✓ five samples, windows of two" in printed["check"]
    assert re.search(r"\b(1[0-9]|2[0-9]) passed", printed["-q"])  # 6 named, 6 sentences, and 4 on the whole
    with open(course / "graded" / "grades.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["points"], row["max_points"], row["moving_maximum"]) == ("3", "3", "3")
    listed = (course / "lecture5/exercise/catalogue/__init__.py").read_text()
    assert re.findall(r'^    "(\d\d)"', listed, re.MULTILINE) == ["01", "20"]
    left = [path for path in course.rglob("*20*") if path.suffix in (".py", ".ipynb")]
    left.append(course / "lecture5/exercise/catalogue/moving_maximum.py")
    for path in left:
        assert not re.search("moving.average", path.read_text(), re.IGNORECASE), path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("moving-maximum", "should be two digits and a name"),
        ("20-Moving Maximum", "should be two digits and a name"),
        ("../20-x", "should be two digits and a name"),
        ("01-again", "there is an exercise 01: 01-convolution.ipynb"),
        ("77-conv1d", "exercise 01 asks for a function called conv1d"),
        ("77-lambda", "a word of Python's own"),
        ("77-convolution", "exists already"),
    ],
)
def test_names_that_cannot_be_used(name, words, capsys):
    before = exercise_numbers()
    assert cli.main(["new-exercise", name]) == 2
    assert words in capsys.readouterr().err
    assert exercise_numbers() == before
    assert not list((ROOT / "solutions").glob("77*"))


def test_a_course_elsewhere_is_not_written_to(tmp_path, monkeypatch, capsys):
    for name in ("exercises", "solutions"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new-exercise", "20-moving-maximum"]) == 2
    assert "lecture5 is imported from" in capsys.readouterr().err
