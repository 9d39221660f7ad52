"""Which method is fastest? A rough count of the work, for ``method="auto"``.

Two numbers decide. A matrix product does ``2 N K (C / groups) taps positions`` operations, at the full speed of the
processor. The Fourier way transforms ``N C`` inputs, ``K C / groups`` kernels and ``N K`` outputs of ``n`` cells, at
about ``5 n log2 n`` operations each and a much lower speed, plus one complex product for each frequency and channel
pair; the kernel's size does not appear. So there is a size of kernel from which on Fourier wins.
"""

from __future__ import annotations

from math import log2, prod
from typing import Any

from lecture5 import arguments
from lecture5.conv.settings import Settings

TRANSFORM_COST = 8.0
"""How much slower one operation of a Fourier transform is than one of a matrix product (measured)."""


def fastest(product: str, a: Any, b: Any, x_shape: tuple, w_shape: tuple, settings: Settings) -> str:
    """Return the name of the method that should need the least time."""
    is_tensor = arguments.is_tensor(a)
    plain = "torch" if is_tensor and len(x_shape) <= 5 else "gemm"
    exact = not (a.dtype.is_floating_point if is_tensor else a.dtype.kind in "fc")
    if exact or gemm_cost(x_shape, w_shape, settings) <= fourier_cost(x_shape, w_shape, settings):
        return plain
    return "fourier"


def gemm_cost(x_shape: tuple, w_shape: tuple, settings: Settings) -> float:
    """Return the operations of the matrix products."""
    return 2 * x_shape[0] * prod(w_shape) * prod(settings.output_size(x_shape[2:], w_shape[2:]))


def fourier_cost(x_shape: tuple, w_shape: tuple, settings: Settings) -> float:
    """Return the operations of the transforms and of the products of frequencies, weighted by their speed."""
    cells = prod(settings.padded_size(x_shape[2:]))
    samples, in_channels, out_channels = x_shape[0], x_shape[1], w_shape[0]
    transforms = samples * in_channels + out_channels * w_shape[1] + samples * out_channels
    products = samples * out_channels * w_shape[1]
    return TRANSFORM_COST * cells * (5 * log2(max(cells, 2)) * transforms / 2 + 4 * products)
