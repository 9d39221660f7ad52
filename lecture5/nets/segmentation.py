"""Networks that give a class to each pixel: fully convolutional ones, an encoder with a decoder, and dilated context.

All of them are for images whose height and width are multiples of 16, of any size, and all give scores of shape
(N, num_classes, H, W). With the widths that they have by default they have about equally many parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..arguments import integer


def bilinear_kernel(factor: int) -> Tensor:
    """Return the kernel with which a transposed convolution of stride ``factor`` interpolates linearly in 2-D.

    Parameters
    ----------
    factor
        How many times larger the image becomes. The kernel has 2 × factor rows and columns, and goes with the padding
        factor / 2; therefore ``factor`` must be even.

    Returns
    -------
    Tensor
        (2 factor, 2 factor): a tent.

    References
    ----------
    J. Long, E. Shelhamer and T. Darrell, *Fully convolutional networks for semantic segmentation*, CVPR (2015),
    section 3.3.

    Examples
    --------
    >>> bilinear_kernel(2)[1]
    tensor([0.1875, 0.5625, 0.5625, 0.1875])
    """
    factor = integer("factor", factor, minimum=2)
    if factor % 2:
        raise ValueError(f"factor is {factor}, but it must be even: half of it is the padding")
    distance = (torch.arange(2 * factor) - factor + 0.5).abs()  # from the middle of the kernel, in new pixels
    tent = 1 - distance / factor
    return torch.outer(tent, tent)


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution that enlarges each channel by itself, and can learn to do it otherwise.

    Its weights start as :func:`bilinear_kernel`; away from the border it is then bilinear interpolation.

    Examples
    --------
    >>> layer = bilinear_upsampling(channels=3, factor=4)
    >>> tuple(layer(torch.zeros(1, 3, 5, 7)).shape)
    (1, 3, 20, 28)
    """
    channels = integer("channels", channels, minimum=1)
    kernel = bilinear_kernel(factor)
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    with torch.no_grad():
        layer.weight.copy_(kernel.expand_as(layer.weight))
    return layer


def convolutionalised(model: nn.Module, in_channels: int, size: Sequence[int]) -> nn.Sequential:
    """Turn the head of a classifier into convolutions, so that it takes images that are larger than its own.

    The first linear layer, which read ``in_channels`` feature maps of ``size``, becomes a convolution whose kernel has
    that size; the following ones become 1 × 1 convolutions. The weights are the same numbers in another shape.

    Parameters
    ----------
    model
        A classifier with the parts ``features`` (convolutions and pooling) and ``classifier`` (linear layers, and what
        works on each number by itself: activations, dropout).
    in_channels, size
        Channels, and (height, width), of what ``features`` gives for an image of the classifier's own size.

    Returns
    -------
    nn.Sequential
        For (N, C, H, W) it gives (N, num_classes, rows, columns): one vector of scores for each place at which the
        classifier's window lies. The convolutions of ``features`` are shared with ``model``, not copied.

    References
    ----------
    J. Long, E. Shelhamer and T. Darrell, *Fully convolutional networks for semantic segmentation*, CVPR (2015),
    figure 2.

    Examples
    --------
    >>> from lecture5 import nets
    >>> model = nets.LeNet5().eval()
    >>> everywhere = convolutionalised(model, in_channels=16, size=(5, 5))
    >>> tuple(everywhere(torch.zeros(1, 1, 28, 28)).shape), tuple(everywhere(torch.zeros(1, 1, 60, 40)).shape)
    ((1, 10, 1, 1), (1, 10, 9, 4))
    """
    in_channels = integer("in_channels", in_channels, minimum=1)
    height, width = size
    head: list[nn.Module] = []
    for layer in model.classifier:
        if not isinstance(layer, nn.Linear):
            head.append(layer)
            continue
        kernel = (1, 1) if any(isinstance(before, nn.Conv2d) for before in head) else (height, width)
        channels = layer.in_features // (kernel[0] * kernel[1])
        if kernel != (1, 1) and layer.in_features != in_channels * height * width:
            raise ValueError(
                f"in_channels {in_channels} and size {tuple(size)} make {in_channels * height * width} numbers, but "
                f"the first linear layer reads {layer.in_features}"
            )
        conv = nn.Conv2d(channels, layer.out_features, kernel)
        with torch.no_grad():
            conv.weight.copy_(layer.weight.view_as(conv.weight))
            conv.bias.copy_(layer.bias)
        head.append(conv)
    return nn.Sequential(model.features, *head).train(model.training)


def _conv(in_channels: int, out_channels: int, dilation: int = 1) -> nn.Sequential:
    """A 3 × 3 convolution that keeps the size, batchnorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class FCN(nn.Module):
    """A fully convolutional network: an encoder that halves the size four times, a score map, and its enlargement.

    The scores are made at stride 16, where the features know most and the grid is coarsest. With ``finest=8`` or ``4``
    scores from earlier layers, which see less but on a finer grid, are added on the way back: the skip connections of
    the paper's FCN-16s and FCN-8s. The paper's strides are 32, 16 and 8, on images of 500 pixels; here they are 16, 8
    and 4, on images of 64.

    Parameters
    ----------
    num_classes, in_channels
        Scores per pixel, and colours of the image.
    finest
        The finest grid on which there are scores: 16, 8 or 4. From there they are enlarged in one step.
    widths
        Channels of the encoder's five stages.

    References
    ----------
    J. Long, E. Shelhamer and T. Darrell, *Fully convolutional networks for semantic segmentation*, CVPR (2015).

    Examples
    --------
    >>> tuple(FCN(num_classes=6)(torch.zeros(1, 3, 64, 48)).shape)
    (1, 6, 64, 48)
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        *,
        finest: int = 4,
        widths: Sequence[int] = (16, 24, 40, 48, 64),
    ) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        if finest not in (4, 8, 16):
            raise ValueError(f"finest is {finest!r}, but it must be 4, 8 or 16")
        first, second, third, fourth, fifth = widths
        self.stages = nn.ModuleList(
            [
                _conv(in_channels, first),
                nn.Sequential(nn.MaxPool2d(2), _conv(first, second), _conv(second, second)),
                nn.Sequential(nn.MaxPool2d(2), _conv(second, third), _conv(third, third)),
                nn.Sequential(nn.MaxPool2d(2), _conv(third, fourth), _conv(fourth, fourth)),
                nn.Sequential(nn.MaxPool2d(2), _conv(fourth, fifth)),
            ]
        )
        self.scores = nn.Conv2d(fifth, num_classes, 1)
        earlier = {16: [], 8: [fourth], 4: [fourth, third]}[finest]
        self.skips = nn.ModuleList([nn.Conv2d(width, num_classes, 1) for width in earlier])
        self.doublings = nn.ModuleList([bilinear_upsampling(num_classes, 2) for _ in earlier])
        self.enlarge = bilinear_upsampling(num_classes, finest)

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        scores = self.scores(maps.pop())
        for skip, double in zip(self.skips, self.doublings, strict=True):
            scores = double(scores) + skip(maps.pop())
        return self.enlarge(scores)


class UNet(nn.Module):
    """An encoder and a decoder of the same form, joined at each size: what was seen there is laid beside what comes up.

    Differences to the paper: the convolutions pad, so that nothing has to be cropped, and there is batchnorm.

    Parameters
    ----------
    num_classes, in_channels
        Scores per pixel, and colours of the image.
    widths
        Channels at full size, at half, at a quarter and at an eighth.

    References
    ----------
    O. Ronneberger, P. Fischer and T. Brox, *U-Net: convolutional networks for biomedical image segmentation*, MICCAI
    (2015).

    Examples
    --------
    >>> tuple(UNet(num_classes=6)(torch.zeros(1, 3, 64, 48)).shape)
    (1, 6, 64, 48)
    """

    def __init__(self, num_classes: int, in_channels: int = 3, *, widths: Sequence[int] = (10, 20, 32, 48)) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        before = [in_channels, *widths]
        self.down = nn.ModuleList(
            [nn.Sequential(_conv(ins, outs), _conv(outs, outs)) for ins, outs in zip(before, widths, strict=False)]
        )
        sizes = list(pairwise(widths))[::-1]  # (finer, coarser), from the coarsest up
        self.enlarge = nn.ModuleList([nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in sizes])
        self.up = nn.ModuleList([_conv(2 * fine, fine) for fine, _ in sizes])
        self.scores = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for i, stage in enumerate(self.down):
            x = stage(x if i == 0 else nn.functional.max_pool2d(x, 2))
            maps.append(x)
        x = maps.pop()
        for enlarge, merge in zip(self.enlarge, self.up, strict=True):
            x = merge(torch.cat([maps.pop(), enlarge(x)], dim=1))
        return self.scores(x)


class ContextModule(nn.Module):
    """Seven 3 × 3 convolutions with growing dilation, then a 1 × 1 one: as many channels, as large, but wide sight.

    It is the "basic" context module of the paper, and begins as the identity (for inputs that are not negative), so
    that it can be put behind a network that works already.

    Parameters
    ----------
    channels
        Of its input, and of its output.
    dilations
        One for each 3 × 3 convolution. Each pads as much as it dilates, which keeps the size.

    References
    ----------
    F. Yu and V. Koltun, *Multi-scale context aggregation by dilated convolutions*, ICLR (2016), table 1. What its row
    "truncation" says is a ReLU: max(·, 0).

    Examples
    --------
    >>> module = ContextModule(channels=2)
    >>> x = torch.rand(1, 2, 8, 9)
    >>> bool((module(x) - x).abs().max() < 1e-6)
    True
    """

    def __init__(self, channels: int, dilations: Sequence[int] = (1, 1, 2, 4, 8, 16, 1)) -> None:
        super().__init__()
        channels = integer("channels", channels, minimum=1)
        layers: list[nn.Module] = []
        for dilation in dilations:
            layers += [nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, channels, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.dirac_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class DilatedNet(nn.Module):
    """A front end that halves the size only twice, convolutions whose dilation grows, and one enlargement by 4.

    It sees the whole image without losing more resolution: instead of coarser maps it has wider kernels.

    Parameters
    ----------
    num_classes, in_channels
        Scores per pixel, and colours of the image.
    dilations
        Of the convolutions at stride 4. With all of them 1 it is the plain network to compare with: as many parameters,
        as many multiplications, and less sight.
    width
        Channels at stride 4.

    References
    ----------
    F. Yu and V. Koltun, *Multi-scale context aggregation by dilated convolutions*, ICLR (2016). Theirs starts its
    context module as the identity; trained from scratch, random weights and batchnorm learn faster.

    Examples
    --------
    >>> tuple(DilatedNet(num_classes=6)(torch.zeros(1, 3, 64, 48)).shape)
    (1, 6, 64, 48)
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        *,
        dilations: Sequence[int] = (1, 1, 2, 4, 8, 1),
        width: int = 38,
    ) -> None:
        super().__init__()
        num_classes = integer("num_classes", num_classes, minimum=1)
        self.front = nn.Sequential(
            _conv(in_channels, 16), nn.MaxPool2d(2), _conv(16, 24), nn.MaxPool2d(2), _conv(24, width)
        )
        self.context = nn.Sequential(*(_conv(width, width, dilation) for dilation in dilations))
        self.scores = nn.Conv2d(width, num_classes, 1)
        self.enlarge = bilinear_upsampling(num_classes, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.enlarge(self.scores(self.context(self.front(x))))


@cache
def scene_pixels() -> tuple[tuple[Tensor, Tensor], ...]:
    """Return scenes and their pixels' classes: 2,000 to learn from, 300 to choose the epoch, 300 to test on.

    The test scenes lie on other photographs and show other clothes: see :func:`lecture5.data.scenes`.
    """
    from ..data import scenes

    drawn = [scenes(part, count) for part, count in (("train", 2000), ("validation", 300), ("test", 300))]
    return tuple((torch.from_numpy(part.images), torch.from_numpy(part.masks)) for part in drawn)


SCENE_NETS: dict[str, Callable[[], nn.Module]] = {
    "fcn16": partial(FCN, 6, finest=16),
    "fcn8": partial(FCN, 6, finest=8),
    "fcn4": partial(FCN, 6, finest=4),
    "unet": partial(UNet, 6),
    "dilated": partial(DilatedNet, 6),
    "undilated": partial(DilatedNet, 6, dilations=(1,) * 6),
}
"""The networks that chapter 12 compares, each trained by the recipe ``scenes-NAME``."""


def scene_net(name: str) -> nn.Module:
    """Return one of :data:`SCENE_NETS`, with its weights laid out so that convolutions on a CPU are fastest."""
    return SCENE_NETS[name]().to(memory_format=torch.channels_last)


class Readout(nn.Module):
    """New scores from the features of a trained :class:`FCN`, whose encoder stays as it is: only 1 × 1 layers learn.

    It shows what can be read at each grid. Scores are enlarged by plain interpolation.

    Parameters
    ----------
    trained
        Where the features come from. It is neither changed nor copied.
    finest
        As in :class:`FCN`: 16 reads the coarsest features only, 8 and 4 add those of finer grids.

    Examples
    --------
    >>> readout = Readout(FCN(num_classes=6), finest=8)
    >>> tuple(readout(torch.zeros(1, 3, 32, 48)).shape)
    (1, 6, 32, 48)
    >>> [name for name, _ in readout.named_parameters()]
    ['scores.0.weight', 'scores.0.bias', 'scores.1.weight', 'scores.1.bias']
    """

    def __init__(self, trained: FCN, finest: int) -> None:
        super().__init__()
        if finest not in (4, 8, 16):
            raise ValueError(f"finest is {finest!r}, but it must be 4, 8 or 16")
        self.encoder = [stage.eval() for stage in trained.stages]  # in a list: its weights are not ours to learn
        widths = [stage[-1][0].out_channels for stage in trained.stages[:1:-1]][: {16: 1, 8: 2, 4: 3}[finest]]
        self.scores = nn.ModuleList([nn.Conv2d(width, trained.scores.out_channels, 1) for width in widths])
        self.finest = finest

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        with torch.no_grad():
            for stage in self.encoder:
                x = stage(x)
                maps.append(x)
        total = self.scores[0](maps.pop())
        for layer in self.scores[1:]:
            total = nn.functional.interpolate(total, scale_factor=2, mode="bilinear") + layer(maps.pop())
        return nn.functional.interpolate(total, scale_factor=self.finest, mode="bilinear")
