"""The page "From slide to section": all slides in order, and each section and function that it names exists."""

import re
from pathlib import Path

import nbformat
import pytest

from lecture5.exercise.catalogue import get_exercise

BOOK = Path(__file__).resolve().parent.parent / "book"
# The titles of the deck, in order.
SLIDES = """
Convolution Operation · Convolution Operation · Convolution Operation · Discrete Convolution in 2D ·
Intuition for Convolutional Filters · Convolution in Signal Processing · Convolution in Image Processing and Vision ·
Padding · Strides · Convolutional Layer · Convolutional Layer · Feature Maps · Convolution Layer ·
Image Classification · Convolutional Networks · Convolutional Networks for Object Classification · Pooling Layers ·
Convolutional Networks · Convolutional Networks Advantages · Pooling Layers · Efficiency of Convolution ·
CNN in torch · CNN in torch · Convolution Math · Implementation in GPU · Receptive Field · CNN as Building Invariants ·
What Do CNNs learn · What Do CNNs learn · What Do CNNs learn · What Do CNNs learn ·
CNN Progressive Linear Separability · 2D Batchnorm · Residual Networks · Other Interpretations of ResNets ·
Other Applications of CNNs in Vision · Object Detection · Semantic Segmentation · 1x1 Convolution ·
Fully Convolutional Networks · Fully Convolutional + Decoder · Transposed Convolution · Dilations ·
Dilation in Segmentation · 1D and 3D Conv Nets · Parallels between ConvNets and MP
"""
TITLES = [title.strip() for title in SLIDES.split("·")]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (BOOK / "slides.md").read_text("utf-8").splitlines()
    if line.startswith("| **")
]

each_row = pytest.mark.parametrize("row", ROWS, ids=[re.sub(r"\W+", "-", row[0])[:50] for row in ROWS])


def headings(chapter: Path) -> dict[str, str]:
    """The sections of a chapter by the address that MyST gives them, which leaves out punctuation and formulas."""
    cells = nbformat.read(chapter, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    titles = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    plain = {title: re.sub(r"\$.*?\$", "", title).lower().replace(" ", "-") for title in titles}
    return {re.sub(r"[^\w-]", "", slug): title for title, slug in plain.items()}


def test_all_slides_are_there_in_the_order_of_the_deck():
    assert [re.match(r"\*\*(.+?)\*\*", row[0])[1] for row in ROWS] == TITLES


@each_row
def test_each_section_exists_and_is_called_so(row):
    links = re.findall(r"\[([^\]]+)\]\(([\w-]+\.ipynb)#([\w-]+)\)", row[1])
    assert links
    assert row[1].count("](") == len(links)
    chapter_now = None
    for text, file, slug in links:
        named = re.match(r"Chapter (\d+): (.+)", text)
        if named:
            chapter_now, text = file, named[2]
            assert file.startswith(f"{int(named[1]):02d}-")
        assert file == chapter_now, "a link without the chapter's number must go to the same chapter"
        assert f"file: book/{file.removesuffix('.ipynb')}" in (BOOK.parent / "_toc.yml").read_text("utf-8")
        sections = headings(BOOK / file)
        assert slug in sections
        words = re.findall(r"\w+", text.lower())
        assert set(words) <= set(re.findall(r"\w+", sections[slug].lower())), f"{text} is called {sections[slug]}"


@each_row
def test_each_function_is_asked_for(row):
    if row[2] == "–":
        return
    exercise = get_exercise(re.match(r"(\d+): ", row[2])[1])
    names = re.findall(r"`(\w+)`", row[2])
    assert names
    assert set(names) <= {question.name for question in exercise.questions}


def test_every_source_has_an_address():
    entries = re.split(r"\n(?=@)", (BOOK / "references.bib").read_text("utf-8").strip())
    bare = [entry.split(",")[0] for entry in entries if not re.search(r"^\s*(doi|url|isbn)\s*=", entry, re.MULTILINE)]
    assert bare == []
