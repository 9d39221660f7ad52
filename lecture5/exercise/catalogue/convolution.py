"""Exercise 1, convolution: right implementations, public inputs, and what people get wrong."""

from __future__ import annotations

import numpy as np

from lecture5.exercise.model import Case, Exercise, Misconception, Question

# --- a. conv1d: cross-correlation, "valid" ---------------------------------------------------------------------------


def conv1d(x, w):
    """Slide ``w`` over ``x`` without turning it: y[t] = Σ_k x[t + k] w[k]."""
    size = len(x) - len(w) + 1
    return np.array([np.dot(x[t : t + len(w)], w) for t in range(size)])


def _padded(x, before, after):
    return np.concatenate([np.zeros(before), x, np.zeros(after)])


CONV1D = Question(
    name="conv1d",
    reference=conv1d,
    cases=(
        Case("five samples, three weights", (np.array([1.0, 2.0, 0.0, -1.0, 3.0]), np.array([2.0, 1.0, -1.0]))),
        Case("a kernel of even length", (np.array([3.0, -1.0, 2.0, 5.0, 4.0, -2.0]), np.array([1.0, -3.0]))),
        Case("fractions", (np.array([0.5, -1.25, 2.0, 0.75, 1.5, -0.5, 1.0]), np.array([0.25, 1.0, -0.5, 2.0]))),
        Case("a kernel as long as the signal", (np.array([1.0, -2.0, 4.0, 0.5]), np.array([0.5, 3.0, 1.0, -1.0]))),
        Case("a kernel of one weight", (np.array([1.0, -2.0, 4.0]), np.array([-1.5]))),
        Case("whole numbers times fractions", (np.array([1, 2, 3, 5]), np.array([0.5, 0.25]))),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernel is turned round: this is true convolution. The exercise asks for cross-correlation, in which"
            " the first weight meets the first sample of the window.",
            lambda answer: lambda x, w: answer(x, w[::-1]),
        ),
        Misconception(
            "zero-padded-full",
            "Your signal seems to be continued with zeros on both sides, so that the kernel may hang out of it. Here "
            "the whole kernel must lie inside the signal.",
            lambda answer: lambda x, w: answer(_padded(x, len(w) - 1, len(w) - 1), w),
        ),
        Misconception(
            "zero-padded-same",
            "Your result is as long as the signal: zeros were added at the ends. Only windows that lie wholly inside "
            "the signal count.",
            lambda answer: lambda x, w: answer(_padded(x, len(w) // 2, len(w) - 1 - len(w) // 2), w),
        ),
        Misconception(
            "last-output-missing",
            "The last window is missing. Count the places at which the kernel fits, with a signal as long as the "
            "kernel in mind: there it fits once.",
            lambda answer: lambda x, w: answer(x, w)[:-1],
        ),
        Misconception(
            "first-output-missing",
            "The first window is missing: the kernel's first place is at sample 0.",
            lambda answer: lambda x, w: answer(x, w)[1:],
        ),
        Misconception(
            "wraps-around",
            "At its end the signal seems to go on with its own beginning (an index that wraps, or np.roll). Stop "
            "where the kernel would leave the signal.",
            lambda answer: lambda x, w: answer(np.concatenate([x, x[: len(w) - 1]]), w),
        ),
        Misconception(
            "divided-by-length",
            "Your values are divided by the number of weights. A convolution is a weighted sum, not a mean.",
            lambda answer: lambda x, w: answer(x, w) / len(w),
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write: zeros_like "
            "of a whole-number array holds whole numbers.",
            lambda answer: lambda x, w: np.trunc(answer(x, w)),
        ),
        Misconception(
            "last-weight-missing",
            "The last weight is never used: look at where the loop over the kernel ends.",
            lambda answer: lambda x, w: answer(x, np.concatenate([w[:-1], [0.0]])),
        ),
    ),
)

# --- b. convolve: true convolution, "full" ---------------------------------------------------------------------------


def convolve(x, w):
    """Add one shifted, scaled copy of ``w`` per sample: s[t] = Σ_a x[a] w[t − a]."""
    s = np.zeros(len(x) + len(w) - 1)
    for a, sample in enumerate(x):
        s[a : a + len(w)] += sample * np.asarray(w)
    return s


_PAIRS = (
    Case("four samples, three weights", (np.array([1.0, 2.0, 0.0, -1.0]), np.array([2.0, 1.0, -1.0]))),
    Case("a kernel longer than the signal", (np.array([3.0, -1.0]), np.array([1.0, 0.5, -2.0, 4.0, 1.5]))),
    Case("fractions", (np.array([0.5, -1.25, 2.0, 0.75, 1.5]), np.array([0.25, 1.0, -0.5]))),
    Case("an impulse", (np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, -2.0, 3.0]))),
    Case("whole numbers times fractions", (np.array([1, 2, 3, 5]), np.array([0.5, 0.25]))),
)


def _middle(full, x, w):
    start = (min(len(x), len(w)) - 1) // 2
    return full[start : start + max(len(x), len(w))]


def _wrapped(full, size):
    """Add what lies behind ``size`` to the front: circular convolution from linear convolution."""
    result = np.zeros(size, dtype=np.asarray(full).dtype)
    for start in range(0, len(full), size):
        piece = full[start : start + size]
        result[: len(piece)] += piece
    return result


CONVOLVE = Question(
    name="convolve",
    reference=convolve,
    cases=_PAIRS,
    misconceptions=(
        Misconception(
            "kernel-not-flipped",
            "Your kernel is not turned: this is cross-correlation. In s(t) = Σ x(a) w(t − a) the index of w falls as "
            "a rises.",
            lambda answer: lambda x, w: answer(x, w[::-1]),
        ),
        Misconception(
            "valid-only",
            "You keep only the places where the shorter of the two lies wholly inside the longer. The full "
            "convolution has a value wherever the two touch at all.",
            lambda answer: lambda x, w: answer(x, w)[min(len(x), len(w)) - 1 : max(len(x), len(w))],
        ),
        Misconception(
            "same-length",
            "You return the middle part, as long as the longer input. The full convolution is longer: with one sample"
            " and K weights it has K values.",
            lambda answer: lambda x, w: _middle(answer(x, w), x, w),
        ),
        Misconception(
            "wraps-around",
            "What should stick out at the end is added to the beginning: this is circular convolution.",
            lambda answer: lambda x, w: _wrapped(answer(x, w), max(len(x), len(w))),
        ),
        Misconception(
            "last-output-missing",
            "The last value is missing: the last sample and the last weight meet once.",
            lambda answer: lambda x, w: answer(x, w)[:-1],
        ),
        Misconception(
            "extra-zero",
            "Your result has one value too many at the end. Count where the last copy of the kernel ends.",
            lambda answer: lambda x, w: np.append(answer(x, w), 0.0),
        ),
        Misconception(
            "reversed-result",
            "Your values are right, but in the reverse order.",
            lambda answer: lambda x, w: answer(x, w)[::-1],
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda x, w: np.trunc(answer(x, w)),
        ),
        Misconception(
            "overwritten",
            "Where the shifted copies overlap, they must be added; yours replace what was there.",
            lambda answer: lambda x, w: np.concatenate([np.asarray(x) * w[0], x[-1] * np.asarray(w[1:])]),
        ),
    ),
)

# --- c. filter_image: cross-correlation in two dimensions -------------------------------------------------------------


def filter_image(image, kernel):
    """Slide ``kernel`` over ``image`` without turning it; keep the places where it lies wholly inside."""
    rows = image.shape[0] - kernel.shape[0] + 1
    columns = image.shape[1] - kernel.shape[1] + 1
    result = np.zeros((rows, columns))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            result += kernel[i, j] * image[i : i + rows, j : j + columns]
    return result


def _border(image, rows, columns):
    return np.pad(image, [rows, columns])


_IMAGE = np.array([[1, 2, 0, -1, 3], [4, -2, 1, 5, 0], [0, 3, -3, 2, 1], [2, 1, 4, -1, 6]], dtype=float)

FILTER_IMAGE = Question(
    name="filter_image",
    reference=filter_image,
    cases=(
        Case("a 4 × 5 image, a 2 × 3 kernel", (_IMAGE, np.array([[1.0, 0.0, -2.0], [3.0, 1.0, 0.5]]))),
        Case("a 4 × 5 image, a 3 × 2 kernel", (_IMAGE, np.array([[1.0, -1.0], [0.5, 2.0], [4.0, 0.25]]))),
        Case("a square kernel", (_IMAGE, np.array([[1.0, 2.0], [-3.0, 0.5]]))),
        Case("a kernel as tall as the image", (_IMAGE, np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, 1.5], [0.25, -2.0]]))),
        Case("whole numbers times fractions", (_IMAGE.astype(int), np.array([[0.5, 0.25, -0.75]]))),
    ),
    misconceptions=(
        Misconception(
            "flipped-kernel",
            "Your kernel is turned by 180°: this is true convolution. The exercise asks for cross-correlation, as in "
            "every CNN layer.",
            lambda answer: lambda image, kernel: answer(image, kernel[::-1, ::-1]),
        ),
        Misconception(
            "flipped-rows",
            "The kernel's rows are in the reverse order, its columns are right.",
            lambda answer: lambda image, kernel: answer(image, kernel[::-1]),
        ),
        Misconception(
            "flipped-columns",
            "The kernel's columns are in the reverse order, its rows are right.",
            lambda answer: lambda image, kernel: answer(image, kernel[:, ::-1]),
        ),
        Misconception(
            "transposed-kernel",
            "Rows and columns of the kernel are swapped. Which of i and j goes down, and which goes to the right?",
            lambda answer: lambda image, kernel: answer(image, kernel.T),
        ),
        Misconception(
            "transposed-result",
            "Your values are right, but rows and columns of the result are swapped.",
            lambda answer: lambda image, kernel: answer(image, kernel).T,
        ),
        Misconception(
            "zero-padded-same",
            "Your result is as large as the image: zeros were added round it. Only windows that lie wholly inside "
            "count.",
            lambda answer: (
                lambda image, kernel: answer(
                    _border(
                        image,
                        (kernel.shape[0] // 2, (kernel.shape[0] - 1) // 2),
                        (kernel.shape[1] // 2, (kernel.shape[1] - 1) // 2),
                    ),
                    kernel,
                )
            ),
        ),
        Misconception(
            "zero-padded-full",
            "Your kernel hangs out of the image on every side. Only windows that lie wholly inside count.",
            lambda answer: (
                lambda image, kernel: answer(
                    _border(image, (kernel.shape[0] - 1,) * 2, (kernel.shape[1] - 1,) * 2), kernel
                )
            ),
        ),
        Misconception(
            "last-row-missing",
            "The last row of windows is missing: count the rows at which the kernel fits.",
            lambda answer: lambda image, kernel: answer(image, kernel)[:-1],
        ),
        Misconception(
            "last-column-missing",
            "The last column of windows is missing: count the columns at which the kernel fits.",
            lambda answer: lambda image, kernel: answer(image, kernel)[:, :-1],
        ),
        Misconception(
            "divided-by-size",
            "Your values are divided by the number of weights. A filter is a weighted sum, not a mean.",
            lambda answer: lambda image, kernel: answer(image, kernel) / kernel.size,
        ),
        Misconception(
            "integers-only",
            "Your values have lost their fractions. Look at the dtype of the array into which you write.",
            lambda answer: lambda image, kernel: np.trunc(answer(image, kernel)),
        ),
        Misconception(
            "clipped",
            "Your negative values have become 0. A filter's result may be negative; clip it only when you show it.",
            lambda answer: lambda image, kernel: np.maximum(answer(image, kernel), 0.0),
        ),
    ),
)

# --- d. fourier_convolve: the same as b, through the DFT --------------------------------------------------------------


def fourier_convolve(x, w):
    """Multiply the transforms of both, zero-padded to the length of the full result."""
    size = len(x) + len(w) - 1
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(w, size), size)


FOURIER_CONVOLVE = Question(
    name="fourier_convolve",
    reference=fourier_convolve,
    cases=_PAIRS,
    misconceptions=(
        Misconception(
            "not-padded",
            "The end of your result is added to its beginning: the DFT convolves circularly, and the two signals were"
            " not padded with enough zeros. How long is the full result?",
            lambda answer: lambda x, w: _wrapped(answer(x, w), max(len(x), len(w))),
        ),
        Misconception(
            "one-zero-short",
            "Your padding is one zero short: the last value has been added to the first.",
            lambda answer: lambda x, w: _wrapped(answer(x, w), len(x) + len(w) - 2),
        ),
        Misconception(
            "complex-result",
            "Your result is complex. The inputs are real, so the result is real: what is left in the imaginary part "
            "is rounding error.",
            lambda answer: lambda x, w: answer(x, w) + 0j,
        ),
        Misconception(
            "magnitude",
            "Your negative values have become positive: take the real part of the inverse transform, not its "
            "magnitude.",
            lambda answer: lambda x, w: np.abs(answer(x, w)),
        ),
        Misconception(
            "conjugated",
            "One of the two spectra is conjugated (or one signal is reversed in time): that is correlation, and it "
            "starts at another place.",
            lambda answer: (
                lambda x, w: (
                    np.fft.ifft(np.fft.fft(x, len(x) + len(w) - 1) * np.conj(np.fft.fft(w, len(x) + len(w) - 1))).real
                )
            ),
        ),
        Misconception(
            "kernel-reversed",
            "The kernel was reversed before its transform. Multiplying spectra convolves already, flip included.",
            lambda answer: lambda x, w: answer(x, w[::-1]),
        ),
        Misconception(
            "not-cropped",
            "Your values are right, but zeros follow them: the transform was longer than the result. Cut it to length.",
            lambda answer: (
                lambda x, w: np.append(
                    answer(x, w), np.zeros(_next_power_of_two(len(x) + len(w)) - (len(x) + len(w) - 1))
                )
            ),
        ),
        Misconception(
            "scaled-by-length",
            "Every value is too large by one factor, the length of the transform: the inverse transform divides by it.",
            lambda answer: lambda x, w: answer(x, w) * (len(x) + len(w) - 1),
        ),
    ),
)


def _next_power_of_two(size):
    return 1 << (size - 1).bit_length()


# --- e. frequency_response -------------------------------------------------------------------------------------------


def _response(kernel, omega_1, omega_2, centre, sign=-1):
    rows, columns = np.indices(kernel.shape)
    phase = np.multiply.outer(omega_1, rows - centre[0]) + np.multiply.outer(omega_2, columns - centre[1])
    return np.sum(kernel * np.exp(sign * 1j * phase), axis=(-2, -1))


def frequency_response(kernel, omega_1, omega_2):
    """Sum kernel[i, j] exp(−i (ω₁ (i − c₁) + ω₂ (j − c₂))) over the kernel; c is its centre, size // 2."""
    return _response(kernel, omega_1, omega_2, (kernel.shape[0] // 2, kernel.shape[1] // 2))


_OMEGA_1 = np.array([0.0, 0.5, 1.0, 2.0, np.pi])
_OMEGA_2 = np.array([0.0, -1.0, 0.25, 3.0, np.pi / 2])
_LAPLACIAN = np.array([[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]])

FREQUENCY_RESPONSE = Question(
    name="frequency_response",
    reference=frequency_response,
    cases=(
        Case("the lecture's Laplacian", (_LAPLACIAN, np.array([0.0, np.pi, 0.0]), np.array([0.0, np.pi, np.pi]))),
        Case(
            "a kernel that is not symmetric",
            (np.array([[1.0, 0.0, -2.0], [3.0, 1.0, 0.5], [2.0, -1.0, 1.0]]), _OMEGA_1, _OMEGA_2),
        ),
        Case("three rows, five columns", (np.arange(15.0).reshape(3, 5) - 4.0, _OMEGA_1, _OMEGA_2)),
        Case("an even size", (np.array([[1.0, 2.0], [-3.0, 0.5]]), _OMEGA_1, _OMEGA_2)),
        Case(
            "frequencies in a 2 × 2 array",
            (np.array([[1.0, 2.0, -1.0, 0.5]]), _OMEGA_1[1:].reshape(2, 2), _OMEGA_2[1:].reshape(2, 2)),
        ),
    ),
    misconceptions=(
        Misconception(
            "not-centred",
            "Magnitudes are right, phases are not: you count the kernel's rows and columns from its corner. The "
            "centre of the kernel stands at the origin.",
            lambda answer: (
                lambda kernel, omega_1, omega_2: (
                    answer(kernel, omega_1, omega_2)
                    * np.exp(
                        -1j
                        * (np.asarray(omega_1) * (kernel.shape[0] // 2) + np.asarray(omega_2) * (kernel.shape[1] // 2))
                    )
                )
            ),
        ),
        Misconception(
            "half-sample-centre",
            "For odd sizes you are right; for even ones your centre lies between two weights. The exercise puts it at"
            " size // 2.",
            lambda answer: (
                lambda kernel, omega_1, omega_2: _response(
                    kernel, omega_1, omega_2, ((kernel.shape[0] - 1) / 2, (kernel.shape[1] - 1) / 2)
                )
            ),
        ),
        Misconception(
            "wrong-sign",
            "Your result is the complex conjugate of the right one: look at the sign in the exponent.",
            lambda answer: lambda kernel, omega_1, omega_2: np.conj(answer(kernel, omega_1, omega_2)),
        ),
        Misconception(
            "swapped-frequencies",
            "ω₁ and ω₂ are swapped: ω₁ belongs to the rows (i), ω₂ to the columns (j).",
            lambda answer: lambda kernel, omega_1, omega_2: answer(kernel, omega_2, omega_1),
        ),
        Misconception(
            "magnitude",
            "You return the magnitude of the response. Asked for is the complex number itself.",
            lambda answer: lambda kernel, omega_1, omega_2: np.abs(answer(kernel, omega_1, omega_2)),
        ),
        Misconception(
            "real-part",
            "You return the real part only. A kernel that is not symmetric has an imaginary part too.",
            lambda answer: lambda kernel, omega_1, omega_2: np.real(answer(kernel, omega_1, omega_2)),
        ),
        Misconception(
            "every-pair",
            "You return a value for every pair of an ω₁ with an ω₂. The two arrays belong together, entry by entry.",
            lambda answer: (
                lambda kernel, omega_1, omega_2: np.array(
                    [[answer(kernel, one, two) for two in np.ravel(omega_2)] for one in np.ravel(omega_1)]
                )
            ),
        ),
        Misconception(
            "divided-by-size",
            "Your response is divided by the number of weights. At frequency (0, 0) it must be the sum of the weights.",
            lambda answer: lambda kernel, omega_1, omega_2: answer(kernel, omega_1, omega_2) / kernel.size,
        ),
        Misconception(
            "flipped-kernel",
            "The kernel is turned by 180° in your sum: weight [i, j] belongs to the exponent with i and j.",
            lambda answer: lambda kernel, omega_1, omega_2: answer(kernel[::-1, ::-1], omega_1, omega_2),
        ),
    ),
)

EXERCISE = Exercise(
    number="01",
    name="convolution",
    questions=(CONV1D, CONVOLVE, FILTER_IMAGE, FOURIER_CONVOLVE, FREQUENCY_RESPONSE),
    allowed=("numpy", "matplotlib"),
    withheld=(
        "numpy.convolve",
        "numpy.correlate",
        "numpy._core.multiarray.correlate",  # what the two above call
        "numpy._core.multiarray.correlate2",
    ),
)
