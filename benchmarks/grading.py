"""Grade the same submissions to the same torch assignment with lecture5, nbgrader and otter-grader, in one run.

    python benchmarks/grading.py --nbgrader VENV --otter VENV --submissions 10 --out results.json

The two others are no dependencies of this project: install each in an environment of its own, which also sees this
project's packages (numpy, torch, and lecture5 for the tests' expected values):

    python -m venv VENV && VENV/bin/pip install nbgrader   # or otter-grader
    SITE=lib/python3.11/site-packages
    echo "import site; site.addsitedir('$PWD/.venv/$SITE')" > VENV/$SITE/ours.pth

The assignment is exercise 10 (batchnorm and residual blocks): its five answer cells, and its hidden tests. For the two
others the tests stand in the notebook, as they want it, without pytest's marks. Every second submission is wrong
somewhere. What is measured is the wall time of the command that an instructor types, start and end included, per
submission: lecture5 with its sandbox and with the feedback pages, by one worker and by as many as there are processors;
nbgrader's autograde of the whole batch, without a sandbox; and `otter run` for one submission after the other, which is
what otter offers without Docker.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_raw_cell

from lecture5.exercise import cells, notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.places import hidden_tests, source_notebook
from lecture5.exercise.release import pristine

ACCOUNTING = Path("/sys/fs/cgroup/cpuacct")
EXERCISE = get_exercise("10")
SOURCE = notebooks.read(source_notebook(EXERCISE))
RIGHT = {cell.id: cell.source for cell in cells.answer_cells(SOURCE)}
FUNCTIONS = {cell.id: cells.function(cell) for cell in cells.answer_cells(SOURCE)}
# A wrong answer to each question, one of which every second submission gives.
WRONG = [(name, f"def {function}(*arguments): return np.zeros(3)") for name, function in FUNCTIONS.items()]
IMPORTS = next(cell.source for cell in SOURCE.cells if cell.cell_type == "code")
PREPARE = """
import sys
from types import SimpleNamespace
from lecture5.inside.modules import Module
answers = {name: globals()[name] for name in NAMES}
answers["ResidualBlock"] = lambda *arguments: Module(ResidualBlock(*arguments))
submission = SimpleNamespace(**answers)
"""


def tests() -> tuple[str, dict[str, list[str]]]:
    """Return the hidden tests without pytest's marks, and the names of the tests of each function."""
    text = hidden_tests(EXERCISE).read_text()
    of: dict[str, list[str]] = {}
    for function, test in re.findall(r'^@pytest\.mark\.points\("(\w+)".*\)\ndef (\w+)', text, re.MULTILINE):
        of.setdefault(function, []).append(test)
    text = re.sub(r'\A""".*?"""\n', "", text, flags=re.DOTALL)
    return re.sub(r"^(@pytest\.mark.*|import pytest)\n", "", text, flags=re.MULTILINE), of


def test_cell(function: str) -> str:
    """Return the source of a cell that runs the hidden tests of one function."""
    text, of = tests()
    prepare = PREPARE.replace("NAMES", "['" + function + "']")
    if function != "ResidualBlock":
        prepare = prepare.replace('answers["ResidualBlock"]', "_")
    runs = "\n".join(f"{test}(submission, np.random.default_rng(0))" for test in of[function])
    return f"{prepare}\n{text}\n{runs}"


def answers(number: int) -> dict[str, str]:
    """Return the answers of one submission."""
    given = {name: source + f"\n# student {number}" for name, source in RIGHT.items()}
    if number % 2:
        name, source = WRONG[number // 2 % len(WRONG)]
        given[name] = source
    return given


def run(command: list[str], folder: Path, account: Path | None = None) -> None:
    """Run a command to its end, with its own environment's programs before all others."""
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    if account:
        command = ["sh", "-c", 'echo $$ > "$0"/tasks && exec "$@"', str(account), *command]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")


class Seconds(NamedTuple):
    """What a command took: by the clock, and of the processors, all its processes together (NaN if not known)."""

    clock: float
    processor: float


def seconds(command: list[str], folder: Path) -> Seconds:
    """Run a command and say how long it took. Its processes are counted by a control group, where root may make one."""
    account = ACCOUNTING / f"lecture5-{os.getpid()}"
    try:
        account.mkdir()
    except OSError:
        account = None
    start = time.perf_counter()
    run(command, folder, account)
    clock, processor = time.perf_counter() - start, float("nan")
    if account:
        processor = int((account / "cpuacct.usage").read_text()) / 1e9
        while (account / "tasks").read_text():  # Linux takes a moment to end a sandbox's processes
            time.sleep(0.05)
        account.rmdir()
    return Seconds(clock, processor)


def ours(place: Path, count: int, workers: int) -> Callable[[], Seconds]:
    """Prepare a class for lecture5; return what grades it and says how long it took."""
    folder = place / f"ours-{workers}"
    (folder / "submitted").mkdir(parents=True)
    notebook = pristine(EXERCISE)
    for number in range(count):
        for cell in cells.answer_cells(notebook):
            cell.source = answers(number)[cell.id]
        (folder / "submitted" / f"student{number:03}.ipynb").write_text(notebooks.dumps(notebook))
    command = [sys.executable, "-m", "lecture5.cli", "grade", "submitted", "--exercise", EXERCISE.number]
    return lambda: seconds([*command, "--out", "out", "--workers", str(workers)], folder)


def nbgrader(place: Path, count: int, venv: Path) -> Callable[[], Seconds]:
    """Prepare a course of nbgrader's."""
    folder = place / "nbgrader"
    (folder / "source" / "ps").mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'course'\n")

    def notebook(given: dict[str, str]) -> NotebookNode:
        made = [new_code_cell(IMPORTS)]
        for name, function in FUNCTIONS.items():
            made.append(new_code_cell(given[name], metadata={"nbgrader": _mark(name, solution=True)}))
            made.append(new_code_cell(test_cell(function), metadata={"nbgrader": _mark(f"{name}-test")}))
        return _with_kernel(made)

    nbformat.write(notebook(RIGHT), folder / "source" / "ps" / "ps.ipynb")
    run([str(venv / "bin" / "nbgrader"), "generate_assignment", "ps"], folder)
    for number in range(count):
        submitted = folder / "submitted" / f"student{number:03}" / "ps"
        submitted.mkdir(parents=True)
        nbformat.write(notebook(answers(number)), submitted / "ps.ipynb")

    def grade() -> Seconds:
        taken = seconds([str(venv / "bin" / "nbgrader"), "autograde", "ps"], folder)
        ask = "from nbgrader.api import Gradebook\nwith Gradebook('sqlite:///gradebook.db') as book:\n"
        ask += " print(book.find_submission('ps', 'student000').score)"
        found = subprocess.run([venv / "bin" / "python", "-c", ask], cwd=folder, capture_output=True, text=True)
        _check_full_marks("nbgrader", float(found.stdout))
        return taken

    return grade


def _check_full_marks(tool: str, points: float) -> None:
    """The first submission is right: a tool that does not say so was not set up well, and its time means nothing."""
    if points != len(FUNCTIONS):
        raise SystemExit(f"{tool} gives {points} of {len(FUNCTIONS)} points to the right submission")


def _mark(grade_id: str, solution: bool = False) -> dict[str, object]:
    mark = {"grade_id": grade_id, "schema_version": 3, "solution": solution, "grade": not solution, "task": False}
    return {**mark, "locked": not solution} | ({} if solution else {"points": 1})


def otter(place: Path, count: int, venv: Path) -> Callable[[], Seconds]:
    """Prepare an assignment of otter's."""
    folder = place / "otter"
    folder.mkdir()
    made = [new_raw_cell("# ASSIGNMENT CONFIG\nrun_tests: false\nexport_cell: false\ninit_cell: true")]
    made.append(new_code_cell(IMPORTS))
    for name, function in FUNCTIONS.items():
        question = name.replace("-", "_")
        made += [new_raw_cell(f"# BEGIN QUESTION\nname: {question}\npoints: 1"), new_raw_cell("# BEGIN SOLUTION")]
        made += [
            new_code_cell(_without_marks(RIGHT[name])),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"),
        ]
        made += [new_code_cell("# HIDDEN\n" + test_cell(function)), new_raw_cell("# END TESTS")]
        made.append(new_raw_cell("# END QUESTION"))
    nbformat.write(_with_kernel(made), folder / "ps.ipynb")
    run([str(venv / "bin" / "otter"), "assign", "ps.ipynb", "dist"], folder)
    (archive,) = (folder / "dist" / "autograder").glob("*.zip")
    released = nbformat.read(folder / "dist" / "student" / "ps.ipynb", as_version=4)
    for number in range(count):
        given = [new_code_cell(IMPORTS), *(new_code_cell(source) for source in answers(number).values())]
        checks = [cell for cell in released.cells if "grader.check" in cell.source]
        start = [cell for cell in released.cells if "otter.Notebook" in cell.source]
        notebook = _with_kernel([*start, *given, *checks])
        nbformat.write(notebook, folder / f"student{number:03}.ipynb")
        (folder / f"out{number}").mkdir()

    def grade() -> Seconds:
        command = [str(venv / "bin" / "otter"), "run", "-a", str(archive), "-o"]
        runs = [seconds([*command, f"out{n}", f"student{n:03}.ipynb"], folder) for n in range(count)]
        found = json.loads((folder / "out0" / "results.json").read_text())
        _check_full_marks("otter", sum(test.get("score") or 0 for test in found["tests"]))
        return Seconds(*(sum(taken) for taken in zip(*runs, strict=True)))

    return grade


def _without_marks(source: str) -> str:
    return re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", source, flags=re.MULTILINE)


def _with_kernel(made: list[NotebookNode]) -> NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel})


def tool_version(venv: Path, name: str) -> str:
    """Return the version of a distribution in another environment."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([venv / "bin" / "python", "-c", code], capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Prepare, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nbgrader", type=Path, metavar="VENV")
    parser.add_argument("--otter", type=Path, metavar="VENV")
    parser.add_argument("--submissions", type=int, default=10, help="for all tools (default: 10)")
    parser.add_argument("--batch", type=int, default=100, help="a larger batch for lecture5 alone (default: 100)")
    parser.add_argument("--place", type=Path, help="an empty folder to work in, kept (default: a temporary one)")
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    options = parser.parse_args()
    processors = len(os.sched_getaffinity(0))
    figures: dict[str, dict[str, float]] = {}
    versions = {name: version(name) for name in ("numpy", "torch", "ipykernel", "nbval", "pytest")}
    with tempfile.TemporaryDirectory() as temporary:
        place = (options.place or Path(temporary)).absolute()
        count, prepared = options.submissions, {}
        prepared["lecture5, one worker"] = ours(place, count, 1), count
        if options.nbgrader:
            prepared["nbgrader autograde"] = nbgrader(place, count, options.nbgrader.absolute()), count
            versions["nbgrader"] = tool_version(options.nbgrader, "nbgrader")
        if options.otter:
            prepared["otter run"] = otter(place, count, options.otter.absolute()), count
            versions["otter-grader"] = tool_version(options.otter, "otter-grader")
        batch = place / "batch"
        prepared[f"lecture5, one worker, {options.batch}"] = ours(batch, options.batch, 1), options.batch
        every = f"lecture5, {processors} workers, {options.batch}"
        prepared[every] = ours(batch, options.batch, processors), options.batch
        machine = {"processors": processors, "machine": platform.machine(), "python": platform.python_version()}
        for name, (grade, number) in prepared.items():
            figures[name] = {kind: round(taken / number, 3) for kind, taken in grade()._asdict().items()}
            print(f"{name:40} {figures[name]}", flush=True)
            machine["load"] = round(os.getloadavg()[1], 1)  # the mean over five minutes
            result = {"seconds per submission": figures, "submissions": count, "versions": versions, "machine": machine}
            if options.out:
                options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
