"""Workers that grade side by side on this machine.

Each worker is a fresh Python process with one pytest session. It gets one submission at a time and sends a record
back; only the parent writes. A worker that dies or hangs is our fault, not the student's: its submission is tried
again, twice, and then reported as an error of ours.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from lecture5.grading.grade import Job, grade, new_record
from lecture5.grading.outcomes import SandboxFault
from lecture5.grading.records import Record
from lecture5.grading.sandbox import close_servers, start_servers
from lecture5.grading.session import Grader
from lecture5.grading.submissions import Found

TRIES = 3


@dataclass
class _Task:
    found: Found
    tries: int = 0


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    task: _Task | None = None
    deadline: float = 0.0


def default_workers() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def grade_all(submissions: Iterable[Found], job: Job, workers: int) -> Iterator[Record]:
    """Grade submissions; yield each record as it is done, in no particular order."""
    waiting = [_Task(found) for found in reversed(list(submissions))]
    if not waiting:
        return
    count = max(1, min(workers, len(waiting)))
    # Twice the time a submission may take: time limits hold in the worker, this one is for a worker that hangs.
    patience = 2 * job.limits.submission_seconds + 120
    pool = [_start(job, slot) for slot in range(count)]
    done: list[Record] = []
    try:
        while waiting or any(worker.task for worker in pool):
            for slot, worker in enumerate(pool):
                if worker.task is None and waiting:
                    pool[slot] = worker = worker if worker.process.is_alive() else _restart(worker, job, slot)
                    worker.task, worker.deadline = waiting.pop(), time.monotonic() + patience
                    worker.task.tries += 1
                    _send(worker, worker.task.found)
            yield from done  # what is done with them takes time: now all workers have something to do, too
            done.clear()
            wait([worker.connection for worker in pool if worker.task], timeout=1.0)
            for slot, worker in enumerate(pool):
                if worker.task is None:
                    continue
                answer = _receive(worker)
                if answer is None and worker.process.is_alive() and time.monotonic() < worker.deadline:
                    continue
                task, worker.task = worker.task, None
                if isinstance(answer, dict):
                    done.append(answer)
                    continue
                fault = answer or "the worker ended, or did not answer"
                if answer is None:
                    pool[slot] = _restart(worker, job, slot)
                if task.tries < TRIES:
                    waiting.append(task)
                else:
                    done.append({**new_record(task.found, job, ""), "reason": f"error of ours, not graded: {fault}"})
        yield from done
    finally:
        for worker in pool:
            _stop(worker)


def _start(job: Job, slot: int) -> _Worker:
    # "spawn": a forked child would inherit threads' locks and whatever else the parent has open
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job, slot), daemon=True, name=f"grader-{slot}")
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _restart(worker: _Worker, job: Job, slot: int) -> _Worker:
    _stop(worker)
    return _start(job, slot)


def _stop(worker: _Worker) -> None:
    worker.connection.close()
    worker.process.join(timeout=0.5 if worker.task else 5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _send(worker: _Worker, found: Found) -> None:
    try:
        worker.connection.send(found)
    except OSError:
        worker.deadline = 0  # it is dead; found out when its answer is looked for


def _receive(worker: _Worker) -> Any:
    try:
        return worker.connection.recv() if worker.connection.poll() else None
    except (EOFError, OSError):
        worker.deadline = 0
        return None


def _work(connection: Connection, job: Job, slot: int) -> None:
    """What a worker process does: grade what comes until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interruption means
    if job.sandboxed and job.container is None:
        start_servers(job.exercise, slot)
    try:
        grader = Grader(job.exercise, job.pristine, job.tests(), job.cohort)
        grader.run(_jobs(connection, job, slot))
    except SandboxFault as fault:
        _reply(connection, str(fault))
        sys.exit(1)
    finally:
        close_servers()  # a process that multiprocessing started runs no exit handlers


def _jobs(connection: Connection, job: Job, slot: int) -> Iterator[Callable[[Grader], None]]:
    while True:
        try:
            found = connection.recv()
        except (EOFError, OSError):
            return

        def carry_out(grader: Grader, found: Found = found) -> None:
            try:
                _reply(connection, grade(grader, job, found, slot))
            except SandboxFault as fault:
                _reply(connection, str(fault))
            except Exception:
                _reply(connection, traceback.format_exc(limit=-6))

        yield carry_out


def _reply(connection: Connection, answer: Record | str) -> None:
    try:
        connection.send(answer)
    except OSError:
        sys.exit(0)  # the parent is gone
