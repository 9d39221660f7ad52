"""The one convolution behind conv1d, conv2d and conv3d: check, then hand over to a method.

A convolution is bilinear, so training needs three products of it. Each method is a module with the same three
functions, which are given operands that are checked already::

    forward(x, w, settings)                                y, (N, K, *output)
    input_grad(grad_output, w, input_size, settings)       the gradient by x, (N, C, *input)
    weight_grad(grad_output, x, kernel_size, settings)     the gradient by w, (K, C / groups, *kernel)
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import cost, operands
from lecture5.conv.settings import Settings
from lecture5.padding import PADDING_MODES, pad

CONV_METHODS = ("auto", "direct", "windows", "gemm", "fourier", "winograd", "matrix", "torch")
TENSOR_METHODS = ("fourier", "torch")
"""The methods that compute with tensors as they are; for the others, :mod:`lecture5.conv.autograd` makes arrays."""
FRACTIONAL_METHODS = ("fourier", "winograd")
"""The methods whose intermediate numbers are no integers: theirs are rounded, and exact up to about 2**50."""


def conv(
    dimensions: int,
    x: Any,
    w: Any,
    bias: Any,
    stride: int | Sequence[int],
    padding: int | str | Sequence,
    dilation: int | Sequence[int],
    groups: int,
    padding_mode: str,
    method: str,
) -> Any:
    """Return the cross-correlation of ``x`` and ``w`` over ``dimensions`` spatial axes; see :func:`lecture5.conv2d`."""
    arguments.choice("padding_mode", padding_mode, PADDING_MODES)
    x, w, *bias = operands.alike(x=x, w=w) if bias is None else operands.alike(x=x, w=w, bias=bias)
    operands.check_axes("x", x.shape, dimensions)
    operands.check_kernel(w.shape, dimensions, groups)
    operands.check_channels(x.shape, w.shape, groups)
    for vector in bias:
        operands.check_bias(vector.shape, len(w))
    settings = operands.checked_settings(x.shape[2:], w.shape[2:], stride, padding, dilation, groups)
    if padding_mode != "zeros":
        x, settings = pad(x, settings.padding, padding_mode), settings.without_padding()
    y = forward(x, w, settings, method)
    for vector in bias:
        y += vector.reshape(-1, *(1,) * dimensions)
    return y


def forward(x: Any, w: Any, settings: Settings, method: str) -> Any:
    """Return the output, by ``method``."""
    return _product("forward", x, w, (), x.shape, w.shape, settings, method)


def input_grad(grad_output: Any, w: Any, input_size: tuple[int, ...], settings: Settings, method: str) -> Any:
    """Return the gradient by the input, by ``method``."""
    x_shape = (len(grad_output), w.shape[1] * settings.groups, *input_size)
    return _product("input_grad", grad_output, w, (input_size,), x_shape, w.shape, settings, method)


def weight_grad(grad_output: Any, x: Any, kernel_size: tuple[int, ...], settings: Settings, method: str) -> Any:
    """Return the gradient by the kernel, by ``method``."""
    w_shape = (grad_output.shape[1], x.shape[1] // settings.groups, *kernel_size)
    return _product("weight_grad", grad_output, x, (kernel_size,), x.shape, w_shape, settings, method)


def _product(
    product: str, a: Any, b: Any, sizes: tuple, x_shape: tuple, w_shape: tuple, settings: Settings, method: str
) -> Any:
    arguments.choice("method", method, CONV_METHODS)
    if x_shape[0] == 0:
        return _product_of_empty_batch(product, a, b, sizes, x_shape, w_shape, settings)
    if method == "auto":
        method = cost.fastest(product, a, b, x_shape, w_shape, settings)
    dtype = _computing_dtype(method, a)
    if dtype != a.dtype:
        result = _product(product, _cast(a, dtype), _cast(b, dtype), sizes, x_shape, w_shape, settings, method)
        return _cast(result if _is_floating(a) else result.round(), a.dtype)
    module = import_module(f"lecture5.conv.{method}")
    if arguments.is_tensor(a) and method not in TENSOR_METHODS:
        from lecture5.conv import autograd

        return getattr(autograd, product)(module, a, b, *sizes, settings)
    return getattr(module, product)(a, b, *sizes, settings)


def _computing_dtype(method: str, array: Any) -> Any:
    """Return the dtype to compute in: sums need more digits than half precision has, some methods need fractions."""
    if arguments.is_tensor(array):
        import torch as kind

        half = (kind.float16, kind.bfloat16) if method != "torch" else ()
    else:
        kind, half = np, (np.float16,)
    if array.dtype in half:
        return kind.float32
    return array.dtype if _is_floating(array) or method not in FRACTIONAL_METHODS else kind.float64


def _is_floating(array: Any) -> bool:
    """Whether it holds real or complex fractions, and not integers."""
    if arguments.is_tensor(array):
        return array.dtype.is_floating_point or array.dtype.is_complex
    return array.dtype.kind in "fc"


def _cast(array: Any, dtype: Any) -> Any:
    return array.to(dtype) if arguments.is_tensor(array) else array.astype(dtype)


def _product_of_empty_batch(
    product: str, a: Any, b: Any, sizes: tuple, x_shape: tuple, w_shape: tuple, settings: Settings
) -> Any:
    """Return an empty output or input gradient, or a zero weight gradient; no method has to think of it."""
    if arguments.is_tensor(a):
        return getattr(import_module("lecture5.conv.torch"), product)(a, b, *sizes, settings)
    output_size = settings.output_size(x_shape[2:], w_shape[2:])
    shapes = {"forward": (0, w_shape[0], *output_size), "input_grad": x_shape, "weight_grad": w_shape}
    return np.zeros(shapes[product], a.dtype)
