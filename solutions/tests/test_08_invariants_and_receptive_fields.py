"""Hidden tests of exercise 8. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here in another way: distances one by one, convolutions by their definition, ridge regression by least squares.
"""

import itertools
import math

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def moves(before, after):
    pairs = [math.dist(p.ravel(), q.ravel()) for p, q in itertools.combinations(before, 2)]
    return np.array([math.dist(p.ravel(), q.ravel()) for p, q in zip(before, after, strict=True)]) / np.mean(pairs)


@pytest.mark.points("relative_move", 1, shows="features in rows")
def test_move_rows(submission, rng):
    for count, size in [(2, 3), (5, 2), (7, 6)]:
        before = rng.normal(size=(count, size))
        after = before + rng.normal(size=before.shape) * rng.uniform(0, 2, size=(count, 1))
        assert_equal(submission.relative_move(before, after), moves(before, after))


@pytest.mark.points("relative_move", 1, shows="feature maps")
def test_move_maps(submission, rng):
    for shape in [(3, 2, 3, 4), (4, 1, 5, 2)]:
        before = rng.normal(size=shape)
        assert_equal(submission.relative_move(before, np.roll(before, 1, axis=2)), moves(before, np.roll(before, 1, 2)))


@pytest.mark.points("relative_move", 1, shows="a large part in common, and images that do not move")
def test_move_common_part(submission, rng):
    before = rng.normal(size=(6, 4)) + 50
    after = before + rng.normal(size=before.shape) * (np.arange(6) % 2)[:, None]
    assert_equal(submission.relative_move(before, after), moves(before, after))


def round_and_round(x, response):
    """The convolution by its definition: the kernel in space, one shifted copy of the image for each of its entries."""
    kernel = np.fft.ifft2(response)
    return sum(kernel[place] * np.roll(x, place, axis=(0, 1)) for place in np.ndindex(kernel.shape))


def scatter(x, wavelets, phi, step):
    for psi in wavelets:
        x = np.abs(round_and_round(x, psi))
    return round_and_round(x, phi).real[::step, ::step]


def filters(rng, shape, count):
    """Wavelets at random frequencies, which do not see a constant image, and a blur."""
    rows, columns = (np.fft.fftfreq(size, 1 / size) for size in shape)

    def bell(down, across, width):
        return np.exp(-((rows[:, None] - down) ** 2 + (columns - across) ** 2) / (2 * width**2))

    wavelets = []
    for _ in range(count):
        psi = bell(rng.uniform(-2, 2), rng.uniform(1, 3), rng.uniform(0.8, 1.5))
        psi[0, 0] = 0
        wavelets.append(psi)
    return wavelets, bell(0, 0, rng.uniform(0.7, 1.2))


def check_first(submission, rng, shape, step, image=None):
    (psi,), phi = filters(rng, shape, 1)
    x = rng.normal(size=shape) + 0.5 if image is None else image
    assert_equal(submission.first_order(x, psi, phi, step), scatter(x, [psi], phi, step))


@pytest.mark.points("first_order", 1, shows="every pixel kept")
def test_first_order_all_pixels(submission, rng):
    for shape in [(6, 8), (9, 5)]:
        check_first(submission, rng, shape, 1)


@pytest.mark.points("first_order", 1, shows="every second and every fourth pixel kept")
def test_first_order_steps(submission, rng):
    for shape, step in [((8, 12), 4), ((6, 10), 2), ((12, 6), 3)]:
        check_first(submission, rng, shape, step)


@pytest.mark.points("first_order", 1, shows="edges, and an image that is constant")
def test_first_order_edges(submission, rng):
    rows, columns = np.indices((8, 12))
    for place in rng.integers(2, 7, size=2):
        check_first(submission, rng, (8, 12), 2, (columns < place) * 3.0)
        check_first(submission, rng, (8, 12), 4, (rows < place) * 2.0 - 0.5)
    check_first(submission, rng, (8, 12), 2, np.full((8, 12), 1.5))


@pytest.mark.points("second_order", 1, shows="every pixel kept")
def test_second_order_all_pixels(submission, rng):
    for shape in [(6, 8), (9, 5)]:
        wavelets, phi = filters(rng, shape, 2)
        x = rng.normal(size=shape) + 0.5
        assert_equal(submission.second_order(x, *wavelets, phi, 1), scatter(x, wavelets, phi, 1))


@pytest.mark.points("second_order", 1, shows="every second and every fourth pixel kept")
def test_second_order_steps(submission, rng):
    for shape, step in [((8, 12), 4), ((6, 10), 2), ((12, 6), 3)]:
        wavelets, phi = filters(rng, shape, 2)
        x = rng.normal(size=shape)
        assert_equal(submission.second_order(x, *wavelets, phi, step), scatter(x, wavelets, phi, step))


def list_channels(scales, orientations):
    wavelets = list(itertools.product(range(scales), range(orientations)))
    pairs = [(first, second) for first in wavelets for second in wavelets if first[0] < second[0]]
    return np.array([1, len(wavelets), len(pairs)])


@pytest.mark.points("count_channels", 1, shows="one to six scales, one to eight directions")
def test_count_channels(submission, rng):
    for scales, orientations in [(1, 1), (2, 1), (6, 3), (2, 7), (int(rng.integers(3, 6)), int(rng.integers(2, 9)))]:
        assert_equal(submission.count_channels(scales, orientations), list_channels(scales, orientations))


def ridge(features, labels, test_features, penalty):
    """Least squares with one more row for each weight, and a column of ones that has none."""
    count, size = features.shape
    targets = (labels[:, None] == np.arange(labels.max() + 1)).astype(float)
    left = np.block([[features, np.ones((count, 1))], [math.sqrt(penalty) * np.eye(size), np.zeros((size, 1))]])
    right = np.vstack([targets, np.zeros((size, targets.shape[1]))])
    weights = np.linalg.lstsq(left, right, rcond=None)[0]
    return np.hstack([test_features, np.ones((len(test_features), 1))]) @ weights


def check_ridge(submission, rng, count, size, classes, tests, penalty):
    labels = rng.permutation(np.arange(count) % classes)
    features = rng.normal(size=(count, size)) + rng.normal(size=(classes, size))[labels] + 2
    test_features = rng.normal(size=(tests, size)) + 2
    expected = ridge(features, labels, test_features, penalty)
    assert_equal(submission.ridge_scores(features, labels, test_features, penalty), expected)


@pytest.mark.points("ridge_scores", 1, shows="small penalties")
def test_ridge_small_penalty(submission, rng):
    for count, size, classes, tests in [(12, 3, 2, 4), (20, 5, 4, 3), (9, 1, 3, 5)]:
        check_ridge(submission, rng, count, size, classes, tests, 1e-3)


@pytest.mark.points("ridge_scores", 1, shows="penalties that matter, and huge ones")
def test_ridge_penalties(submission, rng):
    for penalty in (0.5, 20.0, 1e5):
        check_ridge(submission, rng, 15, 4, 3, 4, penalty)


@pytest.mark.points("ridge_scores", 1, shows="one test image, and more features than images")
def test_ridge_shapes(submission, rng):
    check_ridge(submission, rng, 10, 3, 3, 1, 2.0)
    check_ridge(submission, rng, 6, 9, 2, 3, 1.0)
