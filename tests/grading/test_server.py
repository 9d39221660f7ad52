"""The warm process: fit to be forked, and each kernel that is forked from it in a world of its own."""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil
import pytest

from lecture5.exercise.catalogue import get_exercise
from lecture5.grading import sandbox
from lecture5.grading.kernel import Kernel
from lecture5.grading.outcomes import BadReply, SandboxFault
from lecture5.grading.watch import _tree

SLOT = 30 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
OWN = ("mnt", "pid", "ipc", "uts")  # the namespaces that each kernel has for itself
LOOK = f"def f():\n    import os\n    return [os.readlink('/proc/self/ns/' + name) for name in {OWN!r}]"


@pytest.fixture
def warm():
    """The process that kernels are forked from, after it has forked one."""
    with Kernel(("numpy", "torch"), slot=SLOT):
        pass
    outer = sandbox.server(("numpy", "torch"), SLOT)._process.pid
    inside = psutil.Process(outer).children(recursive=True)
    return next(process for process in inside if "python" in process.name())


@pytest.mark.sandbox
def test_it_has_one_thread_and_no_descriptor_but_its_socket(warm):
    assert warm.num_threads() == 1
    assert sorted(os.listdir(f"/proc/{warm.pid}/fd")) == ["0", "1", "2"]  # the socket, /dev/null, its last words


@pytest.mark.sandbox
def test_it_has_made_nothing_of_zeromq():
    code = (
        "import gc, importlib, zmq; from lecture5.inside import server, start;"
        "[importlib.import_module(name) for name in server.KERNEL]; start.prepare('/nowhere/inside.json');"
        "print([thing for thing in gc.get_objects() if isinstance(thing, (zmq.Context, zmq.Socket))])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.sandbox
def test_it_stays_in_its_own_namespaces(warm):
    for_children, own = (os.readlink(f"/proc/{warm.pid}/ns/{name}") for name in ("pid_for_children", "pid"))
    assert for_children == own


@pytest.mark.sandbox
def test_kernels_side_by_side_share_no_namespace(warm):
    with Kernel(("numpy", "torch"), slot=SLOT) as one, Kernel(("numpy", "torch"), slot=SLOT) as other:
        seen = []
        for kernel in (one, other):
            kernel.execute(LOOK, 5)
            seen.append(kernel.call("f", [], {}, 5))
        seen.append([os.readlink(f"/proc/{warm.pid}/ns/{name}") for name in OWN])
        for three in zip(*seen, strict=True):
            assert len(set(three)) == 3
        one.execute("open('/tmp/left', 'w').write('x')", 5)
        assert other.execute("open('/tmp/left')", 5).error.kind == "FileNotFoundError"


@pytest.mark.sandbox
def test_all_kernels_have_the_same_random_numbers():
    code = "import numpy as np, random, torch\ndef f(): return [random.random(), np.random.rand(), torch.rand(3)]"
    seen = []
    for _ in range(2):
        with Kernel(("numpy", "torch"), slot=SLOT) as kernel:
            kernel.execute(code, 10)
            seen.append(kernel.call("f", [], {}, 5))
            again = f"torch.manual_seed(0); assert torch.rand(3).tolist() == {seen[0][2].tolist()}"
            assert kernel.execute(again, 5).error is None
    np.testing.assert_array_equal(seen[0][2], seen[1][2])
    assert seen[0][:2] == seen[1][:2]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    "sabotage",
    [
        "sys.stdout = None",
        "class S:\n    def flush(self): sys.exit()\nsys.stdout = S()",
        "vars(sys).pop('stdout', None)",
    ],
    ids=["none", "exits", "gone"],
)
def test_a_call_ends_whatever_stands_for_the_output(sabotage):
    with Kernel(("numpy",), slot=SLOT) as kernel:
        kernel.execute(f"def f(x):\n    import sys\n    {sabotage.replace(chr(10), chr(10) + '    ')}\n    return x", 5)
        for number in (1.0, 2.0):
            assert kernel.call("f", [number], {}, 5) == number


@pytest.mark.sandbox
def test_a_call_without_a_reply_ends_at_once():
    with Kernel(("numpy",), slot=SLOT) as kernel:
        silence = "for one in get_ipython().kernel.comm_manager.comms.values(): one.send = lambda *a, **k: None"
        kernel.execute(f"{silence}\ndef f(): return 1", 5)
        start = time.monotonic()
        with pytest.raises(BadReply):
            kernel.call("f", [], {}, 20)
        assert time.monotonic() - start < 10


@pytest.mark.sandbox
def test_what_is_printed_in_a_call_counts_for_that_call():
    with Kernel(("numpy",), slot=SLOT) as kernel:
        kernel.execute("def f():\n    print('x' * 10**6)\n    return 1", 5)
        assert kernel.call("f", [], {}, 5) == 1
        assert kernel._printed > 10**6


@pytest.mark.sandbox
def test_what_keeps_a_kernel_from_starting_is_told_and_the_next_one_starts(warm, tmp_path):
    """Its folder is not where the server looks for it."""
    with tempfile.TemporaryFile() as errors:
        try:
            os.close(sandbox.server(("numpy", "torch"), SLOT).fork(tmp_path, [], sandbox.LIMITS, errors.fileno()))
            told = ""
        except SandboxFault as fault:
            told = str(fault)
        deadline = time.monotonic() + 5
        while "mount /opt/kernel" not in told and time.monotonic() < deadline:
            errors.seek(0)
            told += errors.read().decode()
    assert "mount /opt/kernel: No such file or directory" in told
    with Kernel(("numpy", "torch"), slot=SLOT) as kernel:
        assert kernel.alive
    assert warm.is_running()


def test_servers_are_started_ahead_and_a_fault_waits_for_its_submission(monkeypatch):
    monkeypatch.setattr(sandbox, "_servers", {})
    monkeypatch.setattr(sandbox, "server_command", lambda run, allowed: ["/bin/sh", "-c", "echo it is broken >&2"])
    sandbox.start_servers(get_exercise("10"), SLOT)
    assert {allowed for allowed, _ in sandbox._servers} == {("numpy",), ("numpy", "torch")}
    one = next(iter(sandbox._servers.values()))
    with pytest.raises(SandboxFault, match="it is broken"):
        one.fork(one.new_folder(), [], sandbox.LIMITS, 2)
    assert not one.run.exists()
    sandbox.close_servers()


def test_a_sandbox_that_is_not_installed_is_no_fault_yet(monkeypatch):
    monkeypatch.setattr(sandbox, "_servers", {})
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    sandbox.start_servers(get_exercise("01"), SLOT)
    assert sandbox._servers == {}


def test_a_tree_of_processes_is_found():
    shell = subprocess.Popen(["/bin/sh", "-c", "(sleep 60 & sleep 60; true) & sleep 60; true"])
    try:
        deadline = time.monotonic() + 5
        while len(_tree(shell.pid)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        everyone = [psutil.Process(shell.pid), *psutil.Process(shell.pid).children(recursive=True)]
        assert {process.pid for process in _tree(shell.pid)} == {process.pid for process in everyone}
        assert len(everyone) == 5
    finally:
        for process in _tree(shell.pid):
            process.kill()
        shell.wait()
    assert _tree(shell.pid) == []
