"""Make voices.npz from its sources, and write its checksum into cards.json.

The four packages of Debian hold what telephone exchanges say (no account, no key):

    for language in en es fr it; do apt-get download asterisk-core-sounds-$language-wav; done
    for package in asterisk-core-sounds-*.deb; do dpkg -x $package .; done
    python -m lecture5.data.make_voices usr/share/asterisk/sounds
"""

from __future__ import annotations

import argparse
import hashlib
import json
import wave
from pathlib import Path

import numpy as np

from .make_images import write_npz
from .voices import WINDOW, encode

FOLDER = Path(__file__).parent
FOLDERS = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo")
PER_VOICE = {"train": 180, "test": 60}
QUIET = 0.02  # windows whose root mean square is below this are pauses


def read(path: Path) -> np.ndarray:
    """Return a recording's samples, from −1 to 1."""
    with wave.open(str(path)) as reader:
        return np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2") / 32768


def windows(samples: np.ndarray) -> np.ndarray:
    """Cut a recording into half seconds, side by side; return those in which somebody speaks."""
    cut = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return cut[np.sqrt((cut**2).mean(axis=1)) > QUIET]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make_voices",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="usr/share/asterisk/sounds, which holds en_US_f_Allison and others")
    folder = parser.parse_args().folder
    generator = np.random.default_rng(0)
    checksum = hashlib.sha256()
    parts: dict[str, list[np.ndarray]] = {part: [] for part in PER_VOICE}
    for name in FOLDERS:
        recordings = sorted((folder / name).glob("*.wav"))
        for path in recordings:
            checksum.update(path.read_bytes())
        # Whole recordings go to one part or the other, so that no sentence is in both.
        order = iter(generator.permutation(len(recordings)))
        for part, count in PER_VOICE.items():
            found = np.empty((0, WINDOW))
            while len(found) < count:
                found = np.concatenate([found, windows(read(recordings[next(order)]))])
            parts[part].append(encode(found[:count]))
    target = FOLDER / "voices.npz"
    write_npz(target, {part: np.stack(arrays) for part, arrays in parts.items()})

    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    if checksum.hexdigest() != cards["voices"]["source_sha256"]:
        parser.error(f"the recordings are not those that the card names: their checksum is {checksum.hexdigest()}")
    cards["voices"]["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
