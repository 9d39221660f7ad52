"""Networks along one axis, time: causal and dilated, so that they can listen while the sound is still going on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..arguments import integer
from .training import Data


class CausalConv1d(nn.Conv1d):
    """A 1-D convolution whose output at time t has seen nothing later than t: all of its padding is on the left.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation, groups, bias
        As in :class:`torch.nn.Conv1d`.

    Notes
    -----
    Input ``(N, in_channels, L)``, output ``(N, out_channels, ceil(L / stride))``. Output i has seen the inputs up to
    ``stride * i``, and ``dilation * (kernel_size - 1)`` before it.

    Examples
    --------
    >>> layer = CausalConv1d(1, 1, kernel_size=3, dilation=4)
    >>> sound = torch.zeros(1, 1, 20)
    >>> later = sound.clone()
    >>> later[..., 12] = 1  # something happens at time 12
    >>> (layer(later) != layer(sound)).nonzero()[:, 2].tolist()
    [12, 16]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, groups=groups, bias=bias
        )

    def forward(self, x: Tensor) -> Tensor:
        past = self.dilation[0] * (self.kernel_size[0] - 1)
        return super().forward(nn.functional.pad(x, (past, 0)))


class CausalBlock(nn.Module):
    """A residual block of one causal dilated convolution:  x + conv(ReLU(batchnorm(x))).

    Examples
    --------
    >>> tuple(CausalBlock(8, dilation=4)(torch.zeros(2, 8, 50)).shape)
    (2, 8, 50)
    """

    def __init__(self, channels: int, *, kernel_size: int = 3, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.conv = CausalConv1d(channels, channels, kernel_size, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(torch.relu(self.norm(x)))


class VoiceNet(nn.Module):
    """Says at every moment whose voice it hears, from the sound so far.

    A learned filter bank; how loud each of its filters was lately; blocks with growing dilation; a score for each class
    at each time; and the mean of those scores up to now. Nothing in it looks ahead, so that it can be run on a sound
    while it is recorded.

    Parameters
    ----------
    num_classes
        How many voices.
    channels
        Filters of the bank, and channels of the blocks.
    dilations
        One block for each. Doubling them makes the receptive field grow like 2 to the number of blocks.

    Notes
    -----
    Input ``(N, 1, L)``, output ``(N, num_classes, ceil(ceil(L / 4) / 16))``: scores, a column for every 64 samples.

    References
    ----------
    A. van den Oord et al., *WaveNet: a generative model for raw audio*, arXiv:1609.03499 (2016), section 2.1, for the
    causal dilated convolutions.

    Examples
    --------
    >>> model = VoiceNet()
    >>> tuple(model(torch.zeros(2, 1, 4000)).shape)
    (2, 4, 63)
    >>> model.receptive_field  # samples
    2108
    """

    BANK, BANK_STRIDE = 64, 4  # 8 ms; a filter's output has at most a quarter of the frequencies of the sound
    MEAN, MEAN_STRIDE = 32, 16  # of those outputs: 16 ms, every 8 ms
    KERNEL = 3

    def __init__(self, num_classes: int = 4, *, channels: int = 24, dilations: Sequence[int] = (1, 2, 4, 8)) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        channels = integer("channels", channels, minimum=1)
        self.bank = CausalConv1d(1, channels, self.BANK, stride=self.BANK_STRIDE, bias=False)
        self.blocks = nn.Sequential(
            *(CausalBlock(channels, kernel_size=self.KERNEL, dilation=dilation) for dilation in dilations)
        )
        self.read = nn.Sequential(
            nn.BatchNorm1d(channels), nn.ReLU(), nn.Dropout(0.3), nn.Conv1d(channels, num_classes, 1)
        )

    @property
    def receptive_field(self) -> int:
        """How many samples a score has seen, before the scores are averaged."""
        frames = sum(block.conv.dilation[0] * (self.KERNEL - 1) for block in self.blocks)
        outputs_of_bank = self.MEAN + self.MEAN_STRIDE * frames
        return self.BANK + self.BANK_STRIDE * (outputs_of_bank - 1)

    def loudness(self, x: Tensor) -> Tensor:
        """Return how loud each filter was lately, (N, channels, frames), as a logarithm: an ear hears ratios."""
        power = nn.functional.pad(self.bank(x).square(), (self.MEAN - 1, 0))
        return torch.log(nn.functional.avg_pool1d(power, self.MEAN, self.MEAN_STRIDE) + 1e-5)

    def scores(self, x: Tensor) -> Tensor:
        """Return the scores of each moment by itself, (N, num_classes, frames)."""
        return self.read(self.blocks(self.loudness(x)))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(x)
        return scores.cumsum(dim=2) / torch.arange(1, scores.shape[2] + 1, device=x.device)


def every_moment(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the scores (N, classes, frames), averaged over time: it pays to be right early."""
    return nn.functional.cross_entropy(outputs, targets[:, None].expand(-1, outputs.shape[2]))


def right_at_the_end(outputs: Tensor, targets: Tensor) -> Tensor:
    """How often the scores (N, classes, frames) are right when everything was heard."""
    return (outputs[:, :, -1].argmax(dim=1) == targets).float().mean()


def moved_and_scaled(sounds: Tensor) -> Tensor:
    """Begin at another moment, and be up to four times as loud or as soft: nobody shall be known by a microphone."""
    start = int(torch.randint(sounds.shape[2], ()))
    return sounds.roll(start, dims=2) * 4 ** (2 * torch.rand(len(sounds), 1, 1, device=sounds.device) - 1)


def voice_data() -> tuple[Data, Data, Data]:
    """Of each voice 150 half seconds to learn from, 30 to choose the epoch, 60 to test on."""
    from ..data import VOICES, voices

    sounds, labels = map(torch.from_numpy, voices("train"))
    validation = torch.arange(len(labels)) % (len(labels) // len(VOICES)) >= 150
    test = tuple(map(torch.from_numpy, voices("test")))
    return (sounds[~validation], labels[~validation]), (sounds[validation], labels[validation]), test
