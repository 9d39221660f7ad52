"""How good a segmentation is: each measure compares the predicted class of every pixel with the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from ..arguments import integer, numeric_array


def confusion_matrix(predicted: Any, true: Any, num_classes: int) -> np.ndarray:
    """Count how often pixels of each class were taken for each class.

    Parameters
    ----------
    predicted, true
        Classes, whole numbers from 0 to num_classes − 1, of equal shape: one image or many.
    num_classes
        How many there are.

    Returns
    -------
    ndarray of int64
        (num_classes, num_classes): in row t and column p the number of pixels of class t that were taken for p.

    Examples
    --------
    >>> confusion_matrix([[0, 1, 1]], [[0, 0, 1]], num_classes=2)
    array([[1, 1],
           [0, 1]])
    """
    num_classes = integer("num_classes", num_classes, minimum=1)
    predicted, true = _classes("predicted", predicted), _classes("true", true)
    if predicted.shape != true.shape:
        raise ValueError(f"predicted has shape {predicted.shape}, but true has shape {true.shape}: they must be equal")
    for name, classes in (("predicted", predicted), ("true", true)):
        if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
            raise ValueError(
                f"{name} holds classes from {classes.min()} to {classes.max()}, but num_classes is {num_classes}: "
                f"they must lie between 0 and {num_classes - 1}"
            )
    pairs = num_classes * true.ravel() + predicted.ravel()
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(confusion: Any) -> np.ndarray:
    """Return each class's intersection over union: its right pixels, over those that are it or were taken for it.

    Parameters
    ----------
    confusion
        What :func:`confusion_matrix` gives: for a whole data set, the sum over its images.

    Returns
    -------
    ndarray of float64
        (num_classes,), from 0 to 1; NaN for a class that occurs neither in truth nor in prediction.

    Examples
    --------
    >>> class_iou([[1, 1], [0, 1]])
    array([0.5, 0.5])
    """
    confusion = numeric_array("confusion", confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise ValueError(f"confusion has shape {confusion.shape}, but it must be (num_classes, num_classes)")
    right = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - right
    return np.divide(right, union, out=np.full(len(right), np.nan), where=union > 0)


def mean_iou(predicted: Any, true: Any, num_classes: int) -> float:
    """Return the mean over the classes of intersection over union, counted over all pixels of all images.

    A class that occurs nowhere has no part in the mean.

    References
    ----------
    M. Everingham et al., *The Pascal visual object classes challenge: a retrospective*, IJCV (2015), section 3.

    Examples
    --------
    Two of three pixels are right; class 2 does not occur.

    >>> mean_iou([[0, 1, 1]], [[0, 0, 1]], num_classes=3)
    0.5
    """
    return float(np.nanmean(class_iou(confusion_matrix(predicted, true, num_classes))))


def boundary(mask: Any, distance: int = 1) -> np.ndarray:
    """Return the pixels of ``mask`` that lie within ``distance`` pixels of its edge.

    A pixel's neighbours are all eight around it; outside the image is outside the mask.

    Parameters
    ----------
    mask
        (H, W), true inside.
    distance
        Width of the band in pixels, at least 1.

    Examples
    --------
    >>> boundary(np.ones((4, 5))).astype(int)
    array([[1, 1, 1, 1, 1],
           [1, 0, 0, 0, 1],
           [1, 0, 0, 0, 1],
           [1, 1, 1, 1, 1]])
    """
    distance = integer("distance", distance, minimum=1)
    mask = np.asarray(mask, dtype=bool)
    if mask.ndim != 2:
        raise ValueError(f"mask has shape {mask.shape}, but it must be (H, W)")
    return mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=distance)


def boundary_iou(predicted: Any, true: Any, num_classes: int, distance: int = 2) -> float:
    """Return intersection over union of only those pixels that lie close to an edge.

    The inside of a large object is easy and hides how its outline was met. Here, for each class, the predicted and the
    true mask are both cut to a band along their own edges; the bands' intersections and unions are added up over all
    images, and the mean is taken over the classes except 0, the background.

    Parameters
    ----------
    predicted, true
        Classes, (N, H, W) each.
    num_classes
        How many there are.
    distance
        Width of the bands in pixels. (The paper takes 2 % of the image's diagonal: 2 pixels for 64 × 64.)

    Returns
    -------
    float
        From 0 to 1; NaN where no class but the background occurs.

    References
    ----------
    B. Cheng, R. Girshick, P. Dollár, A. Berg and A. Kirillov, *Boundary IoU: improving object-centric image
    segmentation evaluation*, CVPR (2021), equation 2.

    Examples
    --------
    >>> true = np.zeros((1, 8, 8), int)
    >>> true[0, 2:7, 2:7] = 1
    >>> shifted = np.roll(true, 1, axis=2)
    >>> round(mean_iou(shifted, true, 2), 3), round(boundary_iou(shifted, true, 2, distance=1), 3)
    (0.72, 0.333)
    """
    num_classes = integer("num_classes", num_classes, minimum=2)
    predicted, true = _classes("predicted", predicted), _classes("true", true)
    if predicted.shape != true.shape or predicted.ndim != 3:
        raise ValueError(
            f"predicted has shape {predicted.shape} and true {true.shape}, but both must be (N, H, W), and equal"
        )
    both, either = np.zeros(num_classes), np.zeros(num_classes)
    for ours, theirs in zip(predicted, true, strict=True):
        for label in range(1, num_classes):
            p, t = boundary(ours == label, distance), boundary(theirs == label, distance)
            both[label] += (p & t).sum()
            either[label] += (p | t).sum()
    there = either > 0
    return float((both[there] / either[there]).mean()) if there.any() else float("nan")


def _classes(name: str, value: Any) -> np.ndarray:
    array = numeric_array(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, but classes are whole numbers: take the argmax of the scores")
    return array.astype(np.int64)
