"""Exercise 12, segmentation: a convolutional head, three transposed convolutions, dilation, loss and mean IoU."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. dense_scores: a linear head as a convolution ------------------------------------------------------------------


def dense_scores(x, weight, bias, size):
    """Lay a linear head for (C, *size) features at every place of larger features (C, H, W)."""
    height, width = size
    kernel = np.reshape(weight, (len(weight), len(x), height, width))
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(1, 2))
    return np.einsum("cijhw,kchw->kij", windows, kernel) + np.reshape(bias, (-1, 1, 1))


def _reordered(order):
    """Let the head read its features in another order: ``order`` takes a kernel (K, C, h, w) to a wrong one."""

    def spoil(answer):
        def scores(x, weight, bias, size):
            kernel = np.reshape(weight, (len(weight), len(x), *size))
            return answer(x, order(kernel).reshape(len(weight), -1), bias, size)

        return scores

    return spoil


_rng = np.random.default_rng(12)


def _random(*shape):
    return np.round(_rng.normal(size=shape), 2)


def _head(channels, height, width, classes, rows, columns):
    weight = _random(classes, channels * height * width)
    return _random(channels, rows, columns), weight, _random(classes) + 1, (height, width)


DENSE_SCORES = Question(
    name="dense_scores",
    reference=dense_scores,
    cases=(
        Case("features of the head's own size", _head(2, 2, 3, 3, 2, 3)),
        Case("larger features", _head(2, 2, 3, 3, 5, 7)),
        Case("one channel, taller than wide", _head(1, 3, 2, 2, 6, 4)),
        Case("a head that sees one place: 1 × 1", _head(3, 1, 1, 2, 3, 4)),
        Case("a square head, three channels", _head(3, 2, 2, 4, 4, 5)),
    ),
    misconceptions=(
        Misconception(
            "channels-last",
            "Your weights are scrambled: the head read the channels first, then rows, then columns. In which order does"
            " reshape lay them out?",
            _reordered(lambda kernel: kernel.reshape(len(kernel), *kernel.shape[2:], -1).transpose(0, 3, 1, 2)),
        ),
        Misconception(
            "rows-and-columns",
            "Rows and columns of your kernel are exchanged: size is (height, width).",
            _reordered(lambda kernel: kernel.reshape(*kernel.shape[:2], *kernel.shape[:1:-1]).swapaxes(2, 3)),
        ),
        Misconception(
            "flipped-kernel",
            "Your kernel is turned by half a turn. The head multiplied each feature by the weight at its own place.",
            _reordered(lambda kernel: kernel[:, :, ::-1, ::-1]),
        ),
        Misconception(
            "bias-forgotten",
            "Your scores leave out the bias.",
            lambda answer: lambda x, weight, bias, size: answer(x, weight, np.zeros_like(bias), size),
        ),
        Misconception(
            "one-bias",
            "You add the same bias to all classes. Each has its own.",
            lambda answer: lambda x, weight, bias, size: answer(x, weight, np.full_like(bias, bias[0]), size),
        ),
        Misconception(
            "side-by-side",
            "Your windows lie side by side. There is one at every place: they overlap.",
            lambda answer: lambda x, *rest: answer(x, *rest)[:, :: rest[-1][0], :: rest[-1][1]],
        ),
        Misconception(
            "last-row-missing",
            "The last row of your map is missing.",
            lambda answer: lambda x, *rest: answer(x, *rest)[:, :-1] if x.shape[1] > rest[-1][0] else answer(x, *rest),
        ),
        Misconception(
            "last-column-missing",
            "The last column of your map is missing.",
            lambda answer: (
                lambda x, *rest: answer(x, *rest)[:, :, :-1] if x.shape[2] > rest[-1][1] else answer(x, *rest)
            ),
        ),
    ),
)

# --- b. conv_transpose2d: stamps --------------------------------------------------------------------------------------


def conv_transpose2d(x, w, stride=1, padding=0):
    """Stamp w (C, K, kh, kw), times each number of x (C, H, W), on the output; cut ``padding`` cells off each side."""
    x, w = np.asarray(x), np.asarray(w)
    _, height, width = x.shape
    _, channels, rows, columns = w.shape
    full = np.zeros((channels, (height - 1) * stride + rows, (width - 1) * stride + columns))
    for i in range(height):
        for j in range(width):
            stamp = np.einsum("c,ckab->kab", x[:, i, j], w)
            full[:, i * stride : i * stride + rows, j * stride : j * stride + columns] += stamp
    return full[:, padding : full.shape[1] - padding, padding : full.shape[2] - padding]


_BLOCK = _random(2, 3, 4)
_STAMPS = _random(2, 3, 3, 2)

CONV_TRANSPOSE2D = Question(
    name="conv_transpose2d",
    reference=conv_transpose2d,
    cases=(
        Case("the lecture's example", (np.array([[[1, 2], [2, 4]]]), np.array([[[[1, 2], [2, 1]]]]))),
        Case("two channels in, three out", (_BLOCK, _STAMPS)),
        Case("stride 2", (_BLOCK, _STAMPS, 2)),
        Case("stride 3: stamps apart", (_BLOCK, _random(2, 2, 2, 2), 3)),
        Case("stride 2, padding 1", (_BLOCK, _random(2, 2, 4, 4), 2, 1)),
        Case("stride 1, padding 1", (_BLOCK, _random(2, 1, 3, 5), 1, 1)),
    ),
    misconceptions=(
        Misconception(
            "overwritten",
            "Where stamps overlap you keep only the last one. They add up.",
            lambda answer: lambda x, w, stride=1, padding=0: _overwriting(x, w, stride, padding),
        ),
        Misconception(
            "flipped-kernel",
            "Your stamps are turned by half a turn. Each lies as the kernel is written.",
            lambda answer: lambda x, w, *rest: answer(x, w[:, :, ::-1, ::-1], *rest),
        ),
        Misconception(
            "stride-ignored",
            "Your stamps lie one cell apart, whatever the stride is.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, 1, padding),
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding. Here padding takes cells away.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, stride),
        ),
        Misconception(
            "padding-added",
            "You put the padding around the result. The convolution's padding gave cells; the transposed one takes them"
            " away.",
            lambda answer: (
                lambda x, w, stride=1, padding=0: np.pad(
                    answer(x, w, stride), [(0, 0), (padding, padding), (padding, padding)]
                )
            ),
        ),
        Misconception(
            "padding-once",
            "You cut the padding off at one end only. It goes at both.",
            lambda answer: lambda x, w, stride=1, padding=0: np.asarray(answer(x, w, stride))[:, padding:, padding:],
        ),
        Misconception(
            "one-channel",
            "You use only the first input channel.",
            lambda answer: lambda x, w, *rest: answer(x[:1], w[:1], *rest),
        ),
        Misconception(
            "trailing-zeros",
            "There are rows and columns of zeros at the end. After the last number there are no zeros to stuff.",
            lambda answer: (
                lambda x, w, stride=1, padding=0: np.pad(
                    answer(x, w, stride, padding), [(0, 0), (0, stride - 1), (0, stride - 1)]
                )
            ),
        ),
        Misconception(
            "last-row-missing",
            "The last row of your result is missing. How far does the last stamp reach?",
            lambda answer: lambda x, w, *rest: np.asarray(answer(x, w, *rest))[:, :-1],
        ),
    ),
)


def _overwriting(x, w, stride, padding):
    _, height, width = np.shape(x)
    _, channels, rows, columns = np.shape(w)
    full = np.zeros((channels, (height - 1) * stride + rows, (width - 1) * stride + columns))
    for i, j in np.ndindex(height, width):
        stamp = np.einsum("c,ckab->kab", x[:, i, j], w)
        full[:, i * stride : i * stride + rows, j * stride : j * stride + columns] = stamp
    return full[:, padding : full.shape[1] - padding, padding : full.shape[2] - padding]


# --- c. stuffed_transpose: zeros between, then a convolution ----------------------------------------------------------


def stuffed_transpose(x, w, stride):
    """The transposed convolution of one channel (H, W) by zeros between its numbers and a convolution at stride 1."""
    x, w = np.asarray(x), np.asarray(w)
    rows, columns = w.shape
    stuffed = np.zeros(((x.shape[0] - 1) * stride + 1, (x.shape[1] - 1) * stride + 1))
    stuffed[::stride, ::stride] = x
    padded = np.pad(stuffed, [(rows - 1, rows - 1), (columns - 1, columns - 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape)
    return np.einsum("ijab,ab->ij", windows, w[::-1, ::-1])


def _end(size, cells):
    return max(size - cells, cells + 1)


_PLANE = _random(3, 4)

STUFFED_TRANSPOSE = Question(
    name="stuffed_transpose",
    reference=stuffed_transpose,
    cases=(
        Case("the lecture's example", (np.array([[1, 2], [2, 4]]), np.array([[1, 2], [2, 1]]), 1)),
        Case("stride 2", (_PLANE, _random(3, 2), 2)),
        Case("stride 3", (_PLANE, _random(2, 4), 3)),
        Case("stride 1, a kernel that is not square", (_PLANE, _random(2, 3), 1)),
        Case("one number: the stamp itself", (np.array([[2.0]]), _random(3, 4), 2)),
    ),
    misconceptions=(
        Misconception(
            "not-turned",
            "Your kernel lies as it is written. A window that collects what stamps gave must be turned by half a turn.",
            lambda answer: lambda x, w, s: answer(x, w[::-1, ::-1], s),
        ),
        Misconception(
            "rows-turned-only",
            "Your kernel is turned along one axis only: its columns are still as written.",
            lambda answer: lambda x, w, s: answer(x, w[:, ::-1], s),
        ),
        Misconception(
            "columns-turned-only",
            "Your kernel is turned along one axis only: its rows are still as written.",
            lambda answer: lambda x, w, s: answer(x, w[::-1], s),
        ),
        Misconception(
            "stride-zeros",
            "You put stride zeros between two numbers: one too many.",
            lambda answer: lambda x, w, s: answer(x, w, s + 1),
        ),
        Misconception(
            "no-zeros",
            "You put no zeros between the numbers of x.",
            lambda answer: lambda x, w, s: answer(x, w, 1),
        ),
        Misconception(
            "zeros-at-the-end",
            "There are zeros after the last number of x as well. They belong between numbers only.",
            lambda answer: lambda x, w, s: np.pad(answer(x, w, s), [(0, s - 1), (0, s - 1)]),
        ),
        Misconception(
            "not-padded",
            "You use only windows that lie wholly inside. Every window that meets a number counts.",
            lambda answer: (
                lambda x, w, s: np.asarray(answer(x, w, s))[
                    w.shape[0] - 1 : _end((len(x) - 1) * s + w.shape[0], w.shape[0] - 1),
                    w.shape[1] - 1 : _end((len(x[0]) - 1) * s + w.shape[1], w.shape[1] - 1),
                ]
            ),
        ),
        Misconception(
            "last-row-missing",
            "The last row of your result is missing.",
            lambda answer: lambda x, w, s: np.asarray(answer(x, w, s))[:-1],
        ),
    ),
)

# --- d. transpose_matrix ----------------------------------------------------------------------------------------------


def transpose_matrix(w, input_shape, stride):
    """The matrix of the transposed convolution: a row for each output cell, a column for each input cell."""
    w, (height, width) = np.asarray(w), input_shape
    cells = np.eye(height * width).reshape(-1, height, width)
    return np.stack([stuffed_transpose(one, w, stride).ravel() for one in cells], axis=1)


def _rows_as(order):
    """Number the output cells in another order: ``order`` takes the grid of their numbers to a wrong one."""

    def spoil(answer):
        def matrix(w, input_shape, stride):
            shape = [(n - 1) * stride + k for n, k in zip(input_shape, np.shape(w), strict=True)]
            given = np.asarray(answer(w, input_shape, stride))
            return (
                given[order(np.arange(np.prod(shape)).reshape(shape)).ravel()]
                if len(given) == np.prod(shape)
                else given
            )

        return matrix

    return spoil


TRANSPOSE_MATRIX = Question(
    name="transpose_matrix",
    reference=transpose_matrix,
    cases=(
        Case("the lecture's kernel", (np.array([[1, 2], [2, 1]]), (2, 2), 1)),
        Case("stride 1, input 2 × 3", (_random(2, 3), (2, 3), 1)),
        Case("stride 2", (_random(3, 2), (2, 3), 2)),
        Case("stride 3: stamps apart", (_random(2, 2), (3, 2), 3)),
        Case("one input cell", (_random(2, 4), (1, 1), 2)),
    ),
    misconceptions=(
        Misconception(
            "not-transposed",
            "That is C, the matrix of the convolution: a row for each of *its* outputs. Here rows and columns change"
            " places.",
            lambda answer: lambda w, shape, s: np.transpose(answer(w, shape, s)),
        ),
        Misconception(
            "flipped-kernel",
            "Your kernel is turned by half a turn. A column of the matrix is one stamp, as the kernel is written.",
            lambda answer: lambda w, shape, s: answer(w[::-1, ::-1], shape, s),
        ),
        Misconception(
            "stride-ignored",
            "Your stamps lie one cell apart, whatever the stride is.",
            lambda answer: lambda w, shape, s: answer(w, shape, 1),
        ),
        Misconception(
            "column-by-column",
            "You number the output cells column by column. They go row by row.",
            _rows_as(lambda numbers: numbers.T),
        ),
        Misconception(
            "inputs-column-by-column",
            "You number the input cells column by column. They go row by row.",
            lambda answer: (
                lambda w, shape, s: np.asarray(answer(w, shape, s))[
                    :,
                    np.arange(np.prod(shape)).reshape(shape).T.ravel()
                    if np.shape(answer(w, shape, s))[1] == np.prod(shape)
                    else slice(None),
                ]
            ),
        ),
        Misconception(
            "one-and-zero",
            "Your matrix says where a stamp falls, but not with which weight.",
            lambda answer: lambda w, shape, s: (np.asarray(answer(w, shape, s)) != 0).astype(float),
        ),
        Misconception(
            "last-row-missing",
            "The last rows of your matrix are missing: those of the last row of output cells.",
            lambda answer: (
                lambda w, shape, s: np.asarray(answer(w, shape, s))[: -((shape[1] - 1) * s + np.shape(w)[1])]
            ),
        ),
    ),
)

# --- e. dilated_fields ------------------------------------------------------------------------------------------------


def dilated_fields(kernel_size, dilations):
    """The receptive field after each layer of a stack at stride 1."""
    return 1 + (kernel_size - 1) * np.cumsum(dilations)


DILATED_FIELDS = Question(
    name="dilated_fields",
    reference=dilated_fields,
    cases=(
        Case("the lecture's seven layers", (3, [1, 1, 2, 4, 8, 16, 1])),
        Case("no holes", (3, [1, 1, 1])),
        Case("a kernel of 5", (5, [1, 3, 2])),
        Case("a kernel of 1", (1, [1, 4])),
        Case("an even kernel", (2, [1, 2, 4, 8])),
    ),
    misconceptions=(
        Misconception(
            "dilation-0",
            "Your fields are those of dilations that are larger by one. A normal convolution has dilation 1, not 0.",
            lambda answer: lambda k, dilations: answer(k, [d + 1 for d in dilations]),
        ),
        Misconception(
            "starts-from-0",
            "Each of your fields is too small by 1. What does a unit see before any layer?",
            lambda answer: lambda k, dilations: np.asarray(answer(k, dilations)) - 1,
        ),
        Misconception(
            "whole-kernel",
            "Each layer adds one step too many: a kernel of k cells has k − 1 gaps.",
            lambda answer: lambda k, dilations: answer(k + 1, dilations),
        ),
        Misconception(
            "dilation-ignored",
            "Your fields do not depend on the dilations.",
            lambda answer: lambda k, dilations: answer(k, [1] * len(dilations)),
        ),
        Misconception(
            "not-added-up",
            "You give what each layer sees of the one below it. How much of the *input* does it see?",
            lambda answer: lambda k, dilations: [np.ravel(answer(k, [d]))[0] for d in dilations],
        ),
        Misconception(
            "areas",
            "You give areas. The question is how many cells along one axis.",
            lambda answer: lambda k, dilations: np.asarray(answer(k, dilations)) ** 2,
        ),
        Misconception(
            "input-too",
            "Your list begins with the input's 1. There is one number for each layer.",
            lambda answer: lambda k, dilations: [1, *np.ravel(answer(k, dilations))],
        ),
        Misconception(
            "only-the-last",
            "You give the last field only. There is one for each layer.",
            lambda answer: lambda k, dilations: np.ravel(answer(k, dilations))[-1],
        ),
    ),
)

# --- f. pixel_loss ----------------------------------------------------------------------------------------------------


def pixel_loss(scores, classes):
    """The mean over the pixels of the cross-entropy of scores (K, H, W) and classes (H, W)."""
    scores = np.asarray(scores, dtype=float)
    highest = scores.max(axis=0)
    log_sum = highest + np.log(np.exp(scores - highest).sum(axis=0))
    rows, columns = np.indices(classes.shape)
    return (log_sum - scores[classes, rows, columns]).mean()


def _naive(scores, classes):
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        e = np.exp(np.asarray(scores, dtype=float))
        rows, columns = np.indices(classes.shape)
        return -np.log(e / e.sum(axis=0))[classes, rows, columns].mean()


def _over_positions(scores, classes):
    e = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
    rows, columns = np.indices(classes.shape)
    return -np.log((e / e.sum(axis=(1, 2), keepdims=True) + 1e-300)[classes, rows, columns]).mean()


def _probability(scores, classes):
    e = np.exp(scores - scores.max(axis=0))
    rows, columns = np.indices(classes.shape)
    return (1 - (e / e.sum(axis=0))[classes, rows, columns]).mean()


_SCORES = _random(3, 2, 4) * 2
_CLASSES = np.array([[0, 2, 1, 0], [1, 0, 0, 2]])

PIXEL_LOSS = Question(
    name="pixel_loss",
    reference=pixel_loss,
    cases=(
        Case("three classes, 2 × 4 pixels", (_SCORES, _CLASSES)),
        Case("all scores equal", (np.zeros((6, 3, 2)), np.array([[0, 5], [3, 0], [1, 2]]))),
        Case("two classes", (_random(2, 3, 3), np.array([[0, 1, 0], [1, 1, 0], [0, 1, 1]]))),
        Case("very large scores", (_SCORES * 1000, _CLASSES)),
        Case("one pixel, very sure", (np.array([[[-10.0]], [[900]], [[750.5]], [[3]]]), np.array([[2]]))),
    ),
    misconceptions=(
        Misconception(
            "sum",
            "Your loss grows with the number of pixels: take the mean.",
            lambda answer: lambda s, c: answer(s, c) * c.size,
        ),
        Misconception(
            "mean-over-classes-too",
            "Your loss is too small by the number of classes: the mean is over pixels only.",
            lambda answer: lambda s, c: answer(s, c) / len(s),
        ),
        Misconception(
            "wrong-sign",
            "Your loss has the wrong sign. A probability's logarithm is negative.",
            lambda answer: lambda s, c: -1 * answer(s, c),
        ),
        Misconception(
            "base-2",
            "Your logarithm has the base 2. The loss uses the natural one.",
            lambda answer: lambda s, c: answer(s, c) / np.log(2),
        ),
        Misconception(
            "overflow",
            "Large scores give infinity or NaN: the exponential overflows. Subtract each pixel's largest score first.",
            lambda answer: lambda s, c: answer(s, c) if np.abs(s).max() < 700 else _naive(s, c),
        ),
        Misconception(
            "over-positions",
            "Your softmax lets pixels compete with each other. At each pixel it is the classes that compete.",
            lambda answer: _over_positions,
        ),
        Misconception(
            "no-logarithm",
            "You average 1 minus the probability of the right class. The loss takes its logarithm.",
            lambda answer: _probability,
        ),
        Misconception(
            "background-left-out",
            "Pixels of class 0 have no part in your loss. The background is a class like the others.",
            lambda answer: lambda s, c: answer(s[:, c > 0][:, None], c[c > 0][None]),
        ),
    ),
)

# --- g. mean_iou ------------------------------------------------------------------------------------------------------


def _counts(predicted, true, num_classes):
    classes = np.arange(num_classes).reshape(-1, *(1,) * np.ndim(true))
    ours, theirs = np.asarray(predicted) == classes, np.asarray(true) == classes
    axes = tuple(range(1, ours.ndim))
    return (ours & theirs).sum(axis=axes), ours.sum(axis=axes), theirs.sum(axis=axes)


def mean_iou(predicted, true, num_classes):
    """The mean of intersection over union over the classes that occur; counts are over all images."""
    both, ours, theirs = _counts(predicted, true, num_classes)
    there = ours + theirs > 0
    return (both[there] / (ours + theirs - both)[there]).mean()


def _occurring(predicted, true):
    return len(np.union1d(predicted, true))


def _of_the_true(answer):
    """Both over true: what was wrongly taken for a class goes to one more class, so that it is in no other's union."""

    def recall(p, t, n):
        wrong, there = np.asarray(p) != t, len(np.unique(t))
        return answer(np.where(wrong, n, p), t, n + 1) * (there + 1) / there if wrong.any() else answer(p, t, n)

    return recall


def _images(rows):
    return np.array([[[int(k) for k in row] for row in image.split()] for image in rows])


_TRUE = _images(["0012 0112 0022", "0000 0110 3110"])
_GUESS = _images(["0012 0012 1122", "0001 0110 0113"])

MEAN_IOU = Question(
    name="mean_iou",
    reference=mean_iou,
    cases=(
        Case("two images, four classes", (_GUESS, _TRUE, 4)),
        Case("a class that occurs nowhere", (_GUESS, _TRUE, 6)),
        Case("everything right", (_TRUE, _TRUE, 4)),
        Case("all background", (np.zeros_like(_TRUE), _TRUE, 4)),
        Case("a class that was only predicted", (_GUESS[:1], _TRUE[:1] % 2, 4)),
        Case("one image, two classes", (_GUESS[1:] % 2, _TRUE[1:] % 2, 2)),
    ),
    misconceptions=(
        Misconception(
            "pixel-accuracy",
            "You give the fraction of the pixels that are right. Here each class counts the same, however large.",
            lambda answer: lambda p, t, n: (np.asarray(p) == t).mean(),
        ),
        Misconception(
            "absent-counts-0",
            "A class that occurs nowhere counts 0 for you. It has no part in the mean.",
            lambda answer: lambda p, t, n: answer(p, t, n) * _occurring(p, t) / n,
        ),
        Misconception(
            "absent-counts-1",
            "A class that occurs nowhere counts 1 for you. It has no part in the mean.",
            lambda answer: lambda p, t, n: (answer(p, t, n) * _occurring(p, t) + n - _occurring(p, t)) / n,
        ),
        Misconception(
            "of-the-true",
            "You divide by the true pixels only. The union also has those that were wrongly taken for the class.",
            _of_the_true,
        ),
        Misconception(
            "of-the-predicted",
            "You divide by the predicted pixels only. The union also has those that were missed.",
            lambda answer: lambda p, t, n: _of_the_true(answer)(t, p, n),
        ),
        Misconception(
            "background-left-out",
            "Class 0 has no part in your mean. The background is a class like the others.",
            lambda answer: (
                lambda p, t, n: answer(
                    np.where(p == 0, n, p)[(p > 0) | (t > 0)] - 1, np.where(t == 0, n, t)[(p > 0) | (t > 0)] - 1, n - 1
                )
            ),
        ),
        Misconception(
            "image-by-image",
            "You take the mean over images of each image's mean. Count over all pixels first, divide once.",
            lambda answer: lambda p, t, n: np.mean([answer(a, b, n) for a, b in zip(p, t, strict=True)]),
        ),
        Misconception(
            "percent",
            "Your result is in per cent. It should lie between 0 and 1.",
            lambda answer: lambda p, t, n: 100 * answer(p, t, n),
        ),
    ),
)

EXERCISE = Exercise(
    number="12",
    name="segmentation",
    questions=(
        DENSE_SCORES,
        CONV_TRANSPOSE2D,
        STUFFED_TRANSPOSE,
        TRANSPOSE_MATRIX,
        DILATED_FIELDS,
        PIXEL_LOSS,
        MEAN_IOU,
    ),
    allowed=("numpy", "matplotlib"),
)
