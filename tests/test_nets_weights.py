"""Shipped weights, their cards and recipes; ImageNet weights and what is said when they cannot be had."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch

from lecture5 import nets
from lecture5.nets import WeightsError, recipes, weights
from lecture5.nets.train import main as train_main

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", nets.shipped())
def test_shipped_weights_score_what_their_card_says(name):
    card = nets.card(name)
    model = nets.load(name)
    assert not model.training
    assert card.parameters == sum(parameter.numel() for parameter in model.parameters())
    recipe = recipes.RECIPES[name]
    loss_and_score = {key: recipe.settings[key] for key in ("loss", "score") if key in recipe.settings}
    score = nets.evaluate(model, recipe.data()[2], **loss_and_score)[1]
    assert score == pytest.approx(card.test_score, abs=0.0011)  # two of 2,000: other machines round otherwise
    log = nets.history(name)
    assert len(log) == card.epochs
    assert log[card.best_epoch - 1].validation_score == pytest.approx(card.validation_score, abs=1e-4)


def test_lenet_reads_the_digits_that_it_was_promised_to():
    assert nets.card("lenet5-digits").test_score >= 0.985


def test_damage_and_mistakes_are_explained(tmp_path):
    path = tmp_path / "lenet.safetensors"
    sha256 = weights.write_weights(nets.LeNet5(), path)
    weights.read_weights(nets.LeNet5(), path, sha256=sha256)
    with pytest.raises(WeightsError, match=r"belongs to another network: features\.0\.weight has shape"):
        weights.read_weights(nets.LeNet5(in_channels=3), path)
    with pytest.raises(WeightsError, match=r"weight has shape none \(it is missing\) in the file and \(2, 2\)"):
        weights.read_weights(torch.nn.Linear(2, 2), path)
    with pytest.raises(WeightsError, match="its checksum is not the one on its card"):
        weights.read_weights(nets.LeNet5(), path, sha256="0" * 64)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="is no whole safetensors file"):
        weights.read_weights(nets.LeNet5(), path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="is no whole safetensors file"):
        weights.read_weights(nets.LeNet5(), path)
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        weights.read_weights(nets.LeNet5(), tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="name is 'lenet', but it must be one of"):
        nets.load("lenet")


def test_weights_come_back_as_they_were(tmp_path):
    torch.manual_seed(1)
    one, other = nets.cifar_resnet(8, in_channels=1), nets.cifar_resnet(8, in_channels=1)
    weights.write_weights(one.to(memory_format=torch.channels_last), tmp_path / "w.safetensors")
    weights.read_weights(other, tmp_path / "w.safetensors")
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A stand-in for PyTorch's server and for torch's cache, on this machine's disk."""
    (tmp_path / "server").mkdir()
    monkeypatch.setattr(weights, "SERVER", (tmp_path / "server").as_uri() + "/")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    return tmp_path / "server"


def publish(server, model, monkeypatch):
    """Put a model's state dict on the server, named by its checksum as PyTorch does."""
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, server / "file")
    file = f"small-{hashlib.sha256((server / 'file').read_bytes()).hexdigest()[:8]}.pth"
    (server / "file").rename(server / file)
    monkeypatch.setitem(weights.IMAGENET, "resnet18-imagenet", (lambda: nets.cifar_resnet(8), file, 1))
    return file


def test_imagenet_weights_load_where_they_can_be_had(server, monkeypatch):
    """A small network in ResNet-18's place; entries that old files lack are filled in."""
    original = nets.cifar_resnet(8)
    file = publish(server, original, monkeypatch)
    with pytest.raises(WeightsError, match=r"load\('resnet18-imagenet', download=True\) fetches 1 MB"):
        nets.load("resnet18-imagenet")
    loaded = nets.load("resnet18-imagenet", download=True)
    assert not loaded.training
    for key, tensor in original.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[key]), key
    (server / file).unlink()
    nets.load("resnet18-imagenet")  # from the cache, without asking again


def test_imagenet_weights_offline_or_damaged(server, monkeypatch, tmp_path):
    with pytest.raises(WeightsError, match=r"alexnet-owt-7be5be79\.pth cannot be fetched .* Is there a network"):
        nets.load("alexnet-imagenet", download=True)
    file = publish(server, nets.cifar_resnet(8), monkeypatch)
    (server / file).write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"is damaged .* download again"):
        nets.load("resnet18-imagenet", download=True)


@pytest.fixture
def quick_recipe(monkeypatch):
    def data():
        training, validation, test = recipes.digits()
        return tuple((inputs[:count], targets[:count]) for (inputs, targets), count in
                     ((training, 200), (validation, 50), (test, 50)))  # fmt: skip

    recipe = recipes.Recipe("a quick LeNet-5", nets.LeNet5, data, "a few digits", {"epochs": 2, "batch_size": 50})
    monkeypatch.setitem(recipes.RECIPES, "quick", recipe)


def test_train_command_writes_weights_card_and_log(quick_recipe, tmp_path, capsys):
    assert train_main(["quick", "--out", str(tmp_path), "--seed", "3"]) == 0
    assert train_main(["quick", "--out", str(tmp_path / "again"), "--seed", "3"]) == 0
    assert "of the test data right" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "quick.csv",
        "quick.json",
        "quick.safetensors",
    ]
    card = json.loads((tmp_path / "quick.json").read_text())
    assert (card["seed"], card["epochs"], card["parameters"]) == (3, 2, 61706)
    again = json.loads((tmp_path / "again" / "quick.json").read_text())
    assert card["sha256"] == again["sha256"]


def test_train_command_lists_recipes_and_refuses_unknown_names(capsys):
    assert train_main([]) == 0
    assert "lenet5-digits" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        train_main(["lenet6"])
    assert stop.value.code == 2


def test_every_file_of_weights_has_recipe_card_and_log():
    folder = Path(nets.__file__).parent / "weights"
    for name in nets.shipped():
        assert name in recipes.RECIPES
        assert {path.suffix for path in folder.glob(f"{name}.*")} == {".safetensors", ".json", ".csv"}
