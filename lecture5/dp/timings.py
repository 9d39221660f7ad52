"""How long each algorithm takes beside a library's: measured once, by ``benchmarks/dynamic_programming.py``."""

from __future__ import annotations

import json
from importlib.resources import files


def timings() -> list[dict]:
    """Return what the benchmark measured: for each algorithm and size the milliseconds that we took, and the peer.

    Seconds differ from one machine to the next. Compare ours with the peer's, which took turns with ours.

    Examples
    --------
    >>> first = timings()[0]
    >>> first["algorithm"], first["size"], first["peer"]
    ('shortest paths, open terrain', 64, 'scipy.sparse.csgraph.dijkstra')
    >>> sorted(first)
    ['algorithm', 'ours_ms', 'peer', 'peer_ms', 'size']
    """
    return json.loads(files(__package__).joinpath("timings.json").read_text("utf-8"))["rows"]
