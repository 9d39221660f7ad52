"""Figures that a reader can play with: one page of HTML, SVG and JavaScript each, shown in a frame.

The page is put into the frame's ``srcdoc``, so that it works wherever the output is shown (the built book, JupyterLab)
with no server, no file beside it and no network.
"""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

from ..data import photograph
from .figure import output_html

_STYLE = "iframe.lecture5-widget{display:block;width:100%;border:0;color-scheme:auto}"


class Widget:
    """An interactive figure.

    Parameters
    ----------
    title
        What it is and how it is used, for who does not see it.
    page
        The whole HTML page.
    height
        Height in CSS pixels until the page inside has said how high it really is.
    """

    def __init__(self, title: str, page: str, height: int) -> None:
        self.title, self.page, self.height = title, page, height

    def __repr__(self) -> str:
        return f"Interactive figure: {self.title}"

    def _repr_html_(self) -> str:
        frame = (
            f'<iframe class="lecture5-widget" title="{html.escape(self.title)}" style="height:{self.height}px" '
            f'srcdoc="{html.escape(self.page)}"></iframe>'
        )
        return output_html(_STYLE, frame)


def widget_page(name: str, **data: Any) -> str:
    """Return one of the HTML pages that lie beside this module, complete.

    Parameters
    ----------
    name
        Its file. Its script says where ``frame.js`` belongs, which every widget shares, by ``/*FRAME*/``.
    data
        What goes into the script, as JSON, wherever it says ``/*NAME*/ null``.
    """
    folder = files(__package__)
    page = folder.joinpath(name).read_text("utf-8").replace("/*FRAME*/", folder.joinpath("frame.js").read_text("utf-8"))
    for place, value in data.items():
        page = page.replace(f"/*{place}*/ null", json.dumps(value, separators=(",", ":")))
    return page


def convolution_explorer() -> Widget:
    """Let the reader move a 3 × 3 window over a picture, edit the kernel, and watch the output grow.

    Returns
    -------
    Widget
        With a photograph of 33 × 50 pixels and three small drawings, six kernels, and a switch that turns the kernel
        by 180 degrees; by mouse, by keyboard and by touch.

    Examples
    --------
    >>> convolution_explorer()
    Interactive figure: convolution explorer: move a window over a picture and see products, sum and output
    """
    pixels = photograph("coffee")[1:199].reshape(33, 6, 50, 6).mean(axis=(1, 3))  # each the mean of a 6 × 6 block
    data = {"white": 99, "rows": (99 * pixels).round().astype(int).tolist()}
    return Widget(
        "convolution explorer: move a window over a picture and see products, sum and output",
        widget_page("explorer.html", PHOTOGRAPH=data),
        height=640,
    )
