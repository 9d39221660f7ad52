"""Make brain.npz from its source, and write its checksum into cards.json.

pip download --no-deps nilearn==0.14.1 && unzip nilearn-*.whl 'nilearn/datasets/data/mni_*'
python -m lecture5.data.make_brain nilearn/datasets/data
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from pathlib import Path

import numpy as np

from .make_images import write_npz

FOLDER = Path(__file__).parent
SOURCES = {name: f"mni_icbm152_{short}_tal_nlin_sym_09a_converted.nii.gz" for name, short in
           (("t1", "t1"), ("grey", "gm"), ("white", "wm"))}  # fmt: skip


def read_nifti(path: Path) -> np.ndarray:
    """Read a volume of bytes from the NIfTI-1 format: sizes at byte 40, where the data begin at byte 108."""
    content = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(content, "<i2", count=8, offset=40)
    start = int(np.frombuffer(content, "<f4", count=1, offset=108)[0])
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes[1:4], order="F")


def halve(volume: np.ndarray) -> np.ndarray:
    """Return the means of blocks of 2 × 2 × 2 voxels; what is left over at an end is dropped."""
    sizes = [size // 2 for size in volume.shape]
    cut = volume[: 2 * sizes[0], : 2 * sizes[1], : 2 * sizes[2]].astype(np.float64)
    blocks = cut.reshape(sizes[0], 2, sizes[1], 2, sizes[2], 2)
    return blocks.mean(axis=(1, 3, 5)).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make_brain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="nilearn/datasets/data, which holds the three volumes")
    folder = parser.parse_args().folder
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    found = hashlib.sha256(b"".join((folder / file).read_bytes() for file in SOURCES.values())).hexdigest()
    if found != cards["brain"]["source_sha256"]:
        parser.error(f"the files in {folder} are not those that the card names: their checksum is {found}")
    target = FOLDER / "brain.npz"
    write_npz(target, {name: halve(read_nifti(folder / file)) for name, file in SOURCES.items()})
    cards["brain"]["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
