"""How far networks that learned on small worlds go: each measurement is one command, and what it gave ships here.

    python -m lecture5.nets.maze_experiments worlds    # the min-plus network on worlds of all kinds
    python -m lecture5.nets.maze_experiments mazes     # ordinary recurrent networks on mazes

Both train what is not in the folder yet, from three seeds; one training takes minutes. They can be interrupted, and go
on where they were. What they gave ships with the package: :func:`lecture5.nets.experiments.results` reads it.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..dp import worlds
from .experiments import trained, write_results
from .maze import MinPlusNet, mazes, stack, whole_worlds_right
from .training import Data

KINDS: dict[str, Callable[[int, np.random.Generator], worlds.World]] = {
    "mazes with loops": partial(worlds.maze, loops=0.15),
    "mazes without dead ends": worlds.braided,
    "open rooms": worlds.rooms,
    "caves with terrain": partial(worlds.caves, kinds=True),
    "scattered terrain": worlds.scatter,
    "mazes": worlds.maze,
}
COUNTS = {59: 100, 201: 20}
MAZE_COUNTS = {15: 100, 31: 100, 59: 50, 201: 10}
CELLS = 35_000  # in a batch: as many as fit the cache


def on_worlds(folder: Path, seeds: Sequence[int]) -> list[dict]:
    """Count how many worlds of each kind and size the min-plus network gets right in every cell, for each seed.

    Networks that rounded to the same costs and moves are the same program, and are run once.
    """
    models = {seed: trained("min-plus-worlds", folder, seed) for seed in seeds}
    programs = {rounded(model): model for model in models.values()}
    notes = folder / "worlds.json"  # what was counted before an interruption
    counted = json.loads(notes.read_text("utf-8")) if notes.exists() else {}
    rows = []
    for (size, count), (kind, draw) in itertools.product(COUNTS.items(), KINDS.items()):
        for program, model in programs.items():
            key = f"{kind}, {size}, {program}"
            if key not in counted:
                counted[key] = count_right(model, draw, size, count)
                notes.write_text(json.dumps(counted, indent=1), "utf-8")
        for seed, model in models.items():
            right = counted[f"{kind}, {size}, {rounded(model)}"]
            rows.append({"kind": kind, "size": size, "seed": seed, "worlds": count, "right": right})
        print(rows[-1], flush=True)
    return rows


def count_right(model: MinPlusNet, draw: Callable, size: int, count: int) -> int:
    """Return how many of ``count`` worlds are right in every cell."""
    rng, right = np.random.default_rng(1000 + size), 0
    for _ in range(count):  # one by one: a large world fills the cache alone
        planes, on_way = stack([draw(size, rng)])
        with torch.no_grad():
            right += int(whole_worlds_right(model(planes), on_way))
    return right


def rounded(model: MinPlusNet) -> str:
    """Return what the network computes with: the rounded cost of every ground (both ends are free), and every move."""
    colours = torch.tensor([*worlds.COLOURS.values()]).T[None, :, :, None]
    with torch.no_grad():
        return str([part.flatten().tolist() for part in model.costs(colours)])


def on_mazes(folder: Path, seeds: Sequence[int]) -> list[dict]:
    """Count how many mazes ordinary networks get right in every cell: after 20 layers, or when they have settled.

    The largest are for the network whose state only grows: others do not settle, and would run for 20,000 layers.
    """
    runs = [("maze-net", seed, steps) for seed in seeds for steps in (None, 20)]
    runs += [("maze-net-replaced", seed, None) for seed in seeds]
    runs += [("maze-net-no-recall", seeds[0], None), ("maze-net-untied", seeds[0], 20)]
    test = {size: mazes(count, size, seed=1000 + size) for size, count in MAZE_COUNTS.items()}
    rows = []
    for name, seed, steps in runs:
        model = trained(name, folder, seed)
        network = model if name == "maze-net-untied" else partial(model, steps=steps)
        for size, data in test.items():
            if size == max(test) and name != "maze-net":
                continue
            row = {"network": name, "seed": seed, "layers": steps or "all", "size": size, "mazes": len(data[0])}
            rows.append(row | {"right": mazes_right(network, data)})
            print(rows[-1], flush=True)
    return rows


def mazes_right(network: Callable[[Tensor], Tensor], data: Data) -> int:
    """Return how many mazes are right in every cell."""
    planes, on_way = data
    together = max(1, CELLS // on_way[0].numel())
    with torch.inference_mode():
        logits = torch.cat([network(part) for part in planes.split(together)])
    return round(float(whole_worlds_right(logits, on_way)) * len(on_way))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.nets.maze_experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=("worlds", "mazes"))
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write to (default %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(default: 0 1 2)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = (on_worlds if options.name == "worlds" else on_mazes)(options.out, options.seeds)
    write_results(rows, options.out / f"{options.name}.csv")


if __name__ == "__main__":
    main()
