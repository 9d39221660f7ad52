"""The grader. Points come only from checks that were seen to pass from the trusted side.

::

    trusted: the grader's own processes                        │ not trusted: bubblewrap
                                                               │
    solutions/NN.ipynb ─▶ pristine notebook ─┐                 │
    submission.ipynb ─▶ submissions.py ──────┤ answer cells,   │   inside/server.py: warm, one per worker
        (bytes → source of answer cells)     ▼ by id           │        │ forks, per submission
    session.py: one pytest session ── submission.py            │        ▼
        nbval: our check cells,             │                  │   inside/isolate.py: own namespaces, no privileges
               stored outputs            kernel.py ══ Unix ════╪══▶ ipykernel, inside/calls.py,
        hidden tests: solutions/tests/   (a client  sockets    │   the student's code; numpy and what else
        expected values, seeds            with limits)         │   the exercise allows; no network, no files,
                                            │                  │   no repository, no other submission
                                         inside/wire.py ◀══════╪══ replies: plain arrays; late, malformed or
                                            ▼                  │   too large = a check that failed
    checks ─▶ records.py ─▶ feedback.py, grades.csv            │

What to read to trust it, in this order (``inside/`` is ``lecture5/inside/``, all else is here):

======================  ===============================================================================================
``sandbox.py``          what the sandbox shows; the warm server's command line; the kernel provisioner
``inside/server.py``    the warm process, and how it forks a kernel; ``inside/start.py``: what is done before, and after
``inside/isolate.py``   how a forked process leaves the server's world; ``inside/seccomp.py``: forbidden system calls
``kernel.py``           everything that comes out of the sandbox passes through ``Kernel._read`` and ``wire.decode``
``inside/wire.py``      values as plain data; nothing is unpickled, nothing is allocated before it is measured
``watch.py``            memory and time of all of a submission's processes together, from outside
``submission.py``       calls, time budgets, a fresh kernel after one had to be ended
``session.py``          how an item of pytest becomes a result; what a student prints is dropped there
``submissions.py``      how a file becomes answers
======================  ===============================================================================================

Beside it, what no grade depends on: ``gradebook/`` (exports, the class report, packages for Gradescope and GitHub
Classroom, what a large class takes), ``engines/`` (a Dask cluster in place of this machine) and ``providers/``
(containers in place of bubblewrap).

Rules that hold everywhere: expected values are computed before a call and never sent; what a kernel says about itself
is only ever its own results; a visible check, whose output the kernel prints, earns points only if a hidden test of the
same function passed; text of a student is cleaned (``outcomes.clean``) and escaped; our own failures raise
``SandboxFault`` and become an error of ours, never a zero.
"""

import sys

# jsonschema, which nbformat imports, takes these if they are there: one compiles a grammar of internationalised
# addresses for more than a second, in each worker. No notebook's schema speaks of addresses or durations.
for _name in ("rfc3987_syntax", "isoduration"):
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]
