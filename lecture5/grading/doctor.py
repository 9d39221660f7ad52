"""``lecture5 doctor``: what this machine offers for grading, tried out and not guessed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lecture5.grading.kernel import Kernel
from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.providers.container import containers_here

# What must not be possible inside; the probe returns what is.
PROBE = """
def probe(*hidden):
    import os, socket
    wrong = [f"it sees {path}" for path in hidden if os.path.exists(path)]
    if os.getpid() > 10:
        wrong.append("it sees other processes")
    if os.getuid() == 0:
        wrong.append("it runs as root")
    try:
        socket.create_connection(("192.0.2.1", 9), timeout=0.2)
        wrong.append("it has a network")
    except TimeoutError:
        wrong.append("it has a network")
    except OSError:
        pass
    try:
        open("/usr/written", "w")
        wrong.append("it can write to the system")
    except OSError:
        pass
    return ", ".join(wrong)
"""


def python_version() -> str:
    """Return this Python's version; it is new enough, or nothing here would run."""
    return f"Python {platform.python_version()}"


def kernel_starts() -> str:
    """Start an ordinary kernel, as ``lecture5 check`` does."""
    with Kernel((), sandboxed=False) as kernel:
        kernel.execute("1", 30)
    return "a Jupyter kernel starts and answers"


def bubblewrap_runs() -> str:
    """Run one command in the sandbox, and look whether it is one."""
    if not sys.platform.startswith("linux"):
        raise SandboxFault("bubblewrap is for Linux; grade in a Linux container, a virtual machine or WSL")
    if shutil.which("bwrap") is None:
        raise SandboxFault("bubblewrap is not installed: apt-get install bubblewrap")
    try:
        with Kernel(("numpy",)) as kernel:
            kernel.execute(PROBE, 10)
            wrong = kernel.call("probe", [str(Path(__file__)), os.getcwd()], {}, 10)
    except SandboxFault as fault:
        if "ermission" not in str(fault) and "ermitted" not in str(fault):
            raise
        advice = (
            "Namespaces are probably forbidden here. On Ubuntu 24.04 allow them to bwrap by an AppArmor profile; start"
            " Docker with --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
        )
        raise SandboxFault(f"{fault}. {advice}") from fault
    if wrong:
        raise SandboxFault(f"the sandbox leaks: {wrong}")
    return "bubblewrap works: submissions run in a sandbox"


def sandbox_runs() -> str:
    """Run one command in the sandbox; where that fails, say whether containers could take its place."""
    try:
        return bubblewrap_runs()
    except SandboxFault as fault:
        raise SandboxFault(f"{fault}. In its place: {containers_here()}") from fault


def processors_and_memory() -> str:
    """Say how many submissions fit side by side."""
    import psutil

    from lecture5.grading.pool import default_workers

    memory = psutil.virtual_memory().available / 2**30
    return f"{default_workers()} processors, {memory:.1f} GiB of free memory; allow about 0.5 GiB for each worker"


PROBES: dict[str, Callable[[], str]] = {
    "python": python_version,
    "kernel": kernel_starts,
    "sandbox": sandbox_runs,
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
