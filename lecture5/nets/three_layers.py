"""A small network whose kernels and units are large enough to look at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import integer


class ThreeLayerNet(nn.Module):
    """Three convolutions, of 7 × 7, 5 × 5 and 3 × 3, the first two followed by pooling, and a linear map.

    It has the form of the first layers of AlexNet, at a tenth of the size: kernels of the first layer are wide enough
    to be seen, and a unit of the third sees 26 × 26 of 28 × 28 cells.

    Parameters
    ----------
    in_channels
        Colours of the image.
    num_classes
        How many scores come out.

    Notes
    -----
    Input ``(N, in_channels, 28, 28)``, output ``(N, num_classes)``.

    Examples
    --------
    >>> model = ThreeLayerNet()
    >>> tuple(model(torch.zeros(2, 1, 28, 28)).shape)
    (2, 10)
    >>> tuple(model.features(torch.zeros(2, 1, 28, 28)).shape)
    (2, 64, 7, 7)
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__()
        in_channels = integer("in_channels", in_channels, minimum=1)
        num_classes = integer("num_classes", num_classes, minimum=1)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 16, kernel_size=7, padding=3),  # 16 × 28 × 28
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=5, padding=2),  # 32 × 14 × 14
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),  # 64 × 7 × 7
            nn.ReLU(),
        )
        self.classifier = nn.Linear(64 * 7 * 7, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))
