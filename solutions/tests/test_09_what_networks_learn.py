"""Hidden tests of exercise 9. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here in another way: transposes by the package's gradient of a convolution, the ascent by numerical slopes.
"""

import math

import numpy as np
import pytest

from lecture5 import conv_input_grad
from lecture5.grading.testing import assert_equal


def pooled(rng, shape, size, stride):
    """Max pooling of a random map: values, switches."""
    x = rng.permutation(np.prod(shape)).reshape(shape) / 4.0
    rows, columns = (shape[1] - size) // stride + 1, (shape[2] - size) // stride + 1
    y, switches = np.zeros((shape[0], rows, columns)), np.zeros((shape[0], rows, columns), dtype=int)
    for c, i, j in np.ndindex(y.shape):
        window = x[c, i * stride : i * stride + size, j * stride : j * stride + size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        y[c, i, j] = window[row, column]
        switches[c, i, j] = (i * stride + row) * shape[2] + j * stride + column
    return y, switches


def back(y, switches, height, width):
    down = np.zeros((len(y), height, width))
    for c, i, j in np.ndindex(y.shape):
        down[c, switches[c, i, j] // width, switches[c, i, j] % width] += y[c, i, j]
    return down


@pytest.mark.points("unpool_with_switches", 1, shows="windows that do not overlap")
def test_unpool(submission, rng):
    for shape in [(2, 4, 6), (1, 6, 4), (3, 2, 8)]:
        y, switches = pooled(rng, shape, 2, 2)
        y = y - y.mean()
        assert_equal(submission.unpool_with_switches(y, switches, *shape[1:]), back(y, switches, *shape[1:]))


@pytest.mark.points("unpool_with_switches", 1, shows="windows that overlap")
def test_unpool_overlap(submission, rng):
    for shape in [(2, 5, 7), (3, 7, 5)]:
        y, switches = pooled(rng, shape, 3, 2)
        assert len(np.unique(switches[0])) < switches[0].size or len(np.unique(switches[1])) < switches[1].size
        assert_equal(submission.unpool_with_switches(y, switches, *shape[1:]), back(y, switches, *shape[1:]))


def transposed(down, w, padding):
    height, width = (size + k - 1 - 2 * padding for size, k in zip(down.shape[1:], w.shape[2:], strict=True))
    shape = (1, w.shape[1], height, width)
    return conv_input_grad(np.maximum(down, 0)[None], w, shape, padding=padding)[0]


def check_step(submission, rng, channels, size, kernel, padding):
    down = rng.normal(size=(channels[0], *size))
    w = rng.normal(size=(*channels, *kernel))
    assert_equal(submission.deconv_step(down, w, padding), transposed(down, w, padding))


@pytest.mark.points("deconv_step", 1, shows="one activation")
def test_step_single(submission, rng):
    for place in [(0, 1, 2), (1, 0, 0), (2, 2, 3)]:
        down, w = np.zeros((3, 3, 4)), rng.normal(size=(3, 2, 3, 3))
        down[place] = rng.uniform(1, 2)
        assert_equal(submission.deconv_step(down, w, 1), transposed(down, w, 1))


@pytest.mark.points("deconv_step", 1, shows="no padding, kernels that are not square")
def test_step_unpadded(submission, rng):
    check_step(submission, rng, (2, 3), (4, 3), (2, 3), 0)
    check_step(submission, rng, (3, 1), (2, 5), (3, 1), 0)


@pytest.mark.points("deconv_step", 1, shows="padding 1 and 2")
def test_step_padded(submission, rng):
    check_step(submission, rng, (2, 3), (5, 4), (3, 3), 1)
    check_step(submission, rng, (1, 2), (4, 6), (5, 5), 2)


def probabilities(image, w, bias, target, size, fill):
    def probability(i, j):
        row, column = np.indices(image.shape)
        inside = (row >= i) & (row < i + size) & (column >= j) & (column < j + size)
        covered = np.where(inside, fill, image)
        scores = [float((template * covered).sum() + b) for template, b in zip(w, bias, strict=True)]
        return 1 / sum(math.exp(score - scores[target]) for score in scores)

    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    return np.array([[probability(i, j) for j in range(columns)] for i in range(rows)])


def check_covered(submission, rng, shape, classes, size, fill, whole=False):
    image = rng.integers(0, 4, size=shape) if whole else rng.random(shape) * 2
    w, bias = rng.normal(size=(classes, *shape)) / 2, rng.normal(size=classes)
    for target in (1, classes - 1):
        expected = probabilities(image, w, bias, target, size, fill)
        assert_equal(submission.covered_probability(image, w, bias, target, size, fill), expected)


@pytest.mark.points("covered_probability", 1, shows="squares of several sizes, black")
def test_covered_black(submission, rng):
    check_covered(submission, rng, (4, 6), 3, 2, 0.0)
    check_covered(submission, rng, (5, 4), 2, 3, 0.0)
    check_covered(submission, rng, (3, 4), 4, 1, 0.0)


@pytest.mark.points("covered_probability", 1, shows="another fill")
def test_covered_grey(submission, rng):
    check_covered(submission, rng, (4, 5), 3, 2, 0.75)
    check_covered(submission, rng, (5, 3), 3, 2, -1.5)


@pytest.mark.points("covered_probability", 1, shows="whole numbers, and a square as large as the image")
def test_covered_whole(submission, rng):
    check_covered(submission, rng, (4, 5), 3, 2, 0.5, whole=True)
    check_covered(submission, rng, (3, 3), 3, 3, 0.25)


def neighbours(features, labels, test_features):
    def label(asked):
        return min(zip(features, labels, strict=True), key=lambda known: math.dist(known[0].ravel(), asked.ravel()))[1]

    return np.array([label(asked) for asked in test_features])


@pytest.mark.points("nearest_labels", 1, shows="points in the plane")
def test_nearest_points(submission, rng):
    for known, asked in [(8, 12), (15, 20)]:
        features, labels, test = (
            rng.normal(size=(known, 2)),
            rng.integers(3, 9, size=known),
            rng.normal(size=(asked, 2)),
        )
        assert_equal(submission.nearest_labels(features, labels, test), neighbours(features, labels, test))


@pytest.mark.points("nearest_labels", 1, shows="feature maps")
def test_nearest_maps(submission, rng):
    for shape in [(3, 2, 2), (1, 4, 3)]:
        features, labels, test = rng.normal(size=(9, *shape)), rng.integers(0, 5, size=9), rng.normal(size=(15, *shape))
        assert_equal(submission.nearest_labels(features, labels, test), neighbours(features, labels, test))


def climbed(image, gradient, rate, size_penalty, variation_penalty):
    """The step by central differences of the penalties, which are quadratic, so that these are exact."""

    def penalty(x):
        rough = np.sum((x[1:] - x[:-1]) ** 2) + np.sum((x[:, 1:] - x[:, :-1]) ** 2)
        return size_penalty * np.sum(x**2) + variation_penalty * rough

    slope = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        step = np.zeros(image.shape)
        step[place] = 0.5
        slope[place] = penalty(image + step) - penalty(image - step)
    return image + rate * (gradient - slope)


def check_ascent(submission, rng, shape, *settings):
    image, gradient = rng.normal(size=(2, *shape))
    assert_equal(submission.ascent_step(image, gradient, *settings), climbed(image, gradient, *settings))


@pytest.mark.points("ascent_step", 1, shows="the penalty on the size")
def test_ascent_size(submission, rng):
    check_ascent(submission, rng, (3, 5), 0.3, 0.4, 0.0)
    check_ascent(submission, rng, (4, 2), 2.0, 0.05, 0.0)


@pytest.mark.points("ascent_step", 1, shows="the penalty on differences")
def test_ascent_variation(submission, rng):
    check_ascent(submission, rng, (3, 5), 0.3, 0.0, 0.4)
    check_ascent(submission, rng, (5, 4), 1.5, 0.0, 0.1)


@pytest.mark.points("ascent_step", 1, shows="both")
def test_ascent_both(submission, rng):
    for _ in range(3):
        check_ascent(submission, rng, (4, 6), *rng.uniform(0.1, 0.9, size=3))
