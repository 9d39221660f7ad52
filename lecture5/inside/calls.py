"""Answer the grader's calls, inside the student's kernel. Nothing that this says is trusted.

A student who rewrites it can only make his own replies differ; the grader compares values, outside.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from . import wire
from .modules import Module, is_module


def serve(shell: Any) -> None:
    """Answer calls that arrive as comm messages.

    ``{call, function, arguments, keywords}`` calls a function, or makes an object of a class; ``{call, object, method,
    arguments, keywords}`` uses an object made before. The answer is ``{call, status, …}``.
    """
    objects: list[Module] = []

    def answer(comm: Any, message: dict[str, Any]) -> None:
        request = message["content"]["data"]
        buffers: list[bytes] = []
        try:
            arguments = wire.decode(request["arguments"], message["buffers"])
            keywords = wire.decode(request["keywords"], message["buffers"])
            target = find(request)
            reply = {"status": "missing"}
            if target is not None:
                reply, buffers = result(target(*arguments, **keywords))
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the grader waits for a reply
            reply = {"status": "raised", "kind": type(error).__name__, "text": text_of(error)}
        comm.send({"call": request["call"], **reply}, buffers=buffers)

    def find(request: dict[str, Any]) -> Any:
        if "object" in request:
            return getattr(objects[request["object"]], request["method"])
        return shell.user_ns.get(request["function"])

    def result(value: Any) -> tuple[dict[str, Any], list[bytes]]:
        if is_module(value):
            objects.append(Module(value))
            return {"status": "object", "object": len(objects) - 1}, []
        try:
            tree, buffers = wire.encode(value)
        except Exception as error:
            return {"status": "type", "kind": str(error)[:200]}, []
        return {"status": "done", "result": tree}, buffers

    def opened(comm: Any, message: dict[str, Any]) -> None:
        comm.on_msg(lambda message: answer(comm, message))

    shell.kernel.comm_manager.register_target("lecture5", opened)
    _hand_over_at_once(shell.kernel)


def _hand_over_at_once(kernel: Any) -> None:
    """Have comm messages answered without what ipykernel does around any request, which takes longer than most calls.

    The grader only waits for the end of a request: for the status "idle", after all that was printed.
    """
    in_general = kernel.shell_main

    async def shell_main(subshell_id: str | None, frames: list[Any]) -> None:
        identities, parts = kernel.session.feed_identities(frames, copy=False)
        if json.loads(parts[1].bytes)["msg_type"] != "comm_msg":
            return await in_general(subshell_id, frames)
        message = kernel.session.deserialize(parts, copy=False)
        with contextlib.suppress(Exception):  # it looks at sys.stdout, which a student may have removed
            kernel.set_parent(identities, message)
        try:
            kernel.comm_manager.comm_msg(None, identities, message)
        finally:
            for name in ("stdout", "stderr"):
                with contextlib.suppress(BaseException):  # or put anything in its place
                    getattr(sys, name).flush()
            header = b'{"msg_id": "", "msg_type": "status"}'
            kernel.iopub_socket.send_multipart(
                [b"status", b"<IDS|MSG>", b"", header, parts[1].bytes, b"{}", b'{"execution_state": "idle"}']
            )

    kernel.shell_main = shell_main


def text_of(error: BaseException) -> str:
    """Return an exception's text, cut short; an exception whose ``__str__`` fails has none."""
    try:
        return str(error)[:300]
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
