"""Probes: how easily the classes can be told apart from what a layer gives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import integer

PENALTIES = tuple(10.0**exponent for exponent in range(-4, 3))


class LinearProbe:
    """A linear classifier with the least squared error, its penalty chosen on a held-out part.

    Each feature is first brought to mean 0 and variance 1. For each class a linear map is fitted to 1 (this class) or 0
    (another), in closed form, with a penalty on its size: there is nothing to tune and nothing random. The largest
    answer wins.

    Parameters
    ----------
    features
        (N, …), flattened to (N, D).
    labels
        (N,), whole numbers from 0.

    Examples
    --------
    >>> features = torch.tensor([[0.0, 3.0], [0.1, 9.0], [1.0, 2.0], [1.1, 8.0]]).repeat(5, 1)
    >>> labels = torch.tensor([0, 0, 1, 1]).repeat(5)
    >>> LinearProbe(features, labels).accuracy(features, labels)
    1.0
    """

    def __init__(self, features: Tensor, labels: Tensor) -> None:
        features = _flat(features, labels)
        self.mean = features.mean(dim=0)
        self.scale = features.std(dim=0, unbiased=False).clamp_min(1e-8)
        x = self._prepare(features)
        y = nn.functional.one_hot(labels.long()).double()
        held_out = max(1, len(x) // 5)
        solve = self._solver(x[:-held_out], y[:-held_out])
        right = [self._right(solve(penalty), x[-held_out:], labels[-held_out:]) for penalty in PENALTIES]
        self.penalty = PENALTIES[max(range(len(PENALTIES)), key=right.__getitem__)]
        self.weights = self._solver(x, y)(self.penalty)

    def _prepare(self, features: Tensor) -> Tensor:
        x = ((features - self.mean) / self.scale).double()
        return nn.functional.pad(x, (0, 1), value=1.0)  # a column of ones: its weight is the bias

    @staticmethod
    def _solver(x: Tensor, y: Tensor):
        """Return penalty → (XᵀX + penalty n I)⁻¹ XᵀY; one decomposition serves all penalties.

        The same weights are Xᵀ (XXᵀ + penalty n I)⁻¹ Y, which is quicker where there are fewer samples than features.
        """
        few = x.shape[0] < x.shape[1]
        values, vectors = torch.linalg.eigh(x @ x.T if few else x.T @ x)
        turned = vectors.T @ (y if few else x.T @ y)

        def solve(penalty: float) -> Tensor:
            inverse = vectors @ (turned / (values.clamp_min(0) + penalty * len(x))[:, None])
            return x.T @ inverse if few else inverse

        return solve

    @staticmethod
    def _right(weights: Tensor, x: Tensor, labels: Tensor) -> float:
        return ((x @ weights).argmax(dim=1) == labels).float().mean().item()

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Return the fraction of ``features`` that the probe classifies rightly."""
        return self._right(self.weights, self._prepare(_flat(features, labels)), labels)


def nearest_neighbour_accuracy(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, batch_size: int = 500
) -> float:
    """Return how often the label of the nearest of ``features``, by Euclidean distance, is the right one.

    Examples
    --------
    >>> nearest_neighbour_accuracy(torch.tensor([[0.0], [9.0]]), torch.tensor([0, 1]),
    ...                            torch.tensor([[1.0], [5.0]]), torch.tensor([0, 0]))
    0.5
    """
    integer("batch_size", batch_size, minimum=1)
    features, test_features = _flat(features, labels), _flat(test_features, test_labels)
    nearest = [torch.cdist(batch, features).argmin(dim=1) for batch in test_features.split(batch_size)]
    return (labels[torch.cat(nearest)] == test_labels).float().mean().item()


def separation(features: Tensor, labels: Tensor) -> float:
    """Return the variance between the classes' means over the mean variance within the classes: high is well apart.

    Examples
    --------
    >>> separation(torch.tensor([[0.0], [2.0], [10.0], [12.0]]), torch.tensor([0, 0, 1, 1]))
    25.0
    """
    features = _flat(features, labels)
    groups = [features[labels == label] for label in labels.unique()]
    within = sum((group - group.mean(dim=0)).square().sum() for group in groups)
    centre = features.mean(dim=0)
    between = sum(len(group) * (group.mean(dim=0) - centre).square().sum() for group in groups)
    return (between / within).item()


def _flat(features: Tensor, labels: Tensor) -> Tensor:
    if len(features) != len(labels) or len(labels) < 2:
        raise ValueError(
            f"labels has {len(labels)} entries, but there are {len(features)} features: give as many, 2 or more"
        )
    return features.flatten(1).float()
