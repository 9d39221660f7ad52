"""Padding: numpy and torch as oracles, the lecture's cases by hand, and the limits of the modes."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lecture5 import pad
from lecture5.padding import PADDING_MODES, resolve_padding

NUMPY_MODE = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}
pairs = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(st.data(), st.sampled_from(PADDING_MODES), st.integers(1, 3), st.sampled_from(["f4", "f8", "i8", "c16"]))
def test_agrees_with_numpy_and_keeps_the_dtype(data, mode, dimensions, dtype):
    sizes = data.draw(st.lists(st.integers(5, 7), min_size=dimensions, max_size=dimensions))
    padding = data.draw(st.lists(pairs, min_size=dimensions, max_size=dimensions))
    x = np.arange(2 * 3 * np.prod(sizes)).reshape(2, 3, *sizes).astype(dtype)
    x = data.draw(st.sampled_from([x, x[..., ::-1], x.swapaxes(0, 1), np.asfortranarray(x), x[:0]]))
    expected = np.pad(x, [(0, 0), (0, 0), *padding], mode=NUMPY_MODE[mode])
    ours = pad(x, padding, mode)
    assert ours.dtype == x.dtype
    np.testing.assert_array_equal(ours, expected)
    tensor = pad(torch.from_numpy(x.copy()), padding, mode)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_image_by_hand():
    image = [[[[1, 2, 3], [4, 5, 6]]]]
    np.testing.assert_array_equal(
        pad(image, [(1, 0), (0, 2)], "replicate")[0, 0], [[1, 2, 3, 3, 3], [1, 2, 3, 3, 3], [4, 5, 6, 6, 6]]
    )
    np.testing.assert_array_equal(
        pad(image, [(1, 0), (0, 2)], "reflect")[0, 0], [[4, 5, 6, 5, 4], [1, 2, 3, 2, 1], [4, 5, 6, 5, 4]]
    )
    np.testing.assert_array_equal(
        pad(image, [(1, 0), (0, 2)], "circular")[0, 0], [[4, 5, 6, 4, 5], [1, 2, 3, 1, 2], [4, 5, 6, 4, 5]]
    )
    np.testing.assert_array_equal(pad(image, (0, 1))[0, 0], [[0, 1, 2, 3, 0], [0, 4, 5, 6, 0]])


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_gradients_flow_through(mode):
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pad(x, [(1, 2), (3, 0)], mode), x)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_the_result_is_a_new_array(mode):
    x = np.ones((1, 1, 3))
    pad(x, 0, mode)[...] = 5
    np.testing.assert_array_equal(x, 1)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(kernel_size=st.integers(1, 6), dilation=st.integers(1, 3))
def test_same_padding_agrees_with_torch(kernel_size, dilation):
    x = torch.arange(1.0, 20.0, dtype=torch.float64)[None, None]
    w = torch.arange(1.0, kernel_size + 1, dtype=torch.float64)[None, None]
    resolved = resolve_padding("same", (kernel_size,), (1,), (dilation,))
    ours = torch.nn.functional.conv1d(pad(x, resolved), w, dilation=dilation)
    expected = torch.nn.functional.conv1d(x, w, dilation=dilation, padding="same")
    np.testing.assert_array_equal(ours.numpy(), expected.numpy())


@given(st.sampled_from(["reflect", "circular"]), st.integers(1, 4), pairs)
def test_the_limits_are_those_of_torch(mode, size, padding):
    assume(any(padding))
    x = torch.ones(1, 1, size)
    try:
        torch.nn.functional.pad(x, padding, mode=mode)
    except RuntimeError:
        with pytest.raises(ValueError, match=f"on an axis of {size} cells, but mode '{mode}' allows at most"):
            pad(x, [padding], mode)
    else:
        assert pad(x, [padding], mode).shape[-1] == size + sum(padding)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pad(np.ones((1, 1, 3)), 1, "mirror"), ValueError, "mode is 'mirror', .* 'reflect'"),
        (lambda: pad(np.ones((1, 1, 3)), -1), ValueError, "padding is -1"),
        (lambda: pad(np.ones((1, 1, 3)), 1.5), TypeError, "padding is 1.5"),
        (lambda: pad(np.ones((1, 1, 3)), (1, 2)), ValueError, r"spatial axes is 1.*\[\(1, 2\)\]"),
        (lambda: pad(np.ones((1, 1, 3, 4)), [(1, 2, 3), 1]), ValueError, r"padding\[0\]"),
        (lambda: pad(np.ones((3, 4)), 1), ValueError, r"shape \(3, 4\).*\(N, C, \*spatial\)"),
        (lambda: pad([[["a"]]], 1), TypeError, "x has dtype"),
        (lambda: pad(np.ones((1, 1, 3)), 3, "reflect"), ValueError, r"\(3, 3\) on an axis of 3 cells.*at most 2"),
        (lambda: pad(np.ones((1, 1, 0)), 1, "replicate"), ValueError, "no cell to repeat"),
        (lambda: resolve_padding("same", (3,), (2,), (1,)), ValueError, "needs stride 1"),
        (lambda: resolve_padding("full", (3,), (1,), (1,)), ValueError, "'same', 'valid'"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
