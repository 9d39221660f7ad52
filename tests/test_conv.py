"""Every method of convolution against torch over random settings, answers by hand, and planted errors."""

import importlib
import inspect
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import settings as profile
from hypothesis import strategies as st

import lecture5
from lecture5 import CONV_METHODS, conv1d, conv2d, conv3d, conv_input_grad, conv_weight_grad
from lecture5.conv.settings import Settings
from lecture5.padding import PADDING_MODES, pad

CONV = {1: conv1d, 2: conv2d, 3: conv3d}
TORCH_CONV = {d: getattr(torch.nn.functional, f"conv{d}d") for d in CONV}
RNG = np.random.default_rng(5)
every_method = pytest.mark.parametrize("method", CONV_METHODS)
every_general_method = pytest.mark.parametrize("method", [name for name in CONV_METHODS if name != "winograd"])


def memory_layouts(array):
    """Return the same numbers laid out in memory in several ways."""
    spread = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)[..., ::2]
    spread[...] = array
    return [array, np.asfortranarray(array), array[..., ::-1].copy()[..., ::-1], spread]


@st.composite
def convolutions(draw, method, dtype=np.float64):
    """Draw ``x``, ``w`` and keyword arguments that fit together and that ``method`` can do."""
    limited = method == "winograd"
    dimensions = draw(st.integers(1, 3))
    per_axis = lambda low, high: st.tuples(*[st.integers(low, high)] * dimensions)  # noqa: E731
    groups = draw(st.integers(1, 3))
    channels, filters, samples = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    stride = draw(st.integers(1, 3).map(lambda step: (step,) * dimensions) | per_axis(1, 3))
    least = [step + 1 if limited else 1 for step in stride]  # Winograd's method needs two taps for each step.
    kernel_size = draw(st.tuples(*[st.integers(low, low + 3) for low in least]))
    dilation = draw(per_axis(1, 1 if limited else 3))
    padding = draw(st.one_of(st.just("valid"), st.integers(0, 3), per_axis(0, 3), st.tuples(*[per_pair] * dimensions)))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    input_size = [span + extra for span, extra in zip(spans, draw(per_axis(0, 7 - 2 * dimensions)), strict=True)]
    x = RNG.standard_normal((samples, groups * channels, *input_size)).astype(dtype)
    w = RNG.standard_normal((groups * filters, channels, *kernel_size)).astype(dtype)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return draw(st.sampled_from(memory_layouts(x))), draw(st.sampled_from(memory_layouts(w))), settings


per_pair = st.tuples(st.integers(0, 3), st.integers(0, 3))


def torch_conv(x, w, bias=None, *, padding=0, **settings):
    """Return torch's answer for tensors; padding per side, which torch's function does not take, is done before."""
    dimensions = x.ndim - 2
    if padding == "valid":
        padding = 0
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        x = torch.nn.functional.pad(x, [cells for pair in reversed(padding) for cells in pair])
        padding = 0
    return TORCH_CONV[dimensions](x, w, bias, padding=padding, **settings)


def tensors(*arrays, requires_grad=False):
    return [torch.tensor(array.copy(), requires_grad=requires_grad) for array in arrays]


def torch_products(x, w, settings):
    """Return torch's output, a random gradient of it, and the gradients by input and kernel, as arrays."""
    x, w = tensors(x, w, requires_grad=True)
    y = torch_conv(x, w, **settings)
    grad_output = torch.from_numpy(RNG.standard_normal(y.shape)).to(y.dtype)
    y.backward(grad_output)
    return [tensor.detach().numpy() for tensor in (y, grad_output, x.grad, w.grad)]


# The same numbers as torch


@every_method
@profile(max_examples=30)
@given(data=st.data())
def test_output_and_both_gradients_agree_with_torch(method, data):
    x, w, settings = data.draw(convolutions(method))
    y, grad_output, grad_x, grad_w = torch_products(x, w, settings)
    settings = settings | {"method": method}
    np.testing.assert_allclose(CONV[x.ndim - 2](x, w, **settings), y, rtol=1e-10, atol=1e-10)
    ours = conv_input_grad(grad_output, w, x.shape, **settings)
    np.testing.assert_allclose(ours, grad_x, rtol=1e-10, atol=1e-10)
    ours = conv_weight_grad(grad_output, x, w.shape[2:], **settings)
    np.testing.assert_allclose(ours, grad_w, rtol=1e-10, atol=1e-10)


@every_method
@profile(max_examples=20)
@given(data=st.data())
def test_tensors_give_tensors_that_can_be_differentiated(method, data):
    x, w, settings = data.draw(convolutions(method))
    y, grad_output, grad_x, grad_w = torch_products(x, w, settings)
    x, w = tensors(x, w, requires_grad=True)
    ours = CONV[x.ndim - 2](x, w, method=method, **settings)
    ours.backward(torch.from_numpy(grad_output))
    for tensor, expected in [(ours.detach(), y), (x.grad, grad_x), (w.grad, grad_w)]:
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-10, atol=1e-10)
    grad_output = torch.from_numpy(grad_output)
    for tensor, expected in [
        (conv_input_grad(grad_output, w, x.shape, method=method, **settings), grad_x),
        (conv_weight_grad(grad_output, x, w.shape[2:], method=method, **settings), grad_w),
    ]:
        np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=1e-10, atol=1e-10)


@every_method
@profile(max_examples=20)
@given(data=st.data())
def test_single_precision_errs_no_more_than_rounding_explains(method, data):
    """A sum of n products errs by at most n u Σ|w||x| (Higham 2002, eq. 3.5) with u = 2⁻²⁴.

    Methods that add numbers of the whole window, and not only products, are held to its largest values instead.
    """
    x, w, settings = data.draw(convolutions(method, np.float32))
    conv, terms = CONV[x.ndim - 2], w[0].size
    ours = conv(x, w, method=method, **settings)
    assert ours.dtype == np.float32
    exact = conv(x.astype(np.float64), w.astype(np.float64), method="torch", **settings)
    sizes = conv(abs(x).astype(np.float64), abs(w).astype(np.float64), method="torch", **settings)
    bound = (terms + 1) * 2.0**-24 * sizes
    if method in ("fourier", "winograd") and sizes.size:
        bound = 40 * 2.0**-24 * np.linalg.norm(x) * np.linalg.norm(w)
    assert np.all(abs(ours - exact) <= bound)


@every_method
@pytest.mark.parametrize("mode", PADDING_MODES)
def test_padding_modes_agree_with_torch_layers(mode, method):
    x, w, bias = RNG.standard_normal((2, 3, 6, 7)), RNG.standard_normal((4, 3, 3, 2)), RNG.standard_normal(4)
    layer = torch.nn.Conv2d(3, 4, (3, 2), padding=(2, 1), padding_mode=mode, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w))
        layer.bias.copy_(torch.from_numpy(bias))
        expected = layer(torch.from_numpy(x))
    ours = conv2d(x, w, bias, padding=(2, 1), padding_mode=mode, method=method)
    np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-10, atol=1e-10)


@every_general_method
@profile(max_examples=20)
@given(kernel_size=st.tuples(st.integers(1, 4), st.integers(1, 4)), dilation=st.integers(1, 2))
def test_same_padding_is_that_of_torch(method, kernel_size, dilation):
    x, w = RNG.standard_normal((1, 2, 7, 8)), RNG.standard_normal((3, 2, *kernel_size))
    layer = torch.nn.Conv2d(2, 3, kernel_size, padding="same", dilation=dilation, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w))
        # The layer pads by itself in this mode, where the function would warn about even kernels.
        expected = torch.nn.functional.pad(torch.from_numpy(x), layer._reversed_padding_repeated_twice)
        expected = torch.nn.functional.conv2d(expected, layer.weight, dilation=dilation)
    ours = conv2d(x, w, padding="same", dilation=dilation, method=method)
    assert ours.shape[2:] == x.shape[2:]
    np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("tile", [(8, 10), (10, 30), (40, 16), (64, 64)])
@pytest.mark.parametrize("channels", [2, 20])  # Summed over one by one, and by a matrix product.
def test_fourier_with_tiles_of_any_size(kind, tile, channels, monkeypatch):
    fourier, gemm = (importlib.import_module(f"lecture5.conv.{name}") for name in ("fourier", "gemm"))
    monkeypatch.setattr(fourier, "best_tile", lambda *_: tile)
    settings = Settings((2, 3), ((3, 1), (0, 2)), (2, 1), 2)
    x, w = RNG.standard_normal((3, 2 * channels, 21, 30)), RNG.standard_normal((40, channels, 3, 5))
    found = fourier.forward(kind(x), kind(w), settings)
    np.testing.assert_allclose(np.asarray(found), gemm.forward(x, w, settings), atol=1e-10)


@pytest.mark.parametrize("stride", [1, 3])
def test_tiles_fit_the_output_and_are_even(stride):
    """Kernels of 31 on 256 cells: tiles are no larger than their share of the positions takes, rounded up."""
    fourier = importlib.import_module("lecture5.conv.fourier")
    settings = Settings((stride,), ((0, 0),), (1,), 1)
    (tile,) = fourier.best_tile((1, 8, 256), (8, 8, 31), settings, lambda x, w, s, tile: abs(tile[0] - 110))
    assert tile == {1: 108, 3: 108}[stride]  # Of 226 positions, 3 times 76; of 76, 3 times 26.


@pytest.mark.parametrize("m", [2, 3, 4, 5])
@pytest.mark.parametrize("product", ["forward", "input_grad", "weight_grad"])
def test_winograd_with_every_tile_and_in_many_blocks(product, m, monkeypatch):
    winograd, gemm = (importlib.import_module(f"lecture5.conv.{name}") for name in ("winograd", "gemm"))
    monkeypatch.setattr(winograd, "CACHE", 1)
    monkeypatch.setattr(winograd, "ENOUGH", 5)
    settings = Settings((1, 1), ((3, 1), (0, 2)), (1, 1), 2)
    x, w = RNG.standard_normal((3, 4, 21, 30)), RNG.standard_normal((6, 2, 3, 2))
    grad = RNG.standard_normal((3, 6, 23, 31))
    operands = {"forward": (x, w), "input_grad": (grad, w, (21, 30)), "weight_grad": (grad, x, (3, 2))}[product]
    expected = getattr(gemm, product)(*operands, settings)
    np.testing.assert_allclose(getattr(winograd, product)(*operands, settings, m), expected, atol=1e-10)


@pytest.mark.parametrize(("m", "r"), [(m, r) for r in (2, 3, 4, 5) for m in range(2, 9 - r)])
def test_winograd_matrices_filter_with_few_multiplications(m, r):
    found = importlib.import_module("lecture5.conv.winograd").matrices(m, r)
    x, w = RNG.standard_normal(m + r - 1), RNG.standard_normal(r)
    outputs = found["A"] @ ((found["B"] @ x) * (found["G"] @ w))
    np.testing.assert_allclose(outputs, np.correlate(x, w), atol=1e-12)


@pytest.mark.parametrize(
    ("taps", "m", "size", "at_most"),
    [((3, 3), 4, 40, 8), ((3, 3), 5, 40, 20), ((5, 5), 3, 40, 20), ((3, 3, 3), 4, 14, 20)],
)
def test_winograd_errs_a_few_times_as_much_as_the_definition(taps, m, size, at_most):
    winograd, gemm = (importlib.import_module(f"lecture5.conv.{name}") for name in ("winograd", "gemm"))
    axes = len(taps)
    settings = Settings((1,) * axes, ((1, 1),) * axes, (1,) * axes, 1)
    x, w = RNG.standard_normal((1, 32, *(size,) * axes)), RNG.standard_normal((16, 32, *taps))
    single = [array.astype(np.float32) for array in (x, w)]
    exact = gemm.forward(*(array.astype(np.float64) for array in single), settings)
    plain, fast = gemm.forward(*single, settings), winograd.forward(*single, settings, m)
    assert np.abs(plain - exact).max() < np.abs(fast - exact).max() < at_most * np.abs(plain - exact).max()


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "size", "expected"),
    [
        ((8, 64, 27, 27), (192, 64, 5, 5), (27, 27), 3),  # 9 × 9 tiles, none of them reaches over the edge.
        ((8, 256, 14, 14), (256, 256, 3, 3), (14, 14), 5),
        ((8, 64, 56, 56), (64, 64, 3, 3), (56, 56), 4),
        ((8, 384, 13, 13), (256, 384, 3, 3), (13, 13), 4),  # 5 would transform the kernel to more than 18 MiB.
        ((8, 128, 21, 30, 13), (96, 128, 5, 4, 4), (21, 30, 13), 2),  # 3 would err too much along three axes.
        ((9, 512, 40, 40), (2048, 512, 3, 3), (40, 40), 2),  # Nothing fits: the least.
    ],
)
def test_winograd_takes_the_tile_with_fewest_multiplications_that_memory_and_rounding_allow(
    x_shape, w_shape, size, expected
):
    winograd = importlib.import_module("lecture5.conv.winograd")
    assert winograd.best_tile(x_shape, w_shape, size) == expected


# Answers by hand: kernels and inputs that are neither square nor symmetric, so that no flip or swap goes unseen


@every_general_method
def test_one_dimension_by_hand(method):
    x = [[[1.0, 2.0, 4.0, 8.0, 16.0]]]
    assert conv1d(x, [[[1.0, 10.0, 100.0]]], method=method)[0, 0] == pytest.approx([421, 842, 1684])
    assert conv1d(x, [[[1.0, 10.0]]], stride=2, padding=[(0, 1)], method=method)[0, 0] == pytest.approx([21, 84, 16])
    assert conv1d(x, [[[1.0, 10.0]]], dilation=3, method=method)[0, 0] == pytest.approx([81, 162])


@every_general_method
def test_two_dimensions_by_hand(method):
    x = [[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0]]]]
    w = [[[[1.0, 10.0, 100.0], [0.0, 0.0, 1000.0]]]]
    expected = [[321 + 7000, 432 + 8000], [765 + 2000, 876 + 3000]]
    np.testing.assert_allclose(conv2d(x, w, method=method)[0, 0], expected)
    expected = [[1000 * 4], [2 * 1 + 3 * 10 + 4 * 100 + 8000], [6 + 70 + 800 + 3000], [1 + 20 + 300]]
    got = conv2d(x, w, stride=(1, 2), padding=(1, 0), method=method)[0, 0]
    assert got.shape == (4, 1)
    np.testing.assert_allclose(got, [[3000], [7321], [2765], [219]])


@every_general_method
def test_three_dimensions_channels_and_groups_by_hand(method):
    # Two groups of one channel; each kernel picks two voxels, one step apart on a different axis for each group.
    x = np.arange(2 * 2 * 2 * 3, dtype=float).reshape(1, 2, 2, 2, 3)
    w = np.zeros((2, 1, 2, 1, 2))
    w[0, 0, 0, 0, 0], w[0, 0, 1, 0, 0] = 1, 100
    w[1, 0, 0, 0, 0], w[1, 0, 0, 0, 1] = 1, 100
    got = conv3d(x, w, [0.5, 0.0], groups=2, method=method)
    np.testing.assert_allclose(got[0, 0], [[[600.5, 701.5], [903.5, 1004.5]]])
    np.testing.assert_allclose(got[0, 1], [[[1312, 1413], [1615, 1716]]])


def test_the_slide_of_alexnet():
    x, w = np.zeros((1, 3, 227, 227), np.float32), np.zeros((96, 3, 11, 11), np.float32)
    assert conv2d(x, w, np.zeros(96, np.float32), stride=4).shape == (1, 96, 55, 55)
    assert w.size + 96 == 34_944


# Properties


@every_method
@profile(max_examples=20)
@given(shift=st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
def test_shifting_the_input_shifts_the_output_when_borders_are_circular(method, shift):
    x, w = RNG.standard_normal((1, 2, 5, 6)), RNG.standard_normal((3, 2, 3, 2))
    settings = {"padding": "same", "padding_mode": "circular", "method": method}
    shifted = conv2d(np.roll(x, shift, (2, 3)), w, **settings)
    np.testing.assert_allclose(shifted, np.roll(conv2d(x, w, **settings), shift, (2, 3)), rtol=1e-10, atol=1e-10)


@every_method
@profile(max_examples=20)
@given(data=st.data())
def test_gradients_are_those_of_finite_differences(method, data):
    """The map is linear in each operand, so that a difference of two outputs is exact whatever the step."""
    x, w, settings = data.draw(convolutions(method))
    assume(len(x))
    settings = settings | {"method": method}
    conv = CONV[x.ndim - 2]
    y = conv(x, w, **settings)
    grad_output = RNG.standard_normal(y.shape)
    dx, dw = RNG.standard_normal(x.shape), RNG.standard_normal(w.shape)
    by_x = np.sum(dx * conv_input_grad(grad_output, w, x.shape, **settings))
    by_w = np.sum(dw * conv_weight_grad(grad_output, x, w.shape[2:], **settings))
    assert by_x == pytest.approx(np.sum((conv(x + dx, w, **settings) - y) * grad_output), rel=1e-9, abs=1e-9)
    assert by_w == pytest.approx(np.sum((conv(x, w + dw, **settings) - y) * grad_output), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("method", ["fourier", "torch"])
def test_tensor_methods_can_be_differentiated_twice(method):
    x, w = tensors(RNG.standard_normal((1, 2, 5, 4)), RNG.standard_normal((2, 2, 3, 2)), requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x, w: conv2d(x, w, stride=2, padding=1, method=method), (x, w))


@every_general_method
def test_the_operands_are_not_changed_and_the_result_is_new(method):
    x, w = np.ones((2, 1, 4, 4)), np.ones((1, 1, 1, 1))
    y = conv2d(x, w, [0.0], method=method)
    y += 5
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(x, 1)
    np.testing.assert_array_equal(w, 1)
    x.flags.writeable = w.flags.writeable = False
    np.testing.assert_array_equal(conv2d(x, w, method=method), 1)


# Kinds of numbers


@every_method
@pytest.mark.parametrize(
    ("x_dtype", "w_dtype", "expected"),
    [
        ("f2", "f2", "f2"),
        ("f4", "f4", "f4"),
        ("f8", "f8", "f8"),
        ("f4", "f8", "f8"),
        ("u1", "i1", "i8"),
        ("i8", "i8", "i8"),
        ("?", "?", "i8"),
        ("i4", "f4", "f8"),
        (">f4", ">f4", "f4"),
    ],
)
def test_dtypes(method, x_dtype, w_dtype, expected):
    x, w = RNG.integers(0, 2, (1, 2, 5, 6)).astype(x_dtype), RNG.integers(0, 2, (3, 2, 2, 3)).astype(w_dtype)
    y = conv2d(x, w, method=method)
    assert y.dtype == expected
    np.testing.assert_array_equal(np.rint(y), conv2d(x.astype(int), w.astype(int), method="direct"))


@every_method
def test_an_eight_bit_image_does_not_overflow(method):
    image = np.full((1, 1, 3, 3), 255, np.uint8)
    assert conv2d(image, np.ones((1, 1, 3, 3), np.uint8), method=method).item() == 9 * 255


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64])
def test_tensor_dtypes_are_kept(method, dtype):
    x, w = torch.ones(1, 2, 4, 5).to(dtype), torch.ones(3, 2, 2, 3).to(dtype)
    y = conv2d(x, w, method=method)
    assert y.dtype == dtype
    assert torch.all((y - 12).abs() < 0.1)


def test_arrays_and_lists_join_a_tensor():
    y = conv2d(torch.ones(1, 1, 2, 2), [[[[1, 2]]]], np.ones(1, np.float32))
    assert isinstance(y, torch.Tensor)
    assert y.tolist() == [[[[4.0], [4.0]]]]


@every_method
def test_an_empty_batch_has_an_empty_output_and_a_zero_gradient(method):
    x, w = np.ones((0, 4, 5, 6)), np.ones((2, 2, 3, 2))
    y = conv2d(x, w, np.ones(2), groups=2, stride=2, method=method)
    assert y.shape == (0, 2, 2, 3)
    assert conv_input_grad(y, w, x.shape, groups=2, stride=2, method=method).shape == x.shape
    grad_w = conv_weight_grad(y, x, (3, 2), groups=2, stride=2, method=method)
    np.testing.assert_array_equal(grad_w, np.zeros(w.shape))


# A convolution with strides, as one of phases


def test_phases_by_hand():
    phases = importlib.import_module("lecture5.conv.phases")
    x, w = np.array([[[1, 2, 3, 4, 5]]]), np.array([[[1, 10, 100, 1000]]])
    settings = Settings((3,), ((1, 0),), (1,), 1)  # Of 0 1 2 3 4 5 the kernel sees 0 1 2 3 only, at one position.
    assert phases.size_of((4,), (1,), (3,)) == (2,)
    assert phases.of_input(x, (2,), settings).tolist() == [[[0, 3], [1, 4], [2, 5]]]
    of_kernel = phases.of_kernel(w, (3,))
    assert of_kernel.tolist() == [[[1, 1000], [10, 0], [100, 0]]]
    assert phases.to_kernel(of_kernel, (4,), (3,)).tolist() == w.tolist()
    assert phases.to_input(np.arange(6).reshape(1, 3, 2), (5,), settings).tolist() == [[[2, 4, 1, 3, 5]]]


@profile(max_examples=50)
@given(data=st.data())
def test_a_convolution_of_the_phases_is_the_convolution_with_strides(data):
    phases, gemm = (importlib.import_module(f"lecture5.conv.{name}") for name in ("phases", "gemm"))
    x, w, settings = data.draw(convolutions("winograd"))
    assume(len(x))
    settings = lecture5.conv.operands.checked_settings(x.shape[2:], w.shape[2:], **settings)
    output_size = settings.output_size(x.shape[2:], w.shape[2:])
    size = phases.size_of(w.shape[2:], output_size, settings.stride)
    x_phases, w_phases = phases.of_input(x, size, settings), phases.of_kernel(w, settings.stride)
    assert x_phases.nbytes == 2 * len(x) * phases.input_bytes(x.shape, size, settings)  # That counts four-byte numbers.
    found = gemm.forward(x_phases, w_phases, settings.plain())
    np.testing.assert_allclose(found, gemm.forward(x, w, settings), rtol=1e-10, atol=1e-10)


# What "auto" chooses


def test_auto_takes_winograd_for_a_large_kernel_with_a_stride_while_its_phases_are_small():
    """AlexNet's first layer. The phases of an image of 1,000 pixels would be a copy of twelve megabytes."""
    cost = importlib.import_module("lecture5.conv.cost")
    settings = Settings((4, 4), ((2, 2), (2, 2)), (1, 1), 1)
    for samples, size, product, method in [
        (1, 224, "forward", "winograd"),
        (1, 1000, "forward", "gemm"),
        (16, 224, "forward", "winograd"),
        (1, 224, "input_grad", "winograd"),
        (1, 224, "weight_grad", "winograd"),
        (16, 224, "weight_grad", "gemm"),  # It needs those of all samples at once.
    ]:
        x, w = np.ones((samples, 3, size, size), np.float32), np.ones((64, 3, 11, 11), np.float32)
        grad = np.ones((samples, 64, *settings.output_size((size, size), (11, 11))), np.float32)
        a, b = {"forward": (x, w), "input_grad": (grad, w), "weight_grad": (grad, x)}[product]
        assert cost.fastest(product, a, b, x.shape, w.shape, settings) == method


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["x", "w"])
def test_auto_keeps_what_is_not_finite_in_its_place(place, bad, dtype):
    """Winograd's method, which it would take, spreads it over a tile."""
    x, w = np.ones((1, 64, 42, 42), dtype), np.ones((64, 64, 3, 3), dtype)
    cost = importlib.import_module("lecture5.conv.cost")
    settings = Settings((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert cost.fastest("forward", x, w, x.shape, w.shape, settings) == "winograd"
    {"x": x, "w": w}[place][0, 3, 1, 2] = bad
    assert cost.fastest("forward", x, w, x.shape, w.shape, settings) == "gemm"
    y = conv2d(x, w)
    touched = np.zeros(y.shape, bool)
    touched[:, :, :2, :3] = place == "x"
    touched[:, 0] |= place == "w"
    np.testing.assert_array_equal(~np.isfinite(y), touched)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_auto_takes_fourier_for_a_large_kernel_and_not_for_a_small_one(kind, monkeypatch):
    chosen = []

    def recorded(name):
        chosen.append(name)
        return importlib.import_module(name)

    monkeypatch.setattr(lecture5.conv.core, "import_module", recorded)
    x = kind(np.ones((1, 4, 128, 128), np.float32))
    conv2d(x, kind(np.ones((4, 4, 63, 63), np.float32)))
    conv2d(x, kind(np.ones((4, 4, 3, 3), np.float32)))
    assert chosen[0] == "lecture5.conv.fourier"
    assert chosen[1] != "lecture5.conv.fourier"


@pytest.mark.parametrize("product", ["forward", "input_grad", "weight_grad"])
def test_auto_takes_the_matrix_product_for_many_small_images(product):
    """LeNet's layers, 64 images: with 1 to 16 channels, windows or frequencies cost more to make than they save."""
    cost = importlib.import_module("lecture5.conv.cost")
    layers = [((64, 1, 28, 28), (6, 1, 5, 5), 2, 28), ((64, 6, 14, 14), (16, 6, 5, 5), 0, 10)]
    for x_shape, w_shape, padding, size in layers:
        x, w, grad = (np.ones(shape, np.float32) for shape in (x_shape, w_shape, (64, w_shape[0], size, size)))
        a, b = {"forward": (x, w), "input_grad": (grad, w), "weight_grad": (grad, x)}[product]
        settings = Settings((1, 1), ((padding, padding),) * 2, (1, 1), 1)
        assert cost.fastest(product, a, b, x_shape, w_shape, settings) == "gemm"


@pytest.mark.parametrize("product", ["forward", "input_grad", "weight_grad"])
def test_winograd_needs_little_memory_besides_its_result(product):
    """The kernel's transform, kept once, and some tiles: less than 32 MiB."""
    winograd, measure = (importlib.import_module(f"lecture5.{name}") for name in ("conv.winograd", "bench.measure"))
    x, w, grad = (np.ones(shape, np.float32) for shape in [(8, 192, 13, 13), (384, 192, 3, 3), (8, 384, 13, 13)])
    operands = {"forward": (x, w), "input_grad": (grad, w, (13, 13)), "weight_grad": (grad, x, (3, 3))}[product]
    result = {"forward": grad, "input_grad": x, "weight_grad": w}[product]
    settings = Settings((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    with measure.threads(1):
        extra = measure.extra_memory(lambda: getattr(winograd, product)(*operands, settings), result.nbytes)
    assert extra < 32 * 2**20


# Planted errors: the comparison above must see each of them


def assert_module_agrees_with_torch(module):
    """Compare the three products of a method with torch on settings where nothing is equal to anything else."""
    simple = (2, (1, 1), ((1, 0), (0, 2)), (1, 1))
    varied = [(2, (2, 3), ((1, 2), (2, 0)), (3, 2)), (1, (1, 4), ((0, 1), (5, 1)), (1, 2))]
    strided = (2, (1, 3), ((1, 0), (2, 1)), (1, 1))
    for groups, stride, padding, dilation in [simple, *([strided] if "winograd" in module.__name__ else varied)]:
        x, w = RNG.standard_normal((2, 2 * groups, 12, 11)), RNG.standard_normal((3 * groups, 2, 2, 4))
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        y, grad_output, grad_x, grad_w = torch_products(x, w, settings)
        settings = Settings(stride, padding, dilation, groups)
        np.testing.assert_allclose(module.forward(x, w, settings), y, atol=1e-10)
        np.testing.assert_allclose(module.input_grad(grad_output, w, x.shape[2:], settings), grad_x, atol=1e-10)
        np.testing.assert_allclose(module.weight_grad(grad_output, x, w.shape[2:], settings), grad_w, atol=1e-10)


PLANTED = {
    "direct": [
        ("w[k] * x[n, *window]", "w[k] * x[n, *window][..., ::-1]"),
        ("slice(i * s, i * s + reach, d)", "slice(i * d, i * d + reach, d)"),
        ("k // (out_channels // settings.groups)", "k % settings.groups"),
        ("slice(before, before + size)", "slice(0, size)"),
    ],
    "windows": [
        ("(*settings.stride, *settings.dilation)", "(*settings.dilation, *settings.stride)"),
        ("[g, k, c, *taps]", "[g, k, c, *taps[::-1]]"),
        ("settings.groups, -1, *w.shape[1:]", "-1, settings.groups, *w.shape[1:]"),
    ],
    "gemm": [
        (
            "columns.reshape(settings.groups, kernel.shape[2], -1)",
            "columns.reshape(kernel.shape[2], settings.groups, -1).swapaxes(0, 1)",
        ),
        ("target += ", "target[...] = "),
        ("out=target.reshape", "out=target.copy().reshape"),
        ("_product(columns_of.swapaxes(1, 2), grad)", "_product(columns_of[..., ::-1].swapaxes(1, 2), grad)"),
    ],
    "columns": [
        ("stride * gap for stride, gap", "stride for stride, gap"),
        ("stride * step for stride, step", "stride for stride, step"),
        ("divmod(first * gap, phases)", "divmod(first, phases)"),
        ("of_cell * apart * gap // phases", "of_cell * apart // phases"),
        ("of_cell * step // phases", "of_cell * step"),
        ("ahead : ahead + row", "0:row"),
        ("(phase - row.start) % phases", "phase"),
        ("(row.start + first) // phases", "row.start // phases"),
        ("        padded[...] = 0\n    if", "        pass\n    if"),
        ("positions.start * stride - before", "positions.start * stride - before + 1"),
        ("met += columns", "met[...] = columns"),
        ("x[block.samples, :, *inside] += ", "x[block.samples, :, *inside] = "),
        ("slice(a * channels, b * channels)", "slice(a, b)"),
    ],
    "fourier": [
        ("np.flip(w, axes)", "w"),
        ("slice(span - 1, size, stride)", "slice(0, size, stride)"),
        ("filters.swapaxes(1, 2)", "filters"),
        ("cells[...] = 0\n", "\n"),
        ("(size - span) // stride + 1", "(size - span) // stride + 2"),
    ],
    "winograd": [
        ("w.dtype)[:, ::-1]", "w.dtype)"),
        ("taps - 1 - before, taps - 1 - after", "taps - 1 - after, taps - 1 - before"),
        ("[matrix.T for matrix in of_outputs]", "[matrix.T[::-1] for matrix in of_outputs]"),
        ("*axes[::2], 1, *axes[1::2])", "*axes[::2], 1, *axes[:0:-2])"),
        ("total += np.matmul", "total[...] = np.matmul"),
        ("if len(size) % 2 else", "if not len(size) % 2 else"),
        ("(values.swapaxes(-1, -2), of_last.T", "(values.swapaxes(-1, -2), of_last[::-1].T"),
        ("y[first:last] = forward", "y[: last - first] = forward"),
    ],
    "phases": [
        ("*axes[1::2], *axes[::2])", "*axes[::2], *axes[1::2])"),
        ("zip(second, first, strict=True)", "zip(first, second, strict=True)"),
        ("start * step + first - before", "start * step + first"),
        ("(before - first) // step", "before // step"),
        ("min(places - start, ", "min(places - start - 1, "),
        ("    phases[...] = 0\n", "    phases[...] = 1\n"),
        ("x[:, :, *of_x] = phases[:, :, *phase, *of_phase]", "x[:, :, *of_x] = phases[:, :, *phase[::-1], *of_phase]"),
    ],
    "matrix": [
        (".T @ grad_output", " @ grad_output"),
        ("y.T", "y[::-1].T"),
    ],
    "gradients": [
        ("(span - 1 - before,", "(span - before,"),
        ("w.flip(axes) if arguments.is_tensor(w) else np.flip(w, axes)", "w"),
        ("before, size - stuffed_size + before)", "before, size - stuffed_size)"),
        ("    x = x.reshape(len(x), groups * samples", "    x = x.swapaxes(1, 2).reshape(len(x), groups * samples"),
        ("stuffed[:, :, *(slice(None, None, step)", "stuffed[:, :, *(slice(step - 1, None, step)"),
    ],
}


@pytest.mark.parametrize("name", CONV_METHODS[1:])
def test_the_comparison_passes_without_planted_errors(name):
    assert_module_agrees_with_torch(importlib.import_module(f"lecture5.conv.{name}"))


@pytest.mark.parametrize(("name", "old", "new"), [(name, *pair) for name, pairs in PLANTED.items() for pair in pairs])
def test_a_planted_error_is_caught(name, old, new, monkeypatch):
    module = importlib.import_module(f"lecture5.conv.{name}")
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"the line to break is not in {name}.py any more"
    broken = ModuleType(f"broken_{name}")
    exec(compile(source.replace(old, new), broken.__name__, "exec"), broken.__dict__)
    if name == "gradients":  # They need a method's forward.
        windows = importlib.import_module("lecture5.conv.windows")
        broken.forward = windows.forward
        broken.input_grad = partial(broken.input_grad, windows.forward)
        broken.weight_grad = partial(broken.weight_grad, windows.forward)
    if name == "phases":  # A part of another method, as the next one.
        monkeypatch.setattr(importlib.import_module("lecture5.conv.winograd"), "phases", broken)
        broken = importlib.import_module("lecture5.conv.winograd")
    if name == "columns":
        gemm = importlib.import_module("lecture5.conv.gemm")
        for part in ("blocks", "gather", "parts", "scatter"):
            monkeypatch.setattr(gemm, part, getattr(broken, part))
        broken = gemm
    if hasattr(broken, "CACHE"):  # Many small blocks, so that a mistake in one or between two of them is seen.
        monkeypatch.setattr(broken, "CACHE", 4000)
        monkeypatch.setattr(broken, "ENOUGH", 1, raising=False)
        monkeypatch.setattr(broken, "INPUT_MEMORY", 1, raising=False)  # So that each sample's phases come on their own.
    with pytest.raises((AssertionError, ValueError, IndexError)):
        assert_module_agrees_with_torch(broken)


# Blocks and threads


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("cache", [1, 2000, 2**20])
def test_blocks_and_threads_do_not_change_the_result(threads, cache, monkeypatch):
    pytest.importorskip("threadpoolctl")
    gemm, shared = (importlib.import_module(f"lecture5.conv.{name}") for name in ("gemm", "threads"))
    monkeypatch.setattr(gemm, "CACHE", cache)
    monkeypatch.setattr(gemm, "WORTH_A_THREAD", 1)
    for module in (gemm, shared):
        monkeypatch.setattr(module, "thread_count", lambda: threads)
    assert_module_agrees_with_torch(gemm)


def test_an_error_in_a_thread_is_raised_and_the_next_call_still_works(monkeypatch):
    pytest.importorskip("threadpoolctl")
    shared = importlib.import_module("lecture5.conv.threads")
    monkeypatch.setattr(shared, "thread_count", lambda: 2)
    for broken in ("first", "second"):
        with pytest.raises(ZeroDivisionError):
            shared.in_threads(lambda part, broken=broken: 1 / (broken not in part), ["first", "second"])
    done = []
    shared.in_threads(done.extend, ["first", "second"])
    assert sorted(done) == ["first", "second"]


# The package itself


def test_the_methods_are_listed_and_each_module_has_the_three_products():
    for name in CONV_METHODS[1:]:
        module = importlib.import_module(f"lecture5.conv.{name}")
        assert all(callable(getattr(module, product)) for product in ("forward", "input_grad", "weight_grad"))


def test_padding_before_or_within_makes_no_difference():
    x, w = RNG.standard_normal((1, 1, 5, 6)), RNG.standard_normal((1, 1, 2, 3))
    np.testing.assert_array_equal(conv2d(x, w, padding=[(1, 2), 3]), conv2d(pad(x, [(1, 2), 3]), w))
