"""Figures of what ``lecture5 bench`` measured."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import LogLocator

from .figure import Figure, Panel, drawn_panel, plain

_LOOKS = {  # Our methods are filled, the others hollow; auto is a frame around what it chose.
    "auto": ("green", "D", False),
    "gemm": ("blue", "o", True),
    "winograd": ("orange", "s", True),
    "fourier": ("ink", "^", True),
    "windows": ("blue", "v", True),
    "matrix": ("orange", "X", True),
    "direct": ("ink", "P", True),
    "auto, tensors": ("green", "*", False),
    "scipy.signal": ("ink", "^", False),
    "strided einsum": ("blue", "v", False),
    "indexed im2col": ("orange", "s", False),
    "naive loops": ("ink", "P", False),
}


def time_ratios(
    panels: Sequence[tuple[str, Sequence[dict], str]], *, contenders: Sequence[str] = tuple(_LOOKS)
) -> Figure:
    """Show the time of each contender as a multiple of torch's, one line for each case, on a logarithmic axis.

    Parameters
    ----------
    panels
        For each panel its title, rows of :func:`lecture5.bench.measure.measure`, and what there is to see, in words.
    contenders
        Whom to show.
    """
    return Figure("time as a multiple of torch's", [_ratios(*panel, contenders) for panel in panels])


def write_svg(figure: Figure, file: Path) -> None:
    """Write the first panel of a figure, in the colours for a light page, as an SVG file."""
    file.write_bytes(base64.b64decode(figure.panels[0].light.partition(",")[2]))


def _ratios(title: str, rows: Sequence[dict], alt: str, contenders: Sequence[str]) -> Panel:
    lines = list(dict.fromkeys(_line(row) for row in rows))
    several_suites = len({suite for suite, _, _ in lines}) > 1
    several_products = len({product for _, _, product in lines}) > 1
    labels = [f"{suite} " * several_suites + case + f", {product}" * several_products for suite, case, product in lines]

    def draw(axes, theme):
        axes[0].axvline(1, color=theme.ink, linewidth=0.8)
        for name in contenders:
            marks = [(row["ratio"], lines.index(_line(row))) for row in rows if row["contender"] == name]
            if not marks:
                continue
            colour, marker, filled = _LOOKS[name]
            colour = getattr(theme, colour)
            axes[0].plot(
                *zip(*marks, strict=True),
                marker,
                color=colour,
                markerfacecolor=colour if filled else "none",
                markersize=10 if name == "auto" else 6,
                label=name,
            )
        axes[0].set(xscale="log", xlabel="time / torch's time", ylim=(len(lines) - 0.5, -0.5))
        axes[0].set_yticks(range(len(lines)), labels)
        low, high = axes[0].get_xlim()
        axes[0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,)))
        axes[0].xaxis.set_major_formatter("{x:g}")
        axes[0].xaxis.set_minor_formatter("")
        axes[0].grid(axis="y", color=theme.faint, linewidth=0.5)
        axes[0].set_axisbelow(True)
        plain(axes[0], zero_line=False)
        axes[0].figure.legend(loc="outside lower center", ncols=3)

    return drawn_panel(draw, alt=alt, title=title, size=(6.6, 1.4 + 0.24 * len(lines)))


def _line(row: dict) -> tuple[str, str, str]:
    return row["suite"], row["case"], row["product"]
