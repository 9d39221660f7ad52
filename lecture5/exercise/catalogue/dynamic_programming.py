"""Exercise 14: dynamic programming as convolution: a semiring, shortest paths, depth, Viterbi, value iteration."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

INF = np.inf
OPERATIONS = {"+": np.add, "*": np.multiply, "min": np.minimum, "max": np.maximum}

# --- a. semiring_conv: a convolution with other operations -----------------------------------------------------------


def semiring_conv(x, w, plus, times):
    """Slide w over x; ``times`` joins a weight with what it lies on, ``plus`` joins the results."""
    add, multiply = OPERATIONS[plus], OPERATIONS[times]
    places = len(x) - len(w) + 1
    y = multiply(np.asarray(x[:places], dtype=float), w[0])
    for k in range(1, len(w)):
        y = add(y, multiply(x[k : k + places], w[k]))
    return y


_X = np.array([2.0, 0.0, 1.0, 4.0, -3.0, 5.0, 1.5])
_W = np.array([1.0, 2.5, -0.5])

SEMIRING_CONV = Question(
    name="semiring_conv",
    reference=semiring_conv,
    cases=(
        Case("(+, ×): the convolution you know", (_X, _W, "+", "*")),
        Case("(min, +)", (_X, _W, "min", "+")),
        Case("(max, +)", (_X, _W, "max", "+")),
        Case("(max, ×) on positive numbers", (_X + 4, _W + 1, "max", "*")),
        Case(
            "(min, +) with walls and a missing weight",
            (np.array([INF, 3, INF, 1, 7, 2]), np.array([0, INF, 2.0]), "min", "+"),
        ),
        Case("a kernel of one weight", (_X, np.array([3.0]), "min", "+")),
        Case("whole numbers", (np.array([5, 1, 4, 2]), np.array([0.5, 0.25]), "max", "+")),
    ),
    misconceptions=(
        Misconception(
            "always-plus-times",
            "You compute the ordinary convolution whatever the operations are: use the two that are given.",
            lambda answer: (
                lambda x, w, plus, times: answer(np.nan_to_num(x, posinf=1e9), np.nan_to_num(w, posinf=1e9), "+", "*")
            ),
        ),
        Misconception(
            "swapped-operations",
            "The two operations are swapped: ``times`` joins a weight with the entry under it, ``plus`` joins these.",
            lambda answer: lambda x, w, plus, times: answer(x, w, times, plus),
        ),
        Misconception(
            "flipped-kernel",
            "Your kernel is turned round. As in every layer of this course it lies as it is written.",
            lambda answer: lambda x, w, plus, times: answer(x, w[::-1], plus, times),
        ),
        Misconception(
            "starts-with-zero",
            "Your sum begins with the number 0. That is neutral for +, but not for min or max: begin with the first "
            "term.",
            lambda answer: lambda x, w, plus, times: OPERATIONS[plus](0.0, answer(x, w, plus, times)),
        ),
        Misconception(
            "padded",
            "Your result is as long as x: something was added around it. Only places at which the kernel lies wholly "
            "inside count.",
            lambda answer: (
                lambda x, w, plus, times: answer(
                    np.pad(x, (len(w) // 2, (len(w) - 1) // 2 + (len(w) == 1))), w, plus, times
                )
            ),
        ),
        Misconception(
            "last-place-missing",
            "The last place is missing: count the places at which the kernel fits.",
            lambda answer: lambda x, w, plus, times: answer(x, w, plus, times)[:-1],
        ),
        Misconception(
            "last-weight-missing",
            "Not every weight takes part: the last one is left out.",
            lambda answer: (
                lambda x, w, plus, times: answer(x[: len(x) - (len(w) > 1)], w[: max(1, len(w) - 1)], plus, times)
            ),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda x, w, plus, times: np.trunc(answer(x, w, plus, times)),
        ),
    ),
)

# --- b. bellman_ford: a given number of layers -----------------------------------------------------------------------


def _neighbours(d, outside):
    """The four neighbours of each cell: above, below, left, right, each (H, W)."""
    padded = np.pad(d, 1, constant_values=outside)
    return padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]


def bellman_ford(cost, row, column, layers):
    """Repeat  d = min(source, cost + smallest of the four neighbours)  from d = source."""
    cost = np.asarray(cost, dtype=float)
    source = np.full(cost.shape, INF)
    source[row, column] = 0
    d = source
    for _ in range(layers):
        d = np.minimum(source, cost + np.minimum.reduce(_neighbours(d, INF)))
    return d


def _from_border(cost, layers):
    """What ways that come in from outside cost, if 0 is read there."""
    cost = np.asarray(cost, dtype=float)
    d = np.full(cost.shape, INF)
    for _ in range(layers):
        d = cost + np.minimum.reduce(_neighbours(d, 0.0))
    return d


def _without_recall(cost, row, column, layers):
    cost = np.asarray(cost, dtype=float)
    d = np.full(cost.shape, INF)
    d[row, column] = 0
    for _ in range(layers):
        d = cost + np.minimum.reduce(_neighbours(d, INF))
    return d


def _with_corners(cost, row, column, layers):
    cost = np.asarray(cost, dtype=float)
    source = np.full(cost.shape, INF)
    source[row, column] = 0
    d = source
    for _ in range(layers):
        padded = np.pad(d, 1, constant_values=INF)
        corners = padded[:-2, :-2], padded[:-2, 2:], padded[2:, :-2], padded[2:, 2:]
        d = np.minimum(source, cost + np.minimum.reduce([*_neighbours(d, INF), *corners]))
    return d


def _paid_for_leaving(distance, cost, row, column):
    """The same ways, with the source's cost instead of the last cell's."""
    is_open = np.isfinite(cost)
    return np.where(is_open, distance + np.asarray(cost)[row, column] - np.where(is_open, cost, 0), INF)


_TERRAIN = np.array([[1, 1, 9, 1], [1, INF, INF, 1], [2, 1, 3, 1.5]])
_SNAKE = np.array([[1, 1, 1, 1, 1], [INF, INF, INF, INF, 1], [1, 1, 1, 1, 1], [1, INF, INF, INF, INF]])
_OPEN = np.array([[2.0, 1, 4], [1, 3, 1], [5, 1, 2], [1, 1, 1]])

BELLMAN_FORD = Question(
    name="bellman_ford",
    reference=bellman_ford,
    cases=(
        Case("a cheap way round an expensive cell, 7 layers", (_TERRAIN, 0, 0, 7)),
        Case("the same, 3 layers: far cells know nothing yet", (_TERRAIN, 0, 0, 3)),
        Case("no layer at all", (_TERRAIN, 2, 3, 0)),
        Case("a snake, 6 layers", (_SNAKE, 0, 0, 6)),
        Case("open ground, source in the middle, 2 layers", (_OPEN, 1, 1, 2)),
        Case("open ground, 20 layers", (_OPEN, 3, 0, 20)),
        Case("a source that is shut in", (np.array([[1, INF, 1], [INF, 1, 1]]), 0, 0, 5)),
        Case("one row", (np.array([[1.0, 2, 3, 4, 5]]), 0, 2, 3)),
    ),
    misconceptions=(
        Misconception(
            "zero-padding",
            "Cells at the border are too cheap: outside the grid you read 0, as if there were a source. What must "
            "stand there so that no way leads in?",
            lambda answer: (
                lambda cost, row, column, layers: np.minimum(
                    answer(cost, row, column, layers), _from_border(cost, layers)
                )
            ),
        ),
        Misconception(
            "source-forgotten",
            "Your source is 0 in the first layer only. Each layer must see it again.",
            lambda answer: _without_recall,
        ),
        Misconception(
            "diagonal-moves",
            "Your ways cut corners: only the cells above, below, left and right are neighbours.",
            lambda answer: _with_corners,
        ),
        Misconception(
            "pays-for-source",
            "Every distance is too large by the cost of the source: one pays for *entering* a cell, and starts at the "
            "source for 0.",
            lambda answer: (
                lambda cost, row, column, layers: answer(cost, row, column, layers) + np.asarray(cost)[row, column]
            ),
        ),
        Misconception(
            "pays-for-leaving",
            "You pay for the cell that is left, not for the one that is entered.",
            lambda answer: (
                lambda cost, row, column, layers: _paid_for_leaving(
                    answer(cost, row, column, layers), cost, row, column
                )
            ),
        ),
        Misconception(
            "costs-forgotten",
            "You count moves: add the cost of the cell that is entered, not 1.",
            lambda answer: (
                lambda cost, row, column, layers: answer(np.where(np.isinf(cost), INF, 1.0), row, column, layers)
            ),
        ),
        Misconception(
            "one-layer-short",
            "You run one layer too few.",
            lambda answer: lambda cost, row, column, layers: answer(cost, row, column, max(layers - 1, 0)),
        ),
        Misconception(
            "unreached-are-zero",
            "Cells that no way has reached yet are 0 in your result. Nothing is known about them: that is infinity.",
            lambda answer: (
                lambda cost, row, column, layers: np.nan_to_num(answer(cost, row, column, layers), posinf=0.0)
            ),
        ),
        Misconception(
            "row-and-column-swapped",
            "Row and column of the source are swapped.",
            lambda answer: (
                lambda cost, row, column, layers: answer(cost, column % len(cost), row % len(cost[0]), layers)
            ),
        ),
    ),
)

# --- c. layers_needed: how deep must it be? --------------------------------------------------------------------------


def layers_needed(cost, row, column):
    """Return how many layers change something."""
    layers, d = 0, bellman_ford(cost, row, column, 0)
    while True:
        new = bellman_ford(cost, row, column, layers + 1)
        if np.array_equal(new, d):
            return layers
        layers, d = layers + 1, new


def _farthest(cost, row, column):
    d = bellman_ford(cost, row, column, np.size(cost))
    return d[np.isfinite(d)].max()


_DETOUR = np.array([[1.0, 9, 1, 1], [1, 9, 1, 9], [1, 1, 1, 1], [9, 9, 9, 1]])
_CHAMBERS = np.array([[1, 1, INF, 2, 1], [2, INF, 1, 1, 7], [1, 1, 4, INF, 1], [INF, 3, 1, 1, 1]])

LAYERS_NEEDED = Question(
    name="layers_needed",
    reference=layers_needed,
    cases=(
        Case("a cheap way round an expensive cell", (_TERRAIN, 0, 0)),
        Case("the same, from another cell", (_TERRAIN, 1, 3)),
        Case("a snake", (_SNAKE, 0, 0)),
        Case("open ground, source at the edge", (_OPEN, 1, 2)),
        Case("cheap ways are longer than short ones", (_DETOUR, 0, 0)),
        Case("the same, from the other side", (_DETOUR, 0, 3)),
        Case("chambers", (_CHAMBERS, 2, 4)),
        Case("a source that is shut in", (np.array([[1, INF, 1], [INF, 1, 1]]), 0, 0)),
        Case("one row, source in the middle", (np.array([[1.0, 2, 3, 4, 5]]), 0, 1)),
    ),
    misconceptions=(
        Misconception(
            "counts-the-last",
            "One too many: the layer that changes nothing is not needed.",
            lambda answer: lambda cost, row, column: answer(cost, row, column) + 1,
        ),
        Misconception(
            "one-too-few",
            "One too few: the layer that brings the last change is needed.",
            lambda answer: lambda cost, row, column: answer(cost, row, column) - 1,
        ),
        Misconception(
            "largest-distance",
            "You return a distance. A message moves one cell a layer, whatever the cell costs: count moves.",
            lambda answer: _farthest,
        ),
        Misconception(
            "until-all-are-reached",
            "You stop when every cell has been reached. A cheaper way with more moves may still come.",
            lambda answer: lambda cost, row, column: answer(np.where(np.isinf(cost), INF, 1.0), row, column),
        ),
        Misconception(
            "through-walls",
            "Your ways lead through walls: a cell that costs infinity cannot be entered.",
            lambda answer: lambda cost, row, column: answer(np.where(np.isinf(cost), 1.0, cost), row, column),
        ),
        Misconception(
            "row-and-column-swapped",
            "Row and column of the source are swapped.",
            lambda answer: lambda cost, row, column: answer(cost, column % len(cost), row % len(cost[0])),
        ),
    ),
)

# --- d. viterbi: the most probable path ------------------------------------------------------------------------------


def viterbi(initial, transition, emission):
    """Scores forwards over (max, +), then the way back."""
    score, came_from = initial + emission[0], []
    for observed in emission[1:]:
        ways = score[:, None] + transition
        came_from.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + observed
    path = [int(score.argmax())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])


def _greedy(initial, transition, emission):
    path = [int((initial + emission[0]).argmax())]
    for observed in emission[1:]:
        path.append(int((transition[path[-1]] + observed).argmax()))
    return np.array(path)


def _best_so_far(initial, transition, emission):
    score, states = initial + emission[0], [int((initial + emission[0]).argmax())]
    for observed in emission[1:]:
        score = (score[:, None] + transition).max(axis=0) + observed
        states.append(int(score.argmax()))
    return np.array(states)


def _chain(seed, states, times):
    rng = np.random.default_rng(seed)
    return tuple(np.round(2 * rng.normal(size=shape), 2) for shape in ((states,), (states, states), (times, states)))


VITERBI = Question(
    name="viterbi",
    reference=viterbi,
    cases=(
        Case(
            "two states, three times",
            (
                np.array([0.0, -9.0]),
                np.array([[-1.0, -2.0], [-2.5, -1.0]]),
                np.array([[0.0, 0.0], [-5.0, 0.0], [0.0, 0.5]]),
            ),
        ),
        *(
            Case(f"{states} states, {times} times, chain {seed}", _chain(seed, states, times))
            for seed, states, times in ((1, 3, 6), (2, 3, 8), (3, 4, 10), (4, 2, 12), (5, 3, 9), (6, 4, 14))
        ),
        Case("a single time", (np.array([0.0, 1.0, -1.0]), np.zeros((3, 3)), np.array([[2.0, 0.5, 1.0]]))),
    ),
    misconceptions=(
        Misconception(
            "greedy",
            "You choose the best next state at each time. A state that looks worse now may lead to a better end: keep "
            "the best score of *every* state, and choose at the end.",
            lambda answer: _greedy,
        ),
        Misconception(
            "no-traceback",
            "You return the best state at each time as it looked then. Once the last state is chosen, walk back: from "
            "which state did its score come?",
            lambda answer: _best_so_far,
        ),
        Misconception(
            "transposed-transition",
            "Your transition matrix is turned round: transition[i, j] leads *from* i *to* j.",
            lambda answer: lambda initial, transition, emission: answer(initial, transition.T, emission),
        ),
        Misconception(
            "initial-forgotten",
            "The scores of the first states do not take part.",
            lambda answer: lambda initial, transition, emission: answer(0 * initial, transition, emission),
        ),
        Misconception(
            "first-emission-forgotten",
            "The first observation does not take part.",
            lambda answer: (
                lambda initial, transition, emission: answer(
                    initial, transition, np.vstack([0 * emission[:1], emission[1:]])
                )
            ),
        ),
        Misconception(
            "no-chain",
            "The transitions do not take part.",
            lambda answer: lambda initial, transition, emission: answer(initial, np.zeros_like(transition), emission),
        ),
        Misconception(
            "smallest-score",
            "Your path has the smallest score. Scores are logarithms of probabilities here: larger is better.",
            lambda answer: lambda initial, transition, emission: answer(-initial, -transition, -emission),
        ),
        Misconception(
            "reversed-path",
            "Your path is right, but it runs from the end to the beginning.",
            lambda answer: lambda initial, transition, emission: answer(initial, transition, emission)[::-1],
        ),
        Misconception(
            "counts-from-one",
            "Your states are counted from 1. The first one is 0.",
            lambda answer: lambda initial, transition, emission: answer(initial, transition, emission) + 1,
        ),
        Misconception(
            "last-state-missing",
            "The last state is missing: there are as many states as observations.",
            lambda answer: lambda initial, transition, emission: answer(initial, transition, emission)[:-1],
        ),
    ),
)

# --- e. value_iteration ----------------------------------------------------------------------------------------------


def value_iteration(reward, discount, layers):
    """Repeat  V = reward + discount · largest of the four cells a move leads to  from V = 0; a bump stays."""
    reward = np.asarray(reward, dtype=float)
    value = np.zeros_like(reward)
    for _ in range(layers):
        padded = np.pad(value, 1, mode="edge")
        moves = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
        value = reward + discount * np.maximum.reduce(moves)
    return value


def _walking_out(reward, discount, layers):
    value = np.zeros(np.shape(reward))
    for _ in range(layers):
        value = reward + discount * np.maximum.reduce(_neighbours(value, 0.0))
    return value


def _at_random(reward, discount, layers):
    value = np.zeros(np.shape(reward))
    for _ in range(layers):
        padded = np.pad(value, 1, mode="edge")
        moves = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
        value = reward + discount * np.mean(moves, axis=0)
    return value


_REWARD = np.array([[-1.0, -1, -1, 5], [-1, -8, -1, -1], [-2, -1, 2, -1]])
_LOSSES = np.array([[-1.0, -4], [-2, -3], [-5, -0.5]])

VALUE_ITERATION = Question(
    name="value_iteration",
    reference=value_iteration,
    cases=(
        Case("a treasure and a pit, 10 layers", (_REWARD, 0.9, 10)),
        Case("the same, 2 layers", (_REWARD, 0.9, 2)),
        Case("no layer at all", (_REWARD, 0.9, 0)),
        Case("nothing but losses", (_LOSSES, 0.8, 6)),
        Case("one row, undiscounted", (np.array([[1.0, -2, 3, -4]]), 1, 3)),
        Case("whole numbers", (np.array([[0, 0, 7], [1, 0, 0]]), 0.5, 4)),
    ),
    misconceptions=(
        Misconception(
            "zero-outside",
            "Outside the grid you read 0. Where losses are all there is, walking out would be best: a move against the "
            "border stays where it is.",
            lambda answer: _walking_out,
        ),
        Misconception(
            "border-forbidden",
            "A move against the border is allowed: it stays where it is. Yours forbids it.",
            lambda answer: (
                lambda reward, discount, layers: answer(
                    np.pad(np.asarray(reward, dtype=float), 1, constant_values=-1e6), discount, layers
                )[1:-1, 1:-1]
            ),
        ),
        Misconception(
            "mean-over-actions",
            "You take the mean over the four moves: that is the value of walking at random. The agent chooses the "
            "best.",
            lambda answer: _at_random,
        ),
        Misconception(
            "smallest",
            "You take the smallest of the four values.",
            lambda answer: lambda reward, discount, layers: -answer(-np.asarray(reward), discount, layers),
        ),
        Misconception(
            "discounts-the-reward",
            "You discount the reward of the present cell as well. Only what comes later is discounted.",
            lambda answer: lambda reward, discount, layers: answer(discount * np.asarray(reward), discount, layers),
        ),
        Misconception(
            "no-discount",
            "The discount does not take part.",
            lambda answer: lambda reward, discount, layers: answer(reward, 1, layers),
        ),
        Misconception(
            "starts-at-reward",
            "You are one layer ahead: V begins with zeros, not with the rewards.",
            lambda answer: lambda reward, discount, layers: answer(reward, discount, layers + 1),
        ),
        Misconception(
            "one-layer-short",
            "You run one layer too few.",
            lambda answer: lambda reward, discount, layers: answer(reward, discount, max(layers - 1, 0)),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda reward, discount, layers: np.trunc(answer(reward, discount, layers)),
        ),
    ),
)

EXERCISE = Exercise(
    number="14",
    name="dynamic-programming",
    questions=(SEMIRING_CONV, BELLMAN_FORD, LAYERS_NEEDED, VITERBI, VALUE_ITERATION),
    allowed=("numpy", "matplotlib"),
)
