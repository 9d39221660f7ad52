"""What the lecture says about padding, sizes, dilation and pooling, as chapters 3 and 5 show it."""

import numpy as np
import pytest
import torch

import lecture5
from lecture5 import data, nets
from lecture5.padding import PADDING_MODES


@pytest.mark.parametrize(("size", "padding", "out"), [(227, 0, 55), (224, 0, 54), (224, 2, 55), (227, 2, 56)])
def test_only_two_of_four_settings_lead_to_55(size, padding, out):
    layer = torch.nn.Conv2d(3, 96, 11, stride=4, padding=padding)
    assert layer(torch.zeros(1, 3, size, size)).shape == (1, 96, out, out)
    assert lecture5.conv_output_size(size, 11, stride=4, padding=padding) == out
    assert sum(p.numel() for p in layer.parameters()) == 34_944


def test_the_floor_drops_data_in_silence():
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(1, 1, 8, 11)), rng.normal(size=(1, 1, 3, 3))
    for row, changes in [(7, False), (6, True)]:  # 8 rows, stride 2: the last window ends at row 6
        spoiled = image.copy()
        spoiled[:, :, row] += 1
        same = np.array_equal(lecture5.conv2d(image, kernel, stride=2), lecture5.conv2d(spoiled, kernel, stride=2))
        assert same != changes


def test_a_normal_convolution_has_dilation_1():
    x, w = np.arange(7)[None, None] ** 2, np.array([[[1, 2, -1]]])
    np.testing.assert_array_equal(lecture5.conv1d(x, w, dilation=1), lecture5.conv1d(x, w))
    # With 0 in the lecture's formula all weights lie on one cell: nothing is lost at the border, as with a kernel of 1.
    assert (7 - 0 * (3 - 1) - 1) // 1 + 1 == 7 == lecture5.conv_output_size(7, 1)
    for conv in (
        lecture5.conv1d,
        lambda x, w, dilation: torch.conv1d(torch.tensor(x), torch.tensor(w), dilation=dilation),
    ):
        with pytest.raises((ValueError, RuntimeError), match="dilation"):
            conv(x, w, dilation=0)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_only_zeros_tell_places_of_a_blank_page_apart(mode):
    rng, page = np.random.default_rng(0), np.ones((1, 1, 20, 20))
    for depth in range(1, 4):
        w = rng.normal(size=(8, page.shape[1], 3, 3))
        page = np.maximum(lecture5.conv2d(page, w, padding=1, padding_mode=mode), 0)
        kinds = len(np.unique(page[0].reshape(8, -1).T.round(9), axis=0))
        assert kinds == ((2 * depth + 1) ** 2 if mode == "zeros" else 1)


def test_larger_pooling_windows_react_less_to_a_small_shift():
    image = data.photograph("coffee")[None, None, 4:196, 6:294]
    sobel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = np.stack([sobel, -sobel, sobel.T, -sobel.T])[:, None]

    def change(window):
        before, after = (
            lecture5.max_pool2d(np.maximum(lecture5.conv2d(x, kernels, padding=1, padding_mode="circular"), 0), window)
            for x in (image, np.roll(image, 1, axis=3))
        )
        return np.linalg.norm(after - before) / np.linalg.norm(before)

    none, two, four, eight = (change(window) for window in (1, 2, 4, 8))
    assert 0.6 < two / none < 0.8
    assert 0.4 < four / none < 0.6
    assert 0.25 < eight / none < 0.4


def test_each_pooling_of_lenet_takes_a_fifth_or_more_off_the_change():
    network = nets.load("lenet5-digits").eval()
    before = torch.tensor(data.digits("test")[0][:200])
    after, changes = before.roll(1, dims=3), []
    with torch.no_grad():
        for layer in network.features:
            before, after = layer(before), layer(after)
            changes.append(((after - before).norm() / before.norm()).item())
    for pooling in (2, 5):
        assert changes[pooling] < 0.8 * changes[pooling - 1]


def test_halved_maps_pay_for_doubled_channels():
    def costs(pooling):
        layers = []
        for channels in (64, 128, 256, 512):
            layers.append({"kind": "conv", "out_channels": channels, "kernel_size": 3, "padding": 1})
            layers += [{"kind": "max_pool", "kernel_size": 2}] * pooling
        rows = lecture5.layer_costs(layers, (1, 3, 224, 224))
        return [row.multiply_adds for row in rows if row.kind == "conv"]

    assert costs(pooling=1)[1:] == [924_844_032] * 3
    without = costs(pooling=0)
    assert without[3] / without[2] == without[2] / without[1] == 4
