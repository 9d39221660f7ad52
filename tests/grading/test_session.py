"""What a visible check compares: values as they are printed, whatever the type of the numbers."""

import re

import numpy as np
import pytest

from lecture5.grading.session import TYPE_NAMES


def shown(value):
    text = repr(value)
    for pattern, replacement in TYPE_NAMES.items():
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", ">f8"])
def test_an_array_of_any_floats_is_compared_by_its_values(dtype):
    values = np.arange(-20, 20, dtype=dtype) / 4  # long enough for a line of its own for the dtype
    assert shown(values) == repr(values.astype(float))
    assert shown((values[3], [values[7]])) == repr((float(values[3]), [float(values[7])]))


@pytest.mark.parametrize("dtype", ["i4", "u1", "i8"])
def test_whole_numbers_too(dtype):
    values = np.arange(5, dtype=dtype)
    assert shown(values) == repr(np.arange(5))
    assert shown({"size": values[2]}) == "{'size': 2}"


@pytest.mark.parametrize("other", [np.arange(3) + 0j, np.arange(3.0).astype(object), ["np.zeros(3)"], np.arange(3) > 1])
def test_what_is_no_plain_number_stays(other):
    assert shown(other) == repr(other)
