"""The right implementations of exercise 12, against torch and against lecture5."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import lecture5
from lecture5 import vision
from lecture5.exercise.catalogue import segmentation as exercise

seeds = st.integers(0, 2**32 - 1)
small = st.integers(1, 3)


@given(small, small, small, st.integers(0, 3), st.integers(0, 2), seeds)
def test_dense_scores_is_the_linear_head_at_every_place(channels, height, width, more_rows, more_columns, seed):
    torch.manual_seed(seed % 1000)
    head = torch.nn.Linear(channels * height * width, 4).double()
    x = torch.randn(channels, height + more_rows, width + more_columns, dtype=torch.float64)
    weight, bias = (parameter.detach().numpy() for parameter in head.parameters())
    scores = exercise.dense_scores(x.numpy(), weight, bias, (height, width))
    assert scores.shape == (4, more_rows + 1, more_columns + 1)
    for i, j in np.ndindex(scores.shape[1:]):
        window = x[:, i : i + height, j : j + width].flatten()
        np.testing.assert_allclose(scores[:, i, j], head(window).detach().numpy(), atol=1e-12)


@given(small, small, small, small, st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), seeds)
def test_three_transposed_convolutions(channels, height, width, rows, columns, stride, padding, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(channels, height, width)), rng.normal(size=(channels, 2, rows, columns))
    if (height - 1) * stride + rows > 2 * padding and (width - 1) * stride + columns > 2 * padding:
        tensors = torch.tensor(x)[None], torch.tensor(w)
        expected = torch.nn.functional.conv_transpose2d(*tensors, stride=stride, padding=padding)[0]
        np.testing.assert_allclose(exercise.conv_transpose2d(x, w, stride, padding), expected.numpy(), atol=1e-12)
    full = lecture5.conv_transpose2d(x[None, :1], w[:1, :1], stride=stride)[0, 0]
    np.testing.assert_allclose(exercise.stuffed_transpose(x[0], w[0, 0], stride), full, atol=1e-12)
    matrix = exercise.transpose_matrix(w[0, 0], (height, width), stride)
    np.testing.assert_allclose((matrix @ x[0].ravel()).reshape(full.shape), full, atol=1e-12)


@given(st.integers(1, 5), st.lists(st.integers(1, 16), min_size=1, max_size=7))
def test_dilated_fields(kernel_size, dilations):
    fields = lecture5.receptive_field([(kernel_size, 1, 0, dilation) for dilation in dilations])
    assert list(exercise.dilated_fields(kernel_size, dilations)) == [field.size for field in fields]


@given(st.integers(2, 5), small, small, st.sampled_from([1, 30, 3000]), seeds)
def test_pixel_loss(num_classes, height, width, size, seed):
    rng = np.random.default_rng(seed)
    scores, classes = (
        size * rng.normal(size=(num_classes, height, width)),
        rng.integers(num_classes, size=(height, width)),
    )
    expected = torch.nn.functional.cross_entropy(torch.tensor(scores)[None], torch.tensor(classes)[None])
    np.testing.assert_allclose(exercise.pixel_loss(scores, classes), expected.item(), rtol=1e-12)


@given(st.integers(2, 6), st.integers(1, 3), seeds)
def test_mean_iou(num_classes, number, seed):
    rng = np.random.default_rng(seed)
    predicted, true = rng.integers(0, rng.integers(1, num_classes + 1), size=(2, number, 3, 4))
    ours = exercise.mean_iou(predicted, true, num_classes)
    assert np.isclose(ours, vision.mean_iou(predicted, true, num_classes))
