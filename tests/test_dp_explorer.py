"""The maze explorer of chapter 14 in a real browser: its numbers against lecture5.dp, and everything a hand can do."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from lecture5 import dp, plots

pytestmark = pytest.mark.browser

ROWS, COLUMNS = 11, 15
# Sets a world (null is a wall) and reads what the last layer of the network shows.
SET = """([prices, from, to, operations]) => {
  cost = prices.map((price) => price === null ? Infinity : price);
  [start, goal, chosen, layer] = [from, to, to, 0];
  document.getElementById("semiring").value = operations;
  document.getElementById("semiring").dispatchEvent(new Event("change"));
  go(1000);
  return {
    layers: layers.length - 1,
    last: layers[layers.length - 1].map((value) => value === Infinity ? null : value),
    path: [...document.querySelectorAll(".path")].map((cell) => +cell.id.slice(5)),
    says: document.getElementById("says").textContent,
  };
}"""


@pytest.fixture(scope="module")
def shared(browser):
    page = browser.new_page(viewport={"width": 760, "height": 1000}, has_touch=True)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.set_content(plots.maze_explorer().page)
    yield page
    assert page.faults == []
    page.close()


@pytest.fixture
def page(shared):
    shared.get_by_role("button", name="Wall").first.click()  # the first world
    shared.get_by_role("group", name="What a tap").get_by_role("button", name="Wall").click()
    shared.locator("#semiring").select_option("min-plus")
    return shared


def random_world(rng):
    cost = rng.choice([1.0, 4.0], (ROWS, COLUMNS), p=[0.7, 0.3])
    cost[rng.random(cost.shape) < 0.35] = np.inf
    ends = [int(cell) for cell in rng.choice(cost.size, 2, replace=False)]
    cost.flat[ends] = 1
    return cost, *ends


def show(page, cost, start, goal, operations):
    return page.evaluate(SET, [[c if np.isfinite(c) else None for c in cost.ravel()], start, goal, operations])


def test_distances_and_paths_are_ours(page):
    rng, reached = np.random.default_rng(5), 0
    for _ in range(25):
        cost, start, goal = random_world(rng)
        cell = divmod(start, COLUMNS)
        shown = show(page, cost, start, goal, "min-plus")
        expected = dp.shortest_paths(cost, cell)
        last = np.array([np.inf if value is None else value for value in shown["last"]])
        np.testing.assert_array_equal(last.reshape(cost.shape), expected)
        if np.isinf(expected.flat[goal]):
            assert shown["path"] == []
            assert "cannot be reached" in shown["says"]
            continue
        reached += 1
        assert sum(cost.flat[on_way] for on_way in shown["path"] if on_way != start) == expected.flat[goal]
        assert f"costs {expected.flat[goal]:g}." in shown["says"]
        shown = show(page, cost, start, goal, "or-and")
        np.testing.assert_array_equal(np.reshape(shown["last"], cost.shape), dp.flood_fill(np.isfinite(cost), cell))
    assert 5 < reached < 25


def test_ways_are_counted_as_ours(page):
    cost, start, goal = random_world(np.random.default_rng(1))
    source = np.zeros((1, 1, ROWS, COLUMNS))
    source.flat[start] = 1
    kernel = dp.moves(4, dp.PLUS_TIMES).astype(float)
    layer = dp.wave(kernel, dp.PLUS_TIMES, source, np.isfinite(cost)[None, None] * 1.0)
    shown = show(page, cost, start, goal, "plus-times")
    ours = dp.TiedConvNet(layer).run(source, steps=shown["layers"]).state
    np.testing.assert_allclose(np.reshape(shown["last"], cost.shape), ours[0, 0])
    assert shown["layers"] == 40


def test_stepping_shows_one_layer_more_each_time(page):
    page.locator("#reset").click()
    assert page.locator("#back").is_disabled()
    for layer in range(1, 4):
        page.locator("#step").click()
        assert page.locator("#says").inner_text().startswith(f"Layer {layer}: {4 * layer if layer < 3 else 11} cells")
        assert page.locator(".new").count() == (4 * layer if layer < 3 else 11)
    page.locator("#back").click()
    assert page.locator("#layer").input_value() == "2"


def test_playing_reaches_the_end_and_stops(page):
    page.clock.install()
    page.locator("#play").click()
    assert page.locator("#play").inner_text() == "Pause"
    page.clock.run_for(20_000)
    assert page.locator("#play").inner_text() == "Play"
    assert "layers were enough" in page.locator("#says").inner_text()
    assert page.locator(".path").count() > 2


def test_a_finger_draws_a_wall_and_takes_it_away(page):
    def drag():
        first, last = (page.locator(f"#cell-{cell}").bounding_box() for cell in (17, 20))
        page.mouse.move(first["x"] + 5, first["y"] + 5)
        page.mouse.down()
        page.mouse.move(last["x"] + 5, last["y"] + 5, steps=12)
        page.mouse.up()
        return [
            page.locator(f"#cell-{cell}").evaluate("cell => cell.classList.contains('wall')") for cell in range(16, 22)
        ]

    assert drag() == [False, True, True, True, True, False]
    assert drag() == [False] * 6
    page.locator("#cell-18").tap()
    assert "wall" in page.locator("#cell-18").get_attribute("class")
    page.locator("#cell-18").tap()


def test_keys_walk_and_draw(page):
    page.locator("#cell-87").focus()  # the goal of the first world
    for key in ("ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.id")
    assert focused == "cell-73"
    page.keyboard.press("Enter")
    assert page.locator("#cell-73").get_attribute("aria-label") == "row 5, column 14: wall"
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.id") == "cell-60"
    assert page.locator("#world [tabindex='0']").count() == 1


def test_ends_can_be_moved_but_not_onto_each_other(page):
    page.get_by_role("button", name="Move G").click()
    page.locator("#cell-77").click()  # the start
    assert page.evaluate("[start, goal]") == [77, 87]
    page.locator("#cell-0").click()
    assert page.evaluate("[start, goal]") == [77, 0]


def test_the_sum_of_a_cell_is_written_out(page):
    page.get_by_role("button", name="Ask").click()
    for _ in range(2):
        page.locator("#step").click()
    page.locator("#cell-78").click()  # to the right of the start
    assert page.locator("#sum").inner_text() == "row 6, column 4: 1 = min(∞, 1 + min(∞, 0, ∞, ∞))"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 760])
def test_accessible_on_light_and_dark_pages_and_phones(browser, theme, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    page.set_content(plots.maze_explorer().page)
    for world in ("Swamp", "Maze"):
        page.get_by_role("button", name=world).first.click()
        for layer in (3, 1000):
            page.evaluate("(layer) => go(layer)", layer)
            found = Axe().run(page)
            assert found.response["violations"] == [], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
