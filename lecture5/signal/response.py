"""What a kernel does to each frequency: its frequency response, and whether that makes it a low or a high pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import arguments


def impulse(shape: int | Sequence[int]) -> np.ndarray:
    """A single 1 at index ``size // 2`` of every axis, zeros elsewhere.

    Whatever linear, shift-equivariant thing is done to it, the answer is that thing's kernel, its *impulse response*.

    Examples
    --------
    >>> impulse(5)
    array([0., 0., 1., 0., 0.])
    >>> impulse((3, 4)).nonzero()
    (array([1]), array([2]))
    """
    dimensions = len(shape) if isinstance(shape, (list, tuple)) else 1
    array = np.zeros(arguments.per_axis("shape", shape, dimensions, minimum=1))
    array[tuple(size // 2 for size in array.shape)] = 1
    return array


def frequency_grid(points: int = 129, dimensions: int = 2) -> tuple[np.ndarray, ...]:
    """Frequencies from −π to π along each axis, in radians per pixel, ready for :func:`frequency_response`.

    Returns one array per axis, shaped so that they broadcast to ``(points,) * dimensions``. With an odd number of
    points the middle one is exactly 0, and both ends are ±π: the fastest wave that pixels can carry, +1, −1, +1, …

    Examples
    --------
    >>> rows, columns = frequency_grid(3)
    >>> rows.shape, columns.round(3)
    ((3, 1), array([[-3.142,  0.   ,  3.142]]))
    """
    points = arguments.integer("points", points, minimum=2)
    dimensions = arguments.integer("dimensions", dimensions, minimum=1)
    return np.ix_(*[np.linspace(-np.pi, np.pi, points)] * dimensions)


def frequency_response(kernel: Any, *omegas: Any) -> np.ndarray:
    """The complex factor by which *convolution* with a kernel multiplies the wave exp(i(ω₁n₁ + ω₂n₂ + …)).

    H(ω) = Σₙ w[n] exp(−i Σₐ ωₐ (nₐ − cₐ)), where c = size // 2 is the kernel's centre, so that a symmetric kernel of
    odd size has a real response. |H| says how much of a frequency passes, the angle of H how far it is shifted.

    ``lecture5.conv2d`` computes cross-correlation: it multiplies the wave by H(−ω), which for a real kernel is the
    complex conjugate of H(ω). The gain |H| is the same.

    Parameters
    ----------
    kernel
        Array with one axis per spatial dimension; real or complex.
    *omegas
        One array (or number) of frequencies per axis of the kernel, in radians per pixel; they broadcast together.

    Returns
    -------
    numpy.ndarray
        complex128, of the broadcast shape of the frequencies.

    Raises
    ------
    ValueError
        If there is not one frequency array per kernel axis, or they do not broadcast.

    References
    ----------
    A. V. Oppenheim and R. W. Schafer, *Discrete-Time Signal Processing*, section 2.6. ``scipy.signal.freqz`` takes the
    first weight, not the centre, as its origin; it differs by the factor exp(iωc).

    Examples
    --------
    >>> from lecture5.signal import LAPLACIAN
    >>> frequency_response(LAPLACIAN, [0, 0, np.pi], [0, np.pi, np.pi]).real.round(12)
    array([ 0., 12.,  8.])
    """
    response = arguments.numeric_array("kernel", kernel, allow_complex=True).astype(np.complex128)
    if response.ndim == 0 or response.size == 0:
        raise ValueError(f"kernel has shape {response.shape}, but it must have at least one axis and one weight")
    if len(omegas) != response.ndim:
        raise ValueError(
            f"there are {len(omegas)} frequency arrays, but the kernel has shape {response.shape}: "
            f"give {response.ndim}, one for each axis"
        )
    omegas = [arguments.numeric_array(f"omegas[{axis}]", omega) for axis, omega in enumerate(omegas)]
    try:
        shape = np.broadcast_shapes(*(omega.shape for omega in omegas))
    except ValueError:
        shapes = ", ".join(str(omega.shape) for omega in omegas)
        raise ValueError(f"omegas have shapes {shapes}, which do not broadcast: see frequency_grid") from None

    # Sum over one kernel axis at a time, the last first. `response` has the kernel axes still to do in front, then
    # those of the frequencies, so an open grid of frequencies stays small until its axes meet.
    response = response.reshape(response.shape + (1,) * len(shape))
    for axis in reversed(range(len(omegas))):
        size = response.shape[axis]
        waves = (np.exp(-1j * omegas[axis] * (n - size // 2)) for n in range(size))
        response = sum(response.take(n, axis) * wave for n, wave in enumerate(waves))
    return np.broadcast_to(response, shape).copy()


class BandGains(NamedTuple):
    """How much of a constant, of the low and of the high frequencies a kernel lets through (1: all of it)."""

    zero: float
    low: float
    high: float


def band_gains(kernel: Any) -> BandGains:
    """Measure whether a kernel is a low or a high pass.

    Parameters
    ----------
    kernel
        Array with one axis per spatial dimension.

    Returns
    -------
    BandGains
        ``zero``: |H| at ω = 0, the gain for a constant image. ``low``: root mean square of |H| over the frequencies
        with every |ωₐ| < π/2, those that an image of half the size could still hold. ``high``: the same over all other
        frequencies. A low pass has ``low`` well above ``high``, a high pass the other way round.

    Examples
    --------
    >>> from lecture5.signal import LAPLACIAN, box
    >>> [round(gain, 2) for gain in band_gains(LAPLACIAN)]  # a high pass
    [0.0, 4.33, 9.47]
    >>> [round(gain, 2) for gain in band_gains(box(3))]  # a low pass
    [1.0, 0.62, 0.15]
    """
    kernel = arguments.numeric_array("kernel", kernel, allow_complex=True)
    # Midpoints of 64 cells from −π to π: none lies on the border ±π/2 between low and high.
    points = (np.arange(64) + 0.5) * (2 * np.pi / 64) - np.pi
    grid = np.ix_(*[points] * kernel.ndim)
    power = np.abs(frequency_response(kernel, *grid)) ** 2
    is_low = np.ones(power.shape, dtype=bool)
    for omega in grid:
        is_low = is_low & (np.abs(omega) < np.pi / 2)
    return BandGains(float(abs(kernel.sum())), float(power[is_low].mean() ** 0.5), float(power[~is_low].mean() ** 0.5))
