"""How it is measured: in turns, so that a busy moment of the machine meets all contenders alike.

Everyone is called once, and the result is compared with torch's; who is wrong is reported, and not timed. Then they
take turns, in an order that changes, until the time is up. Who has used up a fair share of it with the first call is
not called again. A turn begins with a pause, since the threads of some
libraries go on looking for work for a while and would disturb the next one, and a call to warm the caches up; then it
is calls that count, one after the other, for a moment. Of each contender the best time is reported: what else runs on
the machine can only add to it. The operands lie ready in memory in the form that a contender wants.

With one thread, time is that of the processor, which stands still while the processor works for another program. With
several threads, which wait for each other, it is the time on the wall; then the machine must be quiet.
"""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf, prod
from pathlib import Path

import numpy as np

from lecture5.bench import peers
from lecture5.bench.cases import Case
from lecture5.conv import core, cost, fourier, gradients, workspace
from lecture5.conv.threads import in_threads, thread_count

TOLERANCE = 1e-4
"""How far a result may be from torch's, as a part of the largest number: single precision, thousands of terms."""

TOO_LONG = 1.5
"""Seconds that one call may take; who is expected to need more does not take part."""

TOO_MUCH = 2**30
"""Bytes that one call may need; who is expected to need more does not take part either."""

PAUSE = 0.01
"""Seconds between two turns."""

TURN = 0.03
"""Seconds that a turn takes, or longer if one call does."""

OUR_METHODS = ("auto", "gemm", "winograd", "fourier", "windows", "direct", "matrix")
FUNCTIONS = {"output": "forward", "input gradient": "input_grad", "weight gradient": "weight_grad"}


def contenders(case: Case, product: str) -> dict[str, Callable]:
    """Return what takes part, by name: calls without arguments that compute ``product`` of ``case``."""
    x, w, grad = case.operands()
    tensors = [_tensor(array) for array in (x, w, grad)]
    found = {"torch": _call(case, product, "torch", *tensors)}
    found |= {method: _call(case, product, method, x, w, grad) for method in OUR_METHODS}
    if case.suite == "kernels":
        found["auto, tensors"] = _call(case, product, "auto", *tensors)
    if product == "output":
        usual = {
            "scipy.signal": peers.scipy_signal,
            "naive loops": peers.naive_loops,
            "strided einsum": peers.strided_einsum,
            "indexed im2col": peers.indexed_im2col,
        }
        found |= {name: lambda peer=peer: peer(x, w, case.settings) for name, peer in usual.items()}
    return found


def _call(case: Case, product: str, method: str, x, w, grad) -> Callable:
    first, second, *size = {
        "output": (x, w),
        "input gradient": (grad, w, case.input_size),
        "weight gradient": (grad, x, tuple(w.shape[2:])),
    }[product]
    function = getattr(core, FUNCTIONS[product])
    return lambda: function(first, second, *size, case.settings, method)


def too_much(name: str, case: Case, product: str) -> str:
    """Return why a contender cannot take part in ``case``: about how long it would take, or how much memory."""
    x_shape, w_shape, y_shape = case.shapes
    as_forward = {
        "input gradient": gradients.input_grad_as_forward,
        "weight gradient": gradients.weight_grad_as_forward,
    }
    settings = case.settings
    if product != "output":  # The windows method computes it as a convolution of other sizes.
        x_shape, w_shape, settings = as_forward[product](x_shape, w_shape, settings)
    columns = x_shape[0] * prod(w_shape[1:]) * prod(settings.output_size(x_shape[2:], w_shape[2:]))
    seconds = {
        "naive loops": 1e-6 * case.multiplications,
        "direct": 1e-5 * prod(y_shape),
        "matrix": 5e-8 * case.multiplications,
        "strided einsum": 3e-9 * case.multiplications,
        "scipy.signal": prod(w_shape[:2]) * x_shape[0] * (6e-5 + 1e-7 * prod(x_shape[2:])),
        "fourier": 1e-9 * fourier.cost(FUNCTIONS[product], *case.shapes[:2], case.settings),
    }.get(name, 0.0)
    size = {"windows": 4 * columns, "indexed im2col": 8 * columns * (1 + len(case.input_size) / x_shape[0])}.get(
        name, 0
    )
    if seconds > TOO_LONG:
        return f"would take about {seconds:.2g} s"
    return f"would need about {size / 2**30:.2g} GiB" if size > TOO_MUCH else ""


def clock_of(number_of_threads: int) -> Callable[[], float]:
    """Return the clock by which this many threads are timed."""
    return time.process_time if number_of_threads == 1 else time.perf_counter


def measure(case: Case, product: str, seconds: float) -> tuple[list[dict], list[dict]]:
    """Return a row for each contender, and one for each that was left out, with the reason.

    A contender's row has its best time in seconds, that as a multiple of torch's (``ratio``), the bytes that it needs
    besides its result (``extra_bytes``), and its ``error``: the largest difference from torch's result, as a part of
    the largest number in that. For ``"auto"`` it also says which method was ``chosen``.
    """
    where = {"suite": case.suite, "case": str(case), "product": product}
    calls, left_out = contenders(case, product), {}
    for name in list(calls):
        if reason := too_much(name, case, product):
            left_out[name] = reason
            del calls[name]
    expected = np.asarray(calls["torch"]())
    clock = clock_of(thread_count())
    errors, first = {}, {}
    for name in list(calls):
        start = clock()
        try:
            found = np.asarray(calls[name]())
            first[name] = clock() - start
            errors[name] = largest_error(found, expected)
        except (ValueError, MemoryError) as reason:  # A method may not be made for this case.
            left_out[name] = str(reason)
        else:
            if errors[name] > TOLERANCE:
                left_out[name] = f"wrong: off by {errors[name]:.2g} of the largest number"
        if name in left_out:
            del calls[name]
    best = take_turns(calls, seconds, first, clock)
    rows = [
        where
        | {
            "contender": name,
            "seconds": _rounded(best[name]),
            "ratio": _rounded(best[name] / best["torch"]),
            "extra_bytes": None if name in ("torch", "auto, tensors") else extra_memory(call, expected.nbytes),
            "error": _rounded(errors[name]),
        }
        | ({"chosen": chosen(case, product)} if name == "auto" else {})
        for name, call in calls.items()
    ]
    return rows, [where | {"contender": name, "reason": reason} for name, reason in left_out.items()]


def largest_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference as a part of the largest number expected; infinity for another shape, or NaN."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return inf
    return float(abs(found - expected).max() / abs(expected).max())


def chosen(case: Case, product: str) -> str:
    """Return the method that ``"auto"`` picks for arrays."""
    x, w, grad = case.operands()
    a, b = {"output": (x, w), "input gradient": (grad, w), "weight gradient": (grad, x)}[product]
    return cost.fastest(FUNCTIONS[product], a, b, x.shape, w.shape, case.settings)


def take_turns(
    calls: dict[str, Callable], seconds: float, first: dict[str, float], clock: Callable[[], float]
) -> dict[str, float]:
    """Return the best time of each call, in seconds, given what a ``first`` one took."""
    best = {name: first[name] for name in calls}
    left = {name: seconds / len(calls) - first[name] for name in calls}
    order = random.Random(0)
    while waiting := [name for name, share in left.items() if share > 0]:
        for name in order.sample(waiting, len(waiting)):
            call = calls[name]
            start = _wait(PAUSE, clock)
            if best[name] < TURN:
                call()
            while True:
                before = clock()
                call()
                now = clock()
                best[name] = min(best[name], now - before)
                if now - start > TURN:
                    break
            left[name] -= now - start + PAUSE
    return best


def _wait(seconds: float, clock: Callable[[], float]) -> float:
    """Let time pass without giving the processor away, and return the time after that."""
    start = clock()
    while clock() - start < seconds:
        pass
    return clock()


def extra_memory(call: Callable, result_bytes: int) -> int:
    """Return the bytes that a call needs at its peak, besides its result.

    They are counted by Python's memory tracing, which sees every array of numpy, in a call that is not timed. What our
    methods keep from earlier calls is let go of first, so that it counts. The memory of torch does not go through
    Python and is not seen.
    """
    in_threads(lambda _: workspace.forget(), range(thread_count()))
    tracemalloc.start()
    try:
        result = call()
        return max(0, tracemalloc.get_traced_memory()[1] - result_bytes)
    finally:
        tracemalloc.stop()
        del result


def import_seconds(rounds: int = 10) -> dict[str, float]:
    """Return how long a new Python needs to import numpy, and lecture5: the best of some rounds, in turns."""
    best = {"numpy": inf, "lecture5": inf}
    for _ in range(rounds):
        for name in best:
            code = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
            found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
            best[name] = min(best[name], float(found))
    return {name: _rounded(seconds) for name, seconds in best.items()}


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch and the matrix products of numpy and scipy this many threads."""
    import scipy.linalg  # noqa: F401  (so that its matrix products are there to be limited)
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def machine(number_of_threads: int) -> dict:
    """Return what the figures depend on: processor, threads and versions."""
    import scipy.linalg
    import torch
    from threadpoolctl import threadpool_info

    blas = sorted(
        {
            f"{part['internal_api']} {part['version']} ({part['architecture']})"
            for part in threadpool_info()
            if part["user_api"] == "blas"
        }
    )
    return {
        "processor": _processor(),
        "vector instructions of torch": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": number_of_threads,
        "time": "of the processor" if number_of_threads == 1 else "on the wall",
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "torch": torch.__version__,
        "blas": ", ".join(blas),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _tensor(array: np.ndarray):
    import torch

    return torch.from_numpy(array)


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
