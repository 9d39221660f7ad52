"""The right implementations of exercise 9, against torch and against the package."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lecture5 import insight
from lecture5.exercise.catalogue import what_networks_learn as exercise

pytestmark = pytest.mark.usefixtures("one_thread")
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=20)
@given(st.sampled_from([(2, 2), (3, 2), (3, 1)]), seeds)
def test_unpool(pooling, seed):
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 2, 7, 6)))
    y, switches = insight.pool_with_switches(x, nn.MaxPool2d(*pooling))
    ours = exercise.unpool_with_switches(y[0].numpy(), switches[0].numpy(), 7, 6)
    np.testing.assert_allclose(ours, insight.unpool(y, switches, 7, 6)[0])


@settings(max_examples=20)
@given(st.sampled_from([(3, 3, 1), (2, 3, 0), (5, 3, 1)]), seeds)
def test_steps_make_a_deconvnet(kernel, seed):
    """Convolution, ReLU, pooling: what ``project_down`` gives is step by step what the exercise asks for."""
    torch.manual_seed(seed % 2**31)
    conv = nn.Conv2d(2, 3, kernel[:2], padding=kernel[2]).double()
    features = nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2))
    image = torch.rand(2, 8, 9, dtype=torch.float64)
    above = conv(image[None]).relu()
    y, switches = insight.pool_with_switches(above, features[2])
    kept = torch.zeros_like(y)
    place = divmod(y[0, 1].argmax().item(), y.shape[3])
    kept[0, 1][place] = y[0, 1][place]
    down = exercise.unpool_with_switches(kept[0].detach().numpy(), switches[0].numpy(), *above.shape[2:])
    down = exercise.deconv_step(down, conv.weight.detach().numpy(), kernel[2])
    np.testing.assert_allclose(down, insight.project_down(features, image, 2, 1).numpy(), atol=1e-12)


@settings(max_examples=20)
@given(st.integers(1, 3), st.floats(-1, 1), seeds)
def test_covered_probability(size, fill, seed):
    rng = np.random.default_rng(seed)
    image, w, bias = rng.normal(size=(4, 5)), rng.normal(size=(3, 4, 5)), rng.normal(size=3)

    def model(images):
        return images[:, 0].flatten(1) @ torch.from_numpy(w).flatten(1).T + torch.from_numpy(bias)

    expected = insight.occlusion_map(model, torch.from_numpy(image)[None], 2, size=size, fill=fill)
    np.testing.assert_allclose(exercise.covered_probability(image, w, bias, 2, size, fill), expected)


@settings(max_examples=20)
@given(st.integers(2, 9), st.integers(1, 9), seeds)
def test_nearest_labels(known, asked, seed):
    rng = np.random.default_rng(seed)
    features, labels, test = rng.normal(size=(known, 3)), rng.integers(0, 4, size=known), rng.normal(size=(asked, 3))
    distances = torch.cdist(torch.from_numpy(test), torch.from_numpy(features))
    expected = torch.from_numpy(labels)[distances.argmin(dim=1)]
    np.testing.assert_array_equal(exercise.nearest_labels(features, labels, test), expected)


@settings(max_examples=20)
@given(st.floats(0, 2), st.floats(0, 2), seeds)
def test_ascent_step(size_penalty, variation_penalty, seed):
    image, gradient = np.random.default_rng(seed).normal(size=(2, 3, 4))
    x = torch.tensor(image, requires_grad=True)
    objective = (torch.from_numpy(gradient) * x).sum()
    (objective - size_penalty * x.square().sum() - variation_penalty * insight.variation(x)).backward()
    ours = exercise.ascent_step(image, gradient, 0.3, size_penalty, variation_penalty)
    np.testing.assert_allclose(ours, image + 0.3 * x.grad.numpy(), atol=1e-12)
