"""A warm Python that forks one isolated kernel per submission.

It must stay fit to be forked: it runs one thread, has made no ZeroMQ object, and keeps no descriptor but its socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback

from . import isolate
from .start import prepare, run_kernel

# What ipykernel and IPython import when they start or run a first cell: done once here, it saves each kernel the time.
KERNEL = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "faulthandler",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "pygments.formatters.terminal256",
    "pygments.styles",
    "secrets",
    "tornado.platform.asyncio",
    "tornado.queues",
    "xml.parsers.expat",
)


def main(modules: list[str]) -> None:
    """Import ``modules``, then fork a kernel for each request that comes over the socket on descriptor 0."""
    for name in [*KERNEL, *modules]:
        with contextlib.suppress(ImportError):  # another version's; only time is lost
            importlib.import_module(name)
    prepare(f"{isolate.HERE}/inside.json")
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, all memory that it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by Linux
    grader = socket.socket(fileno=0)
    grader.send(b"{}")
    while True:
        message, (*errors,), _, _ = socket.recv_fds(grader, 65536, 1)
        if not message:
            return
        first = _fork_first(json.loads(message), grader, errors[0])
        try:
            descriptor = os.pidfd_open(first)
        except ProcessLookupError:  # it has ended, and left its last words
            words = os.pread(errors[0], 2000, 0).decode(errors="replace")
            grader.send(json.dumps({"error": words or "a process ended at once"}).encode())
        else:
            socket.send_fds(grader, [b"{}"], [descriptor])
            os.close(descriptor)
        os.close(errors[0])


def _fork_first(request: dict, grader: socket.socket, errors: int) -> int:
    """Fork the first process of a new process namespace; return its number here.

    The namespace is made before the fork, since only a child can be in it; then this process turns back to its own,
    and its next child gets another.
    """
    isolate.new_process_namespace()
    first = os.fork()
    if first == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _be_first(request, grader, errors)
    isolate.own_process_namespace()
    return first


def _be_first(request: dict, grader: socket.socket, errors: int) -> None:
    """The first process of the new namespaces: make them habitable, fork the kernel, wait for it."""
    try:
        grader.close()
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        isolate.leave_namespaces()
        isolate.make_file_system(request["folder"], request["limits"]["FSIZE"])
        child = os.fork()
        if child == 0:
            os.setsid()
            isolate.limit(request["limits"])
            isolate.drop_privileges(request["uid"])
            run_kernel(request["withheld"], lambda: os.closerange(errors, errors + 1))
            os._exit(0)
        os.close(errors)
        isolate.be_init(child)
    except BaseException:
        os.write(errors, traceback.format_exc(limit=-3)[-2000:].encode())
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
