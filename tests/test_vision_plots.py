"""The figures of scenes: what they draw, and what they refuse."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from lecture5 import plots

CLASSES = ("nothing", "hat", "shoe")


def first_picture(figure):
    content = re.search(r"data:image/png;base64,([^\"]+)", figure._repr_html_())[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_each_class_has_its_colour_and_the_background_is_black():
    figure = plots.class_maps({"map": np.array([[0, 1, 1], [2, 0, 1]])}, ["A hat and a shoe."], classes=CLASSES)
    pixels = first_picture(figure)
    assert pixels.shape == (2, 3, 3)
    assert not pixels[0, 0].any()
    assert (pixels[0, 1] == pixels[1, 2]).all()
    assert len({tuple(pixel) for pixel in pixels.reshape(-1, 3)}) == 3
    assert repr(figure).splitlines()[1:] == ["- A hat and a shoe.", "- Colours: nothing, hat, shoe."]


def test_a_photograph_is_shown_as_it_is():
    photograph = np.zeros((3, 2, 4))
    photograph[0, 1, 2] = 1
    pixels = first_picture(plots.class_maps({"photo": photograph}, ["A red dot."], classes=CLASSES))
    assert pixels[1, 2].tolist() == [255, 0, 0]
    assert pixels.sum() == 255


def test_what_has_no_name_or_no_colour_is_refused():
    with pytest.raises(ValueError, match=r"maps\['map'\] holds class 3, but there are 3 classes"):
        plots.class_maps({"map": np.array([[3]])}, ["A map."], classes=CLASSES)
    with pytest.raises(ValueError, match="classes has 8 names, but there are only 7 colours"):
        plots.class_maps({"map": np.array([[0]])}, ["A map."], classes="abcdefgh")
    with pytest.raises(ValueError, match="no alt text"):
        plots.class_maps({"map": np.array([[0]])}, [" "], classes=CLASSES)
    with pytest.raises(ValueError, match="curves has 5 entries"):
        plots.precision_recall_curves({name: (np.ones(1), np.ones(1)) for name in "abcde"}, alt="Curves.")


def test_boxes_and_captions_are_drawn_for_both_themes():
    empty, boxes = np.zeros((0, 4)), np.array([[1, 1, 5, 4.0], [0, 0, 2, 2]])
    image, regions = np.zeros((3, 6, 8)), np.arange(48).reshape(6, 8) // 16
    plain = plots.boxed_pictures({"scene": image}, [empty], ["Nothing."])
    boxed = plots.boxed_pictures({"scene": image}, [boxes], ["Two boxes."], captions=[["a", "b"]])
    assert len(boxed._repr_html_()) > len(plain._repr_html_())
    assert boxed.panels[0].light.startswith("data:image/svg+xml")
    shaded = plots.boxed_pictures({"regions": regions, "again": regions}, [empty, empty], ["Three stripes.", "Again."])
    assert repr(shaded) == "Figure: regions · again\n- Three stripes.\n- Again."


def test_the_same_curve_gives_the_same_bytes():
    curves = {"hats": (np.array([1, 0.5, 2 / 3]), np.array([0.25, 0.25, 0.5]))}
    first, second = (plots.precision_recall_curves(curves, alt="It falls.")._repr_html_() for _ in range(2))
    assert first == second
