"""Exercise 5, feature maps and pooling: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. layer_cost ----------------------------------------------------------------------------------------------------


def _places(size, kernel_size, stride, padding):
    return (size + 2 * padding - kernel_size) // stride + 1


def layer_cost(in_channels, out_channels, kernel_size, height, width, stride, padding):
    """Count the parameters (with biases) and the multiply-adds of a convolution layer."""
    weights = out_channels * in_channels * kernel_size**2
    places = _places(height, kernel_size, stride, padding) * _places(width, kernel_size, stride, padding)
    return np.array([weights + out_channels, weights * places])


def _changed(parameters=lambda p, given: p, multiply_adds=lambda m, given: m):
    """Spoil one of the two results; ``given`` is the tuple of arguments."""

    def spoil(answer):
        def cost(*given):
            before = np.array(answer(*given), dtype=float)
            return np.array([parameters(before[0], given), multiply_adds(before[1], given)])

        return cost

    return spoil


LAYER_COST = Question(
    name="layer_cost",
    reference=layer_cost,
    cases=(
        Case("the lecture's layer", (3, 96, 11, 227, 227, 4, 0)),
        Case("torch's AlexNet, first layer", (3, 64, 11, 224, 224, 4, 2)),
        Case("a layer that keeps the size", (64, 128, 3, 56, 40, 1, 1)),
        Case("a layer that halves the size", (16, 20, 5, 31, 47, 2, 2)),
        Case("one channel, one weight", (1, 7, 1, 9, 5, 1, 0)),
    ),
    misconceptions=(
        Misconception(
            "bias-forgotten",
            "Your number of parameters leaves out the biases: one for each output channel.",
            _changed(parameters=lambda p, given: p - given[1]),
        ),
        Misconception(
            "one-bias",
            "You count one bias for the whole layer. Each output channel has its own.",
            _changed(parameters=lambda p, given: p - given[1] + 1),
        ),
        Misconception(
            "flat-kernel",
            "Your kernels are one plane deep. A kernel has weights for every input channel.",
            lambda answer: lambda ci, co, k, h, w, s, p: answer(1, co, k, h, w, s, p),
        ),
        Misconception(
            "one-kernel-row",
            "Your kernels have k weights in each plane. A k × k kernel has more.",
            lambda answer: (
                lambda ci, co, k, h, w, s, p: (
                    (np.array(answer(ci, co, k, h, w, s, p), dtype=float) - [co, 0]) / k + [co, 0]
                )
            ),
        ),
        Misconception(
            "input-places",
            "Your multiply-adds are counted at every pixel of the input. The kernel stands only at the places of the"
            " output.",
            lambda answer: (
                lambda ci, co, k, h, w, s, p: np.array(
                    [answer(ci, co, k, h, w, s, p)[0], answer(ci, co, k, h + k - 1, w + k - 1, 1, 0)[1]]
                )
            ),
        ),
        Misconception(
            "square-image",
            "You use the height for both axes. The image need not be square.",
            lambda answer: lambda ci, co, k, h, w, s, p: answer(ci, co, k, h, h, s, p),
        ),
        Misconception(
            "padding-once",
            "You count the padding once, but it is added on both sides.",
            lambda answer: lambda ci, co, k, h, w, s, p: answer(ci, co, k, h - p, w - p, s, p),
        ),
        Misconception(
            "stride-ignored",
            "Your multiply-adds do not depend on the stride.",
            lambda answer: lambda ci, co, k, h, w, s, p: answer(ci, co, k, h, w, 1, p),
        ),
        Misconception(
            "one-map",
            "Your multiply-adds are those of a single feature map.",
            _changed(multiply_adds=lambda m, given: m / given[1]),
        ),
        Misconception(
            "counted-twice",
            "You count a multiplication and its addition as two. Here they are one multiply-add.",
            _changed(multiply_adds=lambda m, given: 2 * m),
        ),
    ),
)

# --- b. max_pool2d ----------------------------------------------------------------------------------------------------


def max_pool2d(x, kernel_size, stride):
    """Take the largest number of each window, for each channel of (C, H, W)."""
    return _pooled(x, kernel_size, stride, np.max)


def _pooled(x, kernel_size, stride, summary):
    rows, columns = (_places(size, kernel_size, stride, 0) for size in x.shape[1:])
    y = np.zeros((len(x), rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            y[:, i, j] = summary(window, axis=(1, 2))
    return y


_MAPS = np.array(
    [
        [
            [3, -1, 2, 0.5, -4, 1],
            [1, 5.25, -2, 2, 6.5, -1],
            [0, 2, 7, -3, 1, 2],
            [4.5, -6, 1, 1, -9, 3],
            [2, 2, -5, 8.75, 0, 1],
        ],
        [
            [-1.5, -2, -3, -7, -2.5, -5],
            [-4, -1.25, -6, -2, -8, -3],
            [-2, -9, -4, -1, -2, -6],
            [-3, -3, -1.75, -8, -5, -2],
            [-6, -1, -2, -4, -3, -7],
        ],
    ]
)


def _more(x, cells, value):
    return np.pad(x, [(0, 0), (0, cells), (0, cells)], constant_values=value)


MAX_POOL2D = Question(
    name="max_pool2d",
    reference=max_pool2d,
    cases=(
        Case("windows of 2 side by side, 5 × 6", (_MAPS, 2, 2)),
        Case("windows of 3 that overlap", (_MAPS, 3, 2)),
        Case("windows of 2 at every place", (_MAPS, 2, 1)),
        Case("a stride larger than the window", (_MAPS, 2, 3)),
        Case("taller than wide", (_MAPS.swapaxes(1, 2).copy(), 3, 1)),
        Case("one channel", (_MAPS[:1], 2, 2)),
    ),
    misconceptions=(
        Misconception(
            "never-negative",
            "Where all numbers of a window are negative you answer 0, which is none of them. What do you start from?",
            lambda answer: lambda x, k, s: np.maximum(answer(x, k, s), 0.0),
        ),
        Misconception(
            "absolute",
            "You take the largest absolute value. A large negative number is not a large number.",
            lambda answer: lambda x, k, s: answer(np.abs(x), k, s),
        ),
        Misconception(
            "stride-is-kernel",
            "Your windows always lie side by side. They move by the stride.",
            lambda answer: lambda x, k, s: answer(x, k, k),
        ),
        Misconception(
            "stride-ignored",
            "Your windows move by one cell, whatever the stride is.",
            lambda answer: lambda x, k, s: answer(x, k, 1),
        ),
        Misconception(
            "channels-mixed",
            "You take the maximum over the channels too. Each channel is pooled by itself.",
            lambda answer: lambda x, k, s: np.broadcast_to(np.max(answer(x, k, s), axis=0), np.shape(answer(x, k, s))),
        ),
        Misconception(
            "rounded-up",
            "You have a window that hangs out at the end. A window counts only if all of it fits.",
            lambda answer: lambda x, k, s: answer(_more(x, s - 1, -np.inf), k, s),
        ),
        Misconception(
            "average",
            "You return the mean of each window, not its maximum.",
            lambda answer: lambda x, k, s: _pooled(x, k, s, np.mean),
        ),
        Misconception(
            "last-row-missing",
            "The last row of windows is missing.",
            lambda answer: lambda x, k, s: answer(x, k, s)[:, :-1],
        ),
        Misconception(
            "last-column-missing",
            "The last column of windows is missing.",
            lambda answer: lambda x, k, s: answer(x, k, s)[:, :, :-1],
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda x, k, s: np.trunc(answer(x, k, s)),
        ),
    ),
)

# --- c. avg_pool2d ----------------------------------------------------------------------------------------------------


def avg_pool2d(x, kernel_size, stride, padding):
    """Take the mean of the cells of each window that lie inside the map, for each channel of (C, H, W)."""
    total = _pooled(_around(x, padding), kernel_size, stride, np.sum)
    return total / _pooled(_around(np.ones_like(x, dtype=float), padding), kernel_size, stride, np.sum)


def _around(x, padding):
    return np.pad(x, [(0, 0), (padding, padding), (padding, padding)])


AVG_POOL2D = Question(
    name="avg_pool2d",
    reference=avg_pool2d,
    cases=(
        Case("windows of 2 side by side", (_MAPS, 2, 2, 0)),
        Case("windows of 3, padding 1", (_MAPS, 3, 1, 1)),
        Case("windows of 3, stride 2, padding 1", (_MAPS, 3, 2, 1)),
        Case("windows of 4, stride 3, padding 2", (_MAPS, 4, 3, 2)),
        Case("a stride larger than the window", (_MAPS, 2, 3, 1)),
        Case("one channel, taller than wide", (_MAPS[:1].swapaxes(1, 2).copy(), 3, 2, 0)),
    ),
    misconceptions=(
        Misconception(
            "padding-counted",
            "At the border your means are too close to zero: you count cells of padding as cells.",
            lambda answer: lambda x, k, s, p: answer(_around(x, p), k, s, 0),
        ),
        Misconception(
            "sum",
            "You return the sum of each window. Divide by the number of its cells that lie inside the map.",
            lambda answer: lambda x, k, s, p: answer(_around(x, p), k, s, 0) * k * k,
        ),
        Misconception(
            "divided-by-side",
            "You divide by the side of the window. It has more cells than that.",
            lambda answer: lambda x, k, s, p: answer(_around(x, p), k, s, 0) * k,
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding.",
            lambda answer: lambda x, k, s, p: answer(x, k, s, 0),
        ),
        Misconception(
            "stride-is-kernel",
            "Your windows always lie side by side. They move by the stride.",
            lambda answer: lambda x, k, s, p: answer(x, k, k, p),
        ),
        Misconception(
            "stride-ignored",
            "Your windows move by one cell, whatever the stride is.",
            lambda answer: lambda x, k, s, p: answer(x, k, 1, p),
        ),
        Misconception(
            "channels-mixed",
            "You average over the channels too. Each channel is pooled by itself.",
            lambda answer: (
                lambda x, k, s, p: np.broadcast_to(np.mean(answer(x, k, s, p), axis=0), np.shape(answer(x, k, s, p)))
            ),
        ),
        Misconception(
            "maximum",
            "You return the maximum of each window, not its mean.",
            lambda answer: (
                lambda x, k, s, p: _pooled(np.pad(x, [(0, 0), (p, p), (p, p)], constant_values=-np.inf), k, s, np.max)
            ),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda x, k, s, p: np.trunc(answer(x, k, s, p)),
        ),
    ),
)

# --- d. blur_pool -----------------------------------------------------------------------------------------------------


def blur_pool(x, stride):
    """Blur each channel of (C, H, W) with 1 2 1 along both axes, then keep every ``stride``-th row and column."""
    x = np.pad(x, [(0, 0), (1, 1), (1, 1)], "reflect")
    x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
    x = (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4
    return x[:, ::stride, ::stride]


def _with_border(mode):
    """Let the answer see a border of another kind: extend the image by whole strides, and cut the result."""

    def spoil(answer):
        def pool(x, stride):
            wide = np.pad(x, [(0, 0), (stride, stride), (stride, stride)], mode)
            rows, columns = (-(-size // stride) for size in x.shape[1:])
            return answer(wide, stride)[:, 1 : 1 + rows, 1 : 1 + columns]

        return pool

    return spoil


def _rows_only(answer):
    def pool(x, stride):
        columns = [np.repeat(x[:, :, j : j + 1], 3, axis=2) for j in range(0, x.shape[2], stride)]
        return np.stack([answer(column, stride)[:, :, 0] for column in columns], axis=2)

    return pool


def _columns_only(answer):
    turned = _rows_only(lambda x, stride: np.swapaxes(answer(np.swapaxes(x, 1, 2), stride), 1, 2))
    return lambda x, stride: np.swapaxes(turned(np.swapaxes(x, 1, 2), stride), 1, 2)


BLUR_POOL = Question(
    name="blur_pool",
    reference=blur_pool,
    cases=(
        Case("stride 2", (_MAPS, 2)),
        Case("stride 3", (_MAPS, 3)),
        Case("only the blur: stride 1", (_MAPS, 1)),
        Case("taller than wide", (_MAPS.swapaxes(1, 2).copy(), 2)),
        Case("one channel, stride 4", (_MAPS[:1], 4)),
    ),
    misconceptions=(
        Misconception(
            "no-blur",
            "You keep every stride-th cell, but nothing is blurred.",
            lambda answer: lambda x, s: x[:, ::s, ::s],
        ),
        Misconception(
            "subsampled-first",
            "You subsample first and blur afterwards. By then the ghosts are there already.",
            lambda answer: lambda x, s: answer(x[:, ::s, ::s], 1),
        ),
        Misconception(
            "not-normalised",
            "Your result is too large by one factor: the weights of a blur add up to 1.",
            lambda answer: lambda x, s: 16 * np.asarray(answer(x, s)),
        ),
        Misconception(
            "normalised-once",
            "Your result is four times too large. You blur along two axes: how often must you divide?",
            lambda answer: lambda x, s: 4 * np.asarray(answer(x, s)),
        ),
        Misconception(
            "zeros-outside",
            "You pad with zeros, which pulls the border towards zero. Reflect.",
            _with_border("constant"),
        ),
        Misconception(
            "border-repeated",
            "You repeat the outermost cell. The mirror of reflect stands in the middle of that cell.",
            _with_border("edge"),
        ),
        Misconception(
            "rows-only",
            "You blur from top to bottom, but not from left to right.",
            _rows_only,
        ),
        Misconception(
            "columns-only",
            "You blur from left to right, but not from top to bottom.",
            _columns_only,
        ),
        Misconception(
            "starts-late",
            "You keep the wrong rows and columns: the first one to keep has index 0.",
            lambda answer: lambda x, s: answer(x, 1)[:, s - 1 :: s, s - 1 :: s],
        ),
        Misconception(
            "not-subsampled",
            "You blur, but keep all rows and columns.",
            lambda answer: lambda x, s: answer(x, 1),
        ),
    ),
)

EXERCISE = Exercise(
    number="05",
    name="feature-maps-and-pooling",
    questions=(LAYER_COST, MAX_POOL2D, AVG_POOL2D, BLUR_POOL),
    allowed=("numpy", "matplotlib"),
)
