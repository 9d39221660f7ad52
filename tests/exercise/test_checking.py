"""What a student sees when he checks a function."""

import html.parser
import re

import numpy as np
import pytest

import lecture5.exercise
from lecture5.exercise.catalogue import convolution, exercise_numbers, get_exercise
from lecture5.exercise.checking import check
from lecture5.exercise.diagnosis import compare, picture, reference_outputs

QUESTIONS = [question for number in exercise_numbers() for question in get_exercise(number).questions]


def test_a_right_answer_and_what_is_said_of_hidden_tests():
    report = check(convolution.conv1d)
    assert report.passed
    assert str(report).endswith("Visible checks pass; hidden tests run when it is graded.")
    assert "✗" not in str(report)
    assert str(report).count("✓") == len(convolution.CONV1D.cases)


def test_a_flipped_kernel_is_named():
    def conv1d(x, w):
        return np.convolve(x, w, "valid")

    text = str(check(conv1d))
    assert "→ Your kernel is turned round: this is true convolution." in text
    assert "hidden tests run" not in text


def test_two_misconceptions_at_once():
    def filter_image(image, kernel):
        return convolution.filter_image(image, kernel[::-1, ::-1]) / kernel.size

    names = [one.name for one in check(filter_image).diagnosis]
    assert sorted(names) == ["divided-by-size", "flipped-kernel"]


def test_an_error_nobody_knows_has_no_diagnosis():
    def conv1d(x, w):
        return convolution.conv1d(x, w) + 0.125

    report = check(conv1d)
    assert report.diagnosis == []
    assert "✗" in str(report)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, w: None, "you return None (is a return statement missing?)"),
        (lambda x, w: "text", "you return a str that holds no numbers"),
        (lambda x, w: np.zeros(2), "the shape should be (3,), yours is (2,)"),
        (lambda x, w: convolution.conv1d(x, w) + 0j, "the values should be real, yours have dtype complex128"),
        (lambda x, w: [[1], [1, 2]], "you return a list that holds no numbers"),
        (lambda x, w: 1 / 0, "raised ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_wrong_is_said_in_words(answer, words):
    answer.__name__ = "conv1d"
    assert words in str(check(answer))


def test_stub_is_not_written_yet():
    def conv1d(x, w):
        raise NotImplementedError()

    assert "not written yet" in str(check(conv1d))


def test_lists_are_welcome():
    def conv1d(x, w):
        return convolution.conv1d(x, w).tolist()

    assert check(conv1d).passed


def test_wrong_use_is_explained():
    with pytest.raises(TypeError, match=r"as in check\(conv1d\); it was given ndarray"):
        check(np.zeros(3))
    with pytest.raises(KeyError, match="no exercise asks for a function called 'my_conv'"):
        check(type("my_conv", (), {}))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_answer_is_never_printed(question):
    """A report on zeros of the right shape must not hold the right values, nor their differences."""

    def zeros(*arguments):
        return np.zeros_like(question.run(question.reference, arguments))

    zeros.__name__ = question.name
    expected = np.concatenate([np.ravel(value) for value in reference_outputs(question)])
    report = check(zeros)
    for text in (str(report), report._repr_html_()):
        numbers = {float(n) for n in re.findall(r"(?<![\w.(#\"-])-?\d+\.\d+", text)}
        assert not {n for n in numbers if n and np.isclose(np.abs(expected), abs(n)).any()}


class _Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in ("br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag


def test_html_is_escaped_and_well_formed():
    def conv1d(x, w):
        raise ValueError("<script>alert(1)</script>")

    text = check(conv1d)._repr_html_()
    assert "<script>" not in text
    parser = _Balanced()
    parser.feed(text)
    assert parser.open == []


def test_pictures():
    expected = np.zeros((2, 3, 4))
    got = expected.copy()
    got[1, 0, 2], got[1, 2, 3], got[1, 1, 1] = 1, -1, np.nan
    comparison = compare(expected, got)
    assert picture(comparison.signs) == "· · + ·\n· ? · ·\n· · · −"
    assert (
        "first difference at index (1, 0, 2): yours is 1, which is too large; 3 of 24 values differ"
        in comparison.problem
    )


def test_large_pictures_are_cut():
    lines = picture(np.ones((20, 40), dtype=int)).splitlines()
    assert len(lines) == 13
    assert lines[0].endswith("+ …")
    assert lines[-1] == "…"


@pytest.mark.parametrize(
    ("expected", "got", "agrees"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-9], True),
        ([1.0, 2.0], [1.0, 2.001], False),
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, np.inf], [1.0, -np.inf], False),
        ([1 + 2j], [1 + 2j], True),
        ([1 + 0j], [1.0], False),
        ([1.0], [[1.0]], False),
        ([1.0, 2.0], np.array([1, 2]), True),
        (3.0, 3, True),
    ],
)
def test_compare(expected, got, agrees):
    assert compare(expected, got).agrees == agrees


def test_check_is_where_the_notebook_imports_it():
    assert lecture5.exercise.check is check
