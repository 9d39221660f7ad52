"""Lesions: take parts out of a trained network, and see whether it minds; and follow single paths through it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..arguments import integer
from ..nets import Block, ResNet
from .activations import named_module


@contextmanager
def lesion(model: nn.Module, names: Sequence[str]) -> Iterator[None]:
    """While the block runs, the named parts of ``model`` are taken out.

    A residual block keeps its shortcut, which then carries everything. Any other part, such as a convolution of a
    plain network, passes its input on unchanged.

    Raises
    ------
    ValueError
        If there is no such part, or (when the model runs) a part changes the shape, so that it cannot be left out.

    Examples
    --------
    >>> from lecture5 import nets
    >>> model = nets.cifar_resnet(8, in_channels=1).eval()
    >>> x = torch.rand(1, 1, 8, 8)
    >>> before = model(x)
    >>> with lesion(model, ["layer1.0"]):
    ...     during = model(x)
    >>> torch.equal(before, during), torch.equal(before, model(x))
    (False, True)
    """
    parts = {name: named_module(model, name) for name in names}
    hooks = []
    with _joins([part for part in parts.values() if _is_residual(part)], _without_branch):
        for name, part in parts.items():
            if not _is_residual(part):
                hooks.append(part.register_forward_hook(_pass_on(name)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _is_residual(part: nn.Module) -> bool:
    return isinstance(part, Block) and part.residual


def _without_branch(join: Callable, branch: Tensor, shortcut: Tensor) -> Tensor:
    return join(torch.zeros_like(branch), shortcut)


def _pass_on(name: str):
    def hook(module, inputs, output):
        if inputs[0].shape != output.shape:
            raise ValueError(
                f"{name} cannot be taken out: it makes {tuple(output.shape)} of {tuple(inputs[0].shape)}, "
                "and what follows needs that shape"
            )
        return inputs[0]

    return hook


@contextmanager
def _joins(blocks: Sequence[Block], replacement: Callable[[Callable, Tensor, Tensor], Tensor]) -> Iterator[None]:
    """While the block runs, the blocks join branch and shortcut by ``replacement(join, branch, shortcut)``."""
    for block in blocks:
        own = block.join  # an attribute of the instance hides the method of its class
        block.join = lambda branch, shortcut, own=own: replacement(own, branch, shortcut)
    try:
        yield
    finally:
        for block in blocks:
            del block.join


def enumerate_paths(branches: Sequence[Callable[[Tensor], Tensor]], x: Tensor) -> dict[tuple[int, ...], Tensor]:
    """Return what each of the 2ⁿ paths through n residual blocks makes of ``x``.

    A path is written as the blocks whose branch it goes through, from the input upwards; past the others it takes the
    shortcut. If the branches are linear, the network, x ← x + f(x) block after block, is *exactly* the sum of its
    paths. If they are not, it is not: f(x + y) is then something else than f(x) + f(y).

    Parameters
    ----------
    branches
        The functions f of the blocks; shapes must not change. At most 16, since the paths double with each.

    Examples
    --------
    >>> double, triple = (lambda x: 2 * x), (lambda x: 3 * x)
    >>> enumerate_paths([double, triple], torch.tensor(1.0))
    {(): tensor(1.), (0,): tensor(2.), (1,): tensor(3.), (0, 1): tensor(6.)}
    >>> sum(enumerate_paths([double, triple], torch.tensor(1.0)).values())  # (1 + 2) (1 + 3)
    tensor(12.)
    """
    if len(branches) > 16:
        raise ValueError(f"branches has {len(branches)} entries, 2 to the {len(branches)} paths: take at most 16")
    paths = {}
    for length in range(len(branches) + 1):
        for chosen in itertools.combinations(range(len(branches)), length):
            y = x
            for number in chosen:
                y = branches[number](y)
            paths[chosen] = y
    return paths


def path_lengths(blocks: int) -> list[float]:
    """Return which fraction of the 2ⁿ paths through n blocks goes through 0, 1, …, n branches: binomial.

    Examples
    --------
    >>> path_lengths(2)
    [0.25, 0.5, 0.25]
    """
    integer("blocks", blocks, minimum=1)
    return [math.comb(blocks, length) / 2**blocks for length in range(blocks + 1)]


def gradient_by_path_length(
    model: ResNet,
    images: Tensor,
    loss: Callable[[Tensor], Tensor],
    lengths: Sequence[int],
    *,
    draws: int = 5,
    seed: int = 0,
) -> list[float]:
    """Return the size of the gradient that reaches the input along single paths, for each length of path.

    The images go up through the whole network. On the way down, in ``length`` blocks drawn at random, the gradient goes
    through the branch only, and in the others through the shortcut only.

    Parameters
    ----------
    model
        A residual network, in evaluation mode.
    images
        (N, C, H, W).
    loss
        Takes the model's outputs.
    lengths
        Numbers of branches, from 0 to the number of blocks.
    draws
        How many paths of each length to average over.

    Returns
    -------
    list of float
        For each length the mean, over paths and images, of the gradient's Euclidean norm.

    References
    ----------
    A. Veit, M. Wilber and S. Belongie, *Residual networks behave like ensembles of relatively shallow networks*,
    NeurIPS (2016), section 4.3.
    """
    blocks = [block for block in model.blocks().values() if block.residual]
    if not blocks:
        raise ValueError("model is a plain network: it has one path only")
    generator = torch.Generator().manual_seed(seed)
    sizes = []
    for length in lengths:
        if not 0 <= length <= len(blocks):
            raise ValueError(f"lengths holds {length}, but the network has {len(blocks)} blocks")
        total = 0.0
        for _ in range(integer("draws", draws, minimum=1)):
            chosen = set(torch.randperm(len(blocks), generator=generator)[:length].tolist())
            through = [block for number, block in enumerate(blocks) if number in chosen]
            past = [block for number, block in enumerate(blocks) if number not in chosen]
            x = images.detach().clone().requires_grad_(True)
            with _joins(through, _down_the_branch), _joins(past, _down_the_shortcut):
                (gradient,) = torch.autograd.grad(loss(model(x)), x)
            total += gradient.flatten(1).norm(dim=1).mean().item()
        sizes.append(total / draws)
    return sizes


def _down_the_branch(join: Callable, branch: Tensor, shortcut: Tensor) -> Tensor:
    return join(branch, shortcut.detach())


def _down_the_shortcut(join: Callable, branch: Tensor, shortcut: Tensor) -> Tensor:
    return join(branch.detach(), shortcut)
