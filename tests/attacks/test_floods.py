"""What a submission prints or sends does not pile up in the grader's own process."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.sandbox
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "flood.py"
MIB = 180  # some 95 of them are Python and the libraries


@pytest.mark.parametrize(
    ("flood", "outcomes"),
    [
        ("lines", {"output limit"}),
        ("large pieces", {"output limit"}),
        ("descriptor 1", {"output limit", "wrong"}),  # half of what goes past Python ends in the box
        ("an exception", {"exception", "out of memory"}),
        ("results", {"wrong"}),
        ("messages", {"output limit"}),
    ],
)
def test_flood(flood, outcomes):
    spec = importlib.util.spec_from_file_location("flood", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.measure(flood, 200 * 2**20)
    assert found["MiB"] < MIB
    assert found["outcome"] in outcomes
    assert found["points of the others"] == 14
