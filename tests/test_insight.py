"""Looking inside networks: against networks made by hand whose answer is known, and against autograd."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lecture5 import insight, nets, receptive_field

pytestmark = pytest.mark.usefixtures("one_thread")


def relu_convs(seed=0, classes=3, device="cpu"):
    """Convolutions, max pooling (some windows overlap) and ReLUs, with kernels that are not square."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 4, (3, 2), padding=(1, 0)),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(4, 5, 3, stride=(1, 2), padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(5, classes, 2),
    ).to(device)


# --- activations ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_recording_sees_every_layer_and_leaves_no_hook(device):
    model = relu_convs(device=device)
    x = torch.randn(2, 2, 15, 17, device=device)
    with insight.recording(model, ["0", "3"]) as seen:
        model(x)
    torch.testing.assert_close(seen["0"], model[0](x))
    torch.testing.assert_close(seen["3"], model[:4](x))
    assert not any(module._forward_hooks for module in model.modules())
    with (
        pytest.raises(ValueError, match=r"name is 'conv9', but Sequential has no such part; it has '0', '1'"),
        insight.recording(model, ["0", "conv9"]),
    ):
        pass
    assert not any(module._forward_hooks for module in model.modules())


@torch.no_grad()
def test_activations_of_many_batches_are_those_of_one():
    model = nets.cifar_resnet(8, in_channels=1)  # batchnorm: evaluation mode matters
    x = torch.randn(7, 1, 12, 12)
    seen = insight.activations(model, x, ["layer1", "fc"], batch_size=3)
    assert model.training
    model.eval()
    torch.testing.assert_close(seen["fc"], model(x))
    torch.testing.assert_close(seen["layer1"], model.layer1(model.bn1(model.conv1(x)).relu()))
    pooled = insight.activations(model, x, ["layer1"], cells=1)["layer1"]
    torch.testing.assert_close(pooled, seen["layer1"].mean(dim=(2, 3), keepdim=True))


def test_strongest_finds_planted_peaks():
    maps = torch.rand(6, 5, 7)
    maps[4, 3, 6], maps[1, 0, 2], maps[4, 0, 0] = 9.0, 8.0, 7.0
    first, second, *rest = insight.strongest(maps, 6)
    assert first == (4, 3, 6, 9.0)
    assert second == (1, 0, 2, 8.0)
    assert len({excitation.image for excitation in (first, second, *rest)}) == 6
    with pytest.raises(ValueError, match=r"feature_map has shape \(5, 7\)"):
        insight.strongest(maps[0])


@torch.no_grad()
def test_patch_is_all_that_a_unit_sees():
    """The unit's value can be computed from its patch alone."""
    model = nn.Sequential(nn.Conv2d(2, 3, (3, 2)), nn.ReLU(), nn.MaxPool2d((2, 3)), nn.Conv2d(3, 4, (2, 3)))
    x = torch.randn(2, 20, 25)
    y = model(x[None])[0]
    fields = insight.field_of(model, 3)
    for row, column in ((0, 0), (2, 1), (y.shape[1] - 1, y.shape[2] - 1)):
        part = insight.patch(x, fields, row, column)
        assert part.shape == (2, fields[0].size, fields[1].size)
        torch.testing.assert_close(model(part[None])[0, :, 0, 0], y[:, row, column])


@torch.no_grad()
def test_patch_is_zero_outside_the_image():
    layer = nn.Conv2d(2, 3, (5, 4), stride=(1, 3), padding=(3, 2))
    x = torch.randn(2, 6, 7)
    y = layer(x[None])[0]
    for row in range(y.shape[1]):
        for column in range(y.shape[2]):
            part = insight.patch(x, insight.field_of(nn.Sequential(layer), 0), row, column)
            alone = nn.functional.conv2d(part[None], layer.weight, layer.bias, stride=(1, 3))
            torch.testing.assert_close(alone[0, :, 0, 0], y[:, row, column])


def test_layers_without_a_known_field_are_refused():
    with pytest.raises(ValueError, match="Linear has no receptive field"):
        insight.field_of(nn.Sequential(nn.Linear(2, 2)), 0)


# --- occlusion ------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_occlusion_of_a_linear_model_by_hand(device):
    """Scores are (w · x, 0): covering cells takes their share away, and the sigmoid of the rest is the probability."""
    generator = torch.Generator().manual_seed(0)
    w, image = torch.randn(2, 6, 7, generator=generator), torch.randn(2, 6, 7, generator=generator)

    def model(images):
        scores = (images * w.to(device)).sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(scores), scores], dim=1)

    ours = insight.occlusion_map(model, image.to(device), 1, size=(2, 3), stride=(1, 2), fill=0.5, batch_size=4)
    expected = np.zeros((5, 3))
    for row in range(5):
        for column in range(3):
            cover = np.s_[:, row : row + 2, 2 * column : 2 * column + 3]
            score = (w * image).sum() - (w * image)[cover].sum() + 0.5 * w[cover].sum()
            expected[row, column] = 1 / (1 + math.exp(-score))
    np.testing.assert_allclose(ours.cpu(), expected, rtol=1e-4)


def test_occlusion_leaves_the_image_alone_and_names_mistakes():
    image = torch.rand(1, 28, 28)
    before = image.clone()
    model = nets.LeNet5()
    insight.occlusion_map(model, image, 3, size=9, stride=9)
    assert torch.equal(image, before)
    with pytest.raises(ValueError, match="target is 10, but the model has 10 classes"):
        insight.occlusion_map(model, image, 10, size=9, stride=9)
    with pytest.raises(ValueError, match="must be one image"):
        insight.occlusion_map(model, image[None], 1)


# --- deconvnet ------------------------------------------------------------------------------------------------------


class DeconvReLU(torch.autograd.Function):
    """A ReLU whose backward pass is a ReLU of the gradient, whatever the input was: the deconvnet, in one line."""

    @staticmethod
    def forward(ctx, x):
        return x.relu()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.relu()


class Deconv(nn.Module):
    def forward(self, x):
        return DeconvReLU.apply(x)


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(0, 6), st.data())
def test_deconvnet_is_autograd_with_another_relu(seed, layer, data):
    model = relu_convs(seed)
    image = torch.randn(2, 17, 16, generator=torch.Generator().manual_seed(seed))
    oracle = nn.Sequential(*(Deconv() if isinstance(module, nn.ReLU) else module for module in model))
    x = image[None].clone().requires_grad_(True)
    y = oracle[: layer + 1](x)
    channel = data.draw(st.integers(0, y.shape[1] - 1))
    row, column = data.draw(st.integers(0, y.shape[2] - 1)), data.draw(st.integers(0, y.shape[3] - 1))
    (expected,) = torch.autograd.grad(0.5 * y[0, channel, row, column] ** 2, x)  # the gradient times the activation
    ours = insight.project_down(model, image, layer, channel, (row, column))
    torch.testing.assert_close(ours, expected[0], atol=1e-5, rtol=1e-4)


def test_deconvnet_is_not_the_gradient():
    """They differ in the ReLU: a test that could not tell them apart would prove little."""
    model, image = relu_convs(1), torch.randn(2, 17, 16)
    x = image[None].clone().requires_grad_(True)
    y = model(x)
    (gradient,) = torch.autograd.grad(0.5 * y[0, 1, 0, 0] ** 2, x)
    assert not torch.allclose(insight.project_down(model, image, 6, 1, (0, 0)), gradient[0], atol=1e-4)


def test_deconvnet_starts_where_the_map_is_largest_and_stays_in_the_field():
    model, image = relu_convs(2), torch.randn(2, 17, 16)
    maps = model[:4](image[None])[0, 2]
    row, column = divmod(maps.argmax().item(), maps.shape[1])
    ours = insight.project_down(model, image, 3, 2)
    assert torch.equal(ours, insight.project_down(model, image, 3, 2, (row, column)))
    assert ours.abs().sum() > 0
    top, bottom, left, right = insight.gradient_support(model, (2, 17, 16), "3", (row, column))
    ours[:, top : bottom + 1, left : right + 1] = 0
    assert ours.abs().sum() == 0


def test_switches_by_hand_with_windows_that_overlap():
    x = torch.tensor([[[[1.0, 9.0, 2.0], [4.0, 3.0, 5.0]]]])
    y, switches = insight.pool_with_switches(x, nn.MaxPool2d((1, 2), stride=1))
    assert y.tolist() == [[[[9.0, 9.0], [4.0, 5.0]]]]
    assert insight.unpool(y, switches, 2, 3).tolist() == [[[[0.0, 18.0, 0.0], [4.0, 0.0, 5.0]]]]


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (nn.Sequential(nn.Tanh()), (0, 0), r"features holds Tanh\(\), but only"),
        (nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")), (0, 0), "padded with zeros"),
        (relu_convs(), (7, 0), "layer is 7, but features has the layers 0 to 6"),
        (relu_convs(), (0, 4), "channel is 4, but the layer has the channels 0 to 3"),
        (relu_convs(), (6, 0, (9, 0)), r"position is \(9, 0\), but the layer has"),
    ],
)
def test_deconvnet_names_mistakes(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        insight.project_down(model, torch.zeros(2, 17, 16), *arguments)


# --- activation maximisation ------------------------------------------------------------------------------------------


def test_maximising_a_linear_unit_finds_its_weights():
    """w · x − λ |x|² is largest at w / 2λ."""
    w = torch.tensor([[[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]]])
    image, values = insight.maximise(lambda x: (x * w).sum(), torch.zeros(1, 2, 3), size_penalty=2.0, steps=400)
    torch.testing.assert_close(image, w / 4, atol=0.01, rtol=0)
    assert values[0] == 0
    assert values[-1] == pytest.approx((w * w).sum().item() / 4, rel=0.02)


def test_penalties_make_what_they_say():
    model, start = relu_convs(3), 0.1 * torch.randn(2, 17, 16)
    weights = [parameter.clone() for parameter in model.parameters()]

    def unit(x):
        return model(x)[0, 1, 0, 0]

    plain, values = insight.maximise(unit, start)
    smooth, _ = insight.maximise(unit, start, variation_penalty=0.05)
    small, _ = insight.maximise(unit, start, size_penalty=0.05)
    assert values[-1] > values[0] + 1
    assert insight.variation(smooth) < 0.5 * insight.variation(plain)
    assert small.norm() < 0.5 * plain.norm()
    assert all(torch.equal(one, other) for one, other in zip(weights, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_jitter_is_seeded_and_shifts():
    w = torch.zeros(1, 5, 5)
    w[0, 2, 2] = 1.0
    options = {"size_penalty": 0.5, "steps": 300}
    sharp, _ = insight.maximise(lambda x: (x * w).sum(), torch.zeros(1, 5, 5), **options)
    spread, _ = insight.maximise(lambda x: (x * w).sum(), torch.zeros(1, 5, 5), jitter=1, **options)
    again, _ = insight.maximise(lambda x: (x * w).sum(), torch.zeros(1, 5, 5), jitter=1, **options)
    assert torch.equal(spread, again)
    assert (sharp > 0.05).sum() == 1
    assert (spread[0, 1:4, 1:4] > 0.02).all()
    assert (spread[0, 0].abs() < 1e-6).all()


# --- receptive fields ------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=4
    ),
    st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_gradient_and_recurrence_agree(layers, pooled):
    """CLAIMS 15: (size, jump, start) by recurrence, and the support of the gradient, for random stacks."""
    modules, used = [], []
    for number, (kernel, stride, padding, dilation) in enumerate(layers):
        if pooled[number]:
            padding, dilation = min(padding, kernel // 2), 1
            modules.append(nn.MaxPool2d(kernel, stride, padding))
        else:
            modules.append(nn.Conv2d(1, 1, kernel, stride, padding, dilation))
        modules.append(nn.ReLU())
        used.append((kernel, stride, padding, dilation))
    model = nn.Sequential(*modules)
    size, jump, start = receptive_field(used)[-1]
    side = size + 30 * jump
    units = model(torch.zeros(1, 1, side, side)).shape[-1]
    position = (units // 2, units // 2 - 1)
    expected = []
    for index in position:
        first = start + index * jump - (size - 1) / 2
        expected += [first, first + size - 1]
    assert insight.gradient_support(model, (1, side, side), str(len(modules) - 1), position) == tuple(expected)


def test_gradient_support_of_a_residual_network():
    """The branch decides: a shortcut only sees part of what the branch sees."""
    model = nets.cifar_resnet(8, in_channels=1)
    layers = [(3, 1, 1)] + [(3, 1, 1)] * 2 + [(3, 2, 1), (3, 1, 1)] + [(3, 2, 1), (3, 1, 1)]
    size, jump, start = receptive_field(layers)[-1]
    top, bottom, left, right = insight.gradient_support(model, (1, 96, 96), "layer3", (12, 11))
    assert (top, bottom) == (start + 12 * jump - (size - 1) / 2, start + 12 * jump + (size - 1) / 2)
    assert (left, right) == (start + 11 * jump - (size - 1) / 2, start + 11 * jump + (size - 1) / 2)


def test_gradient_support_does_not_change_the_model():
    model = relu_convs()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    insight.gradient_support(model, (2, 20, 20), "3")
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert isinstance(model[2], nn.MaxPool2d)
    with pytest.raises(ValueError, match="pooling with a dilation"):
        insight.gradient_support(nn.Sequential(nn.MaxPool2d(2, dilation=2)), (1, 9, 9), "0")


def test_mean_gradient_is_the_average_of_single_gradients(device):
    model = relu_convs(4, device=device)
    images = torch.randn(3, 2, 17, 16, device=device)
    ours = insight.mean_gradient(model, images, "3", (1, 2))
    expected = torch.zeros(17, 16, device=device)
    for image in images:
        for channel in range(5):
            x = image[None].clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(model[:4](x)[0, channel, 1, 2], x)
            expected += gradient.abs().mean(dim=(0, 1)) / (3 * 5)
    torch.testing.assert_close(ours, expected)


# --- probes ----------------------------------------------------------------------------------------------------------


def blobs(count, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.tensor([[3.0, 0, 0], [0, 3, 0], [0, 0, 3]])
    labels = torch.randint(0, 3, (count,), generator=generator)
    return centres[labels] + spread * torch.randn(count, 3, generator=generator), labels


def test_linear_probe_separates_what_is_separable_and_nothing_else(device):
    train, test = blobs(300, 0.3, 0), blobs(300, 0.3, 1)
    train, test = [tuple(part.to(device) for part in data) for data in (train, test)]
    assert insight.LinearProbe(*train).accuracy(*test) == 1.0
    generator = torch.Generator().manual_seed(2)
    noise = (
        torch.randn(600, 20, generator=generator).to(device),
        torch.randint(0, 4, (600,), generator=generator).to(device),
    )
    probe = insight.LinearProbe(noise[0][:400], noise[1][:400])
    assert probe.accuracy(noise[0][400:], noise[1][400:]) < 0.4  # chance is a quarter
    # Exclusive or: no linear map can do it, a product of the two would.
    signs = torch.randn(1000, 2, generator=generator).to(device)
    labels = (signs[:, 0] * signs[:, 1] > 0).long()
    assert insight.LinearProbe(signs[:800], labels[:800]).accuracy(signs[800:], labels[800:]) < 0.65
    product = signs.prod(dim=1, keepdim=True).sign()
    assert insight.LinearProbe(product[:800], labels[:800]).accuracy(product[800:], labels[800:]) == 1.0


@pytest.mark.parametrize("more_features", [0, 120])
def test_linear_probe_solves_the_ridge_problem(more_features):
    """Against numpy's least squares on the stacked system, with fewer features than examples and with more."""
    features, labels = blobs(90, 1.0, 3)
    noise = torch.randn(90, more_features, generator=torch.Generator().manual_seed(0))
    features = torch.cat([features, noise], dim=1)
    size = features.shape[1] + 1
    probe = insight.LinearProbe(features, labels)
    x = ((features - features.mean(0)) / features.std(0, unbiased=False)).double().numpy()
    x = np.hstack([x, np.ones((90, 1))])
    stacked = np.vstack([x, math.sqrt(probe.penalty * 90) * np.eye(size)])
    target = np.vstack([np.eye(3)[labels.numpy()], np.zeros((size, 3))])
    expected = np.linalg.lstsq(stacked, target, rcond=None)[0]
    np.testing.assert_allclose(probe.weights, expected, atol=1e-6)


def test_linear_probe_stands_more_features_than_examples():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 2
    features = 0.5 * torch.randn(60, 300, generator=generator) + labels[:, None] * 0.5
    assert insight.LinearProbe(features[:40], labels[:40]).accuracy(features[40:], labels[40:]) > 0.9


def test_nearest_neighbour_against_numpy():
    train, test = blobs(80, 1.5, 4), blobs(50, 1.5, 5)
    distances = ((test[0][:, None].numpy() - train[0][None].numpy()) ** 2).sum(-1)
    expected = (train[1].numpy()[distances.argmin(1)] == test[1].numpy()).mean()
    assert 0.5 < expected < 1
    assert insight.nearest_neighbour_accuracy(*train, *test, batch_size=7) == pytest.approx(expected)


def test_separation_grows_with_the_distance_of_the_classes():
    near, far = blobs(400, 1.0, 6), blobs(400, 0.5, 6)
    assert insight.separation(*far) == pytest.approx(4 * insight.separation(*near), rel=0.15)
    with pytest.raises(ValueError, match="labels has 3 entries, but there are 400 features"):
        insight.separation(near[0], near[1][:3])


# --- lesions and paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [nets.BasicBlock, nets.PreActivationBlock])
@torch.no_grad()
def test_a_lesion_leaves_the_shortcut(block, device):
    torch.manual_seed(0)
    model = nets.cifar_resnet(14, block=block, in_channels=1, shortcut="projection").to(device).eval()
    x = torch.randn(2, 1, 12, 12, device=device)
    with insight.lesion(model, ["layer1.1", "layer2.0"]):
        ours = model(x)
    for name in ("layer1.1", "layer2.0"):  # the same, by setting the branches' last weights to zero
        part = model.get_submodule(name)
        (part.conv2 if block is nets.PreActivationBlock else part.bn2).weight.zero_()
        if block is nets.BasicBlock:
            part.bn2.bias.zero_()
    torch.testing.assert_close(ours, model(x))
    assert not any("join" in vars(part) for part in model.modules())


@torch.no_grad()
def test_a_lesion_in_a_plain_network_passes_the_input_on():
    model = nets.cifar_resnet(14, residual=False, in_channels=1).eval()
    x = torch.randn(1, 16, 9, 9)
    part = model.layer1[1]
    with insight.lesion(model, ["layer1.1.conv1", "layer1.1.bn1"]):
        ours = part(x)
    torch.testing.assert_close(ours, part.bn2(part.conv2(x.relu())).relu())
    with insight.lesion(model, ["layer1.1"]):
        assert torch.equal(part(x), x)
    with (
        pytest.raises(ValueError, match=r"layer2\.0 cannot be taken out: it makes"),
        insight.lesion(model, ["layer2.0"]),
    ):
        model(torch.randn(1, 1, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())


def test_a_lesion_ends_also_after_an_error():
    model = nets.cifar_resnet(8, in_channels=1).eval()
    with pytest.raises(KeyError), insight.lesion(model, ["layer1.0"]):
        raise KeyError
    assert not any("join" in vars(part) for part in model.modules())


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_paths_sum_to_the_network_where_it_is_linear(count, seed):
    """CLAIMS 21: exactly, for linear branches; not at all with ReLUs."""
    generator = torch.Generator().manual_seed(seed)
    matrices = [torch.randn(4, 4, generator=generator, dtype=torch.float64) for _ in range(count)]
    x = torch.randn(4, generator=generator, dtype=torch.float64)

    def network(branches):
        y = x
        for branch in branches:
            y = y + branch(y)
        return y

    linear = [lambda y, m=m: m @ y for m in matrices]
    paths = insight.enumerate_paths(linear, x)
    assert len(paths) == 2**count
    torch.testing.assert_close(sum(paths.values()), network(linear))
    chosen = tuple(range(0, count, 2))
    expected = x
    for number in chosen:
        expected = matrices[number] @ expected
    torch.testing.assert_close(paths[chosen], expected)


def test_paths_do_not_sum_to_the_network_with_relus():
    """Two blocks f(y) = ReLU(−y), from −1: the network gives 0, the paths −1 + 1 + 1 + 0."""
    branches = [lambda y: (-y).relu()] * 2
    y = x = torch.tensor(-1.0)
    for branch in branches:
        y = y + branch(y)
    paths = insight.enumerate_paths(branches, x)
    assert y == 0
    assert {path: value.item() for path, value in paths.items()} == {(): -1, (0,): 1, (1,): 1, (0, 1): 0}
    with pytest.raises(ValueError, match="2 to the 17 paths"):
        insight.enumerate_paths([lambda y: y] * 17, x)


def test_path_lengths_are_binomial():
    fractions = insight.path_lengths(54)
    assert sum(fractions) == pytest.approx(1)
    assert fractions[27] == max(fractions)
    paths = insight.enumerate_paths([lambda y: y] * 6, 0)
    counted = np.bincount([len(path) for path in paths], minlength=7) / 2**6
    np.testing.assert_allclose(insight.path_lengths(6), counted)


def test_gradients_along_single_paths_sum_to_the_gradient():
    """One block: its two paths' gradients are the whole. And a path of known gains has their product."""
    torch.manual_seed(0)
    model = nets.cifar_resnet(8, block=nets.PreActivationBlock, in_channels=1).eval()
    x = torch.randn(2, 1, 8, 8)
    names = list(model.blocks())

    def gradient(through):
        from lecture5.insight import lesions

        inside = [block for name, block in model.blocks().items() if name in through]
        outside = [block for name, block in model.blocks().items() if name not in through]
        y = x.clone().requires_grad_(True)
        with lesions._joins(inside, lesions._down_the_branch), lesions._joins(outside, lesions._down_the_shortcut):
            return torch.autograd.grad(model(y).square().sum(), y)[0]

    y = x.clone().requires_grad_(True)
    (whole,) = torch.autograd.grad(model(y).square().sum(), y)
    subsets = [[name for bit, name in enumerate(names) if number >> bit & 1] for number in range(8)]
    parts = [gradient(subset) for subset in subsets]
    torch.testing.assert_close(sum(parts), whole, atol=1e-4, rtol=1e-4)
    # Length 0 and length 3 have one path each: the function must find exactly these.
    sizes = insight.gradient_by_path_length(model, x, lambda y: y.square().sum(), [0, 3], draws=2)
    for size, part in zip(sizes, (parts[0], parts[-1]), strict=True):
        assert size == pytest.approx(part.flatten(1).norm(dim=1).mean().item(), rel=1e-4)
    middle = insight.gradient_by_path_length(model, x, lambda y: y.square().sum(), [1], draws=60)[0]
    singles = [parts[number].flatten(1).norm(dim=1).mean().item() for number in (1, 2, 4)]
    assert min(singles) < middle < max(singles)
    with pytest.raises(ValueError, match="lengths holds 4, but the network has 3 blocks"):
        insight.gradient_by_path_length(model, x, lambda y: y.sum(), [4])
    with pytest.raises(ValueError, match="plain network: it has one path"):
        insight.gradient_by_path_length(nets.cifar_resnet(8, residual=False), x, lambda y: y.sum(), [0])


# --- equivariance ----------------------------------------------------------------------------------------------------


def test_circular_convolution_is_equivariant_and_stride_only_to_its_own_steps(device):
    """CLAIMS 13: exactly 0 for stride 1 and circular borders; with stride 2 for even shifts only."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 12, 12, device=device)
    for stride in (1, 2):
        layer = nn.Conv2d(3, 4, 3, stride=stride, padding=1, padding_mode="circular").to(device)
        for shift in ((0, 1), (1, 0), (2, 4), (3, 2)):
            error = insight.equivariance_error(layer, images, shift, stride=stride)
            if all(cells % stride == 0 for cells in shift):
                assert error < 1e-6
            else:
                assert error > 0.3


@torch.no_grad()
def test_zero_padding_breaks_the_border_only():
    layer = nn.Conv2d(1, 2, 3, padding=1)
    images = torch.randn(1, 1, 16, 16)
    assert insight.equivariance_error(layer, images, (2, 3)) > 0.05
    assert insight.equivariance_error(layer, images, (2, 3), margin=4) < 1e-6
    assert insight.equivariance_error(lambda x: x.abs().flip(3), images, (0, 3)) > 0.5
    with pytest.raises(ValueError, match="margin is 8, but that leaves nothing"):
        insight.equivariance_error(layer, images, (0, 1), margin=8)


def test_equivariance_error_by_hand():
    """f doubles the first column only: ‖f(Sx) − S f(x)‖ / ‖f(x)‖ for one row (1, 0, 0), moved by one."""

    def function(x):
        y = x.clone()
        y[..., 0] *= 2
        return y

    image = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    # f(x) = (2, 0, 0), shifted (0, 2, 0); f(Sx) = (0, 1, 0): off by 1, over 2.
    assert insight.equivariance_error(function, image, (0, 1)) == pytest.approx(0.5)
