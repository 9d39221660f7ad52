"""Memory for what lies between the input and the result, kept from one call to the next.

Fresh memory is not there until it is used: the operating system then fetches it page by page, which can take longer
than filling it with numbers. So each thread keeps the few blocks that it needs, and uses them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from threading import local

import numpy as np

LINE = 64
"""Bytes that the processor moves at a time; arrays begin at a multiple of it."""

_own = local()


def workspace(name: str, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return an array that holds anything, and is the same memory for each call with ``name`` from this thread.

    It is for one use at a time, and must never be part of a result.

    Examples
    --------
    >>> first = workspace("example", (2, 3), np.float32)
    >>> second = workspace("example", (6,), np.float32)
    >>> first[...] = 7
    >>> second
    array([7., 7., 7., 7., 7., 7.], dtype=float32)
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    kept = _own.__dict__.get(name)
    if kept is None or kept.nbytes < size:
        memory = np.empty(size + LINE, np.uint8)
        start = -memory.ctypes.data % LINE
        kept = _own.__dict__[name] = memory[start : start + size]
    return kept[:size].view(dtype).reshape(shape)


def forget() -> None:
    """Let go of the memory that this thread keeps."""
    _own.__dict__.clear()
