"""Signal processing with convolutions: kernels, frequency responses, wavelets, noise, audio effects, scattering.

Everything here is numpy. A *kernel* is a plain array with one axis per spatial dimension, without channel axes.
"""

from .audio import echo_kernel, equaliser_kernel, low_pass_kernel
from .deformation import random_displacement, relative_change, relative_move, warp
from .gabor_fit import GaborFit, fit_gabor
from .kernels import IDENTITY, LAPLACIAN, LAPLACIAN_4, SHARPEN, SOBEL_X, SOBEL_Y, box, gabor, gaussian
from .noise import add_gaussian_noise, add_salt_and_pepper, median_filter, psnr
from .response import BandGains, band_gains, frequency_grid, frequency_response, impulse
from .scattering import Scattering2D
from .wavelets import (
    WAVELETS,
    Subband,
    analyse,
    daubechies,
    inverse_wavelet_transform,
    keep_largest,
    soft_threshold,
    subbands,
    synthesise,
    wavelet_filters,
    wavelet_kernels,
    wavelet_transform,
)

__all__ = [
    "IDENTITY",
    "LAPLACIAN",
    "LAPLACIAN_4",
    "SHARPEN",
    "SOBEL_X",
    "SOBEL_Y",
    "WAVELETS",
    "BandGains",
    "GaborFit",
    "Scattering2D",
    "Subband",
    "add_gaussian_noise",
    "add_salt_and_pepper",
    "analyse",
    "band_gains",
    "box",
    "daubechies",
    "echo_kernel",
    "equaliser_kernel",
    "fit_gabor",
    "frequency_grid",
    "frequency_response",
    "gabor",
    "gaussian",
    "impulse",
    "inverse_wavelet_transform",
    "keep_largest",
    "low_pass_kernel",
    "median_filter",
    "psnr",
    "random_displacement",
    "relative_change",
    "relative_move",
    "soft_threshold",
    "subbands",
    "synthesise",
    "warp",
    "wavelet_filters",
    "wavelet_kernels",
    "wavelet_transform",
]
