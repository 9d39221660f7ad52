"""Visible checks as a step of a GitHub workflow: ``python -m lecture5.grading.gradebook.classroom FILE``.

It prints one line, ``result=…`` in base64, for ``$GITHUB_OUTPUT``, and what a student reads on the other stream.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from lecture5.exercise.places import NotFound
from lecture5.grading.commands import check_file, exercise_of
from lecture5.grading.gradebook.exports import classroom_result
from lecture5.grading.submissions import Unreadable


def encoded_result(path: Path) -> str:
    """Return the result of a notebook's visible checks as the reporter of GitHub Classroom expects it."""
    result = classroom_result(check_file(path, exercise_of(path)))
    for test in result["tests"]:
        print(f"{test['status']}: {test['name']}: {test['message']}".rstrip(": "), file=sys.stderr)
    return base64.b64encode(json.dumps(result).encode()).decode()


def main(arguments: list[str]) -> int:
    """Print the result of one notebook; that checks fail is a result, too, and no failure of this step."""
    if len(arguments) != 1:
        print("usage: python -m lecture5.grading.gradebook.classroom FILE", file=sys.stderr)
        return 2
    try:
        print(f"result={encoded_result(Path(arguments[0]))}")
    except (Unreadable, NotFound) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
