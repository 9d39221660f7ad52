"""The measurements behind the chapter on batchnorm and residual networks: how depth, and how the start, decide.

    python -m lecture5.nets.experiments depth --out weights     # 6 networks: 5 minutes on one core
    python -m lecture5.nets.experiments rates --out weights     # 48 short trainings: 4 minutes

The first can be interrupted, and goes on where it was; ``--seeds 0 1 2`` repeats it from other first weights. What they
gave (depth with seed 0) ships with the package: :func:`results` reads it.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch
from torch import nn

from ..arguments import choice
from .recipes import fashion, fashion_net
from .resnet import he_initialisation
from .train import follow
from .training import TrainingError, evaluate, fit, read_log

DEPTHS = (8, 20, 56)
RATES = (0.003, 0.01, 0.03, 0.1)


def results(name: str) -> list[dict[str, str]]:
    """Return the rows of an experiment that ships with the package: ``"depth"`` or ``"rates"``.

    Examples
    --------
    >>> sorted({row["network"] for row in results("depth")})
    ['plain20', 'plain56', 'plain8', 'resnet20', 'resnet56', 'resnet8']
    """
    choice("name", name, ("depth", "rates"))
    text = files(__package__).joinpath("results", f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.nets.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=("depth", "rates"))
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write to (default %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="for depth (default: 0)")
    options = parser.parse_args()
    rows = depth(options.out, options.seeds) if options.name == "depth" else rates()
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / f"{options.name}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
