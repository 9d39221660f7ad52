"""Hidden tests of exercise 7. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here from the definitions, number by number, so that nothing is compared with itself.
"""

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def padded(x, padding):
    return np.pad(x.astype(float), [(0, 0), (padding, padding), (padding, padding)])


def starts(size, kernel_size, stride):
    """Where a window may begin."""
    return range(0, size - kernel_size + 1, stride)


def columns(x, kernel_height, kernel_width, stride, padding):
    x = padded(x, padding)
    places = [
        (i, j) for i in starts(x.shape[1], kernel_height, stride) for j in starts(x.shape[2], kernel_width, stride)
    ]
    return np.array([x[:, i : i + kernel_height, j : j + kernel_width].ravel() for i, j in places]).T


def image(rng, *shape):
    return np.round(rng.normal(size=shape), 3)


@pytest.mark.points("im2col", 1, shows="stride 1, kernels that are not square")
def test_im2col_plain(submission, rng):
    for shape, kernel in [((1, 5, 7), (2, 2)), ((3, 6, 4), (2, 3)), ((2, 4, 5), (3, 1)), ((4, 3, 3), (3, 3))]:
        x = image(rng, *shape)
        assert_equal(submission.im2col(x, *kernel, 1, 0), columns(x, *kernel, 1, 0))


@pytest.mark.points("im2col", 1, shows="strides, with cells left over")
def test_im2col_stride(submission, rng):
    for shape, kernel, stride in [((2, 7, 9), (3, 2), 2), ((1, 8, 6), (2, 2), 3), ((3, 9, 10), (1, 4), 2)]:
        x = image(rng, *shape)
        assert_equal(submission.im2col(x, *kernel, stride, 0), columns(x, *kernel, stride, 0))


@pytest.mark.points("im2col", 1, shows="padding, with and without a stride, and images of whole numbers")
def test_im2col_padding(submission, rng):
    for shape, kernel, stride, padding in [
        ((2, 4, 6), (3, 3), 1, 1),
        ((1, 6, 5), (2, 3), 2, 2),
        ((2, 5, 5), (4, 2), 3, 1),
    ]:
        x = rng.integers(1, 10, size=shape)
        assert_equal(submission.im2col(x, *kernel, stride, padding), columns(x, *kernel, stride, padding))


def gradient(grad_output, x, kernel_height, kernel_width, stride, padding):
    """Each place adds what the weights met there, times what the loss says of that place."""
    x = padded(x, padding)
    total = np.zeros((len(grad_output), len(x), kernel_height, kernel_width))
    for k, i, j in np.ndindex(*grad_output.shape):
        top, left = i * stride, j * stride
        total[k] += grad_output[k, i, j] * x[:, top : top + kernel_height, left : left + kernel_width]
    return total


def check_gradient(submission, rng, shape, kernels, kernel, stride, padding, whole=False):
    x = rng.integers(-9, 10, size=shape) if whole else image(rng, *shape)
    rows, cols = (len(starts(size + 2 * padding, k, stride)) for size, k in zip(shape[1:], kernel, strict=True))
    grad_output = rng.integers(-9, 10, size=(kernels, rows, cols)) if whole else image(rng, kernels, rows, cols)
    expected = gradient(grad_output, x, *kernel, stride, padding)
    assert_equal(submission.weight_gradient(grad_output, x, *kernel, stride, padding), expected)


@pytest.mark.points("weight_gradient", 1, shows="stride 1, no padding")
def test_weight_gradient_plain(submission, rng):
    check_gradient(submission, rng, (1, 5, 7), 2, (2, 3), 1, 0)
    check_gradient(submission, rng, (3, 6, 4), 4, (3, 2), 1, 0)


@pytest.mark.points("weight_gradient", 1, shows="strides, with cells left over")
def test_weight_gradient_stride(submission, rng):
    check_gradient(submission, rng, (2, 8, 7), 3, (3, 2), 2, 0)
    check_gradient(submission, rng, (3, 9, 11), 1, (2, 4), 3, 0)


@pytest.mark.points("weight_gradient", 1, shows="padding, with and without a stride, and whole numbers")
def test_weight_gradient_padding(submission, rng):
    check_gradient(submission, rng, (2, 5, 6), 3, (3, 3), 1, 1)
    check_gradient(submission, rng, (2, 6, 7), 2, (3, 2), 2, 1, whole=True)


def blocks(x, w, size):
    step, outputs = size - len(w) + 1, len(x) - len(w) + 1
    count = (outputs + step - 1) // step
    x = np.concatenate([x, np.zeros(count * step + len(w))])
    return np.array([[np.dot(w, x[n : n + len(w)]) for n in range(b * step, (b + 1) * step)] for b in range(count)])


@pytest.mark.points("overlap_save", 1, shows="rows that fill their blocks exactly")
def test_overlap_save_full(submission, rng):
    for taps, size, count in [(3, 8, 4), (4, 9, 2), (2, 16, 3)]:
        x, w = image(rng, count * (size - taps + 1) + taps - 1), image(rng, taps)
        assert_equal(submission.overlap_save(x, w, size), blocks(x, w, size))


@pytest.mark.points("overlap_save", 1, shows="a last block that is not full")
def test_overlap_save_rest(submission, rng):
    for length, taps, size in [(30, 3, 8), (41, 5, 11), (23, 4, 16), (50, 7, 10)]:
        x, w = image(rng, length), image(rng, taps)
        assert_equal(submission.overlap_save(x, w, size), blocks(x, w, size))


@pytest.mark.points("overlap_save", 1, shows="one block only, blocks as short as the kernel, a single tap")
def test_overlap_save_extremes(submission, rng):
    for length, taps, size in [(9, 3, 32), (12, 5, 5), (10, 1, 4), (6, 6, 6)]:
        x, w = image(rng, length), image(rng, taps)
        assert_equal(submission.overlap_save(x, w, size), blocks(x, w, size))


def tiles(x, w):
    rows = []
    for t in range(0, len(x) - 3, 2):
        a, b, c, d = x[t : t + 4]
        products = [(a - c) * w[0], (b + c) * sum(w) / 2, (c - b) * (w[0] - w[1] + w[2]) / 2, (b - d) * w[2]]
        rows.append([*products, np.dot(w, [a, b, c]), np.dot(w, [b, c, d])])
    return np.array(rows)


@pytest.mark.points("winograd_tiles", 1, shows="one tile, two tiles")
def test_winograd_tiles_short(submission, rng):
    for length in (4, 4, 6):
        x, w = image(rng, length), image(rng, 3)
        assert_equal(submission.winograd_tiles(x, w), tiles(x, w))


@pytest.mark.points("winograd_tiles", 1, shows="longer rows")
def test_winograd_tiles_long(submission, rng):
    for length in (12, 30):
        x, w = image(rng, length), image(rng, 3)
        assert_equal(submission.winograd_tiles(x, w), tiles(x, w))


@pytest.mark.points("winograd_tiles", 1, shows="rows and kernels of whole numbers")
def test_winograd_tiles_whole(submission, rng):
    x, w = rng.integers(-9, 10, size=14), np.array([3, 2, -4])
    assert_equal(submission.winograd_tiles(x, w), tiles(x, w))


def fields(layers):
    """What the first two units of each layer reach: by walking down from them, not by the recurrence."""
    found = []
    for depth in range(1, len(layers) + 1):
        reach = []
        for unit in (0, 1):
            first = last = unit
            for kernel_size, stride, padding, dilation in reversed(layers[:depth].tolist()):
                first = first * stride - padding
                last = last * stride - padding + dilation * (kernel_size - 1)
            reach.append((first, last))
        (first, last), (second, _) = reach
        found.append([last - first + 1, second - first, (first + last) / 2])
    return np.array(found)


@pytest.mark.points("receptive_field", 1, shows="stride 1, padding and dilation")
def test_receptive_field_stride_1(submission, rng):
    for count in (1, 3, 6):
        sizes, paddings, dilations = rng.integers(1, 8, count), rng.integers(0, 4, count), rng.integers(1, 5, count)
        layers = np.stack([sizes, np.ones(count, dtype=int), paddings, dilations], axis=1)
        assert_equal(submission.receptive_field(layers), fields(layers))


@pytest.mark.points("receptive_field", 1, shows="strides, kernels of any size")
def test_receptive_field_strides(submission, rng):
    for count in (2, 4):
        layers = np.stack([rng.integers(1, 6, count), rng.integers(2, 4, count), [0] * count, [1] * count], axis=1)
        assert_equal(submission.receptive_field(layers), fields(layers))


@pytest.mark.points("receptive_field", 1, shows="all of it together")
def test_receptive_field_all(submission, rng):
    for count in (3, 5):
        settings = [rng.integers(2, 6, count), rng.integers(1, 4, count), rng.integers(1, 4, count)]
        layers = np.stack([*settings, rng.integers(1, 4, count)], axis=1)
        layers[0, 1] = 2
        assert_equal(submission.receptive_field(layers), fields(layers))


def bound(in_channels, out_channels, kernel_size, height, width, batch, peak, bandwidth):
    outputs = batch * out_channels * height * width
    operations = outputs * (2 * in_channels * kernel_size * kernel_size)
    numbers = [batch * in_channels * height * width, outputs, out_channels * in_channels * kernel_size * kernel_size]
    seconds = [operations / peak, sum(numbers) * 4 / bandwidth]
    return np.array([operations / (4 * sum(numbers)), sorted(seconds)[-1]])


@pytest.mark.points("roofline", 1, shows="convolutions on one image")
def test_roofline_one_image(submission, rng):
    for kernel_size in (1, 3, 5):
        sizes = rng.integers(3, 60, size=4).tolist()
        layer = [*sizes[:2], kernel_size, *sizes[2:], 1, 1e11, 2e10]
        assert_equal(submission.roofline(*layer), bound(*layer))


@pytest.mark.points("roofline", 1, shows="batches")
def test_roofline_batches(submission, rng):
    for batch in (8, 64):
        sizes = rng.integers(3, 60, size=4).tolist()
        layer = [*sizes[:2], 3, *sizes[2:], batch, 2e12, 1e11]
        assert_equal(submission.roofline(*layer), bound(*layer))


@pytest.mark.points("roofline", 1, shows="fully connected layers, on machines of both kinds")
def test_roofline_fully_connected(submission, rng):
    for batch, peak, bandwidth in [(1, 1e11, 2e10), (256, 1e11, 2e10), (16, 5e9, 8e10)]:
        layer = [*rng.integers(300, 5000, size=2).tolist(), 1, 1, 1, batch, peak, bandwidth]
        assert_equal(submission.roofline(*layer), bound(*layer))
