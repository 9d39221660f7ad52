"""Exports: each in the schema that its reader documents, and harmless whatever a student wrote."""

import csv
import io
import json
import sys
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime

import jsonschema
import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
from synthetic_class import HOSTILE, check, hostile, large_class, record, write

from lecture5 import cli
from lecture5.grading.gradebook import exports
from lecture5.grading.gradebook.folder import Unusable, late_days, read_folder, read_times

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
# https://gradescope-autograders.readthedocs.io/en/latest/specs/, "Output format"
GRADESCOPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["score", "tests"],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["score"],
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}
# What classroom-resources/autograding-grading-reporter reads of a runner's result.
CLASSROOM = {
    "type": "object",
    "required": ["status", "max_score", "tests"],
    "properties": {
        "status": {"enum": ["pass", "fail", "error"]},
        "max_score": {"type": "number", "exclusiveMinimum": 0},
        "tests": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "status", "score"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[^\\n\\r]+$"},
                    "status": {"enum": ["pass", "fail", "error"]},
                    "score": {"type": "number", "minimum": 0},
                    "message": {"type": "string", "pattern": "^[^\\n\\r]*$"},
                },
            },
        },
    },
}
# The Jenkins schema of JUnit reports (junit-10.xsd): required and other attributes, and the children.
JUNIT = {
    "testsuites": ({"name"}, {"time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"classname", "time", "assertions", "status"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
}


def validate_junit(element):
    required, optional, children = JUNIT[element.tag]
    assert required <= element.attrib.keys() <= required | optional, element.attrib
    for child in element:
        assert child.tag in children
        validate_junit(child)
    if element.tag == "testsuite":
        cases = element.findall("testcase")
        assert int(element.get("tests")) == len(cases)
        for name in ("failure", "error"):
            assert int(element.get(f"{name}s")) == sum(case.find(name) is not None for case in cases)


OURS = record("zoe", status="error", reason="error of ours, not graded: no space", checks=[], points=0.0)
NOTHING = record("yan", status="unreadable", reason="the file is empty", checks=[])


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, [record("ada", lms_id="12", late=True, attempt=3), NOTHING, OURS, *hostile(), *large_class(20)])
    return read_folder(tmp_path)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_command_knows_all_formats():
    assert sorted(exports.FORMATS) == list(cli.EXPORTS)


def test_gradescope(folder):
    made = exports.export(folder, "gradescope")
    results = [json.loads(text) for name, text in made.files.items() if name.endswith(".json")]
    for one in results:
        jsonschema.validate(one, GRADESCOPE)
        assert one["score"] == sum(test["score"] for test in one["tests"])
        assert {one["output_format"], one["test_output_format"], one["test_name_format"]} == {"text"}
        assert not [text for text in _strings(one["output"], one["tests"]) if "\x1b" in text or "\x00" in text]
    by_student = {one["extra_data"]["student"]: one for one in results}
    assert by_student.keys() == {one["student"] for one in folder.records} - {"zoe", *_ours(folder)}
    assert by_student["ada"]["extra_data"]["late"] is True
    assert by_student["ada"]["extra_data"]["extra_attempts"] == 2
    assert by_student["ada"]["tests"][1] == {
        "score": 0.0, "max_score": 1.0, "status": "failed", "name": "conv1d: hidden test: a case",
        "output": "wrong\nno", "tags": ["conv1d", "hidden"], "visibility": "visible",
    }  # fmt: skip
    assert (by_student["yan"]["score"], by_student["yan"]["output"]) == (0, "the file is empty")


def _ours(folder):
    return {one["student"] for one in folder.records if one["status"] == "error"}


def _strings(*values):
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, dict)):
            yield from _strings(*(value.values() if isinstance(value, dict) else value))


def test_gradescope_shows_no_hidden_test_and_no_detail():
    secret = {**check("test_secret", "conv1d", "hidden", False, "no"), "detail": "expected 17.25"}
    text = json.dumps(exports.gradescope_results(record(checks=[secret])))
    assert "test_secret" not in text
    assert "17.25" not in text


def test_classroom(folder):
    made = exports.export(folder, "classroom")
    results = {name: json.loads(text) for name, text in made.files.items() if name.endswith(".json")}
    assert len(results) == len(folder.records) - len(_ours(folder))
    for one in results.values():
        jsonschema.validate(one, CLASSROOM)
    assert exports.classroom_result(record(checks=[check("a", "conv1d", "visible", True)]))["status"] == "pass"
    assert exports.classroom_result(OURS)["status"] == "error"
    assert exports.classroom_result(NOTHING)["tests"][0]["message"] == "the file is empty"


def test_junit(folder):
    text = exports.export(folder, "junit").files["junit.xml"]
    root = ElementTree.fromstring(text)
    validate_junit(root)
    suites = {suite.get("name"): suite for suite in root}
    assert len(suites) == len(folder.records)
    assert len(root.findall(".//testcase")) == sum(len(one["checks"]) or 1 for one in folder.records)
    assert suites["zoe"].find("testcase/error").get("message").startswith("error of ours")
    assert suites["zoe"].find("properties/property[@name='points']") is None  # not graded is no zero
    assert suites["yan"].find("testcase/failure").text == "the file is empty"
    values = {one.get("name"): one.get("value") for one in suites["ada"].find("properties")}
    assert values == {"max_points": "17", "late": "true", "attempt": "3", "points": "1"}


CLASS_LIST = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Other (7),Current Score
,,,,,Manual Posting,
    Points Possible,,,,,10,(read only)
"Lovelace, Ada",12,U1,alovelace,CNN,-5,50
"=cmd()",0,U2,evil,CNN,9,90
Grace Hopper,14,U3,yan,CNN,9,90
Nobody,15,U4,nobody,CNN,9,90
Zoe,16,U5,zoe,CNN,9,90
"""


def test_canvas(folder, tmp_path):
    (tmp_path / "list.csv").write_text(CLASS_LIST, encoding="utf-8")
    made = exports.export(folder, "canvas", class_list=tmp_path / "list.csv", column="Exercise 1 (4711)")
    lines = list(csv.reader(io.StringIO(made.files["canvas.csv"])))
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Exercise 1 (4711)"],
        ["    Points Possible", "", "", "", "", "17"],
        ["Lovelace, Ada", "12", "U1", "alovelace", "CNN", "1"],
        ["'=cmd()", "0", "U2", "evil", "CNN", "0"],
        ["Grace Hopper", "14", "U3", "yan", "CNN", "0"],  # found by the login, since the file was called yan.ipynb
        ["Nobody", "15", "U4", "nobody", "CNN", ""],
        ["Zoe", "16", "U5", "zoe", "CNN", ""],  # our own fault is no zero
    ]
    assert made.notes[0].startswith("not graded, by our own fault, so without a grade here: ")
    assert made.notes[1] == "in the class list, but without a submission: Nobody"
    assert "student-001" in made.notes[2]


def test_canvas_takes_the_last_attempt(tmp_path):
    first, last = record("bob", lms_id="9"), record("bob (2)", lms_id="9", attempt=2, points=7.0)
    write(tmp_path, [last, first])
    text = exports.export(read_folder(tmp_path), "canvas").files["canvas.csv"]
    assert rows(text)[1:] == [
        {"Student": "bob (2)", "ID": "9", "SIS User ID": "", "SIS Login ID": "", "Section": "",
         "Convolution, by hand": "7"}
    ]  # fmt: skip


def test_nbgrader(folder):
    made = exports.export(folder, "nbgrader")
    grades = rows(made.files["grades.csv"])
    assert tuple(grades[0])[:11] == exports.NBGRADER_COLUMNS
    ada = next(row for row in grades if row["student_id"] == "ada")
    assert (ada["assignment"], ada["score"], ada["max_score"]) == ("01-convolution", "1", "17")
    assert not [row for row in grades if row["student_id"] == "zoe"]
    assert len(rows(made.files["students.csv"])) == len(folder.records)


@pytest.mark.parametrize("form", ["canvas", "nbgrader"])
def test_no_cell_of_a_table_is_a_formula(folder, form):
    for text in exports.export(folder, form).files.values():
        for row in csv.reader(io.StringIO(text)):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_hostile_strings_are_there(folder):
    """What is tested above would mean nothing if they were lost on the way."""
    students = {one["student"] for one in folder.records}
    assert set(HOSTILE) <= students


def test_lateness(tmp_path):
    write(tmp_path, [record("ada"), record("bob", late=True), record("cem", attempt=2)])
    times = tmp_path / "times.csv"
    times.write_text("student,submitted\nada,2026-11-22 00:01\ncem,2026-11-20 23:59:59\n")
    folder = read_folder(tmp_path, due="2026-11-20", times=times)
    table = {row["student"]: row for row in rows(exports.lateness_table(folder))}
    assert [table[name]["late_days"] for name in ("ada", "bob", "cem")] == ["2", "", "0"]
    assert [table[name]["late"] for name in ("ada", "bob", "cem")] == ["yes", "yes", "no"]
    assert [table[name]["extra_attempts"] for name in ("ada", "bob", "cem")] == ["0", "0", "1"]


def test_days_begun():
    due = datetime(2026, 11, 20, 18)
    for submitted, days in [((2026, 11, 20, 18), 0), ((2026, 11, 20, 18, 0, 1), 1), ((2026, 11, 21, 18), 1)]:
        assert late_days(datetime(*submitted), due) == days
    assert late_days(datetime(2026, 11, 1), due) == 0


def test_times_of_nbgrader(tmp_path):
    for student, text in [("ada", "2026-11-20 12:00:00 UTC"), ("bob", "2026-11-20 12:00:00.5 Europe/Berlin\n")]:
        file = tmp_path / "submitted" / student / "01-convolution" / "timestamp.txt"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    times = read_times(tmp_path)
    assert times["ada"] == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert times["bob"].utcoffset().total_seconds() == 3600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("student,submitted\nada,yesterday\n", "'yesterday' is not a time"),
        ("name,when\nada,2026\n", "needs the columns student and submitted"),
        ("student,submitted\nada,2026-11-20T12:00:00+01:00\n", "only one says its time zone"),
    ],
)
def test_times_that_cannot_be_used(tmp_path, text, words):
    write(tmp_path, [record("ada")])
    (tmp_path / "times.csv").write_text(text)
    with pytest.raises(Unusable, match=words):
        read_folder(tmp_path, due="2026-11-20 18:00", times=tmp_path / "times.csv")


def test_the_command(tmp_path, capsys):
    write(tmp_path, [record("ada"), OURS])
    assert cli.main(["export", str(tmp_path), "--format", "junit"]) == 0
    printed = capsys.readouterr()
    assert "junit.xml, lateness.csv" in printed.out
    assert "not graded, by our own fault, so without a grade here: zoe" in printed.err
    validate_junit(ElementTree.parse(tmp_path / "exports" / "junit" / "junit.xml").getroot())


def test_wrong_use(tmp_path, capsys):
    assert cli.main(["export", str(tmp_path), "--format", "junit"]) == 2
    assert "there are no records in" in capsys.readouterr().err
    write(tmp_path, [record("ada"), record("bob", exercise="03")])
    assert cli.main(["export", str(tmp_path), "--format", "junit"]) == 2
    assert "records of exercises 01, 03" in capsys.readouterr().err
