"""Build the book and open JupyterLab: what ``lecture5 book`` and ``lecture5 lab`` do."""

from __future__ import annotations

import functools
import hashlib
import http.server
import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

BUILD = Path("_build")
CACHE = BUILD / ".jupyter_cache"
CACHE_KEY = BUILD / "package.sha256"
CELL_SECONDS = "240"  # a whole chapter takes well under a minute on an idle machine


class BookError(Exception):
    """Something that the reader can put right; its text says what and how."""


def checkout() -> Path:
    """Return the repository's root, looked for from the current folder upwards.

    Raises
    ------
    BookError
        If the current folder is not inside a checkout of the repository.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "_toc.yml").exists() and (folder / "lecture5").is_dir():
            return folder
    raise BookError(f"{here} is not in a checkout of lecture5 (no _toc.yml here or above). Change into one first.")


def package_digest(root: Path) -> str:
    """Return a digest of the package's files: what a chapter prints depends on them as well as on its own code."""
    digest = hashlib.sha256()
    for path in sorted((root / "lecture5").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build(serve: bool = False) -> int:
    """Execute the chapters, build the book with warnings as errors, say where it is; ``serve`` also shows it.

    Chapters whose code, and the package, are unchanged since the last build are not executed again.

    Returns
    -------
    int
        The exit status: 0 if it was built, 1 if not.
    """
    root = checkout()
    key, digest = root / CACHE_KEY, package_digest(root)
    if not key.exists() or key.read_text() != digest:
        shutil.rmtree(root / CACHE, ignore_errors=True)
        key.parent.mkdir(exist_ok=True)
        key.write_text(digest)
    started = time.monotonic()
    print("Building the book (its chapters are executed: a minute the first time) ...", flush=True)
    _execute_chapters(root)
    # Every page is written anew (--all): a page that an earlier build warned about must not pass in this one.
    command = [_script("jupyter-book"), "build", ".", "--all", "-W", "--keep-going", "-q"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stdout + result.stderr, file=sys.stderr)
        print("The book was not built: the lines above say why.", file=sys.stderr)
        return 1
    page = root / BUILD / "html" / "index.html"
    print(f"Built in {time.monotonic() - started:.0f} s. Open it with a browser:\n    {page.as_uri()}")
    if serve:
        _serve(page.parent)
    return 0


def _execute_chapters(root: Path) -> None:
    """Execute the chapters that the cache lacks, side by side; Sphinx would run them one after the other.

    A chapter that fails is left to Sphinx, which meets the error again and reports it with its place.
    """
    cache = str(root / CACHE)
    chapters = sorted(str(chapter) for chapter in (root / "book").glob("*.ipynb"))
    for command in (
        ["notebook", "--cache-path", cache, "add", *chapters],
        ["project", "--cache-path", cache, "execute", "--executor", "local-parallel", "--timeout", CELL_SECONDS],
    ):
        subprocess.run([_script("jcache"), *command], capture_output=True, input=b"y", check=False)


def _serve(folder: Path, first_port: int = 8000) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    for port in (*range(first_port, first_port + 20), 0):  # 0: any port that is free
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
            break
        except OSError:
            continue
    print(f"Showing it at http://127.0.0.1:{server.server_port}/ (Ctrl+C ends this)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()


def exercises_folder() -> Path:
    """Return the folder with the exercises to work in: the checkout's, or a copy of the installed ones made here.

    A copy that is already here is left as it is, since it may hold the student's work.
    """
    try:
        return checkout() / "exercises"
    except BookError:
        pass
    copies = Path.cwd() / "exercises"
    for file in importlib.metadata.files("lecture5") or ():
        if file.parent.name == "exercises" and file.suffix == ".ipynb" and not (copies / file.name).exists():
            copies.mkdir(exist_ok=True)
            shutil.copyfile(file.locate(), copies / file.name)
    if not copies.is_dir():
        raise BookError("this installation of lecture5 has no exercises. Install it anew, or work in a checkout.")
    return copies


def lab() -> int:
    """Open the exercises in JupyterLab (which finds a free port by itself).

    Returns
    -------
    int
        JupyterLab's exit status.
    """
    exercises = exercises_folder()
    command = [_script("jupyter"), "lab", exercises.name]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container one often is root, and JupyterLab would refuse
        command.append("--allow-root")
    try:
        return subprocess.run(command, cwd=exercises.parent, check=False).returncode
    except KeyboardInterrupt:
        return 0


def _script(name: str) -> str:
    """The command of that name from this Python's own environment, whatever the PATH says."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise BookError(
            f"{name} is not installed beside {sys.executable}. Install it with: pip install 'lecture5[dev]'"
        )
    return path
