"""How it is measured: in turns, so that a busy moment of the machine meets all contenders alike.

Everyone is called once, and the result is compared with torch's. Then they take turns, again and again, until the time
is up. A turn begins with a pause, since the threads of some libraries go on looking for work for a while and would
disturb the next one, and a call to warm the caches up; then it is calls that count, one after the other, for a moment.
Of each contender the best time is reported: what else runs on the machine can only add to it. The operands lie ready in
memory in the form that a contender wants. What a contender needs besides its result is read from Python's
memory tracing in one more call, which is not timed; torch's memory does not go through Python, and is not known.
"""

from __future__ import annotations

import os
import platform
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lecture5.bench import peers
from lecture5.bench.cases import Case
from lecture5.conv import core

TOO_LONG = 5.0
"""Seconds that one call may take; who is expected to need more does not take part."""

PAUSE = 0.01
"""Seconds between two turns."""

TURN = 0.03
"""Seconds that a turn takes, or longer if one call does."""

SPEEDS = {"naive loops": 2e6, "direct": 2e7, "strided einsum": 3e8, "scipy.signal": 2e8, "matrix": 2e7, "windows": 1e9}
"""Multiplications per second, roughly and pessimistically, of the slow contenders."""

OUR_METHODS = ("auto", "gemm", "winograd", "fourier", "windows", "direct", "matrix")


def contenders(case: Case, product: str) -> dict[str, Callable]:
    """Return what takes part, by name: calls without arguments that compute ``product`` of ``case``."""
    x, w, grad = case.operands()
    settings, input_size, kernel_size = case.settings, x.shape[2:], w.shape[2:]
    tensors = [_tensor(array) for array in (x, w, grad)]
    found: dict[str, Callable] = {}
    for method in ("torch", *OUR_METHODS):
        a, b, c = tensors if method == "torch" else (x, w, grad)
        found[method] = {
            "output": lambda a=a, b=b, method=method: core.forward(a, b, settings, method),
            "input gradient": lambda b=b, c=c, method=method: core.input_grad(c, b, input_size, settings, method),
            "weight gradient": lambda a=a, c=c, method=method: core.weight_grad(c, a, kernel_size, settings, method),
        }[product]
    if product == "output":
        found["naive loops"] = lambda: peers.naive_loops(x, w, settings)
        found["strided einsum"] = lambda: peers.strided_einsum(x, w, settings)
        found["indexed im2col"] = lambda: peers.indexed_im2col(x, w, settings)
        found["scipy.signal"] = lambda: peers.scipy_signal(x, w, settings)
    return {name: call for name, call in found.items() if case.multiplications <= TOO_LONG * SPEEDS.get(name, np.inf)}


def measure(case: Case, product: str, seconds: float) -> list[dict]:
    """Return a row for each contender: its best time, that divided by torch's, its extra memory, and its error."""
    calls = contenders(case, product)
    expected = np.asarray(calls["torch"]())
    errors, skipped = {}, {}
    for name in list(calls):
        try:
            errors[name] = float(abs(np.asarray(calls[name]()) - expected).max() / abs(expected).max())
        except (ValueError, MemoryError) as reason:  # A method may not be made for this case.
            skipped[name] = str(reason)
            del calls[name]
    best = take_turns(calls, seconds)
    return [
        {
            "suite": case.suite,
            "case": str(case),
            "product": product,
            "contender": name,
            "seconds": best[name],
            "ratio": best[name] / best["torch"],
            "extra_bytes": None if name == "torch" else extra_memory(call, expected.nbytes),
            "error": errors[name],
        }
        for name, call in calls.items()
    ]


def take_turns(calls: dict[str, Callable], seconds: float) -> dict[str, float]:
    """Return the best time of each call, in seconds; who needs more than its share of the time has fewer turns."""
    best = dict.fromkeys(calls, np.inf)
    left = dict.fromkeys(calls, seconds / len(calls))
    while any(share > 0 for share in left.values()):
        for name, call in calls.items():
            if left[name] <= 0:
                continue
            start = _wait(PAUSE)
            if best[name] < TURN:
                call()
            while True:
                before = time.perf_counter()
                call()
                now = time.perf_counter()
                best[name] = min(best[name], now - before)
                if now - start > TURN:
                    break
            left[name] -= now - start + PAUSE
    return best


def _wait(seconds: float) -> float:
    """Let time pass without giving the processor away, and return the time after that."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        pass
    return time.perf_counter()


def extra_memory(call: Callable, result_bytes: int) -> int:
    """Return the bytes that a call needs at its peak, besides its result."""
    tracemalloc.start()
    try:
        call()
        return max(0, tracemalloc.get_traced_memory()[1] - result_bytes)
    finally:
        tracemalloc.stop()


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch and the matrix products of numpy this many threads."""
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
    import scipy
    import torch
    from threadpoolctl import threadpool_info

    blas = sorted(
        {f"{part['internal_api']} {part['version']}" for part in threadpool_info() if part["user_api"] == "blas"}
    )
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": number_of_threads,
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
