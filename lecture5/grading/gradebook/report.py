"""The class at a glance, as one HTML page: ``lecture5 report DIR``.

The page loads nothing, runs no script, and escapes all text: names and messages come from students.
"""

from __future__ import annotations

import html
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lecture5.grading.gradebook import charts
from lecture5.grading.gradebook.folder import Folder
from lecture5.grading.outcomes import PASSED, WRONG, clean
from lecture5.grading.records import Record, number

SHOWN = 10  # misconceptions; the others are folded away
NAMED = 5  # students whose answers to read

STYLE = """
:root { color-scheme: light dark; --bar: #0072b2; --track: #0000001a; --line: #00000026; --mark: #b34700; }
@media (prefers-color-scheme: dark) {
 :root { --bar: #56b4e9; --track: #ffffff26; --line: #ffffff33; --mark: #ffb347; }
}
@media print { :root { color-scheme: light; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem; margin: 0; }
dl div { border-top: 3px solid var(--bar); padding-top: .3rem; }
dt { font-size: .9rem; } dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
figure { margin: 1rem 0; max-width: 38rem; } figure svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
svg .mid { text-anchor: middle; } svg .end { text-anchor: end; } svg .start { text-anchor: start; }
.bar { fill: var(--bar); } .track { fill: var(--track); } .grid { stroke: var(--line); }
.mark { stroke: var(--mark); stroke-width: 2; stroke-dasharray: 4 3; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td, th { overflow-wrap: anywhere; }
.count { white-space: nowrap; text-align: right; }
svg.share { width: 100%; max-width: 26rem; height: .6rem; margin: .3rem 0; display: block; }
.ours { border-left: 4px solid var(--mark); padding: .2rem .8rem; margin-bottom: 1.5rem; }
.ours h2 { margin-top: 0; }
code { font-size: .95em; }
""".strip()


@dataclass(frozen=True)
class CheckRate:
    """How many passed one check, and what most often happened to the others."""

    function: str
    name: str
    title: str
    kind: str
    passed: int
    of: int
    otherwise: str


@dataclass(frozen=True)
class Found:
    """How many students have one misconception."""

    function: str
    name: str
    sentence: str
    count: int


def check_rates(records: Sequence[Record]) -> list[CheckRate]:
    """Return the pass rate of each check, in the order of the exercise."""
    by_check: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        for check in record["checks"]:
            by_check.setdefault((check["function"], check["name"]), []).append(check)
    rates = []
    for (function, name), checks in by_check.items():
        others = Counter(check["outcome"] for check in checks if check["outcome"] != PASSED)
        most = ", ".join(f"{outcome} {count}" for outcome, count in sorted(others.most_common(2), key=lambda o: -o[1]))
        passed = sum(check["outcome"] == PASSED for check in checks)
        rates.append(CheckRate(function, name, checks[0]["title"], checks[0]["kind"], passed, len(checks), most))
    return rates


def misconceptions(records: Sequence[Record]) -> list[Found]:
    """Return the misconceptions that were found, the most common first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        for function, report in record["reports"].items():
            counts.update({(function, one["name"], one["sentence"]) for one in report["misconceptions"]})
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Found(*what, count) for what, count in ordered]


def unexplained(records: Sequence[Record]) -> dict[str, list[str]]:
    """Return, by function, the students whose results are wrong in a way that no misconception explains."""
    found: dict[str, list[str]] = {}
    for record in records:
        wrong = [check["function"] for check in record["checks"] if check["outcome"] in (WRONG, "type")]
        for function in dict.fromkeys(wrong):
            if not record["reports"].get(function, {}).get("misconceptions"):
                found.setdefault(function, []).append(record["student"])
    return found


def page(folder: Folder) -> str:
    """Return the page for a graded folder."""
    graded = [record for record in folder.records if record["status"] == "graded"]
    heading = html.escape(f"{folder.title}: the class at a glance")
    parts = [
        _ours([record for record in folder.records if record["status"] == "error"]),
        _numbers(folder, graded),
        _scores(graded),
        _misconceptions(graded),
        _unexplained(graded),
        _checks(graded),
        _times(graded),
        _unreadable([record for record in folder.records if record["status"] == "unreadable"]),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{heading}</title><style>{STYLE}</style></head>\n<body><main>\n<h1>{heading}</h1>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _numbers(folder: Folder, graded: Sequence[Record]) -> str:
    late = sum(folder.lateness(record).late for record in folder.records)
    again = sum(record["attempt"] > 1 for record in folder.records)
    facts = {"submissions": str(len(folder.records)), "graded": str(len(graded))}
    if graded:
        points = [record["points"] for record in graded]
        most = max(record["max_points"] for record in graded)
        facts["mean points"] = f"{statistics.mean(points):.1f} of {number(most)}"
        facts["full marks"] = str(sum(one >= most for one in points))
    facts |= {"late": str(late), "handed in again": str(again)}
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items()) + "</dl>"


def _scores(graded: Sequence[Record]) -> str:
    if not graded:
        return ""
    points = [record["points"] for record in graded]
    edges, counts = charts.bins(points, 0, max(record["max_points"] for record in graded))
    drawn = charts.histogram(edges, counts, label="points", marks={"median": statistics.median(points)})
    return f"<h2>Points</h2>\n<figure>{drawn}</figure>"


def _misconceptions(graded: Sequence[Record]) -> str:
    found = misconceptions(graded)
    if not found:
        return "<h2>The most common misconceptions</h2>\n<p>None of the catalogue's was found.</p>"
    rows = [
        f'<tr><td class="count">{one.count}</td><td><code>{html.escape(one.function)}</code>: {html.escape(one.name)}'
        f"{charts.bar(one.count / found[0].count)}{html.escape(one.sentence)}</td></tr>"
        for one in found
    ]
    more = f"<details><summary>{len(rows) - SHOWN} more</summary>{_told(rows[SHOWN:])}</details>"
    return (
        "<h2>The most common misconceptions</h2>\n<p>With what the students were told. Each counts once for a student; "
        f"a student can have several.</p>{_told(rows[:SHOWN])}{more if len(rows) > SHOWN else ''}"
    )


def _told(rows: Sequence[str]) -> str:
    head = '<thead><tr><th scope="col" class="count">students</th><th scope="col">misconception</th></tr></thead>'
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _unexplained(graded: Sequence[Record]) -> str:
    found = unexplained(graded)
    if not found:
        return ""
    items = "".join(
        f"<li><code>{html.escape(function)}</code>: {len(students)} ({_text(', '.join(students[:NAMED]))}"
        f"{', …' if len(students) > NAMED else ''})</li>"
        for function, students in found.items()
    )
    return (
        "<h2>Wrong, and not explained</h2>\n<p>No misconception of the catalogue gives these results. Read a few: what "
        f"they share could be added to it.</p><ul>{items}</ul>"
    )


def _checks(graded: Sequence[Record]) -> str:
    rates = check_rates(graded)
    if not rates:
        return ""
    rows = "".join(
        f"<tr><td><code>{html.escape(one.function)}</code>: {html.escape(_kind(one) + one.title)}"
        f'{charts.bar(one.passed / one.of)}</td><td class="count">{one.passed} of {one.of}<br>'
        f"{round(100 * one.passed / one.of)} %</td><td>{html.escape(one.otherwise)}</td></tr>"
        for one in rates
    )
    return (
        '<h2>Checks</h2>\n<table><thead><tr><th scope="col">check</th>'
        '<th scope="col" class="count">passed</th><th scope="col">else, mostly</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _kind(rate: CheckRate) -> str:
    return "hidden test: " if rate.kind == "hidden" else ""


def _times(graded: Sequence[Record]) -> str:
    seconds = [record["seconds"] for record in graded]
    if not seconds:
        return ""
    # One endless loop would squeeze all others into the first bar: the last bar holds what is longer.
    limit = max(4 * statistics.median(seconds), 0.1)
    edges, counts = charts.bins(seconds, 0, charts.round_up(min(max(seconds), limit)))
    beyond = sum(one > edges[-1] for one in seconds)
    drawn = charts.histogram(edges, counts, label="seconds", marks={"median": statistics.median(seconds)})
    slowest = sorted(graded, key=lambda record: -record["seconds"])[:3]
    names = ", ".join(f"{_text(record['student'])} ({record['seconds']:.1f} s)" for record in slowest)
    note = f"{beyond} took longer than {edges[-1]:g} s and are in the last bar. " if beyond else ""
    return (
        f"<h2>Time to run</h2>\n<figure>{drawn}</figure>\n<p>All together {_duration(sum(seconds))}, one after the "
        f"other. {note}The slowest: {names}.</p>"
    )


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} minutes"
        if seconds < 7200
        else (f"{seconds / 3600:.1f} hours")
    )


def _ours(errors: Sequence[Record]) -> str:
    """Errors of ours come first, and in no statistic: those students have no grade yet."""
    if not errors:
        return ""
    items = "".join(f"<li>{_text(record['student'])}: {_text(record['reason'])}</li>" for record in errors)
    return (
        f'<section class="ours"><h2>Not graded, by our own fault: {len(errors)}</h2><p>They have no grade and are '
        f"counted nowhere below. Run <code>lecture5 grade</code> again: only these are tried.</p><ul>{items}</ul>"
        "</section>"
    )


def _unreadable(records: Sequence[Record]) -> str:
    if not records:
        return ""
    items = "".join(f"<li>{_text(record['student'])}: {_text(record['reason'])}</li>" for record in records)
    return f"<h2>Could not be read: {len(records)}</h2><p>0 points, and in no chart above.</p><ul>{items}</ul>"


def _text(text: str) -> str:
    return html.escape(clean(text))
