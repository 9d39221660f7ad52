"""Watch a kernel's processes from outside: memory of the whole tree, and the folder that it shares with us.

The kernel's own limits bind each process by itself; this one binds them all together.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import psutil

from lecture5.grading.sandbox import Limits

INTERVAL = 0.25
SHARED_BYTES = 2**20  # sockets and one small file; more means that it is used as a disk


class Watch:
    """A thread that ends the process tree under ``pid`` when it takes too much. ``verdict`` says what of."""

    def __init__(self, pid: int, shared: Path, limits: Limits):
        self.verdict = ""
        self.last_seconds = 0.0  # processor time, as of the last look
        self._pid, self._shared, self._limits = pid, shared, limits
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def processor_seconds(self) -> float:
        """Return the processor time that the tree has used so far."""
        return sum(_seconds(process) for process in _tree(self._pid))

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            tree = _tree(self._pid)
            self.last_seconds = sum(_seconds(process) for process in tree)
            if sum(_resident_bytes(process) for process in tree) > self._limits.tree_memory:
                self.verdict = "memory"
            elif folder_bytes(self._shared) > SHARED_BYTES:
                self.verdict = "disk"
            if self.verdict:
                self._end()
                return

    def _end(self) -> None:
        """End the tree: its first process is the init of a namespace, or the leader of a group."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(self._pid, signal.SIGKILL)


def _tree(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants."""
    try:
        parent = psutil.Process(pid)
        if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):  # another system, or a Linux built without it
            return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError, psutil.Error):
            found.append(psutil.Process(one))
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += [int(child) for child in Path(f"/proc/{one}/task/{task}/children").read_text().split()]
    return found


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder, without following links."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total
