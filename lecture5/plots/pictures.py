"""Arrays as pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import arguments
from .figure import Figure, picture_panel


def pictures(images: Mapping[str, np.ndarray], alts: list[str], *, width: int = 340) -> Figure:
    """Show images side by side (below each other on a phone).

    Parameters
    ----------
    images
        Title and image, (H, W) grey or (3, H, W) in colour, from 0 (black) to 1 (white); what lies outside is cut. An
        image with negative numbers is drawn on another scale: zero has the colour of the page, negative numbers are
        blue, positive ones orange, and the half percent farthest from zero has the full colour.
    alts
        What there is to see in each of them, in words.
    width
        Their width in CSS pixels, where there is room.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there are not as many texts as images, or an image is not (H, W) or (3, H, W), or not finite.

    Examples
    --------
    >>> pictures({"a dot": np.eye(1, 3)}, ["One white pixel and two black ones."])
    Figure: a dot
    - One white pixel and two black ones.
    """
    if len(images) != len(alts):
        raise ValueError(f"there are {len(images)} images, but {len(alts)} alts: give one text for each image")
    arrays = {title: arguments.numeric_array(f"images[{title!r}]", image) for title, image in images.items()}
    for title, image in arrays.items():
        if not (image.ndim == 2 or (image.ndim == 3 and image.shape[0] == 3)) or not np.isfinite(image).all():
            raise ValueError(
                f"images[{title!r}] has shape {image.shape}, but it must be (H, W) or (3, H, W), and all of it finite"
            )
    panels = [
        picture_panel(image, alt=alt, title=title, width=width)
        for (title, image), alt in zip(arrays.items(), alts, strict=True)
    ]
    return Figure(" · ".join(arrays), panels)
