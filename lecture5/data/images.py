"""Small labelled images: handwritten digits and photographs of clothes, 28 × 28 cells each."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np

from ..arguments import choice

FASHION_CLASSES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def digits(part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return handwritten digits of the MNIST collection and what they are: 12,000 to learn from, 2,000 to test on.

    Each of the ten digits is there equally often. The two parts were written by different people.

    Parameters
    ----------
    part
        ``"train"`` or ``"test"``.

    Returns
    -------
    images : ndarray of float32
        (N, 1, 28, 28), from 0 (paper) to 1 (ink).
    labels : ndarray of int64
        (N,), 0 to 9.

    Raises
    ------
    lecture5.data.DataError
        If the file is missing or damaged.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document recognition*,
    Proceedings of the IEEE (1998).

    Examples
    --------
    >>> images, labels = digits("test")
    >>> images.shape, labels[:5]
    ((2000, 1, 28, 28), array([1, 4, 4, 0, 5]))
    """
    return _labelled_images("digits", part)


def fashion(part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return photographs of clothes from Fashion-MNIST and what they are: 8,000 to learn from, 2,000 to test on.

    They have the form of :func:`digits`, and are harder: a shirt is not easily told from a pullover. Each of the ten
    classes, :data:`FASHION_CLASSES`, is there equally often.

    Parameters
    ----------
    part
        ``"train"`` or ``"test"``.

    Returns
    -------
    images : ndarray of float32
        (N, 1, 28, 28), from 0 (background) to 1.
    labels : ndarray of int64
        (N,), 0 to 9: positions in :data:`FASHION_CLASSES`.

    Raises
    ------
    lecture5.data.DataError
        If the file is missing or damaged.

    References
    ----------
    H. Xiao, K. Rasul and R. Vollgraf, *Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms*, arXiv:1708.07747 (2017).

    Examples
    --------
    >>> images, labels = fashion("test")
    >>> images.shape, FASHION_CLASSES[labels[0]]
    ((2000, 1, 28, 28), 'trousers')
    """
    return _labelled_images("fashion", part)


def _labelled_images(name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    choice("part", part, ("train", "test"))
    stored = _arrays(name)
    images = stored[f"{part}_images"][:, None].astype(np.float32) / 255
    return images, stored[f"{part}_labels"].astype(np.int64)


@lru_cache(maxsize=2)  # as bytes, the smallest form: what is handed out is a copy
def _arrays(name: str) -> dict[str, np.ndarray]:
    from . import _verified

    with np.load(io.BytesIO(_verified(name, ".npz")), allow_pickle=False) as archive:
        return dict(archive)
