"""A client of one kernel that may be hostile: run a cell, call a function, with a limit on everything that comes back.

The kernel owns its end of the sockets and can send whatever it likes. So: no message is larger than ``MAX_MESSAGE``;
few wait in the queue; what is printed is counted and thrown away; a message is parsed only if its kind is one that is
waited for, and only if it is small; each wait has a deadline. A kernel that breaks a rule is ended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import run_sync

from lecture5.grading.outcomes import (
    BadReply,
    CallProblem,
    Died,
    OutOfMemory,
    Raised,
    SandboxFault,
    TimedOut,
    TooMuchOutput,
    WrongType,
)
from lecture5.grading.providers.container import Container
from lecture5.grading.sandbox import LIMITS, Limits, kernel_spec_manager, temporary_prefix
from lecture5.grading.watch import Watch
from lecture5.inside import wire

MAX_MESSAGE = 8 * 2**20  # the arrays of a reply, or what is printed at one go
MAX_HEADER = 16 * 2**10
MAX_CONTENT = 2**20
QUEUE = 2  # messages that ZeroMQ may hold for us: bounds memory to QUEUE × MAX_MESSAGE while we look elsewhere
KEPT = {"status", "execute_result", "error", "execute_reply", "comm_msg", "kernel_info_reply"}
START_SECONDS = 60


def _bounded_context() -> zmq.Context:
    """Return a ZeroMQ context whose sockets refuse oversized messages: they close the connection."""
    context = zmq.Context()
    context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)  # for sockets made later: it must be set before they connect
    context.setsockopt(zmq.RCVHWM, QUEUE)
    context.setsockopt(zmq.LINGER, 0)
    return context


@dataclass(frozen=True)
class Made:
    """Stands for an object in a kernel, and for the method of it that is to be called."""

    number: int
    method: str = ""


class _Clock:
    """Says when a request's time is up: its processor seconds are used, or it has waited far longer than that."""

    def __init__(self, seconds: float, longest: float, watch: Watch | None):
        self.seconds, self._longest, self._watch = seconds, longest, watch
        self._start = time.monotonic()
        self._used = watch.last_seconds if watch else 0.0
        self._next = seconds  # no use in looking earlier: one processor cannot have given more

    def pause(self) -> float:
        """Return how long to wait for a message before the next look."""
        return min(0.2, max(0.0, self._next - (time.monotonic() - self._start)))

    def is_up(self) -> bool:
        passed = time.monotonic() - self._start
        if passed < self._next:
            return False
        used = self._watch.processor_seconds() - self._used if self._watch else passed
        self._next = passed + 0.1
        return used >= self.seconds or passed >= self._longest


@dataclass
class Execution:
    """What a cell gave: its result messages in order, and the exception that ended it, if one did."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: Raised | None = None


class Kernel:
    """One kernel, from its start to its end. Use it as a context manager: nothing of it survives the block.

    Parameters
    ----------
    allowed
        Distributions that are present inside.
    withheld
        Functions that raise an error inside.
    sandboxed
        False runs an ordinary kernel, with the rights of the user: for one's own code only.
    slot
        The number of the worker.
    container
        Run it in a container instead of under bubblewrap.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        withheld: Sequence[str] = (),
        *,
        sandboxed: bool = True,
        slot: int = 0,
        limits: Limits = LIMITS,
        container: Container | None = None,
    ):
        self.limits = limits
        self._context = _bounded_context()
        self._folder: Path | None = None
        self._printed = self._kept = 0
        self._problem: CallProblem | None = None
        self._comm: str | None = None
        self._manager: KernelManager | None = None
        self._client: BlockingKernelClient | None = None
        self._watch: Watch | None = None
        self._poller = zmq.Poller()
        try:
            specs = kernel_spec_manager(allowed, withheld, sandboxed=sandboxed, slot=slot, container=container)
            self._start(specs, has_own_folder=sandboxed or container is not None)
        except BaseException:
            self.close()
            raise

    def _start(self, specs: KernelSpecManager, has_own_folder: bool) -> None:
        """Start. Nothing of the student's has run yet: what fails here is our fault."""
        try:
            self._manager = KernelManager(
                kernel_name="lecture5",
                kernel_spec_manager=specs,
                client_factory=BlockingKernelClient,
                context=self._context,
            )
            if not has_own_folder:
                self._use_temporary_folder()
            # An ordinary kernel watches for its parent's end, to end too; in the box it sees none, and Linux ends it.
            self._manager.start_kernel(independent=has_own_folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            folder = Path(self._manager.connection_file).parent
            self._watch = Watch(self._manager.provisioner.pid, folder, self.limits)
            self._wait_until_ready(folder)
            self._comm = uuid.uuid4().hex
            self._send("comm_open", {"comm_id": self._comm, "target_name": "lecture5", "data": {}})
        except (CallProblem, OSError, RuntimeError, zmq.ZMQError) as error:
            raise SandboxFault(f"the kernel did not start: {error} {self._failure()}".strip()) from error

    def _use_temporary_folder(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=temporary_prefix()))
        self._manager.connection_file = str(self._folder / "c.json")
        if sys.platform != "win32":
            self._manager.transport = "ipc"
            self._manager.ip = str(self._folder / "s")

    def _failure(self) -> str:
        provisioner = self._manager.provisioner if self._manager is not None else None
        return provisioner.failure() if hasattr(provisioner, "failure") else ""

    def _wait_until_ready(self, folder: Path) -> None:
        """Connect once the sockets are there; then ask until an answer comes on both channels.

        iopub loses what is sent before the connection stands. ipykernel says there that it does; then one question is
        enough, and its answer is waited for longer.
        """
        deadline = time.monotonic() + START_SECONDS
        if self._manager.transport == "ipc":
            names = [str(folder / f"{Path(self._manager.ip).name}-{number}") for number in range(5, 0, -1)]
            while not all(map(os.path.exists, names)):  # the last one first: it is made last
                if time.monotonic() > deadline or not self._runs():
                    raise Died()
                time.sleep(0.002)
        self._client = self._manager.client(context=self._context)
        self._client.start_channels(stdin=False, hb=False)
        channels = (self._client.shell_channel, self._client.iopub_channel)
        for channel in channels:
            self._poller.register(channel.socket, zmq.POLLIN)
        wait = 1.0 if self._poller.poll(500) else 0.02
        while True:
            request = self._client.kernel_info()
            try:
                self._collect(request, _Clock(wait, wait, None), shell=True)
                break
            except TimedOut:
                wait *= 2
                if time.monotonic() > deadline:
                    raise
        for channel in channels:  # says when the connection is closed
            self._poller.register(channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED), zmq.POLLIN)

    @property
    def alive(self) -> bool:
        """Whether the kernel can still be used."""
        return self._problem is None and self._runs()

    def _runs(self) -> bool:
        process = self._manager.provisioner.process
        return process is not None and process.poll() is None

    # --- what the grader does -----------------------------------------------------------------------------------------

    def execute(self, source: str, seconds: float) -> Execution:
        """Run a cell.

        Raises
        ------
        CallProblem
            If it took too long, printed too much, or ended the kernel. The kernel is gone then.
        """
        request = self.begin(source)
        messages = self.finish(request, seconds)
        errors = [message["content"] for message in messages if message["header"]["msg_type"] == "error"]
        error = Raised(_text(errors[0], "ename", 100), _text(errors[0], "evalue", 300)) if errors else None
        return Execution(messages, error)

    def begin(self, source: str) -> str:
        """Send a cell; return the id of the request."""
        self._require_life()
        self._printed = self._kept = 0
        return self._client.execute(source, store_history=False, allow_stdin=False, stop_on_error=False)

    def call(self, target: str | Made, arguments: Sequence[Any], keywords: dict[str, Any], seconds: float) -> Any:
        """Call a function of the kernel with copies of plain values; return a plain value, or an object's stand-in.

        Parameters
        ----------
        target
            A function's name, or a method of an object that an earlier call made.

        Raises
        ------
        CallProblem
            Whatever else happened, by its name.
        """
        self._require_life()
        self._printed = self._kept = 0
        tree, buffers = wire.encode([list(arguments), dict(keywords)])
        number = uuid.uuid4().hex
        what = {"function": target} if isinstance(target, str) else {"object": target.number, "method": target.method}
        data = {"call": number, **what, "arguments": tree["list"][0], "keywords": tree["list"][1]}
        request = self._send("comm_msg", {"comm_id": self._comm, "data": data}, buffers)
        for message in self.finish(request, seconds, shell=False):
            reply = message["content"].get("data")
            if message["header"]["msg_type"] == "comm_msg" and isinstance(reply, dict) and reply.get("call") == number:
                return _result(reply, message.get("buffers") or [])
        raise BadReply()

    def close(self) -> None:
        """End the kernel and everything that it started; remove its folder."""
        if self._watch is not None:
            self._watch.stop()
        if self._client is not None:
            self._client.stop_channels()
        if self._manager is not None:
            self._end_process()
            self._manager.cleanup_resources()
        self._context.destroy(linger=0)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end_process(self) -> None:
        """Kill at once: to ask first, as jupyter_client does, is to wait for somebody who may not answer."""
        provisioner = self._manager.provisioner
        if provisioner is not None and provisioner.has_process:
            run_sync(provisioner.kill)()
            run_sync(provisioner.wait)()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- messages -----------------------------------------------------------------------------------------------------

    def _send(self, kind: str, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> str:
        message = self._client.session.msg(kind, content)
        self._client.session.send(self._client.shell_channel.socket, message, buffers=list(buffers))
        return message["header"]["msg_id"]

    def finish(self, request: str, seconds: float, *, shell: bool = True) -> list[dict[str, Any]]:
        """Wait until the kernel is done with a request; return what it published for it, without what was printed.

        Raises
        ------
        CallProblem
            If it does not end in time, or breaks a rule. The kernel is ended: what it does later is of no interest.
        """
        try:
            return self._collect(request, _Clock(seconds, seconds * self.limits.patience, self._watch), shell)
        except CallProblem as problem:
            self._end(problem)
            raise

    def _collect(self, request: str, clock: _Clock, shell: bool) -> list[dict[str, Any]]:
        published: list[dict[str, Any]] = []
        idle, replied = False, not shell
        while not (idle and replied):
            message = self._receive(clock)
            if message is None or message.get("parent_header", {}).get("msg_id") != request:
                continue
            kind = message["header"]["msg_type"]
            if kind == "status":
                idle = idle or message["content"].get("execution_state") == "idle"
            elif kind.endswith("_reply"):
                replied = True
            else:
                published.append(message)
        return published

    def _receive(self, clock: _Clock) -> dict[str, Any] | None:
        """Return the next message that matters; None if one came that does not."""
        shell, iopub = self._client.shell_channel.socket, self._client.iopub_channel.socket
        while True:
            ready = dict(self._poller.poll(clock.pause() * 1000))
            if iopub in ready or shell in ready:
                socket = iopub if iopub in ready else shell
                return self._read(socket.recv_multipart())
            self._raise_if_ended(wait=bool(ready))
            if ready:  # the connection was closed, and not by the end of the kernel: a message was too large
                raise TooMuchOutput()
            if clock.is_up():
                raise TimedOut(f"it took longer than {clock.seconds:g} s")

    def _raise_if_ended(self, wait: bool) -> None:
        """Raise if the kernel has ended, or was ended; with ``wait``, give it a moment to do so."""
        deadline = time.monotonic() + (0.5 if wait else 0)
        while True:
            if self._watch is not None and self._watch.verdict:
                raise {"memory": OutOfMemory, "disk": TooMuchOutput}[self._watch.verdict]()
            if not self._runs():
                raise Died()
            if time.monotonic() >= deadline:
                return
            time.sleep(0.01)

    def _read(self, frames: list[bytes]) -> dict[str, Any] | None:
        size = sum(map(len, frames))
        self._printed += size
        if self._printed > self.limits.output_bytes + MAX_MESSAGE:
            raise TooMuchOutput()
        try:
            _, frames = self._client.session.feed_identities(frames)
            # The signature is not looked at: who could forge it also has the key.
            signature, header, parent, metadata, content, *buffers = frames
            if max(len(signature), len(header), len(parent), len(metadata)) > MAX_HEADER:
                return None
            header = json.loads(header)
            if header["msg_type"] not in KEPT:
                return None
            self._kept += size
            if len(content) > MAX_CONTENT or self._kept > MAX_MESSAGE:
                raise TooMuchOutput()
            parent, content = json.loads(parent), json.loads(content)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None  # not a message: it is as if it had not been sent
        if not all(isinstance(part, dict) for part in (header, parent, content)):
            return None
        return {"header": header, "parent_header": parent, "content": content, "buffers": buffers}

    def _require_life(self) -> None:
        if not self.alive:
            raise self._problem or Died()

    def _end(self, problem: CallProblem) -> None:
        self._problem = problem
        self._end_process()


def _result(reply: dict[str, Any], buffers: list[Any]) -> Any:
    """Return the value in a reply, or raise what it says went wrong."""
    status = reply.get("status")
    if status == "raised":
        raise Raised(_text(reply, "kind", 100), _text(reply, "text", 300))
    if status == "missing":
        raise Raised("NameError", "there is no function of this name; is its cell empty, or did it fail?")
    if status == "type":
        raise WrongType(f"you returned {_text(reply, 'kind', 200)}; an array of numbers is expected")
    if status == "object" and type(reply.get("object")) is int:
        return Made(reply["object"])
    if status != "done":
        raise BadReply()
    try:
        return wire.decode(reply.get("result"), buffers)
    except (wire.WireError, RecursionError):
        raise BadReply() from None


def _text(content: dict[str, Any], key: str, length: int) -> str:
    value = content.get(key)
    return value[:length] if isinstance(value, str) else ""
