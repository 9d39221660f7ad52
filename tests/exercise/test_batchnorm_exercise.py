"""The right implementations of exercise 10, against torch and its autograd."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lecture5 import nets
from lecture5.exercise.catalogue import batchnorm_residual as exercise

pytestmark = pytest.mark.usefixtures("one_thread")
sizes = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(2, 5))
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(sizes, st.sampled_from([1e-5, 0.1, 2.0]), seeds)
def test_batchnorm_forward_and_backward(shape, eps, seed):
    rng = np.random.default_rng(seed)
    x, grad, gamma, beta = (rng.normal(size=size) for size in (shape, shape, shape[1], shape[1]))
    tensor = torch.tensor(x, requires_grad=True)
    y = nn.functional.batch_norm(tensor, None, None, torch.tensor(gamma), torch.tensor(beta), training=True, eps=eps)
    np.testing.assert_allclose(exercise.batch_norm2d(x, gamma, beta, eps), y.detach().numpy(), atol=1e-9)
    y.backward(torch.tensor(grad))
    ours = exercise.batch_norm2d_backward(grad, x, gamma, eps)
    np.testing.assert_allclose(ours, tensor.grad.numpy(), atol=1e-7)


@settings(max_examples=25)
@given(sizes, st.floats(0, 1), seeds)
def test_running_statistics(shape, momentum, seed):
    rng = np.random.default_rng(seed)
    x, mean, variance = rng.normal(size=shape), rng.normal(size=shape[1]), rng.uniform(0.1, 3, size=shape[1])
    running = torch.tensor(mean), torch.tensor(variance)
    nn.functional.batch_norm(torch.tensor(x), *running, training=True, momentum=momentum)
    ours = exercise.update_running(mean, variance, x, momentum)
    np.testing.assert_allclose(ours, np.stack(running), atol=1e-9)


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), seeds)
def test_block_is_the_packages_block(in_channels, out_channels, stride, seed):
    """The same weights in ``nets.BasicBlock``, whose shortcut has torchvision's name."""
    weights = exercise.block_weights(seed, in_channels, out_channels, stride)
    x = np.random.default_rng(seed).normal(size=(2, in_channels, 6, 5))
    block = nets.BasicBlock(in_channels, out_channels, stride).double()
    named = {name.replace("shortcut", "downsample"): torch.tensor(value) for name, value in weights.items()}
    assert set(named) == {name for name, _ in block.named_parameters()}
    block.load_state_dict(named, strict=False)
    ours = exercise.residual_block(x, weights, in_channels, out_channels, stride)
    np.testing.assert_allclose(ours, block(torch.tensor(x)).detach().numpy(), atol=1e-9)


def test_paths_by_listing_them():
    for blocks in range(1, 8):
        for cut in range(blocks + 1):
            kept = [path for path in itertools.product((0, 1), repeat=blocks) if not any(path[:cut])]
            expected = np.bincount([sum(path) for path in kept], minlength=blocks + 1)
            np.testing.assert_array_equal(exercise.count_paths(blocks, cut), expected)
