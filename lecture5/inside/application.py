"""ipykernel's application without what costs each kernel time and serves nobody here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ipykernel import ipkernel
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp


class Stream(OutStream):
    """A stream that hands nothing over when nothing was written: ipykernel flushes both after each request."""

    def flush(self) -> None:
        if self._flush_pending:  # set by each write
            super().flush()


class Application(IPKernelApp):
    """Reads its options once, in the process that kernels are forked from; :meth:`initialize` does the rest."""

    outstream_class = f"{Stream.__module__}.{Stream.__qualname__}"

    def initialize(self, argv: Sequence[str] | None = None) -> None:
        self.parse_command_line = lambda argv=None: None  # that is done
        super().initialize(argv)

    def load_config_file(self, suppress_errors: bool = True) -> None:
        """Look for no files: there are none."""

    def init_control(self, context: Any) -> None:
        """Do without the thread that gives requests to subshells: nobody asks for those."""
        super().init_control(context)
        self.shell_channel_thread = None

    def init_kernel(self) -> None:
        """Keep the kernel from listing all modules for a debugger: to touch them is to copy them after the fork."""
        ipkernel.sys = SimpleNamespace(**{**vars(sys), "modules": {}})
        try:
            super().init_kernel()
        finally:
            ipkernel.sys = sys
