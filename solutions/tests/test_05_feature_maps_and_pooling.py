"""Hidden tests of exercise 5. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by counting and by loops, so that nothing is compared with itself.
"""

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def starts(size, kernel_size, stride):
    """Where a window may begin."""
    return range(0, size - kernel_size + 1, stride)


def cost(in_channels, out_channels, kernel_size, height, width, stride, padding):
    parameters = sum(in_channels * kernel_size * kernel_size + 1 for _ in range(out_channels))
    places = [(i, j) for i in starts(height + 2 * padding, kernel_size, stride)
              for j in starts(width + 2 * padding, kernel_size, stride)]  # fmt: skip
    return np.array([parameters, len(places) * (parameters - out_channels)])


@pytest.mark.points("layer_cost", 1, shows="stride 1, images that are not square")
def test_layer_cost_plain(submission, rng):
    for kernel_size in (1, 2, 3, 5):
        layer = [*rng.integers(2, 40, size=2).tolist(), kernel_size, *rng.integers(6, 60, size=2).tolist(), 1, 0]
        assert_equal(submission.layer_cost(*layer), cost(*layer))


@pytest.mark.points("layer_cost", 1, shows="padding")
def test_layer_cost_padding(submission, rng):
    for kernel_size, padding in [(3, 1), (5, 2), (4, 3)]:
        layer = [*rng.integers(2, 40, size=2).tolist(), kernel_size, *rng.integers(6, 60, size=2).tolist(), 1, padding]
        assert_equal(submission.layer_cost(*layer), cost(*layer))


@pytest.mark.points("layer_cost", 1, shows="stride and padding together")
def test_layer_cost_stride(submission, rng):
    for kernel_size, stride, padding in [(3, 2, 1), (7, 2, 3), (11, 4, 2), (4, 5, 0)]:
        sizes = rng.integers(12, 60, size=2).tolist()
        layer = [*rng.integers(2, 40, size=2).tolist(), kernel_size, *sizes, stride, padding]
        assert_equal(submission.layer_cost(*layer), cost(*layer))


def pooled(x, kernel_size, stride, summary):
    rows, columns = starts(x.shape[1], kernel_size, stride), starts(x.shape[2], kernel_size, stride)
    return np.array(
        [[[summary(plane[i : i + kernel_size, j : j + kernel_size]) for j in columns] for i in rows] for plane in x]
    )


@pytest.mark.points("max_pool2d", 1, shows="windows side by side, maps that are not square")
def test_max_pool2d_side_by_side(submission, rng):
    for shape, kernel_size in [((1, 6, 8), 2), ((3, 7, 10), 3), ((2, 9, 5), 4)]:
        x = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.max_pool2d(x, kernel_size, kernel_size), pooled(x, kernel_size, kernel_size, np.max))


@pytest.mark.points("max_pool2d", 1, shows="other strides than the window")
def test_max_pool2d_strides(submission, rng):
    for shape, kernel_size, stride in [((2, 7, 9), 3, 2), ((1, 8, 6), 2, 1), ((3, 11, 10), 2, 3), ((2, 5, 5), 5, 1)]:
        x = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.max_pool2d(x, kernel_size, stride), pooled(x, kernel_size, stride, np.max))


@pytest.mark.points("max_pool2d", 1, shows="maps without a positive number")
def test_max_pool2d_negative(submission, rng):
    for shape, kernel_size, stride in [((2, 6, 7), 2, 2), ((3, 8, 5), 3, 1)]:
        x = -1 - np.abs(rng.normal(size=shape))
        assert_equal(submission.max_pool2d(x, kernel_size, stride), pooled(x, kernel_size, stride, np.max))


def mean_inside(x, kernel_size, stride, padding):
    padded = np.pad(x.astype(float), [(0, 0), (padding, padding), (padding, padding)], constant_values=np.nan)
    return pooled(padded, kernel_size, stride, np.nanmean)


@pytest.mark.points("avg_pool2d", 1, shows="without padding, any stride")
def test_avg_pool2d_plain(submission, rng):
    for shape, kernel_size, stride in [((1, 6, 8), 2, 2), ((3, 7, 9), 3, 1), ((2, 11, 8), 2, 3)]:
        x = np.round(rng.normal(size=shape) + 2, 3)
        assert_equal(submission.avg_pool2d(x, kernel_size, stride, 0), mean_inside(x, kernel_size, stride, 0))


@pytest.mark.points("avg_pool2d", 1, shows="padding that is not counted")
def test_avg_pool2d_padding(submission, rng):
    for shape, kernel_size, stride, padding in [((1, 5, 7), 3, 1, 1), ((2, 6, 4), 2, 2, 1), ((3, 8, 9), 5, 1, 2)]:
        x = np.round(rng.normal(size=shape) + 2, 3)
        expected = mean_inside(x, kernel_size, stride, padding)
        assert_equal(submission.avg_pool2d(x, kernel_size, stride, padding), expected)


@pytest.mark.points("avg_pool2d", 1, shows="padding with a stride, and maps of whole numbers")
def test_avg_pool2d_all(submission, rng):
    for shape, kernel_size, stride, padding in [((2, 7, 8), 3, 2, 1), ((1, 9, 6), 4, 3, 2), ((2, 6, 6), 2, 3, 1)]:
        x = rng.integers(-9, 10, size=shape)
        expected = mean_inside(x, kernel_size, stride, padding)
        assert_equal(submission.avg_pool2d(x, kernel_size, stride, padding), expected)


def blurred(x, stride):
    weights, (channels, height, width) = (1, 2, 1), x.shape
    y = np.zeros(x.shape)
    for c, i, j in np.ndindex(channels, height, width):
        for a in (-1, 0, 1):
            for b in (-1, 0, 1):
                row, column = abs(i + a), abs(j + b)  # a mirror at 0, and one at the end
                row, column = min(row, 2 * (height - 1) - row), min(column, 2 * (width - 1) - column)
                y[c, i, j] += weights[a + 1] * weights[b + 1] * x[c, row, column] / 16
    return y[:, ::stride, ::stride]


@pytest.mark.points("blur_pool", 1, shows="only the blur")
def test_blur_pool_stride_1(submission, rng):
    for shape in [(1, 5, 7), (3, 8, 4), (2, 2, 3)]:
        x = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.blur_pool(x, 1), blurred(x, 1))


@pytest.mark.points("blur_pool", 1, shows="stride 2, even and odd sizes")
def test_blur_pool_stride_2(submission, rng):
    for shape in [(1, 6, 8), (3, 7, 5), (2, 4, 9)]:
        x = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.blur_pool(x, 2), blurred(x, 2))


@pytest.mark.points("blur_pool", 1, shows="larger strides, and maps of whole numbers")
def test_blur_pool_larger(submission, rng):
    for shape, stride in [((1, 10, 7), 3), ((2, 9, 13), 4)]:
        x = rng.integers(-9, 10, size=shape)
        assert_equal(submission.blur_pool(x, stride), blurred(x, stride))
