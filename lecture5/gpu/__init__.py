"""Networks on a GPU, where there is one: choosing the device, timing it honestly, and making it faster.

Everything but the kernel of :mod:`~lecture5.gpu.triton_conv` needs only torch. ``python -m lecture5.gpu`` measures what
this machine has.
"""

from typing import Any

from .devices import (
    DeviceError,
    Timing,
    available_devices,
    choose_device,
    measure,
    peak_memory,
    synchronise,
    transfer_rate,
)
from .precision import product_tolerance, round_to_tf32, tf32
from .running import prepare

__all__ = [
    "DeviceError",
    "Timing",
    "available_devices",
    "choose_device",
    "conv2d",
    "measure",
    "peak_memory",
    "prepare",
    "product_tolerance",
    "round_to_tf32",
    "synchronise",
    "tf32",
    "transfer_rate",
]


def __getattr__(name: str) -> Any:
    if name != "conv2d":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .triton_conv import conv2d
    except ModuleNotFoundError as error:
        if error.name != "triton":
            raise
        raise DeviceError(
            "lecture5.gpu.conv2d is written in Triton, which is not installed: pip install triton"
        ) from None
    return conv2d
