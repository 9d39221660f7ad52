"""lecture5 bench: that it times what is right, counts memory truly, and stores what it found."""

import importlib.util
import json
import random
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from lecture5 import bench, plots
from lecture5.bench import measure, peers, results
from lecture5.bench.cases import PRODUCTS, SUITES, Case
from lecture5.conv import core, gemm, workspace
from lecture5.plots import speed
from lecture5.plots.figure import LIGHT, Panel

SMALL = Case("kernels", "small", 2, 3, 4, (9, 7), 3, 3, 1)
KEYS = {"suite", "case", "product", "contender", "seconds", "ratio", "extra_bytes", "error"}


@pytest.fixture(scope="module")
def measured():
    """Every product of a small case, measured for a moment each."""
    with measure.threads(1):
        machine = measure.machine(1)
        pairs = [measure.measure(SMALL, product, 0.01) for product in PRODUCTS]
    rows = [row for some, _ in pairs for row in some]
    left_out = [row for _, some in pairs for row in some]
    return {"machine": machine, "import_seconds": {}, "rows": rows, "left_out": left_out}


def test_everyone_takes_part_and_is_right(measured):
    for product in PRODUCTS:
        names = {row["contender"] for row in results.select(measured["rows"], product=product)}
        assert {"torch", "auto", "gemm", "fourier", "windows", "direct", "matrix", "auto, tensors"} <= names
        teaching = {"naive loops", "strided einsum", "indexed im2col", "scipy.signal"}
        assert teaching <= names if product == "output" else not teaching & names
    for row in measured["rows"]:
        assert set(row) - {"chosen"} == KEYS
        assert row["error"] <= measure.TOLERANCE
        assert row["seconds"] > 0
        assert (row["contender"] == "torch") <= (row["ratio"] == 1)


def test_who_cannot_is_left_out_with_the_reason(measured):
    assert {row["contender"] for row in measured["left_out"]} == {"winograd"}  # The stride is 3.
    assert all("a kernel larger than the stride" in row["reason"] for row in measured["left_out"])


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_method_that_is_wrong_is_reported_and_not_timed(monkeypatch, product):
    function = measure.FUNCTIONS[product]
    right = getattr(gemm, function)
    monkeypatch.setattr(gemm, function, lambda *operands: right(*operands) + np.float32(0.01))
    rows, left_out = measure.measure(SMALL, product, 0.01)
    assert "gemm" not in {row["contender"] for row in rows}
    (reason,) = (row["reason"] for row in left_out if row["contender"] == "gemm")
    assert reason.startswith("wrong: off by 0.00")


@pytest.mark.parametrize("peer", [peers.naive_loops, peers.strided_einsum, peers.indexed_im2col, peers.scipy_signal])
@pytest.mark.parametrize(
    "case",
    [
        Case("", "", 2, 3, 4, (13,), 4, 3, 2),
        Case("", "", 3, 2, 3, (6, 8), 3, 2, 1),
        Case("", "", 1, 2, 2, (4, 5, 6), 2),
    ],
)
def test_the_teaching_code_computes_a_convolution(peer, case):
    x, w, _ = case.operands()
    assert measure.largest_error(peer(x, w, case.settings), core.forward(x, w, case.settings, "direct")) < 1e-5


def test_the_largest_error():
    assert measure.largest_error(np.array([1.0, -4.0]), np.array([1.0, -5.0])) == pytest.approx(0.2)
    assert measure.largest_error(np.array([1.0, np.nan]), np.array([1.0, 2.0])) == np.inf
    assert measure.largest_error(np.ones((1, 2)), np.ones(2)) == np.inf


def test_memory_of_a_known_allocation():
    def three_arrays_at_once():
        first, second = np.ones(2**20, np.uint8), np.ones(2**21, np.uint8)
        return first[: 2**19] + second[: 2**19]

    extra = measure.extra_memory(three_arrays_at_once, result_bytes=2**19)
    assert 3 * 2**20 <= extra < 3 * 2**20 + 20_000
    assert measure.extra_memory(lambda: np.ones(2**20, np.uint8), result_bytes=2**20) < 20_000


def test_memory_that_is_kept_from_earlier_calls_counts():
    def call():
        workspace.workspace("test", (2**20,), np.uint8)

    call()
    assert measure.extra_memory(call, 0) >= 2**20


def test_memory_of_every_thread_counts():
    case = Case("", "", 2, 16, 16, (64, 64), 3, 1, 1)
    x, w, _ = case.operands()
    result_bytes = 4 * 2 * 16 * 64 * 64
    with measure.threads(2):
        first, again = (
            measure.extra_memory(lambda: core.forward(x, w, case.settings, "gemm"), result_bytes) for _ in range(2)
        )
    assert first > 2**20
    assert again == pytest.approx(first, rel=0.05)


class Clock:
    """A clock that goes on by a little at each look, and by what a call takes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1e-4
        return self.now


def test_turns_give_each_call_its_share_and_keep_the_best_time():
    clock, spent = Clock(), {"quick": [], "slow": []}

    def call(name, durations):
        spent[name].append(durations[len(spent[name]) % len(durations)])
        clock.now += spent[name][-1]

    calls = {"quick": lambda: call("quick", [0.004, 0.003, 0.005]), "slow": lambda: call("slow", [0.4, 0.3])}
    best = measure.take_turns(calls, 2.0, {"quick": 0.1, "slow": 0.5}, clock)
    assert best == pytest.approx({"quick": 0.003, "slow": 0.3}, abs=2e-4)
    assert 0.5 < sum(spent["quick"]) < 1.0
    assert 0.4 < sum(spent["slow"]) < 1.0
    assert clock.now < 2.0
    never = measure.take_turns({"slow": lambda: 1 / 0}, 2.0, {"slow": 3.0}, clock)
    assert never == {"slow": 3.0}


def test_one_thread_is_timed_by_what_the_processor_does_and_several_by_the_wall():
    def slept(clock):
        before = clock()
        time.sleep(0.05)
        return clock() - before

    assert slept(measure.clock_of(1)) < 0.05 <= slept(measure.clock_of(2)) + 1e-3


def test_who_is_too_slow_or_needs_too_much_memory_does_not_take_part():
    layer, lenet, large = SUITES["resnet18"][1], SUITES["lenet"][0], SUITES["kernels"][-1]
    first = SUITES["resnet18"][11]
    assert measure.too_much("naive loops", layer, "output") == "would take about 1.2e+02 s"  # 64² · 9 · 56² products
    assert measure.too_much("indexed im2col", large, "output").endswith("GiB")
    assert measure.too_much("windows", large, "output") == "would need about 4.5 GiB"  # 63² · 8 · 194² numbers
    assert measure.too_much("windows", first, "output") == ""
    assert (
        measure.too_much("windows", first, "input gradient") == "would need about 4.7 GiB"
    )  # 8 · 64 · 7² · 224² numbers
    for product in PRODUCTS:
        assert all(measure.too_much(name, lenet, product) == "" for name in ("direct", "windows", "fourier", "matrix"))
        assert measure.too_much("gemm", large, product) == ""


def test_results_are_stored_and_put_together(measured, tmp_path):
    file = tmp_path / "results.json"
    results.write(measured, file)
    assert results.read(file) == measured
    assert "/" not in json.dumps(measured["machine"])  # Neither a path nor an address.
    again = [row | {"seconds": 9.0} for row in results.select(measured["rows"], product="output")]
    new = {"machine": measured["machine"], "import_seconds": {"numpy": 1.0, "lecture5": 1.1}, "rows": again}
    both = results.merged(measured, new | {"left_out": []})
    assert results.select(both["rows"], product="output") == again
    assert len(both["rows"]) == len(measured["rows"])
    assert not results.select(both["left_out"], product="output")
    assert both["import_seconds"]["lecture5"] == 1.1
    other = new | {"machine": measured["machine"] | {"numpy": "1.0"}, "left_out": []}
    with pytest.raises(ValueError, match=r"numpy .* but now it is 1\.0"):
        results.merged(measured, other)


def test_the_table_names_everyone_from_fastest_to_slowest(measured):
    rows = results.select(measured["rows"], product="output")
    first, *lines = results.table(rows, results.select(measured["left_out"], product="output")).splitlines()
    assert first == "kernels small: 2 × 3→4, 9×7, 3² /3, output"
    assert len(lines) == len(rows) + 1
    times = [float(line.split(" ms")[0].split()[-1]) for line in lines[:-1]]
    assert times == sorted(times)
    assert lines[-1].split()[0] == "winograd"
    assert sum("MiB" in line for line in lines) == len(rows) - 2  # torch, and auto on tensors


def row(suite, case, product, contender, seconds, torch=1.0, extra_bytes=0):
    return {
        "suite": suite,
        "case": case,
        "product": product,
        "contender": contender,
        "seconds": seconds,
        "ratio": seconds / torch,
        "extra_bytes": extra_bytes,
    }


def test_the_targets_by_hand():
    rows = [
        row("alexnet", "a", "output", "auto", 0.5) | {"chosen": "fourier"},
        row("alexnet", "a", "output", "gemm", 0.4),
        row("alexnet", "a", "output", "fourier", 0.45),
        row("resnet18", "b", "output", "auto", 2.0, extra_bytes=3 * 2**20) | {"chosen": "winograd"},
        row("resnet18", "b", "output", "winograd", 1.9),
        row("resnet18", "b", "output", "strided einsum", 50.0),
        row("resnet18", "b", "output", "indexed im2col", 10.0),
        row("resnet18", "b", "input gradient", "auto", 1.2) | {"chosen": "gemm"},
        row("resnet18", "b", "input gradient", "gemm", 1.3),
        row("kernels", "kernel 31: x", "output", "torch", 30.0, torch=30.0),
        row("kernels", "kernel 31: x", "output", "auto", 2.0, torch=30.0) | {"chosen": "fourier"},
        row("kernels", "kernel 31: x", "output", "fourier", 1.9, torch=30.0),
        row("kernels", "kernel 31: x", "output", "auto, tensors", 4.0, torch=30.0),
        row("kernels", "kernel 15: x", "output", "torch", 1.0),
        row("kernels", "kernel 15: x", "output", "auto", 1.0) | {"chosen": "gemm"},
        row("kernels", "kernel 15: x", "output", "gemm", 1.0),
    ]
    found = results.targets({"rows": rows, "import_seconds": {"numpy": 0.1, "lecture5": 0.15}})
    assert [target.reached for target in found] == pytest.approx([1, 2, 1.2, 4 / 5, 15, 7.5, 25, 5, 3, 1.5])
    assert [target.is_met for target in found] == [True, False, True, False, True, False, True, False, True, False]
    assert [str(target).split()[-1] for target in found] == ["yes" if target.is_met else "no" for target in found]
    assert results.targets({"rows": [], "import_seconds": {}}) == []


def test_the_figure_has_a_mark_for_each_contender_in_each_case(monkeypatch):
    drawn = []

    def panel(draw, *, alt, title, size):
        axes = Canvas().subplots(1, squeeze=False)[:, 0]
        draw(axes, LIGHT)
        drawn.append(axes[0])
        return Panel("light", "dark", alt=alt, title=title, width=1)

    monkeypatch.setattr(speed, "drawn_panel", panel)
    rows = [
        row("audio", "a", "output", "auto", 0.5),
        row("audio", "a", "output", "torch", 1.0),
        row("audio", "b", "output", "auto", 2.0),
        row("audio", "b", "output", "gemm", 4.0),
        row("audio", "b", "output", "direct", 8.0),
    ]
    figure = plots.time_ratios([("title", rows, "what is seen")], contenders=("auto", "gemm", "winograd"))
    assert [(panel.title, panel.alt) for panel in figure.panels] == [("title", "what is seen")]
    (axes,) = drawn
    marks = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if line.get_marker() != "None"}
    assert marks == {"auto": [[0.5, 0], [2, 1]], "gemm": [[4, 1]]}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(SUITES, "kernels", [SMALL])
    monkeypatch.setattr(measure, "import_seconds", lambda: {"numpy": 0.1, "lecture5": 0.1})
    file, drawing = tmp_path / "own.json", tmp_path / "own.svg"
    options = ["--threads", "1", "--seconds", "0.01", "--out", str(file)]
    assert bench.main(["kernels", "--product", "output", *options]) == 0
    assert bench.main(["kernels", "--product", "input gradient", *options, "--draw", str(drawing)]) == 0
    assert bench.main(["import", *options]) == 0
    stored = results.read(file)
    assert {row["product"] for row in stored["rows"]} == set(PRODUCTS[:2])
    assert stored["machine"]["threads"] == 1
    assert stored["import_seconds"]["numpy"] == 0.1
    assert drawing.read_text().lstrip().startswith("<?xml")
    printed = capsys.readouterr().out
    assert "kernels small: 2 × 3→4, 9×7, 3² /3, output" in printed
    assert "largest extra memory of auto" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["lenet5"], "unknown name lenet5: the known ones are alexnet"),
        (["--threads", "0"], "both must be positive"),
        (["--seconds", "-1"], "both must be positive"),
    ],
)
def test_wrong_use(options, message, capsys):
    with pytest.raises(SystemExit) as error:
        bench.main(options)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_results_of_another_machine_are_not_mixed_in(measured, tmp_path, capsys):
    file = tmp_path / "results.json"
    results.write(measured | {"machine": measured["machine"] | {"processor": "abacus"}}, file)
    with pytest.raises(SystemExit):
        bench.main(["import", "--threads", "1", "--out", str(file)])
    assert "abacus" in capsys.readouterr().err


def test_the_script_that_checks_the_choice(capsys):
    """It draws the same convolutions again for a seed, and finds for each product how times and estimates compare."""
    script = Path(bench.__file__).parents[2] / "benchmarks" / "choice.py"
    specification = importlib.util.spec_from_file_location("choice", script)
    choice = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(choice)
    drawn = [choice.draw(random.Random(3)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert 2e6 < drawn[0].multiplications < 1.5e9
    found = choice.times_and_costs(SMALL, "output", 0.01)
    assert set(found) == {"gemm"}  # A stride as large as the kernel, and far too few multiplications for Fourier.
    assert all(0 < best < 1 and 0 < cost < 1 for best, cost in found.values())

    choice.main(["--number", "2", "--seconds", "0.01"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(PRODUCTS)
    assert sum("chosen within 10 %" in line for line in lines) == 3
    assert sum("gemm" in line and "2 convolutions" in line for line in lines) == 3
