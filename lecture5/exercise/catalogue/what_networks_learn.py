"""Exercise 9, what networks learn: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. unpool_with_switches ------------------------------------------------------------------------------------------


def unpool_with_switches(y, switches, height, width):
    """Put each value where its switch points, add where two meet: (C, h, w), (C, h, w) -> (C, height, width)."""
    down = np.zeros((len(y), height * width))
    for channel, values, places in zip(down, y, switches, strict=True):
        np.add.at(channel, places.ravel(), values.ravel())
    return down.reshape(len(y), height, width)


def _last_one_wins(answer):
    """Overwrite where two meet, by giving each place its last value only."""

    def unpool(y, switches, height, width):
        kept = np.zeros_like(y, dtype=float)
        for channel in range(len(y)):
            last = {place: index for index, place in enumerate(switches[channel].ravel())}
            for index in last.values():
                kept[channel].flat[index] = y[channel].flat[index]
        return answer(kept, switches, height, width)

    return unpool


def _first_switches(answer):
    return lambda y, switches, height, width: answer(y, np.repeat(switches[:1], len(y), axis=0), height, width)


_Y = np.array([[[5.0, 9.0], [7.0, 2.0]], [[1.0, 4.0], [3.0, 6.0]]])
_SWITCHES = np.array([[[1, 7], [10, 14]], [[5, 2], [15, 20]]])  # cells of a 4 × 6 map
_OVERLAPPING = np.array([[[8, 8], [10, 8]], [[8, 3], [17, 17]]])

UNPOOL_WITH_SWITCHES = Question(
    name="unpool_with_switches",
    reference=unpool_with_switches,
    cases=(
        Case("the chapter's example", (np.array([[[5.0, 9.0]]]), np.array([[[1, 7]]]), 2, 4)),
        Case("two channels", (_Y, _SWITCHES, 4, 6)),
        Case("taller than wide", (_Y, _SWITCHES, 8, 3)),
        Case("windows that overlap", (_Y, _OVERLAPPING, 4, 5)),
        Case("negative values", (-_Y, _SWITCHES, 4, 6)),
        Case("both, in one column", (_Y - 4, _OVERLAPPING, 18, 1)),
    ),
    misconceptions=(
        Misconception(
            "last-one-wins",
            "Where two windows had the same largest cell, one value overwrites the other. They should be added.",
            _last_one_wins,
        ),
        Misconception(
            "columns-first",
            "You count the cells down the columns. A switch counts along the rows: row times width plus column.",
            lambda answer: lambda y, switches, height, width: answer(y, switches, width, height).swapaxes(1, 2),
        ),
        Misconception(
            "one-map-of-switches",
            "You use the switches of the first channel for all. Each channel has its own.",
            _first_switches,
        ),
        Misconception(
            "off-by-one",
            "Your values are one cell too far to the left: places are counted from 0.",
            lambda answer: (
                lambda y, switches, height, width: np.roll(
                    answer(y, switches, height, width).reshape(len(y), -1), -1, axis=1
                ).reshape(len(y), height, width)
            ),
        ),
        Misconception(
            "ones",
            "You mark the places, but lose the values.",
            lambda answer: lambda y, switches, height, width: answer(np.ones_like(y), switches, height, width),
        ),
        Misconception(
            "rectified",
            "Negative values have become 0. Unpooling moves values; it does not change them.",
            lambda answer: lambda y, switches, height, width: answer(np.maximum(y, 0), switches, height, width),
        ),
        Misconception(
            "transposed-map",
            "Your map has rows and columns swapped.",
            lambda answer: lambda y, switches, height, width: answer(y, switches, height, width).swapaxes(1, 2),
        ),
    ),
)

# --- b. deconv_step ---------------------------------------------------------------------------------------------------


def deconv_step(down, w, padding):
    """A ReLU, then the transposed convolution: (C_out, H, W), (C_out, C_in, kh, kw) -> (C_in, ...)."""
    down = np.maximum(down, 0)
    height, width = down.shape[1:]
    in_channels, rows, columns = w.shape[1:]
    canvas = np.zeros((in_channels, height + rows - 1, width + columns - 1))
    for i, j in np.ndindex(height, width):
        canvas[:, i : i + rows, j : j + columns] += np.tensordot(down[:, i, j], w, axes=1)
    return canvas[:, padding : canvas.shape[1] - padding, padding : canvas.shape[2] - padding]


def _without_relu(answer):
    return lambda down, w, padding: answer(np.maximum(down, 0), w, padding) - answer(np.maximum(-down, 0), w, padding)


_DOWN = (np.arange(24.0) ** 2 % 7).reshape(2, 3, 4) - 2
_W = (np.arange(54.0) ** 2 % 11).reshape(2, 3, 3, 3) / 5 - 1
_SINGLE = np.where(np.arange(24).reshape(2, 3, 4) == 17, 2.0, 0.0)

DECONV_STEP = Question(
    name="deconv_step",
    reference=deconv_step,
    cases=(
        Case("one activation", (_SINGLE, _W, 0)),
        Case("one activation, padding 1", (_SINGLE, _W, 1)),
        Case("negative ones too", (_DOWN, _W, 1)),
        Case("no padding", (_DOWN, _W, 0)),
        Case("a kernel that is not square", (_DOWN, _W[..., :2].copy(), 0)),
        Case("one channel below", (_DOWN, _W[:, 1:2].copy(), 1)),
    ),
    misconceptions=(
        Misconception(
            "no-relu",
            "What is negative must not go down: the ReLU is missing.",
            _without_relu,
        ),
        Misconception(
            "relu-last",
            "There is a ReLU on your result. It belongs before the convolution; the next step down brings its own.",
            lambda answer: lambda down, w, padding: np.maximum(answer(down, w, padding), 0),
        ),
        Misconception(
            "kernel-turned",
            "Your kernels are turned by half a turn: each activation stamps its kernel as it is.",
            lambda answer: lambda down, w, padding: answer(down, w[:, :, ::-1, ::-1], padding),
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding: cut its cells off again.",
            lambda answer: lambda down, w, padding: answer(down, w, 0),
        ),
        Misconception(
            "padding-once",
            "You cut the padding off on one side only.",
            lambda answer: lambda down, w, padding: answer(down, w, 0)[:, padding:, padding:],
        ),
        Misconception(
            "one-channel-stamped",
            "Only the first of the upper channels goes down. All of them do, and are added.",
            lambda answer: lambda down, w, padding: answer(down[:1], w[:1], padding),
        ),
        Misconception(
            "kernel-transposed",
            "Your kernels have rows and columns swapped.",
            lambda answer: lambda down, w, padding: answer(down.swapaxes(1, 2), w, padding).swapaxes(1, 2),
        ),
    ),
)

# --- c. covered_probability -------------------------------------------------------------------------------------------


def covered_probability(image, w, bias, target, size, fill):
    """P(target) for each place where a square can cover the image: (H, W), (K, H, W), (K,) -> (rows, columns)."""
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    probability = np.zeros((rows, columns))
    for i, j in np.ndindex(rows, columns):
        covered = np.array(image, dtype=float)
        covered[i : i + size, j : j + size] = fill
        scores = np.sum(w * covered, axis=(1, 2)) + bias
        scores = np.exp(scores - scores.max())
        probability[i, j] = scores[target] / scores.sum()
    return probability


def _uncovered(image, w, bias, target):
    """P(target) of the image as it is."""
    return covered_probability(image, w, bias, target, 1, image[0, 0])[0, 0]


_IMAGE = np.array(
    [[0.0, 0.0, 2.0, 0.0, 0.0], [0.0, 1.0, 3.0, 0.5, 0.0], [0.5, 0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0]]
)
_TEMPLATES = ((np.arange(60.0) ** 2 + 3 * np.arange(60)) % 9).reshape(3, 4, 5) / 20 - 0.2
_BIAS = np.array([0.2, -0.1, 0.5])

COVERED_PROBABILITY = Question(
    name="covered_probability",
    reference=covered_probability,
    cases=(
        Case("a square of 2", (_IMAGE, _TEMPLATES, _BIAS, 0, 2, 0.0)),
        Case("another class", (_IMAGE, _TEMPLATES, _BIAS, 2, 2, 0.0)),
        Case("a square of 3, covered grey", (_IMAGE, _TEMPLATES, _BIAS, 1, 3, 0.7)),
        Case("one pixel", (_IMAGE, _TEMPLATES, _BIAS, 1, 1, 0.0)),
        Case("taller than wide", (_IMAGE.T.copy(), _TEMPLATES.swapaxes(1, 2).copy(), _BIAS, 0, 2, 0.25)),
        Case("an empty image", (np.zeros((4, 5)), _TEMPLATES, _BIAS, 2, 2, 0.0)),
    ),
    misconceptions=(
        Misconception(
            "image-stays-covered",
            "The squares pile up: cover a fresh copy of the image each time.",
            lambda answer: _piled_up,
        ),
        Misconception(
            "fill-ignored",
            "You always cover with 0, whatever the fill is.",
            lambda answer: lambda image, w, bias, target, size, fill: answer(image, w, bias, target, size, 0.0),
        ),
        Misconception(
            "drop-instead",
            "You return how much the probability falls. Asked for is the probability itself.",
            lambda answer: (
                lambda image, w, bias, target, size, fill: (
                    _uncovered(image, w, bias, target) - answer(image, w, bias, target, size, fill)
                )
            ),
        ),
        Misconception(
            "no-bias",
            "The bias is missing.",
            lambda answer: lambda image, w, bias, target, size, fill: answer(image, w, 0 * bias, target, size, fill),
        ),
        Misconception(
            "only-the-square-seen",
            "You keep the square and cover the rest. It should be the other way round.",
            lambda answer: _only_the_square,
        ),
        Misconception(
            "one-place-short",
            "The last row and the last column of places are missing: there are H - size + 1 rows of them.",
            lambda answer: (
                lambda image, w, bias, target, size, fill: answer(image, w, bias, target, size, fill)[:-1, :-1]
            ),
        ),
        Misconception(
            "first-class",
            "You watch class 0, whatever the target is.",
            lambda answer: lambda image, w, bias, target, size, fill: answer(image, w, bias, 0, size, fill),
        ),
        Misconception(
            "places-transposed",
            "Your map has rows and columns swapped.",
            lambda answer: lambda image, w, bias, target, size, fill: answer(image, w, bias, target, size, fill).T,
        ),
    ),
)


def _piled_up(image, w, bias, target, size, fill):
    image = np.array(image, dtype=float)
    probability = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1))
    for i, j in np.ndindex(*probability.shape):
        image[i : i + size, j : j + size] = fill
        probability[i, j] = _uncovered(image, w, bias, target)
    return probability


def _only_the_square(image, w, bias, target, size, fill):
    probability = np.zeros((image.shape[0] - size + 1, image.shape[1] - size + 1))
    for i, j in np.ndindex(*probability.shape):
        rest = np.full(image.shape, float(fill))
        rest[i : i + size, j : j + size] = image[i : i + size, j : j + size]
        probability[i, j] = _uncovered(rest, w, bias, target)
    return probability


# --- d. nearest_labels ------------------------------------------------------------------------------------------------


def _distances(features, test_features):
    """(M, N): from each test item to each known one."""
    flat, test = (np.asarray(part, dtype=float).reshape(len(part), -1) for part in (features, test_features))
    return np.linalg.norm(test[:, None] - flat, axis=2)


def nearest_labels(features, labels, test_features):
    """The label of the nearest of the known items: (N, ...), (N,), (M, ...) -> (M,)."""
    return labels[_distances(features, test_features).argmin(axis=1)]


def _city_block(features, labels, test_features):
    flat, test = features.reshape(len(features), -1), test_features.reshape(len(test_features), -1)
    return labels[np.abs(test[:, None] - flat).sum(axis=2).argmin(axis=1)]


def _directions(features):
    flat = features.reshape(len(features), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-9)


def _class_means(answer):
    """The nearest mean of a class."""

    def nearest(features, labels, test_features):
        kinds = np.unique(labels)
        return answer(np.stack([features[labels == kind].mean(axis=0) for kind in kinds]), kinds, test_features)

    return nearest


_KNOWN = np.array([[0.5, 0.0], [9.0, 1.0], [4.0, 4.0], [-5.0, 3.0], [1.0, 7.0], [10.0, 10.0]])
_LABELS = np.array([2, 0, 1, 2, 0, 1])
_ASKED = np.array([[1.0, 1.5], [8.0, 3.0], [3.5, 6.5], [-2.0, 4.0], [6.5, 2.0], [0.5, 9.0], [5.1, -1.4], [30.0, 28.0]])
_MAPS = (np.arange(40.0) ** 2 % 17).reshape(5, 2, 2, 2)

NEAREST_LABELS = Question(
    name="nearest_labels",
    reference=nearest_labels,
    cases=(
        Case("points in the plane", (_KNOWN, _LABELS, _ASKED)),
        Case("between two of them", (_KNOWN, _LABELS, np.array([[4.7, 9.8], [7.8, 4.2], [-1.0, 3.8], [6.2, 2.2]]))),
        Case("a point far out", (_KNOWN, _LABELS, 20 * _ASKED[3:5])),
        Case("feature maps", (_MAPS, np.array([3, 1, 0, 1, 3]), np.roll(_MAPS, 1, axis=0)[:3] + 1.5)),
        Case("the known ones themselves", (_KNOWN, _LABELS, _KNOWN)),
        Case("one feature that is large", (_KNOWN * [1.0, 30.0], _LABELS, _ASKED * [1.0, 30.0])),
    ),
    misconceptions=(
        Misconception(
            "city-block",
            "You add absolute differences. The distance is Euclidean: the root of the sum of squares.",
            lambda answer: _city_block,
        ),
        Misconception(
            "cosine",
            "You compare directions. Two features can point the same way and be far apart.",
            lambda answer: lambda features, labels, test: answer(_directions(features), labels, _directions(test)),
        ),
        Misconception(
            "position-returned",
            "You return the position of the nearest item. Asked for is its label.",
            lambda answer: lambda features, labels, test: answer(features, np.arange(len(labels)), test),
        ),
        Misconception(
            "class-means",
            "You compare with the mean of each class. Compare with every single item.",
            _class_means,
        ),
        Misconception(
            "first-feature-only",
            "Only the first number of the features counts in your distance.",
            lambda answer: (
                lambda features, labels, test: answer(
                    features.reshape(len(features), -1)[:, :1], labels, test.reshape(len(test), -1)[:, :1]
                )
            ),
        ),
    ),
)

# --- e. ascent_step ---------------------------------------------------------------------------------------------------


def _variation_gradient(image):
    """The gradient of the sum of squared differences of neighbours: (H, W) -> (H, W)."""
    down, across = 2 * np.diff(image, axis=0), 2 * np.diff(image, axis=1)
    gradient = np.pad(down, ((1, 0), (0, 0))) - np.pad(down, ((0, 1), (0, 0)))
    return gradient + np.pad(across, ((0, 0), (1, 0))) - np.pad(across, ((0, 0), (0, 1)))


def ascent_step(image, gradient, rate, size_penalty, variation_penalty):
    """One step up: (H, W), (H, W), three numbers -> (H, W)."""
    penalty = size_penalty * 2 * image + variation_penalty * _variation_gradient(image)
    return image + rate * (gradient - penalty)


def _round_and_round(answer):
    """With neighbours across the border as well."""

    def step(image, gradient, rate, size_penalty, variation_penalty):
        wrapped = np.zeros(image.shape)
        wrapped[0] += 2 * (image[0] - image[-1])
        wrapped[-1] += 2 * (image[-1] - image[0])
        wrapped[:, 0] += 2 * (image[:, 0] - image[:, -1])
        wrapped[:, -1] += 2 * (image[:, -1] - image[:, 0])
        return answer(image, gradient - variation_penalty * wrapped, rate, size_penalty, variation_penalty)

    return step


_START = np.array([[1.0, 2.0, 0.0, 3.0], [0.0, -1.0, 4.0, 1.0], [2.0, 2.0, 5.0, -3.0]])
_GRADIENT = np.array([[0.5, -1.0, 0.0, 2.0], [1.0, 0.0, -0.5, 0.25], [0.0, 3.0, 1.0, -1.0]])

ASCENT_STEP = Question(
    name="ascent_step",
    reference=ascent_step,
    cases=(
        Case("no penalty", (_START, _GRADIENT, 0.5, 0.0, 0.0)),
        Case("size only", (_START, _GRADIENT, 0.5, 0.3, 0.0)),
        Case("variation only", (_START, _GRADIENT, 0.5, 0.0, 0.2)),
        Case("both", (_START, _GRADIENT, 0.1, 0.25, 0.4)),
        Case("a constant image, no gradient", (np.full((3, 5), 2.0), np.zeros((3, 5)), 1.0, 0.1, 0.7)),
        Case("taller than wide", (_START.T.copy(), _GRADIENT.T.copy(), 0.2, 0.1, 0.3)),
    ),
    misconceptions=(
        Misconception(
            "descent",
            "You go down. The objective is to grow.",
            lambda answer: lambda image, *rest: 2 * image - answer(image, *rest),
        ),
        Misconception(
            "penalties-added",
            "Your penalties make the image larger and rougher: they are taken from the objective.",
            lambda answer: (
                lambda image, gradient, rate, size, variation: answer(image, gradient, rate, -size, -variation)
            ),
        ),
        Misconception(
            "factor-two-missing",
            "Your penalties pull half as hard as they should. What is the derivative of a square?",
            lambda answer: (
                lambda image, gradient, rate, size, variation: answer(image, gradient, rate, size / 2, variation / 2)
            ),
        ),
        Misconception(
            "rate-on-gradient-only",
            "The step size stands before the objective's gradient only. It belongs before the penalties' as well.",
            lambda answer: (
                lambda image, gradient, rate, size, variation: answer(
                    image, gradient, rate, size / rate, variation / rate
                )
            ),
        ),
        Misconception(
            "size-ignored",
            "The penalty on the size is missing.",
            lambda answer: lambda image, gradient, rate, size, variation: answer(image, gradient, rate, 0.0, variation),
        ),
        Misconception(
            "variation-ignored",
            "The penalty on the differences is missing.",
            lambda answer: lambda image, gradient, rate, size, variation: answer(image, gradient, rate, size, 0.0),
        ),
        Misconception(
            "round-and-round",
            "Your neighbours go round: the last row and the first are no neighbours.",
            _round_and_round,
        ),
    ),
)

EXERCISE = Exercise(
    number="09",
    name="what-networks-learn",
    questions=(UNPOOL_WITH_SWITCHES, DECONV_STEP, COVERED_PROBABILITY, NEAREST_LABELS, ASCENT_STEP),
    allowed=("numpy", "matplotlib"),
)
