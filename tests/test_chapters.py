"""The chapters: run again they print what is stored, and they have the form that a reader can rely on."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

import lecture5
from lecture5.exercise import notebooks

BOOK = Path(__file__).resolve().parent.parent / "book"
CHAPTERS = [
    BOOK.parent / f"{name}.ipynb"
    for name in re.findall(r"file: (book/\d\d-.+)", (BOOK.parent / "_toc.yml").read_text())
]
SECTIONS = ["check yourself", "traps", "what to read", "exercise"]
COLUMNS, LINES = 120, 15  # of a piece of code that the reader sees unfolded

chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def cells(chapter):
    return notebooks.read(chapter).cells


def shown_output(cell):
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]


@chapters
def test_running_it_again_prints_what_is_stored(chapter):
    stored = notebooks.read(chapter)
    again = notebooks.normalise(notebooks.execute(notebooks.read(chapter), BOOK, timeout=120))
    assert notebooks.complaints(again) == []
    for before, after in zip(stored.cells, again.cells, strict=True):
        assert shown_output(after) == shown_output(before), f"cell {before.id}"


@chapters
def test_stored_normalised_and_without_errors(chapter):
    notebook = notebooks.read(chapter)
    assert notebooks.complaints(notebook) == []
    assert notebooks.dumps(notebooks.normalise(notebook)) == chapter.read_text("utf-8")


@chapters
def test_has_the_parts_of_a_chapter(chapter):
    text = "\n".join(cell.source for cell in cells(chapter) if cell.cell_type == "markdown")
    headings = [heading.lower() for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)]
    places = [next((i for i, heading in enumerate(headings) if part in heading), None) for part in SECTIONS]
    assert None not in places, dict(zip(SECTIONS, places, strict=True))
    assert places == sorted(places)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert "you can" in text.split("\n## ")[0]  # what the reader will be able to do
    assert text.count("{dropdown}") >= 4
    assert f"exercises/{chapter.name}" in text


@chapters
def test_code_is_short_and_draws_nothing_itself(chapter):
    for cell in cells(chapter):
        if cell.cell_type != "code":
            continue
        lines = cell.source.splitlines()
        if "hide-input" not in cell.metadata.get("tags", []):
            assert len(lines) <= LINES, cell.id
            assert max(map(len, lines)) <= COLUMNS, cell.id
        assert not re.search(r"matplotlib|\bplt\.|urlopen|requests|download=True", cell.source), cell.id


@chapters
def test_text_comes_before_code(chapter):
    """Each piece of code follows its text; only a figure may follow the code that computed it."""
    before = None
    for cell in cells(chapter):
        if cell.cell_type == "code" and before is not None and before.cell_type == "code":
            assert cell.source.lstrip().startswith("plots."), cell.id
        before = cell


@chapters
def test_citations_are_in_the_bibliography(chapter):
    text = "\n".join(cell.source for cell in cells(chapter) if cell.cell_type == "markdown")
    keys = {key.strip() for group in re.findall(r"\{cite[^}]*\}`([^`]+)`", text) for key in group.split(",")}
    known = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text("utf-8"), re.MULTILINE))
    assert keys
    assert keys <= known


def test_front_page_lists_the_chapters_of_the_book():
    listed = re.findall(r"^\| \d+ \|[^|]*\(([\w-]+\.ipynb)\)", (BOOK / "intro.md").read_text("utf-8"), re.MULTILINE)
    assert listed == [path.name for path in CHAPTERS]


class TestConvolutionChapter:
    """The numbers in the prose of chapter 1, computed again without the chapter's code."""

    TEXT = "\n".join(cell.source for cell in nbformat.read(BOOK / "01-convolution.ipynb", 4).cells)
    X, W = np.array([2, 0, 1, 4]), np.array([1, 2, 3])

    def says(self, *sentences):
        missing = [s for s in sentences if s not in re.sub(r"\s+", " ", self.TEXT)]
        assert missing == []

    def test_table_by_hand(self):
        copies = np.zeros((4, 6), dtype=int)
        for k, strength in enumerate(self.X):
            copies[k, k : k + 3] = strength * self.W
        for k, row in enumerate(copies):
            entries = [str(row[n]) if k <= n < k + 3 else "" for n in range(6)]
            self.says(re.sub(r"\s+", " ", f"| $x[{k}] = {self.X[k]}$ starts | {' | '.join(entries)} |"))
        self.says("| **sum** $s[n]$ | " + " | ".join(f"**{total}**" for total in copies.sum(axis=0)) + " |")
        assert copies.sum(axis=0).tolist() == np.convolve(self.X, self.W).tolist()

    def test_correlation_by_hand(self):
        first, second = np.correlate(self.X, self.W, mode="valid")
        inner = np.convolve(self.X, self.W, mode="valid")
        self.says(
            f"= {first}$,", f"= {second}$.", f"The convolution at its two inner places was {inner[0]} and {inner[1]}."
        )

    def test_two_dimensions_by_hand(self):
        image, kernel = [[1, 2, 0, 3], [0, 1, 4, 1], [2, 0, 3, 5]], [[1, 2, 0], [0, 0, 3]]
        first = lecture5.conv2d([[image]], [[kernel]])[0, 0, 0, 0]
        self.says(f"2 \\cdot 2 + 4 \\cdot 3 = {first}$", "3 & 0 & 0 \\\\ 0 & 2 & 1")
        assert np.rot90(kernel, 2).tolist() == [[3, 0, 0], [0, 2, 1]]

    def test_wrapping(self):
        full = np.convolve(self.X, self.W)
        circular = np.fft.ifft(np.fft.fft(self.X) * np.fft.fft(self.W, 4)).real.round().astype(int)
        self.says(*(f"{circular[n]} = {full[n]} + {full[n + 4]}" for n in range(2)))
        assert circular[2:].tolist() == full[2:4].tolist()

    def test_laplacian(self):
        def response(omega_1, omega_2):
            return 9 - (1 + 2 * np.cos(omega_1)) * (1 + 2 * np.cos(omega_2))

        omega = np.linspace(-np.pi, np.pi, 401)
        grid = response(omega[:, None], omega)
        assert np.unravel_index(grid.argmax(), grid.shape) in [(0, 200), (200, 0), (400, 200), (200, 400)]
        zero, corner, edge = response(0, 0), response(np.pi, np.pi), response(0, np.pi)
        assert grid.max() == pytest.approx(edge)
        self.says(
            f"$H$ is {zero:.0f} for a constant image, {corner:.0f} at $(\\pi, \\pi)$, and largest, {edge:.0f}, at"
        )

    def test_mean_of_five(self):
        omega = np.linspace(0, np.pi, 2000)
        gain = np.abs(1 + 2 * np.cos(omega) + 2 * np.cos(2 * omega)) / 5
        zero = omega[np.flatnonzero(np.diff(np.sign(np.diff(gain))) > 0)[0] + 1]
        self.says(f"zero at {zero:.2f}")
        assert gain[omega > zero].max() < 0.26

    def test_answers(self):
        self.says("108, 100 and 92", "$[1, 0, 0, -1]$", "the last $139 - 128 = 11$ wrap", "The other 117 are right")
        assert (100 + 9 - 1, 100 - 9 + 1, 100 + 40 - 1, 128 - 11) == (108, 92, 139, 117)
        assert np.convolve([1, -1], [1, 1, 1]).tolist() == [1, 0, 0, -1]
