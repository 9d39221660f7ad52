"""A residual block and a small residual network, forward and backward, with nothing hidden.

A block computes ``y = relu(F(x) + shortcut(x))``, where F is convolution, batch normalisation, ReLU, convolution, batch
normalisation. The shortcut is the identity where the shapes allow it.

Here every step returns two things: its result, and a function ``backward`` that takes the gradient of a loss by that
result back to the gradients by what went into the step. To go back through a network is then to call these functions in
reverse order, and that is all that automatic differentiation does. Two rules are enough to join the steps:

*   one after the other: the gradient that one ``backward`` returns is what the one before it is given;
*   a sum of two branches: both are given the same gradient, and where the two branches start, theirs add up. So
    the shortcut hands the gradient to the layers below as it is, whatever F makes of it.

Parameters are a dictionary with the names of torch's ``state_dict``, so that those of :class:`lecture5.nets.BasicBlock`
and :class:`lecture5.nets.ResNet` can be used as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import conv2d, conv_input_grad, conv_weight_grad
from lecture5.norm import batch_norm, batch_norm_grad

Backward = Callable[[Any], tuple[Any, dict[str, Any]]]
"""Takes the gradient by a result to the gradient by ``x`` and, by name, those by the parameters."""


def relu(x: Any) -> Any:
    """Return max(x, 0) for each number of an array or tensor.

    Examples
    --------
    >>> relu(np.array([-2, 0, 3]))
    array([0, 0, 3])
    """
    return x.clip(min=0)


def relu_grad(grad_output: Any, x: Any) -> Any:
    """Return the gradient of :func:`relu` by its input: passed on where ``x`` is positive, else 0 (also at 0).

    Examples
    --------
    >>> relu_grad(np.array([5, 6, 7]), np.array([-2, 0, 3]))
    array([0, 0, 7])
    """
    return grad_output * (x > 0)


def residual_block(
    x: Any, parameters: Mapping[str, Any], *, stride: int = 1, training: bool = True
) -> tuple[Any, Backward]:
    """Return the output of a residual block, and the function that takes gradients back through it.

    Parameters
    ----------
    x : array or tensor, (N, C, H, W)
    parameters
        ``conv1.weight`` (K, C, 3, 3), ``conv2.weight`` (K, K, 3, 3), and for each ``bn1`` and ``bn2`` the vectors
        ``weight`` (γ), ``bias`` (β) and, if they shall be kept, ``running_mean`` and ``running_var``, all (K,). With
        ``downsample.0.weight`` (K, C, 1, 1) and the vectors of ``downsample.1`` the shortcut is a *projection*, a 1×1
        convolution and a batch normalisation. Without, it is the *identity*; if the shape changes, that keeps each
        ``stride``-th cell, and new channels are 0.
    stride
        Of the first convolution, and of the shortcut.
    training
        As for :func:`lecture5.batch_norm`: whether to normalise by the batch, and to update the running statistics.

    Returns
    -------
    y : array or tensor, (N, K, ceil(H / stride), ceil(W / stride))
    backward
        ``backward(grad_y)`` returns ``grad_x`` and a dictionary of the gradients by the parameters, by name.

    Raises
    ------
    ValueError, TypeError
        If a parameter is missing, or the shapes do not fit together.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition* (2016), figure 2.

    Examples
    --------
    If the last γ and β are zero, F is zero. What is not negative goes through the block as it is, and so does the
    gradient:

    >>> ones = np.ones(1)
    >>> parameters = {"conv1.weight": np.ones((1, 1, 3, 3)), "bn1.weight": ones, "bn1.bias": ones}
    >>> parameters |= {"conv2.weight": np.ones((1, 1, 3, 3)), "bn2.weight": 0 * ones, "bn2.bias": 0 * ones}
    >>> x = np.array([[[[1.0, 2.0, 3.0]]]])
    >>> y, backward = residual_block(x, parameters)
    >>> grad_x, grads = backward(np.array([[[[10.0, 20.0, 30.0]]]]))
    >>> y, grad_x
    (array([[[[1., 2., 3.]]]]), array([[[[10., 20., 30.]]]]))
    >>> list(grads)
    ['conv1.weight', 'bn1.weight', 'bn1.bias', 'conv2.weight', 'bn2.weight', 'bn2.bias']
    """
    x = _numbers("x", x)
    inner, inner_backward = _conv_norm(x, parameters, "conv1", "bn1", stride, training)
    hidden = relu(inner)
    outer, outer_backward = _conv_norm(hidden, parameters, "conv2", "bn2", 1, training)
    shortcut, shortcut_backward = _shortcut(x, parameters, outer.shape[1], stride, training)
    total = outer + shortcut

    def backward(grad_output: Any) -> tuple[Any, dict[str, Any]]:
        grad_total = relu_grad(grad_output, total)  # Of the sum, both branches get the same gradient.
        grad_hidden, outer_grads = outer_backward(grad_total)
        grad_x, inner_grads = inner_backward(relu_grad(grad_hidden, inner))
        grad_x_shortcut, shortcut_grads = shortcut_backward(grad_total)
        return grad_x + grad_x_shortcut, inner_grads | outer_grads | shortcut_grads

    return relu(total), backward


def residual_network(x: Any, parameters: Mapping[str, Any], *, training: bool = True) -> tuple[Any, Backward]:
    """Return the scores of a small residual network, and the function that takes gradients back through it.

    The network is that of section 4.2 of the paper: a 3×3 convolution, stages of residual blocks of which each but the
    first halves height and width in its first block, the mean over all positions, and a linear map to the scores.

    Parameters
    ----------
    x : array or tensor, (N, C, H, W)
    parameters
        The ``state_dict`` of :func:`lecture5.nets.cifar_resnet`, or arrays by the same names: those of ``conv1`` and
        ``bn1``, for each block those of :func:`residual_block` after ``layer1.0.``, ``layer1.1.``, …, ``layer2.0.``, …,
        and ``fc.weight`` (classes, channels) and ``fc.bias``.
    training
        As for :func:`residual_block`.

    Returns
    -------
    scores : array or tensor, (N, classes)
    backward
        ``backward(grad_scores)`` returns ``grad_x`` and a dictionary of the gradients by the parameters, by name.

    Raises
    ------
    ValueError, TypeError
        If a parameter is missing, or the shapes do not fit together.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition* (2016), section 4.2.
    """
    x = _numbers("x", x)
    stem, stem_backward = _conv_norm(x, parameters, "conv1", "bn1", 1, training)
    y = relu(stem)
    block_backwards = []
    for name, stride in _blocks(parameters):
        prefix = f"{name}."
        own = {key.removeprefix(prefix): value for key, value in parameters.items() if key.startswith(prefix)}
        y, block_backward = residual_block(y, own, stride=stride, training=training)
        block_backwards.append((prefix, block_backward))
    features, positions = y.mean((2, 3)), y.shape[2] * y.shape[3]
    fc = _parameter(parameters, "fc.weight")
    scores = features @ fc.T + _parameter(parameters, "fc.bias")

    def backward(grad_scores: Any) -> tuple[Any, dict[str, Any]]:
        grads = {"fc.weight": grad_scores.T @ features, "fc.bias": grad_scores.sum(0)}
        grad = (grad_scores @ fc / positions)[:, :, None, None]  # The same for each position.
        for prefix, block_backward in reversed(block_backwards):
            grad, block_grads = block_backward(grad)
            grads |= {prefix + name: value for name, value in block_grads.items()}
        grad_x, stem_grads = stem_backward(relu_grad(grad, stem))
        return grad_x, grads | stem_grads

    return scores, backward


def _conv_norm(
    x: Any, parameters: Mapping[str, Any], conv: str, norm: str, stride: int, training: bool
) -> tuple[Any, Backward]:
    """A convolution that keeps the size (but for the stride), and a batch normalisation."""
    w, gamma, beta = (_parameter(parameters, name) for name in (f"{conv}.weight", f"{norm}.weight", f"{norm}.bias"))
    running = [parameters.get(f"{norm}.{statistic}") for statistic in ("running_mean", "running_var")]
    settings = {"stride": stride, "padding": w.shape[-1] // 2}
    convolved = conv2d(x, w, **settings)
    y = batch_norm(convolved, gamma, beta, *running, training=training)

    def backward(grad_output: Any) -> tuple[Any, dict[str, Any]]:
        grad_convolved, grad_gamma, grad_beta = batch_norm_grad(
            grad_output, convolved, gamma, *running, training=training
        )
        grad_w = conv_weight_grad(grad_convolved, x, w.shape[2:], **settings)
        grad_x = conv_input_grad(grad_convolved, w, x.shape, **settings)
        return grad_x, {f"{conv}.weight": grad_w, f"{norm}.weight": grad_gamma, f"{norm}.bias": grad_beta}

    return y, backward


def _shortcut(
    x: Any, parameters: Mapping[str, Any], out_channels: int, stride: int, training: bool
) -> tuple[Any, Backward]:
    in_channels = x.shape[1]
    if "downsample.0.weight" in parameters:
        return _conv_norm(x, parameters, "downsample.0", "downsample.1", stride, training)
    if out_channels < in_channels:
        raise ValueError(
            f"parameters has no 'downsample.0.weight', but the block goes from {in_channels} channels to"
            f" {out_channels}, and only a projection can leave channels out"
        )
    if out_channels == in_channels and stride == 1:
        return x, lambda grad_output: (grad_output, {})
    # Each stride-th cell of the channels there are, and channels of zeros: a 1×1 convolution with ones on the diagonal.
    diagonal = np.eye(out_channels, in_channels, dtype=np.int8)[:, :, None, None]
    y = conv2d(x, diagonal, stride=stride)
    return y, lambda grad_output: (conv_input_grad(grad_output, diagonal, x.shape, stride=stride), {})


def _blocks(parameters: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the names of the blocks, such as "layer2.0", from the input upwards, and their strides."""
    names = {tuple(key.split(".")[:2]) for key in parameters if key.startswith("layer")}
    blocks = sorted((int(stage.removeprefix("layer")), int(position)) for stage, position in names)
    return [
        (f"layer{stage}.{position}", 2 if stage > blocks[0][0] and position == 0 else 1) for stage, position in blocks
    ]


def _parameter(parameters: Mapping[str, Any], name: str) -> Any:
    if name not in parameters:
        raise ValueError(f"parameters has no {name!r}, but only {', '.join(sorted(parameters)) or 'nothing'}")
    return _numbers(name, parameters[name])


def _numbers(name: str, value: Any) -> Any:
    return value if arguments.is_tensor(value) else arguments.numeric_array(name, value)
