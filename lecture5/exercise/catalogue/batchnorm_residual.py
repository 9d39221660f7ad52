"""Exercise 10, batchnorm and residual networks: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

from functools import partial
from math import comb, factorial

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

CHANNEL = (0, 2, 3)  # all axes of (N, C, H, W) but the channel


def spread(vector):
    """One number per channel, ready to be combined with (N, C, H, W)."""
    return np.asarray(vector)[:, None, None]


def random(seed, *shape):
    return np.round(np.random.default_rng(seed).normal(1.0, 2.0, size=shape), 3)


# --- a. batch_norm2d --------------------------------------------------------------------------------------------------


def batch_norm2d(x, gamma, beta, eps=1e-5):
    """Normalise each channel over the batch, in training mode."""
    mean, variance = x.mean(axis=CHANNEL), x.var(axis=CHANNEL)
    return spread(gamma) * (x - spread(mean)) / np.sqrt(spread(variance) + eps) + spread(beta)


def _rescaled(factor):
    """A wrong denominator: gamma times ``factor(variance, eps, count)`` makes up for the right one."""

    def spoil(answer):
        def norm(x, gamma, beta, eps=1e-5):
            return answer(x, gamma * factor(x.var(axis=CHANNEL), eps, x[:, 0].size), beta, eps)

        return norm

    return spoil


def _each_image(answer):
    def norm(x, gamma, beta, eps=1e-5):
        return np.concatenate([answer(image[None], gamma, beta, eps) for image in x])

    return norm


def _each_position(answer):
    def norm(x, gamma, beta, eps=1e-5):
        y = np.empty(x.shape)
        for row, column in np.ndindex(x.shape[2:]):
            y[:, :, row : row + 1, column : column + 1] = answer(
                x[:, :, row : row + 1, column : column + 1], gamma, beta, eps
            )
        return y

    return norm


def _all_channels_at_once(answer):
    def norm(x, gamma, beta, eps=1e-5):
        together = answer(x.reshape(len(x), 1, -1, 1), np.ones(1), np.zeros(1), eps)
        return spread(gamma) * together.reshape(x.shape) + spread(beta)

    return norm


BATCH_NORM2D = Question(
    name="batch_norm2d",
    reference=batch_norm2d,
    cases=(
        Case("three images, two channels", (random(0, 3, 2, 2, 3), np.array([1.5, 0.5]), np.array([0.25, -2.0]))),
        Case("five channels, not square", (random(1, 2, 5, 3, 1), np.array([1.0, 2, -3, 0.5, 4]), np.arange(5.0))),
        Case("gamma 1, beta 0", (random(2, 2, 3, 1, 4), np.ones(3), np.zeros(3))),
        Case("a large eps", (random(3, 3, 2, 3, 2), np.array([2.0, -1.0]), np.array([0.5, 3.0]), 0.5)),
        Case("small numbers", (0.004 * random(4, 3, 2, 2, 3), np.array([1.0, 3.0]), np.array([1.0, 0.0]), 1e-4)),
        Case("one image", (random(5, 1, 2, 3, 4), np.array([1.0, 2.0]), np.array([0.0, 1.0]))),
    ),
    misconceptions=(
        Misconception(
            "per-image",
            "You normalise each image by its own mean and variance. In batchnorm the images of the batch share them.",
            _each_image,
        ),
        Misconception(
            "per-position",
            "You take the mean over the batch only. All rows and columns of a channel share one mean as well.",
            _each_position,
        ),
        Misconception(
            "all-channels",
            "You use one mean and one variance for everything. Each channel has its own.",
            _all_channels_at_once,
        ),
        Misconception(
            "unbiased",
            "You divide the variance by M − 1. The batch is normalised with M; M − 1 is for what is remembered.",
            _rescaled(lambda variance, eps, m: np.sqrt((variance + eps) / (variance * m / max(m - 1, 1) + eps))),
        ),
        Misconception(
            "eps-ignored",
            "Your result does not depend on eps.",
            lambda answer: lambda x, gamma, beta, eps=1e-5: answer(x, gamma, beta, 1e-30),  # not 0: no division by zero
        ),
        Misconception(
            "eps-outside",
            "You add eps to the standard deviation. It belongs to the variance, under the root.",
            _rescaled(lambda variance, eps, m: np.sqrt(variance + eps) / (np.sqrt(variance) + eps)),
        ),
        Misconception(
            "root-forgotten",
            "You divide by the variance. What makes the size 1 is its root, the standard deviation.",
            _rescaled(lambda variance, eps, m: 1 / np.sqrt(variance + eps)),
        ),
        Misconception(
            "gamma-and-beta-swapped",
            "You multiply by beta and add gamma.",
            lambda answer: lambda x, gamma, beta, eps=1e-5: answer(x, beta, gamma, eps),
        ),
    ),
)

# --- b. batch_norm2d_backward -----------------------------------------------------------------------------------------


def batch_norm2d_backward(grad, x, gamma, eps=1e-5):
    """Return the gradient by ``x``, given that by the output."""
    size = np.sqrt(spread(x.var(axis=CHANNEL)) + eps)
    x_hat = (x - spread(x.mean(axis=CHANNEL))) / size
    shift, stretch = grad.mean(axis=CHANNEL), (grad * x_hat).mean(axis=CHANNEL)
    return spread(gamma) / size * (grad - spread(shift) - x_hat * spread(stretch))


def _back_term(shift, stretch):
    """Add so many times each of the two removed parts to a right answer: 1 leaves it in the gradient."""

    def spoil(answer):
        def backward(grad, x, gamma, eps=1e-5):
            size = np.sqrt(spread(x.var(axis=CHANNEL)) + eps)
            x_hat = (x - spread(x.mean(axis=CHANNEL))) / size
            count = x[:, 0].size
            parts = [
                (shift(count), spread(grad.mean(axis=CHANNEL)) * np.ones(x.shape)),
                (stretch(count), x_hat * spread((grad * x_hat).mean(axis=CHANNEL))),
            ]
            left_in = sum(times * part for times, part in parts)
            return answer(grad, x, gamma, eps) + spread(gamma) / size * left_in

        return backward

    return spoil


def _back_each_image(answer):
    def backward(grad, x, gamma, eps=1e-5):
        pairs = zip(grad, x, strict=True)
        return np.concatenate([answer(one[None], image[None], gamma, eps) for one, image in pairs])

    return backward


def _back_not_divided(answer):
    def backward(grad, x, gamma, eps=1e-5):
        return answer(grad, x, gamma * np.sqrt(x.var(axis=CHANNEL) + eps), eps)

    return backward


BATCH_NORM2D_BACKWARD = Question(
    name="batch_norm2d_backward",
    reference=batch_norm2d_backward,
    cases=(
        Case("three images, two channels", (random(10, 3, 2, 4, 5), random(11, 3, 2, 4, 5), np.array([1.5, -0.5]))),
        Case("four channels, not square", (random(12, 2, 4, 3, 5), random(13, 2, 4, 3, 5), np.array([1.0, 2, 3, -4]))),
        Case("gamma 1", (random(14, 4, 1, 2, 3), random(15, 4, 1, 2, 3), np.ones(1))),
        Case("all ask for the same", (np.ones((2, 2, 3, 3)), random(16, 2, 2, 3, 3), np.array([2.0, 5.0]))),
        Case("a large eps", (random(17, 3, 2, 2, 4), random(18, 3, 2, 2, 4), np.array([1.0, 3.0]), 0.7)),
    ),
    misconceptions=(
        Misconception(
            "statistics-constant",
            "You treat mean and variance as constants. They depend on each x of the channel: go back through them too.",
            _back_term(lambda count: 1, lambda count: 1),
        ),
        Misconception(
            "mean-constant",
            "The way through the mean is missing: the gradient still shifts the whole channel.",
            _back_term(lambda count: 1, lambda count: 0),
        ),
        Misconception(
            "variance-constant",
            "The way through the variance is missing: the gradient still stretches the channel.",
            _back_term(lambda count: 0, lambda count: 1),
        ),
        Misconception(
            "sums-for-means",
            "You subtract sums over the channel where means belong.",
            _back_term(lambda count: 1 - count, lambda count: 1 - count),
        ),
        Misconception(
            "gamma-ignored",
            "Your gradient does not depend on gamma.",
            lambda answer: lambda grad, x, gamma, eps=1e-5: answer(grad, x, np.ones(len(gamma)), eps),
        ),
        Misconception(
            "not-divided",
            "You do not divide by the standard deviation: what was shrunk on the way up is shrunk on the way down too.",
            _back_not_divided,
        ),
        Misconception(
            "per-image",
            "You treat each image by itself. The images of the batch share mean and variance, so also their gradients.",
            _back_each_image,
        ),
    ),
)

# --- c. update_running ------------------------------------------------------------------------------------------------


def update_running(running_mean, running_var, x, momentum=0.1):
    """Return the new running means and variances, (2, C)."""
    count = x[:, 0].size
    mean, variance = x.mean(axis=CHANNEL), x.var(axis=CHANNEL) * count / (count - 1)
    old, new = np.array([running_mean, running_var]), np.array([mean, variance])
    return (1 - momentum) * old + momentum * new


def _other_variance(variance):
    """Remember ``variance(x)`` in place of the unbiased one."""

    def spoil(answer):
        def update(running_mean, running_var, x, momentum=0.1):
            result = np.array(answer(running_mean, running_var, x, momentum))
            right = x.var(axis=CHANNEL, ddof=1)
            result[1] += momentum * (variance(x) - right)
            return result

        return update

    return spoil


UPDATE_RUNNING = Question(
    name="update_running",
    reference=update_running,
    cases=(
        Case("a fresh layer", (np.zeros(2), np.ones(2), random(20, 3, 2, 2, 3))),
        Case("after some batches", (np.array([1.0, -2.0, 0.5]), np.array([0.5, 4.0, 9.0]), random(21, 2, 3, 3, 4))),
        Case("momentum 0.25", (np.array([3.0, 1.0]), np.array([2.0, 0.25]), random(22, 4, 2, 2, 2), 0.25)),
        Case("momentum 0.9", (np.array([3.0]), np.array([2.0]), random(23, 2, 1, 5, 2), 0.9)),
        Case("a small batch", (np.array([0.0, 1.0]), np.array([1.0, 1.0]), random(24, 2, 2, 1, 2), 0.5)),
    ),
    misconceptions=(
        Misconception(
            "biased",
            "You remember the variance with 1/M. For what comes later torch keeps the one with 1/(M − 1).",
            _other_variance(lambda x: x.var(axis=CHANNEL)),
        ),
        Misconception(
            "images-counted",
            "You correct the variance by the number of images. M counts all numbers of a channel, at all positions.",
            _other_variance(lambda x: x.var(axis=CHANNEL) * len(x) / (len(x) - 1)),
        ),
        Misconception(
            "deviation-remembered",
            "You remember the standard deviation in place of the variance.",
            _other_variance(lambda x: x.std(axis=CHANNEL, ddof=1)),
        ),
        Misconception(
            "variance-within-images",
            "Your variance is an average of the images' own. It belongs to all numbers of the channel at once.",
            _other_variance(lambda x: x.var(axis=(2, 3)).mean(axis=0) * x[:, 0].size / (x[:, 0].size - 1)),
        ),
        Misconception(
            "momentum-of-the-past",
            "Your momentum is the weight of the past. Here, as in torch, it is the weight of the new batch.",
            lambda answer: lambda mean, var, x, momentum=0.1: answer(mean, var, x, 1 - momentum),
        ),
        Misconception(
            "past-forgotten",
            "Your result does not depend on what was remembered before.",
            lambda answer: lambda mean, var, x, momentum=0.1: answer(mean, var, x, 1.0),
        ),
        Misconception(
            "only-added",
            "You add the new batch to the past in full: the past must lose the weight that the new batch gets.",
            lambda answer: (
                lambda mean, var, x, momentum=0.1: answer(mean, var, x, momentum) + momentum * np.array([mean, var])
            ),
        ),
    ),
)

# --- d. residual_block ------------------------------------------------------------------------------------------------


def residual_block(
    x,
    weights,
    in_channels,
    out_channels,
    stride,
    *,
    first_stride=True,
    middle_relu=True,
    last_relu=True,
    early_relu=False,
    second_norm=True,
    shortcut=True,
    shortcut_norm=True,
):
    """Run a residual block in training mode; the keywords are what people get wrong."""

    def norm(y, name):
        return batch_norm2d(y, weights[f"{name}.weight"], weights[f"{name}.bias"])

    strides = (stride, 1) if first_stride else (1, stride)
    branch = norm(_conv(x, weights["conv1.weight"], strides[0]), "bn1")
    branch = _conv(branch.clip(min=0) if middle_relu else branch, weights["conv2.weight"], strides[1])
    branch = norm(branch, "bn2") if second_norm else branch
    branch = branch.clip(min=0) if early_relu else branch
    if shortcut:
        if "shortcut.0.weight" in weights:
            x = _conv(x, weights["shortcut.0.weight"], stride)
            x = norm(x, "shortcut.1") if shortcut_norm else x
        branch = branch + x
    return branch.clip(min=0) if last_relu else branch


def _conv(x, w, stride):
    """A convolution without bias whose padding keeps the size, for a kernel of 1 or 3 cells."""
    edge = w.shape[-1] // 2
    padded = np.pad(x, [(0, 0), (0, 0), (edge, edge), (edge, edge)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwab,kcab->nkhw", windows[:, :, ::stride, ::stride], w)


def block_weights(seed, in_channels, out_channels, stride):
    """Random weights by name, as ``named_parameters()`` gives them; a projection only where the shape changes."""
    generator = np.random.default_rng(seed)

    def norm(name):
        return {
            f"{name}.weight": generator.uniform(0.5, 1.5, out_channels),
            f"{name}.bias": generator.normal(size=out_channels),
        }

    def conv(name, channels, size):
        return {f"{name}.weight": np.round(generator.normal(size=(out_channels, channels, size, size)), 3)}

    weights = conv("conv1", in_channels, 3) | norm("bn1") | conv("conv2", out_channels, 3) | norm("bn2")
    if stride != 1 or in_channels != out_channels:
        weights |= conv("shortcut.0", in_channels, 1) | norm("shortcut.1")
    return weights


def _block_case(name, seed, shape, out_channels, stride):
    weights = block_weights(seed, shape[1], out_channels, stride)
    return Case(name, (random(seed, *shape), weights, shape[1], out_channels, stride))


def _block(**wrong):
    return lambda answer: partial(answer, **wrong)


def _run_block(block_class, arguments):
    """Make a student's block, give it the weights of the case, run it in training mode."""
    x, weights, in_channels, out_channels, stride = arguments
    block = block_class(in_channels, out_channels, stride)
    block.load(weights)
    block.train()
    return block(x)


class _StandIn:
    """A block that computes with a right or wrong ``residual_block``, as a student's module would."""

    def __init__(self, function, in_channels, out_channels, stride=1):
        self._function, self._settings = function, (in_channels, out_channels, stride)

    def load(self, weights):
        self._weights = weights

    def train(self, mode=True):
        """Batchnorm is always in training mode here."""

    def __call__(self, x):
        return self._function(x, self._weights, *self._settings)

    def gradient(self, x, grad_output, step=1e-6):
        """By central differences, one entry of the input at a time."""
        gradient = np.empty(x.shape)
        for index in np.ndindex(x.shape):
            moved = np.zeros(x.shape)
            moved[index] = step
            gradient[index] = np.sum((self(x + moved) - self(x - moved)) * grad_output) / (2 * step)
        return {"input": gradient}


RESIDUAL_BLOCK = Question(
    name="ResidualBlock",
    reference=residual_block,
    run=_run_block,
    is_module=True,
    stand_in=lambda function: partial(_StandIn, function),
    allowed=("numpy", "torch"),
    cases=(
        _block_case("the shape stays", 30, (2, 3, 5, 6), 3, 1),
        _block_case("more channels", 31, (2, 2, 4, 5), 3, 1),
        _block_case("stride 2", 32, (3, 2, 6, 7), 2, 2),
        _block_case("stride 2 and twice the channels", 33, (2, 2, 7, 4), 4, 2),
        _block_case("one image", 34, (1, 2, 6, 6), 2, 1),
    ),
    misconceptions=(
        Misconception(
            "no-shortcut",
            "The input does not reach the sum: your block is a plain one.",
            _block(shortcut=False),
        ),
        Misconception(
            "relu-before-sum",
            "You clip the branch before you add. The branch must be able to take something away: add first, then ReLU.",
            _block(early_relu=True, last_relu=False),
        ),
        Misconception(
            "relu-twice",
            "You clip the branch before you add, and once more afterwards. Only the sum is clipped.",
            _block(early_relu=True),
        ),
        Misconception("no-last-relu", "The ReLU after the sum is missing.", _block(last_relu=False)),
        Misconception(
            "no-middle-relu",
            "Between your two convolutions there is no ReLU: together they are only one linear map.",
            _block(middle_relu=False),
        ),
        Misconception(
            "no-second-norm", "The batchnorm after the second convolution is missing.", _block(second_norm=False)
        ),
        Misconception(
            "shortcut-without-norm",
            "The projection of your shortcut lacks its batchnorm.",
            _block(shortcut_norm=False),
        ),
        Misconception(
            "stride-in-second",
            "Your stride stands at the second convolution. It belongs to the first, so that the second is cheaper.",
            _block(first_stride=False),
        ),
    ),
)

# --- e. count_paths ---------------------------------------------------------------------------------------------------


def count_paths(blocks, cut=0):
    """Count the paths of each length, 0 to ``blocks``, that avoid the branches of ``cut`` blocks."""
    return np.array([comb(blocks - cut, length) for length in range(blocks + 1)])


COUNT_PATHS = Question(
    name="count_paths",
    reference=count_paths,
    cases=(
        Case("three blocks", (3,)),
        Case("one block", (1,)),
        Case("five blocks, one cut", (5, 1)),
        Case("six blocks, two cut", (6, 2)),
        Case("four blocks, all cut", (4, 4)),
        Case("ten blocks, three cut", (10, 3)),
    ),
    misconceptions=(
        Misconception(
            "cut-ignored",
            "Your counts do not depend on how many blocks are cut.",
            lambda answer: lambda blocks, cut=0: answer(blocks, 0),
        ),
        Misconception(
            "order-counted",
            "You count a path once for each order of its blocks. Blocks are always passed from the input upwards.",
            lambda answer: (
                lambda blocks, cut=0: answer(blocks, cut) * np.array([factorial(n) for n in range(blocks + 1)])
            ),
        ),
        Misconception(
            "cut-must-be-used",
            "You count the paths that are lost; asked for are those that remain.",
            lambda answer: lambda blocks, cut=0: answer(blocks, 0) - answer(blocks, cut) if cut else answer(blocks, 0),
        ),
        Misconception(
            "length-zero-missing",
            "The path that takes every shortcut is missing: its length is 0, and it counts.",
            lambda answer: lambda blocks, cut=0: answer(blocks, cut) * (np.arange(blocks + 1) > 0),
        ),
        Misconception(
            "too-short",
            "Your result should have an entry for each length from 0 to the number of blocks, also where it is zero.",
            lambda answer: lambda blocks, cut=0: answer(blocks, cut)[: blocks - cut + 1],
        ),
        Misconception(
            "summed-up",
            "You count the paths up to each length; asked for are those of exactly this length.",
            lambda answer: lambda blocks, cut=0: np.cumsum(answer(blocks, cut)),
        ),
        Misconception(
            "cut-halves",
            "You halve all counts for each block that is cut. Half of all paths are lost, but not half of each length.",
            lambda answer: lambda blocks, cut=0: answer(blocks, 0) / 2**cut,
        ),
    ),
)

EXERCISE = Exercise(
    number="10",
    name="batchnorm-residual",
    questions=(BATCH_NORM2D, BATCH_NORM2D_BACKWARD, UPDATE_RUNNING, RESIDUAL_BLOCK, COUNT_PATHS),
    allowed=("numpy",),
)
