"""The photographs, sounds and labelled images that the chapters and exercises use. All of them ship with the package.

Each has a *card* (``cards.json``): what it is, who made it, its licence, where it comes from, how it was made from
that, and a checksum, which is verified when the file is loaded. Nothing here reads from a network.
"""

from __future__ import annotations

import hashlib
import io
import json
import wave
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from ..arguments import choice
from .brain import Brain, brain
from .images import FASHION_CLASSES, digits, fashion
from .scenes import SCENE_CLASSES, Scenes, scenes
from .stereo import StereoPair, stereo_pair
from .voices import VOICES, voices

__all__ = [
    "FASHION_CLASSES",
    "SCENE_CLASSES",
    "VOICES",
    "Brain",
    "Card",
    "Cards",
    "DataError",
    "Scenes",
    "StereoPair",
    "brain",
    "cards",
    "digits",
    "fashion",
    "photograph",
    "scenes",
    "sound",
    "stereo_pair",
    "voices",
]


class DataError(Exception):
    """A file of this package is missing or damaged; the text says which one and what to do."""


class Card(NamedTuple):
    """What one ought to know about a file before one uses it."""

    file: str
    title: str
    what: str
    author: str
    licence: str
    licence_url: str
    source: str
    source_url: str
    source_sha256: str
    made: str
    sha256: str


class Cards(dict[str, Card]):
    """The cards by name. A notebook, and the page "Data and licences", show them as text."""

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f"**{card.title}**, `{card.file}`\n\n"
            f"- *What it is:* {card.what}\n"
            f"- *Author:* {card.author}\n"
            f"- *Licence:* [{card.licence}]({card.licence_url})\n"
            f"- *Source:* [{card.source}]({card.source_url}), SHA-256 `{card.source_sha256[:16]}…`\n"
            f"- *How it was made:* {card.made}\n"
            f"- *Checksum:* SHA-256 `{card.sha256[:16]}…`"
            for card in self.values()
        )


@cache
def cards() -> Cards:
    """Return the card of every file, by name.

    Examples
    --------
    >>> cards()["coffee"].licence
    'CC0 1.0'
    """
    text = files(__package__).joinpath("cards.json").read_text("utf-8")
    return Cards((name, Card(**card)) for name, card in json.loads(text).items())


def photograph(name: str = "coffee", *, colour: bool = False) -> np.ndarray:
    """Return a photograph, from 0 (black) to 1 (white).

    Parameters
    ----------
    name
        ``"coffee"``.
    colour
        Whether to keep the three colours. Without them each pixel is the weighted sum 0.299 red + 0.587 green +
        0.114 blue, which is how bright it looks (ITU-R BT.601).

    Returns
    -------
    ndarray of float64
        (H, W), or (3, H, W) in colour.

    Raises
    ------
    DataError
        If the file is missing or damaged.

    Examples
    --------
    >>> photograph("coffee").shape
    (200, 300)
    >>> photograph("coffee", colour=True).shape
    (3, 200, 300)
    """
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(_verified(name, ".png"))), dtype=np.float64) / 255
    return np.moveaxis(pixels, -1, 0).copy() if colour else pixels @ np.array([0.299, 0.587, 0.114])


def sound(name: str = "sentence") -> tuple[np.ndarray, int]:
    """Return a recording with one channel.

    Parameters
    ----------
    name
        ``"sentence"``.

    Returns
    -------
    samples : ndarray of float64
        (L,), the air pressure from −1 to 1.
    rate : int
        Samples per second.

    Raises
    ------
    DataError
        If the file is missing or damaged.

    Examples
    --------
    >>> samples, rate = sound("sentence")
    >>> samples.shape, rate
    ((23920,), 8000)
    """
    with wave.open(io.BytesIO(_verified(name, ".wav"))) as reader:
        samples = np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
        return samples / 32768, reader.getframerate()


def _verified(name: str, suffix: str) -> bytes:
    """The bytes of the file of that name, once they are known to be the right ones."""
    choice("name", name, [known for known, card in cards().items() if card.file.endswith(suffix)])
    card = cards()[name]
    try:
        content = files(__package__).joinpath(card.file).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{card.file} is missing from lecture5/data: install lecture5 again") from None
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise DataError(
            f"{card.file} in lecture5/data is damaged: its SHA-256 is {found[:12]}…, but its card says "
            f"{card.sha256[:12]}…. Install lecture5 again (in a checkout: git checkout lecture5/data)"
        )
    return content
