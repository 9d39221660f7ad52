"""The convolution explorer in a real browser: its numbers against lecture5's, by mouse, by keyboard, by touch."""

import itertools

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

import lecture5
from lecture5 import plots

pytestmark = pytest.mark.browser

VIEWS = {
    "light": {"viewport": {"width": 900, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 900, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True, "is_mobile": True},
}
PICTURES = ("Cup", "Letter F", "Dot", "Edge")
KERNELS = ("Identity", "Box", "Laplacian", "Sobel", "Emboss", "1 to 9")


class Explorer:
    """The widget as a reader finds it: in a frame of a page, with what went wrong written down."""

    def __init__(self, browser, view="light", page_attributes="", body_attributes=""):
        self.context = browser.new_context(**VIEWS[view])
        self.page = self.context.new_page()
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        self.page.on("request", lambda request: self.faults.append(request.url))
        self.page.set_content(
            f'<!doctype html><html lang="en" {page_attributes}><meta name="viewport" content="width=device-width">'
            f"<body {body_attributes}>{plots.convolution_explorer()._repr_html_()}</body></html>"
        )
        self.page.wait_for_selector("iframe")
        self.frame = self.page.frames[1]
        self.frame.wait_for_selector("#kernel input")

    def choose(self, *names):
        for name in names:
            self.frame.get_by_role("button", name=name, exact=True).click()

    def position(self):
        return self.frame.evaluate("[state.row, state.column]")

    def filled(self):
        return self.frame.evaluate("state.filled.filter(Boolean).length")

    def arrays(self):
        return [np.array(self.frame.evaluate(name)) for name in ("image", "state.weights", "output")]

    def box(self, selector):
        return self.frame.locator(selector).bounding_box()

    def background(self):
        return self.frame.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor")


@pytest.fixture
def explorer(browser, request):
    opened = Explorer(browser, getattr(request, "param", "light"))
    yield opened
    assert opened.faults == []
    opened.context.close()


# Presses the buttons as a reader would, every kernel as printed and turned, and reads what follows.
EVERY_KERNEL = """(picture) => {
  const press = (name) => [...document.querySelectorAll("button")].find((b) => b.textContent === name).click();
  press(picture);
  return Object.keys(KERNELS).flatMap((kernel) => {
    press(kernel);
    return [0, 1].map(() => { $("flip").click(); return [kernel, state.flip, image, state.weights, output]; });
  });
}"""


@pytest.mark.parametrize("picture", PICTURES)
def test_every_output_is_what_lecture5_computes(explorer, picture):
    results = explorer.frame.evaluate(EVERY_KERNEL, picture)
    assert {(kernel, flip) for kernel, flip, *_ in results} == set(itertools.product(KERNELS, (False, True)))
    for kernel, flip, image, weights, output in results:
        image, weights = np.array(image), np.array(weights).reshape(3, 3)
        expected = (
            lecture5.convolve(image, weights, mode="valid")
            if flip
            else lecture5.conv2d(image[None, None], weights[None, None])[0, 0]
        )
        assert image.shape[0] != image.shape[1]
        assert np.shape(output) == (image.shape[0] - 2, image.shape[1] - 2)
        np.testing.assert_allclose(output, expected, atol=1e-9, err_msg=f"{kernel}, flip={flip}")


def test_the_flip_can_be_seen_on_the_dot(explorer):
    explorer.choose("Dot", "1 to 9", "Fill in all")
    texts = "drawings.output.texts.map((text) => text.textContent)"
    shown = np.array(explorer.frame.evaluate(texts)).reshape(6, 8)
    assert shown[2:5, 3:6].tolist() == [["9", "8", "7"], ["6", "5", "4"], ["3", "2", "1"]]
    explorer.frame.locator("#flip").check()
    shown = np.array(explorer.frame.evaluate(texts)).reshape(6, 8)
    assert shown[2:5, 3:6].tolist() == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]
    assert explorer.frame.locator("#laid .cell").all_inner_texts() == list("987654321")


def test_the_chapters_answers_hold(explorer):
    explorer.choose("Letter F", "Box")
    assert explorer.arrays()[2].max() == pytest.approx(7 / 9)
    explorer.choose("Edge", "Sobel")
    image, _, output = explorer.arrays()
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    flat = (windows == windows[..., :1]).all(axis=(2, 3))
    assert (output[flat] == 0).all()
    assert (output[~flat] > 0).all()
    for flip, place in ((False, 5), (True, 3)):  # a single 1, right or left of the centre
        explorer.choose("Cup", "Identity")
        explorer.frame.locator("#flip").set_checked(flip)
        for index, weight in ((4, "0"), (place, "1")):
            explorer.frame.locator("#kernel input").nth(index).fill(weight)
        image, _, output = explorer.arrays()
        np.testing.assert_array_equal(output, image[1:-1, 2:])  # everything has moved to the left


def test_arithmetic_of_one_window_is_shown(explorer):
    explorer.choose("Cup", "Emboss")
    explorer.frame.locator("#window").press("ArrowDown")
    (row, column), (image, weights, output) = explorer.position(), explorer.arrays()
    seen = image[row : row + 3, column : column + 3].ravel()
    for grid, numbers in (("seen", seen), ("laid", weights), ("products", seen * weights)):
        shown = explorer.frame.locator(f"#{grid} .cell").all_inner_texts()
        assert [float(text.replace("−", "-")) for text in shown] == numbers.tolist()
    total = explorer.frame.locator("#total").inner_text()
    assert float(total.replace("−", "-")) == output[row, column] == (seen * weights).sum()
    said = explorer.frame.locator("#readout").inner_text()
    assert said == f"output at row {row}, column {column}: {total}"
    assert explorer.frame.locator("#readout").get_attribute("aria-live") == "polite"


def test_keyboard_moves_the_window_and_stops_at_the_border(explorer):
    explorer.choose("Dot", "Start over")
    window = explorer.frame.locator("#window")
    assert explorer.position() == [0, 0]
    for key, expected in [
        ("ArrowRight", [0, 1]),
        ("Shift+ArrowDown", [5, 1]),
        ("ArrowDown", [5, 1]),
        ("ArrowUp", [4, 1]),
        ("End", [4, 7]),
        ("ArrowRight", [4, 7]),
        ("Home", [4, 0]),
        ("ArrowLeft", [4, 0]),
    ]:
        window.press(key)
        assert explorer.position() == expected, key
    assert "rows 4 to 6, columns 0 to 2" in window.get_attribute("aria-label")


def test_everything_is_reached_by_tab_and_the_focus_is_seen(explorer):
    explorer.page.keyboard.press("Tab")
    reached = []
    for _ in range(40):
        active = explorer.frame.evaluate(
            """() => { const e = document.activeElement;
            const name = e.id || e.getAttribute("aria-label") || e.textContent;
            return e === document.body ? null : [name, getComputedStyle(e).outlineStyle]; }"""
        )
        if active and active[0] in dict(reached):
            break
        reached += [active] if active else []
        explorer.page.keyboard.press("Tab")
    names = [name for name, _ in reached]
    for wanted in (*PICTURES, *KERNELS, "window", "weight in row 2, column 2", "flip", "play", "fill", "clear"):
        assert wanted in names
    assert [name for name, outline in reached if outline == "none"] == []


def test_mouse_drags_the_window_and_clicks_on_both_pictures(explorer):
    explorer.choose("Letter F", "Start over")
    box, mouse = explorer.box("#input svg"), explorer.page.mouse
    cell = box["width"] / 10

    def centre(row, column):
        return box["x"] + (column + 1.5) * cell, box["y"] + (row + 1.5) * cell

    mouse.move(*centre(0, 0))
    mouse.down()
    for step in range(5):
        mouse.move(*centre(step, step))
    mouse.up()
    assert explorer.position() == [4, 4]
    assert explorer.filled() == 5
    mouse.move(*centre(0, 7))
    assert explorer.position() == [4, 4]  # the button is up
    mouse.click(*centre(2, 6))
    assert explorer.position() == [2, 6]
    output = explorer.box("#output svg")
    mouse.click(output["x"] + 1.5 * cell, output["y"] + 1.5 * cell)
    assert explorer.position() == [0, 0]
    mouse.move(*centre(3, 3))
    mouse.down()
    mouse.move(box["x"] - 50, box["y"] - 50)  # beyond the picture: held at its border
    mouse.up()
    assert explorer.position() == [0, 0]


@pytest.mark.parametrize("explorer", ["phone"], indirect=True)
def test_a_finger_taps_and_drags(explorer):
    explorer.choose("Letter F", "Start over")
    explorer.frame.locator("#input").scroll_into_view_if_needed()
    box = explorer.box("#input svg")
    cell = box["width"] / 10
    explorer.page.touchscreen.tap(box["x"] + 5.5 * cell, box["y"] + 4.5 * cell)
    assert explorer.position() == [3, 4]
    touch = explorer.context.new_cdp_session(explorer.page)
    for kind, column in [("touchStart", 5.5), ("touchMove", 6.5), ("touchMove", 8.5), ("touchEnd", None)]:
        point = [] if column is None else [{"x": box["x"] + column * cell, "y": box["y"] + 4.5 * cell}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
    explorer.page.wait_for_timeout(100)
    assert explorer.position() == [3, 7]
    reach = explorer.frame.evaluate(
        """() => { const box = document.getElementById("window").getBoundingClientRect();
        const after = getComputedStyle(document.getElementById("window"), "::after");
        return box.width - 2 * parseFloat(after.left); }"""
    )
    assert reach >= 44  # wide enough for a finger


def test_output_grows_where_the_window_has_been(explorer):
    explorer.choose("Dot")
    assert explorer.filled() == 2 * 8 + 3 + 1  # what a sweep has met on its way to the middle
    explorer.choose("Start over")
    assert explorer.filled() == 1
    for _ in range(3):
        explorer.frame.locator("#window").press("ArrowRight")
    assert explorer.filled() == 4
    empty = explorer.frame.evaluate("palette.empty")
    fills = explorer.frame.evaluate("drawings.output.cells.map((cell) => cell.getAttribute('fill'))")
    assert [fill == empty for fill in fills] == [False] * 4 + [True] * 44
    explorer.choose("1 to 9")  # another kernel: the places stay, the numbers change
    assert explorer.filled() == 4
    explorer.choose("Fill in all")
    assert explorer.filled() == 48


def test_play_sweeps_and_pauses(explorer):
    explorer.choose("Edge", "Start over", "Play")
    explorer.frame.wait_for_function("state.filled.filter(Boolean).length >= 4")
    explorer.choose("Pause")
    stopped = explorer.filled()
    explorer.page.wait_for_timeout(400)
    assert explorer.filled() == stopped < 48
    explorer.choose("Cup")
    box = explorer.box("#output svg")
    explorer.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.9 * box["height"])
    explorer.choose("Play")
    explorer.frame.wait_for_function("state.row === 30 && state.column === 47 && !state.playing", timeout=20_000)
    assert explorer.frame.locator("#play").inner_text() == "Play"
    assert "row 30, column 47" in explorer.frame.locator("#readout").inner_text()


def test_kernel_is_edited_and_a_wrong_entry_is_named(explorer):
    field = explorer.frame.locator("#kernel input").nth(5)
    explorer.choose("Dot", "Identity")
    for text, weight in [("2", 2), ("-1.5", -1.5), ("−3", -3), ("1/4", 0.25), (" .5 ", 0.5), ("0,2", 0.2)]:
        field.fill(text)
        assert explorer.arrays()[1][5] == weight, text
    assert explorer.frame.locator("#presets [aria-pressed=true]").count() == 0
    for text in ("", "abc", "1/0", "--2", "1e999", "2;alert(1)", "12345678"):
        field.fill(text)
        assert explorer.arrays()[1][5] == 0.2, text  # the last good one is kept
        assert field.get_attribute("aria-invalid") == "true"
        assert explorer.frame.locator("#wrong").inner_text() == "Not a number: write 2, -1.5 or 1/9."
    field.fill("1")
    field.press("ArrowUp")
    field.press("ArrowUp")
    field.press("ArrowDown")
    assert field.input_value() == "2"
    assert field.get_attribute("aria-invalid") is None
    assert explorer.frame.locator("#wrong").inner_text() == ""
    field.fill("0")
    assert explorer.frame.locator("#presets [aria-pressed=true]").inner_text() == "Identity"


@pytest.mark.parametrize("view", VIEWS)
def test_no_accessibility_violation(browser, view):
    context = browser.new_context(**VIEWS[view])
    page = context.new_page()
    page.set_content(plots.convolution_explorer().page)  # alone, so that axe sees all of it
    for action in ("", "Dot", "Emboss"):
        if action:
            page.get_by_role("button", name=action, exact=True).click()
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("picture", ["Cup", "Dot"])
def test_frame_is_as_high_as_its_page(browser, view, picture):
    explorer = Explorer(browser, view)
    explorer.choose(picture)
    explorer.page.wait_for_timeout(200)
    high, shown = explorer.frame.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert high <= shown <= high + 8
    assert explorer.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert explorer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert explorer.faults == []
    explorer.context.close()


WHITE, BLACK = "rgb(255, 255, 255)", "rgb(18, 18, 18)"


@pytest.mark.parametrize("view", ["light", "dark"])
def test_theme_follows_the_page_and_else_the_system(browser, view):
    system, other = (WHITE, BLACK) if view == "light" else (BLACK, WHITE)
    alone = Explorer(browser, view)
    assert alone.background() == system
    book = Explorer(browser, view, page_attributes='data-theme="light"')
    assert book.background() == WHITE
    book.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    book.frame.wait_for_function(f"getComputedStyle(document.querySelector('main')).backgroundColor === '{BLACK}'")
    lab = Explorer(browser, view, body_attributes=f'data-jp-theme-light="{str(view == "dark").lower()}"')
    assert lab.background() == other
    lab.page.evaluate("document.body.dataset.jpThemeLight = document.body.dataset.jpThemeLight === 'false'")
    lab.frame.wait_for_function(f"getComputedStyle(document.querySelector('main')).backgroundColor === '{system}'")
    for explorer in (alone, book, lab):
        assert explorer.faults == []
        explorer.context.close()


def test_works_where_the_page_around_it_is_out_of_reach(browser):
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_content(plots.convolution_explorer()._repr_html_().replace("<iframe ", '<iframe sandbox="allow-scripts" '))
    frame = page.frames[1]
    frame.wait_for_selector("#kernel input")
    frame.get_by_role("button", name="Dot", exact=True).click()
    frame.get_by_role("button", name="Identity", exact=True).click()
    frame.get_by_role("button", name="Fill in all").click()
    assert np.array(frame.evaluate("output")).sum() == 1
    assert faults == []
    page.close()


def test_it_plays_in_the_built_book(browser, book):
    page = browser.new_page()
    for name in ("book/intro.html", "book/01-convolution.html"):
        page.goto(book + name)
        frame = page.frame_locator("iframe.lecture5-widget").first
        frame.get_by_role("button", name="Dot", exact=True).click()
        frame.get_by_role("button", name="Identity", exact=True).click()
        frame.locator("#window").press("End")
        assert "column 7: 0" in frame.locator("#readout").inner_text()
    page.close()
