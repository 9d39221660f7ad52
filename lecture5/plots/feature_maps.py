"""Figures of layers side by side: what each of them costs, or how strongly it reacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .. import arguments
from .figure import Figure, drawn_panel, plain

_LOOKS = (("green", ""), ("orange", "//"), ("blue", "xx"))


def grouped_bars(
    labels: Sequence[str],
    groups: Mapping[str, Sequence[float]],
    *,
    ylabel: str,
    alt: str,
    logarithmic: bool = False,
) -> Figure:
    """Show numbers for a row of layers as bars, for up to three variants of the network side by side.

    Parameters
    ----------
    labels
        The layers, in order.
    groups
        Name of the variant and its numbers, one for each layer.
    alt
        What there is to see, in words.
    logarithmic
        Whether each line of the axis stands for ten times the one below.

    Raises
    ------
    ValueError
        If there are no groups, more than three, or one does not have a number for each layer.
    """
    if not 0 < len(groups) <= len(_LOOKS):
        raise ValueError(f"groups has {len(groups)} entries, but there must be between 1 and {len(_LOOKS)}")
    arrays = {name: arguments.numeric_array(f"groups[{name!r}]", values) for name, values in groups.items()}
    for name, values in arrays.items():
        if values.shape != (len(labels),):
            raise ValueError(f"groups[{name!r}] has shape {values.shape}, but there are {len(labels)} labels")
    width = 0.8 / len(arrays)

    def draw(axes, theme):
        for number, ((name, values), (colour, hatch)) in enumerate(zip(arrays.items(), _LOOKS, strict=False)):
            places = np.arange(len(labels)) + (number - (len(arrays) - 1) / 2) * width
            axes[0].bar(
                places,
                values,
                0.92 * width,
                label=name,
                color=getattr(theme, colour),
                alpha=0.75,
                hatch=hatch,
                linewidth=0,
            )
        axes[0].set(ylabel=ylabel)
        axes[0].set_xticks(range(len(labels)), labels)
        if logarithmic:
            axes[0].set_yscale("log")
        if len(arrays) > 1:
            axes[0].legend()
        plain(axes[0], zero_line=not logarithmic)

    return Figure(f"{ylabel}, by layer", [drawn_panel(draw, alt=alt, size=(5.6, 2.9))])
