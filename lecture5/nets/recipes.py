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
from .filter_bank import LearnedBank
from .lenet import LeNet5
from .maze import (
    MazeNet,
    MinPlusNet,
    UntiedMazeNet,
    cells_loss,
    clipped_adam,
    maze_data,
    small_worlds,
    way_loss,
    whole_worlds_right,
)
from .planner import ValueIterationNet, cells_decided_right, imitation_loss, plan_data
from .resnet import cifar_resnet
from .routes import RouteReader, distances_right, moved, route_data
from .segmentation import SCENE_NETS, scene_net, scene_pixels
from .sequence import VoiceNet, every_moment, moved_and_scaled, right_at_the_end, voice_data
from .training import Data
from .volume import VIEWS, TissueNet, dice, noisy, tissue_data


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


def add_noise(images: torch.Tensor, noise: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """Add normal noise of this standard deviation, another one each time unless there is a generator."""
    return images + noise * torch.randn(images.shape, generator=generator)


def noise_removed(outputs: torch.Tensor, clean: torch.Tensor, noise: float) -> torch.Tensor:
    """The share of the noise's power that is gone: 1 for the clean image, 0 for the noisy one."""
    return 1 - nn.functional.mse_loss(outputs, clean) / noise**2


def windows(noise: float, size: int = 9) -> tuple[Data, Data, Data]:
    """Every window of a photograph: its upper rows to learn from, its lower rows to choose the epoch, coffee to test.

    The inputs of the first are clean (``augment`` adds the noise), those of the other two are noisy.
    """
    from ..data import photograph, stereo_pair

    motorcycle = stereo_pair().left
    generator = torch.Generator().manual_seed(0)
    parts = []
    for image in (motorcycle[:96], motorcycle[96:], photograph("coffee")):
        views = torch.from_numpy(image).float().unfold(0, size, 1).unfold(1, size, 1)
        clean = views.reshape(-1, 1, size, size)
        parts.append((add_noise(clean, noise, generator) if parts else clean, clean))
    return tuple(parts)


def _bank(noise: float) -> Recipe:
    return Recipe(
        what=f"A filter bank of 32 filters, learned by removing noise of standard deviation {noise:g}",
        build=LearnedBank,
        data=partial(windows, noise),
        data_text="windows of 9 × 9 pixels: of the motorcycle (lecture5.data.stereo_pair) 15,576 to learn from and "
        "3,717 to choose the epoch, of the cup of coffee 56,064 to test on; scores: the share of the noise removed",
        settings={
            "epochs": 150,
            "learning_rate": 0.005,
            "batch_size": 256,
            "optimiser": torch.optim.Adam,
            "loss": nn.functional.mse_loss,
            "score": partial(noise_removed, noise=noise),
            "augment": partial(add_noise, noise=noise),
        },
    )


def _scenes(name: str) -> Recipe:
    return Recipe(
        what=f"A network for the classes of pixels, {name!r} in lecture5.nets.segmentation",
        build=partial(scene_net, name),
        data=scene_pixels,
        data_text="lecture5.data.scenes: 2,000 to learn from, 300 to choose the epoch, 300 on other photographs to "
        "test on; scores: the fraction of the pixels that are right",
        settings={"epochs": 10, "learning_rate": 0.01, "batch_size": 16, "optimiser": torch.optim.Adam},
    )


def _maze(what: str, build: Callable[[], nn.Module], validation_size: int = 31, epochs: int = 20) -> Recipe:
    return Recipe(
        what=what,
        build=build,
        data=partial(maze_data, validation_size),
        data_text="by lecture5.dp.worlds.maze: 1,000 of 15 × 15 cells to learn from, each six times an epoch, in half "
        f"the ends as far apart as can be; 50 of {validation_size} × {validation_size} to choose the epoch, 100 of "
        "15 × 15 to test on; scores: mazes in which every cell is right",
        settings={
            "epochs": epochs,
            "learning_rate": 0.005,
            "batch_size": 32,
            "optimiser": clipped_adam,
            "loss": way_loss,
            "score": whole_worlds_right,
        },
    )


def _tissue(view: str, noise: float = 0.15) -> Recipe:
    return Recipe(
        what=f"Three convolutions for tissues of the brain; what a unit sees: {view}",
        build=partial(TissueNet, view),
        data=partial(tissue_data, noise),
        data_text="lecture5.data.brain with noise: the back to learn from, the middle to choose the epoch, the front "
        "to test on; scores: the mean Dice coefficient of grey and white matter",
        settings={
            "epochs": 30,
            "learning_rate": 0.005,
            "batch_size": 1,
            "optimiser": torch.optim.Adam,
            "score": dice,
            "augment": partial(noisy, noise=noise),
        },
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
    "learned-bank": _bank(0.15),
    "learned-bank-faint": _bank(0.03),
    "maze-net": _maze("A recurrent network of ordinary convolutions whose state only grows, for mazes", MazeNet),
    "maze-net-replaced": _maze("The same, each state replaced by the next", partial(MazeNet, grows=False)),
    # These go back through all their layers in each step, and so take longer for an epoch.
    "maze-net-no-recall": _maze("The same without recall", partial(MazeNet, recall=False), 15, epochs=10),
    "maze-net-untied": _maze("The same with 20 layers, each with weights of its own", UntiedMazeNet, 15, epochs=10),
    "min-plus-worlds": Recipe(
        what="A network whose layer is a (min, +) convolution, for the shortest way through small worlds",
        build=MinPlusNet,
        data=small_worlds,
        data_text="drawn by lecture5.dp.worlds, mazes and scattered ground: 1,500 of 11 × 11 cells to learn from, 200 "
        "of 21 × 21 to choose the epoch, 300 of 11 × 11 to test on; scores: worlds in which every cell is right",
        settings={
            "epochs": 16,
            "learning_rate": 0.03,
            "batch_size": 32,
            "optimiser": torch.optim.Adam,
            "loss": cells_loss,
            "score": whole_worlds_right,
        },
    ),
    **{f"scenes-{name}": _scenes(name) for name in SCENE_NETS},
    "route-digits": Recipe(
        what="LeNet-5 before layers of shortest paths: digits learned from route lengths, without labels",
        build=RouteReader,
        data=route_data,
        data_text="maps of 3 × 3 digits (lecture5.data.digits), distances from their upper left corners: 4,000 to "
        "learn from, 300 to choose the epoch, 300 to test on; scores: distances that are right when rounded",
        settings={
            "epochs": 30,
            "learning_rate": 0.002,
            "batch_size": 32,
            "optimiser": torch.optim.Adam,
            "loss": nn.functional.smooth_l1_loss,
            "score": distances_right,
            "augment": moved,
        },
    ),
    "planner": Recipe(
        what="A value iteration network that imitates an expert on slippery ground",
        build=ValueIterationNet,
        data=plan_data,
        data_text="lecture5.nets.planner.plans, 9 × 9 cells: 1,000 to learn from, 200 to choose the epoch, 200 to test "
        "on; scores: cells in which its choice is one of the best",
        settings={
            "epochs": 20,
            "learning_rate": 0.03,
            "batch_size": 32,
            "optimiser": torch.optim.Adam,
            "loss": imitation_loss,
            "score": cells_decided_right,
        },
    ),
    "voices": Recipe(
        what="A causal dilated 1-D network that says whose voice it hears",
        build=VoiceNet,
        data=voice_data,
        data_text="lecture5.data.voices: 600 half seconds to learn from, 120 to choose the epoch, 240 to test on; "
        "scores: right after the whole half second",
        settings={
            "epochs": 100,
            "learning_rate": 0.01,
            "batch_size": 16,
            "optimiser": torch.optim.Adam,
            "loss": every_moment,
            "score": right_at_the_end,
            "augment": moved_and_scaled,
        },
    ),
    **{f"tissue-{view.replace(' ', '-')}": _tissue(view) for view in VIEWS},
}
