"""The figures of whole networks: drawn from the model, with every layer's numbers in words, and in both themes."""

import base64
import re

import pytest
import torch
from torch import nn

import lecture5
from lecture5 import nets, plots


def drawings(figure):
    """The SVG of each panel on light pages, then on dark ones."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', figure._repr_html_())
    texts = [base64.b64decode(text).decode() for text in found]
    return texts[::2], texts[1::2]


def test_architecture_tells_every_layer_of_the_model():
    with torch.device("meta"):
        figure = plots.architecture(nets.LeNet5(), (1, 1, 28, 28))
    assert figure.name == "a network of 7 layers, 61,706 parameters, 416,520 multiply-adds"
    sizes, shares = (panel.alt for panel in figure.panels)
    assert "input 1 × 28 × 28; conv 1 6 × 28 × 28; pool 1 6 × 14 × 14; conv 2 16 × 10 × 10;" in sizes
    assert sizes.endswith("linear 1 120; linear 2 84; linear 3 10.")
    assert "linear 1 78.0 % of the parameters, 11.5 % of the multiply-adds" in shares
    assert "pool" not in shares  # it has neither
    assert "ReLU" not in sizes


def test_architecture_draws_a_box_for_each_size_and_two_bars_for_each_layer():
    layers = [{"kind": "conv", "out_channels": 4, "kernel_size": 3}, {"kind": "relu"}, {"kind": "flatten"}]
    figure = plots.architecture([*layers, {"kind": "linear", "out_features": 2}], (1, 3, 8, 6))
    light, dark = drawings(figure)
    for boxes, bars in (light, dark):
        assert len(re.findall(r'<g id="patch_\d+">', boxes)) == 1 + 3  # the ground; input, conv, linear
        assert len(re.findall(r'<g id="text_\d+">', boxes)) == 2 * 3
        assert len(re.findall(r"#[a-z0-9]+\) ?", bars)) >= 2  # hatched bars have a pattern
    assert light[0] != dark[0]
    assert "input 3 × 8 × 6; conv 4 × 6 × 4; linear 2." in figure.panels[0].alt
    costs = lecture5.layer_costs([*layers, {"kind": "linear", "out_features": 2}], (1, 3, 8, 6))
    share = 100 * costs[0].multiply_adds / costs.multiply_adds
    assert f"{share:.1f} % of the multiply-adds" in figure.panels[1].alt


def test_architecture_of_a_model_without_parameters():
    figure = plots.architecture(nn.Sequential(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)), (1, 2, 8, 8))
    assert "pool 2 × 4 × 4; mean pool 2 × 1 × 1" in figure.panels[0].alt


def test_named_bars_have_a_bar_and_a_number_each():
    figure = plots.named_bars({"ours": 0.25, "theirs": 0.5}, xlabel="error", alt="two bars", hatched=["theirs"])
    (light,), (dark,) = drawings(figure)
    for text in (light, dark):
        assert len(re.findall(r"<!-- (?: ?0\.25|0\.5| 0\.5) -->", text)) >= 2
        assert "<!-- ours -->" in text
        assert "<pattern" in text
    (plain,), _ = drawings(plots.named_bars({"ours": 0.25}, xlabel="error", alt="one bar"))
    assert "<pattern" not in plain


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.named_bars({}, xlabel="x", alt="y"), "values is empty"),
        (lambda: plots.named_bars({"a": 1.0}, xlabel="x", alt="y", hatched=["b"]), r"hatched has \['b'\]"),
        (lambda: plots.architecture(nets.LeNet5(), (1, 3, 28, 28)), "input_shape is"),
    ],
)
def test_wrong_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
