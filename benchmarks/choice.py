"""Does ``method="auto"`` choose well? Random convolutions, timed with each method that it chooses from.

    python benchmarks/choice.py --number 100

The constants in the methods' ``cost`` were found with the figures that this prints: for each product and method, the
time measured as a multiple of the estimate (the middle one, and those that a tenth are below and above), which should
be about the same for all methods; and in which share of the convolutions the method chosen takes at most a tenth more
than the fastest one. Torch is not asked. Everything runs on one thread; close what else is running.
"""

import argparse
import random
import time
from math import exp, log

import numpy as np

from lecture5.bench import measure, results
from lecture5.bench.cases import PRODUCTS, Case
from lecture5.conv.cost import NUMPY_METHODS

KERNELS = ((1, 1), (3, 1), (3, 1), (3, 1), (5, 1), (5, 1), (7, 1), (3, 2), (5, 2), (7, 2), (11, 4))
"""Sizes and strides to draw from."""

MULTIPLICATIONS = (2e6, 1.5e9)
"""How many the definition may take."""


def draw(rng: random.Random) -> Case:
    """Return a random convolution in two dimensions: sizes and channels are spread evenly on a logarithmic scale."""

    def number(low: int, high: int) -> int:
        return round(exp(rng.uniform(log(low), log(high))))

    while True:
        kernel_size, stride = rng.choice(KERNELS)
        samples, channels, size = rng.choice((1, 1, 2, 4, 8)), (number(3, 400), number(8, 512)), number(7, 150)
        case = Case("random", "random", samples, *channels, (size, size), kernel_size, stride, kernel_size // 2)
        if MULTIPLICATIONS[0] < case.multiplications < MULTIPLICATIONS[1]:
            return case


def times_and_costs(case: Case, product: str, seconds: float) -> dict[str, tuple[float, float]]:
    """Return the best time and the estimate of each method, in seconds; without methods that would take far longer."""
    x_shape, w_shape, _ = case.shapes
    name = measure.FUNCTIONS[product]
    costs = {method: 1e-9 * cost(name, x_shape, w_shape, case.settings) for method, cost in NUMPY_METHODS.items()}
    possible = {method: cost for method, cost in costs.items() if cost < 6 * costs["gemm"]}
    calls = {method: call for method, call in measure.contenders(case, product).items() if method in possible}
    first = {}
    for method, call in calls.items():
        start = time.process_time()
        call()
        first[method] = time.process_time() - start
    best = measure.take_turns(calls, seconds, first, time.process_time)
    return {method: (best[method], possible[method]) for method in calls}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=50, help="convolutions (50)")
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each of them and each product (0.5)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (0)")
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    cases = [draw(rng) for _ in range(options.number)]
    for product in PRODUCTS:
        with measure.threads(1):
            found = [times_and_costs(case, product, options.seconds) for case in cases]
        print(product)
        for method in NUMPY_METHODS:
            ratios = [best / cost for best, cost in (case[method] for case in found if method in case)]
            low, middle, high = np.percentile(ratios, [10, 50, 90]) if ratios else [np.nan] * 3
            print(f"  {method:9} time / estimate: {middle:.2f} ({low:.2f} to {high:.2f}), {len(ratios)} convolutions")
        slower = []
        for case in found:
            chosen = min(case, key=lambda method: case[method][1])
            slower.append(case[chosen][0] / min(best for best, _ in case.values()))
        share = sum(ratio <= 1.1 for ratio in slower) / len(slower)
        mean = results.geometric_mean(slower)
        print(f"  chosen within 10 % of the fastest: {share:.0%}; in the geometric mean {mean:.3f} times its time")


if __name__ == "__main__":
    main()
