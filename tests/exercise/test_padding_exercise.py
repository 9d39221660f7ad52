"""The right implementations of exercise 3, against torch."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5.exercise.catalogue import padding_stride_dilation as exercise

TORCH_MODES = {"zeros": "constant", "replicate": "replicate", "reflect": "reflect", "circular": "circular"}
seeds = st.integers(0, 2**32 - 1)


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)


@given(st.integers(1, 25), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4), st.integers(1, 4))
def test_sizes_and_reads(size, kernel, stride, padding, dilation):
    if dilation * (kernel - 1) + 1 > size + 2 * padding:
        return
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    w = torch.ones(1, 1, kernel, dtype=torch.float64)
    y = torch.nn.functional.conv1d(x, w, stride=stride, padding=padding, dilation=dilation)
    assert exercise.output_size(size, kernel, stride, padding, dilation) == y.shape[-1]
    y.sum().backward()
    same(exercise.times_read(size, kernel, stride, padding, dilation), x.grad[0, 0])


@given(
    st.integers(1, 3), st.integers(4, 7), st.integers(4, 7), st.integers(0, 3), st.sampled_from(exercise.MODES), seeds
)
def test_padding(channels, height, width, padding, mode, seed):
    x = np.random.default_rng(seed).normal(size=(channels, height, width))
    padded = torch.nn.functional.pad(torch.tensor(x)[None], [padding] * 4, mode=TORCH_MODES[mode])[0]
    same(exercise.pad_image(x, padding, mode), padded)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3), seeds)
def test_layer_and_kernel_with_holes(height, width, stride, padding, dilation, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(2, 9, 8)), rng.normal(size=(3, 2, height, width))
    tensors = torch.tensor(x)[None], torch.tensor(w)
    same(exercise.conv2d(x, w, stride, padding), torch.conv2d(*tensors, stride=stride, padding=padding)[0])
    same(exercise.conv2d(x, exercise.dilate_kernel(w, dilation)), torch.conv2d(*tensors, dilation=dilation)[0])
