"""Batch normalisation: give each channel the mean and the size that it learns to have.

Over a batch, each channel is shifted and scaled to mean 0 and variance 1, and then to a mean β and a standard
deviation γ, which are learnt::

    y = γ (x - μ) / sqrt(σ² + ε) + β

A layer with 96 channels so has 96 each of γ, β, μ and σ, whatever the size of the image: μ and σ² are taken over the
samples *and* the positions, since all positions of a channel come from the same kernel. (The lecture's slide leaves ε
out. It keeps a constant channel from being divided by zero.)

Two variances are about. The batch is normalised by its *biased* variance, Σ(x - μ)²/M over the M numbers of a channel.
What is stored for later is the *unbiased* one, Σ(x - μ)²/(M - 1), the better guess about data not seen yet.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv import operands


def batch_norm(
    x: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any = None,
    running_var: Any = None,
    *,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return ``x`` with each channel normalised, scaled by ``gamma`` and shifted by ``beta``.

    Parameters
    ----------
    x : array or tensor, (N, C, *spatial)
        With any number of spatial axes, also none.
    gamma, beta : array or tensor, (C,)
        The new standard deviation and mean of each channel.
    running_mean, running_var : array or tensor of floats, (C,), optional
        What is remembered of the batches seen in training. **They are changed in place** when ``training``, as torch
        does: the result stays one array, and the caller's memory is where the caller put it.
    training
        Whether to normalise by the mean and the (biased) variance of this batch, and to remember them; if not, by
        ``running_mean`` and ``running_var``, so that a sample's result does not depend on the others in its batch.
    momentum
        The weight of *this* batch in what is remembered, as in torch:
        ``running = (1 - momentum) running + momentum batch``. Other libraries call the weight of the past so, for
        which 0.1 here is 0.9 there.
    eps
        ε, added to the variance.

    Returns
    -------
    array or tensor, (N, C, *spatial)

    Raises
    ------
    ValueError
        If a channel has a single number in training (its variance says nothing), the running statistics are missing
        when they are needed, or a shape or number does not fit.
    TypeError
        If an operand does not hold real numbers.

    References
    ----------
    S. Ioffe and C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate
    shift* (2015), algorithms 1 and 2.

    Examples
    --------
    Two channels, one ten times as large as the other, over two samples and two positions:

    >>> x = np.array([[[1, 3], [10, 30]], [[1, 3], [10, 30]]])
    >>> mean, var = np.zeros(2), np.ones(2)
    >>> batch_norm(x, np.ones(2), [0, 5], mean, var, training=True, momentum=0.5).round(3)
    array([[[-1.,  1.],
            [ 4.,  6.]],
    <BLANKLINE>
           [[-1.,  1.],
            [ 4.,  6.]]])
    >>> mean, var.round(3)
    (array([ 1., 10.]), array([ 1.167, 67.167]))
    """
    momentum = arguments.real("momentum", momentum, minimum=0, maximum=1)
    eps = arguments.real("eps", eps, above=0)
    x, gamma, beta, mean, var = _checked(training, running_mean, running_var, x=x, gamma=gamma, beta=beta)
    count = prod(x.shape) // x.shape[1]
    if count == 0:  # An empty batch has nothing to normalise, and says nothing worth remembering.
        return x * 1
    if training:
        mean, var = _statistics(x)
        if running_mean is not None:
            _remember(running_mean, mean, momentum)
            _remember(running_var, var * count / (count - 1), momentum)
    normalised = (x - _per_channel(mean, x)) / _per_channel(var + eps, x) ** 0.5
    return _per_channel(gamma, x) * normalised + _per_channel(beta, x)


def batch_norm_grad(
    grad_output: Any,
    x: Any,
    gamma: Any,
    running_mean: Any = None,
    running_var: Any = None,
    *,
    training: bool,
    eps: float = 1e-5,
) -> tuple[Any, Any, Any]:
    """Return the gradients of :func:`batch_norm` by ``x``, ``gamma`` and ``beta``.

    Write x̂ for the normalised ``x``, g for the gradient by the output, and M for how many numbers a channel has. Then
    β gets Σg and γ gets Σg x̂. In training, each x also moves the mean and the variance that all others of its channel
    are normalised by. Of g, this removes what changes the mean and the variance, which the normalisation would undo::

        grad_x = γ / sqrt(σ² + ε) (g - Σg / M - x̂ Σg x̂ / M)

    With the running statistics, which do not depend on ``x``, only the first factor times g is left.

    Parameters
    ----------
    grad_output : array or tensor, (N, C, *spatial)
    x, gamma, running_mean, running_var, training, eps
        As they were for :func:`batch_norm`. The running statistics are only needed if not ``training``, and left alone.

    Returns
    -------
    grad_x : array or tensor, (N, C, *spatial)
    grad_gamma, grad_beta : array or tensor, (C,)

    Raises
    ------
    ValueError, TypeError
        As :func:`batch_norm`, and if ``grad_output`` does not have the shape of ``x``.

    Examples
    --------
    To ask for all numbers of a channel to grow is to ask for nothing, since the mean is taken off again:

    >>> grad_x, grad_gamma, grad_beta = batch_norm_grad(np.ones((2, 1)), [[1], [3]], [2], training=True)
    >>> grad_x.ravel(), grad_gamma, grad_beta
    (array([0., 0.]), array([0.]), array([2.]))
    """
    eps = arguments.real("eps", eps, above=0)
    if training:
        running_mean = running_var = None  # The batch's own statistics are what it was normalised by.
    x, gamma, grad_output, mean, var = _checked(
        training, running_mean, running_var, x=x, gamma=gamma, grad_output=grad_output
    )
    count = prod(x.shape) // x.shape[1]
    if count == 0:
        return x * 1, gamma * 0, gamma * 0
    if training:
        mean, var = _statistics(x)
    size = _per_channel(var + eps, x) ** 0.5
    normalised = (x - _per_channel(mean, x)) / size
    grad_gamma = (grad_output * normalised).sum(_all_but_channels(x))
    grad_beta = grad_output.sum(_all_but_channels(x))
    if training:
        grad_output = grad_output - (_per_channel(grad_beta, x) + normalised * _per_channel(grad_gamma, x)) / count
    return _per_channel(gamma, x) / size * grad_output, grad_gamma, grad_beta


def _all_but_channels(x: Any) -> tuple[int, ...]:
    return 0, *range(2, x.ndim)


def _per_channel(vector: Any, x: Any) -> Any:
    """Return ``vector``, (C,), in a shape that meets the channels of ``x``."""
    return vector.reshape(-1, *(1,) * (x.ndim - 2))


def _statistics(x: Any) -> tuple[Any, Any]:
    """Return the mean and the biased variance of each channel."""
    mean = x.mean(_all_but_channels(x))
    return mean, ((x - _per_channel(mean, x)) ** 2).mean(_all_but_channels(x))


def _remember(running: Any, batch: Any, momentum: float) -> None:
    """Move ``running`` in place towards what this batch has; no gradient flows through it."""
    if arguments.is_tensor(batch):
        batch = batch.detach()
    running += momentum * (batch - running)


def _checked(training: bool, running_mean: Any, running_var: Any, **arrays: Any) -> list:
    """Return the arrays alike and in floats, and after them the running statistics, all of them checked.

    In training, the running statistics are left as they are, since they shall be updated where they are.
    """
    running = {"running_mean": running_mean, "running_var": running_var}
    missing = [name for name, value in running.items() if value is None]
    if len(missing) == 1 or (missing and not training):
        raise ValueError(
            f"{missing[0]} is None, but running_mean and running_var are given together, and always without training"
        )
    if not training:
        arrays |= running
    names, alike = list(arrays), [arguments.as_floats(array) for array in operands.alike(**arrays)]
    arrays = dict(zip(names, alike, strict=True))
    if training:
        for name, value in running.items():
            _check_can_be_updated(name, value, arrays["x"])
        arrays |= running
    _check_shapes(training, **arrays)
    return list(arrays.values())


def _check_shapes(training: bool, x: Any, **others: Any) -> None:
    if x.ndim < 2 or x.shape[1] == 0:
        raise ValueError(f"x has shape {tuple(x.shape)}, but it must be (N, C, *spatial), with at least one channel")
    if training and prod(x.shape) == x.shape[1]:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, one number for each channel, but training needs two or more to have a"
            " variance: give a larger batch, or training=False"
        )
    for name, value in others.items():
        wanted = tuple(x.shape) if name == "grad_output" else (x.shape[1],)
        if value is not None and tuple(value.shape) != wanted:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}, but for x of {tuple(x.shape)} it must be {wanted}"
            )


def _check_can_be_updated(name: str, running: Any, x: Any) -> None:
    """Raise unless ``running`` is None, or an array or tensor as ``x`` is, of floats."""
    if running is None:
        return
    if arguments.is_tensor(x):
        kind = f"a tensor of floats on {x.device}"
        fits = arguments.is_tensor(running) and running.is_floating_point() and running.device == x.device
    else:
        kind = "a writeable numpy array of floats"
        fits = isinstance(running, np.ndarray) and running.dtype.kind == "f" and running.flags.writeable
    if not fits:
        raise TypeError(f"{name} is {running!r}, but it must be {kind}, since training updates it in place")
