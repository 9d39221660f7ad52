"""Looking inside: what the layers of a network give, and which images excite a unit most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..arguments import integer
from ..arithmetic import ReceptiveField, receptive_field


def named_module(model: nn.Module, name: str) -> nn.Module:
    """Return the part of ``model`` with that name, as in ``model.named_modules()``.

    Raises
    ------
    ValueError
        If there is none; the message lists names that there are.
    """
    known = dict(model.named_modules())
    if name not in known:
        names = ", ".join(repr(key) for key in list(known)[1:9])
        raise ValueError(f"name is {name!r}, but {type(model).__name__} has no such part; it has {names} and so on")
    return known[name]


@contextmanager
def recording(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """While the block runs, keep what the named parts of ``model`` give: name → its last output.

    The outputs belong to autograd's graph where gradients are on.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    >>> with recording(model, ["0", "1"]) as seen:
    ...     y = model(torch.ones(1, 3))
    >>> torch.equal(seen["1"], y), torch.equal(seen["0"].relu(), y)
    (True, True)
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module, inputs, output):
            seen[name] = output

        return hook

    parts = {name: named_module(model, name) for name in names}
    hooks = [part.register_forward_hook(keep(name)) for name, part in parts.items()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def activations(
    model: nn.Module, images: Tensor, names: Sequence[str], *, cells: int | None = None, batch_size: int = 256
) -> dict[str, Tensor]:
    """Return what the named parts give for all ``images``, in evaluation mode and without gradients.

    Parameters
    ----------
    cells
        Average each feature map to so many cells along each axis; 1 leaves one number for each channel.
    batch_size
        Images at a time.

    Returns
    -------
    dict
        name → (N, …).

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 5, 3, padding=1), nn.ReLU())
    >>> {name: tuple(y.shape) for name, y in activations(model, torch.rand(7, 1, 8, 6), ["0", "1"], cells=2).items()}
    {'0': (7, 5, 2, 2), '1': (7, 5, 2, 2)}
    """
    kept: dict[str, list[Tensor]] = {name: [] for name in names}
    was_training = model.training
    model.eval()
    with torch.no_grad(), recording(model, names) as seen:
        for batch in images.split(batch_size):
            model(batch)
            for name in names:
                output = seen[name]
                if cells is not None and output.dim() == 4:
                    output = nn.functional.adaptive_avg_pool2d(output, min(cells, *output.shape[2:]))
                kept[name].append(output.clone())
    model.train(was_training)
    return {name: torch.cat(outputs) for name, outputs in kept.items()}


class Excitation(NamedTuple):
    """Where a unit was excited, and how strongly: image, row and column of the feature map."""

    image: int
    row: int
    column: int
    value: float


def strongest(feature_map: Tensor, count: int = 9) -> list[Excitation]:
    """Return where one channel is largest in each image, for the ``count`` images with the largest such values.

    Parameters
    ----------
    feature_map
        (N, H, W): one channel's outputs.

    Examples
    --------
    >>> maps = torch.zeros(3, 4, 5)
    >>> maps[2, 1, 4], maps[0, 3, 0] = 7.0, 5.0
    >>> strongest(maps, 2)
    [Excitation(image=2, row=1, column=4, value=7.0), Excitation(image=0, row=3, column=0, value=5.0)]
    """
    if feature_map.dim() != 3:
        raise ValueError(
            f"feature_map has shape {tuple(feature_map.shape)}, but it must be (N, H, W): one channel's maps"
        )
    count = min(integer("count", count, minimum=1), len(feature_map))
    values, places = feature_map.flatten(1).max(dim=1)
    chosen = values.argsort(descending=True, stable=True)[:count].tolist()
    width = feature_map.shape[2]
    return [Excitation(image, *divmod(places[image].item(), width), values[image].item()) for image in chosen]


def field_of(features: nn.Sequential, upto: int) -> tuple[ReceptiveField, ReceptiveField]:
    """Return the receptive field, down and across, of the units that ``features[upto]`` gives.

    Examples
    --------
    >>> features = nn.Sequential(nn.Conv2d(1, 1, (3, 5)), nn.ReLU(), nn.MaxPool2d(2))
    >>> [(field.size, field.jump) for field in field_of(features, 2)]
    [(4, 2), (6, 2)]
    """
    layers = []
    for module in list(features)[: upto + 1]:
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            settings = (module.kernel_size, module.stride, module.padding, getattr(module, "dilation", 1))
            layers.append([value if isinstance(value, tuple) else (value, value) for value in settings])
        elif not isinstance(module, (nn.ReLU, nn.Tanh, nn.BatchNorm2d, nn.Identity, nn.Dropout)):
            raise ValueError(f"{type(module).__name__} has no receptive field that is known here")
    if not layers:
        return (ReceptiveField(1, 1, 0.0),) * 2
    return tuple(receptive_field([tuple(value[axis] for value in layer) for layer in layers])[-1] for axis in (0, 1))


def patch(image: Tensor, fields: tuple[ReceptiveField, ReceptiveField], row: int, column: int) -> Tensor:
    """Return the part of ``image``, (C, H, W), that the unit at (row, column) sees; zeros where it reaches outside.

    Examples
    --------
    >>> image = torch.arange(20.0).reshape(1, 4, 5)
    >>> patch(image, (ReceptiveField(2, 1, 0.5), ReceptiveField(3, 1, 0.0)), row=2, column=0)
    tensor([[[ 0., 10., 11.],
             [ 0., 15., 16.]]])
    """
    for axis, field, index in ((1, fields[0], row), (2, fields[1], column)):
        first = int(field.start + index * field.jump - (field.size - 1) / 2)
        last = first + field.size
        before, after = max(0, -first), max(0, last - image.shape[axis])
        image = image.narrow(axis, first + before, field.size - before - after)
        padding = (before, after) if axis == 2 else (0, 0, before, after)
        image = nn.functional.pad(image, padding)
    return image
