"""The demo class, end to end: each submission its points and its reason, whatever the others are like."""

import csv
import dataclasses
import shutil
import sys
from html.parser import HTMLParser

import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
import make_demo_class

from lecture5.grading import batch, records
from lecture5.grading.grade import Job
from lecture5.grading.sandbox import LIMITS

JOB = Job("01", limits=dataclasses.replace(LIMITS, cell_seconds=3, call_seconds=3))

# student: points, status, and words of the reason
EXPECTED = {
    "Nia Øst": (14, "graded", "slide is defined in a cell of your own, but only answer cells are graded"),
    "ada": (17, "graded", ""),
    "bela": (17, "graded", ""),
    "chen": (7, "graded", "conv1d: flipped-kernel; convolve: kernel-not-flipped; filter_image: flipped-kernel"),
    "dora": (14, "graded", "convolve: your code raised SyntaxError: expected ':' (line 1)"),
    "emil": (13, "graded", "fourier_convolve: it took longer than 3 s"),
    "faye": (0, "graded", "conv1d: not written yet"),
    "gus": (0, "unreadable", "the file is empty"),
    "hana": (0, "unreadable", "this is not a notebook"),
    "ivan": (14, "graded", "conv1d: Python ended in the middle"),
    "jun": (9, "graded", "filter_image: transposed-kernel; fourier_convolve: not-padded"),
    "kim": (14, "graded", "No module named 'scipy'"),
    "lea": (11, "graded", "the shape should be"),
    "mustermannmax": (14, "graded", "frequency_response: not written yet"),
    "olu": (11, "graded", "conv1d: flipped-kernel + divided-by-length; frequency_response: wrong-sign"),
    "pat": (0, "unreadable", "it is not text"),
}


def test_the_committed_class_is_current():
    committed = {
        str(path.relative_to(make_demo_class.FOLDER)): path.read_bytes()
        for path in make_demo_class.FOLDER.rglob("*")
        if path.is_file()
    }
    made = make_demo_class.files()
    assert committed.keys() == made.keys()
    stale = [name for name in made if made[name] != committed[name]]
    assert stale == [], "run python tests/grading/make_demo_class.py"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    out = tmp_path_factory.mktemp("graded")
    batch.run(make_demo_class.FOLDER, JOB, out, workers=2)
    return out


@pytest.mark.sandbox
def test_each_has_its_points_and_its_reason(graded):
    found = {record["student"]: record for record in records.load_all(graded)}
    assert found.keys() == EXPECTED.keys()
    for student, (points, status, words) in EXPECTED.items():
        record = found[student]
        assert (student, record["points"], record["status"]) == (student, points, status)
        assert words in records.summary(record)


@pytest.mark.sandbox
def test_the_table(graded):
    with open(graded / "grades.csv", encoding="utf-8", newline="") as stream:
        rows = {row["student"]: row for row in csv.DictReader(stream)}
    assert {student: float(row["points"]) for student, row in rows.items()} == {
        student: points for student, (points, _, _) in EXPECTED.items()
    }
    assert rows["mustermannmax"]["late"] == "yes"
    assert rows["mustermannmax"]["attempt"] == "2"
    assert rows["mustermannmax"]["lms_id"] == "1234"
    assert rows["chen"]["fourier_convolve"] == "4"


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)


@pytest.mark.sandbox
def test_feedback(graded):
    pages = {path.stem.rpartition("-")[0]: path.read_text() for path in (graded / "feedback").glob("*.html")}
    assert len(pages) == len(EXPECTED)
    assert "Your kernel is turned by 180°" in pages["chen"]
    assert "random signals, kernels of odd and even length" in pages["chen"]
    for page in pages.values():
        parser = _Text()
        parser.feed(page)
        assert not parser.tags & {"script", "img", "iframe", "link", "object"}
        assert "assert_equal" not in page  # nothing of the hidden tests' source
        assert "test_conv1d" not in page


@pytest.mark.sandbox
def test_what_is_graded_is_not_graded_again_and_one_worker_gives_the_same(graded, tmp_path):
    """Quick ones only: this is about the order and the records, not about limits."""
    some = tmp_path / "some"
    some.mkdir()
    for name in ("chen.ipynb", "dora.ipynb", "gus.ipynb", "lea.ipynb"):
        shutil.copy(make_demo_class.FOLDER / name, some / name)
    first = batch.run(some, JOB, tmp_path / "out", workers=1)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}
    assert [record["status"] for record in first] == ["graded", "graded", "unreadable", "graded"], first
    again = batch.run(some, JOB, tmp_path / "out", workers=2)
    assert again == first
    assert times == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}

    def without_times(record):
        checks = [{**check, "seconds": 0} for check in record["checks"]]
        return {**record, "seconds": 0, "checks": checks}

    parallel = {record["student"]: without_times(record) for record in records.load_all(graded)}
    for record in first:
        assert without_times(record) == parallel[record["student"]]

    shutil.copy(make_demo_class.FOLDER / "ada.ipynb", some / "lea.ipynb")  # handed in again, better
    (some / "dora.ipynb").unlink()
    third = batch.run(some, JOB, tmp_path / "out", workers=1)
    assert {record["student"]: record["points"] for record in third} == {"chen": 7, "gus": 0, "lea": 17}
    assert len(list((tmp_path / "out" / "records").iterdir())) == 3
