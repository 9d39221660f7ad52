"""Values cross as plain data: what goes in comes out, and nothing else does."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lecture5.inside.wire import MAX_BYTES, WireError, decode, encode

numbers = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=50),
)
numeric = arrays.arrays(
    st.one_of(
        arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes(), arrays.boolean_dtypes()
    ),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


def through(value):
    tree, buffers = encode(value)
    return decode(json.loads(json.dumps(tree)), [bytearray(buffer) for buffer in buffers])


@given(numbers)
def test_scalars(value):
    assert repr(through(value)) == repr(value)


@given(numeric)
def test_arrays(value):
    result = through(value)
    assert type(result) is np.ndarray
    assert result.flags.writeable
    assert result.shape == value.shape
    np.testing.assert_array_equal(result, value)


def test_nested_values():
    value = {"a": [np.arange(3), "x", (np.ones((2, 2)), None)], "b": {}}
    result = through(value)
    np.testing.assert_array_equal(result["a"][0], [0, 1, 2])
    assert result["a"][1] == "x"
    assert isinstance(result["a"][2], tuple)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12.0).reshape(3, 4)[::2, ::-1],
        np.arange(12.0).reshape(3, 4).T,
        np.arange(6, dtype=">f4"),
        np.ma.masked_array([1.0, 2.0], mask=[False, True]).data,
        np.rec.fromarrays([np.arange(3.0)], names="a")["a"],
        np.array([1.0, 2.0], dtype=np.longdouble),
        [[1, 2], [3, 4]],
        (1.5, 2.5),
        torch.arange(6.0).reshape(2, 3).t(),
        torch.ones(2, requires_grad=True),
        torch.ones(2, dtype=torch.bfloat16),
        np.float32(3),
    ],
    ids=str,
)
def test_what_counts_as_an_array(value):
    result = through(value)
    assert type(result) is np.ndarray
    plain = value.detach().float().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    np.testing.assert_array_equal(result, plain.astype(result.dtype))


class Liar(np.ndarray):
    """Claims to equal everything."""

    def __eq__(self, other):
        return True

    def __array_function__(self, *arguments, **keywords):
        return True


def test_a_subclass_arrives_as_plain_numbers():
    result = through(np.zeros(3).view(Liar))
    assert type(result) is np.ndarray
    assert not np.array_equal(result, np.ones(3))


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), {"f": len}, np.array(["text"]), np.datetime64("2020")]
)
def test_what_cannot_be_sent(value):
    with pytest.raises(WireError):
        encode(value)


def test_too_much_cannot_be_sent():
    with pytest.raises(WireError, match="MiB"):
        encode(np.zeros(MAX_BYTES // 8 + 1))


def deep(levels):
    return {"list": [deep(levels - 1)]} if levels else 1


ARRAY = {"array": 0, "dtype": "<f8", "shape": [2]}


@pytest.mark.parametrize(
    "tree",
    [
        [1, 2],
        {"array": 0},
        {**ARRAY, "dtype": "O"},
        {**ARRAY, "dtype": "|V16"},
        {**ARRAY, "dtype": ["<f8"]},
        {**ARRAY, "shape": [3]},
        {**ARRAY, "shape": [-1]},
        {**ARRAY, "shape": [-1, -2]},
        {**ARRAY, "shape": [2**40, 0]},
        {**ARRAY, "shape": "2"},
        {**ARRAY, "shape": [2.0]},
        {**ARRAY, "shape": [True, 2]},
        {**ARRAY, "shape": [1] * 40 + [2]},
        {**ARRAY, "array": 1},
        {**ARRAY, "array": -1},
        {**ARRAY, "array": "0"},
        {"float": "abc"},
        {"float": None},
        {"float": []},
        {"complex": ["1"]},
        {"complex": "1"},
        {"list": "abc"},
        {"list": {"a": 1}},
        {"dict": [1]},
        {"dict": [[1, 2, 3]]},
        {"set": [1]},
        {},
        {"list": [], "tuple": []},
        deep(50),
        {"list": [1] * 50_000},
        10**400,
        "x" * 20_000,
    ],
    ids=lambda tree: str(tree)[:40],
)
def test_malformed_trees_are_refused(tree):
    with pytest.raises(WireError):
        decode(tree, [bytes(16)])
