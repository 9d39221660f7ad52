"""The notebook of the template: header, and for its function text, answer, visible check, and ``check(…)``."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HEADER = """\
# Exercise 00: moving average

**What you build:** a moving average, in one small function.

*Difficulty 1 of 5 · importance 3 of 5 · 10 minutes · you may import numpy and matplotlib*"""

TEXT = """\
## a. `moving_average`: smooth a signal

*3 points · difficulty 1 of 5 · 10 minutes*

Lay a window of `size` samples on the start of the signal `x`, average what it holds, move it by one sample, and go on
while the whole window lies inside the signal.

<details><summary>A nudge</summary>

How many places are there for a window of 2 samples on a signal of 5?

</details>"""

ANSWER = '''\
def moving_average(x, size):
    """Average each window of size neighbouring samples: (L,), int -> (L - size + 1,)."""
    ### BEGIN SOLUTION
    return np.array([np.mean(x[t : t + size]) for t in range(len(x) - size + 1)])
    ### END SOLUTION'''

CHECK = """\
x = np.array([1.0, 2.0, 0.0, -1.0, 3.0])
np.round(moving_average(x, 2), 4) + 0.0"""

SYMPTOMS = """\
## Help, by symptom

| What you see | Where to look |
|---|---|
| `NotImplementedError` | The stub is still there: replace both of its lines. |
| the result is one value too short | Count the last window, too. |"""


def template() -> NotebookNode:
    """Return the notebook with its solution, not yet run."""
    notebook = new_notebook()
    notebook.metadata["lecture5"] = {
        "exercise": "00",
        "title": "Moving average",
        "difficulty": 1,
        "importance": 3,
        "minutes": [10, 15],
    }
    fixed = {"deletable": False, "editable": False}
    ours = {"lecture5": {"function": "moving_average"}}
    notebook.cells = [
        new_markdown_cell(HEADER, id="header"),
        new_code_cell("import numpy as np", id="imports", metadata=fixed),
        new_code_cell("from lecture5.exercise import check", id="check-import", metadata=HELPER),
        new_markdown_cell(TEXT, id="moving-average-text"),
        new_code_cell(
            ANSWER,
            id="moving-average",
            metadata={"deletable": False, **ours, "nbgrader": _marks("moving-average", solution=True)},
        ),
        new_code_cell(
            CHECK,
            id="moving-average-visible",
            metadata={
                **fixed,
                **ours,
                "nbgrader": {**_marks("moving-average-visible", grade=True), "points": 1},
                "tags": ["nbval-check-output"],
            },
        ),
        new_code_cell("check(moving_average)", id="moving-average-check", metadata=HELPER),
        new_markdown_cell(SYMPTOMS, id="symptoms"),
    ]
    return notebook


HELPER = {"lecture5": {"role": "helper"}}


def _marks(grade_id: str, *, grade: bool = False, solution: bool = False) -> dict[str, Any]:
    """Return nbgrader's metadata, schema version 3."""
    return {
        "schema_version": 3,
        "cell_type": "code",
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade,
        "solution": solution,
        "task": False,
    }
