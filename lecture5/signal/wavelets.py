"""Orthogonal wavelets: a filter bank that takes a signal apart by scale, and puts it together again exactly.

One level is what a convolutional network calls a layer: two filters, circular padding, stride 2::

    approximation[k] = Σₙ low[n]  x[2k + n]        a blurred copy of half the length
    detail[k]        = Σₙ high[n] x[2k + n]        what the blur lost

with indices modulo the length. The next level does the same to the approximation. The filters are such that this is a
rotation of the space of signals: the inverse is the transpose (the *transposed convolution* with the same filters),
and the sum of squares stays what it was. So a coefficient that is small adds little to the signal: leave it
out, and little is lost. That is image compression.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import arguments

WAVELETS = ("haar", *(f"db{order}" for order in range(2, 21)))
"""Names of the wavelets: Haar (which is db1) and Daubechies' db2 to db20."""


@functools.cache
def daubechies(order: int) -> np.ndarray:
    """The low-pass filter of Daubechies' wavelet with ``order`` vanishing moments.

    It is the shortest filter, 2·order weights, that is orthogonal to its own shifts by 2, 4, … and whose high-pass
    partner gives exactly 0 on every polynomial of degree below ``order``. Order 1 is Haar's [1, 1]/√2.

    The power response must be |H(ω)|² = 2 (1 − y)^p P(y), where y = sin²(ω/2), p is the order, and
    P(y) = Σ_{k<p} C(p−1+k, k) yᵏ. On the unit circle y = (2 − z − 1/z)/4, so each root of P gives a pair of roots
    z, 1/z; H takes the one inside the circle (*minimum phase*), and p zeros at z = −1.

    Parameters
    ----------
    order
        Number of vanishing moments, 1 to 20; beyond that rounding of the roots begins to show.

    Returns
    -------
    numpy.ndarray
        (2·order,), float64, read-only, with sum √2. The order of the weights is that of Daubechies' table, which
        PyWavelets calls ``rec_lo``.

    References
    ----------
    I. Daubechies, *Ten Lectures on Wavelets* (SIAM, 1992), section 6.1 and table 6.1.

    Examples
    --------
    >>> daubechies(2).round(6)  # (1 + √3, 3 + √3, 3 − √3, 1 − √3) / 4√2
    array([ 0.482963,  0.836516,  0.224144, -0.12941 ])
    """
    order = arguments.integer("order", order, minimum=1)
    if order > 20:
        raise ValueError(f"order is {order}, but it must be at most 20")
    roots_y = np.roots([math.comb(order - 1 + k, k) for k in reversed(range(order))])
    centre = 1 - 2 * roots_y.astype(complex)  # z + 1/z = 2 − 4y
    roots_z = centre + np.sqrt(centre**2 - 1)
    roots_z = np.where(np.abs(roots_z) < 1, roots_z, 1 / roots_z)
    low = np.real(np.poly(np.concatenate([np.full(order, -1.0), roots_z])))
    low *= math.sqrt(2) / low.sum()
    low.flags.writeable = False
    return low


def wavelet_filters(wavelet: str) -> tuple[np.ndarray, np.ndarray]:
    """The low-pass and the high-pass filter of a wavelet, each orthogonal to its own even shifts and to the other's.

    Parameters
    ----------
    wavelet
        One of :data:`WAVELETS`.

    Returns
    -------
    low, high : numpy.ndarray
        Both (2p,) for db*p*. ``high[n] = (−1)ⁿ low[2p − 1 − n]``: turned round, every second sign changed.

    Examples
    --------
    >>> low, high = wavelet_filters("haar")
    >>> low.round(4), high.round(4)
    (array([0.7071, 0.7071]), array([ 0.7071, -0.7071]))
    """
    arguments.choice("wavelet", wavelet, WAVELETS)
    low = daubechies(1 if wavelet == "haar" else int(wavelet.removeprefix("db")))
    high = low[::-1] * (-1.0) ** np.arange(low.size)
    return low, high


def wavelet_kernels(wavelet: str, dimensions: int = 2) -> np.ndarray:
    """One level of the filter bank as the weights of a convolution layer with stride 2.

    Returns
    -------
    numpy.ndarray
        (2^dimensions, 1, *kernel_size): every product of low-pass (0) and high-pass (1) filters along the axes, counted
        in binary: in 2-D low-low, low-high, high-low, high-high, the first for the rows' axis (up and down).

    Examples
    --------
    >>> wavelet_kernels("haar")[:, 0].round(2).tolist()  # the mean, and differences across, down, and diagonal
    [[[0.5, 0.5], [0.5, 0.5]], [[0.5, -0.5], [0.5, -0.5]], [[0.5, 0.5], [-0.5, -0.5]], [[0.5, -0.5], [-0.5, 0.5]]]
    """
    dimensions = arguments.integer("dimensions", dimensions, minimum=1)
    filters = np.stack(wavelet_filters(wavelet))
    kernels = np.ones((1, 1))
    for _ in range(dimensions):
        products = np.multiply.outer(kernels, filters)  # (kernels, 1, *axes so far, 2, length)
        kernels = np.moveaxis(products, -2, 1).reshape(2 * len(kernels), *kernels.shape[1:], filters.shape[1])
    return kernels


def analyse(x: Any, wavelet: str = "db2", axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """One level of the filter bank along one axis: (approximation, detail), each of half the length.

    Parameters
    ----------
    x
        Array whose ``axis`` has an even length.
    wavelet
        One of :data:`WAVELETS`.

    Examples
    --------
    >>> approximation, detail = analyse([1, 3, 5, 5], "haar")
    >>> approximation.round(4), detail.round(4)
    (array([2.8284, 7.0711]), array([-1.4142,  0.    ]))
    """
    x = np.moveaxis(_floating("x", x), axis, -1)
    if x.shape[-1] % 2:
        raise ValueError(f"x has length {x.shape[-1]} along axis {axis}, but it must be even: pad it by one")
    approximation, detail = 0, 0
    for n, (low, high) in enumerate(zip(*wavelet_filters(wavelet), strict=True)):
        shifted = np.roll(x, -n, axis=-1)[..., ::2]  # x[2k + n]
        approximation = approximation + x.dtype.type(low) * shifted
        detail = detail + x.dtype.type(high) * shifted
    return np.moveaxis(approximation, -1, axis), np.moveaxis(detail, -1, axis)


def synthesise(approximation: Any, detail: Any, wavelet: str = "db2", axis: int = -1) -> np.ndarray:
    """The inverse of :func:`analyse`, which is its transpose: each coefficient adds its filter to the signal.

    Examples
    --------
    >>> synthesise(*analyse([4, 1, 3, 9], "db3"), "db3").round(12)
    array([4., 1., 3., 9.])
    """
    approximation = np.moveaxis(_floating("approximation", approximation), axis, -1)
    detail = np.moveaxis(_floating("detail", detail), axis, -1)
    if approximation.shape != detail.shape:
        raise ValueError(
            f"approximation has shape {approximation.shape} and detail {detail.shape} ({axis=} last): make them equal"
        )
    x = np.zeros((*detail.shape[:-1], 2 * detail.shape[-1]), np.result_type(approximation, detail))
    for n, (low, high) in enumerate(zip(*wavelet_filters(wavelet), strict=True)):
        spread = np.zeros_like(x)
        spread[..., ::2] = x.dtype.type(low) * approximation + x.dtype.type(high) * detail
        x += np.roll(spread, n, axis=-1)
    return np.moveaxis(x, -1, axis)


def wavelet_transform(
    x: Any, wavelet: str = "db2", levels: int = 1, axes: int | Sequence[int] = (-2, -1)
) -> np.ndarray:
    """The orthogonal wavelet transform of an image, a sound or a volume, in Mallat's pyramid layout.

    Each level halves the approximation along every axis, and puts the new, smaller approximation in the corner with
    index 0, the details beside it. :func:`subbands` says where each one lies.

    Parameters
    ----------
    x
        Array. Axes that are not transformed (batch, channels) are carried along.
    wavelet
        One of :data:`WAVELETS`.
    levels
        How often to halve; the transformed axes must be divisible by 2^levels.
    axes
        The axes to transform: -1 for sounds, (-2, -1) for images.

    Returns
    -------
    numpy.ndarray
        Coefficients, of the shape of ``x``; float32 stays float32, anything else becomes float64. Their sum of squares
        is that of ``x``.

    References
    ----------
    S. Mallat, "A theory for multiresolution signal decomposition: the wavelet representation", IEEE PAMI 11 (1989).

    Examples
    --------
    >>> flat = np.ones((4, 4))
    >>> wavelet_transform(flat, "haar", levels=2).round(12) + 0.0  # all of it in one coefficient
    array([[4., 0., 0., 0.],
           [0., 0., 0., 0.],
           [0., 0., 0., 0.],
           [0., 0., 0., 0.]])
    """
    coefficients = _floating("x", x).copy()
    axes = _check_levels(coefficients.shape, levels, axes)
    for level in range(levels):
        corner = _corner(coefficients.shape, axes, level)
        for axis in axes:
            coefficients[corner] = np.concatenate(analyse(coefficients[corner], wavelet, axis), axis)
    return coefficients


def inverse_wavelet_transform(
    coefficients: Any, wavelet: str = "db2", levels: int = 1, axes: int | Sequence[int] = (-2, -1)
) -> np.ndarray:
    """The array whose :func:`wavelet_transform`, with the same settings, is ``coefficients``.

    Examples
    --------
    >>> image = np.arange(64.0).reshape(8, 8)
    >>> coefficients = wavelet_transform(image, "db2", levels=3)
    >>> np.allclose(inverse_wavelet_transform(coefficients, "db2", levels=3), image)
    True
    """
    x = _floating("coefficients", coefficients).copy()
    axes = _check_levels(x.shape, levels, axes)
    for level in reversed(range(levels)):
        corner = _corner(x.shape, axes, level)
        for axis in reversed(axes):
            x[corner] = synthesise(*np.split(x[corner], 2, axis), wavelet, axis)
    return x


class Subband(NamedTuple):
    """One rectangle of a wavelet transform: its level (1 is the finest), name, and place."""

    level: int
    name: str
    where: tuple[slice, ...]


def subbands(shape: Sequence[int], levels: int) -> list[Subband]:
    """Where each subband of a :func:`wavelet_transform` over all axes of ``shape`` lies, coarsest first.

    A name has one letter per axis: L where that axis was low-passed, H where it was high-passed. In 2-D "LH" is low up
    and down, high across: it answers to vertical edges.

    Examples
    --------
    >>> for band in subbands((8, 8), levels=1):
    ...     print(band.level, band.name, band.where)
    1 LL (slice(0, 4, None), slice(0, 4, None))
    1 LH (slice(0, 4, None), slice(4, 8, None))
    1 HL (slice(4, 8, None), slice(0, 4, None))
    1 HH (slice(4, 8, None), slice(4, 8, None))
    """
    _check_levels(shape, levels, range(len(shape)))
    bands = []
    for level in range(levels, 0, -1):
        halves = [{"L": slice(0, n >> level), "H": slice(n >> level, n >> (level - 1))} for n in shape]
        for letters in np.ndindex(*[2] * len(shape)):
            name = "".join("LH"[letter] for letter in letters)
            if "H" in name or level == levels:
                bands.append(
                    Subband(level, name, tuple(half[letter] for half, letter in zip(halves, name, strict=True)))
                )
    return bands


def keep_largest(coefficients: Any, fraction: float) -> np.ndarray:
    """Keep the given fraction of the coefficients, those largest in absolute value, and set the others to 0.

    For an orthogonal transform this is the best approximation that so few coefficients can give: the squared error is
    the sum of squares of those left out.

    Parameters
    ----------
    coefficients
        Array of any shape.
    fraction
        From 0 to 1; the number kept is rounded to the nearest integer.

    Examples
    --------
    >>> keep_largest([3.0, -5.0, 1.0, 0.5], 0.5)
    array([ 3., -5.,  0.,  0.])
    """
    coefficients = _floating("coefficients", coefficients)
    count = round(arguments.real("fraction", fraction, minimum=0, maximum=1) * coefficients.size)
    order = np.argsort(-np.abs(coefficients), axis=None, kind="stable")  # of equal ones, the first is kept
    kept = np.zeros_like(coefficients)
    kept.flat[order[:count]] = coefficients.flat[order[:count]]
    return kept


def soft_threshold(coefficients: Any, threshold: float) -> np.ndarray:
    """Move every coefficient towards 0 by ``threshold``, and stop there: the denoising of wavelet coefficients.

    White noise of standard deviation σ is spread evenly over all coefficients, an image sits in few large ones. The
    threshold σ √(2 ln n), for n coefficients, sets nearly all of the noise to 0, and much of a textured image with it;
    on photographs the squared error is often smallest between σ and 2σ.

    References
    ----------
    D. L. Donoho, "De-noising by soft-thresholding", IEEE Trans. Information Theory 41 (1995), 613–627.

    Examples
    --------
    >>> soft_threshold([3.0, -5.0, 1.0, 0.5], 1.0) + 0.0
    array([ 2., -4.,  0.,  0.])
    """
    coefficients = _floating("coefficients", coefficients)
    threshold = arguments.real("threshold", threshold, minimum=0)
    return np.sign(coefficients) * np.maximum(np.abs(coefficients) - threshold, 0)


def _floating(name: str, value: Any) -> np.ndarray:
    """The argument as an array of float32 if it is one, else of float64."""
    array = arguments.numeric_array(name, value)
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def _check_levels(shape: Sequence[int], levels: int, axes: int | Sequence[int]) -> tuple[int, ...]:
    """Check that every axis can be halved ``levels`` times, and return the axes as a tuple."""
    levels = arguments.integer("levels", levels, minimum=0)
    axes = tuple(np.atleast_1d(axes).tolist())
    for axis in axes:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"axes is {axes}, but an array of shape {tuple(shape)} has no axis {axis}")
        if sum(other % len(shape) == axis % len(shape) for other in axes) > 1:
            raise ValueError(f"axes is {axes}, which names axis {axis} twice")
        if shape[axis] % 2**levels:
            raise ValueError(
                f"levels is {levels}, but axis {axis} of shape {tuple(shape)} is not divisible by 2^{levels} = "
                f"{2**levels}: take fewer levels, or pad to {math.ceil(shape[axis] / 2**levels) * 2**levels}"
            )
    return axes


def _corner(shape: Sequence[int], axes: Sequence[int], level: int) -> tuple[slice, ...]:
    """The corner of the pyramid that holds the approximation after ``level`` halvings."""
    corner = [slice(None)] * len(shape)
    for axis in axes:
        corner[axis] = slice(0, shape[axis] >> level)
    return tuple(corner)
