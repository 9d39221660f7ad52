"""The built book in a real browser: no request outside, no script error, no axe violation, no broken link."""

from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"
SOURCES = ROOT / "book"
CHAPTERS = sorted(f"book/{path.stem}.html" for path in SOURCES.iterdir() if path.suffix in {".md", ".ipynb"})
PAGES = [*CHAPTERS, "search.html", "genindex.html"]
VIEWS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True, "is_mobile": True},
}


@pytest.fixture(params=VIEWS)
def view(request, browser, book):
    """A page that records what it should not do: requests elsewhere, script errors, answers that are errors."""
    context = browser.new_context(**VIEWS[request.param])
    page = context.new_page()
    page.faults = []

    def route(request_route):
        url = request_route.request.url
        if url.startswith((book, "data:", "blob:", "about:")):
            request_route.continue_()
        else:
            page.faults.append(f"request outside: {url}")
            request_route.abort()

    page.route("**/*", route)
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "response", lambda reply: page.faults.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None
    )
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound(view, book, name):
    view.goto(book + name, wait_until="load")
    if view.locator(".math").count():
        view.wait_for_selector("mjx-container", state="attached", timeout=20_000)
    view.wait_for_timeout(300)
    assert view.faults == []
    violations = Axe().run(view).response["violations"]
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in violations] == []
    too_wide = view.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 1, f"{name} scrolls sideways by {too_wide} px"


def test_every_picture_has_a_text(browser, book):
    page = browser.new_page()
    for name in CHAPTERS:
        page.goto(book + name, wait_until="domcontentloaded")
        bare = page.eval_on_selector_all(
            ".bd-article img", "images => images.filter(i => !(i.alt || '').trim()).map(i => i.src.slice(0, 80))"
        )
        assert bare == [], name
    page.close()


def test_links_inside_the_book_lead_somewhere(browser, book):
    page, targets, anchors = browser.new_page(), {}, {}
    for name in PAGES:
        page.goto(book + name, wait_until="domcontentloaded")
        anchors[name] = set(page.eval_on_selector_all("[id]", "elements => elements.map(e => e.id)"))
        targets[name] = page.eval_on_selector_all("a[href]", "links => links.map(a => a.getAttribute('href'))")
    page.close()
    broken = []
    for name, links in targets.items():
        for link in links:
            url, fragment = urldefrag(urljoin(book + name, link))
            if not url.startswith(book) or (link.startswith("#") and not fragment):
                continue
            path = unquote(urlsplit(url).path).lstrip("/") or "index.html"
            if not (BOOK / path).exists() or (fragment and path in anchors and unquote(fragment) not in anchors[path]):
                broken.append((name, link))
    assert broken == []


def test_theme_button_darkens_the_page(browser, book):
    page = browser.new_page(color_scheme="light")
    page.goto(book + "book/intro.html")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    for _ in range(3):  # the button goes round: auto, light, dark
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        page.locator("button.theme-switch-button").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(background) != light
    page.close()


def test_search_finds_a_word_of_chapter_one(browser, book):
    page = browser.new_page()
    page.goto(book + "search.html?q=convolution")
    page.wait_for_selector("ul.search li a", timeout=20_000)
    assert any("01-convolution" in link for link in page.eval_on_selector_all("ul.search a", "a => a.map(x => x.href)"))
    page.close()
