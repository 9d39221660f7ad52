"""A student's torch module behind a handle: weights go in, outputs and gradients come out, all as plain arrays.

The grader judges a module by what it computes under weights that the grader supplies, never by what it says of itself.
``check`` uses the same handle in a student's own notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

METHODS = ("load", "train", "run", "gradient", "state")


class Module:
    """Wraps a ``torch.nn.Module``."""

    def __init__(self, module: Any):
        self._module = module

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Give the module these parameters and buffers, by the names of its ``state_dict``.

        Raises
        ------
        ValueError
            If a name is missing or unexpected, or a shape differs: the names are part of the exercise.
        """
        import torch

        if any(np.asarray(value).dtype == np.float64 for value in weights.values()):
            self._module.double()
        own = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        unknown = sorted(set(weights) - set(own))
        missing = sorted(set(dict(self._module.named_parameters())) - set(weights))
        if unknown or missing:
            raise ValueError(f"the module has no {unknown}" if unknown else f"the module also has {missing}")
        with torch.no_grad():
            for name, value in weights.items():
                if tuple(own[name].shape) != np.shape(value):
                    expected = np.shape(value)
                    raise ValueError(f"{name} should have the shape {expected}, it has {tuple(own[name].shape)}")
                own[name].copy_(torch.tensor(np.asarray(value)))

    def train(self, mode: bool = True) -> None:
        """Switch to training mode, or away from it."""
        self._module.train(mode)

    def run(self, *inputs: np.ndarray) -> Any:
        """Return the output for these inputs."""
        import torch

        with torch.no_grad():
            return self._module(*(torch.tensor(value) for value in inputs))

    __call__ = run

    def gradient(self, x: np.ndarray, grad_output: np.ndarray) -> dict[str, Any]:
        """Return the gradients of ``sum(output * grad_output)``: of the input as ``"input"``, of parameters by name."""
        import torch

        self._module.zero_grad()
        tensor = torch.tensor(x, requires_grad=True)
        # the sum, and not backward(grad_output): for that torch would import sympy, half a second for each submission
        (self._module(tensor) * torch.tensor(grad_output)).sum().backward()
        own = {name: parameter.grad for name, parameter in self._module.named_parameters()}
        return {"input": tensor.grad, **{name: grad for name, grad in own.items() if grad is not None}}

    def state(self) -> dict[str, Any]:
        """Return parameters and buffers by name."""
        return dict(self._module.state_dict())


def is_module(value: Any) -> bool:
    """Whether a value is a torch module, found out without importing torch."""
    return any(f"{base.__module__}.{base.__name__}" == "torch.nn.modules.module.Module" for base in type(value).__mro__)
