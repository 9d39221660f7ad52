"""The transposed-convolution explorer in a real browser: its numbers against lecture5's, by hand and by keyboard."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import lecture5
from lecture5 import plots

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared(browser):
    page = browser.new_page(viewport={"width": 900, "height": 800})
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("request", lambda request: page.faults.append(request.url))
    page.set_content(plots.transposed_explorer().page)
    yield page
    assert page.faults == []
    page.close()


@pytest.fixture
def page(shared):
    shared.locator("#again").click()
    shared.locator("#forward").click()
    return shared


def numbers(page, selector):
    return [int(text.replace("−", "-")) for text in page.locator(selector).all_inner_texts()]


def test_the_lectures_numbers(page):
    assert numbers(page, "#output button") == [22, 21, 22, 20]
    matrix = lecture5.conv_matrix([[[[1, 2], [2, 1]]]], (1, 3, 3)).toarray()
    assert numbers(page, "#matrix span") == matrix.ravel().tolist()
    page.locator("#back").click()
    assert numbers(page, "#output button") == [1, 4, 4, 4, 13, 10, 4, 10, 4]
    assert numbers(page, "#matrix span") == matrix.T.ravel().tolist()


def test_every_output_is_what_lecture5_computes(page):
    rng = np.random.default_rng(0)
    for _ in range(10):
        kernel, x, y = (rng.integers(-9, 10, size=shape) for shape in ((2, 2), (3, 3), (2, 2)))
        page.evaluate(
            "(given) => { Object.assign(state, given); redraw(); }",
            {"kernel": kernel.ravel().tolist(), "x": x.ravel().tolist(), "y": y.ravel().tolist(), "back": False},
        )
        expected = lecture5.conv2d(x[None, None], kernel[None, None]).ravel().tolist()
        assert numbers(page, "#output button") == expected
        page.locator("#back").click()
        expected = lecture5.conv_transpose2d(y[None, None], kernel[None, None]).ravel().tolist()
        assert numbers(page, "#output button") == expected


def test_the_sum_of_a_chosen_output_is_written_out(page):
    page.get_by_role("button", name="output, row 2, column 1: 22").click()
    assert page.locator("#sum").inner_text() == "1 · 6 + 2 · 5 + 2 · 1 + 1 · 4 = 22"
    page.locator("#back").click()
    page.get_by_role("button", name="output, row 2, column 2: 13").press("Enter")
    assert page.locator("#sum").inner_text() == "1 · 1 + 2 · 2 + 2 · 2 + 1 · 4 = 13"
    assert "4 stamps" in page.locator("#says").inner_text()


def test_a_number_is_edited_and_a_wrong_one_is_not_taken(page):
    field = page.get_by_label("x, row 1, column 1")
    for text, value in [("5", 5), ("-3", -3), ("−2", -2), ("abc", -2), ("", -2), ("1.5", -2)]:
        field.fill(text)
        field.press("Tab")
        assert page.evaluate("state.x[0]") == value, text
        field = page.get_by_label("x, row 1, column 1")
        assert field.input_value() == str(value).replace("-", "−")


@pytest.mark.parametrize("width", [900, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violation_and_nothing_sticks_out(browser, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.set_content(plots.transposed_explorer().page)
    for direction in ("#forward", "#back"):
        page.locator(direction).click()
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
