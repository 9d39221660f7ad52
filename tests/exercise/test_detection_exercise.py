"""The right implementations of exercise 11, against lecture5.vision and by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lecture5 import vision
from lecture5.exercise.catalogue import detection as exercise

seeds = st.integers(0, 2**32 - 1)
numbers = st.integers(1, 9)


def some_boxes(rng, number):
    corners = rng.uniform(0, 12, size=(number, 2))
    return np.hstack([corners, corners + rng.uniform(1, 9, size=(number, 2))])


@given(numbers, numbers, seeds)
def test_boxes(number, other, seed):
    rng = np.random.default_rng(seed)
    first, second = some_boxes(rng, number), some_boxes(rng, other)
    np.testing.assert_allclose(exercise.box_overlaps(first, second), vision.box_iou(first, second), atol=1e-12)
    scores, threshold = rng.permutation(number) / 3, rng.uniform(0.05, 0.9)
    np.testing.assert_array_equal(exercise.nms(first, scores, threshold), vision.nms(first, scores, threshold))
    marked = exercise.match_detections(first, scores, second, threshold)
    np.testing.assert_array_equal(marked, vision.match(first, scores, second, threshold))
    targets = exercise.box_targets(first[:1], second[:1])
    np.testing.assert_allclose(targets, vision.encode_boxes(first[:1], second[:1]))


@given(numbers, st.integers(0, 5), st.sampled_from(["all", 11]), seeds)
def test_average_precision(number, missed, points, seed):
    rng = np.random.default_rng(seed)
    scores, right = rng.permutation(number) / 3, rng.integers(0, 2, size=number)
    num_objects = int(right.sum()) + missed + (not right.any())
    ours = exercise.average_precision(scores, right, num_objects, points)
    assert np.isclose(ours, vision.average_precision(scores, right, num_objects, points))


def test_by_hand():
    falling = exercise.average_precision(np.array([5, 4, 3, 2, 1]), np.array([1, 0, 1, 0, 1]), 4, "all")
    assert np.isclose(falling, (1 + 2 / 3 + 3 / 5) / 4)
    assert exercise.nms(np.array([[0.0, 0, 2, 2], [0, 0, 2, 2]]), np.array([1, 2]), 0.5).tolist() == [1]
