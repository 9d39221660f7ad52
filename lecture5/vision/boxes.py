"""Boxes: how much two of them overlap, which to keep, and how to describe one relative to another.

A box is (x1, y1, x2, y2): left, top, right and bottom edge. Its width is x2 − x1, so a box around the single pixel in
row r and column c is (c, r, c + 1, r + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import numeric_array


def box_array(name: str, boxes: Any) -> np.ndarray:
    """Return ``boxes`` as floats, (N, 4), or raise."""
    array = numeric_array(name, boxes).astype(np.float64)
    if array.size == 0:
        return array.reshape(-1, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name} has shape {array.shape}, but it must be (N, 4): x1, y1, x2, y2 of each box")
    wrong = np.flatnonzero((array[:, 2] < array[:, 0]) | (array[:, 3] < array[:, 1]) | ~np.isfinite(array).all(axis=1))
    if wrong.size:
        raise ValueError(
            f"{name}[{wrong[0]}] is {array[wrong[0]].tolist()}, but it must be finite, with x1 ≤ x2 and y1 ≤ y2"
        )
    return array


def box_area(boxes: Any) -> np.ndarray:
    """Return the area of each box, (N,).

    Examples
    --------
    >>> box_area([[1, 2, 4, 4]])
    array([6.])
    """
    boxes = box_array("boxes", boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_iou(first: Any, second: Any) -> np.ndarray:
    """Return intersection over union of each box of ``first`` with each of ``second``.

    Parameters
    ----------
    first, second
        (N, 4) and (M, 4).

    Returns
    -------
    ndarray of float64
        (N, M), from 0 (apart, or touching) to 1 (the same box).

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [0, 0, 2, 2], [5, 5, 6, 6]]).round(3)
    array([[0.333, 1.   , 0.   ]])
    """
    first, second = box_array("first", first), box_array("second", second)
    corners = np.maximum(first[:, None, :2], second[:, :2]), np.minimum(first[:, None, 2:], second[:, 2:])
    both = np.clip(corners[1] - corners[0], 0, None).prod(axis=2)  # boxes that are apart have a negative side
    either = box_area(first)[:, None] + box_area(second) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def nms(boxes: Any, scores: Any, threshold: float) -> np.ndarray:
    """Non-maximum suppression: keep the best box, drop what overlaps it too much, and go on with what is left.

    Parameters
    ----------
    boxes
        (N, 4).
    scores
        (N,), the higher the better. Of equal scores the first counts as the higher.
    threshold
        A box is dropped if its intersection over union with one that was kept is *larger* than this.

    Returns
    -------
    ndarray of int64
        Positions of the boxes that are kept, best first.

    Examples
    --------
    >>> nms([[0, 0, 4, 4], [1, 0, 5, 4], [6, 6, 8, 8]], [0.8, 0.9, 0.3], threshold=0.5)
    array([1, 2])
    """
    boxes, scores = box_array("boxes", boxes), numeric_array("scores", scores)
    if scores.shape != (len(boxes),):
        raise ValueError(
            f"scores has shape {scores.shape}, but there are {len(boxes)} boxes: it must be ({len(boxes)},)"
        )
    left = np.argsort(-scores, kind="stable")
    overlaps, kept = box_iou(boxes, boxes), []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlaps[best, left] <= threshold]
    return np.array(kept, dtype=np.int64)


def encode_boxes(proposals: Any, targets: Any) -> np.ndarray:
    """Say by how much each proposal must move and grow to become its target: what box regression learns.

    Parameters
    ----------
    proposals, targets
        (N, 4) each; proposals with a width and height above 0.

    Returns
    -------
    ndarray of float64
        (N, 4): how far the centre moves in x and y, as a fraction of the proposal's width and height, and the logarithm
        of the factor by which width and height grow.

    References
    ----------
    R. Girshick, J. Donahue, T. Darrell and J. Malik, *Rich feature hierarchies for accurate object detection and
    semantic segmentation*, CVPR (2014), appendix C.

    Examples
    --------
    A box moves right by half its width, and becomes twice as high:

    >>> encode_boxes([[0, 0, 4, 2]], [[2, -1, 6, 3]]).round(3)
    array([[0.5  , 0.   , 0.   , 0.693]])
    """
    proposals, targets = box_array("proposals", proposals), box_array("targets", targets)
    if proposals.shape != targets.shape:
        raise ValueError(f"there are {len(proposals)} proposals, but {len(targets)} targets: each needs its own")
    centres, sizes = _centres_and_sizes(proposals)
    wanted_centres, wanted_sizes = _centres_and_sizes(targets)
    if (sizes == 0).any() or (wanted_sizes == 0).any():
        raise ValueError("a box has width or height 0: there is no factor by which it could grow")
    return np.concatenate([(wanted_centres - centres) / sizes, np.log(wanted_sizes / sizes)], axis=1)


def decode_boxes(proposals: Any, changes: Any) -> np.ndarray:
    """Apply to each proposal what :func:`encode_boxes` says, or what a regressor predicts in its place.

    Examples
    --------
    >>> decode_boxes([[0, 0, 4, 2]], [[0.5, 0, 0, np.log(2)]])
    array([[ 2., -1.,  6.,  3.]])
    """
    proposals, changes = box_array("proposals", proposals), numeric_array("changes", changes)
    if changes.shape != proposals.shape:
        raise ValueError(f"changes has shape {changes.shape}, but it must be ({len(proposals)}, 4)")
    centres, sizes = _centres_and_sizes(proposals)
    centres, sizes = centres + changes[:, :2] * sizes, sizes * np.exp(changes[:, 2:])
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def clip_boxes(boxes: Any, height: int, width: int) -> np.ndarray:
    """Cut off what lies outside an image of this size.

    Examples
    --------
    >>> clip_boxes([[-2, 3, 9, 5]], height=4, width=6)
    array([[0., 3., 6., 4.]])
    """
    return np.clip(box_array("boxes", boxes), 0, [width, height, width, height])


def _centres_and_sizes(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
