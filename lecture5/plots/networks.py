"""Figures of what was measured on networks: scores, gradients and the like, over depth, layer or batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .figure import Figure, Theme, drawn_panel, plain

_LOOKS = (("blue", "-", "o"), ("orange", "--", "s"), ("green", "-.", "D"), ("ink", ":", "^"))


def measured_curves(
    curves: Mapping[str, tuple[Sequence[float], np.ndarray]],
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    log: str = "",
    reference: tuple[str, float] | None = None,
) -> Figure:
    """Show up to four measured curves, each with a mark for every single measurement.

    Parameters
    ----------
    curves
        Name, and (x, y). Where y is (repeats, len(x)), each repeat is marked, and the line is the median.
    alt
        What there is to see, in words.
    xlabel, ylabel
        What the axes are.
    log
        Which axes are logarithmic: ``""``, ``"x"``, ``"y"`` or ``"xy"``. On a logarithmic x axis only the x that were
        measured are labelled.
    reference
        A name and a height at which to draw a thin line.
    """
    if not 0 < len(curves) <= len(_LOOKS):
        raise ValueError(f"curves has {len(curves)} entries, but there must be one to {len(_LOOKS)}")

    def draw(axes, theme):
        if reference is not None:
            axes[0].axhline(reference[1], color=theme.ink, linewidth=0.8, label=reference[0])
        for (name, (x, y)), (colour, line, marker) in zip(curves.items(), _LOOKS, strict=False):
            colour, y = getattr(theme, colour), np.atleast_2d(y)
            axes[0].plot(x, np.median(y, axis=0), line, color=colour, label=name)
            for repeat in y:
                axes[0].plot(x, repeat, marker, color=colour, markersize=4)
        for axis in log:
            axes[0].set(**{f"{axis}scale": "log"})
        if "x" in log:
            ticks = sorted({float(value) for x, _ in curves.values() for value in x})
            axes[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes[0].minorticks_off()
        axes[0].set(xlabel=xlabel, ylabel=ylabel)
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        plain(axes[0], zero_line=False)

    return Figure(f"{ylabel} over {xlabel}", [drawn_panel(draw, alt=alt, size=(6.6, 2.8))])


def score_grids(
    grids: Mapping[str, np.ndarray],
    alts: Sequence[str],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    ylabel: str,
    xlabel: str,
) -> Figure:
    """Show tables of scores as shaded squares with the number in each: the better the darker green.

    Parameters
    ----------
    grids
        Title and scores from 0 to 1, (rows, columns).
    alts
        What there is to see in each, in words.
    rows, columns
        What stands beside and below.
    """

    def panel(title: str, scores: np.ndarray, alt: str):
        def draw(axes, theme: Theme):
            shades = np.array([_mix(theme, score) for score in scores.ravel()]).reshape(*scores.shape, 3)
            axes[0].imshow(shades, aspect="auto")
            for (row, column), score in np.ndenumerate(scores):
                axes[0].text(column, row, f"{100 * score:.0f}", ha="center", va="center", color=theme.ink)
            axes[0].set(xticks=range(len(columns)), xticklabels=columns, xlabel=xlabel)
            axes[0].set(yticks=range(len(rows)), yticklabels=rows, ylabel=ylabel)
            axes[0].tick_params(length=0)
            for spine in axes[0].spines.values():
                spine.set_visible(False)

        return drawn_panel(draw, alt=alt, title=title, size=(3.1, 1.9))

    panels = [panel(title, scores, alt) for (title, scores), alt in zip(grids.items(), alts, strict=True)]
    return Figure("scores", panels)


def _mix(theme: Theme, score: float) -> tuple[float, ...]:
    """The page's colour at 0, half way to green at 1: light enough that the number can be read."""
    from matplotlib.colors import to_rgb

    return tuple(
        (1 - 0.55 * score) * page + 0.55 * score * green
        for page, green in zip(to_rgb(theme.page), to_rgb(theme.green), strict=True)
    )
