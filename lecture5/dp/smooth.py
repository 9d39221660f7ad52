"""Tied networks of ordinary convolutions: they count neighbours, average them, and explain an image by few atoms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from .convolution import semiring_conv
from .grids import _grid, moves
from .semiring import PLUS_TIMES
from .tied import TiedConvNet


def game_of_life(board: Any, steps: int = 1) -> np.ndarray:
    """Return Conway's Game of Life after some steps: a convolution counts the neighbours, a threshold decides.

    Parameters
    ----------
    board : array of 0 and 1, (H, W)
        Everything outside it is dead, and stays so.
    steps

    Returns
    -------
    array of int, (H, W)

    Examples
    --------
    >>> game_of_life([[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    array([[0, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    board = _grid("board", board)
    if not np.isin(board, (0, 1)).all():
        raise ValueError(f"board holds {board[~np.isin(board, (0, 1))][0]}, but cells are 0 (dead) or 1 (alive)")
    # The cell itself counts a half: 2.5, 3 and 3.5 are then a living cell with 2 or 3 neighbours, a dead one with 3.
    kernel = moves(8, PLUS_TIMES).astype(float)
    kernel[0, 0, 1, 1] = 0.5

    def layer(state: np.ndarray) -> np.ndarray:
        return (abs(semiring_conv(state, kernel, PLUS_TIMES, padding=1) - 3) <= 0.5).astype(float)

    return TiedConvNet(layer).run(board[None, None] * 1.0, steps=steps, record=False).state[0, 0].astype(np.int64)


def heat(
    temperature: Any, fixed: Any = None, *, steps: int | None = None, tol: float = 1e-8, max_steps: int = 100_000
) -> np.ndarray:
    """Return the temperatures after repeated averaging: each cell that is not ``fixed`` becomes its neighbours' mean.

    This is Jacobi's iteration for Laplace's equation. The border is insulated: only neighbours that exist count.

    Parameters
    ----------
    temperature : array, (H, W)
    fixed : array of bool, (H, W), optional
        Cells that keep their temperature.
    steps
        How many layers; None runs until no cell changes by more than ``tol``.

    Raises
    ------
    NotConverged
        If that takes more than ``max_steps``. With nothing fixed it may never end: a chessboard of 0 and 1 flips.

    Examples
    --------
    >>> rod = heat([[0, 50, 50, 50, 100]], fixed=[[1, 0, 0, 0, 1]])
    >>> rod.round(3)
    array([[  0.,  25.,  50.,  75., 100.]])
    """
    temperature = _grid("temperature", temperature).astype(float)
    PLUS_TIMES.require("temperature", temperature)
    fixed = np.zeros(temperature.shape, bool) if fixed is None else np.asarray(fixed, dtype=bool)
    if fixed.shape != temperature.shape:
        raise ValueError(f"fixed has shape {fixed.shape}, but it must be that of temperature, {temperature.shape}")
    kernel, start = moves(4, PLUS_TIMES), temperature[None, None]
    count = semiring_conv(np.ones_like(start), kernel, PLUS_TIMES, padding=1)

    def layer(state: np.ndarray) -> np.ndarray:
        mean = semiring_conv(state, kernel, PLUS_TIMES, padding=1) / np.maximum(count, 1)
        return np.where(fixed | (count == 0), start, mean)

    return TiedConvNet(layer).run(start, steps=steps, tol=tol, max_steps=max_steps, record=False).state[0, 0]


def synthesise(code: Any, atoms: Any) -> np.ndarray:
    """Return the image that ``code`` describes: an atom, times the code's value, added at each place.

    Parameters
    ----------
    code : array, (K, H − h + 1, W − w + 1)
    atoms : array, (K, h, w)

    Returns
    -------
    array, (H, W)
    """
    code, atoms = np.asarray(code, dtype=float), np.asarray(atoms, dtype=float)
    margins = [(size - 1, size - 1) for size in atoms.shape[1:]]
    return semiring_conv(code[None], atoms[None, :, ::-1, ::-1], PLUS_TIMES, padding=margins)[0, 0]


def sparse_code(image: Any, atoms: Any, penalty: float = 0.1, steps: int = 200) -> np.ndarray:
    """Return few places at which to put atoms so that together they look like ``image`` (convolutional sparse coding).

    It makes  ½ ‖image − synthesise(code)‖² + penalty · Σ |code|  small, by ISTA (Daubechies et al. 2004): correlate
    what is not explained yet with every atom, take a step, and shrink towards zero. A layer is a convolution, its
    transpose, and a two-sided ReLU; tied. Learn its weights instead, a few layers deep, and it is LISTA (Gregor and
    LeCun 2010).

    Parameters
    ----------
    image : array, (H, W)
    atoms : array, (K, h, w)
    penalty
        The price of one unit of code. More of it, fewer atoms.
    steps

    Returns
    -------
    array, (K, H − h + 1, W − w + 1)

    Examples
    --------
    >>> atoms = np.array([[[1.0, 2, 1]], [[-1, 0, 1]]])
    >>> image = np.array([[0, 2, 4, 2, 0, -3, 0, 3]])
    >>> sparse_code(image, atoms, penalty=0.1, steps=2000).round(1) + 0.0
    array([[[0. , 2. , 0. , 0. , 0. , 0. ]],
    <BLANKLINE>
           [[0. , 0. , 0. , 0. , 0. , 2.9]]])
    """
    image, atoms = _grid("image", image).astype(float), arguments.numeric_array("atoms", atoms).astype(float)
    if atoms.ndim != 3 or any(a > i for a, i in zip(atoms.shape[1:], image.shape, strict=True)):
        raise ValueError(f"atoms has shape {atoms.shape}, but it must be (K, h, w), not larger than {image.shape}")
    if not 0 <= penalty < np.inf:
        raise ValueError(f"penalty is {penalty}, but it must be at least 0, and finite")
    PLUS_TIMES.require("image", image)
    PLUS_TIMES.require("atoms", atoms)
    if not atoms.any():
        raise ValueError("atoms holds only zeros, so that no code could explain anything")
    # The spectra's largest sum bounds the curvature: with this step the sum never gets larger (Parseval).
    spectra = np.fft.fft2(atoms, [i + a for i, a in zip(image.shape, atoms.shape[1:], strict=True)])
    step = 1 / (abs(spectra) ** 2).sum(axis=0).max()

    def layer(code: np.ndarray) -> np.ndarray:
        missing = image - synthesise(code, atoms)
        better = code + step * semiring_conv(missing[None, None], atoms[:, None], PLUS_TIMES)[0]
        return np.maximum(better - step * penalty, 0) - np.maximum(-better - step * penalty, 0)

    sizes = [i - a + 1 for i, a in zip(image.shape, atoms.shape[1:], strict=True)]
    return TiedConvNet(layer).run(np.zeros((len(atoms), *sizes)), steps=steps, record=False).state
