"""The parts of an exercise: questions, public cases, and misconceptions.

An exercise is a notebook (``solutions/NN-name.ipynb``) and a catalogue entry (``lecture5/exercise/catalogue``). The
notebook has the text and the points; the catalogue knows, for each function that students write, a right
implementation, inputs to try, and what people get wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Misconception:
    """One way to get a function wrong.

    Attributes
    ----------
    name
        Short and stable: it appears in records and in the class report, for example ``"flipped-kernel"``.
    sentence
        What the student is told. It says what is wrong and where to look; it does not give the answer.
    spoil
        Turns a right function into the wrong one. Because it takes a function and returns one, two misconceptions can
        be combined: ``first.spoil(second.spoil(reference))``.
    """

    name: str
    sentence: str
    spoil: Callable[[Answer], Answer]


@dataclass(frozen=True)
class Case:
    """One public input of a function, with the name under which its ✓ or ✗ is shown."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """One function (or class) that the student writes.

    Attributes
    ----------
    name
        The function's name in the notebook.
    reference
        A right implementation.
    cases
        Public inputs. They must tell every misconception from the reference and from the others.
    misconceptions
        At least five.
    run
        How a student's answer is used on the arguments of a case; calls it by default. A torch module needs more: make
        an object, give it weights, call it (see :class:`lecture5.inside.modules.Module`). The reference is always a
        plain function of the case's arguments.
    is_module
        Whether students write a torch module, whose class has the question's name.
    stand_in
        For a module: turns the reference, or a wrong one, into a class like a student's, for the proof of the tests.
    allowed
        Distributions that may be imported for this function, where they differ from the exercise's.
    """

    name: str
    reference: Answer
    cases: Sequence[Case]
    misconceptions: Sequence[Misconception]
    run: Callable[[Answer, tuple[Any, ...]], Any] = lambda answer, arguments: answer(*arguments)
    is_module: bool = False
    stand_in: Callable[[Answer], Answer] = lambda function: function
    allowed: Sequence[str] | None = None


@dataclass(frozen=True)
class Exercise:
    """A numbered exercise.

    Attributes
    ----------
    number
        Two digits, the start of the notebook's name.
    name
        The rest of the notebook's name.
    questions
        In the order of the notebook.
    allowed
        Distributions that a student may import. Nothing else is there when the exercise is graded.
    withheld
        Functions of an allowed distribution that the exercise asks the student to write: calling one raises an error.
    """

    number: str
    name: str
    questions: Sequence[Question]
    allowed: Sequence[str]
    withheld: Sequence[str] = ()

    @property
    def notebook_name(self) -> str:
        """The file's name, for example ``01-convolution.ipynb``."""
        return f"{self.number}-{self.name}.ipynb"

    @property
    def test_name(self) -> str:
        """The name of the file with the hidden tests."""
        return f"test_{self.number}_{self.name.replace('-', '_')}.py"

    def allowed_for(self, question: Question) -> tuple[str, ...]:
        """Return the distributions that may be imported for a question."""
        return tuple(self.allowed if question.allowed is None else question.allowed)

    def question(self, name: str) -> Question:
        """Return the question whose function is called ``name``."""
        for question in self.questions:
            if question.name == name:
                return question
        known = ", ".join(question.name for question in self.questions)
        raise KeyError(f"exercise {self.number} has no function {name!r}; it has {known}")
