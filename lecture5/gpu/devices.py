"""Which device computes, how fast it does, and how much memory it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..arguments import choice, integer

DEVICES = ("cuda", "mps", "xpu", "cpu")


class DeviceError(Exception):
    """The wanted device is not there, or cannot do what was asked; the text says what can be done."""


def available_devices() -> list[str]:
    """Return the kinds of device that torch can use here, the fastest first; ``"cpu"`` is always the last.

    Examples
    --------
    >>> available_devices()[-1]
    'cpu'
    """
    found = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "xpu": torch.xpu.is_available}
    return [name for name in DEVICES if name == "cpu" or found[name]()]


def choose_device(wanted: str | None = None) -> torch.device:
    """Return the device to compute on: ``wanted``, or the fastest there is.

    ``"cuda"`` is an NVIDIA GPU (or an AMD one, with a ROCm build of torch), ``"mps"`` Apple's, ``"xpu"`` Intel's.

    Raises
    ------
    DeviceError
        If the wanted device is not there.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    available = available_devices()
    if wanted is None:
        return torch.device(available[0])
    kind = choice("wanted", wanted.partition(":")[0], DEVICES)
    if kind not in available:
        raise DeviceError(
            f"{wanted} is not available: torch {torch.__version__} sees {', '.join(available)} here. "
            "Leave the device out to take the fastest of these"
        )
    return torch.device(wanted)


def synchronise(device: str | torch.device) -> None:
    """Wait until the device has done all that it was given; a GPU works on while Python has long gone on."""
    kind = torch.device(device).type
    if kind != "cpu":
        getattr(torch, kind).synchronize()


class Timing(NamedTuple):
    """Seconds for one call: the median of several, and between which two values the middle half of them lay."""

    median: float
    lower_quartile: float
    upper_quartile: float
    calls: int


def measure(
    function: Callable[[], Any], *, device: str | torch.device = "cpu", warm_up: int = 3, calls: int = 20
) -> Timing:
    """Time ``function()``, honestly.

    Three things go wrong without care. The first calls are slow (memory is taken, kernels are chosen or compiled):
    ``warm_up`` calls are not counted. A GPU answers before it has finished: we wait for it; on CUDA its own clock, by
    events in its queue, leaves out what Python needs. And single times scatter: we give the median and the quartiles.

    Parameters
    ----------
    function
        Called without arguments.
    device
        The device on which it computes.
    warm_up, calls
        How many calls not to count, and to count (at least 2).

    Examples
    --------
    >>> x = torch.ones(10)
    >>> timing = measure(lambda: x + x, calls=5)
    >>> 0 < timing.lower_quartile <= timing.median <= timing.upper_quartile
    True
    """
    integer("warm_up", warm_up, minimum=0)
    integer("calls", calls, minimum=2)
    for _ in range(warm_up):
        function()
    synchronise(device)
    one_call = _cuda_seconds if torch.device(device).type == "cuda" else _clock_seconds
    times = [one_call(function, device) for _ in range(calls)]
    lower, median, upper = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, lower, upper, calls)


def _clock_seconds(function: Callable[[], Any], device: str | torch.device) -> float:
    started = time.perf_counter()
    function()
    synchronise(device)
    return time.perf_counter() - started


def _cuda_seconds(function: Callable[[], Any], device: str | torch.device) -> float:
    with torch.cuda.device(device):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        function()
        end.record()
        end.synchronize()
    return start.elapsed_time(end) / 1000


def peak_memory(function: Callable[[], Any], *, device: str | torch.device) -> int:
    """Return the most bytes of GPU memory that torch held at one time during ``function()``, beyond what it had before.

    Raises
    ------
    DeviceError
        On other devices than CUDA, where torch does not keep this count.
    """
    if torch.device(device).type != "cuda":
        raise DeviceError(f"device is {device}, but torch counts its peak memory only on cuda")
    synchronise(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    synchronise(device)
    return torch.cuda.max_memory_allocated(device) - before


def transfer_rate(device: str | torch.device, *, megabytes: int = 64, pinned: bool = False) -> float:
    """Return how many bytes per second go from the processor's memory to the device.

    Pinned memory cannot be moved by the operating system, so that the GPU may read it directly; ordinary memory
    is first copied to such a place.

    Raises
    ------
    DeviceError
        If the device is the processor itself, or has no use for pinned memory.
    """
    kind = torch.device(device).type
    if kind == "cpu" or (pinned and kind == "mps"):
        raise DeviceError(f"device is {device}: there is no {'pinned ' if pinned else ''}transfer to it")
    source = torch.empty(megabytes * 2**20, dtype=torch.uint8, pin_memory=pinned)
    target = torch.empty_like(source, device=device)
    timing = measure(lambda: target.copy_(source, non_blocking=pinned), device=device, calls=10)
    return source.numel() / timing.median
