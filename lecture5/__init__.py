"""lecture5: reference implementations, exercises and a grader for one lecture on convolutional neural networks.

Every public name below is imported when it is first used, so that ``import lecture5`` costs next to nothing and loads
neither torch nor matplotlib.
"""

from importlib import import_module

__version__ = "0.1.0"

_SUBMODULES = ("arithmetic", "data", "dp", "exercise", "gpu", "insight", "nets", "plots", "signal", "vision")
_HOME = {
    "conv_output_size": "arithmetic",
    "conv_transpose_output_size": "arithmetic",
    "receptive_field": "arithmetic",
    "layer_costs": "costs",
    "pad": "padding",
    "CONV_METHODS": "conv",
    "conv1d": "conv",
    "conv2d": "conv",
    "conv3d": "conv",
    "conv_input_grad": "conv",
    "conv_weight_grad": "conv",
    "convolve": "conv",
    "CONV_TRANSPOSE_METHODS": "transposed",
    "conv_transpose1d": "transposed",
    "conv_transpose2d": "transposed",
    "conv_transpose3d": "transposed",
    "conv_matrix": "matrices",
    "fully_connected_matrix": "matrices",
    "locally_connected": "matrices",
    "locally_connected_matrix": "matrices",
    "pointwise_conv": "matrices",
    "max_pool1d": "pooling",
    "max_pool2d": "pooling",
    "max_pool3d": "pooling",
    "avg_pool1d": "pooling",
    "avg_pool2d": "pooling",
    "avg_pool3d": "pooling",
    "lp_pool1d": "pooling",
    "lp_pool2d": "pooling",
    "lp_pool3d": "pooling",
    "adaptive_avg_pool1d": "pooling",
    "adaptive_avg_pool2d": "pooling",
    "adaptive_avg_pool3d": "pooling",
    "max_pool_grad": "pooling",
    "avg_pool_grad": "pooling",
    "lp_pool_grad": "pooling",
    "adaptive_avg_pool_grad": "pooling",
    "batch_norm": "norm",
    "batch_norm_grad": "norm",
    "relu": "residual",
    "relu_grad": "residual",
    "residual_block": "residual",
    "residual_network": "residual",
}
__all__ = [*_HOME, *_SUBMODULES]


def __getattr__(name):
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
