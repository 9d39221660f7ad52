"""Answer the grader's calls, inside the student's kernel. Nothing that this says is trusted.

A student who rewrites it can only make his own replies differ; the grader compares values, outside.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any


def serve(shell: Any, encode: Any, decode: Any) -> None:
    """Answer calls that arrive as comm messages: {call, function, arguments, keywords} → {call, status, …}."""

    def answer(comm: Any, message: dict[str, Any]) -> None:
        request = message["content"]["data"]
        buffers: list[bytes] = []
        try:
            arguments = decode(request["arguments"], message["buffers"])
            keywords = decode(request["keywords"], message["buffers"])
            reply, buffers = call(request["function"], arguments, keywords)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the grader waits for a reply
            reply = {"status": "raised", "kind": type(error).__name__, "text": text_of(error), "line": line_of(error)}
        comm.send({"call": request["call"], **reply}, buffers=buffers)

    def call(name: str, arguments: list[Any], keywords: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        if name not in shell.user_ns:
            return {"status": "missing"}, []
        result = shell.user_ns[name](*arguments, **keywords)
        try:
            tree, buffers = encode(result)
        except Exception as error:
            return {"status": "type", "kind": str(error)[:200]}, []
        return {"status": "done", "result": tree}, buffers

    def opened(comm: Any, message: dict[str, Any]) -> None:
        comm.on_msg(lambda message: answer(comm, message))

    shell.kernel.comm_manager.register_target("lecture5", opened)


def text_of(error: BaseException) -> str:
    """Return an exception's text, cut short; an exception whose ``__str__`` fails has none."""
    try:
        return str(error)[:300]
    except BaseException:
        return ""


def line_of(error: BaseException) -> str:
    """Return the source line of the student's cell in which the exception was raised."""
    try:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel_" in f.filename]
        return frames[-1].line[:200] if frames else ""
    except BaseException:
        return ""


def withhold(names: Sequence[str]) -> None:
    """Put an error in the place of library functions that the exercise asks students to write.

    This is a reminder, not a wall: the right values are what earns points.
    """
    for name in names:
        module_name, _, attribute = name.rpartition(".")
        original = getattr(importlib.import_module(module_name), attribute)

        def refuse(*arguments: Any, name: str = name, **keywords: Any) -> None:
            raise NotImplementedError(f"{name} is not available here: this exercise asks you to write it yourself")

        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").split(".")[0] == module_name.split(".")[0]:
                for key, value in list(vars(module).items()):
                    if value is original:
                        setattr(module, key, refuse)
