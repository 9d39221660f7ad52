"""What is measured: layers of networks, and where a layer is unlike them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from lecture5.conv.settings import Settings

PRODUCTS = ("output", "input gradient", "weight gradient")


@dataclass(frozen=True)
class Case:
    """A convolution with one size on every spatial axis, as networks have them."""

    suite: str
    name: str
    samples: int
    in_channels: int
    out_channels: int
    input_size: tuple[int, ...]
    kernel_size: int
    stride: int = 1
    padding: int = 0

    @property
    def settings(self) -> Settings:
        """Return the settings as the methods take them."""
        axes = len(self.input_size)
        return Settings((self.stride,) * axes, ((self.padding, self.padding),) * axes, (1,) * axes, 1)

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of input, kernel and output."""
        kernel_size = (self.kernel_size,) * len(self.input_size)
        output_size = self.settings.output_size(self.input_size, kernel_size)
        return (
            (self.samples, self.in_channels, *self.input_size),
            (self.out_channels, self.in_channels, *kernel_size),
            (self.samples, self.out_channels, *output_size),
        )

    @property
    def multiplications(self) -> int:
        """Return the multiplications that the definition takes."""
        _, w_shape, y_shape = self.shapes
        return prod(y_shape) * prod(w_shape[1:])

    def operands(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return an input, a kernel, and a gradient of the output: random single-precision numbers, always the same."""
        rng = np.random.default_rng(0)
        x, w, grad = (rng.standard_normal(shape, np.float32) for shape in self.shapes)
        return x, w / np.sqrt(np.float32(prod(w.shape[1:]))), grad

    def __str__(self) -> str:
        """Return the case as a line of a table names it."""
        size = "×".join(map(str, self.input_size))
        stride = f" /{self.stride}" if self.stride > 1 else ""
        power = {1: "", 2: "²", 3: "³"}[len(self.input_size)]
        kernel = f"{self.kernel_size}{power}{stride}"
        return f"{self.name}: {self.samples} × {self.in_channels}→{self.out_channels}, {size}, {kernel}"


ALEXNET = {  # The network of the lecture's "CNN in torch", images of 224 × 224.
    "conv1": (3, 64, 224, 11, 4, 2),
    "conv2": (64, 192, 27, 5, 1, 2),
    "conv3": (192, 384, 13, 3, 1, 1),
    "conv4": (384, 256, 13, 3, 1, 1),
    "conv5": (256, 256, 13, 3, 1, 1),
}
RESNET18 = {  # Each shape once; the 3×3 layers of stride 1 occur three or four times.
    "conv1": (3, 64, 224, 7, 2, 3),
    "layer1": (64, 64, 56, 3, 1, 1),
    "layer2.0": (64, 128, 56, 3, 2, 1),
    "layer2.down": (64, 128, 56, 1, 2, 0),
    "layer2": (128, 128, 28, 3, 1, 1),
    "layer3.0": (128, 256, 28, 3, 2, 1),
    "layer3.down": (128, 256, 28, 1, 2, 0),
    "layer3": (256, 256, 14, 3, 1, 1),
    "layer4.0": (256, 512, 14, 3, 2, 1),
    "layer4.down": (256, 512, 14, 1, 2, 0),
    "layer4": (512, 512, 7, 3, 1, 1),
}
LENET = {"conv1": (1, 6, 28, 5, 1, 2), "conv2": (6, 16, 14, 5, 1, 0)}


def _network(suite: str, layers: dict, batches: tuple[int, ...]) -> list[Case]:
    return [
        Case(suite, name, samples, c, k, (size, size), kernel, stride, padding)
        for samples in batches
        for name, (c, k, size, kernel, stride, padding) in layers.items()
    ]


SUITES = {
    "alexnet": _network("alexnet", ALEXNET, (1, 8)),
    "resnet18": _network("resnet18", RESNET18, (1, 8)),
    "lenet": _network("lenet", LENET, (1, 64)),
    "kernels": [
        Case("kernels", f"kernel {size}", 1, 8, 8, (256, 256), size) for size in (3, 5, 7, 9, 11, 15, 21, 31, 63)
    ],
    "audio": [
        Case("audio", "raw waveform", 8, 1, 64, (16000,), 251),
        Case("audio", "strided", 8, 1, 64, (16000,), 80, 4),
        Case("audio", "deep layer", 8, 64, 64, (4000,), 3, 1, 1),
    ],
    "volumes": [
        Case("volumes", "first layer", 1, 1, 16, (64, 64, 64), 3, 1, 1),
        Case("volumes", "deep layer", 1, 16, 32, (32, 32, 32), 3, 1, 1),
        Case("volumes", "large kernel", 1, 1, 4, (48, 48, 48), 11),
    ],
}
