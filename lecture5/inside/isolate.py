"""Namespaces of its own for one submission, and no privileges: what bubblewrap does, for a process that is warm.

The server runs under bubblewrap: a read-only system, no network, no other process. What one submission could leave
behind for the next is made anew here: processes, /proc, /tmp, /home/student, /dev/shm, System V memory, the shared
folder.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Any

from . import seccomp

NEW_MOUNTS, NEW_NAME, NEW_IPC, NEW_USER, NEW_PROCESSES = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000
NO_NEW_PRIVILEGES, DROP_FROM_BOUNDING_SET, SET_DUMPABLE = 38, 24, 4
FRESH = ("/tmp", "/home/student", "/dev/shm")
RUN, HERE = "/opt/run", "/opt/kernel"  # all shared folders of this worker; the one of this submission

libc = ctypes.CDLL(None, use_errno=True)


def _do(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    text = [part.encode() for part in (source, target, kind)]
    _do(libc.mount(*text, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def new_process_namespace() -> None:
    """Make the next child of this process the first one of a new process namespace."""
    _do(libc.unshare(NEW_PROCESSES), "unshare processes")


def own_process_namespace() -> None:
    """Let children of this process be born in its own namespace again."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _do(libc.setns(own, NEW_PROCESSES), "setns")
    finally:
        os.close(own)


def leave_namespaces() -> None:
    """Give this process all other namespaces of its own."""
    _do(libc.unshare(NEW_MOUNTS | NEW_NAME | NEW_IPC), "unshare")


def make_file_system(folder: str, size: int) -> None:
    """Mount what the submission may write, fresh and of limited size, and hide the folders of others."""
    _mount("none", "/", "", RECURSIVE | PRIVATE)
    _mount("proc", "/proc", "proc", NO_SETUID | NO_DEVICES | NO_PROGRAMS)
    for place in FRESH:
        _mount("tmpfs", place, "tmpfs", NO_SETUID | NO_DEVICES, f"size={size},mode=1777,nr_inodes=20000")
    _mount(f"{RUN}/{folder}", HERE, "", BIND)
    _mount("tmpfs", RUN, "tmpfs", NO_SETUID | NO_DEVICES | NO_PROGRAMS | READ_ONLY, "size=4k")
    os.chdir("/home/student")


def limit(limits: dict[str, Any]) -> None:
    """Set what Linux limits for each process."""
    for name in ("AS", "CPU", "NPROC", "FSIZE", "NOFILE", "CORE"):
        value = int(limits[name])
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def drop_privileges(uid: int | None) -> None:
    """Become a user without any privilege, for good.

    Parameters
    ----------
    uid
        The user to become, if this is root; None as an ordinary user, where a nested user namespace does the same.
    """
    if uid is None:
        maps = {"setgroups": "deny", "uid_map": f"1000 {os.getuid()} 1", "gid_map": f"1000 {os.getgid()} 1"}
        _do(libc.unshare(NEW_USER), "unshare user")
        for name, text in maps.items():
            with open(f"/proc/self/{name}", "w") as stream:
                stream.write(text)
    for capability in range(64):
        if libc.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0):
            break  # past the last one
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _drop_capabilities()
    _do(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    seccomp.install()


def _drop_capabilities() -> None:
    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _do(libc.capset(version_3, (ctypes.c_uint32 * 6)()), "capset")


def be_init(child: int) -> None:
    """Be the first process of the namespace: reap what dies, and when ``child`` ends, end everything."""
    libc.prctl(SET_DUMPABLE, 0, 0, 0, 0)
    _drop_capabilities()
    while True:
        pid, _ = os.wait()
        if pid == child:
            os._exit(0)  # Linux then kills whatever is left in the namespace
