"""R-CNN's stages, put together: proposals, features of each, linear classifiers and box regression, suppression.

The features come from a network that was trained for something else (in the paper for classification, here for the
class of each pixel). There are two ways to get them: R-CNN's, which runs the network on each region by itself, and the
faster one, which runs it once and cuts its feature maps into regions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .boxes import clip_boxes, decode_boxes, encode_boxes, nms
from .detection import Detections
from .proposals import region_proposals
from .regions import label_proposals, roi_pool, warp

Features = Callable[[Any, np.ndarray], Tensor]
CELLS = 4  # rows and columns of what is kept of each feature map


def warped_features(stages: Sequence[nn.Module], image: Any, boxes: np.ndarray) -> Tensor:
    """Cut each region out of the image, stretch it to 32 × 32 pixels, and run the network on it: R-CNN's way.

    Parameters
    ----------
    stages
        The network, in pieces, each at half the size of the one before; the last two give the features.
    image
        (C, H, W).
    boxes
        (N, 4).

    Returns
    -------
    Tensor
        (N, features): of the last two stages' maps, 4 × 4 cells each.
    """
    x, maps = warp(image, boxes), []
    with torch.no_grad():
        for stage in stages:
            x = stage(x)
            maps.append(x)
    return torch.cat([nn.functional.adaptive_max_pool2d(y, CELLS).flatten(1) for y in maps[-2:]], dim=1)


def shared_features(stages: Sequence[nn.Module], image: Any, boxes: np.ndarray) -> Tensor:
    """Run the network once on the whole image, and cut each region out of the feature maps: Fast R-CNN's way.

    Parameters and result are those of :func:`warped_features`.
    """
    x, maps = torch.as_tensor(np.asarray(image), dtype=torch.float32)[None], []
    with torch.no_grad():
        for stage in stages:
            x = stage(x)
            maps.append(x[0])
    strides = [np.shape(image)[1] // y.shape[1] for y in maps]
    pooled = [roi_pool(y, boxes, CELLS, stride) for y, stride in zip(maps[-2:], strides[-2:], strict=True)]
    return torch.cat([y.flatten(1) for y in pooled], dim=1)


class Ridge:
    """Linear regression of several targets, with a penalty on the weights, in closed form.

    Features are first shifted and scaled to mean 0 and deviation 1.

    Parameters
    ----------
    features, targets
        (N, F) and (N, K).
    penalty
        How much the squared weights count; the bias is free.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> fitted = Ridge(x, 2 * x + 1, penalty=0)
    >>> fitted(torch.tensor([[10.0]])).round(decimals=3)
    tensor([[21.]])
    """

    def __init__(self, features: Tensor, targets: Tensor, penalty: float) -> None:
        if len(features) != len(targets) or features.ndim != 2 or targets.ndim != 2:
            raise ValueError(
                f"features has shape {tuple(features.shape)} and targets {tuple(targets.shape)}, but they must be "
                "(N, F) and (N, K)"
            )
        self.mean, self.scale = features.mean(dim=0), features.std(dim=0) + 1e-6
        x, self.bias = (features - self.mean) / self.scale, targets.mean(dim=0)
        square = x.T @ x + penalty * torch.eye(x.shape[1])
        self.weight = torch.linalg.solve(square, x.T @ (targets - self.bias))

    def __call__(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.scale @ self.weight + self.bias


class RCNN:
    """Linear classifiers and box regression on the features of regions.

    Parameters
    ----------
    features
        Called with an image and boxes, gives (N, F).
    num_classes
        How many, with the background, class 0.

    References
    ----------
    R. Girshick, J. Donahue, T. Darrell and J. Malik, *Rich feature hierarchies for accurate object detection and
    semantic segmentation*, CVPR (2014). Theirs has support vector machines where this has ridge regression, and a box
    regressor for each class where this has one for all.
    """

    def __init__(self, features: Features, num_classes: int) -> None:
        self.features, self.num_classes = features, num_classes

    def fit(self, images: Any, boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray], proposals: Sequence) -> RCNN:
        """Learn from images, their true boxes and classes, and proposals (N, 4) for each; return the detector itself.

        A proposal that overlaps a thing by at least half teaches its class and its box, one that overlaps none by 0.3
        teaches the background. The true boxes serve as proposals too.
        """
        seen, classes, seen_things, changes = [], [], [], []
        for image, of_image, their_labels, candidates in zip(images, boxes, labels, proposals, strict=True):
            candidates = np.concatenate([of_image, candidates])
            shown, nearest = label_proposals(candidates, of_image, their_labels)
            features, thing = self.features(image, candidates), shown > 0
            seen.append(features[shown >= 0])
            classes.append(shown[shown >= 0])
            seen_things.append(features[thing])
            changes.append(encode_boxes(candidates[thing], of_image[nearest[thing]]))
        right = nn.functional.one_hot(torch.from_numpy(np.concatenate(classes)), self.num_classes).float()
        self.classifiers = Ridge(torch.cat(seen), right, penalty=300.0)
        self.regressor = Ridge(torch.cat(seen_things), torch.from_numpy(np.concatenate(changes)).float(), penalty=100.0)
        return self

    def scores(self, image: Any, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a score for each region and class, (N, num_classes), and each region's corrected box, (N, 4)."""
        features = self.features(image, candidates)
        moved = decode_boxes(candidates, self.regressor(features).numpy())
        return self.classifiers(features).numpy(), clip_boxes(moved, *np.shape(image)[1:])

    def detect(self, image: Any, candidates: np.ndarray | None = None, *, regress: bool = True) -> Detections:
        """Return what is found in an image, each class after non-maximum suppression, the surest first.

        Parameters
        ----------
        image
            (C, H, W).
        candidates
            Where to look, (N, 4); by default :func:`lecture5.vision.region_proposals`.
        regress
            Whether to correct the boxes.
        """
        if candidates is None:
            candidates = region_proposals(image)
        scores, boxes = self.scores(image, candidates)
        boxes = boxes if regress else candidates
        return suppressed(boxes, scores)


def suppressed(boxes: np.ndarray, scores: np.ndarray, threshold: float = 0.3) -> Detections:
    """Apply non-maximum suppression to each class by itself (class 0, the background, is left out).

    Parameters
    ----------
    boxes, scores
        (N, 4) and (N, num_classes).
    threshold
        The overlap beyond which the less sure of two boxes is dropped.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 5.0]])
    >>> suppressed(boxes, np.array([[0.1, 0.2, 0.7], [0.0, 0.6, 0.4]])).labels
    array([2, 1])
    """
    kept = [(label, i) for label in range(1, scores.shape[1]) for i in nms(boxes, scores[:, label], threshold)]
    kept.sort(key=lambda one: -scores[one[1], one[0]])
    labels, places = np.array(kept, dtype=np.int64).reshape(-1, 2).T
    return Detections(boxes[places], scores[places, labels], labels)
