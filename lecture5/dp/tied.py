"""A network in which every layer is the same: stride 1, no pooling, tied weights.

The lecture's last slide says that such a network can mimic dynamic programming. Here it is, in its barest form: a
*step* that maps a state to a state of the same shape, and a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import arguments


class Run(NamedTuple):
    """What :meth:`TiedConvNet.run` returns.

    Attributes
    ----------
    state
        The state after the last layer.
    steps
        How many layers were run. One that found the fixed point already there, and changed nothing, is not counted.
    converged
        Whether the last layer changed no entry by more than the tolerance.
    history
        The states from the first to the last, ``steps + 1`` of them; empty if they were not recorded.
    """

    state: Any
    steps: int
    converged: bool
    history: list


class NotConverged(RuntimeError):
    """The state still changes after as many layers as were allowed. ``run`` holds what was reached."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run


class TiedConvNet:
    """Repeat one layer.

    Parameters
    ----------
    step : callable
        Maps a state (an array or tensor) to the next state, of the same shape. What each layer must see again, such as
        the cost of each cell, it keeps to itself: this is *recall*, a skip connection from the input to every layer.

    Examples
    --------
    A wave that runs to the right, one cell a layer:

    >>> import numpy as np
    >>> from lecture5.dp import OR_AND, semiring_conv
    >>> net = TiedConvNet(lambda row: semiring_conv(row, [[[True, True]]], OR_AND, padding=[(1, 0)]))
    >>> run = net.run(np.array([[[0, 1, 0, 0, 0]]], dtype=bool))
    >>> run.steps, run.converged
    (3, True)
    >>> run.history[1].astype(int)
    array([[[0, 1, 1, 0, 0]]])
    >>> net.run(run.history[0], steps=2).converged
    False
    """

    def __init__(self, step: Callable[[Any], Any]):
        if not callable(step):
            raise TypeError(f"step is {step!r}, but it must be a function from a state to the next state")
        self.step = step

    def run(
        self, state: Any, steps: int | None = None, tol: float = 0, *, max_steps: int = 10_000, record: bool = True
    ) -> Run:
        """Run a given number of layers, or as many as it takes until nothing changes.

        Parameters
        ----------
        state : array or tensor
        steps
            How many layers. None runs until no entry changes by more than ``tol``.
        tol
            What counts as no change; at 0 two states must be equal, infinities included.
        max_steps
            Where to give up when ``steps`` is None.
        record
            Whether to keep every state. Turn it off for large states: a thousand copies of a photograph fill a memory.

        Returns
        -------
        Run

        Raises
        ------
        NotConverged
            If ``steps`` is None and the state still changes after ``max_steps`` layers.
        ValueError
            If ``tol`` is negative, or the step changes the state's shape.
        """
        if not tol >= 0:
            raise ValueError(f"tol is {tol}, but it must be at least 0")
        until_fixed = steps is None
        limit = arguments.integer("max_steps", max_steps, minimum=0) if until_fixed else None
        limit = limit if until_fixed else arguments.integer("steps", steps, minimum=0)
        history, converged = [state] if record else [], False
        for layer in range(limit + until_fixed):
            new = self.step(state)
            if new.shape != state.shape:
                raise ValueError(
                    f"step turned a state of shape {tuple(state.shape)} into {tuple(new.shape)}, but a tied layer must"
                    " keep the shape: is its padding 'same'?"
                )
            change = _change(state, new)
            converged = change <= tol
            if until_fixed and change == 0:
                return Run(new, layer, True, history)  # equal, but autograd has seen the layer
            if until_fixed and layer == limit:
                reached = Run(state, layer, False, history)
                raise NotConverged(f"the state still changes by {change:.3g} after {limit} layers", reached)
            state = new
            if record:
                history.append(state)
            if until_fixed and converged:
                return Run(state, layer + 1, True, history)
        return Run(state, limit, converged, history)


def _change(old: Any, new: Any) -> float:
    """Return the largest change of an entry; an infinity that stays has not changed, and NaN always has."""
    if arguments.is_tensor(new):
        old, new = old.detach(), new.detach()
    changed = old != new
    if not changed.any():
        return 0.0
    old, new = old[changed], new[changed]
    old, new = (old.double(), new.double()) if arguments.is_tensor(new) else (old.astype(float), new.astype(float))
    largest = float(abs(new - old).max())
    return np.inf if np.isnan(largest) else largest
