"""Honest submissions that look odd get all their points."""

import pytest

from lecture5.grading.sandbox import LIMITS

pytestmark = pytest.mark.sandbox


def assert_full_marks(record):
    lost = [(check["name"], check["outcome"], check["message"]) for check in record["checks"] if check["points"] == 0]
    assert (record["status"], record["points"], lost) == ("graded", 17, [])


def test_oddity(oddity, lab):
    assert_full_marks(lab.grade({"conv1d": oddity.source}, limits=LIMITS))


def test_tabs_and_windows_line_ends(lab):
    loop = "[sum(x[t + k] * w[k] for k in range(len(w))) for t in range(len(x) - len(w) + 1)]"
    assert_full_marks(lab.grade({"conv1d": f"def conv1d(x, w):\r\n\treturn np.array({loop})\r\n"}, limits=LIMITS))


@pytest.mark.parametrize("student", ["Åsa Öberg-Łuczak", "李小龍", "O'Brien; DROP", "=1+1", "a" * 120, "<b>x<b>", "🎓"])
def test_names(student, lab):
    record = lab.grade({}, name=student)
    assert_full_marks(record)
    assert record["student"] == student
    assert "<b>" not in lab.page(record)


CHANGES = {
    "cells in another order": lambda notebook: notebook.cells.reverse(),
    "no metadata": lambda notebook: notebook.metadata.clear(),
    "no cell metadata": lambda notebook: [cell.metadata.clear() for cell in notebook.cells],
    "no text": lambda notebook: [notebook.cells.remove(c) for c in list(notebook.cells) if c.cell_type == "markdown"],
    "no outputs": lambda notebook: [cell.update(outputs=[]) for cell in notebook.cells if cell.cell_type == "code"],
    "another kernelspec": lambda notebook: notebook.metadata.update(kernelspec={"name": "julia"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_an_editor_changed(change, lab):
    notebook = lab.notebook({})
    CHANGES[change](notebook)
    assert_full_marks(lab.grade_notebook(notebook, limits=LIMITS))
