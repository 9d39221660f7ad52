"""Execute notebooks and store them in a form that gives the same file every time.

    python -m lecture5.exercise.notebooks book/*.ipynb            # run in a fresh kernel, store what it printed
    python -m lecture5.exercise.notebooks --check book/*.ipynb    # run nothing; fail if a file is not normalised

A notebook that was only opened and saved changes in dozens of places: ids, timestamps, widths, addresses. A
*normalised* one changes only when its text, its code or its results do, so that a diff can be read:

- metadata that editors and kernels add is dropped; a cell keeps ``tags``, ``slideshow``, ``nbgrader`` and ``lecture5``;
- a cell keeps an id that somebody chose ("conv1d-check"); a random one becomes "cell-007", by position;
- every code cell that ran counts 1, 2, 3, …, as after "restart and run all" (nbval compares no output without a count);
- neighbouring pieces of one stream are joined, memory addresses become 0x0, tracebacks keep their last line;
- pictures, and HTML that embeds pictures or frames, are dropped when a text form of the same output remains:
  the book draws them anew when it is built, and nbval compares the text.

Two things are not repaired but refused: an error in a cell that is not tagged ``raises-exception``, and an absolute
path of this machine in an output.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from lecture5.exercise.files import write_text

KEPT_NOTEBOOK_METADATA = ("lecture5", "mystnb")
KEPT_CELL_METADATA = ("deletable", "editable", "lecture5", "mystnb", "nbgrader", "slideshow", "tags")
# A figure's repr gives its size in pixels; it is enough to see that one was drawn.
PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "application/pdf")
EMBEDS = re.compile(r"<iframe|<video|<audio|\bdata:[a-z]+/", re.IGNORECASE)
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# What nbformat (eight hex digits), JupyterLab (a UUID) and this module (by position) give a cell that nobody named.
ANONYMOUS_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|cell-\d+")
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/])(/(?:home|root|Users|tmp|work|usr|opt|private|var)/[^\s'\"<>:,)]+|[A-Z]:\\[^\s'\"<>]+)"
)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return ``notebook``, changed in place, without anything that differs between two equal runs."""
    kept = {key: notebook.metadata[key] for key in KEPT_NOTEBOOK_METADATA if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **kept,
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    named = {cell.get("id", "") for cell in notebook.cells if not ANONYMOUS_ID.fullmatch(cell.get("id", ""))}
    seen: set[str] = set()
    count = 0
    for position, cell in enumerate(notebook.cells):
        chosen = cell.get("id", "")
        if not chosen or chosen not in named or chosen in seen:
            chosen = _free_id(f"cell-{position:03d}", seen | named)
        cell["id"] = chosen
        seen.add(chosen)
        cell.metadata = _cell_metadata(cell.metadata)
        cell.source = cell.source.rstrip()
        if cell.cell_type == "code":
            if cell.source.strip() and "skip-execution" not in cell.metadata.get("tags", []):
                count += 1
                cell.execution_count = count
            else:
                cell.execution_count = None
            cell.outputs = _outputs(cell.outputs, cell.execution_count)
    return notebook


def _free_id(wanted: str, taken: set[str]) -> str:
    name, suffix = wanted, 2
    while name in taken:
        name, suffix = f"{wanted}-{suffix}", suffix + 1
    return name


def _cell_metadata(metadata: dict[str, Any]) -> NotebookNode:
    kept = {key: metadata[key] for key in KEPT_CELL_METADATA if key in metadata}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(dict(sorted(kept.items())))


def _outputs(outputs: list[NotebookNode], execution_count: int | None) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text = kept[-1].text + output.text
                continue
            kept.append(output)
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {ANSI.sub('', output.evalue)}"]
            kept.append(output)
        else:
            output.metadata = NotebookNode()
            output.data = _data(output.data)
            if "execution_count" in output:
                output.execution_count = execution_count
            if output.data:
                kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = ADDRESS.sub("0x0", ANSI.sub("", output.text))
    return kept


def _data(data: dict[str, Any]) -> NotebookNode:
    """Keep the text forms of one output; a figure's text form is "<Figure size 640x480 with 1 Axes>"."""
    kept = {
        mime: value
        for mime, value in sorted(data.items())
        if mime not in PICTURES and not (mime == "text/html" and EMBEDS.search("".join(value)))
    }
    if "text/plain" in kept:
        kept["text/plain"] = ADDRESS.sub("0x0", "".join(kept["text/plain"]))
    return nbformat.from_dict(kept)


def dumps(notebook: NotebookNode) -> str:
    """Return the file's text: one space of indent, keys sorted, one newline at the end."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def read(path: str | os.PathLike) -> NotebookNode:
    """Read a notebook as format 4."""
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: str | os.PathLike) -> None:
    """Normalise and write; an interrupted run leaves the old file whole."""
    write_text(path, dumps(normalise(notebook)))


def complaints(notebook: NotebookNode) -> list[str]:
    """Return what must not be stored, one sentence each: unexpected errors, and paths of this machine."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"cell {cell.id}: {output.ename}: {output.evalue}")
            text = output.get("text", "") or "".join(output.get("data", {}).get("text/plain", ""))
            for path in ABSOLUTE_PATH.findall(text):
                found.append(f"cell {cell.id}: the output holds a path of this machine, {path}")
    return found


def execute(notebook: NotebookNode, folder: Path, *, timeout: int = 300) -> NotebookNode:
    """Run every cell in a fresh kernel of this interpreter, with ``folder`` as its working directory."""
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--Application.log_level=ERROR"],  # else a warning about plain TCP, for every notebook
        allow_errors=True,  # reported by complaints(), all of them, with the cell's id
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def main(argv: list[str] | None = None) -> int:
    """Run or check the named notebooks; return 1 if one of them is not as it should be."""
    parser = argparse.ArgumentParser(
        prog="python -m lecture5.exercise.notebooks",
        description="Run notebooks in a fresh kernel and store them normalised.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true", help="run nothing, write nothing; fail if a file would change")
    parser.add_argument("--timeout", type=int, default=300, help="seconds per cell (default %(default)s)")
    options = parser.parse_args(argv)
    failed = 0
    for path in options.files:
        notebook = read(path)
        if not options.check:
            execute(notebook, path.parent, timeout=options.timeout)
        before = path.read_text(encoding="utf-8")
        text = dumps(normalise(notebook))
        problems = complaints(notebook)
        if options.check and text != before:
            problems.append("not normalised: run `python -m lecture5.exercise.notebooks` on it")
        if not options.check and not problems:
            write_text(path, text)
        for problem in problems:
            print(f"{path}: {problem}", file=sys.stderr)
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
