"""Hidden tests of exercise 00. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by definitions written down once more, so that nothing is compared with itself.
"""

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def expected(x, size):
    total = np.concatenate([[0.0], np.cumsum(x)])
    return (total[size:] - total[:-size]) / size


@pytest.mark.points("moving_average", 1, shows="random signals, windows of several sizes")
def test_moving_average_random(submission, rng):
    for length, size in [(9, 3), (12, 4), (7, 2)]:
        x = rng.normal(size=length)
        assert_equal(submission.moving_average(x, size), expected(x, size))


@pytest.mark.points("moving_average", 1, shows="windows of one sample and as long as the signal; whole numbers")
def test_moving_average_edges(submission, rng):
    x = rng.normal(size=8)
    for size in (1, 8, 7):
        assert_equal(submission.moving_average(x, size), expected(x, size))
    whole = rng.integers(-9, 10, size=11)
    assert_equal(submission.moving_average(whole, 3), expected(whole, 3))
