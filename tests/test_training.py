"""The training loop: the same numbers each time, resumable bit for bit, with its best weights kept."""

import math

import pytest
import torch
from torch import nn

from lecture5 import nets
from lecture5.nets import TrainingError, fit


def problem(count=120, seed=1):
    """Small images whose class is the quarter in which most of the light is."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=generator)
    quarters = images.reshape(count, 2, 4, 2, 4).sum(dim=(2, 4)).flatten(1)
    return images, quarters.argmax(dim=1)


def small_net(seed=0):
    """Convolution, batchnorm and dropout: statistics and random numbers to restore."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(16, 4))


def run(model=None, **options):
    model = small_net() if model is None else model
    defaults = {"epochs": 5, "batch_size": 16, "learning_rate": 0.1, "progress": False}
    return model, fit(model, problem(), problem(60, seed=2), **(defaults | options))


def same(one, other):
    return all(torch.equal(one.state_dict()[key], other.state_dict()[key]) for key in one.state_dict())


def without_seconds(history):
    return [row._replace(seconds=0) for row in history]


pytestmark = pytest.mark.usefixtures("one_thread")


class Stop(Exception):
    pass


def stop_after(calls, function=lambda x: x + 0.01 * torch.randn_like(x)):
    """An augmentation that ends the run after so many batches, as a power cut would."""
    left = calls

    def augment(x):
        nonlocal left
        if left == 0:
            raise Stop
        left -= 1
        return function(x)

    return augment


def test_a_device_that_is_not_there_is_named(capsys, tmp_path):
    from lecture5.gpu import DeviceError, available_devices
    from lecture5.nets import train

    absent = next(name for name in ("xpu", "mps", "cuda") if name not in available_devices())
    for use in (lambda: run(device=absent), lambda: nets.load("lenet5-digits", device=absent)):
        with pytest.raises(DeviceError, match=f"{absent} is not available: torch .* sees .*cpu here"):
            use()
    assert train.main(["plain8-fashion", "--device", absent, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"lecture5 train: {absent} is not available")
    assert not (tmp_path / "plain8-fashion.safetensors").exists()


def test_it_learns(device):
    model, history = run(epochs=15, device=device)
    assert next(model.parameters()).device.type == device
    assert history[-1].train_loss < history[0].train_loss
    assert history[-1].validation_score > 0.7  # chance is a quarter
    assert not model.training


def test_the_seed_decides():
    (one, first), (two, second), (three, _) = run(), run(), run(seed=1)
    assert same(one, two)
    assert without_seconds(first) == without_seconds(second)
    assert not same(one, three)


def test_each_epoch_has_its_own_order():
    """The first batch of each epoch, as the augmentation sees it."""
    firsts = []

    def augment(x):
        firsts.append(x[0].clone())
        return x

    run(epochs=3, batch_size=60, augment=augment)
    first, second, third = firsts[::2]
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_the_callers_random_numbers_are_left_alone():
    model = small_net()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(model)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("batches", [3, 8, 20])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, batches):
    whole, expected = run(augment=stop_after(-1))
    path = tmp_path / "run.checkpoint"
    with pytest.raises(Stop):
        run(augment=stop_after(batches), checkpoint=path, log=tmp_path / "log.csv")
    model, history = run(small_net(seed=9), augment=stop_after(-1), checkpoint=path, log=tmp_path / "log.csv")
    if batches < 8:  # not one epoch was finished: other first weights give another run
        assert not same(model, whole)
        return
    assert same(model, whole)
    assert without_seconds(history) == without_seconds(expected)
    assert [row.epoch for row in nets.read_log(tmp_path / "log.csv")] == [1, 2, 3, 4, 5]
    again, history_again = run(small_net(seed=9), checkpoint=path)  # finished: nothing is left to do
    assert same(again, whole)
    assert history_again == history


def test_the_best_weights_are_kept():
    """The score is made to peak in epoch 2: what the model ends with must be what it had then."""
    seen, scores = [], iter([0.1, 0.9, 0.5, 0.9])
    model = small_net()

    def score(outputs, targets):
        if not model.training:
            seen.append({key: value.clone() for key, value in model.state_dict().items()})
            return torch.tensor(next(scores))
        return torch.tensor(0.0)

    _, history = run(model, epochs=4, score=score, batch_size=120)
    assert [round(row.validation_score, 3) for row in history] == [0.1, 0.9, 0.5, 0.9]
    for key, value in model.state_dict().items():
        assert torch.equal(value, seen[1][key])
    assert not torch.equal(seen[3]["0.weight"], seen[1]["0.weight"])


def test_early_stop_waits_as_long_as_it_is_told(tmp_path):
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    model = small_net()

    def score(outputs, targets):
        return torch.tensor(0.0 if model.training else next(scores))

    options = {"epochs": 5, "score": score, "batch_size": 120, "checkpoint": tmp_path / "stopped"}
    _, history = run(model, patience=2, **options)
    assert [row.epoch for row in history] == [1, 2, 3, 4]
    _, history = run(model, patience=2, **options)  # stopped stays stopped
    assert len(history) == 4


def test_learning_rate_falls_along_half_a_cosine():
    _, history = run(epochs=4, learning_rate=0.2)
    assert [row.learning_rate for row in history] == pytest.approx(
        [0.2 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4)]
    )


def test_one_step_by_hand():
    """One batch, one epoch: w ← w − rate (g + decay w), twice g with Nesterov's first step at momentum 0.9."""
    model = nn.Linear(3, 1, bias=False)
    w = model.weight.detach().clone()
    x, y = torch.randn(4, 3), torch.randn(4, 1)
    loss = nn.functional.mse_loss
    fit(
        model, (x, y), (x, y), epochs=1, learning_rate=0.1, batch_size=4, loss=loss,
        score=lambda outputs, targets: -loss(outputs, targets), progress=False,
    )  # fmt: skip
    gradient = 2 / 4 * (x @ w.T - y).T @ x + 5e-4 * w
    torch.testing.assert_close(model.weight.detach(), w - 0.1 * (1 + 0.9) * gradient)


def test_log_holds_the_history(tmp_path):
    _, history = run(log=tmp_path / "logs" / "run.csv")
    lines = (tmp_path / "logs" / "run.csv").read_text().splitlines()
    assert lines[0] == "epoch,learning_rate,train_loss,train_score,validation_loss,validation_score,seconds"
    assert len(lines) == 6
    for read, row in zip(nets.read_log(tmp_path / "logs" / "run.csv"), history, strict=True):
        assert read == pytest.approx(row, rel=1e-4)


def test_evaluate_weighs_uneven_batches_rightly_and_leaves_the_mode():
    model = small_net()
    data = problem(50)
    with torch.no_grad():
        outputs = model.eval()(data[0])
    expected = nn.functional.cross_entropy(outputs, data[1]).item(), nets.fraction_right(outputs, data[1]).item()
    model.train()
    assert nets.evaluate(model, data, batch_size=16) == pytest.approx(expected, rel=1e-5)
    assert model.training


def test_bad_checkpoints_are_explained(tmp_path):
    path = tmp_path / "checkpoint"
    run(epochs=2, checkpoint=path)
    with pytest.raises(TrainingError, match=r"was made with epochs=2 \(now 3\), learning_rate=0.1 \(now 0.2\)"):
        run(epochs=3, learning_rate=0.2, checkpoint=path)
    with pytest.raises(TrainingError, match="belongs to another network"):
        run(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), epochs=2, checkpoint=path)
    whole = path.read_bytes()
    for damaged in (b"", b"not a checkpoint", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(TrainingError, match="cannot be read: it is damaged"):
            run(epochs=2, checkpoint=path)
    torch.save({"weights": 1}, path)
    with pytest.raises(TrainingError, match=r"was not written by fit\(\)"):
        run(epochs=2, checkpoint=path)


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    run(epochs=2, checkpoint=path)
    before = path.read_bytes()

    def fails(content, target):
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fails)
    monkeypatch.setattr("lecture5.nets.training._resume", lambda *_: ([], None))
    with pytest.raises(OSError, match="disk full"):
        run(epochs=2, checkpoint=path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint"]


def test_divergence_and_unfit_data_are_explained():
    x, y = torch.randn(32, 2), torch.randn(32, 1)
    bad = {"loss": nn.functional.mse_loss, "score": lambda outputs, targets: torch.tensor(0.0), "progress": False}
    with pytest.raises(TrainingError, match="Try a smaller learning_rate than 1000000"):
        fit(nn.Linear(2, 1), (x * 1e6, y), (x, y), epochs=50, learning_rate=1e6, batch_size=4, **bad)
    with pytest.raises(TrainingError, match="validation has 32 inputs and 3 targets"):
        fit(nn.Linear(2, 1), (x, y), (x, y[:3]), epochs=1)
    with pytest.raises(TrainingError, match="training is Tensor, but it must be two tensors"):
        fit(nn.Linear(2, 1), x, (x, y), epochs=1)


def test_progress_goes_to_standard_error_and_only_if_wanted(capsys):
    run(epochs=1)
    assert capsys.readouterr() == ("", "")
    run(epochs=1, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 1/1" in shown.err


@torch.no_grad()
def test_random_affine_moves_images_as_it_says():
    x = torch.zeros(64, 1, 11, 15)
    x[:, :, 5, 7] = 1  # the centre: turning and zooming leave it there, shifting moves it
    torch.manual_seed(0)
    turned = nets.random_affine(degrees=40, zoom=0.2, shift=0)(x)
    torch.testing.assert_close(turned[:, 0, 5, 7], torch.ones(64))
    shifted = nets.random_affine(degrees=0, zoom=0, shift=2)(x)
    mass = shifted.flatten(1).sum(1)
    torch.testing.assert_close(mass, torch.ones(64))
    rows = (shifted.sum(3)[:, 0] * torch.arange(11)).sum(1) - 5
    columns = (shifted.sum(2)[:, 0] * torch.arange(15)).sum(1) - 7
    assert 1.5 < rows.abs().max() <= 2.001
    assert 1.5 < columns.abs().max() <= 2.001
    assert abs(torch.corrcoef(torch.stack([rows, columns]))[0, 1]) < 0.4


@torch.no_grad()
def test_random_affine_turns_without_stretching():
    """A far point on an image that is not square keeps its distance from the centre."""
    x = torch.zeros(200, 1, 21, 41)
    x[:, :, 10, 26] = 1
    torch.manual_seed(0)
    y = nets.random_affine(degrees=30, zoom=0, shift=0)(x)[:, 0]
    mass = y.sum((1, 2))
    down = (y * (torch.arange(21) - 10)[:, None]).sum((1, 2)) / mass
    across = (y * (torch.arange(41) - 20)).sum((1, 2)) / mass
    torch.testing.assert_close(torch.hypot(down, across), torch.full((200,), 6.0), atol=0.25, rtol=0)
    assert 2.5 < down.abs().max() < 3.3  # 6 sin 30°


@torch.no_grad()
def test_random_affine_mirrors_when_asked():
    x = torch.rand(100, 1, 5, 6)
    y = nets.random_affine(degrees=0, zoom=0, shift=0, flip=True)(x)
    mirrored = [torch.allclose(b, a.flip(-1), atol=1e-5) for a, b in zip(x, y, strict=True)]
    kept = [torch.allclose(b, a, atol=1e-5) for a, b in zip(x, y, strict=True)]
    assert sum(mirrored) + sum(kept) == 100
    assert 30 < sum(mirrored) < 70


def test_the_command_names_its_recipes(capsys):
    from lecture5.cli import main

    assert main(["train"]) == 0
    assert "LeNet-5" in capsys.readouterr().out
