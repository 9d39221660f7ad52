"""The right implementations of exercise 6, against torch and against the package's own networks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lecture5
from lecture5 import nets
from lecture5.exercise.catalogue import lenet_to_alexnet as exercise

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("layers", "model", "in_shape"),
    [(exercise.LENET, nets.LeNet5, (1, 28, 28)), (exercise.ALEXNET, nets.AlexNet, (3, 224, 224))],
)
def test_network_table_of_the_two_networks(layers, model, in_shape):
    with torch.device("meta"):
        costs = [row for row in lecture5.layer_costs(model(), (1, *in_shape)) if row.parameters or "Max" in row.kind]
    expected = [[np.prod(row.output_shape), row.parameters, row.multiply_adds] for row in costs]
    np.testing.assert_array_equal(exercise.network_table(layers, in_shape), expected)


@given(st.integers(1, 3), st.integers(9, 14), st.integers(9, 14), st.integers(1, 3), st.integers(0, 2))
def test_network_table_against_descriptions(channels, height, width, stride, padding):
    layers = [("conv", 5, 3, stride, padding), ("pool", 2, 1), ("linear", 7)]
    described = [
        {"kind": "conv", "out_channels": 5, "kernel_size": 3, "stride": stride, "padding": padding},
        {"kind": "max_pool", "kernel_size": 2, "stride": 1},
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 7},
    ]
    costs = [row for row in lecture5.layer_costs(described, (1, channels, height, width)) if row.kind != "flatten"]
    expected = [[np.prod(row.output_shape), row.parameters, row.multiply_adds] for row in costs]
    np.testing.assert_array_equal(exercise.network_table(layers, (channels, height, width)), expected)


def test_lenet_is_the_package_s_own():
    model, weights = nets.LeNet5(num_classes=7).double(), exercise.lenet_weights(5, num_classes=7)
    parts = dict(zip(("features.0", "features.3", "classifier.0", "classifier.2", "classifier.4"),
                     ("conv1", "conv2", "fc1", "fc2", "fc3"), strict=True))  # fmt: skip
    named = {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in parts.items() for kind in ("weight", "bias")}
    model.load_state_dict({theirs: torch.tensor(weights[ours]) for theirs, ours in named.items()})
    x = np.random.default_rng(0).normal(size=(3, 1, 28, 28))
    with torch.no_grad():
        expected = model(torch.tensor(x)).numpy()
    np.testing.assert_allclose(exercise.lenet(x, weights, 7), expected, atol=1e-10)


@given(st.integers(1, 6), st.integers(2, 7), st.floats(0.1, 2000), seeds)
def test_cross_entropy(images, classes, size, seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(scale=size, size=(images, classes)), rng.integers(0, classes, size=images)
    expected = torch.nn.functional.cross_entropy(torch.tensor(scores), torch.tensor(labels)).item()
    np.testing.assert_allclose(exercise.cross_entropy(scores, labels), expected, rtol=1e-9, atol=1e-12)


@given(st.floats(0.01, 1), st.floats(0, 0.99), st.floats(0, 2), seeds)
def test_sgd_step(learning_rate, momentum, weight_decay, seed):
    rng = np.random.default_rng(seed)
    w, velocity = rng.normal(size=(2, 3)), np.zeros((2, 3))
    parameter = torch.tensor(w, requires_grad=True)
    optimiser = torch.optim.SGD([parameter], lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    for _ in range(3):
        grad = rng.normal(size=(2, 3))
        parameter.grad = torch.tensor(grad)
        optimiser.step()
        w, velocity = exercise.sgd_step(w, grad, velocity, learning_rate, momentum, weight_decay)
    np.testing.assert_allclose(w, parameter.detach().numpy(), atol=1e-10)


@given(st.integers(1, 5), seeds)
def test_top_k_error(k, seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(12, 5)), rng.integers(0, 5, size=12)
    guesses = torch.tensor(scores).topk(k, dim=1).indices.numpy()
    expected = np.mean([label not in row for row, label in zip(guesses, labels, strict=True)])
    assert exercise.top_k_error(scores, labels, k) == pytest.approx(expected)
