"""Figures of filter banks: many small kernels at once, and the pyramid of a wavelet transform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .. import arguments
from ..signal import subbands
from .figure import Figure, picture_panel


def kernel_tiles(
    groups: Mapping[str, np.ndarray], alts: Sequence[str], *, columns: int = 8, cell: int = 42, gap: int = 1
) -> Figure:
    """Show groups of kernels as rows of small tiles: blue below zero, orange above, each on its own scale.

    Parameters
    ----------
    groups
        Title and kernels, (K, kh, kw).
    alts
        What there is to see in each group, in words.
    columns
        Tiles in a row.
    cell
        Width of a tile in CSS pixels, where there is room.
    gap
        Pixels of the page's colour between neighbours.

    Raises
    ------
    ValueError
        If a group is not (K, kh, kw), or there are not as many texts as groups.
    """
    if len(groups) != len(alts):
        raise ValueError(f"there are {len(groups)} groups, but {len(alts)} alts: give one text for each group")
    panels = []
    for (title, kernels), alt in zip(groups.items(), alts, strict=True):
        kernels = arguments.numeric_array(f"groups[{title!r}]", kernels).astype(np.float64)
        if kernels.ndim != 3 or not len(kernels):
            raise ValueError(f"groups[{title!r}] has shape {kernels.shape}, but it must be (K, kh, kw)")
        mosaic = _mosaic(kernels, min(columns, len(kernels)), gap)
        width = cell * min(columns, len(kernels))
        panels.append(picture_panel(mosaic, alt=alt, title=title, width=width)._replace(pixelated=True))
    return Figure(" · ".join(groups), panels)


def _mosaic(kernels: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """Kernels in rows, each divided by its largest weight."""
    height, width = kernels.shape[1] + gap, kernels.shape[2] + gap
    rows = -(-len(kernels) // columns)
    mosaic = np.zeros((rows * height - gap, columns * width - gap))
    for number, kernel in enumerate(kernels):
        top, left = number // columns * height, number % columns * width
        mosaic[top : top + height - gap, left : left + width - gap] = kernel / (np.abs(kernel).max() or 1)
    return mosaic


def wavelet_pyramid(coefficients: np.ndarray, levels: int, *, alt: str, width: int = 560) -> Figure:
    """Show the subbands of a 2-D wavelet transform at their places, each stretched to its own largest coefficient.

    Parameters
    ----------
    coefficients
        (H, W), from ``lecture5.signal.wavelet_transform``.
    levels
        As for the transform.
    alt
        What there is to see, in words.
    width
        In CSS pixels, where there is room.
    """
    coefficients = arguments.numeric_array("coefficients", coefficients)
    shown = np.zeros(coefficients.shape)
    for band in subbands(coefficients.shape, levels):
        values = coefficients[band.where]
        if "H" in band.name:
            shown[band.where] = values / (np.percentile(np.abs(values), 99.5) or 1)
        else:  # the blurred copy has brightnesses, not differences: show it round its mean
            shown[band.where] = (values - values.mean()) / np.abs(values - values.mean()).max()
    return Figure("the wavelet pyramid", [picture_panel(shown, alt=alt, width=width)])
