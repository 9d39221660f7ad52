"""The kill table in the book is what the tests do now, and no misconception survives."""

import re

import pytest

from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.grading import kills

NUMBERS = exercise_numbers()


@pytest.fixture(scope="module")
def page():
    return kills.page_path().read_text(encoding="utf-8")


def test_the_page_has_every_exercise(page):
    assert page.startswith(kills.HEAD)
    assert [mark.split()[2] for mark in kills.sections(page)] == NUMBERS, "run `lecture5 release`"


@pytest.mark.parametrize("number", NUMBERS)
def test_every_misconception_fails_a_hidden_test(page, number):
    """All of them are planted anew, whatever the hashes in the page say."""
    made = kills.section(get_exercise(number))
    assert "Not caught" not in made
    assert made in kills.sections(page).values(), "run `lecture5 release`"


def test_only_what_changed_is_made_anew(page, monkeypatch):
    monkeypatch.setattr(kills, "section", lambda exercise: f"## {exercise.number} made anew\n")
    assert kills.page(page) == page
    stale = re.sub(r"(% exercise 01 made from )\w", r"\1x", page)
    assert kills.sections(kills.page(stale)).keys() == kills.sections(page).keys()
    assert re.findall(r"## (\d\d) made anew", kills.page(stale)) == ["01"]


def test_a_survivor_is_named(monkeypatch):
    exercise = get_exercise("01")
    table = kills.kill_table(exercise)
    blind = [kills.Kill(kill.function, kill.misconception, "", kill.visible, ()) for kill in table[:1]] + table[1:]
    monkeypatch.setattr(kills, "kill_table", lambda exercise: blind)
    assert "**Not caught by any hidden test: conv1d: flipped-kernel.**" in kills.section(exercise)


def test_the_page_gives_no_answer_away(page):
    for number in NUMBERS:
        for question in get_exercise(number).questions:
            for wrong in question.misconceptions:
                assert wrong.sentence not in page
    assert "def " not in page
    assert "```" not in page
