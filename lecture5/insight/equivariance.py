"""What a shift of the image does to what a network gives."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import integer


def equivariance_error(
    function: Callable[[Tensor], Tensor], images: Tensor, shift: tuple[int, int], *, stride: int = 1, margin: int = 0
) -> float:
    """Return how far ``function`` is from "shift in, shift out": 0 if it is equivariant, about 1 if it is not at all.

    Compared are the outputs of the shifted images and the shifted outputs of the images::

        ‖f(S x) − S′ f(x)‖ / ‖f(x)‖

    S moves the image round and round, so that nothing is lost at the border; S′ moves the output by the ``shift``
    divided by the ``stride``, to the nearest whole cell (halves go to the even one).

    Parameters
    ----------
    function
        (N, C, H, W) to (N, K, H′, W′).
    images
        (N, C, H, W).
    shift
        Cells down and across.
    stride
        How many input cells there are to one output cell: the product of the strides.
    margin
        Output cells along each border that are left out. With zero padding they see where the image ends, and are not
        equivariant; leave out as many as the receptive field and the shift reach.

    Raises
    ------
    ValueError
        If the margin leaves nothing.

    Examples
    --------
    >>> blur = lambda x: x + x.roll(1, dims=3)
    >>> images = torch.rand(1, 1, 8, 8)
    >>> equivariance_error(blur, images, (1, 2))
    0.0
    >>> every_other = lambda x: x[:, :, ::2, ::2]
    >>> equivariance_error(every_other, images, (2, 4), stride=2)
    0.0
    >>> equivariance_error(every_other, images, (1, 0), stride=2) > 0.1
    True
    """
    integer("stride", stride, minimum=1)
    integer("margin", margin, minimum=0)
    with torch.no_grad():
        plain, shifted = function(images), function(images.roll(tuple(shift), dims=(2, 3)))
    expected = plain.roll(tuple(round(cells / stride) for cells in shift), dims=(2, 3))
    if margin:
        inner = slice(margin, -margin)
        plain, shifted, expected = (y[:, :, inner, inner] for y in (plain, shifted, expected))
    if plain.numel() == 0:
        raise ValueError(
            f"margin is {margin}, but that leaves nothing of the output's {tuple(expected.shape[2:])} cells"
        )
    return ((shifted - expected).norm() / plain.norm()).item()


def prediction_stability(model: Callable[[Tensor], Tensor], images: Tensor, shift: tuple[int, int]) -> float:
    """Return for which fraction of ``images`` the predicted class stays the same when the image is shifted.

    Examples
    --------
    >>> brightest_column = lambda x: x.sum(dim=(1, 2))
    >>> prediction_stability(brightest_column, torch.rand(20, 1, 4, 4), (1, 0))
    1.0
    >>> prediction_stability(brightest_column, torch.rand(20, 1, 4, 4), (0, 1))
    0.0
    """
    with torch.no_grad():
        before, after = model(images), model(images.roll(tuple(shift), dims=(2, 3)))
    return (before.argmax(dim=1) == after.argmax(dim=1)).float().mean().item()
