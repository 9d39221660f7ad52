"""A notebook is known by the ids of its answer cells, so that no two exercises may have one in common."""

from collections import Counter

import pytest

from lecture5.exercise import notebooks
from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.exercise.cells import answer_cells
from lecture5.exercise.places import source_notebook
from lecture5.grading.commands import exercise_of

EXERCISES = [get_exercise(number) for number in exercise_numbers()]


def test_ids_of_answers_are_unique_over_all_exercises():
    ids = Counter(cell.id for exercise in EXERCISES for cell in answer_cells(notebooks.read(source_notebook(exercise))))
    assert [name for name, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.number)
def test_each_notebook_is_taken_for_its_own_exercise(exercise):
    assert exercise_of(source_notebook(exercise)).number == exercise.number
