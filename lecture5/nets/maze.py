"""Networks that find the way through a picture of a maze: one tied layer, repeated as often as the maze is large.

They see small worlds, and only which cells the shortest paths take. What they make of larger worlds shows what they
have learned:

- :class:`MinPlusNet` has a layer that *is* a (min, +) convolution. It has to find what a colour costs, and which moves
  are allowed. Its weights ship with the package.
- :class:`MazeNet` is an ordinary recurrent convolutional network, which would have to find an algorithm by itself.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..dp import MIN_PLUS, TiedConvNet, wave, worlds


class MazeNet(nn.Module):
    """A tied recurrent network of ordinary convolutions:  state ← ReLU(conv(ReLU(conv[state, input]))).

    It can run for as many layers as one likes, on a world of any size. In training mode it runs a random number of
    layers without gradients and then ``GRADED`` more with them, so that it learns to *improve* whatever state it finds
    itself in (incremental progress: Bansal et al., "End-to-end algorithm synthesis with recurrent networks", 2022).

    Parameters
    ----------
    width
        Channels of the state. Few are enough, and extrapolate better than many.
    recall
        Whether each layer sees the input again; without, only the first does.
    """

    GRADED, UNGRADED = 10, 40

    def __init__(self, width: int = 12, *, recall: bool = True):
        super().__init__()
        self.width, self.recall = width, recall
        self.first = nn.Conv2d(width + 5, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.read = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, planes: Tensor, steps: int | None = None) -> Tensor:
        """Return a logit for each cell, (N, H, W): positive if it seems to lie on a shortest path.

        Parameters
        ----------
        planes : (N, 5, H, W)
            Red, green, blue, a 1 at the start, a 1 at the goal.
        steps
            How many layers; by default half as many as there are cells, enough for the longest way of a maze.
        """
        seen = planes
        state = planes.new_zeros(len(planes), self.width, *planes.shape[2:])
        if self.training and self.recall:
            with torch.no_grad():
                for _ in range(int(torch.randint(self.UNGRADED + 1, ()))):
                    state = self.layer(state, seen)
        if self.training:
            steps = self.GRADED
        for _ in range(planes.shape[2] * planes.shape[3] // 2 if steps is None else steps):
            state = self.layer(state, seen)
            if not self.recall:
                seen = torch.zeros_like(planes)
        return self.read(state)[:, 0]

    def layer(self, state: Tensor, seen: Tensor) -> Tensor:
        """Return the next state, (N, width, H, W)."""
        return torch.relu(self.second(torch.relu(self.first(torch.cat([state, seen], dim=1)))))


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
    """Return in which part of the worlds every cell is right."""
    return ((logits > 0) == (on_way > 0.5)).flatten(1).all(dim=1).float().mean()


def cells_loss(logits: Tensor, on_way: Tensor) -> Tensor:
    """Cross-entropy of every cell; a cell that is wrong by far does not drown the others."""
    return nn.functional.binary_cross_entropy_with_logits(logits.clamp(-30, 30), on_way)


def small_worlds(seed: int = 0, *, training: int = 1500, size: int = 11) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return small worlds to learn from, and 300 each to choose the epoch and to test on: planes and cells on the way.

    Half are mazes, every second of these with loops; half have ground of all kinds, drawn cell by cell.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for i in range(training + 600):
        loops = 0.15 * (i % 4 == 0)
        drawn.append(worlds.scatter(size, rng, walls=0.1) if i % 2 else worlds.maze(size, rng, loops))
    return tuple(stack(part) for part in (drawn[:training], drawn[training:-300], drawn[-300:]))


def stack(drawn: list[worlds.World]) -> tuple[Tensor, Tensor]:
    """Return worlds of one size as a batch: planes (N, 5, H, W), and 1 on each shortest path (N, H, W)."""
    planes = np.stack([world.planes() for world in drawn])
    on_way = np.stack([world.on_shortest_path() for world in drawn])
    return torch.from_numpy(planes).float(), torch.from_numpy(on_way).float()
