"""What each layer of a network costs: numbers to learn, multiplications to do, bytes to keep.

One formula carries most of it. Each output cell of a convolution is a sum over its filter, so a layer does::

    multiply-adds = output cells × (in_channels / groups) × kernel cells

A multiply-add is one multiplication with its addition; papers' "FLOPs" are sometimes these and sometimes twice as many.
As usual, only convolutions and linear maps are counted, since what the other layers do is little beside them, and so
are the additions of biases. Taps that meet padding count too.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from math import prod
from typing import Any, NamedTuple

from lecture5 import arguments
from lecture5.arithmetic import conv_output_size, conv_transpose_output_size

Shape = tuple[int, ...]
PerAxis = int | Sequence[int]


class LayerCost(NamedTuple):
    """The costs of one layer.

    Attributes
    ----------
    name, kind
        Which layer it is, and of which kind.
    output_shape
        ``(N, C, *spatial)``, with the batch.
    parameters
        How many numbers it learns. Parameters shared with an earlier layer are counted there.
    multiply_adds
        For the whole batch, forward. (The gradients by the input and by the weights cost as much again, each.)
    parameter_bytes, output_bytes
        Memory of the parameters, and of the output if it is kept, as for training.
    """

    name: str
    kind: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    parameter_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class CostTable:
    """A row for each layer, in the order of computation, with the totals as attributes. Printing it shows the table."""

    rows: tuple[LayerCost, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def parameter_bytes(self) -> int:
        return sum(row.parameter_bytes for row in self.rows)

    @property
    def output_bytes(self) -> int:
        return sum(row.output_bytes for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LayerCost]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> LayerCost:
        return self.rows[index]

    def __repr__(self) -> str:
        lines = [_HEADER, *self._lines()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        words = (
            len(LayerCost._fields) - 4
        )  # The first columns hold words, on the left; the others numbers, on the right.
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column < words else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        )

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        header = "".join(f'<th scope="col">{title}</th>' for title in _HEADER)
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for name, *cells in self._lines()
        )
        return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"

    def _lines(self) -> list[tuple[str, ...]]:
        """Return the cells of the table, as text, with the line of totals."""
        lines = [(row.name, row.kind, "×".join(map(str, row.output_shape)), *_figures(row)) for row in self.rows]
        return [*lines, ("total", "", "", *_figures(self))]


_HEADER = ("layer", "kind", "output", "parameters", "multiply-adds", "parameter bytes", "output bytes")


def _figures(costs: LayerCost | CostTable) -> Iterator[str]:
    """The four numbers of a row or of the totals, as text."""
    return (f"{n:,}" for n in (costs.parameters, costs.multiply_adds, costs.parameter_bytes, costs.output_bytes))


def layer_costs(model_or_layers: Any, input_shape: Sequence[int]) -> CostTable:
    """Return what each layer of a network costs for one batch of inputs.

    Parameters
    ----------
    model_or_layers
        Either a torch module. It is run once, in evaluation mode, on zeros, and each layer is seen as it computes; what
        a module does without torch's convolution and linear layers has its parameters counted, but no multiply-adds.

        Or a list of descriptions, dictionaries with the ``"kind"`` and the settings by torch's names:
        ``conv`` and ``conv_transpose`` (``out_channels``, ``kernel_size``, ``stride``, ``padding``, ``dilation``,
        ``groups``, ``bias``; ``output_padding`` for the latter), ``max_pool`` and ``avg_pool`` (``kernel_size``,
        ``stride``, ``padding``, ``dilation``), ``adaptive_avg_pool`` (``output_size``), ``linear`` (``out_features``,
        ``bias``), ``batch_norm``, ``relu``, ``dropout``, ``flatten``. Numbers are taken to have 4 bytes.
    input_shape
        The whole shape of the input, (N, C, *spatial). With N = 1, the costs are those of one sample.

    Returns
    -------
    CostTable
        A sequence of :class:`LayerCost`, with the totals ``parameters``, ``multiply_adds``, ``parameter_bytes`` and
        ``output_bytes``. Printed, or as the last line of a notebook's cell, it is a table.

    Raises
    ------
    ValueError
        If a layer does not fit the shape that it gets, or has a setting out of range or of no known name.
    TypeError
        If ``model_or_layers`` is neither, or a size is not an integer.

    Examples
    --------
    The lecture's first layer: 96 kernels of 11 × 11 × 3, with stride 4.

    >>> layer_costs([{"kind": "conv", "out_channels": 96, "kernel_size": 11, "stride": 4}], (1, 3, 227, 227))
    layer  kind  output      parameters  multiply-adds  parameter bytes  output bytes
    0      conv  1×96×55×55      34,944    105,415,200          139,776     1,161,600
    total                        34,944    105,415,200          139,776     1,161,600

    The slide "Efficiency of Convolution": a kernel of two numbers, against a dense matrix for the same map. The slide's
    267,960 operations are two multiplications and one addition for each of 319 · 280 cells.

    >>> image = (1, 1, 280, 320)
    >>> conv = layer_costs([{"kind": "conv", "out_channels": 1, "kernel_size": (1, 2), "bias": False}], image)
    >>> conv.parameters, conv.multiply_adds, conv[0].output_shape
    (2, 178640, (1, 1, 280, 319))
    >>> dense = layer_costs([{"kind": "flatten"}, {"kind": "linear", "out_features": 319 * 280, "bias": False}], image)
    >>> f"{dense.parameters:,}"
    '8,003,072,000'
    """
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 2:
        raise ValueError(f"input_shape is {input_shape!r}, but it must be the whole shape, (N, C, *spatial)")
    shape = tuple(arguments.integer("input_shape", size, minimum=1) for size in input_shape)
    if any(base.__module__ == "torch.nn.modules.module" for base in type(model_or_layers).__mro__):
        return _of_module(model_or_layers, shape)
    if isinstance(model_or_layers, (list, tuple)):
        return _of_descriptions(model_or_layers, shape)
    raise TypeError(
        f"model_or_layers is a {type(model_or_layers).__name__}, but it must be a torch.nn.Module, or a list of"
        " dictionaries that describe layers"
    )


def _of_module(model: Any, input_shape: Shape) -> CostTable:
    """Run the model once, with a hook on each module that computes something itself, and write down what comes by."""
    import torch

    rows: list[LayerCost] = []
    seen: set[int] = set()

    def write_down(name: str, module: Any, inputs: tuple, output: Any) -> None:
        new = [parameter for parameter in module.parameters(recurse=False) if id(parameter) not in seen]
        seen.update(map(id, new))
        outputs = [value for value in (output if isinstance(output, tuple) else (output,)) if torch.is_tensor(value)]
        rows.append(
            LayerCost(
                name=name or "model",
                kind=type(module).__name__,
                output_shape=tuple(outputs[0].shape) if outputs else (),
                parameters=sum(parameter.numel() for parameter in new),
                multiply_adds=_multiply_adds(module, inputs, outputs),
                parameter_bytes=sum(parameter.nbytes for parameter in new),
                output_bytes=sum(value.nbytes for value in outputs),
            )
        )

    modules = {
        name: module
        for name, module in model.named_modules()
        if not list(module.children()) or list(module.parameters(recurse=False))
    }
    hooks = [module.register_forward_hook(partial(write_down, name)) for name, module in modules.items()]
    modes = {module: module.training for module in model.modules()}
    weight = next(model.parameters(), torch.empty(0))
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(input_shape, dtype=weight.dtype, device=weight.device))
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"input_shape is {input_shape}, batch included, which the model cannot take: {error}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    return CostTable(tuple(rows))


def _multiply_adds(module: Any, inputs: tuple, outputs: list) -> int:
    from torch.nn import Linear
    from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

    if isinstance(module, _ConvTransposeNd):  # Each input cell is multiplied by a filter, and each ...
        return inputs[0].numel() * module.weight[0].numel()
    if isinstance(module, (_ConvNd, Linear)):  # ... output cell is the sum over one.
        return outputs[0].numel() * module.weight[0].numel()
    return 0


def _of_descriptions(layers: Sequence[Mapping[str, Any]], shape: Shape) -> CostTable:
    """Follow the shape through the layers."""
    rows = []
    for number, layer in enumerate(layers):
        if not isinstance(layer, Mapping):
            raise TypeError(f"layers[{number}] is {layer!r}, but it must be a dictionary, such as {{'kind': 'relu'}}")
        settings = dict(layer)
        kind = arguments.choice(f"the kind of layers[{number}]", settings.pop("kind", None), tuple(_KINDS))
        try:
            inspect.signature(_KINDS[kind]).bind(shape, **settings)  # A wrong name is a TypeError that says which.
            shape, parameters, multiply_adds = _KINDS[kind](shape, **settings)
        except (ValueError, TypeError) as error:
            raise type(error)(f"layers[{number}], {kind}, which gets {shape}: {error}") from None
        cost = LayerCost(
            name=str(number),
            kind=kind,
            output_shape=shape,
            parameters=parameters,
            multiply_adds=multiply_adds,
            parameter_bytes=_BYTES * parameters,
            output_bytes=_BYTES * prod(shape),
        )
        rows.append(cost)
    return CostTable(tuple(rows))


_BYTES = 4
"""Of a number in single precision, with which networks are usually trained."""


def _conv(
    shape: Shape,
    out_channels: int,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> tuple[Shape, int, int]:
    samples, in_channels, *spatial = shape
    out_channels = _channels(in_channels, out_channels, groups)
    kernel_size, *how = _per_axis(spatial, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    output = (samples, out_channels, *map(conv_output_size, spatial, kernel_size, *how))
    in_filter = in_channels // groups * prod(kernel_size)
    return output, out_channels * (in_filter + bool(bias)), prod(output) * in_filter


def _conv_transpose(
    shape: Shape,
    out_channels: int,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> tuple[Shape, int, int]:
    samples, in_channels, *spatial = shape
    out_channels = _channels(in_channels, out_channels, groups)
    kernel_size, *how = _per_axis(
        spatial,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )
    output = (samples, out_channels, *map(conv_transpose_output_size, spatial, kernel_size, *how))
    in_filter = out_channels // groups * prod(kernel_size)
    return output, in_channels * in_filter + out_channels * bool(bias), prod(shape) * in_filter


def _pool(
    shape: Shape, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1
) -> tuple[Shape, int, int]:
    samples, channels, *spatial = shape
    stride = kernel_size if stride is None else stride
    windows = _per_axis(spatial, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    return (samples, channels, *map(conv_output_size, spatial, *windows)), 0, 0


def _adaptive_pool(shape: Shape, output_size: PerAxis) -> tuple[Shape, int, int]:
    samples, channels, *spatial = shape
    return (samples, channels, *_per_axis(spatial, output_size=output_size)[0]), 0, 0


def _linear(shape: Shape, out_features: int, bias: bool = True) -> tuple[Shape, int, int]:
    *others, in_features = shape
    out_features = arguments.integer("out_features", out_features, minimum=1)
    return (*others, out_features), out_features * (in_features + bool(bias)), prod(others) * in_features * out_features


def _batch_norm(shape: Shape) -> tuple[Shape, int, int]:
    return shape, 2 * shape[1], 0


def _flatten(shape: Shape) -> tuple[Shape, int, int]:
    return (shape[0], prod(shape[1:])), 0, 0


def _unchanged(shape: Shape) -> tuple[Shape, int, int]:
    return shape, 0, 0


_KINDS = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _pool,
    "avg_pool": _pool,
    "adaptive_avg_pool": _adaptive_pool,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "relu": _unchanged,
    "dropout": _unchanged,
    "flatten": _flatten,
}


def _channels(in_channels: int, out_channels: int, groups: int) -> int:
    groups = arguments.integer("groups", groups, minimum=1)
    out_channels = arguments.integer("out_channels", out_channels, minimum=1)
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"groups is {groups}, but it must divide {in_channels} and {out_channels} channels")
    return out_channels


def _per_axis(spatial: Sequence[int], **settings: PerAxis) -> list[tuple[int, ...]]:
    """Return each setting with one value per axis; those called padding may be 0."""
    return [
        arguments.per_axis(name, value, len(spatial), minimum=0 if name.endswith("padding") else 1)
        for name, value in settings.items()
    ]
