"""What attacks and oddities share: the cells, and a way to grade one submission in the sandbox, in this process."""

import dataclasses
import os
import re
from pathlib import Path

import psutil
import pytest

from lecture5.exercise import cells, notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.places import course_root, source_notebook
from lecture5.exercise.release import pristine
from lecture5.grading import sandbox
from lecture5.grading.doctor import bubblewrap_runs
from lecture5.grading.feedback import page
from lecture5.grading.grade import Job, grade
from lecture5.grading.sandbox import LIMITS
from lecture5.grading.session import Grader
from lecture5.grading.submissions import Found

EXERCISE = get_exercise("01")
# Short limits: an attack that waits is to be over soon.
QUICK = dataclasses.replace(LIMITS, call_seconds=1, cell_seconds=1, patience=1.5, tree_memory=2**30, output_bytes=2**22)
SECRET = "LECTURE5-SECRET-7f3a"
# A user id for each process of pytest-xdist, as the grader's workers have: one's fork bomb must not hit another's test.
SLOT = 10 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@dataclasses.dataclass(frozen=True)
class Cell:
    """One entry of attacks.txt or oddities.txt."""

    name: str
    source: str
    spoils: bool = False


def read_cells(name):
    """Return the entries of a text file: a line "=== name", then the cell."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    found = []
    for entry in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, source = entry.partition("\n")
        source = source.strip("\n").replace("{ROOT}", str(course_root())).replace("{HOME}", str(Path.home()))
        found.append(Cell(title.removesuffix(" (spoils)"), source, title.endswith(" (spoils)")))
    return found


def pytest_generate_tests(metafunc):
    for fixture, file in (("attack", "attacks.txt"), ("oddity", "oddities.txt")):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, read_cells(file), ids=lambda cell: cell.name)


class Lab:
    """Grades submissions to exercise 1, and looks at what they leave."""

    exercise = EXERCISE
    secret = SECRET
    read_cells = staticmethod(read_cells)

    def __init__(self, folder):
        self._folder = folder
        source = notebooks.read(source_notebook(EXERCISE))
        self.right = {cell.id: cell.source for cell in cells.answer_cells(source)}

    def notebook(self, changes):
        """Return a submission that is right but for these cells."""
        notebook = pristine(EXERCISE)
        for cell in cells.answer_cells(notebook):
            cell.source = changes.get(cell.id, self.right[cell.id])
        return notebook

    def grade(self, changes, name="mallory", limits=QUICK):
        """Grade a submission that is right but for these cells; return its record."""
        return self.grade_notebook(self.notebook(changes), name, limits)

    def grade_notebook(self, notebook, name="mallory", limits=QUICK):
        """Grade a notebook; return its record."""
        path = self._folder / f"{name}.ipynb"
        path.write_text(notebooks.dumps(notebook), encoding="utf-8")
        job, records = Job("01", limits=limits), []
        grader = Grader(EXERCISE, job.pristine, job.tests())
        grader.run(iter([lambda grader: records.append(grade(grader, job, Found(path.stem, path), SLOT))]))
        return records[0]

    def points(self, record, function):
        """Return the points of one function."""
        return sum(check["points"] for check in record["checks"] if check["function"] == function)

    def page(self, record):
        """Return the feedback page."""
        return page(record, EXERCISE, "Convolution")

    def left_behind(self):
        """Return what submissions have left on this machine: processes in the box, folders of kernels, files."""
        found = [str(path) for path in Path("/tmp").glob("attack-*")]
        for server in sandbox._servers.values():
            inside = psutil.Process(server._process.pid).children(recursive=True)
            found += [f"process {process.pid}" for process in inside[2:]]  # bubblewrap's init and the server itself
            found += [f"folder {name}" for name in os.listdir(server.run)]
        return found


@pytest.fixture(scope="session", autouse=True)
def _sandbox_works():
    os.environ["LECTURE5_SECRET"] = SECRET
    try:
        bubblewrap_runs()
    except Exception as error:
        pytest.skip(str(error))


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)
