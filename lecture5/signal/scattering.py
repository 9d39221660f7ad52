"""The scattering transform of order two: a convolutional network whose filters are fixed wavelets, not learned."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import scipy.fft

from .. import arguments

FREQUENCY = 3 * math.pi / 4
"""Frequency of the finest wavelets, in radians per pixel; each next scale halves it."""

SIGMA = 0.8
"""Width of the window of the finest wavelets in pixels, along the wave; each next scale doubles it."""

CHUNK_VALUES = 2**19
"""How many complex numbers of the second layer are held at once: enough to be fast, few enough for the cache."""


class Scattering2D:
    """Wavelets, modulus, wavelets, modulus, blur: features of an image that a small deformation hardly changes.

    The wavelets ψ(j, l) are waves under a Gaussian window, at the scales 2⁰, …, 2^(J−1) and in the directions l·π/L;
    φ is a Gaussian blur of the scale 2^J. With ∗ the convolution, the channels are::

        order 0     x ∗ φ                                            1
        order 1     |x ∗ ψ(j, l)| ∗ φ                                J·L
        order 2     ||x ∗ ψ(j₁, l₁)| ∗ ψ(j₂, l₂)| ∗ φ,  j₁ < j₂      L²·J(J − 1)/2

    each kept at every 2^J-th pixel.

    **Why it works.** A blur makes an image stable under shifts of up to about 2^J pixels, but throws away all detail. A
    wavelet answers to the detail that it is tuned to, yet its answer swings between + and − when the image moves.
    The modulus takes the swing away and leaves the envelope: *where* there is detail of this scale and direction. The
    envelope is smooth and survives the blur. What the blur removes from the envelope, the second layer of wavelets
    catches; of handwritten digits the three orders then hold 85 to 90 % of the energy. The second wavelet need only be
    coarser than the first, since an envelope is smooth. Modulus and blur stand where a learned network has ReLU and
    pooling.

    **Why wavelets.** The modulus of the Fourier transform does not change at all under a shift. But stretch the image
    by a few per cent, and its fast waves move to other frequencies altogether. A wavelet takes in a wide range of
    frequencies, the wider the faster they are, so that they stay within its reach.

    **No frequency is lost or amplified.** At each frequency all wavelets are scaled by one common factor such that
    the squared responses of φ and the wavelets, averaged over ω and −ω, have the sum 1: a *tight* Littlewood–Paley sum.
    For eight directions the factor is between 1.0 and 1.7 where |ω| < π, and larger only in the corners of the
    frequency square, which the finest diagonal wavelets have to cover. Each layer then keeps the energy of what it
    gets, and two images never move apart: ‖Sx − Sy‖ ≤ ‖x − y‖ before the subsampling.

    Convolutions run through the FFT, so an image continues at its opposite side (circular padding). Where opposite
    sides differ much, pad the image first and crop the answer. An answer at scale j is kept at every 2^j-th pixel only,
    which its smoothness allows; this is what makes it fast, and changes the result by less than one per cent.

    Parameters
    ----------
    shape
        (H, W) of the images, both divisible by 2^scales.
    scales
        J: what the image does within about 2^J pixels is averaged.
    orientations
        L: number of directions of the wavelets, at least 3.

    Attributes
    ----------
    paths : list of tuple
        For each channel the wavelets on its way: ``()``, then ``((j, l),)``, then ``((j1, l1), (j2, l2))``.
    phi : numpy.ndarray
        (H, W), the frequency response of the blur, which is real; frequencies in the order of ``numpy.fft.fftfreq``.
    psi : numpy.ndarray
        (J, L, H, W), the frequency responses of the wavelets, real too.

    References
    ----------
    J. Bruna and S. Mallat, "Invariant scattering convolution networks", IEEE PAMI 35 (2013), 1872–1886.
    S. Mallat, "Group invariant scattering", Comm. Pure Appl. Math. 65 (2012), 1331–1398.

    Examples
    --------
    >>> scattering = Scattering2D((32, 32), scales=3, orientations=6)
    >>> images = np.random.default_rng(0).random((5, 32, 32))
    >>> scattering(images).shape  # 1 + 3·6 + 6²·3 = 127 channels
    (5, 127, 4, 4)
    >>> scattering.paths[:2], scattering.paths[-1]
    ([(), ((0, 0),)], ((1, 5), (2, 5)))
    """

    def __init__(self, shape: tuple[int, int], scales: int = 2, orientations: int = 8):
        self.shape = arguments.per_axis("shape", shape, 2, minimum=1)
        self.scales = arguments.integer("scales", scales, minimum=1)
        self.orientations = arguments.integer("orientations", orientations, minimum=3)
        step = 2**self.scales
        if any(size % step for size in self.shape):
            padded = tuple(math.ceil(size / step) * step for size in self.shape)
            raise ValueError(
                f"shape is {self.shape}, but both must be divisible by 2^scales = {step}: "
                f"pad the images to {padded}, or take fewer scales"
            )
        self.phi, self.psi = _filter_bank(self.shape, self.scales, self.orientations)
        wavelets = list(np.ndindex(self.scales, self.orientations))
        pairs = [(first, second) for first, second in itertools.product(wavelets, repeat=2) if first[0] < second[0]]
        self.paths = [(), *((wavelet,) for wavelet in wavelets), *pairs]

    def __call__(self, x: Any) -> np.ndarray:
        """Transform images.

        Parameters
        ----------
        x
            (..., H, W): one image, a batch (N, H, W), or (N, C, H, W). float32 stays float32, which is faster;
            anything else becomes float64.

        Returns
        -------
        numpy.ndarray
            (..., channels, H/2^J, W/2^J), the channels in the order of ``paths``.
        """
        x = arguments.numeric_array("x", x)
        if x.shape[-2:] != self.shape:
            raise ValueError(
                f"x has shape {x.shape}, but this transform was made for (..., {self.shape[0]}, {self.shape[1]})"
            )
        x = x if x.dtype == np.float32 else x.astype(np.float64)
        images = x.reshape(-1, *self.shape)
        step = 2**self.scales
        features = np.empty((len(images), len(self.paths), self.shape[0] // step, self.shape[1] // step), x.dtype)
        chunk = max(1, CHUNK_VALUES // (self.orientations**2 * math.prod(self.shape) // 4))
        for start in range(0, len(images), chunk):
            features[start : start + chunk] = self._transform(images[start : start + chunk])
        return features.reshape(*x.shape[:-2], *features.shape[1:])

    def _transform(self, images: np.ndarray) -> np.ndarray:
        """Scatter one chunk of images, (N, H, W). A spectrum comes with the scale whose grid it lives on."""
        spectrum = scipy.fft.fft2(images)
        order_0 = self._blur(spectrum, 0)[:, None]
        order_1, order_2 = [], []
        for j1 in range(self.scales):
            envelope = np.abs(_filter(spectrum[:, None], self.psi[j1], 0, j1))  # (N, L, H/2^j1, W/2^j1)
            envelope_spectrum = scipy.fft.fft2(envelope)
            order_1.append(self._blur(envelope_spectrum, j1))
            later = [
                self._blur(scipy.fft.fft2(np.abs(_filter(envelope_spectrum[:, :, None], self.psi[j2], j1, j2))), j2)
                for j2 in range(j1 + 1, self.scales)
            ]  # each (N, L, L, h, w): direction of the first, then of the second wavelet
            if later:
                stacked = np.stack(later, axis=2)
                order_2.append(stacked.reshape(len(images), -1, *stacked.shape[-2:]))
        return np.concatenate([order_0, *order_1, *order_2], axis=1)

    def _blur(self, spectrum: np.ndarray, scale: int) -> np.ndarray:
        return _filter(spectrum, self.phi, scale, self.scales).real


def _filter(spectrum: np.ndarray, response: np.ndarray, scale: int, new_scale: int) -> np.ndarray:
    """Convolve what lives on every 2^scale-th pixel, and keep the result at every 2^new_scale-th.

    Parameters
    ----------
    spectrum
        (..., h, w), the Fourier transform of an image on the coarse grid.
    response
        (..., H, W), a filter's frequency response on the grid of the full image; the coarse grid has its low
        frequencies.

    Notes
    -----
    Keeping every f-th pixel of an image is the same as averaging the f × f blocks of its Fourier transform (*aliasing*,
    put to use), so that the inverse transform is computed on the small grid only.
    """
    height, width = spectrum.shape[-2:]
    rows, columns = (np.round(scipy.fft.fftfreq(size, 1 / size)).astype(int) for size in (height, width))
    product = spectrum * response[..., rows[:, None], columns].astype(spectrum.real.dtype)
    factor = 2 ** (new_scale - scale)
    blocks = product.reshape(*product.shape[:-2], factor, height // factor, factor, width // factor)
    return scipy.fft.ifft2(blocks.mean(axis=(-4, -2)))


def _filter_bank(shape: tuple[int, int], scales: int, orientations: int) -> tuple[np.ndarray, np.ndarray]:
    """The frequency responses of the blur and of the wavelets; they make a tight Littlewood–Paley sum."""
    phi = _bell(shape, 0.0, SIGMA * 2 ** (scales - 1), 0.0, 1.0)
    phi /= phi[0, 0]
    slant = 4 / orientations  # the more directions, the narrower each
    psi = np.empty((scales, orientations, *shape))
    for j, l in np.ndindex(scales, orientations):
        angle, sigma = l * math.pi / orientations, SIGMA * 2**j
        wave = _bell(shape, FREQUENCY / 2**j, sigma, angle, slant)
        bell = _bell(shape, 0.0, sigma, angle, slant)
        psi[j, l] = wave - wave[0, 0] / bell[0, 0] * bell  # Morlet: a Gabor filter without its mean
    energy = (psi**2).sum(axis=(0, 1))
    energy = (energy + np.roll(energy[::-1, ::-1], (1, 1), axis=(0, 1))) / 2  # the mean over ω and −ω
    energy[0, 0] = 1  # instead of 0: the mean is for the blur alone
    psi *= np.sqrt(np.maximum(0, 1 - phi**2) / energy)
    return phi, psi


def _bell(shape: tuple[int, int], frequency: float, sigma: float, angle: float, slant: float) -> np.ndarray:
    """The Fourier transform of a wave under a Gaussian window: a Gaussian bell round the wave's frequency.

    The window has the width ``sigma`` along the wave and ``sigma / slant`` across. Sampling at the pixels repeats the
    bell with period 2π; bells farther than two periods away have no weight left.
    """
    total = np.zeros(shape)
    y, x = np.meshgrid(*(2 * math.pi * scipy.fft.fftfreq(size) for size in shape), indexing="ij")
    for shift_y, shift_x in itertools.product(2 * math.pi * np.arange(-2, 3), repeat=2):
        u = (x + shift_x) * math.cos(angle) + (y + shift_y) * math.sin(angle)
        v = -(x + shift_x) * math.sin(angle) + (y + shift_y) * math.cos(angle)
        total += np.exp(-(sigma**2) * ((u - frequency) ** 2 + (v / slant) ** 2) / 2)
    return total
