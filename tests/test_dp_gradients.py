"""Back-propagation through a dynamic program is its traceback."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import dp

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([4, 8]))
def test_the_gradient_of_a_distance_is_a_shortest_path(seed, neighbours):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 4, (6, 7)).astype(float)
    cost[rng.random(cost.shape) < 0.25] = np.inf
    cost[0, 0] = cost[5, 6] = 1
    distance = dp.shortest_paths(cost, (0, 0), neighbours)
    tensor = torch.tensor(cost, requires_grad=True)
    goal = dp.shortest_paths(tensor, (0, 0), neighbours)[5, 6]
    assert goal.item() == distance[5, 6]
    goal.backward()
    path = tensor.grad.numpy()
    if np.isinf(distance[5, 6]):
        assert (path == 0).all()
        return
    assert set(np.unique(path)) <= {0, 1}
    cells = [(0, 0), *sorted(zip(*np.nonzero(path), strict=True), key=lambda cell: distance[cell])]
    assert cells[-1] == (5, 6)
    assert cost[path == 1].sum() == distance[5, 6]
    for (r, c), (s, d) in itertools.pairwise(cells):
        far = max(abs(r - s), abs(c - d)) if neighbours == 8 else abs(r - s) + abs(c - d)
        assert far == 1


@given(seeds)
def test_the_gradient_of_the_best_score_is_the_viterbi_path(seed):
    rng = np.random.default_rng(seed)
    initial, transition, emission = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(6, 3))
    tensor = torch.tensor(emission, requires_grad=True)
    dp.chain_scores(torch.tensor(initial), torch.tensor(transition), tensor, dp.MAX_PLUS)[-1].max().backward()
    np.testing.assert_array_equal(tensor.grad.numpy(), np.eye(3)[dp.viterbi(initial, transition, emission).states])


@given(seeds, st.booleans())
def test_the_gradient_of_the_log_likelihood_is_the_posteriors(seed, impossible):
    rng = np.random.default_rng(seed)
    initial, transition, emission = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(5, 3))
    if impossible:
        transition[0, 1] = initial[2] = emission[2, 0] = -np.inf
    tensor = torch.tensor(emission, requires_grad=True)
    scores = dp.chain_scores(torch.tensor(initial), torch.tensor(transition), tensor, dp.LOG_SUM_EXP)
    dp.LOG_SUM_EXP.sum(scores[-1], 0).backward()
    posteriors = dp.forward_backward(initial, transition, emission)
    np.testing.assert_allclose(tensor.grad.numpy(), posteriors.probability, atol=1e-12)


def test_the_gradient_of_a_warping_distance_is_the_warping_path():
    a, b = np.array([0, 1, 3, 3.5, 1]), np.array([0, 0.2, 1.1, 3.2, 0.9])
    distance = np.full((6, 6), np.inf)
    distance[1:, 1:] = abs(a[:, None] - b)
    tensor = torch.tensor(distance, requires_grad=True)
    total = dp.alignment_table(tensor, tensor, dp.MIN_PLUS)[-1, -1]
    assert total.item() == pytest.approx(dp.dtw(a, b))
    total.backward()
    path = np.argwhere(tensor.grad.numpy()[1:, 1:])
    assert path.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3], [3, 3], [4, 4]]
    assert abs(a[path[:, 0]] - b[path[:, 1]]).sum() == pytest.approx(total.item())


@given(seeds)
def test_tensors_and_arrays_give_the_same_tables(seed):
    rng = np.random.default_rng(seed)
    straight, diagonal = rng.integers(0, 9, (2, 5, 7)).astype(float)
    diagonal[0] = diagonal[:, 0] = np.inf
    ours = dp.alignment_table(straight, diagonal, dp.MIN_PLUS)
    theirs = dp.alignment_table(torch.tensor(straight), torch.tensor(diagonal), dp.MIN_PLUS)
    np.testing.assert_array_equal(ours, theirs.numpy())
    row = rng.integers(0, 9, 13)
    np.testing.assert_array_equal(dp.prefix_scan(row), dp.prefix_scan(torch.tensor(row)).numpy())
