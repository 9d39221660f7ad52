"""Exercise 00, moving average: a right implementation, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question


def moving_average(x, size):
    """Average each window of ``size`` neighbouring samples: y[t] = (x[t] + … + x[t + size − 1]) / size."""
    return np.array([np.mean(x[t : t + size]) for t in range(len(x) - size + 1)])


# Public inputs: students see their names and whether they pass. They must tell every misconception from the others.
CASES = (
    Case("five samples, windows of two", (np.array([1.0, 2.0, 0.0, -1.0, 3.0]), 2)),
    Case("fractions, windows of three", (np.array([0.5, -1.25, 2.0, 0.75, 1.5, -0.5]), 3)),
    Case("windows of one sample", (np.array([4.0, -2.5, 3.0]), 1)),
    Case("a window as long as the signal", (np.array([1.0, -2.0, 4.5, 0.5]), 4)),
    Case("whole numbers", (np.array([1, 2, 4, 7, 9]), 2)),
)

# At least five. Each takes a right function and returns a wrong one; the sentence is what the student is told.
MISCONCEPTIONS = (
    Misconception(
        "sum-not-mean",
        "Your values are sums. An average is divided by the number of samples in the window.",
        lambda answer: lambda x, size: answer(x, size) * size,
    ),
    Misconception(
        "last-output-missing",
        "The last window is missing. Count the places of a window as long as the signal: there is one.",
        lambda answer: lambda x, size: answer(x, size)[:-1],
    ),
    Misconception(
        "first-output-missing",
        "The first window is missing: it begins at sample 0.",
        lambda answer: lambda x, size: answer(x, size)[1:],
    ),
    Misconception(
        "zero-padded",
        "Your signal seems to be continued with zeros. Only windows that lie wholly inside the signal count.",
        lambda answer: lambda x, size: answer(np.concatenate([x, np.zeros(size - 1)]), size),
    ),
    Misconception(
        "windows-do-not-overlap",
        "Your windows stand side by side. The window moves by one sample at a time.",
        lambda answer: lambda x, size: answer(x, size)[::size],
    ),
    Misconception(
        "integers-only",
        "Your values have lost their fractions. Look at the dtype of the array into which you write.",
        lambda answer: lambda x, size: np.trunc(answer(x, size)),
    ),
)

EXERCISE = Exercise(
    number="00",
    name="moving-average",
    questions=(Question("moving_average", moving_average, CASES, MISCONCEPTIONS),),
    allowed=("numpy", "matplotlib"),  # nothing else is there when the exercise is graded
)
