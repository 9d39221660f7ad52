"""A Jupyter kernel in a box: a warm Python under bubblewrap, and the provisioner that has kernels forked from it.

What a kernel sees: the system's libraries and a Python without site-packages, read-only; the distributions that the
exercise allows, and nothing else that is installed; an empty /tmp and home, in memory and of limited size; one folder
that it shares with the grader, for the sockets. It has no network, and its own process, mount, user and ipc
namespaces. What it does not see: the repository, solutions and hidden tests, other submissions, the user's files and
environment variables.

One server per worker and set of allowed distributions runs under bubblewrap (:func:`server_command`); for each
submission it forks a process that isolates itself from the server and from other submissions (``inside/isolate.py``)
and becomes the kernel. As root (containers, CI) that process takes a user id of its own, since Linux does not limit
the number of root's processes; as an ordinary user it enters a user namespace.
"""

from __future__ import annotations

import atexit
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner
from packaging.requirements import Requirement
from traitlets import Int, List

from lecture5.exercise.model import Exercise
from lecture5.grading.outcomes import SandboxFault
from lecture5.inside import isolate

if TYPE_CHECKING:
    from lecture5.grading.providers.container import Container

FIRST_UID = 64001  # one per worker, so that limits on the number of processes do not add up over workers
SITE = "/opt/site-packages"
START_SECONDS = 60
# A Python that is no part of the system appears here, so that the user's folders need not.
PYTHON = sys.base_prefix if Path(sys.base_prefix).is_relative_to("/usr") else "/opt/python"
WARM = {"numpy": ("numpy.fft", "numpy.random"), "torch": ("torch",)}  # imported once by the server, if allowed
UNUSED = ("debugpy",)  # ipykernel names it, starts faster without it, and nobody debugs in the box


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
    file_bytes: int = 64 * 2**20  # each file, and each of /tmp, /dev/shm and the home
    output_bytes: int = 16 * 2**20

    def for_linux(self) -> dict[str, int]:
        """Return the limits that Linux enforces on each process, by their names there."""
        return {
            "AS": self.address_space,
            "CPU": self.cpu_seconds,
            "NPROC": self.processes,
            "FSIZE": self.file_bytes,
            "NOFILE": 512,
            "CORE": 0,
        }


LIMITS = Limits()


@lru_cache
def closure(allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distributions that ``allowed`` and ipykernel need, themselves included."""
    found: set[str] = set()
    waiting = ["ipykernel", *allowed]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found or name in UNUSED:
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
        # RECORD by hand: to make a path of each of torch's files takes a third of a second
        files = (found.read_text("RECORD") or "").splitlines() or map(str, found.files or [])
        tops = {line.split("/")[0].split(",")[0] for line in files}
        entries |= {root / top for top in tops - {"", "..", "__pycache__"} if (root / top).exists()}
    return tuple(sorted(entries))


def server_command(run: Path, allowed: tuple[str, ...]) -> list[str]:
    """Return the command line of the warm server: bubblewrap with all that its kernels may see, then Python.

    Parameters
    ----------
    run
        A folder of the host with one folder for each kernel.
    allowed
        Distributions that are present inside.
    """
    options = ["--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    capabilities = ["CAP_SYS_ADMIN", "CAP_SETPCAP"]  # for isolate.py; no kernel keeps them
    if os.geteuid() == 0:
        options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup"]
        capabilities += ["CAP_SETUID", "CAP_SETGID"]
    else:
        options += ["--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0"]
        capabilities += ["CAP_SETFCAP"]  # Linux asks for it where a nested user namespace maps to this one's root
    for capability in capabilities:
        options += ["--cap-add", capability]
    options += [*_system(), "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in (*isolate.FRESH, isolate.HERE):
        if not folder.startswith("/dev/"):
            options += _folder(folder)
    options += [*_folder(isolate.RUN), "--bind", str(run), isolate.RUN, *_folder(SITE)]
    for entry in site_entries(allowed):
        options += ["--ro-bind", str(entry), f"{SITE}/{entry.name}"]
    options += ["--ro-bind", str(Path(isolate.__file__).parent), f"{SITE}/lecture5_inside"]
    options += ["--remount-ro", "/", "--chdir", "/", "--hostname", "sandbox"]
    for name, value in _environment().items():
        options += ["--setenv", name, value]
    modules = [module for name in WARM if name in closure(allowed) for module in WARM[name]]
    return [_tool("bwrap"), *options, "--", _inner_python(), "-s", "-P", "-m", "lecture5_inside.server", *modules]


def _system() -> list[str]:
    """Return the options that show the system's libraries and this Python, without their installed packages."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("/lib", "/lib64", "/lib32", "/bin", "/sbin"):
        if os.path.islink(name):
            options += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            options += ["--ro-bind", name, name]
    for name in ("/etc/ld.so.cache", "/etc/alternatives"):
        if os.path.exists(name):
            options += ["--ro-bind", name, name]
    if sys.base_prefix != PYTHON:
        options += [*_folder(PYTHON), "--ro-bind", sys.base_prefix, PYTHON]
    hidden = [
        *glob.glob("/usr/lib/python3*/*-packages"),
        *glob.glob("/usr/local/lib/python3*/*-packages"),
        *(path.replace(sys.base_prefix, PYTHON, 1) for path in glob.glob(f"{sys.base_prefix}/lib/python3*/*-packages")),
        "/usr/local/share",
        "/usr/src",
    ]
    for name in sorted(set(hidden)):
        if name.startswith(PYTHON) or os.path.isdir(name):
            options += ["--tmpfs", name, "--remount-ro", name]
    return options


def _folder(path: str) -> list[str]:
    """Return options that make a folder and its parents, readable: bubblewrap would make them private."""
    options = []
    for part in (*reversed(Path(path).parents), Path(path)):
        if str(part) != "/":
            options += ["--perms", "0755", "--dir", str(part)]
    return options


def _environment() -> dict[str, str]:
    return {
        "HOME": "/home/student",
        "USER": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": SITE,
        "LD_LIBRARY_PATH": f"{PYTHON}/lib",  # for a Python whose library is not where it was installed
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "OMP_NUM_THREADS": "1",  # a forked child cannot use the threads of its parent
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _inner_python() -> str:
    """Return the Python that is run inside: this one's base, since the virtual environment is not there."""
    name = f"bin/python{sysconfig.get_python_version()}"
    return f"{PYTHON}/{name}" if (Path(sys.base_prefix) / name).exists() else str(Path(sys.executable).resolve())


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SandboxFault(f"{name} is not installed: apt-get install bubblewrap")
    return path


def temporary_prefix() -> str:
    """Return how the names of this process's temporary folders begin: whose they are can be seen after a crash."""
    return f"lecture5-{os.getpid()}-"


def remove_abandoned() -> None:
    """Remove the temporary folders of graders that were killed, at least an hour ago, before they could do so."""
    for folder in Path(tempfile.gettempdir()).glob("lecture5-*-*"):
        owner, status = folder.name.split("-")[1], folder.lstat()
        ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if ours and owner.isdecimal() and not psutil.pid_exists(int(owner)) and status.st_mtime < time.time() - 3600:
            shutil.rmtree(folder, ignore_errors=True)


class Server:
    """The trusted end of one warm server. To make one does not wait until it is warm; its first use does."""

    def __init__(self, allowed: tuple[str, ...], slot: int):
        self.run = Path(tempfile.mkdtemp(prefix=temporary_prefix()))  # short: a socket's path has 107 characters
        self._uid = FIRST_UID + slot if os.geteuid() == 0 else None
        self._count = 0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                server_command(self.run, allowed),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env={},
                cwd="/",
            )
        self._warm = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def new_folder(self) -> Path:
        """Make the shared folder of the next kernel."""
        self._count += 1
        folder = self.run / f"k{self._count}"
        folder.mkdir(mode=0o700)
        return folder

    def fork(self, folder: Path, withheld: Sequence[str], limits: Limits, errors: int) -> int:
        """Have a kernel forked that uses ``folder``; return a descriptor of its first process (a pidfd).

        What keeps it from starting is written to the descriptor ``errors``; it is closed before a student's code runs.
        """
        self._wait_until_warm()
        if self._uid is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, self._uid, self._uid)
        request = {"folder": folder.name, "uid": self._uid, "withheld": list(withheld), "limits": limits.for_linux()}
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [errors])
        except OSError as error:
            raise SandboxFault(f"the sandbox's server is gone: {error}") from error
        descriptors = self._answer()
        if len(descriptors) != 1:
            raise SandboxFault("the sandbox's server did not start a process")
        return descriptors[0]

    def _wait_until_warm(self) -> None:
        if self._warm:
            return
        try:
            self._answer()
        except SandboxFault:
            self.close()
            raise
        self._warm = True

    def _answer(self) -> list[int]:
        """Wait for the server's next message; return the descriptors that came with it."""
        ready, _, _ = select.select([self._socket], [], [], START_SECONDS)
        message, descriptors, _, _ = socket.recv_fds(self._socket, 65536, 1) if ready else (b"", [], 0, None)
        error = json.loads(message).get("error") if message else self._last_words()
        if error:
            raise SandboxFault(f"the sandbox does not work here: {error}")
        return list(descriptors)

    def _last_words(self) -> str:
        if not self.alive or self._process.wait(1) is not None:
            self._errors.seek(0)
            return self._errors.read()[-500:].decode(errors="replace").strip() or "bubblewrap ended without a word"
        return "no answer"

    def close(self) -> None:
        """End the server and with it every kernel."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()
        shutil.rmtree(self.run, ignore_errors=True)


_servers: dict[tuple[tuple[str, ...], int], Server] = {}


def server(allowed: Sequence[str], slot: int = 0) -> Server:
    """Return this process's server for these distributions; start it if there is none yet, or none any more."""
    key = (tuple(allowed), slot)
    if key in _servers and not _servers[key].alive:
        _servers.pop(key).close()
    if key not in _servers:
        _servers[key] = Server(*key)
    return _servers[key]


def start_servers(exercise: Exercise, slot: int) -> None:
    """Start, ahead of time and side by side, the servers that the submissions of an exercise will need.

    What keeps one from starting is told to the first submission that needs it.
    """
    with contextlib.suppress(SandboxFault, OSError):
        for question in exercise.questions:
            server(exercise.allowed_for(question), slot)


@atexit.register
def close_servers() -> None:
    """End all servers of this process."""
    while _servers:
        _servers.popitem()[1].close()


class _Process:
    """What jupyter_client takes for a process: the first one of a kernel's namespace, by its pidfd."""

    stdin = stdout = stderr = None

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        with open(f"/proc/self/fdinfo/{descriptor}") as stream:
            self.pid = next(int(line.split()[1]) for line in stream if line.startswith("Pid:"))
        self._ended = False

    def poll(self) -> int | None:
        """Return 0 once the process, and with it everything in its namespace, has ended."""
        if not self._ended and select.select([self._descriptor], [], [], 0)[0]:
            os.close(self._descriptor)
            self._ended = True
        return 0 if self._ended else None

    def wait(self) -> int:
        if not self._ended:
            select.select([self._descriptor], [], [])
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        if not self._ended:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """End the process; Linux ends everything in its namespace with it."""
        self.send_signal(signal.SIGKILL)


class BubblewrapProvisioner(LocalProvisioner):
    """Starts a kernel in the box, with Unix sockets in the folder of its connection file.

    It is named ``lecture5-bubblewrap`` among the ``jupyter_client.kernel_provisioners``; a kernelspec chooses it in its
    metadata, so that every Jupyter client (nbclient, nbval, JupyterLab) can start kernels in the box unchanged.
    """

    allowed: list[str] = List(help="Distributions that are present inside").tag(config=True)
    withheld: list[str] = List(help="Functions that raise an error inside").tag(config=True)
    slot: int = Int(0, help="Number of the worker").tag(config=True)
    limits: Limits = LIMITS

    async def pre_launch(self, **keywords: Any) -> dict[str, Any]:
        manager = self.parent
        self._server = server(self.allowed, self.slot)
        self._folder = self._server.new_folder()
        manager.connection_file = str(self._folder / "c.json")
        manager.transport = "ipc"
        manager.ip = str(self._folder / "s")
        keywords = await super().pre_launch(**keywords)
        connection = json.loads(Path(manager.connection_file).read_text())
        connection["ip"] = f"{isolate.HERE}/s"
        (self._folder / "inside.json").write_text(json.dumps(connection))
        return keywords

    async def launch_kernel(self, cmd: list[str], **keywords: Any) -> dict[str, Any]:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        descriptor = self._server.fork(self._folder, self.withheld, self.limits, self._errors.fileno())
        self.process = _Process(descriptor)
        self.pid, self.pgid = self.process.pid, None
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait until the kernel has ended; it has been told to, so this is short."""
        return self.process.wait() if self.process else 0

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def failure(self) -> str:
        """Return why the kernel did not start, in its own words."""
        self._errors.seek(0)
        return self._errors.read(10_000)[-1000:].decode(errors="replace").strip()


class _OneSpec(KernelSpecManager):
    """A kernelspec manager that knows one kernelspec, which is made on the spot and lies in no folder."""

    def __init__(self, spec: KernelSpec, **keywords: Any):
        super().__init__(**keywords)
        self._spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self._spec


def kernel_spec_manager(
    allowed: Sequence[str],
    withheld: Sequence[str],
    *,
    sandboxed: bool = True,
    slot: int = 0,
    container: Container | None = None,
) -> KernelSpecManager:
    """Return a kernelspec manager for a kernel in the box, or, if not ``sandboxed``, an ordinary one of this Python.

    With ``container`` it is a container, whose image has what is allowed.
    """
    argv = [sys.executable, "-m", "lecture5.inside.start", "{connection_file}", *withheld]
    spec = KernelSpec(argv=argv, display_name="Python", language="python", interrupt_mode="message")
    if container is not None:
        config = {"program": container.program, "image": container.image, "withheld": list(withheld), "slot": slot}
        spec.metadata = {"kernel_provisioner": {"provisioner_name": "lecture5-container", "config": config}}
    elif sandboxed:
        config = {"allowed": list(allowed), "withheld": list(withheld), "slot": slot}
        spec.metadata = {"kernel_provisioner": {"provisioner_name": "lecture5-bubblewrap", "config": config}}
    return _OneSpec(spec)
