"""Make backgrounds.npz, small colour photographs, from their sources, and write its checksum into cards.json.

The sources are inside two public packages (no account, no key):

    pip download --no-deps scikit-image==0.26.0 && unzip scikit_image-*.whl 'skimage/data/*'
    pip download --no-deps scikit-learn==1.9.1 && unzip scikit_learn-*.whl 'sklearn/datasets/images/*'
    python -m lecture5.data.make_backgrounds .
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from .make_images import FOLDER, write_npz

SOURCES = {
    "astronaut": "skimage/data/astronaut.png",
    "rocket": "skimage/data/rocket.jpg",
    "flower": "sklearn/datasets/images/flower.jpg",
    "cat": "skimage/data/chelsea.png",
    "palace": "sklearn/datasets/images/china.jpg",
}
HEIGHT = 100


def small(source: Path) -> np.ndarray:
    """Return the photograph, (3, HEIGHT, W) bytes; what is finer than the new pixels is averaged away."""
    image = Image.open(source).convert("RGB")
    width = round(image.width * HEIGHT / image.height)
    return np.moveaxis(np.asarray(image.resize((width, HEIGHT), Image.Resampling.BOX)), -1, 0).copy()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make_backgrounds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where the two packages were unpacked")
    options = parser.parse_args()

    sources = {name: options.folder / path for name, path in SOURCES.items()}
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    card = cards["backgrounds"]
    found = hashlib.sha256(b"".join(path.read_bytes() for path in sources.values())).hexdigest()
    if found != card["source_sha256"]:
        parser.error(f"the files in {options.folder} are not those that the card names: their checksum is {found}")
    target = FOLDER / card["file"]
    write_npz(target, {name: small(path) for name, path in sources.items()})
    card["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
