"""torch's own convolution, with the same signature: the peer to agree with and to be measured against.

Arrays go in and come out without being copied where that is possible. Tensors stay tensors, on their device, and the
result can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lecture5 import arguments
from lecture5.conv.settings import Settings
from lecture5.padding import pad


def forward(x: Any, w: Any, settings: Settings) -> Any:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel)."""
    import torch

    if not arguments.is_tensor(x):
        return forward(*_tensors(x, w), settings).numpy()
    if x.ndim > 5:
        raise ValueError(f"method is 'torch', which has no convolution over {x.ndim - 2} axes: use 'gemm' or 'fourier'")
    convolve = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")
    if any(before != after for before, after in settings.padding):
        x, settings = pad(x, settings.padding), settings.without_padding()
    padding = [before for before, _ in settings.padding]
    return convolve(x, w, None, settings.stride, padding, settings.dilation, settings.groups)


def input_grad(grad_output: Any, w: Any, input_size: tuple[int, ...], settings: Settings) -> Any:
    """Return the gradient by ``x``, (N, C, *input)."""
    if not arguments.is_tensor(w):
        return input_grad(*_tensors(grad_output, w), input_size, settings).numpy()
    shape = (len(grad_output), w.shape[1] * settings.groups, *settings.padded_size(input_size))
    grad_x = _gradient("input", shape, w, grad_output, settings)
    inside = (slice(before, before + size) for size, (before, _) in zip(input_size, settings.padding, strict=True))
    return grad_x[:, :, *inside]


def weight_grad(grad_output: Any, x: Any, kernel_size: tuple[int, ...], settings: Settings) -> Any:
    """Return the gradient by ``w``, (K, C / groups, *kernel)."""
    if not arguments.is_tensor(x):
        return weight_grad(*_tensors(grad_output, x), kernel_size, settings).numpy()
    shape = (grad_output.shape[1], x.shape[1] // settings.groups, *kernel_size)
    return _gradient("weight", pad(x, settings.padding), shape, grad_output, settings)


def _gradient(of: str, first: Any, second: Any, grad_output: Any, settings: Settings) -> Any:
    import torch

    gradient: Callable = getattr(torch.nn.grad, f"conv{grad_output.ndim - 2}d_{of}")
    return gradient(first, second, grad_output, settings.stride, 0, settings.dilation, settings.groups)


def _tensors(*arrays: np.ndarray) -> list:
    """Return tensors that share their memory with the arrays, copied where torch would not read them in place."""
    import torch

    in_place = [array.flags.c_contiguous and array.flags.writeable and min(array.strides) > 0 for array in arrays]
    return [torch.from_numpy(a if shared else a.copy()) for a, shared in zip(arrays, in_place, strict=True)]
