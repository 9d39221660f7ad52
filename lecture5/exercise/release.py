"""Make what students get from the notebook that holds the solutions: ``lecture5 release``."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lecture5.exercise import notebooks
from lecture5.exercise.cells import answer_cells, function, points, role
from lecture5.exercise.model import Exercise
from lecture5.exercise.places import NotFound, course_root, installed_notebook, source_notebook

SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.MULTILINE | re.DOTALL
)
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


class SourceError(Exception):
    """A source notebook cannot be released; the message names the cell and says what is wrong."""


def release(source: NotebookNode) -> NotebookNode:
    """Return the students' notebook: answers cut out, outputs kept only where they are the expected ones."""
    notebook = nbformat.reads(nbformat.writes(source), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if role(cell) == "answer":
            cell.source = cut_solution(cell)
        if role(cell) != "check":
            cell.outputs = []
    return notebooks.normalise(notebook)


def cut_solution(cell: NotebookNode) -> str:
    """Return an answer cell's source with a stub in place of what stands between the solution markers."""
    text, count = SOLUTION.subn(lambda match: _indented(STUB, match["indent"]), cell.source)
    if not count or "### BEGIN SOLUTION" in text or "### END SOLUTION" in text:
        raise SourceError(f"cell {cell.id}: an answer needs '### BEGIN SOLUTION' and '### END SOLUTION', in pairs")
    return text


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line for line in text.splitlines())


def problems(source: NotebookNode, exercise: Exercise) -> list[str]:
    """Return what makes this notebook unfit as the source of ``exercise``, one sentence each."""
    found = []
    asked = [question.name for question in exercise.questions]
    answered = [function(cell) for cell in answer_cells(source)]
    if answered != asked:
        found.append(f"the answer cells are for {answered}, the catalogue asks for {asked}")
    for cell in source.cells:
        if cell.cell_type != "code":
            continue
        if role(cell) == "answer" and not SOLUTION.search(cell.source):
            found.append(f"cell {cell.id}: no solution between '### BEGIN SOLUTION' and '### END SOLUTION'")
        if role(cell) == "check":
            if function(cell) not in asked:
                found.append(f"cell {cell.id}: it checks {function(cell)!r}, which the catalogue does not ask for")
            if points(cell) <= 0:
                found.append(f"cell {cell.id}: a check is worth more than 0 points")
            if not any(output.output_type == "execute_result" for output in cell.outputs):
                found.append(
                    f"cell {cell.id}: a check ends in an expression, and its result is stored: run the notebook"
                )
            if "nbval-check-output" not in cell.metadata.get("tags", []):
                found.append(f"cell {cell.id}: a check needs the tag nbval-check-output")
        if "lecture5" in cell.source and role(cell) != "helper":
            found.append(f"cell {cell.id}: only helper cells may use lecture5, it is absent when answers are graded")
    return found


def released_text(exercise: Exercise) -> str:
    """Return the text of the students' notebook, made anew from the source.

    Raises
    ------
    SourceError
        If the source is not fit to be released; every reason is in the message.
    """
    source = notebooks.read(source_notebook(exercise))
    found = problems(source, exercise)
    if found:
        raise SourceError("; ".join(found))
    return notebooks.dumps(release(source))


def pristine(exercise: Exercise) -> NotebookNode:
    """Return the exercise as released, for checking and grading.

    It is made from the source, or taken from the installed package: never from a folder in which students work, since
    running a check cell there replaces the expected output by one's own.
    """
    try:
        source = source_notebook(exercise)
    except NotFound:
        return notebooks.read(installed_notebook(exercise))
    return release(notebooks.read(source))


def release_path(exercise: Exercise) -> Path:
    """Return where the students' notebook is written."""
    return course_root() / "exercises" / exercise.notebook_name


def is_current(exercise: Exercise) -> bool:
    """Whether the committed students' notebook is what the source gives."""
    path = release_path(exercise)
    return path.is_file() and path.read_text(encoding="utf-8") == released_text(exercise)
