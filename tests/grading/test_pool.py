"""The local pool hands out work before it hands over results."""

from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

from lecture5.grading import pool
from lecture5.grading.sandbox import LIMITS
from lecture5.grading.submissions import Found

PROCESS = SimpleNamespace(is_alive=lambda: True, join=lambda timeout=None: None, kill=lambda: None)


def test_a_worker_has_its_next_submission_before_a_record_is_written(monkeypatch):
    ours, theirs = Pipe()
    monkeypatch.setattr(pool, "_start", lambda job, slot: pool._Worker(PROCESS, ours))
    names = ["a", "b", "c"]
    for name in names:
        theirs.send({"student": name})  # what a worker that needs no time would answer
    given = []
    for record in pool.grade_all([Found(name, Path(name)) for name in names], SimpleNamespace(limits=LIMITS), 1):
        given.append(record["student"])
        got = 0
        while theirs.poll():
            got += theirs.recv() is not None
        assert got == (2 if record["student"] == "a" else 1 if record["student"] == "b" else 0)
    assert given == names
