"""The catalogues: references against independent oracles, every misconception named. That it is caught: test_kills."""

import itertools
import re

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from lecture5.exercise.catalogue import convolution, exercise_numbers, find_question, get_exercise
from lecture5.exercise.diagnosis import diagnose, reference_outputs
from lecture5.grading.planted import grade_functions

EXERCISES = [get_exercise(number) for number in exercise_numbers()]
QUESTIONS = [question for exercise in EXERCISES for question in exercise.questions]
PLANTED = [(question, wrong) for question in QUESTIONS for wrong in question.misconceptions]

lengths = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


@given(lengths, lengths, seeds)
def test_one_dimensional_references(length, other, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=max(length, other)), rng.normal(size=min(length, other))
    np.testing.assert_allclose(convolution.conv1d(x, w), np.correlate(x, w, "valid"), atol=1e-12)
    for first, second in ((x, w), (w, x)):
        np.testing.assert_allclose(convolution.convolve(first, second), np.convolve(first, second), atol=1e-12)
        np.testing.assert_allclose(convolution.fourier_convolve(first, second), np.convolve(first, second), atol=1e-12)


@given(st.tuples(lengths, lengths), st.tuples(st.integers(1, 5), st.integers(1, 5)), seeds)
def test_two_dimensional_references(image_shape, kernel_shape, seed):
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=kernel_shape)
    image = rng.normal(size=np.maximum(image_shape, kernel_shape))
    expected = scipy.signal.correlate2d(image, kernel, "valid")
    np.testing.assert_allclose(convolution.filter_image(image, kernel), expected, atol=1e-12)
    # The response to a wave is the wave times H; a circular convolution over a grid of 16 × 16 shows it.
    row, column = rng.integers(0, 16, size=2)
    omega = 2 * np.pi * row / 16, 2 * np.pi * column / 16
    grid = np.zeros((16, 16))
    grid[: kernel_shape[0], : kernel_shape[1]] = kernel
    grid = np.roll(grid, (-(kernel_shape[0] // 2), -(kernel_shape[1] // 2)), axis=(0, 1))
    response = convolution.frequency_response(kernel, np.array(omega[0]), np.array(omega[1]))
    np.testing.assert_allclose(response, np.fft.fft2(grid)[row, column], atol=1e-12)


def test_the_laplacian_of_the_lecture():
    laplacian = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])
    response = convolution.frequency_response(laplacian, np.array([0, np.pi, 0]), np.array([0, np.pi, np.pi]))
    np.testing.assert_allclose(response, [0, 8, 12], atol=1e-12)


def test_names_are_unique():
    names = [question.name for question in QUESTIONS]
    assert len(names) == len(set(names))
    for question in QUESTIONS:
        kinds = [wrong.name for wrong in question.misconceptions]
        assert len(kinds) == len(set(kinds))
        assert len(kinds) >= 5, f"{question.name} needs at least five misconceptions"


def test_unknown_names_say_what_there_is():
    with pytest.raises(KeyError, match="no exercise asks for a function called 'conv9d'; they ask for conv1d"):
        find_question("conv9d")
    with pytest.raises(KeyError, match="there is no exercise '77'; there are 01"):
        get_exercise("77")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_right_answer_has_no_diagnosis(question):
    assert diagnose(question, reference_outputs(question)) == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_an_empty_answer_has_no_diagnosis(question):
    def empty(*arguments):
        raise NotImplementedError

    assert diagnose(question, reference_outputs(question, empty)) == []


@pytest.mark.parametrize(("question", "wrong"), PLANTED, ids=lambda one: one.name)
def test_each_misconception_is_named(question, wrong):
    given_outputs = reference_outputs(question, wrong.spoil(question.reference))
    assert [one.name for one in diagnose(question, given_outputs)] == [wrong.name]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_pairs_are_explained(question):
    """Two at once are found. Some pairs undo each other or equal another pair; those may get other names."""
    named = total = 0
    for first, second in itertools.permutations(question.misconceptions, 2):
        given_outputs = reference_outputs(question, first.spoil(second.spoil(question.reference)))
        total += 1
        named += {one.name for one in diagnose(question, given_outputs)} == {first.name, second.name}
    assert named >= 0.7 * total


@pytest.mark.parametrize(("question", "wrong"), PLANTED, ids=lambda one: one.name)
def test_sentences_speak_to_students_and_give_no_code(question, wrong):
    assert wrong.sentence.endswith((".", "?"))
    assert not re.search(r"\[::|np\.(?!roll)|\bfor \w+ in\b|\blambda\b", wrong.sentence)


LAZY = {
    "nothing": lambda *arguments: None,
    "zeros": lambda first, *rest: np.zeros_like(first),
    "its input": lambda first, *rest: first,
    "an exception": lambda *arguments: 1 / 0,
    "nan": lambda first, *rest: np.full(np.shape(first), np.nan),
    "an empty array": lambda *arguments: np.array([]),
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.number)
def test_lazy_answers_earn_nothing(exercise):
    variants = [({question.name: lazy for question in exercise.questions}, None) for lazy in LAZY.values()]
    for name, graded in zip(LAZY, grade_functions(exercise, variants), strict=True):
        assert sum(check.points for check in graded.checks) == 0, f"points for {name}"
        assert not [check.name for check in graded.checks if check.outcome == "test error"]
