"""The deconvnet of Zeiler and Fergus: from one unit's activation back to the cells of the image that caused it.

Each layer is undone in turn. A convolution is undone by its transpose: each activation stamps its filter onto the layer
below. Max pooling cannot be undone, but it can remember: the *switches* say which cell of each window was the largest,
and each value goes back to that cell. A ReLU is undone by another ReLU, which keeps the picture positive: that is
the one place where this differs from the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def pool_with_switches(x: Tensor, layer: nn.MaxPool2d) -> tuple[Tensor, Tensor]:
    """Return what the layer gives, and its switches: for each value, the position of its cell in the flattened map."""
    return nn.functional.max_pool2d(
        x, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode, return_indices=True
    )


def unpool(y: Tensor, switches: Tensor, height: int, width: int) -> Tensor:
    """Put each value of ``y`` back into the cell where its switch points; the other cells become zero.

    Where windows overlap, a cell can get several values: they are added.

    Examples
    --------
    >>> x = torch.tensor([[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 0.0, 9.0]]]])
    >>> y, switches = pool_with_switches(x, nn.MaxPool2d(2))
    >>> unpool(y, switches, 2, 4)
    tensor([[[[0., 5., 0., 0.],
              [0., 0., 0., 9.]]]])
    """
    empty = y.new_zeros((*y.shape[:2], height * width))
    return empty.scatter_add(2, switches.flatten(2), y.flatten(2)).reshape(*y.shape[:2], height, width)


def project_down(
    features: nn.Sequential, image: Tensor, layer: int, channel: int, position: tuple[int, int] | None = None
) -> Tensor:
    """Return what, in the cells of ``image``, excited one unit of ``features[layer]``.

    All other activations of that layer are set to zero; what remains is passed down through the undone layers.

    Parameters
    ----------
    features
        Convolutions, ReLUs and max poolings, as in ``AlexNet().features``.
    image
        (C, H, W).
    layer
        Position of the unit's layer in ``features``.
    channel
        Which feature map of that layer.
    position
        Row and column of the unit; by default where the map is largest.

    Returns
    -------
    Tensor
        (C, H, W), as the image. Zero outside the unit's receptive field.

    Raises
    ------
    ValueError
        If a layer cannot be undone here, or there is no such unit.

    References
    ----------
    M. D. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, ECCV (2014), section 2.1.

    Examples
    --------
    >>> from lecture5 import nets
    >>> features = nets.LeNet5().features
    >>> down = project_down(features, torch.rand(1, 28, 28), layer=3, channel=4)
    >>> tuple(down.shape)
    (1, 28, 28)
    """
    if image.dim() != 3:
        raise ValueError(f"image has shape {tuple(image.shape)}, but it must be one image, (C, H, W)")
    if not 0 <= layer < len(features):
        raise ValueError(f"layer is {layer}, but features has the layers 0 to {len(features) - 1}")
    with torch.no_grad():
        x, undo = image[None], []
        for module in list(features)[: layer + 1]:
            x, undo_module = _up(module, x)
            undo.append(undo_module)
        down = _only(x, channel, position)
        for undo_module in reversed(undo):
            down = undo_module(down)
    return down[0]


def _up(module: nn.Module, x: Tensor):
    """Pass ``x`` up through one layer; return the result, and the function that goes down through it again."""
    size = x.shape
    if isinstance(module, nn.MaxPool2d):
        y, switches = pool_with_switches(x, module)
        return y, lambda down: unpool(down, switches, *size[2:])
    if isinstance(module, nn.ReLU):
        return module(x), torch.relu
    if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
        settings = module.stride, module.padding, module.dilation, module.groups
        return module(x), lambda down: nn.grad.conv2d_input(size, module.weight, down, *settings)
    raise ValueError(f"features holds {module}, but only Conv2d (padded with zeros), ReLU and MaxPool2d can be undone")


def _only(x: Tensor, channel: int, position: tuple[int, int] | None) -> Tensor:
    """Keep one unit of (1, C, H, W) and set the others to zero."""
    if not 0 <= channel < x.shape[1]:
        raise ValueError(f"channel is {channel}, but the layer has the channels 0 to {x.shape[1] - 1}")
    if position is None:
        position = divmod(x[0, channel].argmax().item(), x.shape[3])
    row, column = position
    if not (0 <= row < x.shape[2] and 0 <= column < x.shape[3]):
        raise ValueError(f"position is {position}, but the layer has {x.shape[2]} × {x.shape[3]} units per channel")
    kept = torch.zeros_like(x)
    kept[0, channel, row, column] = x[0, channel, row, column]
    return kept
