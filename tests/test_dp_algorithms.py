"""Each algorithm of lecture5.dp against an independent one: scipy's, a textbook loop, or brute force."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csgraph

from lecture5 import data, dp

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 7)


def neighbours_of(shape, cell, count):
    offsets = [(i, j) for i, j in itertools.product((-1, 0, 1), repeat=2) if (i, j) != (0, 0)]
    for i, j in offsets:
        row, column = cell[0] + i, cell[1] + j
        if (count == 8 or abs(i) + abs(j) == 1) and 0 <= row < shape[0] and 0 <= column < shape[1]:
            yield row, column


def grid_graph(cost, count):
    """Edges into each open cell, with its cost, for scipy.sparse.csgraph."""
    number = np.arange(cost.size).reshape(cost.shape)
    edges = [
        (number[cell], number[near], cost[near])
        for cell in np.ndindex(*cost.shape)
        for near in neighbours_of(cost.shape, cell, count)
        if np.isfinite(cost[cell]) and np.isfinite(cost[near])
    ]
    rows, columns, weights = map(list, zip(*edges, strict=True)) if edges else ([], [], [])
    return scipy.sparse.csr_array((weights, (rows, columns)), shape=(cost.size, cost.size))


@given(seeds, sizes, sizes, st.sampled_from([4, 8]), st.booleans())
def test_shortest_paths_are_scipys(seed, height, width, count, negative):
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 10, (height, width)).astype(float)
    if negative:  # at least 2 elsewhere, so that a single −1 makes no negative cycle
        cost += 1
        cost[tuple(rng.integers((height, width)))] = -1
    cost[rng.random(cost.shape) < 0.3] = np.inf
    source = tuple(map(int, rng.integers((height, width))))
    cost[source] = 5
    solver = csgraph.bellman_ford if negative else csgraph.dijkstra
    expected = solver(grid_graph(cost, count), indices=np.ravel_multi_index(source, cost.shape)).reshape(cost.shape)
    np.testing.assert_array_equal(dp.shortest_paths(cost, source, count), expected)


def test_shortest_paths_by_hand():
    cost = [[1, 5, 1, 1], [1, np.inf, np.inf, 1], [1, 1, 3, 1]]
    np.testing.assert_array_equal(dp.shortest_paths(cost, (0, 0)), [[0, 5, 6, 7], [1, np.inf, np.inf, 8], [2, 3, 6, 7]])
    np.testing.assert_array_equal(dp.shortest_paths(cost, (0, 0), neighbours=8)[2], [2, 2, 5, 6])


@pytest.mark.parametrize(
    ("cost", "source", "error", "says"),
    [
        ([[1, np.nan]], (0, 0), ValueError, "cost holds nan"),
        ([[1, -np.inf]], (0, 0), ValueError, "cost holds -inf"),
        ([[np.inf, 1]], (0, 0), ValueError, r"source is \(0, 0\), which is a wall"),
        ([[1, 1]], (0, 2), ValueError, "outside the grid of 1 rows and 2 columns"),
        ([[1, 1]], (-1, 0), ValueError, "source.0. is -1"),
        ([[1, 1]], 0, TypeError, "a row and a column"),
        ([1, 1], (0, 0), ValueError, "must be a grid"),
        ([[1, 1, 1, -2, 1]], (0, 0), ValueError, r"negative cycle: cell \(0, 2\) .* cost -1"),
    ],
)
def test_shortest_paths_refuse(cost, source, error, says):
    with pytest.raises(error, match=says):
        dp.shortest_paths(cost, source)


def test_a_negative_cycle_that_cannot_be_reached_does_no_harm():
    distance = dp.shortest_paths([[1, 1, np.inf, -5, 1]], (0, 0))
    np.testing.assert_array_equal(distance, [[0, 1, np.inf, np.inf, np.inf]])
    with pytest.raises(ValueError, match="neighbours is 6"):
        dp.shortest_paths([[1, 1]], (0, 0), neighbours=6)


@given(seeds, sizes, sizes)
def test_a_negative_pair_is_a_negative_cycle_and_nothing_else_is(seed, height, width):
    rng = np.random.default_rng(seed)
    cost = rng.integers(-1, 5, (height, width)).astype(float)
    cost[rng.random(cost.shape) < 0.3] = np.inf
    cost[0, 0] = 2
    try:
        csgraph.bellman_ford(grid_graph(cost, 4), indices=0)
    except csgraph.NegativeCycleError:
        with pytest.raises(ValueError, match="negative cycle"):
            dp.shortest_paths(cost, (0, 0))
    else:
        assert dp.shortest_paths(cost, (0, 0))[0, 0] == 0


def test_depth_must_reach_the_paths_length():
    """After k layers exactly the cells within k moves are known: one layer too few is one cell too few."""
    cost = np.ones((1, 1, 1, 9))
    start = np.full(cost.shape, np.inf)
    start[..., 0] = 0
    net = dp.TiedConvNet(dp.wave(dp.moves(4, dp.MIN_PLUS), dp.MIN_PLUS, start, cost))
    for depth in range(9):
        assert np.isfinite(net.run(start, steps=depth).state).sum() == depth + 1
    assert net.run(start).steps == 8


@given(seeds, sizes, sizes, st.sampled_from([4, 8]))
def test_components_are_scipys(seed, height, width, count):
    mask = np.random.default_rng(seed).random((height, width)) < 0.6
    structure = np.ones((3, 3)) if count == 8 else None
    np.testing.assert_array_equal(dp.connected_components(mask, count), scipy.ndimage.label(mask, structure)[0])


def test_winding_regions_need_few_layers(monkeypatch):
    """A corridor of 2,000 cells: what is heard is shared by all who have the same number."""
    snake = np.zeros((63, 64), dtype=bool)
    snake[::2] = snake[1::4, -1] = snake[3::4, 0] = True
    steps = []
    run = dp.TiedConvNet.run
    monkeypatch.setattr(dp.TiedConvNet, "run", lambda *a, **k: steps.append(run(*a, **k).steps) or run(*a, **k))
    assert dp.connected_components(snake).max() == 1
    assert dp.connected_components(~snake).max() == scipy.ndimage.label(~snake)[1]
    random = np.random.default_rng(0).random((63, 64)) < 0.6
    np.testing.assert_array_equal(dp.connected_components(random), scipy.ndimage.label(random)[0])
    assert max(steps) <= 12


@given(seeds, sizes, sizes, st.sampled_from([4, 8]))
def test_flood_fill_is_the_source_s_component(seed, height, width, count):
    rng = np.random.default_rng(seed)
    mask, source = rng.random((height, width)) < 0.6, tuple(map(int, rng.integers((height, width))))
    labels = scipy.ndimage.label(mask, np.ones((3, 3)) if count == 8 else None)[0]
    np.testing.assert_array_equal(dp.flood_fill(mask, source, count), mask & (labels == labels[source]) & mask[source])


@given(seeds, st.lists(sizes, min_size=1, max_size=3), st.sampled_from(["euclidean", "taxicab", "chessboard"]))
def test_distances_are_scipys(seed, shape, metric):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.8
    mask[tuple(rng.integers(shape))] = False
    peer = scipy.ndimage.distance_transform_edt(mask)
    if metric != "euclidean":
        peer = scipy.ndimage.distance_transform_cdt(mask, metric)
    np.testing.assert_allclose(dp.distance_transform(mask, metric), peer, rtol=1e-15)


def test_squares_by_growing_odd_steps_are_two_parabola_layers():
    """The untied layers 1, 3, 5, … are one layer along each axis whose kernel is the parabola k²."""
    mask = np.random.default_rng(1).random((9, 14)) < 0.9
    squared = np.where(mask, np.inf, 0)[None, None]
    for axis, size in enumerate(mask.shape):
        parabola = np.arange(1 - size, size) ** 2.0
        shape, padding = ([-1, 1], [size - 1, 0]) if axis == 0 else ([1, -1], [0, size - 1])
        squared = dp.semiring_conv(squared, parabola.reshape(1, 1, *shape), dp.MIN_PLUS, padding=padding)
    np.testing.assert_allclose(dp.distance_transform(mask), np.sqrt(squared[0, 0]))


def test_chamfer_is_near_euclid_and_a_shortest_path():
    mask = np.ones((41, 41), bool)
    mask[20, 20] = False
    chamfer, euclid = dp.distance_transform(mask, "chamfer"), dp.distance_transform(mask)
    error = (chamfer - euclid)[mask] / euclid[mask]
    assert -0.06 < error.min() < -0.05 < 0.05 < error.max() < 0.06
    row, column = abs(np.indices(mask.shape) - 20)
    np.testing.assert_allclose(chamfer, np.maximum(row, column) + np.minimum(row, column) / 3)


def test_distance_without_an_end_and_bad_arguments():
    assert (dp.distance_transform(np.ones((2, 3))) == np.inf).all()
    assert (dp.distance_transform(np.zeros((2, 3)), "taxicab") == 0).all()
    with pytest.raises(ValueError, match="metric is 'manhattan'"):
        dp.distance_transform(np.ones((2, 3)), "manhattan")
    with pytest.raises(ValueError, match="chamfer kernel is defined for 2"):
        dp.distance_transform(np.ones(3), "chamfer")


# --- planning ---


def policy_iteration(reward, discount, slip, walls, terminal):
    """Howard's algorithm with exact linear solves; its moves are written as a table, not as kernels."""
    shape, number = reward.shape, np.arange(reward.size).reshape(reward.shape)
    steps = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    table = np.zeros((4, reward.size, reward.size))
    for cell in np.ndindex(*shape):
        for action, turn in itertools.product(range(4), (-1, 0, 1)):
            i, j = steps[(action + turn) % 4]
            row, column = cell[0] + i, cell[1] + j
            open_cell = 0 <= row < shape[0] and 0 <= column < shape[1] and not walls[row, column]
            landing = (row, column) if open_cell else cell
            table[action, number[cell], number[landing]] += 1 - slip if turn == 0 else slip / 2
    table[:, (walls | terminal).ravel()] = 0
    paid = np.where(walls, 0, reward).ravel()
    policy = np.zeros(reward.size, int)
    while True:
        moving = table[policy, np.arange(reward.size)]
        value = np.linalg.solve(np.eye(reward.size) - discount * moving, paid)
        better = (table @ value).argmax(axis=0)
        improved = (table @ value).max(axis=0) > moving @ value + 1e-10
        if not improved.any():
            return value.reshape(shape)
        policy = np.where(improved, better, policy)


@given(seeds, sizes, sizes, st.sampled_from([0.0, 0.2, 0.7]))
def test_value_iteration_is_policy_iteration(seed, height, width, slip):
    rng = np.random.default_rng(seed)
    reward = rng.normal(size=(height, width))
    walls, terminal = rng.random((2, height, width)) < 0.2
    expected = policy_iteration(reward, 0.9, slip, walls, terminal & ~walls)
    world = dp.value_iteration(reward, 0.9, slip=slip, walls=walls, terminal=terminal & ~walls, tol=1e-10)
    np.testing.assert_allclose(world.value, expected, atol=1e-8)


def test_the_best_action_leads_to_the_goal():
    reward = np.full((2, 3), -1.0)
    reward[0, 2] = 10
    world = dp.value_iteration(reward, 0.9, slip=0, terminal=reward == 10)
    assert world.action.tolist() == [[1, 1, -1], [0, 0, 0]] or world.action.tolist() == [[1, 1, -1], [1, 1, 0]]
    assert world.value[0].tolist() == pytest.approx([-1 + 0.9 * (-1 + 9), -1 + 9, 10])


def test_value_iteration_refuses():
    with pytest.raises(dp.NotConverged):
        dp.value_iteration([[1.0, 0.0]], 1, max_steps=50)
    for kwargs, says in (
        ({"discount": 1.5}, "discount is 1.5"),
        ({"discount": 0}, "discount is 0"),
        ({"slip": -0.1}, "slip is -0.1"),
        ({"walls": [True]}, "walls has shape"),
    ):
        with pytest.raises(ValueError, match=says):
            dp.value_iteration([[1.0, 0.0]], **kwargs)
    with pytest.raises(ValueError, match="finite numbers"):
        dp.value_iteration([[np.inf]])


# --- chains ---


def random_chain(seed, states, length):
    rng = np.random.default_rng(seed)
    chain = [rng.integers(-9, 1, shape).astype(float) for shape in ((states,), (states, states), (length, states))]
    for part in chain:
        part[rng.random(part.shape) < 0.1] = -np.inf
    return chain


def every_path(initial, transition, emission):
    for path in itertools.product(range(len(initial)), repeat=len(emission)):
        score = initial[path[0]] + sum(emission[t, s] for t, s in enumerate(path))
        yield path, score + sum(transition[i, j] for i, j in itertools.pairwise(path))


@given(seeds, st.integers(1, 3), st.integers(1, 4))
def test_viterbi_and_forward_backward_are_brute_force(seed, states, length):
    chain = random_chain(seed, states, length)
    paths, scores = zip(*every_path(*chain), strict=True)
    if max(scores) == -np.inf:
        for algorithm in (dp.viterbi, dp.forward_backward):
            with pytest.raises(ValueError, match="cannot be explained"):
                algorithm(*chain)
        return
    best = dp.viterbi(*chain)
    assert best.score == max(scores)
    assert scores[paths.index(tuple(best.states))] == max(scores)
    weights = np.exp(scores)
    expected = np.zeros((length, states))
    for path, weight in zip(paths, weights, strict=True):
        expected[np.arange(length), path] += weight
    posteriors = dp.forward_backward(*chain)
    np.testing.assert_allclose(posteriors.probability, expected / weights.sum(), atol=1e-12)
    np.testing.assert_allclose(posteriors.log_likelihood, np.log(weights.sum()))


def test_long_chains_do_not_underflow():
    half = np.log([0.5, 0.5])
    posteriors = dp.forward_backward(half, [half, half], np.log(np.full((3000, 2), 0.25)))
    assert posteriors.log_likelihood == pytest.approx(3000 * np.log(0.25))


def test_chains_refuse():
    with pytest.raises(ValueError, match="transition has shape"):
        dp.viterbi([0, 0], [[0]], [[0, 0]])
    with pytest.raises(ValueError, match="emission has shape"):
        dp.viterbi([0, 0], np.zeros((2, 2)), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="initial holds nan"):
        dp.viterbi([0, np.nan], np.zeros((2, 2)), [[0, 0]])
    with pytest.raises(ValueError, match="transition holds inf"):
        dp.forward_backward([0, 0], [[0, np.inf], [0, 0]], [[0, 0]])


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_prefix_scans_are_numpys_accumulate(values):
    values = np.array(values)
    np.testing.assert_array_equal(dp.prefix_scan(values), np.cumsum(values))
    for ring in (dp.MIN_PLUS, dp.MAX_PLUS, dp.LOG_SUM_EXP):
        np.testing.assert_allclose(dp.prefix_scan(values, ring), ring.add.accumulate(values.astype(float)))


def test_a_prefix_sum_needs_log_depth(monkeypatch):
    from lecture5.dp import chains

    dilations = []
    conv = chains.semiring_conv
    monkeypatch.setattr(chains, "semiring_conv", lambda *a, **kw: dilations.append(kw["dilation"]) or conv(*a, **kw))
    assert dp.prefix_scan(np.ones(1000, int))[-1] == 1000
    assert dilations == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


# --- alignment ---


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, p in enumerate(a, 1):
        new = [i]
        for j, q in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (p != q)))
        row = new
    return row[-1]


words = st.text("abc", max_size=8)


@given(words, words)
def test_edit_distance_is_the_textbook_loop(a, b):
    assert dp.edit_distance(a, b) == levenshtein(a, b)
    assert dp.edit_distance(list(a), list(b)) == levenshtein(a, b)


def best_alignment(a, b, match, mismatch, gap):
    """By recursion over the last column."""
    if not a or not b:
        return gap * (len(a) + len(b))
    return max(
        best_alignment(a[:-1], b[:-1], match, mismatch, gap) + (match if a[-1] == b[-1] else mismatch),
        best_alignment(a[:-1], b, match, mismatch, gap) + gap,
        best_alignment(a, b[:-1], match, mismatch, gap) + gap,
    )


@given(
    st.text("abc", max_size=4), st.text("abc", max_size=4), st.integers(0, 3), st.integers(-3, 0), st.integers(-3, 0)
)
def test_needleman_wunsch_finds_an_alignment_of_the_best_score(a, b, match, mismatch, gap):
    found = dp.needleman_wunsch(a, b, match=match, mismatch=mismatch, gap=gap)
    assert (found.a.replace("-", ""), found.b.replace("-", "")) == (a, b)
    pairs = list(zip(found.a, found.b, strict=True))
    assert ("-", "-") not in pairs
    value = sum(gap if "-" in pair else match if pair[0] == pair[1] else mismatch for pair in pairs)
    assert found.score == value == best_alignment(a, b, match, mismatch, gap)


def test_needleman_wunsch_in_fractions_finds_its_way_back():
    found = dp.needleman_wunsch("GATTACA" * 20, "GCATGCG" * 20, match=0.1, mismatch=-0.3, gap=-0.7)
    value = sum(
        -0.7 if "-" in pair else 0.1 if pair[0] == pair[1] else -0.3 for pair in zip(found.a, found.b, strict=True)
    )
    assert found.score == pytest.approx(value)


def warping(a, b):
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i, j in np.ndindex(len(a), len(b)):
        table[i + 1, j + 1] = np.linalg.norm(a[i] - b[j]) + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


@given(seeds, sizes, sizes, st.sampled_from([1, 2]))
def test_time_warping_is_the_textbook_loop(seed, m, n, features):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(m, features)), rng.normal(size=(n, features))
    assert dp.dtw(a, b) == pytest.approx(warping(a, b))
    if features == 1:
        assert dp.dtw(a[:, 0], b[:, 0]) == pytest.approx(warping(a, b))


def test_alignment_refuses():
    for a, b, says in (
        ([], [1.0], "a has shape"),
        ([1.0], [np.nan], "b holds nan"),
        ([[1, 2]], [[1]], "a has 2 features and b 1"),
    ):
        with pytest.raises(ValueError, match=says):
            dp.dtw(a, b)
    with pytest.raises(ValueError, match="holds nan"):
        dp.needleman_wunsch("a", "b", gap=np.nan)


# --- counting and averaging ---


@given(seeds, sizes, sizes, st.integers(0, 3))
def test_life_is_its_rule(seed, height, width, steps):
    board = np.random.default_rng(seed).integers(0, 2, (height, width))
    expected = board
    for _ in range(steps):
        alive = np.zeros_like(expected)
        for cell in np.ndindex(*board.shape):
            count = sum(expected[near] for near in neighbours_of(board.shape, cell, 8))
            alive[cell] = count == 3 or (count == 2 and expected[cell])
        expected = alive
    np.testing.assert_array_equal(dp.game_of_life(board, steps), expected)


def test_a_glider_glides():
    board = np.zeros((9, 9), int)
    board[:3, :3] = [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
    np.testing.assert_array_equal(dp.game_of_life(board, 4), np.roll(board, (1, 1), (0, 1)))
    with pytest.raises(ValueError, match="board holds 2"):
        dp.game_of_life([[2]])


@given(seeds, sizes, sizes)
def test_heat_settles_at_the_solution_of_laplaces_equation(seed, height, width):
    rng = np.random.default_rng(seed)
    values, fixed = rng.normal(size=(height, width)), rng.random((height, width)) < 0.3
    fixed[0, 0] = True
    number = np.arange(values.size).reshape(values.shape)
    system, right = np.eye(values.size), np.where(fixed, values, 0).ravel()
    for cell in zip(*np.nonzero(~fixed), strict=True):
        near = list(neighbours_of(values.shape, cell, 4))
        for other in near:
            system[number[cell], number[other]] = -1 / len(near)
    expected = np.linalg.solve(system, right).reshape(values.shape)
    np.testing.assert_allclose(dp.heat(values, fixed, tol=1e-13), expected, atol=1e-9)


def test_heat_by_hand_and_without_end():
    np.testing.assert_allclose(dp.heat([[0, 8, 4]], [[1, 0, 0]], steps=2), [[0, 4, 2]])
    with pytest.raises(dp.NotConverged):
        dp.heat([[0, 1]], max_steps=100)
    with pytest.raises(ValueError, match="temperature holds nan"):
        dp.heat([[np.nan, 1]])
    with pytest.raises(ValueError, match="fixed has shape"):
        dp.heat([[0, 1]], [True])


# --- belief propagation ---


def energy(labels, cost, smoothness, truncation):
    total = np.take_along_axis(cost, labels[None], 0).sum()
    edges = [abs(np.diff(labels, axis=axis)) for axis in (0, 1)]
    return total + sum(smoothness * np.minimum(edge, truncation).sum() for edge in edges)


def cheapest(cost, smoothness, truncation):
    labellings = itertools.product(range(len(cost)), repeat=cost[0].size)
    return min(energy(np.reshape(l, cost.shape[1:]), cost, smoothness, truncation) for l in labellings)


@given(seeds, st.integers(1, 5), st.sampled_from([0.4, 1.0]), st.sampled_from([0, 1, 1.5, 5]), st.booleans())
@settings(max_examples=30)
def test_beliefs_are_exact_on_a_chain(seed, length, smoothness, truncation, upright):
    cost = np.random.default_rng(seed).random((3, 1, length)) * 3
    cost = cost.transpose(0, 2, 1) if upright else cost
    found = dp.belief_propagation(cost, smoothness, truncation, steps=length)
    least = cheapest(cost, smoothness, truncation)
    assert energy(found.labels, cost, smoothness, truncation) == pytest.approx(least)


def test_beliefs_on_a_grid_are_a_good_guess_but_a_guess():
    right, rng = 0, np.random.default_rng(0)
    for _ in range(40):
        cost = rng.random((2, 3, 3)) * 2
        labels = dp.belief_propagation(cost, 0.7, 1, steps=30).labels
        least = cheapest(cost, 0.7, 1)
        assert energy(labels, cost, 0.7, 1) >= least - 1e-9
        right += energy(labels, cost, 0.7, 1) < least + 1e-9
    assert 30 <= right < 40  # loops: mostly the best labelling, not always


def test_stereo_finds_how_far_each_half_was_moved():
    right = np.random.default_rng(0).random((6, 40))
    left = right.copy()
    left[:3, 4:], left[3:, 1:] = right[:3, :-4], right[3:, :-1]
    labels = dp.stereo_costs(left, right, 6).argmin(axis=0)
    assert (labels[:3, 8:-2] == 4).all()
    assert (labels[3:, 8:-2] == 1).all()
    assert (dp.stereo_costs(left, right, 6)[5, :, :5] == dp.stereo_costs(left, right, 6).max()).all()


def test_beliefs_see_the_depth_of_a_real_scene():
    """A pixel is bad if it is off by more than one disparity."""
    pair = data.stereo_pair()
    known = np.isfinite(pair.disparity)

    def bad(labels):
        return (abs(labels - pair.disparity)[known] > 1).mean()

    cost = dp.stereo_costs(pair.left, pair.right, 16)
    assert bad(cost.argmin(axis=0)) > 0.5
    assert bad(dp.belief_propagation(cost, smoothness=0.012, truncation=2, steps=60).labels) <= 0.14


def test_beliefs_refuse():
    good = np.zeros((2, 1, 3))
    for cost, kwargs, says in (
        (good[0], {}, "data_cost has shape"),
        (good + np.inf, {}, "every label costs inf"),
        (good - np.inf, {}, "data_cost holds -inf"),
        (good, {"smoothness": -1}, "smoothness is -1"),
        (good, {"truncation": np.inf}, "truncation is inf"),
    ):
        with pytest.raises(ValueError, match=says):
            dp.belief_propagation(cost, **kwargs)


# --- sparse coding ---


@pytest.mark.parametrize("seed", range(3))
def test_sparse_code_is_the_lasso(seed):
    """The same objective as one matrix, solved by scipy as a bounded problem (code = positive − negative part)."""
    rng = np.random.default_rng(seed)
    image, atoms, penalty = rng.normal(size=(5, 6)), rng.normal(size=(2, 2, 3)), 0.5
    shape = (2, 4, 4)
    columns = [dp.synthesise(np.eye(32)[i].reshape(shape), atoms).ravel() for i in range(32)]
    matrix = np.array(columns).T

    def objective(parts):
        code = parts[:32] - parts[32:]
        missing = matrix @ code - image.ravel()
        slope = matrix.T @ missing
        value = missing @ missing / 2 + penalty * parts.sum()
        return value, np.concatenate([slope, -slope]) + penalty

    best = scipy.optimize.minimize(objective, np.zeros(64), jac=True, bounds=[(0, None)] * 64, method="L-BFGS-B")
    ours = dp.sparse_code(image, atoms, penalty, steps=1500)
    missing = image - dp.synthesise(ours, atoms)
    assert (missing**2).sum() / 2 + penalty * abs(ours).sum() == pytest.approx(best.fun, rel=1e-4)


def test_synthesise_puts_atoms_where_the_code_says():
    atoms = np.array([[[1, 2], [3, 4], [5, 6]]])
    code = np.zeros((1, 2, 3))
    code[0, 1, 2] = 10
    image = np.zeros((4, 4))
    image[1:4, 2:4] = 10 * atoms[0]
    np.testing.assert_array_equal(dp.synthesise(code, atoms), image)


def test_each_layer_of_sparse_coding_is_an_improvement():
    rng = np.random.default_rng(0)
    image, atoms = rng.normal(size=(9, 8)), rng.normal(size=(3, 3, 2))

    def objective(steps):
        code = dp.sparse_code(image, atoms, 0.3, steps)
        return ((image - dp.synthesise(code, atoms)) ** 2).sum() / 2 + 0.3 * abs(code).sum()

    values = [objective(steps) for steps in range(12)]
    assert all(after < before for before, after in itertools.pairwise(values))


def test_sparse_coding_refuses():
    for image, atoms, kwargs, says in (
        (np.ones((2, 2)), np.ones((1, 3, 1)), {}, "not larger than"),
        (np.ones((2, 2)), np.zeros((1, 1, 1)), {}, "only zeros"),
        (np.ones((2, 2)), np.ones((1, 1, 1)), {"penalty": -1}, "penalty is -1"),
        (np.full((2, 2), np.inf), np.ones((1, 1, 1)), {}, "image holds inf"),
    ):
        with pytest.raises(ValueError, match=says):
            dp.sparse_code(image, atoms, **kwargs)


# --- plain ReLU networks ---


@given(seeds, sizes, sizes, st.sampled_from([5, 20, 1000]))
def test_relu_layers_are_exact_up_to_their_largest_number(seed, height, width, largest):
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 10, (height, width)).astype(float)
    cost[rng.random(cost.shape) < 0.3] = np.inf
    cost[0, 0] = 1
    exact = dp.shortest_paths(cost, (0, 0))
    found = dp.relu_shortest_paths(cost, (0, 0), largest, steps=cost.size)
    np.testing.assert_array_equal(found, np.minimum(exact, largest))


def test_one_relu_layer_is_convex_and_a_minimum_is_not():
    """Jensen's inequality, on which the claim rests that one layer cannot take a minimum."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        w, b = rng.normal(size=2), rng.normal()
        p, q = rng.normal(size=(2, 2))
        relu = [max(0, w @ point + b) for point in (p, q, (p + q) / 2)]
        assert relu[2] <= (relu[0] + relu[1]) / 2 + 1e-12
    assert min(1, 1) > (min(0, 2) + min(2, 0)) / 2


def test_relu_paths_refuse():
    for cost, largest, says in (([[1, -1]], 9, "negative"), ([[1, 1]], np.inf, "largest is inf")):
        with pytest.raises(ValueError, match=says):
            dp.relu_shortest_paths(cost, (0, 0), largest, 3)


def test_timings_are_there_for_every_algorithm_and_what_the_chapter_says_of_them_holds():
    rows = dp.timings()
    sizes = {name: {row["size"] for row in rows if row["algorithm"] == name} for name in {r["algorithm"] for r in rows}}
    assert len(sizes) == 11
    assert all(found == {64, 256, 1024} for name, found in sizes.items() if "paths, one winding" not in name)
    ratio = {(row["algorithm"], row["size"]): row["ours_ms"] / row["peer_ms"] for row in rows}
    same_work = {"game of life, 10 steps", "heat, 100 steps", "edit distance of two words"}
    for (name, size), times in ratio.items():
        if size == 1024:
            assert times < 3 if name in same_work else times > 10, name
    assert ratio["shortest paths, one winding corridor", 64] > 1000
