"""What a large class takes: machines, hours, money and storage, computed from what was measured on a small one.

python -m lecture5.grading.gradebook.scale GRADED SUBMISSIONS    # measure a graded folder, and keep the result
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lecture5.exercise.files import write_text
from lecture5.grading import records

MEASURED = Path(__file__).parent / "measured.json"


@dataclass(frozen=True)
class Measured:
    """One submission, on average, as it was measured.

    Attributes
    ----------
    seconds
        To grade one, on one processor: the median, since most are no endless loops.
    endless_seconds
        To grade one that runs into a time limit.
    write_seconds
        To write a record and a page so that a power failure does not lose them; one process writes them all.
    submission_bytes, record_bytes, feedback_bytes
        Size of what is handed in, kept and given back.
    """

    seconds: float
    endless_seconds: float
    write_seconds: float
    submission_bytes: float
    record_bytes: float
    feedback_bytes: float


@dataclass(frozen=True)
class Plan:
    """What is assumed. Replace it by your own: prices differ tenfold.

    Attributes
    ----------
    endless_share
        Share of submissions that run into a time limit.
    processors, memory_gib
        Of one machine.
    worker_gib
        Memory for each worker.
    price
        Of one machine for an hour, in dollars.
    efficiency
        Share of the time in which a processor grades; the rest is starting, waiting, and the tail at the end.
    """

    endless_share: float = 0.02
    processors: int = 16
    memory_gib: float = 32
    worker_gib: float = 0.5
    price: float = 0.7
    efficiency: float = 0.8


@dataclass(frozen=True)
class Need:
    """What grading takes."""

    processor_hours: float
    machines: int
    hours: float
    dollars: float
    gib_kept: float
    writing_minutes: float


def need(submissions: int, hours: float, measured: Measured, plan: Plan) -> Need:
    """Return what it takes to grade ``submissions`` within ``hours``.

    >>> one = Measured(1.0, 10.0, 0.01, 2**20, 2**10, 2**10)
    >>> need(36000, 1, one, Plan(endless_share=0, processors=4, price=1, efficiency=1)).machines
    3
    """
    each = (1 - plan.endless_share) * measured.seconds + plan.endless_share * measured.endless_seconds
    processor_hours = submissions * each / 3600
    workers = min(plan.processors, int(plan.memory_gib / plan.worker_gib))
    machine_hours = processor_hours / (workers * plan.efficiency)
    machines = max(1, math.ceil(machine_hours / hours))
    kept = measured.submission_bytes + measured.record_bytes + measured.feedback_bytes
    return Need(
        processor_hours=processor_hours,
        machines=machines,
        hours=machine_hours / machines,
        dollars=machine_hours * plan.price,
        gib_kept=submissions * kept / 2**30,
        writing_minutes=submissions * measured.write_seconds / 60,
    )


def measure(graded: Path, submissions: Path) -> Measured:
    """Return the sizes and times of a folder that ``lecture5 grade`` wrote, and of what was handed in."""
    found = records.load_all(graded)
    seconds = [record["seconds"] for record in found if record["status"] == "graded"]
    feedback_bytes = _mean_size((graded / "feedback").glob("*.html"))
    with tempfile.TemporaryDirectory(dir=graded) as folder:  # on the disk that holds the records
        (Path(folder) / "records").mkdir()
        start = time.perf_counter()
        for record in found:
            records.save(Path(folder), record)
            write_text(Path(folder) / "page.html", " " * feedback_bytes)
        writing = (time.perf_counter() - start) / len(found)
    return Measured(
        seconds=round(statistics.median(seconds), 3),
        endless_seconds=round(max(seconds), 1),
        write_seconds=round(writing, 4),
        submission_bytes=_mean_size(submissions.rglob("*.ipynb")),
        record_bytes=_mean_size((graded / "records").glob("*.json")),
        feedback_bytes=feedback_bytes,
    )


def _mean_size(paths: Sequence[Path]) -> float:
    return round(statistics.mean(path.stat().st_size for path in paths))


def load_measured() -> Measured:
    """Return what was measured last, and is kept in the repository."""
    return Measured(**json.loads(MEASURED.read_text(encoding="utf-8")))


def tables(measured: Measured, plan: Plan) -> str:
    """Return the page's tables as Markdown."""
    kib = 2**10
    lines = [
        "| measured, on average | value |",
        "|---|---|",
        f"| to grade one submission, on one processor | {measured.seconds:.2g} s |",
        f"| to grade one that runs into a time limit | {measured.endless_seconds:.0f} s |",
        f"| to write its record and its page safely | {1000 * measured.write_seconds:.1f} ms |",
        f"| the submission; its record; its feedback page | {measured.submission_bytes / kib:.0f} KiB; "
        f"{measured.record_bytes / kib:.0f} KiB; {measured.feedback_bytes / kib:.0f} KiB |",
        "",
        "| assumed | value |",
        "|---|---|",
        f"| submissions that run into a time limit | {100 * plan.endless_share:.0f} % |",
        f"| one machine | {plan.processors} processors, {plan.memory_gib:.0f} GiB |",
        f"| its price for an hour | {plan.price:.2f} dollars |",
        f"| share of the time in which a processor grades | {100 * plan.efficiency:.0f} % |",
        "",
        "| submissions | done in | machines | dollars | stored | writing |",
        "|---|---|---|---|---|---|",
    ]
    for submissions, hours in ((300, 1), (10_000, 1), (100_000, 12), (100_000, 1)):
        one = need(submissions, hours, measured, plan)
        lines.append(
            f"| {submissions:,} | {hours} h | {one.machines} | {one.dollars:.2f} | {one.gib_kept:.2f} GiB "
            f"| {one.writing_minutes:.0f} min |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure a graded folder, and keep what was measured in the repository."""
    parser = argparse.ArgumentParser(prog="python -m lecture5.grading.gradebook.scale")
    parser.add_argument("graded", type=Path)
    parser.add_argument("submissions", type=Path)
    options = parser.parse_args(arguments)
    write_text(MEASURED, json.dumps(asdict(measure(options.graded, options.submissions)), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
