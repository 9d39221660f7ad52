"""The receptive-field explorer of chapter 7 in a real browser: its numbers against ours and torch's, and every hand."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

from lecture5 import plots, receptive_field

pytestmark = pytest.mark.browser

INPUT = 33
PRESETS = ("three of 3", "one of 7", "strides", "with pooling", "dilations 1, 2, 4, 8", "holes", "AlexNet's start")
# Builds a stack as the page's own controls do, and reads what it then shows.
BUILD = """(layers) => {
  build(layers.map(([kernel, stride, padding, dilation]) => ({ kernel, stride, padding, dilation })));
  return {
    problem: document.getElementById("problem").textContent,
    gives: [...document.querySelectorAll(".layer:not(.head) .gives")].map((line) => line.textContent).reverse(),
    unit: state.unit,
    units: fields().found.map(({ units }) => units),
    ways: fields().problem ? null : paths(fields().found).counts[0],
    says: document.getElementById("says").textContent,
  };
}"""


@pytest.fixture(scope="module")
def shared(browser):
    page = browser.new_page(viewport={"width": 760, "height": 1000})
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.set_content(plots.receptive_explorer().page)
    yield page
    assert page.faults == []
    page.close()


@pytest.fixture
def page(shared):
    shared.get_by_role("button", name="three of 3").click()
    return shared


def gradient(layers, unit):
    """The gradient of one unit by the input, where all weights are 1."""
    x = torch.zeros(1, 1, INPUT, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel_size, stride, padding, dilation in layers:
        ones = torch.ones(1, 1, kernel_size, dtype=torch.float64)
        y = torch.nn.functional.conv1d(y, ones, stride=stride, padding=padding, dilation=dilation)
    return y.shape[-1], torch.autograd.grad(y[0, 0, unit], x)[0][0, 0].tolist()


def random_stacks(count):
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield [
            [int(rng.integers(1, 6)), int(rng.integers(1, 4)), int(rng.integers(0, 4)), int(rng.integers(1, 4))]
            for _ in range(rng.integers(1, 5))
        ]


def test_numbers_are_those_of_the_recurrence_and_of_torch(page):
    possible = 0
    for layers in random_stacks(60):
        shown = page.evaluate(BUILD, layers)
        if shown["problem"]:
            assert "take a smaller kernel or dilation" in shown["problem"]
            with pytest.raises(RuntimeError, match=r"[Kk]ernel size"):
                gradient(layers, 0)
            continue
        possible += 1
        expected = [f"size {size}, jump {jump}, start {start:g}" for size, jump, start in receptive_field(layers)]
        assert [line.replace("−", "-") for line in shown["gives"]] == expected
        units, ways = gradient(layers, shown["unit"])
        assert shown["units"][-1] == units
        assert shown["ways"] == ways
    assert 20 < possible < 60


def test_what_is_said_of_padding_and_holes(page):
    shown = page.evaluate(BUILD, [[3, 1, 2, 2]] * 3)
    assert shown["says"] == "Unit 16 of layer 3 sees 13 cells, 10 to 22, around 16. 6 of them are never read."
    shown = page.evaluate(BUILD, [[11, 4, 2, 1], [3, 2, 0, 1], [5, 1, 2, 1]])
    assert shown["says"].startswith("Unit 1 of layer 3 sees 51 cells, −10 to 40, around 15.")
    assert "18 of them lie outside, in the padding." in shown["says"]
    page.locator("#unit").fill("0")
    assert "Unit 0 of layer 3 sees 51 cells, −18 to 32" in page.locator("#says").inner_text()


def test_half_of_the_paths(page):
    page.evaluate(BUILD, [[3, 1, 1, 1]] * 4)  # 1 4 10 16 19 16 10 4 1, in all 81: the three strongest hold 51
    text = page.locator("#paths").inner_text()
    assert "Of 81 paths, 19 end in the strongest cell, and half in the 3 strongest." in text


def test_layers_are_added_changed_chosen_and_removed(page):
    page.get_by_role("button", name="Add a layer").click()
    assert page.evaluate("state.layers.length") == 4
    page.locator("#stride-4").fill("2")
    page.locator("#stride-4").press("Tab")
    assert page.evaluate("fields().found[4].jump") == 2
    assert page.evaluate("document.activeElement.id") == "padding-4"  # the focus goes on where it was going
    page.locator("#kernel-1").fill("99")
    page.locator("#kernel-1").press("Enter")
    assert page.locator("#kernel-1").input_value() == "11"
    page.get_by_role("button", name="layer 2", exact=True).click()
    assert page.evaluate("state.level") == 2
    assert page.get_by_role("button", name="layer 2", exact=True).get_attribute("aria-pressed") == "true"
    for _ in range(3):
        page.get_by_role("button", name="Remove layer 1").click()
    assert page.evaluate("state.layers") == [{"kernel": 3, "stride": 2, "padding": 0, "dilation": 1}]
    assert page.get_by_role("button", name="Remove layer 1").is_disabled()
    for _ in range(5):
        page.get_by_role("button", name="Add a layer").click()
    assert page.get_by_role("button", name="Add a layer").is_disabled()


def test_a_tap_and_an_arrow_key_choose_a_unit(page):
    page.locator("[data-level='1'][data-unit='5']").click()
    assert "Unit 5 of layer 1 sees 3 cells, 5 to 7" in page.locator("#says").inner_text()
    page.locator("#unit").focus()
    page.keyboard.press("ArrowRight")
    assert "Unit 6 of layer 1" in page.locator("#says").inner_text()
    assert page.locator("#unit").get_attribute("aria-valuetext") == "unit 6 of layer 1"
    page.locator("[data-level='0'][data-unit='3']").click()
    assert page.locator("#says").inner_text() == "Unit 3 of input sees 1 cell, cell 3."


def test_what_does_not_fit_is_explained_and_can_be_undone(page):
    page.evaluate(BUILD, [[11, 4, 0, 1], [7, 1, 0, 1]])
    assert "The kernel of layer 2 spans 7 cells, but the padded row below it has only 6" in (
        page.locator("#problem").inner_text()
    )
    assert page.locator("#drawing").is_hidden()
    page.locator("#kernel-2").fill("3")
    page.locator("#kernel-2").press("Enter")
    assert page.locator("#problem").is_hidden()
    assert page.locator("#drawing").is_visible()


def test_it_starts_with_the_given_stack():
    page = plots.receptive_explorer([(3, 2), (5, 1, 2, 2)]).page
    layers = '[{"kernel":3,"stride":2,"padding":0,"dilation":1},{"kernel":5,"stride":1,"padding":2,"dilation":2}]'
    assert f"build({layers} ||" in page
    with pytest.raises(ValueError, match="kernel_size of layers"):
        plots.receptive_explorer([(0,)])
    with pytest.raises(ValueError, match="room for one to six"):
        plots.receptive_explorer([(3,)] * 7)


@pytest.mark.parametrize("width", [1000, 350])
def test_in_a_page_it_follows_theme_and_width_and_pleases_axe(browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    page.set_content(
        '<!doctype html><html lang="en" data-theme="light"><head><title>Host</title></head>'
        f"<body><main><h1>A chapter</h1>{plots.receptive_explorer()._repr_html_()}</main></body></html>"
    )
    frame = page.frame_locator("iframe")
    frame.locator("#drawing rect").first.wait_for()
    inside = page.frames[-1]
    for preset in ("with pooling", "AlexNet's start"):
        frame.get_by_role("button", name=preset).click()
        for theme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 18, 18)")):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            page.wait_for_timeout(50)
            assert inside.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor") == colour
            assert inside.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            violations = Axe().run(page).response["violations"]
            assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in violations] == []
    height = inside.evaluate("document.documentElement.offsetHeight")
    assert abs(page.locator("iframe").bounding_box()["height"] - height) <= 3
    page.close()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits(page, preset):
    page.get_by_role("button", name=preset).click()
    assert page.locator("#problem").is_hidden()
    assert page.locator("#drawing .chosen").count() == 1
