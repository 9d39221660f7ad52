"""What the grader's tests share."""

import pytest

from lecture5.exercise import cells, notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.places import source_notebook


@pytest.fixture(scope="session")
def sandbox_fault():
    """Why the sandbox does not work here; empty if it does."""
    from lecture5.grading.doctor import bubblewrap_runs

    try:
        bubblewrap_runs()
    except Exception as error:
        return str(error)
    return ""


@pytest.fixture(autouse=True)
def _needs_sandbox(request):
    if request.node.get_closest_marker("sandbox"):
        fault = request.getfixturevalue("sandbox_fault")
        if fault:
            pytest.skip(fault)


@pytest.fixture(scope="session")
def exercise():
    return get_exercise("01")


@pytest.fixture(scope="session")
def right_answers(exercise):
    """The solutions' source, by cell id."""
    return {cell.id: cell.source for cell in cells.answer_cells(notebooks.read(source_notebook(exercise)))}
