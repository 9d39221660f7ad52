"""Grid worlds to find a way in: mazes, rooms, caves and terrain. Each is an array of costs, with inf for a wall."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .. import arguments
from .grids import connected_components, moves, shortest_paths, wave
from .semiring import MIN_PLUS
from .tied import TiedConvNet

WALL = np.inf
TERRAIN = {1: "road", 2: "grass", 3: "sand", 5: "swamp"}
"""What each kind of open ground costs."""

# Red, green, blue of each kind of cell, and of the two ends.
COLOURS = {
    WALL: (0.15, 0.15, 0.2),
    1: (1.0, 1.0, 1.0),
    2: (0.6, 0.85, 0.5),
    3: (0.95, 0.85, 0.5),
    5: (0.45, 0.6, 0.75),
}
START, GOAL = (0.0, 0.7, 0.2), (0.9, 0.1, 0.1)


class World(NamedTuple):
    """Attributes: ``cost`` (H, W), the price of entering each cell; ``start`` and ``goal``, (row, column)."""

    cost: np.ndarray
    start: tuple[int, int]
    goal: tuple[int, int]

    def picture(self) -> np.ndarray:
        """Return the world as a colour picture, (3, H, W) from 0 to 1. Both ends stand on road."""
        image = np.zeros((3, *self.cost.shape))
        for cost, colour in COLOURS.items():
            image[:, self.cost == cost] = np.array(colour)[:, None]
        image[:, *self.start], image[:, *self.goal] = START, GOAL
        return image

    def planes(self) -> np.ndarray:
        """Return what a network gets to see, (5, H, W): the picture, a 1 at the start, and a 1 at the goal."""
        ends = np.zeros((2, *self.cost.shape))
        ends[0, *self.start] = ends[1, *self.goal] = 1
        return np.concatenate([self.picture(), ends])

    def on_shortest_path(self) -> np.ndarray:
        """Return which cells lie on a shortest path to the goal, (H, W); on any of them, if there are several."""
        return on_shortest_paths([self])[0]


def on_shortest_paths(drawn: Sequence[World]) -> np.ndarray:
    """Return which cells lie on a shortest path, (N, H, W), for N worlds of one size.

    They stand side by side in one long grid, with walls between, so that two waves do for all of them.
    """
    height, width = drawn[0].cost.shape
    cost = np.full((height, len(drawn), width + 1), WALL)
    ends = np.full((2, *cost.shape), np.inf)
    for n, world in enumerate(drawn):
        cost[:, n, :width] = world.cost
        for source, (row, column) in zip(ends, (world.start, world.goal), strict=True):
            source[row, n, column] = 0
    gate = cost.reshape(1, 1, height, -1)
    sources = ends.reshape(2, 1, *gate.shape[2:])
    layer = wave(moves(4, MIN_PLUS), MIN_PLUS, sources, gate)
    from_start, from_goal = TiedConvNet(layer).run(sources, max_steps=height * width, record=False).state[:, 0]
    through = (from_start + from_goal - np.where(np.isinf(gate), 0, gate)[0, 0]).reshape(cost.shape)
    best = through.min(axis=(0, 2), keepdims=True)
    return ((through == best) & np.isfinite(through))[:, :, :width].swapaxes(0, 1)


def maze(size: int, rng: np.random.Generator, loops: float = 0.0, *, far: bool = False) -> World:
    """Return a maze with corridors one cell wide: a random tree, drawn by a walk that backs up when it is stuck.

    Parameters
    ----------
    size
        Odd: the number of cells along each side, the outer wall included.
    loops
        Which part of the walls between two corridors to take out afterwards; 0 leaves one way between any two cells.
    far
        Whether the ends are as far apart as two cells of the maze can be (with loops: nearly so).
    """
    if arguments.integer("size", size, minimum=5) % 2 == 0:
        raise ValueError(f"size is {size}, but a maze with walls of one cell needs an odd number")
    cost = np.full((size, size), WALL)
    cell = tuple(int(2 * i + 1) for i in rng.integers(size // 2, size=2))
    cost[cell], trail = 1, [cell]
    while trail:
        row, column = trail[-1]
        around = [(row + i, column + j) for i, j in ((-2, 0), (2, 0), (0, -2), (0, 2))]
        around = [c for c in around if 0 < c[0] < size and 0 < c[1] < size and np.isinf(cost[c])]
        if not around:
            trail.pop()
            continue
        new = around[rng.integers(len(around))]
        cost[new] = cost[(row + new[0]) // 2, (column + new[1]) // 2] = 1
        trail.append(new)
    row, column = np.indices(cost.shape)
    inner = (row % 2 != column % 2) & (row > 0) & (row < size - 1) & (column > 0) & (column < size - 1)
    cost[inner & (rng.random(cost.shape) < loops)] = 1
    world = _with_ends(cost, rng)
    if not far:
        return world
    # In a tree, the cell farthest from any cell is one end of a longest way; the cell farthest from that is the other.
    start = _farthest(cost, world.start)
    return World(cost, start, _farthest(cost, start))


def braided(size: int, rng: np.random.Generator) -> World:
    """Return a maze without dead ends: at each of them one more wall is taken out."""
    cost = maze(size, rng).cost
    for row, column in itertools.product(range(1, size, 2), repeat=2):
        around = [(i, j) for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1)) if np.isinf(cost[row + i, column + j])]
        inner = [(i, j) for i, j in around if 0 < row + 2 * i < size and 0 < column + 2 * j < size]
        if len(around) == 3:
            i, j = inner[rng.integers(len(inner))]
            cost[row + i, column + j] = 1
    return _with_ends(cost, rng)


def scatter(size: int, rng: np.random.Generator, walls: float = 0.25) -> World:
    """Return a world in which each cell draws its kind of ground by itself."""
    cost = rng.choice([*TERRAIN], (size, size)).astype(float)
    cost[rng.random(cost.shape) < walls] = WALL
    return _with_ends(cost, rng)


def rooms(size: int, rng: np.random.Generator) -> World:
    """Return open rooms of random sizes, with doors between them."""
    cost = np.ones((size, size))
    cost[[0, -1]] = cost[:, [0, -1]] = WALL
    _divide(cost, 1, 1, size - 1, size - 1, rng)
    return _with_ends(cost, rng)


def caves(size: int, rng: np.random.Generator, kinds: bool = False) -> World:
    """Return smooth caves: noise, blurred and cut at a level. With ``kinds``, patches of different ground as well."""
    from scipy.ndimage import gaussian_filter  # here, so that importing lecture5.dp stays cheap

    rock, ground = (gaussian_filter(rng.normal(size=(size, size)), 1.5) for _ in range(2))
    cost = np.ones((size, size))
    if kinds:
        levels = np.quantile(ground, [0.35, 0.6, 0.8])
        cost = np.array([*TERRAIN], dtype=float)[np.searchsorted(levels, ground)]
    cost[rock > np.quantile(rock, 0.7)] = WALL
    return _with_ends(cost, rng)


def _divide(cost: np.ndarray, top: int, left: int, bottom: int, right: int, rng: np.random.Generator) -> None:
    """Split the room with a wall that has a door, again and again. Walls stand on even, doors on odd lines."""
    rows, columns = bottom - top, right - left
    if max(rows, columns) < 7 or min(rows, columns) < 3 or (rows * columns < 60 and rng.random() < 0.5):
        return
    if rows >= columns:
        wall = top + 1 + 2 * int(rng.integers(1, (rows - 1) // 2))
        cost[wall, left:right] = WALL
        cost[wall, left + 2 * int(rng.integers((columns + 1) // 2))] = 1
        _divide(cost, top, left, wall, right, rng)
        _divide(cost, wall + 1, left, bottom, right, rng)
    else:
        _divide(cost.T, left, top, right, bottom, rng)


def _farthest(cost: np.ndarray, start: tuple[int, int]) -> tuple[int, int]:
    """Return the cell that is farthest from ``start``, of those that can be reached."""
    distance = shortest_paths(cost, start)
    return tuple(map(int, np.unravel_index(np.where(np.isinf(distance), -1, distance).argmax(), cost.shape)))


def _with_ends(cost: np.ndarray, rng: np.random.Generator) -> World:
    """Choose a start and a goal in the largest connected region; both become road."""
    labels = connected_components(np.isfinite(cost))
    largest = np.argwhere(labels == np.bincount(labels[labels > 0]).argmax())
    start, goal = (tuple(map(int, cell)) for cell in rng.choice(largest, 2, replace=False))
    cost[start] = cost[goal] = 1
    return World(cost, start, goal)
