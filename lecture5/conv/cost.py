"""Which method is fastest? An estimate of the work, for ``method="auto"``.

Time goes into three things: multiplications, moving numbers to where they are multiplied, and calls. Each method says
in its ``cost`` how many of each it takes, and how long one takes: so many nanoseconds on one core of a 2023 server,
found by fitting a few hundred convolutions of random size. On another machine all of them are faster or slower, and
that does not matter: only their ratios decide.

*   ``gemm`` multiplies as often as the definition does, at the full speed of the processor.
*   ``winograd`` multiplies less and moves more, so it needs enough channels, and is for small kernels only, or for
    large ones with a large stride, which fall into small ones.
*   ``fourier`` does not depend on the size of the kernel, but its operations are ten times slower: for large kernels.

For tensors the choice is between torch's own convolution and ``fourier``. With integers only exact methods are used,
and with infinities or NaN only those that keep them in their place.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import fourier, gemm, winograd
from lecture5.conv.settings import Settings

NUMPY_METHODS = {"gemm": gemm.cost, "winograd": winograd.cost, "fourier": fourier.cost}


def fastest(
    product: str, a: Any, b: Any, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings
) -> str:
    """Return the method that should need the least time for ``product``, of the operands ``a`` and ``b``."""
    is_tensor = arguments.is_tensor(a)
    plain = "torch" if is_tensor and a.ndim <= 5 else "gemm"
    fractional = a.dtype.is_floating_point or a.dtype.is_complex if is_tensor else a.dtype.kind in "fc"
    if not fractional:
        return plain
    costs = _tensor_costs if is_tensor else _numpy_costs
    best = costs(product, tuple(x_shape), tuple(w_shape), settings)
    return best if best == plain or (_is_finite(a) and _is_finite(b)) else plain


@lru_cache(maxsize=1000)
def _numpy_costs(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> str:
    return min(NUMPY_METHODS, key=lambda name: NUMPY_METHODS[name](product, x_shape, w_shape, settings))


@lru_cache(maxsize=1000)
def _tensor_costs(product: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: Settings) -> str:
    if len(x_shape) > 5:
        return "fourier"
    multiplications = x_shape[0] * prod(w_shape) * prod(settings.output_size(x_shape[2:], w_shape[2:]))
    in_group = w_shape[0] // settings.groups
    multiplications *= -(-in_group // 16) * 16 / in_group  # torch's convolution makes sixteen channels at a time.
    return "fourier" if fourier.tensor_cost(product, x_shape, w_shape, settings) < 0.018 * multiplications else "torch"


def _is_finite(operand: Any) -> bool:
    """Whether there is no infinity and no NaN, which the faster methods would spread: then a sum is finite too.

    BLAS adds the squares of an array in a third of the time that numpy needs to add the numbers.
    """
    if arguments.is_tensor(operand):
        return bool(operand.detach().sum().isfinite())
    with np.errstate(over="ignore", invalid="ignore"):
        if operand.dtype == np.float16:  # Which BLAS does not know, and which ends at 65,504.
            return bool(np.isfinite(operand.sum(dtype=np.float32)))
        numbers = operand.ravel(order="K")
        return bool(np.isfinite(np.vdot(numbers, numbers)))
