"""Exercise 3, padding, stride, dilation: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. output_size ---------------------------------------------------------------------------------------------------


def output_size(input_size, kernel_size, stride, padding, dilation):
    """Count the places of the kernel along one axis."""
    return (input_size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


OUTPUT_SIZE = Question(
    name="output_size",
    reference=output_size,
    cases=(
        Case("the lecture's layer on 227 pixels", (227, 11, 4, 0, 1)),
        Case("torch's AlexNet on 224 pixels", (224, 11, 4, 2, 1)),
        Case("a remainder: 224 pixels, no padding", (224, 11, 4, 0, 1)),
        Case("half the size", (56, 3, 2, 1, 1)),
        Case("dilation 4", (33, 3, 1, 4, 4)),
        Case("all of them at once", (40, 5, 3, 2, 3)),
        Case("a kernel of one weight", (13, 1, 5, 1, 2)),
    ),
    misconceptions=(
        Misconception(
            "padding-once",
            "You count the padding once, but cells are added on both sides.",
            lambda answer: lambda n, k, s, p, d: answer(n - p, k, s, p, d),
        ),
        Misconception(
            "padding-ignored",
            "Your size does not depend on the padding.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, 0, d),
        ),
        Misconception(
            "rounded-up",
            "Where something is left over you count one place too many: the last window would hang out. Round down.",
            lambda answer: lambda n, k, s, p, d: answer(n + s - 1, k, s, p, d),
        ),
        Misconception(
            "not-rounded",
            "Your size is not a whole number where something is left over. How many whole steps fit?",
            lambda answer: lambda n, k, s, p, d: (answer(n, k, 1, p, d) - 1) / s + 1,
        ),
        Misconception(
            "fence-post",
            "Your size is too small by one: you count the steps, but there is one place more than steps.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, p, d) - 1,
        ),
        Misconception(
            "stride-ignored",
            "Your size does not depend on the stride.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, 1, p, d),
        ),
        Misconception(
            "dilation-ignored",
            "Your size does not depend on the dilation.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, p, 1),
        ),
        Misconception(
            "dilation-times-kernel",
            "Your dilated kernel is too wide: k weights have only k − 1 gaps between them.",
            lambda answer: lambda n, k, s, p, d: answer(n - (d - 1), k, s, p, d),
        ),
        Misconception(
            "normal-is-zero",
            "You seem to count dilation from 0, as one of the slides does. With the formula, a normal convolution has"
            " dilation 1.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, p, d + 1),
        ),
    ),
)

# --- b. times_read ----------------------------------------------------------------------------------------------------


def times_read(input_size, kernel_size, stride, padding, dilation):
    """Count, for each cell of the input, the windows that have a weight on it."""
    count = np.zeros(input_size + 2 * padding, dtype=int)
    for place in range(output_size(input_size, kernel_size, stride, padding, dilation)):
        for weight in range(kernel_size):
            count[place * stride + weight * dilation] += 1
    return count[padding : padding + input_size]


def _without_last_window(answer):
    def count(n, k, s, p, d):
        reads = np.array(answer(n, k, s, p, d))
        start = (output_size(n, k, s, p, d) - 1) * s - p
        for cell in range(start, start + d * k, d):
            if 0 <= cell < len(reads):
                reads[cell] -= 1
        return reads

    return count


TIMES_READ = Question(
    name="times_read",
    reference=times_read,
    cases=(
        Case("stride 1, no padding", (6, 3, 1, 0, 1)),
        Case("stride 2, one cell left over", (8, 3, 2, 0, 1)),
        Case("padding 1", (7, 3, 1, 1, 1)),
        Case("padding 2, stride 3", (11, 5, 3, 2, 1)),
        Case("dilation 2", (9, 3, 1, 0, 2)),
        Case("all of them at once", (12, 3, 2, 2, 3)),
        Case("steps larger than the kernel", (13, 2, 4, 1, 1)),
    ),
    misconceptions=(
        Misconception(
            "padding-counted",
            "Your result has entries for the padding too. Asked for are the cells of the input.",
            lambda answer: lambda n, k, s, p, d: answer(n + 2 * p, k, s, 0, d),
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, 0, d),
        ),
        Misconception(
            "padding-before-only",
            "You have padding before the input, but not behind it.",
            lambda answer: lambda n, k, s, p, d: answer(n + p, k, s, 0, d)[p:],
        ),
        Misconception(
            "rounded-up",
            "You also count a window that hangs out at the end. A place counts only if the whole kernel fits.",
            lambda answer: lambda n, k, s, p, d: answer(n + 2 * p + s - 1, k, s, 0, d)[p : p + n],
        ),
        Misconception(
            "last-window-missing",
            "The last window is missing from your count.",
            _without_last_window,
        ),
        Misconception(
            "stride-ignored",
            "Your windows move by one cell, whatever the stride is.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, 1, p, d),
        ),
        Misconception(
            "dilation-ignored",
            "Your result does not depend on the dilation.",
            lambda answer: lambda n, k, s, p, d: answer(n, k, s, p, 1),
        ),
        Misconception(
            "holes-counted",
            "You count every cell between the first weight and the last. A dilated kernel reads only where it has a "
            "weight.",
            lambda answer: lambda n, k, s, p, d: answer(n, d * (k - 1) + 1, s, p, 1),
        ),
        Misconception(
            "whether-not-how-often",
            "You say whether a cell is read. Asked for is how often.",
            lambda answer: lambda n, k, s, p, d: np.minimum(answer(n, k, s, p, d), 1),
        ),
    ),
)

# --- c. pad_image -----------------------------------------------------------------------------------------------------

MODES = ("zeros", "replicate", "reflect", "circular")


def pad_image(x, padding, mode):
    """Add ``padding`` rows and columns on each side of (C, H, W)."""
    numpy_mode = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}[mode]
    return np.pad(x, [(0, 0), (padding, padding), (padding, padding)], numpy_mode)


def _inside(padded, padding):
    return padded[:, padding : padded.shape[1] - padding, padding : padded.shape[2] - padding]


def _repeated_edge(answer):
    def pad(x, padding, mode):
        padded = answer(x, padding, mode)
        inner = _inside(padded, padding)
        return (
            np.pad(inner, [(0, 0), (padding, padding), (padding, padding)], "symmetric")
            if mode == "reflect"
            else padded
        )

    return pad


def _swapped_sides(answer):
    def pad(x, padding, mode):
        padded = answer(x, padding, mode)
        if mode != "circular":
            return padded
        for axis in (1, 2):
            size = padded.shape[axis]
            order = [*range(size - padding, size), *range(padding, size - padding), *range(padding)]
            padded = np.take(padded, order, axis)
        return padded

    return pad


def _empty_corners(answer):
    def pad(x, padding, mode):
        padded = np.array(answer(x, padding, mode))
        height, width = padded.shape[1:]
        border = [np.r_[:padding, size - padding : size].astype(int) for size in (height, width)]
        padded[:, border[0][:, None], border[1]] = 0
        return padded

    return pad


_IMAGE = np.array(
    [
        [[1, 2, 3, 4, 5], [6, 7, 8, 9, 1], [2, 4, 6, 8, 3], [9, 5, 1, 7, 2]],
        [[3, 1, 4, 1, 6], [5, 9, 2, 6, 4], [5, 3, 5, 8, 7], [9, 7, 9, 3, 2]],
    ],
    dtype=float,
)

PAD_IMAGE = Question(
    name="pad_image",
    reference=pad_image,
    cases=(
        *(Case(f"{mode}, one cell", (_IMAGE, 1, mode)) for mode in MODES),
        *(Case(f"{mode}, three cells", (_IMAGE, 3, mode)) for mode in MODES),
        Case("no padding at all", (_IMAGE, 0, "reflect")),
    ),
    misconceptions=(
        Misconception(
            "always-zeros",
            "You add zeros whatever the mode is.",
            lambda answer: lambda x, padding, mode: answer(x, padding, "zeros"),
        ),
        Misconception(
            "mirror-between-cells",
            "In your reflect mode the outermost cell appears twice. The mirror stands in the middle of that cell, so "
            "it is not repeated.",
            _repeated_edge,
        ),
        Misconception(
            "sides-swapped",
            "In your circular mode the two sides are swapped: what comes in on the left went out on the right.",
            _swapped_sides,
        ),
        Misconception(
            "modes-swapped",
            "Reflect and replicate are swapped.",
            lambda answer: (
                lambda x, padding, mode: answer(
                    x, padding, {"reflect": "replicate", "replicate": "reflect"}.get(mode, mode)
                )
            ),
        ),
        Misconception(
            "corners-empty",
            "Your corners are empty: they lie beside padding, not beside the image. Pad one axis after the other.",
            _empty_corners,
        ),
        Misconception(
            "before-only",
            "You add cells above and on the left, but not below and on the right.",
            lambda answer: (
                lambda x, padding, mode: answer(x, padding, mode)[:, : x.shape[1] + padding, : x.shape[2] + padding]
            ),
        ),
        Misconception(
            "rows-only",
            "You add rows, but no columns.",
            lambda answer: lambda x, padding, mode: answer(x, padding, mode)[:, :, padding : padding + x.shape[2]],
        ),
        Misconception(
            "columns-only",
            "You add columns, but no rows.",
            lambda answer: lambda x, padding, mode: answer(x, padding, mode)[:, padding : padding + x.shape[1]],
        ),
        Misconception(
            "half-on-each-side",
            "You share the padding between the two sides. It is meant for each side.",
            lambda answer: lambda x, padding, mode: answer(x, padding // 2, mode),
        ),
    ),
)

# --- d. dilate_kernel -------------------------------------------------------------------------------------------------


def dilate_kernel(w, dilation):
    """Put dilation − 1 zeros between neighbouring weights of (K, C, kh, kw)."""
    spans = [dilation * (size - 1) + 1 for size in w.shape[2:]]
    large = np.zeros((*w.shape[:2], *spans))
    large[:, :, ::dilation, ::dilation] = w
    return large


_KERNELS = np.array(
    [
        [[[1, 2, 3], [4, 5, 6]], [[-1, 0.5, 2], [3, -2, 1]], [[7, 1, 0], [2, 2, 5]]],
        [[[2, -3, 1], [0, 4, 9]], [[6, 1, -5], [3, 8, 2]], [[1, 1, 4], [-7, 5, 3]]],
    ],
    dtype=float,
)

DILATE_KERNEL = Question(
    name="dilate_kernel",
    reference=dilate_kernel,
    cases=(
        Case("dilation 2", (_KERNELS, 2)),
        Case("dilation 3", (_KERNELS, 3)),
        Case("dilation 4, taller than wide", (_KERNELS.swapaxes(2, 3).copy(), 4)),
        Case("dilation 1 changes nothing", (_KERNELS, 1)),
        Case("a kernel of one weight", (_KERNELS[:, :, :1, :1], 3)),
    ),
    misconceptions=(
        Misconception(
            "zeros-behind",
            "There are zeros behind the last row and column as well. Between k weights there are only k − 1 gaps.",
            lambda answer: lambda w, d: np.pad(answer(w, d), [(0, 0), (0, 0), (0, d - 1), (0, d - 1)]),
        ),
        Misconception(
            "holes-filled",
            "Your holes hold copies of the weights. They hold zeros.",
            lambda answer: (
                lambda w, d: np.repeat(np.repeat(answer(w, d)[:, :, ::d, ::d], d, 2), d, 3)[
                    :, :, : d * (w.shape[2] - 1) + 1, : d * (w.shape[3] - 1) + 1
                ]
            ),
        ),
        Misconception(
            "normal-is-zero",
            "You have one zero too many in each gap: dilation 1 means neighbours, with no zero between them.",
            lambda answer: lambda w, d: answer(w, d + 1),
        ),
        Misconception(
            "rows-only",
            "You spread the rows, but not the columns.",
            lambda answer: lambda w, d: answer(w, d)[:, :, :, ::d],
        ),
        Misconception(
            "columns-only",
            "You spread the columns, but not the rows.",
            lambda answer: lambda w, d: answer(w, d)[:, :, ::d],
        ),
        Misconception(
            "integers-only",
            "Your weights have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda w, d: np.trunc(answer(w, d)),
        ),
        Misconception(
            "flipped",
            "Your weights are turned by 180°. Nothing is turned here.",
            lambda answer: lambda w, d: answer(w, d)[:, :, ::-1, ::-1],
        ),
    ),
)

# --- e. conv2d --------------------------------------------------------------------------------------------------------


def conv2d(x, w, stride=1, padding=0):
    """Cross-correlate (C, H, W) with (K, C, kh, kw); zeros around the input."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    rows, columns = ((size - kernel) // stride + 1 for size, kernel in zip(x.shape[1:], w.shape[2:], strict=True))
    y = np.zeros((len(w), rows, columns))
    for a in range(w.shape[2]):
        for b in range(w.shape[3]):
            seen = x[:, a : a + stride * rows : stride, b : b + stride * columns : stride][:, :rows, :columns]
            y += np.tensordot(w[:, :, a, b], seen, 1)
    return y


_SMALL = np.array(
    [
        [[1, 2, 0, -1, 3, 2], [4, -2, 1, 5, 0, 1], [0, 3, -3, 2, 1, 4], [2, 1, 4, -1, 6, 0], [3, 0, 2, 2, -4, 1]],
        [[0, 1, 1, 2, -2, 5], [3, 3, -1, 0, 4, 2], [1, -5, 2, 6, 0, 3], [2, 2, 1, -3, 1, 1], [5, 1, 0, 4, 2, -6]],
    ],
    dtype=float,
)
_FILTERS = np.array(
    [
        [[[1, 0, -2], [3, 1, 0.5]], [[2, -1, 1], [0, 4, -3]]],
        [[[0, 2, 1], [-1, 1, 3]], [[1, 1.5, 0], [2, -2, 5]]],
        [[[4, 1, 0], [0, -3, 2]], [[-2, 0, 3], [1, 1, 2]]],
    ],
    dtype=float,
)
_TALL = _FILTERS.swapaxes(2, 3).copy()


def _extra(x, cells):
    return np.pad(x, [(0, 0), cells, cells])


CONV2D = Question(
    name="conv2d",
    reference=conv2d,
    cases=(
        Case("two channels, three kernels of 2 × 3", (_SMALL, _FILTERS, 1, 0)),
        Case("stride and padding left out", (_SMALL, _TALL)),
        Case("padding 1", (_SMALL, _FILTERS, 1, 1)),
        Case("padding 2", (_SMALL, _TALL, 1, 2)),
        Case("stride 2", (_SMALL, _TALL, 2, 0)),
        Case("stride 2, padding 1", (_SMALL, _FILTERS, 2, 1)),
        Case("stride 3, padding 2", (_SMALL, _FILTERS, 3, 2)),
        Case("one channel, one weight", (_SMALL[:1], np.array([[[[-2.0]]]]), 2, 0)),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernels are turned by 180°: this is true convolution. A layer of a network does not turn them.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w[:, :, ::-1, ::-1], stride, padding),
        ),
        Misconception(
            "transposed-kernel",
            "Rows and columns of the kernels are swapped.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w.swapaxes(2, 3), stride, padding),
        ),
        Misconception(
            "first-channel-only",
            "Only the first input channel counts in your result. A kernel has one plane per channel; add up over them.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x[:1], w[:, :1], stride, padding),
        ),
        Misconception(
            "channels-averaged",
            "Your values are divided by the number of channels. Channels are added up, not averaged.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, stride, padding) / len(x),
        ),
        Misconception(
            "channels-swapped",
            "The kernel's planes meet the wrong input channels.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x[::-1], w, stride, padding),
        ),
        Misconception(
            "stride-on-rows-only",
            "The stride acts on the rows, but not on the columns.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, 1, padding)[:, ::stride],
        ),
        Misconception(
            "stride-on-columns-only",
            "The stride acts on the columns, but not on the rows.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, 1, padding)[:, :, ::stride],
        ),
        Misconception(
            "stride-ignored",
            "Your result does not depend on the stride.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, 1, padding),
        ),
        Misconception(
            "padding-before-only",
            "You add zeros above and on the left, but not below and on the right.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(_extra(x, (padding, 0)), w, stride, 0),
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding.",
            lambda answer: lambda x, w, stride=1, padding=0: answer(x, w, stride, 0),
        ),
        Misconception(
            "rounded-up",
            "Your last window hangs out of the padded image. A place counts only if the whole kernel fits.",
            lambda answer: (
                lambda x, w, stride=1, padding=0: answer(
                    _extra(_extra(x, (padding, padding)), (0, stride - 1)), w, stride, 0
                )
            ),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda x, w, stride=1, padding=0: np.trunc(answer(x, w, stride, padding)),
        ),
    ),
)

EXERCISE = Exercise(
    number="03",
    name="padding-stride-dilation",
    questions=(OUTPUT_SIZE, TIMES_READ, PAD_IMAGE, DILATE_KERNEL, CONV2D),
    allowed=("numpy", "matplotlib"),
    withheld=("numpy.pad",),
)
