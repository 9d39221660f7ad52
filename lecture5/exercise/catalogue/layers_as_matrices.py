"""Exercise 4, fully connected to convolutional: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

from functools import partial

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question


def random(seed, *shape):
    """Numbers without zeros among them: a zero in a matrix then is a missing connection."""
    numbers = np.random.default_rng(seed).integers(1, 10, size=shape)
    return numbers * np.where(np.random.default_rng(seed + 1).random(shape) < 0.3, -1.0, 1.0)


def _places(size, kernel_size, stride, padding):
    return (size + 2 * padding - kernel_size) // stride + 1


# --- a. count_weights -------------------------------------------------------------------------------------------------


def count_weights(in_channels, height, width, out_channels, kernel_size, stride, padding):
    """Count the weights of the fully connected, the locally connected and the convolutional layer."""
    units = out_channels * _places(height, kernel_size, stride, padding) * _places(width, kernel_size, stride, padding)
    window = in_channels * kernel_size**2
    return np.array([units * in_channels * height * width, units * window, out_channels * window])


def _scaled(*factors):
    """Multiply the three counts; each factor is a function of the arguments."""

    def spoil(answer):
        return lambda *given: (
            np.array(answer(*given), dtype=float) * [1 if factor is None else factor(*given) for factor in factors]
        )

    return spoil


COUNT_WEIGHTS = Question(
    name="count_weights",
    reference=count_weights,
    cases=(
        Case("one channel, 5 × 7, a kernel of 3", (1, 5, 7, 2, 3, 1, 0)),
        Case("three colours", (3, 8, 6, 4, 3, 1, 1)),
        Case("a stride", (2, 11, 9, 5, 3, 2, 0)),
        Case("stride and padding", (4, 10, 13, 3, 5, 3, 2)),
        Case("a kernel of one cell", (6, 4, 9, 2, 1, 1, 0)),
        Case("the lecture's layer", (3, 227, 227, 96, 11, 4, 0)),
    ),
    misconceptions=(
        Misconception(
            "flat-window",
            "Your windows are one plane deep. A unit sees its window in every input channel.",
            _scaled(None, lambda c, *_: 1 / c, lambda c, *_: 1 / c),
        ),
        Misconception(
            "one-kernel",
            "Your convolution has a single kernel. It has one for each output channel.",
            _scaled(None, None, lambda c, h, w, k, *_: 1 / k),
        ),
        Misconception(
            "connections-not-weights",
            "For the convolution you count the connections. Many of them have the same weight; count each weight once.",
            lambda answer: lambda *given: np.array(answer(*given), dtype=float)[[0, 1, 1]],
        ),
        Misconception(
            "one-map",
            "Your locally connected layer has the same weights in all output channels. Each unit has its own.",
            _scaled(None, lambda c, h, w, k, *_: 1 / k, None),
        ),
        Misconception(
            "padding-connected",
            "Your fully connected layer has weights for cells of padding. Nothing is there to be connected to.",
            _scaled(
                lambda c, h, w, k, size, s, p: (h + 2 * p) * (w + 2 * p) / (h * w),
                None,
                None,
            ),
        ),
        Misconception(
            "one-channel-connected",
            "Your fully connected layer sees one input channel only.",
            _scaled(lambda c, *_: 1 / c, None, None),
        ),
        Misconception(
            "padding-once",
            "You count the padding once, but it is added on both sides.",
            lambda answer: (
                lambda c, h, w, k, size, s, p: (
                    np.array(answer(c, h - p, w - p, k, size, s, p), dtype=float) * [h * w / ((h - p) * (w - p)), 1, 1]
                )
            ),
        ),
        Misconception(
            "stride-ignored",
            "Your numbers do not depend on the stride. The first two count units, and a stride leaves fewer of them.",
            lambda answer: lambda c, h, w, k, size, s, p: answer(c, h, w, k, size, 1, p),
        ),
        Misconception(
            "square-image",
            "You use the height for both axes. The image need not be square.",
            lambda answer: lambda c, h, w, k, size, s, p: answer(c, h, h, k, size, s, p),
        ),
    ),
)

# --- b. conv_matrix ---------------------------------------------------------------------------------------------------


def conv_matrix(w, in_shape):
    """Write the matrix of a convolution with one channel, stride 1, without padding."""
    return layer_matrix(np.asarray(w)[None, None], (1, *in_shape), 1, 0)


def _planes(matrix, in_shape):
    """Each row of the matrix as an image of what its unit sees."""
    return np.asarray(matrix, dtype=float).reshape(-1, *in_shape)


def _no_jump(answer):
    def matrix(w, in_shape):
        right = np.asarray(answer(w, in_shape), dtype=float)
        return np.stack([np.roll(right[0], unit) for unit in range(len(right))])

    return matrix


def _rows_of_kernel_joined(answer):
    def matrix(w, in_shape):
        units = (n - k + 1 for n, k in zip(in_shape, w.shape, strict=True))
        starts = [i * in_shape[1] + j for i, j in np.ndindex(*units)]
        rows = np.zeros((len(starts), in_shape[0] * in_shape[1]))
        kernel = np.asarray(answer(w, w.shape), dtype=float).ravel()  # of an image as large as the kernel
        for row, start in zip(rows, starts, strict=True):
            row[start : start + kernel.size] = kernel
        return rows

    return matrix


def _other_order_of_units(answer):
    def matrix(w, in_shape):
        right = np.asarray(answer(w, in_shape))
        height, width = (n - k + 1 for n, k in zip(in_shape, w.shape, strict=True))
        return right.reshape(height, width, -1).swapaxes(0, 1).reshape(right.shape)

    return matrix


def _shifted_once_too_far(answer):
    return lambda w, in_shape: np.roll(answer(w, in_shape), 1, axis=1)


CONV_MATRIX = Question(
    name="conv_matrix",
    reference=conv_matrix,
    cases=(
        Case("the lecture's kernel, turned upside down", (np.array([[2.0, 1], [1, 3]]), (3, 3))),
        Case("2 × 3 on 4 × 5", (random(1, 2, 3), (4, 5))),
        Case("3 × 2 on 5 × 4", (random(3, 3, 2), (5, 4))),
        Case("a kernel that is a row", (random(5, 1, 3), (3, 5))),
        Case("a kernel that is a column", (random(7, 2, 1), (4, 3))),
        Case("as large as the image", (random(9, 3, 2), (3, 2))),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernel is turned round. In a layer the first weight meets the first cell of the window.",
            lambda answer: lambda w, in_shape: answer(w[::-1, ::-1], in_shape),
        ),
        Misconception(
            "transposed",
            "Your matrix is transposed: rows are units of the output, columns are cells of the input.",
            lambda answer: lambda w, in_shape: np.transpose(answer(w, in_shape)),
        ),
        Misconception(
            "no-jump-at-the-row-end",
            "Each of your rows is the one above moved by one. At the end of a row of units the window jumps to the next"
            " row of the image.",
            _no_jump,
        ),
        Misconception(
            "kernel-rows-joined",
            "You write the rows of the kernel one right after the other. In the image, the cell below lies a whole row"
            " further.",
            _rows_of_kernel_joined,
        ),
        Misconception(
            "columns-column-major",
            "Your columns go down the image first. Row-major order goes along each row first.",
            lambda answer: (
                lambda w, in_shape: (
                    _planes(answer(w, in_shape), in_shape).swapaxes(1, 2).reshape(np.shape(answer(w, in_shape)))
                )
            ),
        ),
        Misconception(
            "rows-column-major",
            "Your units go down the output first. Row-major order goes along each row first.",
            _other_order_of_units,
        ),
        Misconception(
            "one-too-far",
            "All your windows begin one column too late.",
            _shifted_once_too_far,
        ),
    ),
)

# --- c. locally_connected_matrix --------------------------------------------------------------------------------------


def locally_connected_matrix(w, in_shape, stride):
    """Write the matrix of a layer in which each unit sees its window with weights of its own; one channel."""
    rows, columns, height, width = w.shape
    matrix = np.zeros((rows, columns, *in_shape))
    for i, j in np.ndindex(rows, columns):
        matrix[i, j, i * stride : i * stride + height, j * stride : j * stride + width] = w[i, j]
    return matrix.reshape(rows * columns, -1)


def _moved(rows, columns):
    """Let each unit's window begin elsewhere: at 1 × its index in place of stride × its index, along these axes."""

    def spoil(answer):
        def matrix(w, in_shape, stride):
            right = answer(w, in_shape, stride)
            planes = _planes(right, in_shape)
            for plane, (i, j) in zip(planes, np.ndindex(w.shape[:2]), strict=True):
                plane[:] = np.roll(plane, (-rows * i * (stride - 1), -columns * j * (stride - 1)), axis=(0, 1))
            return planes.reshape(np.shape(right))

        return matrix

    return spoil


LOCALLY_CONNECTED_MATRIX = Question(
    name="locally_connected_matrix",
    reference=locally_connected_matrix,
    cases=(
        Case("windows of 2 × 2 on 3 × 3", (random(11, 2, 2, 2, 2), (3, 3), 1)),
        Case("windows of 1 × 3 on 3 × 5", (random(13, 3, 3, 1, 3), (3, 5), 1)),
        Case("stride 2", (random(15, 2, 3, 2, 3), (4, 7), 2)),
        Case("stride 2, a rest left over", (random(17, 2, 2, 3, 2), (6, 5), 2)),
        Case("stride 3", (random(19, 3, 2, 2, 1), (8, 5), 3)),
    ),
    misconceptions=(
        Misconception(
            "shared",
            "All your units have the weights of the first one: that is a convolution. Here each unit has its own.",
            lambda answer: lambda w, in_shape, s: answer(np.broadcast_to(w[0, 0], w.shape), in_shape, s),
        ),
        Misconception(
            "shared-in-a-row",
            "Units in the same row have the same weights. Each unit has its own.",
            lambda answer: lambda w, in_shape, s: answer(np.broadcast_to(w[:, :1], w.shape), in_shape, s),
        ),
        Misconception(
            "flipped-kernel",
            "Your windows are turned round: the first weight belongs to the first cell of the window.",
            lambda answer: lambda w, in_shape, s: answer(w[:, :, ::-1, ::-1], in_shape, s),
        ),
        Misconception(
            "stride-ignored",
            "Your windows move by one cell, whatever the stride is.",
            _moved(1, 1),
        ),
        Misconception(
            "stride-across-only",
            "Your windows move by the stride from left to right, but by one cell from top to bottom.",
            _moved(1, 0),
        ),
        Misconception(
            "stride-down-only",
            "Your windows move by the stride from top to bottom, but by one cell from left to right.",
            _moved(0, 1),
        ),
        Misconception(
            "transposed",
            "Your matrix is transposed: rows are units of the output, columns are cells of the input.",
            lambda answer: lambda w, in_shape, s: np.transpose(answer(w, in_shape, s)),
        ),
        Misconception(
            "columns-column-major",
            "Your columns go down the image first. Row-major order goes along each row first.",
            lambda answer: (
                lambda w, in_shape, s: (
                    _planes(answer(w, in_shape, s), in_shape).swapaxes(1, 2).reshape(np.shape(answer(w, in_shape, s)))
                )
            ),
        ),
    ),
)

# --- d. layer_matrix --------------------------------------------------------------------------------------------------


def layer_matrix(w, in_shape, stride, padding):
    """Write the matrix of a convolutional layer: any channels, stride and padding with zeros."""
    maps, _, *kernel = w.shape
    channels, *image = in_shape
    rows, columns = (_places(n, k, stride, padding) for n, k in zip(image, kernel, strict=True))
    padded = np.zeros((maps, rows, columns, channels, *(n + 2 * padding for n in image)))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride, j * stride
        padded[:, i, j, :, top : top + kernel[0], left : left + kernel[1]] = w
    inside = padded[..., padding : padding + image[0], padding : padding + image[1]]  # no columns for the padding
    return inside.reshape(maps * rows * columns, -1)


def _wrapped(answer):
    """Windows that reach over the border go on at the other side."""

    def matrix(w, in_shape, stride, padding):
        channels, *image = in_shape
        padded = answer(w, (channels, *(n + 2 * padding for n in image)), stride, 0)
        folded = np.asarray(padded, dtype=float).reshape(-1, channels, *(n + 2 * padding for n in image))
        for axis, size in enumerate(image, start=2):
            whole = np.zeros((*folded.shape[:axis], size, *folded.shape[axis + 1 :]))
            np.add.at(whole, (*[slice(None)] * axis, (np.arange(folded.shape[axis]) - padding) % size), folded)
            folded = whole
        return folded.reshape(len(folded), -1)

    return matrix


def _maps_last(answer):
    def matrix(w, in_shape, stride, padding):
        right = np.asarray(answer(w, in_shape, stride, padding))
        return right.reshape(len(w), -1, right.shape[1]).swapaxes(0, 1).reshape(right.shape)

    return matrix


def _channels_last(answer):
    def matrix(w, in_shape, stride, padding):
        right = np.asarray(answer(w, in_shape, stride, padding))
        return right.reshape(len(right), in_shape[0], -1).swapaxes(1, 2).reshape(right.shape)

    return matrix


LAYER_MATRIX = Question(
    name="layer_matrix",
    reference=layer_matrix,
    cases=(
        Case("one channel, as in b", (random(21, 1, 1, 2, 3), (1, 4, 5), 1, 0)),
        Case("two channels in, three out", (random(23, 3, 2, 2, 2), (2, 3, 4), 1, 0)),
        Case("stride 2", (random(25, 2, 2, 2, 3), (2, 5, 6), 2, 0)),
        Case("padding 1", (random(27, 2, 3, 3, 2), (3, 3, 4), 1, 1)),
        Case("stride 2, padding 1", (random(29, 2, 2, 3, 3), (2, 5, 4), 2, 1)),
        Case("stride 3, padding 2", (random(31, 1, 2, 4, 3), (2, 5, 6), 3, 2)),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernels are turned round. A layer does not turn them.",
            lambda answer: lambda w, *rest: answer(w[:, :, ::-1, ::-1], *rest),
        ),
        Misconception(
            "one-plane",
            "You use the weights for the first input channel for all of them. A kernel has weights for each.",
            lambda answer: lambda w, *rest: answer(np.broadcast_to(w[:, :1], w.shape), *rest),
        ),
        Misconception(
            "one-map",
            "All your feature maps have the weights of the first one.",
            lambda answer: lambda w, *rest: answer(np.broadcast_to(w[:1], w.shape), *rest),
        ),
        Misconception(
            "maps-last",
            "Your rows have the channel last. All units of the first feature map come first, then those of the second.",
            _maps_last,
        ),
        Misconception(
            "channels-last",
            "Your columns have the channel last. All cells of the first channel come first, then those of the second.",
            _channels_last,
        ),
        Misconception(
            "stride-ignored",
            "Your windows move by one cell, whatever the stride is.",
            lambda answer: lambda w, in_shape, s, p: answer(w, in_shape, 1, p),
        ),
        Misconception(
            "padding-ignored",
            "Your matrix does not depend on the padding.",
            lambda answer: lambda w, in_shape, s, p: answer(w, in_shape, s, 0),
        ),
        Misconception(
            "padding-has-columns",
            "Your matrix has columns for cells of padding. They are always zero, so nobody multiplies them; the columns"
            " belong to the real input.",
            lambda answer: (
                lambda w, in_shape, s, p: answer(w, (in_shape[0], in_shape[1] + 2 * p, in_shape[2] + 2 * p), s, 0)
            ),
        ),
        Misconception(
            "wrapped",
            "A window that reaches over the border goes on at the other side. Did an index become negative?",
            _wrapped,
        ),
    ),
)

# --- e. equivariance_error --------------------------------------------------------------------------------------------


def _moved_round(y, shift):
    return np.roll(y, shift)


def _moved_out(y, shift):
    """Moved, with zeros coming in: what leaves on one side is lost."""
    comes_from = np.arange(len(y)) - shift
    inside = (comes_from >= 0) & (comes_from < len(y))
    return np.where(inside, np.roll(y, shift), 0)


def equivariance_error(
    matrix,
    x,
    shift,
    stride,
    *,
    move=_moved_round,
    output_factor=lambda shift, stride: shift // stride,
    divide_by="output",
    power=1,
    size=np.linalg.norm,
):
    """How far the layer is from "shift in, shift out"; the keywords are what people get wrong."""
    plain = matrix @ x
    shifted = matrix @ move(x, shift)
    error = size(shifted - move(plain, output_factor(shift, stride)))
    whole = {"output": size(plain), "input": size(x), "nothing": 1.0}[divide_by]
    return (error / whole) ** power


def _error(**wrong):
    return lambda answer: partial(answer, **wrong)


def _error_case(name, seed, length, stride, shift):
    return Case(name, (random(seed, length // stride, length), random(seed + 2, length), shift, stride))


EQUIVARIANCE_ERROR = Question(
    name="equivariance_error",
    reference=equivariance_error,
    cases=(
        _error_case("any matrix", 41, 6, 1, 1),
        _error_case("a shift by two", 45, 7, 1, 2),
        _error_case("a shift to the left", 49, 6, 1, -1),
        _error_case("stride 2", 53, 8, 2, 2),
        _error_case("stride 3, two strides", 57, 15, 3, 6),
        Case(
            "a layer that is equivariant",
            (np.stack([np.roll([1.0, 2, 0, 0, 0], n) for n in range(5)]), random(61, 5), 2, 1),
        ),
        Case(
            "a convolution that ends at the border",
            (np.eye(5) + 2 * np.eye(5, k=1), random(63, 5), 1, 1),
        ),
    ),
    misconceptions=(
        Misconception(
            "invariance",
            "You compare with the output as it was. That measures invariance; equivariant means that the output moves"
            " along.",
            _error(output_factor=lambda shift, stride: 0),
        ),
        Misconception(
            "wrong-direction",
            "The input moves one way and the output the other.",
            _error(output_factor=lambda shift, stride: -(shift // stride)),
        ),
        Misconception(
            "stride-forgotten",
            "You move the output as far as the input. One cell of the output stands for `stride` cells of the input.",
            _error(output_factor=lambda shift, stride: shift),
        ),
        Misconception(
            "not-relative",
            "Your error is not relative: of a layer that is twice as strong it would be twice as large.",
            _error(divide_by="nothing"),
        ),
        Misconception(
            "relative-to-the-input",
            "You divide by the size of the input. The error is one of the output.",
            _error(divide_by="input"),
        ),
        Misconception(
            "squared",
            "Your error is squared: the root is missing.",
            _error(power=2),
        ),
        Misconception(
            "absolute-values",
            "You measure sizes by absolute values (a sum, or their mean). The norm here is the root of the sum of"
            " squares.",
            _error(size=lambda y: np.abs(y).sum()),
        ),
        Misconception(
            "zeros-come-in",
            "What leaves on one side is lost in your shift. Here it comes in again on the other.",
            _error(move=_moved_out),
        ),
    ),
)

EXERCISE = Exercise(
    number="04",
    name="layers-as-matrices",
    questions=(COUNT_WEIGHTS, CONV_MATRIX, LOCALLY_CONNECTED_MATRIX, LAYER_MATRIX, EQUIVARIANCE_ERROR),
    allowed=("numpy", "matplotlib"),
)
