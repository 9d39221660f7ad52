"""How fast is it? Our convolutions beside torch's, scipy's, and what teaching code usually does, in one run.

``lecture5 bench`` measures everything that :mod:`lecture5.bench.cases` lists, ``lecture5 bench lenet kernels`` some of
it. :mod:`lecture5.bench.measure` says how it is measured, and :mod:`lecture5.bench.results` what is made of it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from lecture5.bench.cases import PRODUCTS, SUITES

IMPORT = "import"
"""The name under which the time to import this package is measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and if asked store and draw. Return the exit status."""
    parser = argparse.ArgumentParser(prog="lecture5 bench", description=__doc__.splitlines()[0])
    names = [*SUITES, IMPORT]
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(names)} (all of them)")
    parser.add_argument("--product", choices=PRODUCTS, action="append", help="what to compute (all three)")
    parser.add_argument("--threads", type=int, default=2, help="threads for torch and for us (2)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each case and product (2)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON to store the figures in, or to add them to")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="SVG to draw the figures in")
    options = parser.parse_args(arguments)
    if unknown := set(options.name) - set(names):
        parser.error(f"unknown name {', '.join(sorted(unknown))}: the known ones are {', '.join(names)}")
    if options.threads < 1 or options.seconds <= 0:
        parser.error(f"--threads is {options.threads} and --seconds {options.seconds:g}: both must be positive")

    from lecture5.bench import measure, results

    found = {"machine": {}, "import_seconds": {}, "rows": [], "left_out": []}
    with measure.threads(options.threads):
        found["machine"] = measure.machine(options.threads)
        before = results.read(options.out) if options.out and options.out.exists() else found
        try:
            results.merged(before, found)
        except ValueError as error:
            parser.error(f"--out is {options.out}: {error}")
        print(", ".join(f"{key} {value}" for key, value in found["machine"].items()))
        for _ in _parts(options.name or names, options.product or PRODUCTS, options.seconds, found):
            if options.out:  # After each part, so that an interruption loses little.
                results.write(results.merged(before, found), options.out)
    found = results.merged(before, found)
    print("\n" + "\n".join(map(str, results.targets(found))))
    if options.draw and found["rows"]:
        from lecture5 import plots

        panel = ("", found["rows"], "Each contender's time as a multiple of torch's, case by case.")
        plots.write_svg(plots.time_ratios([panel]), options.draw)
    return 0


def _parts(names: Sequence[str], products: Sequence[str], seconds: float, found: dict) -> Iterator[None]:
    """Measure the suites of these names, print each result as it comes, and add it to what was ``found``."""
    from lecture5.bench import measure, results

    for name in names:
        if name == IMPORT:
            found["import_seconds"] = measure.import_seconds()
            print("\n" + ", ".join(f"import {name} {1e3 * s:.0f} ms" for name, s in found["import_seconds"].items()))
            yield
            continue
        for case, product in itertools.product(SUITES[name], products):
            rows, left_out = measure.measure(case, product, seconds)
            found["rows"] += rows
            found["left_out"] += left_out
            print("\n" + results.table(rows, left_out), flush=True)
            yield
