"""Weights: those that ship with the package, each with a card, and ImageNet's, which are downloaded when asked for.

The files are in the safetensors format, which holds arrays and nothing that could be executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import torch
from torch import nn

from ..arguments import choice
from .alexnet import AlexNet
from .recipes import RECIPES
from .resnet import resnet18, resnet34, resnet50
from .training import Epoch, device_that_is_there, read_log

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Subtract this from the red, green and blue of an image between 0 and 1, ..."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""... and divide by this, before a network with ImageNet weights sees it."""

SERVER = "https://download.pytorch.org/models/"
# The end of each name is the beginning of the file's SHA-256, which is checked.
IMAGENET: dict[str, tuple[Callable[[], nn.Module], str, int]] = {
    "alexnet-imagenet": (AlexNet, "alexnet-owt-7be5be79.pth", 233),
    "resnet18-imagenet": (resnet18, "resnet18-f37072fd.pth", 45),
    "resnet34-imagenet": (resnet34, "resnet34-b627a593.pth", 83),
    "resnet50-imagenet": (resnet50, "resnet50-0676ba61.pth", 98),
}


class WeightsError(Exception):
    """Weights are missing, damaged, or belong to another network; the text says which and what to do."""


class WeightsCard(NamedTuple):
    """What one ought to know about a file of weights before one uses it.

    Scores are fractions: of right answers, if ``data`` says nothing else.
    """

    name: str
    what: str
    data: str
    parameters: int
    seed: int
    epochs: int
    best_epoch: int
    minutes: float
    validation_score: float
    test_score: float
    torch: str
    command: str
    sha256: str


def _folder() -> Path:
    return Path(str(files(__package__))) / "weights"


def shipped() -> list[str]:
    """Return the names of the weights that ship with the package.

    Examples
    --------
    >>> "lenet5-digits" in shipped()
    True
    """
    return sorted(path.stem for path in _folder().glob("*.safetensors"))


def card(name: str) -> WeightsCard:
    """Return the card of shipped weights.

    Examples
    --------
    >>> card("lenet5-digits").parameters
    61706
    """
    choice("name", name, shipped())
    return WeightsCard(**json.loads((_folder() / f"{name}.json").read_text("utf-8")))


def history(name: str) -> list[Epoch]:
    """Return how the training of a recipe went, epoch by epoch; it ships also for some networks whose weights do not.

    Examples
    --------
    >>> history("lenet5-digits")[0].epoch
    1
    """
    choice("name", name, sorted(path.stem for path in _folder().glob("*.csv")))
    return read_log(_folder() / f"{name}.csv")


def load(name: str, *, download: bool = False, device: str | torch.device = "cpu") -> nn.Module:
    """Return a trained network, in evaluation mode.

    Parameters
    ----------
    name
        One of :func:`shipped`; or ``"alexnet-imagenet"``, ``"resnet18-imagenet"``, ``"resnet34-imagenet"`` or
        ``"resnet50-imagenet"``, torchvision's first weights for ImageNet.
    download
        Whether the ImageNet weights may be fetched (45 to 233 MB) from PyTorch's server. They are then kept in torch's
        cache, and need neither the network nor ``download=True`` again.
    device
        Where to put it.

    Raises
    ------
    ValueError
        If there is no such name.
    WeightsError
        If the file is missing or damaged, or cannot be downloaded.
    lecture5.gpu.DeviceError
        If the device is not there.

    Examples
    --------
    >>> model = load("lenet5-digits")
    >>> model.training
    False
    """
    choice("name", name, [*shipped(), *IMAGENET])
    device = device_that_is_there(device)
    if name in IMAGENET:
        return _imagenet(name, download).to(device).eval()
    model = RECIPES[name].build()
    read_weights(model, _folder() / f"{name}.safetensors", sha256=card(name).sha256)
    return model.to(device).eval()


def read_weights(model: nn.Module, path: str | Path, *, sha256: str | None = None) -> None:
    """Set the weights of ``model`` to those in a safetensors file.

    Raises
    ------
    WeightsError
        If the file is missing or damaged, has another checksum, or belongs to another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"the weights {path.name} cannot be read: {error.strerror}") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(
            f"{path.name} is damaged: its checksum is not the one on its card. Install lecture5 again "
            "(in a checkout: git checkout lecture5/nets/weights)"
        )
    try:
        tensors = parse(content)
    except SafetensorError as error:
        raise WeightsError(f"{path.name} is no whole safetensors file ({error})") from None
    set_weights(model, tensors, path.name)


def set_weights(model: nn.Module, tensors: dict[str, torch.Tensor], name: str) -> None:
    """``load_state_dict``, with an error that says in one line where network and weights differ."""
    own = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    other = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if own != other:
        key = next(key for key in [*own, *other] if own.get(key) != other.get(key))
        raise WeightsError(
            f"{name} belongs to another network: {key} has shape {other.get(key, 'none (it is missing)')} in the file "
            f"and {own.get(key, 'none (it is missing)')} in the {type(model).__name__}"
        )
    model.load_state_dict(tensors)


def write_weights(model: nn.Module, path: str | Path) -> str:
    """Write the weights as a safetensors file; return its SHA-256."""
    from safetensors.torch import save as render

    content = render({key: tensor.cpu().contiguous() for key, tensor in model.state_dict().items()})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _imagenet(name: str, download: bool) -> nn.Module:
    build, file, megabytes = IMAGENET[name]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / file
    if not cached.exists() and not download:
        raise WeightsError(
            f"{name} does not ship with lecture5: load({name!r}, download=True) fetches {megabytes} MB from {SERVER}"
            f"{file}. Without a network, use one of these: {', '.join(shipped())}"
        )
    try:
        tensors = torch.hub.load_state_dict_from_url(SERVER + file, check_hash=True, weights_only=True)
    except (URLError, OSError) as error:
        raise WeightsError(
            f"{SERVER}{file} cannot be fetched ({error}). Is there a network? Without one, use one of these: "
            f"{', '.join(shipped())}"
        ) from None
    except RuntimeError as error:  # what torch.hub raises for a wrong checksum, and torch.load for a broken file
        raise WeightsError(
            f"{cached} is damaged ({str(error).splitlines()[0]}): delete it and download again"
        ) from None
    model = build()
    # Files from before batchnorm counted its batches lack that one number, which nothing here reads.
    defaults = {key: value for key, value in model.state_dict().items() if key.endswith("num_batches_tracked")}
    set_weights(model, defaults | tensors, file)
    return model
