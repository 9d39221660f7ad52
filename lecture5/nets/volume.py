"""Networks in three dimensions: which tissue is where in a brain, and which way a rod leans."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import choice, integer
from .training import Data

_KERNELS = {  # of the first layer, and of the other two
    "voxel": ((1, 1, 1), (1, 1, 1)),
    "slice": ((1, 3, 3), (1, 3, 3)),
    "three slices": ((3, 3, 3), (1, 3, 3)),
    "volume": ((3, 3, 3), (3, 3, 3)),
}
VIEWS = tuple(_KERNELS)


class TissueNet(nn.Module):
    """Three convolutions that say for each voxel of a volume to which class it belongs.

    Parameters
    ----------
    view
        What a unit gets to see. ``"voxel"``: only that voxel. ``"slice"``: its neighbours in the slice. ``"three
        slices"``: those in the slices below and above as well, once, in the first layer (this is called 2.5-D).
        ``"volume"``: its neighbours in all three directions, in each layer.
    channels
        Feature maps of the first two layers.
    num_classes
        How many scores per voxel come out.

    Notes
    -----
    Input ``(N, 1, D, H, W)``, output ``(N, num_classes, D, H, W)``. Slices lie along the axis D.

    Examples
    --------
    >>> model = TissueNet("three slices")
    >>> tuple(model(torch.zeros(1, 1, 6, 9, 8)).shape)
    (1, 3, 6, 9, 8)
    >>> [tuple(layer.kernel_size) for layer in model.layers if isinstance(layer, nn.Conv3d)]
    [(3, 3, 3), (1, 3, 3), (1, 3, 3)]
    """

    def __init__(self, view: str = "volume", *, channels: int = 12, num_classes: int = 3) -> None:
        super().__init__()
        choice("view", view, VIEWS)
        channels = integer("channels", channels, minimum=1)
        first, rest = _KERNELS[view]
        self.layers = nn.Sequential(
            _same(1, channels, first),
            nn.BatchNorm3d(channels),
            nn.ReLU(),
            _same(channels, channels, rest),
            nn.BatchNorm3d(channels),
            nn.ReLU(),
            _same(channels, num_classes, rest),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _same(in_channels: int, out_channels: int, kernel_size: tuple[int, int, int]) -> nn.Conv3d:
    """A convolution that keeps the size; beyond the border the volume goes on as at the border."""
    padding = tuple(size // 2 for size in kernel_size)
    return nn.Conv3d(in_channels, out_channels, kernel_size, padding=padding, padding_mode="replicate")


class RodNet(nn.Module):
    """Says of a volume which way the rod in it leans: the same layers, then the mean over all voxels.

    Examples
    --------
    >>> tuple(RodNet("slice")(torch.zeros(5, 1, 16, 16, 16)).shape)
    (5, 2)
    """

    def __init__(self, view: str = "volume", *, channels: int = 8) -> None:
        super().__init__()
        self.look = TissueNet(view, channels=channels, num_classes=channels)
        self.read = nn.Linear(channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.read(torch.relu(self.look(x)).mean(dim=(2, 3, 4)))


def rods(count: int, *, slope: float, size: int = 16, noise: float = 0.3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw rods that pass through a stack of slices and lean to one side, half of them left, half of them right.

    Each slice shows a blob somewhere. No single slice tells which way the rod leans, not even in principle.

    Parameters
    ----------
    count
        How many.
    slope
        By how many columns the blob moves from one slice to the next.
    size
        Voxels along each axis.
    noise
        Standard deviation of what is added to each voxel; the rod's brightness is 1.
    seed
        For the places, and the noise.

    Returns
    -------
    volumes : Tensor
        (count, 1, size, size, size).
    labels : Tensor
        (count,): 0 for left, 1 for right.

    Examples
    --------
    >>> volumes, labels = rods(4, slope=1, size=8)
    >>> tuple(volumes.shape), labels.tolist()
    ((4, 1, 8, 8, 8), [0, 1, 0, 1])
    """
    count, size = integer("count", count, minimum=1), integer("size", size, minimum=4)
    generator = torch.Generator().manual_seed(integer("seed", seed, minimum=0))
    labels = torch.arange(count) % 2
    # Where the rod is in the middle slice; the volume goes on at its other side, so that each place is as likely.
    row, column = size * torch.rand(2, count, 1, generator=generator)
    cell = torch.arange(size)
    columns = column + slope * (2 * labels[:, None] - 1) * (cell - (size - 1) / 2)

    def squared_distance(place: Tensor) -> Tensor:
        return ((cell - place[..., None] + size / 2).remainder(size) - size / 2) ** 2

    blob = squared_distance(row)[..., :, None] + squared_distance(columns)[..., None, :]
    volumes = torch.exp(-blob / 4)
    return (volumes + noise * torch.randn(volumes.shape, generator=generator))[:, None], labels


OUTSIDE = -100
"""The target of voxels that do not count; cross-entropy leaves them out."""
TISSUES = ("other", "grey matter", "white matter")


def brain_part(first: int, last: int) -> tuple[Tensor, Tensor]:
    """Return a part of the brain, from plane ``first`` to plane ``last`` (not included), counted from the back.

    Returns
    -------
    image : Tensor
        (1, 94, 98, planes): the T1 image; slices are stacked from bottom to top.
    target : Tensor
        (94, 98, planes): a position in :data:`TISSUES`, or :data:`OUTSIDE` where there is no brain.

    Examples
    --------
    >>> image, target = brain_part(66, 116)
    >>> tuple(image.shape), sorted(target.unique().tolist())
    ((1, 94, 98, 50), [-100, 0, 1, 2])
    """
    from ..data import brain

    volume = brain()
    t1, grey, white = (torch.from_numpy(part[:, first:last].transpose(2, 0, 1).copy()).float() for part in volume)
    target = torch.stack([1 - grey - white, grey, white]).argmax(dim=0)
    return t1[None], target.masked_fill(t1 == 0, OUTSIDE)


def noisy(volumes: Tensor, noise: float, generator: torch.Generator | None = None) -> Tensor:
    """Add what a fast scan adds: normal noise of this standard deviation; another one each time without a generator."""
    return volumes + noise * torch.randn(volumes.shape, generator=generator)


def tissue_data(noise: float) -> tuple[Data, Data, Data]:
    """The back of the brain to learn from, in eight pieces; the middle to choose the epoch; the front to test on.

    The inputs of the first are clean (``augment`` adds the noise), those of the other two are noisy.
    """
    image, target = brain_part(0, 56)
    generator = torch.Generator().manual_seed(0)
    others = ((part[0], part[1][None]) for part in (brain_part(56, 66), brain_part(66, 116)))
    validation, test = ((noisy(image, noise, generator)[None], target) for image, target in others)
    return (_eighths(image), _eighths(target)), validation, test


def _eighths(volume: Tensor) -> Tensor:
    """Halve the last three axes; return the eight pieces in a row."""
    pieces = [volume]
    for axis in (-3, -2, -1):
        pieces = [half for piece in pieces for half in piece.chunk(2, axis)]
    return torch.stack(pieces)


def dice(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean Dice coefficient of grey and white matter: 2 |A ∩ B| / (|A| + |B|).

    Parameters
    ----------
    outputs
        (N, 3, D, H, W), scores.
    targets
        (N, D, H, W).

    Examples
    --------
    >>> targets = torch.tensor([0, 1, 1, 2]).reshape(1, 1, 2, 2)
    >>> outputs = nn.functional.one_hot(torch.tensor([0, 1, 2, 2]), 3).T.reshape(1, 3, 1, 2, 2).float()
    >>> round(dice(outputs, targets).item(), 3)
    0.667
    """
    return dice_by_tissue(outputs, targets).mean()


def dice_by_tissue(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the Dice coefficients of grey and of white matter, (2,). See :func:`dice`."""
    counts = targets != OUTSIDE
    found, target = outputs.argmax(dim=1)[counts], targets[counts]
    both = [2 * ((found == tissue) & (target == tissue)).sum() for tissue in (1, 2)]
    sizes = [(found == tissue).sum() + (target == tissue).sum() for tissue in (1, 2)]
    return torch.stack(both) / torch.stack(sizes).clamp(min=1)
