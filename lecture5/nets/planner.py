"""A value iteration network: it sees a landscape and what an expert does in each cell, and learns why.

Tamar, Wu, Thomas, Levine and Abbeel, "Value iteration networks", NeurIPS 2016.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..dp import value_iteration, worlds
from .training import Data

DISCOUNT, SLIP = 0.9, 0.2


class Plans(NamedTuple):
    """N landscapes of size H × W with an exact plan for each.

    Attributes: ``planes`` (N, 4, H, W), what a network sees: red, green, blue, and a 1 at the goal; ``cost`` (N, H, W);
    ``value`` (N, H, W), what each cell is worth; ``best`` (N, 4, H, W), the best action (up, right, down, left), or
    equal shares of them if there are several; 0 at the goal, where there is nothing to choose.
    """

    planes: Tensor
    cost: Tensor
    value: Tensor
    best: Tensor


def plans(count: int, size: int, seed: int) -> Plans:
    """Return landscapes without walls, half of them patches, half drawn cell by cell, and exact plans for them.

    The goal is free, and there it ends. To leave another cell costs what its ground says, so that rewards are negative.
    """
    rng = np.random.default_rng(seed)
    cost = np.stack(
        [_patches(size, rng) if n % 2 else rng.choice([*worlds.TERRAIN], (size, size)) for n in range(count)]
    )
    goal = np.zeros(cost.shape, dtype=bool)
    goal[np.arange(count), *rng.integers(size, size=(2, count))] = True
    cost[goal] = 0
    value = _values(cost, goal)
    action_value = np.stack([_expected(value, turn) for turn in range(4)], axis=1)
    best = action_value > action_value.max(axis=1, keepdims=True) - 1e-6
    best = best & ~goal[:, None]
    share = best / np.maximum(best.sum(axis=1, keepdims=True), 1)
    colours = np.zeros((count, 3, size, size))
    for price in worlds.TERRAIN:
        colours += (cost == price)[:, None] * np.array(worlds.COLOURS[price])[:, None, None]
    planes = np.concatenate([colours, goal[:, None]], axis=1)
    return Plans(*(torch.from_numpy(part).float() for part in (planes, cost, value, share)))


def _patches(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return smooth patches of ground."""
    from scipy.ndimage import gaussian_filter

    ground = gaussian_filter(rng.normal(size=(size, size)), 1.2)
    return np.array([*worlds.TERRAIN])[np.searchsorted(np.quantile(ground, [0.35, 0.6, 0.8]), ground)]


def _values(cost: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return exact values, (N, H, W): the landscapes stand side by side in one world, with walls between them."""
    count, height, width = cost.shape
    rewards, ends, walls = np.zeros((3, height, count, width + 1))
    rewards[:, :, :width] = -cost.swapaxes(0, 1)
    ends[:, :, :width] = goal.swapaxes(0, 1)
    walls[:, :, width] = 1
    flat = (height, -1)
    plan = value_iteration(
        rewards.reshape(flat), DISCOUNT, slip=SLIP, walls=walls.reshape(flat), terminal=ends.reshape(flat)
    )
    return plan.value.reshape(height, count, width + 1)[:, :, :width].swapaxes(0, 1)


def _expected(value: np.ndarray, turn: int) -> np.ndarray:
    """Return what follows an action: where it leads, or to either side; at the border one stays."""
    around = np.pad(value, [(0, 0), (1, 1), (1, 1)], mode="edge")
    up, right, down, left = around[:, :-2, 1:-1], around[:, 1:-1, 2:], around[:, 2:, 1:-1], around[:, 1:-1, :-2]
    ahead, one_side, _, other_side = ((up, right, down, left) * 2)[turn : turn + 4]
    return (1 - SLIP) * ahead + SLIP / 2 * (one_side + other_side)


class ValueIterationNet(nn.Module):
    """From a picture to rewards, then a tied layer  V ← R + γ · max over actions of (kernel of the action ∗ V).

    It has to find what each colour costs, and where each of four actions leads: a kernel of nine probabilities. The
    discount γ is given, and that it ends at the goal. Outside the picture it is as at the nearest border cell.

    Parameters
    ----------
    hidden
        Width of the 1×1 layer that looks at a cell's colour.
    """

    STEPS = 30  # while it is trained

    def __init__(self, hidden: int = 16):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(3, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 1, 1))
        self.scores = nn.Parameter(torch.randn(4, 1, 3, 3) / 10)  # of the kernels, before a softmax

    def kernels(self) -> Tensor:
        """Return where each action leads, (4, 1, 3, 3): probabilities."""
        return self.scores.flatten(1).softmax(dim=1).view_as(self.scores)

    def rewards(self, pictures: Tensor) -> Tensor:
        """Return the reward in each cell, (N, 1, H, W), from colours (N, 3, H, W): negative, on a scale of its own."""
        return -nn.functional.softplus(self.look(pictures))

    def forward(self, planes: Tensor, steps: int | None = None) -> Tensor:
        """Return what each action is worth in each cell, (N, 4, H, W); also logits for what the expert would do.

        Parameters
        ----------
        planes : (N, 4, H, W)
            Red, green, blue, and a 1 at the goal.
        steps
            How many layers; by default ``STEPS`` in training mode, and else 150, which is enough to settle.
        """
        return _after(self.values(planes, steps), self.kernels())

    def values(self, planes: Tensor, steps: int | None = None) -> Tensor:
        """Return what each cell is worth, (N, 1, H, W), on the scale of :meth:`rewards`; 0 at the goal."""
        pictures, goal = planes.split([3, 1], dim=1)
        rewards, kernels = self.rewards(pictures), self.kernels()
        if steps is None:
            steps = self.STEPS if self.training else 150
        value = torch.zeros_like(rewards)
        for _ in range(steps):
            value = (1 - goal) * (rewards + DISCOUNT * _after(value, kernels).amax(dim=1, keepdim=True))
        return value


def _after(value: Tensor, kernels: Tensor) -> Tensor:
    return nn.functional.conv2d(nn.functional.pad(value, (1, 1, 1, 1), mode="replicate"), kernels)


def imitation_loss(outputs: Tensor, best: Tensor) -> Tensor:
    """Cross-entropy between what the network would do and what is best, over all cells but the goal."""
    return -(outputs.log_softmax(dim=1) * best).sum() / best.sum()


def cells_decided_right(outputs: Tensor, best: Tensor) -> Tensor:
    """Return in which part of the cells, but for the goal, the network's choice is one of the best."""
    right = best.gather(1, outputs.argmax(dim=1, keepdim=True)) > 0
    return right.sum() / best.sum()


def plan_data() -> tuple[Data, ...]:
    """Return landscapes of 9 × 9 cells: 1,000 to learn from, 200 to choose the epoch, 200 to test on."""
    parts = [plans(count, 9, seed) for seed, count in enumerate((1000, 200, 200))]
    return tuple((part.planes, part.best) for part in parts)
