"""The layer as a matrix: the lecture's "W₁ = ?", answered for its three layers.

Every layer without its bias is a matrix times the input, read row by row as one long vector. What differs is which
entries of the matrix may be other than zero, and which of them must be equal:

============================  ==============================  ================================================
layer                         unit (o, i, j) is connected to  weights
============================  ==============================  ================================================
fully connected               every input                     all free: ``(C_out, *output, C_in, *input)``
locally connected             its window                      all free: ``(C_out, *output, C_in, *kernel)``
convolution                   its window                      tied, the same in all windows: ``(C_out, C_in, *kernel)``
============================  ==============================  ================================================

So a convolution is a locally connected layer whose weights do not depend on the position, which is how
:func:`conv_matrix` is written, and a locally connected layer is a fully connected one most of whose weights are zero.

In two dimensions the matrix of a convolution (one channel, stride 1) is *doubly block Toeplitz*: cut into blocks, one
for each pair of an output row and an input row, equal blocks lie along the diagonals, and in each block equal numbers
lie along the diagonals. It is how "the same weights everywhere" looks in a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from lecture5 import arguments
from lecture5.conv import operands
from lecture5.conv.settings import Settings
from lecture5.padding import pad
from lecture5.taps import taps


def fully_connected_matrix(w: Any, input_shape: Sequence[int]) -> Any:
    """Return the matrix of a fully connected layer: a weight for every unit and every input.

    Parameters
    ----------
    w : array or tensor, (*output_shape, *input_shape)
        ``w[o, i, j]`` holds one weight for each input of unit ``(o, i, j)``; it is as large as the whole input.
    input_shape
        ``(C_in, *spatial)``, without the batch.

    Returns
    -------
    array or tensor, (prod(output_shape), prod(input_shape))
        Rows and columns are in row-major order.

    Raises
    ------
    ValueError
        If the shape of ``w`` does not end with ``input_shape``.

    Examples
    --------
    Four units, each connected to all nine pixels of an image:

    >>> fully_connected_matrix(np.ones((1, 2, 2, 1, 3, 3)), (1, 3, 3)).shape
    (4, 9)
    """
    [w] = operands.alike(w=w)
    input_shape = _sizes(input_shape)
    if w.ndim <= len(input_shape) or tuple(w.shape[-len(input_shape) :]) != input_shape:
        raise ValueError(
            f"w has shape {tuple(w.shape)}, but it must be (*output_shape, *input_shape), and so end with {input_shape}"
        )
    return w.reshape(-1, prod(input_shape))


def locally_connected_matrix(
    w: Any,
    input_shape: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    sparse: bool = True,
) -> Any:
    """Return the matrix of a locally connected layer: each unit sees its window, with weights of its own.

    Parameters
    ----------
    w : array or tensor, (C_out, *output, C_in / groups, *kernel_size)
        ``w[o, i, j]`` is the filter that only output unit ``(o, i, j)`` uses.
    input_shape
        ``(C_in, *spatial)``, without the batch.
    stride, padding, dilation, groups
        As for :func:`lecture5.conv2d`.
    sparse
        Whether to store only the connections: a ``scipy.sparse.csr_array``, or a sparse COO tensor for a tensor.
        Weights that are zero are stored too, so that the pattern does not depend on the weights.

    Returns
    -------
    (C_out * prod(output), C_in * prod(spatial)) array, sparse array or tensor
        Rows are the units ``(C_out, *output)`` and columns the inputs ``(C_in, *spatial)``, both in row-major order.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit together, or a setting is out of range.

    Examples
    --------
    Three units with a window of two, in one dimension:

    >>> w = [[[[1, 2]], [[3, 4]], [[5, 6]]]]
    >>> locally_connected_matrix(w, (1, 4), sparse=False)
    array([[1, 2, 0, 0],
           [0, 3, 4, 0],
           [0, 0, 5, 6]])
    """
    [w] = operands.alike(w=w)
    filters = _filters_shape(w.shape)
    input_shape, settings = _checked(filters, input_shape, stride, padding, dilation, groups)
    rows, columns, connected = _connections(filters, input_shape, settings)
    _check_untied_shape("w", w, connected.shape)
    return _fill(rows, columns, w, connected, input_shape, sparse)


def conv_matrix(
    w: Any,
    input_shape: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    sparse: bool = True,
) -> Any:
    """Return the matrix of a convolution: each unit sees its window, and all windows share one set of weights.

    With ``W = conv_matrix(w, x.shape[1:], ...)``, ``W @ x[0].ravel()`` is ``conv2d(x, w, ...)[0].ravel()``, and its
    transpose is the transposed convolution.

    Parameters
    ----------
    w : array or tensor, (C_out, C_in / groups, *kernel_size)
    input_shape
        ``(C_in, *spatial)``, without the batch.
    stride, padding, dilation, groups
        As for :func:`lecture5.conv2d`. The padding is with zeros, so what a window reads there is no connection.
    sparse
        As for :func:`locally_connected_matrix`.

    Returns
    -------
    (C_out * prod(output), C_in * prod(spatial)) array, sparse array or tensor
        Rows are the units ``(C_out, *output)`` and columns the inputs ``(C_in, *spatial)``, both in row-major order.

    Raises
    ------
    ValueError, TypeError
        If the channels do not match, the kernel is larger than the padded input, or a setting is out of range.

    References
    ----------
    V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning* (2016), section 4.1.

    Examples
    --------
    The 4×9 matrix of the slide "Transposed Convolution", and what it makes of the slide's image:

    >>> W = conv_matrix([[[[1, 2], [2, 1]]]], (1, 3, 3), sparse=False)
    >>> W
    array([[1, 2, 0, 2, 1, 0, 0, 0, 0],
           [0, 1, 2, 0, 2, 1, 0, 0, 0],
           [0, 0, 0, 1, 2, 0, 2, 1, 0],
           [0, 0, 0, 0, 1, 2, 0, 2, 1]])
    >>> W @ [1, 2, 3, 6, 5, 3, 1, 4, 1]
    array([22, 21, 22, 20])
    >>> (W.T @ [1, 2, 2, 4]).reshape(3, 3)
    array([[ 1,  4,  4],
           [ 4, 13, 10],
           [ 4, 10,  4]])
    """
    [w] = operands.alike(w=w)
    input_shape, settings = _checked(w.shape, input_shape, stride, padding, dilation, groups)
    rows, columns, connected = _connections(w.shape, input_shape, settings)
    tied = w.reshape(w.shape[0], *(1,) * (w.ndim - 2), *w.shape[1:])
    return _fill(rows, columns, tied, connected, input_shape, sparse)


def locally_connected(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Any:
    """Return the output of a locally connected layer: windows as in a convolution, but each has its own weights.

    It is :func:`locally_connected_matrix` times the input, without writing the matrix down.

    Parameters
    ----------
    x : array or tensor, (N, C_in, *spatial)
    w : array or tensor, (C_out, *output, C_in / groups, *kernel_size)
        ``w[o, i, j]`` is the filter that only output unit ``(o, i, j)`` uses.
    bias : array or tensor, (C_out, *output), optional
        One number per unit, as the weights.
    stride, padding, dilation, groups
        As for :func:`lecture5.conv2d`.

    Returns
    -------
    array or tensor, (N, C_out, *output)

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit together, or a setting is out of range.

    Examples
    --------
    The signal 1 1 1 1, of which the first window takes 1 and 2 times its cells, the next 3 and 4, the last 5 and 6:

    >>> w = [[[[1, 2]], [[3, 4]], [[5, 6]]]]
    >>> locally_connected([[[1, 1, 1, 1]]], w)
    array([[[ 3,  7, 11]]])
    """
    x, w, *bias = operands.alike(x=x, w=w) if bias is None else operands.alike(x=x, w=w, bias=bias)
    filters = _filters_shape(w.shape)
    kernel_size = filters[2:]
    operands.check_axes("x", x.shape, len(kernel_size))
    _, settings = _checked(filters, x.shape[1:], stride, padding, dilation, groups)
    output_size = settings.output_size(x.shape[2:], kernel_size)
    _check_untied_shape("w", w, (len(w), *output_size, *filters[1:]))

    # Split the channels into groups: (N, groups, C_in / groups, *spatial), (groups, C_out / groups, *output, ...).
    x = pad(x, settings.padding)
    x = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
    w = w.reshape(groups, len(w) // groups, *w.shape[1:])
    y = 0
    for tap, cells in taps(x, kernel_size, output_size, settings.stride, settings.dilation):
        y = y + _einsum(cells)("ngc...,go...c->ngo...", cells, w[..., *tap])
    y = y.reshape(len(x), filters[0], *output_size)
    for vector in bias:
        _check_untied_shape("bias", vector, y.shape[1:])
        y = y + vector
    return y


def pointwise_conv(x: Any, w: Any, bias: Any = None) -> Any:
    """Return the 1×1 convolution of ``x``, as the matrix product over channels that it is.

    Each position is a vector of ``C_in`` numbers, and all positions are multiplied by the same matrix.

    Parameters
    ----------
    x : array or tensor, (N, C_in, *spatial)
    w : array or tensor, (C_out, C_in)
        The matrix; the kernel of the convolution with its axes of length 1 left out.
    bias : array or tensor, (C_out,), optional

    Returns
    -------
    array or tensor, (N, C_out, *spatial)

    Raises
    ------
    ValueError, TypeError
        If the channels do not match.

    References
    ----------
    M. Lin, Q. Chen and S. Yan, *Network in network* (2014).

    Examples
    --------
    Two channels in, their sum and their difference out, at each of three positions:

    >>> pointwise_conv([[[1, 2, 3], [10, 20, 30]]], [[1, 1], [1, -1]])
    array([[[ 11,  22,  33],
            [ -9, -18, -27]]])
    """
    x, w, *bias = operands.alike(x=x, w=w) if bias is None else operands.alike(x=x, w=w, bias=bias)
    operands.check_axes("x", x.shape, operands.spatial_axes("x", x.shape))
    if w.ndim != 2 or w.shape[1] != x.shape[1]:
        raise ValueError(
            f"w has shape {tuple(w.shape)}, but it must be (C_out, {x.shape[1]}), as x has that many channels"
        )
    y = w @ x.reshape(*x.shape[:2], prod(x.shape[2:]))  # (C_out, C_in) times (N, C_in, positions)
    for vector in bias:
        operands.check_bias(vector.shape, len(w))
        y = y + vector[:, None]
    return y.reshape(len(x), len(w), *x.shape[2:])


def _sizes(input_shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(input_shape, (tuple, list)):
        raise TypeError(f"input_shape is {input_shape!r}, but it must be a tuple, (C_in, *spatial)")
    return tuple(arguments.integer("input_shape", size, minimum=1) for size in input_shape)


def _filters_shape(untied_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of the filters at one position, (C_out, C_in / groups, *kernel_size)."""
    if len(untied_shape) not in (4, 6, 8):
        raise ValueError(
            f"w has shape {tuple(untied_shape)}, but it must be (C_out, *output, C_in / groups, *kernel_size), with as"
            " many axes of output as of kernel"
        )
    dimensions = len(untied_shape) // 2 - 1
    return untied_shape[0], *untied_shape[1 + dimensions :]


def _check_untied_shape(name: str, values: Any, shape: tuple[int, ...]) -> None:
    """Raise unless there is one filter, or bias, for each output unit."""
    if tuple(values.shape) != tuple(shape):
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}, but with these settings it must be {tuple(shape)}: each output"
            " unit has its own"
        )


def _checked(
    filters: Sequence[int],
    input_shape: Sequence[int],
    stride: int | Sequence[int],
    padding: int | str | Sequence,
    dilation: int | Sequence[int],
    groups: int,
) -> tuple[tuple[int, ...], Settings]:
    """Return the input's shape and the settings, once ``filters``, (C_out, C_in / groups, *kernel_size), fit them."""
    dimensions = operands.spatial_axes("w", filters)
    operands.check_kernel(filters, dimensions, groups)
    input_shape = _sizes(input_shape)
    if len(input_shape) != dimensions + 1:
        layout = ", ".join(("C_in", *operands.AXES[dimensions]))
        raise ValueError(f"input_shape is {input_shape}, but for this w it must be ({layout}), without the batch")
    operands.check_channels((1, *input_shape), filters, groups)
    settings = operands.checked_settings(input_shape[1:], filters[2:], stride, padding, dilation, groups)
    return input_shape, settings


def _connections(
    filters: Sequence[int], input_shape: tuple[int, ...], settings: Settings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is connected to what: rows, columns, and whether there is a connection.

    Each array is, or broadcasts to, one entry for every unit and every weight of its filter:
    ``(C_out, *output, C_in / groups, *kernel_size)``. Where the window reads padding, there is no connection.
    """
    out_channels, filter_channels, *kernel_size = filters
    dimensions = len(kernel_size)
    output_size = settings.output_size(input_shape[1:], kernel_size)

    def along(vector: np.ndarray, *axes: int) -> np.ndarray:
        """Let the axes of ``vector`` be these of (C_out, *output, C_in / groups, *kernel_size)."""
        return np.expand_dims(vector, [axis for axis in range(2 * dimensions + 2) if axis not in axes])

    group = np.arange(out_channels) // (out_channels // settings.groups)
    columns = along(group[:, None] * filter_channels + np.arange(filter_channels), 0, dimensions + 1)
    connected = np.True_
    for axis, size in enumerate(input_shape[1:]):
        window = settings.stride[axis] * np.arange(output_size[axis]) - settings.padding[axis][0]
        tap = settings.dilation[axis] * np.arange(kernel_size[axis])
        cell = along(window[:, None] + tap, 1 + axis, dimensions + 2 + axis)
        columns = columns * size + cell
        connected = connected & (cell >= 0) & (cell < size)
    units = (out_channels, *output_size)
    rows = np.arange(prod(units)).reshape(*units, *(1,) * (dimensions + 1))
    return rows, columns, np.broadcast_to(connected, (*units, filter_channels, *kernel_size))


def _fill(rows: Any, columns: Any, w: Any, connected: np.ndarray, input_shape: tuple[int, ...], sparse: bool) -> Any:
    """Return the matrix that holds the weights ``w`` (which broadcasts to ``connected``) at the connections."""
    shape = (rows.size, prod(input_shape))
    rows = np.broadcast_to(rows, connected.shape)[connected]
    columns = np.broadcast_to(columns, connected.shape)[connected]
    if arguments.is_tensor(w):
        import torch

        values = w.expand(connected.shape)[torch.tensor(connected, device=w.device)]
        indices = torch.tensor(np.stack([rows, columns]), device=w.device)
        matrix = torch.sparse_coo_tensor(indices, values, shape, is_coalesced=True, check_invariants=False)
        return matrix if sparse else matrix.to_dense()
    values = np.broadcast_to(w, connected.shape)[connected]
    if values.dtype == np.float16:  # scipy's sparse arrays have no half precision.
        values = values.astype(np.float32)
    matrix = coo_array((values, (rows, columns)), shape).tocsr()
    return matrix if sparse else matrix.toarray().astype(w.dtype, copy=False)


def _einsum(x: Any) -> Any:
    if arguments.is_tensor(x):
        import torch

        return torch.einsum
    return np.einsum
