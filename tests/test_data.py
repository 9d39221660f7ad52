"""The photograph and the sound: what they hold, their cards, and what is said when a file is damaged."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest

from lecture5 import data

FOLDER = files("lecture5.data")


def test_photograph_is_bright_where_the_cup_is():
    grey, colour = data.photograph("coffee"), data.photograph("coffee", colour=True)
    assert grey.shape == (200, 300)
    assert colour.shape == (3, 200, 300)
    assert grey.dtype == colour.dtype == np.float64
    assert 0 <= colour.min() < 0.05 < 0.95 < colour.max() <= 1
    np.testing.assert_allclose(grey, 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    # The saucer's lower left is red, the cup's rim white, the table's far corner dark: not flipped, not transposed.
    red, green, blue = colour[:, 140, 60]
    assert red > 2 * green
    assert red > 2 * blue
    assert colour[:, 12:20, 150:160].mean() > 0.8
    assert grey[:20, :20].mean() < 0.15


def test_sound_is_a_voice_between_two_silences():
    samples, rate = data.sound("sentence")
    assert (samples.shape, samples.dtype, rate) == ((23920,), np.float64, 8000)
    loudness = [np.sqrt((part**2).mean()) for part in np.array_split(samples, 12)]
    assert loudness[0] < 0.01
    assert loudness[-1] < 0.01
    assert 0.02 < np.median(loudness) < 0.2


def test_loaders_give_a_fresh_array_each_time():
    data.photograph("coffee")[:] = 0
    data.sound("sentence")[0][:] = 0
    assert data.photograph("coffee").max() > 0.9
    assert np.abs(data.sound("sentence")[0]).max() > 0.2


def test_every_file_has_a_card_and_every_card_a_file():
    shipped = {file.name for file in FOLDER.iterdir() if file.suffix in {".png", ".jpg", ".wav", ".npz", ".npy"}}
    assert shipped == {card.file for card in data.cards().values()}
    for card in data.cards().values():
        assert hashlib.sha256((FOLDER / card.file).read_bytes()).hexdigest() == card.sha256
        assert all(value.strip() for value in card), card.file


def test_cards_show_what_one_must_know():
    shown = data.cards()._repr_markdown_()
    for card in data.cards().values():
        for field, value in card._asdict().items():
            assert (value[:16] if "sha256" in field else value) in shown, (card.file, field)


@pytest.mark.parametrize(
    ("load", "wrong"), [(data.photograph, "sentence"), (data.sound, "coffee"), (data.sound, "tea")]
)
def test_unknown_name_lists_the_known_ones(load, wrong):
    with pytest.raises(ValueError, match=rf"name is '{wrong}', but it must be one of '"):
        load(wrong)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The data in a folder that a test may damage."""
    for name in ("cards.json", "coffee.png", "sentence.wav"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    monkeypatch.setattr(data, "files", lambda package: tmp_path)
    return tmp_path


def test_damaged_file_is_noticed(copy):
    content = bytearray((copy / "coffee.png").read_bytes())
    content[len(content) // 2] ^= 1  # one bit
    (copy / "coffee.png").write_bytes(content)
    with pytest.raises(data.DataError, match=r"coffee\.png in lecture5/data is damaged.*[Ii]nstall lecture5 again"):
        data.photograph("coffee")
    assert data.sound("sentence")[1] == 8000


def test_cut_and_missing_files_are_noticed(copy):
    (copy / "coffee.png").write_bytes((copy / "coffee.png").read_bytes()[:1000])
    with pytest.raises(data.DataError, match="damaged"):
        data.photograph("coffee")
    (copy / "sentence.wav").unlink()
    with pytest.raises(data.DataError, match=r"sentence\.wav is missing from lecture5/data: install lecture5 again"):
        data.sound("sentence")


def test_cards_are_readable_by_other_programs():
    cards = json.loads((FOLDER / "cards.json").read_text("utf-8"))
    assert set(cards) == set(data.cards())
