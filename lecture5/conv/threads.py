"""All cores at once.

numpy copies and adds on one core; only its matrix products use all of them, and small ones do so badly. But numpy lets
go of Python's lock while it works, so that plain threads, each with its own part of a convolution, do run at the same
time. A thread of ours then wants each matrix product on one core, and the BLAS library is told so meanwhile. As many
threads are used as that library is set to use (``OPENBLAS_NUM_THREADS`` and its like, or threadpoolctl).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import pairwise
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

try:
    from threadpoolctl import ThreadpoolController
except ImportError:
    ThreadpoolController = None

WORTH_A_THREAD = 5_000_000
"""Multiplications from which on a part of the work is worth a thread of its own."""

_busy = Lock()


def thread_count() -> int:
    """Return how many threads matrix products are set to use: the fewest, if scipy has a BLAS library of its own."""
    return min((library.num_threads for library in _blas()), default=1)


def in_threads(work: Callable[[Sequence], Any], items: Sequence) -> None:
    """Call ``work`` with parts of ``items``, in order and about equal in number, in as many threads as there are cores.

    With one item, or while another convolution already uses the cores, it is called here, with all items.
    """
    threads = min(thread_count(), len(items))
    if threads < 2 or not _busy.acquire(blocking=False):
        work(items)
        return
    try:
        first, *others = (items[a:b] for a, b in cuts(len(items), threads))
        outcomes: SimpleQueue = SimpleQueue()
        with _one_core_per_product():
            for queue, part in zip(_queues(os.getpid(), threads - 1), others, strict=True):
                queue.put((work, part, outcomes))
            try:
                work(first)
            finally:
                errors = [outcomes.get() for _ in others]
        for error in filter(None, errors):
            raise error
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
def _blas() -> list:
    """Return the BLAS libraries in this process, with their settings."""
    return ThreadpoolController().select(user_api="blas").lib_controllers if ThreadpoolController else []


@contextmanager
def _one_core_per_product() -> Iterator[None]:
    before = [library.num_threads for library in _blas()]
    for library in _blas():
        library.set_num_threads(1)
    try:
        yield
    finally:
        for library, number in zip(_blas(), before, strict=True):
            library.set_num_threads(number)


@lru_cache(maxsize=1)
def _queues(process: int, number: int) -> list[SimpleQueue]:
    """Return queues behind each of which a thread waits for work; a forked process has to make its own."""
    queues: list[SimpleQueue] = [SimpleQueue() for _ in range(number)]
    for queue in queues:
        Thread(target=_serve, args=(queue,), name="lecture5", daemon=True).start()
    return queues


def _serve(queue: SimpleQueue) -> None:
    while True:
        work, part, outcomes = queue.get()
        try:
            work(part)
        except BaseException as error:  # To be raised where the work was asked for.
            outcomes.put(error)
        else:
            outcomes.put(None)
        del work, part, outcomes  # Or else they would be kept alive until the next piece of work.
