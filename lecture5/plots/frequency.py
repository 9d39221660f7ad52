"""Figures over frequency: what a kernel lets through, and what a sound is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .. import arguments
from .figure import Figure, drawn_panel, plain

_PI_TICKS = [-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi]
_PI_LABELS = ["−π", "−π/2", "0", "π/2", "π"]


def gain_curves(
    omega: np.ndarray,
    gains: Mapping[str, np.ndarray],
    measured: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    *,
    alt: str,
) -> Figure:
    """Show how strongly filters pass each frequency.

    Parameters
    ----------
    omega
        Frequencies from 0 to π, in radians per sample.
    gains
        Label and |H(ω)|, each as long as ``omega``; at most three.
    measured
        Label and (frequencies, gains) that were measured, drawn as dots in the colour of the curve with that label.
    alt
        What there is to see, in words.
    """
    if not 0 < len(gains) <= 3:
        raise ValueError(f"gains has {len(gains)} curves, but there must be one, two or three")

    def draw(axes, theme):
        looks = zip((theme.orange, theme.ink, theme.green), ("-", "--", ":"), "osD", strict=True)
        for (label, gain), (colour, line, marker) in zip(gains.items(), looks, strict=False):
            axes[0].plot(omega, gain, color=colour, linestyle=line, label=label)
            if measured and label in measured:
                axes[0].plot(*measured[label], marker, color=colour, markersize=6)
        axes[0].set(xlabel="frequency ω, radians per sample", ylabel="gain |H(ω)|", xlim=(-0.02, np.pi + 0.02))
        axes[0].set_xticks(_PI_TICKS[2:], _PI_LABELS[2:])
        axes[0].set_ylim(bottom=0)
        axes[0].legend()
        plain(axes[0], zero_line=False)

    return Figure("gain over frequency", [drawn_panel(draw, alt=alt, size=(5.0, 2.6))])


def response_map(
    omega_1: np.ndarray, omega_2: np.ndarray, response: np.ndarray, marks: Sequence[tuple[float, float]], *, alt: str
) -> Figure:
    """Show the real frequency response of a 2-D kernel as a map, zero frequency in the middle.

    Parameters
    ----------
    omega_1, omega_2
        Frequencies down the rows and along the columns, as from ``lecture5.signal.frequency_grid``.
    response
        Their response, real, (rows, columns).
    marks
        Pairs (ω₁, ω₂) at which the value is written.
    alt
        What there is to see, in words.
    """
    omega_1, omega_2 = np.ravel(omega_1), np.ravel(omega_2)
    response = arguments.numeric_array("response", response)
    if response.shape != (omega_1.size, omega_2.size):
        raise ValueError(
            f"response has shape {response.shape}, but the frequencies ask for {(omega_1.size, omega_2.size)}"
        )

    def draw(axes, theme):
        image = axes[0].pcolormesh(omega_2, omega_1, response, cmap="cividis", shading="gouraud", rasterized=True)
        axes[0].contour(omega_2, omega_1, response, levels=6, colors="white", linewidths=0.6, alpha=0.6)
        for first, second in marks:
            row, column = np.abs(omega_1 - first).argmin(), np.abs(omega_2 - second).argmin()
            inward = (-np.sign(second) * 14, np.sign(first) * 14)  # the second axis points down
            axes[0].plot([second], [first], "o", color=theme.orange, markeredgecolor="black", clip_on=False, zorder=5)
            axes[0].annotate(
                f"{response[row, column]:.0f}",
                (second, first),
                xytext=inward if any(inward) else (10, 0),
                textcoords="offset points",
                ha="center",
                va="center",
                weight="bold",
                color="black",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
            )
        axes[0].set(xlabel="ω₂, along the columns", ylabel="ω₁, down the rows", aspect="equal")
        axes[0].set_xticks(_PI_TICKS, _PI_LABELS)
        axes[0].set_yticks(_PI_TICKS, _PI_LABELS)
        axes[0].invert_yaxis()
        axes[0].figure.colorbar(image, ax=axes[0], label="H(ω₁, ω₂)", shrink=0.85)

    return Figure("the frequency response as a map", [drawn_panel(draw, alt=alt, size=(4.4, 3.6))])


def spectra(sounds: Mapping[str, np.ndarray], rate: int, *, alt: str) -> Figure:
    """Show how much of each frequency sounds hold, in decibels, averaged over bands of 50 Hz.

    Parameters
    ----------
    sounds
        Label and samples, each of shape (L,); at most three. 0 dB is the strongest band of the first.
    rate
        Samples per second.
    alt
        What there is to see, in words.
    """
    rate = arguments.integer("rate", rate, minimum=1)
    if not 0 < len(sounds) <= 3:
        raise ValueError(f"sounds has {len(sounds)} entries, but there must be one, two or three")
    edges = np.arange(0, rate / 2 + 1, 50)
    powers = {}
    for label, samples in sounds.items():
        power = np.abs(np.fft.rfft(samples)) ** 2
        band = np.digitize(np.fft.rfftfreq(samples.size, 1 / rate), edges[1:-1])
        powers[label] = np.bincount(band, power) / np.bincount(band)
    loudest = next(iter(powers.values())).max()

    def draw(axes, theme):
        looks = zip((theme.blue, theme.green, theme.ink), ("-", "--", ":"), (1.4, 2.0, 2.0), strict=True)
        for (label, power), (colour, line, width) in zip(powers.items(), looks, strict=False):
            decibels = 10 * np.log10(np.maximum(power / loudest, 1e-9))
            axes[0].plot(
                (edges[:-1] + edges[1:]) / 2, decibels, color=colour, linestyle=line, linewidth=width, label=label
            )
        axes[0].set(xlabel="frequency in hertz", ylabel="power in dB", xlim=(0, rate / 2), ylim=(-70, 5))
        axes[0].legend(loc="upper right")
        plain(axes[0], zero_line=False)

    return Figure("what the sounds are made of", [drawn_panel(draw, alt=alt, size=(5.0, 2.8))])
