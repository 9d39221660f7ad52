"""Our convolutions beside torch's, in one run: for each layer, every method's time as a multiple of torch's.

    python benchmarks/convolution.py

The methods take turns, so that a machine that slows down slows them all; the best of each is compared. What counts is
the ratio: seconds differ from one machine to the next.
"""

import os
import time

import numpy as np
import torch

from lecture5 import conv2d

METHODS = ("torch", "auto", "gemm", "fourier", "windows")
ROUNDS = 7
LAYERS = {  # in_channels, size, out_channels, kernel_size, stride, padding
    "AlexNet, layer 1": (3, 224, 64, 11, 4, 2),
    "AlexNet, layer 3": (192, 13, 384, 3, 1, 1),
    "ResNet-18, stage 1": (64, 56, 64, 3, 1, 1),
    "ResNet-18, stage 3": (256, 14, 256, 3, 1, 1),
    "kernel of 31 × 31": (4, 128, 4, 31, 1, 15),
}


def seconds(method: str, x: np.ndarray, w: np.ndarray, **settings: int) -> float:
    start = time.perf_counter()
    conv2d(x, w, method=method, **settings)
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(os.cpu_count() or 1)
    print(f"numpy {np.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads, batch of 1, float32")
    print(f"{'times torch':20}" + "".join(f"{method:>10}" for method in METHODS[1:]) + f"{'torch':>12}")
    for name, (in_channels, size, out_channels, kernel_size, stride, padding) in LAYERS.items():
        rng = np.random.default_rng(0)
        x = rng.normal(size=(1, in_channels, size, size)).astype(np.float32)
        w = rng.normal(size=(out_channels, in_channels, kernel_size, kernel_size)).astype(np.float32)
        best = dict.fromkeys(METHODS, float("inf"))
        for _ in range(ROUNDS):
            for method in METHODS:
                best[method] = min(best[method], seconds(method, x, w, stride=stride, padding=padding))
        ratios = "".join(f"{best[method] / best['torch']:10.2f}" for method in METHODS[1:])
        print(f"{name:20}{ratios}{1000 * best['torch']:9.2f} ms")


if __name__ == "__main__":
    main()
