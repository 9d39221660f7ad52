"""Records and tables: whole or not there, and harmless in a spreadsheet."""

import json

import pytest

from lecture5.exercise.files import write_text
from lecture5.grading import records


def record(student="ada", **more):
    check = {
        "name": "test_a", "function": "conv1d", "kind": "hidden", "title": "t", "points": 1.0, "max_points": 1.0,
        "outcome": "passed", "message": "", "hint": "", "detail": "", "seconds": 0.1,
    }  # fmt: skip
    return {
        "student": student, "file": "x.ipynb", "lms_id": "", "late": False, "attempt": 1, "exercise": "01", "key": "k",
        "status": "graded", "reason": "", "points": 1.0, "max_points": 17.0, "checks": [check], "cell_errors": {},
        "reports": {}, "seconds": 0.5, **more,
    }  # fmt: skip


@pytest.fixture
def out(tmp_path):
    (tmp_path / "records").mkdir()
    return tmp_path


def test_saved_and_found_again(out):
    records.save(out, record())
    assert records.finished(out, "ada", "k") == record()
    assert records.finished(out, "ada", "another key") is None
    assert records.finished(out, "bob", "k") is None


def test_our_own_errors_are_not_final(out):
    records.save(out, record(status="error"))
    assert records.finished(out, "ada", "k") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"student": "ada"}', "\x00"])
def test_a_damaged_record_is_no_record(out, text):
    records.record_path(out, "ada").write_text(text)
    assert records.finished(out, "ada", "k") is None
    assert records.load_all(out) == []


def test_names_of_files_are_safe_and_unique():
    students = ["../../etc/passwd", "a/b", "A", "a", "Ö", "con", "", ".hidden", "x" * 500, "a b", "a_b", "=1+1", "\n"]
    names = [records.record_name(student) for student in students]
    assert len(set(names)) == len(students)
    for name in names:
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert len(name) < 100
        assert not name.startswith(".")


def test_the_key_depends_on_every_part():
    assert len({records.content_key(*parts) for parts in [(b"a", "b"), (b"ab", ""), (b"a", "c"), ("a", b"", "b")]}) == 4
    assert records.content_key("a", b"b") == records.content_key(b"a", "b")


def test_the_version_depends_on_the_exercise_and_the_grader(monkeypatch, tmp_path):
    first = records.grader_version("01")
    assert records.grader_version("01") == first
    assert records.grader_version("03") != first
    monkeypatch.setattr(records, "catalogue_file", lambda number: tmp_path / "changed.py")
    (tmp_path / "changed.py").write_text("another")
    assert records.grader_version("01") != first


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_table_is_a_formula(out, exercise, start):
    evil = f'{start}HYPERLINK("http://x.example","click")'
    records.write_tables(out, [record(evil, reason=evil)], exercise)
    table = (out / "grades.csv").read_bytes().decode()
    assert f"'{start}" in table
    for cell in table.split("\n")[1].split(","):
        assert not cell.strip('"').startswith(("=", "+", "@"))


def test_tables_hold_points_but_no_times(out, exercise):
    records.write_tables(out, [record(seconds=1.0)], exercise)
    first = (out / "grades.csv").read_text(), (out / "checks.csv").read_text()
    records.write_tables(out, [record(seconds=2.0)], exercise)
    assert first == ((out / "grades.csv").read_text(), (out / "checks.csv").read_text())
    assert first[0].splitlines()[1] == "ada,1,17,1,0,0,0,0,graded,,no,1,"


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    write_text(path, "old")

    def fail(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["x.json"]


def test_records_are_json_that_others_can_read(out):
    records.save(out, record("Ö"))
    (path,) = (out / "records").iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["student"] == "Ö"
