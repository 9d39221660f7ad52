"""The GPU path: the Triton kernel against torch, through its interpreter where there is no GPU, and honest timing."""

import itertools
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lecture5 import gpu, nets
from lecture5.gpu import __main__ as bench
from lecture5.gpu import devices

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch can use")
pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = (16, 16, 16)


@pytest.fixture(scope="module")
def kernel_device():
    """Where the kernel runs in this process: compiled for the GPU, or through the interpreter."""
    pytest.importorskip("triton", reason="triton is not installed: pip install triton (Linux)")
    return "cuda" if torch.cuda.is_available() else "cpu"


# --- the kernel -------------------------------------------------------------------------------------------------


def oracle(x, w, bias, **options):
    """torch's convolution, in float64 on the processor."""
    bias = None if bias is None else bias.double().cpu()
    return nn.functional.conv2d(x.double().cpu(), w.double().cpu(), bias, **options)


@settings(max_examples=40)
@given(data=st.data())
def test_kernel_equals_torch(kernel_device, data):
    """Random sizes, kernels that are not square, and every combination of stride, padding and dilation."""
    draw = data.draw
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [draw(st.integers(max(1, span - 2 * p), span + 6)) for span, p in zip(spans, padding, strict=True)]
    batch, channels, filters = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 19))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    x = torch.randn(batch, channels, *size, generator=generator).to(kernel_device)
    w = torch.randn(filters, channels, *kernel, generator=generator).to(kernel_device)
    bias = torch.randn(filters, generator=generator).to(kernel_device) if draw(st.booleans()) else None
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    ours = gpu.conv2d(x, w, bias, tile=SMALL, **options)
    expected = oracle(x, w, bias, **options)
    assert ours.shape == expected.shape
    torch.testing.assert_close(ours.double().cpu(), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("tile", [(16, 16, 16), (32, 16, 64), (128, 32, 16)])
def test_result_does_not_depend_on_the_tile(kernel_device, tile):
    x, w = torch.randn(2, 7, 11, 9, device=kernel_device), torch.randn(33, 7, 3, 2, device=kernel_device)
    torch.testing.assert_close(gpu.conv2d(x, w, tile=tile).cpu().double(), oracle(x, w, None), atol=1e-4, rtol=1e-4)


def test_kernel_by_hand(kernel_device):
    """A kernel that is not symmetric: cross-correlation does not flip it."""
    x = torch.tensor([[[[1.0, 2, 3, 0], [6, 5, 3, 2], [1, 4, 1, 7]]]], device=kernel_device)
    w = torch.tensor([[[[1.0, 10, 100]]]], device=kernel_device)
    expected = [[[[321, 32], [356, 235], [141, 714]]]]
    np.testing.assert_array_equal(gpu.conv2d(x, w, tile=SMALL).cpu(), expected)


@pytest.mark.parametrize("layout", ["channels-last", "transposed", "sliced"])
def test_kernel_reads_any_memory_layout(kernel_device, layout):
    x = torch.randn(2, 3, 8, 10, device=kernel_device)
    if layout == "channels-last":
        x = x.contiguous(memory_format=torch.channels_last)
    elif layout == "transposed":
        x = x.transpose(2, 3)
    else:
        x = x[:, 1:, ::2, 1:]
    w = torch.randn(4, x.shape[1], 3, 2, device=kernel_device)
    torch.testing.assert_close(gpu.conv2d(x, w, tile=SMALL).cpu().double(), oracle(x, w, None), atol=1e-4, rtol=1e-4)


def test_kernel_in_float16(kernel_device):
    x = torch.randn(1, 3, 8, 7, device=kernel_device).half()
    w = torch.randn(5, 3, 3, 3, device=kernel_device).half()
    ours = gpu.conv2d(x, w, tile=SMALL)
    assert ours.dtype == torch.float16
    torch.testing.assert_close(ours.cpu().double(), oracle(x, w, None), atol=2e-2, rtol=2e-3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the interpreter's fault; a GPU multiplies bfloat16 rightly")
def test_bfloat16_is_refused_where_the_interpreter_would_be_wrong(kernel_device):
    x = torch.zeros(1, 1, 3, 3, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match="interpreter multiplies wrongly"):
        gpu.conv2d(x, x)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize(("dtype", "bits"), [(torch.float32, 20), (torch.float16, 10), (torch.bfloat16, 7)])
def test_compiled_kernel_on_real_layers(dtype, bits):
    for channels, filters, size, kernel, stride, padding, dilation in bench.LAYERS.values():
        x = torch.randn(4, channels, size, size, device="cuda").to(dtype)
        w = torch.randn(filters, channels, kernel, kernel, device="cuda").to(dtype)
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        ours, expected = gpu.conv2d(x, w, **options), oracle(x, w, None, **options)
        assert (ours.cpu().double() - expected).abs().max() <= gpu.product_tolerance(x.float(), w.float(), bits)


@pytest.mark.cuda
@needs_cuda
def test_tf32_is_within_its_tolerance_and_not_exact():
    x, w = torch.randn(4, 128, 28, 28, device="cuda"), torch.randn(128, 128, 3, 3, device="cuda")
    expected = oracle(x, w, None, padding=1)
    with gpu.tf32(True):
        for result in (gpu.conv2d(x, w, padding=1, tf32=True), nn.functional.conv2d(x, w, padding=1)):
            error = (result.cpu().double() - expected).abs().max().item()
            assert 1e-3 < error <= gpu.product_tolerance(x, w)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((1, 2, 5, 5), (3, 4, 3, 3)), ValueError, "w has 4 channels, but x has 2"),
        (((2, 5, 5), (3, 2, 3, 3)), ValueError, r"x has shape \(2, 5, 5\), but it must have 4 axes"),
        (((1, 2, 5, 5), (3, 2, 7, 3)), ValueError, "kernel_size is 7"),
        (((1, 2, 5, 5), (3, 2, 3, 3), (2,)), ValueError, r"bias has shape \(2,\), but w has 3 filters"),
    ],
)
def test_wrong_shapes_are_named(kernel_device, arguments, error, message):
    with pytest.raises(error, match=message):
        gpu.conv2d(*(torch.zeros(shape, device=kernel_device) for shape in arguments))


def test_wrong_kinds_are_named(kernel_device):
    x = torch.zeros(1, 1, 4, 4, device=kernel_device)
    with pytest.raises(TypeError, match=r"w is torch\.float64, but x, w and bias must all be"):
        gpu.conv2d(x, x.double())
    with pytest.raises(TypeError, match="x is ndarray, but it must be a torch tensor"):
        gpu.conv2d(np.zeros((1, 1, 4, 4)), x)
    with pytest.raises(ValueError, match="stride is 0, but it must be at least 1"):
        gpu.conv2d(x, x, stride=0)


def test_a_missing_triton_is_explained(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lecture5.gpu.triton_conv", None)
    monkeypatch.setattr("builtins.__import__", _import_without_triton(__import__))
    with pytest.raises(gpu.DeviceError, match="not installed: pip install triton"):
        gpu.conv2d  # noqa: B018


def _import_without_triton(original):
    def replacement(name, *arguments, **options):
        if "triton" in name:
            raise ModuleNotFoundError("No module named 'triton'", name="triton")
        return original(name, *arguments, **options)

    return replacement


# --- devices, timing and memory ------------------------------------------------------------------------------------


def pretend(monkeypatch, **available):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available.get("cuda", False))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: available.get("mps", False))
    monkeypatch.setattr(torch.xpu, "is_available", lambda: available.get("xpu", False))


def test_the_fastest_device_is_chosen(monkeypatch):
    pretend(monkeypatch)
    assert gpu.choose_device() == torch.device("cpu")
    pretend(monkeypatch, xpu=True)
    assert gpu.choose_device() == torch.device("xpu")
    pretend(monkeypatch, cuda=True, mps=True)
    assert gpu.available_devices() == ["cuda", "mps", "cpu"]
    assert gpu.choose_device() == torch.device("cuda")
    assert gpu.choose_device("cuda:1") == torch.device("cuda", 1)
    assert gpu.choose_device("cpu") == torch.device("cpu")


def test_an_absent_device_is_explained(monkeypatch):
    pretend(monkeypatch)
    with pytest.raises(gpu.DeviceError, match=r"cuda is not available: torch .* sees cpu here"):
        gpu.choose_device("cuda")
    with pytest.raises(ValueError, match="wanted is 'gpu', but it must be one of 'cuda', 'mps', 'xpu', 'cpu'"):
        gpu.choose_device("gpu")
    with pytest.raises(gpu.DeviceError, match="only on cuda"):
        gpu.peak_memory(lambda: None, device="cpu")
    with pytest.raises(gpu.DeviceError, match="there is no transfer"):
        gpu.transfer_rate("cpu")


def test_timing_warms_up_waits_and_gives_the_median(monkeypatch):
    """A clock of our own: warm-up calls take 100 s, then 1, 2, 3, 4, 90 s; what is not waited for takes no time."""
    now, events = 0.0, []
    durations = itertools.chain([100.0, 100.0], [4.0, 1.0, 90.0, 3.0, 2.0])
    pending = 0.0

    def function():
        nonlocal pending
        pending += next(durations)  # given to the device; done when somebody waits
        events.append("call")

    def wait(device):
        nonlocal now, pending
        now, pending = now + pending, 0.0
        events.append("wait")

    monkeypatch.setattr(devices, "synchronise", wait)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    timing = gpu.measure(function, device="mps", warm_up=2, calls=5)
    assert timing == (3.0, 2.0, 4.0, 5)
    assert events == ["call", "call", "wait"] + ["call", "wait"] * 5
    with pytest.raises(ValueError, match="calls is 1, but it must be at least 2"):
        gpu.measure(function, calls=1)


@pytest.mark.cuda
@needs_cuda
def test_cuda_timing_memory_and_transfers():
    x = torch.randn(4096, 4096, device="cuda")
    assert gpu.measure(lambda: x @ x, device="cuda").median > 1e-5  # it waited: queueing takes less
    assert gpu.peak_memory(lambda: x + 1, device="cuda") == 4096 * 4096 * 4
    assert gpu.transfer_rate("cuda", pinned=True) > 1e8


# --- precision ------------------------------------------------------------------------------------------------------


def test_tf32_rounding_by_hand():
    one = 2.0**-10  # the last place that is kept, for numbers from 1 to 2
    given_ = [1.0, 1 + one, 1 + 0.5 * one, 1 + 1.5 * one, 1 + 0.51 * one, -(1 + 0.49 * one), 3e38, float("inf")]
    expected = [1.0, 1 + one, 1.0, 1 + 2 * one, 1 + one, -1.0]
    rounded = gpu.round_to_tf32(torch.tensor(given_)).tolist()
    assert rounded[:6] == expected
    assert rounded[7] == float("inf")
    assert gpu.round_to_tf32(torch.tensor([float("nan")])).isnan().all()
    with pytest.raises(TypeError, match=r"x is torch\.float64"):
        gpu.round_to_tf32(torch.zeros(1, dtype=torch.float64))


@given(st.floats(2.0**-100, 2.0**100, width=32), st.booleans())
def test_tf32_rounding_is_to_the_nearest(value, negative):
    x = torch.tensor([-value if negative else value], dtype=torch.float32)
    rounded = gpu.round_to_tf32(x)
    assert (rounded.double() - x.double()).abs() <= x.double().abs() * 2.0**-11
    assert (rounded.view(torch.int32) & 0x1FFF).item() == 0
    assert torch.equal(gpu.round_to_tf32(rounded), rounded)


def test_tolerance_holds_and_is_not_idle():
    """Convolutions of rounded factors stay within the bound, and the worst case comes near it."""
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(2, 16, 9, 9, generator=generator), torch.randn(8, 16, 3, 3, generator=generator)
    error = (oracle(gpu.round_to_tf32(x), gpu.round_to_tf32(w), None) - oracle(x, w, None)).abs().max().item()
    assert 0 < error <= gpu.product_tolerance(x, w)
    worst = torch.full((1, 16, 3, 3), 1 + 2.0**-11 - 2.0**-20)  # every factor is rounded down as far as can be
    error = (oracle(gpu.round_to_tf32(worst), gpu.round_to_tf32(worst), None) - oracle(worst, worst, None)).abs()
    assert 0.9 * gpu.product_tolerance(worst, worst) < error.max().item() <= gpu.product_tolerance(worst, worst)


def test_tf32_setting_is_restored():
    setting = torch.backends.cuda.matmul
    before = setting.fp32_precision
    with gpu.tf32(True):
        assert setting.fp32_precision == "tf32"
        with gpu.tf32(False):
            assert (setting.fp32_precision, torch.backends.cudnn.conv.fp32_precision) == ("ieee", "ieee")
        assert setting.fp32_precision == "tf32"
    assert setting.fp32_precision == before


# --- running a network ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"channels_last": True}, {"autocast": torch.bfloat16}])
@torch.no_grad()
def test_prepared_networks_give_the_same_answers(options, device):
    torch.manual_seed(0)
    model = nets.cifar_resnet(8, in_channels=1)
    x = torch.randn(2, 1, 12, 10)
    expected = model.eval()(x)
    model.train()
    ours = gpu.prepare(model, device, **options)(x).cpu()
    tolerance = 0.05 if "autocast" in options else 1e-3 if device == "cuda" else 1e-5
    torch.testing.assert_close(ours.float(), expected, atol=tolerance, rtol=tolerance)
    assert (ours.dtype == torch.bfloat16) == ("autocast" in options)
    assert model.training  # the caller's own is left as it was
    assert next(model.parameters()).device.type == "cpu"


def test_compile_is_asked_for_only_when_wanted(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda model: compiled.append(model) or model)
    gpu.prepare(nets.LeNet5())
    assert not compiled
    gpu.prepare(nets.LeNet5(), compile=True)(torch.zeros(1, 1, 28, 28))
    assert len(compiled) == 1


@pytest.mark.cuda
@needs_cuda
def test_a_compiled_network_gives_the_same_answers():
    model, x = nets.LeNet5(), torch.randn(4, 1, 28, 28)
    with torch.no_grad():
        expected = model.eval()(x)
    torch.testing.assert_close(gpu.prepare(model, "cuda", compile=True)(x).cpu(), expected, atol=1e-2, rtol=1e-2)


def no_compiler(model):
    raise RuntimeError("no C++ compiler was found")


def test_benchmark_on_the_processor(monkeypatch, capsys):
    pretend(monkeypatch)
    monkeypatch.setattr(bench, "VARIANTS", {"float32": {}, "compiled": {"compile": True}})
    monkeypatch.setattr(torch, "compile", no_compiler)
    monkeypatch.setattr(nets, "resnet18", lambda: nets.cifar_resnet(8))
    assert bench.main(["--batch", "1", "--calls", "2"]) == 0
    out = capsys.readouterr().out
    assert "images/s" in out
    assert "not possible here: no C++ compiler was found" in out
    assert "they need an NVIDIA GPU" in out
    assert bench.main(["--device", "cuda"]) == 1
    assert "cuda is not available" in capsys.readouterr().err


def test_kernels_are_compared_where_they_run(kernel_device, monkeypatch):
    """The table's own check of the numbers, on a layer small enough for the interpreter; a wrong kernel is seen."""
    monkeypatch.setattr(bench, "LAYERS", {"small": (2, 3, 6, 3, 2, 1, 1)})
    lines = bench.kernels_table(torch.device(kernel_device), 1, 2)
    assert [line.split()[-1] for line in lines] == ["agrees", "agrees"]
    from lecture5.gpu import triton_conv

    right = triton_conv.conv2d
    monkeypatch.setattr(triton_conv, "conv2d", lambda x, w, **options: right(x, w.flip(-1), **options))
    assert "WRONG" in bench.kernels_table(torch.device(kernel_device), 1, 2)[0]


@pytest.mark.cuda
@needs_cuda
def test_benchmark_on_a_gpu(capsys):
    assert bench.main(["--batch", "4", "--calls", "2"]) == 0
    assert "cuDNN" in capsys.readouterr().out
