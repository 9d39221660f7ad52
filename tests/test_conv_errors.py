"""Wrong input gets an error that names the argument, its value, and what would be right."""

import numpy as np
import pytest
import torch

from lecture5 import CONV_METHODS, conv1d, conv2d, conv3d, conv_input_grad, conv_weight_grad

X, W = np.ones((2, 4, 6, 7)), np.ones((6, 4, 3, 2))
LARGE = np.zeros((1, 10, 260, 260))
GRAD = np.ones((2, 6, 4, 6))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: conv2d(X[0], W), ValueError, r"x has shape \(4, 6, 7\), 3 axes, .*\(N, C, height, width\).*x\[None\]"),
        (lambda: conv2d(X[0, 0], W), ValueError, r"for one sample with one channel, write x\[None, None\]"),
        (lambda: conv1d(X, W), ValueError, r"x has shape .* but it must be \(N, C, length\)$"),
        (lambda: conv3d(X, W), ValueError, r"\(N, C, depth, height, width\)"),
        (lambda: conv2d(X, W[0]), ValueError, r"w has shape \(4, 3, 2\).*\(out_channels, in_channels / groups, height"),
        (lambda: conv2d(X, W[:, :3]), ValueError, r"reads 3 input channels, .* has 4: w must be \(6, 4, 3, 2\)"),
        (lambda: conv2d(X, W, groups=2), ValueError, r"4 × 2 groups .* has 4: w must be \(6, 2, 3, 2\)"),
        (lambda: conv2d(X, W, groups=4), ValueError, "groups is 4, .* output channels, 6"),
        (lambda: conv2d(X, W[:, :1], groups=3), ValueError, "groups is 3, .* input channels, 4"),
        (lambda: conv2d(X, W, groups=0), ValueError, "groups is 0, but it must be at least 1"),
        (lambda: conv2d(X, W, np.ones(5)), ValueError, r"bias has shape \(5,\), but it must be \(6,\)"),
        (lambda: conv2d(X, W, 1.0), ValueError, r"bias has shape \(\), but it must be \(6,\)"),
        (lambda: conv2d(X, np.ones((1, 4, 7, 2))), ValueError, r"size \(7, 2\) .* padded input has only \(6, 7\)"),
        (lambda: conv2d(X, W, dilation=4), ValueError, r"dilation \(4, 4\), so it spans \(9, 5\) cells"),
        (lambda: conv2d(X, W, stride=0), ValueError, "stride is 0, but it must be at least 1"),
        (lambda: conv2d(X, W, stride=(1, -2)), ValueError, r"stride\[1\] is -2"),
        (lambda: conv2d(X, W, stride=(1, 1, 1)), ValueError, "stride is .*, 3 values, but there are 2 spatial axes"),
        (lambda: conv2d(X, W, stride=1.0), TypeError, "stride is 1.0"),
        (lambda: conv2d(X, W, stride=float("nan")), TypeError, "stride is nan"),
        (lambda: conv2d(X, W, dilation=0), ValueError, "dilation is 0"),
        (lambda: conv2d(X, W, padding=-1), ValueError, "padding is -1"),
        (lambda: conv2d(X, W, padding="full"), ValueError, "padding is 'full'.*'same', 'valid'"),
        (lambda: conv2d(X, W, padding="same", stride=2), ValueError, "'same' needs stride 1"),
        (lambda: conv2d(X, W, padding_mode="mirror"), ValueError, "padding_mode is 'mirror'.*'reflect'"),
        (lambda: conv2d(X, W, padding=6, padding_mode="reflect"), ValueError, "axis of 6 cells.*at most 5"),
        (lambda: conv2d(X, W, method="fft"), ValueError, "method is 'fft'.*" + ", ".join(map(repr, CONV_METHODS))),
        (lambda: conv2d(LARGE, LARGE[:, :, :9, :9], method="matrix"), ValueError, "method is 'matrix', .* 51,438,240"),
        (
            lambda: conv2d(X, W, stride=2, method="winograd"),
            ValueError,
            r"\(3, 2\), \(2, 2\) and \(1, 1\)",
        ),
        (
            lambda: conv2d(X, W[:, :, :1], method="winograd"),
            ValueError,
            "a kernel larger than the stride and at most five times as large, but .* are \\(1, 2\\), \\(1, 1\\)",
        ),
        (lambda: conv2d(X.astype(object), W), TypeError, "x has dtype object"),
        (lambda: conv2d(X + 0j, W), TypeError, "x has dtype complex128"),
        (lambda: conv2d(X, W + 0j), TypeError, "w has dtype complex128"),
        (lambda: conv2d(torch.ones(2, 4, 6, 7) + 0j, W), TypeError, "x has dtype torch.complex64"),
        (lambda: conv2d([[[[1, 2], [3]]]], W), TypeError, "x is ragged"),
        (lambda: conv2d("image", W), TypeError, "x has dtype"),
        (lambda: conv2d(None, W), TypeError, "x has dtype object"),
        (lambda: conv2d(X[:, :, :0], W), ValueError, r"x has shape \(2, 4, 0, 7\), .* only N may be 0"),
        (lambda: conv2d(X, W[:0]), ValueError, r"w has shape \(0, 4, 3, 2\), but each of its sizes"),
        (lambda: conv_input_grad(GRAD, W, (6, 7)), ValueError, r"is \(6, 7\), .* whole shape, \(N, C, height, width\)"),
        (lambda: conv_input_grad(GRAD, W, (2, 4, 6.0, 7)), TypeError, r"input_shape\[2\] is 6.0"),
        (lambda: conv_input_grad(GRAD, W, (2, 3, 6, 7)), ValueError, "w has shape .* input has 3"),
        (lambda: conv_input_grad(GRAD, W, (2, 4, 6, 8)), ValueError, r"grad_output .* has \(2, 6, 4, 7\)"),
        (lambda: conv_input_grad(GRAD, W, (1, 4, 6, 7)), ValueError, r"grad_output .* has \(1, 6, 4, 6\)"),
        (lambda: conv_input_grad(GRAD, W[0, 0], X.shape), ValueError, r"w has shape \(3, 2\), 2 axes"),
        (lambda: conv_weight_grad(GRAD, X, (3, 3)), ValueError, r"grad_output .* has \(2, 6, 4, 5\)"),
        (lambda: conv_weight_grad(GRAD, X, 0), ValueError, "kernel_size is 0"),
        (lambda: conv_weight_grad(GRAD, X, (3, 2), groups=4), ValueError, "groups is 4"),
        (lambda: conv_weight_grad(GRAD[0], X, (3, 2)), ValueError, r"grad_output has shape \(6, 4, 6\)"),
        (lambda: conv_weight_grad(GRAD, X[0, 0], (3, 2)), ValueError, r"x has shape \(6, 7\), 2 axes"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_operands_on_two_devices_are_named():
    with pytest.raises(ValueError, match="w is on device meta, but another operand is on cpu"):
        conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1, device="meta"))
