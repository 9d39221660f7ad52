"""The classic hand-made kernels, each with its formula and the way it points.

**Orientation.** The first axis of a 2-D kernel is the row ``y``, growing downwards; the second is the column ``x``,
growing to the right, as in ``lecture5.conv2d``. Every kernel is written for the *cross-correlation* that ``conv2d``
computes: the kernel is laid on the image as it is printed here. ``lecture5.convolve`` turns it by 180 degrees first.
For the symmetric kernels (identity, box, Gaussian, Laplacian, sharpen) this changes nothing; for Sobel it changes the
sign.

The fixed kernels are module constants, and read-only: copy one (``LAPLACIAN.copy()``) before you change it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .. import arguments


def _fixed(rows: list[list[float]]) -> np.ndarray:
    kernel = np.array(rows, dtype=np.float64)
    kernel.flags.writeable = False
    return kernel


IDENTITY = _fixed([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
"""The unit impulse δ: leaves every image as it is. H(ω) = 1."""

SOBEL_X = _fixed([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
"""Eight times the derivative along x (to the right) of the slightly smoothed image: [1, 2, 1]ᵀ [−1, 0, 1].

Positive where the image grows brighter to the right, so it answers to *vertical* edges. H(ω_y, ω_x) as convolution is
−2i sin ω_x (2 + 2 cos ω_y).
"""

SOBEL_Y = _fixed([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
"""The transpose of :data:`SOBEL_X`: positive where the image grows brighter downwards, on *horizontal* edges."""

LAPLACIAN = _fixed([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
"""The lecture's kernel: eight times the pixel, minus its eight neighbours: nine times (pixel − mean of 3×3 window).

H(ω₁, ω₂) = 9 − (1 + 2 cos ω₁)(1 + 2 cos ω₂): 0 for a constant image, 8 at (π, π), largest at (0, π) and (π, 0), where
it is 12. A high-pass filter. Its sign is that of −∇²: positive on a bright dot.
"""

LAPLACIAN_4 = _fixed([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
"""Four times the pixel, minus its four nearest neighbours: the usual finite difference for −∇² (with spacing 1).

H(ω₁, ω₂) = 4 − 2 cos ω₁ − 2 cos ω₂: 0 for a constant image, largest at (π, π), where it is 8.
"""

SHARPEN = _fixed([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
"""The image plus its detail, :data:`IDENTITY` + :data:`LAPLACIAN_4`. Keeps the mean (H(0) = 1), raises the rest."""


def box(size: int | Sequence[int], dimensions: int = 2) -> np.ndarray:
    """The mean of a window: every weight is one over the number of weights.

    Parameters
    ----------
    size
        Number of weights along each axis, an int or one per axis.
    dimensions
        Number of axes.

    Returns
    -------
    numpy.ndarray
        float64, of shape ``size``, with sum 1. For an odd size n along one axis its frequency response is the Dirichlet
        kernel sin(nω/2) / (n sin(ω/2)). It is negative for some ω: a box blur swaps the dark and the bright of such
        stripes.

    Examples
    --------
    >>> box((1, 4))
    array([[0.25, 0.25, 0.25, 0.25]])
    >>> box(3, dimensions=3).shape
    (3, 3, 3)
    """
    dimensions = arguments.integer("dimensions", dimensions, minimum=1)
    shape = arguments.per_axis("size", size, dimensions, minimum=1)
    return np.full(shape, 1 / math.prod(shape))


def gaussian(sigma: float, size: int | Sequence[int] | None = None, dimensions: int = 2) -> np.ndarray:
    """A Gaussian bell, exp(−|n|² / 2σ²), sampled at the pixels' distances n from the middle, scaled to sum 1.

    Parameters
    ----------
    sigma
        Standard deviation σ in pixels, above 0.
    size
        Number of weights along each axis, an int or one per axis; by default 2⌈3σ⌉ + 1, which reaches three σ each way.
        The middle of an even size lies between two pixels.
    dimensions
        Number of axes.

    Returns
    -------
    numpy.ndarray
        float64, of shape ``size``. It is the product of one 1-D bell per axis (*separable*), so a blur can run along
        the rows and then along the columns. Its frequency response is close to exp(−σ²|ω|²/2), again a bell.

    Examples
    --------
    >>> gaussian(1.0, size=3, dimensions=1).round(4)
    array([0.2741, 0.4519, 0.2741])
    >>> gaussian(1.5).shape
    (11, 11)
    """
    sigma = arguments.real("sigma", sigma, above=0)
    dimensions = arguments.integer("dimensions", dimensions, minimum=1)
    shape = arguments.per_axis("size", 2 * math.ceil(3 * sigma) + 1 if size is None else size, dimensions, minimum=1)
    squared_distance = sum(n**2 for n in _centred_grid(shape))
    kernel = np.exp(-squared_distance / (2 * sigma**2))
    return kernel / kernel.sum()


def gabor(
    wavelength: float,
    angle: float,
    sigma: float,
    size: int | Sequence[int] | None = None,
    *,
    phase: float = 0.0,
    aspect: float = 1.0,
) -> np.ndarray:
    """A wave under a Gaussian window: finds stripes or edges of one width and one direction.

    With x to the right, y downwards, both from the middle of the kernel, and θ the ``angle``::

        u =  x cos θ + y sin θ        along the wave
        v = −x sin θ + y cos θ        along the crests
        w = exp(−(u² + aspect² v²) / 2σ²) cos(2πu / wavelength + phase)

    Parameters
    ----------
    wavelength
        Distance between two crests in pixels, above 0; below 2 the wave cannot be sampled and looks like a longer one.
    angle
        Direction θ in which the wave runs, in radians from the x axis towards the y axis, so clockwise on the screen.
        0 gives vertical stripes, π/2 horizontal ones.
    sigma
        Standard deviation of the window along the wave, in pixels, above 0.
    size
        Number of weights, an int or (rows, columns); by default 2⌈3 max(σ, σ/aspect)⌉ + 1.
    phase
        In radians: 0 gives an even kernel (a line detector), −π/2 an odd one (an edge detector: positive where the
        image grows brighter along u).
    aspect
        The window's width along u over its length along v; below 1 the kernel is long and choosy about direction.

    Returns
    -------
    numpy.ndarray
        float64, not normalised: its largest possible value is 1. An even Gabor kernel has a small mean, so a
        constant image gives a small answer; the Morlet wavelets of a scattering transform are corrected for this.

    References
    ----------
    J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation optimized by
    two-dimensional visual cortical filters", J. Opt. Soc. Am. A 2 (1985), 1160–1169.

    Examples
    --------
    >>> gabor(wavelength=4, angle=0, sigma=1, size=(1, 5)).round(3)  # cos(πx/2) under a bell
    array([[-0.135,  0.   ,  1.   ,  0.   , -0.135]])
    """
    wavelength = arguments.real("wavelength", wavelength, above=0)
    angle = arguments.real("angle", angle)
    sigma = arguments.real("sigma", sigma, above=0)
    phase = arguments.real("phase", phase)
    aspect = arguments.real("aspect", aspect, above=0)
    if size is None:
        size = 2 * math.ceil(3 * max(sigma, sigma / aspect)) + 1
    y, x = _centred_grid(arguments.per_axis("size", size, 2, minimum=1))
    u = x * math.cos(angle) + y * math.sin(angle)
    v = -x * math.sin(angle) + y * math.cos(angle)
    window = np.exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2))
    return window * np.cos(2 * math.pi * u / wavelength + phase)


def _centred_grid(shape: tuple[int, ...]) -> list[np.ndarray]:
    """One array of coordinates per axis, zero in the middle of the shape; they broadcast against each other."""
    return list(np.ix_(*(np.arange(size) - (size - 1) / 2 for size in shape)))
