"""Belief propagation on an image: messages between neighbouring pixels, as a tied network.

Each pixel wants a label that fits what it sees (the data cost) and that of its four neighbours (the smoothness cost).
Pixels tell their neighbours what they think of each label; a layer sends one round of messages. On a chain or tree this
is exact, and is Viterbi's algorithm. On a grid messages go round in loops and come back as if they were news: no
guarantee, and yet a good heuristic (Felzenszwalb and Huttenlocher, "Efficient belief propagation for early vision",
IJCV 2006, whose truncated linear cost and order of operations are used here).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .semiring import MIN_PLUS
from .tied import TiedConvNet

# Messages come from above, below, left, right: the sender is that many rows and columns away.
SENDERS = ((-1, 0), (1, 0), (0, -1), (0, 1))
OPPOSITE = [1, 0, 3, 2]


class Beliefs(NamedTuple):
    """Attributes: ``labels`` (H, W), the cheapest label of each pixel; ``costs`` (L, H, W), what each label would cost,
    up to a constant per pixel; ``steps``, the number of layers."""

    labels: np.ndarray
    costs: np.ndarray
    steps: int


def belief_propagation(data_cost: Any, smoothness: float = 1.0, truncation: float = 2.0, steps: int = 50) -> Beliefs:
    """Return a labelling with a small sum of data costs and of  smoothness · min(|difference|, truncation)  per edge.

    One layer: each pixel adds up its data cost and the messages from its neighbours, without the one that came from
    the neighbour it now writes to; a (min, +) convolution *along the label axis* says what that means for the
    neighbour's labels; the result moves one pixel on.

    Parameters
    ----------
    data_cost : array, (L, H, W)
        What label l costs at each pixel. ``inf`` forbids it.
    smoothness, truncation
        Price per step between neighbouring labels, and the number of steps beyond which it grows no more.
    steps
        Layers. News travels one pixel a layer.

    Raises
    ------
    ValueError
        If a pixel has no label with finite cost, or a price is negative or not finite.

    Examples
    --------
    A pixel that disagrees is outvoted:

    >>> seen = np.array([[0, 0, 1, 0, 0]])
    >>> cost = np.stack([seen, 1 - seen])
    >>> belief_propagation(cost, smoothness=0.8).labels
    array([[0, 0, 0, 0, 0]])
    """
    data_cost = arguments.numeric_array("data_cost", data_cost).astype(float)
    if data_cost.ndim != 3 or 0 in data_cost.shape:
        raise ValueError(f"data_cost has shape {data_cost.shape}, but it must be (L, H, W), none of them 0")
    MIN_PLUS.require("data_cost", data_cost)
    if np.isinf(data_cost.min(axis=0)).any():
        raise ValueError("data_cost holds a pixel at which every label costs inf: leave at least one possible")
    for name, price in (("smoothness", smoothness), ("truncation", truncation)):
        if not 0 <= price < np.inf:
            raise ValueError(f"{name} is {price}, but it must be at least 0, and finite")
    reach = min(int(truncation), len(data_cost) - 1)
    offsets = smoothness * abs(np.arange(-reach, reach + 1.0))
    kernel = offsets.reshape(1, 1, -1, 1, 1)

    def layer(messages: np.ndarray) -> np.ndarray:
        outgoing = (data_cost + messages.sum(axis=0)) - messages[OPPOSITE]
        far = outgoing.min(axis=1, keepdims=True) + smoothness * truncation
        near = semiring_conv(outgoing[:, None], kernel, MIN_PLUS, padding=[(reach, reach), (0, 0), (0, 0)])[:, 0]
        arriving = np.minimum(near, far)
        arriving -= arriving.min(axis=1, keepdims=True)  # a constant per pixel: it changes no choice, and does not grow
        return np.stack([_from_neighbour(m, sender) for m, sender in zip(arriving, SENDERS, strict=True)])

    run = TiedConvNet(layer).run(np.zeros((4, *data_cost.shape)), steps=steps, record=False)
    costs = data_cost + run.state.sum(axis=0)
    return Beliefs(costs.argmin(axis=0), costs, run.steps)


def stereo_costs(left: Any, right: Any, disparities: int) -> np.ndarray:
    """Return what each disparity costs at each pixel of ``left``: how different the two photographs are there.

    A point at (row, column) of the left photograph is at (row, column − d) of the right one; the larger d, the nearer.
    Compared are brightness, and its slope along the row, which does not mind if one camera saw everything a little
    brighter. Both differences are cut off, so that a reflection or a hidden point costs a bounded amount (as in C.
    Rhemann et al., "Fast cost-volume filtering for visual correspondence and beyond", CVPR 2011).

    Parameters
    ----------
    left, right : arrays, (H, W)
        From 0 (black) to 1 (white).
    disparities
        Labels: d = 0, 1, …, disparities − 1.

    Returns
    -------
    array, (disparities, H, W)
        Where column − d is outside the right photograph: the largest cost.

    Examples
    --------
    A bright column, one pixel further right in the left view:

    >>> left, right = np.eye(6)[[2, 2]], np.eye(6)[[1, 1]]
    >>> stereo_costs(left, right, 3)[:, 0, 2].round(3)
    array([0.036, 0.   , 0.036])
    """
    left, right = (arguments.numeric_array(name, view) for name, view in (("left", left), ("right", right)))
    if left.shape != right.shape or left.ndim != 2 or left.shape[-1] < 2:
        raise ValueError(
            f"left has shape {left.shape} and right {right.shape}, but both must be the same (H, W), W at least 2"
        )
    disparities = arguments.integer("disparities", disparities, minimum=1)
    features = ((left, right, 0.2, 0.06), (_slope(left), _slope(right), 0.8, 0.03))
    cost = np.full((disparities, *left.shape), sum(share * most for *_, share, most in features))
    width = left.shape[1]
    for d in range(min(disparities, width)):
        cost[d, :, d:] = sum(
            share * np.minimum(abs(a[:, d:] - b[:, : width - d]), most) for a, b, share, most in features
        )
    return cost


def _slope(image: np.ndarray) -> np.ndarray:
    return np.gradient(image.astype(float), axis=1)


def _from_neighbour(message: np.ndarray, sender: tuple[int, int]) -> np.ndarray:
    """Return ``message`` moved from each sender to its receiver; 0, no message, where there is no sender."""
    moved = np.zeros_like(message)
    down, right = (-step for step in sender)
    height, width = message.shape[1:]
    moved[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = message[
        :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved
