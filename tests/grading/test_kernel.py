"""One sandboxed kernel: what it can do, and that every limit holds and is named."""

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from lecture5.grading import outcomes
from lecture5.grading.kernel import Kernel
from lecture5.grading.sandbox import LIMITS, closure

pytestmark = pytest.mark.sandbox
QUICK = dataclasses.replace(LIMITS, output_bytes=2**20, patience=1.5)


@pytest.fixture(scope="module")
def kernel():
    os.environ["LECTURE5_SECRET"] = "must not be seen inside"
    with Kernel(("numpy",), ("numpy.convolve",)) as kernel:
        kernel.execute("import numpy as np", 10)
        yield kernel


def ask(kernel, source):
    """Define f as an expression's value, and return what it gives."""
    execution = kernel.execute(f"def f(*arguments, **keywords):\n    import os, sys\n    return {source}", 10)
    assert execution.error is None
    return kernel.call("f", [], {}, 10)


def test_values_cross(kernel):
    kernel.execute("def scale(x, by=1):\n    print('not of interest')\n    return x * by", 5)
    result = kernel.call("scale", [np.arange(6.0).reshape(2, 3)], {"by": 3}, 5)
    np.testing.assert_array_equal(result, np.arange(6.0).reshape(2, 3) * 3)


def test_cells_report_results_and_errors(kernel):
    execution = kernel.execute("print('hello')\n1 + 1", 5)
    assert [message["content"]["data"]["text/plain"] for message in execution.messages] == ["2"]
    assert kernel.execute("1 / 0", 5).error.kind == "ZeroDivisionError"
    assert kernel.execute("def f(:", 5).error.kind == "SyntaxError"
    assert kernel.execute("import sys; sys.exit(3)", 5).error.kind == "SystemExit"


def test_what_is_present(kernel):
    for name in ("torch", "scipy", "lecture5", "pytest", "nbval", "pandas", "sympy"):
        assert kernel.execute(f"import {name}", 5).error.kind == "ModuleNotFoundError"
    assert "numpy" in closure(("numpy",))
    assert "torch" not in closure(("numpy",))


def test_what_can_be_seen(kernel):
    here = os.getcwd()
    assert ask(kernel, f"os.path.exists({here!r})") is False
    system = {"usr", "lib", "lib32", "lib64", "bin", "sbin", "dev", "proc", "tmp", "home", "opt", "etc", "root"}
    assert set(ask(kernel, "os.listdir('/')")) <= system
    assert ask(kernel, "os.listdir('/home')") == ["student"]
    assert ask(kernel, "len([n for n in os.listdir('/proc') if n.isdigit()])") < 6
    assert ask(kernel, "os.getuid()") != 0
    assert ask(kernel, "os.environ.get('LECTURE5_SECRET')") is None


@pytest.mark.parametrize("place", ["/usr/x", "/opt/site-packages/x", "/etc/x", "/x", "/proc/sys/kernel/hostname"])
def test_the_system_cannot_be_written(kernel, place):
    assert kernel.execute(f"open({place!r}, 'w').write('x')", 5).error is not None


def test_there_is_no_network(kernel):
    error = kernel.execute("import socket; socket.create_connection(('192.0.2.1', 80), 1)", 5).error
    assert error.kind == "OSError"


def test_withheld_functions_remind(kernel):
    with pytest.raises(outcomes.Raised, match="this exercise asks you to write it yourself"):
        ask(kernel, "np.convolve([1], [2])")


@pytest.mark.parametrize(
    ("source", "kind", "outcome"),
    [
        ("None.x", "AttributeError", "exception"),
        ("sys.exit()", "SystemExit", "exception"),
        ("bytearray(10**10)", "MemoryError", "out of memory"),
        ("np.zeros(10**10)", "MemoryError", "out of memory"),
    ],
)
def test_exceptions_have_names(kernel, source, kind, outcome):
    with pytest.raises(outcomes.Raised) as caught:
        ask(kernel, source)
    assert caught.value.kind == kind
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("source", ["len", "object()", "np.array(['text'])", "{1, 2}", "(n for n in [])"])
def test_what_is_not_a_value_is_named(kernel, source):
    with pytest.raises(outcomes.WrongType, match="you returned a"):
        ask(kernel, source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("while True: pass", outcomes.TimedOut),
        ("while True:\n  try:\n    while True: pass\n  except BaseException: pass", outcomes.TimedOut),
        ("import os; os._exit(0)", outcomes.Died),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", outcomes.Died),
        ("import ctypes; ctypes.string_at(0)", outcomes.Died),
        ("while True: print('x' * 1000)", outcomes.TooMuchOutput),
        ("import time; time.sleep(1000)", outcomes.TimedOut),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", outcomes.TimedOut),
    ],
    ids=["loop", "stubborn loop", "exit", "kill", "segfault", "flood", "sleep", "stop"],
)
def test_what_ends_a_kernel_is_named(source, expected):
    with Kernel(("numpy",), limits=QUICK) as kernel:
        with pytest.raises(expected):
            kernel.execute(source, 5 if expected is outcomes.TooMuchOutput else 1)
        assert not kernel.alive
        with pytest.raises(expected):  # and it stays so
            kernel.execute("1", 1)


def test_an_ordinary_kernel_ends_when_its_grader_is_killed():
    code = (
        "import time; from lecture5.grading.kernel import Kernel; kernel = Kernel((), sandboxed=False);"
        "print(kernel._manager.provisioner.pid, flush=True); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as grader:
        kernel = psutil.Process(int(grader.stdout.readline()))
        assert kernel.is_running()
        assert list(Path(tempfile.gettempdir()).glob(f"lecture5-{grader.pid}-*"))  # removed by a later grader
        grader.kill()
    psutil.wait_procs([kernel], timeout=20)
    alive = kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE
    if alive:
        kernel.kill()
    assert not alive


def test_nothing_survives():
    """Neither a process, nor a file: children that left the session included."""
    start = "subprocess.Popen(['/bin/sleep', '4321'], start_new_session=True)"
    code = f"import subprocess\nfor n in range(3):\n    {start}"
    with Kernel(("numpy",)) as kernel:
        assert kernel.execute(code, 5).error is None
        folder = Path(kernel._manager.connection_file).parent
        assert sum("4321" in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])) == 3
    deadline = time.monotonic() + 5
    while subprocess.run(["pgrep", "-f", "sleep 4321"], capture_output=True).stdout and time.monotonic() < deadline:
        time.sleep(0.05)
    assert subprocess.run(["pgrep", "-f", "sleep 4321"], capture_output=True).stdout == b""
    assert not folder.exists()
