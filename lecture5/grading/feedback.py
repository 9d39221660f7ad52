"""One HTML page per student. Everything that a student wrote is escaped; nothing is loaded; no script runs."""

from __future__ import annotations

import html
from typing import Any

from lecture5.exercise.model import Exercise
from lecture5.grading.records import Record, number, points_by_function

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886; vertical-align: top; }
td.points { white-space: nowrap; text-align: right; }
h2 { margin-top: 2rem; }
.note { border-left: 4px solid #c60; padding: .2rem .8rem; margin: .6rem 0; }
""".strip()


def page(record: Record, exercise: Exercise, title: str) -> str:
    """Return the feedback page for one record."""
    parts = [f"<p>{_points(record['points'], record['max_points'])}</p>" if record["status"] != "error" else ""]
    if record["reason"]:
        parts.append(f'<p class="note">{html.escape(record["reason"])}</p>')
    by_function = points_by_function(record, exercise)
    for question in exercise.questions:
        checks = [check for check in record["checks"] if check["function"] == question.name]
        if checks:
            parts.append(_function(question.name, checks, by_function[question.name], record))
    if record["checks"]:
        parts.append(
            "<p>A hidden test shows what kind of input it used, not the input itself. Each check has its own points; "
            "those of a visible check count once a hidden test of the same function passes.</p>"
        )
    heading = f"{html.escape(title)}: {html.escape(record['student'])}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{heading}</title><style>{STYLE}</style></head>\n<body><main>\n<h1>{heading}</h1>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _points(points: float, most: float) -> str:
    return f"<strong>{number(points)}</strong> of {number(most)} points"


def _function(name: str, checks: list[dict[str, Any]], points: float, record: Record) -> str:
    most = sum(check["max_points"] for check in checks)
    notes = []
    if name in record["cell_errors"]:
        notes.append(f"The cell of this function did not run: {record['cell_errors'][name]}")
    report = record["reports"].get(name, {"misconceptions": [], "cases": []})
    notes += [one["sentence"] for one in report["misconceptions"]]
    rows = "".join(_row(check) for check in checks)
    return (
        f"<h2><code>{html.escape(name)}</code></h2>\n<p>{_points(points, most)}</p>\n"
        + "".join(f'<p class="note">{html.escape(note)}</p>\n' for note in notes)
        + '<table><thead><tr><th scope="col">check</th><th scope="col">result</th>'
        + '<th scope="col">points</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>" + _cases(report["cases"])
    )


def _cases(cases: list[dict[str, str]]) -> str:
    """Show where the function differs on its public cases."""
    wrong = "".join(
        f"<li>{html.escape(case['name'])}: {html.escape(case['problem'])}<pre>{html.escape(case['picture'])}</pre></li>"
        for case in cases
        if case["problem"]
    )
    legend = "<p>· equal, + too large, − too small, ? wrong otherwise</p>"
    return f"<p>On the inputs that check(…) uses:</p><ul>{wrong}</ul>{legend}" if wrong else ""


def _row(check: dict[str, Any]) -> str:
    mark = "✓ passed" if check["outcome"] == "passed" else f"✗ {check['outcome']}"
    kind = "hidden test: " if check["kind"] == "hidden" else ""
    message = f"<br>{html.escape(check['message'])}" if check["message"] else ""
    hint = f"<br>Hint: {html.escape(check['hint'])}" if check["hint"] and check["outcome"] != "passed" else ""
    return (
        f"<tr><td>{html.escape(kind + check['title'])}</td><td>{html.escape(mark)}{message}{hint}</td>"
        f'<td class="points">{number(check["points"])} / {number(check["max_points"])}</td></tr>'
    )
