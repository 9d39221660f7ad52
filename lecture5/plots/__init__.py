"""Every figure's drawing code: a chapter computes, and then calls one function here with what it computed.

Figures carry their drawings inside, for light and dark pages, each with a text that says what there is to see.
"""

from .arithmetic import arithmetic_explorer, mode_curves, number_grids, padded_pictures
from .computing import overlapping_tiles, roofline, tiled_product, times_by_kernel
from .dynamic_programming import alignment, grid_maps, hidden_states, maze_explorer, right_by_size, routes
from .feature_maps import grouped_bars
from .figure import Figure
from .filters import kernel_tiles, wavelet_pyramid
from .frequency import gain_curves, response_map, spectra
from .matrices import connections, weight_matrices
from .models import architecture, named_bars
from .networks import measured_curves, score_grids
from .pictures import pictures
from .player import Sounds, listen
from .receptive import receptive_explorer
from .scenes import boxed_pictures, class_maps, precision_recall_curves
from .signals import echoes, flip_and_slide, waveforms, wrap_around
from .speed import time_ratios, write_svg
from .transposed import transposed_explorer
from .widget import Widget, convolution_explorer

__all__ = [
    "Figure",
    "Sounds",
    "Widget",
    "alignment",
    "architecture",
    "arithmetic_explorer",
    "boxed_pictures",
    "class_maps",
    "connections",
    "convolution_explorer",
    "echoes",
    "flip_and_slide",
    "gain_curves",
    "grid_maps",
    "grouped_bars",
    "hidden_states",
    "kernel_tiles",
    "listen",
    "maze_explorer",
    "measured_curves",
    "mode_curves",
    "named_bars",
    "number_grids",
    "overlapping_tiles",
    "padded_pictures",
    "pictures",
    "precision_recall_curves",
    "receptive_explorer",
    "response_map",
    "right_by_size",
    "roofline",
    "routes",
    "score_grids",
    "spectra",
    "tiled_product",
    "time_ratios",
    "times_by_kernel",
    "transposed_explorer",
    "waveforms",
    "wavelet_pyramid",
    "weight_matrices",
    "wrap_around",
    "write_svg",
]
