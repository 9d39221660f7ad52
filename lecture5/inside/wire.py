"""Values as plain data: what crosses between the grader and a student's kernel.

A value becomes a small JSON tree and a list of raw buffers, one per array. No pickle, no npz: reading a reply can run
no code and allocates nothing that was not measured first. This file is used on both sides; inside the sandbox it
stands alone, so it imports numpy only.

>>> tree, buffers = encode({"x": np.arange(3.0)})
>>> tree
{'dict': [['x', {'array': 0, 'dtype': '<f8', 'shape': [3]}]]}
>>> decode(tree, buffers)
{'x': array([0., 1., 2.])}
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_CODES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
DTYPES = {code: np.dtype(code) for code in _CODES}
MAX_BYTES = 4 * 2**20
MAX_DEPTH = 8
MAX_ITEMS = 10_000
MAX_TEXT = 10_000
MAX_DIMENSIONS = 16


class WireError(ValueError):
    """A value cannot be sent, or what arrived is not a value."""


def encode(value: Any) -> tuple[Any, list[bytes]]:
    """Return the JSON tree and the buffers of a value made of arrays, numbers, strings, lists, tuples and dicts.

    Raises
    ------
    WireError
        If it holds anything else; the message names its type.
    """
    buffers: list[bytes] = []
    return _encode(value, buffers, 0), buffers


def _encode(value: Any, buffers: list[bytes], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise WireError("a value nested too deeply")
    if value is None or isinstance(value, (bool, str)):
        return value[:MAX_TEXT] if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else {"float": repr(float(value))}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, complex):
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, (list, tuple)):
        numbers = _as_numbers(value)
        if numbers is not None:
            return {"from": type(value).__name__, **_encode_array(numbers, buffers)}
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(item, buffers, depth + 1) for item in value[:MAX_ITEMS]]}
    if isinstance(value, dict):
        items = list(value.items())[:MAX_ITEMS]
        return {"dict": [[str(key)[:MAX_TEXT], _encode(item, buffers, depth + 1)] for key, item in items]}
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(np.asarray(value), buffers)
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        return {"from": "Tensor", **_encode_array(_tensor_to_array(value), buffers)}
    raise WireError(f"a {type(value).__name__}")


def _as_numbers(value: Any) -> np.ndarray | None:
    """Return a non-empty, rectangular list of numbers as an array, anything else as None."""
    if len(value) > MAX_BYTES // 8:
        raise WireError(f"a {type(value).__name__} of {len(value)} entries")
    try:
        array = np.array(value)
    except Exception:  # ragged, or entries that refuse
        return None
    return array if array.size and array.dtype.kind in "biufc" else None


def _tensor_to_array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().numpy()


def _encode_array(array: np.ndarray, buffers: list[bytes]) -> dict[str, Any]:
    if array.dtype.kind not in "biufc":
        raise WireError(f"an array of dtype {array.dtype}")
    dtype = array.dtype.newbyteorder("<")
    if dtype.str not in DTYPES:  # long double
        dtype = np.dtype("<c16" if array.dtype.kind == "c" else "<f8")
    raw = np.ascontiguousarray(array, dtype=dtype).tobytes()
    if sum(map(len, buffers)) + len(raw) > MAX_BYTES:
        raise WireError(f"more than {MAX_BYTES // 2**20} MiB")
    buffers.append(raw)
    return {"array": len(buffers) - 1, "dtype": dtype.str, "shape": list(array.shape)}


def decode(tree: Any, buffers: list[Any]) -> Any:
    """Return the value that a tree and its buffers stand for, as fresh arrays of the base class.

    Everything is checked before anything is allocated.

    Raises
    ------
    WireError
        If the tree is not one that :func:`encode` makes.
    """
    left = [MAX_ITEMS * 4]
    return _decode(tree, buffers, 0, left)


def _decode(tree: Any, buffers: list[Any], depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise WireError("too many values, or nested too deeply")
    if tree is None or isinstance(tree, (bool, float)):
        return tree
    if isinstance(tree, int):
        if abs(tree) >= 2**64:
            raise WireError("an integer out of range")
        return tree
    if isinstance(tree, str):
        if len(tree) > MAX_TEXT:
            raise WireError("a string that is too long")
        return tree
    if not isinstance(tree, dict):
        raise WireError("no value")
    if "array" in tree:
        return _decode_array(tree, buffers)
    if len(tree) != 1:
        raise WireError("no value")
    ((kind, content),) = tree.items()
    try:
        if kind == "float":
            return float(content)
        if kind == "complex":
            return complex(float(content[0]), float(content[1]))
        if kind in ("list", "tuple"):
            items = [_decode(item, buffers, depth + 1, left) for item in _list(content)]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {str(key): _decode(item, buffers, depth + 1, left) for key, item in _list(content)}
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise error if isinstance(error, WireError) else WireError("no value") from None
    raise WireError("no value")


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise WireError("no value")
    return content


def _decode_array(tree: dict[str, Any], buffers: list[Any]) -> np.ndarray:
    dtype, shape, number = DTYPES.get(str(tree.get("dtype"))), tree.get("shape"), tree["array"]
    if dtype is None:
        raise WireError("an array of a dtype that is not allowed")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise WireError("an array without a proper shape")
    if not all(type(size) is int and 0 <= size < 2**32 for size in shape):
        raise WireError("an array without a proper shape")
    if type(number) is not int or not 0 <= number < len(buffers):
        raise WireError("an array without its data")
    view = memoryview(buffers[number]).cast("B")
    if math.prod(shape) * dtype.itemsize != view.nbytes or view.nbytes > MAX_BYTES:
        raise WireError("an array whose data do not have the length that its shape gives")
    return np.frombuffer(view, dtype=dtype).reshape(shape).copy()
