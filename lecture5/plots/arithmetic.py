"""Figures of where a kernel goes: the arithmetic explorer, grids of numbers, padded photographs, curves by mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from .. import arguments
from .figure import Figure, Panel, drawn_panel, plain
from .widget import Widget, widget_page

_LOOKS = (("orange", "-", "o"), ("blue", "--", "s"), ("green", "-.", "D"), ("ink", ":", "^"))
_FILL = {
    "zeros": "a black frame",
    "replicate": "streaks that carry the outermost pixels outwards",
    "reflect": "a mirror image of what lies inside the edge",
    "circular": "the opposite side of the photograph",
}


def arithmetic_explorer(
    *,
    dimensions: int = 2,
    input_size: int = 6,
    kernel_size: int = 3,
    stride: int = 2,
    padding: int = 1,
    dilation: int = 1,
    mode: str = "zeros",
) -> Widget:
    """Let the reader set the sizes of a convolution and follow the window from output to output.

    Parameters
    ----------
    dimensions
        1 or 2.
    input_size, kernel_size, stride, padding, dilation, mode
        What is shown first; the reader may change all of it.

    Returns
    -------
    Widget
        With the padded input, every window and its sum, the formula filled in, and what the floor throws away.

    Examples
    --------
    >>> arithmetic_explorer(dimensions=1, stride=1)
    Interactive figure: convolution arithmetic: set the sizes, move the window, watch the output and the formula
    """
    start = {
        "dimensions": dimensions,
        "input": input_size,
        "kernel": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "mode": mode,
    }
    return Widget(
        "convolution arithmetic: set the sizes, move the window, watch the output and the formula",
        widget_page("arithmetic.html", START=start),
        height=760,
    )


def number_grids(grids: Mapping[str, np.ndarray], alts: Sequence[str], *, colours: Sequence[str]) -> Figure:
    """Show small arrays as squares with their numbers, the larger the stronger the colour; zeros are hatched.

    Parameters
    ----------
    grids
        Title and array, (H, W), not negative.
    alts
        What there is to see in each of them, in words.
    colours
        "blue" (an input), "orange" (a kernel) or "green" (an output), one for each.
    """

    def panel(title: str, grid: np.ndarray, alt: str, colour: str) -> Panel:
        rows, columns = grid.shape

        def draw(axes, theme):
            for (row, column), value in np.ndenumerate(grid):
                strength = 0.12 + 0.5 * value / grid.max() if value else 0
                place = (column + 0.04, row + 0.04)
                face = Rectangle(place, 0.92, 0.92, color=getattr(theme, colour), alpha=strength, linewidth=0)
                edge = Rectangle(
                    place, 0.92, 0.92, fill=False, edgecolor=theme.faint, linewidth=0.8, hatch="" if value else "////"
                )
                edge.set(hatch_linewidth=0.6)
                axes[0].add_patch(face)
                axes[0].add_patch(edge)
                if value:
                    axes[0].text(column + 0.5, row + 0.5, f"{value:g}", ha="center", va="center")
            axes[0].set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(cell * columns + 0.1, cell * rows + 0.1))

    arrays = {title: arguments.numeric_array(f"grids[{title!r}]", grid) for title, grid in grids.items()}
    longest = max(len(f"{value:g}") for grid in arrays.values() for value in grid.flat)
    cell = 0.22 if longest == 1 else 0.34  # inches
    panels = [
        panel(title, grid, alt, colour)
        for (title, grid), alt, colour in zip(arrays.items(), alts, colours, strict=True)
    ]
    return Figure(" · ".join(grids), panels)


def padded_pictures(padded: Mapping[str, np.ndarray], padding: int) -> Figure:
    """Show a padded photograph for each padding mode, with a frame where the photograph itself ends.

    Parameters
    ----------
    padded
        Mode and padded photograph, (H + 2 padding, W + 2 padding), from 0 (black) to 1 (white).
    padding
        How many pixels were added on each side.
    """

    def panel(mode: str, image: np.ndarray) -> Panel:
        height, width = image.shape

        def draw(axes, theme):
            axes[0].imshow(image, cmap="gray", vmin=0, vmax=1)
            corner = (padding - 0.5, padding - 0.5)
            for colour, line_width in (("black", 2.6), ("white", 1.2)):  # a line that shows on any ground
                frame = Rectangle(corner, width - 2 * padding, height - 2 * padding, fill=False, edgecolor=colour)
                frame.set(linewidth=line_width)
                axes[0].add_patch(frame)
            axes[0].axis("off")

        alt = f"The photograph in a thin frame; outside the frame, {padding} pixels wide, {_FILL[mode]}."
        return drawn_panel(draw, alt=alt, title=mode, size=(3.0, 3.0 * height / width))

    return Figure("padding modes", [panel(mode, image) for mode, image in padded.items()])


def mode_curves(
    x: Sequence[float],
    curves: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
) -> Figure:
    """Show one curve for each of up to four variants, such as padding modes.

    Parameters
    ----------
    x
        (P,).
    curves
        Label and values: (P,), or (repeats, P), of which the mean is drawn as a line and each repeat as a dot.
    alt
        What there is to see, in words.
    """
    if not 0 < len(curves) <= len(_LOOKS):
        raise ValueError(f"curves has {len(curves)} entries, but there must be between 1 and {len(_LOOKS)}")

    def draw(axes, theme):
        for (label, values), (colour, line, marker) in zip(curves.items(), _LOOKS, strict=False):
            look = {"color": getattr(theme, colour), "markersize": 4}
            repeats = np.atleast_2d(values)
            one = len(repeats) == 1
            axes[0].plot(x, repeats.mean(axis=0), line, label=label, marker=marker if one else None, **look)
            if not one:
                axes[0].plot(x, repeats.T, marker, alpha=0.6, **look)
        axes[0].set(xlabel=xlabel, ylabel=ylabel)
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=all(float(value).is_integer() for value in x)))
        axes[0].legend()
        plain(axes[0])

    return Figure(f"{ylabel} over {xlabel}", [drawn_panel(draw, alt=alt, size=(5.6, 2.9))])
