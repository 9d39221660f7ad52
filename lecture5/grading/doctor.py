"""``lecture5 doctor``: what this machine offers for grading, tried out and not guessed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.sandbox import bubblewrap_command, inner_python

# What must not be possible inside; the probe prints what is.
PROBE = """
import os, socket
wrong = []
if os.getpid() > 10: wrong.append("it sees other processes")
if os.path.exists({package!r}): wrong.append("it sees lecture5")
if os.path.exists({here!r}): wrong.append("it sees the working directory")
try:
    socket.create_connection(("192.0.2.1", 9), timeout=0.2); wrong.append("it has a network")
except TimeoutError:
    wrong.append("it has a network")
except OSError:
    pass
raise SystemExit(", ".join(wrong) or None)
"""


def python_version() -> str:
    """Return this Python's version; it is new enough, or nothing here would run."""
    return f"Python {platform.python_version()}"


def kernel_starts() -> str:
    """Start an ordinary kernel, as ``lecture5 check`` does."""
    from lecture5.grading.kernel import Kernel

    with Kernel((), sandboxed=False) as kernel:
        kernel.execute("1", 30)
    return "a Jupyter kernel starts and answers"


def bubblewrap_runs() -> str:
    """Run one command in the sandbox, and look whether it is one."""
    if not sys.platform.startswith("linux"):
        raise SandboxFault("bubblewrap is for Linux; grade in a Linux container, a virtual machine or WSL")
    if shutil.which("bwrap") is None:
        raise SandboxFault("bubblewrap is not installed: apt-get install bubblewrap")
    with tempfile.TemporaryDirectory(prefix="lecture5-") as shared:
        probe = PROBE.format(package=str(Path(__file__)), here=os.getcwd())
        command = bubblewrap_command([inner_python(), "-c", probe], Path(shared), ("numpy",))
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        advice = ""
        if "ermission denied" in done.stderr or "perm" in done.stderr:
            advice = (
                ". Unprivileged user namespaces are probably blocked. On Ubuntu 24.04 allow them to bwrap with an"
                " AppArmor profile; in Docker start the container with --security-opt seccomp=unconfined"
            )
        raise SandboxFault(f"bubblewrap is installed but does not work here: {done.stderr.strip()[-300:]}{advice}")
    return "bubblewrap works: submissions run in a sandbox"


def processors_and_memory() -> str:
    """Say how many submissions fit side by side."""
    import psutil

    from lecture5.grading.pool import default_workers

    memory = psutil.virtual_memory().available / 2**30
    return f"{default_workers()} processors, {memory:.1f} GiB of free memory; allow about 0.5 GiB for each worker"


PROBES: dict[str, Callable[[], str]] = {
    "python": python_version,
    "kernel": kernel_starts,
    "sandbox": bubblewrap_runs,
    "machine": processors_and_memory,
}


def command(options: argparse.Namespace) -> int:
    """Run all probes; 1 if one of them fails."""
    results = []
    for name, probe in PROBES.items():
        try:
            results.append({"name": name, "ok": True, "text": probe()})
        except Exception as error:  # whatever it is, the user is to read it
            results.append({"name": name, "ok": False, "text": str(error)})
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        for result in results:
            print(f"{'✓' if result['ok'] else '✗'} {result['name']}: {result['text']}")
    return 0 if all(result["ok"] for result in results) else 1
