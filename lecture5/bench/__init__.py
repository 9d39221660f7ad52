"""How fast is it? Our convolutions beside torch's, scipy's, and what teaching code usually does, in one run.

``lecture5 bench`` measures everything that :mod:`lecture5.bench.cases` lists; ``lecture5 bench lenet kernels`` some of
it. :mod:`lecture5.bench.measure` says how it is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from math import exp, log
from pathlib import Path

from lecture5.bench.cases import PRODUCTS, SUITES


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and if asked store and draw. Return the exit status."""
    parser = argparse.ArgumentParser(prog="lecture5 bench", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(SUITES)} (all of them)")
    parser.add_argument("--product", choices=PRODUCTS, action="append", help="what to compute (all three)")
    parser.add_argument("--threads", type=int, default=2, help="threads for torch and for us (2)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each case and product (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to store the figures")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="where to draw them, as .svg or .png")
    options = parser.parse_args(arguments)
    if unknown := set(options.name) - set(SUITES):
        parser.error(f"unknown name {', '.join(sorted(unknown))}: the known ones are {', '.join(SUITES)}")
    results = run(options.name or list(SUITES), options.product or PRODUCTS, options.threads, options.seconds)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.draw:
        draw(results).savefig(options.draw)
    return 0


def run(names: Sequence[str], products: Sequence[str], number_of_threads: int, seconds: float) -> dict:
    """Measure the suites of these names, print each result as it comes, and return all of them."""
    from lecture5.bench import measure

    results = {"machine": measure.machine(number_of_threads), "rows": []}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()))
    with measure.threads(number_of_threads):
        for name in names:
            for case in SUITES[name]:
                for product in products:
                    rows = measure.measure(case, product, seconds)
                    results["rows"] += rows
                    print_rows(rows)
    print_summary(results["rows"])
    return results


def print_rows(rows: Sequence[dict]) -> None:
    """Print one case and product: who needs how long, and how much memory."""
    print(f"\n{rows[0]['suite']} {rows[0]['case']}, {rows[0]['product']}")
    for row in sorted(rows, key=lambda row: row["seconds"]):
        memory = "" if row["extra_bytes"] is None else f"{row['extra_bytes'] / 2**20:9.1f} MiB"
        print(f"  {row['contender']:15} {row['seconds'] * 1e3:10.3f} ms {row['ratio']:8.2f} × torch {memory}")
    sys.stdout.flush()


def print_summary(rows: Sequence[dict]) -> None:
    """Print what is wanted in the end: "auto" beside torch, and beside the best method there was."""
    print("\ngeometric mean of auto / torch, largest, and how often auto is within 10 % of our best method")
    groups: dict[tuple, list] = {}
    for row in rows:
        groups.setdefault((row["suite"], row["product"]), []).append(row)
    for (suite, product), members in groups.items():
        ratios = [row["ratio"] for row in members if row["contender"] == "auto"]
        near = [_auto_is_near_best([row for row in members if row["case"] == case]) for case in _cases(members)]
        print(f"  {suite:9} {product:16} {geometric_mean(ratios):6.2f} {max(ratios):6.2f}   {sum(near)} of {len(near)}")


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean.

    Examples
    --------
    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return exp(sum(map(log, ratios)) / len(ratios))


def draw(results: dict):
    """Return a figure: for each case and product, the time of each contender beside torch's."""
    from matplotlib.figure import Figure

    groups: dict[tuple, dict] = {}
    for row in results["rows"]:
        groups.setdefault((row["suite"], row["product"], row["case"]), {})[row["contender"]] = row["ratio"]
    names = list(dict.fromkeys(row["contender"] for row in results["rows"]))
    figure = Figure(figsize=(8, 1.5 + 0.22 * len(groups)), layout="constrained")
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        marks = [(ratios[name], place) for place, ratios in enumerate(groups.values()) if name in ratios]
        axes.plot(*zip(*marks, strict=True), "D" if name == "auto" else "o", color=f"C{number % 10}", label=name)
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set(xscale="log", xlabel="time / torch's time", ylim=(len(groups) - 0.5, -0.5))
    axes.set_yticks(range(len(groups)), [f"{suite} {case}, {product}" for suite, product, case in groups], fontsize=7)
    machine = results["machine"]
    axes.set_title(f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}", fontsize=9)
    figure.legend(loc="outside lower center", ncols=6, fontsize=7)
    return figure


def _cases(rows: Sequence[dict]) -> list[str]:
    return list(dict.fromkeys(row["case"] for row in rows))


def _auto_is_near_best(rows: Sequence[dict]) -> bool:
    from lecture5.bench.measure import OUR_METHODS

    ours = {row["contender"]: row["seconds"] for row in rows if row["contender"] in OUR_METHODS}
    return ours["auto"] <= 1.1 * min(ours.values())
