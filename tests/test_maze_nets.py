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
    parts = small_worlds(3, training=12, size=9, larger=13)
    assert [(len(planes), planes.shape[-1]) for planes, _ in parts] == [(12, 9), (200, 13), (300, 9)]
    for planes, on_way in parts:
        assert planes.shape[1] == 5
        assert on_way.shape == (len(planes), *planes.shape[2:])
        assert set(on_way.unique().tolist()) == {0, 1}
    assert torch.equal(parts[0][0], small_worlds(3, training=12, size=9, larger=13)[0][0])


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


def test_larger_worlds_tell_a_dear_move_from_a_forbidden_one():
    """A diagonal move that costs 6 more hardly ever pays in a small world; in those that choose the epoch it does."""
    net = nets.load("min-plus-worlds")
    with torch.no_grad():
        price = torch.log(6 * net.unit)
        net.moves[0, 0] = net.moves[2, 2] = price
    assert net.costs(torch.zeros(1, 3, 1, 1))[1].tolist()[0][0] == 6
    _, larger, small = small_worlds(training=2)
    with torch.no_grad():
        shares = [float(whole_worlds_right(net(part[0][:60]), part[1][:60])) for part in (small, larger)]
    assert shares[0] > 0.95
    assert shares[1] < 0.9


@pytest.mark.parametrize("loops", [0.0, 0.15])
def test_far_ends_are_as_far_apart_as_can_be(loops):
    """In a tree exactly; with loops nearly so."""
    for seed in range(4):
        world = worlds.maze(13, np.random.default_rng(seed), loops, far=True)
        ways = [dp.shortest_paths(world.cost, tuple(cell)) for cell in np.argwhere(np.isfinite(world.cost))]
        longest = max(way[np.isfinite(way)].max() for way in ways)
        assert dp.shortest_paths(world.cost, world.start)[world.goal] >= (longest if loops == 0 else 0.8 * longest)


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
    assert {(row["kind"], row["size"], row["seed"]) for row in rows} == {
        (kind, size, seed) for kind in KINDS for size in ("59", "201") for seed in "012"
    }
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


def test_what_chapter_14_reads_from_the_mazes():
    """What shipped with the package, from ``python -m lecture5.nets.maze_experiments mazes``."""
    right = {}
    for row in experiments.results("mazes"):
        share = int(row["right"]) / int(row["mazes"])
        right.setdefault((row["network"], row["layers"], int(row["size"])), []).append(share)
    for size in maze_experiments.MAZE_COUNTS:
        settled, stopped = (right["maze-net", layers, size] for layers in ("all", "20"))
        assert len(settled) == len(stopped) == 3
        assert all(more >= fewer for more, fewer in zip(settled, stopped, strict=True))
        assert right["maze-net-untied", "20", size] == [0]
    settled, stopped = ({size: right["maze-net", layers, size] for size in (15, 31, 59)} for layers in ("all", "20"))
    assert all(more > 3 * fewer for more, fewer in zip(settled[15], stopped[15], strict=True))
    # The words under the figure, and those for who cannot see it.
    assert (min(settled[15]), max(settled[15]), max(settled[31]), max(settled[59])) == (0.14, 0.59, 0.19, 0.12)
    assert (max(stopped[15]), max(stopped[31]), max(stopped[59])) == (0.13, 0, 0)
    assert [sum(share > 0 for share in settled[size]) for size in (31, 59)] == [2, 1]
    weights = [sum(p.numel() for p in net.parameters()) for net in (MazeNet(), UntiedMazeNet())]
    assert round(weights[1] / weights[0]) == 20


def test_training_goes_on_where_it_left_a_maze():
    torch.manual_seed(0)
    net, (planes, _) = MazeNet(), mazes(3, 9, seed=0)
    starts = []
    net.layer.register_forward_pre_hook(lambda _, inputs: starts.append(inputs[0].clone()))
    with torch.no_grad():
        net(planes)
        left = net.layer(starts[-1], planes)  # what the last layer gave
        starts.clear()
        net.AFRESH = 0
        net(planes.flip(0))  # in another order
        torch.testing.assert_close(starts[0], left.flip(0))
        net.AFRESH = 1
        starts.clear()
        net(planes)
    assert not starts[0].any()
    assert not any("left" in name for name in net.state_dict())


def test_the_shipped_ordinary_net_fills_dead_ends_and_makes_two_kinds_of_mistakes():
    """Chapter 14: it begins with all corridors and loses one cell of each dead end after another; not always all."""
    net = nets.load("maze-net")
    planes, on_way = mazes(12, 31, seed=1031)
    way, corridors = on_way > 0.5, planes[:, :3].amax(dim=1) > 0.5
    with torch.inference_mode():
        early, late = (net(planes, steps=steps) > 0 for steps in (1, 480))
    assert (early & corridors).sum() > 0.8 * corridors.sum()
    assert not (early & ~corridors).any()
    extra, missing = ((late & ~way).flatten(1).sum(dim=1), (way & ~late).flatten(1).sum(dim=1))
    assert ((extra == 0) & (missing == 0)).any()
    assert ((extra > 0) & (missing == 0)).any()
    assert (missing > 0.3 * way.flatten(1).sum(dim=1)).any()
