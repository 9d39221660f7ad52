"""Make the environment that everything runs in: .venv in the repository's root, from the lock.

    python3 .ci/prepare.py           the environment
    python3 .ci/prepare.py --test    also chromium and bubblewrap, which the browser and sandbox tests drive

It may be run again at any time: nothing is done twice, and what was interrupted is begun afresh. Standard library only,
since it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PREPARED = VENV / ".prepared"  # holds the digest of what was installed
PREPARING = VENV / ".preparing"  # exists while an installation is under way
LOG = ROOT / "_build" / "install.log"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TOOLS = {  # what it is for, its names on the PATH, Debian's packages
    "chromium": ("the browser tests", CHROMIUM, ("chromium", "fonts-liberation")),
    "bubblewrap": ("the sandbox in which submissions are graded", ("bwrap",), ("bubblewrap",)),
}


def stop(message: str) -> None:
    sys.exit(f"lecture5: {message}")


def wanted() -> str:
    """What makes .venv current: a digest of what is to be installed, and where (a .venv cannot be moved)."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} {ROOT}"


def run_logged(*command: str) -> None:
    """Run a command with its output in the log; show the log's end if it fails."""
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if status:
        lines = LOG.read_text("utf-8", "replace").splitlines()
        tail = [line for line in lines if not line.startswith("WARNING")][-15:]
        print("\n".join(tail), file=sys.stderr)
        stop(
            f"installing failed; the whole log is {LOG.relative_to(ROOT)}.\n"
            "If the network failed, run the same command again: it starts afresh."
        )


def pip_is_configured(environ: dict[str, str], configuration: str) -> bool:
    """Whether the user has told pip where to find packages (a mirror, a folder of wheels); then we add no index."""
    names = ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX")
    return any(f"PIP_{name}" in environ for name in names) or any(
        f".{name.lower().replace('_', '-')}=" in configuration for name in names
    )


def wants_cpu_torch(platform: str, has_gpu: bool, configured: bool) -> bool:
    """On Linux PyPI's torch brings several GB of CUDA; without an NVIDIA GPU they would be of no use."""
    return platform == "linux" and not has_gpu and not configured


def make_environment() -> None:
    if PREPARED.exists() and PREPARED.read_text() == wanted() and PYTHON.exists():
        return
    moved = PREPARED.exists() and PREPARED.read_text().partition(" ")[2] != str(ROOT)
    if PREPARING.exists() or moved or (VENV.exists() and not works(PYTHON)):
        print("The environment in .venv is half made, or was moved: starting it afresh.")
        shutil.rmtree(VENV)
    if not VENV.exists():
        print("Making the environment in .venv ...", flush=True)
        make_venv()
    PREPARING.touch()
    PREPARED.unlink(missing_ok=True)
    LOG.unlink(missing_ok=True)
    pip = (str(PYTHON), "-m", "pip", "--disable-pip-version-check")
    configuration = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    has_gpu = shutil.which("nvidia-smi") is not None
    print("Installing the packages of constraints.txt (2 minutes, 2.5 GB) ...", flush=True)
    if wants_cpu_torch(sys.platform, has_gpu, pip_is_configured(dict(os.environ), configuration)):
        pin = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
        run_logged(*pip, "install", "--no-deps", "--index-url", TORCH_CPU_INDEX, pin)
    run_logged(*pip, "install", "-c", "constraints.txt", "-e", ".[dev]")
    PREPARED.write_text(wanted())
    PREPARING.unlink()


def make_venv() -> None:
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        stop(
            f"python3 -m venv failed:\n{(made.stdout + made.stderr).strip()}\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        )


def works(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def prepare_tools() -> None:
    """Install chromium and bubblewrap where we may, elsewhere say how: without them their tests are skipped."""
    missing = {name: tool for name, tool in TOOLS.items() if not any(map(shutil.which, tool[1]))}
    if not missing:
        return
    packages = [package for _, _, names in missing.values() for package in names]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print(f"Installing {' and '.join(missing)} with apt-get ...", flush=True)
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run_logged("apt-get", "update", "-qq")
        run_logged("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
        return
    for name, (purpose, _, names) in missing.items():
        print(f"{name} is missing: {purpose} will be skipped. {how_to_install(name, names)}")


def how_to_install(name: str, packages: tuple[str, ...]) -> str:
    if shutil.which("apt-get"):
        return f"Install it with: sudo apt-get install {' '.join(packages)}"
    if shutil.which("dnf"):
        return f"Install it with: sudo dnf install {name}"
    if sys.platform == "darwin" and name == "chromium":
        return "Install it with: brew install --cask chromium"
    if name == "bubblewrap":
        return "It exists for Linux only; on macOS and Windows run the tests in a Linux container or in WSL."
    return f"Install {name} by your system's package manager."


def main(arguments: list[str]) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this is the one file that an older Python gets to read)
        version = ".".join(map(str, sys.version_info[:3]))
        stop(f"this is Python {version}, but 3.11 or newer is needed. Name another with: make PYTHON=python3.12 ...")
    lock = None
    if os.name != "nt":  # two runs at once must not install into the same folder
        import fcntl

        lock = (ROOT / ".ci" / "prepare.py").open()
        fcntl.flock(lock, fcntl.LOCK_EX)
    make_environment()
    if "--test" in arguments:
        prepare_tools()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        stop("interrupted. Run the same command again: it starts afresh.")
