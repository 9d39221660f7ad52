"""How good a detector is: which of its boxes found something, and the average precision.

The rules are those of the Pascal challenge: a detection is right if it has the right class and overlaps an object of
the image by at least half (intersection over union), and each object can be found once; whoever comes second is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arguments import choice, integer, numeric_array
from .boxes import box_array, box_iou


class Detections(NamedTuple):
    """What a detector found in one image: ``boxes`` (n, 4), ``scores`` (n,) and ``labels`` (n,)."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def match(boxes: Any, scores: Any, objects: Any, threshold: float = 0.5) -> np.ndarray:
    """Return which detections of one class in one image are right.

    The best detection chooses first. Each looks at the object that it overlaps most; if that one is taken already, or
    the overlap is below ``threshold``, the detection is wrong.

    Parameters
    ----------
    boxes, scores
        (N, 4) and (N,).
    objects
        (M, 4), the true boxes.
    threshold
        How much overlap it takes.

    Returns
    -------
    ndarray of bool
        (N,), in the order of ``boxes``.

    Examples
    --------
    >>> match([[0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 10, 10]], [0.5, 0.8, 0.9], objects=[[0, 0, 4, 4]])
    array([False,  True, False])
    """
    boxes, objects, scores = box_array("boxes", boxes), box_array("objects", objects), numeric_array("scores", scores)
    right, taken = np.zeros(len(boxes), dtype=bool), np.zeros(len(objects), dtype=bool)
    if not len(objects):
        return right
    overlaps = box_iou(boxes, objects)
    for number in np.argsort(-scores, kind="stable"):
        best = overlaps[number].argmax()
        if overlaps[number, best] >= threshold and not taken[best]:
            right[number] = taken[best] = True
    return right


def precision_recall(scores: Any, right: Any, num_objects: int) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall after each detection, from the surest to the least sure.

    Parameters
    ----------
    scores, right
        (N,) each, over all images: how sure, and whether it was right.
    num_objects
        How many there were to find.

    Returns
    -------
    precision, recall : ndarray of float64
        (N,) each: which part of the detections so far is right, and which part of the objects they found.

    Examples
    --------
    >>> precision, recall = precision_recall([0.9, 0.7, 0.8], [True, True, False], num_objects=4)
    >>> precision.round(2), recall
    (array([1.  , 0.5 , 0.67]), array([0.25, 0.25, 0.5 ]))
    """
    num_objects = integer("num_objects", num_objects, minimum=1)
    scores, right = numeric_array("scores", scores), numeric_array("right", right)
    if scores.ndim != 1 or scores.shape != right.shape:
        raise ValueError(f"scores has shape {scores.shape} and right {right.shape}, but both must be (N,), and equal")
    found = np.cumsum(right[np.argsort(-scores, kind="stable")])
    return found / np.arange(1, len(found) + 1), found / num_objects


def average_precision(scores: Any, right: Any, num_objects: int, points: str | int = "all") -> float:
    """Return the average precision: the area under the curve of precision over recall, after it was made to fall.

    At each recall counts the best precision that is reached there *or further on*. So a curve that wiggles is replaced
    by the lowest falling staircase above it.

    Parameters
    ----------
    scores, right, num_objects
        As in :func:`precision_recall`.
    points
        ``"all"``: the whole area (Pascal since 2010). ``11``: the mean at recalls 0, 0.1, …, 1 (Pascal until 2009).

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    M. Everingham, L. Van Gool, C. Williams, J. Winn and A. Zisserman, *The Pascal visual object classes (VOC)
    challenge*, IJCV (2010), section 4.2.

    Examples
    --------
    Precision 1 up to recall 1/4, then 2/3 up to recall 1/2, then nothing:

    >>> average_precision([0.9, 0.7, 0.8], [True, True, False], num_objects=4)
    0.41666666666666663
    """
    if points != 11:
        choice("points", points, ("all",))
    precision, recall = precision_recall(scores, right, num_objects)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    if points == "all":
        return float(np.sum(np.diff(recall, prepend=0) * best_from_here))
    levels = np.arange(11) / 10
    # The small number keeps 3 of 10 objects, which is 0.3 but for rounding, on the right side of the level 0.3.
    return float(np.mean([best_from_here[recall >= level - 1e-9].max(initial=0) for level in levels]))


def mean_average_precision(
    detections: Sequence[Detections],
    boxes: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    threshold: float = 0.5,
    points: str | int = "all",
) -> dict[int, float]:
    """Return the average precision of each class, over a set of images.

    Parameters
    ----------
    detections, boxes, labels
        For each image: what was found, and what is there, (n, 4) and (n,).
    threshold, points
        As in :func:`match` and :func:`average_precision`.

    Returns
    -------
    dict
        From each class that occurs to its average precision.

    Examples
    --------
    >>> found = Detections(np.array([[0, 0, 4, 4], [5, 5, 9, 9.0]]), np.array([0.9, 0.8]), np.array([1, 2]))
    >>> there = np.array([[0, 0, 4, 5], [5, 5, 7, 9.0]])
    >>> mean_average_precision([found], [there], [np.array([1, 3])])
    {1: 1.0, 3: 0.0}
    """
    classes = sorted({int(label) for of_image in labels for label in of_image})
    return {label: average_precision(*ranked(detections, boxes, labels, label, threshold), points) for label in classes}


def ranked(
    detections: Sequence[Detections],
    boxes: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    label: int,
    threshold: float = 0.5,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return what :func:`precision_recall` needs for one class: all its detections over all images, right or wrong.

    Parameters
    ----------
    detections, boxes, labels, threshold
        As in :func:`mean_average_precision`.
    label
        The class.

    Returns
    -------
    scores, right : ndarray
        (N,) each, in the order of the images.
    num_objects : int
        How many objects of this class there are.

    Examples
    --------
    >>> found = Detections(np.array([[0, 0, 4, 4], [5, 5, 9, 9.0]]), np.array([0.9, 0.8]), np.array([1, 2]))
    >>> ranked([found], [np.array([[0, 0, 4, 5.0]])], [np.array([1])], label=1)
    (array([0.9]), array([ True]), 1)
    """
    if not len(detections) == len(boxes) == len(labels):
        raise ValueError(
            f"there are {len(detections)} detections, {len(boxes)} boxes and {len(labels)} labels: one for each image"
        )
    scores, right = [], []
    for found, objects, classes in zip(detections, boxes, labels, strict=True):
        mine = found.labels == label
        scores.append(found.scores[mine])
        right.append(match(found.boxes[mine], scores[-1], objects[classes == label], threshold))
    return np.concatenate(scores), np.concatenate(right), sum(int((classes == label).sum()) for classes in labels)
