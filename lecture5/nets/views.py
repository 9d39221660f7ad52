"""What a network of three convolutions finds in a volume when it sees voxels, slices, three slices, or all of it.

    python -m lecture5.nets.views tissue --seeds 0 1 2    # tissues of the brain; about 4 minutes for each seed
    python -m lecture5.nets.views rods --seeds 0 1 2      # which way a rod leans; about 1 minute for each seed

What they gave ships with the package: ``lecture5.nets.experiments.results("tissue")`` and ``results("rods")``.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import torch

from .experiments import write_results
from .recipes import RECIPES
from .train import follow
from .training import evaluate, fit
from .volume import VIEWS, RodNet, dice_by_tissue
from .volume import rods as draw_rods
from .weights import read_weights

RODS = ((1.0, 0.3), (0.25, 0.3), (0.25, 0.5))  # slope and noise


def tissue(folder: Path, seeds: Sequence[int] = (0,)) -> list[dict]:
    """Train each view by its recipe; measure grey and white matter apart, on the front of the brain."""
    rows = []
    for seed, view in itertools.product(seeds, VIEWS):
        name, place = f"tissue-{view.replace(' ', '-')}", folder / f"seed{seed}"
        if not (place / f"{name}.json").exists():
            follow(name, place, seed=seed)
        model = RECIPES[name].build().eval()
        read_weights(model, place / f"{name}.safetensors")
        image, target = RECIPES[name].data()[2]
        with torch.no_grad():
            grey, white = dice_by_tissue(model(image), target).tolist()
        rows.append({"view": view, "seed": seed, "grey": round(grey, 4), "white": round(white, 4)})
    return rows


def rods(seeds: Sequence[int] = (0,)) -> list[dict]:
    """Train each view but the voxel's on 192 rods, for three slopes and noises."""
    torch.set_num_threads(1)
    rows = []
    for seed, (slope, noise), view in itertools.product(seeds, RODS, VIEWS[1:]):
        training, validation, test = (
            draw_rods(count, slope=slope, noise=noise, seed=10 * seed + part)
            for part, count in enumerate((192, 100, 400))
        )
        torch.manual_seed(seed)
        model = RodNet(view)
        settings = {"epochs": 8, "learning_rate": 0.01, "batch_size": 16, "optimiser": torch.optim.Adam}
        fit(model, training, validation, seed=seed, progress=False, **settings)
        right = evaluate(model, test)[1]
        rows.append({"slope": slope, "noise": noise, "view": view, "seed": seed, "right": round(right, 4)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.nets.views",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=("tissue", "rods"))
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write to (default %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="(default: 0)")
    options = parser.parse_args()
    rows = tissue(options.out, options.seeds) if options.name == "tissue" else rods(options.seeds)
    write_results(rows, options.out / f"{options.name}.csv")


if __name__ == "__main__":
    main()
