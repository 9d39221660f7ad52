"""Figures of scenes: the class of each pixel, boxes around things, and curves of precision over recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from .. import arguments
from .figure import Figure, Panel, drawn_panel, picture_panel, plain

# Colours that colour-blind readers can tell apart (Okabe and Ito), in the order of the classes; 0 is the background.
_CLASS_COLOURS = ("#000000", "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00")
_LOOKS = (("blue", "-"), ("orange", "--"), ("green", "-."), ("ink", ":"))


def class_maps(
    maps: Mapping[str, np.ndarray], alts: Sequence[str], *, classes: Sequence[str], width: int = 150
) -> Figure:
    """Show maps of classes in colour, and photographs beside them as they are; then which colour is which class.

    Parameters
    ----------
    maps
        Title and either classes, whole numbers (H, W), or a photograph, (3, H, W) from 0 to 1.
    alts
        What there is to see in each, in words.
    classes
        Names of the classes, at most seven; the first one is drawn in black.
    width
        Of each map in CSS pixels, where there is room.

    Raises
    ------
    ValueError
        If there are more classes than colours, or a map holds a class that has no name.
    """
    if len(classes) > len(_CLASS_COLOURS):
        raise ValueError(f"classes has {len(classes)} names, but there are only {len(_CLASS_COLOURS)} colours")
    palette = np.array([to_rgb(colour) for colour in _CLASS_COLOURS[: len(classes)]])
    panels = []
    for (title, array), alt in zip(maps.items(), alts, strict=True):
        array = arguments.numeric_array(f"maps[{title!r}]", array)
        if array.ndim == 2:
            if array.min() < 0 or array.max() >= len(classes):
                raise ValueError(f"maps[{title!r}] holds class {array.max()}, but there are {len(classes)} classes")
            array = np.moveaxis(palette[array], -1, 0)
        panels.append(picture_panel(array, alt=alt, title=title, width=width))
    return Figure(" · ".join(maps), [*panels, _legend(classes)])


def _legend(classes: Sequence[str]) -> Panel:
    def draw(axes, theme):
        handles = [
            Patch(facecolor=colour, edgecolor=theme.ink, linewidth=0.6, label=name)
            for name, colour in zip(classes, _CLASS_COLOURS, strict=False)
        ]
        axes[0].legend(handles=handles, loc="center", ncols=3)
        axes[0].axis("off")

    alt = "Colours: " + ", ".join(classes) + "."
    return drawn_panel(draw, alt=alt, size=(4.6, 0.3 * -(-len(classes) // 3) + 0.1))


def boxed_pictures(
    images: Mapping[str, np.ndarray],
    boxes: Sequence[np.ndarray],
    alts: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] | None = None,
    width: float = 2.4,
) -> Figure:
    """Show images with boxes drawn on them.

    Parameters
    ----------
    images
        Title and image, (3, H, W) from 0 to 1, or classes of pixels to be shaded, (H, W).
    boxes
        For each image (N, 4): x1, y1, x2, y2.
    alts
        What there is to see in each, in words.
    captions
        For each image a word for each box, written above it.
    width
        Of each image in inches.
    """

    def panel(title: str, image: np.ndarray, of_image: np.ndarray, words: Sequence[str], alt: str) -> Panel:
        height = image.shape[-2] / image.shape[-1]

        def draw(axes, theme):
            if image.ndim == 3:
                axes[0].imshow(np.moveaxis(np.clip(image, 0, 1), 0, -1))
            else:
                axes[0].imshow(_shaded(image))
            for i, (x1, y1, x2, y2) in enumerate(of_image):
                for colour, thickness in (("black", 2.4), ("#f0e442", 1.1)):  # a line that shows on any ground
                    place = (x1 - 0.5, y1 - 0.5)
                    axes[0].add_patch(Rectangle(place, x2 - x1, y2 - y1, fill=False, ec=colour, linewidth=thickness))
                if words:
                    ground = {"facecolor": "black", "edgecolor": "none", "pad": 0.8}
                    axes[0].text(x1, y1 - 1.2, words[i], color="#f0e442", fontsize=8, bbox=ground, va="bottom")
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(width, width * height))

    captions = [()] * len(images) if captions is None else captions
    panels = [
        panel(title, np.asarray(image), of_image, words, alt)
        for (title, image), of_image, words, alt in zip(images.items(), boxes, captions, alts, strict=True)
    ]
    return Figure(" · ".join(images), panels)


def _shaded(regions: np.ndarray) -> np.ndarray:
    """A colour for each region number: neighbours differ, and the same number always has the same colour."""
    colours = np.random.default_rng(0).uniform(0.1, 0.95, size=(int(regions.max()) + 1, 3))
    return colours[regions]


def precision_recall_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, alt: str) -> Figure:
    """Draw precision over recall for up to four detectors or classes.

    Parameters
    ----------
    curves
        Name, and (precision, recall) as :func:`lecture5.vision.precision_recall` gives them.
    alt
        What there is to see, in words.
    """
    if not 0 < len(curves) <= len(_LOOKS):
        raise ValueError(f"curves has {len(curves)} entries, but there must be one to {len(_LOOKS)}")

    def draw(axes, theme):
        for (name, (precision, recall)), (colour, line) in zip(curves.items(), _LOOKS, strict=False):
            axes[0].plot(recall, precision, line, color=getattr(theme, colour), label=name)
        axes[0].set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.03))
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        plain(axes[0], zero_line=False)

    return Figure("precision over recall", [drawn_panel(draw, alt=alt, size=(6.0, 2.8))])
