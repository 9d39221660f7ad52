"""What is packed for Gradescope and GitHub Classroom runs there: unpacked, and run on a submission."""

import base64
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from lecture5 import cli
from lecture5.exercise.catalogue import get_exercise
from lecture5.grading.gradebook import autograde, packaging

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "tests" / "demo_class"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "autograder.zip"
    packaging.write_zip(packaging.gradescope_files(get_exercise("01"), trust=True), path)
    return path


@pytest.fixture
def autograder(archive, tmp_path):
    """The tree that Gradescope's harness makes from the zip, with a place for the upload."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "source")
        for entry in packed.infolist():  # as unzip does; extractall forgets modes
            (tmp_path / "source" / entry.filename).chmod(entry.external_attr >> 16)
    shutil.copy2(tmp_path / "source" / "run_autograder", tmp_path / "run_autograder")
    for name in ("submission", "results"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(autograder, **more):
    """Run it as the harness does, with this Python in place of the one that setup.sh would install."""
    environment = {**os.environ, "AUTOGRADER": str(autograder), "LECTURE5_PYTHON": sys.executable, **more}
    environment |= {"PYTHONPATH": str(autograder / "source" / "course"), "OMP_NUM_THREADS": "1"}
    script = autograder / "run_autograder"
    return subprocess.run([script], cwd=autograder, env=environment, capture_output=True, text=True, timeout=300)


def test_an_upload_is_graded(autograder):
    shutil.copy(DEMO / "chen.ipynb", autograder / "submission" / "my own name.ipynb")
    (autograder / "submission" / "notes.txt").write_text("hello")
    due, late = "2026-11-20T23:59:00.000000-08:00", "2026-11-21T09:00:00.000000-08:00"
    metadata = {"created_at": late, "assignment": {"due_date": due}, "previous_submissions": [{}, {}]}
    (autograder / "submission_metadata.json").write_text(json.dumps(metadata))
    done = run(autograder)
    assert done.returncode == 0, done.stderr
    results = json.loads((autograder / "results" / "results.json").read_text())
    assert results["score"] == 7
    assert sum(test["max_score"] for test in results["tests"]) == 17
    assert "Your kernel is turned by 180°" in results["output"]
    assert (results["extra_data"]["late_days"], results["extra_data"]["attempt"]) == (1, 3)


@pytest.mark.parametrize("upload", ["nothing", "a link"])
def test_what_is_no_notebook_gets_its_reason(autograder, upload):
    if upload == "a link":
        (autograder / "submission" / "x.ipynb").symlink_to(ROOT / "solutions" / "01-convolution.ipynb")
    assert autograde.main(["--exercise", "01", "--autograder", str(autograder), "--trust"]) == 0
    results = json.loads((autograder / "results" / "results.json").read_text())
    expected = "no notebook was handed in" if upload == "nothing" else "the file is a link, or cannot be opened"
    assert (results["score"], results["output"]) == (0, expected)


def test_without_a_sandbox_there_is_no_result(autograder):
    """And so no zero: Gradescope says that the autograder failed."""
    script = autograder / "run_autograder"
    script.write_text(script.read_text().replace(" --trust", ""))
    shutil.copy(DEMO / "ada.ipynb", autograder / "submission" / "ada.ipynb")
    (autograder / "bin").mkdir()
    for name in ("bash", "env"):  # all that run_autograder needs, and no bwrap
        (autograder / "bin" / name).symlink_to(shutil.which(name))
    done = run(autograder, PATH=str(autograder / "bin"))
    assert done.returncode == 2
    assert "add --trust if you trust every one of them" in done.stderr
    assert not list((autograder / "results").iterdir())


def test_what_is_in_the_zip(archive):
    with zipfile.ZipFile(archive) as packed:
        modes = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}
        run_script = packed.read("run_autograder").decode()
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert {"course/constraints.txt", "course/solutions/tests/test_01_convolution.py"} <= modes.keys()
    others = [name for name in modes if "course/solutions" in name and "01" not in name]
    assert others == []  # one exercise's answers are enough
    assert not [name for name in modes if "__pycache__" in name]
    assert run_script.rstrip().endswith("--exercise 01 --trust")


def test_scripts_are_bash(archive, tmp_path):
    with zipfile.ZipFile(archive) as packed:
        for name in ("setup.sh", "run_autograder"):
            done = subprocess.run(["bash", "-n"], input=packed.read(name), capture_output=True, timeout=60)
            assert done.returncode == 0, done.stderr


def test_the_same_files_give_the_same_bytes(tmp_path, monkeypatch):
    files = [("setup.sh", b"echo"), ("course/x", b"y" * 1000)]
    packaging.write_zip(files, tmp_path / "first.zip")
    monkeypatch.setattr("time.time", lambda: 2e9)
    packaging.write_zip(files, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_cohort_is_quoted():
    text = dict(packaging.gradescope_files(get_exercise("01"), cohort="fall; rm -rf /"))["run_autograder"].decode()
    assert "--cohort 'fall; rm -rf /'" in text
    assert "--trust" not in text


@pytest.mark.parametrize("text", ["", "[]", "{}x", '{"assignment": {"due_date": "soon"}, "created_at": 3}'])
def test_metadata_that_cannot_be_read(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    assert autograde.circumstances(tmp_path / "m.json") == {}
    assert autograde.circumstances(tmp_path / "none.json") == {}


def test_the_classroom_repository(tmp_path):
    arguments = ["package", "classroom", "--exercise", "1", "--install", "git+https://example.org/course"]
    assert cli.main([*arguments, "--out", str(tmp_path / "repo")]) == 0
    files = {str(path.relative_to(tmp_path / "repo")) for path in (tmp_path / "repo").rglob("*") if path.is_file()}
    workflow = ".github/workflows/classroom.yml"
    assert files == {workflow, "01-convolution.ipynb", "constraints.txt", "requirements.txt"}
    assert "SOLUTION" not in (tmp_path / "repo" / "01-convolution.ipynb").read_text()
    steps = yaml.safe_load((tmp_path / "repo" / workflow).read_text())["jobs"]["run-autograding-tests"]["steps"]
    by_name = {step.get("name"): step for step in steps}
    command = by_name["Visible checks"]["run"]
    assert by_name["Report"]["env"] == {"VISIBLE_RESULTS": "${{ steps.visible.outputs.result }}"}
    # the step itself, on a student's notebook
    shutil.copy(DEMO / "chen.ipynb", tmp_path / "repo" / "01-convolution.ipynb")
    environment = {**os.environ, "GITHUB_OUTPUT": str(tmp_path / "output"), "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, shell=True, cwd=tmp_path / "repo", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name, _, value = (tmp_path / "output").read_text().strip().partition("=")
    result = json.loads(base64.b64decode(value))
    assert (name, result["status"], result["max_score"]) == ("result", "fail", 5)
    assert sum(test["score"] for test in result["tests"]) == 2
    assert "fail: conv1d: visible check: the output differs" in done.stderr
