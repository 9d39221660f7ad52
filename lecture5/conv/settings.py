"""How a kernel moves over an input, and the sizes that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lecture5.arithmetic import conv_output_size
from lecture5.padding import Pairs


class Settings(NamedTuple):
    """What every method is told besides its arrays; one entry per spatial axis, already checked.

    Attributes
    ----------
    stride
        Cells from one position of the kernel to the next.
    padding
        Zeros ``(before, after)`` the input.
    dilation
        Cells from one tap of the kernel to the next.
    groups
        Into how many separate convolutions the channels are divided.
    """

    stride: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int

    def padded_size(self, input_size: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial size of the input with its padding."""
        return tuple(size + before + after for size, (before, after) in zip(input_size, self.padding, strict=True))

    def span(self, kernel_size: Sequence[int]) -> tuple[int, ...]:
        """Return how many cells the kernel reaches over."""
        return tuple(step * (size - 1) + 1 for size, step in zip(kernel_size, self.dilation, strict=True))

    def output_size(self, input_size: Sequence[int], kernel_size: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial size of the output."""
        axes = zip(self.padded_size(input_size), kernel_size, self.stride, self.dilation, strict=True)
        return tuple(conv_output_size(size, taps, step, 0, gap) for size, taps, step, gap in axes)

    def without_padding(self) -> Settings:
        """Return the same settings for an input that is padded already."""
        return self._replace(padding=((0, 0),) * len(self.padding))

    def plain(self) -> Settings:
        """Return settings for an input that is padded already, and positions without gaps."""
        return self.without_padding()._replace(stride=(1,) * len(self.stride))
