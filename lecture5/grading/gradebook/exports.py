"""Grades in the formats of other programs: ``lecture5 export DIR --format …``.

===========  ==========================================================================================================
format       what is written, and for whom
===========  ==========================================================================================================
gradescope   one ``results.json`` per student, as Gradescope's autograder harness reads it
             (https://gradescope-autograders.readthedocs.io/en/latest/specs/)
canvas       a gradebook CSV to import in Canvas: the identifying columns of the class list, and one of grades
junit        one XML file, a test suite per student, for anything that shows JUnit reports
classroom    one JSON per student, as the graders of GitHub Classroom hand it to ``autograding-grading-reporter``
nbgrader     the columns that ``nbgrader export`` writes, and a list for ``nbgrader db student import``
===========  ==========================================================================================================

Each of them comes with ``lateness.csv``: late days and extra attempts, for whoever applies the course's policy.

What a student wrote (names, messages) is data in every format: JSON and XML are written by libraries, Gradescope is
told that all text is plain, no cell of a table is a formula, and no line of a message starts a command of GitHub's log.
A submission that was not graded by our own fault has no grade: it is left out, or its cell is empty, and it is named.
"""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lecture5.exercise.files import write_text
from lecture5.grading.gradebook.folder import Folder, Unusable
from lecture5.grading.outcomes import PASSED, clean
from lecture5.grading.records import Record, as_csv, number, record_name, summary

# What XML 1.0 cannot hold, not even escaped.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
NBGRADER_COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """Files by name, and what the instructor should know about them."""

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def export(folder: Folder, form: str, *, class_list: Path | None = None, column: str = "") -> Export:
    """Return a graded folder in one of the :data:`FORMATS`.

    Parameters
    ----------
    folder
        See :func:`lecture5.grading.gradebook.folder.read_folder`.
    form
        The format's name.
    class_list
        For Canvas: the gradebook as exported from there. Students are found in it by Canvas's id, login id or name.
    column
        For Canvas: the assignment's column, as in its own export, for example ``"Exercise 1 (4711)"``.
    """
    made = _canvas(folder, class_list, column) if form == "canvas" else _WRITERS[form](folder)
    ours = [record["student"] for record in folder.records if record["status"] == "error"]
    notes = (f"not graded, by our own fault, so without a grade here: {', '.join(ours)}",) if ours else ()
    return Export({**made.files, "lateness.csv": lateness_table(folder)}, (*notes, *made.notes))


def write_export(made: Export, out: Path) -> None:
    """Write the files of an export into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in made.files.items():
        write_text(out / name, text)


def lateness_table(folder: Folder) -> str:
    """Return late days and extra attempts as a table."""
    head = ["student", "lms_id", "submitted", "late", "late_days", "attempt", "extra_attempts"]
    lines = []
    for record in folder.records:
        late = folder.lateness(record)
        days = "" if late.late_days is None else late.late_days
        yes = "yes" if late.late else "no"
        lines.append(
            [record["student"], record["lms_id"], late.submitted, yes, days, late.attempt, late.extra_attempts]
        )
    return as_csv(head, lines)


def _graded(folder: Folder) -> list[Record]:
    return [record for record in folder.records if record["status"] != "error"]


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


# --- Gradescope -------------------------------------------------------------------------------------------------------


def gradescope_results(record: Record, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a record as Gradescope's ``results.json``.

    All formats of text are ``"text"``: Gradescope would render HTML and Markdown, too.
    """
    return {
        "score": record["points"],
        "execution_time": record["seconds"],
        "output": _words_on(record),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"exercise": record["exercise"], "key": record["key"], **(extra or {})},
        "tests": [_gradescope_test(check) for check in record["checks"]],
    }


def _gradescope_test(check: Mapping[str, Any]) -> dict[str, Any]:
    passed = check["outcome"] == PASSED
    lines = [check["message"]] if passed else [check["outcome"], check["message"], check["hint"]]
    return {
        "score": check["points"],
        "max_score": check["max_points"],
        "status": "passed" if passed else "failed",
        "name": f"{check['function']}: {_title(check)}",
        "output": clean("\n".join(line for line in lines if line)),
        "tags": [check["function"], check["kind"]],
        "visibility": "visible",
    }


def _title(check: Mapping[str, Any]) -> str:
    return f"hidden test: {check['title']}" if check["kind"] == "hidden" else check["title"]


def _words_on(record: Record) -> str:
    """Return what a student reads above the checks: why nothing was graded, or which misconceptions were found."""
    lines = [record["reason"]] if record["reason"] else []
    lines += [f"{name}: its cell did not run: {error}" for name, error in record["cell_errors"].items()]
    for name, report in record["reports"].items():
        lines += [f"{name}: {one['sentence']}" for one in report["misconceptions"]]
    return clean("\n".join(lines))


def _gradescope(folder: Folder) -> Export:
    files = {}
    for record in _graded(folder):
        late = folder.lateness(record)
        extra = {
            "student": record["student"], "late": late.late, "late_days": late.late_days,
            "attempt": late.attempt, "extra_attempts": late.extra_attempts,
        }  # fmt: skip
        files[f"{record_name(record['student'])}.json"] = _json(gradescope_results(record, extra))
    return Export(files)


# --- GitHub Classroom -------------------------------------------------------------------------------------------------


def classroom_result(record: Record) -> dict[str, Any]:
    """Return a record as a grader of GitHub Classroom gives it to the reporter, which expects it in base64.

    The reporter prints names and messages into the log of the workflow, where a line that begins with ``::`` is a
    command: so they have one line each.
    """
    tests = [
        {
            "name": _one_line(f"{check['function']}: {_title(check)}"),
            "status": "pass" if check["outcome"] == PASSED else "fail",
            "score": check["points"],
            "message": _one_line(check["message"]),
            "test_code": "",
            "filename": "",
            "line_no": 0,
            "execution_time": f"{check['seconds']}s",
        }
        for check in record["checks"]
    ]
    if not tests:  # the reporter divides by their number
        tests = [{"name": "the notebook can be read", "status": "fail", "score": 0, "message": record["reason"]}]
    passed = all(test["status"] == "pass" for test in tests)
    return {
        "version": 1,
        "status": "error" if record["status"] == "error" else "pass" if passed else "fail",
        "max_score": record["max_points"],
        "tests": tests,
    }


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _classroom(folder: Folder) -> Export:
    return Export(
        {f"{record_name(record['student'])}.json": _json(classroom_result(record)) for record in _graded(folder)}
    )


# --- JUnit ------------------------------------------------------------------------------------------------------------


def _junit(folder: Folder) -> Export:
    root = ElementTree.Element("testsuites", name=_xml(folder.title))
    for record in folder.records:
        root.append(_suite(folder, record))
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return Export({"junit.xml": f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'})


def _suite(folder: Folder, record: Record) -> ElementTree.Element:
    checks, late, is_ours = record["checks"], folder.lateness(record), record["status"] == "error"
    failed = [check for check in checks if check["outcome"] != PASSED]
    without_checks = not checks or is_ours
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(record["student"]),
        tests=str(1 if without_checks else len(checks)),
        failures=str(0 if is_ours else 1 if without_checks else len(failed)),
        errors=str(int(is_ours)),
        time=f"{record['seconds']:.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    known = {"max_points": number(record["max_points"]), "late": str(late.late).lower(), "attempt": str(late.attempt)}
    if not is_ours:
        known["points"] = number(record["points"])
    if late.late_days is not None:
        known["late_days"] = str(late.late_days)
    for name, value in known.items():
        ElementTree.SubElement(properties, "property", name=name, value=value)
    if without_checks:
        case = ElementTree.SubElement(suite, "testcase", classname=_xml(folder.exercise.name), name="submission")
        _failure(case, "error" if is_ours else "failure", record["status"], record["reason"])
        return suite
    for check in checks:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_xml(f"{folder.exercise.name}.{check['function']}"),
            name=_xml(f"{check['name']}: {_title(check)}"),
            time=f"{check['seconds']:.3f}",
        )
        if check["outcome"] != PASSED:
            _failure(case, "failure", check["outcome"], check["message"])
    return suite


def _failure(case: ElementTree.Element, tag: str, kind: str, message: str) -> None:
    element = ElementTree.SubElement(case, tag, type=_xml(kind), message=_xml(message))
    element.text = _xml(message)


def _xml(text: str) -> str:
    return NOT_XML.sub("�", clean(text))


# --- Canvas -----------------------------------------------------------------------------------------------------------


def _canvas(folder: Folder, class_list: Path | None, column: str) -> Export:
    """One column of grades beside those by which Canvas finds a student: no other assignment can be changed by it."""
    column = column or folder.title
    most = max(record["max_points"] for record in folder.records)
    people, notes = _people(folder, class_list)
    lines = [["    Points Possible", "", "", "", "", number(most)]]
    for person, record in people:
        grade = number(record["points"]) if record is not None and record["status"] != "error" else ""
        lines.append([*(person.get(name) or "" for name in CANVAS_COLUMNS), grade])
    return Export({"canvas.csv": as_csv([*CANVAS_COLUMNS, column], lines)}, notes)


def _people(
    folder: Folder, class_list: Path | None
) -> tuple[list[tuple[Mapping[str, str], Record | None]], tuple[str, ...]]:
    """Return each student of the class with the record of the last attempt, and who is on one side only."""
    ordered = sorted(folder.records, key=lambda record: record["attempt"])
    if class_list is None:
        alone = {record["lms_id"] or record["student"]: record for record in ordered}
        people = [({"Student": one["student"], "ID": one["lms_id"]}, one) for one in alone.values()]
        return people, ("Canvas asks for its class list: export the gradebook there, and give it as --class-list",)
    by_id = {record["lms_id"]: record for record in ordered if record["lms_id"]}
    by_name = {record["student"]: record for record in ordered if not record["lms_id"]}
    people, used = [], set()
    for person in _read_class_list(class_list):
        names = (person.get("SIS Login ID"), person.get("SIS User ID"), person.get("Student"))
        record = by_id.get(person["ID"]) or next((by_name[name] for name in names if name in by_name), None)
        used.add(record["student"] if record else "")
        people.append((person, record))
    missing = [person["Student"] for person, record in people if record is None]
    strangers = [one["student"] for one in (*by_id.values(), *by_name.values()) if one["student"] not in used]
    notes = []
    if missing:
        notes.append(f"in the class list, but without a submission: {', '.join(missing)}")
    if strangers:
        notes.append(f"graded, but not in the class list: {', '.join(strangers)}")
    return people, tuple(notes)


def _read_class_list(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"{path} cannot be read: {error}") from None
    if not rows or not {"Student", "ID"} <= rows[0].keys():
        raise Unusable(f"{path} is no class list of Canvas: it needs the columns Student and ID")
    return [row for row in rows if (row["ID"] or "").strip()]  # not those with posting policies and points possible


# --- nbgrader ---------------------------------------------------------------------------------------------------------


def _nbgrader(folder: Folder) -> Export:
    """nbgrader has no import of grades: these are the columns of its own export, for what reads those."""
    due = "" if folder.due is None else folder.due.isoformat(sep=" ")
    assignment = folder.exercise.notebook_name.removesuffix(".ipynb")
    lines = []
    for record in _graded(folder):
        points, late = number(record["points"]), folder.lateness(record)
        days = "" if late.late_days is None else late.late_days
        person = [record["student"], "", "", ""]
        grade = [points, "0", points, number(record["max_points"])]
        ours = [days, late.extra_attempts, summary(record)]
        lines.append([assignment, due, late.submitted, *person, *grade, *ours])
    students = [[record["student"], "", "", "", record["lms_id"]] for record in folder.records]
    return Export(
        {
            "grades.csv": as_csv([*NBGRADER_COLUMNS, "late_days", "extra_attempts", "comment"], lines),
            "students.csv": as_csv(["id", "first_name", "last_name", "email", "lms_user_id"], students),
        }
    )


_WRITERS: dict[str, Callable[[Folder], Export]] = {
    "gradescope": _gradescope,
    "junit": _junit,
    "classroom": _classroom,
    "nbgrader": _nbgrader,
}
FORMATS = ("canvas", *_WRITERS)
