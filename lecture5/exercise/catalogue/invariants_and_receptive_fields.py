"""Exercise 8, invariants: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. relative_move -------------------------------------------------------------------------------------------------


def _flat(features):
    return np.asarray(features, dtype=float).reshape(len(features), -1)


def _distances(features):
    """The Euclidean distance between each two of them, (N, N)."""
    flat = _flat(features)
    return np.linalg.norm(flat[:, None] - flat, axis=2)


def _moves(before, after):
    return np.linalg.norm(_flat(after) - _flat(before), axis=1)


def relative_move(before, after):
    """How far each image moved, in units of the mean distance between two images: (N, ...), (N, ...) -> (N,)."""
    return _moves(before, after) / _yardstick(before)


def _yardstick(before, power=1):
    """The mean of the distances between two different images, each to this power."""
    return (_distances(before) ** power).sum() / (len(before) * (len(before) - 1))


_BEFORE = np.array([[0.0, 0.0, 1.0], [3.0, 4.0, 1.0], [2.0, -1.0, 6.0], [-1.0, 2.5, 0.5]])
_AFTER = _BEFORE + np.array([[0.0, 2.0, 0.0], [1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [0.5, -2.0, 3.0]])
_MAPS = (np.arange(36.0) ** 2 % 13).reshape(3, 3, 2, 2)

RELATIVE_MOVE = Question(
    name="relative_move",
    reference=relative_move,
    cases=(
        Case("two images", (np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 6.0]]))),
        Case("four images", (_BEFORE, _AFTER)),
        Case("feature maps", (_MAPS, np.roll(_MAPS, 1, axis=3) + 0.5)),
        Case("nothing moves", (_BEFORE, _BEFORE.copy())),
        Case("a large part in common", (_BEFORE + 100.0, _AFTER + 100.0)),
    ),
    misconceptions=(
        Misconception(
            "own-length",
            "You divide by the length of the features themselves. Asked for is the distance between two images.",
            lambda answer: (
                lambda before, after: _moves(before, after) / np.linalg.norm(_flat(before), axis=1).clip(1e-9)
            ),
        ),
        Misconception(
            "pairs-with-itself",
            "Your mean distance counts each image's distance to itself, which is 0.",
            lambda answer: lambda before, after: answer(before, after) * len(before) / (len(before) - 1),
        ),
        Misconception(
            "squared",
            "You compare squared distances: take the root of each, before the mean.",
            lambda answer: (
                lambda before, after: answer(before, after) ** 2 * _yardstick(before) ** 2 / _yardstick(before, 2)
            ),
        ),
        Misconception(
            "mean-over-images",
            "You return the mean of all moves for every image. Asked for is one number for each.",
            lambda answer: lambda before, after: np.full(len(before), answer(before, after).mean()),
        ),
        Misconception(
            "after-as-yardstick",
            "Your yardstick is the distance between the changed images. It should be that between the images before.",
            lambda answer: lambda before, after: answer(after, before),
        ),
        Misconception(
            "not-divided",
            "You return how far each image moved, not yet divided by the mean distance of two images.",
            lambda answer: lambda before, after: answer(before, after) * _yardstick(before),
        ),
        Misconception(
            "pairs-counted-twice",
            "Your values are half of what they should be: two images make one pair, or, counted both ways, two.",
            lambda answer: lambda before, after: answer(before, after) / 2,
        ),
    ),
)

# --- b. first_order ---------------------------------------------------------------------------------------------------


def _filtered(x, response):
    """Convolve, round and round, with the filter that has this frequency response."""
    return np.fft.ifft2(np.fft.fft2(x) * response)


def first_order(x, psi, phi, step):
    """|x ∗ ψ| ∗ φ at every step-th row and column: (H, W) -> (H / step, W / step)."""
    return _filtered(np.abs(_filtered(x, psi)), phi).real[::step, ::step]


def _ones(response):
    """The response of the filter that changes nothing."""
    return np.ones_like(response)


def _turned(response):
    """The response at −ω; the mean of both belongs to the real part of the filter."""
    return np.roll(response[::-1, ::-1], (1, 1), axis=(0, 1))


def _first_linear(answer):
    """The same without the modulus: on an image lifted so far that the modulus changes nothing, lowered afterwards."""

    def without(x, psi, phi, step):
        real = (psi + _turned(psi)) / 2
        lift = 1 + np.abs(_filtered(x, real)).max() + np.abs(x).max()
        real[0, 0] = 1
        return answer(x + lift, real, phi, step) - (lift + x.mean() * (1 - psi[0, 0])) * phi[0, 0]

    return without


def _wave(shape, across, down, width):
    """The frequency response of a wavelet: a bell round one frequency, given in turns over the image; 0 at ω = 0."""
    rows, columns = (np.fft.fftfreq(size, 1 / size) for size in shape)
    bell = np.exp(-((columns - across) ** 2 + (rows[:, None] - down) ** 2) / (2 * width**2))
    bell[0, 0] = 0
    return bell


def _blur(shape, width):
    rows, columns = (np.fft.fftfreq(size, 1 / size) for size in shape)
    return np.exp(-(columns**2 + rows[:, None] ** 2) / (2 * width**2))


_ROWS, _COLUMNS = np.indices((8, 12))
_IMAGE = ((3 * _ROWS**2 + 5 * _COLUMNS + _ROWS * _COLUMNS) % 7).astype(float)
_EDGE = np.where(_COLUMNS < 5, 0.0, 2.0)
_PSI, _PSI_2, _PHI = _wave((8, 12), 4, 1, 1.5), _wave((8, 12), 1.5, -1, 1.0), _blur((8, 12), 1.2)

FIRST_ORDER = Question(
    name="first_order",
    reference=first_order,
    cases=(
        Case("no order at all", (_IMAGE, _PSI, _PHI, 4)),
        Case("every pixel kept", (_IMAGE, _PSI, _PHI, 1)),
        Case("an upright edge", (_EDGE, _wave((8, 12), 3, 0, 1.5), _PHI, 2)),
        Case("a constant image", (np.full((8, 12), 3.0), _PSI, _PHI, 4)),
        Case("one bright pixel", (np.where((_ROWS == 5) & (_COLUMNS == 2), 1.0, 0.0), _PSI_2, _PHI, 2)),
        Case("more rows than columns", (_IMAGE.T.copy(), _PSI_2.T.copy(), _PHI.T.copy(), 2)),
    ),
    misconceptions=(
        Misconception(
            "modulus-forgotten",
            "The modulus is missing: without it the blur wipes out the wave, and next to nothing is left.",
            _first_linear,
        ),
        Misconception(
            "blur-before-modulus",
            "You take the modulus after the blur. It has to come between the two filters.",
            lambda answer: lambda x, psi, phi, step: answer(x, psi * phi, _ones(phi), step),
        ),
        Misconception(
            "real-part-only",
            "You take the absolute value of the real part. The modulus of a complex number needs both parts.",
            lambda answer: lambda x, psi, phi, step: answer(x, (psi + _turned(psi)) / 2, phi, step),
        ),
        Misconception(
            "squared-modulus",
            "You blur the square of the modulus.",
            lambda answer: lambda x, psi, phi, step: answer(answer(x, psi, _ones(phi), 1) ** 2, _ones(psi), phi, step),
        ),
        Misconception(
            "not-blurred",
            "The blur with phi is missing.",
            lambda answer: lambda x, psi, phi, step: answer(x, psi, _ones(phi), step),
        ),
        Misconception(
            "all-pixels-kept",
            "You keep every pixel. Keep every step-th row and column.",
            lambda answer: lambda x, psi, phi, step: answer(x, psi, phi, 1),
        ),
        Misconception(
            "averaged-blocks",
            "You average blocks of step × step pixels. The blur has done that already: keep the first pixel of each.",
            lambda answer: (
                lambda x, psi, phi, step: (
                    answer(x, psi, phi, 1).reshape(x.shape[0] // step, step, x.shape[1] // step, step).mean(axis=(1, 3))
                )
            ),
        ),
        Misconception(
            "space-for-frequency",
            "You transform psi and phi once more. They are frequency responses already: multiply.",
            lambda answer: lambda x, psi, phi, step: answer(x, np.fft.fft2(psi), np.fft.fft2(phi), step),
        ),
    ),
)

# --- c. second_order --------------------------------------------------------------------------------------------------


def second_order(x, psi_1, psi_2, phi, step):
    """||x ∗ ψ₁| ∗ ψ₂| ∗ φ at every step-th row and column: (H, W) -> (H / step, W / step)."""
    envelope = np.abs(_filtered(x, psi_1))
    return _filtered(np.abs(_filtered(envelope, psi_2)), phi).real[::step, ::step]


def _second_linear(answer):
    """The same without the outer modulus: as :func:`_first_linear`, with the envelope in the image's place."""

    def without(x, psi_1, psi_2, phi, step):
        envelope = answer(x, psi_1, _ones(psi_2), _ones(phi), 1)
        real = (psi_2 + _turned(psi_2)) / 2
        mean = envelope.mean()
        lift = (1 + np.abs(_filtered(envelope, real)).max()) / max(mean, 1e-9)
        real[0, 0] += lift
        return answer(x, psi_1, real, phi, step) - lift * mean * phi[0, 0]

    return without


SECOND_ORDER = Question(
    name="second_order",
    reference=second_order,
    cases=(
        Case("no order at all", (_IMAGE, _PSI, _PSI_2, _PHI, 4)),
        Case("every pixel kept", (_IMAGE, _PSI, _PSI_2, _PHI, 1)),
        Case("an upright edge", (_EDGE, _wave((8, 12), 3, 0, 1.5), _wave((8, 12), 1.5, 0, 1.0), _PHI, 2)),
        Case("a constant image", (np.full((8, 12), 3.0), _PSI, _PSI_2, _PHI, 4)),
        Case("more rows than columns", (_IMAGE.T.copy(), _PSI.T.copy(), _PSI_2.T.copy(), _PHI.T.copy(), 2)),
    ),
    misconceptions=(
        Misconception(
            "inner-modulus-missing",
            "The modulus between the two wavelets is missing. Without it the two are one filter, which lets pass only "
            "what both let pass.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_1 * psi_2, _ones(psi_2), phi, step),
        ),
        Misconception(
            "outer-modulus-missing",
            "The modulus after the second wavelet is missing.",
            _second_linear,
        ),
        Misconception(
            "wavelets-swapped",
            "You use the second wavelet first.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_2, psi_1, phi, step),
        ),
        Misconception(
            "first-order-only",
            "Your result does not depend on the second wavelet.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_1, _ones(psi_2), phi, step),
        ),
        Misconception(
            "first-wavelet-ignored",
            "Your result does not depend on the first wavelet: the second layer filters the image, not the envelope.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, _ones(psi_1), psi_2, phi, step),
        ),
        Misconception(
            "blurred-between",
            "You blur before the second wavelet. What it looks for is just what the blur takes away.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_1, psi_2 * phi, phi, step),
        ),
        Misconception(
            "not-blurred",
            "The blur at the end is missing.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_1, psi_2, _ones(phi), step),
        ),
        Misconception(
            "all-pixels-kept",
            "You keep every pixel. Keep every step-th row and column.",
            lambda answer: lambda x, psi_1, psi_2, phi, step: answer(x, psi_1, psi_2, phi, 1),
        ),
    ),
)

# --- d. count_channels ------------------------------------------------------------------------------------------------


def count_channels(scales, orientations):
    """How many channels a scattering transform has of order 0, 1 and 2: an array of three whole numbers."""
    return np.array([1, scales * orientations, orientations**2 * scales * (scales - 1) // 2])


COUNT_CHANNELS = Question(
    name="count_channels",
    reference=count_channels,
    cases=(
        Case("two scales, eight directions", (2, 8)),
        Case("three scales, six directions", (3, 6)),
        Case("one scale", (1, 5)),
        Case("five scales, four directions", (5, 4)),
        Case("one direction", (4, 1)),
    ),
    misconceptions=(
        Misconception(
            "any-second-scale",
            "You count all pairs of wavelets. The second must have a coarser scale than the first.",
            lambda answer: (
                lambda scales, orientations: (
                    answer(scales, orientations) * [1, 1, 0] + [0, 0, (scales * orientations) ** 2]
                )
            ),
        ),
        Misconception(
            "equal-scales-too",
            "You also count pairs of the same scale. The second must be coarser: j₁ < j₂.",
            lambda answer: (
                lambda scales, orientations: (
                    answer(scales, orientations) * [1, 1, 0] + [0, 0, orientations**2 * scales * (scales + 1) // 2]
                )
            ),
        ),
        Misconception(
            "one-direction",
            "You count only pairs with the same direction. Each of the two wavelets has a direction of its own.",
            lambda answer: lambda scales, orientations: answer(scales, orientations) // [1, 1, orientations],
        ),
        Misconception(
            "different-directions",
            "You leave out pairs with the same direction. They count.",
            lambda answer: (
                lambda scales, orientations: (
                    answer(scales, orientations) - [0, 0, orientations * scales * (scales - 1) // 2]
                )
            ),
        ),
        Misconception(
            "order-zero-missing",
            "Order 0 is missing: the blurred image itself is a channel.",
            lambda answer: lambda scales, orientations: answer(scales, orientations) * [0, 1, 1],
        ),
        Misconception(
            "summed-up",
            "You count the channels up to each order. Asked for are those of exactly this order.",
            lambda answer: lambda scales, orientations: np.cumsum(answer(scales, orientations)),
        ),
    ),
)

# --- e. ridge_scores --------------------------------------------------------------------------------------------------


def ridge_scores(features, labels, test_features, penalty):
    """Scores of each class by a linear map with the least penalised squared error: (N, D), (N,), (M, D) -> (M, K)."""
    targets = np.eye(labels.max() + 1)[labels]
    mean, mean_target = features.mean(axis=0), targets.mean(axis=0)
    x = features - mean
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (targets - mean_target))
    return (test_features - mean) @ weights + mean_target


def _without_centring(features, labels, test_features, penalty):
    targets = np.eye(labels.max() + 1)[labels]
    weights = np.linalg.solve(features.T @ features + penalty * np.eye(features.shape[1]), features.T @ targets)
    return test_features @ weights


def _own_mean(answer):
    """Centre the test features by their own mean."""

    def scores(features, labels, test_features, penalty):
        return answer(features, labels, test_features - test_features.mean(axis=0) + features.mean(axis=0), penalty)

    return scores


_X = (np.arange(24.0) ** 2 % 11).reshape(8, 3) + np.array([5.0, 0.0, -2.0])
_LABELS = np.array([0, 2, 1, 1, 0, 2, 2, 1])
_X_TEST = np.array([[6.0, 1.0, 0.5], [9.0, 4.0, 3.0], [12.0, 8.0, 1.0]])

RIDGE_SCORES = Question(
    name="ridge_scores",
    reference=ridge_scores,
    cases=(
        Case("three classes", (_X, _LABELS, _X_TEST, 1.0)),
        Case("a small penalty", (_X, _LABELS, _X_TEST, 1e-3)),
        Case("a huge penalty", (_X, _LABELS, _X_TEST, 1e6)),
        Case("one test image", (_X, _LABELS, _X_TEST[:1], 4.0)),
        Case("more features than images", (_X.T[:, :6].copy(), np.array([1, 0, 1]), _X.T[:2, 2:].copy(), 2.0)),
    ),
    misconceptions=(
        Misconception(
            "no-bias",
            "A constant part is missing: with a huge penalty your scores go to 0, not to how frequent each class is.",
            lambda answer: _without_centring,
        ),
        Misconception(
            "test-mean",
            "You take out the mean of the test features. What is right for one image must not depend on the others.",
            _own_mean,
        ),
        Misconception(
            "penalty-ignored",
            "Your scores do not depend on the penalty.",
            lambda answer: lambda features, labels, test, penalty: answer(features, labels, test, 1e-6),
        ),
        Misconception(
            "penalty-times-n",
            "Your penalty is multiplied by the number of images.",
            lambda answer: (
                lambda features, labels, test, penalty: answer(features, labels, test, penalty * len(labels))
            ),
        ),
        Misconception(
            "labels-as-numbers",
            "You fit the number of the class. Class 2 is not twice class 1: give each class a target of its own.",
            lambda answer: (
                lambda features, labels, test, penalty: (
                    answer(features, labels, test, penalty) @ np.arange(labels.max() + 1)
                )
            ),
        ),
        Misconception(
            "transposed",
            "Your table has a row for each class. Asked for is a row for each image.",
            lambda answer: lambda features, labels, test, penalty: answer(features, labels, test, penalty).T,
        ),
        Misconception(
            "plus-minus-one",
            "Your targets are 1 and -1. Asked for are 1 for the class and 0 for the others.",
            lambda answer: lambda features, labels, test, penalty: 2 * answer(features, labels, test, penalty) - 1,
        ),
    ),
)

EXERCISE = Exercise(
    number="08",
    name="invariants-and-receptive-fields",
    questions=(RELATIVE_MOVE, FIRST_ORDER, SECOND_ORDER, COUNT_CHANNELS, RIDGE_SCORES),
    allowed=("numpy", "matplotlib"),
)
