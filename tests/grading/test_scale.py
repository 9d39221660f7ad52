"""What a large class takes: arithmetic by hand, and the measurement of a folder."""

import json
import sys
from dataclasses import replace

import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
from synthetic_class import record, write

from lecture5.grading.gradebook import scale
from lecture5.grading.gradebook.scale import Measured, Plan, need

ONE = Measured(
    seconds=2.0,
    endless_seconds=42.0,
    write_seconds=0.003,
    submission_bytes=3 * 2**20,
    record_bytes=2**19,
    feedback_bytes=2**19,
)
PLAN = Plan(endless_share=0.05, processors=8, memory_gib=16, worker_gib=0.5, price=0.3, efficiency=0.5)


def test_by_hand():
    """0.95 · 2 s + 0.05 · 42 s = 4 s each; 9000 of them are 10 processor hours; 8 processors at half speed give 4."""
    found = need(9000, 1, ONE, PLAN)
    assert found.processor_hours == pytest.approx(10)
    assert found.machines == 3
    assert found.hours == pytest.approx(2.5 / 3)
    assert found.dollars == pytest.approx(2.5 * 0.3)
    assert found.gib_kept == pytest.approx(9000 * 4 / 1024)
    assert found.writing_minutes == pytest.approx(0.45)


def test_memory_can_be_the_limit():
    assert need(9000, 1, ONE, replace(PLAN, memory_gib=2)).machines == 5  # 4 workers, so twice the time


def test_few_submissions_need_one_machine():
    assert need(1, 1, ONE, PLAN).machines == 1


def test_a_folder_is_measured(tmp_path):
    made = [record("ada", seconds=1.0), record("bob", seconds=3.0), record("cem", seconds=50.0)]
    write(tmp_path, [*made, record("dot", status="error", seconds=999.0)])
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback" / "ada.html").write_text("x" * 10)
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name, size in (("ada", 100), ("bob", 300)):
        (handed_in / f"{name}.ipynb").write_text("x" * size)
    found = scale.measure(tmp_path, handed_in)
    assert (found.seconds, found.endless_seconds) == (3.0, 50.0)
    assert (found.submission_bytes, found.feedback_bytes) == (200, 10)
    assert found.record_bytes > 400
    assert found.write_seconds >= 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feedback", "in", "records"]


def test_the_tables_show_what_is_computed():
    text = scale.tables(ONE, PLAN)
    assert "| to grade one submission, on one processor | 2 s |" in text
    found = need(100_000, 12, ONE, PLAN)
    assert f"| 100,000 | 12 h | {found.machines} | {found.dollars:.2f} |" in text


def test_what_is_kept_in_the_repository_can_be_read():
    kept = scale.load_measured()
    assert json.loads(scale.MEASURED.read_text()).keys() == vars(kept).keys()
    assert 0 < kept.seconds < kept.endless_seconds
