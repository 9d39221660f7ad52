"""Pooling: the definition window by window, torch as oracle forward and backward, finite differences, cases by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import lecture5

rng = np.random.default_rng(12)


def ours(name, x):
    return getattr(lecture5, f"{name}{x.ndim - 2}d")


def theirs(name, x):
    return getattr(F, f"{name}{x.ndim - 2}d")


@st.composite
def poolings(draw, dilated=False, padded=True):
    """Draw an input, a window and its settings, such that the window fits; of the few values, some are equal."""
    dimensions = draw(st.integers(1, 3))

    def per_axis(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * dimensions))

    kernel_size, stride, extra = per_axis(1, 4), draw(st.none() | st.just(per_axis(1, 3))), per_axis(0, 4)
    settings = {"kernel_size": kernel_size, "stride": stride}
    span = kernel_size
    if dilated:
        settings["dilation"] = per_axis(1, 2)
        span = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, settings["dilation"], strict=True))
    if padded:
        settings["padding"] = tuple(draw(st.integers(0, size // 2)) for size in kernel_size)
    spatial = tuple(reach + more for reach, more in zip(span, extra, strict=True))
    return rng.integers(-4, 5, (2, 3, *spatial)).astype(float), settings


def autograd(pool, x, *arguments, **settings):
    """Return torch's output, a random gradient for it, and torch's gradient by the input."""
    x = torch.tensor(x, requires_grad=True)
    y = pool(x, *arguments, **settings)
    grad_output = torch.tensor(rng.standard_normal(y.shape))
    (grad_x,) = torch.autograd.grad(y, x, grad_output)
    return y.detach().numpy(), grad_output.numpy(), grad_x.numpy()


@given(poolings(dilated=True))
def test_max_pool_agrees_with_torch(pooling):
    x, settings = pooling
    y, grad_output, grad_x = autograd(theirs("max_pool", x), x, **settings)
    np.testing.assert_array_equal(ours("max_pool", x)(x, **settings), y)
    np.testing.assert_allclose(lecture5.max_pool_grad(grad_output, x, **settings), grad_x, atol=1e-12)


@given(poolings(), st.booleans())
def test_avg_pool_agrees_with_torch(pooling, count_include_pad):
    x, settings = pooling
    settings["count_include_pad"] = count_include_pad
    y, grad_output, grad_x = autograd(theirs("avg_pool", x), x, **settings)
    np.testing.assert_allclose(ours("avg_pool", x)(x, **settings), y, atol=1e-12)
    np.testing.assert_allclose(lecture5.avg_pool_grad(grad_output, x.shape, **settings), grad_x, atol=1e-12)


@given(poolings(padded=False), st.sampled_from([1, 2, 2.5, 3, 4]))
def test_lp_pool_agrees_with_torch_on_sizes(pooling, norm_type):
    """Where torch's sums cannot be negative, on |x|."""
    x, settings = pooling
    if x.ndim == 3:  # torch's lp_pool1d takes no tuples.
        settings = {name: value and value[0] for name, value in settings.items()}
    pool = theirs("lp_pool", x)
    y, grad_output, grad_x = autograd(lambda x: pool(x.abs(), norm_type, **settings), x + 0.5)
    np.testing.assert_allclose(ours("lp_pool", x)(x + 0.5, norm_type, **settings), y, atol=1e-12)
    np.testing.assert_allclose(
        lecture5.lp_pool_grad(grad_output, x + 0.5, norm_type, **settings), grad_x, rtol=1e-10, atol=1e-12
    )


@given(st.data(), st.integers(1, 3))
def test_adaptive_avg_pool_agrees_with_torch(data, dimensions):
    spatial, output_size = (
        data.draw(st.lists(st.integers(1, high), min_size=dimensions, max_size=dimensions)) for high in (9, 6)
    )
    x = rng.standard_normal((2, 3, *spatial))
    y, grad_output, grad_x = autograd(theirs("adaptive_avg_pool", x), x, output_size)
    np.testing.assert_allclose(ours("adaptive_avg_pool", x)(x, output_size), y, atol=1e-12)
    np.testing.assert_allclose(lecture5.adaptive_avg_pool_grad(grad_output, x.shape), grad_x, atol=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_defaults_are_those_of_torch(dimensions):
    x = rng.standard_normal((2, 3, *[7] * dimensions))
    for name in ("max_pool", "avg_pool"):
        for more in ({}, {"padding": 1}):
            y, grad_output, grad_x = autograd(theirs(name, x), x, 3, **more)
            np.testing.assert_allclose(ours(name, x)(x, 3, **more), y, atol=1e-12)
            of = x if name == "max_pool" else x.shape
            np.testing.assert_allclose(
                getattr(lecture5, f"{name}_grad")(grad_output, of, 3, **more), grad_x, atol=1e-12
            )


@pytest.mark.parametrize(
    ("name", "of_window"),
    [("max_pool2d", np.max), ("avg_pool2d", np.mean), ("lp_pool2d", lambda window: np.sqrt(np.sum(window**2)))],
)
def test_the_definition_window_by_window(name, of_window):
    x = rng.standard_normal((2, 3, 7, 8))
    settings = (2, (2, 3), (3, 2)) if name.startswith("lp") else ((2, 3), (3, 2))
    y = getattr(lecture5, name)(x, *settings)
    assert y.shape == (2, 3, 2, 3)
    for n, c, i, j in np.ndindex(y.shape):
        window = x[n, c, 3 * i : 3 * i + 2, 2 * j : 2 * j + 3]
        np.testing.assert_allclose(y[n, c, i, j], of_window(window), rtol=1e-12)


def test_by_hand():
    image = np.array([[[[1, 2, 3, 4], [8, 7, 6, 5], [-1, 0, -3, 3]]]])
    assert lecture5.max_pool2d(image, (1, 2)).tolist() == [[[[2, 4], [8, 6], [0, 3]]]]
    assert lecture5.max_pool2d(image, (2, 1), stride=(1, 3)).tolist() == [[[[8, 5], [8, 5]]]]
    assert lecture5.avg_pool2d(image, (2, 4), stride=1).tolist() == [[[[4.5], [3.125]]]]
    assert lecture5.adaptive_avg_pool2d(image, 1).tolist() == [[[[35 / 12]]]]


class TestPadding:
    def test_max_pool_never_answers_with_its_padding(self):
        x = -np.arange(1.0, 10).reshape(1, 1, 3, 3)
        np.testing.assert_array_equal(lecture5.max_pool2d(x, 3, stride=2, padding=1), [[[[-1, -2], [-4, -5]]]])
        integers = lecture5.max_pool2d(x.astype(int), 3, stride=2, padding=1)
        np.testing.assert_array_equal(integers, [[[[-1, -2], [-4, -5]]]])

    def test_the_mean_counts_it_by_default(self):
        ones = np.ones((1, 1, 2, 2))
        np.testing.assert_array_equal(lecture5.avg_pool2d(ones, 3, stride=2, padding=1), [[[[4 / 9]]]])
        np.testing.assert_array_equal(
            lecture5.avg_pool2d(ones, 3, stride=2, padding=1, count_include_pad=False), [[[[1]]]]
        )


def test_of_equal_cells_the_first_gets_the_gradient():
    grad_x = lecture5.max_pool_grad([[[[1]]]], [[[[0, 7], [7, 7]]]], 2)
    np.testing.assert_array_equal(grad_x, [[[[0, 1], [0, 0]]]])


def test_nan_is_the_largest():
    x = np.array([[[1.0, np.nan, 3, 2, 0]]])
    np.testing.assert_array_equal(lecture5.max_pool1d(x, 2, 1), F.max_pool1d(torch.tensor(x), 2, 1))


def test_a_window_of_zeros_has_no_direction():
    np.testing.assert_array_equal(lecture5.lp_pool_grad([[[1.0]]], [[[0.0, 0.0]]], 2, 2), [[[0, 0]]])


def test_lp_pool_lies_between_mean_and_maximum():
    x = abs(rng.standard_normal((1, 2, 6, 6)))
    mean, largest = lecture5.avg_pool2d(x, 3), lecture5.max_pool2d(x, 3)
    np.testing.assert_allclose(lecture5.lp_pool2d(x, 1, 3), 9 * mean)
    np.testing.assert_allclose(lecture5.lp_pool2d(x, 200, 3), largest, rtol=0.02)


def test_finite_differences():
    x = rng.standard_normal((1, 2, 5, 6))
    cases = {
        "max_pool": (lambda x: lecture5.max_pool2d(x, 3, 2, 1), lambda g: lecture5.max_pool_grad(g, x, 3, 2, 1)),
        "avg_pool": (lambda x: lecture5.avg_pool2d(x, 3, 2, 1), lambda g: lecture5.avg_pool_grad(g, x.shape, 3, 2, 1)),
        "lp_pool": (lambda x: lecture5.lp_pool2d(x, 3, 2), lambda g: lecture5.lp_pool_grad(g, x, 3, 2)),
        "adaptive": (
            lambda x: lecture5.adaptive_avg_pool2d(x, (3, 4)),
            lambda g: lecture5.adaptive_avg_pool_grad(g, x.shape),
        ),
    }
    for name, (forward, backward) in cases.items():
        grad_output, step = rng.standard_normal(forward(x).shape), 1e-6
        slopes = np.zeros_like(x)
        for cell in np.ndindex(x.shape):
            nudge = np.zeros_like(x)
            nudge[cell] = step
            slopes[cell] = np.sum(grad_output * (forward(x + nudge) - forward(x - nudge))) / (2 * step)
        np.testing.assert_allclose(backward(grad_output), slopes, atol=1e-7, err_msg=name)


class TestTensors:
    """A tensor gives a tensor, equal to the array's result, through which gradients flow."""

    x = torch.randn(2, 2, 5, 6, dtype=torch.float64)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("max_pool2d", (3, 2, 1, 1)),
            ("avg_pool2d", (3, 2, 1, False)),
            ("lp_pool2d", (3, (2, 3))),
            ("adaptive_avg_pool2d", ((2, 4),)),
        ],
    )
    def test_forward(self, name, arguments):
        pool = getattr(lecture5, name)
        np.testing.assert_allclose(pool(self.x, *arguments), pool(self.x.numpy(), *arguments), atol=1e-12)
        assert torch.autograd.gradcheck(lambda x: pool(x, *arguments), self.x.clone().requires_grad_())

    def test_backward(self):
        x = self.x
        for gradient, shape, arguments in [
            (lecture5.max_pool_grad, (3, 3), (x, 3, 2, 1)),
            (lecture5.avg_pool_grad, (3, 3), (x.shape, 3, 2, 1, False)),
            (lecture5.lp_pool_grad, (2, 3), (x, 3, 2)),
            (lecture5.adaptive_avg_pool_grad, (3, 4), (x.shape,)),
        ]:
            grad_output = torch.randn(2, 2, *shape, dtype=torch.float64)
            ours = gradient(grad_output, *arguments)
            assert isinstance(ours, torch.Tensor)
            in_numpy = [argument.numpy() if isinstance(argument, torch.Tensor) else argument for argument in arguments]
            np.testing.assert_allclose(ours, gradient(grad_output.numpy(), *in_numpy), atol=1e-12)


@pytest.mark.parametrize(("dtype", "mean"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("u1", "f8")])
def test_dtypes(dtype, mean):
    x = np.full((1, 1, 4), 200).astype(dtype)
    assert lecture5.max_pool1d(x, 2).dtype == np.result_type(dtype, "i8" if x.dtype.kind in "iu" else dtype)
    for y in (
        lecture5.avg_pool1d(x, 2),
        lecture5.avg_pool1d(x, 2, padding=1, count_include_pad=False),
        lecture5.lp_pool1d(x, 1, 2) / 2,
        lecture5.adaptive_avg_pool1d(x, 2),
    ):
        assert y.dtype == mean
        np.testing.assert_allclose(y, 200)
    for grad in (
        lecture5.max_pool_grad(np.ones((1, 1, 2), mean), x, 2),
        lecture5.avg_pool_grad(np.ones((1, 1, 2), mean), x.shape, 2),
        lecture5.lp_pool_grad(np.ones((1, 1, 2), mean), x, 2, 2),
        lecture5.adaptive_avg_pool_grad(np.ones((1, 1, 2), mean), x.shape),
    ):
        assert grad.dtype == mean


@given(poolings())
def test_memory_order_negative_strides_and_empty_batches(pooling):
    x, settings = pooling
    for name in ("max_pool", "avg_pool"):
        pool = ours(name, x)
        expected = pool(x[:, ::-1].copy(), **settings)
        np.testing.assert_array_equal(pool(np.asfortranarray(x)[:, ::-1], **settings), expected)
        assert pool(x[:0], **settings).shape == (0, *expected.shape[1:])


def test_the_input_is_left_alone():
    x = rng.standard_normal((1, 1, 4, 4))
    before = x.copy()
    lecture5.max_pool2d(x, 2)[...] = 0
    lecture5.max_pool_grad(np.ones((1, 1, 2, 2)), x, 2)
    lecture5.avg_pool2d(x, 1)[...] = 0
    np.testing.assert_array_equal(x, before)


X = np.ones((1, 1, 5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lecture5.max_pool1d(X, 6), ValueError, r"spans \(6,\) cells, but the padded input has only \(5,\)"),
        (lambda: lecture5.max_pool1d(X, 2, stride=0), ValueError, "stride is 0"),
        (lambda: lecture5.max_pool1d(X, 0), ValueError, "kernel_size is 0"),
        (lambda: lecture5.max_pool1d(X, 2.0), TypeError, "kernel_size is 2.0"),
        (lambda: lecture5.max_pool1d(X, 3, padding=2), ValueError, "at most half"),
        (lambda: lecture5.avg_pool1d(X, 3, padding=2), ValueError, "at most half"),
        (lambda: lecture5.max_pool2d(X, 2), ValueError, r"x has shape \(1, 1, 5\)"),
        (lambda: lecture5.max_pool1d(X.astype(complex), 2), TypeError, "complex"),
        (lambda: lecture5.avg_pool1d(X.astype(object), 2), TypeError, "object"),
        (lambda: lecture5.lp_pool1d(X, 0.5, 2), ValueError, "norm_type is 0.5"),
        (lambda: lecture5.lp_pool1d(X, np.nan, 2), ValueError, "norm_type is nan"),
        (lambda: lecture5.adaptive_avg_pool1d(X, 0), ValueError, "output_size is 0"),
        (lambda: lecture5.max_pool_grad(np.ones((1, 1, 3)), X, 2), ValueError, r"grad_output .* has \(1, 1, 2\)"),
        (lambda: lecture5.avg_pool_grad(np.ones((1, 1, 3)), (1, 1, 5), 2), ValueError, "grad_output"),
        (lambda: lecture5.lp_pool_grad(np.ones((1, 1, 3)), X, 2, 2), ValueError, "grad_output"),
        (lambda: lecture5.adaptive_avg_pool_grad(np.ones((1, 2, 3)), (1, 1, 5)), ValueError, "grad_output"),
        (lambda: lecture5.adaptive_avg_pool_grad(np.ones((1, 1, 3)), (1, 5)), ValueError, "input_shape"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("padding", [2, 3])
def test_what_torch_refuses_is_refused(padding):
    with pytest.raises(RuntimeError, match="at most half"):
        F.max_pool1d(torch.tensor(X), 3, padding=padding)
    with pytest.raises(ValueError, match="at most half"):
        lecture5.max_pool1d(X, 3, padding=padding)
