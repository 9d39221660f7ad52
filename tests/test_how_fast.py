"""The page "How fast is it?": the results that it draws are whole and right, and its words fit them."""

import json
import re
from pathlib import Path

import pytest

from lecture5.bench import measure, results
from lecture5.bench.cases import PRODUCTS, SUITES
from lecture5.exercise import notebooks

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGE = BOOK / "how-fast.ipynb"
SHIPPED = results.shipped()


def shown(cells):
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cells.get("outputs", [])]


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
    text = next(cell.source for cell in notebooks.read(PAGE).cells if cell.id == "targets-read")
    for target in results.targets(SHIPPED):
        assert (f"{target.reached:.2f}" in text) == (not target.is_met), target


def ratios(**wanted):
    return {(row["suite"], row["case"]): row["ratio"] for row in results.select(SHIPPED["rows"], **wanted)}


def test_the_text_on_the_layers_is_true_of_the_figures():
    """Each claim of the page's "Five things to see", and what it says on why the indexed columns are not beaten."""
    output = {"suite": results.NETWORKS, "product": "output"}
    gemm, winograd, auto = (ratios(contender=name, **output) for name in ("gemm", "winograd", "auto"))
    assert max(ratio for (_, case), ratio in gemm.items() if ".down" in case) < 1.1
    ahead = [place for place, ratio in winograd.items() if ratio < gemm[place]]
    large = [(suite, case) for suite, case in winograd if re.match("conv2|layer[12]:|.*: 8 × (192|256|384)→", case)]
    assert len(large) == 10
    assert set(large) <= set(ahead)
    single = [("alexnet", case) for _, case in winograd if re.match("conv[345]: 1 ×", case)]
    assert len(single) == 3
    assert not set(single) & set(ahead)
    assert max(auto, key=auto.get)[1].startswith("conv1")
    assert min(ratio for (_, case), ratio in auto.items() if case.startswith("conv1")) > results.geometric_mean(
        list(auto.values())
    )
    indexed = ratios(contender="indexed im2col", suite="resnet18", product="output")
    assert round(10 / results.geometric_mean(list(indexed.values()))) == 4
