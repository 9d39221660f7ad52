"""Hidden tests of exercise 12. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here in another way than the exercise asks for, so that nothing is compared with itself.
"""

import math

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def numbers(rng, *shape):
    return np.round(rng.normal(size=shape), 3)


def head_at_every_place(x, weight, bias, size):
    """Apply the head to each window, as the classifier would: features flattened, matrix times vector."""
    height, width = size
    rows, columns = x.shape[1] - height + 1, x.shape[2] - width + 1
    y = np.zeros((len(weight), rows, columns))
    for i, j in np.ndindex(rows, columns):
        y[:, i, j] = weight @ x[:, i : i + height, j : j + width].flatten() + bias
    return y


def check_head(submission, rng, settings):
    for channels, size, classes, shape in settings:
        weight = numbers(rng, classes, channels * size[0] * size[1])
        arguments = numbers(rng, channels, *shape), weight, numbers(rng, classes) + 2, size
        assert_equal(submission.dense_scores(*arguments), head_at_every_place(*arguments))


@pytest.mark.points("dense_scores", 1, shows="features of the head's own size")
def test_dense_scores_own_size(submission, rng):
    check_head(submission, rng, [(3, (2, 4), 5, (2, 4)), (2, (3, 3), 2, (3, 3)), (4, (1, 2), 3, (1, 2))])


@pytest.mark.points("dense_scores", 1, shows="larger features, heads that are not square")
def test_dense_scores_larger(submission, rng):
    check_head(submission, rng, [(2, (3, 2), 3, (6, 7)), (3, (2, 3), 4, (4, 9)), (1, (4, 1), 2, (7, 5))])


def transposed(x, w, stride, padding=0):
    """Each output cell collects, by the definition, from those inputs whose stamp reaches it."""
    _, height, width = x.shape
    _, channels, rows, columns = w.shape
    size = ((height - 1) * stride + rows - 2 * padding, (width - 1) * stride + columns - 2 * padding)
    y = np.zeros((channels, *size))
    for r, c in np.ndindex(*size):
        for i, j in np.ndindex(height, width):
            a, b = r + padding - i * stride, c + padding - j * stride
            if 0 <= a < rows and 0 <= b < columns:
                y[:, r, c] += x[:, i, j] @ w[:, :, a, b]
    return y


@pytest.mark.points("conv_transpose2d", 1, shows="several channels, strides 1 to 3")
def test_conv_transpose2d_strides(submission, rng):
    for shape, kernel, stride in [
        ((2, 3, 4), (2, 3, 2, 3), 1),
        ((3, 2, 3), (3, 2, 3, 3), 2),
        ((1, 3, 2), (1, 2, 2, 1), 3),
    ]:
        x, w = numbers(rng, *shape), numbers(rng, *kernel)
        assert_equal(submission.conv_transpose2d(x, w, stride), transposed(x, w, stride))


@pytest.mark.points("conv_transpose2d", 1, shows="padding, and strides with padding")
def test_conv_transpose2d_padding(submission, rng):
    for shape, kernel, stride, padding in [
        ((2, 3, 4), (2, 3, 3, 3), 1, 1),
        ((2, 4, 3), (2, 1, 4, 4), 2, 1),
        ((1, 3, 3), (1, 2, 5, 6), 3, 2),
    ]:
        x, w = numbers(rng, *shape), numbers(rng, *kernel)
        assert_equal(submission.conv_transpose2d(x, w, stride, padding), transposed(x, w, stride, padding))


@pytest.mark.points("stuffed_transpose", 1, shows="stride 1, kernels that are not symmetric")
def test_stuffed_transpose_plain(submission, rng):
    for shape, kernel in [((3, 4), (2, 2)), ((2, 3), (3, 2)), ((4, 2), (2, 4))]:
        x, w = numbers(rng, *shape), numbers(rng, *kernel)
        assert_equal(submission.stuffed_transpose(x, w, 1), transposed(x[None], w[None, None], 1)[0])


@pytest.mark.points("stuffed_transpose", 1, shows="strides 2 and 3")
def test_stuffed_transpose_strides(submission, rng):
    for shape, kernel, stride in [((3, 4), (3, 2), 2), ((2, 3), (2, 2), 3), ((1, 4), (4, 3), 2), ((3, 1), (1, 3), 3)]:
        x, w = numbers(rng, *shape), numbers(rng, *kernel)
        assert_equal(submission.stuffed_transpose(x, w, stride), transposed(x[None], w[None, None], stride)[0])


def matrix_of(w, shape, stride):
    columns = []
    for cell in range(shape[0] * shape[1]):
        x = np.zeros(shape[0] * shape[1])
        x[cell] = 1
        columns.append(transposed(x.reshape(1, *shape), w[None, None], stride).flatten())
    return np.array(columns).T


@pytest.mark.points("transpose_matrix", 1, shows="stride 1")
def test_transpose_matrix_plain(submission, rng):
    for kernel, shape in [((2, 3), (3, 2)), ((3, 1), (2, 4)), ((2, 2), (3, 3))]:
        w = numbers(rng, *kernel)
        assert_equal(submission.transpose_matrix(w, shape, 1), matrix_of(w, shape, 1))


@pytest.mark.points("transpose_matrix", 1, shows="strides 2 and 3")
def test_transpose_matrix_strides(submission, rng):
    for kernel, shape, stride in [((2, 3), (2, 3), 2), ((3, 2), (3, 2), 3), ((4, 2), (2, 2), 2)]:
        w = numbers(rng, *kernel)
        assert_equal(submission.transpose_matrix(w, shape, stride), matrix_of(w, shape, stride))


def fields_by_spreading(kernel_size, dilations):
    """Follow one unit down to the input: which cells does it see?"""
    fields = []
    for depth in range(1, len(dilations) + 1):
        cells = {0}
        for dilation in reversed(dilations[:depth]):
            cells = {cell + dilation * tap for cell in cells for tap in range(kernel_size)}
        fields.append(max(cells) - min(cells) + 1)
    return fields


@pytest.mark.points("dilated_fields", 1, shows="kernels of 3")
def test_dilated_fields_of_three(submission, rng):
    for length in (1, 4, 6):
        dilations = rng.integers(1, 7, size=length).tolist()
        assert_equal(submission.dilated_fields(3, dilations), fields_by_spreading(3, dilations))


@pytest.mark.points("dilated_fields", 1, shows="other kernels")
def test_dilated_fields_other_kernels(submission, rng):
    for kernel_size in (1, 2, 4, 5):
        dilations = rng.integers(1, 6, size=4).tolist()
        assert_equal(submission.dilated_fields(kernel_size, dilations), fields_by_spreading(kernel_size, dilations))


def loss_pixel_by_pixel(scores, classes):
    losses = []
    for row, column in np.ndindex(*classes.shape):
        here = [float(score) for score in scores[:, row, column]]
        highest = max(here)
        losses.append(highest + math.log(sum(math.exp(score - highest) for score in here)) - here[classes[row, column]])
    return sum(losses) / len(losses)


@pytest.mark.points("pixel_loss", 1, shows="images that are not square, 2 to 6 classes")
def test_pixel_loss_plain(submission, rng):
    for num_classes, shape in [(2, (3, 5)), (4, (4, 2)), (6, (1, 7))]:
        scores, classes = 3 * numbers(rng, num_classes, *shape), rng.integers(0, num_classes, size=shape)
        assert_equal(submission.pixel_loss(scores, classes), loss_pixel_by_pixel(scores, classes))


@pytest.mark.points("pixel_loss", 1, shows="scores that are very large or very small")
def test_pixel_loss_large_scores(submission, rng):
    for size, shape in [(2000, (2, 3)), (900, (3, 2))]:
        scores, classes = size * numbers(rng, 3, *shape), rng.integers(0, 3, size=shape)
        assert_equal(submission.pixel_loss(scores, classes), loss_pixel_by_pixel(scores, classes))


def iou_by_sets(predicted, true, num_classes):
    values = []
    for label in range(num_classes):
        ours = {tuple(place) for place in np.argwhere(predicted == label).tolist()}
        theirs = {tuple(place) for place in np.argwhere(true == label).tolist()}
        if ours | theirs:
            values.append(len(ours & theirs) / len(ours | theirs))
    return sum(values) / len(values)


@pytest.mark.points("mean_iou", 1, shows="all classes occur")
def test_mean_iou_all_classes(submission, rng):
    for num_classes, shape in [(2, (1, 5, 6)), (3, (3, 4, 7)), (5, (2, 9, 8))]:
        true = rng.choice(num_classes, size=shape, p=np.arange(num_classes, 0, -1) / sum(range(num_classes + 1)))
        guess = np.where(rng.random(shape) < 0.6, true, rng.integers(0, num_classes, size=shape))
        assert_equal(submission.mean_iou(guess, true, num_classes), iou_by_sets(guess, true, num_classes))


@pytest.mark.points("mean_iou", 1, shows="classes that occur nowhere, or on one side only")
def test_mean_iou_absent_classes(submission, rng):
    for num_classes, shape in [(7, (2, 4, 5)), (5, (1, 6, 3))]:
        true = rng.integers(0, 2, size=shape)
        guess = np.where(rng.random(shape) < 0.5, true, rng.integers(0, 3, size=shape))
        assert_equal(submission.mean_iou(guess, true, num_classes), iou_by_sets(guess, true, num_classes))
        lazy = np.zeros_like(true)
        assert_equal(submission.mean_iou(lazy, true, num_classes), iou_by_sets(lazy, true, num_classes))
