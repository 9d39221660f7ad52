"""Hidden tests of exercise 11. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here by counting, so that nothing is compared with itself.
"""

import math

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def boxes_like(rng, number, size=30):
    """Boxes with whole edges, so that areas can be counted in cells."""
    corners = rng.integers(0, size - 8, size=(number, 2))
    return np.hstack([corners, corners + rng.integers(2, 12, size=(number, 2))]).astype(float)


def cells(box):
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def overlap(a, b):
    return len(cells(a) & cells(b)) / len(cells(a) | cells(b))


def table(first, second):
    return np.array([[overlap(a, b) for b in second] for a in first])


@pytest.mark.points("box_overlaps", 1, shows="boxes that overlap")
def test_box_overlaps_near(submission, rng):
    for number, other in [(3, 5), (1, 4), (6, 2)]:
        first, second = boxes_like(rng, number, 14), boxes_like(rng, other, 14)
        assert_equal(submission.box_overlaps(first, second), table(first, second))


@pytest.mark.points("box_overlaps", 1, shows="boxes that are apart, touch, or are the same")
def test_box_overlaps_far(submission, rng):
    first = boxes_like(rng, 4, 40)
    second = np.vstack(
        [np.add(first[1:], [30, 35, 30, 35]), first[:1], np.add(first[:2], [12, 0, 12, 0]), [[0, 0, 40, 40]]]
    )
    assert_equal(submission.box_overlaps(first, second), table(first, second))


def survivors(boxes, scores, threshold):
    """A box survives if no surer survivor overlaps it by more than the threshold."""
    alive = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if not any(overlap(boxes[i], boxes[j]) > threshold for j in alive):
            alive.append(i)
    return np.array(alive)


@pytest.mark.points("nms", 1, shows="crowds of boxes, all thresholds")
def test_nms_crowds(submission, rng):
    for number, threshold in [(12, 0.3), (15, 0.5), (8, 0.05), (10, 0.8)]:
        boxes, scores = boxes_like(rng, number, 16), rng.permutation(number) / 7.0
        assert_equal(submission.nms(boxes, scores, threshold), survivors(boxes, scores, threshold))


@pytest.mark.points("nms", 1, shows="chains of boxes, and overlaps that equal the threshold")
def test_nms_chains(submission, rng):
    for step, threshold in [(2, 0.5), (3, 0.4), (5, 1 / 3)]:
        places = step * np.arange(9.0)
        boxes = np.stack([places, 0 * places, places + 10, 0 * places + 4], axis=1)
        for scores in (rng.permutation(9) * 1.0, -places):
            assert_equal(submission.nms(boxes, scores, threshold), survivors(boxes, scores, threshold))


def marks(boxes, scores, objects, threshold):
    """Who claims which thing? Of all that claim it, the surest is right."""
    claims = {}
    for i in range(len(boxes)):
        values = [overlap(boxes[i], thing) for thing in objects]
        if max(values) >= threshold:
            claims.setdefault(values.index(max(values)), []).append(i)
    right = np.zeros(len(boxes))
    for claimants in claims.values():
        right[max(claimants, key=lambda i: scores[i])] = 1
    return right


@pytest.mark.points("match_detections", 1, shows="many detections of few things")
def test_match_detections_many(submission, rng):
    for number, threshold in [(8, 0.5), (12, 0.3), (10, 0.6)]:
        things = boxes_like(rng, 3, 40)
        moved = things[rng.integers(0, 3, size=number)] + rng.integers(-1, 2, size=(number, 1))
        boxes, scores = np.clip(moved, 0, None), rng.permutation(number) / 3.0
        assert_equal(
            submission.match_detections(boxes, scores, things, threshold), marks(boxes, scores, things, threshold)
        )


@pytest.mark.points("match_detections", 1, shows="things that overlap, and overlaps that equal the threshold")
def test_match_detections_close(submission, rng):
    things = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10], [20, 20, 24, 28], [40, 0, 44, 4]])
    # The second box overlaps two things by a half or more, and the first takes the one that it overlaps most. The
    # fourth overlaps its thing by just a half, the fifth by a quarter.
    boxes = np.array([[0.0, 0, 10, 9], [1, 0, 11, 10], [60, 0, 64, 4], [20, 20, 24, 24], [40, 0, 42, 2]])
    for threshold in (0.5, 0.25):
        scores = np.array([9, 8, 7, 6, 5]) + np.round(rng.random(5) / 2, 3)
        order = rng.permutation(len(boxes))
        expected = marks(boxes[order], scores[order], things, threshold)
        assert_equal(submission.match_detections(boxes[order], scores[order], things, threshold), expected)


def area(scores, right, num_objects, points):
    """Heights of the falling curve, one thing after the other, or at eleven recalls."""
    sorted_marks = [mark for _, mark in sorted(zip(scores, right, strict=True), key=lambda pair: -pair[0])]
    after = [(sum(sorted_marks[:n]), sum(sorted_marks[:n]) / n) for n in range(1, len(sorted_marks) + 1)]

    def height(found):
        return max((precision for so_far, precision in after if so_far >= found), default=0.0)

    if points == 11:  # recall k/10 is reached with the first whole number of things that is at least k/10 of them
        return sum(height(math.ceil(level * num_objects / 10 - 1e-9)) for level in range(11)) / 11
    return sum(height(found) for found in range(1, num_objects + 1)) / num_objects


def check_area(submission, rng, points):
    for number, num_objects in [(6, 5), (12, 9), (5, 10), (20, 20), (3, 7)]:
        right = (rng.random(number) < 0.6).astype(int)
        right[np.cumsum(right) > num_objects] = 0
        scores = rng.permutation(number) / 5.0
        expected = area(scores, right, num_objects, points)
        assert_equal(submission.average_precision(scores, right, num_objects, points), expected)


@pytest.mark.points("average_precision", 1, shows="all points")
def test_average_precision_all(submission, rng):
    check_area(submission, rng, "all")


@pytest.mark.points("average_precision", 1, shows="eleven points")
def test_average_precision_eleven(submission, rng):
    check_area(submission, rng, 11)


def undone(proposals, targets):
    """Move and grow the proposals as the targets say: the true boxes must come back."""
    boxes = []
    for (x1, y1, x2, y2), (tx, ty, tw, th) in zip(proposals, targets, strict=True):
        width, height = x2 - x1, y2 - y1
        x, y = (x1 + x2) / 2 + tx * width, (y1 + y2) / 2 + ty * height
        width, height = width * math.exp(tw), height * math.exp(th)
        boxes.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return np.array(boxes)


@pytest.mark.points("box_targets", 1, shows="the true boxes come back")
def test_box_targets_can_be_undone(submission, rng):
    proposals, boxes = boxes_like(rng, 6), boxes_like(rng, 6) + 0.25
    targets = np.array(submission.box_targets(proposals, boxes), dtype=float)
    assert_equal(np.shape(targets), (6, 4))
    with np.errstate(over="ignore"):
        assert_equal(undone(proposals, np.clip(targets, -50, 50)), boxes)


@pytest.mark.points("box_targets", 1, shows="the four numbers")
def test_box_targets_numbers(submission, rng):
    proposals = boxes_like(rng, 4)
    x1, y1, x2, y2 = proposals.T
    width, height = x2 - x1, y2 - y1
    right, down, wider, higher = rng.uniform(0.2, 3, size=4)
    centre = (x1 + x2) / 2 + right * width, (y1 + y2) / 2 - down * height
    boxes = np.stack(
        [
            centre[0] - wider * width / 2,
            centre[1] - higher * height / 2,
            centre[0] + wider * width / 2,
            centre[1] + higher * height / 2,
        ],
        axis=1,
    )
    expected = np.tile([right, -down, math.log(wider), math.log(higher)], (4, 1))
    assert_equal(submission.box_targets(proposals, boxes), expected)
