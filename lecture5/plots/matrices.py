"""Figures of a layer as a matrix: what is connected to what, and which connections have the same weight.

Both take matrices of whole numbers: an entry is the number of its weight, 0 where there is no connection. Equal numbers
are one weight. ``lecture5.conv_matrix`` and its two neighbours give such a matrix, if the weights are 1, 2, 3, ….
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle

from .. import arguments
from .figure import Figure, Panel, drawn_panel

_STYLES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1.2, 1, 1.2, 1)))
_LABELLED = 24  # columns up to which the numbers are written into the squares


def weight_matrices(
    matrices: Mapping[str, np.ndarray], alts: Sequence[str], *, blocks: tuple[int, int] | None = None
) -> Figure:
    """Show matrices as squares, one for each connection, with the number of its weight; no square: no connection.

    Parameters
    ----------
    matrices
        Title and matrix, (units, inputs); 0 is no connection, equal numbers are one weight, and the shade grows with
        the number. In matrices of more than 24 columns the shade alone tells.
    alts
        What there is to see in each of them, in words.
    blocks
        How many rows and columns there are from one line to the next.

    Raises
    ------
    ValueError
        If there are not as many texts as matrices, or a matrix does not have two axes or holds a negative number.

    Examples
    --------
    >>> weight_matrices({"sum of neighbours": np.array([[1, 2, 0], [0, 1, 2]])}, ["Two rows: 1 2, moved by one."])
    Figure: sum of neighbours
    - Two rows: 1 2, moved by one.
    """
    arrays = _checked(matrices, alts)
    largest = max(array.max() for array in arrays.values())

    def panel(title: str, matrix: np.ndarray, alt: str) -> Panel:
        rows, columns = matrix.shape
        labelled = columns <= _LABELLED
        cell = (0.2 if largest < 10 else 0.27) if labelled else 3.4 / columns  # inches

        def draw(axes, theme):
            axes[0].add_patch(Rectangle((0, 0), columns, rows, fill=False, edgecolor=theme.faint))
            for (row, column), weight in np.ndenumerate(matrix):
                if weight:
                    shade = 0.12 + 0.48 * weight / largest
                    square = Rectangle((column, row), 1, 1, color=theme.orange, alpha=shade, linewidth=0)
                    axes[0].add_patch(square)
                    if labelled:
                        axes[0].text(column + 0.5, row + 0.5, f"{weight:g}", ha="center", va="center", fontsize=8.5)
            if blocks is not None:
                axes[0].hlines(range(blocks[0], rows, blocks[0]), 0, columns, color=theme.ink, linewidth=0.7)
                axes[0].vlines(range(blocks[1], columns, blocks[1]), 0, rows, color=theme.ink, linewidth=0.7)
            axes[0].set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal")
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(cell * columns + 0.1, cell * rows + 0.1))

    panels = [panel(title, matrix, alt) for (title, matrix), alt in zip(arrays.items(), alts, strict=True)]
    return Figure(" · ".join(arrays), panels)


def connections(matrices: Mapping[str, np.ndarray], alts: Sequence[str]) -> Figure:
    """Show layers in one dimension as lines from the inputs, below, to the units, above.

    Parameters
    ----------
    matrices
        Title and matrix, (units, inputs), as for :func:`weight_matrices`. A weight that several connections share has a
        kind of line of its own (up to five); weights of a single connection are thin grey lines.
    alts
        What there is to see in each of them, in words.

    Raises
    ------
    ValueError
        As :func:`weight_matrices`, or if more than five weights are shared.

    Examples
    --------
    >>> connections({"sum of neighbours": np.array([[1, 2, 0], [0, 1, 2]])}, ["Three dots below two, four lines."])
    Figure: sum of neighbours
    - Three dots below two, four lines.
    """
    arrays = _checked(matrices, alts)

    def panel(title: str, matrix: np.ndarray, alt: str) -> Panel:
        uses = Counter(matrix[matrix > 0].tolist())
        shared = sorted(weight for weight, count in uses.items() if count > 1)
        if len(shared) > len(_STYLES):
            raise ValueError(
                f"matrices[{title!r}] shares {len(shared)} weights, but at most {len(_STYLES)} can be told apart"
            )

        def draw(axes, theme):
            units, inputs = (np.arange(size) - (size - 1) / 2 for size in matrix.shape)
            for (unit, cell), weight in np.ndenumerate(matrix):
                ends = [inputs[cell], units[unit]], [0, 1]
                if weight in shared:
                    style = _STYLES[shared.index(weight)]
                    axes[0].plot(*ends, color=theme.orange, linestyle=style, linewidth=2, zorder=1)
                elif weight:
                    axes[0].plot(*ends, color=theme.ink, alpha=0.5, linewidth=0.9, zorder=1)
            for places, height, colour in ((inputs, 0, theme.blue), (units, 1, theme.green)):
                axes[0].plot(places, np.full(len(places), height), "o", color=colour, markersize=11, zorder=2)
            for weight in shared:
                style = _STYLES[shared.index(weight)]
                axes[0].plot([], [], color=theme.orange, linestyle=style, linewidth=2, label=f"{weight:g}")
            if shared:
                axes[0].legend(loc="lower center", ncols=len(shared), handlelength=1.8, columnspacing=0.9)
            axes[0].set(ylim=(-0.7, 1.2))  # room for the legend, in all panels alike
            axes[0].margins(x=0.08)
            axes[0].axis("off")

        return drawn_panel(draw, alt=alt, title=title, size=(1.9, 1.8))

    panels = [panel(title, matrix, alt) for (title, matrix), alt in zip(arrays.items(), alts, strict=True)]
    return Figure(" · ".join(arrays), panels)


def _checked(matrices: Mapping[str, np.ndarray], alts: Sequence[str]) -> dict[str, np.ndarray]:
    if len(matrices) != len(alts):
        raise ValueError(f"there are {len(matrices)} matrices, but {len(alts)} alts: give one text for each matrix")
    arrays = {title: arguments.numeric_array(f"matrices[{title!r}]", matrix) for title, matrix in matrices.items()}
    for title, matrix in arrays.items():
        if matrix.ndim != 2 or matrix.min() < 0:
            raise ValueError(
                f"matrices[{title!r}] has shape {matrix.shape} and smallest number {matrix.min():g}, but it must be"
                " (units, inputs), with the numbers of weights, 0 for none"
            )
    return arrays
