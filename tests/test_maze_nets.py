"""The networks that look for a way: exact where they are built to be, and trainable."""

import itertools

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
    seen_from,
    small_worlds,
    stack,
    way_loss,
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


@pytest.mark.parametrize("loss", [cells_loss, way_loss])
@pytest.mark.parametrize("make", [MinPlusNet, MazeNet, UntiedMazeNet])
def test_every_weight_gets_a_gradient(make, loss):
    torch.manual_seed(0)
    net, (planes, on_way) = make(), stack([worlds.scatter(9, np.random.default_rng(seed)) for seed in range(4)])
    loss(net(planes), on_way).backward()
    for name, weights in net.named_parameters():
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().sum() > 0, name


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("recall", [True, False])
def test_without_recall_only_the_first_layer_sees_the_world(training, recall):
    torch.manual_seed(0)
    net, seen = MazeNet(recall=recall).train(training), []
    nothing = net.layer.look(torch.zeros(2, 5, 9, 9))
    net.layer.register_forward_pre_hook(lambda _, inputs: seen.append(not torch.equal(inputs[1], nothing)))
    logits = net(torch.rand(2, 5, 9, 9), steps=3)
    assert logits.shape == ((2, MazeNet.GRADED, 9, 9) if training else (2, 9, 9))
    assert seen == [True] + [recall] * (len(seen) - 1)
    assert len(seen) >= 3


@pytest.mark.parametrize("grows", [True, False])
def test_a_layer_is_two_convolutions_of_state_and_input(grows):
    torch.manual_seed(0)
    layer, state, planes = MazeNet(width=3, grows=grows).layer, torch.rand(2, 3, 6, 7), torch.rand(2, 5, 6, 7)
    hidden = torch.relu(layer.first(torch.cat([state, planes], dim=1)))
    expected = torch.tanh(torch.relu(layer.second(hidden)))
    if grows:
        assert (expected < state).any()  # or else the maximum would not matter
        expected = torch.maximum(expected, state)
    torch.testing.assert_close(layer(state, layer.look(planes)), expected)


def test_a_state_only_grows_and_so_comes_to_rest():
    torch.manual_seed(0)
    net, planes = MazeNet(), torch.rand(2, 5, 9, 9)
    state, seen = torch.zeros(2, 12, 9, 9), net.layer.look(planes)
    states = [state := net.layer(state, seen) for _ in range(60)]
    assert all((later >= state).all() for state, later in itertools.pairwise(states))
    assert (states[-1] <= 1).all()
    torch.testing.assert_close(states[-1], net.layer(states[-1], seen), rtol=0, atol=1e-4)


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
    for loss in (cells_loss, way_loss):
        torch.testing.assert_close(loss(late, on_way), (loss(right, on_way) + loss(wrong, on_way)) / 2)
        torch.testing.assert_close(loss(torch.stack([right, right], dim=1), on_way), loss(right, on_way))


def test_the_loss_of_a_way_by_hand():
    """Nothing from a logit of 2 on; else a quarter of the square of what is missing, three times on the way."""
    on_way = torch.tensor([[[1.0, 1, 1], [0, 0, 0]]])
    logits = torch.tensor([[[3.0, 1, -2], [-2, -1, 2]]])
    torch.testing.assert_close(way_loss(logits, on_way), torch.tensor((0 + 3 / 4 + 3 * 4 + 0 + 1 / 4 + 4) / 6))


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
    settings = {"loss": way_loss, "score": whole_worlds_right, "optimiser": clipped_adam, "learning_rate": 0.02}
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
        right.setdefault((row["network"], row["layers"]), {}).setdefault(int(row["size"]), []).append(share)
    grown, stopped, replaced = (
        right[run] for run in (("maze-net", "all"), ("maze-net", "20"), ("maze-net-replaced", "all"))
    )
    without, untied = right["maze-net-no-recall", "all"], right["maze-net-untied", "20"]
    assert set(grown) == set(maze_experiments.MAZE_COUNTS)
    assert all(len(by_size[size]) == 3 for by_size in (grown, stopped, replaced) for size in (15, 31, 59))
    # "Nearly every maze, in all three trainings, up to 180 times as many cells."
    assert min(min(shares) for shares in grown.values()) >= 0.9
    assert round((201 / 15) ** 2) == 180
    assert max(stopped[15]) < 0.1
    assert max(stopped[31] + stopped[59] + stopped[201]) == 0
    # "Less sure at every size, and at 59 cells the seed decides."
    assert all(np.median(replaced[size]) < min(grown[size]) for size in replaced)
    assert min(replaced[59]) < 0.5
    assert max(replaced[59]) > 0.9
    assert without[15] > without[31] > without[59]
    assert all(without[size][0] < min(grown[size]) for size in without)
    assert all(shares == [0] for shares in untied.values())
    # What the figure's text says for who cannot see it.
    assert stopped[15] == [0.09] * 3
    assert [(min(replaced[size]), max(replaced[size])) for size in (15, 59)] == [(0.65, 0.94), (0.42, 0.94)]
    assert (without[15], without[59]) == ([0.36], [0.04])
    weights = [sum(p.numel() for p in net.parameters()) for net in (MazeNet(), UntiedMazeNet())]
    assert round(weights[1] / weights[0]) == 20


def test_what_chapter_14_reads_from_the_trainings():
    grows, replaced = (
        [epoch.validation_score for epoch in nets.history(name)] for name in ("maze-net", "maze-net-replaced")
    )
    assert max(replaced) > 0.9  # what it can do in one epoch ...
    assert sum(score < 0.5 for score in replaced[10:]) >= 5  # ... it has lost in others
    assert min(grows[5:]) > 0.6
    assert sum(score > 0.9 for score in grows[5:]) >= 12
    untied = nets.history("maze-net-untied")
    assert 0.3 < untied[-1].train_score < 0.37  # "A third of the mazes that it learned from, and hardly any new one."
    assert max(epoch.validation_score for epoch in untied) < 0.1
    assert (len(grows), len(untied)) == (20, 10)  # "For half as many epochs."
    assert MazeNet.AFRESH == 1 / 5  # "One time in five", of layers "eight at a time".
    assert MazeNet.GRADED == 8


def test_mazes_are_drawn_once_for_all_networks_and_counted_one_by_one(tmp_path, monkeypatch):
    """The first two of three are right, in batches of two; the largest are for the first network only."""
    drawn = []
    monkeypatch.setattr(maze_experiments, "MAZE_COUNTS", {9: 3, 11: 3})
    monkeypatch.setattr(maze_experiments, "CELLS", 2 * 9 * 9)
    monkeypatch.setattr(maze_experiments, "mazes", lambda *a, **b: drawn.append(a) or mazes(*a, **b))
    answers = {}
    for size in (9, 11):
        planes, on_way = mazes(3, size, seed=1000 + size)
        for n, (maze, way) in enumerate(zip(planes, on_way, strict=True)):
            answers[maze.numpy().tobytes()] = (way - 0.5) * (1 if n < 2 else -1)

    def network(planes, steps=None):
        return torch.stack([answers[maze.numpy().tobytes()] for maze in planes])

    monkeypatch.setattr(maze_experiments, "trained", lambda *_: network)
    rows = maze_experiments.on_mazes(tmp_path, (4, 5))
    assert drawn == [(3, 9), (3, 11)]
    assert all((row["mazes"], row["right"]) == (3, 2) for row in rows)
    assert [(row["network"], row["seed"], row["layers"]) for row in rows if row["size"] == 11] == [
        ("maze-net", seed, layers) for seed in (4, 5) for layers in ("all", 20)
    ]
    assert [(row["network"], row["seed"], row["layers"]) for row in rows if row["size"] == 9][4:] == [
        ("maze-net-replaced", 4, "all"),
        ("maze-net-replaced", 5, "all"),
        ("maze-net-no-recall", 4, "all"),
        ("maze-net-untied", 4, 20),
    ]


def test_training_goes_on_where_it_left_a_maze():
    torch.manual_seed(0)
    net, (planes, _) = MazeNet(), mazes(3, 9, seed=0)
    met = []
    net.layer.register_forward_pre_hook(lambda _, inputs: met.append([part.clone() for part in inputs]))
    with torch.no_grad():
        net(planes)
        state, seen = met[-1]
        left = net.layer(state, seen)  # what the last layer gave
        met.clear()
        net.AFRESH = 0
        net(planes.flip(0))  # in another order
        torch.testing.assert_close(met[0], [left.flip(0), seen.flip(0)])  # each seen from the same side as before
        net.AFRESH = 1
        met.clear()
        net(planes)
    assert not met[0][0].any()
    assert not any("left" in name for name in net.state_dict())


def test_a_maze_can_be_seen_from_eight_sides():
    maze = torch.arange(12).reshape(3, 4)
    sides = [seen_from(side, maze) for side in range(8)]
    assert len({(side.shape, *side.flatten().tolist()) for side in sides}) == 8
    for side, seen in enumerate(sides):
        assert torch.equal(seen_from(side, seen, back=True), maze)


def test_in_training_mazes_are_seen_from_all_sides_and_logits_turned_back():
    """A network that says where the start is, and no more: the logits show it in its place, from whatever side."""
    torch.manual_seed(0)
    net, (planes, _) = MazeNet(), mazes(5, 9, seed=0)
    net.AFRESH = 1
    with torch.no_grad():
        for weights in net.parameters():
            weights.zero_()
        net.layer.first.weight[0, net.width + 3, 1, 1] = net.layer.second.weight[0, 0, 1, 1] = net.read.weight[0, 0] = 1
        met = []
        net.layer.register_forward_pre_hook(lambda _, inputs: met.append(inputs[1][:, 0] > 0))
        for _ in range(20):
            logits = net(planes)
            assert torch.equal(logits[:, -1] > 0, planes[:, 3] > 0)
    starts = {tuple(place) for seen in met for place in seen[0].nonzero().tolist()}
    assert len(starts) > 4  # it was turned


def filled(planes):
    """Dead-end filling, written in another way than in chapter 14: take away cells one by one."""
    left, ends = planes[:3].sum(dim=0).numpy() > 0.6, planes[3:].sum(dim=0).numpy() > 0
    around = ((0, 1), (1, 0), (0, -1), (-1, 0))
    waiting = [tuple(cell) for cell in np.argwhere(left)]
    while waiting:
        row, column = waiting.pop()
        neighbours = [(row + i, column + j) for i, j in around if left[row + i, column + j]]
        if left[row, column] and not ends[row, column] and len(neighbours) < 2:
            left[row, column] = False
            waiting += neighbours
    return torch.from_numpy(left)


def test_the_shipped_ordinary_net_fills_dead_ends():
    """Chapter 14: it begins with all corridors, never loses the way, and does what the rule does, in rings too."""
    net, rng = nets.load("maze-net"), np.random.default_rng(11)
    planes, on_way = stack([worlds.maze(31, rng, loops) for loops in (0, 0.02, 0.04, 0.15) for _ in range(4)])
    corridors, way = planes[:, :3].sum(dim=1) > 0.6, on_way > 0.5
    with torch.inference_mode():
        early, middle, late = (net(planes, steps=steps) > 0 for steps in (1, 30, None))
    assert torch.equal(early, corridors)
    assert (early & ~middle).any()
    with torch.inference_mode():
        state, seen, kept = torch.zeros(len(planes), net.width, 31, 31), net.layer.look(planes), corridors
        for _ in range(200):  # what is noted of a cell is that it is dead: none comes back
            state = net.layer(state, seen)
            before, kept = kept, net.read(state)[:, 0] > 0
            assert (before | ~kept).all()
    assert all((kept | ~way).all() for kept in (early, middle, late))
    expected = torch.stack([filled(world) for world in planes])
    assert (late != expected).flatten(1).sum(dim=1).max() <= 1
    assert (late == expected).flatten(1).all(dim=1).float().mean() > 0.8
    assert not torch.equal(expected[4:], way[4:])  # rings stay, so that the rule is no shortest path


def test_where_the_shipped_ordinary_net_is_wrong_it_leaves_one_cell_beside_an_end():
    """Chapter 14, of the mazes that were counted."""
    net, wrong = nets.load("maze-net"), 0
    for size in (15, 31):
        planes, on_way = mazes(100, size, seed=1000 + size)
        with torch.inference_mode():
            found = net(planes) > 0
        for maze, kept, way in zip(planes, found, on_way > 0.5, strict=True):
            if torch.equal(kept, way):
                continue
            wrong += 1
            assert (kept | ~way).all()
            ((row, column),) = (kept & ~way).nonzero().tolist()
            assert min(abs(row - i) + abs(column - j) for _, i, j in maze[3:].nonzero().tolist()) == 1
    counted = [
        row
        for row in experiments.results("mazes")
        if (row["network"], row["layers"], row["seed"]) == ("maze-net", "all", "0")
    ]
    assert wrong == sum(int(row["mazes"]) - int(row["right"]) for row in counted if row["size"] in ("15", "31")) > 0
