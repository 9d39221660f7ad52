"""What layers cost: the lecture's numbers, torch's own counts, and descriptions against modules."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lecture5 import layer_costs

ALEXNET = [
    {"kind": "conv", "out_channels": 64, "kernel_size": 11, "stride": 4, "padding": 2},
    {"kind": "relu"},
    {"kind": "max_pool", "kernel_size": 3, "stride": 2},
    {"kind": "conv", "out_channels": 192, "kernel_size": 5, "padding": 2},
    {"kind": "relu"},
    {"kind": "max_pool", "kernel_size": 3, "stride": 2},
    {"kind": "conv", "out_channels": 384, "kernel_size": 3, "padding": 1},
    {"kind": "relu"},
    {"kind": "conv", "out_channels": 256, "kernel_size": 3, "padding": 1},
    {"kind": "relu"},
    {"kind": "conv", "out_channels": 256, "kernel_size": 3, "padding": 1},
    {"kind": "relu"},
    {"kind": "max_pool", "kernel_size": 3, "stride": 2},
    {"kind": "adaptive_avg_pool", "output_size": 6},
    {"kind": "flatten"},
    {"kind": "dropout"},
    {"kind": "linear", "out_features": 4096},
    {"kind": "relu"},
    {"kind": "dropout"},
    {"kind": "linear", "out_features": 4096},
    {"kind": "relu"},
    {"kind": "linear", "out_features": 1000},
]


def alexnet():
    """The slide's network, typed in again."""
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.AdaptiveAvgPool2d(6), nn.Flatten()),
        *(nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)),
    )


def test_alexnet():
    with torch.device("meta"):  # Sizes alone: no memory for 61 million numbers, and nothing is computed.
        model = alexnet()
    measured, described = layer_costs(model, (2, 3, 224, 224)), layer_costs(ALEXNET, (2, 3, 224, 224))
    assert measured.parameters == 61_100_840 == sum(weight.numel() for weight in model.parameters())
    assert measured.multiply_adds == 2 * 714_188_480
    assert measured.parameter_bytes == 4 * 61_100_840
    assert measured[0][2:] == (
        (2, 64, 55, 55),
        23_296,
        2 * 64 * 55 * 55 * 3 * 11 * 11,
        4 * 23_296,
        4 * 2 * 64 * 55 * 55,
    )
    assert [row[2:] for row in measured] == [row[2:] for row in described]


def test_the_lecture_first_layer():
    costs = layer_costs([{"kind": "conv", "out_channels": 96, "kernel_size": 11, "stride": 4}], (1, 3, 227, 227))
    assert costs[0].output_shape == (1, 96, 55, 55)
    assert costs.parameters == 34_944


def test_the_lecture_efficiency_table():
    image, conv = (1, 1, 280, 320), {"kind": "conv", "out_channels": 1, "kernel_size": (1, 2), "bias": False}
    [row] = layer_costs([conv], image)
    assert (row.parameters, row.output_shape, row.multiply_adds) == (2, (1, 1, 280, 319), 178_640)
    dense = layer_costs([{"kind": "flatten"}, {"kind": "linear", "out_features": 280 * 319, "bias": False}], image)
    assert dense.parameters == dense.multiply_adds == 8_003_072_000


NETWORKS = {
    "1-D": (
        nn.Sequential(nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False), nn.BatchNorm1d(6)),
        (3, 4, 17),
        [
            *[{"kind": "conv", "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}],
            {"kind": "batch_norm"},
        ],
        {"groups": 2, "bias": False},
    ),
    "2-D": (
        nn.Sequential(
            nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0)), nn.AvgPool2d((2, 3), padding=1), nn.AdaptiveAvgPool2d((2, 1))
        ),
        (2, 2, 9, 10),
        [
            {"kind": "conv", "out_channels": 3, "kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)},
            {"kind": "avg_pool", "kernel_size": (2, 3), "padding": 1},
            {"kind": "adaptive_avg_pool", "output_size": (2, 1)},
        ],
        {},
    ),
    "transposed": (
        nn.Sequential(nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, dilation=2)),
        (2, 4, 5, 6),
        [{"kind": "conv_transpose", "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2}],
        {"output_padding": 1},
    ),
    "transposed, without bias": (
        nn.Sequential(nn.ConvTranspose1d(4, 6, 3, groups=2, bias=False)),
        (2, 4, 5),
        [{"kind": "conv_transpose", "out_channels": 6, "kernel_size": 3, "groups": 2}],
        {"bias": False},
    ),
    "3-D": (
        nn.Sequential(
            nn.Conv3d(1, 2, (1, 2, 3)), nn.MaxPool3d(2, dilation=2), nn.Dropout(), nn.ReLU(), nn.Linear(3, 5)
        ),
        (2, 1, 6, 7, 10),
        [
            {"kind": "conv", "out_channels": 2, "kernel_size": (1, 2, 3)},
            {"kind": "max_pool", "kernel_size": 2, "dilation": 2},
            {"kind": "dropout"},
            {"kind": "relu"},
            {"kind": "linear", "out_features": 5},
        ],
        {},
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_torch_and_with_the_description(name):
    model, input_shape, layers, more = NETWORKS[name]
    layers = [{**layers[0], **more}, *layers[1:]]
    costs = layer_costs(model, input_shape)
    assert [row[2:] for row in layer_costs(layers, input_shape)] == [row[2:] for row in costs]
    assert costs.parameters == sum(weight.numel() for weight in model.parameters())
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(input_shape))
    assert 2 * costs.multiply_adds == counter.get_total_flops()


class Shared(nn.Module):
    """One layer used twice, one that is never used, a parameter of the module's own, and two results."""

    def __init__(self):
        super().__init__()
        self.layer, self.unused = nn.Conv2d(2, 2, 3, padding=1), nn.Linear(9, 9)
        self.scale = nn.Parameter(torch.ones(5))

    def forward(self, x):
        x = self.layer(self.layer(x))
        return x, self.scale


def test_a_shared_layer_learns_once_and_works_twice():
    costs = layer_costs(Shared(), (1, 2, 4, 4))
    assert [row.name for row in costs] == ["layer", "layer", "model"]
    assert [row.parameters for row in costs] == [38, 0, 5]
    assert [row.multiply_adds for row in costs] == [2 * 4 * 4 * 2 * 9] * 2 + [0]
    assert costs[2].output_bytes == 4 * (2 * 4 * 4 + 5)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Dropout()).double()
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    costs = layer_costs(model, (4, 1, 9))
    assert costs[0].parameter_bytes == 8 * 8
    assert [module.training for module in model] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(ValueError, match="input_shape is"):
        layer_costs(model, (4, 3, 9))
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training


def test_a_single_layer():
    assert layer_costs(nn.Linear(3, 4), (2, 3)).multiply_adds == 24


def test_text_and_html():
    layers = [{"kind": "conv", "out_channels": 1000, "kernel_size": 3}, {"kind": "relu"}]
    costs = layer_costs(layers, (1, 1, 4, 3))
    assert repr(costs).splitlines() == [
        "layer  kind  output      parameters  multiply-adds  parameter bytes  output bytes",
        "0      conv  1×1000×2×1      10,000         18,000           40,000         8,000",
        "1      relu  1×1000×2×1           0              0                0         8,000",
        "total                        10,000         18,000           40,000        16,000",
    ]
    html = costs._repr_html_()
    assert html.count("<tr>") == 4
    assert "<td>10,000</td>" in html
    html = layer_costs(nn.Sequential(OrderedDict({"<b>": nn.ReLU()})), (1, 2))._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("layers", "shape", "error", "message"),
    [
        ([{"kind": "conv", "out_channels": 2, "kernel_size": 5}], (1, 1, 4), ValueError, r"layers\[0\], conv.*spans 5"),
        ([{"kind": "conv", "kernel_size": 3}], (1, 1, 4), TypeError, "out_channels"),
        ([{"kind": "conv", "out_channels": 2, "kernel_size": 3, "strides": 2}], (1, 1, 4), TypeError, "strides"),
        ([{"kind": "conv", "out_channels": 2, "kernel_size": 3, "stride": 0}], (1, 1, 4), ValueError, "stride is 0"),
        ([{"kind": "conv", "out_channels": 3, "kernel_size": 1, "groups": 2}], (1, 2, 4), ValueError, "groups is 2"),
        ([{"kind": "relu"}, {"kind": "convolution"}], (1, 1, 4), ValueError, r"kind of layers\[1\] is 'convolution'"),
        ([{"out_channels": 2}], (1, 1, 4), ValueError, r"kind of layers\[0\] is None"),
        (["relu"], (1, 1, 4), TypeError, r"layers\[0\] is 'relu'"),
        ([{"kind": "linear", "out_features": 0}], (1, 4), ValueError, "out_features is 0"),
        ([], 5, ValueError, "input_shape is 5"),
        ([], (1, float("nan")), TypeError, "input_shape is nan"),
        ("alexnet", (1, 3, 224, 224), TypeError, "model_or_layers is a str"),
    ],
)
def test_errors_name_the_layer_and_the_argument(layers, shape, error, message):
    with pytest.raises(error, match=message):
        layer_costs(layers, shape)
