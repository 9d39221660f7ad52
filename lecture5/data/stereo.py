"""Two photographs of one scene, from two places, and how far each point moved between them."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np


class StereoPair(NamedTuple):
    """Attributes: ``left``, ``right``, (125, 185) from 0 (black) to 1 (white); ``disparity`` (125, 185), by how many
    columns a point of the left photograph lies further left in the right one, NaN where that was not measured."""

    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray


def stereo_pair() -> StereoPair:
    """Return two photographs of a motorcycle, taken side by side, and the measured disparity.

    Rows correspond: a point that is at column c in the left photograph is in the same row of the right one, at column
    c − disparity. The nearer it is, the larger its disparity.

    Raises
    ------
    lecture5.data.DataError
        If the file is missing or damaged.

    References
    ----------
    D. Scharstein, H. Hirschmüller, Y. Kitajima, G. Krathwohl, N. Nešić, X. Wang and P. Westling, *High-resolution
    stereo datasets with subpixel-accurate ground truth*, German Conference on Pattern Recognition (2014).

    Examples
    --------
    >>> pair = stereo_pair()
    >>> pair.left.shape, float(np.nanmax(pair.disparity).round(1))
    ((125, 185), 15.0)
    """
    from . import _verified

    with np.load(io.BytesIO(_verified("stereo", ".npz"))) as arrays:
        left, right = (arrays[name] / 255 for name in ("left", "right"))
        return StereoPair(left, right, arrays["disparity"].astype(np.float64))
