"""Hidden tests of exercise 13. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by loops and by sums written out, so that nothing is compared with itself.
"""

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal


def heard(x, w, dilation):
    """What each output hears: a sum over the past, sample by sample."""
    taps = w.shape[2]
    y = np.zeros((len(w), x.shape[1]))
    for time in range(x.shape[1]):
        for tap in range(taps):
            past = time - dilation * (taps - 1 - tap)
            if past >= 0:
                y[:, time] += w[:, :, tap] @ x[:, past]
    return y


@pytest.mark.points("causal_conv1d", 1, shows="channels and kernels, without dilation")
def test_causal_conv1d_plain(submission, rng):
    for channels, length, kernels, taps in [(1, 12, 1, 4), (3, 9, 2, 3), (2, 7, 4, 2)]:
        x, w = rng.normal(size=(channels, length)), rng.normal(size=(kernels, channels, taps))
        assert_equal(submission.causal_conv1d(x, w), heard(x, w, 1))


@pytest.mark.points("causal_conv1d", 1, shows="dilation")
def test_causal_conv1d_dilated(submission, rng):
    for channels, length, taps, dilation in [(1, 20, 3, 4), (3, 15, 2, 5), (2, 18, 4, 2)]:
        x, w = rng.normal(size=(channels, length)), rng.normal(size=(3, channels, taps))
        assert_equal(submission.causal_conv1d(x, w, dilation), heard(x, w, dilation))


@pytest.mark.points("causal_conv1d", 1, shows="short sounds, and that nothing looks ahead")
def test_causal_conv1d_edges(submission, rng):
    x, w = np.round(rng.normal(size=(2, 3)), 2), np.round(rng.normal(size=(2, 2, 3)), 2)
    assert_equal(submission.causal_conv1d(x, w, 4), heard(x, w, 4))
    x, w = rng.normal(size=(2, 10)), rng.normal(size=(3, 2, 3))
    later = x.copy()
    later[:, 6:] += 1
    assert_equal(submission.causal_conv1d(x, w, 2), heard(x, w, 2))
    assert_equal(submission.causal_conv1d(later, w, 2), heard(later, w, 2))


def reach(kernel_size, dilations):
    """Follow the most distant sample, layer by layer."""
    oldest = 0
    for dilation in dilations:
        oldest -= (kernel_size - 1) * dilation
    return 1 - oldest


@pytest.mark.points("doubling_dilations", 1, shows="small kernels, all lengths up to 40")
def test_doubling_dilations_small(submission, rng):
    for kernel_size, samples in [(k, n) for k in (2, 3) for n in (*range(1, 10), *rng.integers(10, 40, size=4))]:
        check_dilations(submission, kernel_size, int(samples))


@pytest.mark.points("doubling_dilations", 1, shows="large kernels and long sounds")
def test_doubling_dilations_large(submission, rng):
    for kernel_size, samples in [(4, 1000), (7, 200), (2, 2**14), (2, 2**14 + 1), (5, int(rng.integers(500, 9000)))]:
        check_dilations(submission, kernel_size, samples)


def check_dilations(submission, kernel_size, samples):
    layers = 0
    while reach(kernel_size, [2**layer for layer in range(layers)]) < samples:
        layers += 1
    assert_equal(submission.doubling_dilations(kernel_size, samples), [2**layer for layer in range(layers)])


def power(sound, window, hop):
    """Compare each window with a cosine and a sine of each frequency."""
    time = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * time / window)
    rows = []
    for frequency in range(window // 2 + 1):
        angle = 2 * np.pi * frequency * time / window
        row, start = [], 0
        while start + window <= len(sound):
            part = sound[start : start + window] * hann
            row.append(np.sum(part * np.cos(angle)) ** 2 + np.sum(part * np.sin(angle)) ** 2)
            start += hop
        rows.append(row)
    return np.array(rows)


@pytest.mark.points("spectrogram", 1, shows="windows side by side and overlapping")
def test_spectrogram_random(submission, rng):
    for length, window, hop in [(64, 16, 16), (50, 10, 4), (33, 8, 1)]:
        sound = rng.normal(size=length)
        assert_equal(submission.spectrogram(sound, window, hop), power(sound, window, hop))


@pytest.mark.points("spectrogram", 1, shows="odd windows, hops that leave something over, pure tones")
def test_spectrogram_edges(submission, rng):
    for length, window, hop in [(41, 7, 3), (20, 20, 9), (30, 6, 11)]:
        sound = np.round(rng.normal(size=length), 3)
        assert_equal(submission.spectrogram(sound, window, hop), power(sound, window, hop))
    tone = np.sin(2 * np.pi * 3 * np.arange(48) / 16)
    assert_equal(submission.spectrogram(tone, 16, 8), power(tone, 16, 8))


@pytest.mark.points("spectrogram", 1, shows="whole numbers, and a sound that is silent in places")
def test_spectrogram_whole_numbers(submission, rng):
    sound = rng.integers(-9, 10, size=40)
    sound[10:25] = 0
    assert_equal(submission.spectrogram(sound, 8, 4), power(sound, 8, 4))


def looked_at(x, w):
    shape = [size - kernel + 1 for size, kernel in zip(x.shape[1:], w.shape[2:], strict=True)]
    y = np.zeros((len(w), *shape))
    depth, height, width = w.shape[2:]
    for k, a, b, c in np.ndindex(y.shape):
        y[k, a, b, c] = np.sum(x[:, a : a + depth, b : b + height, c : c + width] * w[k])
    return y


@pytest.mark.points("conv3d", 1, shows="one channel and one kernel")
def test_conv3d_one(submission, rng):
    for x_shape, w_shape in [((1, 5, 6, 7), (1, 1, 2, 3, 4)), ((1, 4, 4, 4), (1, 1, 3, 1, 2))]:
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
        assert_equal(submission.conv3d(x, w), looked_at(x, w))


@pytest.mark.points("conv3d", 1, shows="channels and kernels")
def test_conv3d_channels(submission, rng):
    for x_shape, w_shape in [((3, 4, 5, 6), (2, 3, 2, 2, 3)), ((2, 3, 6, 4), (4, 2, 3, 2, 1))]:
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
        assert_equal(submission.conv3d(x, w), looked_at(x, w))


@pytest.mark.points("conv3d", 1, shows="kernels as large as the volume, whole numbers times fractions")
def test_conv3d_edges(submission, rng):
    x, w = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=(3, 2, 3, 4, 2))
    assert_equal(submission.conv3d(x, w), looked_at(x, w))
    x, w = rng.integers(-9, 10, size=(2, 4, 4, 5)), np.round(rng.normal(size=(2, 2, 2, 3, 2)), 2)
    assert_equal(submission.conv3d(x, w), looked_at(x, w))


@pytest.mark.points("three_slices", 1, shows="volumes of random sizes")
def test_three_slices_random(submission, rng):
    for shape in [(5, 3, 4), (3, 2, 6), (7, 1, 2)]:
        check_slices(submission, rng.normal(size=shape))


@pytest.mark.points("three_slices", 1, shows="very few slices, whole numbers")
def test_three_slices_edges(submission, rng):
    check_slices(submission, rng.normal(size=(2, 3, 2)))
    check_slices(submission, rng.normal(size=(1, 2, 3)))
    check_slices(submission, rng.integers(-9, 10, size=(4, 3, 3)))


def check_slices(submission, volume):
    expected = []
    for number, middle in enumerate(volume):
        below = volume[number - 1] if number > 0 else middle
        above = volume[number + 1] if number + 1 < len(volume) else middle
        expected.append([below, middle, above])
    assert_equal(submission.three_slices(volume), np.array(expected))
