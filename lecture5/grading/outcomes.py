r"""How a check can end, by name. Only "passed" earns points."""

from __future__ import annotations

import re

PASSED = "passed"
WRONG = "wrong"

# What a student reads next to a check that did not pass, if nothing more precise is known.
SENTENCES = {
    "wrong": "the result is not right",
    "exception": "your code raised an exception",
    "timeout": "it took too long",
    "died": "Python ended in the middle",
    "out of memory": "it needed too much memory",
    "output limit": "it printed too much",
    "protocol": "the answer could not be read",
    "type": "what was returned is not an array of numbers",
    "test error": "the test itself failed; this is our fault, and will be looked at",
}


ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)")
# Control characters but newline and tab; and those that change the direction of text or cannot be stored.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
CELL_FILE = re.compile(r"\((?:\d+\.py|<ipython-input[^>]*>), line (\d+)\)")


def clean(text: str) -> str:
    """Return a student's text without colours and control characters, and without the name of a cell's file.

    >>> clean("\x1b[31mred\x1b[0m \x07bell (3517951818.py, line 2)")
    'red �bell (line 2)'
    """
    return CELL_FILE.sub(r"(line \1)", CONTROL.sub("�", ANSI.sub("", text)))


class CallProblem(Exception):
    """A call (or a cell) of a submission did not give a result. The student's side is at fault."""

    outcome = "exception"

    def __init__(self, message: str = ""):
        super().__init__(message or SENTENCES[self.outcome])


class Raised(CallProblem):
    """The student's code raised an exception; ``kind`` is its class's name, ``text`` its text, cut short."""

    def __init__(self, kind: str, text: str = ""):
        super().__init__(f"your code raised {kind}: {text}" if text else f"your code raised {kind}")
        self.kind, self.text = kind, text
        if kind == "MemoryError":
            self.outcome = "out of memory"


class TimedOut(CallProblem):
    outcome = "timeout"


class Died(CallProblem):
    outcome = "died"


class OutOfMemory(CallProblem):
    outcome = "out of memory"


class TooMuchOutput(CallProblem):
    outcome = "output limit"


class BadReply(CallProblem):
    outcome = "protocol"


class WrongType(CallProblem):
    outcome = "type"


class SandboxFault(Exception):
    """The grader's own failure: the sandbox did not start, the disk is full. Never held against a student."""
