"""The receptive-field explorer: build a stack of layers, choose a unit, see what it sees."""

from __future__ import annotations

from collections.abc import Sequence

from ..arithmetic import receptive_field
from .widget import Widget, widget_page

_SETTINGS = ("kernel", "stride", "padding", "dilation")
_DEFAULTS = (None, 1, 0, 1)


def receptive_explorer(layers: Sequence[Sequence[int]] = ((3,), (3,), (3,))) -> Widget:
    """Let the reader build a stack of up to six layers and see which cells of a row of 33 one unit sees, and how well.

    Parameters
    ----------
    layers
        The stack to begin with, as for :func:`lecture5.receptive_field`: from the input upwards, each
        ``(kernel_size, stride, padding, dilation)``, of which the last three may be left out.

    Returns
    -------
    Widget
        With the paths from a unit down to the input, the recurrence filled in, and the gradient of a unit whose
        weights are all 1; by mouse, by keyboard and by touch.

    Raises
    ------
    ValueError, TypeError
        If a layer is not as :func:`lecture5.receptive_field` wants it, or there is none or more than six.

    Examples
    --------
    >>> receptive_explorer([(3, 2), (3, 2)])
    Interactive figure: receptive field explorer: build a stack of layers and see what one unit sees of the input
    """
    receptive_field(layers)  # It says what is wrong with a layer.
    if not 1 <= len(layers) <= 6:
        raise ValueError(f"layers has {len(layers)} entries, but there is room for one to six")
    stack = [dict(zip(_SETTINGS, (*layer, *_DEFAULTS[len(layer) :]), strict=True)) for layer in layers]
    return Widget(
        "receptive field explorer: build a stack of layers and see what one unit sees of the input",
        widget_page("receptive.html", LAYERS=stack),
        height=720,
    )
