"""The worlds in which networks look for a way: what they promise holds."""

import numpy as np
import pytest

from lecture5 import dp
from lecture5.dp import worlds

KINDS = {
    "maze": lambda rng: worlds.maze(21, rng),
    "loops": lambda rng: worlds.maze(21, rng, loops=0.2),
    "braided": lambda rng: worlds.braided(21, rng),
    "scatter": lambda rng: worlds.scatter(17, rng),
    "rooms": lambda rng: worlds.rooms(21, rng),
    "caves": lambda rng: worlds.caves(20, rng, kinds=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_goal_can_be_reached_and_ends_stand_on_road(kind, seed):
    world = KINDS[kind](np.random.default_rng(seed))
    assert world.start != world.goal
    assert world.cost[world.start] == world.cost[world.goal] == 1
    assert set(np.unique(world.cost)) <= {*worlds.TERRAIN, np.inf}
    on_way = world.on_shortest_path()
    assert on_way[world.start]
    assert on_way[world.goal]
    assert dp.flood_fill(on_way, world.start)[world.goal]  # without a gap
    if kind in ("maze", "loops", "braided", "rooms"):
        assert np.isinf(world.cost[[0, -1]]).all()
        assert np.isinf(world.cost[:, [0, -1]]).all()


def test_a_maze_is_a_tree_and_loops_are_none():
    """In a tree there is one edge less than there are cells."""
    for loops, is_tree in ((0, True), (0.3, False)):
        open_cells = np.isfinite(worlds.maze(31, np.random.default_rng(0), loops).cost)
        edges = (open_cells[1:] & open_cells[:-1]).sum() + (open_cells[:, 1:] & open_cells[:, :-1]).sum()
        assert bool(edges == open_cells.sum() - 1) is is_tree
        assert dp.connected_components(open_cells).max() == 1


def test_a_braided_maze_has_no_dead_ends():
    for seed in range(4):
        for draw, has_some in ((worlds.maze, True), (worlds.braided, False)):
            open_cells = np.isfinite(draw(21, np.random.default_rng(seed)).cost).astype(int)
            ways = open_cells[:-2, 1:-1] + open_cells[2:, 1:-1] + open_cells[1:-1, :-2] + open_cells[1:-1, 2:]
            assert bool((ways[open_cells[1:-1, 1:-1] == 1] == 1).any()) is has_some


def test_all_shortest_paths_are_marked_and_nothing_else():
    cost = np.array([[1, 1, 1], [1, np.inf, 1], [1, 1, 1], [2, 1, 1]])
    world = worlds.World(cost, (0, 0), (2, 2))
    np.testing.assert_array_equal(world.on_shortest_path(), [[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0]])


def test_the_picture_shows_what_is_there():
    world = worlds.World(np.array([[1, np.inf, 5.0], [2, 3, 1]]), (0, 0), (1, 2))
    planes = world.planes()
    assert planes.shape == (5, 2, 3)
    colours = {tuple(planes[:3, r, c]) for r in range(2) for c in range(3)}
    assert len(colours) == 6  # wall, three kinds of ground, start, goal
    assert (np.argwhere(planes[3]).tolist(), np.argwhere(planes[4]).tolist()) == ([[0, 0]], [[1, 2]])
    assert (planes[:3, 0, 1] == worlds.COLOURS[np.inf]).all()


def test_a_maze_of_even_size_is_refused():
    with pytest.raises(ValueError, match="size is 10"):
        worlds.maze(10, np.random.default_rng(0))
