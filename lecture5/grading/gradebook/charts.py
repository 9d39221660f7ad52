"""Two small charts as SVG text, for a page that loads nothing: colours come from the page, light or dark."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 360, 190  # in a column of a phone this is its size on the screen, so text stays readable
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 18, 38


def bins(values: Sequence[float], start: float, stop: float, most: int = 18) -> tuple[list[float], list[int]]:
    """Return edges at round numbers and the number of values in each bin; the last bin holds its upper edge, too.

    >>> bins([0, 1, 1, 4], 0, 4)
    ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0], [1, 0, 2, 0, 0, 0, 0, 1])
    """
    width = round_up(max(stop - start, 1e-9) / most)
    count = max(1, math.ceil((stop - start) / width - 1e-9))
    counts = [0] * count
    for value in values:
        # a value on an edge belongs to the bin above it, also after rounding errors
        counts[min(count - 1, max(0, math.floor((value - start) / width + 1e-9)))] += 1
    return [round(start + i * width, 10) for i in range(count + 1)], counts


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten.

    >>> round_up(0.3), round_up(2), round_up(7)
    (0.5, 2.0, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def histogram(edges: Sequence[float], counts: Sequence[int], *, label: str, marks: dict[str, float]) -> str:
    """Return a histogram.

    Parameters
    ----------
    edges, counts
        As :func:`bins` returns them.
    label
        What the horizontal axis shows.
    marks
        Vertical lines, by name, for example ``{"median": 12.5}``.
    """
    top = max(1, *counts)
    step = max(1, int(round_up(top / 4)))
    ceiling = step * math.ceil(top / step)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - edges[0]) / (edges[-1] - edges[0])

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / ceiling

    parts = []
    for count in range(0, ceiling + 1, step):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(count):.1f}" y2="{y(count):.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 5}" y="{y(count) + 4:.1f}">{count}</text>')
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        box = f'x="{x(low) + 0.75:.1f}" y="{y(count):.1f}" width="{x(high) - x(low) - 1.5:.1f}"'
        tip = f"<title>{low:g} to {high:g}: {count}</title>"
        parts.append(f'<rect class="bar" {box} height="{y(0) - y(count):.1f}">{tip}</rect>')
    every = math.ceil((len(edges) - 1) / 8)
    for edge in edges[::every]:
        parts.append(f'<text class="mid" x="{x(edge):.1f}" y="{HEIGHT - BOTTOM + 15}">{edge:g}</text>')
    for name, value in marks.items():
        anchor = "end" if value > (edges[0] + edges[-1]) / 2 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(f'<line class="mark" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP - 4}" y2="{y(0):.1f}"/>')
        words = f"{html.escape(name)} {value:.3g}"
        parts.append(f'<text class="{anchor}" x="{x(value) + shift:.1f}" y="{TOP - 6}">{words}</text>')
    parts.append(f'<text class="mid" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}">{html.escape(label)}</text>')
    summary = "; ".join(
        f"{low:g} to {high:g}: {count}" for low, high, count in zip(edges, edges[1:], counts, strict=False) if count
    )
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="Number of submissions by {html.escape(label)}. '
        f'{summary}">{"".join(parts)}</svg>'
    )


def bar(share: float) -> str:
    """Return a bar that is filled to ``share`` of its length. The number stands beside it, so it has no text."""
    width = 100 * min(1.0, max(0.0, share))
    return (
        '<svg class="share" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none">'
        f'<rect class="track" width="100" height="10"/><rect class="bar" width="{width:.1f}" height="10"/></svg>'
    )
