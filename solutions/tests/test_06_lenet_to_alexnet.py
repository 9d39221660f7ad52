"""Hidden tests of exercise 6. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values
come from this package's own layers, which are tested against torch's, from scipy, and from counting.
"""

import numpy as np
import pytest
from scipy.special import logsumexp

from lecture5 import conv2d, max_pool2d
from lecture5.grading.testing import assert_equal


def built(layers, in_shape):
    """What each layer gives for an input of zeros, and its parameters."""
    x = np.zeros((1, *in_shape))
    for kind, *numbers in layers:
        parameters = []
        if kind == "conv":
            out_channels, kernel_size, stride, padding = numbers
            parameters = [np.zeros((out_channels, x.shape[1], kernel_size, kernel_size)), np.zeros(out_channels)]
            x = conv2d(x, *parameters, stride=stride, padding=padding)
        elif kind == "pool":
            x = max_pool2d(x, *numbers)
        else:
            parameters = [np.zeros((numbers[0], x.size)), np.zeros(numbers[0])]
            x = x.reshape(1, -1) @ parameters[0].T
        yield x, parameters


def table(layers, in_shape):
    rows = []
    for output, parameters in built(layers, in_shape):
        weights = parameters[0][0].size if parameters else 0
        rows.append([output.size, sum(p.size for p in parameters), output.size * weights])
    return np.array(rows)


@pytest.mark.points("network_table", 1, shows="convolutions, strides and padding")
def test_network_table_convolutions(submission, rng):
    for in_shape in [(1, 20, 13), (3, 16, 17)]:
        a, b, c = rng.integers(2, 9, size=3).tolist()
        layers = [["conv", a, 3, 1, 1], ["conv", b, 5, 2, 2], ["conv", c, 2, 1, 0]]
        assert_equal(submission.network_table(layers, in_shape), table(layers, in_shape))


@pytest.mark.points("network_table", 1, shows="pooling, with windows that overlap and that do not")
def test_network_table_pooling(submission, rng):
    for kernel_size, stride in [(2, 2), (3, 2), (2, 3)]:
        a, b = rng.integers(2, 9, size=2).tolist()
        layers = [["conv", a, 3, 1, 0], ["pool", kernel_size, stride], ["conv", b, 3, 1, 1]]
        assert_equal(submission.network_table(layers, (2, 15, 18)), table(layers, (2, 15, 18)))


@pytest.mark.points("network_table", 1, shows="whole networks, with linear maps")
def test_network_table_networks(submission, rng):
    a, b, c = rng.integers(2, 12, size=3).tolist()
    network = [["conv", a, 5, 1, 2], ["pool", 2, 2], ["conv", b, 3, 2, 0], ["linear", c], ["linear", 5]]
    assert_equal(submission.network_table(network, (3, 24, 16)), table(network, (3, 24, 16)))
    assert_equal(submission.network_table([["linear", c], ["linear", a]], (2, 3, 5)),
                 table([["linear", c], ["linear", a]], (2, 3, 5)))  # fmt: skip


def lenet(x, w):
    """The network's formula, with this package's functions."""
    x = conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=2)
    x = conv2d(max_pool2d(np.maximum(x, 0), 2), w["conv2.weight"], w["conv2.bias"])
    x = max_pool2d(np.maximum(x, 0), 2).reshape(len(x), -1)
    for name in ("fc1", "fc2"):
        x = np.maximum(x @ w[f"{name}.weight"].T + w[f"{name}.bias"], 0)
    return x @ w["fc3.weight"].T + w["fc3.bias"]


def check_lenet(submission, rng, images, num_classes):
    shapes = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120)}
    weights = {}
    for name, shape in {**shapes, "fc3": (num_classes, 84)}.items():
        weights[f"{name}.weight"] = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        weights[f"{name}.bias"] = rng.normal(size=shape[0]) / 4
    x = rng.normal(size=(images, 1, 28, 28))
    network = submission.LeNet(num_classes)
    network.load(weights)
    assert_equal(network(x), lenet(x, weights))


@pytest.mark.points("LeNet", 1, shows="one image, ten classes")
def test_lenet_one_image(submission, rng):
    check_lenet(submission, rng, 1, 10)


@pytest.mark.points("LeNet", 1, shows="a batch")
def test_lenet_batch(submission, rng):
    check_lenet(submission, rng, 4, 10)


@pytest.mark.points("LeNet", 1, shows="other numbers of classes")
def test_lenet_classes(submission, rng):
    check_lenet(submission, rng, 2, 2)
    check_lenet(submission, rng, 1, 26)


def check_loss(submission, scores, labels):
    expected = np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])
    assert_equal(submission.cross_entropy(scores, labels), expected)


@pytest.mark.points("cross_entropy", 1, shows="batches and classes of several sizes")
def test_cross_entropy(submission, rng):
    for images, classes in [(1, 3), (6, 2), (5, 10)]:
        check_loss(submission, rng.normal(scale=2, size=(images, classes)), rng.integers(0, classes, size=images))


@pytest.mark.points("cross_entropy", 1, shows="scores in the thousands, of either sign")
def test_cross_entropy_large(submission, rng):
    for offset, scale in [(3000, 1), (-3000, 1), (0, 900)]:
        scores = rng.normal(scale=scale, size=(4, 5)) + offset
        scores[0, 1] = offset + 800  # sure to be too large for an exponential, as it stands
        check_loss(submission, scores, rng.integers(0, 5, size=4))


def stepped(w, grad, velocity, learning_rate, momentum, weight_decay):
    """torch's SGD by its formula, without dampening: weight decay is a part of the gradient."""
    velocity = momentum * velocity + grad + weight_decay * w
    return np.array([w - learning_rate * velocity, velocity])


@pytest.mark.points("sgd_step", 1, shows="usual settings")
def test_sgd_step_usual(submission, rng):
    for shape in [(5,), (3, 4), (2, 3, 3, 3)]:
        numbers = [rng.normal(size=shape) for _ in range(3)]
        settings = (0.05, 0.9, 0.05)
        assert_equal(submission.sgd_step(*numbers, *settings), stepped(*numbers, *settings))


@pytest.mark.points("sgd_step", 1, shows="other settings")
def test_sgd_step_settings(submission, rng):
    for settings in [(0.3, 0.5, 0.0), (1.0, 0.25, 0.4), (0.1, 0.99, 1.5)]:
        numbers = [rng.normal(size=(3, 2)) for _ in range(3)]
        assert_equal(submission.sgd_step(*numbers, *settings), stepped(*numbers, *settings))


def wrong_share(scores, labels, k):
    """A guess is among the k best if fewer than k classes have a higher score."""
    higher = [(row > row[label]).sum() for row, label in zip(scores, labels, strict=True)]
    return np.mean([count >= k for count in higher])


@pytest.mark.points("top_k_error", 1, shows="one guess and two")
def test_top_k_error_few(submission, rng):
    for k in (1, 2, 2):
        scores, labels = rng.normal(size=(23, 5)), rng.integers(0, 5, size=23)
        assert_equal(submission.top_k_error(scores, labels, k), wrong_share(scores, labels, k))


@pytest.mark.points("top_k_error", 1, shows="more guesses, and all of them")
def test_top_k_error_many(submission, rng):
    for k, classes in [(5, 20), (3, 7), (4, 12), (6, 6)]:
        scores, labels = rng.normal(size=(31, classes)), rng.integers(0, classes, size=31)
        assert_equal(submission.top_k_error(scores, labels, k), wrong_share(scores, labels, k))
