"""Batch normalisation: torch forward, backward and running statistics; the formula by hand; finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from lecture5 import batch_norm, batch_norm_grad

rng = np.random.default_rng(19)
shapes = st.tuples(st.integers(2, 4), st.integers(1, 3)).flatmap(
    lambda start: st.lists(st.integers(1, 4), max_size=3).map(lambda spatial: (*start, *spatial))
)


def layer(shape):
    """Return x, gamma, beta and running statistics, of very different sizes."""
    channels = shape[1]
    x = 3 + 10 ** rng.uniform(-1, 1, (channels, *(1,) * (len(shape) - 2))) * rng.standard_normal(shape)
    return x, *rng.standard_normal((3, channels)), rng.uniform(0.5, 2, channels)


@given(shapes, st.booleans(), st.sampled_from([0.0, 0.1, 0.7, 1.0]), st.sampled_from([1e-5, 0.1]))
def test_agrees_with_torch_forward_backward_and_in_what_it_remembers(shape, training, momentum, eps):
    x, gamma, beta, mean, var = layer(shape)
    their_mean, their_var = torch.tensor(mean), torch.tensor(var)
    operands = [torch.tensor(operand, requires_grad=True) for operand in (x, gamma, beta)]
    expected = F.batch_norm(operands[0], their_mean, their_var, *operands[1:], training, momentum, eps)
    grad_output = rng.standard_normal(shape)
    grads = torch.autograd.grad(expected, operands, torch.tensor(grad_output))

    settings = {"training": training, "eps": eps}
    ours = batch_norm_grad(grad_output, x, gamma, mean, var, **settings)
    np.testing.assert_allclose(
        batch_norm(x, gamma, beta, mean, var, **settings, momentum=momentum), expected.detach(), rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(mean, their_mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(var, their_var, rtol=1e-12)
    for our, their in zip(ours, grads, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("remembering", [True, False])
def test_the_defaults_are_those_of_torch(remembering):
    x, gamma, beta, mean, var = layer((3, 2, 4))
    statistics = [mean, var] if remembering else [None, None]
    theirs = [torch.tensor(value) for value in (mean, var)] if remembering else [None, None]
    expected = F.batch_norm(torch.tensor(x), *theirs, torch.tensor(gamma), torch.tensor(beta), training=True)
    np.testing.assert_allclose(batch_norm(x, gamma, beta, *statistics, training=True), expected, atol=1e-12)
    if remembering:
        np.testing.assert_allclose(statistics, torch.stack(theirs), atol=1e-12)
    tensors = [torch.tensor(operand, requires_grad=True) for operand in (x, gamma, beta)]
    y = F.batch_norm(tensors[0], None, None, *tensors[1:], training=True)
    for ours, grad in zip(
        batch_norm_grad(x**2, x, gamma, training=True), torch.autograd.grad(y, tensors, tensors[0] ** 2), strict=True
    ):
        np.testing.assert_allclose(ours, grad, rtol=1e-9, atol=1e-9)


def test_by_hand():
    """Channel 0 holds 0, 2, 4, 6: mean 3, biased variance 5, unbiased 20/3. Channel 1 is constant."""
    x = np.array([[[0.0, 2], [7, 7]], [[4, 6], [7, 7]]])
    mean, var = np.array([1.0, 1.0]), np.array([1.0, 1.0])
    y = batch_norm(x, [2, 2], [10, 20], mean, var, training=True, momentum=0.25, eps=4)
    np.testing.assert_allclose(y, [[[8, 10 - 2 / 3], [20, 20]], [[10 + 2 / 3, 12], [20, 20]]])
    np.testing.assert_allclose(mean, [0.75 * 1 + 0.25 * 3, 0.75 * 1 + 0.25 * 7])
    np.testing.assert_allclose(var, [0.75 * 1 + 0.25 * 20 / 3, 0.75 * 1])


def test_the_lecture_counts_96_of_each():
    """AlexNet's first layer: 96 channels, so 96 γ, β, μ and σ, whatever the batch and the image."""
    x, gamma, beta = rng.standard_normal((2, 96, 5, 7)), np.full(96, 3.0), np.arange(96.0)
    mean, var = np.zeros(96), np.ones(96)
    y = batch_norm(x, gamma, beta, mean, var, training=True, momentum=1, eps=1e-12)
    np.testing.assert_allclose(mean, x.mean((0, 2, 3)), atol=1e-12)
    np.testing.assert_allclose(var, x.var((0, 2, 3), ddof=1), rtol=1e-12)
    np.testing.assert_allclose(y.mean((0, 2, 3)), beta, atol=1e-9)
    np.testing.assert_allclose(y.std((0, 2, 3)), gamma, rtol=1e-9)
    assert [grad.size for grad in batch_norm_grad(y, x, gamma, training=True)[1:]] == [96, 96]


def test_in_evaluation_a_sample_does_not_depend_on_the_others():
    x, gamma, beta, mean, var = layer((4, 3, 5))
    together = batch_norm(x, gamma, beta, mean, var, training=False)
    alone = batch_norm(x[:1], gamma, beta, mean, var, training=False)
    np.testing.assert_allclose(together[:1], alone, rtol=1e-12)
    training = batch_norm(x, gamma, beta, training=True)
    assert not np.allclose(training[:1], batch_norm(x[:2], gamma, beta, training=True)[:1])


@pytest.mark.parametrize("training", [True, False])
def test_finite_differences(training):
    x, gamma, beta, mean, var = layer((3, 2, 2, 2))
    grad_output, step = rng.standard_normal(x.shape), 1e-5

    def loss(x, gamma, beta):
        running = (None, None) if training else (mean, var)
        return np.sum(grad_output * batch_norm(x, gamma, beta, *running, training=training))

    grads = batch_norm_grad(grad_output, x, gamma, mean, var, training=training)
    for number, (operand, grad) in enumerate(zip((x, gamma, beta), grads, strict=True)):
        slopes = np.zeros_like(operand)
        for cell in np.ndindex(operand.shape):
            ahead, behind = ([x.copy(), gamma.copy(), beta.copy()] for _ in range(2))
            ahead[number][cell] += step
            behind[number][cell] -= step
            slopes[cell] = (loss(*ahead) - loss(*behind)) / (2 * step)
        np.testing.assert_allclose(grad, slopes, rtol=1e-5, atol=1e-6)


class TestTensors:
    @pytest.mark.parametrize("training", [True, False])
    def test_gradients_flow_and_results_agree(self, training):
        x, gamma, beta, mean, var = map(torch.tensor, layer((3, 2, 4)))
        operands = [operand.clone().requires_grad_() for operand in (x, gamma, beta)]
        assert torch.autograd.gradcheck(
            lambda x, gamma, beta: batch_norm(x, gamma, beta, mean.clone(), var.clone(), training=training), operands
        )
        statistics = mean.numpy().copy(), var.numpy().copy()
        ours = batch_norm(*operands, mean, var, training=training)
        in_numpy = batch_norm(*(operand.detach().numpy() for operand in operands), *statistics, training=training)
        np.testing.assert_allclose(ours.detach(), in_numpy, atol=1e-12)
        np.testing.assert_allclose(mean, statistics[0], atol=1e-12)
        np.testing.assert_allclose(var, statistics[1], atol=1e-12)
        assert not mean.requires_grad

    def test_grad(self):
        x, gamma, _, mean, var = map(torch.tensor, layer((3, 2, 4)))
        ours = batch_norm_grad(x**2, x, gamma, mean, var, training=False)
        in_numpy = batch_norm_grad(*(t.numpy() for t in (x**2, x, gamma, mean, var)), training=False)
        for our, expected in zip(ours, in_numpy, strict=True):
            assert isinstance(our, torch.Tensor)
            np.testing.assert_allclose(our, expected, atol=1e-12)


@pytest.mark.parametrize(("dtype", "expected"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("u1", "f8")])
def test_dtypes(dtype, expected):
    x, ones = np.arange(8).reshape(2, 2, 2).astype(dtype), np.ones(2, dtype)
    assert batch_norm(x, ones, ones, training=True).dtype == expected
    assert [grad.dtype for grad in batch_norm_grad(x, x, ones, training=True)] == [expected] * 3


def test_single_precision():
    """A far-off mean costs its digits, (|μ| / σ) of them, as in torch: the two passes lose no more than that."""
    x = (100 + rng.standard_normal((8, 3, 20, 20))).astype("f4")
    exact = batch_norm(x.astype("f8"), np.ones(3), np.zeros(3), training=True)
    ours = batch_norm(x, np.ones(3, "f4"), np.zeros(3, "f4"), training=True)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=10 * 100 * np.finfo("f4").eps)


def test_memory_order_empty_batch_and_input_left_alone():
    x, gamma, beta, mean, var = layer((3, 2, 4, 5))
    before = x.copy()
    expected = batch_norm(x, gamma, beta, training=True)
    np.testing.assert_allclose(batch_norm(np.asfortranarray(x), gamma, beta, training=True), expected, atol=1e-12)
    np.testing.assert_allclose(
        batch_norm(x[:, ::-1], gamma[::-1], beta[::-1], training=True), expected[:, ::-1], atol=1e-12
    )
    remembered = mean.copy(), var.copy()
    assert batch_norm(x[:0], gamma, beta, mean, var, training=True).shape == (0, 2, 4, 5)
    np.testing.assert_array_equal((mean, var), remembered)
    grad_x, grad_gamma, grad_beta = batch_norm_grad(x[:0], x[:0], gamma, training=True)
    assert grad_x.shape == (0, 2, 4, 5)
    np.testing.assert_array_equal([grad_gamma, grad_beta], np.zeros((2, 2)))
    batch_norm_grad(x, x, gamma, mean, var, training=True)
    np.testing.assert_array_equal((mean, var), remembered)
    np.testing.assert_array_equal(x, before)


X, ONES = np.ones((2, 3, 4)), np.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: batch_norm(X[:1, :, :1], ONES, ONES, training=True), ValueError, "one number for each channel"),
        (lambda: batch_norm_grad(X[:1, :, :1], X[:1, :, :1], ONES, training=True), ValueError, "one number"),
        (lambda: batch_norm(X, np.ones(2), ONES, training=True), ValueError, r"gamma has shape \(2,\).*\(3,\)"),
        (lambda: batch_norm(X, ONES, np.ones((3, 1)), training=True), ValueError, r"beta has shape \(3, 1\)"),
        (lambda: batch_norm(X, ONES, ONES, training=False), ValueError, "running_mean is None"),
        (lambda: batch_norm(X, ONES, ONES, ONES.copy(), training=True), ValueError, "running_var is None"),
        (lambda: batch_norm(X, ONES, ONES, [0, 0, 0], [1, 1, 1], training=True), TypeError, "updates it in place"),
        (lambda: batch_norm(X, ONES, ONES, ONES.astype(int), ONES, training=True), TypeError, "running_mean is"),
        (lambda: batch_norm(X, ONES, ONES, ONES[:2], ONES, training=True), ValueError, "running_mean has shape"),
        (lambda: batch_norm(X, ONES, ONES, training=True, eps=0), ValueError, "eps is 0"),
        (lambda: batch_norm(X, ONES, ONES, training=True, momentum=1.5), ValueError, "momentum is 1.5"),
        (lambda: batch_norm(X, ONES, ONES, training=True, momentum=None), TypeError, "momentum is None"),
        (lambda: batch_norm(ONES, ONES, ONES, training=True), ValueError, r"x has shape \(3,\)"),
        (lambda: batch_norm(X.astype(complex), ONES, ONES, training=True), TypeError, "complex"),
        (lambda: batch_norm(X.astype(object), ONES, ONES, training=True), TypeError, "object"),
        (lambda: batch_norm_grad(X[:1], X, ONES, training=True), ValueError, "grad_output has shape"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_torch_refuses_one_number_per_channel_too():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.batch_norm(torch.ones(1, 3, 1), None, None, training=True)
