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
    batch = max(int(name.rpartition(", ")[2]) for name in found["seconds per submission"] if name[-1].isdigit())
    seconds = {name: figures["clock"] for name, figures in found["seconds per submission"].items()}
    one, both = seconds[f"lecture5, one worker, {batch}"], seconds[f"lecture5, 2 workers, {batch}"]
    nbgrader, otter = (seconds[name] / one for name in ("nbgrader autograde", "otter run"))
    assert (
        f"In a class of {batch}, one worker takes {one:.2f} s for a submission: nbgrader takes {nbgrader:.0f}" in TEXT
    )
    assert f"times as long, otter {otter:.0f} times. With both processors it is {both:.2f} s" in TEXT


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
