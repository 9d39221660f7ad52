"""From a folder and a file to answers: every layout, and every way not to be a notebook."""

import json
import os

import pytest

from lecture5.exercise.release import pristine
from lecture5.grading.submissions import MAX_FILE, Unreadable, find_submissions, read_answers, read_file

NAME = "01-convolution.ipynb"


@pytest.fixture(scope="module")
def ours(exercise):
    return pristine(exercise)


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def test_flat_files(tmp_path):
    touch(tmp_path, "bob.ipynb", "Åsa Ö.ipynb", "notes.pdf", ".DS_Store", "__MACOSX/x", "carl/own name.ipynb")
    found = find_submissions(tmp_path, NAME)
    assert [one.student for one in found] == ["bob", "carl", "notes", "Åsa Ö"]
    assert found[1].path == tmp_path / "carl" / "own name.ipynb"


def test_canvas(tmp_path):
    touch(tmp_path, "lovelaceada_12_345_01-convolution.ipynb", "hopper_LATE_13_346_01-convolution-2.ipynb")
    hopper, ada = find_submissions(tmp_path, NAME)
    assert (ada.student, ada.lms_id, ada.late, ada.attempt) == ("lovelaceada", "12", False, 1)
    assert (hopper.student, hopper.lms_id, hopper.late, hopper.attempt) == ("hopper", "13", True, 3)


def test_moodle_and_nbgrader(tmp_path):
    touch(tmp_path, f"Ada Lovelace_77_assignsubmission_file_/{NAME}")
    (one,) = find_submissions(tmp_path, NAME)
    assert (one.student, one.lms_id) == ("Ada Lovelace", "77")
    touch(tmp_path, f"course/submitted/bob/01-convolution/{NAME}", "course/submitted/bob/01-convolution/other.ipynb")
    touch(tmp_path, "course/submitted/bob/01-convolution/timestamp.txt")
    (one,) = find_submissions(tmp_path / "course", NAME)
    assert (one.student, one.path.name) == ("bob", NAME)


def test_one_file_and_no_folder(tmp_path):
    touch(tmp_path, "bob.ipynb")
    assert [one.student for one in find_submissions(tmp_path / "bob.ipynb", NAME)] == ["bob"]
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_submissions(tmp_path / "nowhere", NAME)


def test_names_that_collide_are_told_apart(tmp_path):
    touch(tmp_path, "bob.ipynb", "bob.pdf", "bob_1_2_x.ipynb")
    assert [one.student for one in find_submissions(tmp_path, NAME)] == ["bob", "bob (2)", "bob (3)"]


def test_an_empty_folder_is_a_submission_without_a_notebook(tmp_path):
    (tmp_path / "bob").mkdir()
    (one,) = find_submissions(tmp_path, NAME)
    with pytest.raises(Unreadable, match="no notebook was handed in"):
        read_file(one.path)


def test_links_pipes_and_folders_are_not_read(tmp_path):
    touch(tmp_path, "secret")
    os.symlink(tmp_path / "secret", tmp_path / "link.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("link.ipynb", "pipe.ipynb", "folder.ipynb"):
        with pytest.raises(Unreadable):
            read_file(tmp_path / name)


def test_a_linked_folder_is_not_entered(tmp_path):
    touch(tmp_path, f"other/{NAME}")
    (tmp_path / "class").mkdir()
    os.symlink(tmp_path / "other", tmp_path / "class" / "eve")
    (one,) = find_submissions(tmp_path / "class", NAME)
    with pytest.raises(Unreadable):
        read_file(one.path)


def test_huge_files_are_not_read(tmp_path):
    with open(tmp_path / "big.ipynb", "wb") as stream:
        stream.truncate(MAX_FILE + 1)  # a hole: takes no space
    with pytest.raises(Unreadable, match="larger than"):
        read_file(tmp_path / "big.ipynb")


def code_cell(name, source, **more):
    return {"cell_type": "code", "id": name, "source": source, "metadata": {}, "outputs": [], **more}


def notebook(*cells):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"hello", "not a notebook"),
        (b"\xff\xfe\x00", "not text"),
        (b"{}", "no cells"),
        (b"[]", "no cells"),
        (b"3", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b'{"cells": []}', "is it another one"),
        (b'{"cells": [1, null, {"cell_type": "code"}]}', "is it another one"),
        (b'{"worksheets": []}', "old format"),
        (b"[" * 100_000, "damaged"),
        (b"[" + b"1," * 3_000_000, "too complicated"),
        (notebook(code_cell("conv1d", "x" * 300_000)), "characters"),
        (notebook({"cell_type": "markdown", "id": "conv1d", "source": "x"}), "is it another one"),
    ],
    ids=lambda value: str(value)[:25],
)
def test_what_is_not_a_notebook_of_this_exercise(ours, data, reason):
    with pytest.raises(Unreadable, match=reason):
        read_answers(data, ours)


def test_only_our_answer_cells_are_read(ours):
    data = notebook(
        code_cell("conv1d", ["def conv1d():\n", "    pass"]),
        code_cell("conv1d-visible", "forged"),
        code_cell("mine", "def helper(): pass"),
    )
    answers = read_answers(data, ours)
    assert answers.sources == {"conv1d": "def conv1d():\n    pass"}
    assert "helper" in answers.defined_elsewhere


def test_without_ids_nbgraders_names_are_used(ours):
    cell = code_cell(None, "mine")
    del cell["id"]
    cell["metadata"] = {"nbgrader": {"grade_id": "filter-image"}}
    assert read_answers(notebook(cell), ours).sources == {"filter-image": "mine"}


def test_a_copied_cell_counts_once_and_odd_types_do_no_harm(ours):
    cells = [code_cell("conv1d", "first"), code_cell("conv1d", "second"), code_cell("convolve", 3)]
    cells += [{"cell_type": "code", "id": ["conv1d"], "source": "x"}, {"cell_type": "code", "metadata": 3}]
    assert read_answers(notebook(*cells), ours).sources == {"conv1d": "first", "convolve": ""}


def test_a_byte_order_mark_and_half_characters(ours):
    data = b"\xef\xbb\xbf" + notebook(code_cell("conv1d", "x = '\ud800'"))
    assert read_answers(data, ours).sources == {"conv1d": "x = '?'"}
