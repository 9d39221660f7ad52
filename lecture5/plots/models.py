"""Figures of whole networks: their layers, sizes and costs, and how they did beside others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Any

from matplotlib.patches import Rectangle

from ..costs import LayerCost, layer_costs
from .figure import Figure, Panel, drawn_panel, plain

_SHORT = {
    "Conv1d": "conv",
    "Conv2d": "conv",
    "Conv3d": "conv",
    "MaxPool2d": "pool",
    "AvgPool2d": "pool",
    "max_pool": "pool",
    "avg_pool": "pool",
    "AdaptiveAvgPool2d": "mean pool",
    "adaptive_avg_pool": "mean pool",
    "Linear": "linear",
}
_WITHOUT_A_ROW = {"ReLU", "Tanh", "Dropout", "Flatten", "Identity", "relu", "dropout", "flatten"}


def architecture(model_or_layers: Any, input_shape: Sequence[int]) -> Figure:
    """Show a network's layers from top to bottom: their sizes, and beside them what each costs.

    A box is as tall as its maps have rows and as wide as there are channels, both on a square-root scale. Layers that
    change no size and learn nothing (ReLU, dropout) have no row.

    Parameters
    ----------
    model_or_layers, input_shape
        As for :func:`lecture5.layer_costs`, which runs the model once. A model on torch's ``"meta"`` device is enough:
        it has shapes, and no numbers.

    Returns
    -------
    Figure
        Two panels of equal rows. Their alternative texts name the shape and the costs of every layer.

    Raises
    ------
    ValueError, TypeError
        As :func:`lecture5.layer_costs`.

    Examples
    --------
    >>> architecture([{"kind": "linear", "out_features": 2}], (1, 3))
    Figure: a network of one layer, 8 parameters, 6 multiply-adds
    - From top to bottom: input 3; linear 2.
    - Bars for each layer: linear 100.0 % of the parameters, 100.0 % of the multiply-adds.
    """
    costs = layer_costs(model_or_layers, input_shape)
    rows = [row for row in costs if row.kind not in _WITHOUT_A_ROW]
    names = ["input", *_numbered(rows)]
    shapes = [tuple(input_shape[1:]), *(row.output_shape[1:] for row in rows)]
    texts = [" × ".join(map(str, shape)) for shape in shapes]
    sizes = f"From top to bottom: {'; '.join(f'{name} {text}' for name, text in zip(names, texts, strict=True))}."
    shares = {
        "parameters": [row.parameters / max(costs.parameters, 1) for row in rows],
        "multiply-adds": [row.multiply_adds / max(costs.multiply_adds, 1) for row in rows],
    }
    spent = "; ".join(
        f"{name} {100 * shares['parameters'][n]:.1f} % of the parameters, "
        f"{100 * shares['multiply-adds'][n]:.1f} % of the multiply-adds"
        for n, (name, row) in enumerate(zip(names[1:], rows, strict=True))
        if row.parameters or row.multiply_adds
    )
    layers = "a network of one layer" if len(rows) == 1 else f"a network of {len(rows)} layers"
    height = 0.34 * len(names) + 0.3
    return Figure(
        f"{layers}, {costs.parameters:,} parameters, {costs.multiply_adds:,} multiply-adds",
        [
            _panel(_boxes(names, shapes, texts), sizes, "channels × rows × columns", height),
            _panel(_shares(names, shares), f"Bars for each layer: {spent}.", "share of the whole", height),
        ],
    )


def _panel(draw: Callable, alt: str, title: str, height: float) -> Panel:
    return drawn_panel(draw, alt=alt, title=title, size=(2.8, height))


def _numbered(rows: Sequence[LayerCost]) -> list[str]:
    """Short names: "conv 1", "pool 1", "conv 2", ...; without a number where there is only one of a kind."""
    kinds = [_SHORT.get(row.kind, row.kind) for row in rows]
    total, seen = Counter(kinds), Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(f"{kind} {seen[kind]}" if total[kind] > 1 else kind)
    return names


def _boxes(names: Sequence[str], shapes: Sequence[tuple[int, ...]], texts: Sequence[str]) -> Callable:
    """Return what draws a box for each layer's output: rows down, channels across; a vector is a flat box."""
    most = max(shape[0] for shape in shapes)
    tallest = max(shape[1] if len(shape) > 1 else 1 for shape in shapes)

    def draw(axes, theme):
        for place, (name, shape, text) in enumerate(zip(names, shapes, texts, strict=True)):
            tall = max(0.9 * sqrt((shape[1] if len(shape) > 1 else 1) / tallest), 0.06)
            wide = max(1.2 * sqrt(shape[0] / most), 0.02)
            colour = theme.blue if place == 0 else theme.green
            box = Rectangle((1.72 - wide / 2, place - tall / 2), wide, tall, color=colour, alpha=0.75, linewidth=0)
            axes[0].add_patch(box)
            axes[0].text(0, place, name, va="center")
            axes[0].text(2.5, place, text, va="center")
        axes[0].set(xlim=(0, 3.75), ylim=(len(names) - 0.5, -0.5))
        axes[0].axis("off")

    return draw


def _shares(names: Sequence[str], shares: Mapping[str, Sequence[float]]) -> Callable:
    """Return what draws two bars for each layer, with the percentages that are not zero."""
    longest = max(0.01, *(value for values in shares.values() for value in values))

    def draw(axes, theme):
        looks = (("orange", "", -0.2), ("blue", "///", 0.2))
        for (label, values), (colour, hatch, offset) in zip(shares.items(), looks, strict=True):
            places = [place + offset for place in range(1, len(names))]
            axes[0].barh(
                places, values, 0.36, color=getattr(theme, colour), alpha=0.8, hatch=hatch, linewidth=0, label=label
            )
            for place, value in zip(places, values, strict=True):
                if value >= 0.005:
                    axes[0].text(value + 0.01, place, f"{100 * value:.0f} %", va="center", fontsize=8)
        axes[0].set_yticks(range(1, len(names)), names[1:])
        axes[0].set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.12 * longest))
        axes[0].set_xticks([])
        axes[0].tick_params(length=0)
        axes[0].legend(loc="upper right", borderaxespad=0)
        plain(axes[0], zero_line=False)
        axes[0].spines["bottom"].set_visible(False)

    return draw


def named_bars(values: Mapping[str, float], *, xlabel: str, alt: str, hatched: Sequence[str] = ()) -> Figure:
    """Show a few numbers as bars from left to right, each with its name and its number.

    Parameters
    ----------
    values
        Name and number, from top to bottom. A name may have several lines.
    xlabel
        What the numbers are.
    alt
        What there is to see, in words.
    hatched
        The names of bars to mark, because something is different about them.

    Raises
    ------
    ValueError
        If there are no values, or ``hatched`` names none of them.

    Examples
    --------
    >>> named_bars({"ours": 0.25, "theirs": 0.5}, xlabel="error", alt="Ours is half as long as theirs.")
    Figure: error
    - Ours is half as long as theirs.
    """
    if not values:
        raise ValueError("values is empty, but there must be at least one bar")
    unknown = sorted(set(hatched) - set(values))
    if unknown:
        raise ValueError(f"hatched has {unknown}, but the bars are {list(values)}")

    def draw(axes, theme):
        for place, (name, value) in enumerate(values.items()):
            look = {"color": theme.orange, "hatch": "///"} if name in hatched else {"color": theme.green}
            axes[0].barh(place, value, 0.6, alpha=0.75, linewidth=0, **look)
            axes[0].text(value, place, f" {value:g}", va="center")
        axes[0].set_yticks(range(len(values)), list(values))
        axes[0].set(xlabel=xlabel, ylim=(len(values) - 0.5, -0.5), xlim=(0, 1.2 * max(values.values())))
        axes[0].tick_params(axis="y", length=0)
        plain(axes[0], zero_line=False)

    return Figure(xlabel, [drawn_panel(draw, alt=alt, size=(5.6, 0.5 * len(values) + 0.7))])
