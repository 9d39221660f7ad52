"""A Jupyter kernel in a box: bubblewrap, and the kernel provisioner that starts ipykernel inside it.

What the kernel sees: the system's libraries and a Python without site-packages, read-only; the distributions that the
exercise allows, and nothing else that is installed; an empty /tmp and home, in memory and of limited size; one folder
that it shares with the grader, for the sockets. It has no network, and its own process, mount, user and ipc
namespaces. What the kernel does not see: the repository, solutions and hidden tests, other submissions, the user's
files and environment variables.

As root (containers, CI) bubblewrap makes the namespaces and ``setpriv`` then gives up root for good, since
RLIMIT_NPROC does not bind root; as an ordinary user bubblewrap uses a user namespace.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner
from packaging.requirements import Requirement
from traitlets import Int, List

from lecture5.grading.outcomes import SandboxFault

FIRST_UID = 64001  # one per worker, so that limits on the number of processes do not add up over workers
SITE = "/opt/site-packages"


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Seconds of a call and of a cell are processor time, so that a busy machine changes no grade; code that waits instead
    of computing may take ``patience`` times as long by the clock. The whole submission's are by the clock.
    """

    call_seconds: float = 10
    cell_seconds: float = 10
    patience: float = 4
    submission_seconds: float = 600
    address_space: int = 3 * 2**29  # 1.5 GiB per process; torch needs 0.6
    tree_memory: int = 2 * 2**30  # resident, all processes together; watched from outside
    cpu_seconds: int = 200
    processes: int = 64
    file_bytes: int = 64 * 2**20
    output_bytes: int = 16 * 2**20


LIMITS = Limits()


@lru_cache
def closure(allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distributions that ``allowed`` and ipykernel need, themselves included."""
    found: set[str] = set()
    waiting = ["ipykernel", *allowed]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # a requirement for another platform
        found.add(name)
        for line in requires:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return tuple(sorted(found))


@lru_cache
def site_entries(allowed: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the files and folders in site-packages that these distributions consist of."""
    entries: set[Path] = set()
    for name in closure(allowed):
        found = distribution(name)
        root = Path(str(found.locate_file("")))
        tops = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
        entries |= {root / top for top in tops if (root / top).exists()}
    return tuple(sorted(entries))


def _parents(path: str | Path) -> list[str]:
    """Return options that make the parents of a mount point, readable: bubblewrap would make them private."""
    options = []
    for parent in reversed(Path(path).parents):
        if str(parent) != "/":
            options += ["--perms", "0755", "--dir", str(parent)]
    return options


def _system() -> list[str]:
    """Return the options that show the system's libraries and this Python, without their installed packages."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("/lib", "/lib64", "/lib32", "/bin", "/sbin"):
        if os.path.islink(name):
            options += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            options += ["--ro-bind", name, name]
    for name in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"):
        if os.path.exists(name):
            options += ["--ro-bind", name, name]
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        options += [*_parents(sys.base_prefix), "--ro-bind", sys.base_prefix, sys.base_prefix]
    hidden = {
        *glob.glob("/usr/lib/python3*/*-packages"),
        *glob.glob("/usr/local/lib/python3*/*-packages"),
        *glob.glob(f"{sys.base_prefix}/lib/python3*/*-packages"),
        "/usr/local/share",
        "/usr/src",
    }
    for name in sorted(hidden):
        if os.path.isdir(name):
            options += ["--tmpfs", name, "--remount-ro", name]
    return options


def bubblewrap_command(
    command: Sequence[str], shared: Path, allowed: Iterable[str], limits: Limits = LIMITS, slot: int = 0
) -> list[str]:
    """Return the command line that runs ``command`` in the box.

    Parameters
    ----------
    command
        What to run inside; paths are those inside.
    shared
        A folder of the host that appears inside under the same path, writable.
    allowed
        Distributions that are present inside, with what they need.
    limits
        The limits that the kernel (Linux) enforces on each process.
    slot
        The number of the worker; as root, each has a user id of its own.
    """
    root = os.geteuid() == 0
    prlimit = [
        _tool("prlimit"),
        f"--as={limits.address_space}",
        f"--cpu={limits.cpu_seconds}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_bytes}",
        "--nofile=512",
        "--core=0",
        "--",
    ]
    options = ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if root:
        options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            options += ["--cap-add", capability]
        uid = str(FIRST_UID + slot)
        drop = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        command = [_tool("setpriv"), *drop, "--no-new-privs", "--", *command]
    else:
        options += ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--disable-userns"]
    options += _system()
    options += ["--proc", "/proc", "--dev", "/dev"]
    for folder, size in (
        ("/dev/shm", limits.file_bytes),
        ("/tmp", limits.file_bytes),
        ("/home/student", limits.file_bytes),
    ):
        options += [*_parents(folder), "--perms", "1777", "--size", str(size), "--tmpfs", folder]
    options += _parents(f"{SITE}/x")
    for entry in site_entries(tuple(allowed)):
        options += ["--ro-bind", str(entry), f"{SITE}/{entry.name}"]
    options += [*_parents(shared), "--bind", str(shared), str(shared)]
    options += ["--remount-ro", "/", "--chdir", "/home/student", "--hostname", "sandbox"]
    for name, value in _environment().items():
        options += ["--setenv", name, value]
    return [*prlimit, _tool("bwrap"), *options, "--", *command]


def _environment() -> dict[str, str]:
    return {
        "HOME": "/home/student",
        "USER": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": SITE,
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def inner_python() -> str:
    """Return the Python that is run inside: this one's base, since the virtual environment is not there."""
    name = f"python{sysconfig.get_python_version()}"
    path = Path(sys.base_prefix) / "bin" / name
    return str(path if path.exists() else Path(sys.executable).resolve())


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        package = {"bwrap": "bubblewrap", "prlimit": "util-linux", "setpriv": "util-linux"}[name]
        raise SandboxFault(f"{name} is not installed: apt-get install {package}")
    return path


def give_to_student(path: Path, slot: int) -> None:
    """As root, give a shared file or folder to the user that the kernel runs as."""
    if os.geteuid() == 0:
        os.chown(path, FIRST_UID + slot, FIRST_UID + slot)


class BubblewrapProvisioner(LocalProvisioner):
    """Starts a kernel under bubblewrap, with Unix sockets in the folder of its connection file.

    It is named ``lecture5-bubblewrap`` among the ``jupyter_client.kernel_provisioners``; a kernelspec chooses it in its
    metadata, so that every Jupyter client (nbclient, nbval, JupyterLab) can start kernels in the box unchanged.
    """

    allowed: list[str] = List(help="Distributions that are present inside").tag(config=True)
    slot: int = Int(0, help="Number of the worker").tag(config=True)

    async def pre_launch(self, **keywords: Any) -> dict[str, Any]:
        manager = self.parent
        shared = Path(manager.connection_file).parent
        manager.transport = "ipc"
        manager.ip = str(shared / "kernel")
        keywords = await super().pre_launch(**keywords)
        give_to_student(shared, self.slot)
        give_to_student(Path(manager.connection_file), self.slot)
        keywords["cmd"] = bubblewrap_command(keywords["cmd"], shared, self.allowed, slot=self.slot)
        keywords["cwd"] = "/"
        keywords["env"] = {}
        return keywords


class _OneSpec(KernelSpecManager):
    """A kernelspec manager that knows the sandbox's kernelspec, which is made on the spot and lies in no folder."""

    def __init__(self, spec: KernelSpec, **keywords: Any):
        super().__init__(**keywords)
        self._spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self._spec


def kernel_spec_manager(allowed: Sequence[str], *, sandboxed: bool = True, slot: int = 0) -> KernelSpecManager:
    """Return a kernelspec manager for a kernel in the box, or, if not ``sandboxed``, an ordinary one of this Python."""
    python = inner_python() if sandboxed else sys.executable
    argv = [python, "-s", "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    argv += ["--HistoryManager.enabled=False", "--Application.log_level=CRITICAL"]
    spec = KernelSpec(argv=argv, display_name="Python", language="python", interrupt_mode="message")
    if sandboxed:
        config = {"allowed": list(allowed), "slot": slot}
        spec.metadata = {"kernel_provisioner": {"provisioner_name": "lecture5-bubblewrap", "config": config}}
    return _OneSpec(spec)
