"""A 2-D convolution for GPUs, as an *implicit* matrix product, in Triton.

A convolution is a matrix product once its windows are laid out as rows: the output, (positions, K), is the matrix of
windows, (positions, C kh kw), times the weights, (C kh kw, K). Writing that matrix to memory would cost kh kw times the
input. The kernel below never does: each program computes one tile of the output, and gathers the windows' entries
that it needs straight from the input, a slice of the sum at a time.

Where there is no NVIDIA GPU the same lines run through Triton's interpreter: slowly, but one can print what they do.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
import triton
import triton.language as tl
from torch import Tensor

from ..arguments import per_axis
from ..arithmetic import conv_output_size


def _jit(kernel: Callable) -> Callable:
    """``triton.jit``, or its interpreter where there is no GPU to compile for."""
    if torch.cuda.is_available():
        return triton.jit(kernel)
    before = os.environ.get("TRITON_INTERPRET")
    os.environ["TRITON_INTERPRET"] = "1"  # triton.jit looks at it once, when it is applied
    try:
        return triton.jit(kernel)
    finally:
        if before is None:
            del os.environ["TRITON_INTERPRET"]
        else:
            os.environ["TRITON_INTERPRET"] = before


@_jit
def _implicit_gemm(
    x, w, bias, y,
    batch, channels, height, width, filters, out_height, out_width,
    x_stride_n, x_stride_c, x_stride_h, x_stride_w,
    stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, HAS_BIAS: tl.constexpr, PRECISION: tl.constexpr,
    POSITIONS: tl.constexpr, FILTERS: tl.constexpr, SLICE: tl.constexpr,
):  # fmt: skip
    # This program's tile of the output: which positions (rows), and which filters (columns).
    position = tl.program_id(0) * POSITIONS + tl.arange(0, POSITIONS)
    filter = tl.program_id(1) * FILTERS + tl.arange(0, FILTERS)
    # Row-major: a position is (image, row, column) of the output.
    column = position % out_width
    row = (position // out_width) % out_height
    image = position // (out_width * out_height)
    # Where each position's window begins in the input; outside the image it is padding.
    top = row * stride_h - padding_h
    left = column * stride_w - padding_w
    start = image.to(tl.int64) * x_stride_n  # 64 bits: a batch can have more than 2³¹ numbers

    total = tl.full((POSITIONS, FILTERS), 0.0, dtype=tl.float32)
    terms = channels * KERNEL_H * KERNEL_W
    for first in range(0, terms, SLICE):
        # A term of the sum is (channel, kernel row, kernel column).
        term = first + tl.arange(0, SLICE)
        channel = term // (KERNEL_H * KERNEL_W)
        h = top[:, None] + ((term // KERNEL_W) % KERNEL_H * dilation_h)[None, :]
        v = left[:, None] + (term % KERNEL_W * dilation_w)[None, :]
        inside = (h >= 0) & (h < height) & (v >= 0) & (v < width)
        inside &= (image < batch)[:, None] & (term < terms)[None, :]
        address = start[:, None] + channel[None, :] * x_stride_c + h * x_stride_h + v * x_stride_w
        windows = tl.load(x + address, mask=inside, other=0.0)  # (POSITIONS, SLICE)
        known = (term < terms)[:, None] & (filter < filters)[None, :]
        weights = tl.load(w + filter[None, :] * terms + term[:, None], mask=known, other=0.0)  # (SLICE, FILTERS)
        total = tl.dot(windows, weights, total, input_precision=PRECISION)
    if HAS_BIAS:
        total += tl.load(bias + filter, mask=filter < filters, other=0.0)[None, :]

    plane = out_height * out_width
    address = (image.to(tl.int64) * filters * plane + row * out_width + column)[:, None] + filter[None, :] * plane
    tl.store(y + address, total.to(y.dtype.element_ty), mask=(image < batch)[:, None] & (filter < filters)[None, :])


def conv2d(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    tf32: bool = False,
    tile: tuple[int, int, int] = (64, 64, 32),
) -> Tensor:
    """Return the 2-D cross-correlation of ``x`` with ``w``, forward only, like ``torch.nn.functional.conv2d``.

    Parameters
    ----------
    x
        (N, C, H, W), in any memory layout: channels-last needs no copy.
    w
        (K, C, kh, kw).
    bias
        (K,), or none.
    stride, padding, dilation
        An integer, or one for each axis.
    tf32
        Whether float32 products may round their factors to TF32 (see :func:`lecture5.gpu.round_to_tf32`): several
        times faster on GPUs that have it, and about a thousand times less exact.
    tile
        How many positions and filters one program computes, and how many terms of the sum it takes at a time; powers
        of two, 16 or more.

    Returns
    -------
    Tensor
        (N, K, H_out, W_out), contiguous, of the dtype of ``x``. Sums are kept in float32.

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or devices do not fit together.

    Examples
    --------
    >>> x = torch.arange(12.0).reshape(1, 1, 3, 4)
    >>> w = torch.tensor([[[[0.0, 1.0], [2.0, 0.0]]]])
    >>> conv2d(x, w, tile=(16, 16, 16))
    tensor([[[[ 9., 12., 15.],
              [21., 24., 27.]]]])
    """
    _check(x, w, bias)
    stride, dilation = per_axis("stride", stride, 2, minimum=1), per_axis("dilation", dilation, 2, minimum=1)
    padding = per_axis("padding", padding, 2, minimum=0)
    batch, channels, height, width = x.shape
    filters, _, *kernel_size = w.shape
    out_height, out_width = map(conv_output_size, (height, width), kernel_size, stride, padding, dilation)
    y = torch.empty((batch, filters, out_height, out_width), dtype=x.dtype, device=x.device)
    positions, columns, terms = tile
    grid = (triton.cdiv(batch * out_height * out_width, positions), triton.cdiv(filters, columns))
    _implicit_gemm[grid](
        x, w.contiguous(), bias, y,
        batch, channels, height, width, filters, out_height, out_width,
        *x.stride(), *stride, *padding, *dilation,
        KERNEL_H=kernel_size[0], KERNEL_W=kernel_size[1], HAS_BIAS=bias is not None,
        PRECISION="tf32" if tf32 else "ieee",
        POSITIONS=positions, FILTERS=columns, SLICE=terms,
    )  # fmt: skip
    return y


def _check(x: Tensor, w: Tensor, bias: Tensor | None) -> None:
    for name, tensor, axes in (("x", x, 4), ("w", w, 4), ("bias", bias, 1)):
        if tensor is None and name == "bias":
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} is {type(tensor).__name__}, but it must be a torch tensor")
        if tensor.dim() != axes:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, but it must have {axes} axes")
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16) or tensor.dtype != x.dtype:
            raise TypeError(f"{name} is {tensor.dtype}, but x, w and bias must all be float32, float16 or bfloat16")
        if tensor.device != x.device:
            raise ValueError(f"{name} is on {tensor.device}, but x is on {x.device}: move one of them")
    if w.shape[1] != x.shape[1]:
        raise ValueError(
            f"w has {w.shape[1]} channels, but x has {x.shape[1]}: they must be equal (there are no groups)"
        )
    if bias is not None and bias.shape != w.shape[:1]:
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}, but w has {w.shape[0]} filters: it must be ({w.shape[0]},)"
        )
    if x.device.type != "cuda" and torch.cuda.is_available():
        raise ValueError(f"x is on {x.device}, but the kernel was compiled for the GPU: move x, w and bias to 'cuda'")
    if x.dtype == torch.bfloat16 and not torch.cuda.is_available():
        # It keeps bfloat16 as 16-bit integers, and its dot product (Triton 3.9) multiplies those.
        raise TypeError("x is torch.bfloat16, which Triton's interpreter multiplies wrongly: use float32 or float16")
