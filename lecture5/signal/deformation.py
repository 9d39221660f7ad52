"""Moving and bending images, to measure which features stay put."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage

from .. import arguments


def random_displacement(shape: tuple[int, int], strength: float, seed: int, smoothness: float = 4.0) -> np.ndarray:
    """A random, smooth displacement τ of every pixel, as a hand-drawn digit differs from the next one.

    Parameters
    ----------
    shape
        (H, W).
    strength
        The largest |∇τ| (Frobenius norm of the 2 × 2 matrix of derivatives) anywhere: 0 leaves the image as it is,
        below 1 nothing folds over.
    seed
        For ``numpy.random.default_rng``.
    smoothness
        Standard deviation in pixels of the Gaussian that smooths white noise into τ.

    Returns
    -------
    numpy.ndarray
        (2, H, W): how far down and how far to the right each pixel moves, in pixels. Periodic, with mean 0.

    Examples
    --------
    >>> random_displacement((16, 16), strength=0.2, seed=0).shape
    (2, 16, 16)
    """
    shape = arguments.per_axis("shape", shape, 2, minimum=2)
    strength = arguments.real("strength", strength, minimum=0)
    smoothness = arguments.real("smoothness", smoothness, above=0)
    noise = np.random.default_rng(seed).normal(size=(2, *shape))
    tau = scipy.ndimage.gaussian_filter(noise, (0, smoothness, smoothness), mode="wrap")
    tau -= tau.mean(axis=(1, 2), keepdims=True)
    slopes = [(np.roll(tau, -1, axis) - np.roll(tau, 1, axis)) / 2 for axis in (1, 2)]
    return tau * (strength / np.sqrt(np.square(slopes).sum(axis=(0, 1))).max())


def warp(x: Any, displacement: Any) -> np.ndarray:
    """Bend images: the pixel at p shows what was at p − τ(p), between pixels by cubic splines.

    Parameters
    ----------
    x
        (..., H, W). What leaves on one side enters on the opposite one.
    displacement
        τ, (2, H, W) in pixels, down and to the right: from :func:`random_displacement`, or constant, for a shift that
        need not be whole.

    Returns
    -------
    numpy.ndarray
        (..., H, W), float32 if x is, else float64.

    Examples
    --------
    >>> image = np.eye(4)
    >>> down = np.stack([np.ones((4, 4)), np.zeros((4, 4))])
    >>> np.allclose(warp(image, down), np.roll(image, 1, axis=0))
    True
    """
    x = arguments.numeric_array("x", x)
    displacement = arguments.numeric_array("displacement", displacement)
    if x.ndim < 2 or displacement.shape != (2, *x.shape[-2:]):
        raise ValueError(
            f"displacement has shape {displacement.shape} and x {x.shape}, but they must be (2, H, W) and (..., H, W)"
        )
    x = x if x.dtype == np.float32 else x.astype(np.float64)
    sources = np.indices(x.shape[-2:]) - displacement
    images = x.reshape(-1, *x.shape[-2:])
    warped = [scipy.ndimage.map_coordinates(image, sources, order=3, mode="grid-wrap") for image in images]
    return np.array(warped, x.dtype).reshape(x.shape)


def relative_change(features: Any, changed: Any) -> float:
    """How far features moved, compared with their size: ‖changed − features‖ / ‖features‖.

    Examples
    --------
    >>> relative_change([3.0, 4.0], [3.0, 9.0])
    1.0
    """
    features = arguments.numeric_array("features", features, allow_complex=True)
    changed = arguments.numeric_array("changed", changed, allow_complex=True)
    if features.shape != changed.shape or not features.any():
        raise ValueError(
            f"features has shape {features.shape} and changed {changed.shape}, "
            "but they must be equal, and features not all 0"
        )
    return float(np.linalg.norm((changed - features).ravel()) / np.linalg.norm(features.ravel()))


def relative_move(features: Any, changed: Any) -> np.ndarray:
    """How far each image's features moved, in units of the mean distance between the features of two images.

    0 is an invariant; 1 says that a changed image is as far from itself as another image is. Unlike
    :func:`relative_change` this does not flatter features with a large part that is common to all images.

    Parameters
    ----------
    features, changed
        (N, ...), of N ≥ 2 images and of the same images after a change.

    Returns
    -------
    numpy.ndarray
        (N,).

    Examples
    --------
    >>> relative_move([[0.0, 0.0], [3.0, 4.0]], [[1.0, 0.0], [3.0, 4.0]])
    array([0.2, 0. ])
    """
    features = arguments.numeric_array("features", features)
    changed = arguments.numeric_array("changed", changed)
    if features.shape != changed.shape or features.ndim < 2 or len(features) < 2:
        raise ValueError(
            f"features has shape {features.shape} and changed {changed.shape}, "
            "but they must be equal, (N, ...), with two images or more"
        )
    before, after = (array.reshape(len(array), -1).astype(np.float64) for array in (features, changed))
    squares = (before**2).sum(axis=1)
    pairs = np.sqrt(np.maximum(squares[:, None] + squares - 2 * before @ before.T, 0))
    np.fill_diagonal(pairs, 0)  # rounding, under the root, would be seen
    if not pairs.any():
        raise ValueError("features are the same for all images: there is nothing to compare a move with")
    count = len(before)
    return np.linalg.norm(after - before, axis=1) / (pairs.sum() / (count * (count - 1)))
