"""The networks: parameters, shapes and names as published, and blocks that compute what their formula says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lecture5 import layer_costs, nets

# torchvision 0.29's own models' state dicts: name and shape of each entry, in order.
TORCHVISION = json.loads((Path(__file__).parent / "torchvision_shapes.json").read_text())
pytestmark = pytest.mark.usefixtures("one_thread")
BUILDERS = {"alexnet": nets.AlexNet, "resnet18": nets.resnet18, "resnet34": nets.resnet34, "resnet50": nets.resnet50}


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def meta(build, **options):
    """A model without memory for its weights: enough to look at names, shapes and counts."""
    with torch.device("meta"):
        return build(**options)


def randomise(model, seed=0):
    """Give batchnorm's weights and statistics values that matter, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5 * ("var" in name) - 0.5 * ("conv" in name))
    return model.eval()


@pytest.mark.parametrize("name", BUILDERS)
def test_names_and_shapes_are_torchvisions(name):
    state = meta(BUILDERS[name]).state_dict()
    assert {key: list(tensor.shape) for key, tensor in state.items()} == TORCHVISION[name]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (nets.LeNet5, 61_706),
        (nets.AlexNet, 61_100_840),
        (nets.resnet18, 11_689_512),
        (nets.resnet34, 21_797_672),
        (nets.resnet50, 25_557_032),
        (nets.resnet20, 269_722),
        (nets.resnet32, 464_154),
        (nets.resnet56, 853_018),
        (nets.resnet110, 1_727_962),
    ],
)
def test_numbers_of_parameters(build, expected):
    assert parameters(meta(build)) == expected


def test_resnet20_counted_by_hand():
    stem = 3 * 16 * 9
    stages = sum(
        (c_in + 5 * c) * c * 9  # six convolutions, the first from c_in channels
        for c_in, c in ((16, 16), (16, 32), (32, 64))
    )
    batchnorm = 2 * (16 + 6 * (16 + 32 + 64))
    assert parameters(nets.resnet20()) == stem + stages + batchnorm + 64 * 10 + 10


def test_alexnet_gives_the_shape_that_the_slide_prints():
    """CLAIMS 8 and 9: the slide's class, and torch.Size([32, 1000])."""
    model = meta(nets.AlexNet)
    with torch.device("meta"):
        assert model(torch.rand(32, 3, 224, 224)).shape == (32, 1000)
        # The second slide's class is cropped: its fourth layer is not Conv2d(192, 256).
        assert (model.features[6].in_channels, model.features[6].out_channels) == (192, 384)


def test_summary_tables_count_every_parameter():
    assert layer_costs(nets.LeNet5(), (1, 1, 28, 28)).parameters == 61_706
    assert layer_costs(nets.resnet20(), (1, 3, 32, 32)).parameters == 269_722


def test_alexnets_first_layer_and_its_near_misses():
    """CLAIMS 6: 227 → 55 with 96 filters of 11 × 11 × 3 and stride 4; 224 fits only with a padding of 2."""
    layer = nn.Conv2d(3, 96, 11, stride=4)
    assert parameters(layer) == 34_944
    sizes = {}
    for size, padding in ((227, 0), (224, 0), (224, 2), (227, 2)):
        layer = nn.Conv2d(3, 96, 11, stride=4, padding=padding, device="meta")
        sizes[size, padding] = layer(torch.rand(1, 3, size, size, device="meta")).shape[-1]
    assert sizes == {(227, 0): 55, (224, 0): 54, (224, 2): 55, (227, 2): 56}


def test_alexnet_computes_what_the_slides_code_computes():
    """The slide's lines, typed again, with the same weights."""
    ours = nets.AlexNet(num_classes=7).eval()
    state = ours.state_dict()
    x = torch.rand(2, 3, 96, 80)

    def conv(y, position, **options):
        weight, bias = state[f"features.{position}.weight"], state[f"features.{position}.bias"]
        return nn.functional.conv2d(y, weight, bias, **options).relu()

    def pool(y):
        return nn.functional.max_pool2d(y, 3, 2)

    y = pool(conv(x, 0, stride=4, padding=2))
    y = pool(conv(y, 3, padding=2))
    y = pool(conv(conv(conv(y, 6, padding=1), 8, padding=1), 10, padding=1))
    y = nn.functional.adaptive_avg_pool2d(y, (6, 6)).flatten(1)
    for position in (1, 4, 6):
        y = y @ state[f"classifier.{position}.weight"].T + state[f"classifier.{position}.bias"]
        y = y.relu() if position < 6 else y
    torch.testing.assert_close(ours(x), y)


@pytest.mark.parametrize("classic", [False, True])
def test_lenet_sizes_and_kinds(classic, device):
    model = nets.LeNet5(in_channels=3, num_classes=4, classic=classic).to(device)
    assert model(torch.zeros(5, 3, 28, 28, device=device)).shape == (5, 4)
    kinds = {type(module) for module in model.modules()}
    assert {nn.Tanh, nn.AvgPool2d} <= kinds if classic else {nn.ReLU, nn.MaxPool2d} <= kinds
    features = model.features(torch.zeros(1, 3, 28, 28, device=device))
    assert features.shape == (1, 16, 5, 5)


def batchnorm(x, module):
    def spread(values):
        return values[:, None, None]

    return spread(module.weight) * (x - spread(module.running_mean)) / spread(
        (module.running_var + module.eps).sqrt()
    ) + spread(module.bias)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("in_channels", "out_channels"), [(8, 8), (4, 8)])
@torch.no_grad()
def test_basic_block_is_its_formula(in_channels, out_channels, stride):
    block = randomise(nets.BasicBlock(in_channels, out_channels, stride))
    x = torch.randn(2, in_channels, 7, 6)
    conv = nn.functional.conv2d
    branch = batchnorm(conv(x, block.conv1.weight, stride=stride, padding=1), block.bn1).relu()
    branch = batchnorm(conv(branch, block.conv2.weight, padding=1), block.bn2)
    shortcut = x
    if stride == 2 or in_channels != out_channels:
        shortcut = batchnorm(conv(x, block.downsample[0].weight, stride=stride), block.downsample[1])
    torch.testing.assert_close(block(x), (branch + shortcut).relu())


@torch.no_grad()
def test_bottleneck_is_its_formula():
    block = randomise(nets.Bottleneck(6, 16, 2))
    x = torch.randn(2, 6, 7, 8)
    conv = nn.functional.conv2d
    branch = batchnorm(conv(x, block.conv1.weight), block.bn1).relu()
    branch = batchnorm(conv(branch, block.conv2.weight, stride=2, padding=1), block.bn2).relu()
    branch = batchnorm(conv(branch, block.conv3.weight), block.bn3)
    shortcut = batchnorm(conv(x, block.downsample[0].weight, stride=2), block.downsample[1])
    torch.testing.assert_close(block(x), (branch + shortcut).relu())
    assert block.conv2.weight.shape == (4, 4, 3, 3)


@pytest.mark.parametrize("stride", [1, 2])
@torch.no_grad()
def test_preactivation_block_is_its_formula(stride):
    block = randomise(nets.PreActivationBlock(4, 4 * stride, stride))
    x = torch.randn(2, 4, 7, 6)
    conv = nn.functional.conv2d
    first = batchnorm(x, block.bn1).relu()
    branch = conv(first, block.conv1.weight, stride=stride, padding=1)
    branch = conv(batchnorm(branch, block.bn2).relu(), block.conv2.weight, padding=1)
    shortcut = x
    if stride == 2:
        shortcut = batchnorm(conv(first, block.downsample[0].weight, stride=2), block.downsample[1])
    torch.testing.assert_close(block(x), branch + shortcut)


@torch.no_grad()
def test_padded_shortcut_by_hand():
    x = torch.arange(2 * 3 * 4.0).reshape(1, 2, 3, 4)
    expected = np.zeros((1, 3, 2, 2))
    expected[0, 0] = [[0, 2], [8, 10]]
    expected[0, 1] = [[12, 14], [20, 22]]
    np.testing.assert_array_equal(nets.PadShortcut(2, 3, 2)(x), expected)
    with pytest.raises(ValueError, match="out_channels is 1, but a padded shortcut"):
        nets.PadShortcut(2, 1, 1)


@torch.no_grad()
def test_plain_twin_has_the_same_convolutions_and_no_shortcut():
    torch.manual_seed(3)
    residual = nets.cifar_resnet(20)
    torch.manual_seed(3)
    plain = nets.cifar_resnet(20, residual=False)
    assert parameters(plain) == parameters(residual)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), residual.parameters(), strict=True))
    x = torch.randn(2, 3, 16, 16)
    block = plain.blocks()["layer1.1"].eval()
    y = torch.randn(2, 16, 16, 16)
    torch.testing.assert_close(block(y), block.branch(y).relu())
    assert not torch.allclose(plain.eval()(x), residual.eval()(x))


def test_depth_counts_the_layers_with_weights():
    for depth in (8, 20, 110):
        model = nets.cifar_resnet(depth)
        layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
        assert len(layers) == depth
        assert len(model.blocks()) == (depth - 2) // 2


@pytest.mark.parametrize("block", [nets.BasicBlock, nets.Bottleneck, nets.PreActivationBlock])
def test_every_kind_of_network_learns(block, device):
    """All parameters get a gradient, with and without batchnorm."""
    for norm in (nn.BatchNorm2d, nn.Identity):
        model = nets.cifar_resnet(8, block=block, shortcut="projection", norm=norm, in_channels=1).to(device)
        model(torch.randn(4, 1, 12, 12, device=device)).logsumexp(1).sum().backward()
        missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
        assert not missing
        biases = [name for name, _ in model.named_parameters() if name.endswith("conv1.bias")]
        assert bool(biases) == (norm is nn.Identity)


def test_he_initialisation_keeps_the_gradient_in_plain_networks():
    """The gradient's mean square at the input is about that at the output, through thirty plain layers."""
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, padding_mode="circular"), nn.ReLU()) for _ in range(30)]
    model = nn.Sequential(*layers)
    ratios = {}
    for name in ("default", "he"):
        if name == "he":
            nets.he_initialisation(model)
        x = torch.randn(2, 32, 8, 8, requires_grad=True)
        y = model(x)
        gradient = torch.randn_like(y)
        y.backward(gradient)
        ratios[name] = (x.grad.square().mean() / gradient.square().mean()).item()
    assert 0.05 < ratios["he"] < 20
    assert ratios["default"] < 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nets.cifar_resnet(21), "depth is 21, but it must be 6n \\+ 2"),
        (lambda: nets.cifar_resnet(2), "depth is 2, but it must be 6n \\+ 2"),
        (lambda: nets.Bottleneck(8, 6), "out_channels is 6, but a Bottleneck's must be a multiple of 4"),
        (lambda: nets.BasicBlock(8, 8, 0), "stride is 0, but it must be at least 1"),
        (lambda: nets.BasicBlock(4, 8, shortcut="zeros"), "shortcut is 'zeros', but it must be one of"),
        (lambda: nets.ResNet(nets.BasicBlock, [1, 1]), "widths is \\(64, 128, 256, 512\\), but it must have one entry"),
        (lambda: nets.ResNet(nets.BasicBlock, [1, 1], widths=(4, 8), stem="mnist"), "stem is 'mnist'"),
        (lambda: nets.LeNet5(0), "in_channels is 0, but it must be at least 1"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
