"""``lecture5 train NAME``: train a network by its recipe, and write its weights, its card and its log."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from .recipes import RECIPES
from .training import TrainingError, evaluate, fit
from .weights import WeightsCard, card, shipped, write_weights


def follow(name: str, folder: Path, *, seed: int = 0, device: str = "cpu", progress: bool = True) -> WeightsCard:
    """Train by the recipe ``name``; write NAME.safetensors, NAME.json (its card) and NAME.csv (its log) to ``folder``.

    If it is interrupted, the same call goes on from NAME.checkpoint. Small networks are fastest, and give the same
    weights each time, with one thread.
    """
    recipe = RECIPES[name]
    torch.set_num_threads(1)
    training, validation, test = recipe.data()
    torch.manual_seed(seed)
    model = recipe.build()
    checkpoint = folder / f"{name}.checkpoint"
    options = {"seed": seed, "device": device, "progress": progress, "checkpoint": checkpoint}
    history = fit(model, training, validation, log=folder / f"{name}.csv", **recipe.settings, **options)
    best = max(history, key=lambda epoch: epoch.validation_score)
    loss_and_score = {key: recipe.settings[key] for key in ("loss", "score") if key in recipe.settings}
    made = WeightsCard(
        name=name,
        what=recipe.what,
        data=recipe.data_text,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        seed=seed,
        epochs=len(history),
        best_epoch=best.epoch,
        minutes=round(sum(epoch.seconds for epoch in history) / 60, 2),
        validation_score=round(best.validation_score, 4),
        test_score=round(evaluate(model, test, **loss_and_score)[1], 4),
        torch=torch.__version__.partition("+")[0],
        command=f"lecture5 train {name} --seed {seed}",
        sha256=write_weights(model, folder / f"{name}.safetensors"),
    )
    (folder / f"{name}.json").write_text(json.dumps(made._asdict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    checkpoint.unlink()
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 0 if it was done, 1 if training failed (2 for wrong use, from argparse)."""
    parser = argparse.ArgumentParser(
        prog="lecture5 train", description="Train a network by its recipe; write its weights, card and log."
    )
    parser.add_argument("name", nargs="?", choices=sorted(RECIPES), metavar="NAME", help="leave out to see the names")
    parser.add_argument("--seed", type=int, default=0, help="for the first weights and the order (default %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps or xpu (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write to (default %(default)s)")
    options = parser.parse_args(argv)
    if options.name is None:
        for name, recipe in sorted(RECIPES.items()):
            print(f"{name:24} {recipe.what}")
        return 0
    from ..gpu import DeviceError

    started = time.monotonic()
    known = card(options.name) if options.name in shipped() else None
    try:
        made = follow(options.name, options.out, seed=options.seed, device=options.device)
    except (TrainingError, DeviceError) as error:
        print(f"lecture5 train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from the last whole epoch.", file=sys.stderr)
        return 1
    measure = "score on the test data" if "score" in RECIPES[made.name].settings else "of the test data right"
    print(f"{made.name}: {made.test_score:.2%} {measure}, after {time.monotonic() - started:.0f} s")
    print(f"written to {options.out}: {made.name}.safetensors, .json and .csv")
    if known is not None:
        same = "the same weights, bit for bit" if known.sha256 == made.sha256 else "other weights"
        print(f"the file that ships with lecture5: {known.test_score:.2%}, {same}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
