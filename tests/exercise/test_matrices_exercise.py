"""The right implementations of exercise 4, against torch and against the package's own matrices."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import lecture5
from lecture5.exercise.catalogue import layers_as_matrices as exercise

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(4, 7)


@given(st.integers(1, 4), sizes, sizes, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))
def test_count_weights(in_channels, height, width, out_channels, kernel_size, stride, padding):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
    image = torch.zeros(1, in_channels, height, width)
    output = layer(image)
    windows = torch.nn.functional.unfold(image, kernel_size, stride=stride, padding=padding)
    expected = [image.numel() * output.numel(), out_channels * windows.numel(), layer.weight.numel()]
    given_back = exercise.count_weights(in_channels, height, width, out_channels, kernel_size, stride, padding)
    assert list(given_back) == expected


@given(st.integers(1, 3), st.integers(1, 3), sizes, sizes, st.integers(1, 3), st.integers(0, 2), seeds)
def test_layer_matrix(in_channels, out_channels, height, width, stride, padding, seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(out_channels, in_channels, 2, 3))
    shape = (in_channels, height, width)
    expected = lecture5.conv_matrix(w, shape, stride=stride, padding=padding, sparse=False)
    np.testing.assert_array_equal(exercise.layer_matrix(w, shape, stride, padding), expected)
    x = rng.normal(size=shape)
    output = torch.conv2d(torch.tensor(x)[None], torch.tensor(w), stride=stride, padding=padding)
    np.testing.assert_allclose(expected @ x.ravel(), output.numpy().ravel(), atol=1e-12)
    single = exercise.conv_matrix(w[0, 0], (height, width))
    np.testing.assert_array_equal(single, lecture5.conv_matrix(w[:1, :1], (1, height, width), sparse=False))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), seeds)
def test_locally_connected_matrix(rows, columns, height, width, stride, seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(rows, columns, height, width))
    shape = (stride * (rows - 1) + height + int(rng.integers(0, stride)), stride * (columns - 1) + width)
    expected = lecture5.locally_connected_matrix(w[None, :, :, None], (1, *shape), stride=stride, sparse=False)
    np.testing.assert_array_equal(exercise.locally_connected_matrix(w, shape, stride), expected)


@given(st.integers(2, 5), st.integers(1, 3), st.integers(-3, 3), seeds)
def test_equivariance_error(units, stride, steps, seed):
    rng = np.random.default_rng(seed)
    matrix, x = rng.normal(size=(units, units * stride)), rng.normal(size=units * stride)
    move_input = np.linalg.matrix_power(np.roll(np.eye(len(x)), 1, axis=0), (steps * stride) % len(x))
    move_output = np.linalg.matrix_power(np.roll(np.eye(units), 1, axis=0), steps % units)
    commutator = (matrix @ move_input - move_output @ matrix) @ x
    expected = np.sqrt(commutator @ commutator) / np.sqrt((matrix @ x) @ (matrix @ x))
    np.testing.assert_allclose(exercise.equivariance_error(matrix, x, steps * stride, stride), expected, atol=1e-12)
