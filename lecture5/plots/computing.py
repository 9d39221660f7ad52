"""Figures of how a convolution is computed: tiles, matrix products, measured times, the roof of a machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from .. import arguments
from .figure import Figure, Panel, Theme, drawn_panel, plain

_LOOKS = (("ink", ":", "^"), ("orange", "-", "o"), ("blue", "--", "s"), ("green", "-.", "D"), ("ink", "-", "v"))


def times_by_kernel(
    panels: Mapping[str, tuple[Mapping[str, Mapping[int, float]], str]], *, ylabel: str = "milliseconds"
) -> Figure:
    """Show how long each of up to five methods took, over the kernel's size, both axes logarithmic.

    Parameters
    ----------
    panels
        Title, and the measured times with what there is to see. Times are: method, then kernel size and time.

    Raises
    ------
    ValueError
        If a panel has no method or more than five, or no words.

    Examples
    --------
    >>> times_by_kernel({"here": ({"gemm": {3: 0.2, 9: 0.9}, "fourier": {3: 0.6, 9: 0.6}}, "Two lines that cross.")})
    Figure: time by kernel size
    - Two lines that cross.
    """
    for title, (methods, _) in panels.items():
        if not 0 < len(methods) <= len(_LOOKS):
            raise ValueError(f"panels[{title!r}] has {len(methods)} methods, but there must be one to {len(_LOOKS)}")

    def panel(title: str, methods: Mapping[str, Mapping[int, float]], alt: str) -> Panel:
        def draw(axes, theme):
            for (name, times), (colour, line, marker) in zip(methods.items(), _LOOKS, strict=False):
                look = {"color": getattr(theme, colour), "marker": marker, "markersize": 4.5}
                axes[0].loglog(list(times), list(times.values()), line, label=name, **look)
            sizes = sorted({size for times in methods.values() for size in times})
            axes[0].set_xticks(sizes, [str(size) for size in sizes])
            axes[0].minorticks_off()
            axes[0].set(xlabel="rows and columns of the kernel", ylabel=ylabel)
            axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2, handlelength=2.6)
            plain(axes[0], zero_line=False)

        return drawn_panel(draw, alt=alt, title=title, size=(2.95, 3.5))

    return Figure("time by kernel size", [panel(title, *content) for title, content in panels.items()])


def roofline(
    layers: Mapping[str, tuple[float, float]], *, peak: float, bandwidth: float, alt: str, title: str = ""
) -> Figure:
    """Show measured layers under the roof of a machine, both axes logarithmic.

    Parameters
    ----------
    layers
        Name, and (intensity in operations per byte, operations per second). Names that begin with ``fc`` are drawn
        as fully connected ones.
    peak
        The most operations per second that the machine was seen to do.
    bandwidth
        The most bytes per second that it was seen to move.
    alt
        What there is to see, in words.

    Raises
    ------
    ValueError
        If a layer is not two numbers, or there are no words.

    References
    ----------
    S. Williams, A. Waterman and D. Patterson, *Roofline: an insightful visual performance model for multicore
    architectures*, Communications of the ACM (2009).
    """
    points = {name: arguments.numeric_array(f"layers[{name!r}]", point) for name, point in layers.items()}
    for name, point in points.items():
        if point.shape != (2,):
            raise ValueError(
                f"layers[{name!r}] has shape {point.shape}, but it must be two numbers: intensity and speed"
            )

    def draw(axes, theme):
        intensities = [point[0] for point in points.values()]
        x = np.geomspace(min(0.25, *intensities) / 1.5, max(100.0, *intensities) * 3, 200)
        axes[0].loglog(x, np.minimum(peak, x * bandwidth) / 1e9, color=theme.ink)
        axes[0].fill_between(x, np.minimum(peak, x * bandwidth) / 1e9, 1e-3, color=theme.faint, alpha=0.25, linewidth=0)
        axes[0].axvline(peak / bandwidth, color=theme.ink, linewidth=0.8, linestyle=":")
        beside = ((6, -4, "left"), (-6, -4, "right"), (0, 6, "center"))  # names in turn, so that neighbours do not meet
        for number, (name, (intensity, speed)) in enumerate(points.items()):
            dense, (right, up, side) = name.startswith("fc"), beside[number % 3]
            look = {"color": theme.orange if dense else theme.green, "marker": "s" if dense else "o", "markersize": 5}
            axes[0].plot(intensity, speed / 1e9, linestyle="", **look)
            place = {"textcoords": "offset points", "xytext": (right, up), "ha": side, "fontsize": 9}
            axes[0].annotate(name, (intensity, speed / 1e9), **place)
        lowest = min(speed for _, speed in points.values())
        axes[0].set(xlim=(x[0], x[-1]), ylim=(lowest / 1e9 / 3, peak / 1e9 * 3))
        axes[0].set(xlabel="operations per byte", ylabel="billion operations per second")
        plain(axes[0], zero_line=False)

    return Figure("layers under the roof", [drawn_panel(draw, alt=alt, title=title, size=(6.2, 3.6))])


def overlapping_tiles(length: int, tile: int, step: int, outputs: int, *, alt: str) -> Figure:
    """Show how a row of inputs is cut into tiles that overlap, and which outputs each of them makes.

    Parameters
    ----------
    length
        Cells of the row.
    tile, step
        Cells of a tile, and from one tile to the next.
    outputs
        What a tile makes.
    alt
        What there is to see, in words.
    """
    starts = range(0, length - tile + 1, step)

    def draw(axes, theme):
        def cell(x, y, colour, text, height=0.8):
            axes[0].add_patch(Rectangle((x + 0.06, y), 0.88, height, color=getattr(theme, colour), alpha=0.35, lw=0))
            axes[0].text(x + 0.5, y + height / 2, text, ha="center", va="center", fontsize=9)

        for i in range(length):
            cell(i, 0, "blue", f"x{i}")
        for number, start in enumerate(starts):
            y = 1.3 + 0.75 * number
            for k in range(tile):
                cell(start + k, y, "blue", f"x{start + k}", 0.6)
            axes[0].text(length + 1.2, y + 0.3, f"{tile} products", ha="center", va="center", fontsize=9)
            for k in range(outputs):
                cell(length + 2.4 + k, y, "green", f"y{number * outputs + k}", 0.6)
        axes[0].set(xlim=(0, length + 2.4 + outputs), ylim=(1.3 + 0.75 * len(starts), -0.1), aspect="equal")
        axes[0].axis("off")

    size = (0.42 * (length + 2.4 + outputs), 0.42 * (1.4 + 0.75 * len(starts)))
    return Figure("overlapping tiles", [drawn_panel(draw, alt=alt, size=size)])


def tiled_product(
    windows: np.ndarray,
    weights: np.ndarray,
    product: np.ndarray,
    *,
    tile: tuple[slice, slice],
    terms: slice,
    alt: str,
) -> Figure:
    """Show a matrix product as three matrices, and in them what one program works on at one moment.

    Parameters
    ----------
    windows, weights, product
        (positions, terms), (terms, filters) and (positions, filters).
    tile
        Rows and columns of the product that the program computes.
    terms
        Which terms of the sum it takes just now.
    alt
        What there is to see, in words.
    """
    positions, depth = windows.shape
    filters = weights.shape[1]
    gap = max(2.0, 0.08 * depth)

    def draw(axes, theme: Theme):
        def matrix(values, x, y, colour):
            shades = LinearSegmentedColormap.from_list("shades", [theme.page, getattr(theme, colour)])
            rows, columns = values.shape
            axes[0].imshow(
                np.abs(values), cmap=shades, extent=(x, x + columns, y + rows, y), vmax=1.3 * np.abs(values).max()
            )
            axes[0].add_patch(Rectangle((x, y), columns, rows, fill=False, edgecolor=theme.faint))

        def frame(x, y, columns, rows):
            axes[0].add_patch(Rectangle((x, y), columns, rows, fill=False, edgecolor=theme.ink, linewidth=2.2))

        rows, columns = tile
        right, below = depth + gap, depth + gap
        matrix(windows, 0, below, "blue")
        matrix(weights, right, 0, "orange")
        matrix(product, right, below, "green")
        for x, text in ((depth / 2, "terms of the sum"), (right + filters / 2, "filters")):
            axes[0].text(x, (below if x < depth else 0) - 0.7, text, ha="center", va="bottom")
        for x, y, text in ((0, below + positions / 2, "positions"), (right, depth / 2, "terms")):
            axes[0].text(x - 0.7, y, text, rotation=90, ha="right", va="center")
        frame(terms.start, below + rows.start, terms.stop - terms.start, rows.stop - rows.start)
        frame(right + columns.start, terms.start, columns.stop - columns.start, terms.stop - terms.start)
        frame(right + columns.start, below + rows.start, columns.stop - columns.start, rows.stop - rows.start)
        axes[0].set(xlim=(-4, right + filters + 0.5), ylim=(below + positions + 0.5, -4), aspect="equal")
        axes[0].axis("off")

    size = (5.6, 5.6 * (depth + gap + positions + 5) / (depth + gap + filters + 5))
    return Figure("a tile of a matrix product", [drawn_panel(draw, alt=alt, size=size)])
