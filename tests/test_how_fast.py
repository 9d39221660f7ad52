"""The page "How fast is it?": the results that it draws are whole and right, and its words fit them."""

import json
import re
from math import prod
from pathlib import Path

import pytest

from lecture5.bench import measure, results
from lecture5.bench.cases import PRODUCTS, SUITES
from lecture5.conv import phases, winograd
from lecture5.exercise import notebooks

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGE = BOOK / "how-fast.ipynb"
SHIPPED = results.shipped()


def shown(cells):
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cells.get("outputs", [])]


def text_of(cell_id):
    return next(cell.source for cell in notebooks.read(PAGE).cells if cell.id == cell_id)


def test_running_it_again_prints_what_is_stored():
    stored = notebooks.read(PAGE)
    assert notebooks.dumps(notebooks.normalise(notebooks.read(PAGE))) == PAGE.read_text("utf-8")
    again = notebooks.normalise(notebooks.execute(notebooks.read(PAGE), BOOK, timeout=120))
    assert notebooks.complaints(again) == []
    for before, after in zip(stored.cells, again.cells, strict=True):
        assert shown(after) == shown(before), f"cell {before.id}"


def test_every_case_was_measured_once():
    """Outputs everywhere, and gradients wherever kernels are not large, as the page says."""
    torch = results.select(SHIPPED["rows"], contender="torch")
    found = sorted((row["suite"], row["case"], row["product"]) for row in torch)
    wanted = [
        (suite, str(case), product)
        for suite, cases in SUITES.items()
        for case in cases
        for product in (PRODUCTS[:1] if suite == "kernels" else PRODUCTS)
    ]
    assert found == sorted(wanted)
    assert len(results.select(SHIPPED["rows"], contender="auto")) == len(torch)
    keys = [(row["suite"], row["case"], row["product"], row["contender"]) for row in SHIPPED["rows"]]
    assert len(keys) == len(set(keys))


def test_the_figures_fit_together():
    seconds = {
        (row["suite"], row["case"], row["product"]): row["seconds"] for row in SHIPPED["rows"] if row["ratio"] == 1
    }
    for row in SHIPPED["rows"]:
        of_torch = seconds[row["suite"], row["case"], row["product"]]
        assert row["ratio"] == pytest.approx(row["seconds"] / of_torch, rel=2e-3)
        assert 0 <= row["error"] <= measure.TOLERANCE
    assert not [row for row in SHIPPED["left_out"] if row["reason"].startswith("wrong")]


def test_machine_and_versions_are_named_and_no_place():
    machine = SHIPPED["machine"]
    assert {"processor", "cores", "threads", "time", "system", "python", "numpy", "scipy", "torch", "blas"} <= set(
        machine
    )
    text = json.dumps({key: SHIPPED[key] for key in ("machine", "import_seconds", "left_out")})
    assert not re.search(r"/(home|root|tmp|work|usr)\b|https?:|\.internal|localhost", text)


def test_the_text_names_each_target_that_was_missed():
    """Where a target was missed, the page says by how much; the figures there are those of the file."""
    text = text_of("targets-read")
    for target in results.targets(SHIPPED):
        assert (f"{target.reached:.2f}" in text) == (not target.is_met), target


def ratios(**wanted):
    return {(row["suite"], row["case"]): row["ratio"] for row in results.select(SHIPPED["rows"], **wanted)}


def test_the_text_on_the_layers_is_true_of_the_figures():
    """Each claim of the page's "Six things to see", and what it says on why the indexed columns are not beaten."""
    output = {"suite": results.NETWORKS, "product": "output"}
    gemm, quick, auto = (ratios(contender=name, **output) for name in ("gemm", "winograd", "auto"))
    assert max(ratio for (_, case), ratio in gemm.items() if ".down" in case) < 1.1

    large = [place for place in quick if re.match("conv2|layer[12]:|.*: 8 × (192|256|384)→[^/]*$", place[1])]
    assert len(large) == 10
    assert all(quick[place] < min(1.05, gemm[place]) for place in large)
    (second,) = (place for place in large if place[1].startswith("conv2: 8"))
    assert round(1 / quick[second]) == 2
    single = [place for place in quick if re.match("conv[345]: 1 ×", place[1])]
    assert len(single) == 3
    assert all(quick[place] > gemm[place] for place in single)

    first = [place for place in quick if "11² /4" in place[1]]
    assert [round(quick[place] / gemm[place], 1) for place in first] == [0.7, 0.7]
    strided = [place for place in quick if "3² /2" in place[1]]
    assert len(strided) == 6
    assert all(quick[place] > 1.3 * gemm[place] for place in strided)

    positions = {
        str(case): case.samples * prod(case.shapes[2][2:]) for name in results.NETWORKS for case in SUITES[name]
    }
    above = [case for (_, case), ratio in auto.items() if ratio > 1.1]
    assert all("/2" in case or positions[case] < 400 for case in above)
    assert sum("² /2" in case for case in above) >= 6
    assert max(auto.values()) < 1.34

    einsum = list(ratios(contender="strided einsum", **output).values())
    assert 50 < results.geometric_mean(einsum) < 200

    indexed = ratios(contender="indexed im2col", suite="resnet18", product="output")
    assert f"about {round(10 / results.geometric_mean(list(indexed.values())))} times as fast as PyTorch" in text_of(
        "targets-read"
    )


def test_where_auto_takes_winograd_for_the_layers_it_multiplies_less_than_half_as_often():
    taken = 0
    for case in (case for name in results.NETWORKS for case in SUITES[name]):
        x_shape, w_shape, (_, _, *output_size) = case.shapes
        stride, of_cell = case.settings.stride, prod(case.settings.stride)
        if measure.chosen(case, "output") != "winograd":
            continue
        size, taps = phases.size_of(w_shape[2:], output_size, stride), phases.taps_of(w_shape[2:], stride)
        x_shape, w_shape = (x_shape[0], of_cell * x_shape[1], *size), (w_shape[0], of_cell * w_shape[1], *taps)
        tile = winograd.best_tile(x_shape, w_shape, output_size)
        assert winograd.multiplications(x_shape, w_shape, output_size, tile) < 0.5 * case.multiplications
        taken += 1
    assert taken >= 12
