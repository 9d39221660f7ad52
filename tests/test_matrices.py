"""The layer as a matrix: the slide's numbers by hand, torch's convolution as oracle, the structure of each matrix."""

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from torch.nn import functional as F

import lecture5
from lecture5 import (
    conv_matrix,
    fully_connected_matrix,
    locally_connected,
    locally_connected_matrix,
    pointwise_conv,
)

TORCH_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
rng = np.random.default_rng(5)


@st.composite
def layers(draw):
    """Draw an input shape (C, *spatial), a kernel shape, and settings under which the kernel fits."""
    dimensions = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    in_channels, out_channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))

    def per_axis(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * dimensions))

    kernel_size, stride, dilation, padding = per_axis(1, 3), per_axis(1, 3), per_axis(1, 2), per_axis(0, 2)
    extra = per_axis(0, 3)
    spatial = tuple(
        max(1, d * (k - 1) + 1 - 2 * p) + more
        for k, d, p, more in zip(kernel_size, dilation, padding, extra, strict=True)
    )
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (in_channels, *spatial), (out_channels, in_channels // groups, *kernel_size), settings


def test_the_slide_matrix():
    """CX = [22, 21, 22, 20] and the nine numbers of the transposed result, of which the slide's text lost one."""
    matrix = conv_matrix([[[[1, 2], [2, 1]]]], (1, 3, 3))
    expected = [
        [1, 2, 0, 2, 1, 0, 0, 0, 0],
        [0, 1, 2, 0, 2, 1, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 2, 1, 0],
        [0, 0, 0, 0, 1, 2, 0, 2, 1],
    ]
    np.testing.assert_array_equal(matrix.toarray(), expected)
    np.testing.assert_array_equal(matrix @ [1, 2, 3, 6, 5, 3, 1, 4, 1], [22, 21, 22, 20])
    np.testing.assert_array_equal(matrix.T @ [1, 2, 2, 4], [1, 4, 4, 4, 13, 10, 4, 10, 4])


def test_asymmetric_kernel_with_stride_padding_and_two_channels_by_hand():
    w = [[[[1, 2, 3]], [[4, 5, 6]]]]  # one filter, two channels, 1×3
    matrix = conv_matrix(w, (2, 1, 4), stride=(1, 2), padding=(0, 1), sparse=False)
    np.testing.assert_array_equal(matrix, [[2, 3, 0, 0, 5, 6, 0, 0], [0, 1, 2, 3, 0, 4, 5, 6]])


def test_dilation_by_hand():
    np.testing.assert_array_equal(
        conv_matrix([[[1, 2, 3]]], (1, 6), dilation=2, sparse=False), [[1, 0, 2, 0, 3, 0], [0, 1, 0, 2, 0, 3]]
    )


@given(layers(), st.booleans())
def test_conv_matrix_agrees_with_torch(layer, sparse):
    input_shape, kernel_shape, settings = layer
    x, w = rng.standard_normal((2, *input_shape)), rng.standard_normal(kernel_shape)
    expected = TORCH_CONV[w.ndim - 2](torch.tensor(x), torch.tensor(w), **settings)
    matrix = conv_matrix(w, input_shape, **settings, sparse=sparse)
    assert scipy.sparse.issparse(matrix) is sparse
    np.testing.assert_allclose(matrix @ x.reshape(2, -1).T, expected.reshape(2, -1).T, rtol=0, atol=1e-10)


@given(layers())
def test_each_column_is_the_answer_to_one_impulse(layer):
    """The definition of the matrix of a linear map: column j is what becomes of the j-th unit vector."""
    input_shape, kernel_shape, settings = layer
    w = rng.integers(1, 9, kernel_shape)
    size = int(np.prod(input_shape))
    impulses = torch.eye(size, dtype=torch.int64).reshape(size, *input_shape)
    expected = TORCH_CONV[w.ndim - 2](impulses, torch.tensor(w), **settings).reshape(size, -1).T
    np.testing.assert_array_equal(conv_matrix(w, input_shape, **settings, sparse=False), expected)


@pytest.mark.parametrize("padding", ["same", "valid", [(2, 0), (0, 1)]])
def test_paddings_by_name_and_by_side(padding):
    x, w = rng.standard_normal((1, 2, 5, 6)), rng.standard_normal((3, 2, 2, 3))
    expected = lecture5.conv2d(x, w, padding=padding, method="direct")
    np.testing.assert_allclose(conv_matrix(w, (2, 5, 6), padding=padding) @ x.ravel(), expected.ravel(), atol=1e-12)


def test_doubly_block_toeplitz():
    kernel, height, width = rng.standard_normal((2, 3)), 5, 6
    matrix = conv_matrix(kernel[None, None], (1, height, width), sparse=False)
    out_height, out_width = height - 1, width - 2
    blocks = matrix.reshape(out_height, out_width, height, width).swapaxes(1, 2)
    for i, j in np.ndindex(out_height, height):
        row = kernel[j - i] if 0 <= j - i < 2 else np.zeros(3)  # which row of the kernel meets input row j
        first_row, first_column = [*row, *[0] * (width - 3)], [row[0], *[0] * (out_width - 1)]
        np.testing.assert_array_equal(blocks[i, j], toeplitz(first_column, first_row))


def test_stride_breaks_the_toeplitz_structure():
    matrix = conv_matrix([[[1, 2]]], (1, 6), stride=2, sparse=False)
    assert matrix[0, 0] != matrix[1, 1]


class TestThreeAnswersOverOnePattern:
    """The lecture's "W₁ = ?": a full matrix, a banded one with free entries, a banded one with tied entries."""

    input_shape, units = (2, 4, 5), (3, 3, 3)

    def matrices(self):
        full = fully_connected_matrix(1 + rng.random((*self.units, *self.input_shape)), self.input_shape)
        free = locally_connected_matrix(1 + rng.random((*self.units, 2, 2, 3)), self.input_shape, sparse=False)
        tied = conv_matrix(1 + rng.random((3, 2, 2, 3)), self.input_shape, sparse=False)
        return full, free, tied

    def test_the_patterns(self):
        full, free, tied = self.matrices()
        assert full.shape == free.shape == tied.shape == (27, 40)
        assert np.count_nonzero(full) == full.size
        np.testing.assert_array_equal(free != 0, tied != 0)
        assert np.count_nonzero(tied) == 27 * 2 * 2 * 3  # each unit: 2 channels, 2×3 window

    def test_the_free_numbers(self):
        full, free, tied = self.matrices()
        assert [len(np.unique(matrix[matrix != 0])) for matrix in (full, free, tied)] == [27 * 40, 27 * 12, 3 * 12]

    def test_a_convolution_is_a_locally_connected_layer_with_equal_filters(self):
        w = rng.standard_normal((3, 2, 2, 3))
        repeated = np.broadcast_to(w[:, None, None], (*self.units, 2, 2, 3))
        np.testing.assert_array_equal(
            conv_matrix(w, self.input_shape).toarray(), locally_connected_matrix(repeated, self.input_shape).toarray()
        )

    def test_a_window_as_large_as_the_input_is_fully_connected(self):
        w = rng.standard_normal((3, 1, 1, *self.input_shape))
        np.testing.assert_array_equal(
            locally_connected_matrix(w, self.input_shape, sparse=False), fully_connected_matrix(w, self.input_shape)
        )


def test_fully_connected_is_a_sum_over_every_input():
    x, w = rng.standard_normal((1, 4, 5)), rng.standard_normal((3, 2, 1, 4, 5))
    np.testing.assert_allclose(
        fully_connected_matrix(w, (1, 4, 5)) @ x.ravel(), np.tensordot(w, x, axes=3).ravel(), atol=1e-12
    )


def test_zero_weights_stay_connections():
    assert conv_matrix([[[1, 0, 2]]], (1, 5)).nnz == 9


def test_efficiency_table_of_the_slide():
    """320 wide, 280 high, kernel 2 wide: the counts of Goodfellow's table, off the matrix itself."""
    height, width = 280, 320
    matrix = conv_matrix([[[[-1.0, 1.0]]]], (1, height, width))
    out_height, out_width = lecture5.conv_output_size(height, 1), lecture5.conv_output_size(width, 2)
    assert (out_width, out_height) == (319, 280)
    assert matrix.nnz == 178_640
    assert matrix.shape[0] * matrix.shape[1] == 8_003_072_000
    additions = matrix.nnz - matrix.shape[0]
    assert matrix.nnz + additions == 267_960
    image = rng.standard_normal((height, width))
    np.testing.assert_allclose((matrix @ image.ravel()).reshape(280, 319), np.diff(image, axis=1), atol=1e-12)


@given(layers())
def test_locally_connected_agrees_with_its_matrix(layer):
    input_shape, (out_channels, *filter_shape), settings = layer
    output_size = conv_output(input_shape, filter_shape[1:], settings)
    x = rng.standard_normal((2, *input_shape))
    w = rng.standard_normal((out_channels, *output_size, *filter_shape))
    bias = rng.standard_normal((out_channels, *output_size))
    matrix = locally_connected_matrix(w, input_shape, **settings)
    expected = (matrix @ x.reshape(2, -1).T).T.reshape(2, *bias.shape) + bias
    np.testing.assert_allclose(locally_connected(x, w, bias, **settings), expected, rtol=0, atol=1e-10)


def conv_output(input_shape, kernel_size, settings):
    x, w = torch.zeros(1, 1, *input_shape[1:]), torch.zeros(1, 1, *kernel_size)
    return tuple(TORCH_CONV[len(kernel_size)](x, w, **{**settings, "groups": 1}).shape[2:])


def test_locally_connected_by_the_definition():
    x, w = rng.standard_normal((1, 4, 6, 5)), rng.standard_normal((2, 3, 2, 2, 2, 3))
    y = locally_connected(x, w, stride=2, groups=2)
    for o, i, j in np.ndindex(2, 3, 2):
        window = x[0, 2 * o : 2 * o + 2, 2 * i : 2 * i + 2, 2 * j : 2 * j + 3]
        np.testing.assert_allclose(y[0, o, i, j], np.sum(w[o, i, j] * window), atol=1e-12)


def test_locally_connected_with_equal_filters_is_a_convolution():
    x, w = rng.standard_normal((2, 2, 6, 7)), rng.standard_normal((3, 2, 3, 2))
    repeated = np.broadcast_to(w[:, None, None], (3, 4, 6, 2, 3, 2))
    np.testing.assert_allclose(
        locally_connected(x, repeated), F.conv2d(torch.tensor(x), torch.tensor(w)).numpy(), atol=1e-12
    )


@pytest.mark.parametrize("spatial", [(5,), (4, 5), (2, 3, 4)])
def test_pointwise_conv_is_a_1x1_convolution(spatial):
    x, w, bias = rng.standard_normal((2, 3, *spatial)), rng.standard_normal((4, 3)), rng.standard_normal(4)
    kernel = w.reshape(4, 3, *(1,) * len(spatial))
    expected = TORCH_CONV[len(spatial)](torch.tensor(x), torch.tensor(kernel), torch.tensor(bias))
    np.testing.assert_allclose(pointwise_conv(x, w, bias), expected, atol=1e-12)


class TestTensors:
    """A tensor gives a tensor, through which gradients flow."""

    def test_conv_matrix(self):
        w = torch.randn(2, 1, 2, dtype=torch.float64, requires_grad=True)
        x = torch.randn(4, dtype=torch.float64)
        assert conv_matrix(w, (1, 4)).is_sparse
        assert torch.autograd.gradcheck(lambda w: conv_matrix(w, (1, 4), sparse=False) @ x, w)
        assert torch.autograd.gradcheck(lambda w: conv_matrix(w, (1, 4)) @ x, w)
        np.testing.assert_array_equal(
            conv_matrix(w, (1, 4)).detach().to_dense(), conv_matrix(w.detach().numpy(), (1, 4), sparse=False)
        )

    def test_layers(self):
        x = torch.randn(2, 2, 5, dtype=torch.float64, requires_grad=True)
        w = torch.randn(2, 2, 1, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x, w: locally_connected(x, w, stride=2, groups=2), (x, w))
        matrix = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(pointwise_conv, (x, matrix, torch.ones(3, dtype=torch.float64)))
        np.testing.assert_allclose(
            locally_connected(x, w, stride=2, groups=2).detach(),
            locally_connected(x.detach().numpy(), w.detach().numpy(), stride=2, groups=2),
            atol=1e-12,
        )


@pytest.mark.parametrize(("dtype", "expected"), [("f4", "f4"), ("f8", "f8"), ("i8", "i8"), ("u1", "i8"), ("?", "i8")])
def test_dtypes(dtype, expected):
    w = np.ones((1, 1, 2), dtype)
    assert conv_matrix(w, (1, 3)).dtype == conv_matrix(w, (1, 3), sparse=False).dtype == expected
    assert locally_connected(np.ones((1, 1, 2), dtype), w[None]).dtype == expected


def test_half_precision_is_stored_wider_only_where_scipy_must():
    w = np.ones((1, 1, 2), "f2")
    assert conv_matrix(w, (1, 3), sparse=False).dtype == "f2"
    assert conv_matrix(w, (1, 3)).dtype == "f4"


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_and_negative_strides(order):
    x, w = rng.standard_normal((2, 3, 5, 4)), rng.standard_normal((2, 3, 2, 3))
    reversed_w = np.asarray(w[..., ::-1], order=order)[..., ::-1]
    np.testing.assert_array_equal(conv_matrix(reversed_w, (3, 5, 4)).toarray(), conv_matrix(w, (3, 5, 4)).toarray())
    untied = rng.standard_normal((2, 4, 2, 3, 2, 3))
    np.testing.assert_allclose(
        locally_connected(np.asarray(x, order=order)[:, :, ::-1], untied),
        locally_connected(x[:, :, ::-1].copy(), untied),
    )


def test_empty_batch():
    assert locally_connected(np.zeros((0, 1, 4)), np.zeros((2, 3, 1, 2))).shape == (0, 2, 3)
    assert pointwise_conv(np.zeros((0, 1, 4)), np.zeros((2, 1))).shape == (0, 2, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv_matrix(np.ones((1, 2, 3)), (1, 5)), ValueError, "reads 2 input channels"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), (1, 2)), ValueError, "spans .3,. cells, but the padded"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), (1, 5), stride=0), ValueError, "stride is 0"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), (1, 5), stride=1.5), TypeError, "stride is 1.5"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), (5,)), ValueError, r"input_shape is \(5,\).*must be \(C_in, length\)"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), 5), TypeError, "input_shape is 5"),
        (lambda: conv_matrix(np.ones((1, 1, 3)), (1, np.nan)), TypeError, "input_shape is nan"),
        (lambda: conv_matrix(np.ones((3, 1, 3)), (2, 5), groups=2), ValueError, "groups is 2, but it must divide"),
        (lambda: conv_matrix(np.ones((1, 1, 3), complex), (1, 5)), TypeError, "complex"),
        (lambda: conv_matrix(np.ones((1, 1, 3), object), (1, 5)), TypeError, "object"),
        (lambda: fully_connected_matrix(np.ones((2, 3, 4)), (4, 3)), ValueError, r"end with \(4, 3\)"),
        (lambda: locally_connected_matrix(np.ones((1, 3, 1, 2)), (1, 5)), ValueError, r"must be \(1, 4, 1, 2\)"),
        (lambda: locally_connected_matrix(np.ones((3, 1, 2)), (1, 5)), ValueError, r"C_out, \*output"),
        (lambda: locally_connected(np.ones((1, 1, 5)), np.ones((1, 3, 1, 2))), ValueError, r"must be \(1, 4, 1, 2\)"),
        (
            lambda: locally_connected(np.ones((1, 1, 5)), np.ones((1, 4, 1, 2)), np.ones(1)),
            ValueError,
            r"bias has shape \(1,\).*must be \(1, 4\)",
        ),
        (lambda: pointwise_conv(np.ones((1, 2, 5)), np.ones((4, 3))), ValueError, r"must be \(C_out, 2\)"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
