"""Half seconds of speech, from four sets of telephone announcements."""

from __future__ import annotations

import numpy as np

from ..arguments import choice
from .images import _arrays

VOICES = ("Allison, English", "Allison, Spanish", "June, French", "Carlo, Italian")
RATE = 8000
WINDOW = RATE // 2
_MU = 255


def encode(samples: np.ndarray) -> np.ndarray:
    """Round samples from −1 to 1 to 256 levels that lie closer together near zero: the μ-law of telephones.

    Examples
    --------
    >>> encode(np.array([-1.0, 0.0, 1.0])).tolist()
    [0, 128, 255]
    """
    bent = np.sign(samples) * np.log1p(_MU * np.abs(samples)) / np.log1p(_MU)
    return np.round((bent + 1) / 2 * 255).astype(np.uint8)


def decode(codes: np.ndarray) -> np.ndarray:
    """Undo :func:`encode`, but for the rounding.

    Examples
    --------
    >>> decode(np.array([0, 255], dtype=np.uint8)).round(6).tolist()
    [-1.0, 1.0]
    """
    bent = codes / 255 * 2 - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(_MU)) / _MU


def voices(part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return half seconds of speech and whose they are: 720 to learn from, 240 to test on.

    They come from four sets of recordings, :data:`VOICES`, each equally often. The first two were spoken by the same
    person in two languages. No recording is in both parts.

    Parameters
    ----------
    part
        ``"train"`` or ``"test"``.

    Returns
    -------
    sounds : ndarray of float32
        (N, 1, 4000): 8,000 samples a second, the air pressure from −1 to 1.
    labels : ndarray of int64
        (N,), 0 to 3: positions in :data:`VOICES`.

    Raises
    ------
    lecture5.data.DataError
        If the file is missing or damaged.

    Examples
    --------
    >>> sounds, labels = voices("test")
    >>> sounds.shape, np.bincount(labels).tolist()
    ((240, 1, 4000), [60, 60, 60, 60])
    """
    choice("part", part, ("train", "test"))
    codes = _arrays("voices")[part]
    labels = np.repeat(np.arange(len(VOICES)), codes.shape[1])
    return decode(codes).astype(np.float32).reshape(-1, 1, WINDOW), labels
