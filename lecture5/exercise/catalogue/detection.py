"""Exercise 11, detection: overlaps, suppression, right and wrong detections, average precision, regression targets."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question


def _boxes(*rows):
    return np.array(rows, dtype=float)


# --- a. box_overlaps --------------------------------------------------------------------------------------------------


def box_overlaps(first, second):
    """Intersection over union of each box of ``first`` (N, 4) with each of ``second`` (M, 4)."""
    both = _intersections(first, second)
    return both / (_areas(first)[:, None] + _areas(second) - both)


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _intersections(first, second, least=0.0):
    sides = np.minimum(first[:, None, 2:], second[:, 2:]) - np.maximum(first[:, None, :2], second[:, :2])
    return np.maximum(sides, least).prod(axis=2)


def _scaled(factor):
    """Turn i / (a + b − i) into another quotient: i is v / (1 + v) times the sum of the two areas."""

    def spoil(answer):
        def overlaps(first, second):
            v = np.asarray(answer(first, second))
            return v / (1 + v) * factor(_areas(first)[:, None], _areas(second)[None])

        return overlaps

    return spoil


_SOME = _boxes([0, 0, 4, 3], [2, 1, 7, 5], [10, 2, 12, 9])
_OTHERS = _boxes([1, 0, 5, 3], [20, 30, 26, 33], [2, 1, 7, 5], [11, 0, 14, 4])

BOX_OVERLAPS = Question(
    name="box_overlaps",
    reference=box_overlaps,
    cases=(
        Case("three boxes and four", (_SOME, _OTHERS)),
        Case("the same boxes", (_SOME, _SOME)),
        Case("one inside the other", (_boxes([0, 0, 10, 6]), _boxes([2, 1, 5, 4], [0, 0, 10, 3]))),
        Case("boxes that are apart, and that touch", (_boxes([0, 0, 2, 2]), _boxes([5, 6, 8, 9], [2, 0, 4, 2]))),
        Case("fractions", (_boxes([0.5, 0, 1.25, 2]), _boxes([0, 0.5, 1, 1.5], [1, 1, 3, 2.5]))),
    ),
    misconceptions=(
        Misconception(
            "one-too-wide",
            "Your boxes are one too wide and one too high: here x2 − x1 is the width, without + 1.",
            lambda answer: lambda a, b: answer(a + np.array([0, 0, 1, 1]), b + np.array([0, 0, 1, 1])),
        ),
        Misconception(
            "apart-counts",
            "Boxes that are apart overlap for you. The product of two negative sides is positive.",
            lambda answer: (
                lambda a, b: (
                    _intersections(a, b, -np.inf) / (_areas(a)[:, None] + _areas(b) - _intersections(a, b, -np.inf))
                )
            ),
        ),
        Misconception(
            "counted-twice",
            "Your union counts what both boxes cover twice.",
            lambda answer: lambda a, b: np.asarray(answer(a, b)) / (1 + np.asarray(answer(a, b))),
        ),
        Misconception(
            "area-only",
            "You return the area of the intersection. Divide it by that of the union.",
            _scaled(lambda a, b: a + b),
        ),
        Misconception(
            "of-the-first",
            "You divide by the area of the first box alone.",
            _scaled(lambda a, b: (a + b) / a),
        ),
        Misconception(
            "of-the-smaller",
            "You divide by the area of the smaller box.",
            _scaled(lambda a, b: (a + b) / np.minimum(a, b)),
        ),
        Misconception(
            "transposed",
            "Rows and columns of your table are exchanged: a row for each box of the first array.",
            lambda answer: lambda a, b: np.transpose(answer(a, b)),
        ),
        Misconception(
            "corner-and-size",
            "You read the last two numbers as width and height. They are the right and the bottom edge.",
            lambda answer: (
                lambda a, b: answer(
                    np.hstack([a[:, :2], a[:, :2] + a[:, 2:]]), np.hstack([b[:, :2], b[:, :2] + b[:, 2:]])
                )
            ),
        ),
    ),
)

# --- b. nms -----------------------------------------------------------------------------------------------------------


def nms(boxes, scores, threshold):
    """Positions of the boxes that survive non-maximum suppression, best first."""
    left, kept = list(np.argsort(-np.asarray(scores), kind="stable")), []
    overlaps = box_overlaps(boxes, boxes)
    while left:
        kept.append(left.pop(0))
        left = [i for i in left if overlaps[kept[-1], i] <= threshold]
    return np.array(kept)


def _dropped_drop_too(answer):
    def survivors(boxes, scores, threshold):
        order, overlaps = answer(boxes, scores, 2.0), box_overlaps(boxes, boxes)  # nothing overlaps by 2: all, in order
        return np.array([i for n, i in enumerate(order) if all(overlaps[i, j] <= threshold for j in order[:n])])

    return survivors


_ROW = _boxes([0, 0, 10, 10], [2.5, 0, 12.5, 10], [5, 0, 15, 10], [30, 0, 40, 10], [31, 1, 40, 9], [1, 0, 11, 10])
_FALLING = np.array([5.0, 4, 3.5, 3, 1, 2])
_ROW_SCORES = np.array([0.9, 0.85, 0.7, 0.8, 0.95, 0.3])

NMS = Question(
    name="nms",
    reference=nms,
    cases=(
        Case("a row of boxes", (_ROW, _ROW_SCORES, 0.5)),
        Case("a high threshold", (_ROW, _ROW_SCORES, 0.8)),
        Case("a low threshold", (_ROW, _ROW_SCORES[::-1].copy(), 0.1)),
        Case(
            "an overlap that equals the threshold",
            (_boxes([0, 0, 4, 4], [0, 0, 2, 4], [9, 9, 10, 10]), np.array([0.5, 0.6, 0.7]), 0.5),
        ),
        Case(
            "another that equals it",
            (_boxes([0, 0, 3, 4], [6, 6, 7, 7], [0, 0, 4, 4]), np.array([2.0, 1.5, 3.0]), 0.75),
        ),
        Case("a longer row", (_boxes(*([2.0 * i, 0, 2.0 * i + 10, 5] for i in range(6))), _FALLING, 0.6)),
        Case("negative scores", (_ROW[:4] + 3, np.array([-3.0, -1, -2, -0.5]), 0.4)),
    ),
    misconceptions=(
        Misconception(
            "dropped-drop-too",
            "For you a box that was dropped still drops others. Only boxes that are kept do.",
            _dropped_drop_too,
        ),
        Misconception(
            "equal-is-dropped",
            "You drop a box whose overlap equals the threshold. It must be larger.",
            lambda answer: lambda b, s, t: answer(b, s, t - 1e-9),
        ),
        Misconception(
            "worst-first",
            "You begin with the lowest score.",
            lambda answer: lambda b, s, t: answer(b, -s, t),
        ),
        Misconception(
            "not-by-score",
            "You go through the boxes in the order in which they are given. Sort by score first.",
            lambda answer: lambda b, s, t: answer(b, -np.arange(len(s)), t),
        ),
        Misconception(
            "any-overlap",
            "You drop a box if it overlaps at all. The overlap must be larger than the threshold.",
            lambda answer: lambda b, s, t: answer(b, s, 0.0),
        ),
        Misconception(
            "counted-from-1",
            "Your positions are counted from 1. The first box has position 0.",
            lambda answer: lambda b, s, t: np.asarray(answer(b, s, t)) + 1,
        ),
        Misconception(
            "by-position",
            "You return the right boxes, but by position. The surest comes first.",
            lambda answer: lambda b, s, t: np.sort(answer(b, s, t)),
        ),
        Misconception(
            "positions-after-sorting",
            "Your positions are those after sorting. Return positions in the arrays that were given.",
            lambda answer: (
                lambda b, s, t: np.argsort(np.argsort(-s, kind="stable"))[np.asarray(answer(b, s, t), dtype=int)]
            ),
        ),
    ),
)

# --- c. match_detections ----------------------------------------------------------------------------------------------


def match_detections(boxes, scores, objects, threshold):
    """1 for each detection that is right, 0 for each that is wrong; each object can be found once."""
    overlaps, right, taken = box_overlaps(boxes, objects), np.zeros(len(boxes), dtype=int), set()
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        best = int(overlaps[i].argmax())
        if overlaps[i, best] >= threshold and best not in taken:
            right[i] = 1
            taken.add(best)
    return right


def _next_best(boxes, scores, objects, threshold):
    overlaps, right = box_overlaps(boxes, objects), np.zeros(len(boxes), dtype=int)
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        best = int(overlaps[i].argmax())
        if overlaps[i, best] >= threshold:
            right[i] = 1
            overlaps[:, best] = -1
    return right


def _each_alone(answer):
    return lambda b, s, o, t: np.array([np.ravel(answer(b[i : i + 1], s[i : i + 1], o, t))[0] for i in range(len(b))])


_EQUAL = _boxes([0, 0, 4, 4], [9, 9, 13, 11])
_THINGS = _boxes([0, 0, 10, 10], [4, 0, 14, 10], [30, 30, 40, 34])
_FOUND = _boxes([0, 0, 10, 9], [1, 0, 11, 10], [1.5, 0, 11.5, 10], [30, 30, 40, 36], [30, 31, 40, 34], [60, 60, 64, 64])

MATCH_DETECTIONS = Question(
    name="match_detections",
    reference=match_detections,
    cases=(
        Case("three things, six detections", (_FOUND, np.array([0.3, 0.9, 0.7, 0.6, 0.8, 0.5]), _THINGS, 0.5)),
        Case("the same, other scores", (_FOUND, np.array([0.9, 0.3, 0.8, 0.7, 0.2, 0.95]), _THINGS, 0.5)),
        Case("a stricter threshold", (_FOUND, np.array([0.5, 0.6, 0.9, 0.3, 0.7, 0.1]), _THINGS, 0.8)),
        Case(
            "an overlap that equals the threshold",
            (
                _boxes([0, 0, 2, 4], [0, 0, 1, 4], [5, 5, 9, 9]),
                np.array([0.1, 0.2, 0.4]),
                _boxes([0, 0, 4, 4], [5, 5, 9, 13]),
                0.5,
            ),
        ),
        Case("another that equals it", (_boxes([0, 0, 3, 4], [9, 9, 13, 10]), np.array([2.0, 1]), _EQUAL, 0.75)),
        Case(
            "one thing, found twice",
            (_boxes([1, 1, 5, 5], [1, 1, 5, 6]), np.array([1.0, 2.0]), _boxes([1, 1, 5, 5]), 0.5),
        ),
    ),
    misconceptions=(
        Misconception(
            "found-again",
            "You count a thing that has been found already once more.",
            _each_alone,
        ),
        Misconception(
            "next-best",
            "If the thing that a detection overlaps most is taken, you give it another one. By the rule it is wrong.",
            lambda answer: _next_best,
        ),
        Misconception(
            "not-by-score",
            "The detections choose in the order in which they are given. The surest chooses first.",
            lambda answer: lambda b, s, o, t: answer(b, -np.arange(len(b)), o, t),
        ),
        Misconception(
            "worst-first",
            "The least sure detection chooses first for you.",
            lambda answer: lambda b, s, o, t: answer(b, -s, o, t),
        ),
        Misconception(
            "equal-is-wrong",
            "An overlap that equals the threshold is enough.",
            lambda answer: lambda b, s, o, t: answer(b, s, o, t + 1e-9),
        ),
        Misconception(
            "sorted-result",
            "Your result is in the order of the scores. It should be in the order of the boxes.",
            lambda answer: lambda b, s, o, t: np.asarray(answer(b, s, o, t))[np.argsort(-s, kind="stable")],
        ),
        Misconception(
            "any-overlap",
            "For you any overlap is enough. It must be at least the threshold.",
            lambda answer: lambda b, s, o, t: answer(b, s, o, 1e-9),
        ),
        Misconception(
            "wrong-is-minus-1",
            "A wrong detection gets 0, not −1.",
            lambda answer: lambda b, s, o, t: 2 * np.asarray(answer(b, s, o, t)) - 1,
        ),
        Misconception(
            "wrong-is-1",
            "You mark the wrong ones. A right detection gets 1.",
            lambda answer: lambda b, s, o, t: 1 - np.asarray(answer(b, s, o, t)),
        ),
    ),
)

# --- d. average_precision ---------------------------------------------------------------------------------------------


def average_precision(scores, right, num_objects, points):
    """Area under the falling curve of precision over recall, or the mean of its heights at eleven recalls."""
    precision, recall = _curve(scores, right, num_objects)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    if points == 11:
        return sum(falling[recall >= level / 10 - 1e-9].max(initial=0) for level in range(11)) / 11
    return (np.diff(recall, prepend=0) * falling).sum()


def _curve(scores, right, num_objects):
    found = np.cumsum(np.asarray(right)[np.argsort(-np.asarray(scores), kind="stable")])
    return found / np.arange(1, len(found) + 1), found / num_objects


def _jagged(scores, right, num_objects, points):
    """Without making the curve fall."""
    precision, recall = _curve(scores, right, num_objects)
    if points == 11:
        first = [np.flatnonzero(recall >= level / 10 - 1e-9) for level in range(11)]
        return sum(precision[places[0]] if len(places) else 0.0 for places in first) / 11
    return (np.diff(recall, prepend=0) * precision).sum()


_LIST = (np.array([0.2, 0.9, 0.55, 0.7, 0.3, 0.6]), np.array([1, 1, 1, 0, 0, 1]))

AVERAGE_PRECISION = Question(
    name="average_precision",
    reference=average_precision,
    cases=(
        Case("six detections, five things", (*_LIST, 5, "all")),
        Case("the same with eleven points", (*_LIST, 5, 11)),
        Case("wrong at first", (np.array([3.0, 2, 1]), np.array([0, 1, 1]), 4, "all")),
        Case("wrong at first, eleven points", (np.array([3.0, 2, 1]), np.array([0, 1, 1]), 4, 11)),
        Case("ten things, three of them found", (np.array([5.0, 4, 7, 6]), np.array([1, 0, 1, 1]), 10, 11)),
        Case("everything right", (np.array([0.5, 0.7]), np.array([1, 1]), 2, "all")),
        Case("nothing right", (np.array([0.5, 0.7]), np.array([0, 0]), 3, 11)),
    ),
    misconceptions=(
        Misconception(
            "not-by-score",
            "You take the detections in the order in which they are given. Sort by score first.",
            lambda answer: lambda s, r, n, p: answer(-np.arange(len(s)), r, n, p),
        ),
        Misconception(
            "worst-first",
            "You begin with the lowest score.",
            lambda answer: lambda s, r, n, p: answer(-s, r, n, p),
        ),
        Misconception(
            "jagged",
            "You use the precision as it is. At each recall counts the best precision there or further right.",
            lambda answer: _jagged,
        ),
        Misconception(
            "of-the-found",
            "Your recall is a fraction of what was found. It is a fraction of all things that are there.",
            lambda answer: lambda s, r, n, p: answer(s, r, max(int(np.sum(r)), 1), p),
        ),
        Misconception(
            "always-all-points",
            "Your result is the area, also where eleven points are asked for.",
            lambda answer: lambda s, r, n, p: answer(s, r, n, "all"),
        ),
        Misconception(
            "always-eleven-points",
            "Your result is the mean at eleven points, also where the area is asked for.",
            lambda answer: lambda s, r, n, p: answer(s, r, n, 11),
        ),
        Misconception(
            "ten-intervals",
            "You divide by 10. From 0 to 1 in steps of 0.1 there are eleven points.",
            lambda answer: lambda s, r, n, p: answer(s, r, n, p) * (1.1 if p == 11 else 1),
        ),
        Misconception(
            "percent",
            "Your result is in per cent. It should lie between 0 and 1.",
            lambda answer: lambda s, r, n, p: 100 * answer(s, r, n, p),
        ),
    ),
)

# --- e. box_targets ---------------------------------------------------------------------------------------------------


def box_targets(proposals, boxes):
    """What box regression is to predict for each proposal: (N, 4) and (N, 4) -> (N, 4)."""
    (centre, size), (wanted, wanted_size) = _centre_and_size(proposals), _centre_and_size(boxes)
    return np.hstack([(wanted - centre) / size, np.log(wanted_size / size)])


def _centre_and_size(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def _with(change):
    """Change the four columns: ``change`` gets the answer (moves and logarithms) and the proposals' sizes."""

    def spoil(answer):
        def targets(proposals, boxes):
            given = np.asarray(answer(proposals, boxes), dtype=float)
            return np.hstack(change(given[:, :2], given[:, 2:], _centre_and_size(proposals)[1]))

        return targets

    return spoil


_FROM = _boxes([0, 0, 4, 2], [10, 5, 16, 20], [3, 3, 5, 9])
_TO = _boxes([2, -1, 6, 3], [11, 5, 15, 25], [3, 2, 6, 8])

BOX_TARGETS = Question(
    name="box_targets",
    reference=box_targets,
    cases=(
        Case("three boxes", (_FROM, _TO)),
        Case("the other way round", (_TO, _FROM)),
        Case("only moved", (_FROM, _FROM + np.array([3, 1, 3, 1]))),
        Case("only grown, around its centre", (_FROM[1:], _FROM[1:] + np.array([-2, -4, 2, 4]))),
        Case("one box", (_boxes([0.5, 1, 3, 2]), _boxes([0, 0, 2, 4]))),
    ),
    misconceptions=(
        Misconception(
            "no-logarithm",
            "Your last two numbers are factors. They should be the factors' logarithms.",
            _with(lambda move, grow, size: (move, np.exp(grow))),
        ),
        Misconception(
            "base-2",
            "Your logarithms have the base 2. Take the natural ones.",
            _with(lambda move, grow, size: (move, grow / np.log(2))),
        ),
        Misconception(
            "not-divided",
            "Your moves are in pixels. They are fractions of the proposal's width and height.",
            _with(lambda move, grow, size: (move * size, grow)),
        ),
        Misconception(
            "divided-by-the-true-size",
            "You divide the moves by the size of the true box. When the detector runs it does not know that size.",
            _with(lambda move, grow, size: (move * np.exp(-grow), grow)),
        ),
        Misconception(
            "corners",
            "You measure how far the upper left corner moves. It is the centre that counts.",
            _with(lambda move, grow, size: (move - (np.exp(grow) - 1) / 2, grow)),
        ),
        Misconception(
            "width-for-both",
            "You divide both moves by the width. The vertical one goes with the height.",
            _with(lambda move, grow, size: (move * [1, 1] * size / size[:, :1], grow)),
        ),
        Misconception(
            "backwards",
            "Your targets lead from the true box to the proposal.",
            lambda answer: lambda proposals, boxes: answer(boxes, proposals),
        ),
        Misconception(
            "x-and-y",
            "x and y are exchanged in your result.",
            _with(lambda move, grow, size: (move[:, ::-1], grow[:, ::-1])),
        ),
        Misconception(
            "shrinks",
            "Your last two numbers have the wrong sign: a box that must grow has a positive logarithm.",
            _with(lambda move, grow, size: (move, -grow)),
        ),
    ),
)

EXERCISE = Exercise(
    number="11",
    name="detection",
    questions=(BOX_OVERLAPS, NMS, MATCH_DETECTIONS, AVERAGE_PRECISION, BOX_TARGETS),
    allowed=("numpy", "matplotlib"),
)
