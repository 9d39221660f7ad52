"""Transposed convolution: torch as oracle for every method, the lecture's numbers by hand, and the adjoint identity."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from lecture5 import (
    CONV_TRANSPOSE_METHODS,
    conv_input_grad,
    conv_matrix,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)

OURS = {1: conv_transpose1d, 2: conv_transpose2d, 3: conv_transpose3d}
THEIRS = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
rng = np.random.default_rng(25)


@st.composite
def layers(draw, samples=2):
    """Draw x, w, bias and settings, of all that torch allows, such that something is left of the output."""
    dimensions = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 2))
    in_channels, filter_channels = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    axes = {"input": [], "kernel": [], "stride": [], "padding": [], "output_padding": [], "dilation": []}
    for _ in range(dimensions):
        size, kernel, stride, dilation = (draw(st.integers(1, 4)) for _ in range(4))
        output_padding = draw(st.integers(0, max(stride, dilation) - 1))
        full = (size - 1) * stride + dilation * (kernel - 1) + 1 + output_padding
        padding = draw(st.integers(0, min(4, (full - 1) // 2)))
        for name, value in zip(axes, (size, kernel, stride, padding, output_padding, dilation), strict=True):
            axes[name].append(value)
    x = rng.standard_normal((samples, in_channels, *axes.pop("input")))
    w = rng.standard_normal((in_channels, filter_channels, *axes.pop("kernel")))
    return x, w, rng.standard_normal(filter_channels * groups), {**axes, "groups": groups}


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
@given(layers())
def test_agrees_with_torch(method, layer):
    x, w, bias, settings = layer
    dimensions = x.ndim - 2
    expected = THEIRS[dimensions](torch.tensor(x), torch.tensor(w), torch.tensor(bias), **settings)
    ours = OURS[dimensions](x, w, bias, **settings, method=method)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_defaults_are_those_of_torch(dimensions):
    x, w = rng.standard_normal((2, 3, *[4] * dimensions)), rng.standard_normal((3, 2, *[3] * dimensions))
    expected = THEIRS[dimensions](torch.tensor(x), torch.tensor(w))
    np.testing.assert_allclose(OURS[dimensions](x, w), expected, rtol=0, atol=1e-10)


@given(layers(samples=1))
def test_adjoint_identity(layer):
    """⟨W u, x⟩ = ⟨u, Wᵀ x⟩, where W is the convolution with the same kernel and settings."""
    x, w, _, settings = layer
    transposed = OURS[x.ndim - 2](x, w, **settings)
    settings.pop("output_padding")  # It has chosen the size of u.
    u = rng.standard_normal(transposed.shape)
    convolved = CONV[x.ndim - 2](torch.tensor(u), torch.tensor(w), **settings).numpy()
    convolved = convolved[:, :, *(slice(size) for size in x.shape[2:])]  # A larger output_padding leaves room for more.
    np.testing.assert_allclose(np.vdot(convolved, x), np.vdot(u, transposed), rtol=1e-10, atol=1e-10)


@given(layers(samples=1))
def test_is_the_transpose_of_conv_matrix_and_the_gradient_of_the_convolution(layer):
    x, w, _, settings = layer
    output_padding = settings.pop("output_padding")
    settings["output_padding"] = [min(o, s - 1) for o, s in zip(output_padding, settings["stride"], strict=True)]
    try:
        expected = THEIRS[x.ndim - 2](torch.tensor(x), torch.tensor(w), **settings).numpy()
    except RuntimeError:  # With less output_padding, nothing may be left of the output.
        return
    settings.pop("output_padding")
    matrix = conv_matrix(w, expected.shape[1:], **settings)
    np.testing.assert_allclose(matrix.T @ x.ravel(), expected.ravel(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(conv_input_grad(x, w, expected.shape, **settings), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
class TestByHand:
    def test_the_slide(self, method):
        y = conv_transpose2d([[[[1, 2], [2, 4]]]], [[[[1, 2], [2, 1]]]], method=method)
        np.testing.assert_array_equal(y, [[[[1, 4, 4], [4, 13, 10], [4, 10, 4]]]])

    def test_asymmetric_kernel_with_a_stride_per_axis(self, method):
        y = conv_transpose2d([[[[1, 10]]]], [[[[1, 2, 3], [4, 5, 6]]]], stride=(1, 2), method=method)
        np.testing.assert_array_equal(y, [[[[1, 2, 13, 20, 30], [4, 5, 46, 50, 60]]]])

    def test_padding_cuts_and_output_padding_brings_back(self, method):
        def stamps(**settings):
            return conv_transpose1d([[[1, 10]]], [[[1, 2, 3]]], stride=2, **settings, method=method)[0, 0].tolist()

        assert stamps() == [1, 2, 13, 20, 30]
        assert stamps(padding=1) == [2, 13, 20]
        assert stamps(padding=1, output_padding=1) == [2, 13, 20, 30]
        assert stamps(output_padding=1) == [1, 2, 13, 20, 30, 0]

    def test_dilation(self, method):
        y = conv_transpose1d([[[1, 10]]], [[[1, 2, 3]]], dilation=2, method=method)
        np.testing.assert_array_equal(y, [[[1, 10, 2, 20, 3, 30]]])


def test_the_transpose_is_not_the_inverse():
    image = np.array([[[[1, 2, 3], [6, 5, 3], [1, 4, 1]]]])
    kernel = np.array([[[[1, 2], [2, 1]]]])
    smaller = conv_matrix(kernel, (1, 3, 3)) @ image.ravel()
    assert smaller.tolist() == [22, 21, 22, 20]
    assert not np.array_equal(conv_transpose2d(smaller.reshape(1, 1, 2, 2), kernel), image)


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
def test_tensors_stay_tensors_and_gradients_flow(method):
    x = torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    settings = {"stride": (2, 1), "padding": 1, "output_padding": (1, 0), "groups": 2, "method": method}
    assert torch.autograd.gradcheck(lambda *operands: conv_transpose2d(*operands, **settings), (x, w, bias))
    np.testing.assert_allclose(
        conv_transpose2d(x, w, bias, **settings).detach(),
        conv_transpose2d(*(operand.detach().numpy() for operand in (x, w, bias)), **settings),
        atol=1e-12,
    )


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
@pytest.mark.parametrize(("dtype", "expected"), [("f2", "f2"), ("f4", "f4"), ("f8", "f8"), ("i8", "i8"), ("u1", "i8")])
def test_dtypes(method, dtype, expected):
    y = conv_transpose1d(np.full((1, 1, 3), 200, dtype), np.ones((1, 1, 2), dtype), method=method)
    assert y.dtype == expected
    assert y.ravel().tolist() == [200, 400, 400, 200]


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
def test_single_precision(method):
    """Every output is a sum of at most 16 × 9 products, so its error is at most 144 roundings of their sizes' sum."""
    x, w = rng.standard_normal((2, 16, 9, 8)).astype("f4"), rng.standard_normal((16, 3, 3, 3)).astype("f4")
    exact = conv_transpose2d(x.astype("f8"), w.astype("f8"), stride=2, method="torch")
    bound = 144 * np.finfo("f4").eps * conv_transpose2d(abs(x), abs(w), stride=2, method="torch")
    if method == "zero_stuffing":  # The Fourier method's error is relative to the largest outputs, not to each one.
        bound = bound.max()
    assert np.all(abs(conv_transpose2d(x, w, stride=2, method=method) - exact) <= bound)


@pytest.mark.parametrize("method", CONV_TRANSPOSE_METHODS)
def test_empty_batch_memory_order_and_arguments_left_alone(method):
    x, w = rng.standard_normal((3, 2, 4, 5)), rng.standard_normal((2, 3, 2, 3))
    expected = conv_transpose2d(x[:, ::-1].copy(), w[..., ::-1].copy(), stride=2, method=method)
    x_before, w_before = x.copy(), w.copy()
    ours = conv_transpose2d(np.asfortranarray(x)[:, ::-1], w[..., ::-1], stride=2, method=method)
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(w, w_before)
    assert conv_transpose2d(x[:0], w, stride=2, method=method).shape == (0, 3, 8, 11)


X, W = np.ones((1, 2, 3)), np.ones((2, 1, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv_transpose1d(X, np.ones((3, 1, 2))), ValueError, r"reads 3 input channels, but x has 2"),
        (lambda: conv_transpose1d(X, np.ones((2, 2))), ValueError, r"must be \(C_in, C_out / groups, length\)"),
        (lambda: conv_transpose1d(X[0], W), ValueError, r"write x\[None\]"),
        (lambda: conv_transpose1d(X, W, groups=3), ValueError, "groups is 3, but it must divide"),
        (lambda: conv_transpose1d(X, W, groups=0), ValueError, "groups is 0"),
        (lambda: conv_transpose1d(X, W, np.ones(2)), ValueError, r"bias has shape \(2,\)"),
        (lambda: conv_transpose1d(X, W, stride=0), ValueError, "stride is 0"),
        (lambda: conv_transpose1d(X, W, stride=2, output_padding=2), ValueError, "output_padding is 2"),
        (lambda: conv_transpose1d(X, W, padding=2), ValueError, "padding is 2, which removes 4 cells"),
        (lambda: conv_transpose1d(X, W, padding=-1), ValueError, "padding is -1"),
        (lambda: conv_transpose1d(X, W, method="gemm"), ValueError, "method is 'gemm'.*'scatter'"),
        (lambda: conv_transpose1d(X.astype(complex), W), TypeError, "complex"),
        (lambda: conv_transpose1d(X.astype(object), W), TypeError, "object"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("settings", [{"stride": 2, "output_padding": 2}, {"padding": 2}, {"output_padding": 1}])
def test_what_torch_refuses_is_refused(settings):
    with pytest.raises(RuntimeError):
        F.conv_transpose1d(torch.tensor(X), torch.tensor(W), **settings)
    with pytest.raises(ValueError, match="padding is"):
        conv_transpose1d(X, W, **settings)
