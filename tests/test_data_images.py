"""The labelled images: whole, balanced, disjoint, and labelled rightly."""

import numpy as np
import pytest

from lecture5 import data
from lecture5.data import images as module
from lecture5.data.make_images import balanced, read_idx, write_npz

LOADERS = {"digits": (data.digits, 1200, 200), "fashion": (data.fashion, 800, 200)}


@pytest.mark.parametrize("name", LOADERS)
def test_parts_are_balanced_and_disjoint(name):
    load, per_class_train, per_class_test = LOADERS[name]
    seen = {}
    for part, per_class in (("train", per_class_train), ("test", per_class_test)):
        images, labels = load(part)
        assert images.shape == (10 * per_class, 1, 28, 28)
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        assert (images.min(), images.max()) == (0, 1)
        np.testing.assert_array_equal(np.bincount(labels), [per_class] * 10)
        seen[part] = {image.tobytes() for image in images}
    assert not seen["train"] & seen["test"]


@pytest.mark.parametrize(("name", "least"), [("digits", 0.78), ("fashion", 0.65)])
def test_labels_belong_to_the_images(name, least):
    """The nearest class mean is a weak classifier, but with shuffled labels it would be right one time in ten."""
    load = LOADERS[name][0]
    images, labels = load("train")
    means = np.stack([images[labels == label].mean(axis=0).ravel() for label in range(10)])
    images, labels = load("test")
    distances = ((images.reshape(len(images), 1, -1) - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == labels).mean() > least


def test_what_a_caller_changes_is_not_seen_by_the_next():
    data.digits("test")[0][:] = 7
    assert data.digits("test")[0].max() == 1


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="part is 'validation', but it must be one of 'train', 'test'"):
        data.digits("validation")


def test_damage_is_noticed(monkeypatch):
    card = data.cards()["digits"]
    monkeypatch.setitem(data.cards(), "digits", card._replace(sha256="0" * 64))
    module._arrays.cache_clear()
    with pytest.raises(data.DataError, match=r"digits\.npz in lecture5/data is damaged"):
        data.digits()


def test_idx_files_and_archives_keep_what_is_in_them(tmp_path):
    images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    header = b"\x00\x00\x08\x03" + np.array(images.shape, ">u4").tobytes()
    (tmp_path / "images").write_bytes(header + images.tobytes())
    np.testing.assert_array_equal(read_idx(tmp_path / "images"), images)
    (tmp_path / "other").write_bytes(b"PNG")
    with pytest.raises(ValueError, match="does not begin as an idx file"):
        read_idx(tmp_path / "other")

    for target in (tmp_path / "one.npz", tmp_path / "two.npz"):
        write_npz(target, {"images": images})
    with np.load(tmp_path / "one.npz") as archive:
        np.testing.assert_array_equal(archive["images"], images)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_balanced_draws_each_class_equally_often_in_order():
    labels = np.tile(np.arange(10), 5)
    chosen = balanced(labels, 3)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [3] * 10)
    assert (np.diff(chosen) > 0).all()
