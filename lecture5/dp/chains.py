"""Dynamic programs along a line: hidden Markov models, and sums of everything so far.

The chain is where message passing starts. One layer moves the messages one step along; which semiring it uses decides
what they say: (max, +) the score of the best explanation, (logsumexp, +) the probability of all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .semiring import LOG_SUM_EXP, MAX_PLUS, PLUS_TIMES, Semiring


def chain_scores(initial: Any, transition: Any, emission: Any, semiring: Semiring) -> Any:
    """Return, for each time t and state s, the ⊕ over all ways to be in s at t of the ⊗ of their scores.

    States are channels, so one time step is a 1×1 convolution that mixes channels, with the same weights each time;
    what is observed enters each layer as a bias.

    Parameters
    ----------
    initial : array or tensor, (S,)
        Log-probability of each state at the first time.
    transition : array or tensor, (S, S)
        ``transition[i, j]``: log-probability of going from i to j.
    emission : array or tensor, (T, S)
        ``emission[t, s]``: log-probability of what was observed at time t, if the state is s.
    semiring
        ``MAX_PLUS`` or ``LOG_SUM_EXP``.

    Returns
    -------
    array or tensor, (T, S)

    Examples
    --------
    >>> from lecture5.dp import MAX_PLUS
    >>> chain_scores([0, -9], [[-1, -2], [-2, -1]], [[0, 0], [-5, 0], [0, 0]], MAX_PLUS)
    array([[ 0., -9.],
           [-6., -2.],
           [-4., -3.]])
    """
    initial, transition, emission = _chain(initial, transition, emission)
    mix = transition.T[:, :, None]
    scores = [semiring.times(initial, emission[0])]
    for observed in emission[1:]:
        arriving = semiring_conv(scores[-1][None, :, None], mix, semiring)[0, :, 0]
        scores.append(semiring.times(arriving, observed))
    if arguments.is_tensor(scores[0]):
        import torch

        return torch.stack(scores)
    return np.array(scores, dtype=np.result_type(np.float64, *scores))


class BestPath(NamedTuple):
    """The most probable states, (T,), and their log-probability together with the observations."""

    states: np.ndarray
    score: float


def viterbi(initial: Any, transition: Any, emission: Any) -> BestPath:
    """Return the most probable sequence of hidden states (Viterbi 1967): (max, +) forwards, then a traceback.

    Parameters
    ----------
    initial, transition, emission
        Log-probabilities (or any scores), as in :func:`chain_scores`; −inf is impossible.

    Returns
    -------
    BestPath
        ``states`` and ``score``.

    Raises
    ------
    ValueError
        If every sequence of states is impossible, or the shapes do not fit.

    Examples
    --------
    >>> path = viterbi([0, -9], [[-1, -2], [-2, -1]], [[0, 0], [-5, 0], [0, 0]])
    >>> path.states, path.score
    (array([0, 1, 1]), -3.0)
    """
    initial, transition, emission = _chain(initial, transition, emission)
    scores = chain_scores(initial, transition, emission, MAX_PLUS)
    if scores[-1].max() == -np.inf:
        raise ValueError("emission cannot be explained: every sequence of states has the score -inf")
    states = [int(scores[-1].argmax())]
    for score in scores[-2::-1]:
        states.append(int((score + transition[:, states[-1]]).argmax()))
    return BestPath(np.array(states[::-1]), float(scores[-1].max()))


class Posteriors(NamedTuple):
    """Probability of each state at each time given all observations, (T, S), and the log-probability of these."""

    probability: np.ndarray
    log_likelihood: float


def forward_backward(initial: Any, transition: Any, emission: Any) -> Posteriors:
    """Return the probability of each hidden state at each time, given all that was observed.

    The same layer as :func:`viterbi` over (logsumexp, +), once forwards and once backwards (with the transposed
    transition). The backward half is also what back-propagation through the forward half computes.

    Raises
    ------
    ValueError
        If every sequence of states is impossible, or the shapes do not fit.

    Examples
    --------
    >>> posteriors = forward_backward(np.log([0.5, 0.5]), np.log([[0.9, 0.1], [0.2, 0.8]]), np.log([[0.9, 0.2]] * 2))
    >>> posteriors.probability.round(3)
    array([[0.917, 0.083],
           [0.939, 0.061]])
    """
    initial, transition, emission = _chain(initial, transition, emission)
    forwards = chain_scores(initial, transition, emission, LOG_SUM_EXP)
    backwards = chain_scores(np.zeros(len(initial)), transition.T, emission[::-1], LOG_SUM_EXP)[::-1]
    total = LOG_SUM_EXP.sum(forwards[-1], axis=0)
    if total == -np.inf:
        raise ValueError("emission cannot be explained: every sequence of states has probability 0")
    without_own = np.where(emission > -np.inf, emission, 0)  # both halves counted what was seen at t
    return Posteriors(np.exp(forwards + backwards - without_own - total), float(total))


def prefix_scan(x: Any, semiring: Semiring = PLUS_TIMES) -> Any:
    """Return the ⊕ of everything up to each entry of ``x``: running sums, or running minima, maxima, …

    Layer k is the kernel [1, 1] with dilation 2^k: after it each entry holds the sum of the last 2^(k+1). So L entries
    need log₂ L layers, not L. It is dilation's use in the lecture, context that doubles with each layer (Hillis and
    Steele 1986 call it a data-parallel scan).

    Parameters
    ----------
    x : array or tensor, (L,)

    Examples
    --------
    >>> prefix_scan([3, 1, 4, 1, 5, 9])
    array([ 3,  4,  8,  9, 14, 23])
    >>> from lecture5.dp import MAX_PLUS
    >>> prefix_scan([3, 1, 4, 1, 5, 9], MAX_PLUS)
    array([3., 3., 4., 4., 5., 9.])
    """
    x = x if arguments.is_tensor(x) else arguments.numeric_array("x", x)
    if x.ndim != 1:
        raise ValueError(f"x has shape {tuple(x.shape)}, but it must be one row, (L,)")
    state, dilation = x[None, None], 1
    pair = [[[semiring.one, semiring.one]]]
    while dilation < len(x):
        state = semiring_conv(state, pair, semiring, padding=[(dilation, 0)], dilation=dilation)
        dilation *= 2
    return state[0, 0]


def _chain(initial: Any, transition: Any, emission: Any) -> tuple[Any, Any, Any]:
    """Return the three as arrays or tensors, with shapes that fit and no NaN or +inf."""
    given = {"initial": initial, "transition": transition, "emission": emission}
    for name, values in given.items():
        if not arguments.is_tensor(values):
            given[name] = arguments.numeric_array(name, values)
        MAX_PLUS.require(name, given[name])
    initial, transition, emission = given.values()
    if initial.ndim != 1 or len(initial) == 0:
        raise ValueError(f"initial has shape {tuple(initial.shape)}, but it must be (S,), one entry per state")
    states = len(initial)
    if tuple(transition.shape) != (states, states):
        raise ValueError(f"transition has shape {tuple(transition.shape)}, but it must be {(states, states)}")
    if emission.ndim != 2 or emission.shape[1] != states or len(emission) == 0:
        raise ValueError(f"emission has shape {tuple(emission.shape)}, but it must be (T, {states}) with T at least 1")
    return initial, transition, emission
