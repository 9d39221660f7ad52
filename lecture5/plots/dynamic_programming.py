"""Figures of waves on grids, of tables and their way back, and of what networks make of mazes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from .. import arguments
from .figure import Figure, Panel, drawn_panel, plain
from .widget import Widget, widget_page

if TYPE_CHECKING:
    from ..dp.worlds import World


_LOOKS = (("blue", "-", "o"), ("orange", "--", "s"), ("green", "-.", "D"), ("ink", ":", "^"), ("ink", "-", "v"))


def maze_explorer() -> Widget:
    """Let the reader draw walls and watch the wave of shortest paths spread, layer by layer.

    Returns
    -------
    Widget
        A world of 11 × 15 cells, five worlds to start from, walls and swamps to draw, three semirings; by mouse, by
        keyboard and by touch.

    Examples
    --------
    >>> maze_explorer()
    Interactive figure: maze explorer: draw walls, and watch the wave of shortest paths spread layer by layer
    """
    return Widget(
        "maze explorer: draw walls, and watch the wave of shortest paths spread layer by layer",
        widget_page("maze.html"),
        height=860,
    )


def grid_maps(
    grids: Mapping[str, np.ndarray],
    alts: Sequence[str],
    *,
    contours: int = 0,
    route: np.ndarray | None = None,
    width: float = 3.0,
) -> Figure:
    """Show grids of numbers as maps: the larger the number the stronger the blue; what is infinite is grey.

    Parameters
    ----------
    grids
        Title and numbers, (H, W).
    alts
        What there is to see in each of them, in words.
    contours
        Draw so many lines of equal value.
    route
        Cells (H, W) to mark with a green dot in every map.
    width
        Of each map, in inches.

    Raises
    ------
    ValueError
        If there are not as many texts as grids, or one is not a grid of numbers.

    Examples
    --------
    >>> grid_maps({"far": np.eye(2)}, ["Two far cells."])
    Figure: far
    - Two far cells.
    """
    arrays = {title: arguments.numeric_array(f"grids[{title!r}]", grid) for title, grid in grids.items()}
    for title, grid in arrays.items():
        if grid.ndim != 2 or np.isnan(grid).any():
            raise ValueError(f"grids[{title!r}] has shape {grid.shape}, but it must be (H, W), without NaN")

    def panel(title: str, grid: np.ndarray, alt: str) -> Panel:
        rows, columns = grid.shape
        finite = np.isfinite(grid)
        low, high = (grid[finite].min(), grid[finite].max()) if finite.any() else (0.0, 1.0)

        def draw(axes, theme):
            colours = LinearSegmentedColormap.from_list("depth", [theme.page, theme.blue]).with_extremes(
                bad=theme.faint
            )
            shown = np.where(finite, grid, np.nan)
            axes[0].imshow(shown, cmap=colours, vmin=low - 0.08 * (high - low), vmax=high + 1e-9)
            if contours:
                axes[0].contour(grid, levels=contours, colors=theme.ink, linewidths=0.7, alpha=0.7)
            _mark(axes[0], route, theme.green, width / columns)
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(width, width * rows / columns))

    panels = [panel(title, grid, alt) for (title, grid), alt in zip(arrays.items(), alts, strict=True)]
    return Figure(" · ".join(arrays), panels)


def routes(worlds: Mapping[str, tuple[World, np.ndarray]], alts: Sequence[str], *, width: float = 3.0) -> Figure:
    """Show worlds as a network sees them (start green, goal red), with dots on the cells of a route.

    Parameters
    ----------
    worlds
        Title, and the world with the cells to mark, (H, W).
    alts
        What there is to see in each of them, in words.
    width
        Of each picture, in inches.
    """

    def panel(title: str, world: World, cells: np.ndarray, alt: str) -> Panel:
        rows, columns = world.cost.shape

        def draw(axes, theme):
            axes[0].imshow(np.moveaxis(world.picture(), 0, -1))
            _mark(
                axes[0], cells, "#d1228b", width / columns
            )  # one colour for both: the picture is the same on any page
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(width, width * rows / columns))

    panels = [panel(title, *worlds[title], alt) for title, alt in zip(worlds, alts, strict=True)]
    return Figure(" · ".join(worlds), panels)


def hidden_states(probability: np.ndarray, states: np.ndarray, names: Sequence[str], alt: str) -> Figure:
    """Show the probability of each hidden state over time, and the single best path through them.

    Parameters
    ----------
    probability
        (T, S).
    states
        The best path, (T,).
    names
        Of the S states.
    alt
        What there is to see, in words.
    """

    def draw(axes, theme):
        colours = LinearSegmentedColormap.from_list("probability", [theme.page, theme.blue])
        axes[0].imshow(probability.T, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes[0].plot(states, color=theme.orange, linewidth=2.2, marker="o", markersize=4, label="best path")
        axes[0].set(
            yticks=range(len(names)),
            yticklabels=names,
            xlabel="time, hundredths of a second",
            ylim=(len(names) - 0.5, -0.5),
        )
        axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        plain(axes[0], zero_line=False)

    return Figure("hidden states", [drawn_panel(draw, alt=alt, size=(6.0, 0.5 * len(names) + 1.2))])


def alignment(table: np.ndarray, path: np.ndarray, labels: tuple[Sequence[str], Sequence[str]], alt: str) -> Figure:
    """Show a table of a comparison, and the cells of a best way through it.

    Parameters
    ----------
    table : (m, n)
    path
        Which cells are on the way, (m, n), not zero where they are.
    labels
        Of rows and columns; empty for none.
    alt
        What there is to see, in words.
    """
    rows, columns = table.shape

    def draw(axes, theme):
        colours = LinearSegmentedColormap.from_list("cost", [theme.page, theme.blue])
        shown = np.where(np.isfinite(table), table, np.nan)
        axes[0].imshow(shown, cmap=colours, vmax=np.nanmax(shown) * 1.4, aspect="auto" if columns > 40 else "equal")
        points = np.argwhere(path)
        if columns > 40:
            axes[0].plot(points[:, 1], points[:, 0], color=theme.orange, linewidth=2)
        else:
            axes[0].scatter(points[:, 1], points[:, 0], s=320, facecolor="none", edgecolor=theme.orange, linewidth=2)
            for (row, column), value in np.ndenumerate(table):
                axes[0].text(column, row, f"{value:g}", ha="center", va="center")
        axes[0].set(xticks=range(len(labels[1])), xticklabels=labels[1])
        axes[0].set(yticks=range(len(labels[0])), yticklabels=labels[0])
        axes[0].tick_params(length=0, top=False, labeltop=bool(labels[1]), labelbottom=False)
        for spine in axes[0].spines.values():
            spine.set_visible(False)

    size = (4.6, 3.2) if columns > 40 else (0.42 * columns + 0.6, 0.42 * rows + 0.6)
    return Figure("alignment", [drawn_panel(draw, alt=alt, size=size)])


def right_by_size(results: Mapping[str, Mapping[int, Sequence[float]]], alt: str, *, trained_on: int) -> Figure:
    """Show which part of the mazes each network gets wholly right, against the mazes' size.

    Parameters
    ----------
    results
        Name, and for each size the fractions that networks from different seeds got right. The line is the median, the
        marks are the seeds.
    alt
        What there is to see, in words.
    trained_on
        The size that the networks were trained on.

    Raises
    ------
    ValueError
        If there is no network, or more than there are looks for lines.

    Examples
    --------
    >>> right_by_size({"a net": {15: [1.0, 0.9], 31: [0.5, 0.7]}}, "A line that falls.", trained_on=15)
    Figure: mazes right by size
    - A line that falls.
    """
    if not 0 < len(results) <= len(_LOOKS):
        raise ValueError(f"results has {len(results)} entries, but there must be one to {len(_LOOKS)}")

    def draw(axes, theme):
        axes[0].axvline(trained_on, color=theme.faint, linewidth=6, zorder=0)
        for (name, by_size), (colour, line, marker) in zip(results.items(), _LOOKS, strict=False):
            colour, sizes = getattr(theme, colour), list(by_size)
            axes[0].plot(sizes, [100 * np.median(by_size[n]) for n in sizes], line, color=colour, label=name)
            for size, fractions in by_size.items():
                axes[0].plot([size] * len(fractions), 100 * np.array(fractions), marker, color=colour, markersize=4)
        ticks = sorted({size for by_size in results.values() for size in by_size})
        axes[0].set(xscale="log", xticks=ticks, xticklabels=ticks, ylim=(-4, 104))
        axes[0].minorticks_off()
        axes[0].set(xlabel="cells along each side", ylabel="mazes wholly right, %")
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        plain(axes[0], zero_line=False)

    return Figure("mazes right by size", [drawn_panel(draw, alt=alt, size=(6.6, 2.8))])


def _mark(axes, cells: np.ndarray | None, colour: str, cell_inches: float) -> None:
    if cells is None:
        return
    points = np.argwhere(cells)
    axes.scatter(points[:, 1], points[:, 0], s=(72 * cell_inches * 0.45) ** 2, color=colour, linewidth=0)
