"""Value iteration on a grid world: an ordinary convolution, then a maximum over its channels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .semiring import PLUS_TIMES
from .tied import TiedConvNet

ACTIONS = ("up", "right", "down", "left")


class GridPolicy(NamedTuple):
    """Attributes: ``value`` (H, W); ``action`` (H, W), an index into ("up", "right", "down", "left"), −1 where there is
    nothing to choose; ``steps``, the number of layers."""

    value: np.ndarray
    action: np.ndarray
    steps: int


def action_kernels(slip: float) -> np.ndarray:
    """Return, for each action, where it leads: (4, 1, 3, 3) probabilities, half of ``slip`` to either side.

    Examples
    --------
    >>> action_kernels(0.2)[0, 0]
    array([[0. , 0.8, 0. ],
           [0.1, 0. , 0.1],
           [0. , 0. , 0. ]])
    """
    up = np.zeros((3, 3))
    up[0, 1] = 1 - slip
    up[1, 0] = up[1, 2] = slip / 2
    return np.stack([np.rot90(up, -turn) for turn in range(4)])[:, None]


def value_iteration(
    reward: Any,
    discount: float = 0.95,
    *,
    slip: float = 0.2,
    walls: Any = None,
    terminal: Any = None,
    tol: float = 1e-9,
    max_steps: int = 10_000,
) -> GridPolicy:
    """Return what each cell of a grid world is worth, and the best action there.

    An agent in a cell gets its reward, then moves up, right, down or left; it slips to either side of where it wanted
    to go with probability ``slip`` / 2 each, and stays where it is if a wall or the border is in the way. The value of
    a cell is the expected sum of discounted rewards from there on. One layer is Bellman's equation,

        V ← reward + discount · max over actions of (kernel of the action ∗ V),

    a convolution with one output channel per action and a maximum over channels (value iteration networks, Tamar et
    al. 2016, learn the kernels).

    Parameters
    ----------
    reward : array, (H, W)
    discount
        From above 0 to 1. The result is within ``tol`` · discount / (1 − discount) of the exact value.
    slip
        From 0 to 1.
    walls, terminal : array of bool, (H, W), optional
        Cells that cannot be entered (value 0), and cells where it ends once their reward is paid.

    Raises
    ------
    NotConverged
        If the values still change after ``max_steps`` layers; with discount 1 they may grow for ever.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    Russell and Norvig's world: two ends, one wall, and a small price for each move.

    >>> reward = np.full((3, 4), -0.04)
    >>> reward[0, 3], reward[1, 3] = 1, -1
    >>> walls = np.zeros((3, 4), bool); walls[1, 1] = True
    >>> world = value_iteration(reward, 1, walls=walls, terminal=abs(reward) == 1)
    >>> world.value.round(3)
    array([[ 0.812,  0.868,  0.918,  1.   ],
           [ 0.762,  0.   ,  0.66 , -1.   ],
           [ 0.705,  0.655,  0.611,  0.388]])
    """
    reward = arguments.numeric_array("reward", reward).astype(float)
    if reward.ndim != 2 or not np.isfinite(reward).all():
        raise ValueError(f"reward has shape {reward.shape}, but it must be a grid (H, W) of finite numbers")
    if not 0 < discount <= 1:
        raise ValueError(f"discount is {discount}, but it must be above 0 and at most 1")
    if not 0 <= slip <= 1:
        raise ValueError(f"slip is {slip}, but it is a probability: from 0 to 1")
    walls, terminal = (_mask(name, mask, reward.shape) for name, mask in (("walls", walls), ("terminal", terminal)))
    kernels = action_kernels(slip)
    bump = semiring_conv(np.pad(walls * 1.0, 1, constant_values=1)[None, None], kernels, PLUS_TIMES)

    def expected(value: np.ndarray) -> np.ndarray:
        return semiring_conv(np.where(walls, 0, value), kernels, PLUS_TIMES, padding=1) + bump * value

    def layer(value: np.ndarray) -> np.ndarray:
        best = expected(value).max(axis=1, keepdims=True)
        return np.where(walls, 0, np.where(terminal, reward, reward + discount * best))

    run = TiedConvNet(layer).run(np.zeros((1, 1, *reward.shape)), tol=tol, max_steps=max_steps, record=False)
    action = np.where(walls | terminal, -1, expected(run.state)[0].argmax(axis=0))
    return GridPolicy(run.state[0, 0], action, run.steps)


def _mask(name: str, mask: Any, shape: tuple[int, int]) -> np.ndarray:
    if mask is None:
        return np.zeros(shape, dtype=bool)
    mask = np.asarray(mask, dtype=bool)
    if mask.shape != shape:
        raise ValueError(f"{name} has shape {mask.shape}, but it must be that of reward, {shape}")
    return mask
