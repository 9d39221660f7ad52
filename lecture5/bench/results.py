"""What was measured: how it is stored, put together and printed, and what it says about our targets.

A results file is JSON. ``machine`` says where it was measured and with which versions; ``rows`` holds what
:func:`lecture5.bench.measure.measure` returns for each contender, ``left_out`` who did not take part and why, and
``import_seconds`` how long Python takes to import numpy and lecture5.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from math import exp, log
from pathlib import Path
from typing import NamedTuple

from lecture5.bench.cases import PRODUCTS
from lecture5.bench.measure import OUR_METHODS

NETWORKS = ("alexnet", "resnet18")
"""The suites that the targets for the layers of networks are about."""


def shipped() -> dict:
    """Return the results that come with this package, which the book's page "How fast is it?" shows."""
    return json.loads(files("lecture5.bench").joinpath("results.json").read_text())


def read(file: Path) -> dict:
    """Return the results in a file."""
    return json.loads(file.read_text())


def write(results: dict, file: Path) -> None:
    """Store results, with one line for each row so that two files can be compared."""
    entries = []
    for key, value in results.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in value) + "\n ]"
        else:
            value = json.dumps(value, ensure_ascii=False)
        entries.append(f" {json.dumps(key)}: {value}")
    file.write_text("{\n" + ",\n".join(entries) + "\n}\n")


def merged(before: dict, new: dict) -> dict:
    """Return ``before`` with what was measured anew put in its place.

    Raises
    ------
    ValueError
        If they were measured on different machines, or with different versions or numbers of threads.
    """
    differing = [key for key in new["machine"] if before["machine"].get(key) != new["machine"][key]]
    if differing:
        key = differing[0]
        raise ValueError(
            f"the results there were measured with {key} {before['machine'].get(key)}, but now it is"
            f" {new['machine'][key]}: figures of two machines do not go into one file, so name another one"
        )
    done = {_place(row) for row in new["rows"]}
    lists = {key: [row for row in before[key] if _place(row) not in done] + new[key] for key in ("rows", "left_out")}
    return before | lists | {"import_seconds": new["import_seconds"] or before["import_seconds"]}


def table(rows: Sequence[dict], left_out: Sequence[dict]) -> str:
    """Return one case and product as lines: who needs how long, and how much memory; and who did not take part."""
    lines = [f"{rows[0]['suite']} {rows[0]['case']}, {rows[0]['product']}"]
    for row in sorted(rows, key=lambda row: row["seconds"]):
        memory = "" if row["extra_bytes"] is None else f"{mebibytes(row):9.1f} MiB"
        name = f"auto: {row['chosen']}" if "chosen" in row else row["contender"]
        lines.append(f"  {name:15} {row['seconds'] * 1e3:10.3f} ms {row['ratio']:8.2f} × torch {memory}".rstrip())
    lines += [f"  {row['contender']:15} {row['reason']}" for row in left_out]
    return "\n".join(lines)


def select(rows: Iterable[dict], **wanted: str | Sequence[str]) -> list[dict]:
    """Return the rows with these values, or one of several values.

    Examples
    --------
    >>> select([{"suite": "lenet", "ratio": 2.0}, {"suite": "audio", "ratio": 0.5}], suite=("lenet", "volumes"))
    [{'suite': 'lenet', 'ratio': 2.0}]
    """
    allowed = {key: (value,) if isinstance(value, str) else value for key, value in wanted.items()}
    return [row for row in rows if all(row[key] in values for key, values in allowed.items())]


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean.

    Examples
    --------
    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return exp(sum(map(log, ratios)) / len(ratios))


def mebibytes(row: dict) -> float:
    """Return the memory that a contender needed besides its result, in MiB."""
    return row["extra_bytes"] / 2**20


class Target(NamedTuple):
    """Something that was to be reached, and what was."""

    text: str
    wanted: float
    reached: float
    at_most: bool = True

    @property
    def is_met(self) -> bool:
        """Whether it was reached."""
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted

    def __str__(self) -> str:
        """Return it as a line of a table."""
        sign = "≤" if self.at_most else "≥"
        verdict = "yes" if self.is_met else "no"
        return f"{self.text:48} {sign} {self.wanted:<5g} {self.reached:8.2f}   {verdict}"


def targets(results: dict) -> list[Target]:
    """Return the targets that these results say something about."""
    rows = results["rows"]
    auto = select(rows, contender="auto")
    outputs = [row["ratio"] for row in select(auto, suite=NETWORKS, product="output")]
    gradients = [row["ratio"] for row in select(auto, suite=NETWORKS, product=PRODUCTS[1:])]
    large = [row for row in select(rows, suite="kernels", product="output") if row["case"].startswith(LARGE_KERNELS)]
    resnet = select(rows, suite="resnet18", product="output")
    imports = results["import_seconds"]
    found = [
        _target("outputs of both networks, mean of auto / torch", 1.0, geometric_mean, outputs),
        _target("outputs of both networks, largest auto / torch", 1.5, max, outputs),
        _target("gradients of both networks, mean of auto / torch", 1.3, geometric_mean, gradients),
        _target("auto within 10 % of our best, share of all cases", 0.9, _share, near_best(rows), False),
        _target("kernels of 31² and 63², smallest torch / auto", 10, min, _times_faster(large, "torch"), False),
        _target(
            "the same with tensors, smallest torch / auto",
            10,
            min,
            _times_faster(large, "torch", "auto, tensors"),
            False,
        ),
        _target(
            "ResNet-18, mean of strided einsum / auto",
            20,
            geometric_mean,
            _times_faster(resnet, "strided einsum"),
            False,
        ),
        _target(
            "ResNet-18, mean of indexed im2col / auto",
            10,
            geometric_mean,
            _times_faster(resnet, "indexed im2col"),
            False,
        ),
        _target("largest extra memory of auto, MiB", 32, max, [mebibytes(row) for row in auto]),
        _target(
            "import lecture5 / import numpy", 1.2, max, [imports["lecture5"] / imports["numpy"]] if imports else []
        ),
    ]
    return [target for target in found if target is not None]


LARGE_KERNELS = ("kernel 31", "kernel 63")


def near_best(rows: Sequence[dict]) -> list[bool]:
    """Return for each case and product whether the method that "auto" chose is within 10 % of the best of ours.

    What counts is that method's own time, and not that of "auto", which is the same call measured once more.
    """
    places: dict[tuple, dict] = {}
    for row in select(rows, contender=OUR_METHODS):
        places.setdefault(_place(row), {})[row["contender"]] = row
    return [
        contenders[contenders["auto"]["chosen"]]["seconds"] <= 1.1 * min(row["seconds"] for row in contenders.values())
        for contenders in places.values()
    ]


def _target(
    text: str, wanted: float, summary: Callable, numbers: Sequence[float], at_most: bool = True
) -> Target | None:
    return Target(text, wanted, summary(numbers), at_most) if numbers else None


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _times_faster(rows: Sequence[dict], slow: str, fast: str = "auto") -> list[float]:
    """Return how many times the time of ``fast`` the contender ``slow`` needs, wherever both took part."""
    seconds = {(*_place(row), row["contender"]): row["seconds"] for row in rows}
    places = [place[:-1] for place in seconds if place[-1] == slow and (*place[:-1], fast) in seconds]
    return [seconds[*place, slow] / seconds[*place, fast] for place in places]


def _place(row: dict) -> tuple[str, str, str]:
    return row["suite"], row["case"], row["product"]
