"""Waves on a grid: shortest paths, flood fill, components and distances are one layer over four semirings.

Every function here repeats the layer that :func:`wave` makes,

    state ← source ⊕ gate ⊗ (kernel ∗ state)

(look at the neighbours, pay for the cell, start again at the source), until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .semiring import MAX_TIMES, MIN_PLUS, OR_AND, Semiring
from .tied import TiedConvNet

METRICS = ("euclidean", "taxicab", "chessboard", "chamfer")


def moves(neighbours: int, semiring: Semiring) -> np.ndarray:
    """Return the (1, 1, 3, 3) kernel that reads the 4 or 8 neighbours of a cell, and not the cell itself.

    Examples
    --------
    >>> moves(4, MIN_PLUS)[0, 0]
    array([[inf,  0., inf],
           [ 0., inf,  0.],
           [inf,  0., inf]])
    """
    if neighbours not in (4, 8):
        raise ValueError(f"neighbours is {neighbours!r}, but it must be 4 (edges) or 8 (edges and corners)")
    row, column = np.indices((3, 3)) - 1
    steps = abs(row) + abs(column)
    read = (steps == 1) | ((steps == 2) & (neighbours == 8))
    return np.where(read, semiring.one, semiring.zero)[None, None]


def wave(kernel: Any, semiring: Semiring, source: Any, gate: Any) -> Callable[[Any], Any]:
    """Return the layer  state ↦ source ⊕ gate ⊗ (kernel ∗ state).

    Parameters
    ----------
    kernel : (1, 1, *kernel_size), odd
    semiring
    source, gate : (1, 1, *spatial)
        What starts the wave, and what it costs (or whether it is possible) to enter a cell. The layer keeps both, so
        that every repetition sees them again.
    """

    def layer(state: Any) -> Any:
        arriving = semiring_conv(state, kernel, semiring, padding="same")
        return semiring.plus(source, semiring.times(gate, arriving))

    return layer


def shortest_paths(cost: Any, source: tuple[int, int], neighbours: int = 4) -> Any:
    """Return the cost of the cheapest way from ``source`` to every cell.

    Bellman and Ford's algorithm as a network: after k layers each cell knows its cheapest way of at most k moves, so
    there are as many layers as the longest of all cheapest ways has moves.

    Parameters
    ----------
    cost : array or tensor, (H, W)
        What it costs to enter each cell. ``inf`` is a wall. Negative costs are rewards; they are allowed as long as
        no cell and its neighbour have a negative sum, since walking to and fro between them would pay for ever.
    source
        Row and column.
    neighbours
        4, or 8 with diagonal moves, which cost the same.

    Returns
    -------
    array or tensor, (H, W)
        0 at the source; ``inf`` in walls and where no way leads. The gradient of one cell's distance with respect to
        ``cost`` is 1 on a shortest path to it, and 0 elsewhere.

    Raises
    ------
    ValueError
        If ``cost`` holds NaN or −inf, the source is a wall or outside the grid, or there is a reachable negative cycle.

    Examples
    --------
    >>> inf = np.inf
    >>> shortest_paths([[1, 1, 9], [inf, inf, 1], [1, 1, 1]], source=(0, 0))
    array([[ 0.,  1., 10.],
           [inf, inf, 11.],
           [14., 13., 12.]])
    """
    cost = _grid("cost", cost)
    MIN_PLUS.require("cost", cost)
    row, column = _cell("source", source, cost.shape)
    if not cost[row, column] < np.inf:
        raise ValueError(f"source is {(row, column)}, which is a wall (its cost is inf): start from an open cell")
    kernel = moves(neighbours, MIN_PLUS)
    gate = cost[None, None]
    start = _full_like(gate, np.inf)
    start[0, 0, row, column] = 0
    _refuse_negative_cycles(gate, kernel, (row, column))
    layer = wave(kernel, MIN_PLUS, start, gate)
    return TiedConvNet(layer).run(start, max_steps=cost.shape[0] * cost.shape[1], record=False).state[0, 0]


def flood_fill(mask: Any, source: tuple[int, int], neighbours: int = 4) -> np.ndarray:
    """Return which cells of ``mask`` can be reached from ``source`` without leaving it.

    Examples
    --------
    >>> flood_fill([[1, 0, 1], [1, 0, 1]], source=(0, 2)).astype(int)
    array([[0, 0, 1],
           [0, 0, 1]])
    """
    mask = _grid("mask", np.asarray(mask, dtype=bool)) > 0
    start = np.zeros((1, 1, *mask.shape), dtype=bool)
    start[0, 0, *_cell("source", source, mask.shape)] = True
    layer = wave(moves(neighbours, OR_AND), OR_AND, start & mask, mask[None, None])
    return TiedConvNet(layer).run(start & mask, max_steps=mask.size, record=False).state[0, 0]


def connected_components(mask: Any, neighbours: int = 4) -> np.ndarray:
    """Return a number for each connected region of ``mask``: 1, 2, … in reading order, 0 outside.

    Each cell starts with a number of its own, and the largest wins: (max, ×), with the mask as a factor 0 or 1. A
    number would travel one cell a layer, and a winding region of n cells could take n layers. So after each layer all
    cells that share a number share what any of them has heard (the shortcut of parallel algorithms since Shiloach and
    Vishkin, 1982). This is no convolution any more, since it reads cells that are far away; a dozen layers do for
    regions that would need thousands.

    Examples
    --------
    >>> connected_components([[1, 1, 0], [0, 0, 1], [1, 0, 1]])
    array([[1, 1, 0],
           [0, 0, 2],
           [3, 0, 2]])
    """
    mask = _grid("mask", np.asarray(mask, dtype=bool))
    own = mask * np.arange(mask.size, 0, -1).reshape(mask.shape)
    layer = wave(moves(neighbours, MAX_TIMES), MAX_TIMES, own[None, None], mask[None, None])
    net = TiedConvNet(lambda state: _share(state, np.maximum(state, layer(state))))
    winner = net.run(own[None, None], max_steps=mask.size, record=False).state[0, 0]
    inside = mask > 0
    numbers = np.cumsum((winner == own) & inside)  # a region's winner is its first cell in reading order
    labels = np.zeros_like(mask)
    labels[inside] = numbers[mask.size - winner[inside]]
    return labels


def _share(number: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return, for each cell, the largest number that any cell of the same number heard; and what *that* one heard, …"""
    largest = np.arange(number.size + 1)
    np.maximum.at(largest, number, heard)
    while not np.array_equal(further := largest[largest], largest):
        largest = further
    return largest[number]


def distance_transform(mask: Any, metric: str = "euclidean") -> np.ndarray:
    """Return each cell's distance to the nearest False cell.

    Parameters
    ----------
    mask : array, any number of dimensions (two for "chamfer")
    metric : {"euclidean", "taxicab", "chessboard", "chamfer"}
        The last three repeat one layer: neighbours at distance 1 along the axes (taxicab), along the diagonals too
        (chessboard), or 1 and 4/3 (chamfer, which is within about 6 % of Euclid; Borgefors 1986). A tied kernel of 3
        taps can only add the same amount at each step, so its balls are polygons. Squares grow by 1, 3, 5, …: the exact
        Euclidean distance needs *untied* layers, [1, 0, 1], [3, 0, 3], [5, 0, 5], …, along one axis after the other.

    Returns
    -------
    array of float64, of the shape of ``mask``
        0 where ``mask`` is False; ``inf`` everywhere if it is False nowhere.

    Examples
    --------
    >>> distance_transform([[0, 1, 1], [1, 1, 1]]).round(2)
    array([[0.  , 1.  , 2.  ],
           [1.  , 1.41, 2.24]])
    >>> distance_transform([[0, 1, 1], [1, 1, 1]], "taxicab")
    array([[0., 1., 2.],
           [1., 2., 3.]])
    """
    arguments.choice("metric", metric, METRICS)
    mask = np.asarray(mask, dtype=bool)
    if mask.ndim < 1:
        raise ValueError(f"mask has shape {mask.shape}, but it must have at least one axis")
    if metric == "chamfer" and mask.ndim != 2:
        raise ValueError(f"mask has {mask.ndim} axes, but the chamfer kernel is defined for 2")
    distance = np.where(mask, np.inf, 0.0)[None, None]
    if mask.all():
        return distance[0, 0]
    if metric == "euclidean":
        for axis in range(mask.ndim):
            distance = _parabolas(distance, axis)
        return np.sqrt(distance[0, 0])
    layer = wave(_ball(metric, mask.ndim)[None, None], MIN_PLUS, distance, 0.0)
    return TiedConvNet(layer).run(distance, max_steps=mask.size, record=False).state[0, 0]


def _ball(metric: str, dimensions: int) -> np.ndarray:
    """Return the 3 × … × 3 kernel of distances from the centre to its neighbours."""
    away = abs(np.indices((3,) * dimensions) - 1).sum(axis=0)
    if metric == "taxicab":
        return np.where(away <= 1, away, np.inf)
    if metric == "chessboard":
        return np.minimum(away, 1.0)
    return np.array([0, 1, 4 / 3])[away]


def _parabolas(squared: np.ndarray, axis: int) -> np.ndarray:
    """Return the min over offsets k along ``axis`` of  squared[p + k] + k²,  by layers [2j−1, 0, 2j−1], j = 1, 2, …"""
    shape = [1] * squared.ndim
    shape[2 + axis] = 3
    padding = [(0, 0)] * (squared.ndim - 2)
    padding[axis] = (1, 1)
    for odd in range(1, 2 * squared.shape[2 + axis] - 1, 2):
        kernel = np.array([odd, 0.0, odd]).reshape(shape)
        closer = semiring_conv(squared, kernel, MIN_PLUS, padding=padding)
        if np.array_equal(closer, squared):  # the next layers are dearer still
            break
        squared = closer
    return squared


def _refuse_negative_cycles(gate: Any, kernel: np.ndarray, source: tuple[int, int]) -> None:
    """A cycle's cost is half the sum, over its moves, of the two cells' costs: so one negative pair is all it takes."""
    gate = gate.detach() if arguments.is_tensor(gate) else gate
    if not (gate < 0).any():
        return
    pairs = gate + semiring_conv(gate, kernel, MIN_PLUS, padding=1)
    neighbours = 8 if kernel[0, 0, 0, 0] == 0 else 4
    reachable = flood_fill(np.isfinite(np.asarray(gate[0, 0])), source, neighbours)
    negative = np.argwhere((np.asarray(pairs[0, 0]) < 0) & reachable)
    if len(negative):
        cell = tuple(map(int, negative[0]))
        raise ValueError(
            f"cost has a negative cycle: cell {cell} and its cheapest neighbour cost {float(pairs[0, 0, *cell]):g}"
            " together, so that going to and fro between them gets cheaper for ever"
        )


def _full_like(values: Any, fill: float) -> Any:
    """Return floats of the shape of ``values``, all equal to ``fill``."""
    if arguments.is_tensor(values):
        return values.new_full(values.shape, fill)
    return np.full(values.shape, fill, np.result_type(values.dtype, np.float32))


def _grid(name: str, values: Any) -> Any:
    if not arguments.is_tensor(values):
        values = arguments.numeric_array(name, values)
    if values.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(values.shape)}, but it must be a grid, (H, W)")
    return values


def _cell(name: str, cell: Sequence[int], shape: Sequence[int]) -> tuple[int, int]:
    if not (isinstance(cell, (tuple, list)) and len(cell) == 2):
        raise TypeError(f"{name} is {cell!r}, but it must be a row and a column, such as (0, 0)")
    row, column = (arguments.integer(f"{name}[{axis}]", index, minimum=0) for axis, index in enumerate(cell))
    if row >= shape[0] or column >= shape[1]:
        raise ValueError(f"{name} is {(row, column)}, outside the grid of {shape[0]} rows and {shape[1]} columns")
    return row, column
