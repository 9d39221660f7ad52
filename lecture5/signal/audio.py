"""Audio effects that are convolutions with a kernel: hear one with ``lecture5.convolve(sound, kernel)``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .. import arguments


def echo_kernel(delay: int, decay: float, repeats: int = 1) -> np.ndarray:
    """The sound itself, then ``repeats`` echoes, each ``delay`` samples later and ``decay`` times as loud.

    Parameters
    ----------
    delay
        In samples: seconds times the sample rate. Sound needs 3 ms for a metre.
    decay
        Factor from one echo to the next, from −1 to 1.
    repeats
        How many echoes.

    Returns
    -------
    numpy.ndarray
        (delay·repeats + 1,): 1 at 0, decay at delay, decay² at 2·delay, … Its first weight, not its middle, is the
        sound's own place, so convolve in mode ``"full"``.

    Examples
    --------
    >>> echo_kernel(delay=3, decay=0.5, repeats=2)
    array([1.  , 0.  , 0.  , 0.5 , 0.  , 0.  , 0.25])
    """
    delay = arguments.integer("delay", delay, minimum=1)
    decay = arguments.real("decay", decay, minimum=-1, maximum=1)
    repeats = arguments.integer("repeats", repeats, minimum=0)
    kernel = np.zeros(delay * repeats + 1)
    kernel[::delay] = decay ** np.arange(repeats + 1)
    return kernel


def low_pass_kernel(cutoff: float, sample_rate: float, size: int = 101) -> np.ndarray:
    """A low pass for sounds: keeps what is slower than ``cutoff``, removes what is faster.

    The ideal low pass has H = 1 up to the cutoff and 0 above; its kernel is the endless sinc(2·cutoff·t). Cut off
    short, it would ripple; faded out by a Hamming window it has ripples below 1 % and a slope about
    3.3·sample_rate/size wide.

    Parameters
    ----------
    cutoff
        In hertz, between 0 and half the sample rate; here the gain is about one half.
    sample_rate
        Samples per second.
    size
        Number of weights, odd. More weights give a steeper slope.

    Returns
    -------
    numpy.ndarray
        (size,), symmetric, with sum 1: convolve in mode ``"same"``, and nothing is delayed.

    References
    ----------
    A. V. Oppenheim and R. W. Schafer, *Discrete-Time Signal Processing*, section 7.5 (the window method).

    Examples
    --------
    >>> low_pass_kernel(cutoff=1000, sample_rate=8000, size=5).round(3)
    array([0.025, 0.234, 0.482, 0.234, 0.025])
    """
    sample_rate = arguments.real("sample_rate", sample_rate, above=0)
    cutoff = arguments.real("cutoff", cutoff, above=0)
    if cutoff >= sample_rate / 2:
        raise ValueError(
            f"cutoff is {cutoff:g} Hz, but samples taken {sample_rate:g} times a second hold only frequencies below "
            f"{sample_rate / 2:g} Hz: choose one below that"
        )
    size = arguments.integer("size", size, minimum=1)
    if size % 2 == 0:
        raise ValueError(f"size is {size}, but it must be odd, so that the kernel has a middle")
    samples = np.arange(size) - size // 2
    kernel = np.sinc(2 * cutoff / sample_rate * samples) * np.hamming(size)
    return kernel / kernel.sum()


def equaliser_kernel(
    edges: Sequence[float], gains_db: Sequence[float], sample_rate: float, size: int = 401
) -> np.ndarray:
    """An equaliser: one loudness knob for each band of frequencies.

    Two low passes subtracted give a band pass, and the impulse minus a low pass gives a high pass. So the bands between
    the edges add up to the impulse: with all knobs at 0 dB the sound comes out as it went in.

    Parameters
    ----------
    edges
        Rising frequencies in hertz, where one band ends and the next begins; n edges make n + 1 bands.
    gains_db
        One gain per band in decibels: +20 is ten times the amplitude, 0 unchanged, −20 a tenth.
    sample_rate
        Samples per second.
    size
        Number of weights, odd.

    Returns
    -------
    numpy.ndarray
        (size,), symmetric; convolve in mode ``"same"``.

    Examples
    --------
    >>> unchanged = equaliser_kernel([500, 2000], [0, 0, 0], sample_rate=8000, size=5)
    >>> abs(unchanged.round(12))
    array([0., 0., 1., 0., 0.])
    """
    gains_db = [arguments.real(f"gains_db[{band}]", gain) for band, gain in enumerate(gains_db)]
    if len(gains_db) != len(edges) + 1:
        raise ValueError(
            f"gains_db has {len(gains_db)} gains, but {len(edges)} edges make {len(edges) + 1} bands: give one per band"
        )
    if any(b <= a for a, b in itertools.pairwise(edges)):
        raise ValueError(f"edges is {edges!r}, but the frequencies must rise")
    low_passes = [low_pass_kernel(edge, sample_rate, size) for edge in edges]
    everything = np.zeros(size)
    everything[size // 2] = 1
    bands = np.diff([np.zeros(size), *low_passes, everything], axis=0)
    return sum(math.pow(10, gain / 20) * band for gain, band in zip(gains_db, bands, strict=True))
