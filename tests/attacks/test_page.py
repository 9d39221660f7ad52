"""The book's page on grading says what the tests and the measurements say."""

import json
import re
from collections import Counter

from lecture5.exercise.places import course_root

PAGE = (course_root() / "book" / "grading.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
RESULTS = course_root() / "benchmarks" / "results"


def test_attacks_are_counted_by_class(lab):
    attacks = Counter(attack.name.partition(":")[0] for attack in lab.read_cells("attacks.txt"))
    rows = re.findall(r"^\| \*\*(.+?)\*\*: .* \| (\d+) \| .+ \|$", PAGE, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == attacks
    assert f"{sum(attacks.values())} attacks stand in" in TEXT
    assert f"but for {sum(attack.spoils for attack in lab.read_cells('attacks.txt'))} attacks that go on" in TEXT
    assert f"{len(lab.read_cells('oddities.txt'))} honest oddities" in TEXT


def results(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_speed():
    found = results("grading")
    for tool, seconds in found["seconds per submission"].items():
        assert f"| {tool} | {seconds['clock']:.2f} | {seconds['processor']:.2f} |" in PAGE
    assert f"the same {found['submissions']} submissions" in TEXT
    ours = [name for name in found["seconds per submission"] if f"{found['machine']['processors']} workers" in name]
    batch = ours[0].rsplit(", ", 1)[1]
    best, nbgrader, otter = (
        found["seconds per submission"][name]["clock"] for name in (ours[0], "nbgrader autograde", "otter run")
    )
    assert f"In a class of {batch}, with both processors, a submission takes lecture5 {best:.2f} s" in TEXT
    assert f"nbgrader takes {nbgrader / best:.0f} times as long, otter {otter / best:.0f} times" in TEXT


def test_memory():
    floods = results("flood")["floods"]
    assert all(flood["points of the others"] == 14 for flood in floods)
    highest = max(flood["MiB"] for flood in floods)
    assert highest < 200
    assert f"at most {highest:.0f} MiB" in TEXT
    assert f"{floods[0]['MiB']:.0f} MiB without any flood" in TEXT


def test_interruptions():
    found = results("interrupted")
    assert found["grades.csv the same"]
    assert found["checks.csv the same"]
    assert found["repeated or lost"] == 0
    assert found["left over"] == 0
    assert f"{found['submissions']} submissions, killed {found['kills']} times" in TEXT
