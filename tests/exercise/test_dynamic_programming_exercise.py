"""Exercise 14's references against the package, which is held to independent programs elsewhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import dp
from lecture5.exercise.catalogue import dynamic_programming as exercise

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 9), st.integers(1, 4))
def test_semiring_conv(seed, extra, kernel_size):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=kernel_size + extra - 1), rng.normal(size=kernel_size)
    for ring, plus, times in ((dp.PLUS_TIMES, "+", "*"), (dp.MIN_PLUS, "min", "+"), (dp.MAX_PLUS, "max", "+")):
        expected = dp.semiring_conv(x[None, None], w[None, None], ring)[0, 0]
        np.testing.assert_allclose(exercise.semiring_conv(x, w, plus, times), expected)


@given(seeds)
def test_paths_and_depth(seed):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 9, (4, 5)).astype(float)
    cost[rng.random(cost.shape) < 0.3] = np.inf
    cost[1, 2] = 1
    np.testing.assert_array_equal(exercise.bellman_ford(cost, 1, 2, 20), dp.shortest_paths(cost, (1, 2)))
    start = np.full((1, 1, 4, 5), np.inf)
    start[0, 0, 1, 2] = 0
    net = dp.TiedConvNet(dp.wave(dp.moves(4, dp.MIN_PLUS), dp.MIN_PLUS, start, cost[None, None]))
    assert exercise.layers_needed(cost, 1, 2) == net.run(start).steps
    np.testing.assert_array_equal(exercise.bellman_ford(cost, 1, 2, 3), net.run(start, steps=3).state[0, 0])


@given(seeds)
def test_chains_and_values(seed):
    rng = np.random.default_rng(seed)
    chain = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(6, 3))
    np.testing.assert_array_equal(exercise.viterbi(*chain), dp.viterbi(*chain).states)
    reward = rng.normal(size=(4, 3))
    settled = dp.value_iteration(reward, 0.8, slip=0).value
    np.testing.assert_allclose(exercise.value_iteration(reward, 0.8, 150), settled, atol=1e-8)
