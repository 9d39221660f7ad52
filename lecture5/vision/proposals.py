"""Region proposals: boxes that may hold something, whatever it is, found without any learning.

First the image is cut into many small regions of even colour (*graph segmentation*). Then the two neighbouring regions
that are most alike become one, again and again, until one region is left (*grouping*). Every region that existed on the
way is a proposal. So there are small ones and large ones, and most boundaries follow those in the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from ..arguments import integer, numeric_array


def graph_segmentation(image: Any, scale: float = 0.5, sigma: float = 0.8, min_size: int = 20) -> np.ndarray:
    """Cut an image into regions of even colour, by Felzenszwalb and Huttenlocher's method.

    Pixels are the nodes of a graph; each is joined to its eight neighbours by an edge whose weight is the difference of
    their colours. Edges are visited from the lightest to the heaviest. One joins the regions at its two ends, unless it
    is heavier than what holds each of the two together: the heaviest edge inside it, plus ``scale`` / (its pixels). So
    an even region keeps its faint neighbour out, and a textured one does not fall to pieces.

    Parameters
    ----------
    image
        (C, H, W), from 0 to 1.
    scale
        The larger it is, the larger regions become. A threshold on colour differences, times pixels.
    sigma
        Standard deviation, in pixels, of the Gaussian that removes noise first; 0 for none.
    min_size
        Regions with fewer pixels are joined to the neighbour across their lightest edge.

    Returns
    -------
    ndarray of int64
        (H, W): the number of each pixel's region, from 0, in the order in which they first occur row by row.

    References
    ----------
    P. Felzenszwalb and D. Huttenlocher, *Efficient graph-based image segmentation*, IJCV (2004), algorithm 1.

    Examples
    --------
    >>> image = np.zeros((1, 4, 6))
    >>> image[:, 1:, 3:] = 1
    >>> graph_segmentation(image, sigma=0, min_size=1)
    array([[0, 0, 0, 0, 0, 0],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]])
    """
    image, min_size = _image(image), integer("min_size", min_size, minimum=1)
    for name, value in (("scale", scale), ("sigma", sigma)):
        if not value >= 0:
            raise ValueError(f"{name} is {value}, but it must be 0 or larger")
    smooth = np.stack([ndimage.gaussian_filter(plane, sigma) for plane in image]) if sigma else image
    first, second, weights = _edges(smooth)
    regions = _Regions(image[0].size)
    for a, b, weight in zip(first, second, weights, strict=True):
        a, b = regions.find(a), regions.find(b)
        if a != b and weight <= min(regions.inside[i] + scale / regions.size[i] for i in (a, b)):
            regions.join(a, b, weight)
    for a, b, weight in zip(first, second, weights, strict=True):
        a, b = regions.find(a), regions.find(b)
        if a != b and min(regions.size[a], regions.size[b]) < min_size:
            regions.join(a, b, weight)
    roots = np.array([regions.find(pixel) for pixel in range(image[0].size)])
    return _numbered(roots).reshape(image.shape[1:])


def _edges(image: np.ndarray) -> tuple[list[int], list[int], list[float]]:
    """The edges between pixels that are neighbours, lightest first: positions of both ends, and the weight."""
    pixels = np.arange(image[0].size).reshape(image.shape[1:])
    everywhere = slice(None)
    but_first, but_last = slice(1, None), slice(None, -1)
    pairs = (
        ((everywhere, but_last), (everywhere, but_first)),  # right neighbours
        ((but_last, everywhere), (but_first, everywhere)),  # below
        ((but_last, but_last), (but_first, but_first)),  # below, to the right
        ((but_last, but_first), (but_first, but_last)),  # below, to the left
    )
    first = np.concatenate([pixels[a].ravel() for a, _ in pairs])
    second = np.concatenate([pixels[b].ravel() for _, b in pairs])
    colours = image.reshape(len(image), -1)
    weights = np.sqrt(((colours[:, first] - colours[:, second]) ** 2).sum(axis=0))
    order = np.argsort(weights, kind="stable")
    return first[order].tolist(), second[order].tolist(), weights[order].tolist()


class _Regions:
    """Disjoint sets of pixels (union by size); for each the number of its pixels and its heaviest inner edge."""

    def __init__(self, pixels: int) -> None:
        self.parent, self.size, self.inside = list(range(pixels)), [1] * pixels, [0.0] * pixels

    def find(self, pixel: int) -> int:
        parent = self.parent
        while parent[pixel] != pixel:
            parent[pixel] = pixel = parent[parent[pixel]]  # half the way up, for whoever comes next
        return pixel

    def join(self, a: int, b: int, weight: float) -> None:
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.inside[a] = weight  # edges come in order, so this one is the heaviest


def _numbered(labels: np.ndarray) -> np.ndarray:
    """Rename labels to 0, 1, 2, … in the order in which they first occur."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def grouping(image: Any, regions: Any) -> np.ndarray:
    """Join the two neighbouring regions that are most alike until one is left; return the boxes of all there were.

    How alike two regions are is the sum of three numbers between 0 and 1: what their colour histograms have in common;
    how small both are (so that small ones go first, everywhere in the image); and how well they fill the box around
    both. (Selective search adds a fourth, the texture.)

    Parameters
    ----------
    image
        (C, H, W), from 0 to 1.
    regions
        (H, W), as from :func:`graph_segmentation`.

    Returns
    -------
    ndarray of float64
        (2 R − 1, 4) for R regions that hang together: x1, y1, x2, y2, the first R of them those of the regions
        themselves.

    References
    ----------
    J. Uijlings, K. van de Sande, T. Gevers and A. Smeulders, *Selective search for object recognition*, IJCV (2013),
    algorithm 1.

    Examples
    --------
    >>> grouping(np.zeros((1, 2, 3)), [[0, 0, 1], [0, 0, 1]])
    array([[0., 0., 2., 2.],
           [2., 0., 3., 2.],
           [0., 0., 3., 2.]])
    """
    image, regions = _image(image), numeric_array("regions", regions)
    if regions.shape != image.shape[1:]:
        raise ValueError(f"regions has shape {regions.shape}, but the image has {image.shape[1:]} pixels")
    if regions.min() < 0 or len(np.unique(regions)) != regions.max() + 1:
        raise ValueError("regions must be numbered 0, 1, 2, … without gaps")
    sizes, histograms, boxes = _describe(image, regions)
    neighbours = _neighbours(regions)
    total = float(regions.size)

    def alike(a: int, b: int) -> float:
        colour = np.minimum(histograms[a], histograms[b]).sum()
        both = np.concatenate([np.minimum(boxes[a][:2], boxes[b][:2]), np.maximum(boxes[a][2:], boxes[b][2:])])
        empty = (both[2] - both[0]) * (both[3] - both[1]) - sizes[a] - sizes[b]
        return colour + (1 - (sizes[a] + sizes[b]) / total) + (1 - empty / total)

    likeness = {(a, b): alike(a, b) for a, b in neighbours}
    while likeness:
        a, b = max(likeness, key=likeness.get)
        new = len(sizes)
        part = sizes[a] / (sizes[a] + sizes[b])
        sizes.append(sizes[a] + sizes[b])
        histograms.append(part * histograms[a] + (1 - part) * histograms[b])
        boxes.append(np.concatenate([np.minimum(boxes[a][:2], boxes[b][:2]), np.maximum(boxes[a][2:], boxes[b][2:])]))
        touching = {i for pair in likeness if a in pair or b in pair for i in pair} - {a, b}
        likeness = {pair: value for pair, value in likeness.items() if a not in pair and b not in pair}
        likeness |= {(other, new): alike(other, new) for other in sorted(touching)}
    return np.array(boxes, dtype=np.float64)


def _describe(image: np.ndarray, regions: np.ndarray) -> tuple[list[float], list[np.ndarray], list[np.ndarray]]:
    """For each region its number of pixels, its colour histogram (10 bins for each colour, sum 1), and its box."""
    bins, number = 10, int(regions.max()) + 1
    sizes = np.bincount(regions.ravel(), minlength=number).astype(float)
    counts = []
    for plane in image:
        level = np.minimum((plane * bins).astype(int), bins - 1).clip(0)
        counts.append(np.bincount((regions * bins + level).ravel(), minlength=number * bins).reshape(number, bins))
    histograms = np.concatenate(counts, axis=1) / (len(image) * sizes[:, None])
    boxes = [
        np.array([columns.start, rows.start, columns.stop, rows.stop])
        for rows, columns in ndimage.find_objects(regions + 1)
    ]
    return list(sizes), list(histograms), boxes


def _neighbours(regions: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of regions that touch along a side of a pixel, the smaller number first, in order."""
    pairs = set()
    for a, b in ((regions[:, :-1], regions[:, 1:]), (regions[:-1], regions[1:])):
        differ = a != b
        ends = np.stack([a[differ], b[differ]])
        pairs |= set(zip(ends.min(axis=0).tolist(), ends.max(axis=0).tolist(), strict=True))
    return sorted(pairs)


def region_proposals(image: Any, *, min_side: int = 10) -> np.ndarray:
    """Return boxes that may hold something: grouping, from two graph segmentations, a finer and a coarser one.

    Parameters
    ----------
    image
        (C, H, W), from 0 to 1.
    min_side
        Smaller boxes are left out, in pixels.

    Returns
    -------
    ndarray of float64
        (N, 4), x1, y1, x2, y2; no box twice.

    Examples
    --------
    >>> image = np.zeros((3, 32, 40))
    >>> image[:, 5:20, 10:30] = 1
    >>> bool((region_proposals(image) == [10, 5, 30, 20]).all(axis=1).any())
    True
    """
    image = _image(image)
    found = [grouping(image, graph_segmentation(image, scale)) for scale in SCALES]
    boxes = np.unique(np.concatenate(found), axis=0)
    return boxes[(boxes[:, 2] - boxes[:, 0] >= min_side) & (boxes[:, 3] - boxes[:, 1] >= min_side)]


SCALES = (0.1, 0.4)
"""The scales of the two graph segmentations, chosen on training scenes."""


def sliding_windows(height: int, width: int, sizes: Any, step: int) -> np.ndarray:
    """Return windows of some sizes at every ``step``-th place: the proposals of those who do not look.

    Parameters
    ----------
    height, width
        Of the image.
    sizes
        (height, width) of each kind of window.
    step
        Pixels from one window to the next.

    Examples
    --------
    >>> sliding_windows(4, 6, sizes=[(4, 4)], step=2)
    array([[0., 0., 4., 4.],
           [2., 0., 6., 4.]])
    """
    boxes = [
        (left, top, left + columns, top + rows)
        for rows, columns in sizes
        for top in range(0, height - rows + 1, step)
        for left in range(0, width - columns + 1, step)
    ]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def _image(image: Any) -> np.ndarray:
    image = numeric_array("image", image)
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}, but it must be (C, H, W)")
    return image.astype(np.float64)
