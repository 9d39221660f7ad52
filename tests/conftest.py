"""Settings and fixtures that every test shares."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "_build" / "html"

# The same examples in every run, so that a red suite is red again; no deadline, since the machine may be busy.
hypothesis.settings.register_profile("lecture5", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("lecture5")

# In CI a test with one of these markers must run: skipping it is a failure.
MUST_RUN = {marker for marker in os.environ.get("LECTURE5_MUST_RUN", "").split(",") if marker}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and any(item.get_closest_marker(marker) for marker in MUST_RUN):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must run here, but was skipped: {reason}"
    return report


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request):
    """Where a network test computes: everywhere on the processor, and on a GPU where there is one."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no NVIDIA GPU that torch can use")
    return request.param


@pytest.fixture
def one_thread():
    """Small networks are fastest on one thread, and on a busy machine many times faster."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def book():
    """The built book's address, served on this machine only."""
    if not (BOOK / "index.html").exists():
        pytest.skip("the book is not built: run make book first")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_QuietHandler, directory=BOOK))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """A headless chromium from the system, not one that playwright would download."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    executable = next((path for path in map(shutil.which, names) if path), None)
    if executable is None:
        pytest.skip("chromium is not installed: python3 .ci/prepare.py --test says how")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=flags)
        yield chromium
        chromium.close()
