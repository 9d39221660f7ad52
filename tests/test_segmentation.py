"""Networks for the class of each pixel, and the measures by which they are judged."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import lecture5
from lecture5 import data, nets, vision
from lecture5.nets import experiments, segmentation

seeds = st.integers(0, 2**32 - 1)


def test_a_convolutional_head_gives_the_classifiers_scores(one_thread):
    model = nets.load("lenet5-digits")
    everywhere = nets.convolutionalised(model, 16, (5, 5)).eval()
    images = torch.from_numpy(data.digits("test")[0][:40])
    with torch.no_grad():
        torch.testing.assert_close(everywhere(images)[:, :, 0, 0], model(images), rtol=1e-5, atol=1e-5)
    assert sum(p.numel() for p in everywhere.parameters()) == sum(p.numel() for p in model.parameters())


class Small(nn.Module):
    """A classifier without padding, for 11 × 9 pixels: features of 3 × 2 at stride 3, two linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 5, (3, 4)), nn.ReLU(), nn.MaxPool2d(3))
        self.classifier = nn.Sequential(nn.Linear(5 * 3 * 2, 7), nn.Tanh(), nn.Linear(7, 4))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def test_without_padding_each_place_of_the_map_is_the_classifier_on_its_window():
    torch.manual_seed(0)
    model = Small().double()
    everywhere = nets.convolutionalised(model, 5, (3, 2)).double()
    image = torch.randn(1, 2, 11 + 6, 9 + 9, dtype=torch.float64)
    scores = everywhere(image)
    assert scores.shape == (1, 4, 3, 4)
    for i, j in np.ndindex(3, 4):
        window = image[:, :, 3 * i : 3 * i + 11, 3 * j : 3 * j + 9]
        torch.testing.assert_close(scores[:, :, i, j], model(window), rtol=1e-6, atol=1e-6)


def test_a_head_for_other_features_is_refused():
    with pytest.raises(ValueError, match=r"in_channels 16 and size \(4, 5\) make 320 numbers, but .* reads 400"):
        nets.convolutionalised(nets.LeNet5(), 16, (4, 5))


@pytest.mark.parametrize("factor", [2, 4, 6, 16])
def test_the_bilinear_start_interpolates(factor):
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    layer = nets.bilinear_upsampling(3, factor).double()
    expected = nn.functional.interpolate(x, scale_factor=factor, mode="bilinear")
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    assert layer(x).shape == expected.shape
    torch.testing.assert_close(layer(x)[inner], expected[inner])
    assert not torch.allclose(layer(x), expected)  # at the border there is nothing to interpolate with


def test_an_odd_factor_is_refused():
    with pytest.raises(ValueError, match="factor is 3, but it must be even"):
        nets.bilinear_kernel(3)


def test_which_kernels_leave_a_checkerboard():
    for size, stride, even in [(2, 2, True), (3, 2, False), (4, 2, True), (5, 2, False), (3, 3, True), (4, 3, False)]:
        ones = np.ones((1, 1, 6, 6))
        counts = lecture5.conv_transpose2d(ones, np.ones((1, 1, size, size)), stride=stride)[0, 0]
        inside = counts[size:-size, size:-size]
        assert (inside.min() == inside.max()) == even == (size % stride == 0)


@pytest.mark.parametrize("name", segmentation.SCENE_NETS)
def test_scores_for_each_pixel_of_images_of_any_size(name):
    model = segmentation.SCENE_NETS[name]().eval()
    for shape in [(64, 64), (32, 80)]:
        assert model(torch.rand(1, 3, *shape)).shape == (1, 6, *shape)
    assert 85_000 < sum(p.numel() for p in model.parameters()) < 110_000


@pytest.mark.parametrize(("finest", "skips"), [(16, 0), (8, 1), (4, 2)])
def test_fcn_has_as_many_skips_as_it_says(finest, skips):
    model = nets.FCN(6, finest=finest)
    assert len(model.skips) == skips
    assert model.enlarge.stride == (finest, finest)
    for layer in model.skips:  # each skip changes the result
        before = model.eval()(torch.ones(1, 3, 32, 32))
        layer.bias.data += 1
        assert not torch.allclose(model(torch.ones(1, 3, 32, 32)), before)


def test_fcn_has_no_other_grid():
    with pytest.raises(ValueError, match="finest is 32, but it must be 4, 8 or 16"):
        nets.FCN(6, finest=32)


def test_unet_uses_what_the_encoder_saw_at_each_size():
    model = nets.UNet(2, widths=(4, 6, 8)).eval()
    x = torch.rand(1, 3, 16, 16)
    before = model(x)
    for merge, width in zip(model.up, (6, 4), strict=True):
        kernel = merge[0].weight
        assert kernel.shape[:2] == (width, 2 * width)
        kept = kernel.detach().clone()
        kernel.data[:, :width] = 0  # blind for what the encoder saw at this size
        assert not torch.allclose(model(x), before)
        kernel.data.copy_(kept)


def test_context_module_is_the_identity_at_first_and_sees_as_the_table_says():
    module = nets.ContextModule(2)
    x = torch.rand(1, 2, 9, 11)
    torch.testing.assert_close(module(x), x)
    for parameter in module.parameters():
        parameter.data.uniform_(0.1, 0.2)
    x = torch.rand(1, 2, 81, 81, requires_grad=True)
    module(x)[0, 0, 40, 40].backward()
    seen = (x.grad[0] != 0).any(dim=0).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [67, 67]


def test_the_dilated_net_sees_more_than_its_twin_for_the_same_weights():
    dilated, plain = (segmentation.SCENE_NETS[name]() for name in ("dilated", "undilated"))
    assert [p.shape for p in dilated.parameters()] == [p.shape for p in plain.parameters()]
    costs = [lecture5.layer_costs(model, (1, 3, 64, 64)).multiply_adds for model in (dilated, plain)]
    assert costs[0] == costs[1]
    widest = []
    for model in (dilated, plain):
        model.eval()
        for parameter in model.context.parameters():
            parameter.data.abs_()  # so that no unit is dead and no path cancels another
        x = torch.rand(1, 38, 61, 61, requires_grad=True)
        model.context(x)[0, 0, 30, 30].backward()
        seen = (x.grad[0] != 0).any(dim=0).nonzero()
        widest.append((seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist())
    assert widest == [[35, 35], [13, 13]]


def test_shipped_results_are_those_of_the_shipped_networks(one_thread, tmp_path, monkeypatch):
    """Seed 0 ships, and is measured again by the experiment itself."""
    rows = experiments.results("scenes")
    assert {row["network"] for row in rows} == set(segmentation.SCENE_NETS)
    monkeypatch.setattr(experiments, "trained", lambda name, *_: nets.load(name))
    for again in experiments.scenes(tmp_path):
        row = next(row for row in rows if row["seed"] == "0" and row["network"] == again["network"])
        for measure in ("mean_iou", "boundary_iou"):
            assert again[measure] == pytest.approx(float(row[measure]), abs=0.002)


def test_what_chapter_12_reads_from_the_trainings():
    rows = experiments.results("scenes")
    seeds_there = {row["seed"] for row in rows}
    assert len(seeds_there) == 2
    score = {(row["network"], row["seed"]): (float(row["mean_iou"]), float(row["boundary_iou"])) for row in rows}
    for seed in seeds_there:
        for measure in (0, 1):
            coarse, middle, fine = (score[name, seed][measure] for name in ("fcn16", "fcn8", "fcn4"))
            assert coarse < middle < fine
            assert score["undilated", seed][measure] > score["dilated", seed][measure]
    apart = {name: abs(score[name, "0"][0] - score[name, "1"][0]) for name in segmentation.SCENE_NETS}
    assert max(apart, key=apart.get) == "unet"
    assert all(0.33 < edge / area < 0.61 for area, edge in score.values())
    # Of the outer taps of a kernel with dilation 8, along one axis of 16 cells, each sees the map at half of the cells.
    taps_that_see = np.mean([sum(0 <= cell + tap < 16 for tap in (-8, 0, 8)) for cell in range(16)])
    assert 9 - taps_that_see**2 == 5


@given(st.integers(2, 5), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), seeds)
@settings(max_examples=40)
def test_confusion_and_iou_by_counting(num_classes, images, height, width, seed):
    rng = np.random.default_rng(seed)
    predicted, true = rng.integers(num_classes, size=(2, images, height, width))
    confusion = vision.confusion_matrix(predicted, true, num_classes)
    for t, p in np.ndindex(num_classes, num_classes):
        assert confusion[t, p] == ((true == t) & (predicted == p)).sum()
    ious = vision.class_iou(confusion)
    for k in range(num_classes):
        union = ((true == k) | (predicted == k)).sum()
        if union == 0:
            assert np.isnan(ious[k])
        else:
            assert ious[k] == pytest.approx(((true == k) & (predicted == k)).sum() / union)
    assert vision.mean_iou(predicted, true, num_classes) == pytest.approx(np.nanmean(ious))


def test_mean_iou_by_hand():
    true = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 2]])
    guess = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    # background: 7 are, 8 were said, 6 both: 6/9. class 1: 4, 4, 2: 2/6. class 2: 1, 0, 0. class 3: nowhere.
    assert vision.class_iou(vision.confusion_matrix(guess, true, 4))[:3] == pytest.approx([6 / 9, 2 / 6, 0])
    assert vision.mean_iou(guess, true, 4) == pytest.approx((6 / 9 + 2 / 6) / 3)


def test_boundary_by_hand():
    mask = np.zeros((7, 9), dtype=bool)
    mask[1:6, 2:8] = True
    assert vision.boundary(mask, 1).sum() == 30 - 12
    assert vision.boundary(mask, 2).sum() == 30 - 2
    assert vision.boundary(mask, 3).sum() == 30
    assert not vision.boundary(mask, 1)[2:5, 3:7].any()


def test_boundary_iou_by_hand():
    true = np.zeros((1, 9, 9), int)
    true[0, 2:7, 2:7] = 1  # 25 pixels, 16 of them on the edge
    smaller = np.zeros_like(true)
    smaller[0, 3:6, 3:6] = 1  # 9 pixels, 8 of them on the edge: no pixel of one edge is on the other
    assert vision.boundary_iou(smaller, true, 2, distance=1) == 0
    assert vision.boundary_iou(smaller, true, 2, distance=2) == pytest.approx(8 / 25)
    assert vision.mean_iou(smaller, true, 2) == pytest.approx((9 / 25 + 56 / 72) / 2)
    assert vision.boundary_iou(true, true, 3) == 1
    assert np.isnan(vision.boundary_iou(0 * true, 0 * true, 3))


def test_the_same_miss_at_the_edge_counts_less_for_mean_iou_the_larger_the_thing():
    measures = []
    for side in (8, 40):
        true = np.zeros((1, side + 20, side + 30), int)
        true[0, 10 : 10 + side, 12 : 12 + side] = 1
        moved = np.roll(true, 1, axis=2)
        measures.append((vision.mean_iou(moved, true, 2), vision.boundary_iou(moved, true, 2)))
    (small, small_edge), (large, large_edge) = measures
    assert large - small > 0.05
    assert abs(large_edge - small_edge) < 0.1
    assert large_edge < large


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vision.confusion_matrix([0, 1], [0], 2), ValueError, r"predicted has shape \(2,\), but true has"),
        (lambda: vision.confusion_matrix([0, 2], [0, 1], 2), ValueError, "predicted holds classes from 0 to 2"),
        (lambda: vision.mean_iou([0.5], [0], 2), TypeError, "predicted has dtype float64.*argmax"),
        (lambda: vision.class_iou([[1, 2]]), ValueError, r"confusion has shape \(1, 2\)"),
        (lambda: vision.boundary(np.ones((2, 3)), 0), ValueError, "distance"),
        (lambda: vision.boundary([1, 2]), ValueError, r"mask has shape \(2,\)"),
        (lambda: vision.boundary_iou(np.zeros((4, 4), int), np.zeros((4, 4), int), 2), ValueError, r"\(N, H, W\)"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


class TestScenes:
    def test_the_first_scenes_are_the_same_whatever_the_number(self):
        few, more = data.scenes("validation", 3), data.scenes("validation", 5)
        np.testing.assert_array_equal(few.images, more.images[:3])
        np.testing.assert_array_equal(few.masks, more.masks[:3])

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_boxes_and_masks_agree(self, part):
        drawn = data.scenes(part, 20)
        assert 0 <= drawn.images.min() < drawn.images.max() <= 1
        for mask, boxes, labels in zip(drawn.masks, drawn.boxes, drawn.labels, strict=True):
            covered = np.zeros_like(mask, dtype=bool)
            for (x1, y1, x2, y2), label in zip(boxes.astype(int), labels, strict=True):
                inside = mask[y1:y2, x1:x2] == label
                assert inside.any(axis=0).all() or len(labels) > 1
                assert inside[0].any()
                assert inside[-1].any()
                assert inside[:, 0].any()
                assert inside[:, -1].any()
                covered[y1:y2, x1:x2] = True
            assert not mask[~covered].any()
            assert 1 <= len(boxes) <= 3

    def test_parts_differ(self):
        images = [data.scenes(part, 1).images for part in ("train", "validation", "test")]
        assert not np.allclose(images[0], images[1])
        assert not np.allclose(images[1], images[2])
        with pytest.raises(ValueError, match="part is 'all'"):
            data.scenes("all", 1)
