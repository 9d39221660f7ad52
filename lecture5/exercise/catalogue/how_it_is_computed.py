"""Exercise 7, how it is computed: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# Some of the right implementations below take further settings, by name, which only misconceptions set.


def _set(**settings):
    """Spoil by settings; a misconception of another kind hands on those that it is given."""
    return lambda answer: lambda *given, **others: answer(*given, **{**others, **settings})


# --- a. im2col --------------------------------------------------------------------------------------------------------


def _padded(x, padding):
    return np.pad(x, [(0, 0), (padding, padding), (padding, padding)])


def _windows(x, kernel_height, kernel_width, stride, padding):
    """Return the windows, (C, kh, kw, rows, columns)."""
    x = _padded(x, padding)
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel_height, kernel_width), axis=(1, 2))
    return windows[:, ::stride, ::stride].transpose(0, 3, 4, 1, 2)


def im2col(x, kernel_height, kernel_width, stride, padding):
    """Write the windows of (C, H, W) as columns: (C kh kw, places)."""
    windows = _windows(x, kernel_height, kernel_width, stride, padding)
    return windows.reshape(len(x) * kernel_height * kernel_width, -1)


def _reordered(order):
    """Let the axes (channel, kernel row, kernel column, row, column) stand in another order before they are joined."""

    def spoil(answer):
        def columns(x, kh, kw, stride, padding):
            given = np.asarray(answer(x, kh, kw, stride, padding))
            places = [(size + 2 * padding - k) // stride + 1 for size, k in zip(x.shape[1:], (kh, kw), strict=True)]
            return given.reshape(len(x), kh, kw, *places).transpose(order).reshape(given.shape)

        return columns

    return spoil


_IMAGE = np.array(
    [
        [[3, -1, 2, 0.5, -4, 1], [1, 5.25, -2, 2, 6.5, -1], [0.75, 2, 7, -3, 1, 2], [4.5, -6, 1, 1.5, -9, 3]],
        [[-1.5, 4, -3, 7, 2.5, -5], [8, -1.25, 6, -2, -8, 3.5], [-2, 9, -4, 0.25, 5, -6], [6, -3, 1.75, 8, -5, -7]],
    ]
)

IM2COL = Question(
    name="im2col",
    reference=im2col,
    cases=(
        Case("windows of 2 × 2", (_IMAGE, 2, 2, 1, 0)),
        Case("windows of 2 × 3", (_IMAGE, 2, 3, 1, 0)),
        Case("stride 2", (_IMAGE, 2, 3, 2, 0)),
        Case("padding", (_IMAGE, 3, 2, 1, 1)),
        Case("stride and padding", (_IMAGE, 3, 3, 2, 2)),
        Case("one channel, taller than wide", (_IMAGE[:1].swapaxes(1, 2).copy(), 3, 1, 1, 0)),
    ),
    misconceptions=(
        Misconception(
            "windows-as-rows",
            "Your windows are the rows of the matrix. They should be its columns.",
            lambda answer: lambda *given: np.asarray(answer(*given)).T,
        ),
        Misconception(
            "channels-last",
            "Your rows run through the taps first and the channels last. All taps of channel 0 come first.",
            _reordered((1, 2, 0, 3, 4)),
        ),
        Misconception(
            "taps-transposed",
            "Within a window you go down first and then to the right. Go along its rows.",
            _reordered((0, 2, 1, 3, 4)),
        ),
        Misconception(
            "places-transposed",
            "Your columns go down the image first. Let the window move along a row before it goes to the next.",
            _reordered((0, 1, 2, 4, 3)),
        ),
        Misconception(
            "flipped",
            "Each of your windows is turned by 180 degrees. A window is copied as it stands.",
            lambda answer: (
                lambda x, kh, kw, s, p: (
                    np.asarray(answer(x, kh, kw, s, p))
                    .reshape(len(x), kh * kw, -1)[:, ::-1]
                    .reshape(len(x) * kh * kw, -1)
                )
            ),
        ),
        Misconception(
            "stride-ignored",
            "Your window moves by one cell, whatever the stride is.",
            lambda answer: lambda x, kh, kw, s, p: answer(x, kh, kw, 1, p),
        ),
        Misconception(
            "padding-ignored",
            "Your result does not depend on the padding.",
            lambda answer: lambda x, kh, kw, s, p: answer(x, kh, kw, s, 0),
        ),
        Misconception(
            "padding-repeats",
            "Your padding repeats the border. The cells of padding hold zeros here.",
            lambda answer: lambda x, kh, kw, s, p: answer(np.pad(x, [(0, 0), (p, p), (p, p)], "edge"), kh, kw, s, 0),
        ),
        Misconception(
            "one-channel",
            "Only the first channel is in your matrix.",
            lambda answer: lambda x, kh, kw, s, p: answer(x[:1], kh, kw, s, p),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda *given: np.trunc(answer(*given)),
        ),
    ),
)

# --- b. weight_gradient -----------------------------------------------------------------------------------------------


def weight_gradient(grad_output, x, kernel_height, kernel_width, stride, padding):
    """Return the gradient by the kernels, (K, C, kh, kw): the output's gradient times the columns, transposed."""
    windows = _windows(x, kernel_height, kernel_width, stride, padding)
    windows = windows[..., : grad_output.shape[1], : grad_output.shape[2]]
    return np.einsum("kij,cabij->kcab", grad_output, windows)


def _as_if_stride_1(answer):
    def gradient(g, x, kh, kw, s, p):
        seen = _padded(x, p)[:, : g.shape[1] + kh - 1, : g.shape[2] + kw - 1]
        return answer(g, seen, kh, kw, 1, 0)

    return gradient


_GRADS = {
    (3, 5): np.array(
        [
            [[2, -1, 0.5, 3, 1], [-2, 4, 1, -3, 2.5], [1.5, 0, -1, 2, -4]],
            [[-1, 3, 2, -0.5, 1], [5, 1, -2, 1, 0], [2, -3, 4, 1, 1.25]],
            [[0.25, 1, -1, 2, 6], [1, -2, 3, 0, -1], [-5, 1, 2, 1, 3]],
        ]
    ),
}
_GRADS[3, 4] = _GRADS[3, 5][:, :, :4]
_GRADS[2, 2] = _GRADS[3, 5][:, :2, :2]
_GRADS[4, 7] = np.concatenate([_GRADS[3, 5], _GRADS[3, 5][:, :1] * 2], axis=1)
_GRADS[4, 7] = np.concatenate([_GRADS[4, 7], _GRADS[4, 7][:, :, :2] - 1], axis=2)
_GRADS[3, 3] = _GRADS[3, 5][:, :, 1:4]

WEIGHT_GRADIENT = Question(
    name="weight_gradient",
    reference=weight_gradient,
    cases=(
        Case("kernels of 2 × 2", (_GRADS[3, 5], _IMAGE, 2, 2, 1, 0)),
        Case("kernels of 2 × 3", (_GRADS[3, 4], _IMAGE, 2, 3, 1, 0)),
        Case("stride 2", (_GRADS[2, 2], _IMAGE, 2, 3, 2, 0)),
        Case("padding", (_GRADS[4, 7], _IMAGE, 3, 2, 1, 1)),
        Case("stride and padding, a column left over", (_GRADS[3, 3], _IMAGE, 2, 3, 2, 1)),
        Case("one kernel, one channel", (_GRADS[3, 5][:1], _IMAGE[:1], 2, 2, 1, 0)),
    ),
    misconceptions=(
        Misconception(
            "flipped",
            "Your gradient is turned by 180 degrees. Which weight met which cell?",
            lambda answer: lambda *given: np.asarray(answer(*given))[:, :, ::-1, ::-1],
        ),
        Misconception(
            "mean",
            "Your gradient is too small by one factor, the number of places. A weight adds up what it did at each.",
            lambda answer: lambda g, *given: np.asarray(answer(g, *given)) / g[0].size,
        ),
        Misconception(
            "stride-ignored",
            "You use windows that are neighbours. Those that made the output lie a stride apart.",
            _as_if_stride_1,
        ),
        Misconception(
            "padding-ignored",
            "Your windows start at the corner of the image. They start in the padding.",
            lambda answer: (
                lambda g, x, kh, kw, s, p: answer(g, np.pad(x, [(0, 0), (0, 2 * p), (0, 2 * p)]), kh, kw, s, 0)
            ),
        ),
        Misconception(
            "taps-transposed",
            "The two axes of each kernel are exchanged, although its shape is right: look at your reshape.",
            lambda answer: (
                lambda g, x, kh, kw, s, p: (
                    np.asarray(answer(g, x, kh, kw, s, p)).swapaxes(2, 3).reshape(len(g), len(x), kh, kw)
                )
            ),
        ),
        Misconception(
            "channels-shared",
            "All channels have the same gradient. Each channel of a kernel met its own channel of the image.",
            lambda answer: lambda g, x, *given: answer(g, np.broadcast_to(x.sum(axis=0), x.shape), *given),
        ),
        Misconception(
            "kernels-shared",
            "All kernels have the same gradient. Each has its own feature map.",
            lambda answer: lambda g, *given: answer(np.broadcast_to(g.sum(axis=0), g.shape), *given),
        ),
        Misconception(
            "bias-gradient",
            "Your gradient does not depend on the image: it is that of a bias.",
            lambda answer: lambda g, x, *given: answer(g, np.ones_like(x, dtype=float), *given),
        ),
        Misconception(
            "sign",
            "Your gradient has the wrong sign. It is the gradient, not yet the step downhill.",
            lambda answer: lambda *given: -np.asarray(answer(*given)),
        ),
    ),
)

# --- c. overlap_save --------------------------------------------------------------------------------------------------


def overlap_save(x, w, size, *, conjugate=True, overlap=True, kept="right"):
    """Correlate in blocks of ``size`` that overlap; return what each block contributes, (blocks, size - K + 1)."""
    right = size - len(w) + 1
    count = -(-(len(x) - len(w) + 1) // right)
    x = np.concatenate([x, np.zeros(count * size)])
    kernel = np.fft.rfft(w, size)
    kernel = kernel.conj() if conjugate else kernel
    part = {"right": slice(0, right), "all": slice(0, size), "last": slice(len(w) - 1, size)}[kept]
    starts = range(0, count * right, right) if overlap else range(0, count * size, size)
    return np.array([np.fft.irfft(np.fft.rfft(x[start : start + size]) * kernel, size)[part] for start in starts])


_ROW = np.array([2, -1, 4, 0.5, 3, -2, 1, 5, -3, 2.5, 6, -4, 1, 1, -0.75, 7, 2, -6, 3, 1.25])
_TAPS = np.array([1, -2, 0.5, 3])

OVERLAP_SAVE = Question(
    name="overlap_save",
    reference=overlap_save,
    cases=(
        Case("blocks of 8", (_ROW, _TAPS, 8)),
        Case("blocks of 9, the last one full", (_ROW[:15], _TAPS, 9)),
        Case("an odd size, three taps", (_ROW, _TAPS[:3], 7)),
        Case("one block", (_ROW[:10], _TAPS, 16)),
        Case("blocks as short as the kernel", (_ROW[:9], _TAPS, 4)),
        Case("a single tap", (_ROW[:11], _TAPS[3:], 5)),
    ),
    misconceptions=(
        Misconception(
            "convolution",
            "Your outputs are those of a convolution, the kernel turned round, with the wrapped ones in front. For"
            " cross-correlation one of the two spectra is conjugated.",
            _set(conjugate=False),
        ),
        Misconception(
            "kernel-turned",
            "The kernel is turned round. Conjugate its spectrum, or turn it, but not both.",
            lambda answer: lambda x, w, size, **how: answer(x, w[::-1], size, **how),
        ),
        Misconception(
            "no-overlap",
            "Your blocks lie side by side. Windows that begin in one block and end in the next are then lost.",
            _set(overlap=False),
        ),
        Misconception(
            "wrapped-kept",
            "You keep whole blocks. The last places of each have gone round and see its beginning.",
            _set(kept="all"),
        ),
        Misconception(
            "wrong-end-kept",
            "You drop the first places of each block and keep those that have gone round. For cross-correlation it is"
            " the other way.",
            _set(kept="last"),
        ),
        Misconception(
            "last-block-missing",
            "A last block that is only partly filled is missing. How many are needed, rounded up?",
            lambda answer: (
                lambda x, w, size, **how: np.asarray(answer(x, w, size, **how))[
                    : max(1, (len(x) - len(w) + 1) // (size - len(w) + 1))
                ]
            ),
        ),
        Misconception(
            "too-many-blocks",
            "You have blocks to spare: count the outputs, not the inputs.",
            lambda answer: lambda x, w, size, **how: answer(np.concatenate([x, np.zeros(len(w) - 1)]), w, size, **how),
        ),
        Misconception(
            "divided-again",
            "Your values are too small by one factor, the size. numpy's inverse transform divides already.",
            lambda answer: lambda x, w, size, **how: np.asarray(answer(x, w, size, **how)) / size,
        ),
    ),
)

# --- d. winograd_tiles ------------------------------------------------------------------------------------------------


def winograd_tiles(x, w):
    """Return the four products and the two outputs of F(2, 3) for each tile of a row: (tiles, 6)."""
    return np.array([_tile(x[t : t + 4], w) for t in range(0, len(x) - 2, 2)])


def _tile(x, w):
    m1, m2 = (x[0] - x[2]) * w[0], (x[1] + x[2]) * (w[0] + w[1] + w[2]) / 2
    m3, m4 = (x[2] - x[1]) * (w[0] - w[1] + w[2]) / 2, (x[1] - x[3]) * w[2]
    return m1, m2, m3, m4, m1 + m2 + m3, m2 - m3 - m4


def _with_products(change):
    """Change the four products; the outputs follow."""

    def spoil(answer):
        def tiles(x, w):
            m1, m2, m3, m4 = change(*np.asarray(answer(x, w), dtype=float)[:, :4].T)
            return np.stack([m1, m2, m3, m4, m1 + m2 + m3, m2 - m3 - m4], axis=1)

        return tiles

    return spoil


def _with_outputs(change):
    """Change the two outputs; the products stay."""

    def spoil(answer):
        def tiles(x, w):
            given = np.asarray(answer(x, w), dtype=float)
            return np.concatenate([given[:, :4], np.stack(change(*given[:, :4].T), axis=1)], axis=1)

        return tiles

    return spoil


WINOGRAD_TILES = Question(
    name="winograd_tiles",
    reference=winograd_tiles,
    cases=(
        Case("one tile", (_ROW[:4], np.array([1.0, 2, -3]))),
        Case("three tiles", (_ROW[:8], np.array([1.0, 2, -3]))),
        Case("another kernel", (_ROW[3:11], np.array([0.5, -1.5, 4]))),
        Case("nine tiles", (_ROW, np.array([-2.0, 0.25, 1]))),
    ),
    misconceptions=(
        Misconception(
            "halves-forgotten",
            "The second and the third product are twice too large: there is a half in each.",
            _with_products(lambda a, b, c, d: (a, 2 * b, 2 * c, d)),
        ),
        Misconception(
            "third-sign",
            "The third product has the wrong sign: which of the two inputs is subtracted?",
            _with_products(lambda a, b, c, d: (a, b, -c, d)),
        ),
        Misconception(
            "fourth-sign",
            "The fourth product has the wrong sign: which of the two inputs is subtracted?",
            _with_products(lambda a, b, c, d: (a, b, c, -d)),
        ),
        Misconception(
            "outer-taps-swapped",
            "The first and the last weight are exchanged. The kernel is not turned round.",
            lambda answer: lambda x, w: answer(x, w[::-1]),
        ),
        Misconception(
            "second-output-sign",
            "A sign in your second output is wrong; your products and first output are right.",
            _with_outputs(lambda a, b, c, d: (a + b + c, b - c + d)),
        ),
        Misconception(
            "second-output-added",
            "Your second output adds the third product, but it is subtracted there.",
            _with_outputs(lambda a, b, c, d: (a + b + c, b + c - d)),
        ),
        Misconception(
            "outputs-swapped",
            "Your two outputs are in the wrong order.",
            lambda answer: lambda x, w: np.asarray(answer(x, w))[:, [0, 1, 2, 3, 5, 4]],
        ),
        Misconception(
            "tiles-side-by-side",
            "Your tiles do not overlap. Each makes two outputs, so the next one starts two cells on.",
            lambda answer: lambda x, w: np.asarray(answer(x, w))[::2],
        ),
        Misconception(
            "every-cell",
            "You have a tile at every cell. Each makes two outputs, so every second one is enough.",
            lambda answer: lambda x, w: np.concatenate([answer(x[t : t + 4], w) for t in range(len(x) - 3)]),
        ),
    ),
)

# --- e. receptive_field -----------------------------------------------------------------------------------------------


def receptive_field(layers, *, early=False, jumps=True, less=1, first=1, in_cells=False, halves=2, added=False):
    """Return size, jump and start after each layer, (layers, 3)."""
    size, jump, start, found = first, 1, 0.0, []
    for k, s, p, d in np.asarray(layers, dtype=float):
        step = jump * s if early else jump
        size += d * (k - less) * (step if jumps else 1)
        start += d * (k - 1) / halves * step - p * (1 if in_cells else step)
        jump = jump + s - 1 if added else jump * s
        found.append((size, jump, start))
    return np.array(found)


def _each(change):
    """Change each layer before the answer sees it: (kernel, stride, padding, dilation) to the same."""

    def spoil(answer):
        return lambda layers, **how: answer(np.array([change(*layer) for layer in np.asarray(layers).tolist()]), **how)

    return spoil


_ALEXNET = np.array(
    [(11, 4, 2, 1), (3, 2, 0, 1), (5, 1, 2, 1), (3, 2, 0, 1), (3, 1, 1, 1), (3, 1, 1, 1), (3, 1, 1, 1), (3, 2, 0, 1)]
)

RECEPTIVE_FIELD = Question(
    name="receptive_field",
    reference=receptive_field,
    cases=(
        Case("three layers of 3", (np.array([(3, 1, 0, 1)] * 3),)),
        Case("AlexNet", (_ALEXNET,)),
        Case("dilations 1, 2, 4, 8", (np.array([(3, 1, d, d) for d in (1, 2, 4, 8)]),)),
        Case("strides, padding and dilation", (np.array([(5, 2, 1, 1), (3, 3, 2, 2), (2, 1, 0, 3), (4, 2, 1, 1)]),)),
        Case("kernels of one cell", (np.array([(1, 2, 0, 1), (1, 1, 0, 1), (3, 2, 1, 1)]),)),
        Case("one layer", (np.array([(7, 2, 3, 1)]),)),
    ),
    misconceptions=(
        Misconception(
            "jump-too-early",
            "You multiply the jump by the stride before you use it. A layer steps over the units of the layer below.",
            _set(early=True),
        ),
        Misconception(
            "dilation-ignored",
            "Your fields do not depend on the dilation.",
            _each(lambda k, s, p, d: (k, s, p, 1)),
        ),
        Misconception(
            "jump-ignored",
            "Your size grows by the kernel's own cells. Behind a stride a step of the kernel is several cells of the"
            " image.",
            _set(jumps=False),
        ),
        Misconception(
            "kernel-not-less-one",
            "Each of your layers adds one step too many: a kernel of 3 adds two cells, one on each side.",
            _set(less=0),
        ),
        Misconception(
            "size-from-zero",
            "Your sizes are too small by one. Without any layer, a cell sees itself.",
            _set(first=0),
        ),
        Misconception(
            "padding-ignored",
            "Your starts do not depend on the padding.",
            _each(lambda k, s, p, d: (k, s, 0, d)),
        ),
        Misconception(
            "padding-added",
            "Padding moves your fields the wrong way: the first unit lies farther out.",
            _each(lambda k, s, p, d: (k, s, -p, d)),
        ),
        Misconception(
            "padding-in-cells",
            "You subtract the padding in cells of the image. It is added around the layer's own input, where a step is"
            " a jump.",
            _set(in_cells=True),
        ),
        Misconception(
            "start-at-the-edge",
            "Your start is too large: it is the middle of the field, half a span from its first cell.",
            _set(halves=1),
        ),
        Misconception(
            "jumps-added",
            "Your jumps are sums. Strides of 2 and 2 make a step of 4, strides of 3 and 3 one of 9.",
            _set(added=True),
        ),
        Misconception(
            "last-layer-only",
            "You return the last layer only. One row for each layer is asked for.",
            lambda answer: lambda layers, **how: np.asarray(answer(layers, **how))[-1],
        ),
    ),
)

# --- f. roofline ------------------------------------------------------------------------------------------------------


def roofline(
    in_channels,
    out_channels,
    kernel_size,
    height,
    width,
    batch,
    peak,
    bandwidth,
    *,
    each=2,
    number_bytes=4,
    fetch_each=False,
    without=(),
    join=max,
):
    """Return a layer's operations per byte, and the seconds that it takes at least on a machine."""
    weights = out_channels * in_channels * kernel_size**2
    operations = each * weights * height * width * batch
    numbers = {
        "input": in_channels * height * width * batch,
        "weights": weights * (batch if fetch_each else 1),
        "output": out_channels * height * width * batch,
    }
    moved = number_bytes * sum(number for name, number in numbers.items() if name not in without)
    return np.array([operations / moved, join(operations / peak, moved / bandwidth)])


_LAPTOP = (1e11, 2e10)

ROOFLINE = Question(
    name="roofline",
    reference=roofline,
    cases=(
        Case("3 × 3 on 28 × 20, one image", (64, 96, 3, 28, 20, 1, *_LAPTOP)),
        Case("the same, 32 images", (64, 96, 3, 28, 20, 32, *_LAPTOP)),
        Case("fully connected, one image", (4096, 1000, 1, 1, 1, 1, *_LAPTOP)),
        Case("fully connected, 128 images", (4096, 1000, 1, 1, 1, 128, *_LAPTOP)),
        Case("1 × 1, few channels", (8, 4, 1, 50, 60, 2, 5e12, 4e11)),
    ),
    misconceptions=(
        Misconception(
            "one-operation",
            "You count a multiplication and its addition as one operation. Here they are two.",
            _set(each=1),
        ),
        Misconception(
            "numbers-for-bytes",
            "You count numbers. A number in single precision has four bytes.",
            _set(number_bytes=1),
        ),
        Misconception(
            "weights-for-each-image",
            "You fetch the weights again for each image. They are fetched once and used for the whole batch.",
            _set(fetch_each=True),
        ),
        Misconception(
            "weights-only",
            "You count the bytes of the weights only. The input and the output move too.",
            _set(without=("input", "output")),
        ),
        Misconception(
            "weights-forgotten",
            "The weights are missing among the bytes.",
            _set(without=("weights",)),
        ),
        Misconception(
            "output-forgotten",
            "The output is missing among the bytes.",
            _set(without=("output",)),
        ),
        Misconception(
            "input-forgotten",
            "The input is missing among the bytes.",
            _set(without=("input",)),
        ),
        Misconception(
            "times-added",
            "You add the time of computing and the time of moving. The machine does both at once.",
            _set(join=lambda computing, moving: computing + moving),
        ),
        Misconception(
            "the-shorter-time",
            "You take the shorter of the two times. The layer is done when both are.",
            _set(join=min),
        ),
        Misconception(
            "batch-ignored",
            "Your result does not depend on the batch.",
            lambda answer: lambda ci, co, k, h, w, n, *machine, **how: answer(ci, co, k, h, w, 1, *machine, **how),
        ),
        Misconception(
            "one-tap",
            "Your kernels have one weight for each channel. A k × k kernel has more.",
            lambda answer: lambda ci, co, k, *others, **how: answer(ci, co, 1, *others, **how),
        ),
        Misconception(
            "bytes-per-operation",
            "You return bytes per operation. Turn the fraction round.",
            lambda answer: lambda *given, **how: np.asarray(answer(*given, **how)) ** np.array([-1, 1]),
        ),
    ),
)

EXERCISE = Exercise(
    number="07",
    name="how-it-is-computed",
    questions=(IM2COL, WEIGHT_GRADIENT, OVERLAP_SAVE, WINOGRAD_TILES, RECEPTIVE_FIELD, ROOFLINE),
    allowed=("numpy", "matplotlib"),
)
