"""The exercises, by number. Each module of this package defines one ``EXERCISE``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from lecture5.exercise.model import Exercise, Question

_MODULES = {
    "01": "convolution",
    "02": "filters",
    "03": "padding_stride_dilation",
    "04": "layers_as_matrices",
    "05": "feature_maps_and_pooling",
    "06": "lenet_to_alexnet",
    "07": "how_it_is_computed",
    "08": "invariants_and_receptive_fields",
    "09": "what_networks_learn",
    "10": "batchnorm_residual",
    "11": "detection",
    "12": "segmentation",
    "13": "one_and_three_dimensions",
    "14": "dynamic_programming",
}


def exercise_numbers() -> list[str]:
    """Return the numbers of all exercises, in order."""
    return sorted(_MODULES)


def get_exercise(number: str | int) -> Exercise:
    """Return the exercise with this number: ``"01"``, ``"1"`` and ``1`` are the same.

    Raises
    ------
    KeyError
        If there is none; the message lists those there are.
    """
    key = str(number).zfill(2)
    if key not in _MODULES:
        raise KeyError(f"there is no exercise {number!r}; there are {', '.join(exercise_numbers())}")
    return import_module(f"{__name__}.{_MODULES[key]}").EXERCISE


def catalogue_file(number: str) -> Path:
    """Return the file in which an exercise's catalogue is written."""
    return Path(__file__).parent / f"{_MODULES[number]}.py"


def find_question(name: str) -> tuple[Exercise, Question]:
    """Return the exercise and the question whose function is called ``name``. Names are unique over all exercises."""
    known = []
    for number in exercise_numbers():
        exercise = get_exercise(number)
        for question in exercise.questions:
            if question.name == name:
                return exercise, question
            known.append(question.name)
    raise KeyError(f"no exercise asks for a function called {name!r}; they ask for {', '.join(known)}")
