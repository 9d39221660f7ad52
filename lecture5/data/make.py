"""Make the files of this folder from their sources, and write their checksums into cards.json.

The sources come from two public packages (no account, no key); their checksums are in the cards as well:

    pip download --no-deps scikit-image==0.26.0 && unzip scikit_image-*.whl 'skimage/data/*'
    apt-get download pocketsphinx-testdata && dpkg -x pocketsphinx-testdata_*.deb .
    python -m lecture5.data.make skimage/data/coffee.png \\
        usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav
"""

from __future__ import annotations

import argparse
import hashlib
import json
import wave
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.signal import resample_poly

FOLDER = Path(__file__).parent


def make_coffee(source: Path, target: Path) -> None:
    """Halve the photograph: each pixel is the mean of a 2 × 2 block, so that the file stays small."""
    pixels = np.asarray(Image.open(source).convert("RGB"), dtype=np.float64)
    height, width, _ = pixels.shape
    halved = pixels.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    Image.fromarray(halved.round().astype(np.uint8)).save(target, optimize=True)


def make_sentence(source: Path, target: Path) -> None:
    """Halve the sampling rate, from 16 to 8 kHz; what a sampling rate of 8 kHz cannot hold is filtered out first."""
    with wave.open(str(source)) as reader:
        rate, samples = reader.getframerate(), np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
    halved = np.clip(resample_poly(samples.astype(np.float64), 1, 2).round(), -32768, 32767)
    with wave.open(str(target), "wb") as writer:
        writer.setparams((1, 2, rate // 2, 0, "NONE", "not compressed"))
        writer.writeframes(halved.astype("<i2").tobytes())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("coffee", type=Path, help="coffee.png of scikit-image")
    parser.add_argument("sentence", type=Path, help="the recording ...-0880.wav of pocketsphinx-testdata")
    options = parser.parse_args()
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    for name, make, source in (
        ("coffee", make_coffee, options.coffee),
        ("sentence", make_sentence, options.sentence),
    ):
        card = cards[name]
        if sha256(source) != card["source_sha256"]:
            parser.error(f"{source} is not the file that the card of {name!r} names: its checksum differs")
        make(source, FOLDER / card["file"])
        card["sha256"] = sha256(FOLDER / card["file"])
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
