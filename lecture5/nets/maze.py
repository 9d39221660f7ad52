"""Networks that find the way through a picture of a maze: one tied layer, repeated as often as the maze is large.

They see small worlds, and only which cells the shortest paths take. What they make of larger worlds shows what they
have learned:

- :class:`MinPlusNet` has a layer that *is* a (min, +) convolution. It has to find what a colour costs, and which moves
  are allowed. Its weights ship with the package.
- :class:`MazeNet` is an ordinary recurrent convolutional network, which has to find an algorithm by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from ..dp import MIN_PLUS, TiedConvNet, wave, worlds
from .resnet import he_initialisation


class MazeLayer(nn.Module):
    """One layer:  state ← max(state, tanh(ReLU(conv(ReLU(conv[state, input]))))).

    With the maximum a state can only grow, and no further than to 1, so that it comes to rest: what a layer has noted
    of a cell, no later one takes back. (The waves of :mod:`lecture5.dp` are of this kind, too: a distance only falls.)

    Parameters
    ----------
    width
        Channels of the state, (N, width, H, W).
    grows
        Whether to take the maximum; without, the state is replaced.
    """

    def __init__(self, width: int, *, grows: bool = True):
        super().__init__()
        self.width, self.grows = width, grows
        self.first = nn.Conv2d(width + 5, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        he_initialisation(self)

    def look(self, planes: Tensor) -> Tensor:
        """Return what the input adds to the first convolution; the same in each layer, so it is computed once."""
        return nn.functional.conv2d(planes, self.first.weight[:, self.width :], self.first.bias, padding=1)

    def forward(self, state: Tensor, seen: Tensor) -> Tensor:
        """Return the next state, given what :meth:`look` returned."""
        remembered = nn.functional.conv2d(state, self.first.weight[:, : self.width], padding=1)
        new = torch.tanh(torch.relu(self.second(torch.relu(remembered + seen))))
        return torch.maximum(state, new) if self.grows else new


class MazeNet(nn.Module):
    """A tied recurrent network of ordinary convolutions, which can run for any number of layers, at any size.

    While it is trained, it goes on with each maze from the state in which it left this maze the last time, and starts
    afresh now and then, each time with the maze turned or mirrored another way. So it learns to *improve* whatever it
    finds, and to leave alone what is right, after hundreds of layers, though every step of the training follows only
    eight (incremental progress: Bansal et al., "End-to-end algorithm synthesis with recurrent networks", 2022). The
    states are not part of the weights: a training that goes on after an interruption starts all mazes afresh.

    Parameters
    ----------
    width
        Channels of the state.
    grows
        Whether the state can only grow; see :class:`MazeLayer`.
    recall
        Whether each layer sees the input again; without, only the first does.
    """

    GRADED, AFRESH = 8, 0.2
    WITHOUT_RECALL = 24  # layers; no state can be gone on with, since nothing later would know the maze

    def __init__(self, width: int = 12, *, grows: bool = True, recall: bool = True):
        super().__init__()
        self.width, self.recall = width, recall
        self.layer = MazeLayer(width, grows=grows)
        self.read = _reader(width)
        self._left: dict[bytes, tuple[int, Tensor]] = {}

    def forward(self, planes: Tensor, steps: int | None = None) -> Tensor:
        """Return a logit for each cell, (N, H, W): positive if it seems to lie on a shortest path.

        In training mode: the logits after each of the last ``GRADED`` layers, (N, GRADED, H, W).

        Parameters
        ----------
        planes : (N, 5, H, W)
            Red, green, blue, a 1 at the start, a 1 at the goal.
        steps
            How many layers. None runs until hardly anything changes, at most half as many as there are cells.
        """
        if self.training:
            return self._graded(planes)
        state, seen, later = self._start(planes)
        for _ in range(planes.shape[2] * planes.shape[3] // 2 if steps is None else steps):
            before, state, seen = state, self.layer(state, seen), later
            if steps is None and (state - before).abs().max() < 1e-3:
                break
        return self.read(state)[:, 0]

    def _start(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the first state, what the first layer sees, and what the later ones see: without recall, nothing."""
        seen = self.layer.look(planes)
        later = seen if self.recall else self.layer.look(torch.zeros_like(planes))
        return planes.new_zeros(len(planes), self.width, *planes.shape[2:]), seen, later

    def _graded(self, planes: Tensor) -> Tensor:
        mazes = [maze.cpu().numpy().tobytes() for maze in planes]
        left = [self._left.get(maze) if self.recall and torch.rand(()) >= self.AFRESH else None for maze in mazes]
        sides = [int(torch.randint(8, ())) if was is None else was[0] for was in left]
        planes = torch.stack([seen_from(side, maze) for side, maze in zip(sides, planes, strict=True)])
        state, seen, later = self._start(planes)
        for n, was in enumerate(left):
            if was is not None:
                state[n] = was[1]
        logits = []
        for _ in range(self.GRADED if self.recall else self.WITHOUT_RECALL):
            state, seen = self.layer(state, seen), later
            logits.append(self.read(state))
        if self.recall:
            states = state.detach().unbind()
            self._left.update((maze, (side, own.clone())) for maze, side, own in zip(mazes, sides, states, strict=True))
        graded = torch.cat(logits[-self.GRADED :], dim=1)
        return torch.stack([seen_from(side, maze, back=True) for side, maze in zip(sides, graded, strict=True)])


def seen_from(side: int, maze: Tensor, *, back: bool = False) -> Tensor:
    """Turn the last two axes by ``side % 4`` quarters, mirrored before from 4 on; or undo that.

    Examples
    --------
    >>> seen_from(5, torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if back:
        maze = maze.rot90(-(side % 4), (-2, -1))
        return maze.flip(-1) if side >= 4 else maze
    return (maze.flip(-1) if side >= 4 else maze).rot90(side % 4, (-2, -1))


class UntiedMazeNet(nn.Module):
    """The same layers, each with weights of its own: as deep as it was built, and no deeper."""

    def __init__(self, width: int = 12, depth: int = 20):
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(MazeLayer(width) for _ in range(depth))
        self.read = _reader(width)

    def forward(self, planes: Tensor) -> Tensor:
        """Return a logit for each cell, (N, H, W), from planes (N, 5, H, W)."""
        state = planes.new_zeros(len(planes), self.width, *planes.shape[2:])
        for layer in self.layers:
            state = layer(state, layer.look(planes))
        return self.read(state)[:, 0]


def _reader(width: int) -> nn.Module:
    """Return the layer that says what a state means; at first, that hardly any cell is on the way."""
    read = nn.Conv2d(width, 1, 1)
    nn.init.constant_(read.bias, -2)
    return read


class MinPlusNet(nn.Module):
    """A learned picture-to-cost map, then two waves: from the start, and from the goal.

    A cell is on a shortest path if the way through it, from start to goal, is no longer than the best way through any
    cell. While it is trained all costs are finite, so that everything has a gradient. In evaluation mode what was
    learned is rounded to whole numbers and walls: what runs then is exactly Bellman and Ford's algorithm, at any size.

    Parameters
    ----------
    hidden
        Width of the 1×1 layer that looks at a cell's colour.
    """

    WALL = 6  # the dearest ground costs 5

    def __init__(self, hidden: int = 16):
        super().__init__()
        # The logarithm of what it costs to enter a cell, from its colour.
        self.look = nn.Sequential(nn.Conv2d(3, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 1, 1))
        # The logarithm of what each move to a cell of the 3 × 3 neighbourhood costs, in addition; at first, little.
        self.moves = nn.Parameter(torch.randn(3, 3) / 10 - 2)
        self.register_buffer("unit", torch.tensor(1.0))  # what road costs, as seen in the last training batch

    def costs(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cost of entering each cell, (N, 1, H, W), and what each move adds, (3, 3).

        In evaluation mode both are whole multiples of what road costs, and inf, a wall, beyond ``WALL`` of them.
        """
        enter = self.look(pictures).clamp(max=7).exp()
        # A move there and its way back cost the same. (Else only their sum could be learned: on the whole way from one
        # cell to another, the moves to the right less those to the left are always as many.)
        moves = ((self.moves + self.moves.flip(0, 1)) / 2).exp()
        staying = torch.zeros(3, 3, dtype=torch.bool, device=moves.device)
        staying[1, 1] = True
        moves = moves.masked_fill(staying, torch.inf)
        moves = moves - moves.min()  # what every move costs is part of what every cell costs
        if self.training:
            # Road is the cheapest ground. A twentieth of all cells may be cheaper still: start and goal, both free.
            self.unit.copy_(enter.detach().flatten().quantile(0.05))
            return enter, moves
        return self._whole(enter), self._whole(moves)

    def _whole(self, costs: Tensor) -> Tensor:
        multiple = (costs / self.unit).round()
        return torch.where(multiple > self.WALL, torch.inf, multiple)

    def forward(self, planes: Tensor, steps: int | None = None) -> Tensor:
        """Return a logit for each cell, (N, H, W): positive if it seems to lie on a shortest path.

        Parameters
        ----------
        planes : (N, 5, H, W)
            Red, green, blue, a 1 at the start, a 1 at the goal.
        steps
            How many layers; None runs until nothing changes.
        """
        pictures, ends = planes.split([3, 2], dim=1)
        enter, moves = self.costs(pictures)
        enter = torch.where(ends.amax(dim=1, keepdim=True) > 0, 0, enter)  # every way pays for both ends: they are free
        source = torch.where(ends > 0, 0, torch.inf).to(enter.dtype)
        waves = self._wave(source.flatten(0, 1)[:, None], enter.repeat_interleave(2, dim=0), moves, steps).to(
            enter.device
        )
        through = waves.unflatten(0, (-1, 2)).sum(dim=1) - torch.where(enter < torch.inf, enter, 0)
        excess = through - through.amin(dim=(2, 3), keepdim=True)
        return 2 - 4 * excess.nan_to_num(nan=1e9, posinf=1e9)[:, 0]

    def _wave(self, source: Tensor, enter: Tensor, moves: Tensor, steps: int | None) -> Tensor:
        if not self.training:  # nothing needs a gradient; and over arrays, moves that cost inf are skipped
            source, enter, moves = (part.detach().cpu().numpy() for part in (source, enter, moves))
        layer = wave(moves[None, None], MIN_PLUS, source, enter)
        cells = source.shape[2] * source.shape[3]
        state = TiedConvNet(layer).run(source, steps=steps, max_steps=cells, record=False).state
        return state if self.training else torch.from_numpy(state)


def whole_worlds_right(logits: Tensor, on_way: Tensor) -> Tensor:
    """Return in which part of the worlds every cell is right; after the last layer, if there are logits of several."""
    if logits.ndim > on_way.ndim:
        logits = logits[:, -1]
    return ((logits > 0) == (on_way > 0.5)).flatten(1).all(dim=1).float().mean()


def cells_loss(logits: Tensor, on_way: Tensor) -> Tensor:
    """Cross-entropy of every cell, and layer; a cell that is wrong by far does not drown the others."""
    on_way = _for_each_layer(on_way, logits)
    return nn.functional.binary_cross_entropy_with_logits(logits.clamp(-30, 30), on_way)


def way_loss(logits: Tensor, on_way: Tensor) -> Tensor:
    """Squared hinge loss of every cell, and layer: nothing from a logit of 2 on, if its sign is right.

    A cell of the way counts three times: a dead end that is still there can go in a later layer, while a cell of the
    way that was given up does not come back in a state that only grows.
    """
    on_way = _for_each_layer(on_way, logits)
    return ((1 + 2 * on_way) * torch.relu(2 - (2 * on_way - 1) * logits).square()).mean() / 4


def _for_each_layer(on_way: Tensor, logits: Tensor) -> Tensor:
    return on_way[:, None].expand_as(logits) if logits.ndim > on_way.ndim else on_way


def clipped_adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """Adam, with gradients no longer than 1: those of a layer that is repeated can be very long."""
    parameters = list(parameters)
    adam = torch.optim.Adam(parameters, lr=learning_rate)

    def clip(*_: object) -> None:
        nn.utils.clip_grad_norm_(parameters, 1.0)

    adam.register_step_pre_hook(clip)
    return adam


def mazes(count: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return perfect mazes, with one way between any two cells: planes and cells on the way."""
    rng = np.random.default_rng(seed)
    return stack([worlds.maze(size, rng) for _ in range(count)])


def maze_data(validation_size: int = 31) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return 1,000 mazes of 15 × 15 (six times each), 50 to choose the epoch, and 100 of 15 × 15 to test on.

    In every second to learn from, the ends are as far apart as can be: what holds on long ways only can be learned
    from long ways only. Those that choose the epoch are larger, so that they tell whether the network goes on.
    """
    rng = np.random.default_rng(0)
    planes, on_way = stack([worlds.maze(15, rng, far=i % 2 > 0) for i in range(1000)])
    return (
        (planes.repeat(6, 1, 1, 1), on_way.repeat(6, 1, 1)),
        mazes(50, validation_size, seed=1),
        mazes(100, 15, seed=2),
    )


def small_worlds(
    seed: int = 0, *, training: int = 1500, size: int = 11, larger: int = 21
) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return small worlds to learn from, 200 larger ones to choose the epoch, and 300 small ones to test on.

    Half are mazes, every second of these with loops; half have ground of all kinds, drawn cell by cell. In a small
    world a forbidden move that has become dear hardly ever pays. In a larger one with more walls, where ways around
    are longer, it still may. So these tell whether it has become dear enough.
    """
    rng = np.random.default_rng(seed)

    def draw(count: int, size: int, walls: float) -> list[worlds.World]:
        return [
            worlds.scatter(size, rng, walls) if i % 2 else worlds.maze(size, rng, 0.15 * (i % 4 == 0))
            for i in range(count)
        ]

    return tuple(stack(draw(*part)) for part in ((training, size, 0.1), (200, larger, 0.25), (300, size, 0.1)))


def stack(drawn: list[worlds.World]) -> tuple[Tensor, Tensor]:
    """Return worlds of one size as a batch: planes (N, 5, H, W), and 1 on each shortest path (N, H, W)."""
    planes = np.stack([world.planes() for world in drawn])
    return torch.from_numpy(planes).float(), torch.from_numpy(worlds.on_shortest_paths(drawn)).float()
