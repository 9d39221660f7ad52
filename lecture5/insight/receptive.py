"""The receptive field, found by the gradient: which cells of the input can change one unit, and how much they do."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .activations import recording


class Support(NamedTuple):
    """First and last row, first and last column that a unit depends on, all counted in."""

    top: int
    bottom: int
    left: int
    right: int


def gradient_support(
    model: nn.Module, input_shape: tuple[int, int, int], name: str, position: tuple[int, int] | None = None
) -> Support:
    """Return which cells of the input can influence one unit of the part ``name``, whatever the weights are.

    A gradient can be zero by chance: a ReLU may be shut, a max pooling looks at one cell of its window only, weights
    may cancel. So we take a copy of the network with positive weights, no biases and a positive input, where every
    ReLU is open and every path adds, and with average pooling in max pooling's place.

    Parameters
    ----------
    model
        Left as it is.
    input_shape
        (C, H, W). Take it so large that the field does not reach its border, if you want to see all of the field.
    name
        The part of the model, as in ``model.named_modules()``.
    position
        Row and column of the unit; by default the middle one.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2))
    >>> gradient_support(model, (1, 21, 21), "2", position=(1, 2))
    Support(top=4, bottom=8, left=8, right=12)
    """
    model = _all_paths_open(model)
    x = torch.ones(1, *input_shape, dtype=torch.float64, requires_grad=True)
    with recording(model, [name]) as seen:
        model(x)
    units = seen[name][0].sum(dim=0)
    row, column = (units.shape[0] // 2, units.shape[1] // 2) if position is None else position
    (gradient,) = torch.autograd.grad(units[row, column], x)
    rows, columns = (gradient[0].sum(dim=0) > 0).nonzero(as_tuple=True)
    return Support(rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item())


def _all_paths_open(model: nn.Module) -> nn.Module:
    model = copy.deepcopy(model).cpu().double().eval()
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                if child.dilation not in (1, (1, 1)):
                    raise ValueError(f"{name} is {child}, but pooling with a dilation is not treated here")
                pooling = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(parent, name, pooling)
            elif isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Averages, so that the numbers stay near one through any depth.
            parameter.fill_(0.0 if name.endswith("bias") else 1 / max(1, parameter[0].numel()))
    return model


def mean_gradient(model: nn.Module, images: Tensor, name: str, position: tuple[int, int] | None = None) -> Tensor:
    """Return how strongly each cell of the input moves one unit, on average: the *effective* receptive field.

    Parameters
    ----------
    images
        (N, C, H, W): the average is over them, over colours, and over the unit's channels, of the gradient's size.

    Returns
    -------
    Tensor
        (H, W).

    References
    ----------
    W. Luo, Y. Li, R. Urtasun and R. Zemel, *Understanding the effective receptive field in deep convolutional neural
    networks*, NeurIPS (2016).

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False))
    >>> _ = nn.init.constant_(model[0].weight, 0.5)
    >>> mean_gradient(model, torch.rand(4, 1, 5, 5), "0")[1:4, 1:4]
    tensor([[0.5000, 0.5000, 0.5000],
            [0.5000, 0.5000, 0.5000],
            [0.5000, 0.5000, 0.5000]])
    """
    images = images.detach().clone().requires_grad_(True)
    with recording(model, [name]) as seen:
        model(images)
    units = seen[name]
    row, column = (units.shape[2] // 2, units.shape[3] // 2) if position is None else position
    total = torch.zeros(images.shape[2:], device=images.device)
    for channel in range(units.shape[1]):
        # Summed over the batch: each image's gradient is its own.
        (gradient,) = torch.autograd.grad(units[:, channel, row, column].sum(), images, retain_graph=True)
        total += gradient.abs().mean(dim=(0, 1))
    return total / units.shape[1]
