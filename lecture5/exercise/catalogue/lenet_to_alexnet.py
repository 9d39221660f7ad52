"""Exercise 6, LeNet to AlexNet: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question


def _with(**wrong):
    """A misconception that is one of the reference's keywords."""
    return lambda answer: partial(answer, **wrong)


def random(seed, *shape):
    return np.round(np.random.default_rng(seed).normal(size=shape), 3)


# --- a. network_table -------------------------------------------------------------------------------------------------


def network_table(
    layers,
    in_shape,
    *,
    bias=1,
    flattened=True,
    channels_follow=True,
    pools_multiply=False,
    pool_stride=None,
    conv_stride=None,
    sides=2,
    all_maps=True,
    per_multiply_add=1,
    channels_counted=True,
):
    """Follow a shape through the layers: numbers out, parameters and multiply-adds of each. Keywords: mistakes."""
    shape, rows = tuple(in_shape), []
    for kind, *numbers in layers:
        parameters = work = 0
        if kind == "linear":
            inputs = prod(shape) if flattened else shape[0]
            shape = (numbers[0],)
            parameters, work = shape[0] * (inputs + bias), shape[0] * inputs
        else:
            channels, *image = shape
            if kind == "conv":
                channels, kernel_size, stride, padding = numbers
                stride = conv_stride or stride
                window = (shape[0] if channels_follow else in_shape[0]) * kernel_size**2
                parameters = channels * (window + bias)
            else:
                kernel_size, stride, padding = *numbers, 0
                stride = kernel_size if pool_stride == "kernel" else stride
                window = kernel_size**2 if pools_multiply else 0
            shape = (channels, *((size + sides * padding - kernel_size) // stride + 1 for size in image))
            work = prod(shape if all_maps else shape[1:]) * window
        outputs = prod(shape if channels_counted or len(shape) == 1 else shape[1:])
        rows.append([outputs, parameters, per_multiply_add * work])
    return np.array(rows)


LENET = (
    ("conv", 6, 5, 1, 2),
    ("pool", 2, 2),
    ("conv", 16, 5, 1, 0),
    ("pool", 2, 2),
    ("linear", 120),
    ("linear", 84),
    ("linear", 10),
)
ALEXNET = (
    ("conv", 64, 11, 4, 2),
    ("pool", 3, 2),
    ("conv", 192, 5, 1, 2),
    ("pool", 3, 2),
    ("conv", 384, 3, 1, 1),
    ("conv", 256, 3, 1, 1),
    ("conv", 256, 3, 1, 1),
    ("pool", 3, 2),
    ("linear", 4096),
    ("linear", 4096),
    ("linear", 1000),
)

NETWORK_TABLE = Question(
    name="network_table",
    reference=network_table,
    cases=(
        Case("LeNet", (LENET, (1, 28, 28))),
        Case("AlexNet", (ALEXNET, (3, 224, 224))),
        Case("an image that is not square", ((("conv", 5, 3, 2, 1), ("pool", 3, 1), ("linear", 7)), (2, 12, 19))),
        Case("two convolutions, nothing else", ((("conv", 4, 3, 1, 0), ("conv", 3, 2, 3, 1)), (3, 9, 8))),
        Case("only linear maps", ((("linear", 6), ("linear", 2)), (3, 4, 5))),
    ),
    misconceptions=(
        Misconception(
            "bias-forgotten",
            "Your parameters leave out the biases: one for each output channel, or for each output of a linear map.",
            _with(bias=0),
        ),
        Misconception(
            "not-flattened",
            "Your first linear map takes only the channels for its inputs. It sees every number of the maps before it.",
            _with(flattened=False),
        ),
        Misconception(
            "channels-of-the-image",
            "All your convolutions take the channels of the image. A layer's input is the output of the one before.",
            _with(channels_follow=False),
        ),
        Misconception(
            "pooling-multiplies",
            "You count multiply-adds for pooling. It compares; there are no weights to multiply by.",
            _with(pools_multiply=True),
        ),
        Misconception(
            "pooling-side-by-side",
            "Your pooling windows lie side by side. They move by the stride, and may overlap.",
            _with(pool_stride="kernel"),
        ),
        Misconception(
            "stride-ignored",
            "Your convolutions move by one cell, whatever their stride is.",
            _with(conv_stride=1),
        ),
        Misconception(
            "padding-once",
            "You count the padding once, but it is added on both sides.",
            _with(sides=1),
        ),
        Misconception(
            "one-map",
            "Your multiply-adds of a convolution are those of a single feature map.",
            _with(all_maps=False),
        ),
        Misconception(
            "counted-twice",
            "You count a multiplication and its addition as two. Here they are one multiply-add.",
            _with(per_multiply_add=2),
        ),
        Misconception(
            "channels-not-counted",
            "Your first column counts the cells of one map. A layer gives as many numbers as all its maps have cells.",
            _with(channels_counted=False),
        ),
    ),
)

# --- b. LeNet ---------------------------------------------------------------------------------------------------------


def lenet(
    x,
    weights,
    num_classes=10,
    *,
    activation=lambda y: y.clip(min=0),
    conv_activation=True,
    linear_activation=True,
    last_activation=False,
    pool=np.max,
    channels_last=False,
    softmax=False,
):
    """Run LeNet on images (N, 1, 28, 28); the keywords are what people get wrong."""
    for name, padding in (("conv1", 2), ("conv2", 0)):
        x = _conv(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding)
        x = activation(x) if conv_activation else x
        x = pool(x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2), axis=(3, 5))
    x = (np.moveaxis(x, 1, -1) if channels_last else x).reshape(len(x), -1)
    for name in ("fc1", "fc2", "fc3"):
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        x = activation(x) if (last_activation if name == "fc3" else linear_activation) else x
    if softmax:
        x = np.exp(x - x.max(axis=1, keepdims=True))
        x = x / x.sum(axis=1, keepdims=True)
    return x


def _conv(x, w, bias, padding):
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwab,kcab->nkhw", windows, w, optimize=True) + bias[:, None, None]


def lenet_weights(seed, num_classes=10):
    """Random weights by name, as ``named_parameters()`` gives them, of a size that keeps numbers near 1."""
    generator = np.random.default_rng(seed)
    shapes = {
        "conv1": (6, 1, 5, 5),
        "conv2": (16, 6, 5, 5),
        "fc1": (120, 400),
        "fc2": (84, 120),
        "fc3": (num_classes, 84),
    }
    weights = {}
    for name, shape in shapes.items():
        weights[f"{name}.weight"] = np.round(generator.normal(size=shape) * np.sqrt(2 / prod(shape[1:])), 4)
        weights[f"{name}.bias"] = np.round(generator.normal(size=shape[0]) / 4, 4)
    return weights


def _lenet_case(name, seed, images, num_classes=10):
    return Case(name, (random(seed, images, 1, 28, 28), lenet_weights(seed + 1, num_classes), num_classes))


def _run_lenet(lenet_class, arguments):
    """Make a student's network, give it the weights of the case, and let it look at the images."""
    x, weights, num_classes = arguments
    network = lenet_class(num_classes)
    network.load(weights)
    return network(x)


class _StandIn:
    """A network that computes with a right or wrong ``lenet``, as a student's module would."""

    def __init__(self, function, num_classes=10):
        self._function, self._num_classes = function, num_classes

    def load(self, weights):
        self._weights = weights

    def __call__(self, x):
        return self._function(x, self._weights, self._num_classes)


LENET_MODULE = Question(
    name="LeNet",
    reference=lenet,
    run=_run_lenet,
    is_module=True,
    stand_in=lambda function: partial(_StandIn, function),
    allowed=("numpy", "torch"),
    cases=(
        _lenet_case("two images", 30, 2),
        _lenet_case("one image", 32, 1),
        _lenet_case("three classes", 34, 2, num_classes=3),
        _lenet_case("twelve classes", 36, 1, num_classes=12),
    ),
    misconceptions=(
        Misconception(
            "average-pooling",
            "Your pooling takes the mean of each window. This LeNet takes the largest number.",
            _with(pool=np.mean),
        ),
        Misconception(
            "tanh",
            "Your activation is the tanh of 1998. Here it is the ReLU.",
            _with(activation=np.tanh),
        ),
        Misconception(
            "no-activation-after-convolutions",
            "There is no ReLU behind your convolutions.",
            _with(conv_activation=False),
        ),
        Misconception(
            "no-activation-between-linear-maps",
            "There is no ReLU between your linear maps: together they are only one.",
            _with(linear_activation=False),
        ),
        Misconception(
            "last-activation",
            "You clip the scores at zero. The last layer has no ReLU: a score may be negative.",
            _with(last_activation=True),
        ),
        Misconception(
            "softmax-inside",
            "You return probabilities. The network returns scores; softmax belongs to the loss.",
            _with(softmax=True),
        ),
        Misconception(
            "flattened-by-place",
            "You flatten place by place. In torch's order all numbers of the first map come first.",
            _with(channels_last=True),
        ),
    ),
)

# --- c. cross_entropy -------------------------------------------------------------------------------------------------


def cross_entropy(scores, labels, *, axis=1, mean=True, sign=-1, base=1.0, softmax=True, careful=True, log=True):
    """The mean of minus the logarithm of what softmax gives to the right class; the keywords are mistakes."""
    scores = np.asarray(scores, dtype=float)
    if not careful and (scores > 709).any():
        return np.nan  # inf / inf
    shifted = scores - scores.max(axis=axis, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)) if softmax else scores
    with np.errstate(over="ignore"):  # only where two mistakes meet: the exponential of a score as it is
        right = (logarithms if log else np.exp(logarithms))[np.arange(len(labels)), labels]
    return sign * (right.mean() if mean else right.sum()) / base


CROSS_ENTROPY = Question(
    name="cross_entropy",
    reference=cross_entropy,
    cases=(
        Case("three images, four classes", (random(50, 3, 4), np.array([1, 0, 3]))),
        Case("five images, two classes", (2 * random(51, 5, 2), np.array([1, 1, 0, 1, 0]))),
        Case("one image", (random(52, 1, 6), np.array([4]))),
        Case("large scores", (1000 * random(53, 3, 3), np.array([0, 2, 1]))),
        Case("larger still", (random(54, 4, 3) + 2000, np.array([0, 0, 1, 2]))),
        Case("all alike", (np.zeros((2, 10)), np.array([3, 7]))),
    ),
    misconceptions=(
        Misconception(
            "sum",
            "You add up over the images. The loss is their mean, so that it does not depend on the size of the batch.",
            _with(mean=False),
        ),
        Misconception("sign", "Your loss has the wrong sign: a good answer must cost little.", _with(sign=1)),
        Misconception(
            "base-two",
            "Your logarithm has base 2. Here it is the natural one.",
            _with(base=np.log(2)),
        ),
        Misconception(
            "softmax-over-images",
            "Your softmax runs over the images. The probabilities of one image's classes add up to 1.",
            _with(axis=0),
        ),
        Misconception(
            "no-softmax",
            "You use the scores as they are. Softmax makes probabilities of them, and then comes the logarithm.",
            _with(softmax=False),
        ),
        Misconception(
            "no-logarithm",
            "You return the probability itself. The loss is minus its logarithm.",
            _with(log=False),
        ),
        Misconception(
            "overflow",
            "With large scores you return nan: their exponentials are too large for a number. What may you take off"
            " all scores of an image without a change?",
            _with(careful=False),
        ),
    ),
)

# --- d. sgd_step ------------------------------------------------------------------------------------------------------


def sgd_step(
    w,
    grad,
    velocity,
    learning_rate,
    momentum,
    weight_decay,
    *,
    down=-1,
    decay=1,
    damped=False,
    rate_inside=False,
    old_velocity=False,
    remembers=True,
):
    """One step of gradient descent with momentum: the new weights and the new velocity. Keywords: mistakes."""
    pull = grad + decay * weight_decay * w
    gained = pull * (1 - momentum) if damped else pull
    faster = (momentum * velocity if remembers else 0) + (learning_rate if rate_inside else 1) * gained
    moved_by = velocity if old_velocity else faster
    return np.array([w + down * (1 if rate_inside else learning_rate) * moved_by, faster])


def _step_case(name, seed, shape, *settings):
    return Case(name, (random(seed, *shape), random(seed + 1, *shape), random(seed + 2, *shape), *settings))


SGD_STEP = Question(
    name="sgd_step",
    reference=sgd_step,
    cases=(
        _step_case("AlexNet's settings", 60, (4,), 0.01, 0.9, 0.0005),
        _step_case("a kernel", 63, (2, 1, 3, 3), 0.1, 0.9, 0.01),
        _step_case("no momentum", 66, (2, 3), 0.1, 0.0, 0.1),
        _step_case("no decay", 69, (3, 2), 0.5, 0.5, 0.0),
        _step_case("a strong decay", 72, (5,), 0.2, 0.8, 0.7),
        Case("the first step", (random(75, 3), random(76, 3), np.zeros(3), 0.1, 0.9, 0.1)),
    ),
    misconceptions=(
        Misconception(
            "uphill",
            "You walk uphill: the gradient points to where the loss grows.",
            _with(down=1),
        ),
        Misconception(
            "no-decay",
            "Your result does not depend on the weight decay.",
            _with(decay=0),
        ),
        Misconception(
            "decay-away-from-zero",
            "Your weight decay makes weights larger. It pulls them towards zero.",
            _with(decay=-1),
        ),
        Misconception(
            "damped",
            "You give the new gradient the weight 1 − momentum. In this rule it counts in full.",
            _with(damped=True),
        ),
        Misconception(
            "rate-inside",
            "You keep the learning rate inside the velocity. That is another convention; here it multiplies the step.",
            _with(rate_inside=True),
        ),
        Misconception(
            "old-velocity",
            "You step with the velocity as it was. First it takes up the gradient, then comes the step.",
            _with(old_velocity=True),
        ),
        Misconception(
            "no-memory",
            "Your velocity forgets what it was before.",
            _with(remembers=False),
        ),
    ),
)

# --- e. top_k_error ---------------------------------------------------------------------------------------------------


def top_k_error(scores, labels, k, *, guesses=lambda k: slice(None, k), best_first=True, right=False, whole=len):
    """The share of images whose label is not among the k best guesses; the keywords are mistakes."""
    order = np.argsort(-scores if best_first else scores, axis=1)[:, guesses(k)]
    hits = (order == np.asarray(labels)[:, None]).any(axis=1)
    return (hits if right else ~hits).sum() / whole(labels)


_LABELS = np.array([3, 0, 5, 1, 1, 4, 2, 0])


TOP_K_ERROR = Question(
    name="top_k_error",
    reference=top_k_error,
    cases=(
        Case("one guess", (random(80, 8, 6), _LABELS, 1)),
        Case("two guesses", (random(81, 8, 6), _LABELS, 2)),
        Case("three guesses", (random(82, 8, 6), _LABELS, 3)),
        Case("five guesses, ten classes", (random(83, 8, 10), _LABELS + 2, 5)),
        Case("nearly all classes", (random(84, 8, 6), _LABELS, 5)),
    ),
    misconceptions=(
        Misconception(
            "share-right",
            "You return how often the answer is right. The error is how often it is wrong.",
            _with(right=True),
        ),
        Misconception(
            "one-guess",
            "Your result does not depend on k: only the best guess counts.",
            _with(guesses=lambda k: slice(None, 1)),
        ),
        Misconception(
            "one-too-many",
            "You look at one guess too many.",
            _with(guesses=lambda k: slice(None, k + 1)),
        ),
        Misconception(
            "only-the-last-guess",
            "You count an image as right only if the label is just your guess number k. It may be any of the k.",
            _with(guesses=lambda k: slice(k - 1, k)),
        ),
        Misconception(
            "worst-guesses",
            "You look at the classes with the smallest scores.",
            _with(best_first=False),
        ),
        Misconception(
            "not-divided",
            "You return a number of images. The error is their share.",
            _with(whole=lambda labels: 1),
        ),
        Misconception(
            "percent",
            "You return per cent. Here the error is a share, from 0 to 1.",
            _with(whole=lambda labels: len(labels) / 100),
        ),
    ),
)

EXERCISE = Exercise(
    number="06",
    name="lenet-to-alexnet",
    questions=(NETWORK_TABLE, LENET_MODULE, CROSS_ENTROPY, SGD_STEP, TOP_K_ERROR),
    allowed=("numpy",),
)
