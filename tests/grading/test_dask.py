"""The Dask engine, on a cluster of separate worker processes: the same grades as the pool, though a worker dies."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from lecture5 import cli
from lecture5.grading import batch, records
from lecture5.grading.engines import dask
from lecture5.grading.grade import Job
from lecture5.grading.submissions import Found

DEMO = Path(__file__).parents[1] / "demo_class"
# quick ones, and one that is no file: the sandbox and its limits are tested elsewhere
QUICK = ("chen", "dora", "gus", "lea")
JOB = Job("01", sandboxed=False)


@pytest.fixture(scope="module")
def submissions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    for name in QUICK:
        shutil.copy(DEMO / f"{name}.ipynb", folder / f"{name}.ipynb")
    (folder / "link.ipynb").symlink_to(DEMO / "ada.ipynb")
    return folder


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def without_times(record):
    return {**record, "seconds": 0, "checks": [{**check, "seconds": 0} for check in record["checks"]]}


def test_equal_to_the_pool_though_a_worker_is_killed(submissions, cluster, tmp_path):
    killed = []

    def engine(missing, job):
        for record in dask.grade_all(missing, job, cluster.scheduler_address):
            if not killed:  # in the middle: the others are still running or waiting
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)
            yield record

    there = batch.run(submissions, JOB, tmp_path / "there", 1, engine)
    here = batch.run(submissions, JOB, tmp_path / "here", workers=1)
    assert killed
    assert [record["student"] for record in there] == sorted([*QUICK, "link"])
    assert [without_times(record) for record in there] == [without_times(record) for record in here]
    for name in ("grades.csv", "checks.csv"):
        assert (tmp_path / "there" / name).read_text() == (tmp_path / "here" / name).read_text()
    # what was graded there need not be graded again here: the records have the same keys
    assert records.finished(tmp_path / "there", "chen", JOB.key((submissions / "chen.ipynb").read_bytes()))


def test_a_record_that_is_lost_before_it_is_fetched_is_made_again(submissions, monkeypatch):
    """A worker dies with records that it has finished and still holds: Dask says "finished", and then no longer."""
    import distributed

    class AllDoneThenOneKilled:
        """Hands out futures as ``as_completed`` does, but after all are done and a worker that holds some is killed."""

        def __init__(self, futures):
            distributed.wait(futures, timeout=120)
            assert all(future.status == "finished" for future in futures)
            holder = next(iter(distributed.get_client().who_has(futures).values()))[0]
            pids = {worker.worker_address: worker.pid for worker in made.workers.values()}
            os.kill(pids[holder], signal.SIGKILL)
            deadline = time.monotonic() + 60
            while all(future.status == "finished" for future in futures) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert any(future.status != "finished" for future in futures)
            self.futures = futures

        def __iter__(self):
            return iter(self.futures)

        def update(self, more):
            self.futures.extend(more)

    monkeypatch.setattr(distributed, "as_completed", AllDoneThenOneKilled)
    found = [Found(name, submissions / f"{name}.ipynb") for name in QUICK]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        got = list(dask.grade_all(found, JOB, made.scheduler_address))
    assert sorted(record["student"] for record in got) == sorted(QUICK)
    assert "error" not in {record["status"] for record in got}


def test_another_version_of_the_course_is_refused(submissions, cluster):
    other = Job("01", sandboxed=False, version="another")
    (record,) = dask.grade_all([Found("chen", submissions / "chen.ipynb")], other, cluster.scheduler_address)
    assert record["status"] == "error"
    assert "another version of the course" in record["reason"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "dask"], "belong together"),
        (["--scheduler", "tcp://127.0.0.1:1"], "belong together"),
        (["--engine", "dask", "--scheduler", "nonsense://x"], "there is no Dask scheduler at nonsense://x"),
    ],
)
def test_wrong_use(submissions, options, words, tmp_path, capsys):
    arguments = ["grade", str(submissions), "--exercise", "01", "--out", str(tmp_path / "out"), "--trust", *options]
    assert cli.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_each_process_has_a_number_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "lecture5-slot-1").symlink_to(tmp_path / "victim")
    assert [dask._free_slot(), dask._free_slot()] == [0, 2]  # a held lock, and a link, are passed over
    assert (tmp_path / "victim").read_text() == "precious"


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(dask.NoCluster, match=r"pip install 'lecture5\[cluster\]'"):
        list(dask.grade_all([], JOB, "tcp://127.0.0.1:1"))
