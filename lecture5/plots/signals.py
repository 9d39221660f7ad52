"""Figures of sequences and sounds, and of what convolution does to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .. import arguments
from .figure import Figure, drawn_panel, plain


def echoes(x: Sequence[float], w: Sequence[float], s: Sequence[float]) -> Figure:
    """Show convolution as a sum of echoes: each entry of the input starts a copy of the kernel.

    Parameters
    ----------
    x, w
        Input (N,) and kernel (K,), not negative, so that the echoes can be piled up.
    s
        Their convolution (N + K − 1,).

    Returns
    -------
    Figure
        One panel with three rows: the input, the copies of the kernel side by side, and the copies piled up to ``s``.
    """
    x, w, s = (arguments.numeric_array(name, value) for name, value in (("x", x), ("w", w), ("s", s)))
    if s.shape != (x.size + w.size - 1,):
        raise ValueError(f"s has shape {s.shape}, but with {x.size} and {w.size} entries it must be N + K - 1 long")
    starts = np.flatnonzero(x)
    shades = np.linspace(0.95, 0.3, len(starts))

    def draw(axes, theme):
        axes[0].bar(np.arange(x.size), x, color=theme.blue)
        axes[0].set_ylabel("input x")
        floor = np.zeros(s.size)
        for start, shade in zip(starts, shades, strict=True):
            places, echo = np.arange(start, start + w.size), x[start] * w
            axes[1].step(places, echo, where="mid", color=theme.orange, alpha=shade, linewidth=2)
            axes[1].fill_between(places, echo, step="mid", color=theme.orange, alpha=0.3 * shade, linewidth=0)
            axes[2].bar(places, echo, bottom=floor[places], color=theme.green, alpha=shade, linewidth=0)
            floor[places] += echo
        axes[2].step(np.arange(s.size), s, where="mid", color=theme.ink, linewidth=1)
        axes[1].set_ylabel("echoes")
        axes[2].set_ylabel("sum s")
        axes[2].set_xlabel("time n")
        for row in axes:
            plain(row)

    alt = (
        f"Three rows over time. Top: the input has {len(starts)} claps, at {_listed(starts)}, with strengths "
        f"{_listed(x[starts])}. Middle: each clap starts a copy of the same echo, as high as its clap. Bottom: the "
        f"copies piled up give the sum s, which is highest at {int(s.argmax())}."
    )
    return Figure(
        "each clap leaves an echo, and the echoes add up", [drawn_panel(draw, alt=alt, size=(5.0, 3.9), rows=3)]
    )


def flip_and_slide(
    x: Callable[[np.ndarray], np.ndarray],
    w: Callable[[np.ndarray], np.ndarray],
    times: np.ndarray,
    s: np.ndarray,
    t: float,
) -> Figure:
    """Show the four steps by which the integral ∫ x(a) w(t − a) da gives one value s(t).

    Parameters
    ----------
    x, w
        Input and kernel, functions of an array of times.
    times, s
        Where the convolution was computed, and its values there; equally long.
    t
        The time at which the steps are shown; one of those in ``times``, or close to one.

    Returns
    -------
    Figure
        Four panels: flip, slide, multiply, add up.
    """
    a = np.linspace(-2.2, times[-1], 1200)
    value = float(np.interp(t, times, s))
    top = 1.45 * max(x(a).max(), w(a).max())

    def frame(axes, label="a"):
        plain(axes)
        axes.set(xlim=(a[0], a[-1]), ylim=(-0.05 * top, top), xlabel=label, yticks=[0, 1])

    def flip(axes, theme):
        axes[0].plot(a, w(a), color=theme.orange, linestyle=":", label="w(a)")
        axes[0].plot(a, w(-a), color=theme.orange, label="w(−a)")
        axes[0].legend(loc="upper right")
        frame(axes[0])

    def slide(axes, theme):
        axes[0].plot(a, x(a), color=theme.blue, linestyle="--", label="x(a)")
        axes[0].plot(a, w(t - a), color=theme.orange, label=f"w({t:g} − a)")
        axes[0].axvline(t, color=theme.ink, linewidth=0.8, linestyle=":")
        axes[0].annotate(f"t = {t:g}", (t, 0.45 * top), xytext=(4, 0), textcoords="offset points")
        axes[0].legend(loc="upper right")
        frame(axes[0])

    def multiply(axes, theme):
        axes[0].plot(a, x(a), color=theme.blue, linestyle="--", alpha=0.5)
        axes[0].plot(a, w(t - a), color=theme.orange, alpha=0.5)
        axes[0].plot(a, x(a) * w(t - a), color=theme.green, label=f"x(a) w({t:g} − a)")
        axes[0].fill_between(a, x(a) * w(t - a), color=theme.green, alpha=0.35, linewidth=0)
        axes[0].legend(loc="upper right")
        frame(axes[0])

    def add_up(axes, theme):
        axes[0].plot(times, s, color=theme.green, alpha=0.45)
        axes[0].plot(times[times <= t], s[times <= t], color=theme.green, label="s(t)")
        axes[0].plot([t], [value], "o", color=theme.green)
        axes[0].annotate(f"s({t:g}) = {value:.2f}", (t, value), xytext=(8, 4), textcoords="offset points")
        axes[0].legend(loc="upper right")
        frame(axes[0], "t")

    def panel(draw, title, alt):
        return drawn_panel(draw, title=title, alt=alt, size=(3.2, 2.1))

    return Figure(
        f"flip, slide, multiply, add up, at t = {t:g}",
        [
            panel(
                flip,
                "1. Flip",
                "The kernel w(a), which starts at a = 0 and fades to the right, and its mirror image "
                "w(−a), which ends at a = 0 and fades to the left.",
            ),
            panel(
                slide,
                f"2. Slide to t = {t:g}",
                f"The mirrored kernel moved to the right so that it ends at a = {t:g}; it overlaps the input x(a).",
            ),
            panel(
                multiply, "3. Multiply", "The product of the two curves, shaded: it is zero wherever one of them is."
            ),
            panel(
                add_up,
                "4. Add up",
                f"The area of the product is one point of the result: s({t:g}) = {value:.2f}. "
                "The whole curve s rises while the input lasts and fades afterwards.",
            ),
        ],
    )


def waveforms(sounds: Mapping[str, np.ndarray], rate: int, *, alt: str) -> Figure:
    """Show sounds below each other over one axis of time, in seconds.

    Parameters
    ----------
    sounds
        Label and samples, each of shape (L,). The first is drawn in the colour of an input, the last in that of an
        output, what stands between them in that of a kernel.
    rate
        Samples per second.
    alt
        What there is to see, in words.
    """
    rate = arguments.integer("rate", rate, minimum=1)

    def draw(axes, theme):
        colours = [theme.blue] + [theme.orange] * (len(sounds) - 2) + [theme.green]
        for row, (label, samples), colour in zip(axes, sounds.items(), colours, strict=True):
            if np.count_nonzero(samples) <= 20:  # a few taps: one stem each
                taps = np.flatnonzero(samples)
                row.vlines(taps / rate, 0, samples[taps], color=colour, linewidth=2.5)
            else:
                middle, low, high = _envelope(samples)
                row.fill_between(middle / rate, low, high, color=colour, linewidth=0.4)
            row.set_title(label, loc="left", pad=2)
            plain(row)
        axes[-1].set_xlabel("time in seconds")

    panel = drawn_panel(draw, alt=alt, size=(5.0, 0.6 + 1.15 * len(sounds)), rows=len(sounds))
    return Figure("the sounds over time", [panel])


def wrap_around(linear: Sequence[float], circular: Sequence[float]) -> Figure:
    """Show how circular convolution folds the end of the linear one onto its beginning.

    Parameters
    ----------
    linear
        The full linear convolution, (N + K − 1,), not negative.
    circular
        The circular one, (N,).
    """
    linear, circular = arguments.numeric_array("linear", linear), arguments.numeric_array("circular", circular)
    size, tail = circular.size, linear[circular.size :]
    if not 0 < tail.size <= size:
        raise ValueError(
            f"linear has {linear.size} entries, but it must have more than circular, and at most twice as many"
        )

    def numbered(axes, places, values, **style):
        bars = axes.bar(places, values, **style)
        axes.bar_label(bars, [f"{value:g}" for value in values], label_type="center")

    def draw(axes, theme):
        style = {"width": 0.9, "color": theme.green, "alpha": 0.55}
        hatched = {"width": 0.9, "color": theme.green, "alpha": 0.3, "hatch": "//"}
        numbered(axes[0], np.arange(size), linear[:size], **style)
        numbered(axes[0], np.arange(size, linear.size), tail, **hatched)
        numbered(axes[1], np.arange(size), linear[:size], **style)
        numbered(axes[1], np.arange(tail.size), tail, bottom=linear[: tail.size], **hatched)
        for place, total in enumerate(circular):
            axes[1].annotate(
                f"{total:g}", (place, total), xytext=(0, 3), textcoords="offset points", ha="center", weight="bold"
            )
        for row, title in zip(axes, (f"linear: {linear.size} entries", f"circular: {size} entries"), strict=True):
            row.set_title(title, loc="left", pad=4)
            row.set(ylim=(0, 1.2 * max(circular.max(), linear.max())), yticks=[], xticks=range(linear.size))
            plain(row)
        axes[1].set_xlabel("position n")

    alt = (
        f"Two rows of bars. Top: the linear convolution, {_listed(linear)}; its last {tail.size} bars, hatched, lie "
        f"beyond position {size - 1}. Bottom: the circular one; the hatched bars now stand on the first {tail.size}, "
        f"which gives {_listed(circular)}."
    )
    return Figure("the tail wraps around", [drawn_panel(draw, alt=alt, size=(5.0, 3.5), rows=2)])


def _envelope(samples: np.ndarray, columns: int = 700) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest sample of each of at most ``columns`` stretches: all that a drawing can show."""
    stretches = np.array_split(samples, min(columns, samples.size))
    lengths = np.cumsum([0] + [stretch.size for stretch in stretches])
    middle = (lengths[:-1] + lengths[1:]) / 2
    return (
        middle,
        np.array([stretch.min() for stretch in stretches]),
        np.array([stretch.max() for stretch in stretches]),
    )


def _listed(values: Sequence[float]) -> str:
    """Numbers as one says them: "1, 2 and 3"."""
    words = [f"{value:g}" for value in values]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
