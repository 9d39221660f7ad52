"""LeNet-5: the convolutional network that read the amounts on bank cheques."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import integer


class LeNet5(nn.Module):
    """LeNet-5 for images of 28 × 28 cells: two convolutions, each followed by pooling, then three linear maps.

    The first convolution pads by 2, which does the work of the 32 × 32 canvas of the paper. Two things are simpler than
    in the paper: each second-layer filter sees all six feature maps (the paper left some connections out, to break the
    symmetry and to save time), and the output is a score per class instead of a distance to a drawn digit.

    Parameters
    ----------
    in_channels
        Colours of the image.
    num_classes
        How many scores come out.
    classic
        With ``True`` as in 1998: tanh and average pooling. Otherwise ReLU and max pooling, which learn faster.

    Notes
    -----
    Input ``(N, in_channels, 28, 28)``, output ``(N, num_classes)``: scores, to which softmax gives probabilities.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document recognition*,
    Proceedings of the IEEE (1998), figure 2.

    Examples
    --------
    >>> model = LeNet5()
    >>> tuple(model(torch.zeros(2, 1, 28, 28)).shape)
    (2, 10)
    >>> sum(weight.numel() for weight in model.parameters())
    61706
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, *, classic: bool = False) -> None:
        super().__init__()
        in_channels = integer("in_channels", in_channels, minimum=1)
        num_classes = integer("num_classes", num_classes, minimum=1)
        activation, pooling = (nn.Tanh, nn.AvgPool2d) if classic else (nn.ReLU, nn.MaxPool2d)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, kernel_size=5, padding=2),  # C1: 6 × 28 × 28
            activation(),
            pooling(2),  # S2: 6 × 14 × 14
            nn.Conv2d(6, 16, kernel_size=5),  # C3: 16 × 10 × 10
            activation(),
            pooling(2),  # S4: 16 × 5 × 5
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120),  # C5: a convolution whose kernel covers all there is
            activation(),
            nn.Linear(120, 84),  # F6
            activation(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)
