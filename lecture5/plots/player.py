"""Sounds that a page can play by itself: no file beside it, no network."""

from __future__ import annotations

import base64
import html
import io
import wave
from collections.abc import Mapping

import numpy as np

from .. import arguments
from .figure import output_html

_STYLE = """
.lecture5-sounds{display:flex;flex-wrap:wrap;gap:1rem}
.lecture5-output .lecture5-sounds figure{margin:0;padding:0;flex:1 1 12.5rem;min-width:0}
.lecture5-output .lecture5-sounds figcaption{font-size:.9em;font-weight:400;text-align:center;color:inherit!important}
.lecture5-sounds audio{display:block;width:100%}"""


class Sounds:
    """One player per sound, side by side; made by :func:`listen`."""

    def __init__(self, sounds: Mapping[str, np.ndarray], rate: int) -> None:
        self.sounds, self.rate = dict(sounds), rate

    def __repr__(self) -> str:
        lines = [f"- {title}: {samples.size / self.rate:.1f} s" for title, samples in self.sounds.items()]
        return "\n".join([f"Sounds, {self.rate} samples a second:", *lines])

    def _repr_html_(self) -> str:
        loudest = max(np.abs(samples).max() for samples in self.sounds.values()) or 1.0
        players = "".join(_player(title, samples / loudest, self.rate) for title, samples in self.sounds.items())
        return output_html(_STYLE, f'<div class="lecture5-sounds">{players}</div>')


def _player(title: str, samples: np.ndarray, rate: int) -> str:
    title, wav = html.escape(title), base64.b64encode(_wav(samples, rate)).decode()
    audio = f'<audio controls preload="metadata" aria-label="{title}" src="data:audio/wav;base64,{wav}"></audio>'
    return f"<figure><figcaption>{title}</figcaption>{audio}</figure>"


def listen(sounds: Mapping[str, np.ndarray], rate: int) -> Sounds:
    """Show a player for each sound.

    All sounds of one call are made louder or softer by one common factor, so that the loudest of them just fits:
    what sounds softer than its neighbour really is.

    Parameters
    ----------
    sounds
        Title and samples, each of shape (L,).
    rate
        Samples per second.

    Raises
    ------
    ValueError
        If there is no sound, or one is not a row of finite numbers.

    Examples
    --------
    >>> listen({"a click": np.eye(1, 4000)[0]}, rate=8000)
    Sounds, 8000 samples a second:
    - a click: 0.5 s
    """
    rate = arguments.integer("rate", rate, minimum=1)
    if not sounds:
        raise ValueError("sounds is empty, but it must hold at least one title and its samples")
    arrays = {title: arguments.numeric_array(f"sounds[{title!r}]", samples) for title, samples in sounds.items()}
    for title, samples in arrays.items():
        if samples.ndim != 1 or samples.size == 0 or not np.isfinite(samples).all():
            raise ValueError(
                f"sounds[{title!r}] has shape {samples.shape}, but it must be one row of finite samples, (L,)"
            )
    return Sounds(arrays, rate)


def _wav(samples: np.ndarray, rate: int) -> bytes:
    """The samples, from −1 to 1, as a WAV file of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        writer.writeframes(np.round(32767 * samples).astype("<i2").tobytes())
    return buffer.getvalue()
