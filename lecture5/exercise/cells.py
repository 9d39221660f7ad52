"""Which cell of an exercise's notebook is what, and how a student's answers are put into ours.

The marks are nbgrader's, in its schema, so that its tools read our sources too:

============  ==============================================  ====================================================
role          mark                                            when it is graded
============  ==============================================  ====================================================
answer        ``nbgrader.solution`` is true                   the student's source, found by the cell's id
check         ``nbgrader.grade`` is true, with ``points``     our source; its output is compared with the stored one
helper        ``lecture5.role`` is ``"helper"``               dropped: it needs lecture5, which is absent then
given         none of these                                   our source
============  ==============================================  ====================================================

``lecture5.function`` names the function that an answer or a check belongs to.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from nbformat import NotebookNode

ROLES = ("answer", "check", "helper", "given")


def role(cell: NotebookNode) -> str:
    """Return ``"answer"``, ``"check"``, ``"helper"`` or ``"given"``."""
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution"):
        return "answer"
    if marks.get("grade"):
        return "check"
    return "helper" if cell.metadata.get("lecture5", {}).get("role") == "helper" else "given"


def function(cell: NotebookNode) -> str:
    """Return the name of the function that this answer or check belongs to."""
    return cell.metadata["lecture5"]["function"]


def points(cell: NotebookNode) -> float:
    """Return what a check cell is worth."""
    return float(cell.metadata["nbgrader"]["points"])


def answer_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells in which students write."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and role(cell) == "answer"]


def assemble(pristine: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """Return a copy of ``pristine`` with a student's answers, without helpers and without text.

    Parameters
    ----------
    pristine
        The exercise as released.
    answers
        The student's source by cell id. What is not the id of one of our answer cells is ignored; an answer that is
        missing leaves an empty cell.
    """
    notebook = copy.deepcopy(pristine)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and role(cell) != "helper"]
    for cell in answer_cells(notebook):
        cell.source = answers.get(cell.id, "")
        cell.outputs = []
    return notebook
