"""Measurements that take longer than a chapter may run: each is one command, and what it gave ships with the package.

    python -m lecture5.nets.experiments depth --seeds 0 1 2    # how depth decides; 6 networks, 8 minutes for each seed
    python -m lecture5.nets.experiments rates                  # how the start decides; 48 short trainings: 4 minutes
    python -m lecture5.nets.experiments few --seeds 0 1 2      # few digits: wavelets or a network; 9 minutes each
    python -m lecture5.nets.experiments scenes --seeds 0 1 2   # six networks for segmentation; 11 minutes for each seed

All but ``rates`` can be interrupted, and go on where they were. :func:`results` reads what they gave.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import torch
from torch import nn

from ..arguments import choice
from .augmentation import random_affine
from .lenet import LeNet5
from .recipes import RECIPES, digits, fashion, fashion_net
from .resnet import he_initialisation
from .segmentation import SCENE_NETS, scene_pixels
from .train import follow
from .training import Data, TrainingError, evaluate, fit, read_log
from .weights import read_weights

DEPTHS = (8, 20, 56)
RATES = (0.003, 0.01, 0.03, 0.1)
FEW = (100, 300, 1000, 3000, 10000)


def results(name: str) -> list[dict[str, str]]:
    """Return the rows of an experiment that ships with the package.

    Parameters
    ----------
    name
        ``"depth"``, ``"rates"``, ``"few"`` or ``"scenes"``; ``"worlds"`` or ``"mazes"``; ``"tissue"`` or ``"rods"``.

    Examples
    --------
    >>> sorted({row["network"] for row in results("depth")})
    ['plain20', 'plain56', 'plain8', 'resnet20', 'resnet56', 'resnet8']
    """
    choice("name", name, ("depth", "rates", "few", "scenes", "worlds", "mazes", "tissue", "rods"))
    text = files(__package__).joinpath("results", f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def write_results(rows: Sequence[dict], path: Path) -> None:
    """Write an experiment's rows as the CSV file that :func:`results` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def trained(name: str, folder: Path, seed: int) -> nn.Module:
    """Return a network trained by its recipe; it is trained now if the folder does not have it yet."""
    place = folder / f"seed{seed}"
    if not (place / f"{name}.json").exists():
        follow(name, place, seed=seed)
    model = RECIPES[name].build()
    read_weights(model, place / f"{name}.safetensors")
    return model.eval()


def depth(folder: Path, seeds: Sequence[int] = (0,)) -> list[dict]:
    """Train plain and residual networks of three depths by their recipes."""
    rows = []
    for seed, number, kind in itertools.product(seeds, DEPTHS, ("plain", "resnet")):
        name, place = f"{kind}{number}-fashion", folder / f"seed{seed}"
        if not (place / f"{name}.json").exists():
            follow(name, place, seed=seed)
        made = json.loads((place / f"{name}.json").read_text("utf-8"))
        rows.append(
            {
                "network": f"{kind}{number}",
                "seed": seed,
                "train_score": round(read_log(place / f"{name}.csv")[-1].train_score, 4),
                "test_score": made["test_score"],
                "minutes": made["minutes"],
            }
        )
    return rows


def rates() -> list[dict]:
    """Train plain networks for 72 steps only, with and without batchnorm, from two kinds of first weights.

    "default" is what torch draws: uniform, with a sixth of the variance that He et al. derive for ReLUs.
    """
    torch.set_num_threads(1)
    (images, labels), _, _ = fashion()
    data = images[:1536], labels[:1536]
    rows = []
    for number, norm, first, rate in itertools.product(DEPTHS, ("batchnorm", "none"), ("he", "default"), RATES):
        torch.manual_seed(0)
        model = fashion_net(number, residual=False, norm=nn.BatchNorm2d if norm == "batchnorm" else nn.Identity)
        if first == "default":
            for module in model.modules():
                if isinstance(module, nn.Conv2d):
                    module.reset_parameters()
        else:
            he_initialisation(model)
        try:
            score = fit(model, data, data, epochs=3, learning_rate=rate, progress=False)[-1].train_score
        except TrainingError:  # the weights grew without bound
            score = evaluate(model, data)[1]
        rows.append({"depth": number, "norm": norm, "first": first, "rate": rate, "train_score": round(score, 4)})
    return rows


def few(folder: Path, seeds: Sequence[int] = (0,)) -> list[dict]:
    """Learn to read digits from few of them: each seed draws other ones, and other first weights.

    A linear classifier gets the pixels, or what the scattering transform makes of them. LeNet-5 gets the pixels,
    as they are or each time a little moved; it sees 100,000 images on its way, however few they are.
    """
    from ..insight import LinearProbe
    from ..signal import Scattering2D

    torch.set_num_threads(1)
    (images, labels), _, test = digits()
    scattering = Scattering2D((32, 32), scales=3)

    def scattered(part: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(scattering(nn.functional.pad(part[:, 0], (2, 2, 2, 2)).numpy()))

    views = {"pixels": (images, test[0]), "scattering": (scattered(images), scattered(test[0]))}
    rows = []
    for seed, number in itertools.product(seeds, FEW):
        place = folder / f"seed{seed}" / f"few-{number}.json"
        if not place.exists():
            chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:number]
            scores = {
                f"{name}, linear": LinearProbe(view[chosen], labels[chosen]).accuracy(view_of_test, test[1])
                for name, (view, view_of_test) in views.items()
            }
            for name, augment in (("LeNet-5", None), ("LeNet-5, moved digits", random_affine())):
                scores[name] = _lenet_of((images[chosen], labels[chosen]), test, seed, augment)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(scores), "utf-8")
        rows += [
            {"images": number, "method": name, "seed": seed, "test_score": round(score, 4)}
            for name, score in json.loads(place.read_text("utf-8")).items()
        ]
    return rows


def scenes(folder: Path, seeds: Sequence[int] = (0,)) -> list[dict]:
    """Train the six networks for segmentation by their recipes, and measure each on the test scenes."""
    from ..vision import boundary_iou, mean_iou

    torch.set_num_threads(1)
    images, classes = scene_pixels()[2]
    true, rows = classes.numpy(), []
    for seed, name in itertools.product(seeds, SCENE_NETS):
        model = trained(f"scenes-{name}", folder, seed)
        with torch.inference_mode():
            answer = torch.cat([model(part).argmax(dim=1) for part in images.split(50)]).numpy()
        rows.append(
            {
                "network": name,
                "seed": seed,
                "mean_iou": round(mean_iou(answer, true, 6), 4),
                "boundary_iou": round(boundary_iou(answer, true, 6), 4),
            }
        )
    return rows


def _lenet_of(data: Data, test: Data, seed: int, augment: Callable | None) -> float:
    torch.manual_seed(seed)
    model = LeNet5()
    settings = RECIPES["lenet5-digits"].settings | {"epochs": 100_000 // len(data[0]), "augment": augment}
    # No labels are left over to choose an epoch with: the least loss on the digits themselves chooses it.
    fit(model, data, data, seed=seed, progress=False, score=_minus_loss, **settings)
    return evaluate(model, test)[1]


def _minus_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return -nn.functional.cross_entropy(outputs, targets)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.nets.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=("depth", "rates", "few", "scenes"))
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write to (default %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="for all but rates (default: 0)")
    options = parser.parse_args()
    run = {
        "depth": lambda: depth(options.out, options.seeds),
        "rates": rates,
        "few": lambda: few(options.out, options.seeds),
        "scenes": lambda: scenes(options.out, options.seeds),
    }
    rows = run[options.name]()
    write_results(rows, options.out / f"{options.name}.csv")


if __name__ == "__main__":
    main()
