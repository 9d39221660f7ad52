"""The right implementations of exercise 7, against torch and against lecture5."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import lecture5
from lecture5.exercise.catalogue import how_it_is_computed as exercise

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(5, 9)


@given(sizes, sizes, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), seeds)
def test_columns_and_weight_gradient(height, width, kernel_height, kernel_width, stride, padding, seed):
    rng = np.random.default_rng(seed)
    x, kernel = rng.normal(size=(2, height, width)), (kernel_height, kernel_width)
    tensor = torch.tensor(x)[None]
    unfolded = torch.nn.functional.unfold(tensor, kernel, padding=padding, stride=stride)[0]
    np.testing.assert_array_equal(exercise.im2col(x, *kernel, stride, padding), unfolded.numpy())
    w = torch.tensor(rng.normal(size=(3, 2, *kernel)), requires_grad=True)
    y = torch.nn.functional.conv2d(tensor, w, stride=stride, padding=padding)
    grad_output = rng.normal(size=tuple(y.shape[1:]))
    y.backward(torch.tensor(grad_output)[None])
    given_back = exercise.weight_gradient(grad_output, x, *kernel, stride, padding)
    np.testing.assert_allclose(given_back, w.grad.numpy(), atol=1e-12)


@given(st.integers(1, 6), st.integers(0, 20), st.integers(0, 12), seeds)
def test_overlap_save(taps, more, larger, seed):
    rng = np.random.default_rng(seed)
    x, w, size = rng.normal(size=taps + more), rng.normal(size=taps), taps + larger
    given_back = exercise.overlap_save(x, w, size)
    assert given_back.shape == (-(-(more + 1) // (larger + 1)), larger + 1)
    np.testing.assert_allclose(given_back.ravel()[: more + 1], np.correlate(x, w, "valid"), atol=1e-12)


@given(st.integers(2, 10), seeds)
def test_winograd_tiles(half, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=2 * half), rng.normal(size=3)
    given_back = exercise.winograd_tiles(x, w)
    np.testing.assert_allclose(given_back[:, 4:].ravel(), np.correlate(x, w, "valid"), atol=1e-12)
    np.testing.assert_allclose(given_back[:, 4], given_back[:, :3].sum(axis=1), atol=1e-12)
    assert not np.isclose(given_back[:, :4].sum(), 0)


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.integers(1, 4)), min_size=1))
def test_receptive_field(layers):
    expected = [tuple(field) for field in lecture5.receptive_field(layers)]
    np.testing.assert_array_equal(exercise.receptive_field(np.array(layers)), expected)


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3, 5]), sizes, sizes, st.integers(1, 9))
def test_roofline(in_channels, out_channels, kernel_size, height, width, batch):
    layer = {"kind": "conv", "out_channels": out_channels, "kernel_size": kernel_size, "bias": False}
    layer["padding"] = kernel_size // 2
    cost = lecture5.layer_costs([layer], (batch, in_channels, height, width))[0]
    moved = 4 * batch * in_channels * height * width + cost.parameter_bytes + cost.output_bytes
    for peak, bandwidth in ((1e9, 1e9), (1e12, 1e9), (1e9, 1e12)):
        intensity, seconds = exercise.roofline(
            in_channels, out_channels, kernel_size, height, width, batch, peak, bandwidth
        )
        np.testing.assert_allclose(intensity, 2 * cost.multiply_adds / moved)
        reached = 2 * cost.multiply_adds / seconds  # the roof itself
        np.testing.assert_allclose(reached, min(peak, intensity * bandwidth))
