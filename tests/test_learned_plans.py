"""Networks with an algorithm inside: digits learned from route lengths, and a value iteration network."""

import numpy as np
import pytest
import torch

from lecture5 import data, dp, nets
from lecture5.nets.planner import ValueIterationNet, cells_decided_right, imitation_loss, plans
from lecture5.nets.routes import RouteReader, distances, distances_right, maps, moved, route_data


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_distances_are_shortest_paths_and_their_gradient_is_the_way():
    cost = torch.tensor([[5.0, 1, 9], [3, 8, 1]], requires_grad=True)
    both = torch.stack([cost, cost.detach().flip(1)])
    result = distances(both)
    for grid, expected in zip(result, both, strict=True):
        np.testing.assert_array_equal(grid.detach(), dp.shortest_paths(expected.detach().numpy(), (0, 0)))
    result[0, 1, 2].backward()
    assert cost.grad.tolist() == [[0, 1, 0], [0, 1, 1]]  # 1 + 8 + 1 is less than 1 + 9 + 1, and than 3 + 8 + 1


def test_maps_hold_the_digits_that_their_distances_say():
    images = np.arange(10, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 28, 28), np.float32)
    pictures, distance = maps(images, np.arange(10), count=5, size=3, seed=0)
    assert pictures.shape == (5, 3, 3, 28, 28)
    for picture, expected in zip(pictures, distance, strict=True):
        cost = picture[:, :, 0, 0].double().numpy()
        np.testing.assert_array_equal(dp.shortest_paths(cost, (0, 0)), expected)


def test_distances_right_leaves_out_the_corner():
    targets = torch.tensor([[[0.0, 2], [3, 4]]])
    assert distances_right(targets + 0.4, targets) == 1
    assert distances_right(torch.tensor([[[0.0, 2], [9, 9]]]), targets) == pytest.approx(1 / 3)


def test_what_is_learned_from_are_maps_and_distances():
    parts = route_data(counts=(6, 4, 3))
    assert [tuple(pictures.shape) for pictures, _ in parts] == [(n, 3, 3, 28, 28) for n in (6, 4, 3)]
    for pictures, distance in parts:
        assert distance.shape == pictures.shape[:3]
        assert not distance[:, 0, 0].any()


def test_three_digits_are_learned_from_routes():
    """A tiny version: digits 0, 1 and 2 on maps of 2 × 2."""
    images, labels = data.digits("train")
    few = np.flatnonzero(labels < 3)[:400]
    training = maps(images[few], labels[few], count=300, size=2, seed=0)
    images, labels = data.digits("test")
    few = np.flatnonzero(labels < 3)[:100]
    torch.manual_seed(0)
    model = RouteReader(num_costs=3)
    settings = {"optimiser": torch.optim.Adam, "learning_rate": 0.003, "score": distances_right}
    nets.fit(
        model, training, training, epochs=5, batch_size=20, loss=torch.nn.functional.smooth_l1_loss, progress=False,
        **settings,
    )  # fmt: skip
    with torch.no_grad():
        read = model.costs(torch.from_numpy(images[few, 0])).round().numpy()
    assert (read == labels[few]).mean() > 0.8


def test_the_shipped_reader_learned_all_ten_digits_from_routes():
    """What chapter 14 says: more than nineteen of twenty are read right, of every digit more than nine of ten."""
    images, labels = data.digits("test")
    with torch.no_grad():
        right = nets.load("route-digits").costs(torch.from_numpy(images[:, 0])).round().numpy() == labels
    assert right.mean() > 0.95
    by_digit = [right[labels == digit].mean() for digit in range(10)]
    assert min(by_digit) > 0.9
    assert np.argmin(by_digit) == 9


def test_every_digit_of_a_map_is_moved_by_itself():
    torch.manual_seed(0)
    images = torch.from_numpy(data.digits("train")[0][:1, 0])
    changed = moved(images.expand(2, 3, 3, 28, 28).contiguous())
    assert changed.shape == (2, 3, 3, 28, 28)
    assert len(changed.reshape(18, -1).unique(dim=0)) == 18
    torch.testing.assert_close(changed.sum(dim=(3, 4)).mean(), images.sum(), rtol=0.1, atol=0)


def test_plans_are_those_of_exact_value_iteration():
    drawn = plans(6, 7, seed=1)
    for planes, cost, value, best in zip(*(part.numpy() for part in drawn), strict=True):
        goal = planes[3] > 0
        assert goal.sum() == 1
        exact = dp.value_iteration(-cost.astype(float), 0.9, slip=0.2, terminal=goal)
        np.testing.assert_allclose(value, exact.value, atol=1e-5)
        chosen = np.take_along_axis(best, np.maximum(exact.action, 0)[None], axis=0)[0]
        assert (chosen[~goal] > 0).all()
        assert not best[:, goal].any()
        np.testing.assert_allclose(best.sum(axis=0)[~goal], 1, rtol=1e-6)
        for price, colour in dp.worlds.COLOURS.items():
            np.testing.assert_allclose(
                planes[:3, cost == price].T, np.tile(colour, ((cost == price).sum(), 1)), rtol=1e-6
            )


class Prices(torch.nn.Module):
    """Knows what each colour costs, on another scale: softplus of what it returns is half of it."""

    def forward(self, pictures):
        prices = torch.zeros_like(pictures[:, :1])
        for cost in dp.worlds.TERRAIN:
            same = (pictures - torch.tensor(dp.worlds.COLOURS[cost])[None, :, None, None]).abs().amax(1, True) < 1e-3
            prices = torch.where(same, float(np.log(np.expm1(cost / 2))), prices)
        return prices


def knowing():
    """A value iteration network with the right costs, halved, and the right kernels."""
    net = ValueIterationNet()
    net.look = Prices()
    with torch.no_grad():
        net.scores.copy_((torch.tensor(dp.planning.action_kernels(0.2)) + 1e-12).log())
    return net.eval()


def test_with_the_right_numbers_it_is_value_iteration():
    drawn = plans(8, 13, seed=2)
    with torch.no_grad():
        outputs, values = knowing()(drawn.planes), knowing().values(drawn.planes)
    assert cells_decided_right(outputs, drawn.best) == 1
    torch.testing.assert_close(values[:, 0], drawn.value / 2, atol=1e-3, rtol=0)


def test_too_few_layers_do_not_know_the_goal():
    drawn = plans(8, 21, seed=3)
    with torch.no_grad():
        scores = [
            float(cells_decided_right(knowing()(drawn.planes, steps=steps), drawn.best)) for steps in (3, 12, 150)
        ]
    assert scores[0] < scores[1] < scores[2] == 1


def test_it_learns_from_an_expert_what_grounds_cost():
    drawn = plans(60, 7, seed=0)
    torch.manual_seed(0)
    net, settings = ValueIterationNet(), {"loss": imitation_loss, "score": cells_decided_right}
    before = nets.evaluate(net, (drawn.planes, drawn.best), **settings)
    nets.fit(
        net, (drawn.planes, drawn.best), (drawn.planes, drawn.best), epochs=12, batch_size=10, learning_rate=0.05,
        optimiser=torch.optim.Adam, progress=False, **settings,
    )  # fmt: skip
    loss, score = nets.evaluate(net, (drawn.planes, drawn.best), **settings)
    assert loss < 0.6 * before[0]
    assert score > 0.7
    for weights in net.parameters():
        assert torch.isfinite(weights).all()


def test_the_shipped_planner_found_prices_and_probabilities_nearly():
    model = nets.load("planner")
    colours = torch.tensor([dp.worlds.COLOURS[cost] for cost in dp.worlds.TERRAIN]).T[None, :, :, None]
    with torch.no_grad():
        price = -model.rewards(colours).flatten()
        np.testing.assert_allclose(price / price[0], [*dp.worlds.TERRAIN], rtol=0.1)
        np.testing.assert_allclose(model.kernels(), dp.planning.action_kernels(0.2), atol=0.06)
        drawn = plans(10, 31, seed=5)
        assert 0.93 < cells_decided_right(model(drawn.planes), drawn.best) < 1
