"""How much memory does the grader take when a submission prints a gigabyte, or answers with as much as it may?

    python benchmarks/flood.py > benchmarks/results/flood.json

Each flood is the conv1d of a submission to exercise 1 that is right otherwise. It is graded in a process of its own,
which then says how much memory it held at most. What the submission's own, sandboxed processes take is not counted.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from lecture5.exercise import cells, notebooks
from lecture5.exercise.places import source_notebook
from lecture5.grading.grade import Job, grade
from lecture5.grading.session import Grader
from lecture5.grading.submissions import Found
from lecture5.inside.wire import MAX_BYTES

PIECE = 2**20
FLOODS = {
    "nothing": "pass",
    "lines": "for n in range({0} // 100): print('x' * 99)",
    "large pieces": f"for n in range({{0}} // {PIECE}): print('x' * {PIECE})",
    "one text": "print('x' * min({0}, 400 * 2**20))",
    "stderr": f"import sys\n    for n in range({{0}} // {PIECE}): sys.stderr.write('x' * {PIECE})",
    "displays": f"from IPython.display import display\n    for n in range({{0}} // {PIECE}): display('x' * {PIECE})",
    "descriptor 1": f"import os\n    for n in range({{0}} // {PIECE}): os.write(1, b'x' * {PIECE})",
    "an exception": "raise ValueError('x' * min({0}, 400 * 2**20))",
    "results": f"return np.zeros(min({{0}}, {MAX_BYTES}) // 8)",
    "a result too large": "return np.zeros(min({0}, 400 * 2**20) // 8)",
    "messages": f"""kernel = get_ipython().kernel
    for n in range({{0}} // ({MAX_BYTES})):
        kernel.session.send(kernel.iopub_socket, 'comm_msg', {{{{'data': {{{{}}}}}}}}, parent=kernel.get_parent(),
                            buffers=[bytes({MAX_BYTES})])""",
}


def highest_mib() -> float:
    """Return the most memory that this process has held so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def grade_one(flood: str, size: int) -> dict[str, object]:
    """Grade one flood in this process; return what it took, and how the flooding function's first test ended."""
    job = Job("01")
    notebook = notebooks.read(source_notebook(job.exercise))
    for cell in cells.answer_cells(notebook):
        if cell.id == "conv1d":
            body = FLOODS[flood].format(size)
            cell.source = f"def conv1d(x, w):\n    {body}\n    return np.zeros(len(x) - len(w) + 1)"
    records = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flood.ipynb"
        path.write_text(notebooks.dumps(notebook), encoding="utf-8")
        grader = Grader(job.exercise, job.pristine, job.tests())
        grader.run(iter([lambda grader: records.append(grade(grader, job, Found("flood", path)))]))
    (record,) = records
    outcome = next(check["outcome"] for check in record["checks"] if check["function"] == "conv1d")
    others = sum(check["points"] for check in record["checks"] if check["function"] != "conv1d")
    return {"flood": flood, "MiB": round(highest_mib(), 1), "outcome": outcome, "points of the others": others}


def measure(flood: str, size: int) -> dict[str, object]:
    """Return what grading this flood takes, measured in a fresh process."""
    command = [sys.executable, __file__, "--one", flood, "--bytes", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(done.stdout)


def main() -> None:
    """Measure all floods, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", type=int, default=2**30)
    parser.add_argument("--one", choices=FLOODS, help="only this flood, in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(grade_one(options.one, options.bytes)))
        return
    found = []
    for flood in FLOODS:
        found.append(measure(flood, options.bytes))
        print(found[-1], file=sys.stderr, flush=True)
    print(json.dumps({"bytes": options.bytes, "python": platform.python_version(), "floods": found}, indent=1))


if __name__ == "__main__":
    main()
