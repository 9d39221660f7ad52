"""Figures: what they show is what they were given, for both themes, with words, and without anything from outside."""

import base64
import io
import re
import wave

import numpy as np
import pytest
from PIL import Image

import lecture5
from lecture5 import plots
from lecture5.plots.figure import DARK, LIGHT, Panel


def sources(output):
    """Address by class of every image: {"light": [...], "dark": [...], "both": [...]}."""
    found = {"light": [], "dark": [], "both": []}
    for theme, address in re.findall(r'<img class="(\w+)[^"]*" src="([^"]+)"', output._repr_html_()):
        found[theme].append(address)
    return found


def pixels(address):
    assert address.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))


def svg(address):
    assert address.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(address.split(",")[1]).decode()


def drawn():
    """One of each drawn figure, with small data."""
    x, w = np.array([0.0, 2, 0, 1]), np.array([1.0, 0.5])
    omega = np.linspace(0, np.pi, 9)
    grid = np.linspace(-np.pi, np.pi, 5)
    noise = np.random.default_rng(0).normal(size=4000)
    return {
        "echoes": plots.echoes(x, w, lecture5.convolve(x, w)),
        "flip_and_slide": plots.flip_and_slide(np.exp, np.cos, omega, omega**2, 1.0),
        "waveforms": plots.waveforms({"in": noise, "kernel": w, "out": noise}, 8000, alt="three rows"),
        "wrap_around": plots.wrap_around([2, 4, 7, 6, 11, 12], [13, 16, 7, 6]),
        "gain_curves": plots.gain_curves(omega, {"a": omega}, {"a": (omega, omega)}, alt="a line"),
        "response_map": plots.response_map(grid, grid, np.outer(grid, grid), [(0, 0)], alt="a saddle"),
        "spectra": plots.spectra({"noise": noise}, 8000, alt="flat"),
    }


@pytest.fixture(scope="module")
def figures():
    return drawn()


def test_drawn_figures_exist_in_both_themes_with_text(figures):
    for name, figure in figures.items():
        found = sources(figure)
        assert len(found["light"]) == len(found["dark"]) == len(figure.panels) > 0, name
        assert found["light"] != found["dark"], name
        assert LIGHT.ink in svg(found["light"][0]), name
        assert DARK.ink in svg(found["dark"][0]), name
        assert repr(figure).startswith(f"Figure: {figure.name}\n- "), name


def test_figures_need_nothing_from_outside(figures):
    for output in [*figures.values(), plots.listen({"click": np.eye(1, 80)[0]}, 8000), plots.convolution_explorer()]:
        page = output._repr_html_()
        for address in sources(output)["light"]:
            page += svg(address) if "svg" in address[:20] else ""
        outside = set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:|#)[\w/.]+""", page))
        assert outside == set()


def test_figures_are_the_same_every_time(figures):
    assert {name: figure._repr_html_() for name, figure in drawn().items()} == {
        name: figure._repr_html_() for name, figure in figures.items()
    }


def test_alternative_text_is_required_and_escaped():
    with pytest.raises(ValueError, match="'silent' has no alt text"):
        plots.Figure("silent", [Panel("a", "a", " ", "", 10)])
    with pytest.raises(ValueError, match="panels is empty"):
        plots.Figure("none", [])
    shown = plots.pictures({"<b>": np.zeros((2, 3))}, ['a "quote" & <tag>'])._repr_html_()
    assert 'alt="a &quot;quote&quot; &amp; &lt;tag&gt;"' in shown
    assert "<b>" not in shown


def test_picture_shows_grey_and_colour_as_given():
    grey = np.array([[0, 0.2, 1.0], [0.4, 0.6, 2.0]])  # 2 is cut to white
    found = sources(plots.pictures({"grey": grey}, ["six pixels"]))
    assert [len(found[theme]) for theme in ("both", "light", "dark")] == [1, 0, 0]
    np.testing.assert_array_equal(pixels(found["both"][0]), [[0, 51, 255], [102, 153, 255]])
    colour = np.zeros((3, 2, 3))
    colour[0, 0, 2], colour[2, 1, 0] = 1, 1
    shown = pixels(sources(plots.pictures({"colour": colour}, ["two lights"]))["both"][0])
    assert shown[0, 2].tolist() == [255, 0, 0]
    assert shown[1, 0].tolist() == [0, 0, 255]


def test_negative_numbers_are_blue_and_zero_is_the_page():
    found = sources(plots.pictures({"signed": np.array([[-3.0, 0, 3, 1.5]])}, ["four pixels"]))
    for theme, name in ((LIGHT, "light"), (DARK, "dark")):
        negative, zero, positive, half = pixels(found[name][0])[0].astype(int)
        hexes = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in (negative, positive)]
        assert hexes == [theme.blue, theme.orange]
        np.testing.assert_allclose(zero, [int(theme.page[i : i + 2], 16) for i in (1, 3, 5)], atol=2)
        np.testing.assert_allclose(half, (zero + positive) / 2, atol=2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: plots.pictures({"a": np.zeros(3)}, ["x"]), r"images\['a'\] has shape \(3,\)"),
        (lambda: plots.pictures({"a": np.full((2, 2), np.nan)}, ["x"]), "all of it finite"),
        (lambda: plots.pictures({"a": np.zeros((2, 2))}, []), "1 images, but 0 alts"),
        (lambda: plots.listen({}, 8000), "sounds is empty"),
        (lambda: plots.listen({"a": np.zeros((2, 2))}, 8000), r"sounds\['a'\] has shape \(2, 2\)"),
        (lambda: plots.listen({"a": [1.0]}, 0), "rate is 0, but it must be at least 1"),
        (lambda: plots.echoes([1, 0], [1], [1, 0, 0]), r"s has shape \(3,\)"),
        (lambda: plots.wrap_around([1, 2], [1, 2]), "linear has 2 entries"),
        (lambda: plots.gain_curves(np.zeros(2), {}, alt="x"), "gains has 0 curves"),
        (lambda: plots.spectra({}, 8000, alt="x"), "sounds has 0 entries"),
        (lambda: plots.response_map([0], [0, 1], np.zeros((2, 1)), [], alt="x"), r"response has shape \(2, 1\)"),
    ],
)
def test_wrong_input_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def decoded(output):
    for address in re.findall(r'src="data:audio/wav;base64,([^"]+)"', output._repr_html_()):
        with wave.open(io.BytesIO(base64.b64decode(address))) as reader:
            assert reader.getnchannels() == 1
            yield reader.getframerate(), np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32767


def test_sounds_keep_their_loudness_relative_to_each_other():
    loud, soft = np.array([0.0, 4.0, -2.0]), np.array([1.0, 0.5])
    (rate, first), (_, second) = decoded(plots.listen({"loud": loud, "soft": soft}, 11025))
    assert rate == 11025
    np.testing.assert_allclose(first, loud / 4, atol=1e-4)
    np.testing.assert_allclose(second, soft / 4, atol=1e-4)


def test_silence_can_be_played():
    ((_, samples),) = decoded(plots.listen({"silence": np.zeros(5)}, 8000))
    assert samples.tolist() == [0] * 5


def test_alternative_text_tells_the_numbers_that_were_drawn(figures):
    assert "at 1 and 3, with strengths 2 and 1" in repr(figures["echoes"])
    assert "2, 4, 7, 6, 11 and 12; its last 2 bars" in repr(figures["wrap_around"])
    assert "which gives 13, 16, 7 and 6" in repr(figures["wrap_around"])
    assert "s(1) = " in repr(figures["flip_and_slide"])


def test_long_sounds_are_drawn_by_their_extremes():
    from lecture5.plots.signals import _envelope

    samples = np.random.default_rng(1).normal(size=10_001)
    middle, low, high = _envelope(samples, columns=50)
    assert len(middle) == len(low) == len(high) == 50
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert (np.diff(middle) > 0).all()
    assert (low <= high).all()
    short = _envelope(np.array([3.0, -1.0]), columns=50)
    assert [part.tolist() for part in short] == [[0.5, 1.5], [3, -1], [3, -1]]


def test_each_network_gets_a_line_of_its_own_and_too_many_are_refused():
    shares = {str(n): {15: [1.0], 31: [n / 6]} for n in range(6)}
    five = {name: shares[name] for name in "01234"}
    drawn = [plots.right_by_size(part, "Lines.", trained_on=15).panels for part in (five, {**five, "4": {15: [0.0]}})]
    assert drawn[0] != drawn[1]  # the fifth is drawn, too
    with pytest.raises(ValueError, match="results has 6 entries, but there must be one to 5"):
        plots.right_by_size(shares, "Lines.", trained_on=15)
