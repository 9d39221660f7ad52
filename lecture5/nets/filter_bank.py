"""A filter bank that is learned: the wavelet way of removing noise, as a convolutional network of one layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..arguments import integer


class LearnedBank(nn.Module):
    """Remove noise as wavelets do, with filters that are learned: convolve, soft threshold, convolve transposed.

    Each window of an image goes through four steps: take out its mean; weigh it with every filter; move every
    coefficient towards 0 by its filter's threshold, t, which takes two ReLUs: relu(z − t) − relu(−z − t); add up the
    filters, each as strong as its coefficient, and the mean. Where windows overlap, their results are averaged.

    Parameters
    ----------
    filters
        Their number.
    kernel_size
        Their height and width. An input of just this size is a single window.

    Notes
    -----
    Both convolutions share their weights (*tied*), as an orthogonal filter bank and its inverse do. Learning the
    filters by removing noise goes back to P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, "Extracting and
    composing robust features with denoising autoencoders", ICML 2008.

    Examples
    --------
    >>> LearnedBank(filters=4, kernel_size=3)(torch.zeros(2, 1, 5, 7)).shape
    torch.Size([2, 1, 5, 7])
    """

    def __init__(self, filters: int = 32, kernel_size: int = 9) -> None:
        super().__init__()
        filters = integer("filters", filters, minimum=1)
        kernel_size = integer("kernel_size", kernel_size, minimum=2)
        self.weight = nn.Parameter(torch.randn(filters, 1, kernel_size, kernel_size) / kernel_size)  # norm about 1
        self.threshold = nn.Parameter(torch.full((filters, 1, 1), 0.15))

    def forward(self, x: Tensor) -> Tensor:
        """Clean images: (N, 1, H, W) -> (N, 1, H, W)."""
        size = self.weight.shape[-1]
        filters = self.filters()
        z = F.conv2d(x, filters)
        z = F.relu(z - self.threshold) - F.relu(-z - self.threshold)
        mean = F.avg_pool2d(x, size, stride=1)
        window = torch.ones(1, 1, size, size, dtype=x.dtype, device=x.device)
        total = F.conv_transpose2d(z, filters) + F.conv_transpose2d(mean, window)
        return total / F.conv_transpose2d(torch.ones_like(mean), window)

    def filters(self) -> Tensor:
        """The filters as they are used, each with sum 0, so that the mean of a window makes no difference."""
        return self.weight - self.weight.mean(dim=(2, 3), keepdim=True)
