"""A Jupyter kernel in a container of Docker or Podman, for a Linux machine that allows no bubblewrap.

One container per kernel, from an image that holds what the exercise allows (``lecture5 package image``) and no course.
It has no network, a read-only system, no capabilities, limits on memory, processes and files, and shares one folder
with the grader, for the sockets. The grader stays outside, as with bubblewrap.

Slower and coarser than bubblewrap: each kernel starts cold; a function that may import less than its exercise is not
told apart; a limit of processor time is one of time by the clock (``Limits.patience`` times as long), since a
container's processes are not ours to look at; a kernel that takes too much memory is reported as ended.

Docker Desktop (macOS, Windows) cannot share the sockets: there, run the whole grader in a Linux container or in WSL.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Int, List, Unicode

from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.sandbox import FIRST_UID, LIMITS, Limits, closure
from lecture5.inside import isolate

PROGRAMS = ("docker", "podman")
SHARED = "/run/lecture5"
CODE = "/opt/lecture5"
ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Container:
    """Which program makes containers, and from which image."""

    program: str
    image: str


def require(container: Container) -> None:
    """Do nothing if containers can be made from the image.

    Raises
    ------
    SandboxFault
        If the program is missing, its service does not answer, or it does not have the image.
    """
    problem = _problem([container.program, "image", "inspect", container.image])
    if problem:
        raise SandboxFault(
            f"{container.program} cannot be used: {problem}. lecture5 package image says how to build one"
        )


def containers_here() -> str:
    """Return which of the programs work on this machine, in a sentence."""
    found = {name: _problem([name, "version"]) for name in PROGRAMS if shutil.which(name)}
    working = [name for name, problem in found.items() if not problem]
    if working:
        return f"{' and '.join(working)} works: lecture5 grade --container {working[0]} --image NAME"
    if found:
        return "; ".join(f"{name} is installed, but does not work: {problem}" for name, problem in found.items())
    return "neither docker nor podman is installed"


def _problem(command: list[str]) -> str:
    """Return what keeps a command from working; empty if it works."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def container_command(
    container: Container, name: str, folder: Path, withheld: list[str], slot: int, limits: Limits
) -> list[str]:
    """Return the command line that starts one kernel.

    Parameters
    ----------
    container
        Program and image.
    name
        Of the container; by it the container is ended.
    folder
        The folder of the connection file and the sockets.
    withheld
        Functions that raise an error inside.
    slot
        The worker's number: as root, each worker's kernels get a user id of their own.
    limits
        What the kernel may use.
    """
    uid, gid = (FIRST_UID + slot,) * 2 if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    size = limits.file_bytes
    options = ["--rm", "--init", "--name", name, "--network", "none", "--ipc", "private", "--read-only"]
    options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{uid}:{gid}"]
    if container.program == "podman" and os.geteuid() != 0:
        options += ["--userns", "keep-id"]  # else our user id is another one outside, and the sockets are not ours
    options += ["--memory", str(limits.tree_memory), "--memory-swap", str(limits.tree_memory)]
    options += ["--pids-limit", str(limits.processes), "--shm-size", str(size)]
    for what, value in {"cpu": limits.cpu_seconds, "fsize": size, "nofile": 512, "core": 0}.items():
        options += ["--ulimit", f"{what}={value}:{value}"]
    for place in ("/tmp", "/home/student"):
        options += ["--tmpfs", f"{place}:rw,nosuid,nodev,size={size},mode=1777"]
    options += ["--mount", f"type=bind,source={folder},target={SHARED}"]
    inside = Path(isolate.__file__).parent
    options += ["--mount", f"type=bind,source={inside},target={CODE}/lecture5_inside,readonly"]
    for variable, value in ENVIRONMENT.items():
        options += ["--env", f"{variable}={value}"]
    options += ["--workdir", "/home/student", "--entrypoint", "python"]
    kernel = ["-s", "-P", "-m", "lecture5_inside.start", f"{SHARED}/inside.json", *withheld]
    return [container.program, "run", *options, container.image, *kernel]


ENVIRONMENT = {
    "HOME": "/home/student",
    "PYTHONPATH": CODE,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def containerfile(allowed: tuple[str, ...]) -> str:
    """Return the recipe of an image with these distributions and what they need, in this environment's versions."""
    pins = {name: version(name).partition("+")[0] for name in closure(allowed)}
    lines = [f"FROM docker.io/library/python:{sys.version_info.major}.{sys.version_info.minor}-slim"]
    if "torch" in pins:
        index = "--index-url https://download.pytorch.org/whl/cpu"
        lines.append(f"RUN pip install --no-cache-dir torch=={pins.pop('torch')} {index}")
        pins = {name: pin for name, pin in pins.items() if not name.startswith(("nvidia-", "triton"))}
    packages = " \\\n    ".join(f"{name}=={pin}" for name, pin in sorted(pins.items()))
    return "\n".join([*lines, f"RUN pip install --no-cache-dir --no-deps \\\n    {packages}", ""])


class ContainerProvisioner(LocalProvisioner):
    """Starts a kernel in a container; named ``lecture5-container`` among the ``jupyter_client.kernel_provisioners``."""

    program: str = Unicode(help="docker or podman").tag(config=True)
    image: str = Unicode(help="Holds the distributions that are present inside").tag(config=True)
    withheld: list[str] = List(help="Functions that raise an error inside").tag(config=True)
    slot: int = Int(0, help="Number of the worker").tag(config=True)
    limits: Limits = LIMITS

    async def pre_launch(self, **keywords: Any) -> dict[str, Any]:
        manager = self.parent
        self._folder = Path(tempfile.mkdtemp(prefix="lecture5-"))
        self._name = f"lecture5-{uuid.uuid4().hex}"
        manager.connection_file = str(self._folder / "c.json")
        manager.transport = "ipc"
        manager.ip = str(self._folder / "s")
        keywords = await super().pre_launch(**keywords)
        connection = json.loads(Path(manager.connection_file).read_text())
        connection["ip"] = f"{SHARED}/s"
        (self._folder / "inside.json").write_text(json.dumps(connection))
        return keywords

    async def launch_kernel(self, cmd: list[str], **keywords: Any) -> dict[str, Any]:
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, FIRST_UID + self.slot, FIRST_UID + self.slot)
        container = Container(self.program, self.image)
        command = container_command(container, self._name, self._folder, self.withheld, self.slot, self.limits)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors
        )
        self.pid, self.pgid = self.process.pid, None
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the container, and with it everything in it; then the program that started it."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            command = [self.program, "rm", "--force", self._name]
            subprocess.run(command, capture_output=True, timeout=ANSWER_SECONDS)
        if self.process is not None:
            self.process.kill()

    async def wait(self) -> int | None:
        """Wait for the program that started the container; it has been told to end."""
        return self.process.wait() if self.process else 0

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        self._errors.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def failure(self) -> str:
        """Return why the container did not start, in the program's own words."""
        self._errors.seek(0)
        return self._errors.read(10_000)[-1000:].decode(errors="replace").strip()
