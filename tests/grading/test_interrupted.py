"""Killed at random moments and started again, the grader gives the same table and repeats nothing that was finished."""

import importlib.util
import os
import time
from pathlib import Path

import pytest

from lecture5.grading import sandbox

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "interrupted.py"


@pytest.mark.sandbox
def test_killed_at_random_and_started_again(tmp_path):
    """The undisturbed run has one worker, the others have two: their number must not matter either."""
    spec = importlib.util.spec_from_file_location("interrupted", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.compare(tmp_path / "place", count=24, kills=4, workers=2)
    assert found["grades.csv the same"]
    assert found["checks.csv the same"]
    assert found["repeated or lost"] == 0
    assert 0 < found["records before the last run"] < 24
    assert found["left over"] == 0


def test_folders_that_a_killed_grader_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    running, killed, recent, another = (
        tmp_path / name for name in (f"lecture5-{os.getpid()}-a", "lecture5-99999999-a", "lecture5-99999999-b", "else")
    )
    for folder in (running, killed, recent, another):
        folder.mkdir()
        (folder / "file").touch()
    yesterday = time.time() - 86400
    for folder in (running, killed, another):
        os.utime(folder, (yesterday, yesterday))
    (tmp_path / "lecture5-99999999-link").symlink_to(another)
    sandbox.remove_abandoned()
    assert {path.name for path in tmp_path.iterdir()} == {running.name, recent.name, "lecture5-99999999-link", "else"}
    assert (another / "file").exists()
