"""Activation maximisation: the image that a unit would like best."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import integer


def maximise(
    objective: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    steps: int = 200,
    step_size: float = 0.05,
    size_penalty: float = 0.0,
    variation_penalty: float = 0.0,
    jitter: int = 0,
    seed: int = 0,
) -> tuple[Tensor, list[float]]:
    """Climb the gradient of ``objective`` with respect to the image.

    Without a penalty the result is mostly noise that no photograph holds, to which the network still answers
    strongly. The penalties say what an image should be like: not too bright, and smooth. What one sees is then partly
    the network's, and partly ours.

    Parameters
    ----------
    objective
        Takes images (1, C, H, W) and gives one number: what is to grow.
    start
        (C, H, W), where to begin: noise, grey, or an image.
    steps, step_size
        Of the ascent, by Adam.
    size_penalty
        Times the sum of squares is taken from the objective.
    variation_penalty
        Times the sum of squared differences of neighbours is taken from it.
    jitter
        Shift the image by up to so many cells, at random, before each step (round and round), so that nothing depends
        on one exact position.
    seed
        For the jitter.

    Returns
    -------
    image : Tensor
        (C, H, W).
    values : list of float
        The objective, without penalties, before each step.

    References
    ----------
    D. Erhan, Y. Bengio, A. Courville and P. Vincent, *Visualizing higher-layer features of a deep network* (2009);
    C. Olah, A. Mordvintsev and L. Schubert, *Feature visualization*, Distill (2017), for the penalties.

    Examples
    --------
    The brightest point of 2x − x² is x = 1:

    >>> image, values = maximise(lambda x: 2 * x.sum(), torch.zeros(1, 1, 1), size_penalty=1.0)
    >>> round(image.item(), 2)
    1.0
    """
    integer("steps", steps, minimum=1)
    integer("jitter", jitter, minimum=0)
    generator = torch.Generator().manual_seed(seed)
    image = start.detach().clone().requires_grad_(True)
    optimiser = torch.optim.Adam([image], lr=step_size)
    values = []
    for _ in range(steps):
        shift = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        value = objective(image.roll(shift, dims=(1, 2))[None])
        values.append(value.item())
        penalty = size_penalty * image.square().sum() + variation_penalty * variation(image)
        optimiser.zero_grad()
        (penalty - value).backward(inputs=[image])
        optimiser.step()
    return image.detach(), values


def variation(image: Tensor) -> Tensor:
    """Return the sum of squared differences of neighbouring cells, down and across.

    Examples
    --------
    >>> variation(torch.tensor([[[0.0, 1.0], [0.0, 3.0]]])).item()
    14.0
    """
    return image.diff(dim=-1).square().sum() + image.diff(dim=-2).square().sum()
