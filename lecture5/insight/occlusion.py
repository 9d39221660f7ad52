"""Occlusion maps: cover a part of the image and see what the network then says."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import integer, per_axis
from ..arithmetic import conv_output_size


def occlusion_map(
    model: Callable[[Tensor], Tensor],
    image: Tensor,
    target: int,
    *,
    size: int | tuple[int, int] = 7,
    stride: int | tuple[int, int] = 1,
    fill: float = 0.0,
    batch_size: int = 128,
) -> Tensor:
    """Return the probability of class ``target`` for each place where a rectangle can cover a part of the image.

    Parameters
    ----------
    model
        Gives scores (N, classes); softmax makes probabilities of them.
    image
        (C, H, W).
    target
        The class to watch, usually the right one.
    size, stride
        Of the rectangle that covers, and how far it moves, in cells.
    fill
        What the covered cells are set to. It should be a value that says nothing: black on a black ground, the mean
        grey of a photograph. A fill that draws a bright square is itself something to see.

    Returns
    -------
    Tensor
        (rows, columns), one entry for each place: low where the network needs what is covered.

    References
    ----------
    M. D. Zeiler and R. Fergus, *Visualizing and understanding convolutional networks*, ECCV (2014), section 4.2.

    Examples
    --------
    A "network" that looks at one pixel only:

    >>> def model(images):
    ...     return torch.stack([images[:, 0, 1, 2], torch.zeros(len(images))], dim=1)
    >>> image = torch.full((1, 3, 4), 20.0)
    >>> occlusion_map(model, image, target=0, size=1)
    tensor([[1.0000, 1.0000, 1.0000, 1.0000],
            [1.0000, 1.0000, 0.5000, 1.0000],
            [1.0000, 1.0000, 1.0000, 1.0000]])
    """
    if image.dim() != 3:
        raise ValueError(f"image has shape {tuple(image.shape)}, but it must be one image, (C, H, W)")
    size, stride = per_axis("size", size, 2, minimum=1), per_axis("stride", stride, 2, minimum=1)
    rows, columns = map(conv_output_size, image.shape[1:], size, stride)
    places = [(row * stride[0], column * stride[1]) for row in range(rows) for column in range(columns)]
    probabilities = []
    with torch.no_grad():
        for first in range(0, len(places), integer("batch_size", batch_size, minimum=1)):
            chosen = places[first : first + batch_size]
            covered = image.repeat(len(chosen), 1, 1, 1)
            for copy, (top, left) in zip(covered, chosen, strict=True):
                copy[:, top : top + size[0], left : left + size[1]] = fill
            scores = model(covered)
            if not 0 <= target < scores.shape[1]:
                raise ValueError(f"target is {target}, but the model has {scores.shape[1]} classes, counted from 0")
            probabilities.append(scores.softmax(dim=1)[:, target])
    return torch.cat(probabilities).reshape(rows, columns)
