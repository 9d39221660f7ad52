"""What students get: current, without solutions, and failing at just the visible checks."""

import copy
import re
import subprocess
import sys

import nbformat
import pytest

from lecture5.exercise import cells, notebooks, release
from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.exercise.places import source_notebook

EXERCISES = [get_exercise(number) for number in exercise_numbers()]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.number)


@pytest.fixture
def source():
    return notebooks.read(source_notebook(get_exercise("01")))


@each_exercise
def test_released_notebooks_are_current(exercise):
    assert release.is_current(exercise), "run `lecture5 release`"


@each_exercise
def test_sources_are_fit_to_be_released(exercise):
    source = notebooks.read(source_notebook(exercise))
    assert release.problems(source, exercise) == []
    assert notebooks.complaints(source) == []
    nbformat.validate(source)


@each_exercise
def test_no_solution_is_released(exercise):
    source = notebooks.read(source_notebook(exercise))
    released = notebooks.read(release.release_path(exercise))
    text = release.release_path(exercise).read_text()
    assert "SOLUTION" not in text
    for cell in cells.answer_cells(source):
        solution = re.search(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.DOTALL)[1]
        lines = [line.strip() for line in solution.splitlines() if len(line.strip()) > 25]
        answers = "\n".join(answer.source for answer in cells.answer_cells(released))
        assert not [line for line in lines if line in answers]
    for cell in released.cells:
        if cell.cell_type == "code" and cells.role(cell) != "check":
            assert cell.outputs == []
    nbformat.validate(released)


def nbval(path):
    """Run nbval's lax mode on a notebook; return its exit status and the numbers of the cells that failed."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "--color=no", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, sorted(int(n) for n in re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE))


@each_exercise
def test_nbval_fails_at_just_the_visible_checks(exercise, tmp_path):
    released = release.release_path(exercise)
    code = [cell for cell in notebooks.read(released).cells if cell.cell_type == "code"]
    checks = [number for number, cell in enumerate(code) if cells.role(cell) == "check"]
    assert len(checks) == len(exercise.questions)
    assert nbval(released) == (1, checks)
    assert nbval(source_notebook(exercise)) == (0, [])


def test_what_makes_a_source_unfit(source):
    exercise = get_exercise("01")

    def complaint(change):
        broken = copy.deepcopy(source)
        change({cell.id: cell for cell in broken.cells})
        return " ".join(release.problems(broken, exercise))

    def set_source(cell, text):
        cell.source = text

    assert "no solution between" in complaint(lambda by: set_source(by["conv1d"], "def conv1d(x, w): ..."))
    assert "only helper cells may use lecture5" in complaint(lambda by: set_source(by["imports"], "import lecture5"))
    assert "run the notebook" in complaint(lambda by: by["conv1d-visible"].outputs.clear())
    assert "nbval-check-output" in complaint(lambda by: by["conv1d-visible"].metadata.tags.clear())
    assert "worth more than 0" in complaint(lambda by: by["conv1d-visible"].metadata.nbgrader.update(points=0))
    assert "does not ask for" in complaint(lambda by: by["conv1d-visible"].metadata.lecture5.update(function="f"))
    assert "the catalogue asks for" in complaint(lambda by: by["conv1d"].metadata.lecture5.update(function="f"))


def test_stub_keeps_the_indent_and_what_is_outside_the_markers():
    solution = "        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION"
    cell = nbformat.v4.new_code_cell(f"class A:\n    def f(self):\n{solution}\n\n    g = 2")
    stub = "class A:\n    def f(self):\n        # YOUR CODE HERE\n        raise NotImplementedError()\n\n    g = 2"
    assert release.cut_solution(cell) == stub
    cell.source = "### BEGIN SOLUTION\nx = 1"
    with pytest.raises(release.SourceError, match="in pairs"):
        release.cut_solution(cell)


def test_only_answers_come_from_a_submission(source):
    pristine = release.release(source)
    assembled = cells.assemble(pristine, {"conv1d": "mine", "conv1d-visible": "forged", "imports": "forged"})
    by_id = {cell.id: cell.source for cell in assembled.cells}
    assert by_id["conv1d"] == "mine"
    assert "forged" not in by_id.values()
    assert by_id["convolve"] == ""
    assert "conv1d-check" not in by_id
