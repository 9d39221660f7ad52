"""The page "The lecture, checked" names a test for each verdict: each of them must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = [line for line in (ROOT / "book" / "checked.md").read_text("utf-8").splitlines() if line.startswith("|")]
VERDICTS = {"confirmed", "qualified", "corrected", "answered", "computed"}
BODY = [
    [cell.strip() for cell in row.strip("|").split(" | ")] for row in ROWS if "verdict" not in row and "---" not in row
]


@pytest.fixture(scope="module")
def names():
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^\s*def (test_\w+)", source, re.MULTILINE)}


def test_the_table_is_there():
    assert len(BODY) > 20


@pytest.mark.parametrize("row", BODY, ids=[row[0][:40] for row in BODY])
def test_each_row_has_a_verdict_and_a_test_that_exists(row, names):
    assert len(row) == 3, row
    assert row[1] in VERDICTS
    if row[2].endswith("(History: the paper stands in place of a test.)"):
        assert "{cite}" in row[2]
        return
    test = re.search(r": `(test_\w+)`$", row[2])
    assert test, "the row must end with a test"
    assert test[1] in names
