"""Every figure's drawing code: a chapter computes, and then calls one function here with what it computed.

Figures carry their drawings inside, for light and dark pages, each with a text that says what there is to see.
"""

from .arithmetic import arithmetic_explorer, mode_curves, number_grids, padded_pictures
from .figure import Figure
from .frequency import gain_curves, response_map, spectra
from .pictures import pictures
from .player import Sounds, listen
from .signals import echoes, flip_and_slide, waveforms, wrap_around
from .widget import Widget, convolution_explorer

__all__ = [
    "Figure",
    "Sounds",
    "Widget",
    "arithmetic_explorer",
    "convolution_explorer",
    "echoes",
    "flip_and_slide",
    "gain_curves",
    "listen",
    "mode_curves",
    "number_grids",
    "padded_pictures",
    "pictures",
    "response_map",
    "spectra",
    "waveforms",
    "wrap_around",
]
