"""Pooling: one number for each window, with no weights to learn.

======================  ==================================  ===========================================================
pooling                 what it keeps of a window           where its gradient goes
======================  ==================================  ===========================================================
``max_pool``            the largest cell                    to that cell; of several equal ones to the first, row by row
``avg_pool``            the mean                            to all cells, in equal parts
``lp_pool``             the p-norm, (Σ|x|ᵖ)^(1/p)           to all cells, in proportion to |x|ᵖ⁻¹, with the sign of x
``adaptive_avg_pool``   the mean, of as many windows as     as the mean
                        the output shall have cells
======================  ==================================  ===========================================================

Each channel is pooled by itself. If no ``stride`` is given, the windows lie side by side. Cells of padding are 0 for
averages, and −∞ for the maximum, so that no window ever answers with its padding. A window that does not fit any more
at the end is left out (torch's default, ``ceil_mode=False``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import operands
from lecture5.conv.settings import Settings
from lecture5.padding import pad
from lecture5.taps import taps

PerAxis = int | Sequence[int]


def max_pool1d(
    x: Any, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1
) -> Any:
    """Return the largest cell of each window of ``x``, (N, C, length); as :func:`max_pool2d`.

    Examples
    --------
    >>> max_pool1d([[[1, 5, 2, 2, 3, 0, 9]]], 2)
    array([[[5, 2, 3]]])
    """
    return _max_pool(1, x, kernel_size, stride, padding, dilation)


def max_pool2d(
    x: Any, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1
) -> Any:
    """Return the largest cell of each window.

    Parameters
    ----------
    x : array or tensor, (N, C, height, width)
    kernel_size, stride, padding, dilation
        An integer, or one per axis. The ``stride`` is the ``kernel_size`` if it is not given. The ``padding`` is −∞
        (for integers, the smallest one), and at most half the ``kernel_size``, so that no window lies in it whole.

    Returns
    -------
    array or tensor, (N, C, height, width)
        The size is :func:`lecture5.conv_output_size`.

    Raises
    ------
    ValueError, TypeError
        If the window is larger than the padded input, or an argument is out of range.

    Examples
    --------
    >>> image = [[[[1, 2, 5], [4, 3, 0], [-7, -8, -9]]]]
    >>> max_pool2d(image, 2, stride=1)
    array([[[[4, 5],
             [4, 3]]]])
    """
    return _max_pool(2, x, kernel_size, stride, padding, dilation)


def max_pool3d(
    x: Any, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1
) -> Any:
    """Return the largest cell of each window of ``x``, (N, C, depth, height, width); as :func:`max_pool2d`.

    Examples
    --------
    >>> max_pool3d(np.arange(16).reshape(1, 1, 2, 2, 4), 2)
    array([[[[[13, 15]]]]])
    """
    return _max_pool(3, x, kernel_size, stride, padding, dilation)


def avg_pool1d(
    x: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window of ``x``, (N, C, length); as :func:`avg_pool2d`.

    Examples
    --------
    >>> avg_pool1d([[[1, 5, 2, 2, 3, 0, 9]]], 2)
    array([[[3. , 2. , 1.5]]])
    """
    return _avg_pool(1, x, kernel_size, stride, padding, count_include_pad)


def avg_pool2d(
    x: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window.

    Parameters
    ----------
    x : array or tensor, (N, C, height, width)
        Means of integers are floats.
    kernel_size, stride, padding
        An integer, or one per axis. The ``stride`` is the ``kernel_size`` if it is not given. The ``padding`` is 0, and
        at most half the ``kernel_size``.
    count_include_pad
        Whether the cells of padding count as cells. torch's default is that they do, which makes the output darker
        at the border; without them, each mean is that of the true cells.

    Returns
    -------
    array or tensor, (N, C, height, width)
        The size is :func:`lecture5.conv_output_size`.

    Raises
    ------
    ValueError, TypeError
        If the window is larger than the padded input, or an argument is out of range.

    Examples
    --------
    >>> avg_pool2d(np.ones((1, 1, 2, 2)), 2, stride=2, padding=1)[0, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    >>> avg_pool2d(np.ones((1, 1, 2, 2)), 2, stride=2, padding=1, count_include_pad=False)[0, 0]
    array([[1., 1.],
           [1., 1.]])
    """
    return _avg_pool(2, x, kernel_size, stride, padding, count_include_pad)


def avg_pool3d(
    x: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window of ``x``, (N, C, depth, height, width); as :func:`avg_pool2d`.

    Examples
    --------
    >>> avg_pool3d(np.arange(16).reshape(1, 1, 2, 2, 4), 2)
    array([[[[[6.5, 8.5]]]]])
    """
    return _avg_pool(3, x, kernel_size, stride, padding, count_include_pad)


def lp_pool1d(x: Any, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None) -> Any:
    """Return the p-norm of each window of ``x``, (N, C, length); as :func:`lp_pool2d`.

    Examples
    --------
    >>> lp_pool1d([[[3, -4, 0, 2]]], 2, kernel_size=2)
    array([[[5., 2.]]])
    """
    return _lp_pool(1, x, norm_type, kernel_size, stride)


def lp_pool2d(x: Any, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None) -> Any:
    """Return the p-norm of each window, (Σ|x|ᵖ)^(1/p): L2 pooling for p = 2.

    For p = 1 it is the sum of sizes, and the larger p, the closer it comes to the largest size: it lies between average
    and maximum pooling.

    Parameters
    ----------
    x : array or tensor, (N, C, height, width)
    norm_type
        p, at least 1. (torch leaves out the |·|: with an odd p its sums can be negative, and the result is nan.)
    kernel_size, stride
        An integer, or one per axis. The ``stride`` is the ``kernel_size`` if it is not given.

    Returns
    -------
    array or tensor, (N, C, height, width)

    Raises
    ------
    ValueError, TypeError
        If the window is larger than the input, or an argument is out of range.

    References
    ----------
    P. Sermanet, S. Chintala and Y. LeCun, *Convolutional neural networks applied to house numbers digit
    classification* (2012).

    Examples
    --------
    >>> lp_pool2d([[[[1, 2, 4], [2, 0, 3]]]], 2, kernel_size=2, stride=1).round(3)
    array([[[[3.   , 5.385]]]])
    """
    return _lp_pool(2, x, norm_type, kernel_size, stride)


def lp_pool3d(x: Any, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None) -> Any:
    """Return the p-norm of each window of ``x``, (N, C, depth, height, width); as :func:`lp_pool2d`.

    Examples
    --------
    >>> lp_pool3d(np.full((1, 1, 2, 2, 4), -3), 2, kernel_size=(1, 2, 2))[0, 0, 0]
    array([[6., 6.]])
    """
    return _lp_pool(3, x, norm_type, kernel_size, stride)


def adaptive_avg_pool1d(x: Any, output_size: PerAxis) -> Any:
    """Return the means of ``output_size`` windows of ``x``, (N, C, length); as :func:`adaptive_avg_pool2d`.

    Examples
    --------
    >>> adaptive_avg_pool1d([[[1, 2, 3, 4, 5]]], 2)
    array([[[2., 4.]]])
    """
    return _adaptive_avg_pool(1, x, output_size)


def adaptive_avg_pool2d(x: Any, output_size: PerAxis) -> Any:
    """Return the means of as many windows as the output shall have cells, whatever the size of the input.

    Along an axis of ``n`` cells, window ``i`` of ``m`` goes from ``floor(i n / m)`` up to ``ceil((i + 1) n / m)``. If
    ``m`` does not divide ``n``, neighbours overlap in a cell. So AlexNet's classifier gets 6×6 cells from an image of
    any size, and a ResNet's gets 1×1, the mean of each channel ("global average pooling").

    Parameters
    ----------
    x : array or tensor, (N, C, height, width)
    output_size
        An integer, or one per axis.

    Returns
    -------
    array or tensor, (N, C, *output_size)

    Raises
    ------
    ValueError, TypeError
        If ``output_size`` is not made of positive integers.

    Examples
    --------
    >>> adaptive_avg_pool2d([[[[1, 2, 3], [5, 6, 7]]]], (1, 2))
    array([[[[3.5, 4.5]]]])
    """
    return _adaptive_avg_pool(2, x, output_size)


def adaptive_avg_pool3d(x: Any, output_size: PerAxis) -> Any:
    """Return the means of ``output_size`` windows of ``x``, (N, C, depth, height, width).

    Everything is as in :func:`adaptive_avg_pool2d`, with three spatial axes.

    Examples
    --------
    >>> adaptive_avg_pool3d(np.arange(16).reshape(1, 1, 2, 2, 4), (1, 1, 2)).ravel()
    array([6.5, 8.5])
    """
    return _adaptive_avg_pool(3, x, output_size)


def max_pool_grad(
    grad_output: Any,
    x: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> Any:
    """Return the gradient of maximum pooling by its input, in 1, 2 or 3 dimensions.

    The largest cell of each window gets the gradient of that window's output; of equal ones the first in row-major
    order, as in torch. A cell that is the largest of several windows gets the sum.

    Parameters
    ----------
    grad_output : array or tensor, (N, C, *output)
    x : array or tensor, (N, C, *spatial)
        The input of the pooling, with its other arguments as they were.

    Returns
    -------
    array or tensor, (N, C, *spatial)

    Examples
    --------
    >>> max_pool_grad([[[1, 10, 100]]], [[[3, 5, 5, 4]]], kernel_size=2, stride=1)
    array([[[  0,  11, 100,   0]]])
    """
    grad_output, x = operands.alike(grad_output=grad_output, x=x)
    dimensions = operands.spatial_axes("x", x.shape)
    kernel_size, settings = _checked(dimensions, x.shape, kernel_size, stride, padding, dilation)
    _check_grad_output(grad_output, (*x.shape[:2], *settings.output_size(x.shape[2:], kernel_size)))
    if arguments.is_tensor(x):
        return _pull_back(lambda x: _torch_max_pool(x, kernel_size, settings), x, grad_output)
    padded = _pad_with_lowest(x, settings)
    largest = _largest(padded, kernel_size, settings)
    grad_padded = np.zeros_like(padded)
    waiting = np.ones(largest.shape, bool)  # Outputs whose largest cell is not found yet.
    for cells, grad_cells in zip(
        _cells(padded, kernel_size, settings), _cells(grad_padded, kernel_size, settings), strict=True
    ):
        found = waiting & (cells == largest)
        grad_cells += np.where(found, grad_output, 0)
        waiting &= ~found
    return _inside(grad_padded, x.shape, settings)


def avg_pool_grad(
    grad_output: Any,
    input_shape: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the gradient of average pooling by its input, in 1, 2 or 3 dimensions.

    Parameters
    ----------
    grad_output : array or tensor, (N, C, *output)
    input_shape
        The whole shape of the pooling's input, (N, C, *spatial). Its other arguments are as they were.

    Returns
    -------
    array or tensor, (N, C, *spatial)

    Examples
    --------
    >>> avg_pool_grad([[[2, 20]]], (1, 1, 3), kernel_size=2, stride=1)
    array([[[ 1., 11., 10.]]])
    """
    [grad_output] = operands.alike(grad_output=grad_output)
    grad_output = arguments.as_floats(grad_output)
    dimensions = operands.spatial_axes("grad_output", grad_output.shape)
    input_shape = _checked_input_shape(input_shape, dimensions)
    kernel_size, settings = _checked(dimensions, input_shape, kernel_size, stride, padding, 1)
    _check_grad_output(grad_output, (*input_shape[:2], *settings.output_size(input_shape[2:], kernel_size)))
    if arguments.is_tensor(grad_output):
        x = grad_output.new_zeros(input_shape)
        return _pull_back(lambda x: _torch_avg_pool(x, kernel_size, settings, count_include_pad), x, grad_output)
    counts = _counts(input_shape[2:], kernel_size, settings, count_include_pad)
    share = grad_output / counts.astype(grad_output.dtype)
    grad_padded = np.zeros((*input_shape[:2], *settings.padded_size(input_shape[2:])), share.dtype)
    for grad_cells in _cells(grad_padded, kernel_size, settings):
        grad_cells += share
    return _inside(grad_padded, input_shape, settings)


def lp_pool_grad(
    grad_output: Any, x: Any, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None
) -> Any:
    """Return the gradient of p-norm pooling by its input, in 1, 2 or 3 dimensions.

    A window of zeros, where the norm has no gradient, gets 0.

    Parameters
    ----------
    grad_output : array or tensor, (N, C, *output)
    x : array or tensor, (N, C, *spatial)
        The input of the pooling, with its other arguments as they were.

    Returns
    -------
    array or tensor, (N, C, *spatial)

    Examples
    --------
    >>> lp_pool_grad([[[1, 10]]], [[[3, -4, 0, 2]]], 2, kernel_size=2)
    array([[[ 0.6, -0.8,  0. , 10. ]]])
    """
    grad_output, x = map(arguments.as_floats, operands.alike(grad_output=grad_output, x=x))
    dimensions = operands.spatial_axes("x", x.shape)
    norm_type = arguments.real("norm_type", norm_type, minimum=1)
    kernel_size, settings = _checked(dimensions, x.shape, kernel_size, stride, 0, 1)
    _check_grad_output(grad_output, (*x.shape[:2], *settings.output_size(x.shape[2:], kernel_size)))
    if arguments.is_tensor(x):
        return _pull_back(lambda x: _lp_pool(dimensions, x, norm_type, kernel_size, stride), x, grad_output)
    norm = _lp_pool(dimensions, x, norm_type, kernel_size, stride)
    # Of y = (Σ|x|ᵖ)^(1/p), the derivative is sign(x) (|x| / y)ᵖ⁻¹.
    norm, grad_output = np.where(norm, norm, 1), np.where(norm, grad_output, 0)
    grad_x = np.zeros_like(x)
    for cells, grad_cells in zip(_cells(x, kernel_size, settings), _cells(grad_x, kernel_size, settings), strict=True):
        grad_cells += grad_output * np.sign(cells) * (abs(cells) / norm) ** (norm_type - 1)
    return grad_x


def adaptive_avg_pool_grad(grad_output: Any, input_shape: Sequence[int]) -> Any:
    """Return the gradient of adaptive average pooling by its input, in 1, 2 or 3 dimensions.

    Parameters
    ----------
    grad_output : array or tensor, (N, C, *output)
    input_shape
        The whole shape of the pooling's input, (N, C, *spatial).

    Returns
    -------
    array or tensor, (N, C, *spatial)

    Examples
    --------
    The middle cell was in both windows:

    >>> adaptive_avg_pool_grad([[[3, 30]]], (1, 1, 5))
    array([[[ 1.,  1., 11., 10., 10.]]])
    """
    [grad_output] = operands.alike(grad_output=grad_output)
    grad_output = arguments.as_floats(grad_output)
    dimensions = operands.spatial_axes("grad_output", grad_output.shape)
    input_shape = _checked_input_shape(input_shape, dimensions)
    _check_grad_output(grad_output, (*input_shape[:2], *grad_output.shape[2:]))
    if arguments.is_tensor(grad_output):
        x = grad_output.new_zeros(input_shape)
        return _pull_back(lambda x: _adaptive_avg_pool(dimensions, x, tuple(grad_output.shape[2:])), x, grad_output)
    for axis, cells in enumerate(input_shape[2:], start=2):
        means = _means(cells, grad_output.shape[axis], grad_output.dtype)
        grad_output = _along(axis, means.T, grad_output)
    return grad_output


def _max_pool(
    dimensions: int, x: Any, kernel_size: PerAxis, stride: PerAxis | None, padding: PerAxis, dilation: PerAxis
) -> Any:
    [x] = operands.alike(x=x)
    kernel_size, settings = _checked(dimensions, x.shape, kernel_size, stride, padding, dilation)
    if arguments.is_tensor(x):
        return _torch_max_pool(x, kernel_size, settings)
    return _largest(_pad_with_lowest(x, settings), kernel_size, settings)


def _avg_pool(
    dimensions: int,
    x: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    count_include_pad: bool,
) -> Any:
    [x] = operands.alike(x=x)
    x = arguments.as_floats(x)
    kernel_size, settings = _checked(dimensions, x.shape, kernel_size, stride, padding, 1)
    if arguments.is_tensor(x):
        return _torch_avg_pool(x, kernel_size, settings, count_include_pad)
    sums = _fold(np.add, _cells(pad(x, settings.padding), kernel_size, settings))
    return sums / _counts(x.shape[2:], kernel_size, settings, count_include_pad).astype(x.dtype)


def _lp_pool(dimensions: int, x: Any, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None) -> Any:
    [x] = operands.alike(x=x)
    x = arguments.as_floats(x)
    norm_type = arguments.real("norm_type", norm_type, minimum=1)
    kernel_size, settings = _checked(dimensions, x.shape, kernel_size, stride, 0, 1)
    if arguments.is_tensor(x):
        from torch.nn import functional

        if dimensions == 1:  # torch's lp_pool1d takes no tuples.
            return functional.lp_pool1d(x.abs(), norm_type, *kernel_size, *settings.stride)
        pool = getattr(functional, f"lp_pool{dimensions}d")
        return pool(x.abs(), norm_type, kernel_size, settings.stride)
    return _fold(np.add, (abs(cells) ** norm_type for cells in _cells(x, kernel_size, settings))) ** (1 / norm_type)


def _adaptive_avg_pool(dimensions: int, x: Any, output_size: PerAxis) -> Any:
    """Take the means along one axis after the other: the windows are boxes, so that this is the mean of the box."""
    [x] = operands.alike(x=x)
    x = arguments.as_floats(x)
    operands.check_axes("x", x.shape, dimensions)
    output_size = arguments.per_axis("output_size", output_size, dimensions, minimum=1)
    if arguments.is_tensor(x):
        from torch.nn import functional

        return getattr(functional, f"adaptive_avg_pool{dimensions}d")(x, output_size)
    for axis, cells in enumerate(output_size, start=2):
        x = _along(axis, _means(x.shape[axis], cells, x.dtype), x)
    return x


def _cells(x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings) -> Iterator[np.ndarray]:
    """Yield, for each tap of the window, the cells of the padded ``x`` that it meets at all positions."""
    output_size = settings.without_padding().output_size(x.shape[2:], kernel_size)
    return (cells for _, cells in taps(x, kernel_size, output_size, settings.stride, settings.dilation))


def _largest(padded: np.ndarray, kernel_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    return _fold(np.maximum, _cells(padded, kernel_size, settings))


def _fold(combine: np.ufunc, cells: Iterator[np.ndarray]) -> np.ndarray:
    """Return all the cells combined, in one new array."""
    result = next(cells).copy()
    for others in cells:
        combine(result, others, out=result)
    return result


def _pad_with_lowest(x: np.ndarray, settings: Settings) -> np.ndarray:
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return np.pad(x, ((0, 0), (0, 0), *settings.padding), constant_values=lowest)


def _inside(padded: np.ndarray, shape: Sequence[int], settings: Settings) -> np.ndarray:
    """Return ``padded`` without its padding."""
    inside = (slice(before, before + size) for size, (before, _) in zip(shape[2:], settings.padding, strict=True))
    return padded[:, :, *inside]


def _counts(
    input_size: Sequence[int], kernel_size: tuple[int, ...], settings: Settings, count_include_pad: bool
) -> np.ndarray:
    """Return how many cells the mean of each window is over."""
    if count_include_pad:
        return np.array(prod(kernel_size))
    return _fold(np.add, _cells(pad(np.ones((1, 1, *input_size)), settings.padding), kernel_size, settings))


def _means(cells: int, windows: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix, (windows, cells), that takes the mean of each window of an axis of ``cells`` cells."""
    matrix = np.zeros((windows, cells), dtype)
    for window in range(windows):
        start, stop = window * cells // windows, -(-(window + 1) * cells // windows)
        matrix[window, start:stop] = 1 / (stop - start)
    return matrix


def _along(axis: int, matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``matrix`` times ``x`` along one of its axes."""
    return np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def _checked(
    dimensions: int,
    shape: Sequence[int],
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis,
) -> tuple[tuple[int, ...], Settings]:
    """Return the window's size and how it moves, once it fits into an input of this shape."""
    operands.check_axes("x", shape, dimensions)
    kernel_size = arguments.per_axis("kernel_size", kernel_size, dimensions, minimum=1)
    padding = arguments.per_axis("padding", padding, dimensions, minimum=0)
    settings = operands.checked_settings(
        shape[2:], kernel_size, kernel_size if stride is None else stride, padding, dilation, 1
    )
    if any(2 * cells > size for cells, size in zip(padding, kernel_size, strict=True)):
        raise ValueError(
            f"padding is {padding}, but it must be at most half of the kernel size, {kernel_size}: with more, a window"
            " could see nothing but padding"
        )
    return kernel_size, settings


def _checked_input_shape(input_shape: Sequence[int], dimensions: int) -> tuple[int, ...]:
    input_shape = arguments.per_axis("input_shape", input_shape, dimensions + 2, minimum=0)
    operands.check_axes("input_shape", input_shape, dimensions)
    return input_shape


def _check_grad_output(grad_output: Any, expected: Sequence[int]) -> None:
    if tuple(grad_output.shape) != tuple(expected):
        raise ValueError(
            f"grad_output has shape {tuple(grad_output.shape)}, but the output of this pooling has {tuple(expected)}"
        )


def _torch_max_pool(x: Any, kernel_size: tuple[int, ...], settings: Settings) -> Any:
    from torch.nn import functional

    pool = getattr(functional, f"max_pool{x.ndim - 2}d")
    return pool(x, kernel_size, settings.stride, [before for before, _ in settings.padding], settings.dilation)


def _torch_avg_pool(x: Any, kernel_size: tuple[int, ...], settings: Settings, count_include_pad: bool) -> Any:
    from torch.nn import functional

    pool = getattr(functional, f"avg_pool{x.ndim - 2}d")
    padding = [before for before, _ in settings.padding]
    return pool(x, kernel_size, settings.stride, padding, count_include_pad=count_include_pad)


def _pull_back(forward: Callable, x: Any, grad_output: Any) -> Any:
    """Return the gradient by the tensor ``x``, as autograd finds it; it can be differentiated again."""
    import torch

    _, gradient = torch.func.vjp(forward, x)
    return gradient(grad_output)[0]
