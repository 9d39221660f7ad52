"""The commands: what they print, and their exit status."""

import json
import subprocess
import sys

import pytest

from lecture5 import cli
from lecture5.exercise import cells, notebooks
from lecture5.exercise.places import source_notebook
from lecture5.exercise.release import pristine


@pytest.fixture
def half_done(exercise, right_answers, tmp_path):
    """A notebook with a flipped conv1d, a right convolve, and stubs."""
    notebook = pristine(exercise)
    for cell in cells.answer_cells(notebook):
        if cell.id == "conv1d":
            cell.source = right_answers["conv1d"].replace("* w)", "* w[::-1])")
        if cell.id == "convolve":
            cell.source = right_answers["convolve"]
    path = tmp_path / "mine.ipynb"
    path.write_text(notebooks.dumps(notebook))
    return path


def test_check_says_what_passes_and_why_the_rest_does_not(half_done, capsys):
    assert cli.main(["check", str(half_done)]) == 1
    text = capsys.readouterr().out
    assert "→ Your kernel is turned round" in text
    assert "  ✗ visible check: the output differs from the one stored in the notebook" in text
    assert "  ✗ visible check: not written yet" in text
    assert "  ✓ an impulse" in text
    assert text.rstrip().endswith("Not yet: the checks marked ✗ fail.")


def test_check_of_the_solution(exercise, capsys):
    assert cli.main(["check", str(source_notebook(exercise))]) == 0
    text = capsys.readouterr().out
    assert "✗" not in text
    assert "Visible checks pass; hidden tests run when it is graded." in text


def test_check_does_not_trust_outputs_in_the_file(half_done, capsys):
    """Running a check cell in JupyterLab stores one's own output; it must not become the expected one."""
    notebook = notebooks.read(half_done)
    by_id = {cell.id: cell for cell in notebook.cells}
    by_id["conv1d-visible"].outputs[0].data["text/plain"] = "array([-3., -2.,  5.])"
    half_done.write_text(notebooks.dumps(notebook))
    assert cli.main(["check", "--json", str(half_done)]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["checks"][0]["outcome"] == "wrong"
    assert record["reports"]["conv1d"]["misconceptions"][0]["name"] == "flipped-kernel"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.ipynb"], "nowhere.ipynb does not exist"),
        (["grade", "nowhere", "--exercise", "01", "--out", "out"], "nowhere does not exist"),
        (["grade", ".", "--exercise", "99", "--out", "out"], "there is no exercise '99'; there are 01"),
        (["release", "--exercise", "99"], "there is no exercise"),
    ],
)
def test_wrong_use(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["grade", "."], ["grade", ".", "--workers", "0"]])
def test_argparse_says_what_is_wrong(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: lecture5" in capsys.readouterr().err


def test_check_of_another_notebook(tmp_path, capsys):
    path = tmp_path / "other.ipynb"
    path.write_text('{"cells": []}')
    assert cli.main(["check", str(path)]) == 2
    assert "is it another one?" in capsys.readouterr().err


def test_without_a_sandbox_grade_refuses(tmp_path, monkeypatch, capsys):
    (tmp_path / "ada.ipynb").write_text("")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert cli.main(["grade", str(tmp_path), "--exercise", "01", "--out", str(tmp_path / "out")]) == 2
    assert "--trust" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_grade_with_trust(half_done, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["grade", str(half_done), "--exercise", "1", "--out", str(out), "--workers", "1", "--trust"]) == 0
    text = capsys.readouterr().out
    assert "mine          3  conv1d: flipped-kernel" in text
    assert (out / "grades.csv").is_file()
    assert cli.main(["grade", str(half_done), "--exercise", "1", "--out", str(out), "--trust", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["points"] == 3


def test_release_is_current(capsys):
    assert cli.main(["release", "--check"]) == 0
    assert "01-convolution.ipynb: current" in capsys.readouterr().out


def test_help_is_instant():
    """Neither numpy nor a test runner is imported to print help."""
    code = "import sys; from lecture5 import cli; cli.parser(); print({'numpy', 'pytest', 'zmq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_doctor(capsys):
    cli.main(["doctor", "--json"])
    names = [one["name"] for one in json.loads(capsys.readouterr().out)]
    assert names == ["python", "kernel", "sandbox", "machine"]
