"""The operands of a convolution, made alike and checked: every public function passes through here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv.settings import Settings
from lecture5.padding import resolve_padding

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def alike(*, allow_complex: bool = False, **operands: Any) -> list:
    """Return the operands as arrays of one dtype or, if one of them is a tensor, as tensors of one dtype and device.

    The dtype is the one that numpy (or torch) gives to a sum of such numbers. Integers become at least 64 bits wide,
    as in ``np.sum``: an 8-bit image would overflow with the second tap.

    Examples
    --------
    >>> x, w = alike(x=np.ones(3, np.uint8), w=[-1, 2])
    >>> x.dtype, w.dtype
    (dtype('int64'), dtype('int64'))
    """
    if any(arguments.is_tensor(value) for value in operands.values()):
        return _alike_tensors(operands, allow_complex)
    arrays = [arguments.numeric_array(name, value, allow_complex=allow_complex) for name, value in operands.items()]
    dtype = np.result_type(*(array.dtype for array in arrays))
    if dtype.kind in "iu":
        dtype = np.result_type(dtype, np.int64)
    return [array.astype(dtype, copy=False) for array in arrays]


def _alike_tensors(operands: dict[str, Any], allow_complex: bool) -> list:
    import torch

    device = next(value.device for value in operands.values() if arguments.is_tensor(value))
    tensors = []
    for name, value in operands.items():
        if not arguments.is_tensor(value):
            value = torch.tensor(arguments.numeric_array(name, value, allow_complex=allow_complex), device=device)
        if value.device != device:
            raise ValueError(f"{name} is on device {value.device}, but another operand is on {device}: move it there")
        if value.is_complex() and not allow_complex:
            raise TypeError(f"{name} has dtype {value.dtype}, but it must hold numbers (integers or floats)")
        tensors.append(value)
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in tensors))
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = torch.int64
    return [tensor.to(dtype) for tensor in tensors]


def spatial_axes(name: str, shape: Sequence[int]) -> int:
    """Return how many spatial axes an operand with two others has: 1, 2 or 3."""
    if len(shape) - 2 not in AXES:
        raise ValueError(
            f"{name} has shape {tuple(shape)}, {len(shape)} axes, but it must have 3, 4 or 5: 2 + *spatial"
        )
    return len(shape) - 2


def check_same_axes(a_shape: Sequence[int], b_shape: Sequence[int]) -> None:
    """Raise unless both have the same number of axes, at least one, and none of them is empty."""
    if len(a_shape) != len(b_shape) or not a_shape or 0 in a_shape or 0 in b_shape:
        raise ValueError(
            f"a has shape {tuple(a_shape)} and b has shape {tuple(b_shape)}, but they need the same number of axes,"
            " at least one, and no empty one"
        )


def check_axes(name: str, shape: Sequence[int], dimensions: int) -> None:
    """Raise unless ``shape`` is (N, C, *spatial) with ``dimensions`` spatial axes; N may be 0, nothing else may."""
    layout = f"(N, C, {', '.join(AXES[dimensions])})"
    missing = dimensions + 2 - len(shape)
    if missing:
        remedy = ""
        if missing in (1, 2):
            kind = "one sample" if missing == 1 else "one sample with one channel"
            remedy = f": for {kind}, write {name}[{', '.join(['None'] * missing)}]"
        raise ValueError(f"{name} has shape {tuple(shape)}, {len(shape)} axes, but it must be {layout}{remedy}")
    if 0 in shape[1:]:
        raise ValueError(f"{name} has shape {tuple(shape)}, but of {layout} only N may be 0")


def checked_shape(name: str, shape: Any, dimensions: int) -> tuple[int, ...]:
    """Return a shape that was given as such, (N, C, *spatial), as a tuple of ints."""
    if not isinstance(shape, (tuple, list, np.ndarray)) or len(shape) != dimensions + 2:
        layout = f"(N, C, {', '.join(AXES[dimensions])})"
        raise ValueError(f"{name} is {shape!r}, but it must be the input's whole shape, {layout}")
    shape = tuple(arguments.integer(f"{name}[{axis}]", size, minimum=0) for axis, size in enumerate(shape))
    check_axes(name, shape, dimensions)
    return shape


def check_kernel(shape: Sequence[int], dimensions: int, groups: int) -> None:
    """Raise unless ``shape`` is (out_channels, in_channels / groups, *kernel) with ``dimensions`` spatial axes."""
    if len(shape) != dimensions + 2:
        layout = f"(out_channels, in_channels / groups, {', '.join(AXES[dimensions])})"
        raise ValueError(f"w has shape {tuple(shape)}, {len(shape)} axes, but it must be {layout}")
    if 0 in shape:
        raise ValueError(f"w has shape {tuple(shape)}, but each of its sizes must be at least 1")
    arguments.integer("groups", groups, minimum=1)
    if shape[0] % groups:
        raise ValueError(f"groups is {groups}, but it must divide the number of output channels, {shape[0]}")


def check_channels(x_shape: Sequence[int], w_shape: Sequence[int], groups: int) -> None:
    """Raise unless the kernel reads as many channels as the input has."""
    if x_shape[1] % groups:
        raise ValueError(f"groups is {groups}, but it must divide the number of input channels, {x_shape[1]}")
    if w_shape[1] * groups != x_shape[1]:
        reads = f"{w_shape[1]} input channels" if groups == 1 else f"{w_shape[1]} × {groups} groups input channels"
        raise ValueError(
            f"w has shape {tuple(w_shape)}, so it reads {reads}, but the input has {x_shape[1]}: w must be"
            f" {(w_shape[0], x_shape[1] // groups, *w_shape[2:])}"
        )


def check_bias(shape: Sequence[int], out_channels: int) -> None:
    """Raise unless there is one bias per output channel."""
    if tuple(shape) != (out_channels,):
        raise ValueError(
            f"bias has shape {tuple(shape)}, but it must be ({out_channels},), one for each output channel"
        )


def checked_settings(
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: int | Sequence[int],
    padding: int | str | Sequence,
    dilation: int | Sequence[int],
    groups: int,
) -> Settings:
    """Return the settings with one entry per axis, after making sure that the kernel fits into the padded input."""
    dimensions = len(kernel_size)
    stride = arguments.per_axis("stride", stride, dimensions, minimum=1)
    dilation = arguments.per_axis("dilation", dilation, dimensions, minimum=1)
    settings = Settings(stride, resolve_padding(padding, kernel_size, stride, dilation), dilation, groups)
    span, padded = settings.span(kernel_size), settings.padded_size(input_size)
    if any(reach > size for reach, size in zip(span, padded, strict=True)):
        raise ValueError(
            f"the kernel has size {tuple(kernel_size)} and dilation {dilation}, so it spans {span} cells, but the"
            f" padded input has only {padded}: take a smaller kernel or dilation, or pad more"
        )
    return settings


def check_grad_output(shape: Sequence[int], x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings) -> None:
    """Raise unless ``shape`` is that of the convolution's output."""
    expected = (x_shape[0], w_shape[0], *settings.output_size(x_shape[2:], w_shape[2:]))
    if tuple(shape) != expected:
        raise ValueError(f"grad_output has shape {tuple(shape)}, but the output of this convolution has {expected}")
