"""What the lecture says of deep networks, measured on the networks that ship: rows 16 to 21 of its statements."""

import csv
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from lecture5 import batch_norm, data, insight, nets, plots, signal
from lecture5.nets import experiments, recipes

pytestmark = pytest.mark.usefixtures("one_thread")
FEW = 500


@pytest.fixture(scope="module")
def clothes():
    """Some clothes to learn from, and some to test on."""
    training, _, test = recipes.fashion()
    return tuple(part[:2000] for part in training), tuple(part[:FEW] for part in test)


def test_trained_layers_and_fixed_wavelets_build_invariants_and_random_weights_do_not():
    """Row 16: how far digits that were moved by two pixels go, in distances of two digits."""
    digits = torch.from_numpy(data.digits("test")[0][:60])
    moved = digits.roll(2, dims=3)

    def go(features):
        return signal.relative_move(features(digits), features(moved)).mean()

    def layers(model, names=("features.2", "features.5", "classifier.1", "classifier.3")):
        return [go(lambda x, name=name: insight.activations(model, x, [name])[name].numpy()) for name in names]

    scattering = signal.Scattering2D((32, 32), scales=3)
    pixels, wavelets = go(lambda x: x.numpy()), go(lambda x: scattering(nn.functional.pad(x, (2, 2, 2, 2)).numpy()))
    trained = layers(nets.load("lenet5-digits"))
    torch.manual_seed(1)
    random = layers(nets.LeNet5())
    assert trained == sorted(trained, reverse=True)
    assert wavelets < 0.6 * pixels
    assert trained[-1] < 0.6 * wavelets
    assert min(random) > 0.6 * pixels


def test_with_few_digits_wavelets_win_and_with_many_the_network_is_level():
    """Row 16."""
    score = {}
    for row in experiments.results("few"):
        score.setdefault((row["method"], int(row["images"])), []).append(float(row["test_score"]))
    score = {key: np.median(values) for key, values in score.items()}
    for number in (100, 300):
        rivals = [score[method, number] for method in ("pixels, linear", "LeNet-5", "LeNet-5, moved digits")]
        assert score["scattering, linear", number] > max(rivals) + 0.005
    assert abs(score["scattering, linear", 10000] - score["LeNet-5, moved digits", 10000]) < 0.01


def test_first_kernels_become_edges():
    """Row 17: kernels of the first layer are closer to Gabors after the training than before."""
    torch.manual_seed(0)
    explained = {
        kind: np.median(
            [signal.fit_gabor(kernel).explained for kernel in model.features[0].weight.detach()[:, 0].numpy()]
        )
        for kind, model in (("trained", nets.load("lenet5-digits")), ("random", nets.LeNet5()))
    }
    assert explained["trained"] > 0.8 > explained["random"] + 0.1


def test_a_unit_of_the_second_layer_prefers_a_digit():
    """Row 17: the nine digits that excite a map most; the chapter shows two maps that prefer one class."""
    images, labels = map(torch.from_numpy, data.digits("test"))
    found = insight.activations(nets.load("lenet5-digits"), images[:1000], ["features.4"])["features.4"]
    for unit, digit in ((8, 5), (9, 4)):
        assert sum(labels[e.image].item() == digit for e in insight.strongest(found[:, unit], 9)) >= 8


def test_a_cover_is_itself_something_to_see():
    """Row 17: white squares on empty ground turn the answer round, black ones change nothing."""
    images, labels = map(torch.from_numpy, data.digits("test"))
    model = nets.load("lenet5-digits")
    falls = {0.0: [], 1.0: []}
    for image, label in zip(images[:10], labels[:10].tolist(), strict=True):
        empty = nn.functional.max_pool2d(image, 7, stride=1)[0] == 0
        sure = model(image[None]).softmax(1)[0, label].item()
        for fill, fallen in falls.items():
            fallen.append(sure - insight.occlusion_map(model, image, label, size=7, fill=fill)[empty].min().item())
    assert np.abs(falls[0.0]).max() < 1e-4
    assert np.median(falls[1.0]) > 0.5


def test_what_a_network_likes_best_is_noise_unless_we_wish_otherwise():
    """Row 17: activation maximisation with and without penalties."""
    model = nets.load("lenet5-digits")
    start = 0.01 * torch.randn(1, 28, 28, generator=torch.Generator().manual_seed(0))
    wishes = {"size_penalty": 0.3, "variation_penalty": 0.5, "jitter": 1}
    rough, score = {}, {}
    for name, settings in (("free", {}), ("wished", wishes)):
        image, _ = insight.maximise(lambda x: model(x)[0, 3], start, steps=60, **settings)
        rough[name] = (insight.variation(image) / image.square().sum()).item()
        score[name] = model(image[None])[0, 3].item()
    assert rough["free"] > 1.4 > 1.0 > rough["wished"]  # real digits: about 0.8
    assert score["free"] > 100  # real digits: about 17


def test_with_all_numbers_kept_the_classes_are_separable_early(clothes):
    """Row 18: what depth adds is few numbers, not readability."""
    (images, labels), (test, test_labels) = clothes
    model = nets.load("plain20-fashion")
    scores = []
    for block in ("layer1.2", "layer3.2"):
        known, asked = (insight.activations(model, batch, [block])[block] for batch in (images[:1000], test))
        scores.append(insight.LinearProbe(known, labels[:1000]).accuracy(asked, test_labels))
    assert scores[1] - scores[0] < 0.06


def test_classes_grow_separable_with_depth_in_a_trained_network(clothes):
    """Row 18: a linear probe and the nearest neighbour, trained against random weights."""
    train, test = clothes
    names = ["relu", "layer1", "layer2", "layer3"]
    torch.manual_seed(0)
    scores = {}
    for kind, model in (("trained", nets.load("plain8-fashion")), ("random", recipes.fashion_net(8, residual=False))):
        seen = insight.activations(model, train[0], names, cells=1)
        seen_test = insight.activations(model, test[0], names, cells=1)
        probes = [insight.LinearProbe(seen[name], train[1]).accuracy(seen_test[name], test[1]) for name in names]
        neighbours = [
            insight.nearest_neighbour_accuracy(seen[name], train[1], seen_test[name], test[1]) for name in names
        ]
        scores[kind] = np.array([probes, neighbours])
    trained, random = scores["trained"], scores["random"]
    assert (trained[:, -1] > trained[:, 1] + 0.1).all()  # it grows
    assert (trained[:, -1] > random[:, -1] + 0.1).all()  # and training did it
    assert (trained[:, -1] > 0.8).all()


def test_batchnorm_has_four_numbers_for_each_of_96_channels():
    """Row 19: statistics over N, H and W, ε, and the two variances, against torch's layer."""
    x = 3 * torch.randn(4, 96, 5, 6, dtype=torch.float64) + 1
    layer = nn.BatchNorm2d(96).double()
    y = layer(x)
    assert [len(vector) for vector in (layer.weight, layer.bias, layer.running_mean, layer.running_var)] == [96] * 4
    biased, unbiased = x.var(dim=(0, 2, 3), correction=0), x.var(dim=(0, 2, 3), correction=1)
    expected = (x - x.mean(dim=(0, 2, 3), keepdim=True)) / (biased[:, None, None] + 1e-5).sqrt()
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * unbiased)
    ours = batch_norm(x.numpy(), np.ones(96), np.zeros(96), training=True)
    np.testing.assert_allclose(ours, y.detach().numpy(), atol=1e-10)


def test_deeper_plain_networks_are_worse_on_their_own_training_data():
    """Row 20: degradation is no overfitting."""
    rows = experiments.results("depth")
    for part, seed in itertools.product(("train_score", "test_score"), "012"):
        score = {row["network"]: float(row[part]) for row in rows if row["seed"] == seed}
        assert score["plain56"] < score["plain20"] - 0.1
        assert score["resnet56"] > score["resnet20"] - 0.02
        assert score["resnet56"] > score["plain56"] + 0.1


def gradients(model, clothes):
    images, labels = clothes[1]
    nn.functional.cross_entropy(model.train()(images[:128]), labels[:128]).backward()
    return [module.weight.grad.norm().item() for module in model.modules() if isinstance(module, nn.Conv2d)]


def test_the_network_that_degrades_has_no_vanishing_gradient(clothes):
    """Row 20: it vanishes without batchnorm; with it, in the very network that degraded, it does not."""
    torch.manual_seed(0)
    bare = recipes.fashion_net(56, residual=False, norm=nn.Identity)
    for module in bare.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    first, *_, last = gradients(bare, clothes)
    assert first < 1e-20 * last
    first, *_, last = gradients(recipes.fashion_net(56, residual=False), clothes)
    assert first > last
    sizes = gradients(nets.load("plain56-fashion"), clothes)
    assert max(sizes) < 20 * min(sizes)


def test_cutting_a_block_hurts_a_plain_network_and_hardly_a_residual_one(clothes):
    """Row 21."""

    def score(model, parts):
        with insight.lesion(model, parts):
            return nets.evaluate(model, clothes[1])[1]

    residual, plain = nets.load("resnet56-fashion"), nets.load("plain20-fashion")
    cuts = [score(residual, [block]) for block in list(residual.blocks())[::4]]
    assert np.median(cuts) > score(residual, []) - 0.03
    plain_cuts = [score(plain, [block]) for block in plain.blocks() if block not in ("layer2.0", "layer3.0")]
    assert np.median(plain_cuts) < 0.5
    images, labels = clothes[1]
    sizes = insight.gradient_by_path_length(
        residual, images[:8], lambda y: nn.functional.cross_entropy(y, labels[:8]), [1, 8, 16], draws=4
    )
    assert sizes[0] > 10 * sizes[1] > 100 * sizes[2]


def test_shipped_results_are_those_of_the_shipped_networks():
    rows = experiments.results("depth")
    assert len({(row["network"], row["seed"]) for row in rows}) == len(rows) == 18
    for row in rows:
        if row["seed"] != "0":  # the networks of the first seed ship
            continue
        name = f"{row['network']}-fashion"
        assert float(row["test_score"]) == nets.card(name).test_score
        assert float(row["train_score"]) == pytest.approx(nets.history(name)[-1].train_score, abs=1e-4)
    rates = experiments.results("rates")
    assert len({(row["depth"], row["norm"], row["first"], row["rate"]) for row in rates}) == len(rates) == 48


def test_experiments_can_be_run_again(tmp_path, monkeypatch):
    """The depth experiment goes on from what is there, and the rates experiment gives what was stored."""
    monkeypatch.setattr(experiments, "DEPTHS", (8,))
    monkeypatch.setattr(experiments, "RATES", (0.1,))
    monkeypatch.setattr("sys.argv", ["experiments", "rates", "--out", str(tmp_path)])
    experiments.main()
    with (tmp_path / "rates.csv").open() as stream:
        again = list(csv.DictReader(stream))
    assert len(again) == 4
    for row in again:
        kept = next(
            kept
            for kept in experiments.results("rates")
            if all(kept[key] == row[key] for key in ("depth", "norm", "first", "rate"))
        )
        assert float(row["train_score"]) == pytest.approx(float(kept["train_score"]), abs=0.08)

    def trained(name, place, seed):
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.json").write_text('{"test_score": 0.5, "minutes": 1}')
        (place / f"{name}.csv").write_text("epoch,a,b,c,d,e,f\n1,0,0,0.25,0,0,0\n")
        calls.append((name, seed))

    calls = []
    monkeypatch.setattr(experiments, "follow", trained)
    for _ in range(2):
        rows = experiments.depth(tmp_path, seeds=(0, 1))
    assert calls == [(f"{kind}8-fashion", seed) for seed in (0, 1) for kind in ("plain", "resnet")]
    assert rows[0] == {"network": "plain8", "seed": 0, "train_score": 0.25, "test_score": 0.5, "minutes": 1}


def test_figures_say_what_they_show_and_refuse_too_much():
    figure = plots.measured_curves(
        {"one": ([1, 10], np.array([[1.0, 2.0], [3.0, 4.0]]))}, alt="Two points.", xlabel="n", ylabel="right", log="xy"
    )
    assert repr(figure) == "Figure: right over n\n- Two points."
    with pytest.raises(ValueError, match="curves has 5 entries"):
        plots.measured_curves({str(n): ([1], [1]) for n in range(5)}, alt="a", xlabel="x", ylabel="y")
    grids = plots.score_grids(
        {"a": np.array([[0.5, 1.0]])}, ["Half and all."], rows=["r"], columns=["c", "d"], ylabel="", xlabel="x"
    )
    assert "Half and all." in repr(grids)
