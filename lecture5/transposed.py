"""Transposed convolution, three ways that agree.

A convolution is a matrix W times its input. The transposed convolution is Wᵀ times *its* input: it goes from something
of the size of the output back to something of the size of the input. It is the map by which gradients flow back through
a convolution, and a layer that makes images larger. It is not the inverse: WᵀW is not the identity, and what always
holds is ⟨W x, y⟩ = ⟨x, Wᵀ y⟩.

The three ways, for stride ``s`` and dilation ``d``:

*   ``matrix``: write down W, transpose it, multiply.
*   ``scatter``: each input cell stamps the kernel, times its value, on the output, the stamps ``s`` cells apart; where
    they overlap, they add up.
*   ``zero_stuffing``: put ``s - 1`` zeros between the input's cells, and convolve with the flipped kernel at stride 1.
    So what a stride becomes when it is transposed is a dilation *of the input*, not of the kernel.

Each way makes the *full* output, of ``(input - 1) s + d (kernel - 1) + 1`` cells. The convolution's padding gave cells
to the input, so the transposed one takes them away again: ``padding`` cells are cut off on each side. The convolution's
floor may have left cells at the end without any window, and ``output_padding`` brings that many back.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.arithmetic import conv_transpose_output_size
from lecture5.conv import core, operands
from lecture5.conv.gradients import adjoint_kernel, stuff_zeros
from lecture5.conv.settings import Settings
from lecture5.matrices import conv_matrix
from lecture5.padding import pad
from lecture5.taps import taps

CONV_TRANSPOSE_METHODS = ("auto", "matrix", "scatter", "zero_stuffing", "torch")

PerAxis = int | Sequence[int]


def conv_transpose1d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    method: str = "auto",
) -> Any:
    """Return the 1-D transposed convolution of ``x``, (N, C_in, length), by ``w``, (C_in, C_out / groups, kernel).

    Everything is as in :func:`conv_transpose2d`, with one spatial axis.

    Examples
    --------
    Two stamps of the kernel, two cells apart, which overlap in one cell:

    >>> conv_transpose1d([[[1, 10]]], [[[1, 2, 3]]], stride=2)
    array([[[ 1,  2, 13, 20, 30]]])
    """
    return _conv_transpose(1, x, w, bias, stride, padding, output_padding, dilation, groups, method)


def conv_transpose2d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    method: str = "auto",
) -> Any:
    """Return the transposed convolution of ``x`` by ``w``: Wᵀ x, where W is the matrix of the convolution with ``w``.

    Parameters
    ----------
    x : array or tensor, (N, C_in, height, width)
        The input, shaped like the *output* of the convolution.
    w : array or tensor, (C_in, C_out / groups, kernel height, kernel width)
        The convolution's kernel as it is. That convolution goes from C_out channels to C_in, so the axes seem to be
        exchanged.
    bias : array or tensor, (C_out,), optional
        What is added to each output channel.
    stride, padding, dilation, groups
        Those of the convolution: an integer, or one per axis. A larger stride makes the output larger, and more padding
        makes it smaller.
    output_padding
        Cells that the output has more at the end of an axis; less than the stride or the dilation. It chooses among
        the input sizes from which the convolution leads to the size of ``x``.
    method : {"auto", "matrix", "scatter", "zero_stuffing", "torch"}
        See the top of this module. ``"auto"`` is torch for tensors; for arrays it is zero stuffing at stride 1, where
        there is nothing to stuff and the fastest convolution is used, and scatter otherwise.

    Returns
    -------
    array or tensor, (N, C_out, height, width)
        An array, or a tensor (on the same device, and differentiable) if an operand is one. The size is
        :func:`lecture5.conv_transpose_output_size`.

    Raises
    ------
    ValueError
        If the channels do not match, nothing is left of the output, or an argument is out of range.
    TypeError
        If an operand does not hold real numbers, or a size is not an integer.

    References
    ----------
    V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning* (2016), chapter 4. M. Zeiler,
    D. Krishnan, G. Taylor and R. Fergus, *Deconvolutional networks* (2010).

    Examples
    --------
    The lecture's example: the slide multiplies the transpose of its 4×9 matrix by [1, 2, 2, 4].

    >>> conv_transpose2d([[[[1, 2], [2, 4]]]], [[[[1, 2], [2, 1]]]])[0, 0]
    array([[ 1,  4,  4],
           [ 4, 13, 10],
           [ 4, 10,  4]])
    """
    return _conv_transpose(2, x, w, bias, stride, padding, output_padding, dilation, groups, method)


def conv_transpose3d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    method: str = "auto",
) -> Any:
    """Return the 3-D transposed convolution of ``x``, (N, C_in, depth, height, width), by ``w``.

    Everything is as in :func:`conv_transpose2d`, with three spatial axes.

    Examples
    --------
    >>> conv_transpose3d(np.ones((1, 1, 2, 3, 4)), np.ones((1, 1, 2, 2, 2)), stride=2).shape
    (1, 1, 4, 6, 8)
    """
    return _conv_transpose(3, x, w, bias, stride, padding, output_padding, dilation, groups, method)


def _conv_transpose(
    dimensions: int,
    x: Any,
    w: Any,
    bias: Any,
    stride: PerAxis,
    padding: PerAxis,
    output_padding: PerAxis,
    dilation: PerAxis,
    groups: int,
    method: str,
) -> Any:
    """Check, make the full output by ``method``, and cut it to size."""
    arguments.choice("method", method, CONV_TRANSPOSE_METHODS)
    x, w, *bias = operands.alike(x=x, w=w) if bias is None else operands.alike(x=x, w=w, bias=bias)
    operands.check_axes("x", x.shape, dimensions)
    _check_kernel(x.shape, w.shape, groups)
    for vector in bias:
        operands.check_bias(vector.shape, w.shape[1] * groups)
    stride = arguments.per_axis("stride", stride, dimensions, minimum=1)
    dilation = arguments.per_axis("dilation", dilation, dimensions, minimum=1)
    padding = arguments.per_axis("padding", padding, dimensions, minimum=0)
    output_padding = arguments.per_axis("output_padding", output_padding, dimensions, minimum=0)
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation, strict=True)
    output_size = tuple(conv_transpose_output_size(*axis) for axis in axes)

    if method == "auto":
        method = "torch" if arguments.is_tensor(x) else "zero_stuffing" if max(stride) == 1 else "scatter"
    dtype = x.dtype
    if dtype == np.float16:  # Sums of half-precision numbers are made in single precision, as in a convolution.
        x, w, *bias = (operand.astype(np.float32) for operand in (x, w, *bias))
    full = _METHODS[method](x, w, stride, dilation, groups)
    full = pad(full, [(0, cells) for cells in output_padding])
    y = full[:, :, *(slice(before, before + size) for before, size in zip(padding, output_size, strict=True))]
    for vector in bias:
        y = y + vector.reshape(-1, *(1,) * dimensions)
    return y.astype(dtype, copy=False) if isinstance(y, np.ndarray) else y


def _by_matrix(x: Any, w: Any, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Any:
    """Multiply by the transpose of the convolution's matrix."""
    output_shape = (w.shape[1] * groups, *_full_size(x.shape[2:], w.shape[2:], stride, dilation))
    matrix = conv_matrix(w, output_shape, stride=stride, dilation=dilation, groups=groups)
    columns = matrix.T @ x.reshape(len(x), prod(x.shape[1:])).T
    return columns.T.reshape(len(x), *output_shape)


def _by_scatter(x: Any, w: Any, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Any:
    """Stamp the kernel on the output, one tap of all stamps at a time."""
    samples, in_channels, *input_size = x.shape
    out_channels = w.shape[1] * groups
    shape = (samples, groups, w.shape[1], *_full_size(input_size, w.shape[2:], stride, dilation))
    full = x.new_zeros(shape) if arguments.is_tensor(x) else np.zeros(shape, x.dtype)
    x = x.reshape(samples, groups, in_channels // groups, prod(input_size))
    w = w.reshape(groups, in_channels // groups, *w.shape[1:])
    for tap, cells in taps(full, w.shape[3:], input_size, stride, dilation):
        stamped = w[..., *tap].swapaxes(1, 2) @ x  # (groups, C_out / groups, C_in / groups) times (..., positions)
        cells += stamped.reshape(cells.shape)
    return full.reshape(samples, out_channels, *full.shape[3:])


def _by_zero_stuffing(x: Any, w: Any, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Any:
    """Convolve the zero-stuffed input with the flipped kernel, at every position where the two overlap at all."""
    reach = [gap * (size - 1) for gap, size in zip(dilation, w.shape[2:], strict=True)]
    settings = Settings((1,) * len(reach), tuple((cells, cells) for cells in reach), dilation, groups)
    return core.forward(stuff_zeros(x, stride), adjoint_kernel(w, groups), settings, "auto")


def _by_torch(x: Any, w: Any, stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> Any:
    import torch

    if not arguments.is_tensor(x):
        tensors = [torch.from_numpy(np.require(array, requirements=("C", "W"))) for array in (x, w)]
        return _by_torch(*tensors, stride, dilation, groups).numpy()
    convolve = getattr(torch.nn.functional, f"conv_transpose{x.ndim - 2}d")
    return convolve(x, w, None, stride, 0, 0, groups, dilation)


_METHODS = {"matrix": _by_matrix, "scatter": _by_scatter, "zero_stuffing": _by_zero_stuffing, "torch": _by_torch}


def _full_size(
    input_size: Sequence[int], kernel_size: Sequence[int], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, ...]:
    axes = zip(input_size, kernel_size, stride, dilation, strict=True)
    return tuple(conv_transpose_output_size(size, length, step, dilation=gap) for size, length, step, gap in axes)


def _check_kernel(x_shape: Sequence[int], w_shape: Sequence[int], groups: int) -> None:
    """Raise unless ``w`` is (C_in, C_out / groups, *kernel), with the channels of ``x``."""
    arguments.integer("groups", groups, minimum=1)
    if len(w_shape) != len(x_shape) or 0 in w_shape:
        layout = ", ".join(("C_in", "C_out / groups", *operands.AXES[len(x_shape) - 2]))
        raise ValueError(f"w has shape {tuple(w_shape)}, but it must be ({layout}), each at least 1")
    if w_shape[0] != x_shape[1]:
        raise ValueError(
            f"w has shape {tuple(w_shape)}, so it reads {w_shape[0]} input channels, but x has {x_shape[1]}: w must be"
            f" {(x_shape[1], *w_shape[1:])} (input channels first, unlike in a convolution)"
        )
    if x_shape[1] % groups:
        raise ValueError(f"groups is {groups}, but it must divide the number of input channels, {x_shape[1]}")
