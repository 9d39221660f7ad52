"""``lecture5 release``."""

from __future__ import annotations

import argparse
import sys

from lecture5.exercise.catalogue import exercise_numbers, get_exercise
from lecture5.exercise.files import write_text
from lecture5.exercise.places import NotFound
from lecture5.exercise.release import SourceError, is_current, release_path, released_text


def release_command(options: argparse.Namespace) -> int:
    """Write the students' notebooks, or check that they are current."""
    try:
        exercises = [
            get_exercise(number) for number in ([options.exercise] if options.exercise else exercise_numbers())
        ]
        stale = []
        for exercise in exercises:
            if is_current(exercise):
                print(f"{exercise.notebook_name}: current")
                continue
            stale.append(exercise)
            if options.check:
                print(f"{exercise.notebook_name}: not current, run `lecture5 release`", file=sys.stderr)
            else:
                write_text(release_path(exercise), released_text(exercise))
                print(f"{exercise.notebook_name}: written")
    except (KeyError, NotFound) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except SourceError as error:
        print(f"this cannot be released: {error}", file=sys.stderr)
        return 1
    return 1 if options.check and stale else 0
