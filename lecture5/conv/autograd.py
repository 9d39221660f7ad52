"""Differentiable tensors for the methods that are written in numpy.

torch has to be told only what the gradients are, and every method knows its own two. (The gradients themselves cannot
be differentiated again; with the methods "torch" and "fourier" they can.)
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from lecture5.conv.settings import Settings


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, module: ModuleType, x: torch.Tensor, w: torch.Tensor, settings: Settings) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        ctx.module, ctx.settings = module, settings
        return _on_arrays(module.forward, x, w, settings)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple:
        x, w = ctx.saved_tensors
        _, for_x, for_w, _ = ctx.needs_input_grad
        grad_x = input_grad(ctx.module, grad_output, w, tuple(x.shape[2:]), ctx.settings) if for_x else None
        grad_w = weight_grad(ctx.module, grad_output, x, tuple(w.shape[2:]), ctx.settings) if for_w else None
        return None, grad_x, grad_w, None


def forward(module: ModuleType, x: torch.Tensor, w: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Return the output by the method in ``module``; its gradients come from the same method."""
    return _Convolution.apply(module, x, w, settings)


def input_grad(
    module: ModuleType, grad_output: torch.Tensor, w: torch.Tensor, input_size: tuple[int, ...], settings: Settings
) -> torch.Tensor:
    """Return the gradient by the input by the method in ``module``."""
    return _on_arrays(module.input_grad, grad_output, w, input_size, settings)


def weight_grad(
    module: ModuleType, grad_output: torch.Tensor, x: torch.Tensor, kernel_size: tuple[int, ...], settings: Settings
) -> torch.Tensor:
    """Return the gradient by the kernel by the method in ``module``."""
    return _on_arrays(module.weight_grad, grad_output, x, kernel_size, settings)


def _on_arrays(function: Callable, a: torch.Tensor, b: torch.Tensor, *arguments: Any) -> torch.Tensor:
    arrays = [tensor.detach().cpu().numpy() for tensor in (a, b)]
    result = np.ascontiguousarray(function(*arrays, *arguments))
    return torch.from_numpy(result).to(a.device)
