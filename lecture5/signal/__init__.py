"""Signal processing with convolutions: classic kernels, frequency responses.

Everything here is numpy. A *kernel* is a plain array with one axis per spatial dimension, without channel axes.
"""

from .kernels import IDENTITY, LAPLACIAN, LAPLACIAN_4, SHARPEN, SOBEL_X, SOBEL_Y, box, gabor, gaussian
from .response import BandGains, band_gains, frequency_grid, frequency_response, impulse

__all__ = [
    "IDENTITY",
    "LAPLACIAN",
    "LAPLACIAN_4",
    "SHARPEN",
    "SOBEL_X",
    "SOBEL_Y",
    "BandGains",
    "band_gains",
    "box",
    "frequency_grid",
    "frequency_response",
    "gabor",
    "gaussian",
    "impulse",
]
