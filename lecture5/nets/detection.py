"""The network behind the detector of chapter 11: it looks at one region and says what it shows."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from ..arguments import integer
from .segmentation import _conv


class RegionNet(nn.Module):
    """A classifier for regions: convolutions at stride 4, pooling to 4 × 4 cells, two linear layers.

    Its convolutions (``trunk``) work on a region of 32 × 32 pixels as well as on a whole image, whose feature maps are
    then cut into regions: it serves R-CNN and its faster successors.

    Parameters
    ----------
    num_classes, in_channels
        Scores per region, background included; and colours of the image.
    width
        Channels of the last convolution.

    Examples
    --------
    >>> model = RegionNet(num_classes=6)
    >>> tuple(model(torch.zeros(2, 3, 32, 32)).shape)
    (2, 6)
    >>> pooled = model.pooled(torch.zeros(2, 3, 32, 32))
    >>> tuple(pooled.shape), tuple(model.hidden(pooled).shape)
    ((2, 64, 4, 4), (2, 64))
    """

    STRIDE, CELLS = 4, 4

    def __init__(self, num_classes: int, in_channels: int = 3, *, width: int = 64) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        self.trunk = nn.Sequential(
            _conv(in_channels, 16), nn.MaxPool2d(2), _conv(16, 32), nn.MaxPool2d(2), _conv(32, 48), _conv(48, width)
        )
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(width * self.CELLS**2, 64), nn.ReLU())
        self.scores = nn.Linear(64, num_classes)

    def pooled(self, regions: Tensor) -> Tensor:
        """Return the convolutions' features of regions (N, C, H, W), max-pooled to (N, width, 4, 4)."""
        return nn.functional.adaptive_max_pool2d(self.trunk(regions), self.CELLS)

    def forward(self, regions: Tensor) -> Tensor:
        return self.scores(self.hidden(self.pooled(regions)))


@cache
def scene_regions() -> tuple[tuple[Tensor, Tensor], ...]:
    """Return regions of scenes and what they show: to learn from, to choose the epoch, and to test on.

    They are proposals, cut out and stretched, of 900, 150 and 150 scenes. From each scene come those that overlap a
    thing by half or more (eight at most) and eight, drawn at random, that do not.
    """
    return tuple(_regions(part, count) for part, count in (("train", 900), ("validation", 150), ("test", 150)))


def _regions(part: str, count: int, each: int = 8) -> tuple[Tensor, Tensor]:
    from ..data import scenes
    from ..vision import label_proposals, region_proposals, warp

    drawn, rng = scenes(part, count), np.random.default_rng(0)
    pieces, shown = [], []
    for image, _, boxes, classes in zip(*drawn, strict=True):
        proposals = np.concatenate([boxes, region_proposals(image)])  # the true boxes too
        labels, _ = label_proposals(proposals, boxes, classes, negative=0.5)
        for candidates in (np.flatnonzero(labels > 0), np.flatnonzero(labels == 0)):
            chosen = rng.permutation(candidates)[:each]
            pieces.append(warp(image, proposals[chosen]))
            shown.append(torch.from_numpy(labels[chosen]))
    return torch.cat(pieces), torch.cat(shown)
