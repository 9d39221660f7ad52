"""Make stereo.npz from its source, and write its checksum into cards.json.

pip download --no-deps scikit-image==0.26.0 && unzip scikit_image-*.whl 'skimage/data/*'
python -m lecture5.data.make_stereo skimage/data
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from .make_images import write_npz

FOLDER = Path(__file__).parent
SHRINK = 4


def blocks(image: np.ndarray) -> np.ndarray:
    """Return the 4 × 4 blocks of a picture, (H / 4, W / 4, 16); what is left over at the right is dropped."""
    height, width = (size // SHRINK for size in image.shape)
    cut = image[: height * SHRINK, : width * SHRINK]
    return cut.reshape(height, SHRINK, width, SHRINK).swapaxes(1, 2).reshape(height, width, SHRINK**2)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.data.make_stereo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="skimage/data, which holds motorcycle_*.png and motorcycle_disp.npz")
    folder = parser.parse_args().folder
    arrays = {}
    for side in ("left", "right"):
        pixels = np.asarray(Image.open(folder / f"motorcycle_{side}.png").convert("RGB"), dtype=np.float64)
        grey = pixels @ np.array([0.299, 0.587, 0.114])
        arrays[side] = blocks(grey).mean(axis=-1).round().astype(np.uint8)
    with np.load(folder / "motorcycle_disp.npz") as source:
        disparity = blocks(source["arr_0"])
    disparity[~np.isfinite(disparity)] = np.nan
    # The median, so that a block on the edge of an object has the depth of one side, not of something in between.
    measured = ~np.isnan(disparity).all(axis=-1)
    arrays["disparity"] = np.full(measured.shape, np.nan, np.float32)
    arrays["disparity"][measured] = np.nanmedian(disparity[measured], axis=-1) / SHRINK
    arrays["disparity"] = arrays["disparity"].astype(np.float16)
    write_npz(FOLDER / "stereo.npz", arrays)
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    cards["stereo"]["sha256"] = hashlib.sha256((FOLDER / "stereo.npz").read_bytes()).hexdigest()
    (FOLDER / "cards.json").write_text(json.dumps(cards, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
