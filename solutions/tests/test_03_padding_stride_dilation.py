"""Hidden tests of exercise 3. They run outside the sandbox: every call of ``submission`` is a call from afar.

``submission`` has the student's functions; ``rng`` is a random generator seeded by cohort and test. Expected values are
computed here, by counting and by loops, so that nothing is compared with itself.
"""

import itertools

import numpy as np
import pytest

from lecture5.grading.testing import assert_equal

NUMPY_MODES = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}


def windows(input_size, kernel_size, stride, padding, dilation):
    """The padded cells that each window reads."""
    found, start = [], 0
    while start + dilation * (kernel_size - 1) < input_size + 2 * padding:
        found.append([start + dilation * a for a in range(kernel_size)])
        start += stride
    return found


def random_setting(rng, *, dilated=True):
    """Sizes that fit: input, kernel, stride, padding, dilation."""
    while True:
        setting = [int(rng.integers(low, high)) for low, high in ((3, 40), (1, 8), (1, 6), (0, 5), (1, 5))]
        setting[4] = setting[4] if dilated else 1
        if len(windows(*setting)) > 1:
            return setting


@pytest.mark.points("output_size", 1, shows="random sizes, strides and paddings")
def test_output_size_without_dilation(submission, rng):
    for setting in [random_setting(rng, dilated=False) for _ in range(25)]:
        assert_equal(submission.output_size(*setting), len(windows(*setting)))


@pytest.mark.points("output_size", 1, shows="dilation as well, and a kernel that just fits")
def test_output_size_with_dilation(submission, rng):
    for setting in [random_setting(rng) for _ in range(25)]:
        assert_equal(submission.output_size(*setting), len(windows(*setting)))
    for setting in [(9, 5, 4, 0, 2), (5, 5, 3, 0, 1), (3, 3, 2, 2, 3), (1, 1, 1, 0, 1)]:
        assert_equal(submission.output_size(*setting), 1)


def reads(input_size, kernel_size, stride, padding, dilation):
    cells = list(itertools.chain(*windows(input_size, kernel_size, stride, padding, dilation)))
    return np.array([cells.count(cell + padding) for cell in range(input_size)])


@pytest.mark.points("times_read", 1, shows="strides and paddings, and what is left over")
def test_times_read_without_dilation(submission, rng):
    for setting in [(10, 3, 3, 0, 1), (12, 5, 5, 1, 1), *(random_setting(rng, dilated=False) for _ in range(8))]:
        assert_equal(submission.times_read(*setting), reads(*setting))


@pytest.mark.points("times_read", 1, shows="dilation as well, and strides larger than the kernel")
def test_times_read_with_dilation(submission, rng):
    for setting in [(14, 2, 5, 0, 1), (11, 3, 2, 1, 3), *(random_setting(rng) for _ in range(8))]:
        assert_equal(submission.times_read(*setting), reads(*setting))


@pytest.mark.points("pad_image", 1, shows="zeros and replicate, images that are not square")
def test_pad_image_zeros_and_replicate(submission, rng):
    check_padding(submission, rng, ("zeros", "replicate"))


@pytest.mark.points("pad_image", 1, shows="reflect")
def test_pad_image_reflect(submission, rng):
    check_padding(submission, rng, ("reflect",))


@pytest.mark.points("pad_image", 1, shows="circular, and images of whole numbers")
def test_pad_image_circular(submission, rng):
    check_padding(submission, rng, ("circular",))
    whole = rng.integers(-9, 10, size=(2, 4, 6))
    assert_equal(submission.pad_image(whole, 3, "circular"), padded(whole, 3, "circular"))


def padded(x, padding, mode):
    return np.pad(x, [(0, 0), (padding, padding), (padding, padding)], NUMPY_MODES[mode])


def check_padding(submission, rng, modes):
    for mode, shape, padding in itertools.product(modes, [(1, 5, 8), (3, 7, 4)], (1, 3)):
        x = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.pad_image(x, padding, mode), padded(x, padding, mode))
    x = rng.normal(size=(2, 3, 5))
    assert_equal(submission.pad_image(x, 0, modes[0]), x)
    assert_equal(submission.pad_image(x, 2, modes[0]), padded(x, 2, modes[0]))  # as much as an axis of 3 allows


def spread(w, dilation):
    large = np.zeros((*w.shape[:2], *(dilation * (size - 1) + 1 for size in w.shape[2:])))
    for index in np.ndindex(w.shape):
        large[index[0], index[1], index[2] * dilation, index[3] * dilation] = w[index]
    return large


@pytest.mark.points("dilate_kernel", 1, shows="random kernels, dilations 1 to 3")
def test_dilate_kernel_random(submission, rng):
    for shape, dilation in [((2, 3, 3, 2), 2), ((1, 2, 2, 4), 3), ((4, 1, 3, 3), 1)]:
        w = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.dilate_kernel(w, dilation), spread(w, dilation))


@pytest.mark.points("dilate_kernel", 1, shows="a kernel of one weight, of one row, and large dilations")
def test_dilate_kernel_edges(submission, rng):
    for shape, dilation in [((3, 2, 1, 1), 5), ((1, 1, 1, 4), 6), ((2, 1, 5, 1), 2), ((1, 3, 2, 2), 7)]:
        w = np.round(rng.normal(size=shape), 3)
        assert_equal(submission.dilate_kernel(w, dilation), spread(w, dilation))


def layer(x, w, stride, padding):
    x = padded(x, padding, "zeros")
    rows = len(windows(x.shape[1], w.shape[2], stride, 0, 1))
    columns = len(windows(x.shape[2], w.shape[3], stride, 0, 1))
    y = np.zeros((len(w), rows, columns))
    for k, i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        y[k, i, j] = np.sum(x[:, top : top + w.shape[2], left : left + w.shape[3]] * w[k])
    return y


@pytest.mark.points("conv2d", 1, shows="channels and kernels, without stride and padding")
def test_conv2d_channels(submission, rng):
    for x_shape, w_shape in [((1, 6, 9), (1, 1, 3, 2)), ((3, 7, 5), (4, 3, 2, 4)), ((5, 4, 4), (2, 5, 4, 1))]:
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
        assert_equal(submission.conv2d(x, w), layer(x, w, 1, 0))


@pytest.mark.points("conv2d", 1, shows="padding")
def test_conv2d_padding(submission, rng):
    for x_shape, w_shape, padding in [
        ((2, 5, 7), (3, 2, 3, 2), 1),
        ((1, 4, 6), (2, 1, 2, 5), 3),
        ((2, 3, 3), (1, 2, 4, 4), 1),
    ]:
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
        assert_equal(submission.conv2d(x, w, 1, padding), layer(x, w, 1, padding))


@pytest.mark.points("conv2d", 1, shows="stride")
def test_conv2d_stride(submission, rng):
    for x_shape, w_shape, stride in [
        ((2, 8, 11), (3, 2, 3, 2), 2),
        ((1, 9, 7), (2, 1, 2, 2), 3),
        ((2, 10, 9), (1, 2, 4, 3), 4),
    ]:
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
        assert_equal(submission.conv2d(x, w, stride), layer(x, w, stride, 0))


@pytest.mark.points("conv2d", 1, shows="stride and padding together, whole numbers times fractions")
def test_conv2d_all(submission, rng):
    for stride, padding in [(2, 1), (3, 2), (2, 3)]:
        x, w = rng.integers(-9, 10, size=(3, 8, 9)), np.round(rng.normal(size=(2, 3, 3, 4)), 2)
        assert_equal(submission.conv2d(x, w, stride=stride, padding=padding), layer(x, w, stride, padding))
