"""Drawings: well-formed, and those in the notebooks are what the script draws."""

import runpy
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import ROOT
from style_workshop.diagram import Diagram

FIGURES = ROOT / "notebooks" / "figures"
FLOWS = runpy.run_path(str(FIGURES / "flows.py"))["FLOWS"]
SVG = "{http://www.w3.org/2000/svg}"


def test_a_drawing_has_its_boxes_letters_and_arrows(tmp_path):
    drawing = Diagram(300, 100, "a < b")
    drawing.box(0, 10, 80, 40, "one & two", "below", kind="kept")
    drawing.arrow((80, 30), (200, 30))
    drawing.arrow((200, 60), (0, 60), back=True)
    drawing.save(tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    assert root.find(f"{SVG}title").text == "a < b"
    assert [text.text for text in root.iter(f"{SVG}text")] == ["one & two", "below"]
    arrows = root.findall(f"{SVG}path")
    assert [path.get("d") for path in arrows] == ["M80 30 L200 30", "M200 60 L0 60"]
    assert [path.get("stroke-dasharray") is None for path in arrows] == [True, False]


@pytest.mark.parametrize("name", FLOWS)
def test_the_stored_drawing_is_the_one_that_is_drawn(name):
    stored = (FIGURES / f"{name}.svg").read_text(encoding="utf-8")
    assert stored == FLOWS[name]().svg(), "run `python notebooks/figures/flows.py`"


@pytest.mark.parametrize("name", FLOWS)
def test_boxes_lie_on_the_sheet_and_no_two_on_each_other(name):
    root = ElementTree.fromstring(FLOWS[name]().svg())
    sheet, *boxes = [
        [float(rect.get(key, 0)) for key in ("x", "y", "width", "height")]
        for rect in root.iter(f"{SVG}rect")
    ]
    for x, y, width, height in boxes:
        assert x >= 0 and y >= 0
        assert x + width <= sheet[2] and y + height <= sheet[3]
    for number, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[:number]:
            beside = x >= left + wide or left >= x + width
            assert beside or y >= top + high or top >= y + height
