"""AlexNet, the network of the lecture's slide "CNN in torch"."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import integer


class AlexNet(nn.Module):
    """AlexNet with one tower, 61,100,840 parameters: what torchvision calls ``alexnet`` and the slide prints.

    It is not the network that won in 2012, which had two towers on two GPUs and 96 first filters of 11 × 11; this
    one has 64, and no local response normalisation. Names and shapes of the parameters are torchvision's. The ReLUs do
    not work in place, so that what a convolution gave can still be looked at afterwards.

    Parameters
    ----------
    num_classes
        How many scores come out.
    dropout
        Probability with which each input of the first two linear maps is set to zero in training.

    Notes
    -----
    Input ``(N, 3, H, W)`` with H and W at least 63, normalised as in :data:`lecture5.nets.IMAGENET_MEAN`; the deck
    uses 224. Output ``(N, num_classes)``.

    References
    ----------
    A. Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, arXiv:1404.5997 (2014).

    Examples
    --------
    >>> with torch.device("meta"):  # shapes only: no memory for 61 million numbers
    ...     model = AlexNet()
    ...     print(tuple(model(torch.rand(32, 3, 224, 224)).shape))
    (32, 1000)
    >>> sum(weight.numel() for weight in model.parameters())
    61100840
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)
