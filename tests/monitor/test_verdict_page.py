from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import msgspec
import pytest

from kervan.core.releasing import Decision
from kervan.monitor.curves import Curve, picture
from kervan.monitor.judgement import LARGEST, Judgement, Measure, Moment, Standing
from kervan.monitor.verdict_page import verdict_page

ERRORS = Measure(
    metric="errors",
    stable=0.001,
    candidate=0.05,
    margin=1.25,
    e_value=796.0,
    threshold=667.0,
    evidence=1.0,
    proof=0.0,
    standing=Standing.WORSE,
    said="5 % of the candidate's requests fail",
)
GUARD = replace(ERRORS, metric="guard p99 < 20ms", stable=None, candidate=0.0125, proof=None, said="<i>")
MEMORY = replace(ERRORS, metric="memory", stable=2.0**20, candidate=2.0**21, threshold=LARGEST, proof=None)
JUDGEMENT = Judgement(
    decision=Decision.ROLL_BACK,
    reason="<script>alert(1)</script>",
    at=12.0,
    deployment="d",
    share=0.25,
    samples=1200,
    needed=300,
    seconds=2.0,
    every=60.0,
    alpha=0.01,
    measures=(ERRORS, GUARD, MEMORY),
    notes=("not proven of <b>p99</b>",),
    history=(
        Moment(at=1.0, share=0.05, evidence={"errors": 0.0}, errors=(None, None), p99=(None, None)),
        Moment(at=5.0, share=0.05, evidence={"errors": 0.4}, errors=(0.001, 0.02), p99=(0.01, None)),
        Moment(at=9.0, share=0.25, evidence={"errors": 1.0}, errors=(0.001, 0.05), p99=(0.01, 0.02)),
    ),
)


def pictures_of(page: str) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_the_page_shows_the_decision_every_metric_and_four_pictures() -> None:
    page = verdict_page(JUDGEMENT)
    for text in (
        "roll back",
        "5 %",
        "1.25 ×",
        "796 of 667",
        "p99 &lt; 20ms",
        "12.5 ms",
        "2 MB",
        "1,200 of at least 300",
    ):
        assert text in page
    assert len(pictures_of(page)) == 4
    assert "1e+300" not in page


def test_nothing_that_was_said_is_markup() -> None:
    page = verdict_page(JUDGEMENT, title="<b>income</b>")
    assert not re.search(r"<script|<b>|<i>", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_is_read_from_what_is_stored() -> None:
    stored = msgspec.json.encode(JUDGEMENT)
    assert msgspec.json.decode(stored, type=Judgement) == JUDGEMENT
    assert msgspec.convert(msgspec.json.decode(stored), Judgement) == JUDGEMENT


def test_without_a_history_there_are_no_pictures() -> None:
    assert pictures_of(verdict_page(replace(JUDGEMENT, history=()))) == []


def test_curves_begin_and_end_where_their_points_do() -> None:
    drawn = ET.fromstring(picture([Curve(name="a", points=[(10, 0.0), (20, 2.0), (30, 1.0)])], str, top=2.0))
    (path,) = drawn.findall("path")
    places = [tuple(map(float, each.split())) for each in re.split("[ML]", path.attrib["d"])[1:]]
    assert [x for x, _ in places] == pytest.approx([0, 280, 560])
    dashed = next(
        float(line.attrib["y1"]) for line in drawn.findall("line") if line.attrib["class"] == "mark"
    )
    assert places[1][1] == pytest.approx(dashed, abs=0.1)
    assert places[0][1] > places[2][1] > places[1][1]


def test_a_curve_is_cut_where_nothing_is_known() -> None:
    drawn = picture([Curve(name="a", points=[(0, 1.0), (1, None), (2, 1.0), (3, 2.0)])], str)
    assert len(ET.fromstring(drawn).findall("path")) == 2


def test_steps_go_along_before_they_go_up() -> None:
    drawn = ET.fromstring(picture([Curve(name="a", points=[(0, 1.0), (10, 2.0)])], str, in_steps=True))
    (path,) = drawn.findall("path")
    (_, start), (_, corner), (_, end) = (each.split() for each in re.split("[ML]", path.attrib["d"])[1:])
    assert start == corner != end


@pytest.mark.parametrize("points", [[], [(0.0, None)]])
def test_a_picture_of_nothing_says_so(points: list[tuple[float, float | None]]) -> None:
    assert "Nothing was seen" in picture([Curve(name="a", points=points)], str)
