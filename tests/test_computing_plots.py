"""Figures of chapter 7: they show what they are given, say it in words, and refuse what they cannot draw."""

import re

import numpy as np
import pytest

from lecture5 import plots


def pictures_of(figure):
    """Address and alternative text of every image."""
    return re.findall(r'<img [^>]*src="([^"]+)" alt="([^"]+)"', figure._repr_html_())


def test_times_carry_their_titles_and_words():
    times = {"gemm": {3: 0.5, 9: 4.0}, "fourier": {3: 2.0, 9: 2.1}}
    figure = plots.times_by_kernel({"one channel": (times, "They cross."), "two": (times, "They cross again.")})
    assert repr(figure) == "Figure: time by kernel size\n- They cross.\n- They cross again."
    assert [alt for _, alt in pictures_of(figure)] == ["They cross."] * 2 + ["They cross again."] * 2
    assert [panel.title for panel in figure.panels] == ["one channel", "two"]
    slower = {"gemm": {3: 0.5, 9: 4.0}, "fourier": {3: 2.0, 9: 3.9}}
    assert plots.times_by_kernel({"one channel": (slower, "They cross.")}).panels[0] != figure.panels[0]
    with pytest.raises(ValueError, match="has 6 methods, but there must be one to 5"):
        plots.times_by_kernel({"too many": ({str(n): {1: 1.0} for n in range(6)}, "No.")})


def test_roofline_moves_with_what_was_measured():
    layers = {"conv1": (95.0, 5e10), "fc6": (0.5, 6e9)}
    figure = plots.roofline(layers, peak=1e11, bandwidth=2e10, alt="Two points.", title="here")
    assert repr(figure) == "Figure: layers under the roof\n- Two points."
    assert figure.panels[0].title == "here"
    assert figure.panels == plots.roofline(layers, peak=1e11, bandwidth=2e10, alt="Two points.", title="here").panels
    other = plots.roofline(layers, peak=1e11, bandwidth=3e10, alt="Two points.", title="here")
    assert other.panels[0].light != figure.panels[0].light
    with pytest.raises(ValueError, match=r"layers\['fc6'\] has shape \(3,\), but it must be two numbers"):
        plots.roofline({"fc6": (1, 2, 3)}, peak=1e11, bandwidth=2e10, alt="A point.")
    with pytest.raises(ValueError, match="no alt text"):
        plots.roofline(layers, peak=1e11, bandwidth=2e10, alt=" ")


def test_tiles_of_a_row():
    figure = plots.overlapping_tiles(8, 4, 2, 2, alt="Three tiles of four.")
    assert repr(figure) == "Figure: overlapping tiles\n- Three tiles of four."
    light, dark = pictures_of(figure)
    assert light[0] != dark[0]


def test_tiled_product_frames_what_it_is_told():
    rng = np.random.default_rng(0)
    windows, weights = rng.normal(size=(12, 9)), rng.normal(size=(9, 8))

    def drawn(rows):
        return plots.tiled_product(
            windows, weights, windows @ weights, tile=(rows, slice(0, 4)), terms=slice(0, 3), alt="Frames."
        ).panels[0]

    assert drawn(slice(0, 4)) == drawn(slice(0, 4))
    assert drawn(slice(0, 4)).light != drawn(slice(4, 8)).light
