"""What a trained network has learned: tools to look inside, to disturb it, and to measure.

Each module is one idea: :mod:`~lecture5.insight.activations`, :mod:`~lecture5.insight.occlusion`,
:mod:`~lecture5.insight.deconvnet`, :mod:`~lecture5.insight.maximisation`, :mod:`~lecture5.insight.receptive`,
:mod:`~lecture5.insight.probes`, :mod:`~lecture5.insight.lesions` and :mod:`~lecture5.insight.equivariance`.
"""

from .activations import Excitation, activations, field_of, patch, recording, strongest
from .deconvnet import pool_with_switches, project_down, unpool
from .equivariance import equivariance_error, prediction_stability
from .lesions import enumerate_paths, gradient_by_path_length, lesion, path_lengths
from .maximisation import maximise, variation
from .occlusion import occlusion_map
from .probes import LinearProbe, nearest_neighbour_accuracy, separation
from .receptive import Support, gradient_support, mean_gradient

__all__ = [
    "Excitation",
    "LinearProbe",
    "Support",
    "activations",
    "enumerate_paths",
    "equivariance_error",
    "field_of",
    "gradient_by_path_length",
    "gradient_support",
    "lesion",
    "maximise",
    "mean_gradient",
    "nearest_neighbour_accuracy",
    "occlusion_map",
    "patch",
    "path_lengths",
    "pool_with_switches",
    "prediction_stability",
    "project_down",
    "recording",
    "separation",
    "strongest",
    "unpool",
    "variation",
]
