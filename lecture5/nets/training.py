"""One training loop, for every network in the book.

It is small enough to read, and it can be stopped at any time: each epoch draws its random numbers from a seed of its
own, so that a run which goes on from a checkpoint gives, bit for bit, what an uninterrupted one gives (on the same
machine, with the same number of threads).
"""

from __future__ import annotations

import csv
import math
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..arguments import integer

Data = tuple[Tensor, Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]


class TrainingError(Exception):
    """Training cannot start or go on; the text says why, and what to do."""


class Epoch(NamedTuple):
    """What one pass over the training data came to; a score is the fraction right, unless another one was asked for."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float
    seconds: float


def fraction_right(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return how often the largest of the outputs, along axis 1, is the target.

    Examples
    --------
    >>> fraction_right(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1])).item()
    0.5
    """
    return (outputs.argmax(dim=1) == targets).float().mean()


def sgd(parameters: Iterable[nn.Parameter], learning_rate: float = 0.05) -> torch.optim.Optimizer:
    """Stochastic gradient descent with Nesterov momentum 0.9 and weight decay 5e-4, as is usual for these networks."""
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4)


def fit(
    model: nn.Module,
    training: Data,
    validation: Data,
    *,
    epochs: int,
    learning_rate: float = 0.05,
    optimiser: Callable[..., torch.optim.Optimizer] = sgd,
    batch_size: int = 64,
    seed: int = 0,
    device: str | torch.device = "cpu",
    loss: Measure = nn.functional.cross_entropy,
    score: Measure = fraction_right,
    augment: Callable[[Tensor], Tensor] | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    log: str | os.PathLike | None = None,
    progress: bool = True,
) -> list[Epoch]:
    """Train ``model`` in place; it ends with the weights of its best epoch, in evaluation mode.

    The learning rate falls from ``learning_rate`` to nothing along half a cosine. The best epoch is the one with the
    highest score on the *validation* data: these must not be the data on which the result is reported.

    Parameters
    ----------
    model
        Its weights are where training starts: seed torch before you make it.
    training, validation
        Each a pair of tensors (inputs, targets) of equal length.
    epochs
        How often to go through the training data.
    learning_rate
        Where it starts.
    optimiser
        Called with the parameters and the learning rate.
    batch_size
        Items per step, in training and in validation.
    seed
        For the order of the items, dropout and ``augment``.
    device
        Where to compute: see :func:`lecture5.gpu.choose_device`.
    loss, score
        Called with outputs and targets of a batch; each gives the mean over the batch. A higher score is better.
    augment
        Called with the inputs of each training batch; returns what the model is to see instead.
    patience
        Stop early, after so many epochs without a better validation score.
    checkpoint
        A file that is written after each epoch. If it is there already, training goes on from it.
    log
        A CSV file with one row per epoch.
    progress
        Show a progress bar on standard error.

    Returns
    -------
    list of Epoch
        The whole history, also of what was done before an interruption.

    Raises
    ------
    TrainingError
        If the data do not fit together, the loss is no longer finite, or the checkpoint cannot be used.
    lecture5.gpu.DeviceError
        If the device is not there.

    Examples
    --------
    Learn which of two numbers is larger:

    >>> generator = torch.Generator().manual_seed(0)
    >>> inputs = torch.randn(200, 2, generator=generator)
    >>> data = inputs, inputs.argmax(dim=1)
    >>> history = fit(nn.Linear(2, 2), data, data, epochs=5, batch_size=10, progress=False)
    >>> len(history), history[-1].validation_score > 0.95
    (5, True)
    """
    epochs = integer("epochs", epochs, minimum=1)
    batch_size = integer("batch_size", batch_size, minimum=1)
    seed = integer("seed", seed, minimum=0)
    for name, data in (("training", training), ("validation", validation)):
        _check_data(name, data)
    device = device_that_is_there(device)
    model.to(device)
    optimiser = optimiser(model.parameters(), learning_rate)
    steps = epochs * math.ceil(len(training[0]) / batch_size)
    cosine = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    settings = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    parts = {"model": model, "optimiser": optimiser, "schedule": cosine}
    history, best = _resume(checkpoint, settings, parts)

    while len(history) < epochs and not _waited_too_long(history, patience):
        started = time.perf_counter()
        rate = optimiser.param_groups[0]["lr"]
        with torch.random.fork_rng(), _bar(progress, len(history) + 1, epochs) as bar:
            torch.manual_seed(seed * 100_003 + len(history))  # a seed of its own for each epoch
            learned = _one_epoch(model, training, batch_size, device, loss, score, augment, optimiser, cosine, bar)
        if not math.isfinite(learned[0]):
            raise TrainingError(
                f"the training loss is {learned[0]} in epoch {len(history) + 1}: the weights have grown without bound. "
                f"Try a smaller learning_rate than {learning_rate}"
            )
        checked = evaluate(model, validation, loss=loss, score=score, batch_size=batch_size, device=device)
        history.append(Epoch(len(history) + 1, rate, *learned, *checked, time.perf_counter() - started))
        if _best(history) == len(history) - 1:
            best = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        if log is not None:
            _write_log(log, history)
        if checkpoint is not None:
            _write_checkpoint(checkpoint, settings, parts, history, best)
    model.load_state_dict(best)
    model.eval()
    return history


def evaluate(
    model: nn.Module,
    data: Data,
    *,
    loss: Measure = nn.functional.cross_entropy,
    score: Measure = fraction_right,
    batch_size: int = 256,
    device: str | torch.device | None = None,
) -> tuple[float, float]:
    """Return the mean loss and score of ``model``, in evaluation mode, over all of ``data``.

    Parameters
    ----------
    device
        Where to compute; by default where the model is.

    Examples
    --------
    >>> inputs = torch.eye(3)
    >>> loss, score = evaluate(nn.Identity(), (inputs, torch.arange(3)))
    >>> score
    1.0
    """
    _check_data("data", data)
    if device is None:
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    was_training = model.training
    model.eval()
    total = torch.zeros(2, dtype=torch.float64)
    with torch.inference_mode():
        for inputs, targets in zip(*(part.split(batch_size) for part in data), strict=True):
            outputs, targets = model(inputs.to(device)), targets.to(device)
            total += len(inputs) * torch.tensor([loss(outputs, targets).item(), score(outputs, targets).item()])
    model.train(was_training)
    return tuple((total / len(data[0])).tolist())


def _one_epoch(model, data, batch_size, device, loss, score, augment, optimiser, schedule, bar) -> tuple[float, float]:
    """Take one step for each batch, in a random order; return the mean loss and score met on the way."""
    model.train()
    total = torch.zeros(2, dtype=torch.float64)
    for chosen in torch.randperm(len(data[0])).split(batch_size):
        inputs, targets = data[0][chosen].to(device), data[1][chosen].to(device)
        outputs = model(inputs if augment is None else augment(inputs))
        batch_loss = loss(outputs, targets)
        optimiser.zero_grad()
        batch_loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            total += len(chosen) * torch.tensor([batch_loss.item(), score(outputs, targets).item()])
        bar.update(len(chosen) / len(data[0]))
    return tuple((total / len(data[0])).tolist())


def _best(history: list[Epoch]) -> int:
    """The position of the epoch with the highest validation score; of equal ones the first."""
    return max(range(len(history)), key=lambda position: history[position].validation_score)


def _waited_too_long(history: list[Epoch], patience: int | None) -> bool:
    return patience is not None and bool(history) and len(history) - 1 - _best(history) >= patience


def device_that_is_there(device: str | torch.device) -> torch.device:
    from ..gpu import choose_device  # one floor above: needed only when something is computed

    return choose_device(str(device))


def _check_data(name: str, data: Data) -> None:
    if not (isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(part, Tensor) for part in data)):
        raise TrainingError(f"{name} is {type(data).__name__}, but it must be two tensors: (inputs, targets)")
    if len(data[0]) != len(data[1]) or len(data[0]) == 0:
        raise TrainingError(
            f"{name} has {len(data[0])} inputs and {len(data[1])} targets, but it needs as many, and some"
        )


@contextmanager
def _bar(shown: bool, epoch: int, epochs: int) -> Iterator:
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}"
    with tqdm(total=1.0, desc=f"epoch {epoch}/{epochs}", disable=not shown, leave=False, bar_format=form) as bar:
        yield bar


@contextmanager
def _whole_file(path: str | os.PathLike) -> Iterator[str]:
    """Give a temporary name that replaces ``path`` at the end: whoever reads it sees the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _write_log(path: str | os.PathLike, history: list[Epoch]) -> None:
    with _whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(Epoch._fields)
        for row in history:
            writer.writerow([row.epoch, *(f"{value:.6g}" for value in row[1:])])


def read_log(path: str | os.PathLike) -> list[Epoch]:
    """Read the CSV file that :func:`fit` wrote."""
    with open(path, newline="", encoding="utf-8") as stream:
        return [Epoch(int(epoch), *map(float, rest)) for epoch, *rest in list(csv.reader(stream))[1:]]


def _write_checkpoint(path: str | os.PathLike, settings: dict, parts: dict, history: list[Epoch], best: dict) -> None:
    content = {"settings": settings, "history": [list(row) for row in history], "best": best}
    with _whole_file(path) as temporary:
        torch.save(content | {name: part.state_dict() for name, part in parts.items()}, temporary)


def _resume(path: str | os.PathLike | None, settings: dict, parts: dict) -> tuple[list[Epoch], dict | None]:
    """Set the parts as the checkpoint has them; return its history and best weights, or a fresh start."""
    if path is None or not Path(path).exists():
        return [], None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        history = [Epoch(*row) for row in stored["history"]]
    except (RuntimeError, EOFError, OSError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"checkpoint {path} cannot be read: it is damaged, or was not written by fit(). Delete it to start anew"
        ) from error
    different = [name for name, value in settings.items() if stored["settings"].get(name) != value]
    if different:
        changes = ", ".join(f"{name}={stored['settings'].get(name)} (now {settings[name]})" for name in different)
        raise TrainingError(
            f"checkpoint {path} was made with {changes}: use the same settings to go on, or delete it to start anew"
        )
    try:
        for name, part in parts.items():
            part.load_state_dict(stored[name])
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainingError(
            f"checkpoint {path} belongs to another network or optimiser ({str(error).splitlines()[0]}): "
            "delete it to start anew"
        ) from error
    return history, stored["best"]
