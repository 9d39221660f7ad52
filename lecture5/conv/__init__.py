"""Convolution, in one, two and three dimensions, by several methods that give the same numbers.

Read :mod:`~lecture5.conv.direct` first: it is the definition. Each further module (``windows``, ``gemm``, ``fourier``,
``torch``) is one idea to get there faster, explained at its top. :mod:`~lecture5.conv.cost` chooses between them,
:mod:`~lecture5.conv.gradients` shows that both gradients are convolutions again, and :mod:`~lecture5.conv.core` holds
it all together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import core, operands
from lecture5.conv.core import CONV_METHODS
from lecture5.conv.settings import Settings

__all__ = ["CONV_METHODS", "conv1d", "conv2d", "conv3d", "conv_input_grad", "conv_weight_grad", "convolve"]

PerAxis = int | Sequence[int]


def conv1d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: int | str | Sequence = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    method: str = "auto",
) -> Any:
    """Return the 1-D cross-correlation of ``x``, (N, C, length), and ``w``, (K, C / groups, kernel).

    Everything is as in :func:`conv2d`, with one spatial axis.

    Examples
    --------
    The difference of neighbours:

    >>> conv1d([[[1, 4, 9, 16, 25]]], [[[-1, 1]]])
    array([[[3, 5, 7, 9]]])
    """
    return core.conv(1, x, w, bias, stride, padding, dilation, groups, padding_mode, method)


def conv2d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: int | str | Sequence = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    method: str = "auto",
) -> Any:
    """Return the 2-D cross-correlation of ``x`` and ``w``: what every deep-learning library calls a convolution.

    With stride ``s`` and dilation ``d``, and the input padded::

        y[n, k, i, j] = bias[k] + Σ_c Σ_a Σ_b  w[k, c, a, b] x[n, c, s i + d a, s j + d b]

    The kernel is *not* flipped; :func:`convolve` does that.

    Parameters
    ----------
    x : array or tensor, (N, C, height, width)
        The input: N samples (0 is allowed) with C channels. Lists are welcome.
    w : array or tensor, (K, C / groups, kernel height, kernel width)
        One kernel per output channel.
    bias : array or tensor, (K,), optional
        What is added to each output channel.
    stride, dilation
        Cells from one position to the next, and from one tap of the kernel to the next: an integer, or one per axis.
    padding
        Cells added around the input: an integer, one per axis, or one ``(before, after)`` pair per axis; ``"valid"``
        for none; ``"same"`` for an output as large as the input (stride 1 only; an odd cell goes after, as in torch).
    groups
        Divides the channels: output channels of group ``g`` see the input channels of group ``g`` only.
    padding_mode : {"zeros", "replicate", "reflect", "circular"}
        What the added cells hold; see :func:`lecture5.pad`.
    method
        One of :data:`CONV_METHODS`. They differ in speed and in rounding. ``"auto"`` picks what should be fastest.

    Returns
    -------
    array or tensor, (N, K, height, width)
        An array, or a tensor (on the same device, and differentiable) if an operand is one. The size is
        :func:`lecture5.conv_output_size`, the dtype that of a sum of the operands' numbers: float32 stays float32,
        float64 stays float64, integers become 64 bits wide so that they do not overflow.

    Raises
    ------
    ValueError
        If shapes do not fit together, the kernel is larger than the padded input, or an argument is out of range.
    TypeError
        If an operand does not hold real numbers, or a size is not an integer.

    Examples
    --------
    >>> image = [[[[1, 2, 3], [4, 5, 6]]]]
    >>> conv2d(image, [[[[1, 10]]]])
    array([[[[21, 32],
             [54, 65]]]])
    >>> conv2d(image, [[[[1, 10]]]], padding=[0, (1, 0)], bias=[0.5])
    array([[[[10.5, 21.5, 32.5],
             [40.5, 54.5, 65.5]]]])
    """
    return core.conv(2, x, w, bias, stride, padding, dilation, groups, padding_mode, method)


def conv3d(
    x: Any,
    w: Any,
    bias: Any = None,
    *,
    stride: PerAxis = 1,
    padding: int | str | Sequence = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    method: str = "auto",
) -> Any:
    """Return the 3-D cross-correlation of ``x``, (N, C, depth, height, width), and ``w``, (K, C / groups, *kernel).

    Everything is as in :func:`conv2d`, with three spatial axes.

    Examples
    --------
    How many voxels of a block of 2 × 2 × 2 each one touches, itself counted:

    >>> conv3d(np.ones((1, 1, 2, 2, 2)), np.ones((1, 1, 3, 3, 3)), padding="same").ravel()
    array([8., 8., 8., 8., 8., 8., 8., 8.])
    """
    return core.conv(3, x, w, bias, stride, padding, dilation, groups, padding_mode, method)


def conv_input_grad(
    grad_output: Any,
    w: Any,
    input_shape: Sequence[int],
    *,
    stride: PerAxis = 1,
    padding: int | str | Sequence = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    method: str = "auto",
) -> Any:
    """Return the gradient by the input of a convolution with zero padding, in 1, 2 or 3 dimensions.

    If a loss depends on ``y = conv(x, w)``, and its gradient by ``y`` is ``grad_output``, this is its gradient by
    ``x``. The convolution is linear in ``x``: with its matrix W, the result is ``Wᵀ grad_output``.

    Parameters
    ----------
    grad_output : array or tensor, (N, K, *output)
        The gradient by the output.
    w : array or tensor, (K, C / groups, *kernel)
        The kernel.
    input_shape
        The whole shape of the input, (N, C, *input). With a stride, the output alone does not tell it.
    stride, padding, dilation, groups, method
        As they were in the convolution.

    Returns
    -------
    array or tensor, (N, C, *input)

    Raises
    ------
    ValueError, TypeError
        As :func:`conv2d`; also if ``grad_output`` does not have the shape of the output.

    Examples
    --------
    Cell 1 went into both outputs, with weight 10 and with weight 1:

    >>> conv_input_grad([[[1, 2]]], [[[1, 10]]], (1, 1, 3))
    array([[[ 1, 12, 20]]])
    """
    grad_output, w = operands.alike(grad_output=grad_output, w=w)
    dimensions = operands.spatial_axes("w", w.shape)
    input_shape = operands.checked_shape("input_shape", input_shape, dimensions)
    operands.check_kernel(w.shape, dimensions, groups)
    operands.check_channels(input_shape, w.shape, groups)
    settings = operands.checked_settings(input_shape[2:], w.shape[2:], stride, padding, dilation, groups)
    operands.check_grad_output(grad_output.shape, input_shape, w.shape, settings)
    return core.input_grad(grad_output, w, input_shape[2:], settings, method)


def conv_weight_grad(
    grad_output: Any,
    x: Any,
    kernel_size: PerAxis,
    *,
    stride: PerAxis = 1,
    padding: int | str | Sequence = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    method: str = "auto",
) -> Any:
    """Return the gradient by the kernel of a convolution with zero padding, in 1, 2 or 3 dimensions.

    Parameters
    ----------
    grad_output : array or tensor, (N, K, *output)
        The gradient by the output.
    x : array or tensor, (N, C, *input)
        The input.
    kernel_size
        The spatial size of the kernel: an integer, or one per axis.
    stride, padding, dilation, groups, method
        As they were in the convolution.

    Returns
    -------
    array or tensor, (K, C / groups, *kernel)
        Summed over the samples. (The gradient by the bias is the sum of ``grad_output`` over all axes but the second.)

    Raises
    ------
    ValueError, TypeError
        As :func:`conv2d`; also if ``grad_output`` does not have the shape of the output.

    Examples
    --------
    Tap 0 met cells 1 and 2, tap 1 met cells 2 and 3:

    >>> conv_weight_grad([[[1, 10]]], [[[1, 2, 3]]], kernel_size=2)
    array([[[21, 32]]])
    """
    grad_output, x = operands.alike(grad_output=grad_output, x=x)
    dimensions = operands.spatial_axes("x", x.shape)
    operands.check_axes("x", x.shape, dimensions)
    operands.check_axes("grad_output", grad_output.shape, dimensions)
    kernel_size = arguments.per_axis("kernel_size", kernel_size, dimensions, minimum=1)
    arguments.integer("groups", groups, minimum=1)
    w_shape = (grad_output.shape[1], x.shape[1] // groups, *kernel_size)
    operands.check_kernel(w_shape, dimensions, groups)
    operands.check_channels(x.shape, w_shape, groups)
    settings = operands.checked_settings(x.shape[2:], kernel_size, stride, padding, dilation, groups)
    operands.check_grad_output(grad_output.shape, x.shape, w_shape, settings)
    return core.weight_grad(grad_output, x, kernel_size, settings, method)


def convolve(a: Any, b: Any, mode: str = "full", method: str = "auto") -> Any:
    """Return the true convolution of two signals, images or volumes of any number of axes, without channels.

    One of the two is flipped, which makes the operation commutative and associative, and a product of spectra::

        (a ∗ b)[i] = Σ_j a[j] b[i − j]

    Parameters
    ----------
    a, b : array or tensor
        With the same number of axes, at least one; real or complex.
    mode : {"full", "same", "valid"}
        ``"full"``: wherever the two overlap, sizes ``a + b - 1``. ``"same"``: the middle of that, as large as ``a``.
        ``"valid"``: where one lies whole inside the other. As in ``scipy.signal.convolve``.
    method
        One of :data:`CONV_METHODS`.

    Raises
    ------
    ValueError
        If the numbers of axes differ, an axis is empty, or, in mode ``"valid"``, neither fits into the other.
    TypeError
        If an operand does not hold numbers.

    Examples
    --------
    Polynomials multiply by convolution of their coefficients: (1 + 2x)(3 + x + x²) = 3 + 7x + 3x² + 2x³.

    >>> convolve([1, 2], [3, 1, 1])
    array([3, 7, 3, 2])
    >>> convolve([3, 1, 1], [1, 2], mode="same"), convolve([3, 1, 1], [1, 2], mode="valid")
    (array([3, 7, 3]), array([7, 3]))
    """
    arguments.choice("mode", mode, ("full", "same", "valid"))
    a, b = operands.alike(allow_complex=True, a=a, b=b)
    operands.check_same_axes(a.shape, b.shape)
    bigger = [size_a > size_b for size_a, size_b in zip(a.shape, b.shape, strict=True)]
    smaller = [size_a < size_b for size_a, size_b in zip(a.shape, b.shape, strict=True)]
    if mode == "valid" and any(bigger) and any(smaller):
        raise ValueError(
            f"mode is 'valid', but a, {tuple(a.shape)}, and b, {tuple(b.shape)}, each have an axis that is longer than"
            " the other's: neither lies whole inside the other"
        )
    if mode != "same" and any(smaller):
        a, b = b, a  # They commute, and the larger one is the better input.
    reach = [size - 1 for size in b.shape]
    padding = {
        "full": tuple((cells, cells) for cells in reach),
        "same": tuple((cells - cells // 2, cells // 2) for cells in reach),
        "valid": tuple((0, 0) for _ in reach),
    }[mode]
    settings = Settings((1,) * a.ndim, padding, (1,) * a.ndim, 1)
    flipped = b.flip(tuple(range(b.ndim))) if arguments.is_tensor(b) else np.flip(b)
    return core.forward(a[None, None], flipped[None, None], settings, method)[0, 0]
