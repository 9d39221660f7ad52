"""The algorithms of lecture5.dp beside libraries that were written for one of them each, in one run.

    python benchmarks/dynamic_programming.py                                   # print a table; one to two minutes
    python benchmarks/dynamic_programming.py --out lecture5/dp/timings.json    # and write it, as chapter 14 reads it

Both get the same grid and must give the same answer, or the run fails. They take turns, and the best time of each is
kept: processor time, which minds other programs on the machine less than the clock on the wall does. What counts is
the ratio: seconds differ from one machine to the next.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import scipy.ndimage
import scipy.signal
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from lecture5 import dp

SIZES = (64, 256, 1024)
ENOUGH = 2.0  # seconds: no further round for what takes longer than this
ROUNDS = 5

Pair = tuple[Callable[[], Any], Callable[[], Any]]


def terrain(size: int) -> np.ndarray:
    """Return open ground of four prices, with a tenth of the cells walls, and an open corner."""
    rng = np.random.default_rng(0)
    cost = rng.choice([1.0, 2.0, 3.0, 5.0], (size, size))
    cost[rng.random(cost.shape) < 0.1] = np.inf
    cost[0, 0] = 1
    return cost


def snake(size: int) -> np.ndarray:
    """Return one corridor that winds through the whole grid: the longest way there is."""
    mask = np.zeros((size, size), dtype=bool)
    mask[::2] = mask[1::4, -1] = mask[3::4, 0] = True
    return mask


def graph(cost: np.ndarray) -> Any:
    """Return the grid as SciPy takes it: an edge into each open cell from each open neighbour."""
    number = np.arange(cost.size).reshape(cost.shape)
    pairs = [(number[:-1], number[1:]), (number[:, :-1], number[:, 1:])]
    here, there = (np.concatenate([pair[i].ravel() for pair in pairs + [p[::-1] for p in pairs]]) for i in (0, 1))
    price = cost.ravel()
    possible = np.isfinite(price[here] + price[there])
    return coo_array((price[there][possible], (here[possible], there[possible])), shape=(cost.size,) * 2).tocsr()


def paths(cost: np.ndarray) -> Pair:
    """Our layers, and SciPy's Dijkstra, which gets its list of edges for nothing."""
    edges = graph(cost)
    return lambda: dp.shortest_paths(cost, (0, 0)), lambda: dijkstra(edges, indices=0).reshape(cost.shape)


def fill(mask: np.ndarray) -> Pair:
    """The region of the first cell. SciPy repeats a dilation within a mask, as we do, one cell a step."""
    start = np.zeros_like(mask)
    start[0, 0] = mask[0, 0] = True
    return lambda: dp.flood_fill(mask, (0, 0)), lambda: scipy.ndimage.binary_propagation(start, mask=mask)


def components(mask: np.ndarray) -> Pair:
    return lambda: dp.connected_components(mask), lambda: scipy.ndimage.label(mask)[0]


def distances(mask: np.ndarray, metric: str) -> Pair:
    if metric == "euclidean":
        return lambda: dp.distance_transform(mask), lambda: scipy.ndimage.distance_transform_edt(mask)
    return lambda: dp.distance_transform(mask, metric), lambda: scipy.ndimage.distance_transform_cdt(mask, metric)


def life(board: np.ndarray, steps: int = 10) -> Pair:
    """Ten steps; the peer counts neighbours with scipy.signal's convolution."""

    def peer() -> np.ndarray:
        state, around = board, np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
        for _ in range(steps):
            count = scipy.signal.convolve2d(state, around, mode="same")
            state = ((count == 3) | ((count == 2) & (state == 1))).astype(np.int64)
        return state

    return lambda: dp.game_of_life(board, steps), peer


def warming(size: int, steps: int = 100) -> Pair:
    """A hundred of Jacobi's steps; the peer averages with scipy.ndimage."""
    plate = np.random.default_rng(0).random((size, size))
    fixed = np.zeros(plate.shape, dtype=bool)
    fixed[[0, -1]] = fixed[:, [0, -1]] = True

    def peer() -> np.ndarray:
        state, around = plate, np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]])
        for _ in range(steps):
            state = np.where(fixed, plate, scipy.ndimage.convolve(state, around, mode="constant"))
        return state

    return lambda: dp.heat(plate, fixed, steps=steps), peer


def words(length: int) -> Pair:
    """Two random words; the peer fills the table row by row, in plain Python, as a textbook does."""
    first, second = np.random.default_rng(0).integers(0, 4, (2, length)).tolist()

    def peer() -> int:
        above = list(range(length + 1))
        for i, letter in enumerate(first):
            row = [i + 1]
            for j, other in enumerate(second):
                row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + (letter != other)))
            above = row
        return above[-1]

    return lambda: dp.edit_distance(first, second), peer


def sums(size: int) -> Pair:
    numbers = np.random.default_rng(0).integers(0, 10, size * size)
    return lambda: dp.prefix_scan(numbers), lambda: np.cumsum(numbers)


def cases(size: int) -> dict[str, tuple[str, Pair]]:
    """Return, for each algorithm, the peer's name and the two programs to be timed."""
    rng = np.random.default_rng(1)
    sparse = rng.random((size, size)) > 1e-3
    sparse[0, 0] = False
    blobs = rng.random((size, size)) < 0.6
    corridor = np.where(snake(size), 1.0, np.inf)
    return {
        "shortest paths, open terrain": ("scipy.sparse.csgraph.dijkstra", paths(terrain(size))),
        "shortest paths, one winding corridor": ("scipy.sparse.csgraph.dijkstra", paths(corridor)),
        "flood fill": ("scipy.ndimage.binary_propagation", fill(rng.random((size, size)) < 0.8)),
        "connected components, random": ("scipy.ndimage.label", components(blobs)),
        "connected components, one winding corridor": ("scipy.ndimage.label", components(snake(size))),
        "distance transform, euclidean": ("scipy.ndimage.distance_transform_edt", distances(sparse, "euclidean")),
        "distance transform, taxicab": ("scipy.ndimage.distance_transform_cdt", distances(sparse, "taxicab")),
        "game of life, 10 steps": ("scipy.signal.convolve2d", life((rng.random((size, size)) < 0.4).astype(int))),
        "heat, 100 steps": ("scipy.ndimage.convolve", warming(size)),
        "edit distance of two words": ("a loop in Python", words(size)),
        "running sums": ("numpy.cumsum", sums(size)),
    }


def timed(pair: Pair) -> tuple[float, float]:
    """Return the best seconds of both programs, after checking that they agree."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        answers = []
        for position, program in enumerate(pair):
            start = time.process_time()
            answers.append(program())
            best[position] = min(best[position], time.process_time() - start)
        np.testing.assert_allclose(*answers, rtol=1e-12)
        if max(best) > ENOUGH:
            break
    return best[0], best[1]


def measure(sizes: tuple[int, ...]) -> list[dict]:
    """Return one row for each algorithm and size, and print it."""
    rows = []
    print(f"{'':44}{'cells':>10}{'ours':>12}{'peer':>12}{'ratio':>9}")
    for size in sizes:
        for name, (peer, pair) in cases(size).items():
            if size > 100 and name == "shortest paths, one winding corridor":
                continue  # as many layers as half of the cells: at 1024² it would take hours
            ours, theirs = timed(pair)
            rows.append(
                {"algorithm": name, "peer": peer, "size": size, "ours_ms": _round(ours), "peer_ms": _round(theirs)}
            )
            cells, ratio = f"{size}²", f"{ours / theirs:.3g}"
            print(f"{name:44}{cells:>10}{1000 * ours:9.2f} ms{1000 * theirs:9.2f} ms{ratio:>9}", flush=True)
    return rows


def _round(seconds: float) -> float:
    return float(f"{1000 * seconds:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="cells along each side")
    options = parser.parse_args()
    rows = measure(tuple(options.sizes))
    if options.out:
        versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
        made = {"command": "python benchmarks/dynamic_programming.py", "versions": versions, "rows": rows}
        options.out.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
