"""Hidden tests of exercise 14. They run outside the sandbox: every call of ``submission`` is a call from afar.

Expected values are computed here by other means than the students': sums over all terms, Dijkstra's algorithm with a
heap, a search over all paths, a recursion.
"""

import heapq
import itertools
from functools import cache

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal

PLUS = {"+": sum, "min": min, "max": max}
TIMES = {"+": lambda a, b: a + b, "*": lambda a, b: a * b}


def by_terms(x, w, plus, times):
    return np.array(
        [PLUS[plus]([TIMES[times](x[t + k], w[k]) for k in range(len(w))]) for t in range(len(x) - len(w) + 1)], float
    )


@pytest.mark.points("semiring_conv", 1, shows="random numbers in (+, ×), (min, +) and (max, +)")
def test_semiring_conv_random(submission, rng):
    for (plus, times), (length, size) in itertools.product([("+", "*"), ("min", "+"), ("max", "+")], [(9, 3), (8, 4)]):
        x, w = np.round(rng.normal(size=length) * 4, 2), np.round(rng.normal(size=size) * 4, 2)
        assert_equal(submission.semiring_conv(x, w, plus, times), by_terms(x, w, plus, times))


@pytest.mark.points("semiring_conv", 1, shows="infinite entries, (max, ×), whole numbers, short and long kernels")
def test_semiring_conv_edges(submission, rng):
    x = np.round(rng.uniform(1, 9, size=10), 2)
    for w in (x[:1] / 2, x[2:6] / 2, x / 2):
        assert_equal(submission.semiring_conv(x, w, "max", "*"), by_terms(x, w, "max", "*"))
        assert_equal(submission.semiring_conv(x, w, "min", "+"), by_terms(x, w, "min", "+"))
    walls = np.where(rng.random(10) < 0.5, np.inf, x)
    assert_equal(submission.semiring_conv(walls, x[:3], "min", "+"), by_terms(walls, x[:3], "min", "+"))
    whole, fractions = rng.integers(1, 9, size=7), np.array([0.5, 0.25])
    assert_equal(submission.semiring_conv(whole, fractions, "max", "+"), by_terms(whole, fractions, "max", "+"))


def world(rng, height, width, walls=0.25):
    cost = rng.integers(1, 10, size=(height, width)) / 2
    cost[rng.random(cost.shape) < walls] = np.inf
    row, column = (int(rng.integers(size)) for size in cost.shape)
    cost[row, column] = 3.5
    return cost, row, column


def cheapest(cost, row, column, layers):
    """A heap of (cost, moves, cell); ways of more than ``layers`` moves are dropped."""
    found, heap, seen = np.full(cost.shape, np.inf), [(0.0, 0, row, column)], set()
    while heap:
        d, moves, r, c = heapq.heappop(heap)
        if (moves, r, c) in seen:
            continue
        seen.add((moves, r, c))
        found[r, c] = min(found[r, c], d)
        for s, t in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
            inside = 0 <= s < cost.shape[0] and 0 <= t < cost.shape[1]
            if moves < layers and inside and np.isfinite(cost[s, t]):
                heapq.heappush(heap, (d + cost[s, t], moves + 1, s, t))
    return found


@pytest.mark.points("bellman_ford", 1, shows="random worlds, as many layers as they need")
def test_bellman_ford_to_the_end(submission, rng):
    for height, width in [(4, 5), (5, 3), (1, 6), (6, 1)]:
        cost, row, column = world(rng, height, width)
        expected = cheapest(cost, row, column, cost.size)
        assert_equal(submission.bellman_ford(cost, row, column, cost.size), expected)


@pytest.mark.points("bellman_ford", 1, shows="random worlds, a few layers, and none")
def test_bellman_ford_a_few_layers(submission, rng):
    for (height, width), layers in itertools.product([(4, 5), (6, 3)], [0, 1, 2, 3, 5]):
        cost, row, column = world(rng, height, width)
        assert_equal(submission.bellman_ford(cost, row, column, layers), cheapest(cost, row, column, layers))


@pytest.mark.points("bellman_ford", 1, shows="a corridor without walls, a source that is shut in")
def test_bellman_ford_edges(submission, rng):
    cost, row, column = world(rng, 3, 7, walls=0)
    for layers in (2, 4, 21):
        assert_equal(submission.bellman_ford(cost, row, column, layers), cheapest(cost, row, column, layers))
    shut = np.array([[np.inf, 2.0, np.inf], [1.0, np.inf, 1.0]])
    assert_equal(submission.bellman_ford(shut, 0, 1, 6), cheapest(shut, 0, 1, 6))


def depth(cost, row, column):
    end = cheapest(cost, row, column, cost.size)
    return next(k for k in itertools.count() if np.array_equal(cheapest(cost, row, column, k), end))


@pytest.mark.points("layers_needed", 1, shows="random worlds, snakes, cheap detours, a source that is shut in")
def test_layers_needed(submission, rng):
    detour = np.array([[1.0, 20, 1], [1, 20, 1], [1, 1, 1]]) * float(rng.integers(1, 5))
    shut = np.array([[1.0, np.inf], [np.inf, 1]])
    drawn = [world(rng, *size) for size in [(4, 5), (5, 4), (3, 6), (4, 4)]]
    worlds = [(detour, 0, 0), (detour, 0, 2), (shut, 0, 0), *drawn]
    for cost, row, column in worlds:
        assert_equal(submission.layers_needed(cost, row, column), depth(cost, row, column))


def best_path(initial, transition, emission):
    def score(path):
        steps = sum(transition[i, j] for i, j in itertools.pairwise(path))
        return initial[path[0]] + steps + sum(emission[t, s] for t, s in enumerate(path))

    return np.array(max(itertools.product(range(len(initial)), repeat=len(emission)), key=score))


@pytest.mark.points("viterbi", 2, shows="random chains of two to four states")
def test_viterbi_random(submission, rng):
    for states, times in [(2, 6), (3, 5), (4, 4), (3, 6), (2, 8), (3, 3)] * 2:
        chain = rng.normal(size=states), 2 * rng.normal(size=(states, states)), rng.normal(size=(times, states))
        assert_equal(submission.viterbi(*chain), best_path(*chain))


@pytest.mark.points("viterbi", 1, shows="impossible steps, a single time, a state that pays later")
def test_viterbi_edges(submission, rng):
    for _ in range(3):
        chain = rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(5, 3))
        chain[1][rng.integers(3), rng.integers(3)] = -np.inf
        assert_equal(submission.viterbi(*chain), best_path(*chain))
    single = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=(1, 4))
    assert_equal(submission.viterbi(*single), best_path(*single))
    stay = np.array([[0.0, -50.0], [-50.0, 0.0]])
    later = np.array([0.0, -1.0]), stay, np.array([[0.0, 0.0], [0.0, 0.0], [-9.0, 0.0]])
    assert_equal(submission.viterbi(*later), best_path(*later))


def values(reward, discount, layers):
    height, width = reward.shape

    @cache
    def value(r, c, k):
        if k == 0:
            return 0.0
        near = [(max(r - 1, 0), c), (min(r + 1, height - 1), c), (r, max(c - 1, 0)), (r, min(c + 1, width - 1))]
        return reward[r, c] + discount * max(value(*cell, k - 1) for cell in near)

    return np.array([[value(r, c, layers) for c in range(width)] for r in range(height)])


@pytest.mark.points("value_iteration", 2, shows="random rewards, several discounts and depths")
def test_value_iteration_random(submission, rng):
    for (height, width), discount, layers in [((3, 4), 0.9, 8), ((5, 2), 0.5, 3), ((4, 4), 0.99, 12), ((2, 6), 0.7, 1)]:
        reward = np.round(3 * rng.normal(size=(height, width)), 2)
        assert_equal(submission.value_iteration(reward, discount, layers), values(reward, discount, layers))


@pytest.mark.points("value_iteration", 1, shows="losses only, one cell, whole numbers, no layer")
def test_value_iteration_edges(submission, rng):
    losses = -rng.uniform(1, 5, size=(4, 3))
    assert_equal(submission.value_iteration(losses, 0.8, 7), values(losses, 0.8, 7))
    assert_equal(submission.value_iteration(np.array([[2.0]]), 0.5, 3), np.array([[3.5]]))
    whole = rng.integers(-5, 6, size=(3, 3))
    assert_equal(submission.value_iteration(whole, 0.5, 5), values(whole, 0.5, 5))
    assert_equal(submission.value_iteration(losses, 0.8, 0), np.zeros((4, 3)))
