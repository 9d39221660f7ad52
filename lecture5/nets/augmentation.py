"""Small random changes that do not change what an image shows: more data for nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


def random_affine(
    *, degrees: float = 10, zoom: float = 0.1, shift: float = 2, flip: bool = False
) -> Callable[[Tensor], Tensor]:
    """Return a function that turns, zooms and shifts each image of a batch by its own random amount.

    Parameters
    ----------
    degrees
        Largest turn, either way.
    zoom
        Largest change of size: 0.1 means from 0.9 to 1.1 times.
    shift
        Largest shift in cells, either way, along each axis.
    flip
        Whether to mirror every second image, left to right: right for clothes, wrong for digits.

    Returns
    -------
    callable
        Takes and gives ``(N, C, H, W)``; between cells it interpolates, outside it sees zeros. It draws from torch's
        own random numbers.

    Examples
    --------
    >>> change = random_affine(degrees=0, zoom=0, shift=0)
    >>> images = torch.rand(2, 1, 4, 6)
    >>> torch.allclose(change(images), images, atol=1e-6)
    True
    """

    def change(images: Tensor) -> Tensor:
        count, _, height, width = images.shape

        def uniform(largest: float) -> Tensor:
            return (2 * torch.rand(count) - 1) * largest

        angle, size = uniform(math.radians(degrees)), 1 + uniform(zoom)
        mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0) if flip else torch.ones(count)
        cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
        # Each row gives an input coordinate for an output one, both from −1 to 1 across the image.
        across = torch.stack([mirror * cosine, -mirror * sine * height / width, uniform(shift) * 2 / width], dim=1)
        down = torch.stack([sine * width / height, cosine, uniform(shift) * 2 / height], dim=1)
        where = torch.stack([across, down], dim=1).to(images.device)
        grid = nn.functional.affine_grid(where, list(images.shape), align_corners=False)
        return nn.functional.grid_sample(images, grid, align_corners=False)

    return change
