"""Semirings, their convolution, and the network that repeats one layer."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture5.dp import (
    LOG_SUM_EXP,
    MAX_PLUS,
    MAX_TIMES,
    MIN_PLUS,
    OR_AND,
    PLUS_TIMES,
    SEMIRINGS,
    NotConverged,
    Semiring,
    TiedConvNet,
    semiring_conv,
)

small = st.integers(-20, 20).map(float)
NUMBERS = {
    "(+, ×)": small,
    "(min, +)": small | st.just(np.inf),
    "(max, +)": small | st.just(-np.inf),
    "(max, ×)": st.integers(0, 20).map(float),
    "(or, and)": st.booleans(),
    "(logsumexp, +)": small | st.just(-np.inf),
}
every_semiring = pytest.mark.parametrize("semiring", SEMIRINGS, ids=lambda semiring: semiring.name)


def broken_laws(ring, a, b, c):
    """The names of the semiring laws that three numbers contradict."""

    def same(p, q):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(np.isclose(float(p), float(q), rtol=1e-12, atol=1e-12))

    laws = {
        "plus is associative": same(ring.plus(ring.plus(a, b), c), ring.plus(a, ring.plus(b, c))),
        "plus is commutative": same(ring.plus(a, b), ring.plus(b, a)),
        "zero is neutral": same(ring.plus(a, ring.zero), a),
        "times is associative": same(ring.times(ring.times(a, b), c), ring.times(a, ring.times(b, c))),
        "one is neutral": same(ring.times(a, ring.one), a) and same(ring.times(ring.one, a), a),
        "zero absorbs": same(ring.times(a, ring.zero), ring.zero) and same(ring.times(ring.zero, a), ring.zero),
        "left distributive": same(ring.times(a, ring.plus(b, c)), ring.plus(ring.times(a, b), ring.times(a, c))),
        "right distributive": same(ring.times(ring.plus(b, c), a), ring.plus(ring.times(b, a), ring.times(c, a))),
    }
    return {law for law, holds in laws.items() if not holds}


@every_semiring
@given(st.data())
def test_laws(semiring, data):
    numbers = [data.draw(NUMBERS[semiring.name]) for _ in range(3)]
    assert all(semiring.contains(np.array(number)) for number in numbers)
    assert broken_laws(semiring, *numbers) == set()
    assert broken_laws(semiring, *map(torch.from_numpy, map(np.asarray, numbers))) == set()


def test_the_laws_catch_what_is_no_semiring():
    plus_max = Semiring("(+, max)", np.add, np.maximum, 0, 0, "", lambda v: v == v)
    assert "left distributive" in broken_laws(plus_max, 2.0, 1.0, 3.0)
    wrong_zero = Semiring("(min, +)", np.minimum, np.add, 0, 0, "", lambda v: v == v)
    assert broken_laws(wrong_zero, 2.0, 1.0, 3.0) >= {"zero is neutral", "zero absorbs"}


def by_definition(x, w, ring, padding, dilation):
    """The sum over channels and taps, one number at a time."""
    padded = np.full((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True))), ring.zero, float)
    padded[:, :, *(slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True))] = x
    sizes = [n - d * (k - 1) for n, d, k in zip(padded.shape[2:], dilation, w.shape[2:], strict=True)]
    out = np.full((len(x), len(w), *sizes), ring.zero, float)
    for n, k, *cell in np.ndindex(*out.shape):
        for c, *tap in np.ndindex(*w.shape[1:]):
            read = padded[n, c, *(p + d * t for p, d, t in zip(cell, dilation, tap, strict=True))]
            out[n, k, *cell] = ring.plus(out[n, k, *cell], ring.times(read, w[k, c, *tap]))
    return out


@every_semiring
@given(st.data())
def test_convolution_is_its_definition_in_any_dimension(semiring, data):
    dimensions = data.draw(st.integers(1, 3))
    kernel = [data.draw(st.integers(1, 3)) for _ in range(dimensions)]
    dilation = [data.draw(st.integers(1, 2)) for _ in range(dimensions)]
    padding = [data.draw(st.integers(0, 2)) for _ in range(dimensions)]
    sizes = [
        max(1, d * (k - 1) + 1 - 2 * p) + data.draw(st.integers(0, 3))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    batch, channels, filters = (data.draw(st.integers(1, 2)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))

    def draw(*shape):
        values = rng.integers(0, 2 if semiring is OR_AND else 9, shape).astype(float)
        return np.where(rng.random(shape) < 0.2, semiring.zero, values)

    x, w = draw(batch, channels, *sizes), draw(filters, channels, *kernel)
    expected = by_definition(x, w, semiring, padding, dilation)
    numpy_result = semiring_conv(x, w, semiring, padding=padding, dilation=dilation)
    torch_result = semiring_conv(torch.tensor(x), torch.tensor(w), semiring, padding=padding, dilation=dilation)
    np.testing.assert_allclose(numpy_result.astype(float), expected, rtol=1e-12)
    np.testing.assert_allclose(torch_result.double().numpy(), expected, rtol=1e-12)


@given(st.data())
def test_plus_times_is_the_convolution(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    padding, dilation = (tuple(data.draw(st.integers(low, 2)) for _ in range(2)) for low in (0, 1))
    x, w = rng.normal(size=(2, 3, 7, 9)), rng.normal(size=(4, 3, 2, 3))
    ours = semiring_conv(x, w, PLUS_TIMES, padding=padding, dilation=dilation)
    theirs = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), padding=padding, dilation=dilation)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)
    from lecture5 import conv2d

    np.testing.assert_allclose(ours, conv2d(x, w, padding=padding, dilation=dilation), atol=1e-12)


def test_an_image_larger_than_the_cache_is_done_in_bands_without_seams():
    rng = np.random.default_rng(0)
    x, w = rng.random((2, 2, 301, 157)), rng.random((3, 2, 3, 2))
    ours = semiring_conv(x, w, MIN_PLUS, padding=1)
    theirs = semiring_conv(torch.tensor(x), torch.tensor(w), MIN_PLUS, padding=1)
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_results_keep_their_kind_of_number():
    ints, pair = np.array([[[1, 2, 3]]]), np.array([[[1, 1]]])
    assert semiring_conv(ints, pair, PLUS_TIMES).dtype == np.int64
    assert semiring_conv(ints, pair, MIN_PLUS).dtype == np.float64
    assert semiring_conv(ints > 1, pair, OR_AND).dtype == bool
    assert semiring_conv(ints.astype("f4"), pair.astype("f4"), MIN_PLUS).dtype == np.float32
    tensor = torch.ones(1, 1, 3)
    assert semiring_conv(tensor, pair.astype(float), MIN_PLUS).dtype == torch.float32
    assert semiring_conv(tensor > 0, pair, OR_AND).dtype == torch.bool
    assert semiring_conv(torch.tensor(ints), pair, MIN_PLUS).dtype == torch.float32


@pytest.mark.parametrize(
    ("semiring", "number"),
    [(ring, np.nan) for ring in SEMIRINGS]
    + [(PLUS_TIMES, np.inf), (MIN_PLUS, -np.inf), (MAX_PLUS, np.inf), (LOG_SUM_EXP, np.inf)]
    + [(MAX_TIMES, -1.0), (MAX_TIMES, np.inf), (OR_AND, 0.5), (OR_AND, 2)],
)
def test_numbers_that_a_semiring_does_not_have_are_refused(semiring, number):
    good, bad = np.ones((1, 1, 3)), np.array([[[1.0, number, 1.0]]])
    for make in (np.asarray, torch.tensor):
        with pytest.raises(ValueError, match=r"^x holds .* works on"):
            semiring_conv(make(bad), make(good), semiring)
        with pytest.raises(ValueError, match=r"^w holds .* works on"):
            semiring_conv(make(good), make(bad), semiring)


@pytest.mark.parametrize(
    ("x", "w", "error", "says"),
    [
        (np.ones((3, 3)), np.ones((1, 1, 3)), ValueError, r"x has shape \(3, 3\)"),
        (np.ones((1, 2, 5)), np.ones((1, 3, 2)), ValueError, r"w must be \(K, 2,"),
        (np.ones((1, 1, 5)), np.ones((1, 1, 2, 2)), ValueError, "w has shape"),
        (np.ones((1, 1, 2)), np.ones((1, 1, 3)), ValueError, "pad more"),
        ([["a"]], np.ones((1, 1, 3)), TypeError, "x has dtype"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x, w, error, says):
    with pytest.raises(error, match=says):
        semiring_conv(x, w, MIN_PLUS)


def test_a_semiring_is_asked_for():
    with pytest.raises(TypeError, match="must be a Semiring"):
        semiring_conv(np.ones((1, 1, 3)), np.ones((1, 1, 2)), "min-plus")


# --- TiedConvNet ---


def countdown(state):
    return np.maximum(state - 1, 0)


def test_a_run_to_the_fixed_point_counts_the_layers_that_changed_something():
    run = TiedConvNet(countdown).run(np.array([3, 1]))
    assert (run.state.tolist(), run.steps, run.converged) == ([0, 0], 3, True)
    assert [state.tolist() for state in run.history] == [[3, 1], [2, 0], [1, 0], [0, 0]]
    already_there = TiedConvNet(countdown).run(np.array([0]))
    assert (already_there.steps, len(already_there.history)) == (0, 1)


@pytest.mark.parametrize(("steps", "converged"), [(0, False), (2, False), (3, False), (4, True)])
def test_a_fixed_number_of_steps_says_whether_the_last_one_changed_anything(steps, converged):
    run = TiedConvNet(countdown).run(np.array([3]), steps=steps)
    assert (run.steps, run.converged, len(run.history)) == (steps, converged, steps + 1)
    assert run.state == max(0, 3 - steps)


def test_tolerance():
    run = TiedConvNet(lambda x: x / 2).run(np.array([1.0]), tol=0.1)
    assert (run.steps, run.state.item()) == (4, 0.0625)  # the change from 1/8 to 1/16 is the first below 0.1


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_what_never_settles_is_said(make):
    with pytest.raises(NotConverged, match="still changes by 1 after 7 layers") as caught:
        TiedConvNet(lambda x: 1 - x).run(make([0.0, 1.0]), max_steps=7)
    assert caught.value.run.steps == 7
    assert caught.value.run.state.tolist() == [1.0, 0.0]
    with pytest.raises(NotConverged):
        TiedConvNet(lambda x: ~x).run(make([True]), max_steps=4)
    with pytest.raises(NotConverged, match="changes by inf"):
        TiedConvNet(lambda x: x * np.nan).run(make([1.0]), max_steps=4)


def test_infinities_that_stay_are_no_change():
    assert TiedConvNet(lambda x: x + 0).run(np.array([np.inf, -np.inf, 1])).converged
    assert TiedConvNet(lambda x: x + 0).run(torch.tensor([np.inf, -np.inf, 1])).steps == 0


def test_bad_use_of_a_tied_net():
    with pytest.raises(TypeError, match="step is 3"):
        TiedConvNet(3)
    with pytest.raises(ValueError, match="must keep the shape"):
        TiedConvNet(lambda x: x[1:]).run(np.zeros(3))
    with pytest.raises(ValueError, match="tol is -1"):
        TiedConvNet(countdown).run(np.zeros(3), tol=-1)
    with pytest.raises(ValueError, match="steps is -2"):
        TiedConvNet(countdown).run(np.zeros(3), steps=-2)


def test_gradients_flow_through_every_layer():
    w = torch.tensor(2.0, requires_grad=True)
    TiedConvNet(lambda x: w * x).run(torch.ones(1), steps=5).state.sum().backward()
    assert w.grad == 5 * 2.0**4


def test_nothing_is_recorded_when_not_asked():
    assert TiedConvNet(countdown).run(np.array([3]), record=False).history == []


def test_equal_candidates_share_no_gradient():
    """The gradient of a minimum is a choice: one 1, and not two halves."""
    for ring in (MIN_PLUS, MAX_PLUS):
        x = torch.zeros(1, 1, 4, requires_grad=True)
        semiring_conv(x, torch.zeros(1, 1, 4), ring).sum().backward()
        assert sorted(x.grad.flatten().tolist()) == [0, 0, 0, 1]


def test_log_sum_exp_has_gradients_where_nothing_is_possible():
    x = torch.tensor([[[-np.inf, -np.inf, 0.0, 1.0]]], requires_grad=True)
    out = semiring_conv(x, torch.zeros(1, 1, 2), LOG_SUM_EXP)
    assert out[0, 0, 0] == -np.inf
    out[out > -np.inf].sum().backward()
    softmax = torch.softmax(torch.tensor([0.0, 1.0]), 0)
    torch.testing.assert_close(x.grad.flatten(), torch.tensor([0, 0, 1 + softmax[0], softmax[1]]))
    x.grad = None
    out = semiring_conv(x, torch.zeros(1, 1, 2), LOG_SUM_EXP)
    out.nan_to_num(neginf=0).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_importing_the_package_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, lecture5.dp as dp; dp.edit_distance('a', 'b'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
