"""Hidden tests of exercise 4. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected matrices
are found by asking: column n of a layer's matrix is what the layer answers to an input with a single one, at n.
"""

import numpy as np
import pytest
from scipy.signal import correlate2d

from lecture5.grading.testing import assert_equal


def starts(size, kernel_size, stride, padding):
    """Where a window may begin, from -padding on."""
    return range(-padding, size + padding - kernel_size + 1, stride)


def counted(in_channels, height, width, out_channels, kernel_size, stride, padding):
    places = [(i, j) for i in starts(height, kernel_size, stride, padding)
              for j in starts(width, kernel_size, stride, padding)]  # fmt: skip
    window = np.ones((in_channels, kernel_size, kernel_size)).size
    image = np.ones((in_channels, height, width)).size
    return np.array([out_channels * len(places) * image, out_channels * len(places) * window, out_channels * window])


@pytest.mark.points("count_weights", 1, shows="stride 1, images that are not square")
def test_count_weights_plain(submission, rng):
    for kernel_size in (1, 2, 3, 5):
        sizes = rng.integers(6, 30, size=2).tolist()
        layer = [int(rng.integers(2, 20)), *sizes, int(rng.integers(2, 20)), kernel_size, 1, 0]
        assert_equal(submission.count_weights(*layer), counted(*layer))


@pytest.mark.points("count_weights", 1, shows="stride and padding")
def test_count_weights_all(submission, rng):
    for kernel_size, stride, padding in [(3, 2, 1), (7, 2, 3), (5, 1, 2), (11, 4, 0), (4, 5, 1)]:
        sizes = rng.integers(12, 40, size=2).tolist()
        layer = [int(rng.integers(2, 20)), *sizes, int(rng.integers(2, 20)), kernel_size, stride, padding]
        assert_equal(submission.count_weights(*layer), counted(*layer))


def answers_to_impulses(layer, in_shape):
    """The matrix of a linear layer: its outputs for inputs that hold a single one, side by side."""
    size = int(np.prod(in_shape))
    return np.stack([np.ravel(layer(one.reshape(in_shape))) for one in np.eye(size)], axis=1)


def matrix_of(w, in_shape):
    return answers_to_impulses(lambda x: correlate2d(x, w, "valid"), in_shape)


@pytest.mark.points("conv_matrix", 1, shows="square images and kernels")
def test_conv_matrix_square(submission, rng):
    for kernel_size, size in [(2, 4), (3, 5), (1, 3)]:
        w = rng.normal(size=(kernel_size, kernel_size))
        assert_equal(submission.conv_matrix(w, (size, size)), matrix_of(w, (size, size)))


@pytest.mark.points("conv_matrix", 1, shows="images that are not square")
def test_conv_matrix_images(submission, rng):
    for in_shape in [(3, 6), (5, 3), (4, 7)]:
        w = rng.normal(size=(2, 2))
        assert_equal(submission.conv_matrix(w, in_shape), matrix_of(w, in_shape))


@pytest.mark.points("conv_matrix", 1, shows="kernels that are not square")
def test_conv_matrix_kernels(submission, rng):
    for kernel, in_shape in [((1, 3), (4, 5)), ((3, 2), (5, 4)), ((2, 4), (3, 6)), ((4, 5), (4, 5))]:
        w = rng.normal(size=kernel)
        assert_equal(submission.conv_matrix(w, in_shape), matrix_of(w, in_shape))


def local(x, w, stride):
    """Each unit by its definition."""
    rows, columns, height, width = w.shape
    y = np.zeros((rows, columns))
    for i, j, a, b in np.ndindex(rows, columns, height, width):
        y[i, j] += w[i, j, a, b] * x[i * stride + a, j * stride + b]
    return y


@pytest.mark.points("locally_connected_matrix", 1, shows="stride 1")
def test_locally_connected_plain(submission, rng):
    for shape, in_shape in [((2, 3, 2, 2), (3, 4)), ((3, 2, 1, 3), (3, 4)), ((2, 4, 3, 2), (4, 5))]:
        w = rng.normal(size=shape)
        expected = answers_to_impulses(lambda x, w=w: local(x, w, 1), in_shape)
        assert_equal(submission.locally_connected_matrix(w, in_shape, 1), expected)


@pytest.mark.points("locally_connected_matrix", 1, shows="larger strides, with and without a rest")
def test_locally_connected_stride(submission, rng):
    for shape, in_shape, stride in [((2, 3, 2, 3), (4, 7), 2), ((3, 2, 3, 2), (8, 5), 2), ((2, 2, 1, 2), (5, 6), 3)]:
        w = rng.normal(size=shape)
        expected = answers_to_impulses(lambda x, w=w, stride=stride: local(x, w, stride), in_shape)
        assert_equal(submission.locally_connected_matrix(w, in_shape, stride), expected)


def layer(x, w, stride, padding):
    """A convolutional layer, one feature map and one channel at a time."""
    padded = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    maps = [sum(correlate2d(plane, k, "valid") for plane, k in zip(padded, kernel, strict=True)) for kernel in w]
    return np.array(maps)[:, ::stride, ::stride]


def check_layer(submission, rng, shape, in_shape, stride, padding):
    w = rng.normal(size=shape)
    expected = answers_to_impulses(lambda x: layer(x, w, stride, padding), in_shape)
    assert_equal(submission.layer_matrix(w, in_shape, stride, padding), expected)


@pytest.mark.points("layer_matrix", 1, shows="channels and feature maps")
def test_layer_matrix_channels(submission, rng):
    for shape, in_shape in [((3, 2, 2, 3), (2, 3, 4)), ((2, 4, 1, 1), (4, 2, 3)), ((2, 3, 3, 2), (3, 4, 4))]:
        check_layer(submission, rng, shape, in_shape, 1, 0)


@pytest.mark.points("layer_matrix", 1, shows="a stride")
def test_layer_matrix_stride(submission, rng):
    for shape, in_shape, stride in [((2, 1, 2, 3), (1, 5, 7), 2), ((1, 2, 3, 2), (2, 8, 5), 3)]:
        check_layer(submission, rng, shape, in_shape, stride, 0)


@pytest.mark.points("layer_matrix", 1, shows="padding, with and without a stride")
def test_layer_matrix_padding(submission, rng):
    for shape, in_shape, stride, padding in [
        ((2, 2, 3, 3), (2, 3, 4), 1, 1),
        ((2, 2, 3, 2), (2, 4, 5), 2, 1),
        ((1, 3, 5, 3), (3, 3, 6), 2, 2),
    ]:
        check_layer(submission, rng, shape, in_shape, stride, padding)


def error(matrix, x, shift, stride):
    """By indices modulo the length, without a function that shifts."""
    length, plain = len(x), matrix @ x
    shifted = matrix @ x[(np.arange(length) - shift) % length]
    expected = plain[(np.arange(len(plain)) - shift // stride) % len(plain)]
    return np.sqrt(np.sum((shifted - expected) ** 2) / np.sum(plain**2))


@pytest.mark.points("equivariance_error", 1, shows="stride 1, any matrix")
def test_equivariance_error_plain(submission, rng):
    for length, shift in [(5, 1), (8, 3), (7, -2)]:
        matrix, x = rng.normal(size=(length, length)), rng.normal(size=length)
        assert_equal(submission.equivariance_error(matrix, x, shift, 1), error(matrix, x, shift, 1))


@pytest.mark.points("equivariance_error", 1, shows="larger strides, and layers without any error")
def test_equivariance_error_stride(submission, rng):
    for length, shift, stride in [(8, 2, 2), (12, -6, 3), (12, 8, 4)]:
        matrix, x = rng.normal(size=(length // stride, length)), rng.normal(size=length)
        assert_equal(submission.equivariance_error(matrix, x, shift, stride), error(matrix, x, shift, stride))
    kernel, x = rng.normal(size=9), rng.normal(size=9)
    circulant = np.stack([np.roll(kernel, n) for n in range(9)])
    assert_equal(submission.equivariance_error(circulant, x, 4, 1), 0.0)
    assert_equal(submission.equivariance_error(circulant[::3], x, 3, 3), 0.0)
