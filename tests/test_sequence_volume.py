"""Networks for sounds and volumes: they do not look ahead, and see and find what they are said to."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture5 import data, nets
from lecture5.nets import experiments, recipes, sequence, volume


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (4, 1, 5), (5, 3, 1), (2, 2, 3), (1, 1, 1)])
def test_a_causal_layer_is_a_convolution_of_the_past(kernel, stride, dilation):
    torch.manual_seed(0)
    layer = sequence.CausalConv1d(2, 3, kernel, stride=stride, dilation=dilation)
    x = torch.randn(2, 2, 17)
    y = layer(x)
    assert y.shape == (2, 3, -(-17 // stride))
    weight, bias = layer.weight.detach(), layer.bias.detach()
    for column in range(y.shape[2]):
        expected = bias.expand(2, 3).clone()
        for tap in range(kernel):
            past = column * stride - dilation * (kernel - 1 - tap)
            if past >= 0:
                expected += x[:, :, past] @ weight[:, :, tap].T
        torch.testing.assert_close(y[:, :, column].detach(), expected, atol=1e-5, rtol=1e-5)


def test_a_voice_net_hears_only_the_past():
    model = sequence.VoiceNet(channels=4).eval()
    sound = torch.randn(1, 1, 4000, generator=torch.Generator().manual_seed(0))
    changed = sound.clone()
    changed[..., 2000:] += 1
    with torch.no_grad():
        before, after = model(sound), model(changed)
    frame = 2000 // 64  # its last sample is number 1,984
    torch.testing.assert_close(before[..., : frame + 1], after[..., : frame + 1])
    assert (before[..., frame + 1 :] != after[..., frame + 1 :]).any()


def test_its_receptive_field_is_what_the_gradient_says():
    torch.manual_seed(0)
    model = sequence.VoiceNet(channels=16, dilations=(1, 2)).eval()
    sound = (1000 * torch.randn(1, 1, 4000)).requires_grad_()  # loud, so that no ReLU is shut
    model.scores(sound)[..., 50].sum().backward()
    heard = sound.grad[0, 0].nonzero().flatten()
    assert heard.max() == 50 * 64
    assert heard.max() - heard.min() + 1 == model.receptive_field


def test_loudness_of_a_tone():
    """Twice the pressure is four times the power, for every filter and at every time that hears the tone only."""
    model = sequence.VoiceNet(channels=4)
    tone = torch.sin(torch.arange(2000) * 0.7)[None, None]
    with torch.no_grad():
        softer, louder = (model.loudness(factor * tone)[..., 3:] for factor in (10.0, 20.0))
    torch.testing.assert_close(louder - softer, torch.full_like(softer, np.log(4)), atol=0.02, rtol=0)


def test_voices_found_by_the_shipped_net():
    model, (sounds, labels) = nets.load("voices"), recipes.RECIPES["voices"].data()[2]
    with torch.no_grad():
        scores = model(sounds)
    assert sequence.right_at_the_end(scores, labels).item() == pytest.approx(nets.card("voices").test_score, abs=0.01)
    carlo = labels == data.VOICES.index("Carlo, Italian")
    assert (scores[carlo][:, :, -1].argmax(dim=1) == 3).float().mean() > 0.9


def test_louder_sounds_are_the_same_sounds():
    torch.manual_seed(0)
    sounds = torch.randn(3, 1, 50)
    moved = sequence.moved_and_scaled(sounds)
    spectra = [torch.fft.rfft(part).abs() for part in (sounds, moved)]
    ratio = spectra[1] / spectra[0]
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio), atol=1e-3, rtol=1e-3)
    assert ratio.min() >= 0.25 and ratio.max() <= 4  # noqa: PT018
    assert len(ratio[:, 0, 0].unique()) == 3


SEES = {"voxel": (1, 1, 1), "slice": (1, 7, 7), "three slices": (3, 7, 7), "volume": (7, 7, 7)}


@pytest.mark.parametrize("view", volume.VIEWS)
def test_what_a_unit_sees(view):
    torch.manual_seed(0)
    model = volume.TissueNet(view, channels=3).eval()
    x = torch.randn(1, 1, 9, 9, 9, requires_grad=True)
    y = model(x)
    assert y.shape == (1, 3, 9, 9, 9)
    y[..., 4, 4, 4].sum().backward()
    seen = x.grad[0, 0].nonzero()
    assert tuple((seen.max(dim=0).values - seen.min(dim=0).values + 1).tolist()) <= SEES[view]
    # A ReLU may shut a corner off, but with all of them open the whole block is seen.
    linear = nn.Sequential(*(layer for layer in model.layers if isinstance(layer, nn.Conv3d)))
    x.grad = None
    linear(x)[..., 4, 4, 4].sum().backward()
    seen = x.grad[0, 0].nonzero()
    assert tuple((seen.max(dim=0).values - seen.min(dim=0).values + 1).tolist()) == SEES[view]


def test_an_unknown_view_is_named():
    with pytest.raises(ValueError, match="view is 'cube', but it must be one of 'voxel', 'slice'"):
        volume.TissueNet("cube")


def test_rods_lean_as_their_labels_say():
    volumes, labels = volume.rods(20, slope=0.5, noise=0.0, seed=3)
    columns = torch.arange(16)
    angle = 2 * torch.pi * columns / 16  # the volume goes on at its other side: follow the blob around a circle
    mass = volumes[:, 0].sum(dim=2)
    phase = torch.atan2((mass * angle.sin()).sum(dim=2), (mass * angle.cos()).sum(dim=2))
    steps = (phase.diff(dim=1) + torch.pi).remainder(2 * torch.pi) - torch.pi
    torch.testing.assert_close(steps * 16 / (2 * torch.pi), (labels - 0.5)[:, None].expand_as(steps), atol=0.02, rtol=0)


def test_no_single_slice_of_a_rod_tells_anything():
    """Slices of a kind are as often anywhere: their mean is the same for both labels."""
    volumes, labels = volume.rods(4000, slope=1, noise=0.0, size=8)
    means = [volumes[labels == label, 0].mean(dim=0) for label in (0, 1)]
    assert abs(means[0] - means[1]).max() < 0.05


def test_dice_by_hand():
    targets = torch.tensor([1, 1, 1, 2, 2, 0, volume.OUTSIDE]).reshape(1, 1, 1, 7)
    found = torch.tensor([1, 1, 2, 2, 0, 1, 1])
    outputs = nn.functional.one_hot(found, 3).T.reshape(1, 3, 1, 1, 7).float()
    grey, white = volume.dice_by_tissue(outputs, targets)
    assert grey.item() == pytest.approx(2 * 2 / (3 + 3))
    assert white.item() == pytest.approx(2 * 1 / (2 + 2))
    assert volume.dice(outputs, targets).item() == pytest.approx((4 / 6 + 1 / 2) / 2)


def test_parts_of_the_brain_do_not_overlap():
    training, validation, test = volume.tissue_data(0.0)
    planes = training[0].shape[4] * 2 + validation[0].shape[4] + test[0].shape[4]
    assert planes == data.brain().t1.shape[1]
    assert training[0].shape == (8, 1, 47, 49, 28)
    torch.testing.assert_close(training[0][0, 0], volume.brain_part(0, 56)[0][0, :47, :49, :28])
    torch.testing.assert_close(training[1][7], volume.brain_part(0, 56)[1][47:, 49:, 28:])


def test_results_name_every_view_from_three_seeds():
    tissue, rods = experiments.results("tissue"), experiments.results("rods")
    assert {row["view"] for row in tissue} == set(volume.VIEWS)
    assert {row["seed"] for row in tissue} == {row["seed"] for row in rods} == {"0", "1", "2"}


def test_slices_cannot_tell_rods_apart():
    rows = experiments.results("rods")
    by_view = {
        view: [float(row["right"]) for row in rows if row["view"] == view and row["noise"] == "0.3"]
        for view in volume.VIEWS[1:]
    }
    assert all(abs(score - 0.5) < 0.05 for score in by_view["slice"])
    assert min(by_view["volume"]) > 0.9
