"""The map of who was compared, the timeline of starts, and what hidden counts could do."""

from __future__ import annotations

import csv
import dataclasses
from importlib.resources import files
from xml.etree.ElementTree import Element

import pytest

from evaluation.disclosure import Released, release
from evaluation.figures import (
    ForestRow,
    MapBrief,
    SensitivityBrief,
    TimelineBrief,
    map_figure,
    sensitivity_figure,
    timeline_figure,
)
from evaluation.figures.marks import Circle, Drawing, Line, Rect
from evaluation.figures.tiles import layout
from evaluation.geography import areas
from evaluation.periods import Calendar
from evaluation.report.charts import map_of, timeline_of
from evaluation.results import Result
from evaluation.study import Geography

MONTHS = Calendar(frequency="month")
PHONE = 340  # units of a narrow drawing, one CSS pixel each at 375 px

Pages = dict[str, Element]


def _marks(drawing: Drawing, kind: type[Rect | Circle | Line], fill: str = "") -> list[object]:
    return [
        mark
        for layer in drawing.layers
        for mark in layer.marks
        if isinstance(mark, kind) and (not fill or layer.paint.fill == fill)
    ]


# ---------------------------------------------------------------------------- the map


@pytest.mark.parametrize(
    ("month", "count"), [("2022-07", 42), ("2025-04", 42), ("2026-04", 36), ("2027-01", 36)]
)
def test_there_is_a_tile_for_every_area_of_a_date_and_none_twice(month: str, count: int) -> None:
    tiles = layout(month)
    assert len(tiles) == count
    assert len(set(tiles.values())) == count
    held = "2026-04" if month > "2026" else month
    assert set(tiles) == {area.ods for area in areas(held)}


def test_without_a_layout_for_a_date_there_is_none() -> None:
    assert layout("2020-01") == {}
    assert layout("stable") == {}
    assert layout("") == {}


def test_neighbours_lie_near_each_other() -> None:
    near = [("QF7", "QWO"), ("QT1", "QJ2"), ("QYG", "QOP"), ("QT6", "QJK"), ("QKK", "QKS")]
    tiles = layout("2025-04")
    for one, other in near:
        steps = [abs(a - b) for a, b in zip(tiles[one], tiles[other], strict=True)]
        assert max(steps) == 1, (one, other)
    assert tiles["QHM"][1] == min(row for _, row in tiles.values())  # the north at the top
    assert tiles["QT6"][0] == min(column for column, _ in tiles.values())  # Cornwall to the left


def test_the_layouts_say_from_when_to_when_they_hold() -> None:
    text = files("evaluation.figures").joinpath("tiles.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    spans = {(tile["first"], tile["last"]) for tile in csv.DictReader(lines)}
    assert spans == {("2022-07", "2026-03"), ("2026-04", "")}


def _brief(comparison: tuple[str, ...], boundaries: str = "2025-04") -> MapBrief:
    sites = (("South Yorkshire", ("QF7",)), ("Nottingham with Derby", ("QT1", "QJ2")))
    return MapBrief(
        sites=sites,
        comparison=comparison,
        names={"QF7": "South Yorkshire"},
        boundaries=boundaries,
        outlines="April 2025",
    )


def test_pilot_comparison_and_absent_areas_differ_by_more_than_colour() -> None:
    figure = map_figure(_brief(("QE1", "QWO")))
    assert figure is not None
    assert figure.title == "2 pilot sites of 3 areas beside 2 areas without the pilot"
    paints = {
        (layer.paint.fill, layer.paint.dash): len(layer.marks)
        for layer in figure.wide.layers
        if layer.marks and isinstance(layer.marks[0], Rect) and len(layer.marks) > 1
    }
    assert sorted(paints.values()) == [2, 3, 37]
    assert figure.legend == (("A", "South Yorkshire"), ("B", "Nottingham with Derby"))
    words = {
        mark.text for layer in figure.wide.layers for mark in layer.marks if hasattr(mark, "text")
    }
    assert {"A", "B", "Pilot site", "Comparison", "Not in the data"} <= words
    assert "37 areas are not in the data" in " ".join(figure.notes)
    assert figure.table.rows[0] == ("South Yorkshire (QF7)", "Pilot: South Yorkshire")
    assert figure.narrow.width == PHONE


def test_units_without_a_layout_are_a_dot_each() -> None:
    figure = map_figure(_brief(tuple(f"home {i}" for i in range(50)), ""))
    assert figure is not None
    assert len(_marks(figure.wide, Circle)) == len(_marks(figure.narrow, Circle)) == 53
    assert figure.legend == ()
    right = max(c.cx + c.r for c in _marks(figure.narrow, Circle) if isinstance(c, Circle))
    assert right <= PHONE


def test_nobody_to_compare_with_or_too_many_is_no_map() -> None:
    assert map_figure(_brief(())) is None
    assert map_figure(_brief(tuple(f"home {i}" for i in range(5000)), "")) is None


def test_the_map_of_a_run_has_the_units_that_were_analysed(released: Released) -> None:
    figure = map_of(released)
    assert figure is not None
    parts = [part for _, part in figure.table.rows]
    assert parts.count("Comparison") == 33
    assert len(parts) == 42
    assert any(area == "South Yorkshire (QF7)" for area, _ in figure.table.rows)


def test_a_study_without_a_register_has_dots(example_result: Result) -> None:
    study = example_result.study.model_copy(update={"geography": Geography()})
    figure = map_of(release(dataclasses.replace(example_result, study=study)))
    assert figure is not None
    assert len(_marks(figure.wide, Circle)) == 42


# ---------------------------------------------------------------------------- the timeline


def _timeline(*starts: tuple[str, str]) -> TimelineBrief:
    return TimelineBrief(
        starts=tuple((name, MONTHS.parse(start)) for name, start in starts),
        first=MONTHS.parse("2024-01"),
        last=MONTHS.parse("2026-09"),
        calendar=MONTHS,
        period=("month", "months"),
    )


def test_each_site_has_a_line_that_is_thick_from_its_start() -> None:
    figure = timeline_figure(_timeline(("B", "2026-03"), ("A", "2026-01"), ("C", "2026-01")))
    assert figure is not None
    assert figure.title == "2 sites started in January 2026, the last in March 2026"
    assert figure.table.rows == (
        ("A", "January 2026", "9 months"),
        ("C", "January 2026", "9 months"),
        ("B", "March 2026", "7 months"),
    )
    thick = [
        mark
        for layer in figure.wide.layers
        for mark in layer.marks
        if isinstance(mark, Line) and layer.paint.width > 5
    ]
    assert len(thick) == 3
    assert thick[0].x1 == thick[1].x1 < thick[2].x1
    assert len({line.x2 for line in thick}) == 1


@pytest.mark.parametrize(
    ("starts", "title"),
    [
        ((("A", "2026-01"),), "The pilot site started in January 2026"),
        ((("A", "2026-01"), ("B", "2026-01")), "Both pilot sites started in January 2026"),
    ],
)
def test_the_story_of_starts(starts: tuple[tuple[str, str], ...], title: str) -> None:
    figure = timeline_figure(_timeline(*starts))
    assert figure is not None
    assert figure.title == title


def test_many_sites_are_told_by_start_and_the_table_has_each() -> None:
    starts = [(f"home {i:03d}", f"2026-0{1 + i % 3}") for i in range(90)]
    figure = timeline_figure(_timeline(*starts))
    assert figure is not None
    assert "Chart of 3 lines" in figure.description
    assert len(figure.table.rows) == 90
    assert timeline_figure(_timeline()) is None


def test_the_timeline_of_a_run_has_every_site(released: Released) -> None:
    figure = timeline_of(released)
    assert figure is not None
    assert len(figure.table.rows) == 6


# ---------------------------------------------------------------------------- hidden counts


def _row(low: float, high: float) -> ForestRow:
    return ForestRow(label="x", value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ([(-5, -1), (-6, -2)], "leaves out \N{LEFT DOUBLE QUOTATION MARK}no change"),
        ([(-5, 1), (-6, 0)], "every likely range takes in"),
        ([(-5, -1), (-6, 0)], "could turn the answer"),
        ([(-5, -1), (1, 6)], "could turn the answer"),
    ],
)
def test_the_story_of_hidden_counts_is_whether_the_ranges_agree(
    ends: list[tuple[float, float]], words: str
) -> None:
    figure = sensitivity_figure(
        SensitivityBrief(key="x", subject="Falls", rows=tuple(_row(*e) for e in ends), level=0.95)
    )
    assert figure is not None
    assert words in figure.title


def test_without_an_end_there_is_nothing_to_draw() -> None:
    brief = SensitivityBrief(key="x", subject="Falls", rows=(_row(-5, -1),), level=0.95)
    assert sensitivity_figure(brief) is None


# ---------------------------------------------------------------------------- on the page


def _by_id(page: Element, key: str) -> str:
    found = next(e for e in page.iter() if e.attrib.get("id") == key)
    return " ".join("".join(found.itertext()).split())


def test_the_overall_page_has_them_with_cost_conditions_and_effects_apart(
    rich_pages: Pages,
) -> None:
    page = rich_pages["overall.html"]
    figures = {f.attrib["id"] for f in page.iter("figure")}
    assert {"map", "timeline", "sensitivity-avoidable-admissions"} <= figures
    assert "\N{POUND SIGN}461,000 in all" in _by_id(page, "cost")
    assert "about \N{POUND SIGN}76,800 for each of the six pilot sites" in _by_id(page, "cost")
    conditions = _by_id(page, "annex-conditions")
    for asked in ("act before the start", "reach the comparison", "anything else happen"):
        assert asked in conditions
    assert "between \N{MINUS SIGN}14.0% and \N{MINUS SIGN}11.0%" in _by_id(page, "doubts")
    outcome = _by_id(page, "outcome-avoidable-admissions")
    assert "by when sites started" in outcome
    assert "by month" in outcome


def test_what_a_study_does_not_have_is_left_out(pages: Pages) -> None:
    page = pages["overall.html"]
    ids = {e.attrib["id"] for e in page.iter() if "id" in e.attrib}
    assert "cost" not in ids
    assert not any(key.startswith("sensitivity-") for key in ids)
    assert "Hidden or rounded counts" not in _by_id(page, "doubts")
