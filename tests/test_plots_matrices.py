"""The figures of layers as matrices: every connection is drawn once, shared weights are told apart, in both themes."""

import base64
import re

import numpy as np
import pytest

import lecture5
from lecture5 import plots

ROW = (1, 6)
SHARED = lecture5.conv_matrix(np.arange(1, 4).reshape(1, 1, 3), ROW, sparse=False)
FREE = lecture5.locally_connected_matrix(np.arange(1, 13).reshape(1, 4, 1, 3), ROW, sparse=False)


def drawings(figure):
    """The SVG of each panel on light pages, then on dark ones."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', figure._repr_html_())
    texts = [base64.b64decode(text).decode() for text in found]
    return texts[::2], texts[1::2]


def test_weight_matrices_have_a_square_for_each_connection():
    light, dark = drawings(plots.weight_matrices({"shared": SHARED, "free": FREE}, ["three", "twelve"], blocks=(2, 3)))
    for text in (*light, *dark):
        assert len(re.findall(r'<g id="patch_\d+">', text)) == 12 + 2  # the squares, the ground and the frame
        assert len(re.findall(r'<g id="text_\d+">', text)) == 12  # the numbers
        assert len(re.findall(r'<g id="LineCollection_\d+">', text)) == 2  # the lines across and down
    assert all(one != other for one, other in zip(light, dark, strict=True))


def test_large_matrices_have_no_numbers():
    (text,), _ = drawings(plots.weight_matrices({"large": np.eye(3, 40, dtype=int)}, ["a diagonal"]))
    assert "text_" not in text
    assert len(re.findall(r'<g id="patch_\d+">', text)) == 3 + 2


def test_connections_have_a_line_each_and_a_legend_where_weights_are_shared():
    (shared, free), _ = drawings(plots.connections({"shared": SHARED, "free": FREE}, ["three kinds", "thin lines"]))
    dots = 2
    assert len(re.findall(r'<g id="line2d_\d+">', shared)) == 12 + dots + 3  # three more in the legend
    assert len(re.findall(r'<g id="line2d_\d+">', free)) == 12 + dots
    assert "legend" in shared
    assert "legend" not in free


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.weight_matrices({"a": SHARED}, []), "1 matrices, but 0 alts"),
        (lambda: plots.connections({"a": SHARED}, []), "1 matrices, but 0 alts"),
        (lambda: plots.weight_matrices({"a": np.arange(3)}, ["x"]), r"matrices\['a'\] has shape \(3,\)"),
        (lambda: plots.weight_matrices({"a": -np.eye(2)}, ["x"]), "smallest number -1"),
        (lambda: plots.connections({"a": np.tile(np.arange(1, 7), (2, 1))}, ["x"]), "shares 6 weights, but at most 5"),
    ],
)
def test_wrong_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
