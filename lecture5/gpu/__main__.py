"""``python -m lecture5.gpu``: what this machine's devices do with a network, a transfer, and our Triton kernel.

Without a GPU only the first table is measured, on the processor; what is left out is said.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch
from torch import nn

from . import DeviceError, choose_device, measure, peak_memory, prepare, product_tolerance, tf32, transfer_rate

BFLOAT16 = {"autocast": torch.bfloat16}
VARIANTS = {
    "float32": {},
    "channels-last": {"channels_last": True},
    "bfloat16": BFLOAT16,
    "channels-last, bfloat16": {"channels_last": True, **BFLOAT16},
    "channels-last, bfloat16, compiled": {"channels_last": True, "compile": True, **BFLOAT16},
}
# Layers of AlexNet and ResNet: channels, filters, size, kernel, stride, padding, dilation.
LAYERS = {
    "AlexNet, first": (3, 64, 224, 11, 4, 2, 1),
    "AlexNet, second": (64, 192, 27, 5, 1, 2, 1),
    "ResNet, 3 × 3": (128, 128, 28, 3, 1, 1, 1),
    "ResNet, 3 × 3, stride 2": (128, 256, 28, 3, 2, 1, 1),
    "ResNet, 1 × 1": (256, 64, 56, 1, 1, 0, 1),
    "context, dilation 4": (64, 64, 64, 3, 1, 4, 4),
}


def networks_table(model: nn.Module, x: torch.Tensor, device: torch.device, calls: int) -> list[str]:
    """One line for each way to run ``model``: images per second, and the peak of memory where torch counts it."""
    lines = []
    for name, options in VARIANTS.items():
        try:
            run = prepare(model, device, **options)
            timing = measure(lambda run=run: run(x), device=device, calls=calls)
        except Exception as error:
            lines.append(f"{name:36} not possible here: {str(error).strip().splitlines()[0][:70]}")
            continue
        memory = ""
        if device.type == "cuda":
            memory = f"{peak_memory(lambda run=run: run(x), device=device) / 2**20:8.0f} MiB"
        lines.append(f"{name:36} {len(x) / timing.median:9.0f} images/s {memory}")
    return lines


def kernels_table(device: torch.device, batch: int, calls: int) -> list[str]:
    """One line for each layer: our kernel beside cuDNN, in float32 and in TF32, and whether the numbers agree."""
    from .triton_conv import conv2d

    lines = []
    for name, (channels, filters, size, kernel, stride, padding, dilation) in LAYERS.items():
        generator = torch.Generator(device).manual_seed(0)
        x = torch.randn(batch, channels, size, size, device=device, generator=generator)
        w = torch.randn(filters, channels, kernel, kernel, device=device, generator=generator)
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        with tf32(False):
            exact = nn.functional.conv2d(x, w, **options)
        for allowed in (False, True):
            with tf32(allowed):
                ours = _milliseconds(lambda a=allowed, x=x, w=w, o=options: conv2d(x, w, tf32=a, **o), device, calls)
                theirs = _milliseconds(lambda x=x, w=w, o=options: nn.functional.conv2d(x, w, **o), device, calls)
            error = (conv2d(x, w, tf32=allowed, **options) - exact).abs().max().item()
            bound = product_tolerance(x, w, 10 if allowed else 20)
            verdict = "agrees" if error <= bound else f"WRONG by {error:.2g}"
            kind = "TF32" if allowed else "float32"
            lines.append(f"{name:26} {kind:8} Triton {ours:8.3f} ms   cuDNN {theirs:8.3f} ms   {verdict}")
    return lines


def _milliseconds(function: Callable, device: torch.device, calls: int) -> float:
    return measure(function, device=device, calls=calls).median * 1000


def main(argv: list[str] | None = None) -> int:
    """Print the tables; return 1 if our kernel disagrees with cuDNN or the wanted device is not there."""
    parser = argparse.ArgumentParser(prog="python -m lecture5.gpu", description=__doc__)
    parser.add_argument("--device", help="cuda, mps, xpu or cpu (default: the fastest there is)")
    parser.add_argument("--batch", type=int, default=32, help="images at a time (default %(default)s)")
    parser.add_argument("--calls", type=int, default=10, help="timed calls of each (default %(default)s)")
    options = parser.parse_args(argv)
    try:
        device = choose_device(options.device)
    except DeviceError as error:
        print(f"lecture5.gpu: {error}", file=sys.stderr)
        return 1
    from ..nets import resnet18

    print(f"torch {torch.__version__} on {device}\n\nResNet-18, {options.batch} images of 224 × 224")
    x = torch.rand(options.batch, 3, 224, 224, device=device)
    print("\n".join(networks_table(resnet18(), x, device, options.calls)))
    if device.type != "cuda":
        print("\nTransfers and the Triton kernel beside cuDNN: left out, they need an NVIDIA GPU.")
        return 0
    rates = (transfer_rate(device, pinned=pinned) / 1e9 for pinned in (False, True))
    print("\nTransfer to the GPU: {:.1f} GB/s, from pinned memory {:.1f} GB/s\n".format(*rates))
    lines = kernels_table(device, options.batch, options.calls)
    print("\n".join(lines))
    return int(any("WRONG" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
