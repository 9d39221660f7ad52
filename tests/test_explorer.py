"""The arithmetic explorer of chapter 3 in a real browser: its numbers against torch, and everything a hand can do."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

from lecture5 import conv_output_size, plots
from lecture5.padding import PADDING_MODES

pytestmark = pytest.mark.browser

NUMPY_MODES = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}
# Moves every control as a hand would, and reads what the page then shows.
SET = """(settings) => {
  document.querySelector(`[data-dimensions="${settings.dimensions}"]`).click();
  for (const name of ["input", "kernel", "stride", "padding", "dilation"]) {
    document.getElementById(name).value = settings[name];
    document.getElementById(name).dispatchEvent(new Event("input"));
  }
  document.getElementById("mode").value = settings.mode;
  document.getElementById("mode").dispatchEvent(new Event("change"));
  return {
    filled: document.getElementById("filled").innerText,
    problem: document.getElementById("problem").innerText,
    sums: [...document.querySelectorAll("[data-sum]")].map((cell) => +cell.dataset.sum),
    rest: document.getElementById("rest").textContent,
    unread: document.querySelectorAll(".unread").length,
  };
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.set_content(plots.arithmetic_explorer().page)
    yield page
    assert page.faults == []
    page.close()


def settings(**changes):
    plain = {"dimensions": 1, "input": 7, "kernel": 3, "stride": 1, "padding": 0, "dilation": 1, "mode": "zeros"}
    return plain | changes


def random_settings(count):
    rng = np.random.default_rng(3)
    for _ in range(count):
        dimensions = int(rng.integers(1, 3))
        yield {
            "dimensions": dimensions,
            "input": int(rng.integers(4, {1: 11, 2: 8}[dimensions])),
            "kernel": int(rng.integers(1, {1: 6, 2: 5}[dimensions])),
            "stride": int(rng.integers(1, 5)),
            "padding": int(rng.integers(0, 4)),
            "dilation": int(rng.integers(1, 4)),
            "mode": PADDING_MODES[rng.integers(4)],
        }


def test_numbers_are_those_of_torch(page):
    signal, image = np.array(page.evaluate("[SIGNAL]")), np.array(page.evaluate("IMAGE"))
    weights = {1: np.array(page.evaluate("[WEIGHTS_1D]")), 2: np.array(page.evaluate("WEIGHTS_2D"))}
    impossible = 0
    for chosen in random_settings(80):
        shown = page.evaluate(SET, chosen)
        size, kernel, pad = chosen["input"], chosen["kernel"], chosen["padding"]
        try:
            expected = conv_output_size(size, kernel, chosen["stride"], pad, chosen["dilation"])
        except ValueError:
            assert "padded input has only" in shown["problem"], chosen
            impossible += 1
            continue
        assert shown["problem"] == ""
        assert shown["filled"].split()[-1] == str(expected), chosen
        along = (slice(1 if chosen["dimensions"] == 1 else size), slice(size))
        x = (signal if chosen["dimensions"] == 1 else image)[along]
        w = weights[chosen["dimensions"]][: 1 if chosen["dimensions"] == 1 else kernel, :kernel]
        widths = [(0, 0) if chosen["dimensions"] == 1 else (pad, pad), (pad, pad)]
        x = torch.tensor(np.pad(x, widths, mode=NUMPY_MODES[chosen["mode"]]))[None, None]
        y = torch.nn.functional.conv2d(
            x, torch.tensor(w)[None, None], stride=chosen["stride"], dilation=chosen["dilation"]
        )
        assert shown["sums"] == y.ravel().tolist(), chosen
    assert 0 < impossible < 40  # both kinds were met


def test_what_the_floor_throws_away_is_said_and_hatched(page):
    shown = page.evaluate(SET, settings(kernel=2, stride=2))
    assert "1 cell is left over" in shown["rest"]
    assert "it held data" in shown["rest"]
    assert shown["unread"] == 1
    shown = page.evaluate(SET, settings(dimensions=2, input=6, stride=2, padding=1))
    assert "it held only padding" in shown["rest"]
    assert shown["unread"] == 15  # one row and one column of 8 × 8
    shown = page.evaluate(SET, settings(stride=2))
    assert "exactly at the edge" in shown["rest"]
    assert shown["unread"] == 0


def test_cells_between_the_weights_are_no_fault_of_the_floor(page):
    shown = page.evaluate(SET, settings(input=7, kernel=2, stride=4, dilation=2))
    assert shown["unread"] == 3  # cells 1, 3 and 5
    assert "exactly at the edge" in shown["rest"]
    assert "Another 3 cells of data lie between" in shown["rest"]


def test_arrow_keys_and_buttons_move_the_window(page):
    page.evaluate(SET, settings(dimensions=2, input=5))
    position = page.locator("#position")
    position.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert position.input_value() == "4"
    assert position.get_attribute("aria-valuetext") == "row 1, column 1 of the output"
    assert page.locator("#sum").inner_text().startswith("y[1, 1] = ")
    page.keyboard.press("ArrowUp")
    assert position.input_value() == "1"
    page.locator("#back").click()
    assert position.input_value() == "0"
    assert page.locator("#back").is_disabled()
    page.locator("#step").click()
    page.locator("#reset").click()
    assert position.input_value() == "0"


def test_a_tap_on_an_output_cell_moves_the_window_there(page):
    page.evaluate(SET, settings(dimensions=2, input=6))
    page.locator("[data-position='6']").click()
    assert page.locator("#sum").inner_text().startswith("y[1, 2] = ")


def test_play_goes_to_the_end_and_is_silent_meanwhile(browser):
    page = browser.new_page()
    page.clock.install()
    page.set_content(plots.arithmetic_explorer(dimensions=1, input_size=6, stride=1, padding=0).page)
    page.locator("#play").click()
    assert page.locator("#play").inner_text() == "Pause"
    assert page.locator("#sum").get_attribute("aria-live") == "off"
    page.clock.run_for(10_000)
    assert page.locator("#position").input_value() == "3"
    assert page.locator("#play").inner_text() == "Play"
    assert page.locator("#sum").get_attribute("aria-live") == "polite"
    page.close()


@pytest.mark.parametrize("width", [1000, 350])  # a phone of 390 has about 350 for the figure
def test_in_a_page_it_follows_theme_and_width_and_pleases_axe(browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    frame_html = plots.arithmetic_explorer(dimensions=1, padding=3, mode="circular")._repr_html_()
    page.set_content(
        '<!doctype html><html lang="en" data-theme="light"><head><title>Host</title></head>'
        f"<body><main><h1>A chapter</h1>{frame_html}</main></body></html>"
    )
    frame = page.frame_locator("iframe")
    frame.locator("#stage svg").wait_for()
    inside = page.frames[-1]
    background = "getComputedStyle(document.querySelector('main')).backgroundColor"
    for dimensions in ("1-D", "2-D"):
        frame.get_by_role("button", name=dimensions).click()
        for theme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 18, 18)")):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            page.wait_for_timeout(50)
            assert inside.evaluate(background) == colour
            assert inside.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            assert inside.evaluate(
                "[...document.querySelectorAll('.equation')].every(e => e.scrollWidth <= e.clientWidth)"
            )
            violations = Axe().run(page).response["violations"]
            assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in violations] == []
    height = inside.evaluate("document.documentElement.offsetHeight")
    assert abs(page.locator("iframe").bounding_box()["height"] - height) <= 3
    page.close()
