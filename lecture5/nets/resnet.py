"""Residual networks, their plain twins, and the pre-activation form.

A block computes ``join(branch(x), shortcut(x))``: the branch holds the convolutions, the shortcut passes ``x`` on, and
``join`` adds the two. :mod:`lecture5.insight` replaces a block's ``join`` to remove branches or to follow single paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..arguments import choice, integer

Norm = Callable[[int], nn.Module]


class PadShortcut(nn.Module):
    """The shortcut without parameters ("option A"): keep each ``stride``-th cell, and fill up with channels of zeros.

    Examples
    --------
    >>> tuple(PadShortcut(16, 32, stride=2)(torch.ones(1, 16, 8, 8)).shape)
    (1, 32, 4, 4)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(
                f"out_channels is {out_channels}, but a padded shortcut can only add channels to the {in_channels} it"
                ' gets: use shortcut="projection"'
            )
        self.extra, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.extra))


def _shortcut(kind: str, in_channels: int, out_channels: int, stride: int, norm: Norm) -> nn.Module:
    """The identity where the shapes allow it, else the chosen way to change them."""
    choice("shortcut", kind, ("projection", "pad"))
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    if kind == "pad":
        return PadShortcut(in_channels, out_channels, stride)
    return nn.Sequential(_conv(1, in_channels, out_channels, stride, norm), norm(out_channels))


def _conv(kernel_size: int, in_channels: int, out_channels: int, stride: int, norm: Norm) -> nn.Conv2d:
    # Batchnorm subtracts the mean, so a bias before it would do nothing; without batchnorm the bias is needed.
    bias = norm is nn.Identity
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=bias)


class Block(nn.Module):
    """What all blocks share: ``forward`` is ``join(branch(x), shortcut(x))``.

    Parameters
    ----------
    in_channels, out_channels
        Channels that come in and go out.
    stride
        Of the first 3 × 3 convolution, and of the shortcut.
    residual
        ``False`` leaves the shortcut out: a block of the *plain twin*, with the same convolutions.
    norm
        Makes the normalisation for a number of channels; ``nn.Identity`` for none (the convolutions then have a bias).
    shortcut
        Where the shape changes: ``"projection"`` (a 1 × 1 convolution, "option B" of the paper) or ``"pad"`` ("option
        A"). Where it does not, the shortcut is the identity.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output ``(N, out_channels, ceil(H / stride), ceil(W / stride))``. The shortcut is
    named ``downsample``, as in torchvision.
    """

    expansion = 1  # out_channels over the width of the 3 × 3 convolutions
    preactivation = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        residual: bool = True,
        norm: Norm = nn.BatchNorm2d,
        shortcut: str = "projection",
    ) -> None:
        super().__init__()
        in_channels = integer("in_channels", in_channels, minimum=1)
        out_channels = integer("out_channels", out_channels, minimum=1)
        stride = integer("stride", stride, minimum=1)
        self.residual = residual
        self.relu = nn.ReLU()
        self._make_branch(in_channels, out_channels, stride, norm)
        self.downsample = _shortcut(shortcut, in_channels, out_channels, stride, norm) if residual else None

    def _make_branch(self, in_channels: int, out_channels: int, stride: int, norm: Norm) -> None:
        raise NotImplementedError

    def branch(self, x: Tensor) -> Tensor:
        """What the convolutions make of ``x``: the residual."""
        raise NotImplementedError

    def shortcut(self, x: Tensor) -> Tensor | None:
        """What is passed by them; ``None`` in a plain block."""
        return self.downsample(x) if self.residual else None

    def join(self, branch: Tensor, shortcut: Tensor | None) -> Tensor:
        """Add the two, and clip at zero."""
        return self.relu(branch if shortcut is None else branch + shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.branch(x), self.shortcut(x))


class BasicBlock(Block):
    """Two 3 × 3 convolutions, each with batchnorm: the block of ResNet-18 and 34, and of the CIFAR networks.

    Parameters are those of :class:`Block`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, CVPR (2016), figure 5 left.

    Examples
    --------
    >>> block = BasicBlock(16, 32, stride=2)
    >>> tuple(block(torch.zeros(1, 16, 9, 7)).shape)
    (1, 32, 5, 4)
    """

    def _make_branch(self, in_channels: int, out_channels: int, stride: int, norm: Norm) -> None:
        self.conv1 = _conv(3, in_channels, out_channels, stride, norm)
        self.bn1 = norm(out_channels)
        self.conv2 = _conv(3, out_channels, out_channels, 1, norm)
        self.bn2 = norm(out_channels)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))


class Bottleneck(Block):
    """1 × 1 to a quarter of the channels, 3 × 3, and 1 × 1 back: the block of ResNet-50.

    The stride stands at the 3 × 3 convolution, as in torchvision; the paper has it at the first 1 × 1. Parameters are
    those of :class:`Block`; ``out_channels`` must be a multiple of 4.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, CVPR (2016), figure 5 right.

    Examples
    --------
    >>> tuple(Bottleneck(64, 256)(torch.zeros(1, 64, 8, 8)).shape)
    (1, 256, 8, 8)
    """

    expansion = 4

    def _make_branch(self, in_channels: int, out_channels: int, stride: int, norm: Norm) -> None:
        if out_channels % self.expansion:
            raise ValueError(f"out_channels is {out_channels}, but a Bottleneck's must be a multiple of 4")
        width = out_channels // self.expansion
        self.conv1 = _conv(1, in_channels, width, 1, norm)
        self.bn1 = norm(width)
        self.conv2 = _conv(3, width, width, stride, norm)
        self.bn2 = norm(width)
        self.conv3 = _conv(1, width, out_channels, 1, norm)
        self.bn3 = norm(out_channels)

    def branch(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))


class PreActivationBlock(Block):
    """Normalise and clip *before* each convolution, and nothing after the sum: the shortcut stays a pure identity.

    Where the shape changes, the shortcut too starts from the normalised and clipped input, as in the authors' code.
    Parameters are those of :class:`Block`.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Identity mappings in deep residual networks*, ECCV (2016), figure 1b.

    Examples
    --------
    With its last weights at zero such a block is the identity, also where ``x`` is negative:

    >>> block = PreActivationBlock(8, 8)
    >>> _ = nn.init.zeros_(block.conv2.weight)
    >>> x = torch.randn(1, 8, 5, 5)
    >>> torch.equal(block(x), x)
    True
    """

    preactivation = True

    def _make_branch(self, in_channels: int, out_channels: int, stride: int, norm: Norm) -> None:
        self.bn1 = norm(in_channels)
        self.conv1 = _conv(3, in_channels, out_channels, stride, norm)
        self.bn2 = norm(out_channels)
        self.conv2 = _conv(3, out_channels, out_channels, 1, norm)

    def branch(self, x: Tensor) -> Tensor:
        x = self.conv1(self.relu(self.bn1(x)))
        return self.conv2(self.relu(self.bn2(x)))

    def shortcut(self, x: Tensor) -> Tensor | None:
        if self.residual and not isinstance(self.downsample, nn.Identity):
            x = self.relu(self.bn1(x))
        return super().shortcut(x)

    def join(self, branch: Tensor, shortcut: Tensor | None) -> Tensor:
        return branch if shortcut is None else branch + shortcut


class ResNet(nn.Module):
    """A stem, stages of blocks, the mean over all cells, and one linear map.

    Each stage after the first halves height and width in its first block. Names and shapes of the parameters are those
    of torchvision where the architecture is the same.

    Parameters
    ----------
    block
        :class:`BasicBlock`, :class:`Bottleneck` or :class:`PreActivationBlock`.
    layers
        Number of blocks in each stage.
    widths
        Channels of each stage's 3 × 3 convolutions.
    stem
        ``"imagenet"``: a 7 × 7 convolution and a max pooling, both with stride 2. ``"cifar"``: one 3 × 3 convolution.
    in_channels, num_classes
        Colours of the image, and how many scores come out.
    residual, norm, shortcut
        As in :class:`Block`, for all blocks; ``residual=False`` gives the plain twin.

    Notes
    -----
    Input ``(N, in_channels, H, W)``, output ``(N, num_classes)``. The weights start as He et al. (2015) draw them:
    normal, with the variance 2 / (out_channels × kernel area), so that gradients neither grow nor shrink with depth.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, CVPR (2016).

    Examples
    --------
    >>> model = ResNet(BasicBlock, [1, 1], widths=(8, 16), stem="cifar", in_channels=1, num_classes=10)
    >>> tuple(model(torch.zeros(2, 1, 28, 28)).shape)
    (2, 10)
    """

    def __init__(
        self,
        block: type[Block],
        layers: Sequence[int],
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        stem: str = "imagenet",
        in_channels: int = 3,
        num_classes: int = 1000,
        residual: bool = True,
        norm: Norm = nn.BatchNorm2d,
        shortcut: str = "projection",
    ) -> None:
        super().__init__()
        if len(layers) != len(widths):
            raise ValueError(
                f"widths is {tuple(widths)}, but it must have one entry per stage of layers, {list(layers)}"
            )
        choice("stem", stem, ("imagenet", "cifar"))
        self.relu = nn.ReLU()
        if stem == "imagenet":
            self.conv1 = _conv(7, in_channels, widths[0], 2, norm)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        else:
            self.conv1 = _conv(3, in_channels, widths[0], 1, norm)
            self.maxpool = nn.Identity()
        channels = widths[0]
        # A network of pre-activation blocks normalises once at its end instead of once after the stem.
        self.bn1 = nn.Identity() if block.preactivation else norm(channels)
        self.stage_names = [f"layer{number}" for number in range(1, len(layers) + 1)]
        for number, (name, blocks, width) in enumerate(zip(self.stage_names, layers, widths, strict=True)):
            stage = []
            for position in range(integer(f"layers[{number}]", blocks, minimum=1)):
                stride = 2 if number > 0 and position == 0 else 1
                out_channels = width * block.expansion
                options = {"residual": residual, "norm": norm, "shortcut": shortcut}
                stage.append(block(channels, out_channels, stride, **options))
                channels = out_channels
            self.add_module(name, nn.Sequential(*stage))
        self.bn_last = norm(channels) if block.preactivation else nn.Identity()
        self.preactivation = block.preactivation
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, num_classes)
        he_initialisation(self)

    def blocks(self) -> dict[str, Block]:
        """Return the blocks from the input upwards, by name ("layer1.0" and so on)."""
        return {name: module for name, module in self.named_modules() if isinstance(module, Block)}

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        if not self.preactivation:
            x = self.relu(self.bn1(x))
        x = self.maxpool(x)
        for name in self.stage_names:
            x = self.get_submodule(name)(x)
        if self.preactivation:
            x = self.relu(self.bn_last(x))
        x = torch.flatten(self.avgpool(x), 1)
        return self.fc(x)


def he_initialisation(model: nn.Module) -> None:
    """Draw the convolutions' weights anew: normal, mean 0, variance 2 / (out_channels × kernel area); biases 0.

    A ReLU sets half of a symmetric signal to zero, which halves its mean square; the factor 2 makes up for that.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Delving deep into rectifiers*, ICCV (2015), equation 14.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def cifar_resnet(depth: int, **options) -> ResNet:
    """A residual network for small images: three stages of 16, 32 and 64 channels, with ``depth`` = 6n + 2 layers.

    Parameters
    ----------
    depth
        8, 14, 20, 26, …: the stem, two convolutions for each of 3n blocks, and the linear map.
    options
        Go to :class:`ResNet`; the default is ten classes, and shortcuts without parameters as in the paper.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, CVPR (2016), section 4.2.

    Examples
    --------
    >>> len(cifar_resnet(8).blocks())
    3
    >>> cifar_resnet(10)
    Traceback (most recent call last):
    ...
    ValueError: depth is 10, but it must be 6n + 2: 8, 14, 20, 26, 32, …
    """
    blocks, rest = divmod(integer("depth", depth, minimum=1) - 2, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth is {depth}, but it must be 6n + 2: 8, 14, 20, 26, 32, …")
    defaults = {"block": BasicBlock, "widths": (16, 32, 64), "stem": "cifar", "num_classes": 10, "shortcut": "pad"}
    return ResNet(layers=[blocks] * 3, **{**defaults, **options})


def resnet20(**options) -> ResNet:
    """20 layers for small images, 269,722 parameters; options as in :func:`cifar_resnet`."""
    return cifar_resnet(20, **options)


def resnet32(**options) -> ResNet:
    """32 layers for small images, 464,154 parameters; options as in :func:`cifar_resnet`."""
    return cifar_resnet(32, **options)


def resnet56(**options) -> ResNet:
    """56 layers for small images, 853,018 parameters; options as in :func:`cifar_resnet`."""
    return cifar_resnet(56, **options)


def resnet110(**options) -> ResNet:
    """110 layers for small images, 1,727,962 parameters; options as in :func:`cifar_resnet`."""
    return cifar_resnet(110, **options)


def resnet18(**options) -> ResNet:
    """18 layers for ImageNet, 11,689,512 parameters; options as in :class:`ResNet`."""
    return ResNet(BasicBlock, [2, 2, 2, 2], **options)


def resnet34(**options) -> ResNet:
    """34 layers for ImageNet, 21,797,672 parameters; options as in :class:`ResNet`."""
    return ResNet(BasicBlock, [3, 4, 6, 3], **options)


def resnet50(**options) -> ResNet:
    """50 layers for ImageNet, 25,557,032 parameters; options as in :class:`ResNet`."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **options)
