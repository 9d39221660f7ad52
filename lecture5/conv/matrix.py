"""The definition as one large sparse matrix, which is what "a convolution is a linear map" means.

Reading input and output row by row as vectors, ``y = W x``, where row ``(k, p)`` of ``W`` holds ``w[k]`` at the cells
that position ``p`` sees and zeros elsewhere (:func:`lecture5.conv_matrix`). The gradient by the input is ``Wᵀ`` times
that of the output. Each weight is written once per position, so this is a way to see and to check, not to be fast.
"""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from lecture5.conv import gradients
from lecture5.conv.settings import Settings

LARGEST = 2**25
"""How many connections are written down at most; each takes some 40 bytes while the matrix is made."""


def forward(x: np.ndarray, w: np.ndarray, settings: Settings) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    y = _matrix(w, x.shape[1:], settings) @ x.reshape(len(x), -1).T
    return np.ascontiguousarray(y.T).reshape(len(x), len(w), *settings.output_size(x.shape[2:], w.shape[2:]))


def input_grad(grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings) -> np.ndarray:
    """Return the gradient by ``x``, (N, C, *input)."""
    input_shape = (w.shape[1] * settings.groups, *input_size)
    grad_x = _matrix(w, input_shape, settings).T @ grad_output.reshape(len(grad_output), -1).T
    return np.ascontiguousarray(grad_x.T).reshape(-1, *input_shape)


weight_grad = partial(gradients.weight_grad, forward)


def _matrix(w: np.ndarray, input_shape: tuple[int, ...], settings: Settings):
    from lecture5.matrices import conv_matrix

    if np.iscomplexobj(w) or w.ndim > 5:
        raise ValueError("method is 'matrix', which is for real numbers and up to 3 axes: use 'gemm' or 'fourier'")
    connections = w.size * prod(settings.output_size(input_shape[1:], w.shape[2:]))
    if connections > LARGEST:
        raise ValueError(
            f"method is 'matrix', which would write down {connections:,} connections, more than {LARGEST:,}: use"
            " another method, or a smaller input"
        )
    stride, padding, dilation, groups = settings
    return conv_matrix(w, input_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)
