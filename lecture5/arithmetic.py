"""Convolution arithmetic: how large the output is, and how much of the input one unit sees.

Everything here is about **one axis**, and in integers: for an image, ask once for its height and once for its width.
The formulas are those of Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016), and of
torch's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lecture5 import arguments


def conv_output_size(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return how many positions a kernel can take along one axis.

    A kernel with ``dilation`` spans ``dilation * (kernel_size - 1) + 1`` cells. Its first position is the start of the
    padded input, and it moves by ``stride`` for as long as it fits::

        output = floor((input + 2 padding - dilation (kernel - 1) - 1) / stride) + 1

    The floor means that input cells at the end which no position reaches are silently left out, as in torch.

    Parameters
    ----------
    input_size, kernel_size, stride, dilation
        Positive integers, in cells.
    padding
        Cells added on *each* side, 0 or more.

    Raises
    ------
    ValueError
        If the kernel is larger than the padded input, or an argument is too small.
    TypeError
        If an argument is not an integer.

    Examples
    --------
    AlexNet's first layer, which needs an image of 227 and not 224 cells (or a padding of 2, as torchvision has it):

    >>> conv_output_size(227, kernel_size=11, stride=4)
    55
    >>> conv_output_size(224, kernel_size=11, stride=4)
    54
    >>> conv_output_size(224, kernel_size=11, stride=4, padding=2)
    55
    """
    input_size = arguments.integer("input_size", input_size, minimum=1)
    kernel_size = arguments.integer("kernel_size", kernel_size, minimum=1)
    stride = arguments.integer("stride", stride, minimum=1)
    padding = arguments.integer("padding", padding, minimum=0)
    dilation = arguments.integer("dilation", dilation, minimum=1)
    span = dilation * (kernel_size - 1) + 1
    padded = input_size + 2 * padding
    if span > padded:
        raise ValueError(
            f"kernel_size is {kernel_size} with dilation {dilation}, so the kernel spans {span} cells, but the padded"
            f" input has only {padded} ({input_size} + 2 × {padding}): take a smaller kernel or dilation, or pad more"
        )
    return (padded - span) // stride + 1


def conv_transpose_output_size(
    input_size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Return the output size of a transposed convolution along one axis.

    It undoes :func:`conv_output_size` with the same ``kernel_size``, ``stride``, ``padding`` and ``dilation``::

        output = (input - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding

    With a stride, several input sizes of the convolution lead to the same output size, because of the floor.
    ``output_padding`` says which of them is meant: 0 is the smallest.

    Raises
    ------
    ValueError
        If nothing is left of the output, ``output_padding`` is not smaller than the stride or the dilation, or an
        argument is too small.
    TypeError
        If an argument is not an integer.

    Examples
    --------
    >>> conv_output_size(7, 3, stride=2), conv_output_size(8, 3, stride=2)
    (3, 3)
    >>> conv_transpose_output_size(3, 3, stride=2), conv_transpose_output_size(3, 3, stride=2, output_padding=1)
    (7, 8)
    """
    input_size = arguments.integer("input_size", input_size, minimum=1)
    kernel_size = arguments.integer("kernel_size", kernel_size, minimum=1)
    stride = arguments.integer("stride", stride, minimum=1)
    padding = arguments.integer("padding", padding, minimum=0)
    output_padding = arguments.integer("output_padding", output_padding, minimum=0)
    dilation = arguments.integer("dilation", dilation, minimum=1)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding is {output_padding}, but it must be smaller than the stride ({stride})"
            f" or the dilation ({dilation})"
        )
    output = (input_size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1 + output_padding
    if output < 1:
        raise ValueError(
            f"padding is {padding}, which removes {2 * padding} cells of an output that has only"
            f" {output + 2 * padding}: use less padding"
        )
    return output


class ReceptiveField(NamedTuple):
    """What the units of one layer see of the input, along one axis, in input cells.

    Attributes
    ----------
    size
        How many cells lie between the first and the last that a unit depends on, both counted.
    jump
        How far apart the fields of two neighbouring units are.
    start
        Where the field of the first unit has its centre. Cell 0 of the input has its centre at 0.0, cell 1 at 1.0 and
        so on, so this is a whole number for an odd ``size`` and ends in .5 for an even one; padding makes it smaller.
    """

    size: int
    jump: int
    start: float


def receptive_field(layers: Iterable[Sequence[int]]) -> list[ReceptiveField]:
    """Return the receptive field after each layer of a stack, along one axis.

    A layer widens the field by its span less one, counted in the steps of the layer below (``jump``)::

        size  <- size  + dilation (kernel - 1) jump
        start <- start + (dilation (kernel - 1) / 2 - padding) jump
        jump  <- stride jump

    Parameters
    ----------
    layers
        From the input upwards, each ``(kernel_size, stride, padding, dilation)``; what is left out at the end is
        1, 0, 1 as in torch. A pooling layer is written the same way.

    Returns
    -------
    list of ReceptiveField
        One ``(size, jump, start)`` for each layer. Unit ``i`` of the layer sees the input cells
        ``start + i * jump - (size - 1) / 2`` to ``start + i * jump + (size - 1) / 2``.

    Raises
    ------
    ValueError, TypeError
        If a layer has no kernel size, more than four entries, or an entry that is not an integer in its range.

    References
    ----------
    A. Araujo, W. Norris and J. Sim, *Computing receptive fields of convolutional neural networks*, Distill (2019).

    Examples
    --------
    The context module of Yu and Koltun (2016, table 1): the field doubles with the dilation, at the cost of nine
    weights per layer.

    >>> dilations = [1, 1, 2, 4, 8, 16, 1]
    >>> layers = [(3, 1, dilation, dilation) for dilation in dilations] + [(1,)]
    >>> [field.size for field in receptive_field(layers)]
    [3, 5, 9, 17, 33, 65, 67, 67]

    Two layers with stride 2: the second takes 4 input cells per step. Its first unit is centred on cell 3.

    >>> receptive_field([(3, 2), (3, 2)])[-1]
    ReceptiveField(size=7, jump=4, start=3.0)
    """
    size, jump, start = 1, 1, 0.0
    fields = []
    for number, layer in enumerate(layers):
        kernel_size, stride, padding, dilation = _layer(f"layers[{number}]", layer)
        reach = dilation * (kernel_size - 1)
        size += reach * jump
        start += (reach / 2 - padding) * jump
        jump *= stride
        fields.append(ReceptiveField(size, jump, start))
    return fields


def _layer(name: str, layer: Sequence[int]) -> tuple[int, int, int, int]:
    """Return ``(kernel_size, stride, padding, dilation)`` with torch's defaults for what is left out."""
    if not isinstance(layer, (tuple, list)) or not 1 <= len(layer) <= 4:
        raise ValueError(
            f"{name} is {layer!r}, but it must be (kernel_size, stride, padding, dilation), of which the last three may"
            " be left out"
        )
    kernel_size, stride, padding, dilation = (*layer, *(None, 1, 0, 1)[len(layer) :])
    return (
        arguments.integer(f"kernel_size of {name}", kernel_size, minimum=1),
        arguments.integer(f"stride of {name}", stride, minimum=1),
        arguments.integer(f"padding of {name}", padding, minimum=0),
        arguments.integer(f"dilation of {name}", dilation, minimum=1),
    )
