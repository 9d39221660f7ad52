"""A figure that suits a light and a dark page, a screen and a phone, and that says in words what it shows.

A figure is one panel or more. On a wide page panels stand side by side, on a narrow one below each other. A panel
carries its drawing twice, for light and for dark pages, on a transparent ground; style rules in the figure's own HTML
choose between the two by the theme of the built book, of JupyterLab or of VS Code, and light in print. Nothing is
written to a file and nothing is fetched.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from PIL import Image


class Theme(NamedTuple):
    """The colours of one kind of page.

    Throughout the book the input is blue, the kernel orange, the output green: shades of the palette that M. Okabe and
    K. Ito chose so that colour-blind readers can tell them apart, dark enough (or light enough) to read on the page.
    """

    ink: str
    faint: str
    page: str
    blue: str
    orange: str
    green: str

    def signed(self) -> LinearSegmentedColormap:
        """Blue below zero, the page's own colour at zero, orange above."""
        return LinearSegmentedColormap.from_list("signed", [self.blue, self.page, self.orange])


LIGHT = Theme(ink="#1f2933", faint="#c4ccd4", page="#ffffff", blue="#0072b2", orange="#c75000", green="#00785a")
DARK = Theme(ink="#e3e8ee", faint="#48525d", page="#121212", blue="#56b4e9", orange="#f0a030", green="#3fc79a")

_STYLE = """
.lecture5-figure{display:flex;flex-wrap:wrap;gap:1rem;justify-content:center}
.lecture5-output .lecture5-figure figure{margin:0;padding:0;min-width:0}
.lecture5-output .lecture5-figure figcaption{font-size:.9em;font-weight:400;padding:0;margin:0;text-align:center;
color:inherit!important}
.lecture5-figure img{width:100%;height:auto;margin:0;background:none!important;filter:none!important}
.lecture5-figure img.pixels{image-rendering:pixelated}
.lecture5-figure img.dark{display:none}
@media screen{
html[data-theme=dark] .lecture5-figure img.dark,body[data-jp-theme-light=false] .lecture5-figure img.dark,
body.vscode-dark .lecture5-figure img.dark{display:block}
html[data-theme=dark] .lecture5-figure img.light,body[data-jp-theme-light=false] .lecture5-figure img.light,
body.vscode-dark .lecture5-figure img.light{display:none}
}"""
# On dark pages the theme puts HTML outputs on a light ground; ours bring their own colours.
_NO_GROUND = """
@media screen{html[data-theme=dark] .text_html:has(>.lecture5-output){
background:none!important;color:inherit!important;padding:0!important}}"""


def output_html(style: str, content: str) -> str:
    """Wrap what one of our outputs shows, with the style rules that it needs."""
    return f'<div class="lecture5-output"><style>{style}{_NO_GROUND}</style>{content}</div>'


class Panel(NamedTuple):
    """One drawing in both themes, as ``data:`` addresses, with the words for who does not see it."""

    light: str
    dark: str
    alt: str
    title: str
    width: int
    """Its natural width in CSS pixels: it is drawn as wide as this, or narrower where the page is narrow."""
    pixelated: bool = False


class Figure:
    """What a chapter shows: one panel or more, each with its alternative text.

    Parameters
    ----------
    name
        A short name for the whole figure.
    panels
        Its panels, in reading order.

    Raises
    ------
    ValueError
        If there is no panel, or one of them has no alternative text.
    """

    def __init__(self, name: str, panels: Sequence[Panel]) -> None:
        if not panels:
            raise ValueError("panels is empty, but a figure needs at least one")
        for panel in panels:
            if not panel.alt.strip():
                raise ValueError(f"a panel of {name!r} has no alt text: say in words what it shows")
        self.name, self.panels = name, tuple(panels)

    def __repr__(self) -> str:
        """Say what the figure shows: the text form that a terminal, a stored notebook and nbval see."""
        return "\n".join([f"Figure: {self.name}", *(f"- {panel.alt}" for panel in self.panels)])

    def _repr_html_(self) -> str:
        return output_html(_STYLE, f'<div class="lecture5-figure">{"".join(map(_panel_html, self.panels))}</div>')


def _panel_html(panel: Panel) -> str:
    alt, pixels = html.escape(panel.alt), " pixels" if panel.pixelated else ""
    if panel.light == panel.dark:
        images = f'<img class="both{pixels}" src="{panel.light}" alt="{alt}">'
    else:
        images = "".join(
            f'<img class="{theme}{pixels}" src="{source}" alt="{alt}">'
            for theme, source in (("light", panel.light), ("dark", panel.dark))
        )
    title = f"<figcaption>{html.escape(panel.title)}</figcaption>" if panel.title else ""
    size = f"flex:1 1 {0.85 * panel.width:.0f}px;max-width:{panel.width}px"
    return f'<figure style="{size}">{title}{images}</figure>'


def drawn_panel(
    draw: Callable[[np.ndarray, Theme], None],
    *,
    alt: str,
    title: str = "",
    size: tuple[float, float] = (5.0, 2.4),
    rows: int = 1,
    height_ratios: Sequence[float] | None = None,
) -> Panel:
    """Draw a panel with matplotlib, once for each theme.

    Parameters
    ----------
    draw
        Called with the panel's axes (an array of ``rows``, below each other, with a common x axis) and a theme.
    size
        Width and height in inches at which letters have their right size.
    """
    sources = []
    for theme in (LIGHT, DARK):
        with mpl.rc_context(_settings(theme)):
            canvas = Canvas(figsize=size, layout="constrained")
            axes = canvas.subplots(rows, sharex=True, squeeze=False, height_ratios=height_ratios)[:, 0]
            draw(axes, theme)
            buffer = io.BytesIO()
            canvas.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        sources.append(_address("image/svg+xml", buffer.getvalue()))
    return Panel(*sources, alt=alt, title=title, width=round(118 * size[0]))


def picture_panel(image: np.ndarray, *, alt: str, title: str = "", width: int = 340) -> Panel:
    """Show an array as a picture, pixel by pixel.

    Parameters
    ----------
    image
        (H, W), or (3, H, W) in colour. From 0 (black) to 1 (white); what lies outside is cut. If it holds negative
        numbers, zero has the colour of the page, negative numbers are blue, positive ones orange. The half percent of
        the pixels that are farthest from zero have the full colour, so that a few extremes do not darken the rest.
    """
    if image.min() < -1e-9:
        scaled = 0.5 + image / (2 * np.percentile(np.abs(image), 99.5))
        bytes_of = [np.round(255 * theme.signed()(scaled)[..., :3]) for theme in (LIGHT, DARK)]
    else:
        grey_or_colour = np.moveaxis(image, 0, -1) if image.ndim == 3 else image
        bytes_of = [np.round(255 * np.clip(grey_or_colour, 0, 1))] * 2
    sources = []
    for pixels in bytes_of:
        buffer = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(buffer, format="png", optimize=True)
        sources.append(_address("image/png", buffer.getvalue()))
    return Panel(*sources, alt=alt, title=title, width=width, pixelated=image.shape[-1] < width / 2)


def plain(axes: Axes, *, zero_line: bool = True) -> None:
    """Take away the frame that a curve or a row of stems does not need; draw the line where it is zero."""
    axes.spines[["top", "right"]].set_visible(False)
    if zero_line:
        axes.axhline(0, color=mpl.rcParams["axes.edgecolor"], linewidth=0.8, zorder=0)


def _settings(theme: Theme) -> dict[str, object]:
    return {
        "font.size": 10.5,
        "axes.titlesize": 10.5,
        "legend.fontsize": 10,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.ink,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "grid.color": theme.faint,
        "hatch.color": theme.ink,
        "svg.fonttype": "path",  # the page need not have our letters
        "svg.hashsalt": "lecture5",  # the same drawing gives the same bytes
    }


def _address(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
