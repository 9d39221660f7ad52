"""Run ipykernel in this process, ready to answer the grader's calls."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence


def prepare(connection_file: str) -> None:
    """Do what can be done before the fork of a kernel: make its application, and read its options.

    Nothing of ZeroMQ is made here, and no thread: they would not survive the fork.
    """
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.inputtransformer2 import TransformerManager

    from . import calls  # noqa: F401
    from .application import Application

    TransformerManager().transform_cell("x = 1\n")  # what the first cell and the first result would make for all others
    DisplayFormatter().format(1)
    options = ["--HistoryManager.enabled=False", "--Application.log_level=CRITICAL", "-f", connection_file]
    options.append("--InteractiveShell.xmode=Minimal")  # nobody reads the traceback, and to colour it takes a while
    Application.instance().parse_command_line(options)


def run_kernel(withheld: Sequence[str], when_ready: Callable[[], None] = lambda: None) -> None:
    """Serve the prepared kernel until it is ended; call ``when_ready`` before any code of a student runs."""
    from . import calls
    from .application import Application

    _seed()
    calls.withhold(withheld)
    app = Application.instance()
    app.initialize()
    calls.serve(app.shell)
    when_ready()
    app.start()


def _seed() -> None:
    """Give every submission the same random numbers, whichever kernel it runs in."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)  # the processor's; there is no other device


if __name__ == "__main__":
    prepare(sys.argv[1])
    run_kernel(sys.argv[2:])
