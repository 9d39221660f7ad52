"""How each file of weights was made: the network, the data, and the settings of :func:`lecture5.nets.fit`.

``lecture5 train NAME`` follows a recipe. The networks for clothes are small on purpose (8, 16 and 32 channels, images
halved to 14 × 14 cells), so that the deepest trains in a few minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from .augmentation import random_affine
from .lenet import LeNet5
from .resnet import cifar_resnet
from .training import Data


@dataclass(frozen=True)
class Recipe:
    """One trained network: ``build`` makes it, ``data`` gives training, validation and test data."""

    what: str
    build: Callable[[], nn.Module]
    data: Callable[[], tuple[Data, Data, Data]]
    data_text: str
    settings: dict[str, Any] = field(default_factory=dict)


def hold_out(load: Callable, validation: int) -> tuple[Data, Data, Data]:
    """Split a loader's training part in two: its last ``validation`` items choose the epoch; the test part is kept."""
    inputs, targets = map(torch.from_numpy, load("train"))
    return (
        (inputs[:-validation], targets[:-validation]),
        (inputs[-validation:], targets[-validation:]),
        tuple(map(torch.from_numpy, load("test"))),
    )


def digits() -> tuple[Data, Data, Data]:
    """10,000 digits to learn from, 2,000 to choose the epoch, 2,000 to test on."""
    from ..data import digits

    return hold_out(digits, 2000)


DIGITS_TEXT = "lecture5.data.digits: 10,000 to learn from, 2,000 to choose the epoch, 2,000 to test on"


def fashion() -> tuple[Data, Data, Data]:
    """7,000 clothes to learn from, 1,000 to choose the epoch, 2,000 to test on, halved to 14 × 14 cells."""
    from ..data import fashion

    return tuple((nn.functional.avg_pool2d(images, 2), labels) for images, labels in hold_out(fashion, 1000))


FASHION_TEXT = "lecture5.data.fashion, 14 × 14 cells: 7,000 to learn from, 1,000 to choose the epoch, 2,000 to test on"


def fashion_net(depth: int, **options: Any) -> nn.Module:
    """A narrow residual network for small grey images, or with ``residual=False`` its plain twin."""
    return cifar_resnet(depth, widths=(8, 16, 32), in_channels=1, **options)


def _clothes(depth: int, residual: bool) -> Recipe:
    kind = "residual" if residual else "plain"
    return Recipe(
        what=f"A {kind} network of {depth} layers with batchnorm, for clothes",
        build=partial(fashion_net, depth, residual=residual),
        data=fashion,
        data_text=FASHION_TEXT,
        settings={"epochs": 10, "learning_rate": 0.05, "batch_size": 64},
    )


RECIPES: dict[str, Recipe] = {
    "lenet5-digits": Recipe(
        what="LeNet-5 with ReLU and max pooling, for handwritten digits",
        build=LeNet5,
        data=digits,
        data_text=DIGITS_TEXT,
        settings={"epochs": 30, "learning_rate": 0.02, "batch_size": 32, "augment": random_affine()},
    ),
    **{f"plain{depth}-fashion": _clothes(depth, residual=False) for depth in (8, 20, 56)},
    **{f"resnet{depth}-fashion": _clothes(depth, residual=True) for depth in (8, 20, 56)},
}
