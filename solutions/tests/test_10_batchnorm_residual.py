"""Hidden tests of exercise 10. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values
come from this package's own layers and gradients, which are tested against torch's: the grader does without torch.
"""

import itertools

import numpy as np
import pytest

from lecture5 import batch_norm, batch_norm_grad, conv2d, conv_input_grad
from lecture5.grading.testing import assert_equal


def random(rng, *shape):
    """Channels with means and sizes of their own, in float64."""
    mean, size = rng.normal(scale=3, size=shape[1]), rng.uniform(0.5, 3, size=shape[1])
    return rng.normal(size=shape) * size[:, None, None] + mean[:, None, None]


def check_forward(submission, rng, shapes, epsilons):
    for shape, eps in zip(shapes, epsilons, strict=True):
        x, gamma, beta = random(rng, *shape), rng.normal(size=shape[1]), rng.normal(size=shape[1])
        expected = batch_norm(x, gamma, beta, training=True, eps=eps)
        assert_equal(submission.batch_norm2d(x, gamma, beta, eps), expected)


@pytest.mark.points("batch_norm2d", 1, shows="batches and channels of several sizes")
def test_batch_norm_shapes(submission, rng):
    check_forward(submission, rng, [(2, 3, 4, 5), (5, 2, 3, 2), (3, 4, 1, 4), (4, 1, 6, 3)], [1e-5] * 4)
    x, ones = random(rng, 2, 3, 3, 4), np.ones(3)
    assert_equal(submission.batch_norm2d(x, ones, 0 * ones), batch_norm(x, ones, 0 * ones, training=True))


@pytest.mark.points("batch_norm2d", 1, shows="eps of several sizes, and a channel that is constant")
def test_batch_norm_eps(submission, rng):
    check_forward(submission, rng, [(2, 3, 4, 5), (3, 2, 2, 2), (1, 3, 5, 4)], [0.3, 2.0, 1e-2])
    x = random(rng, 3, 2, 4, 3)
    x[:, 1] = 7.0
    gamma, beta = np.array([1.5, 2.0]), np.array([0.5, -3.0])
    assert_equal(submission.batch_norm2d(x, gamma, beta), batch_norm(x, gamma, beta, training=True))


def check_backward(submission, rng, shape, eps=1e-5, gamma=None):
    x, grad = random(rng, *shape), rng.normal(size=shape)
    gamma = rng.normal(size=shape[1]) if gamma is None else gamma
    expected, _, _ = batch_norm_grad(grad, x, gamma, training=True, eps=eps)
    arguments = (grad, x, gamma) if eps == 1e-5 else (grad, x, gamma, eps)
    assert_equal(submission.batch_norm2d_backward(*arguments), expected)


@pytest.mark.points("batch_norm2d_backward", 1, shows="gamma 1, batches of several sizes")
def test_backward_without_gamma(submission, rng):
    for shape in [(2, 3, 4, 5), (4, 1, 2, 3), (3, 2, 5, 1)]:
        check_backward(submission, rng, shape, gamma=np.ones(shape[1]))


@pytest.mark.points("batch_norm2d_backward", 1, shows="gamma of any sign")
def test_backward_with_gamma(submission, rng):
    for shape in [(3, 4, 2, 3), (2, 2, 6, 5), (1, 3, 4, 4)]:
        check_backward(submission, rng, shape)


@pytest.mark.points("batch_norm2d_backward", 1, shows="large eps")
def test_backward_with_eps(submission, rng):
    for shape, eps in [((3, 2, 4, 3), 0.5), ((2, 4, 3, 3), 3.0)]:
        check_backward(submission, rng, shape, eps)


def check_running(submission, rng, shape, momentum=None):
    before = rng.normal(size=shape[1]), rng.uniform(0.1, 5, size=shape[1])
    x, ones = random(rng, *shape), np.ones(shape[1])
    expected = np.array(before)  # its rows are updated in place
    batch_norm(x, ones, ones, *expected, training=True, momentum=0.1 if momentum is None else momentum)
    assert_equal(submission.update_running(*before, x, *([] if momentum is None else [momentum])), expected)


@pytest.mark.points("update_running", 1, shows="the usual momentum, small and large batches")
def test_running_statistics(submission, rng):
    for shape in [(2, 3, 2, 2), (6, 2, 5, 4), (1, 4, 3, 2), (2, 1, 1, 1)]:
        check_running(submission, rng, shape)


@pytest.mark.points("update_running", 1, shows="other momenta")
def test_running_statistics_by_momentum(submission, rng):
    for momentum in (0.0, 0.3, 0.75, 1.0):
        check_running(submission, rng, (3, 2, 2, 3), momentum)


def norm(y, weights, name):
    return batch_norm(y, weights[f"{name}.weight"], weights[f"{name}.bias"], training=True)


def norm_grad(grad, y, weights, name):
    return batch_norm_grad(grad, y, weights[f"{name}.weight"], training=True)[0]


def block(x, weights, stride):
    """Return the block's output, and a function that takes the gradient from there to ``x``."""
    first = conv2d(x, weights["conv1.weight"], stride=stride, padding=1)
    middle = norm(first, weights, "bn1")
    second = conv2d(np.maximum(middle, 0), weights["conv2.weight"], padding=1)
    projection = conv2d(x, weights["shortcut.0.weight"], stride=stride) if "shortcut.0.weight" in weights else None
    past = x if projection is None else norm(projection, weights, "shortcut.1")
    before = norm(second, weights, "bn2") + past

    def back(grad):
        grad = grad * (before > 0)
        by_second = norm_grad(grad, second, weights, "bn2")
        by_middle = conv_input_grad(by_second, weights["conv2.weight"], middle.shape, padding=1) * (middle > 0)
        by_first = norm_grad(by_middle, first, weights, "bn1")
        branch = conv_input_grad(by_first, weights["conv1.weight"], x.shape, stride=stride, padding=1)
        if projection is None:
            return branch + grad
        by_projection = norm_grad(grad, projection, weights, "shortcut.1")
        return branch + conv_input_grad(by_projection, weights["shortcut.0.weight"], x.shape, stride=stride)

    return np.maximum(before, 0), back


def block_weights(rng, channels_in, channels_out, projection):
    weights = {
        "conv1.weight": rng.normal(size=(channels_out, channels_in, 3, 3)),
        "conv2.weight": rng.normal(size=(channels_out, channels_out, 3, 3)),
    }
    if projection:
        weights["shortcut.0.weight"] = rng.normal(size=(channels_out, channels_in, 1, 1))
    for name in ["bn1", "bn2"] + ["shortcut.1"] * projection:
        weights[f"{name}.weight"] = rng.uniform(0.5, 2, size=channels_out)
        weights[f"{name}.bias"] = rng.normal(size=channels_out)
    return weights


def check_block(submission, rng, shape, channels_out, stride):
    projection = stride != 1 or shape[1] != channels_out
    x, weights = rng.normal(size=shape), block_weights(rng, shape[1], channels_out, projection)
    expected, _ = block(x, weights, stride)
    theirs = submission.ResidualBlock(shape[1], channels_out, stride)
    theirs.load(weights)
    theirs.train()
    assert_equal(theirs(x), expected)


@pytest.mark.points("ResidualBlock", 1, shows="blocks that keep the shape")
def test_block_identity(submission, rng):
    for shape in [(2, 3, 5, 4), (3, 1, 4, 6), (1, 4, 5, 5)]:
        check_block(submission, rng, shape, shape[1], 1)


@pytest.mark.points("ResidualBlock", 1, shows="blocks that change the channels")
def test_block_channels(submission, rng):
    for shape, channels_out in [((2, 2, 4, 5), 5), ((3, 3, 4, 4), 1), ((1, 1, 6, 5), 3)]:
        check_block(submission, rng, shape, channels_out, 1)


@pytest.mark.points("ResidualBlock", 1, shows="blocks with a stride, even and odd sizes, and their gradient")
def test_block_stride(submission, rng):
    for shape, channels_out, stride in [((2, 2, 6, 8), 4, 2), ((3, 2, 7, 5), 2, 2), ((2, 1, 9, 8), 3, 3)]:
        check_block(submission, rng, shape, channels_out, stride)
    x, weights = rng.normal(size=(2, 1, 4, 3)), block_weights(rng, 1, 2, True)
    expected, back = block(x, weights, 2)
    grad_output = rng.normal(size=expected.shape)
    theirs = submission.ResidualBlock(1, 2, 2)
    theirs.load(weights)
    theirs.train()
    gradient = theirs.gradient(x, grad_output)
    assert_equal(gradient["input"] if isinstance(gradient, dict) else gradient, back(grad_output), absolute=1e-5)


@pytest.mark.points("count_paths", 1, shows="up to nine blocks, any number of them cut")
def test_count_paths(submission, rng):
    for blocks, cut in [(1, 1), (5, 2), (6, 6), (9, 4), (int(rng.integers(3, 9)), int(rng.integers(0, 3)))]:
        kept = [path for path in itertools.product((0, 1), repeat=blocks) if not any(path[:cut])]
        expected = np.bincount([sum(path) for path in kept], minlength=blocks + 1)
        assert_equal(submission.count_paths(blocks, cut), expected)
