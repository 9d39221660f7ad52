"""The grader. Points come only from checks that were seen to pass from the trusted side.

::

    trusted: the grader's own processes                        │ not trusted: bubblewrap, one per submission
                                                               │
    solutions/NN.ipynb ─▶ pristine notebook ─┐                 │
    submission.ipynb ─▶ submissions.py ──────┤ answer cells,   │
        (bytes → source of answer cells)     ▼ by id           │
    session.py: one pytest session ── submission.py ── kernel.py ══ Unix sockets ══▶ ipykernel + kernel_side.py
        nbval: our check cells, stored outputs │   (a client    │  the student's code; numpy and what else
        hidden tests: solutions/tests/         │   with limits) │  the exercise allows; no network, no home,
        expected values, tolerances, seeds     │                │  no repository, no other submission
                                               │ wire.py:       │
                                               │ plain arrays ◀═╪═ replies: late, malformed, too large
                                               ▼                │  = a check that failed
    checks ─▶ records.py ─▶ feedback.py, grades.csv             │

What to read to trust it, in this order:

==================  ===================================================================================================
``sandbox.py``      what a submission's process can see and use; the kernel provisioner
``kernel.py``       everything that comes out of the sandbox passes through ``Kernel._read`` and ``wire.decode``
``wire.py``         values as plain data; nothing is unpickled, nothing is allocated before it is measured
``watch.py``        memory of all of a submission's processes together
``submission.py``   calls, time budgets, a fresh kernel after one had to be ended
``session.py``      how an item of pytest becomes a result; what a student prints is dropped there
``submissions.py``  how a file becomes answers
==================  ===================================================================================================

Rules that hold everywhere: expected values are computed before a call and never sent; what a kernel says about itself
is only ever its own results; a visible check, whose output the kernel prints, earns points only if a hidden test of the
same function passed; text of a student is cleaned (``outcomes.clean``) and escaped; our own failures raise
``SandboxFault`` and become an error of ours, never a zero.
"""
