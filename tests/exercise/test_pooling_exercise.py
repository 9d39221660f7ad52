"""The right implementations of exercise 5, against torch."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5.exercise.catalogue import feature_maps_and_pooling as exercise

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(5, 9)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), sizes, sizes, st.integers(1, 3), st.integers(0, 2))
def test_layer_cost(in_channels, out_channels, kernel_size, height, width, stride, padding):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding)
    outputs = layer(torch.zeros(1, in_channels, height, width)).numel()
    expected = [sum(p.numel() for p in layer.parameters()), outputs * in_channels * kernel_size**2]
    given_back = exercise.layer_cost(in_channels, out_channels, kernel_size, height, width, stride, padding)
    assert list(given_back) == expected


@given(sizes, sizes, st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), seeds)
def test_pooling(height, width, kernel_size, stride, padding, seed):
    x = np.random.default_rng(seed).normal(size=(2, height, width))
    tensor, padding = torch.tensor(x)[None], min(padding, kernel_size // 2)
    highest = torch.nn.functional.max_pool2d(tensor, kernel_size, stride)[0]
    np.testing.assert_array_equal(exercise.max_pool2d(x, kernel_size, stride), highest.numpy())
    mean = torch.nn.functional.avg_pool2d(tensor, kernel_size, stride, padding, count_include_pad=False)[0]
    np.testing.assert_allclose(exercise.avg_pool2d(x, kernel_size, stride, padding), mean.numpy(), atol=1e-12)


@given(sizes, sizes, st.integers(1, 4), seeds)
def test_blur_pool(height, width, stride, seed):
    x = np.random.default_rng(seed).normal(size=(2, height, width))
    padded = torch.nn.functional.pad(torch.tensor(x)[None], [1] * 4, mode="reflect")
    weights = (torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])) / 16).double().expand(2, 1, 3, 3)
    expected = torch.conv2d(padded, weights, stride=stride, groups=2)[0]
    np.testing.assert_allclose(exercise.blur_pool(x, stride), expected.numpy(), atol=1e-12)
