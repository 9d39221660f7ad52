"""The right implementations of exercise 8, against the package, and the ridge where its gradient is zero."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture5 import signal
from lecture5.exercise.catalogue import invariants_and_receptive_fields as exercise

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(st.integers(2, 6), st.sampled_from([(3,), (2, 3, 2)]), seeds)
def test_relative_move(count, shape, seed):
    before, after = np.random.default_rng(seed).normal(size=(2, count, *shape))
    np.testing.assert_allclose(exercise.relative_move(before, after), signal.relative_move(before, after), atol=1e-9)


@pytest.mark.parametrize("shape", [(16, 24), (8, 8)])
def test_scattering_channels(shape):
    """Channels of the package's transform whose first wavelet is the finest: before them nothing is subsampled."""
    transform = signal.Scattering2D(shape, scales=2, orientations=3)
    x = np.random.default_rng(0).normal(size=shape)
    expected = transform(x)
    for channel, path in enumerate(transform.paths):
        wavelets = [transform.psi[scale, direction] for scale, direction in path]
        if len(path) == 1 and path[0][0] == 0:
            ours = exercise.first_order(x, *wavelets, transform.phi, 4)
        elif len(path) == 2:
            ours = exercise.second_order(x, *wavelets, transform.phi, 4)
        else:
            continue
        # The second envelope lives on every other pixel, where it is nearly, not wholly, what it is on all.
        np.testing.assert_allclose(ours, expected[channel], atol=1e-9 if len(path) == 1 else 0.01)


@pytest.mark.parametrize(("scales", "orientations"), [(1, 3), (2, 8), (3, 6)])
def test_count_channels(scales, orientations):
    paths = signal.Scattering2D((16, 16), scales, orientations).paths
    expected = np.bincount([len(path) for path in paths], minlength=3)
    np.testing.assert_array_equal(exercise.count_channels(scales, orientations), expected)


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(2, 4), st.floats(0.01, 100), seeds)
def test_ridge_has_the_least_penalised_error(size, classes, penalty, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(12) % classes)
    features = rng.normal(size=(12, size))
    # Scores of 0 and of the unit vectors give the map away: its bias, and then its weights.
    scores = exercise.ridge_scores(features, labels, np.vstack([np.zeros(size), np.eye(size)]), penalty)
    bias = torch.tensor(scores[0], requires_grad=True)
    weights = torch.tensor(scores[1:] - scores[0], requires_grad=True)
    error = (torch.tensor(features) @ weights + bias - torch.eye(classes, dtype=torch.float64)[labels]).square().sum()
    (error + penalty * weights.square().sum()).backward()
    np.testing.assert_allclose(bias.grad, 0, atol=1e-9)
    np.testing.assert_allclose(weights.grad, 0, atol=1e-9)
