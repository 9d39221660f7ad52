"""What a network gets to see of a region: a piece cut from the image, or a piece of feature maps made once for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..arguments import integer
from .boxes import box_array, box_iou


def warp(image: Any, boxes: Any, size: int = 32, context: int = 4) -> Tensor:
    """Cut each box out of the image and stretch it to a square of fixed size, with a rim of what lies around it.

    Parameters
    ----------
    image
        (C, H, W).
    boxes
        (N, 4).
    size
        Rows and columns of each piece.
    context
        How many pixels of the *piece*, on each side, show what is around the box. Beyond the image's edge its last
        pixels are repeated.

    Returns
    -------
    Tensor of float32
        (N, C, size, size), interpolated linearly.

    References
    ----------
    R. Girshick, J. Donahue, T. Darrell and J. Malik, *Rich feature hierarchies for accurate object detection and
    semantic segmentation*, CVPR (2014), appendix A: 16 pixels of 227.

    Examples
    --------
    >>> image = np.arange(30.0).reshape(1, 5, 6)
    >>> warp(image, [[1, 2, 3, 4]], size=2, context=0)[0, 0]
    tensor([[13., 14.],
            [19., 20.]])
    """
    size, context = integer("size", size, minimum=1), integer("context", context, minimum=0)
    if size <= 2 * context:
        raise ValueError(f"context is {context} on each side, which leaves nothing of size {size}: take less")
    image = torch.as_tensor(np.asarray(image), dtype=torch.float32)
    boxes = torch.from_numpy(box_array("boxes", boxes)).float()
    if image.ndim != 3:
        raise ValueError(f"image has shape {tuple(image.shape)}, but it must be (C, H, W)")
    if not len(boxes):
        return image.new_zeros(0, len(image), size, size)
    # Pixel i of a piece lies at this fraction of the box; the rim lies before 0 and after 1.
    fractions = (torch.arange(size) + 0.5 - context) / (size - 2 * context)
    x = boxes[:, 0, None] + fractions * (boxes[:, 2] - boxes[:, 0])[:, None]
    y = boxes[:, 1, None] + fractions * (boxes[:, 3] - boxes[:, 1])[:, None]
    height, width = image.shape[1:]
    grid = torch.stack(  # grid_sample counts from -1 at one edge of the image to 1 at the other
        torch.broadcast_tensors(2 * x[:, None, :] / width - 1, 2 * y[:, :, None] / height - 1), dim=-1
    )
    several = image.expand(len(boxes), -1, -1, -1)
    return nn.functional.grid_sample(several, grid, padding_mode="border", align_corners=False)


def roi_pool(features: Tensor, boxes: Any, output_size: int, stride: int) -> Tensor:
    """Cut each box out of feature maps, and max-pool it to a fixed number of cells.

    Parameters
    ----------
    features
        (C, H, W), of a whole image.
    boxes
        (N, 4), in the image's pixels.
    output_size
        Rows and columns of each result.
    stride
        How many pixels of the image there are to a cell of the feature maps.

    Returns
    -------
    Tensor
        (N, C, output_size, output_size). A box is widened to whole cells, to at least one.

    References
    ----------
    R. Girshick, *Fast R-CNN*, ICCV (2015), section 2.1.

    Examples
    --------
    >>> features = torch.arange(16.0).view(1, 4, 4)
    >>> roi_pool(features, [[8, 0, 32, 16]], output_size=2, stride=8)
    tensor([[[[2., 3.],
              [6., 7.]]]])
    """
    output_size, stride = integer("output_size", output_size, minimum=1), integer("stride", stride, minimum=1)
    if features.ndim != 3:
        raise ValueError(f"features has shape {tuple(features.shape)}, but it must be (C, H, W)")
    boxes = box_array("boxes", boxes) / stride
    limit = np.array([features.shape[2], features.shape[1]])
    starts = np.clip(np.floor(boxes[:, :2]), 0, limit - 1).astype(int)
    stops = np.clip(np.ceil(boxes[:, 2:]), starts + 1, limit).astype(int)
    pooled = [
        nn.functional.adaptive_max_pool2d(features[:, top:bottom, left:right], output_size)
        for (left, top), (right, bottom) in zip(starts, stops, strict=True)
    ]
    return torch.stack(pooled) if pooled else features.new_zeros(0, len(features), output_size, output_size)


def label_proposals(
    proposals: Any, boxes: Any, labels: Any, *, positive: float = 0.5, negative: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Say for each proposal what it shows, and which of the true boxes it is about.

    Parameters
    ----------
    proposals
        (N, 4).
    boxes, labels
        The true boxes, (M, 4) with M at least 1, and their classes, (M,).
    positive, negative
        With at least ``positive`` overlap a proposal shows the object; with less than ``negative`` it shows background.

    Returns
    -------
    labels : ndarray of int64
        (N,): the class; 0 for background; −1 for what lies between and is not learned from.
    nearest : ndarray of int64
        (N,): the position of the true box that it overlaps most.

    Examples
    --------
    >>> label_proposals([[0, 0, 4, 4], [0, 0, 2, 4], [7, 7, 9, 9], [1, 0, 4, 3]], [[0, 0, 4, 4.0]], [3])
    (array([3, 3, 0, 3]), array([0, 0, 0, 0]))
    """
    overlaps, labels = box_iou(proposals, boxes), np.asarray(labels)
    if not len(labels) or overlaps.shape[1] != len(labels):
        raise ValueError(
            f"there are {overlaps.shape[1]} boxes and {len(labels)} labels: one for each box, at least one"
        )
    nearest, best = overlaps.argmax(axis=1), overlaps.max(axis=1)
    return np.where(best >= positive, labels[nearest], np.where(best < negative, 0, -1)), nearest
