"""What a newcomer meets first: the environment, the book's command, and what the wheel carries."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from lecture5 import book

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def prepare():
    specification = importlib.util.spec_from_file_location("prepare", ROOT / ".ci" / "prepare.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("environment", "configuration", "expected"),
    [
        ({}, "", False),
        ({"PIP_EXTRA_INDEX_URL": "https://mirror.example/simple"}, "", True),
        ({}, "global.index-url='https://mirror.example/simple'", True),
        ({"PIP_TIMEOUT": "60"}, "global.timeout='60'", False),
    ],
)
def test_a_mirror_that_the_user_configured_is_noticed(prepare, environment, configuration, expected):
    assert prepare.pip_is_configured(environment, configuration) is expected


def test_only_linux_without_a_gpu_or_a_mirror_takes_the_cpu_build_of_torch(prepare):
    assert prepare.wants_cpu_torch("linux", has_gpu=False, configured=False)
    assert not prepare.wants_cpu_torch("linux", has_gpu=True, configured=False)
    assert not prepare.wants_cpu_torch("linux", has_gpu=False, configured=True)
    assert not prepare.wants_cpu_torch("darwin", has_gpu=False, configured=False)


@pytest.fixture
def fresh(prepare, tmp_path, monkeypatch):
    """prepare.py with an empty checkout, where making and installing only write down that they were asked."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    venv = tmp_path / ".venv"
    python = venv / prepare.PYTHON.relative_to(prepare.VENV)
    names = {"ROOT": tmp_path, "VENV": venv, "PYTHON": python, "LOG": tmp_path / "install.log"}
    names |= {"PREPARED": venv / ".prepared", "PREPARING": venv / ".preparing"}
    for name, value in names.items():
        monkeypatch.setattr(prepare, name, value)
    prepare.installed = []
    monkeypatch.setattr(prepare, "run_logged", lambda *command: prepare.installed.append(command))
    monkeypatch.setattr(prepare, "works", lambda path: path.exists())

    def make_venv():
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)

    monkeypatch.setattr(prepare, "make_venv", make_venv)
    return prepare


def test_preparing_twice_installs_once(fresh):
    fresh.make_environment()
    first = list(fresh.installed)
    fresh.make_environment()
    assert fresh.installed == first
    assert first[-1][-4:] == ("-c", "constraints.txt", "-e", ".[dev]")


def test_an_interrupted_installation_is_begun_afresh(fresh, monkeypatch, capsys):
    def interrupt(*command):
        raise KeyboardInterrupt

    monkeypatch.setattr(fresh, "run_logged", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fresh.make_environment()
    (fresh.VENV / "left-over").touch()
    monkeypatch.setattr(fresh, "run_logged", lambda *command: None)
    fresh.make_environment()
    assert "half made" in capsys.readouterr().out
    assert not (fresh.VENV / "left-over").exists()
    assert not fresh.PREPARING.exists()


def test_a_changed_lock_or_a_moved_checkout_is_noticed(fresh, monkeypatch, tmp_path):
    fresh.make_environment()
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n")
    count = len(fresh.installed)
    fresh.make_environment()
    assert len(fresh.installed) > count
    fresh.PREPARED.write_text(fresh.PREPARED.read_text().replace(str(tmp_path), "/elsewhere"))
    (fresh.VENV / "left-over").touch()
    fresh.make_environment()
    assert not (fresh.VENV / "left-over").exists()


def test_a_missing_tool_is_named_with_its_install_command(prepare, monkeypatch, capsys):
    on_path = {"apt-get": "/usr/bin/apt-get", "bwrap": "/usr/bin/bwrap"}
    monkeypatch.setattr(prepare.shutil, "which", on_path.get)
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 1000, raising=False)
    prepare.prepare_tools()
    out = capsys.readouterr().out
    assert "chromium is missing: the browser tests will be skipped" in out
    assert "sudo apt-get install chromium fonts-liberation" in out
    assert "bubblewrap" not in out


def test_the_conda_route_takes_the_same_lock():
    pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert pip == ["-c constraints.txt", "-e .[dev]"]


def test_book_outside_a_checkout_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(book.BookError, match="not in a checkout"):
        book.checkout()


def test_outside_a_checkout_the_installed_exercises_are_copied_and_never_overwritten(tmp_path, monkeypatch):
    class Installed(type(Path())):
        def locate(self):
            return ROOT / "exercises" / self.name

    names = [path.name for path in (ROOT / "exercises").glob("*.ipynb")]
    files = [Installed("..", "share", "lecture5", "exercises", name) for name in names]
    monkeypatch.setattr(book.importlib.metadata, "files", lambda name: files)
    monkeypatch.chdir(tmp_path)
    folder = book.exercises_folder()
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    (folder / names[0]).write_text("a student's work")
    assert (book.exercises_folder() / names[0]).read_text() == "a student's work"


def test_a_change_in_the_package_changes_its_digest(tmp_path):
    (tmp_path / "lecture5").mkdir()
    source = tmp_path / "lecture5" / "a.py"
    source.write_text("x = 1\n")
    before = book.package_digest(tmp_path)
    assert book.package_digest(tmp_path) == before
    source.write_text("x = 2\n")
    assert book.package_digest(tmp_path) != before


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, lecture5; print([m for m in ('torch', 'matplotlib', 'scipy', 'numpy') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_every_public_name_is_there():
    import lecture5

    for name in lecture5.__all__:
        assert getattr(lecture5, name) is not None


def test_the_wheel_carries_data_figures_and_exercises_but_no_solution(tmp_path):
    source = tmp_path / "source"  # a copy, since setuptools leaves its build folder where it works
    left_out = shutil.ignore_patterns(".git", ".venv", "_build", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=left_out)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for kind in (".html", ".png", ".wav"):
        assert any(name.startswith("lecture5/") and name.endswith(kind) for name in names), kind
    notebooks = [name for name in names if name.endswith(".ipynb")]
    assert len(notebooks) == len(list((ROOT / "exercises").glob("*.ipynb"))) > 0
    assert all("share/lecture5/exercises/" in name for name in notebooks)
    ours = [name for name in names if not name.startswith("lecture5/exercise/template/")]  # of nobody's exercise
    assert not [name for name in ours if "solution" in name or "hidden" in name or name.startswith("tests/")]
