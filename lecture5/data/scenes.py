"""Scenes for detection and segmentation: real clothes on real photographs, among handwritten digits as clutter.

Each scene is drawn from a seed of its own, so that it is the same however many are asked for. What is where is known
exactly, because we put it there: a class for each pixel, and a box for each thing.
"""

from __future__ import annotations

import io
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from ..arguments import choice, integer
from .images import FASHION_CLASSES, digits, fashion

SCENE_CLASSES = ("background", "T-shirt", "trousers", "sneaker", "bag", "ankle boot")
SIZE = 64
# The photographs behind the test scenes are never seen in training.
_PHOTOGRAPHS = {"train": ("coffee", "astronaut", "rocket", "flower"), "test": ("cat", "palace")}
_PARTS = {"train": 0, "validation": 1, "test": 2}


class Scenes(NamedTuple):
    """A number of scenes and what is in them.

    Attributes
    ----------
    images : ndarray of float32
        (N, 3, 64, 64), red, green and blue from 0 to 1.
    masks : ndarray of int64
        (N, 64, 64), the class of each pixel: a position in :data:`SCENE_CLASSES`, 0 for the background.
    boxes : list of ndarray
        For each scene (things, 4): x1, y1, x2, y2. The thing's pixels have columns from x1 to x2 − 1 and rows from y1
        to y2 − 1.
    labels : list of ndarray
        For each scene (things,): the class of each box, 1 to 5.
    """

    images: np.ndarray
    masks: np.ndarray
    boxes: list[np.ndarray]
    labels: list[np.ndarray]


def scenes(part: str = "train", count: int = 100) -> Scenes:
    """Return ``count`` scenes: one to three pieces of clothing, and two to four digits, on a piece of a photograph.

    The clothes are those of :func:`lecture5.data.fashion`, tinted, turned a little, 20 to 36 cells large. The digits
    are clutter: they belong to the background.

    Parameters
    ----------
    part
        ``"train"``, ``"validation"`` (the same photographs, other clothes) or ``"test"`` (other photographs, other
        clothes, other digits).
    count
        How many. The first scenes are the same whatever the number.

    Examples
    --------
    >>> drawn = scenes("test", 2)
    >>> drawn.images.shape, drawn.masks.shape
    ((2, 3, 64, 64), (2, 64, 64))
    >>> [len(boxes) for boxes in drawn.boxes] == [len(labels) for labels in drawn.labels]
    True
    """
    choice("part", part, _PARTS)
    count = integer("count", count, minimum=1)
    stock = _stock(part)
    drawn = [_scene(stock, np.random.default_rng([_PARTS[part], number])) for number in range(count)]
    images, masks, boxes, labels = zip(*drawn, strict=True)
    return Scenes(np.stack(images), np.stack(masks), list(boxes), list(labels))


class _Stock(NamedTuple):
    """What scenes are made of: photographs, and for each class the clothes with their outlines."""

    photographs: tuple[np.ndarray, ...]
    clothes: tuple[tuple[np.ndarray, np.ndarray], ...]
    digits: np.ndarray


@cache
def _stock(part: str) -> _Stock:
    source = "test" if part == "test" else "train"
    images, labels = (array[-1000:] if part == "validation" else array[:7000] for array in fashion(source))
    clothes = []
    for name in SCENE_CLASSES[1:]:
        of_class = images[labels == FASHION_CLASSES.index(name), 0][:400]
        clothes.append((of_class, np.stack([outline(image) for image in of_class])))
    return _Stock(tuple(map(_background, _PHOTOGRAPHS[source])), tuple(clothes), digits(source)[0][:500, 0])


def _background(name: str) -> np.ndarray:
    """A small photograph in colour, (3, about 100, W)."""
    from . import _verified, photograph

    if name == "coffee":
        pixels = photograph("coffee", colour=True)
        return pixels.reshape(3, 100, 2, 150, 2).mean(axis=(2, 4))
    with np.load(io.BytesIO(_verified("backgrounds", ".npz")), allow_pickle=False) as archive:
        return archive[name] / 255


def outline(image: np.ndarray) -> np.ndarray:
    """Return which cells of a piece of clothing belong to it, (28, 28): the largest bright piece, without holes."""
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(image, 2) > 0.05))[2:-2, 2:-2]
    pieces, number = ndimage.label(filled)
    if number == 0:
        return filled
    return pieces == 1 + np.argmax(ndimage.sum_labels(filled, pieces, range(1, number + 1)))


def _scene(stock: _Stock, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    image, mask = _crop(stock.photographs[rng.integers(len(stock.photographs))], rng), np.zeros((SIZE, SIZE), np.int64)
    for _ in range(rng.integers(2, 5)):
        ink = stock.digits[rng.integers(len(stock.digits))]
        _paste(image, ink, ink > 0.4, rng.integers(12, 25), rng)
    boxes, labels = [], []
    for _ in range(rng.integers(1, 4)):
        label = int(rng.integers(1, len(SCENE_CLASSES)))
        clothes, outlines = stock.clothes[label - 1]
        number = rng.integers(len(clothes))
        covered = _paste(image, clothes[number], outlines[number], rng.integers(20, 37), rng, free=mask == 0)
        if covered is not None:
            mask[covered] = label
            (rows,), (columns,) = (np.nonzero(covered.any(axis=axis)) for axis in (1, 0))
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            labels.append(label)
    image += rng.normal(scale=0.02, size=image.shape)
    return image.clip(0, 1).astype(np.float32), mask, np.array(boxes, float).reshape(-1, 4), np.array(labels, np.int64)


def _crop(photograph: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A square piece of a photograph, 50 to 100 pixels large, as SIZE × SIZE pixels, perhaps mirrored."""
    side = rng.integers(50, photograph.shape[1] + 1)
    top, left = (rng.integers(size - side + 1) for size in photograph.shape[1:])
    places = (np.arange(SIZE) + 0.5) * side / SIZE - 0.5
    rows, columns = np.meshgrid(top + places, left + places, indexing="ij")
    piece = np.stack([ndimage.map_coordinates(plane, [rows, columns], order=1, mode="nearest") for plane in photograph])
    return piece[:, :, ::-1].copy() if rng.random() < 0.5 else piece


def _paste(
    image: np.ndarray,
    thing: np.ndarray,
    shape: np.ndarray,
    size: int,
    rng: np.random.Generator,
    free: np.ndarray | None = None,
) -> np.ndarray | None:
    """Put a tinted thing somewhere on the image, and return which pixels it covers.

    With ``free`` it must fall on free pixels only; after ten attempts there is no place, and the answer is None.
    """
    angle, mirrored = np.deg2rad(rng.uniform(-15, 15)), rng.random() < 0.5
    middle, step = (len(thing) - 1) / 2, len(thing) / size
    turn = step * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = middle - turn @ np.full(2, (size - 1) / 2)
    if mirrored:
        thing, shape = thing[:, ::-1], shape[:, ::-1]
    stamp = ndimage.affine_transform(shape.astype(float), turn, offset, (size, size), order=1) > 0.5
    light = ndimage.affine_transform(thing.astype(float), turn, offset, (size, size), order=1)
    tint, dark = rng.uniform(0.15, 1, size=3), rng.uniform(0.2, 0.6)
    colours = tint[:, None] * (dark + (1 - dark) * light[stamp])
    for _ in range(10):
        top, left = rng.integers(0, SIZE - size + 1, size=2)
        covered = np.zeros((SIZE, SIZE), dtype=bool)
        covered[top : top + size, left : left + size] = stamp
        if covered.any() and (free is None or free[covered].all()):
            image[:, covered] = colours
            return covered
    return None
