"""Dynamic programming as convolution: networks whose tied layers are algorithms.

The lecture ends on an observation: a ConvNet without pooling, with stride 1 and with the same weights in each layer can
mimic dynamic programming. This package makes it exact. It has two ideas,

- a :class:`Semiring` puts other operations in the place of + and × (``semiring_conv``), and
- a :class:`TiedConvNet` repeats one layer, which sees its input again each time,

and every algorithm below is a few lines over them. All take numpy arrays; those that say so take torch tensors too, and
then back-propagation through the layers is the algorithm's traceback.
"""

from . import worlds
from .alignment import Alignment, alignment_table, dtw, edit_distance, needleman_wunsch
from .beliefs import Beliefs, belief_propagation, stereo_costs
from .chains import chain_scores, forward_backward, prefix_scan, viterbi
from .convolution import semiring_conv
from .grids import connected_components, distance_transform, flood_fill, moves, shortest_paths, wave
from .planning import GridPolicy, value_iteration
from .relu import minimum_with_relu, relu_shortest_paths
from .semiring import (
    LOG_SUM_EXP,
    MAX_PLUS,
    MAX_TIMES,
    MIN_PLUS,
    OR_AND,
    PLUS_TIMES,
    SEMIRINGS,
    Semiring,
)
from .smooth import game_of_life, heat, sparse_code, synthesise
from .tied import NotConverged, Run, TiedConvNet
from .timings import timings

__all__ = [
    "LOG_SUM_EXP",
    "MAX_PLUS",
    "MAX_TIMES",
    "MIN_PLUS",
    "OR_AND",
    "PLUS_TIMES",
    "SEMIRINGS",
    "Alignment",
    "Beliefs",
    "GridPolicy",
    "NotConverged",
    "Run",
    "Semiring",
    "TiedConvNet",
    "alignment_table",
    "belief_propagation",
    "chain_scores",
    "connected_components",
    "distance_transform",
    "dtw",
    "edit_distance",
    "flood_fill",
    "forward_backward",
    "game_of_life",
    "heat",
    "minimum_with_relu",
    "moves",
    "needleman_wunsch",
    "prefix_scan",
    "relu_shortest_paths",
    "semiring_conv",
    "shortest_paths",
    "sparse_code",
    "stereo_costs",
    "synthesise",
    "timings",
    "value_iteration",
    "viterbi",
    "wave",
    "worlds",
]
