"""The instructors' pages: every command on them is one that there is, with options that there are."""

import re
import shlex
from pathlib import Path

import pytest

from lecture5 import cli

BOOK = Path(__file__).parents[2] / "book"


def commands(page):
    """The lines of a page's shell blocks."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (BOOK / page).read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("page", ["instructors.md", "at-scale.md", "new-exercise.md"])
def test_commands_exist(page):
    ours = [words for line in commands(page) if (words := shlex.split(line, comments=True))[0] == "lecture5"]
    assert ours
    for words in ours:
        cli.parser().parse_args(words[1:])


def test_what_the_page_says_of_formats_is_complete():
    text = (BOOK / "instructors.md").read_text()
    for name in cli.EXPORTS:
        assert f"| `{name}` |" in text
