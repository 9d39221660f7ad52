"""Exercise 13, one and three dimensions: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. causal_conv1d -------------------------------------------------------------------------------------------------


def causal_conv1d(x, w, dilation=1):
    """Cross-correlate (C, L) with (K, C, k); all zeros are added in front."""
    taps, length = w.shape[2], x.shape[1]
    padded = np.pad(x, [(0, 0), (dilation * (taps - 1), 0)])
    return sum(w[:, :, tap] @ padded[:, tap * dilation : tap * dilation + length] for tap in range(taps))


_SOUND = np.array([[1, 4, -2, 3, 0, 5, 2, -1, 6], [2, 0, 1, -3, 4, 1, -2, 3, 1]], dtype=float)
_TAPS = np.array(
    [[[1, -2, 0.5], [3, 0, 1]], [[0, 1, 4], [2, -1, -3]], [[2, 2, -1], [0.5, 1, 5]]], dtype=float
)  # three kernels, two channels


def _shifted(y, by):
    """Move columns to the right (by > 0) or left; zeros come in."""
    moved = np.zeros_like(y)
    if by > 0:
        moved[:, by:] = y[:, :-by]
    else:
        moved[:, :by] = y[:, -by:]
    return moved


def _ahead(answer, share):
    """As if only a part of the zeros stood in front, and the rest behind."""

    def conv(x, w, dilation=1):
        span = dilation * (w.shape[2] - 1)
        behind = span if share == 1 else span // 2
        return answer(np.pad(x, [(0, 0), (0, behind)]), w, dilation)[:, behind:]

    return conv


CAUSAL_CONV1D = Question(
    name="causal_conv1d",
    reference=causal_conv1d,
    cases=(
        Case("two channels, three kernels", (_SOUND, _TAPS, 1)),
        Case("dilation 2", (_SOUND, _TAPS, 2)),
        Case("dilation 3, two weights", (_SOUND, _TAPS[:, :, :2], 3)),
        Case("dilation left out", (_SOUND, _TAPS)),
        Case("a kernel that is longer than the sound", (_SOUND[:, :4], _TAPS, 3)),
        Case("one weight sees only now", (_SOUND, _TAPS[:, :, :1], 2)),
    ),
    misconceptions=(
        Misconception(
            "looks-ahead",
            "Your output at a time depends on later input: all zeros belong in front of the sound, none behind it.",
            lambda answer: _ahead(answer, 1),
        ),
        Misconception(
            "padded-on-both-sides",
            "You share the zeros between both ends, as in an image. Then half of the kernel looks into the future.",
            lambda answer: _ahead(answer, 0.5),
        ),
        Misconception(
            "flipped-kernel",
            "Your kernel is turned round: its last weight belongs to now, its first to the most distant past.",
            lambda answer: lambda x, w, dilation=1: answer(x, w[:, :, ::-1], dilation),
        ),
        Misconception(
            "dilation-ignored",
            "Your result does not depend on the dilation.",
            lambda answer: lambda x, w, dilation=1: answer(x, w, 1),
        ),
        Misconception(
            "normal-is-zero",
            "Your weights lie one sample too far apart. With dilation 1 they meet neighbours.",
            lambda answer: lambda x, w, dilation=1: answer(x, w, dilation + 1),
        ),
        Misconception(
            "now-is-missing",
            "Your output is one sample late: the present may be used, only the future may not.",
            lambda answer: lambda x, w, dilation=1: _shifted(answer(x, w, dilation), 1),
        ),
        Misconception(
            "first-channel-only",
            "Only the first channel counts in your result. Each kernel adds up over all channels.",
            lambda answer: lambda x, w, dilation=1: answer(x[:1], w[:, :1], dilation),
        ),
        Misconception(
            "not-padded",
            "Your output is shorter than the sound. With zeros in front there is one output for each sample.",
            lambda answer: lambda x, w, dilation=1: answer(x, w, dilation)[:, dilation * (w.shape[2] - 1) :],
        ),
    ),
)

# --- b. doubling_dilations --------------------------------------------------------------------------------------------


def doubling_dilations(kernel_size, samples):
    """The shortest list 1, 2, 4, … whose layers together see that many samples."""
    dilations, seen = [], 1
    while seen < samples:
        dilations.append(2 ** len(dilations))
        seen += (kernel_size - 1) * dilations[-1]
    return dilations


DOUBLING_DILATIONS = Question(
    name="doubling_dilations",
    reference=doubling_dilations,
    cases=(
        Case("two weights, 16 samples: it fits exactly", (2, 16)),
        Case("two weights, 17 samples: one layer more", (2, 17)),
        Case("three weights, 100 samples", (3, 100)),
        Case("two weights, 100 samples", (2, 100)),
        Case("five weights, half a second of 8 kHz", (5, 4000)),
        Case("three weights, 3 samples: one layer", (3, 3)),
        Case("one sample needs no layer", (4, 1)),
    ),
    misconceptions=(
        Misconception(
            "kernel-times-dilation",
            "You let each layer add its whole kernel. It adds one sample less: k weights have k − 1 gaps.",
            lambda answer: lambda k, n: answer(k + 1, n),
        ),
        Misconception(
            "starts-from-nothing",
            "You forget that even without a layer one sample is seen, the present one.",
            lambda answer: lambda k, n: answer(k, n + 1),
        ),
        Misconception(
            "one-too-many",
            "Your list is one layer too long.",
            lambda answer: lambda k, n: [*answer(k, n), 2 ** len(answer(k, n))],
        ),
        Misconception(
            "one-too-few",
            "Your layers do not see enough: the last one is missing.",
            lambda answer: lambda k, n: answer(k, n)[:-1],
        ),
        Misconception(
            "grows-by-one",
            "Your dilations grow 1, 2, 3. They are to double.",
            lambda answer: lambda k, n: [number + 1 for number, _ in enumerate(answer(k, n))],
        ),
        Misconception(
            "starts-with-two",
            "Your first layer has dilation 2: then every other sample is never seen.",
            lambda answer: lambda k, n: [2 * dilation for dilation in answer(k, n)],
        ),
    ),
)


# --- c. spectrogram ---------------------------------------------------------------------------------------------------


def spectrogram(sound, window, hop):
    """The power of each frequency in each window: |rfft|², with a Hann window."""
    starts = range(0, len(sound) - window + 1, hop)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.array([sound[start : start + window] * hann for start in starts])
    return abs(np.fft.rfft(frames, axis=1).T) ** 2


_TIME = np.arange(40)
_CHIRP = np.round(np.cos(2 * np.pi * _TIME * (0.05 + 0.004 * _TIME)) + 0.3 * np.sin(_TIME), 3)


def _rectangular(answer):
    def power(sound, window, hop):
        starts = range(0, len(sound) - window + 1, hop)
        frames = np.array([sound[start : start + window] for start in starts])
        return abs(np.fft.rfft(frames, axis=1).T) ** 2

    return power


SPECTROGRAM = Question(
    name="spectrogram",
    reference=spectrogram,
    cases=(
        Case("windows of 8, side by side", (_CHIRP, 8, 8)),
        Case("windows of 8, overlapping", (_CHIRP, 8, 3)),
        Case("windows of 12; something is left over at the end", (_CHIRP, 12, 5)),
        Case("the sound is one window", (_CHIRP[:16], 16, 4)),
        Case("an odd window", (_CHIRP, 9, 4)),
    ),
    misconceptions=(
        Misconception(
            "size-not-power",
            "Your numbers are the square roots of the right ones: asked for is the power.",
            lambda answer: lambda sound, window, hop: np.sqrt(answer(sound, window, hop)),
        ),
        Misconception(
            "window-not-tapered",
            "Your windows end abruptly. Multiply each with the Hann window before you look for frequencies.",
            _rectangular,
        ),
        Misconception(
            "axes-swapped",
            "Rows and columns are swapped: frequencies go down, time goes to the right.",
            lambda answer: lambda sound, window, hop: answer(sound, window, hop).T.copy(),
        ),
        Misconception(
            "highest-frequency-missing",
            "The last row is missing: frequencies run from 0 up to and including half of the window.",
            lambda answer: lambda sound, window, hop: answer(sound, window, hop)[:-1],
        ),
        Misconception(
            "hop-ignored",
            "Your windows stand side by side, whatever the hop is.",
            lambda answer: lambda sound, window, hop: answer(sound, window, window),
        ),
        Misconception(
            "last-window-missing",
            "The last window is missing. One counts if it fits, also exactly.",
            lambda answer: lambda sound, window, hop: answer(sound, window, hop)[:, :-1],
        ),
    ),
)


# --- d. conv3d --------------------------------------------------------------------------------------------------------


def conv3d(x, w):
    """Cross-correlate (C, D, H, W) with (K, C, kd, kh, kw); no padding, stride 1."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(1, 2, 3))
    return np.einsum("cdhwabe,kcabe->kdhw", windows, w)


_VOLUME = np.round(4 * np.sin(1.7 * np.arange(2 * 4 * 5 * 6) + 0.3 * np.arange(240) ** 1.3), 1).reshape(2, 4, 5, 6)
_CUBES = np.round(3 * np.cos(2.3 * np.arange(3 * 2 * 2 * 3 * 4) ** 1.1), 1).reshape(3, 2, 2, 3, 4)

CONV3D = Question(
    name="conv3d",
    reference=conv3d,
    cases=(
        Case("two channels, three kernels of 2 × 3 × 4", (_VOLUME, _CUBES)),
        Case("one channel, one kernel of 3 × 3 × 3", (_VOLUME[:1], _CUBES.reshape(-1)[:27].reshape(1, 1, 3, 3, 3))),
        Case("kernels of one slice", (_VOLUME, _CUBES[:, :, :1])),
        Case("kernels that cover the volume", (_VOLUME[:, :2, :3, :4], _CUBES)),
        Case("one weight", (_VOLUME[:1], np.array([[[[[-2.5]]]]]))),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernels are turned round along all three axes: a layer of a network does not turn them.",
            lambda answer: lambda x, w: answer(x, w[:, :, ::-1, ::-1, ::-1]),
        ),
        Misconception(
            "first-slice-only",
            "Only the first slice of each kernel counts in your result.",
            lambda answer: lambda x, w: answer(x[:, : x.shape[1] - w.shape[2] + 1], w[:, :, :1]),
        ),
        Misconception(
            "slices-in-reverse",
            "The slices of your kernels come in the wrong order.",
            lambda answer: lambda x, w: answer(x, w[:, :, ::-1]),
        ),
        Misconception(
            "first-channel-only",
            "Only the first channel counts in your result. A kernel adds up over all channels.",
            lambda answer: lambda x, w: answer(x[:1], w[:, :1]),
        ),
        Misconception(
            "channels-averaged",
            "Your values are divided by the number of channels. Channels are added up, not averaged.",
            lambda answer: lambda x, w: answer(x, w) / len(x),
        ),
        Misconception(
            "kernels-added-up",
            "You have added up the kernels' outputs. Each kernel gives a feature map of its own.",
            lambda answer: lambda x, w: answer(x, w.sum(axis=0, keepdims=True)),
        ),
        Misconception(
            "last-slice-missing",
            "The last place along the first axis of the volume is missing: D − kd + 1 places fit.",
            lambda answer: lambda x, w: answer(x, w)[:, :-1],
        ),
    ),
)

# --- e. three_slices --------------------------------------------------------------------------------------------------


def three_slices(volume):
    """Each slice with the ones below and above as channels; at the ends the slice itself stands in."""
    order = np.arange(len(volume))
    return np.stack([volume[np.clip(order + step, 0, len(volume) - 1)] for step in (-1, 0, 1)], axis=1)


def _with_ends(answer, first, last):
    """Replace what stands for the missing neighbours at both ends."""

    def stack(volume):
        stacked = np.array(answer(volume))
        stacked[0, 0], stacked[-1, 2] = first(volume), last(volume)
        return stacked

    return stack


THREE_SLICES = Question(
    name="three_slices",
    reference=three_slices,
    cases=(
        Case("four slices of 2 × 3", (_VOLUME[0, :, :2, :3],)),
        Case("three slices of 5 × 4", (_VOLUME[1, :3, :, :4],)),
        Case("two slices: each is the other's neighbour", (_VOLUME[0, :2],)),
        Case("five slices of one cell", (np.array([3.0, 1.0, 4.0, 1.5, 9.0]).reshape(5, 1, 1),)),
    ),
    misconceptions=(
        Misconception(
            "zeros-at-the-ends",
            "Below the first slice and above the last you have zeros. Let that slice itself stand in.",
            lambda answer: _with_ends(answer, lambda v: 0 * v[0], lambda v: 0 * v[0]),
        ),
        Misconception(
            "wrapped-around",
            "The first slice got the last one as its neighbour: an index of −1 counts from the end.",
            lambda answer: _with_ends(answer, lambda v: v[-1], lambda v: v[0]),
        ),
        Misconception(
            "mirrored",
            "At the ends you repeat the neighbour on the other side. Let the slice itself stand in.",
            lambda answer: _with_ends(answer, lambda v: v[1], lambda v: v[-2]),
        ),
        Misconception(
            "order-reversed",
            "The slice above comes first in your result. Channel 0 is the slice below.",
            lambda answer: lambda volume: np.array(answer(volume))[:, ::-1].copy(),
        ),
        Misconception(
            "ends-left-out",
            "The first and the last slice are missing: each slice gets an answer.",
            lambda answer: lambda volume: np.array(answer(volume))[1:-1],
        ),
        Misconception(
            "channels-first",
            "Your channels are the first axis. Slices are the items of the batch, so their axis comes first.",
            lambda answer: lambda volume: np.array(answer(volume)).swapaxes(0, 1).copy(),
        ),
        Misconception(
            "averaged",
            "You have averaged the three slices. They are to stay apart, as three channels.",
            lambda answer: lambda volume: np.repeat(np.array(answer(volume)).mean(axis=1, keepdims=True), 3, axis=1),
        ),
    ),
)

EXERCISE = Exercise(
    number="13",
    name="one-and-three-dimensions",
    questions=(CAUSAL_CONV1D, DOUBLING_DILATIONS, SPECTROGRAM, CONV3D, THREE_SLICES),
    allowed=("numpy", "matplotlib"),
)
