"""The voices and the brain: whole, balanced, disjoint, and what they are said to be."""

import gzip

import numpy as np
import pytest

from lecture5 import data
from lecture5.data.make_brain import halve, read_nifti
from lecture5.data.make_voices import QUIET, windows
from lecture5.data.voices import WINDOW, decode, encode


def test_voices_are_balanced_and_disjoint():
    seen = {}
    for part, count in (("train", 180), ("test", 60)):
        sounds, labels = data.voices(part)
        assert sounds.shape == (4 * count, 1, 4000)
        assert (sounds.dtype, labels.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(np.bincount(labels), [count] * 4)
        assert np.sqrt((sounds**2).mean(axis=(1, 2))).min() > 0.9 * QUIET
        assert abs(sounds.mean()) < 0.01
        seen[part] = {sound.tobytes() for sound in sounds}
    assert not seen["train"] & seen["test"]


def test_the_labels_belong_to_the_voices():
    """A man's voice is lower than a woman's: more of its power lies below 150 Hz."""
    sounds, labels = data.voices("train")
    power = abs(np.fft.rfft(sounds[:, 0])) ** 2  # one frequency is 2 Hz
    low = power[:, 40:75].sum(axis=1) / power[:, 40:].sum(axis=1)
    shares = [np.median(low[labels == voice]) for voice in range(4)]
    assert max(shares) == shares[data.VOICES.index("Carlo, Italian")]
    assert shares[3] > 2 * max(shares[:3])


def test_the_law_of_telephones_is_finest_near_zero():
    samples = np.linspace(-1, 1, 2001)
    error = abs(decode(encode(samples)) - samples)
    assert error.max() < 0.025
    assert error[abs(samples) < 0.01].max() < 0.0005
    np.testing.assert_array_equal(encode(decode(np.arange(256, dtype=np.uint8))), np.arange(256))


def test_pauses_are_left_out():
    loud, quiet = np.full(WINDOW, 0.5), np.full(WINDOW, QUIET / 2)
    cut = windows(np.concatenate([quiet, loud, quiet, loud, loud[:100]]))
    np.testing.assert_array_equal(cut, [loud, loud])


def test_the_brain_has_two_halves_and_tissues_that_fill_it():
    volume = data.brain()
    assert volume.t1.shape == volume.grey.shape == volume.white.shape == (98, 116, 94)
    assert all((part >= 0).all() and (part <= 1).all() for part in volume)
    inside = volume.t1 > 0.3
    assert np.median((volume.grey + volume.white)[inside]) > 0.9
    # White matter is the brighter one in a T1 image.
    assert np.median(volume.t1[volume.white > 0.9]) > np.median(volume.t1[volume.grey > 0.9]) + 0.1
    # The left half is nearly the right one's mirror image; upside down it would not be.
    assert np.corrcoef(volume.t1.ravel(), volume.t1[::-1].ravel())[0, 1] > 0.95
    assert np.corrcoef(volume.t1.ravel(), volume.t1[:, :, ::-1].ravel())[0, 1] < 0.9


def test_nifti_files_are_read_column_by_column(tmp_path):
    volume = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    header = bytearray(352)
    header[40:56] = np.array([3, *volume.shape, 1, 1, 1, 1], "<i2").tobytes()
    header[108:112] = np.array([352], "<f4").tobytes()
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(gzip.compress(bytes(header) + volume.tobytes(order="F")))
    np.testing.assert_array_equal(read_nifti(path), volume)


def test_blocks_are_averaged_and_what_is_left_over_is_dropped():
    volume = np.arange(5 * 2 * 4, dtype=np.uint8).reshape(5, 2, 4)
    np.testing.assert_array_equal(
        halve(volume), [[[volume[:2, :, :2].mean().round(), volume[:2, :, 2:].mean().round()]],
                        [[volume[2:4, :, :2].mean().round(), volume[2:4, :, 2:].mean().round()]]]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["voices", "brain"])
def test_damage_is_noticed(monkeypatch, name):
    from lecture5.data.images import _arrays

    monkeypatch.setitem(data.cards(), name, data.cards()[name]._replace(sha256="0" * 64))
    _arrays.cache_clear()
    with pytest.raises(data.DataError, match=rf"{name}\.npz in lecture5/data is damaged"):
        getattr(data, name)()


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="part is 'validation', but it must be one of 'train', 'test'"):
        data.voices("validation")
