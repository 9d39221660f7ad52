"""Fewer bits: what TF32 leaves of a number, and how far off a sum may then be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

TF32_BITS = 10
"""Bits after the point that TF32 keeps of a number's mantissa; float32 has 23, bfloat16 has 7."""


def round_to_tf32(x: Tensor) -> Tensor:
    """Return float32 numbers rounded as a GPU's matrix units round their factors: 10 bits after the point.

    The range stays float32's. The relative error is at most 2⁻¹¹, about one in two thousand. Halves round to even.

    Examples
    --------
    >>> round_to_tf32(torch.tensor([1 + 2**-10, 1 + 2**-12])).tolist()
    [1.0009765625, 1.0]
    """
    if x.dtype != torch.float32:
        raise TypeError(f"x is {x.dtype}, but TF32 is a way to round float32")
    dropped = 23 - TF32_BITS
    bits = x.contiguous().view(torch.int32)
    half, odd = (1 << (dropped - 1)) - 1, (bits >> dropped) & 1
    rounded = (bits + half + odd) & ~((1 << dropped) - 1)
    return torch.where(x.isfinite(), rounded.view(torch.float32), x)


def product_tolerance(x: Tensor, w: Tensor, bits: int = TF32_BITS) -> float:
    """Return a bound on how far one output of a convolution can be off when its factors are rounded to ``bits``.

    Each factor is off by at most 2^(−bits−1) of itself, so each product by twice that, and a sum of products by at most
    twice that times the sum of their sizes; that sum is bounded by the largest |x| times the largest filter's Σ|w|.
    Two per cent is added for the terms of second order and the rounding of the float32 sum itself.

    Parameters
    ----------
    x
        The input.
    w
        (K, …): the filters.

    Examples
    --------
    >>> product_tolerance(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)) < 0.01
    True
    """
    largest_sum = w.abs().flatten(1).sum(dim=1).max().item()
    return 1.02 * 2 * 2.0 ** (-bits - 1) * x.abs().max().item() * largest_sum


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in CUDA's convolutions and matrix products while the block runs.

    torch allows it in convolutions and forbids it in matrix products unless told otherwise, which is why the same
    layer written in two ways can differ in the third digit on a GPU.

    Examples
    --------
    >>> with tf32(False):
    ...     torch.backends.cudnn.conv.fp32_precision
    'ieee'
    """
    settings = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "tf32" if allowed else "ieee"
        yield
    finally:
        for setting, precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision
