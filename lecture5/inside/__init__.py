"""Everything in this folder runs beside a student's code, inside the sandbox. It holds no secret.

``server.py`` starts first, is warm (numpy, torch and IPython are imported once), and forks one process per submission;
``isolate.py`` puts that process into namespaces of its own and takes every privilege from it; ``start.py`` then runs
ipykernel in it, with ``calls.py`` to answer the grader's calls, ``wire.py`` to read and write values, and
``modules.py`` for torch modules. ``seccomp.py`` is the list of system calls that no submission needs.

These files import nothing of lecture5, which is absent there.
"""
