"""The networks that look for a way: exact where they are built to be, and trainable."""

import numpy as np
import pytest
import torch

from lecture5 import nets
from lecture5.dp import worlds
from lecture5.nets.maze import MazeNet, MinPlusNet, cells_loss, small_worlds, stack, whole_worlds_right


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


@pytest.mark.parametrize("make", [MinPlusNet, MazeNet, lambda: MazeNet(recall=False)])
def test_every_weight_gets_a_gradient(make):
    torch.manual_seed(0)
    net, (planes, on_way) = make(), stack([worlds.scatter(9, np.random.default_rng(seed)) for seed in range(4)])
    logits = net(planes)
    assert logits.shape == on_way.shape
    cells_loss(logits, on_way).backward()
    for name, weights in net.named_parameters():
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().sum() > 0, name


def test_without_recall_a_layer_no_longer_sees_the_world():
    torch.manual_seed(0)
    planes = torch.rand(1, 5, 9, 9)
    for recall in (True, False):
        net, seen = MazeNet(recall=recall).eval(), []
        original = net.layer
        net.layer = lambda state, planes, original=original, seen=seen: seen.append(planes) or original(state, planes)
        net(planes, steps=3)
        assert [bool(part.any()) for part in seen] == [True, recall, recall]


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
