r"""Winograd's minimal filtering: fewer multiplications for small kernels.

Two outputs of a filter of three taps take six multiplications by the definition. Four are enough::

    y0 = m1 + m2 + m3        m1 = (x0 - x2) w0      m2 = (x1 + x2) (w0 + w1 + w2) / 2
    y1 = m2 - m3 - m4        m4 = (x1 - x3) w2      m3 = (x2 - x1) (w0 - w1 + w2) / 2

This is ``F(2, 3)``. In general, ``F(m, r)`` makes ``m`` outputs of a filter of ``r`` taps from a tile of
``t = m + r - 1`` inputs with ``t`` multiplications: ``y = A ((B x) ⊙ (G w))``. :func:`matrices` shows where the three
matrices come from. Along several axes they are applied to each in turn, and channels are summed before ``A``. So there
is a matrix product over channels for each of the ``t^d`` points, in place of one for each of the ``(m r)^d`` pairs of
output and tap: 16 for 36 in F(2×2, 3×3), 36 for 144 in F(4×4, 3×3), and 49 for 225 in F(3×3, 5×5).

What is won there is partly spent on the transforms, along one axis after the other; and rounding errors grow with
``t``: along two axes they are some five times those of the definition for ``t = 6``, and ten for ``t = 7``, where we
stop; along three axes we stop at 6, which is ten times as well. The map stays bilinear, and so the gradients use the
same matrices, transposed. With a stride there are no such tiles, but its phases have them
(:mod:`lecture5.conv.phases`).

S. Winograd, *Arithmetic complexity of computations* (1980); A. Lavin and S. Gray, *Fast algorithms for convolutional
neural networks* (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from math import inf, prod

import numpy as np

from lecture5.conv import phases
from lecture5.conv.columns import Block, Part, blocks, copy_rows, gather, parts
from lecture5.conv.settings import Settings
from lecture5.conv.threads import cuts, in_threads, thread_count
from lecture5.conv.workspace import workspace

CACHE = 2**22
"""Bytes that one thread works on at a time."""

ENOUGH = 128
"""Tiles that make a good matrix product, even if they do not fit the cache."""

MEMORY = 24 * 2**20
"""Bytes that the transformed kernel and the tiles of all threads may take together."""

KERNEL_MEMORY = 18 * 2**20
"""Bytes of these that the transformed kernel may take, if it can be helped."""

INPUT_MEMORY = 6 * 2**20
"""Bytes that the phases of an input may take, for a convolution with strides, if it can be helped."""

POINTS = (0, 1, -1, 1 / 2, -2, 2)
"""Where the polynomials are evaluated, besides infinity; this choice keeps rounding errors small."""


@cache
def matrices(m: int, r: int) -> dict[str, np.ndarray]:
    """Return ``A``, (m, t), ``B``, (t, t), and ``G``, (t, r), for ``m`` outputs of a filter of ``r`` taps.

    The coefficients of a product of two polynomials, of ``m`` and of ``r`` coefficients, are a convolution with ``t``
    entries. They can be had by evaluating both at ``t`` points, multiplying the values, and interpolating. With ``V_n``
    the matrix that evaluates ``n`` coefficients, that is ``V_t⁻¹ ((V_m a) ⊙ (V_r w))``. What a filter computes is the
    transpose of that, as a linear map of ``a``: from ``t`` numbers to ``m``.

    Examples
    --------
    >>> found = matrices(2, 3)
    >>> x, w = np.array([1, 10, 100, 1000]), np.array([1, 2, 3])
    >>> found["A"] @ ((found["B"] @ x) * (found["G"] @ w))
    array([ 321., 3210.])
    """
    t = m + r - 1

    def values(coefficients: int) -> np.ndarray:
        at_infinity = np.eye(1, coefficients, coefficients - 1)  # The leading coefficient.
        return np.vstack([np.vander(POINTS[: t - 1], coefficients, increasing=True), at_infinity])

    return {"A": values(m).T, "B": np.linalg.inv(values(t)).T, "G": values(r)}


def forward(x: np.ndarray, w: np.ndarray, settings: Settings, m: int | None = None) -> np.ndarray:
    """Return ``y``, (N, K, *output), from ``x``, (N, C, *input), and ``w``, (K, C / groups, *kernel).

    ``m`` is the number of outputs of a tile along each axis; left out, what needs fewest multiplications.
    """
    check(w.shape[2:], settings)
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    if max(settings.stride) > 1:
        size = phases.size_of(w.shape[2:], output_size, settings.stride)
        pieces = -(-len(x) * phases.input_bytes(x.shape, size, settings) // INPUT_MEMORY)
        if pieces > 1 and len(x) > 1:
            y = np.empty((len(x), len(w), *output_size), x.dtype)
            for first, last in cuts(len(x), pieces):
                y[first:last] = forward(x[first:last], w, settings, m)
            return y
        w = phases.of_kernel(w, settings.stride)
        return forward(phases.of_input(x, size, settings), w, settings.plain(), m)
    m = m or best_tile(x.shape, w.shape, output_size)
    taps = w.reshape(settings.groups, len(w) // settings.groups, w.shape[1], -1).transpose(0, 2, 3, 1)
    kernel = _transformed_kernel(np.ascontiguousarray(taps), _kernel_matrix(m, w.shape[2:], w.dtype))
    return _filtered(x, kernel, w.shape[2:], output_size, settings, m)


def input_grad(
    grad_output: np.ndarray, w: np.ndarray, input_size: tuple[int, ...], settings: Settings, m: int | None = None
) -> np.ndarray:
    """Return the gradient by ``x``, (N, C, *input): the output's gradient, filtered by the flipped kernel."""
    check(w.shape[2:], settings)
    if max(settings.stride) > 1:
        size = phases.size_of(w.shape[2:], grad_output.shape[2:], settings.stride)
        grads = input_grad(grad_output, phases.of_kernel(w, settings.stride), size, settings.plain(), m)
        return phases.to_input(grads, input_size, settings)
    m = m or best_tile(grad_output.shape, w.shape, input_size)
    flipped = _kernel_matrix(m, w.shape[2:], w.dtype)[:, ::-1]
    taps = w.reshape(settings.groups, len(w) // settings.groups, w.shape[1], -1).swapaxes(2, 3)
    kernel = _transformed_kernel(taps, np.ascontiguousarray(flipped))
    reach = zip(w.shape[2:], settings.padding, strict=True)
    padding = tuple((taps - 1 - before, taps - 1 - after) for taps, (before, after) in reach)
    return _filtered(grad_output, kernel, w.shape[2:], input_size, settings._replace(padding=padding), m)


def weight_grad(
    grad_output: np.ndarray, x: np.ndarray, kernel_size: tuple[int, ...], settings: Settings, m: int | None = None
) -> np.ndarray:
    """Return the gradient by ``w``, (K, C / groups, *kernel)."""
    check(kernel_size, settings)
    if max(settings.stride) > 1:
        size = phases.size_of(kernel_size, grad_output.shape[2:], settings.stride)
        taps, x = phases.taps_of(kernel_size, settings.stride), phases.of_input(x, size, settings)
        return phases.to_kernel(weight_grad(grad_output, x, taps, settings.plain(), m), kernel_size, settings.stride)
    outs, ins = (array.shape[1] // settings.groups for array in (grad_output, x))
    output_size, w_shape = grad_output.shape[2:], (grad_output.shape[1], ins, *kernel_size)
    m = m or best_tile(x.shape, w_shape, output_size)
    of_taps = _kernel_matrix(m, kernel_size, x.dtype)
    of_tile, of_outputs = (_matrices(name, m, kernel_size, x.dtype) for name in "BA")
    of_grads = [matrix.T for matrix in of_outputs]
    points = len(of_taps)
    grad_kernel = np.zeros((points, settings.groups, outs, ins), x.dtype)

    def work(part: Sequence[Part]) -> None:
        for some_groups, within, channels in part:
            seen, grad = x[:, channels], grad_output[:, some_groups.start * outs : some_groups.stop * outs]
            target = grad_kernel[:, some_groups, :, within]
            for block in _blocks(seen.shape, w_shape, output_size, m):
                values = _tiles("values", seen, block, of_tile, kernel_size, settings, m)
                ones, plain = (1,) * len(kernel_size), settings.without_padding()
                grads = _tiles("gradients", grad, block, of_grads, ones, plain, m)
                values = values.reshape(points, -1, target.shape[1], target.shape[3]).swapaxes(1, 2)
                grads = grads.reshape(points, -1, target.shape[1], outs).transpose(0, 2, 3, 1)
                for total, grads_there, values_there in zip(target, grads, values, strict=True):  # Point by point.
                    total += np.matmul(grads_there, values_there, out=workspace("products", total.shape, x.dtype))

    in_threads(work, parts(x.shape, w_shape, output_size, settings.groups))
    return (grad_kernel.reshape(points, -1).T @ of_taps).reshape(w_shape)


def best_tile(x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int]) -> int:
    """Return the number of outputs of a tile that needs fewest multiplications, and not too much memory."""
    largest = 7 if len(output_size) < 3 else 6  # Of a tile's inputs along an axis.
    sizes = range(2, largest + 2 - max(w_shape[2:]))
    small = [m for m in sizes if kernel_bytes(w_shape, m) <= KERNEL_MEMORY]
    return min(small or [2], key=lambda m: multiplications(x_shape, w_shape, output_size, m))


def kernel_bytes(w_shape: Sequence[int], m: int) -> int:
    """Return the bytes that the transformed kernel takes, in single precision."""
    return 4 * w_shape[0] * w_shape[1] * prod(m + taps - 1 for taps in w_shape[2:])


def multiplications(x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int], m: int) -> int:
    """Return the number of multiplications: in the transforms of input, kernel and output, and in the products."""
    out_channels, group_channels, *kernel_size = w_shape
    axes = len(output_size)
    tiles = x_shape[0] * prod(-(-size // m) for size in output_size)
    tile = [m + taps - 1 for taps in kernel_size]
    points, products = prod(tile), out_channels * group_channels
    of_input = points * sum(tile)
    of_output = sum(m ** (axis + 1) * prod(tile[axis:]) for axis in range(axes))
    of_tile = of_input * x_shape[1] + points * products + of_output * out_channels
    return tiles * of_tile + points * prod(kernel_size) * products


def cost(product: str, x_shape: Sequence[int], w_shape: Sequence[int], settings: Settings) -> float:
    """Return about how many nanoseconds this method needs on one core, see :mod:`lecture5.conv.cost`; or infinity.

    A multiplication takes 0.038 ns, since the matrices are small, and the processor makes rows of sixteen numbers, even
    if fewer are needed. A cell takes 4 ns to copy to its tile, and 0.6 ns more for each channel; a row of a tile's
    outputs takes 4 ns, a number of the transformed kernel 0.6 ns, and one of the input's phases 1.4 ns.
    """
    kernel_size = tuple(w_shape[2:])
    if not fits(kernel_size, settings):
        return inf
    output_size = settings.output_size(x_shape[2:], kernel_size)
    moves = 0.0
    if max(settings.stride) > 1:
        size = phases.size_of(kernel_size, output_size, settings.stride)
        together = 1 if product == "forward" else x_shape[0]  # The gradients need the phases of all samples at once.
        if together * phases.input_bytes(x_shape, size, settings) > INPUT_MEMORY:
            return inf
        kernel_size, of_cell = phases.taps_of(kernel_size, settings.stride), prod(settings.stride)
        x_shape, w_shape = (x_shape[0], x_shape[1] * of_cell, *size), (w_shape[0], w_shape[1] * of_cell, *kernel_size)
        moves = 1.4 * prod(x_shape)
    if product == "input_grad":
        groups, input_size = settings.groups, x_shape[2:]
        x_shape, w_shape = (x_shape[0], w_shape[0], *output_size), (x_shape[1], w_shape[0] // groups, *kernel_size)
        output_size = input_size
    m = best_tile(x_shape, w_shape, output_size)
    if kernel_bytes(w_shape, m) > KERNEL_MEMORY:
        return inf
    tiles = x_shape[0] * prod(-(-size // m) for size in output_size)
    points = prod(m + taps - 1 for taps in kernel_size)
    moves += tiles * points * (4 + 0.6 * x_shape[1]) + 4 * tiles * m ** (len(output_size) - 1) * w_shape[0]
    moves += 0.6 * points * w_shape[0] * w_shape[1]
    column, row = w_shape[:2] if product == "weight_grad" else w_shape[1::-1]
    wasted = tiles * points * column * (-row % 16)
    return 0.038 * (multiplications(x_shape, w_shape, output_size, m) + wasted) + moves + 150_000


def fits(kernel_size: Sequence[int], settings: Settings) -> bool:
    """Return whether this method can be used with these settings."""
    taps = phases.taps_of(kernel_size, settings.stride)
    return min(taps) >= 2 and max(taps) <= 5 and max(settings.dilation) == 1


def check(kernel_size: Sequence[int], settings: Settings) -> None:
    """Raise unless this method can be used with these settings."""
    if not fits(kernel_size, settings):
        raise ValueError(
            "method is 'winograd', which needs dilation 1 and, on every axis, a kernel larger than the stride and at"
            f" most five times as large, but kernel, stride and dilation are {tuple(kernel_size)}, {settings.stride}"
            f" and {settings.dilation}: use 'auto' or 'gemm'"
        )


def _filtered(
    x: np.ndarray,
    kernel: np.ndarray,
    kernel_size: tuple[int, ...],
    output_size: tuple[int, ...],
    settings: Settings,
    m: int,
) -> np.ndarray:
    """Return ``x`` filtered by a transformed kernel, (points, groups, ins, outs), with the channels of one group."""
    points, groups, ins, outs = kernel.shape
    of_tile, of_outputs = (_matrices(name, m, kernel_size, x.dtype) for name in "BA")
    y = np.empty((len(x), groups * outs, *output_size), x.dtype)

    def work(part: Sequence[Block]) -> None:
        for block in part:
            values = _tiles("values", x, block, of_tile, kernel_size, settings, m)
            products = workspace("products", (points, values.shape[1], groups, outs), x.dtype)
            values = values.reshape(points, -1, groups, ins).swapaxes(1, 2)
            np.matmul(values, kernel, out=products.swapaxes(1, 2))
            _put_tiles(_outputs(products, of_outputs), block, y, m)

    in_threads(work, _blocks(x.shape, (len(y[0]), ins, *kernel_size), output_size, m, thread_count()))
    return y


def _blocks(
    x_shape: Sequence[int], w_shape: Sequence[int], output_size: Sequence[int], m: int, threads: int = 1
) -> list[Block]:
    """Return blocks of tiles that fit the cache, or at least are enough for a good product, if there is memory."""
    points = prod(m + taps - 1 for taps in w_shape[2:])
    of_tile = 4 * points * (2 * x_shape[1] + w_shape[0])
    room = (MEMORY - kernel_bytes(w_shape, m)) // (of_tile * thread_count())
    largest = max(1, min(max(ENOUGH, CACHE // of_tile), room))
    return blocks(x_shape[0], tuple(-(-size // m) for size in output_size), largest, threads)


def _tiles(
    name: str,
    x: np.ndarray,
    block: Block,
    of_axes: Sequence[np.ndarray],
    kernel_size: tuple[int, ...],
    settings: Settings,
    m: int,
) -> np.ndarray:
    """Return the tiles that make the outputs of ``block``, transformed by a matrix along each axis: (points, tiles, C).

    They are gathered and transformed in two places in turn, the last of which is called ``name``.
    """
    size = tuple(m + taps - 1 for taps in kernel_size)
    places = ["windows", name] if len(size) % 2 else [name, "windows"]
    tiles = workspace(places[0], (*size, *block.shape, x.shape[1]), x.dtype)
    gather(x, block, np.moveaxis(tiles, -1, 0), settings._replace(stride=(m,) * len(size)), channels_last=True)
    tiles = _along_axes(of_axes, tiles.reshape(*size, -1), places)
    return tiles.reshape(prod(tiles.shape[:-1]), -1, x.shape[1])


def _along_axes(of_axes: Sequence[np.ndarray], values: np.ndarray, places: Sequence[str]) -> np.ndarray:
    """Return ``values``, (*cells, numbers), with a matrix applied along each of the first axes, one after the other.

    ``values`` lies in the first of the two places, and is lost.
    """
    for axis, matrix in enumerate(of_axes):
        shape = (*values.shape[:axis], len(matrix), *values.shape[axis + 1 :])
        result = workspace(places[(axis + 1) % 2], shape, values.dtype)
        np.matmul(matrix, np.moveaxis(values, axis, -2), out=np.moveaxis(result, axis, -2))
        values = result
    return values


def _outputs(products: np.ndarray, of_axes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the outputs of each tile, (samples·tiles·K, *outputs), from the products, (points, samples·tiles, …)."""
    *of_first, of_last = of_axes
    values = products.reshape(*(matrix.shape[1] for matrix in of_axes), -1)
    values = _along_axes(of_first, values, ["products", "windows"])
    outputs = workspace("outputs", (values.shape[-1], *map(len, of_axes)), values.dtype)
    np.matmul(values.swapaxes(-1, -2), of_last.T, out=np.moveaxis(outputs, 0, -2))  # The outputs of a tile come last.
    return outputs


def _put_tiles(outputs: np.ndarray, block: Block, y: np.ndarray, m: int) -> None:
    """Write ``outputs``, (samples·tiles·K, *outputs of a tile), to their places in ``y``, less what lies beyond it."""
    target = y[block.samples, :, *(slice(tiles.start * m, tiles.stop * m) for tiles in block.positions)]
    size = tuple(tiles * m for tiles in block.shape[1:])
    whole = target if target.shape[2:] == size else workspace("whole", (*target.shape[:2], *size), y.dtype)
    split = whole.reshape(*whole.shape[:2], *(part for tiles in block.shape[1:] for part in (tiles, m)))
    axes = range(2, split.ndim)
    split = split.transpose(0, *axes[::2], 1, *axes[1::2])  # (samples, *tiles, K, *outputs of a tile)
    copy_rows(outputs.reshape(split.shape), split)
    if whole is not target:
        target[...] = whole[:, :, *map(slice, target.shape[2:])]


def _transformed_kernel(taps: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the values at the points, (points, groups, ins, outs), of kernels (groups, ins, taps, outs)."""
    groups, ins, _, outs = taps.shape
    taps = taps.reshape(groups * ins, -1, outs)
    values = workspace("kernel", (len(matrix), groups * ins, outs), taps.dtype)

    def work(part: Sequence[tuple[int, int]]) -> None:
        for first, last in part:
            np.matmul(matrix, taps[first:last], out=values[:, first:last].swapaxes(0, 1))

    in_threads(work, cuts(groups * ins, thread_count()))
    return values.reshape(-1, groups, ins, outs)


@cache
def _matrices(name: str, m: int, kernel_size: tuple[int, ...], dtype: np.dtype) -> list[np.ndarray]:
    """Return the matrix ``name`` for each axis."""
    return [matrices(m, taps)[name].astype(dtype) for taps in kernel_size]


@cache
def _kernel_matrix(m: int, kernel_size: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return the matrix ``G`` along every axis at once, for kernels that are read as one vector."""
    return reduce(np.kron, [matrices(m, taps)["G"] for taps in kernel_size]).astype(dtype)
