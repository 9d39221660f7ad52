"""What chapter 7 says in words, held to the package."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

import lecture5
from lecture5.exercise.catalogue import how_it_is_computed as exercise

CHAPTER = Path(__file__).resolve().parent.parent / "book" / "07-how-it-is-computed.ipynb"
TEXT = re.sub(r"\s+", " ", " ".join(cell.source for cell in nbformat.read(CHAPTER, 4).cells))


def says(*sentences):
    assert [sentence for sentence in sentences if sentence not in TEXT] == []


def products(outputs, taps):
    """Multiplications of Winograd's filtering for a tile of outputs in two dimensions."""
    return (outputs + taps - 1) ** 2


def test_multiplications_of_winograds_tiles():
    says(f"{products(2, 3)} products, 2 × 2 outputs, where the definition takes {4 * 9}")
    says(f"F(4 × 4, 3 × 3) takes {products(4, 3)} products for 16 outputs, a quarter of the definition's {16 * 9}")
    assert products(4, 3) * 4 == 16 * 9


def test_winograds_products_are_the_chapters():
    x, w = np.array([2.0, -1, 4, 0.5]), np.array([3.0, 1, -2])
    *found, y0, y1 = exercise.winograd_tiles(x, w)[0]
    m1, m2, m3, m4 = found
    assert (y0, y1) == (m1 + m2 + m3, m2 - m3 - m4)
    np.testing.assert_allclose([y0, y1], lecture5.conv1d(x[None, None], w[None, None])[0, 0])
    says("m_1 &= (x_0 - x_2)", "m_4 &= (x_1 - x_3)", "$y_0 = m_1 + m_2 + m_3$ and $y_1 = m_2 - m_3 - m_4$")
    assert (m1, m4) == ((x[0] - x[2]) * w[0], (x[1] - x[3]) * w[2])


def cells_read(dilations):
    """Which cells a unit reads, counted from its middle."""
    cells = {0}
    for dilation in dilations:
        cells = {cell + step for cell in cells for step in (-dilation, 0, dilation)}
    return cells


def test_holes_of_the_explorer_and_how_to_close_them():
    size = lecture5.receptive_field([(3, 1, 0, 2)] * 3)[-1].size
    says(f"the size is {size}, but the unit reads only seven of them")
    assert len(cells_read([2, 2, 2])) == 7
    for changed in range(3):  # one dilation of 1, in whichever layer, closes all holes
        dilations = [2, 2, 2]
        dilations[changed] = 1
        field = lecture5.receptive_field([(3, 1, 0, dilation) for dilation in dilations])[-1].size
        assert len(cells_read(dilations)) == field


def test_paths_spread_with_the_root_of_the_depth():
    for depth in (4, 16, 64):
        paths = np.ones(1)
        for _ in range(depth):
            paths = np.convolve(paths, np.ones(3) / 3)
        places = np.arange(len(paths)) - depth
        assert np.sqrt((paths * places**2).sum()) == pytest.approx(np.sqrt(2 * depth / 3))


def test_a_batch_makes_a_fully_connected_layer_a_tenth_as_long_for_an_image():
    one, many = (exercise.roofline(4096, 4096, 1, 1, 1, batch, 100e9, 20e9)[1] for batch in (1, 64))
    says(f"take {1000 * one:.2f} ms", f"operations take {1000 * many:.1f} ms", "an image costs a tenth")
    assert many / 64 == pytest.approx(one / 10, rel=0.01)
    assert 100e9 / 20e9 == 5
    says("5 operations per byte")


def test_three_small_layers_for_one_large():
    assert lecture5.receptive_field([(3,)] * 3)[-1].size == lecture5.receptive_field([(7,)])[-1].size == 7
    says(f"go from {7 * 7} to {3 * 3 * 3} for each pair of channels")
