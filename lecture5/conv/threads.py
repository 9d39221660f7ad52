"""All cores at once.

numpy copies and adds on one core; only its matrix products use all of them, and small ones do so badly. But numpy lets
go of Python's lock while it works, so that plain threads, each with its own part of a convolution, do run at the same
time. A thread of ours then wants each matrix product on one core, and the BLAS library is told so meanwhile. As many
threads are used as that library is set to use (``OPENBLAS_NUM_THREADS`` and its like, or threadpoolctl).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any

try:
    from threadpoolctl import ThreadpoolController
except ImportError:
    ThreadpoolController = None

WORTH_A_THREAD = 5_000_000
"""Multiplications from which on a part of the work is worth a thread of its own."""

_busy = Lock()


def thread_count() -> int:
    """Return how many threads the matrix products of numpy are set to use."""
    return max((library.num_threads for library in _blas().lib_controllers), default=1) if ThreadpoolController else 1


def in_threads(work: Callable[[Sequence], Any], items: Sequence) -> None:
    """Call ``work`` with parts of ``items``, in order and about equal in number, in as many threads as there are cores.

    With one item, or while another convolution already uses the cores, it is called here, with all items.
    """
    threads = min(thread_count(), len(items))
    if threads < 2 or not _busy.acquire(blocking=False):
        work(items)
        return
    try:
        parts = [items[a:b] for a, b in cuts(len(items), threads)]
        with _blas().limit(limits=1):
            others = [_pool(os.getpid()).submit(work, part) for part in parts[1:]]
            try:
                work(parts[0])
            finally:
                for other in others:
                    other.result()
    finally:
        _busy.release()


def cuts(size: int, pieces: int) -> list[tuple[int, int]]:
    """Return the ends of ``pieces`` about equal pieces of ``range(size)``, or of fewer, so that none is empty.

    Examples
    --------
    >>> cuts(10, 3)
    [(0, 3), (3, 6), (6, 10)]
    """
    pieces = min(pieces, size)
    ends = [size * piece // pieces for piece in range(pieces + 1)]
    return list(pairwise(ends))


@cache
def _blas() -> Any:
    return ThreadpoolController().select(user_api="blas")


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return threads that wait for work; a forked process does not inherit them, and so makes its own."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="lecture5")
