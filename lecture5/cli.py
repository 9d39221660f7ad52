"""The ``lecture5`` command. Each subcommand's code is imported when it is used, so that ``--help`` is instant.

Exit status: 0 done; 1 something failed that you asked to be checked; 2 wrong use; 3 our own failure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

DONE, FAILED, WRONG_USE, OUR_FAULT = 0, 1, 2, 3
OWN_PARSERS = {"bench": "lecture5.bench", "train": "lecture5.nets.train"}  # modules that read their own arguments
EXPORTS = ("canvas", "classroom", "gradescope", "junit", "nbgrader")


def parser() -> argparse.ArgumentParser:
    """Return the parser for all commands; ``run`` of its result names the function to call, as ``module:function``."""
    main_parser = argparse.ArgumentParser(
        prog="lecture5", description="Book, exercises and grader of the lecture on CNNs."
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(run=run)
        return sub

    book = command("book", "cli:_book", "build the book")
    book.add_argument("--serve", action="store_true", help="show it in a browser, too")

    command("lab", "cli:_lab", "open the book and the exercises in JupyterLab")

    check = command(
        "check", "grading.commands:check_command", "say what passes in your notebook, and what is wrong with the rest"
    )
    check.add_argument("file", type=Path, metavar="FILE", help="your copy of an exercise's notebook")
    check.add_argument("--json", action="store_true", help="print a record that a program can read")

    release = command(
        "release", "grading.kills:release_command", "make the students' notebooks from those with solutions"
    )
    release.add_argument("--exercise", metavar="NN", help="only this one")
    release.add_argument("--check", action="store_true", help="write nothing; fail if one is not current")

    new = command("new-exercise", "exercise.new:command", "start a new exercise from a template that passes its tests")
    new.add_argument("name", metavar="NN-name", help="for example 20-total-variation")

    grade = command("grade", "grading.commands:grade_command", "grade a folder of submissions")
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder, or one notebook")
    grade.add_argument("--exercise", required=True, metavar="NN")
    grade.add_argument("--out", required=True, type=Path, metavar="DIR", help="records, feedback and tables go here")
    grade.add_argument("--workers", type=_positive, metavar="N", help="side by side (default: one per processor)")
    grade.add_argument("--engine", choices=("local", "dask"), default="local", help="where (default: this machine)")
    grade.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, for example tcp://10.0.0.1:8786")
    grade.add_argument("--cohort", default="", metavar="TEXT", help="seeds the hidden tests' random inputs")
    grade.add_argument("--container", choices=("docker", "podman"), help="in containers, where bubblewrap is forbidden")
    grade.add_argument("--image", metavar="NAME", help="for --container; lecture5 package image says how to build it")
    grade.add_argument("--trust", action="store_true", help="run submissions without a sandbox, with all your rights")
    grade.add_argument("--export", action="append", default=[], choices=EXPORTS, help="also write this format")
    grade.add_argument("--json", action="store_true", help="print the records instead of a table")

    export = command(
        "export", "grading.gradebook.commands:export_command", "write a graded folder in another program's format"
    )
    export.add_argument("folder", type=Path, metavar="DIR", help="what lecture5 grade wrote (its --out)")
    export.add_argument("--format", required=True, choices=EXPORTS)
    export.add_argument("--out", type=Path, metavar="DIR", help="default: DIR/exports/FORMAT")
    export.add_argument("--class-list", type=Path, metavar="FILE", help="the gradebook as exported from Canvas")
    export.add_argument("--column", default="", metavar="NAME", help="the assignment's column in Canvas")

    report = command("report", "grading.gradebook.commands:report_command", "show the class at a glance, as one page")
    report.add_argument("folder", type=Path, metavar="DIR", help="what lecture5 grade wrote (its --out)")
    report.add_argument("--out", type=Path, metavar="FILE", help="default: DIR/report.html")
    for reads_times in (export, report):
        reads_times.add_argument("--due", default="", metavar="TIME", help="2026-11-20 (its end), '2026-11-20 18:00'")
        reads_times.add_argument(
            "--times", type=Path, metavar="FILE", help="CSV: student, submitted; or nbgrader's folder"
        )

    commands.add_parser("bench", help="measure our convolutions beside torch, scipy and teaching code", add_help=False)
    commands.add_parser("train", help="train a network of the book by its recipe", add_help=False)

    package = command(
        "package", "grading.gradebook.packaging:command", "pack an exercise for Gradescope or GitHub Classroom"
    )
    platforms = package.add_subparsers(dest="platform", required=True, metavar="PLATFORM")
    gradescope = platforms.add_parser("gradescope", help="the zip of an autograder")
    gradescope.add_argument("--out", required=True, type=Path, metavar="FILE")
    gradescope.add_argument("--cohort", default="", metavar="TEXT", help="seeds the hidden tests' random inputs")
    gradescope.add_argument("--trust", action="store_true", help="if its containers allow no sandbox: run without one")
    classroom = platforms.add_parser("classroom", help="a template repository with a workflow of visible checks")
    classroom.add_argument("--out", required=True, type=Path, metavar="DIR")
    classroom.add_argument("--install", required=True, metavar="ADDRESS", help="what pip installs: git+https://…")
    image = platforms.add_parser("image", help="the recipe of an image for lecture5 grade --container")
    image.add_argument("--out", required=True, type=Path, metavar="FILE")
    for platform in (gradescope, classroom, image):
        platform.add_argument("--exercise", required=True, metavar="NN")

    doctor = command("doctor", "grading.doctor:command", "say what this machine offers, and how to get what is missing")
    doctor.add_argument("--json", action="store_true")
    return main_parser


def _book(options: argparse.Namespace) -> int:
    from lecture5.book import BookError, build

    try:
        return build(serve=options.serve)
    except BookError as error:
        print(error, file=sys.stderr)
        return WRONG_USE


def _lab(options: argparse.Namespace) -> int:
    from lecture5.book import BookError, lab

    try:
        return lab()
    except BookError as error:
        print(error, file=sys.stderr)
        return WRONG_USE


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in OWN_PARSERS:
        return import_module(OWN_PARSERS[arguments[0]]).main(arguments[1:])
    options = parser().parse_args(arguments)
    module, _, function = options.run.partition(":")
    try:
        return getattr(import_module(f"lecture5.{module}"), function)(options)
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, run the command again to go on", file=sys.stderr)
        return OUR_FAULT
    except BrokenPipeError:
        return DONE


if __name__ == "__main__":
    sys.exit(main())
