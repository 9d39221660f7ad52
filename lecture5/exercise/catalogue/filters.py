"""Exercise 2, filters: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. sobel_magnitude -----------------------------------------------------------------------------------------------


def _gradient(image, middle=2):
    """Across and down, both (H − 2, W − 2); ``middle`` is the weight of the window's middle row or column."""
    height, width = image.shape
    blur = (1, middle, 1)
    across = sum(b * (image[k : k + height - 2, 2:] - image[k : k + height - 2, :-2]) for k, b in enumerate(blur))
    down = sum(b * (image[2:, k : k + width - 2] - image[:-2, k : k + width - 2]) for k, b in enumerate(blur))
    return across, down


def sobel_magnitude(image):
    """The length of Sobel's gradient wherever the kernel lies inside: (H, W) -> (H − 2, W − 2)."""
    return np.hypot(*_gradient(image.astype(float)))


def _across_only(answer):
    """The same without the way down: each row for itself, blurred with its neighbours."""

    def across(image):
        image = image.astype(float)
        blurred = (image[:-2] + 2 * image[1:-1] + image[2:]) / 4
        return np.stack([answer(np.tile(row, (3, 1)))[0] for row in blurred])

    return across


_ROWS, _COLUMNS = np.indices((5, 7))
_PICTURE = np.array(
    [[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8], [9, 7, 9, 3, 2, 3], [8, 4, 6, 2, 6, 4], [3, 3, 8, 3, 2, 7]], dtype=float
)

SOBEL_MAGNITUDE = Question(
    name="sobel_magnitude",
    reference=sobel_magnitude,
    cases=(
        Case("an upright edge", (np.where(_COLUMNS < 3, 0.0, 4.0),)),
        Case("a level edge", (np.where(_ROWS < 2, 5.0, 1.0),)),
        Case("a ramp that rises down and to the right", (3.0 * _COLUMNS + 4.0 * _ROWS,)),
        Case("a constant picture", (np.full((4, 5), 0.7),)),
        Case("a picture without any order", (_PICTURE,)),
        Case("the smallest picture", (_PICTURE[:3, 2:5].copy(),)),
        Case("an edge in bytes", (np.where(_COLUMNS > 3, 50, 210).astype(np.uint8),)),
        Case("bytes, which cannot hold what is negative", ((28 * _PICTURE[:4]).astype(np.uint8),)),
    ),
    misconceptions=(
        Misconception(
            "across-only",
            "You find upright edges only. The gradient has a second number, for the way down.",
            _across_only,
        ),
        Misconception(
            "down-only",
            "You find level edges only. The gradient has a second number, for the way across.",
            lambda answer: lambda image: _across_only(answer)(image.T).T,
        ),
        Misconception(
            "root-forgotten",
            "You return the square of the length.",
            lambda answer: lambda image: answer(image) ** 2,
        ),
        Misconception(
            "plain-weights",
            "Your blur has equal weights. Sobel's is 1, 2, 1: the middle counts twice.",
            lambda answer: lambda image: np.hypot(*_gradient(image.astype(float), middle=1)),
        ),
        Misconception(
            "slope",
            "Your values are an eighth of what they should be: you return the slope. Take the printed kernels.",
            lambda answer: lambda image: answer(image) / 8,
        ),
        Misconception(
            "zero-border",
            "Your result is as large as the picture, with zeros around it. Asked for are only the places where the "
            "kernel lies wholly inside.",
            lambda answer: lambda image: answer(np.pad(image, 1)),
        ),
    ),
)

# --- b. median_filter -------------------------------------------------------------------------------------------------


def _windows(image, size):
    padded = np.pad(image, size // 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))


def median_filter(image, size):
    """The median of the size × size window round each pixel; the border repeats the last pixel."""
    return np.median(_windows(image, size), axis=(2, 3))


def _unchanged_border(answer):
    def median(image, size):
        filtered, half = np.array(image, dtype=float), size // 2
        inside = (slice(half, len(image) - half), slice(half, image.shape[1] - half))
        filtered[inside] = answer(image, size)[inside]
        return filtered

    return median


def _zero_border(answer):
    def median(image, size):
        half = size // 2
        return answer(np.pad(image, half), size)[half : half + len(image), half : half + image.shape[1]]

    return median


def _rows_only(answer):
    return lambda image, size: np.concatenate([answer(row[None], size) for row in image])


MEDIAN_FILTER = Question(
    name="median_filter",
    reference=median_filter,
    cases=(
        Case("one white pixel", (np.where((_ROWS == 2) & (_COLUMNS == 3), 1.0, 0.25), 3)),
        Case("one white pixel in a corner", (np.where((_ROWS == 0) & (_COLUMNS == 0), 9.0, 1.0), 3)),
        Case("a picture without any order", (_PICTURE, 3)),
        Case("a window of 5 × 5", (_PICTURE, 5)),
        Case("more columns than rows", (np.tile(_PICTURE[:3], 2) + 0.5, 3)),
        Case("a window of one pixel", (_PICTURE[:2], 1)),
    ),
    misconceptions=(
        Misconception(
            "mean-instead",
            "You take the mean of the window. The median is the value in the middle, once they are sorted.",
            lambda answer: lambda image, size: _windows(image, size).mean(axis=(2, 3)),
        ),
        Misconception(
            "zero-border",
            "Your windows see zeros beyond the border. Repeat the last pixel instead.",
            _zero_border,
        ),
        Misconception(
            "border-unchanged",
            "You leave the pixels at the border as they are.",
            _unchanged_border,
        ),
        Misconception(
            "one-after-the-other",
            "You take medians of rows and then of columns. A median is not separable: sort the whole window at once.",
            lambda answer: lambda image, size: _rows_only(answer)(_rows_only(answer)(image, size).T, size).T,
        ),
        Misconception(
            "size-each-way",
            "Your window reaches size pixels each way. The size is its whole width.",
            lambda answer: lambda image, size: answer(image, 2 * size + 1),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda image, size: np.trunc(answer(image, size)),
        ),
        Misconception(
            "always-three",
            "Your window is 3 × 3 whatever the size is.",
            lambda answer: lambda image, size: answer(image, 3),
        ),
    ),
)

# --- c. haar_step -----------------------------------------------------------------------------------------------------


def haar_step(x):
    """One step of Haar's filter bank: (L,) -> (2, L/2), approximations and details."""
    return np.stack([x[::2] + x[1::2], x[::2] - x[1::2]]) / np.sqrt(2)


_SIGNAL = np.array([4.0, 2.0, 5.0, 5.0, -1.0, 3.0, 0.5, 7.0])


def _halves(answer):
    return lambda x: answer(x.reshape(2, -1).T.ravel())


HAAR_STEP = Question(
    name="haar_step",
    reference=haar_step,
    cases=(
        Case("the chapter's example", (np.array([4.0, 2.0, 5.0, 5.0]),)),
        Case("a single pair", (np.array([1.0, -3.0]),)),
        Case("eight numbers", (_SIGNAL,)),
        Case("a constant signal", (np.full(6, 2.0),)),
        Case("a ramp", (np.arange(6.0),)),
        Case("up and down", (np.array([1.0, -1.0, 1.0, -1.0]),)),
    ),
    misconceptions=(
        Misconception(
            "not-scaled",
            "Your coefficients are too large by one factor: the sum of squares must stay what it was.",
            lambda answer: lambda x: answer(x) * np.sqrt(2),
        ),
        Misconception(
            "mean-and-half",
            "Your coefficients are too small by one factor: the sum of squares must stay what it was.",
            lambda answer: lambda x: answer(x) / np.sqrt(2),
        ),
        Misconception(
            "difference-reversed",
            "Your details have the wrong sign: the first of the pair minus the second.",
            lambda answer: lambda x: answer(x) * np.array([[1.0], [-1.0]]),
        ),
        Misconception(
            "details-first",
            "Approximations and details are swapped.",
            lambda answer: lambda x: answer(x)[::-1],
        ),
        Misconception(
            "overlapping-pairs",
            "Your pairs overlap. The kernels move by two places, so that each number belongs to one pair.",
            lambda answer: lambda x: np.stack([x[:-1] + x[1:], x[:-1] - x[1:]]) / np.sqrt(2),
        ),
        Misconception(
            "distant-pairs",
            "You pair the first half of the signal with the second. A pair are two neighbours.",
            _halves,
        ),
        Misconception(
            "absolute-details",
            "Your details have lost their signs.",
            lambda answer: lambda x: np.stack([answer(x)[0], np.abs(answer(x)[1])]),
        ),
    ),
)

# --- d. haar_inverse --------------------------------------------------------------------------------------------------


def haar_inverse(coefficients):
    """Undo :func:`haar_step`: (2, L/2) -> (L,)."""
    a, d = coefficients
    return np.stack([a + d, a - d], axis=1).ravel() / np.sqrt(2)


HAAR_INVERSE = Question(
    name="haar_inverse",
    reference=haar_inverse,
    cases=(
        Case("the chapter's example", (haar_step(np.array([4.0, 2.0, 5.0, 5.0])),)),
        Case("a single pair", (np.array([[3.0], [1.0]]),)),
        Case("eight numbers", (haar_step(_SIGNAL),)),
        Case("no details", (np.array([[2.0, 0.5, 7.0], [0.0, 0.0, 0.0]]),)),
        Case("only details", (np.array([[0.0, 0.0], [1.0, -4.0]]),)),
    ),
    misconceptions=(
        Misconception(
            "not-interleaved",
            "You put all first numbers of the pairs before all second ones. They belong side by side.",
            lambda answer: lambda c: answer(c).reshape(-1, 2).T.ravel(),
        ),
        Misconception(
            "pair-reversed",
            "The two numbers of each pair are swapped: the sum is the first one.",
            lambda answer: lambda c: answer(c).reshape(-1, 2)[:, ::-1].ravel(),
        ),
        Misconception(
            "not-scaled",
            "Your numbers are too large by one factor. The way back has the same factor as the way there.",
            lambda answer: lambda c: answer(c) * np.sqrt(2),
        ),
        Misconception(
            "halved",
            "Your numbers are too small by one factor. The way back has the same factor as the way there.",
            lambda answer: lambda c: answer(c) / np.sqrt(2),
        ),
        Misconception(
            "details-ignored",
            "Your result does not depend on the details.",
            lambda answer: lambda c: answer(c * np.array([[1.0], [0.0]])),
        ),
        Misconception(
            "details-first",
            "You take the details for the approximations, and the other way round.",
            lambda answer: lambda c: answer(c[::-1]),
        ),
        Misconception(
            "left-as-rows",
            "Your pairs stand in a table. Asked for is one row of numbers.",
            lambda answer: lambda c: answer(c).reshape(-1, 2),
        ),
    ),
)

# --- e. keep_largest --------------------------------------------------------------------------------------------------


def keep_largest(coefficients, fraction):
    """Keep the given fraction of all entries, those largest in absolute value; the others become 0."""
    count = round(fraction * coefficients.size)
    order = np.argsort(-np.abs(coefficients), axis=None, kind="stable")
    kept = np.zeros(coefficients.shape)
    kept.flat[order[:count]] = coefficients.flat[order[:count]]
    return kept


def _signed(answer):
    """Choose after a shift that makes all numbers positive."""
    return lambda c, fraction: np.where(answer(c - c.min() + 1.0, fraction) != 0, c, 0.0)


def _smallest(answer):
    return lambda c, fraction: c - answer(c, 1 - round(fraction * c.size) / c.size)


_COEFFICIENTS = np.array(
    [[9.0, -7.5, 0.5, 2.0, 0.1], [-3.0, 6.0, -0.25, -8.0, 4.0], [0.75, -1.0, 5.5, 0.3, -0.6]], dtype=float
)

KEEP_LARGEST = Question(
    name="keep_largest",
    reference=keep_largest,
    cases=(
        Case("half of four", (np.array([9.0, -7.0, 0.5, 2.0]), 0.5)),
        Case("a third of a table", (_COEFFICIENTS, 1 / 3)),
        Case("a fifth of a table", (_COEFFICIENTS.T.copy(), 0.2)),
        Case("rounded to the nearest number", (_COEFFICIENTS, 0.48)),
        Case("all of them", (_COEFFICIENTS, 1.0)),
        Case("none of them", (_COEFFICIENTS, 0.0)),
        Case("so few that it is none", (np.array([3.0, -1.0, 2.0]), 0.1)),
        Case("whole numbers", (np.array([3, -5, 1, 2, -4, 6]), 0.5)),
    ),
    misconceptions=(
        Misconception(
            "signs-count",
            "You keep what is largest with its sign. A coefficient of −8 says more than one of 2.",
            _signed,
        ),
        Misconception(
            "smallest-kept",
            "You keep the smallest.",
            _smallest,
        ),
        Misconception(
            "fraction-removed",
            "You remove the fraction that is to be kept.",
            lambda answer: lambda c, fraction: answer(c, 1 - fraction),
        ),
        Misconception(
            "signs-lost",
            "You return absolute values. What is kept is kept as it is.",
            lambda answer: lambda c, fraction: np.abs(answer(c, fraction)),
        ),
        Misconception(
            "row-by-row",
            "You choose in each row for itself. Choose among all entries: one row may hold nothing that is worth "
            "keeping.",
            lambda answer: (
                lambda c, fraction: (
                    np.stack([answer(row, fraction) for row in c]) if c.ndim == 2 else answer(c, fraction)
                )
            ),
        ),
        Misconception(
            "none-is-all",
            "Where none is to be kept you keep all: x[-0:] is everything.",
            lambda answer: lambda c, fraction: answer(c, fraction if round(fraction * c.size) else 1.0),
        ),
        Misconception(
            "rounded-up",
            "You keep one too many where the fraction does not give a whole number. Round to the nearest.",
            lambda answer: lambda c, fraction: answer(c, np.ceil(round(fraction * c.size, 9)) / c.size),
        ),
        Misconception(
            "flattened",
            "Your result has lost the shape of the table.",
            lambda answer: lambda c, fraction: answer(c, fraction).ravel(),
        ),
    ),
)

EXERCISE = Exercise(
    number="02",
    name="filters",
    questions=(SOBEL_MAGNITUDE, MEDIAN_FILTER, HAAR_STEP, HAAR_INVERSE, KEEP_LARGEST),
    allowed=("numpy", "matplotlib"),
)
