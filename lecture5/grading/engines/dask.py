"""Grade on a Dask cluster: ``lecture5 grade … --engine dask --scheduler ADDRESS``.

Workers need no folder in common with this machine: a task carries the submission's bytes and brings back its record.
They do need the same course, in a checkout of their own; a worker that has another one refuses, and says so.

A worker process grades one submission at a time, in one pytest session that stays open for all of them, as the workers
of the local pool do. When it dies, Dask gives its submission to another; only this process writes records, so nothing
is lost and nothing counted twice.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Any

from lecture5.grading.grade import Job, grade, new_record
from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.pool import TRIES
from lecture5.grading.records import Record
from lecture5.grading.session import Grader
from lecture5.grading.submissions import Found, Unreadable, read_file

IN_FLIGHT = 3  # tasks for each thread of the cluster: enough to keep it busy, few enough to hold in memory


class NoCluster(Exception):
    """The scheduler cannot be reached, or dask is not installed."""


def grade_all(submissions: Iterable[Found], job: Job, scheduler: str) -> Iterator[Record]:
    """Grade submissions on the cluster of a scheduler; yield each record as it is done, in no particular order.

    Parameters
    ----------
    submissions, job
        As for :func:`lecture5.grading.pool.grade_all`.
    scheduler
        The scheduler's address, for example ``tcp://10.0.0.1:8786``.

    Raises
    ------
    NoCluster
        If the scheduler cannot be reached.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise NoCluster("--engine dask needs the extra cluster: pip install 'lecture5[cluster]'") from None
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise NoCluster(f"there is no Dask scheduler at {scheduler}: {error}") from None
    with client:
        fingerprint = job.key(b"")
        waiting = iter(submissions)
        known: dict[str, Found] = {}

        def submit(found: Found) -> Any:
            future = client.submit(_graded, found, _content(found), job, fingerprint, pure=False, retries=TRIES - 1)
            known[future.key] = found
            return future

        threads = sum(client.nthreads().values())
        running = as_completed([submit(found) for found in islice(waiting, max(1, threads) * IN_FLIGHT)])
        for future in running:
            found = known.pop(future.key)
            try:
                record = future.result()  # It is made again if the worker that holds it has died since.
            except Exception as error:
                record = _fault(found, job, error)
            yield record
            running.update([submit(another) for another in islice(waiting, 1)])


def _fault(found: Found, job: Job, error: BaseException) -> Record:
    """Return the record of a submission that no worker could grade: an error of ours."""
    return {**new_record(found, job, ""), "reason": f"error of ours, not graded: {error}"}


def _content(found: Found) -> bytes | str:
    """Return a submission's bytes, or why it has none."""
    try:
        return read_file(found.path)
    except Unreadable as problem:
        return str(problem)


# --- on a worker ------------------------------------------------------------------------------------------------------


class _Session:
    """A pytest session in a thread of its own, to which submissions are handed one by one.

    One thread from the start to the end of the process: the sandbox's server ends with the thread that started it.
    """

    def __init__(self, job: Job, slot: int):
        self.job, self._slot = job, slot
        self._tasks: queue.Queue[tuple[Callable[[Grader], Record], Future]] = queue.Queue()
        self._failure: BaseException | None = None
        threading.Thread(target=self._run, daemon=True, name="lecture5-session").start()

    def grade(self, content: bytes | str, found: Found) -> Record:
        """Return the record of one submission.

        Raises
        ------
        SandboxFault
            If it cannot be graded by our own fault.
        """
        answer: Future = Future()
        self._tasks.put((lambda grader: self._grade(grader, content, found), answer))
        # As in the local pool: time limits hold in the session, this one is for a session that hangs.
        patience = 2 * self.job.limits.submission_seconds + 120
        try:
            return answer.result(timeout=patience)
        except TimeoutError:
            _sessions.clear()  # the next submission gets a new one
            raise SandboxFault(f"no answer in {patience} s") from None

    def _grade(self, grader: Grader, content: bytes | str, found: Found) -> Record:
        if isinstance(content, str):
            record = new_record(found, self.job, self.job.key(b""))
            record.update(status="unreadable", reason=content, max_points=grader.max_points)
            return record
        with tempfile.TemporaryDirectory(prefix="lecture5-") as folder:
            path = Path(folder) / found.path.name
            path.write_bytes(content)
            return grade(grader, self.job, dataclasses.replace(found, path=path), self._slot)

    def _run(self) -> None:
        try:
            grader = Grader(self.job.exercise, self.job.pristine, self.job.tests(), self.job.cohort)
            grader.run(self._jobs())
        except BaseException as error:  # it cannot start: every submission is to learn why
            _sessions.clear()
            while True:
                _, answer = self._tasks.get()
                answer.set_exception(SandboxFault(str(error)))

    def _jobs(self) -> Iterator[Callable[[Grader], None]]:
        while True:
            carry_out, answer = self._tasks.get()

            def job(grader: Grader, carry_out: Any = carry_out, answer: Future = answer) -> None:
                try:
                    answer.set_result(carry_out(grader))
                except SandboxFault as fault:
                    answer.set_exception(fault)
                except Exception:
                    answer.set_exception(SandboxFault(traceback.format_exc(limit=-6)))

            yield job


_sessions: dict[str, _Session] = {}
_one_at_a_time = threading.Lock()


def _graded(found: Found, content: bytes | str, job: Job, fingerprint: str) -> Record:
    """Grade one submission in this worker process: what a Dask task does."""
    with _one_at_a_time:
        if fingerprint not in _sessions:
            ours = dataclasses.replace(job, version="")  # of what this worker has
            if ours.key(b"") != fingerprint:
                raise SandboxFault("this worker has another version of the course: update its checkout")
            _sessions[fingerprint] = _Session(ours, _free_slot())
        return _sessions[fingerprint].grade(content, found)


def _free_slot() -> int:
    """Return a number that no other worker process of this machine has: it decides the user id of the kernels."""
    import fcntl

    for number in range(1000):
        try:
            # no link is followed, and nothing overwritten: others can write to this folder, too
            path = Path(tempfile.gettempdir()) / f"lecture5-slot-{number}"
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        return number  # the lock is held until this process ends
    raise SandboxFault("no free number among 1000 workers on this machine")
