"""The transposed-convolution explorer: the lecture's 4 × 9 matrix, forward and transposed."""

from __future__ import annotations

from .widget import Widget, widget_page


def transposed_explorer() -> Widget:
    """Let the reader change the lecture's 3 × 3 input and 2 × 2 kernel, and see which row of C or Cᵀ makes each output.

    Returns
    -------
    Widget
        By mouse, by keyboard and by touch.

    Examples
    --------
    >>> transposed_explorer()
    Interactive figure: transposed convolution explorer: one matrix, multiplied forward and transposed
    """
    return Widget(
        "transposed convolution explorer: one matrix, multiplied forward and transposed",
        widget_page("transposed.html"),
        height=470,
    )
