"""Kernels in containers. There is no service of Docker here: a stand-in for its program runs the kernel unboxed.

So this shows the command line, and that kernels start, answer and end through it; not that the box holds.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from lecture5 import cli
from lecture5.grading import doctor
from lecture5.grading.kernel import Kernel
from lecture5.grading.outcomes import Raised, SandboxFault
from lecture5.grading.providers import container
from lecture5.grading.providers.container import Container
from lecture5.grading.sandbox import LIMITS, closure

DEMO = Path(__file__).parents[1] / "demo_class"
DOCKER = """#!{python}
import json, os, signal, sys, tempfile
from pathlib import Path
here, words = Path({here!r}), sys.argv[1:]
with open(here / "log", "a") as log:
    log.write(json.dumps(words) + "\\n")
if words[0] == "rm":
    pid = int((here / words[-1]).read_text())
    os.kill(pid, signal.SIGKILL)
elif words[0] == "image" and words[-1] != "good":
    sys.exit("Error: No such image: " + words[-1])
elif words[0] == "run":
    at = words.index("python") + 1  # the entry point; then the image
    if words[at] != "good":
        sys.exit("Unable to find image")
    mounts = [word.split(",") for word in words if word.startswith("type=bind")]
    hosts = {{part[2].removeprefix("target="): part[1].removeprefix("source=") for part in mounts}}
    connection = json.loads(Path(hosts["/run/lecture5"], "inside.json").read_text())
    connection["ip"] = connection["ip"].replace("/run/lecture5", hosts["/run/lecture5"])
    file = Path(hosts["/run/lecture5"], "translated.json")
    file.write_text(json.dumps(connection))
    code = tempfile.mkdtemp(dir=here)
    os.symlink(hosts["/opt/lecture5/lecture5_inside"], code + "/lecture5_inside")
    (here / words[words.index("--name") + 1]).write_text(str(os.getpid()))
    arguments = [word.replace("/run/lecture5/inside.json", str(file)) for word in words[at + 1 :]]
    os.execve({python!r}, [{python!r}, *arguments], {{**os.environ, "PYTHONPATH": code}})
"""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A folder with a program called docker; ``log`` in it holds how it was called."""
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(python=sys.executable, here=str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def calls(docker):
    return [json.loads(line) for line in (docker / "log").read_text().splitlines()]


def test_the_command_line():
    words = container.container_command(
        Container("docker", "numpy:1"), "box", Path("/tmp/shared"), ["numpy.convolve"], 3, LIMITS
    )
    text = " ".join(words)
    for option in (
        "--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--ipc private",
        "--memory 2147483648", "--memory-swap 2147483648", "--pids-limit 64", "--ulimit fsize=67108864:67108864",
        "--ulimit cpu=200:200", "--shm-size 67108864", "--rm", "--init", "--name box",
        "--tmpfs /tmp:rw,nosuid,nodev,size=67108864,mode=1777",
    ):  # fmt: skip
        assert option in text
    assert [word for word in words if word.startswith("type=bind")] == [
        "type=bind,source=/tmp/shared,target=/run/lecture5",
        f"type=bind,source={Path(container.isolate.__file__).parent},target=/opt/lecture5/lecture5_inside,readonly",
    ]
    assert words[words.index("--user") + 1] != "0:0"
    assert text.endswith("numpy:1 -s -P -m lecture5_inside.start /run/lecture5/inside.json numpy.convolve")
    assert "--privileged" not in words


def test_an_ordinary_user_keeps_its_id(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1001)
    for program, keeps in (("docker", False), ("podman", True)):
        words = container.container_command(Container(program, "x"), "box", Path("/tmp/s"), [], 3, LIMITS)
        assert words[words.index("--user") + 1] == "1000:1001"
        assert ("keep-id" in words) == keeps


def test_a_kernel_starts_answers_and_ends(docker):
    with Kernel(("numpy",), ["numpy.convolve"], container=Container("docker", "good")) as kernel:
        assert kernel.execute("import numpy as np\ndef f(x): return 2 * x", 30).error is None
        assert kernel.call("f", [21], {}, 30) == 42
        kernel.execute("def g(): return np.convolve([1], [2])", 30)
        with pytest.raises(Raised):
            kernel.call("g", [], {}, 30)
        folder = Path(kernel._manager.connection_file).parent
        assert folder.is_dir()
    assert not folder.exists()
    started, ended = calls(docker)
    assert ended == ["rm", "--force", started[started.index("--name") + 1]]


def test_what_the_program_says_is_passed_on(docker):
    with pytest.raises(SandboxFault, match="Unable to find image"):
        Kernel(("numpy",), container=Container("docker", "other"))


def test_grade_in_containers(docker, tmp_path, capsys):
    folder = tmp_path / "class"
    folder.mkdir()
    shutil.copy(DEMO / "dora.ipynb", folder)
    arguments = ["grade", str(folder), "--exercise", "01", "--out", str(tmp_path / "out"), "--workers", "1"]
    assert cli.main([*arguments, "--container", "docker", "--image", "good", "--export", "junit"]) == 0
    assert 'name="dora"' in (tmp_path / "out" / "exports" / "junit" / "junit.xml").read_text()
    assert "dora         14  convolve: your code raised SyntaxError" in capsys.readouterr().out
    assert cli.main([*arguments, "--container", "docker", "--image", "none"]) == 3
    assert "No such image: none" in capsys.readouterr().err
    for wrong in (["--container", "docker"], ["--image", "good"], ["--container", "docker", "--image", "x", "--trust"]):
        assert cli.main([*arguments, *wrong]) == 2
        assert "belong together" in capsys.readouterr().err


def test_what_there_is(docker, monkeypatch):
    assert container.containers_here() == "docker works: lecture5 grade --container docker --image NAME"
    monkeypatch.setenv("PATH", "")
    assert container.containers_here() == "neither docker nor podman is installed"


def test_the_recipe_of_an_image(tmp_path):
    assert cli.main(["package", "image", "--exercise", "01", "--out", str(tmp_path / "Containerfile")]) == 0
    text = (tmp_path / "Containerfile").read_text()
    for name in closure(("numpy", "matplotlib")):
        assert f"    {name}==" in text
    assert "ipykernel==" in text
    assert "lecture5" not in text  # no solution, no test, no reference
    assert "torch" not in text
    assert "torch==" in container.containerfile(("numpy", "torch"))


def test_doctor_names_it_where_bubblewrap_does_not_work(docker, monkeypatch):
    def fails():
        raise SandboxFault("bubblewrap is not installed")

    monkeypatch.setattr(doctor, "bubblewrap_runs", fails)
    with pytest.raises(SandboxFault, match="In its place: docker works: lecture5 grade --container docker"):
        doctor.sandbox_runs()
