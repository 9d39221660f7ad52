"""Sizes and receptive fields: the lecture's own numbers, torch as the oracle, and the support of a real gradient."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lecture5 import conv_output_size, conv_transpose_output_size, receptive_field

sizes = st.integers(1, 12)
settings = {"kernel_size": st.integers(1, 5), "stride": st.integers(1, 4), "padding": st.integers(0, 3)}


@pytest.mark.parametrize(
    ("input_size", "padding", "expected"),
    [(227, 0, 55), (224, 0, 54), (224, 2, 55), (227, 2, 56)],
)
def test_first_layer_of_alexnet_and_its_near_misses(input_size, padding, expected):
    assert conv_output_size(input_size, 11, stride=4, padding=padding) == expected


@given(input_size=st.integers(1, 30), dilation=st.integers(1, 4), **settings)
def test_conv_output_size_agrees_with_torch(input_size, kernel_size, stride, padding, dilation):
    assume(dilation * (kernel_size - 1) < input_size + 2 * padding)
    x, w = torch.zeros(1, 1, input_size), torch.zeros(1, 1, kernel_size)
    expected = torch.nn.functional.conv1d(x, w, stride=stride, padding=padding, dilation=dilation).shape[-1]
    assert conv_output_size(input_size, kernel_size, stride, padding, dilation) == expected


@given(input_size=sizes, dilation=st.integers(1, 4), output_padding=st.integers(0, 3), **settings)
def test_conv_transpose_output_size_agrees_with_torch(
    input_size, kernel_size, stride, padding, output_padding, dilation
):
    assume(output_padding < max(stride, dilation))
    arguments = (input_size, kernel_size, stride, padding, output_padding, dilation)
    x, w = torch.zeros(1, 1, input_size), torch.zeros(1, 1, kernel_size)
    try:
        output = torch.nn.functional.conv_transpose1d(x, w, None, stride, padding, output_padding, 1, dilation)
    except RuntimeError:
        with pytest.raises(ValueError, match="use less padding"):
            conv_transpose_output_size(*arguments)
    else:
        assert conv_transpose_output_size(*arguments) == output.shape[-1]


def test_several_input_sizes_lead_to_one_output_size_and_output_padding_tells_them_apart():
    for output_padding, size in enumerate([11, 12, 13]):
        small = conv_output_size(size, 5, stride=3)
        assert small == 3
        assert conv_transpose_output_size(small, 5, stride=3, output_padding=output_padding) == size


def test_receptive_fields_of_yu_and_koltun():
    layers = [(3, 1, 0, dilation) for dilation in (1, 1, 2, 4, 8, 16, 1)] + [(1, 1, 0, 1)]
    assert [field.size for field in receptive_field(layers)] == [3, 5, 9, 17, 33, 65, 67, 67]


def test_receptive_field_by_hand():
    # Kernel 2 sees cells 0 and 1: centre 0.5. Then stride 3 with padding 1: the window of units -1, 0, 1, where unit u
    # has its centre at 0.5 + u; the middle one is unit 0.
    assert receptive_field([(2,), (3, 3, 1)]) == [(2, 1, 0.5), (4, 3, 0.5)]
    # Two strided layers multiply their jumps; the dilated third takes steps of 6: reach 2 * 2 * 6.
    assert receptive_field([(2, 2), (3, 3), (3, 1, 0, 2)]) == [(2, 2, 0.5), (6, 6, 2.5), (30, 6, 14.5)]
    assert receptive_field([]) == []


@given(st.lists(st.tuples(*settings.values(), st.integers(1, 3)), min_size=1, max_size=3))
def test_receptive_field_is_the_support_of_the_gradient(layers):
    field = receptive_field(layers)[-1]
    x = torch.zeros(1, 1, 150, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel_size, stride, padding, dilation in layers:
        ones = torch.ones(1, 1, kernel_size, dtype=torch.float64)
        y = torch.nn.functional.conv1d(y, ones, stride=stride, padding=padding, dilation=dilation)
    for unit in range(y.shape[-1]):
        centre = field.start + unit * field.jump
        first, last = centre - (field.size - 1) / 2, centre + (field.size - 1) / 2
        if first < 0 or last > 149:
            continue  # The field hangs over the border, where there is nothing to depend on.
        (gradient,) = torch.autograd.grad(y[0, 0, unit], x, retain_graph=True)
        support = np.flatnonzero(gradient[0, 0].numpy())
        assert (support[0], support[-1]) == (first, last)
        return
    raise AssertionError("no unit lies whole inside the input: the test needs a longer one")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: conv_output_size(5, 6), ValueError, r"kernel_size is 6 .* padded input has only 5 .*pad more"),
        (lambda: conv_output_size(5, 3, dilation=3), ValueError, "spans 7 cells"),
        (lambda: conv_output_size(5, 3, stride=0), ValueError, "stride is 0, but it must be at least 1"),
        (lambda: conv_output_size(5, 3, padding=-1), ValueError, "padding is -1, but it must be at least 0"),
        (lambda: conv_output_size(float("nan"), 3), TypeError, r"input_size is nan \(float\)"),
        (lambda: conv_output_size(5.0, 3), TypeError, "input_size is 5.0"),
        (lambda: conv_transpose_output_size(3, 3, 2, output_padding=2), ValueError, "output_padding is 2.*stride"),
        (lambda: conv_transpose_output_size(1, 3, padding=2), ValueError, "removes 4 cells of .* only 3"),
        (lambda: receptive_field([(3, 1), ()]), ValueError, r"layers\[1\] is \(\)"),
        (lambda: receptive_field([3]), ValueError, r"layers\[0\] is 3"),
        (lambda: receptive_field([(3, 0)]), ValueError, r"stride of layers\[0\] is 0"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
