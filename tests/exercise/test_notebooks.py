"""Notebooks are stored in one form only: the same content gives the same file."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lecture5.exercise import notebooks


def sample():
    notebook = new_notebook(
        metadata={"kernelspec": {"name": "my-env", "display_name": "My env"}, "widgets": {"state": {}}},
        cells=[
            new_markdown_cell("# Title  ", id="3f2a9c1b"),
            new_code_cell("print(1)\nprint(2)", id="first-prints", execution_count=41),
            new_code_cell("plot()", id="0c5d6e7f-0000-4000-8000-123456789abc", execution_count=42),
            new_code_cell("", id="empty"),
        ],
    )
    prints, plot = notebook.cells[1], notebook.cells[2]
    prints.metadata.update(execution={"iopub.status.busy": "2030-01-01"}, tags=["keep"], collapsed=True)
    prints.outputs = [new_output("stream", text="1\n"), new_output("stream", text="2 at 0x7f00deadbeef\n")]
    plot.outputs = [
        new_output("display_data", {"image/png": "AAAA", "text/plain": "<Figure size 640x480 with 1 Axes>"}),
        new_output("display_data", {"text/html": "<img src='data:image/png;base64,AA'>", "text/plain": "<Explorer>"}),
        new_output("display_data", {"text/html": "<b>kept</b>", "text/plain": "kept"}),
        new_output("execute_result", {"text/plain": "<object at 0x7f00deadbeef>"}, execution_count=42),
    ]
    return notebook


def test_what_is_kept_and_what_is_dropped():
    notebook = notebooks.normalise(sample())
    title, prints, plot, empty = notebook.cells
    assert [cell.id for cell in notebook.cells] == ["cell-000", "first-prints", "cell-002", "empty"]
    assert title.source == "# Title"
    assert prints.metadata == {"tags": ["keep"]}
    assert [output.text for output in prints.outputs] == ["1\n2 at 0x0\n"]
    assert [cell.execution_count for cell in (prints, plot, empty)] == [1, 2, None]
    assert [sorted(output.data) for output in plot.outputs] == [
        ["text/plain"],
        ["text/plain"],
        ["text/html", "text/plain"],
        ["text/plain"],
    ]
    assert plot.outputs[3].execution_count == 2
    assert plot.outputs[3].data["text/plain"] == "<object at 0x0>"
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)


def test_normalising_twice_changes_nothing():
    once = notebooks.dumps(notebooks.normalise(sample()))
    twice = notebooks.dumps(notebooks.normalise(nbformat.reads(once, 4)))
    assert once == twice


def test_ids_by_position_give_way_to_chosen_ones():
    notebook = new_notebook(cells=[new_markdown_cell("a", id="cell-001"), new_markdown_cell("b", id="cell-003")])
    assert [cell.id for cell in notebooks.normalise(notebook).cells] == ["cell-000", "cell-001"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("saved to /home/ada/out.npz\n", "/home/ada/out.npz"),
        ("/tmp/ipykernel_12/3.py:1: UserWarning\n", "/tmp/ipykernel_12/3.py"),
        ("ratio 3/4, see https://example.org/usr/share and a/usr/b\n", None),
    ],
)
def test_paths_of_this_machine_are_refused(text, path):
    notebook = new_notebook(cells=[new_code_cell("x", id="one", outputs=[new_output("stream", text=text)])])
    found = notebooks.complaints(notebook)
    assert found == ([f"cell one: the output holds a path of this machine, {path}"] if path else [])


def test_command_runs_stores_and_checks(tmp_path, capsys):
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("for n in range(3):\n    print(n)\nn")]), path)
    assert notebooks.main(["--check", str(path)]) == 1
    assert "not normalised" in capsys.readouterr().err
    assert notebooks.main([str(path)]) == 0
    cell = nbformat.read(path, 4).cells[0]
    assert cell.outputs[0].text == "0\n1\n2\n"
    assert cell.outputs[1].data["text/plain"] == "2"
    assert notebooks.main(["--check", str(path)]) == 0


def test_a_failing_notebook_is_reported_by_cell_and_left_alone(tmp_path, capsys):
    path = tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0", id="divide")]), path)
    before = path.read_bytes()
    assert notebooks.main([str(path)]) == 1
    assert "cell divide: ZeroDivisionError: division by zero" in capsys.readouterr().err
    assert path.read_bytes() == before
