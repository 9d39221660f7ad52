"""The class report: the right numbers, nothing loaded, and nothing that a student wrote is markup."""

import re
import statistics
import sys
from html.parser import HTMLParser

import pytest

sys.path.insert(0, __file__.rpartition("/")[0])
from synthetic_class import check, hostile, large_class, record, write

from lecture5 import cli
from lecture5.grading.gradebook import charts, report
from lecture5.grading.gradebook.folder import read_folder


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def named(*names):
    reports = {"cases": [], "misconceptions": [{"name": name, "sentence": f"About {name}."} for name in names]}
    return {"conv1d": reports}


SMALL = [
    record("ada", points=17.0, seconds=1.0, checks=[check("a", "conv1d", "visible", True)]),
    record("bob", points=7.0, seconds=2.0, reports=named("flipped"), late=True),
    record("cem", points=3.0, seconds=90.0, reports=named("flipped", "short"), attempt=2),
    record("dot", status="unreadable", reason="the file is empty", checks=[]),
    record("eve", status="error", reason="error of ours: no space", checks=[], points=0.0),
]


@pytest.fixture
def small(tmp_path):
    write(tmp_path, SMALL)
    return tmp_path


def test_the_numbers(small):
    text = _Page(report.page(read_folder(small))).text
    for words in ("submissions5", "graded3", "mean points9.0 of 17", "full marks1", "late1", "handed in again1"):
        assert words in text
    assert "Not graded, by our own fault: 1" in text
    assert "eve: error of ours: no space" in text
    assert "Could not be read: 1" in text
    assert "dot: the file is empty" in text
    assert "The slowest: cem (90.0 s), bob (2.0 s), ada (1.0 s)." in text
    assert "1 took longer than 10 s and are in the last bar" in text


def test_rates_and_misconceptions():
    rates = report.check_rates([one for one in SMALL if one["status"] == "graded"])
    assert [(rate.name, rate.passed, rate.of) for rate in rates] == [
        ("a", 1, 1),
        ("conv1d-visible", 2, 2),
        ("test_a", 0, 2),
    ]
    assert rates[2].otherwise == "wrong 2"
    assert [(one.name, one.count) for one in report.misconceptions(SMALL)] == [("flipped", 2), ("short", 1)]


def test_what_no_misconception_explains():
    wrong = check("b", "conv1d", "hidden", False)
    crashed = {**check("c", "convolve", "hidden", False), "outcome": "exception"}
    made = [
        record("ada", checks=[wrong, wrong, crashed]),
        record("bob", checks=[wrong], reports=named("flipped")),
        record("<b>", checks=[wrong], reports={"conv1d": {"cases": [], "misconceptions": []}}),
    ]
    assert report.unexplained(made) == {"conv1d": ["ada", "<b>"]}
    assert "<li><code>conv1d</code>: 2 (ada, &lt;b&gt;)</li>" in report._unexplained(made)
    assert report._unexplained([SMALL[0]]) == ""


def test_a_large_class_adds_up(tmp_path):
    made = large_class()
    write(tmp_path, made)
    text = report.page(read_folder(tmp_path))
    graded = [one for one in made if one["status"] == "graded"]
    bars = [int(count) for count in re.findall(r"<title>[^<]*: (\d+)</title>", text)]
    assert sum(bars) == 2 * len(graded)  # points and times: each submission once in each
    assert f"mean points</dt><dd>{statistics.mean(one['points'] for one in graded):.1f} of 15" in text


def test_nobody_graded(tmp_path):
    write(tmp_path, [SMALL[4]])
    assert "by our own fault: 1" in report.page(read_folder(tmp_path))


def test_students_text_is_text(tmp_path):
    every_place = [*hostile()[:3], *({**one, "status": "unreadable"} for one in hostile()[3:6])]
    write(tmp_path, [*every_place, *({**one, "status": "error"} for one in hostile()[6:])])
    text = report.page(read_folder(tmp_path))
    page = _Page(text)
    assert not set(page.tags) & {"script", "img", "iframe", "link", "object", "testcase"}
    assert page.tags.count("style") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
    for words in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>"):
        assert words in page.text  # to be read, not run


def test_bins_hold_every_value():
    for values, stop in [([0, 0.1, 0.3, 17], 17), ([0.7] * 3, 0.7), ([0], 1), ([5, 2.5, 1000], 5)]:
        edges, counts = charts.bins(values, 0, stop)
        assert sum(counts) == len(values)
        assert len(edges) == len(counts) + 1
        assert edges[-1] >= stop
        assert len(counts) <= 20
    assert charts.bins([4, 4], 0, 4)[1][-1] == 2  # the upper edge belongs to the last bin


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(tmp_path, browser, scheme):
    write(tmp_path, [*large_class(30), *hostile()])
    assert cli.main(["report", str(tmp_path)]) == 0
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = page.evaluate("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color")
    assert ("255, 255, 255" in shown) == (scheme == "dark")
    page.close()


def test_the_command(small, capsys):
    assert cli.main(["report", str(small)]) == 0
    assert capsys.readouterr().out.strip() == str(small / "report.html")
    assert cli.main(["report", str(small / "records")]) == 2
    assert "there are no records in" in capsys.readouterr().err
