"""Kill the grader at random moments, start it again each time: does the same table come out, and is nothing repeated?

    python benchmarks/interrupted.py --submissions 1000 --kills 20 > benchmarks/results/interrupted.json

A class is graded once without trouble by one worker. Then the same class is graded by several workers, and the grader
is killed (SIGKILL: no warning, nothing is cleaned up) until it has been killed often enough, and runs to the end. The
two tables must be equal, and no record that was there when the grader was killed may have been written again.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lecture5.exercise import cells, notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.places import source_notebook
from lecture5.exercise.release import pristine

# What differs between submissions: the answer to conv1d. Random numbers, hashes and threads must not matter.
ANSWERS = (
    "return np.array([np.dot(x[t : t + len(w)], w) for t in range(len(x) - len(w) + 1)])",
    "return np.array([np.dot(x[t : t + len(w)], w[::-1]) for t in range(len(x) - len(w) + 1)])",
    "return np.convolve(x, w[::-1], 'valid')",
    "return np.random.rand(len(x) - len(w) + 1)",
    "return np.array([float(value) for value in {'a', 'b', 'c', str(len(x))} if value.isdigit()])",
    "raise ValueError(f'{sorted(set(map(id, [x, w])))[0] > 0}, {np.random.rand():.3f}')",
    "return x",
    "import os; os._exit(0)",
)


def make_class(folder: Path, count: int) -> None:
    """Write that many different submissions to exercise 1."""
    exercise = get_exercise("01")
    right = {cell.id: cell.source for cell in cells.answer_cells(notebooks.read(source_notebook(exercise)))}
    notebook = pristine(exercise)
    for number in range(count):
        for cell in cells.answer_cells(notebook):
            cell.source = right[cell.id]
            if cell.id == "conv1d":
                cell.source = f"def conv1d(x, w):  # student {number}\n    {ANSWERS[number % len(ANSWERS)]}"
        (folder / f"student{number:04}.ipynb").write_text(notebooks.dumps(notebook), encoding="utf-8")


def start(folder: Path, out: Path, workers: int) -> subprocess.Popen:
    """Start to grade, in a process group of its own."""
    command = [sys.executable, "-m", "lecture5.cli", "grade", str(folder), "--exercise", "01", "--out", str(out)]
    return subprocess.Popen(
        [*command, "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> None:
    """Wait for the end of a run that nobody kills."""
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"the grader ended with {process.returncode}: {errors}")


def written(out: Path) -> dict[str, tuple[int, int]]:
    """Return which records there are, and when each was written: a second writing makes another file."""
    entries = [(path.name, path.stat()) for path in (out / "records").glob("*.json")]
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in entries}


def kill_after(process: subprocess.Popen, out: Path, more: int, delay: float, whole_group: bool) -> None:
    """Kill the grader ``delay`` seconds after that many more records are there: alone, or with all its workers."""
    enough = len(written(out)) + more
    while len(written(out)) < enough and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay)
    if process.poll() is None:
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()


def interrupted(folder: Path, out: Path, workers: int, kills: int, count: int) -> dict[str, int]:
    """Grade with interruptions; return how often it was killed, and what was found afterwards."""
    generator = random.Random(0)
    repeated, last = 0, {}
    for number in range(kills):
        more = generator.randint(0, 3 * count // (4 * kills))
        kill_after(start(folder, out, workers), out, more, generator.uniform(0, 0.3), whole_group=number % 2 == 0)
        now = written(out)
        if len(now) == count:
            raise SystemExit("everything was graded before it could be killed: fewer kills, or more submissions")
        repeated += sum(now.get(name) != when for name, when in last.items())
        last = now
    finish(start(folder, out, workers))
    now = written(out)
    repeated += sum(now.get(name) != when for name, when in last.items())
    left = len(list(out.rglob(".writing-*")))
    return {"kills": kills, "records before the last run": len(last), "repeated or lost": repeated, "left over": left}


def compare(place: Path, count: int, kills: int, workers: int) -> dict[str, object]:
    """Grade a class with and without interruptions; return what was found."""
    folder, quiet, disturbed = (place / name for name in ("class", "quiet", "disturbed"))
    folder.mkdir(parents=True)
    make_class(folder, count)
    started = time.monotonic()
    finish(start(folder, quiet, 1))
    undisturbed = time.monotonic() - started
    found = interrupted(folder, disturbed, workers, kills, count)
    tables = ("grades.csv", "checks.csv")
    same = {name: (quiet / name).read_bytes() == (disturbed / name).read_bytes() for name in tables}
    return {
        "submissions": count,
        "seconds with one worker": round(undisturbed),
        "seconds with kills": round(time.monotonic() - started - undisturbed),
        **found,
        **{f"{name} the same": value for name, value in same.items()},
    }


def main() -> None:
    """Run it, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--place", type=Path, help="an empty folder to work in (default: a temporary one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.place or Path(temporary)
        found = compare(place, options.submissions, options.kills, options.workers)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
