"""Digits learned from route lengths: the algorithm stands *behind* the network, and teaches it through its gradient.

A map is a small grid of handwritten digits. To enter a cell costs what its digit says. The network never sees a
label: it is told only how far each cell is from the upper left corner, along the cheapest way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..dp import MIN_PLUS, TiedConvNet, moves, wave
from .augmentation import random_affine
from .lenet import LeNet5
from .training import Data

_move = random_affine()


def distances(cost: Tensor) -> Tensor:
    """Return how far each cell is from the upper left corner, (N, H, W), by (min, +) layers with a gradient.

    Parameters
    ----------
    cost : (N, H, W)
        What it costs to enter each cell; not negative.

    Examples
    --------
    >>> distances(torch.tensor([[[9.0, 1, 1], [7, 8, 2]]]))
    tensor([[[0., 1., 2.],
             [7., 9., 4.]]])
    """
    source = torch.full_like(cost, torch.inf)
    source[:, 0, 0] = 0
    layer = wave(moves(4, MIN_PLUS), MIN_PLUS, source[:, None], cost[:, None])
    return TiedConvNet(layer).run(source[:, None], max_steps=cost[0].numel(), record=False).state[:, 0]


class RouteReader(nn.Module):
    """LeNet-5, which spreads its belief over the costs; what it expects a cell to cost; then shortest paths.

    Parameters
    ----------
    num_costs
        How many different costs there are: 0, 1, … up to ``num_costs - 1``.
    """

    def __init__(self, num_costs: int = 10) -> None:
        super().__init__()
        self.look = LeNet5(num_classes=num_costs)

    def costs(self, pictures: Tensor) -> Tensor:
        """Return the cost that is expected of each picture (…, 28, 28), (…): the mean under its belief."""
        belief = self.look(pictures.reshape(-1, 1, *pictures.shape[-2:])).softmax(dim=1)
        prices = torch.arange(belief.shape[1], dtype=belief.dtype, device=belief.device)
        return (belief @ prices).reshape(pictures.shape[:-2])

    def forward(self, maps: Tensor) -> Tensor:
        """Return the distance of each cell from the upper left corner, (N, H, W), on maps (N, H, W, 28, 28)."""
        return distances(self.costs(maps))


def moved(maps: Tensor) -> Tensor:
    """Return maps in which every digit was turned, enlarged and shifted a little, each by another amount."""
    return _move(maps.reshape(-1, 1, *maps.shape[-2:])).reshape(maps.shape)


def distances_right(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return which part of the distances is right when rounded. The corner, which is always 0, does not count."""
    right = (outputs.round() == targets).float()
    return (right.sum() - len(right)) / (right.numel() - len(right))


def maps(images: np.ndarray, labels: np.ndarray, count: int, size: int, seed: int) -> Data:
    """Return maps of digits drawn at random, (count, size, size, 28, 28), and the distances, (count, size, size)."""
    chosen = np.random.default_rng(seed).integers(len(labels), size=(count, size, size))
    return torch.from_numpy(images[chosen][:, :, :, 0]), distances(torch.from_numpy(labels[chosen]).float())


def route_data(load: Callable | None = None, counts: tuple[int, int, int] = (4000, 300, 300)) -> tuple[Data, ...]:
    """Return maps of 3 × 3 digits to learn from, to choose the epoch, and, of other digits, to test on."""
    if load is None:
        from ..data import digits as load
    images, labels = load("train")
    parts = ((images[:-2000], labels[:-2000]), (images[-2000:], labels[-2000:]), load("test"))
    return tuple(maps(*part, count, 3, seed) for seed, (part, count) in enumerate(zip(parts, counts, strict=True)))
