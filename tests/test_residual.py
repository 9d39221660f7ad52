"""The residual block and network in numpy: torch's modules forward, autograd backward, and the shortcut by itself."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture5 import nets, relu, relu_grad, residual_block, residual_network

rng = np.random.default_rng(20)


class TorchBlock(nn.Module):
    """The block of He et al. in torch, written out here so that it shares nothing with what it checks."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x):
        hidden = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(hidden)) + self.downsample(x))


def with_random_norms(module, seed=0):
    """Make all γ, β and running statistics differ from their starting values, so that none can be forgotten."""
    torch.manual_seed(seed)
    module = module.double()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return module


def arrays(module):
    return {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}


def check_against_torch(module, ours, x, training):
    """Compare the output, all gradients, and the running statistics afterwards."""
    parameters = arrays(module)
    y, backward = ours(x, parameters)
    tensor = torch.tensor(x, requires_grad=True)
    expected = module.train(training)(tensor)
    np.testing.assert_allclose(y, expected.detach(), rtol=0, atol=1e-10)

    grad_y = rng.standard_normal(y.shape)
    names, weights = zip(*module.named_parameters(), strict=True)
    expected_x, *expected_grads = torch.autograd.grad(expected, [tensor, *weights], torch.tensor(grad_y))
    grad_x, grads = backward(grad_y)
    np.testing.assert_allclose(grad_x, expected_x, rtol=0, atol=1e-9)
    assert sorted(grads) == sorted(names)
    for name, grad in zip(names, expected_grads, strict=True):
        np.testing.assert_allclose(grads[name], grad, rtol=1e-8, atol=1e-8, err_msg=name)
    for name, value in arrays(module).items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(parameters[name], value, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("in_channels", "out_channels", "stride", "size"),
    [(3, 3, 1, (5, 4)), (2, 4, 2, (7, 6)), (3, 5, 1, (4, 4)), (3, 3, 2, (5, 8)), (4, 2, 2, (6, 6))],
)
def test_block_agrees_with_torch(in_channels, out_channels, stride, size, training):
    block = with_random_norms(TorchBlock(in_channels, out_channels, stride))
    x = rng.standard_normal((3, in_channels, *size))
    check_against_torch(
        block, lambda x, parameters: residual_block(x, parameters, stride=stride, training=training), x, training
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shortcut", ["projection", "pad"])
def test_a_whole_network_agrees_with_torch(shortcut, training):
    model = with_random_norms(
        nets.ResNet(nets.BasicBlock, [2, 1, 1], widths=(3, 4, 6), stem="cifar", num_classes=5, shortcut=shortcut)
    )
    x = rng.standard_normal((2, 3, 9, 8))
    check_against_torch(model, lambda x, parameters: residual_network(x, parameters, training=training), x, training)


def test_more_than_nine_blocks_are_in_order():
    model = with_random_norms(
        nets.ResNet(nets.BasicBlock, [11], widths=(2,), stem="cifar", in_channels=1, num_classes=2)
    ).eval()
    x = rng.standard_normal((1, 1, 4, 4))
    with torch.no_grad():
        expected = model(torch.tensor(x))
    np.testing.assert_allclose(residual_network(x, arrays(model), training=False)[0], expected, atol=1e-10)


def test_steps_against_the_gradient_lower_the_loss():
    """A few steps of training by hand, to tell bright upper halves of images from bright lower ones."""
    torch.manual_seed(0)
    model = nets.ResNet(nets.BasicBlock, [1, 1], widths=(4, 8), stem="cifar", in_channels=1, num_classes=2)
    parameters = arrays(model.double())
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((16, 1, 6, 6)), np.arange(16) % 2
    x[labels == 0, :, :3] += 1
    x[labels == 1, :, 3:] += 1
    losses = []
    for _ in range(20):
        scores, backward = residual_network(x, parameters)
        chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        losses.append(-np.log(chances[np.arange(16), labels]).mean())
        _, grads = backward((chances - np.eye(2)[labels]) / 16)
        for name, grad in grads.items():
            parameters[name] -= 0.3 * grad
    assert losses[-1] < 0.5 * losses[0]


def test_the_gradient_takes_the_shortcut():
    """Whatever the branch does, with its last γ at 0 the gradient comes back as it is; a plain stack returns none."""
    block = with_random_norms(TorchBlock(3, 3, 1))
    parameters = arrays(block)
    parameters["bn2.weight"][:] = 0
    parameters["bn2.bias"][:] = 0
    x, grad_y = rng.uniform(0.1, 1, (2, 3, 4, 4)), rng.standard_normal((2, 3, 4, 4))
    y, backward = residual_block(x, parameters)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(backward(grad_y)[0], grad_y)


def test_identity_shortcut_that_changes_the_shape():
    """Every other cell of two channels, and a third of zeros."""
    zeros = {name: np.zeros(3) for name in ("bn1.weight", "bn1.bias", "bn2.weight", "bn2.bias")}
    parameters = {"conv1.weight": np.zeros((3, 2, 3, 3)), "conv2.weight": np.zeros((3, 3, 3, 3)), **zeros}
    x = rng.uniform(0.1, 1, (1, 2, 5, 4))
    y, backward = residual_block(x, parameters, stride=2)
    np.testing.assert_array_equal(y[:, :2], x[:, :, ::2, ::2])
    np.testing.assert_array_equal(y[:, 2], 0)
    expected = np.zeros_like(x)
    expected[:, :, ::2, ::2] = 7
    np.testing.assert_array_equal(backward(np.full_like(y, 7))[0], expected)


def test_relu():
    x = np.array([-1.5, -0.0, 0.0, 2.0])
    np.testing.assert_array_equal(relu(x), [0, 0, 0, 2])
    np.testing.assert_array_equal(relu_grad(np.full(4, 3), x), [0, 0, 0, 3])


def test_tensors_and_single_precision():
    block = with_random_norms(TorchBlock(2, 3, 2)).float()
    x = torch.randn(2, 2, 5, 5)
    y, backward = residual_block(x, block.state_dict(), stride=2)
    grad_x, grads = backward(torch.ones_like(y))
    assert isinstance(grad_x, torch.Tensor)
    in_numpy, numpy_backward = residual_block(x.numpy(), arrays(block), stride=2)
    assert in_numpy.dtype == "f4"
    np.testing.assert_allclose(y, in_numpy, atol=1e-4)
    np.testing.assert_allclose(grad_x, numpy_backward(np.ones_like(in_numpy))[0], atol=1e-3)
    assert all(isinstance(grad, torch.Tensor) for grad in grads.values())


def test_errors_name_what_is_missing():
    block = arrays(TorchBlock(4, 2, 1).double())
    x = np.ones((2, 4, 3, 3))
    with pytest.raises(ValueError, match=r"no 'conv2\.weight'"):
        residual_block(x, {name: value for name, value in block.items() if name != "conv2.weight"})
    without = {name: value for name, value in block.items() if not name.startswith("downsample")}
    with pytest.raises(ValueError, match="from 4 channels to 2"):
        residual_block(x, without)
    with pytest.raises(ValueError, match="reads 4 input channels"):
        residual_block(x[:, :3], block)
    with pytest.raises(ValueError, match=r"no 'fc\.weight'"):
        residual_network(x[:, :4], {"conv1.weight": block["conv1.weight"], "bn1.weight": [1, 1], "bn1.bias": [0, 0]})
