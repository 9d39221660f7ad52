"""What an ordinary convolution with ReLU can do of all this: with the right weights, and finite walls.

The minimum of two numbers is  min(a, b) = a − ReLU(a − b).  So a net of plain (+, ×) convolutions and ReLUs can run
shortest paths exactly. What it cannot do:

- in one layer: ReLU(conv) is a convex function of its input, a minimum is concave. Two layers give the minimum of
  two numbers, three that of four; with the source's own term one step takes four.
- without a limit: it has no infinity. A wall is a large number, and a way around that costs as much is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .grids import _cell, _grid
from .semiring import PLUS_TIMES
from .tied import TiedConvNet


def minimum_with_relu(a: Any, b: Any) -> Any:
    """Return min(a, b) as a − ReLU(a − b).

    Examples
    --------
    >>> minimum_with_relu(np.array([3, 5, -1]), np.array([4, 2, 7]))
    array([ 3,  2, -1])
    """
    return a - np.maximum(a - b, 0)


def relu_shortest_paths(cost: Any, source: tuple[int, int], largest: float, steps: int) -> np.ndarray:
    """Return what a tied net of plain convolutions and ReLUs makes of :func:`lecture5.dp.shortest_paths`.

    Parameters
    ----------
    cost : array, (H, W)
        Not negative; ``inf`` is a wall.
    source
        Row and column.
    largest
        The number that stands for inf: in walls, outside the grid, and where no way is known yet.
    steps
        How often to repeat the layers.

    Returns
    -------
    array, (H, W)
        After enough steps exactly the distance where that is less than ``largest``, and ``largest`` elsewhere.

    Examples
    --------
    The way around the wall costs 6:

    >>> world = [[1, 1, 1], [1, np.inf, 1], [1, np.inf, 1]]
    >>> [relu_shortest_paths(world, (2, 0), largest, steps=6)[2, 2].item() for largest in (100, 7, 5)]
    [6.0, 6.0, 5.0]
    """
    cost = _grid("cost", cost)
    row, column = _cell("source", source, cost.shape)
    steps = arguments.integer("steps", steps, minimum=0)
    if not 0 < largest < np.inf:
        raise ValueError(f"largest is {largest}, but it must be positive, and finite: ReLU networks have no infinity")
    if not (cost >= 0).all():
        raise ValueError("cost holds a negative number or NaN, but ReLU keeps no negative numbers")
    cost = np.pad(np.minimum(cost.astype(float), largest), 1, constant_values=largest)[None, None]
    start = np.full(cost.shape, float(largest))
    start[0, 0, row + 1, column + 1] = 0

    def layer(state: np.ndarray) -> np.ndarray:
        pairs = _relu(semiring_conv(state, _DIFFERENCES, PLUS_TIMES, padding=1))
        halves = _relu(semiring_conv(pairs, _HALVES, PLUS_TIMES))
        nearest = semiring_conv(halves, _LAST, PLUS_TIMES)
        return start - _relu(start - nearest - cost)  # the smaller of the source's own term and the way in

    distance = TiedConvNet(layer).run(start, steps=steps, record=False).state
    return distance[0, 0, 1:-1, 1:-1]


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


_UP, _LEFT = np.zeros((2, 3, 3))
_UP[0, 1], _LEFT[1, 0] = 1, 1
_DOWN, _RIGHT = _UP[::-1], _LEFT[:, ::-1]
# Neighbours a, b, c, d: first a, a − b, c, c − d; then m = min(a, b) and m − min(c, d); then the minimum of all four.
_DIFFERENCES = np.stack([_UP, _UP - _DOWN, _LEFT, _LEFT - _RIGHT])[:, None]
_HALVES = np.array([[1, -1, 0, 0], [1, -1, -1, 1]])[:, :, None, None]
_LAST = np.array([[1, -1]])[:, :, None, None]
