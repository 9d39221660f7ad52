"""The networks that look for a way: exact where they are built to be, and trainable."""

import numpy as np
import pytest
import torch

from lecture5 import dp, nets
from lecture5.dp import worlds
from lecture5.nets import experiments, maze_experiments
from lecture5.nets.maze import (
    MazeNet,
    MinPlusNet,
    UntiedMazeNet,
    cells_loss,
    clipped_adam,
    mazes,
    small_worlds,
    stack,
    whole_worlds_right,
)
from lecture5.nets.maze_experiments import KINDS


class Prices(torch.nn.Module):
    """Knows what each colour costs, up to a factor and a little noise: what training is to find."""

    def __init__(self, factor, noise):
        super().__init__()
        self.prices = {c: factor * (min(c, 300) + noise * (-1) ** n) for n, c in enumerate(worlds.COLOURS)}

    def forward(self, pictures):
        prices = torch.ones_like(pictures[:, :1])
        for cost, colour in worlds.COLOURS.items():
            same = (pictures - torch.tensor(colour)[None, :, None, None]).abs().amax(dim=1, keepdim=True) < 1e-3
            prices = torch.where(same, self.prices[cost], prices)
        return prices.log()


def knowing(factor=30, noise=0.04):
    """A min-plus net whose costs are nearly right, after one look at a world in training mode."""
    net = MinPlusNet()
    net.look = Prices(factor, noise)
    corner = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 0, 1]])
    with torch.no_grad():
        net.moves.copy_(torch.where(corner > 0, 6.0, -6.0))
    planes, _ = stack([worlds.maze(15, np.random.default_rng(0))])
    net(planes)
    return net.eval()


@pytest.mark.parametrize("kind", ["maze", "loops", "rooms", "caves", "scatter"])
def test_rounded_costs_are_exact_on_worlds_of_any_size(kind):
    draw = {
        "maze": worlds.maze,
        "loops": lambda size, rng: worlds.maze(size, rng, loops=0.1),
        "rooms": worlds.rooms,
        "caves": lambda size, rng: worlds.caves(size, rng, kinds=True),
        "scatter": worlds.scatter,
    }[kind]
    net = knowing()
    for size in (11, 33):
        planes, on_way = stack([draw(size, np.random.default_rng(seed)) for seed in range(3)])
        assert whole_worlds_right(net(planes), on_way) == 1


def test_without_rounding_small_errors_add_up():
    net = knowing()
    planes, on_way = stack([worlds.scatter(45, np.random.default_rng(seed)) for seed in range(3)])
    with torch.no_grad():
        assert whole_worlds_right(net.train()(planes), on_way) < 1


def test_too_few_layers_do_not_reach_the_goal():
    planes, on_way = stack([worlds.maze(31, np.random.default_rng(0))])
    net, moves = knowing(), int(on_way.sum()) - 1
    assert whole_worlds_right(net(planes, steps=moves), on_way) == 1
    assert whole_worlds_right(net(planes, steps=moves // 2 - 1), on_way) == 0


@pytest.mark.parametrize("make", [MinPlusNet, MazeNet, UntiedMazeNet])
def test_every_weight_gets_a_gradient(make):
    torch.manual_seed(0)
    net, (planes, on_way) = make(), stack([worlds.scatter(9, np.random.default_rng(seed)) for seed in range(4)])
    cells_loss(net(planes), on_way).backward()
    for name, weights in net.named_parameters():
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().sum() > 0, name


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("recall", [True, False])
def test_without_recall_only_the_first_layer_sees_the_world(training, recall):
    torch.manual_seed(0)
    net, seen = MazeNet(recall=recall).train(training), []
    net.layer.register_forward_pre_hook(lambda _, inputs: seen.append(bool(inputs[1].any())))
    logits = net(torch.rand(2, 5, 9, 9), steps=3)
    assert logits.shape == ((2, MazeNet.GRADED, 9, 9) if training else (2, 9, 9))
    assert seen == [True] + [recall] * (len(seen) - 1)
    assert len(seen) >= 3


def test_a_maze_net_runs_until_nothing_changes():
    torch.manual_seed(0)
    net, planes = MazeNet().eval(), torch.rand(1, 5, 9, 9)
    layers = []
    net.layer.register_forward_pre_hook(lambda *_: layers.append(1))
    with torch.no_grad():
        net.layer.second.weight.zero_()  # the next state is 0.5 everywhere, whatever the last one was
        net.layer.second.bias.fill_(0.5)
        settled = net(planes)
        assert len(layers) == 2
        torch.testing.assert_close(settled, net(planes, steps=5))


def test_a_loss_over_several_layers():
    on_way = torch.tensor([[[1.0, 0], [0, 1]]])
    right, wrong = 8 * on_way - 4, 4 - 8 * on_way
    late = torch.stack([wrong, right], dim=1)
    assert whole_worlds_right(late, on_way) == 1
    assert whole_worlds_right(late.flip(1), on_way) == 0
    torch.testing.assert_close(cells_loss(late, on_way), (cells_loss(right, on_way) + cells_loss(wrong, on_way)) / 2)


def test_data_to_learn_from():
    parts = small_worlds(3, training=12, size=9)
    assert [len(planes) for planes, _ in parts] == [12, 300, 300]
    for planes, on_way in parts:
        assert planes.shape == (len(on_way), 5, 9, 9)
        assert set(on_way.unique().tolist()) == {0, 1}
    assert torch.equal(parts[0][0], small_worlds(3, training=12, size=9)[0][0])


def test_the_shipped_weights_found_every_price_and_every_move():
    """With these numbers the network is Bellman and Ford's algorithm: right at any size."""
    net = nets.load("min-plus-worlds")
    colours = torch.tensor(list(worlds.COLOURS.values())).T[None, :, :, None]
    enter, moves = net.costs(colours)
    assert enter.flatten().tolist() == list(worlds.COLOURS)
    inf = torch.inf
    assert moves.tolist() == [[inf, 0, inf], [0, inf, 0], [inf, 0, inf]]
    planes, on_way = stack([worlds.maze(59, np.random.default_rng(7))])
    assert whole_worlds_right(net(planes), on_way) == 1


def test_paths_of_many_worlds_are_those_of_each():
    """Side by side in one grid, with walls between: no way leads from one world into the next."""
    rng = np.random.default_rng(5)
    for draw in (worlds.maze, worlds.scatter, worlds.caves):
        drawn = [draw(11, rng) for _ in range(4)]
        for world, cells in zip(drawn, worlds.on_shortest_paths(drawn), strict=True):
            there, back = (dp.shortest_paths(world.cost, end) for end in (world.start, world.goal))
            through = there + back - np.where(np.isinf(world.cost), 0, world.cost)
            np.testing.assert_array_equal(cells, np.isfinite(through) & (through == through[world.start]))


def test_a_maze_net_begins_to_learn_from_any_state():
    """Ten steps on a handful of mazes: walls are told from corridors, whatever number of layers it has run."""
    torch.manual_seed(0)
    net, data = MazeNet(), mazes(16, 9, seed=0)
    settings = {"loss": cells_loss, "score": whole_worlds_right, "optimiser": clipped_adam, "learning_rate": 0.02}
    history = nets.fit(net, data, data, epochs=40, batch_size=16, progress=False, **settings)
    assert history[-1].train_loss < 0.7 * history[0].train_loss


def test_counted_worlds_are_right_at_every_size_and_of_every_kind():
    """What shipped with the package, from ``python -m lecture5.nets.maze_experiments worlds``."""
    rows = experiments.results("worlds")
    assert {row["kind"] for row in rows} == set(KINDS)
    assert len({row["seed"] for row in rows}) >= 2
    for row in rows:
        size, right = int(row["size"]), int(row["right"]) / int(row["worlds"])
        assert int(row["worlds"]) >= {59: 100, 201: 20}[size]
        assert right >= {59: 0.99, 201: 0.95}[size], row


def test_networks_that_rounded_alike_are_counted_once(tmp_path, monkeypatch):
    runs = []
    monkeypatch.setattr(maze_experiments, "trained", lambda *_: nets.load("min-plus-worlds"))
    monkeypatch.setattr(maze_experiments, "COUNTS", {11: 3})
    original = maze_experiments.count_right
    monkeypatch.setattr(maze_experiments, "count_right", lambda *a: runs.append(a) or original(*a))
    rows = maze_experiments.on_worlds(tmp_path, (0, 1))
    assert len(runs) == len(KINDS)
    assert len(rows) == 2 * len(KINDS)
    assert all(row["right"] == row["worlds"] == 3 for row in rows)
    assert maze_experiments.on_worlds(tmp_path, (0, 1)) == rows
    assert len(runs) == len(KINDS)  # what was counted is not counted again
