"""No attack earns a point, learns anything, leaves anything, or costs anybody else anything."""

import json
import re
import time

import pytest

pytestmark = pytest.mark.sandbox

# Texts that must appear nowhere: the hidden tests' and the solutions' source, /etc/shadow.
SECRETS = ("def cross_correlation", "assert_equal(", "BEGIN SOLUTION", "root:")
OTHERS = {"convolve": 3, "filter_image": 4, "fourier_convolve": 4, "frequency_response": 3}


def test_the_corpus_is_large_enough(lab):
    attacks = lab.read_cells("attacks.txt")
    assert len({attack.name for attack in attacks}) == len(attacks) >= 60


def test_attack(attack, lab):
    record = lab.grade({"conv1d": attack.source})
    assert record["status"] == "graded", record["reason"]
    assert lab.points(record, "conv1d") == 0, "undeserved points"
    if not attack.spoils:
        assert {name: lab.points(record, name) for name in OTHERS} == OTHERS, "it cost the other functions points"
    page = lab.page(record)
    written = json.dumps(record, ensure_ascii=False) + page
    assert not [secret for secret in (lab.secret, *SECRETS) if secret in written]
    assert not re.search(r"FOUND (?!\[\]|0\b)", written), "it found something"
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", written)
    deadline = time.monotonic() + 3
    while lab.left_behind() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert lab.left_behind() == []
