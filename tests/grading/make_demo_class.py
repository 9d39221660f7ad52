"""Writes tests/demo_class: a small class of submissions to exercise 1, as different as real ones are.

Run it after the exercise has changed: ``python tests/grading/make_demo_class.py``. A test compares what it writes with
what is committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from lecture5.exercise import cells, notebooks
from lecture5.exercise.catalogue import get_exercise
from lecture5.exercise.places import source_notebook
from lecture5.exercise.release import pristine

FOLDER = Path(__file__).parents[1] / "demo_class"
EXERCISE = get_exercise("01")
RIGHT = {cells.function(cell): cell.source for cell in cells.answer_cells(notebooks.read(source_notebook(EXERCISE)))}

# Right, but in another style: lists, prints, plots, a helper, a warning. All of this is allowed.
OTHER_STYLE = {
    "conv1d": """
def windows(x, size):
    return [x[t : t + size] for t in range(len(x) - size + 1)]


def conv1d(x, w):
    print("conv1d was called with", len(x), "samples")
    return [sum(float(a) * b for a, b in zip(window, w)) for window in windows(x, len(w))]
""",
    "convolve": """
import warnings


def convolve(x, w):
    warnings.warn("just saying")
    def value(t):
        return sum(x[a] * w[t - a] for a in range(len(x)) if 0 <= t - a < len(w))
    return np.array([value(t) for t in range(len(x) + len(w) - 1)])
""",
    "filter_image": """
import matplotlib.pyplot as plt


def filter_image(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    result = np.einsum("rcij,ij->rc", windows, kernel)
    plt.imshow(result)
    plt.show()
    return result.T.copy().T
""",
    "fourier_convolve": """
def fourier_convolve(x, w):
    n = len(x) + len(w) - 1
    size = 2 ** int(np.ceil(np.log2(n)))
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(w, size), size)[:n] if size > 1 else np.array(x) * w
""",
    "frequency_response": """
def frequency_response(kernel, omega_1, omega_2):
    i = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    j = np.arange(kernel.shape[1]) - kernel.shape[1] // 2
    rows = np.exp(-1j * np.multiply.outer(omega_1, i))
    columns = np.exp(-1j * np.multiply.outer(omega_2, j))
    return np.einsum("...i,ij,...j->...", rows, kernel, columns)
""",
}

CONFUSED = {
    "conv1d": RIGHT["conv1d"].replace("* w)", "* w[::-1])"),
    "convolve": RIGHT["convolve"].replace("x[a] * w\n", "x[a] * w[::-1]\n"),
    "filter_image": RIGHT["filter_image"].replace("kernel[i, j]", "kernel[-1 - i, -1 - j]"),
}

SQUARE_ONLY = {
    "filter_image": RIGHT["filter_image"]
    .replace("* kernel[i, j]", "* kernel.T[i, j]")
    .replace("kernel.shape[0]", "kernel.T.shape[0]")
    .replace("kernel.shape[1]", "kernel.T.shape[1]"),
    "fourier_convolve": "def fourier_convolve(x, w):\n    n = max(len(x), len(w))\n"
    "    return np.fft.ifft(np.fft.fft(x, n) * np.fft.fft(w, n)).real",
}

HARD_CODED = {
    "conv1d": "def conv1d(x, w):\n    return np.array([4.0, 5.0, -4.0])",
    "convolve": "def convolve(x, w):\n    return np.array([2.0, 5.0, 1.0, -4.0, -1.0, 1.0])",
}

TWO_AT_ONCE = {
    "conv1d": "def conv1d(x, w):\n    w = w[::-1]\n"
    "    return np.array([np.mean(x[t : t + len(w)] * w) for t in range(len(x) - len(w) + 1)])",
    "frequency_response": RIGHT["frequency_response"].replace("-1j", "1j"),
}

STRAY_HELPER = {"conv1d": "def conv1d(x, w):\n    return slide(x, w)"}

# File name: the functions that differ from the right solution (None: the stub is left).
NOTEBOOKS = {
    "ada.ipynb": {},
    "bela.ipynb": OTHER_STYLE,
    "chen.ipynb": CONFUSED,
    "dora.ipynb": {"convolve": "def convolve(x, w)\n    return np.zeros(len(x) + len(w) - 1)"},
    "emil.ipynb": {"fourier_convolve": "def fourier_convolve(x, w):\n    n = 1\n    while n > 0:\n        n = n * 2"},
    "faye.ipynb": dict.fromkeys(RIGHT),
    "ivan.ipynb": {"conv1d": "import os\n\n\ndef conv1d(x, w):\n    os._exit(1)"},
    "jun.ipynb": SQUARE_ONLY,
    "kim.ipynb": {"convolve": "from scipy.signal import convolve"},
    "lea.ipynb": HARD_CODED,
    "mustermannmax_LATE_1234_98765_01-convolution-1.ipynb": {"frequency_response": None},
    "Nia Øst_778_assignsubmission_file_/01-convolution.ipynb": STRAY_HELPER,
    "olu/01-convolution/01-convolution.ipynb": TWO_AT_ONCE,
}
OTHER_FILES = {
    "gus.ipynb": b"",
    "hana.ipynb": b"Dear teacher, my notebook is attached. Hana\n",
    "pat.pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
}


def submission(changes: dict[str, str | None]) -> str:
    """Return the text of a submission: right but for ``changes``."""
    notebook = pristine(EXERCISE)
    for cell in cells.answer_cells(notebook):
        name = cells.function(cell)
        source = changes.get(name, RIGHT[name])
        if source is not None:
            cell.source = source.strip("\n")
    if changes is STRAY_HELPER:
        place = next(n for n, cell in enumerate(notebook.cells) if cell.id == "conv1d")
        notebook.cells.insert(place, new_code_cell("def slide(x, w):\n    return np.correlate(x, w)", id="mine"))
    return nbformat.writes(notebook) + "\n"


def files() -> dict[str, bytes]:
    """Return the class: content by file name."""
    return {**{name: submission(changes).encode() for name, changes in NOTEBOOKS.items()}, **OTHER_FILES}


def main() -> int:
    for name, content in files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
