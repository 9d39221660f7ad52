"""Detection and segmentation measures, and graph segmentation, against the libraries that have them too."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from skimage.segmentation import felzenszwalb
from sklearn.metrics import confusion_matrix, jaccard_score

from lecture5 import vision

seeds = st.integers(0, 2**32 - 1)
LABELS = (1, 2)


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, vision.Detections]:
    """Return true boxes with their classes, and detections near them and elsewhere.

    The true boxes lie apart, so that no detection overlaps two of them: there Pascal's rule (whoever comes second is
    wrong) and COCO's (whoever comes second takes another box, if one fits) mean the same.
    """
    number = rng.integers(1, 5)
    corners = 40 * np.stack([np.arange(number), rng.integers(0, 3, number)], axis=1)
    boxes = np.hstack([corners, corners + rng.integers(8, 20, (number, 2))]).astype(float)
    labels = rng.choice(LABELS, number)
    near = np.repeat(boxes, rng.integers(0, 4, number), axis=0)
    near += rng.integers(-3, 4, near.shape)
    astray = 40 * rng.integers(0, 4, (rng.integers(0, 4), 2)) + 25
    found = np.vstack([near, np.hstack([astray, astray + 10])])
    scores = rng.permutation(len(found)) / 100 + rng.random() / 1000  # no two alike
    return boxes, labels, vision.Detections(found, scores, rng.choice(LABELS, len(found)))


def by_pycocotools(scenes: list, label: int, recalls: np.ndarray) -> float:
    """Return the mean of the precisions at these recalls, at an overlap of one half, as COCO's own code counts them."""

    def entries(boxes, labels, first):
        for number, ((x1, y1, x2, y2), category) in enumerate(zip(boxes.tolist(), labels.tolist(), strict=True)):
            size = x2 - x1, y2 - y1
            yield {"id": first + number, "category_id": category, "bbox": [x1, y1, *size], "area": size[0] * size[1]}

    truth, found = [], []
    for image, (boxes, labels, detections) in enumerate(scenes):
        truth += [entry | {"image_id": image, "iscrowd": 0} for entry in entries(boxes, labels, len(truth) + 1)]
        shown = entries(detections.boxes, detections.labels, 0)
        found += [e | {"image_id": image, "score": s} for e, s in zip(shown, detections.scores.tolist(), strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = {
            "info": {},
            "images": [{"id": image} for image in range(len(scenes))],
            "annotations": truth,
            "categories": [{"id": label} for label in LABELS],
        }
        data.createIndex()
        measure = COCOeval(data, data.loadRes(found), "bbox")
        measure.params.iouThrs, measure.params.recThrs = np.array([0.5]), recalls
        measure.params.maxDets, measure.params.catIds = [1000], [label]
        measure.params.areaRng, measure.params.areaRngLbl = [[0, 1e9]], ["all"]
        measure.evaluate()
        measure.accumulate()
    return float(measure.eval["precision"][0, :, 0, 0, 0].mean())


@given(st.integers(1, 6), seeds)
@settings(max_examples=60)
def test_average_precision_is_that_of_pycocotools(images, seed):
    """All points: recall grows by one object at a time, so the area is the mean of the precisions at k objects of n."""
    rng = np.random.default_rng(seed)
    scenes = [scene(rng) for _ in range(images)]
    boxes, labels, detections = zip(*scenes, strict=True)
    if not sum(len(found.boxes) for found in detections):
        return  # pycocotools takes no empty list
    for points in ("all", 11):
        ours = vision.mean_average_precision(detections, boxes, labels, points=points)
        for label, value in ours.items():
            there = sum((part == label).sum() for part in labels)
            recalls = np.arange(1, there + 1) / there if points == "all" else np.arange(11) / 10
            # COCO's code compares a recall of 3 of 10 objects with 0.3 exactly, which rounding can spoil.
            assert value == pytest.approx(by_pycocotools(scenes, label, recalls - 1e-9), abs=1e-9)


@given(st.integers(2, 5), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), seeds)
@settings(max_examples=40)
def test_intersection_over_union_is_that_of_scikit_learn(num_classes, images, height, width, seed):
    predicted, true = np.random.default_rng(seed).integers(num_classes, size=(2, images, height, width))
    confusion = vision.confusion_matrix(predicted, true, num_classes)
    everyone = range(num_classes)
    np.testing.assert_array_equal(confusion, confusion_matrix(true.ravel(), predicted.ravel(), labels=everyone))
    there = np.union1d(true, predicted)
    expected = jaccard_score(true.ravel(), predicted.ravel(), labels=there, average=None)
    np.testing.assert_allclose(vision.class_iou(confusion)[there], expected)
    assert vision.mean_iou(predicted, true, num_classes) == pytest.approx(expected.mean())


@given(
    st.integers(3, 14),
    st.integers(3, 14),
    st.sampled_from([1, 3]),
    st.floats(0.05, 2),
    st.integers(1, 6),
    seeds,
)
@settings(max_examples=60)
def test_graph_segmentation_is_that_of_scikit_image(height, width, channels, scale, min_size, seed):
    """Without blur, whose borders the two treat differently; scikit-image's scale is 255 times ours."""
    image = np.random.default_rng(seed).random((channels, height, width))
    ours = vision.graph_segmentation(image, scale=scale, sigma=0, min_size=min_size)
    options = {"scale": 255 * scale, "sigma": 0, "min_size": min_size, "channel_axis": -1}
    theirs = felzenszwalb(np.moveaxis(image, 0, -1), **options)
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    # The same regions, under other numbers: each of ours goes with one of theirs.
    assert pairs.shape[1] == len(np.unique(ours)) == len(np.unique(theirs))
