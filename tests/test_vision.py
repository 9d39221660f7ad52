"""Boxes, average precision, region proposals and R-CNN's stages."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lecture5 import data, nets, vision

seeds = st.integers(0, 2**32 - 1)


def whole_boxes(rng, number, size=16):
    corners = rng.integers(0, size - 5, size=(number, 2))
    return np.hstack([corners, corners + rng.integers(1, 6, size=(number, 2))]).astype(float)


def cells(box):
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return set(itertools.product(range(x1, x2), range(y1, y2)))


class TestBoxes:
    @given(st.integers(1, 6), st.integers(1, 6), seeds)
    @settings(max_examples=40)
    def test_iou_is_what_one_counts(self, number, other, seed):
        rng = np.random.default_rng(seed)
        first, second = whole_boxes(rng, number), whole_boxes(rng, other)
        overlaps = vision.box_iou(first, second)
        assert overlaps.shape == (number, other)
        for i, j in np.ndindex(number, other):
            a, b = cells(first[i]), cells(second[j])
            assert overlaps[i, j] == pytest.approx(len(a & b) / len(a | b))
        assert vision.box_area(first) == pytest.approx([len(cells(box)) for box in first])

    def test_iou_by_hand(self):
        overlaps = vision.box_iou([[0, 0, 10, 6]], [[5, 3, 15, 9], [10, 0, 12, 6], [20, 20, 22, 21], [0, 0, 10, 6]])
        assert overlaps[0] == pytest.approx([15 / 105, 0, 0, 1])
        assert vision.box_iou([[1, 1, 1, 1]], [[1, 1, 1, 1]]).tolist() == [[0.0]]  # nothing over nothing
        assert vision.box_iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)

    @given(st.integers(1, 12), st.floats(0.05, 0.95), seeds)
    @settings(max_examples=60)
    def test_nms_by_its_properties(self, number, threshold, seed):
        rng = np.random.default_rng(seed)
        boxes, scores = whole_boxes(rng, number, 12), rng.permutation(number) / 2
        kept = vision.nms(boxes, scores, threshold).tolist()
        overlaps = vision.box_iou(boxes, boxes)
        assert scores[kept].tolist() == sorted(scores[kept], reverse=True)
        for i, j in itertools.combinations(kept, 2):
            assert overlaps[i, j] <= threshold
        for i in set(range(number)) - set(kept):  # who was dropped was dropped by somebody surer who was kept
            assert any(scores[j] > scores[i] and overlaps[i, j] > threshold for j in kept)

    def test_nms_by_hand(self):
        row = [[0, 0, 10, 10], [2.5, 0, 12.5, 10], [5, 0, 15, 10]]
        assert vision.nms(row, [0.9, 0.8, 0.7], 0.5).tolist() == [0, 2]  # 1 is dropped and drops nobody
        assert vision.nms(row, [0.8, 0.9, 0.7], 0.5).tolist() == [1]
        assert vision.nms([[0, 0, 4, 4], [0, 0, 2, 4]], [1, 2], 0.5).tolist() == [1, 0]  # an overlap of just 0.5
        assert vision.nms([[0, 0, 4, 4], [0, 0, 2, 4]], [1, 2], 0.49).tolist() == [1]
        assert vision.nms(np.zeros((0, 4)), [], 0.5).tolist() == []

    @given(st.integers(1, 5), seeds)
    @settings(max_examples=30)
    def test_decoding_undoes_encoding(self, number, seed):
        rng = np.random.default_rng(seed)
        proposals, targets = whole_boxes(rng, number), whole_boxes(rng, number) - 2.5
        changes = vision.encode_boxes(proposals, targets)
        np.testing.assert_allclose(vision.decode_boxes(proposals, changes), targets, atol=1e-9)

    def test_targets_by_hand_and_free_of_scale(self):
        assert vision.encode_boxes([[15, 20, 25, 40]], [[15, 25, 35, 35]]) == pytest.approx(
            np.array([[0.5, 0, np.log(2), -np.log(2)]])
        )
        small, large = np.array([[1.0, 2, 5, 4]]), np.array([[2.0, 2, 5, 6]])
        np.testing.assert_allclose(vision.encode_boxes(small, large), vision.encode_boxes(7 * small, 7 * large))

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: vision.box_iou([[0, 0, 1]], [[0, 0, 1, 1]]), r"first has shape \(1, 3\), but it must be \(N, 4\)"),
            (lambda: vision.box_area([[0, 0, 1, 1], [3, 0, 1, 1]]), r"boxes\[1\] is \[3.0, 0.0, 1.0, 1.0\]"),
            (lambda: vision.nms([[0, 0, 1, 1]], [1, 2], 0.5), r"scores has shape \(2,\), but there are 1 boxes"),
            (lambda: vision.encode_boxes([[0, 0, 1, 1]], np.zeros((2, 4))), "1 proposals, but 2 targets"),
            (lambda: vision.encode_boxes([[0, 0, 0, 1]], [[0, 0, 1, 1]]), "width or height 0"),
            (lambda: vision.decode_boxes([[0, 0, 1, 1]], [[0, 0, 1]]), r"changes has shape \(1, 3\)"),
            (lambda: vision.precision_recall([1, 2], [1], 3), r"scores has shape \(2,\) and right \(1,\)"),
            (lambda: vision.average_precision([1], [1], 1, points=10), "points is 10"),
            (
                lambda: vision.graph_segmentation(np.zeros((4, 4))),
                r"image has shape \(4, 4\), but it must be \(C, H, W\)",
            ),
            (lambda: vision.graph_segmentation(np.zeros((1, 4, 4)), scale=-1), "scale is -1"),
            (lambda: vision.grouping(np.zeros((1, 2, 2)), [[0, 2], [2, 2]]), "numbered 0, 1, 2"),
            (lambda: vision.grouping(np.zeros((1, 2, 2)), [[0, 1]]), r"regions has shape \(1, 2\)"),
            (lambda: vision.warp(np.zeros((3, 8, 8)), [[0, 0, 1, 1]], size=8, context=4), "context is 4 on each side"),
            (lambda: vision.roi_pool(torch.zeros(4, 4), [[0, 0, 1, 1]], 2, 1), r"features has shape \(4, 4\)"),
            (lambda: vision.label_proposals([[0, 0, 1, 1]], np.zeros((0, 4)), []), "at least one"),
            (lambda: vision.Ridge(torch.zeros(3, 2), torch.zeros(2, 1), 1.0), r"features has shape \(3, 2\)"),
        ],
    )
    def test_wrong_arguments_are_named(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


class TestAveragePrecision:
    def test_by_hand(self):
        # right, wrong, right, wrong, right; four things: precision 1, 1/2, 2/3, 2/4, 3/5 at recalls 1/4, .., 3/4.
        scores, right = [0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1]
        assert vision.average_precision(scores, right, 4) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
        # Recalls 0, .1, .2 are reached with precision 1; .3, .4, .5 with 2/3; .6, .7 with 3/5; the rest never.
        eleven = vision.average_precision(scores, right, 4, points=11)
        assert eleven == pytest.approx((3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11)

    def test_the_curve_is_made_to_fall(self):
        assert vision.average_precision([3, 2, 1], [0, 1, 1], 2) == pytest.approx(2 / 3)
        assert vision.average_precision([3, 2, 1], [0, 1, 1], 2, points=11) == pytest.approx(2 / 3)

    def test_order_counts_and_scale_does_not(self):
        right = [1, 0, 1, 1, 0, 0]
        first = vision.average_precision([6, 5, 4, 3, 2, 1], right, 5)
        assert vision.average_precision([600, 50, 4, 3, 2, -1], right, 5) == first
        assert vision.average_precision([1, 2, 3, 4, 5, 6], right, 5) < first

    def test_ends(self):
        for points in ("all", 11):
            assert vision.average_precision([2, 1], [1, 1], 2, points) == pytest.approx(1)
            assert vision.average_precision([2, 1], [0, 0], 2, points) == 0
            assert vision.average_precision([], [], 2, points) == 0

    def test_a_recall_that_is_a_tenth_but_for_rounding_is_reached(self):
        assert 3 / 10 < 3 * 0.1
        expected = (4 * 1) / 11  # recalls 0, .1, .2, .3
        assert vision.average_precision([3, 2, 1], [1, 1, 1], 10, points=11) == pytest.approx(expected)

    @given(st.integers(1, 15), st.integers(0, 4), seeds)
    @settings(max_examples=50)
    def test_the_area_by_fine_sampling(self, number, missed, seed):
        rng = np.random.default_rng(seed)
        scores, right = rng.permutation(number), rng.integers(0, 2, size=number)
        num_objects = max(1, int(right.sum()) + missed)
        precision, recall = vision.precision_recall(scores, right, num_objects)
        levels = (np.arange(1000 * num_objects) + 0.5) / (1000 * num_objects)
        heights = [precision[recall >= level].max(initial=0) for level in levels[::500]]
        assert vision.average_precision(scores, right, num_objects) == pytest.approx(np.mean(heights))

    def test_each_thing_is_found_once_and_the_surest_chooses_first(self):
        things = [[0, 0, 10, 10], [20, 0, 26, 10]]
        boxes = [[0, 0, 10, 9], [1, 0, 10, 10], [20, 0, 26, 5], [21, 0, 22, 3], [0, 0, 10, 8]]
        assert vision.match(boxes, [0.5, 0.6, 0.7, 0.8, 0.9], things).tolist() == [False, False, True, False, True]
        assert vision.match(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], things).tolist() == [True, False, True, False, False]
        assert not vision.match(boxes, np.ones(5), np.zeros((0, 4))).any()

    def test_there_is_no_second_choice(self):
        things = [[0, 0, 10, 10], [4, 0, 14, 10]]  # the second box overlaps both by a half or more
        boxes = [[0, 0, 10, 10], [1, 0, 11, 10]]
        assert (vision.box_iou(boxes[1:], things) >= 0.5).all()
        assert vision.match(boxes, [0.9, 0.8], things).tolist() == [True, False]

    def test_over_images_and_classes(self):
        first = vision.Detections(np.array([[0, 0, 4, 4], [8, 8, 9, 9.0]]), np.array([0.9, 0.95]), np.array([1, 1]))
        second = vision.Detections(np.array([[2, 2, 6, 6.0]]), np.array([0.5]), np.array([1]))
        boxes = [np.array([[0, 0, 4, 4.0]]), np.array([[2, 2, 6, 6], [0, 0, 1, 1.0]])]
        result = vision.mean_average_precision([first, second], boxes, [np.array([1]), np.array([1, 2])])
        assert result == pytest.approx({1: 2 / 3, 2: 0.0})  # in order: wrong, right, right
        with pytest.raises(ValueError, match="1 detections, 2 boxes"):
            vision.mean_average_precision([first], boxes, [np.array([1]), np.array([1, 2])])


class TestProposals:
    def test_segmentation_by_hand(self):
        """A row: 0 0 0 5 5 9. Edges: 0 inside the two flats, then 4, then 5; thresholds: heaviest inside + k / size."""
        row = np.array([0, 0, 0, 5, 5, 9.0]).reshape(1, 1, 6)
        options = {"sigma": 0, "min_size": 1}
        assert vision.graph_segmentation(row, scale=3.9, **options).tolist() == [[0, 0, 0, 1, 1, 2]]
        # 4 joins 5 5 and 9 if 4 <= min(scale / 2, scale / 1): from 8 on. Then 5 against min(scale / 3, 4 + scale / 3).
        assert vision.graph_segmentation(row, scale=8, **options).tolist() == [[0, 0, 0, 1, 1, 1]]
        assert vision.graph_segmentation(row, scale=14.9, **options).tolist() == [[0, 0, 0, 1, 1, 1]]
        assert vision.graph_segmentation(row, scale=15, **options).tolist() == [[0, 0, 0, 0, 0, 0]]

    def test_small_regions_join_across_their_lightest_edge(self):
        row = np.array([0, 0, 0, 4, 9, 9.0]).reshape(1, 1, 6)
        assert vision.graph_segmentation(row, scale=0, sigma=0, min_size=1).tolist() == [[0, 0, 0, 1, 2, 2]]
        assert vision.graph_segmentation(row, scale=0, sigma=0, min_size=2).tolist() == [[0, 0, 0, 0, 1, 1]]

    def test_diagonal_neighbours_and_the_colour_distance(self):
        corner = np.array([[1, 0], [0, 1.0]])
        assert vision.graph_segmentation(corner[None], scale=0, sigma=0, min_size=1).tolist() == [[0, 1], [1, 0]]
        colours = np.zeros((3, 1, 2))
        colours[:, 0, 1] = 2, 3, 6  # a distance of 7
        assert vision.graph_segmentation(colours, scale=6.9, sigma=0, min_size=1).max() == 1
        assert vision.graph_segmentation(colours, scale=7, sigma=0, min_size=1).max() == 0

    @given(st.integers(2, 7), st.integers(2, 9), seeds)
    @settings(max_examples=20)
    def test_grouping_boxes_are_those_of_a_tree_of_regions(self, height, width, seed):
        rng = np.random.default_rng(seed)
        image = rng.random((3, height, width))
        regions = vision.graph_segmentation(image, scale=0.3, sigma=0, min_size=2)
        number = regions.max() + 1
        boxes = vision.grouping(image, regions)
        assert len(boxes) == 2 * number - 1
        assert boxes[-1].tolist() == [0, 0, width, height]
        for label, box in enumerate(boxes[:number]):
            rows, columns = np.nonzero(regions == label)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]

    def test_alike_neighbours_join_first(self):
        image = np.zeros((1, 2, 6))
        image[:, :, 2:4], image[:, :, 4:] = 0.9, 0.95  # 0 | 0.9 | 0.95, the last two in one bin of the histogram
        boxes = vision.grouping(image, [[0, 0, 1, 1, 2, 2]] * 2)
        assert boxes[3].tolist() == [2, 0, 6, 2]

    def test_proposals_find_most_things_and_beat_windows(self):
        drawn = data.scenes("validation", 12)
        proposed = [vision.region_proposals(image) for image in drawn.images]
        windows = vision.sliding_windows(64, 64, [(22, 22), (30, 30), (20, 34), (34, 20)], 6)
        assert len(windows) > 1.5 * np.mean([len(boxes) for boxes in proposed])
        pairs = list(zip(drawn.boxes, proposed, strict=True))
        found = np.concatenate([vision.box_iou(true, boxes).max(axis=1) for true, boxes in pairs])
        by_windows = np.concatenate([vision.box_iou(true, windows).max(axis=1) for true, _ in pairs])
        assert (found >= 0.7).mean() > 0.7 > (by_windows >= 0.7).mean()
        for boxes in proposed:
            assert len(np.unique(boxes, axis=0)) == len(boxes)
            assert (boxes[:, 2:] - boxes[:, :2] >= 10).all()

    def test_all_boxes_of_a_scene(self):
        """What chapter 11 says: more than four million. An axis with 65 edges has 65 · 64 / 2 pairs of them."""
        pairs = sum(1 for _ in itertools.combinations(range(65), 2))
        assert pairs**2 == (64 * 65 // 2) ** 2 == 4_326_400


class TestRegions:
    def test_warp_without_context_enlarges_exactly(self):
        image = np.arange(48.0).reshape(1, 6, 8)
        same = vision.warp(image, [[2, 1, 6, 5]], size=4, context=0)[0, 0]
        np.testing.assert_allclose(same, image[0, 1:5, 2:6], rtol=1e-5)
        wide = vision.warp(image, [[0, 0, 8, 4]], size=4, context=0)[0, 0]
        np.testing.assert_allclose(
            wide, (image[0, :4, ::2] + image[0, :4, 1::2]) / 2, rtol=1e-5
        )  # each the mean of two pixels

    def test_warp_with_context_shows_what_is_around(self):
        image = np.arange(64.0).reshape(1, 8, 8)
        piece = vision.warp(image, [[2, 3, 4, 5]], size=4, context=1)[0, 0]
        np.testing.assert_allclose(piece, image[0, 2:6, 1:5], rtol=1e-5)
        edge = vision.warp(image, [[0, 0, 2, 2]], size=4, context=1)[0, 0]
        np.testing.assert_allclose(edge, np.pad(image[0], 1, "edge")[:4, :4], rtol=1e-5, atol=1e-5)

    def test_roi_pool_by_hand(self):
        features = torch.arange(2 * 4 * 6.0).view(2, 4, 6)
        pooled = vision.roi_pool(features, [[0, 0, 24, 16], [9, 5, 15, 7], [20, 12, 30, 20]], output_size=2, stride=4)
        assert pooled.shape == (3, 2, 2, 2)
        assert pooled[0, 0].tolist() == [[8, 11], [20, 23]]
        assert pooled[1, 0].tolist() == [[8, 9], [8, 9]]  # columns 2 and 3 of row 1: 9 to 15 pixels, widened to cells
        assert pooled[2, 1].tolist() == [[47, 47], [47, 47]]

    def test_labels_of_proposals(self):
        boxes, labels = np.array([[0, 0, 10, 10], [20, 0, 30, 10.0]]), np.array([4, 2])
        proposals = [[0, 0, 10, 5], [0, 0, 10, 4], [0, 0, 10, 2], [21, 0, 30, 10], [50, 50, 60, 60]]
        shown, nearest = vision.label_proposals(proposals, boxes, labels)
        assert shown.tolist() == [4, -1, 0, 2, 0]
        assert nearest[:4].tolist() == [0, 0, 0, 1]

    def test_ridge_is_least_squares_with_a_penalty(self):
        torch.manual_seed(0)
        x, y = torch.randn(40, 5, dtype=torch.float64), torch.randn(40, 2, dtype=torch.float64)
        z = (x - x.mean(dim=0)) / (x.std(dim=0) + 1e-6)
        stacked = torch.cat([z, np.sqrt(3.0) * torch.eye(5, dtype=torch.float64)])
        targets = torch.cat([y - y.mean(dim=0), torch.zeros(5, 2, dtype=torch.float64)])
        weight = torch.linalg.lstsq(stacked, targets).solution
        torch.testing.assert_close(vision.Ridge(x, y, 3.0)(x), z @ weight + y.mean(dim=0), rtol=1e-5, atol=1e-5)


class TestRCNN:
    @pytest.fixture(scope="class")
    @staticmethod
    def setting():
        torch.set_num_threads(1)
        lessons, test = data.scenes("train", 30), data.scenes("validation", 20)
        stages = nets.load("scenes-fcn4").stages[:4]
        return lessons, test, stages, [vision.region_proposals(image) for image in lessons.images]

    @pytest.mark.parametrize("features", [vision.warped_features, vision.shared_features])
    def test_it_finds_what_proposals_alone_do_not(self, setting, features):
        lessons, test, stages, proposals = setting
        detector = vision.RCNN(lambda image, boxes: features(stages, image, boxes), 6)
        detector.fit(lessons.images, lessons.boxes, lessons.labels, proposals)
        found, by_lot = [], []
        for number, image in enumerate(test.images):
            candidates = vision.region_proposals(image)
            found.append(detector.detect(image, candidates))
            lots = np.random.default_rng(number).random((len(candidates), 6))
            by_lot.append(vision.suppressed(candidates, lots))
            assert (found[-1].boxes >= 0).all()
            assert (found[-1].boxes <= 64).all()
            assert (np.diff(found[-1].scores) <= 0).all()
        learned, chance = (
            np.mean(list(vision.mean_average_precision(one, test.boxes, test.labels).values()))
            for one in (found, by_lot)
        )
        assert chance < 0.15
        assert learned > 0.4

    def test_features_of_a_whole_scene_agree_but_for_the_border(self, setting):
        """On the box of the whole image both ways see the same pixels, if nothing has to be stretched."""
        _, test, stages, _ = setting
        small = test.images[0][:, :32, :32]
        warped = vision.warp(small, [[0, 0, 32, 32]], size=32, context=0)
        np.testing.assert_allclose(warped[0], small, atol=1e-6)
        shared = vision.shared_features(stages, small, np.array([[0, 0, 32, 32.0]]))
        with torch.no_grad():
            x = warped
            maps = [x := stage(x) for stage in stages]
        expected = torch.cat([torch.nn.functional.adaptive_max_pool2d(y, 4).flatten(1) for y in maps[-2:]], dim=1)
        torch.testing.assert_close(shared, expected, rtol=1e-4, atol=1e-5)

    def test_classes_are_suppressed_one_by_one(self):
        boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9.0]])
        found = vision.suppressed(boxes, np.array([[9, 0.9, 0.1], [9, 0.8, 0.7]]))
        assert list(zip(found.labels.tolist(), found.scores.tolist(), strict=True)) == [(1, 0.9), (2, 0.7)]
        assert found.boxes.tolist() == [[0, 0, 10, 10], [0, 0, 10, 9]]
