"""Run ipykernel in this process, ready to answer the grader's calls."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence


def run_kernel(connection_file: str, withheld: Sequence[str], when_ready: Callable[[], None] = lambda: None) -> None:
    """Serve one kernel until it is ended; call ``when_ready`` before any code of a student runs."""
    from ipykernel.kernelapp import IPKernelApp

    from . import calls

    _seed()
    calls.withhold(withheld)
    options = ["--HistoryManager.enabled=False", "--Application.log_level=CRITICAL", "-f", connection_file]
    options.append("--InteractiveShell.xmode=Minimal")  # nobody reads the traceback, and to colour it takes a while
    app = IPKernelApp.instance()
    app.initialize(options)
    calls.serve(app.shell)
    when_ready()
    app.start()


def _seed() -> None:
    """Give every submission the same random numbers, whichever kernel it runs in."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


if __name__ == "__main__":
    run_kernel(sys.argv[1], sys.argv[2:])
