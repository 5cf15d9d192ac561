"""Where every mark of a chart goes, and that nothing hidden is drawn."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from evaluation.disclosure import Trend
from evaluation.figures import (
    Drawing,
    EventStudyBrief,
    Figure,
    ForestBrief,
    ForestRow,
    TrendBrief,
    cell,
    event_study_figure,
    forest_figure,
    poster,
    trend_figure,
)
from evaluation.figures.marks import Circle, Line, Path, Rect, Words, broken_path, tenth
from evaluation.figures.scales import Scale, column_words, period_ticks, round_ticks, tick_words
from evaluation.figures.text import spread, text_width, wrap
from evaluation.findings import Effect, Estimate, Interval
from evaluation.periods import Calendar
from evaluation.study import Event

MONTHS = Calendar(frequency="month")
FIRST = MONTHS.parse("2024-01")
MINUS = "\N{MINUS SIGN}"


def _trend(values: list[float | None], *, group: str, hidden: tuple[int, ...] = ()) -> Trend:
    periods = tuple(range(FIRST, FIRST + len(values)))
    return Trend(
        outcome="falls",
        group=group,
        periods=periods,
        values=tuple(values),
        suppressed=tuple(i in hidden for i in range(len(values))),
    )


def _brief(
    ours: Trend, theirs: Trend, *, starts: tuple[int, ...] = (FIRST + 6,), factor: float = 1.0
) -> TrendBrief:
    return TrendBrief(
        key="falls",
        subject="Falls",
        pilot=ours,
        comparison=theirs,
        names=("Pilot sites", "Comparison sites"),
        calendar=MONTHS,
        by="month",
        starts=starts,
        events=(Event(at=FIRST + 2, label="A winter"), Event(at=FIRST + 99, label="Later")),
        unit="per 1,000",
        factor=factor,
    )


def _drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def _marks(drawing: Drawing, kind: type[Circle | Line | Path | Rect | Words]) -> list[object]:
    return [mark for layer in drawing.layers for mark in layer.marks if isinstance(mark, kind)]


def _words(drawing: Drawing) -> list[str]:
    return [mark.text for mark in _marks(drawing, Words) if isinstance(mark, Words)]


# ---------------------------------------------------------------------------- parts


def test_a_scale_maps_its_ends_to_its_ends_and_keeps_the_rest_between() -> None:
    scale = Scale(low=-2, high=6, start=300, end=44)
    assert (scale.at(-2), scale.at(6), scale.at(2)) == (300, 44, 172)
    assert scale.at(99) == 44


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.0, 10.0), (0, 2, 4, 6, 8, 10)),
        ((-0.031, 0.018), (-0.04, -0.03, -0.02, -0.01, 0, 0.01, 0.02)),
        ((5.0,), (4.4, 4.6, 4.8, 5, 5.2, 5.4, 5.6)),
        ((), (-0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6)),
        ((math.inf, 1.0, 3.0), (1, 1.5, 2, 2.5, 3)),
    ],
)
def test_ticks_are_round_and_reach_round_the_values(
    values: tuple[float, ...], ticks: tuple[float, ...]
) -> None:
    assert round_ticks(values, 6) == pytest.approx(ticks)


def test_ticks_are_written_with_the_same_decimals_and_a_true_minus() -> None:
    assert tick_words((-2.5, 0.0, 2.5)) == (f"{MINUS}2.5", "0.0", "2.5")
    assert tick_words((0.0, 1000.0)) == ("0", "1,000")


def test_period_ticks_stand_on_januaries() -> None:
    ticks = period_ticks(MONTHS, FIRST, FIRST + 40, 4)
    assert [MONTHS.code(tick) for tick in ticks] == ["2024-01", "2025-01", "2026-01", "2027-01"]


def test_even_one_period_is_labelled() -> None:
    assert period_ticks(MONTHS, FIRST, FIRST, 8) == (FIRST,)


def test_a_column_of_figures_keeps_one_number_of_decimals() -> None:
    assert column_words((14.0, 9.96, None), "not reported") == ("14.0", "10.0", "not reported")
    assert column_words((0.5, -0.004), "") == ("0.500", f"{MINUS}0.004")
    assert column_words((0.0, None), "x") == ("0", "x")


def test_no_coordinate_is_a_negative_zero() -> None:
    assert str(tenth(-0.04)) == "0.0"


def test_a_path_lifts_its_pen_at_a_gap() -> None:
    assert broken_path([(0, 1), (2, 3.04), None, (4, 5)]) == "M0 1L2 3M4 5"


def test_labels_are_moved_apart_and_stay_within_their_room() -> None:
    assert spread([100, 100], 20, 0, 300) == (90, 110)
    assert spread([295, 296], 20, 0, 300) == (280, 300)
    assert spread([10, 200], 20, 0, 300) == (10, 200)


def test_words_are_wrapped_by_their_width() -> None:
    lines = wrap("Two-way fixed effects, CR2 by site", 14, 120)
    assert len(lines) == 3
    assert all(text_width(line, 14) <= 120 for line in lines)
    assert " ".join(lines) == "Two-way fixed effects, CR2 by site"


# ---------------------------------------------------------------------------- trend


def test_a_trend_has_two_lines_and_its_start_between_two_periods() -> None:
    values: list[float | None] = [*[10.0] * 6, *[5.0] * 6]
    figure = _drawn(
        trend_figure(_brief(_trend(values, group="pilot"), _trend([9.0] * 12, group="comparison")))
    )
    for drawing in (figure.wide, figure.narrow):
        assert len(_marks(drawing, Path)) == 2
    assert figure.title == "Pilot sites went from 10 to 5; comparison sites from 9 to 9"
    assert len(figure.table.rows) == 12
    assert figure.table.rows[0] == ("January 2024", "10.0", "9.0")
    assert "Start, Jul 2024" in _words(figure.wide)


def test_a_hidden_point_is_neither_drawn_nor_written_and_is_said_to_be_hidden() -> None:
    ours = _trend([10.0, None, 12.0, None], group="pilot", hidden=(1,))
    figure = _drawn(trend_figure(_brief(ours, _trend([9.0] * 4, group="comparison"), starts=())))
    assert [row[1] for row in figure.table.rows] == ["10.0", "[c]", "12.0", "not reported"]
    assert any("1 point is hidden" in note for note in figure.notes)
    assert any("1 point is missing" in note for note in figure.notes)
    # Both known points stand alone: a dot each, and no line over the gap.
    paths = [p.d for p in _marks(figure.wide, Path) if isinstance(p, Path)]
    assert any(d.count("M") == 2 and "L" not in d for d in paths)


def test_staggered_starts_are_a_band_with_a_tick_for_each() -> None:
    starts = (FIRST + 4, FIRST + 6, FIRST + 8)
    both = _trend([1.0] * 12, group="pilot"), _trend([2.0] * 12, group="comparison")
    figure = _drawn(trend_figure(_brief(*both, starts=starts)))
    bands = _marks(figure.wide, Rect)
    assert len(bands) == 1
    assert "shaded band" in figure.description
    one = _drawn(trend_figure(_brief(*both)))
    assert not _marks(one.wide, Rect)


def test_only_events_within_the_periods_are_marked() -> None:
    both = _trend([1.0] * 12, group="pilot"), _trend([2.0] * 12, group="comparison")
    figure = _drawn(trend_figure(_brief(*both)))
    assert figure.legend == (("A", "A winter (March 2024)"),)
    assert "A" in _words(figure.narrow)


def test_a_share_is_drawn_in_per_cent() -> None:
    both = _trend([0.5] * 12, group="pilot"), _trend([0.4] * 12, group="comparison")
    figure = _drawn(trend_figure(_brief(*both, factor=100.0)))
    assert figure.table.rows[0][1:] == ("50.0", "40.0")


def test_nothing_to_draw_is_no_figure() -> None:
    empty = _trend([None] * 3, group="pilot"), _trend([None] * 3, group="comparison")
    assert trend_figure(_brief(*empty)) is None


def test_one_period_can_be_drawn() -> None:
    assert trend_figure(_brief(_trend([1.0], group="pilot"), _trend([1.0], group="comparison")))


# ---------------------------------------------------------------------------- event study


def _lead(time: int, value: float, half: float | None, *, scale: str = "level") -> Estimate:
    interval = Interval(
        procedure="cr2",
        level=0.95,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
    )
    return Estimate(
        outcome="falls",
        estimator="event_study",
        effect=Effect(
            estimand="event_time",
            group=str(time),
            value=value,
            scale="log" if scale == "log" else "level",
        ),
        interval=interval,
        n_obs=10,
        n_units=5,
        n_sites=5,
        n_pilot_sites=2,
    )


def _event_brief(*estimates: Estimate) -> EventStudyBrief:
    return EventStudyBrief(
        key="falls",
        subject="Falls",
        estimates=estimates,
        period=("month", "months"),
        unit="per 1,000",
    )


def test_an_event_study_is_hollow_before_the_start_and_shows_its_reference() -> None:
    brief = _event_brief(_lead(-3, 0.1, 1), _lead(-2, 2, 1), _lead(0, -2, 1), _lead(1, -3, 1))
    figure = _drawn(event_study_figure(brief))
    fills = [
        layer.paint.fill
        for layer in figure.wide.layers
        for mark in layer.marks
        if isinstance(mark, Circle)
    ]
    assert fills == ["#FFFFFF", "#FFFFFF", "#12436D", "#12436D"]
    assert len(_marks(figure.wide, Rect)) == 1
    assert "1 of the 2 months before the start and in none of the 2 months after it" in figure.title


def test_the_title_says_where_months_have_no_likely_range() -> None:
    bare = _lead(1, -3, None)
    points = (_lead(-2, 2, 1), _lead(0, 0.5, 1), bare)
    title = _drawn(event_study_figure(_event_brief(*points))).title
    assert "not the one month before the start and in the one month after it that has one" in title
    points = (_lead(0, 0.5, 1), bare, _lead(2, 0.5, 1))
    title = _drawn(event_study_figure(_event_brief(*points))).title
    assert "in all 2 months after it that have one" in title


def test_without_a_reference_the_period_before_the_start_is_an_estimate_like_the_others() -> None:
    points = (_lead(-2, 0.1, 1), _lead(-1, 0.7, 1), _lead(0, -2, 1))
    held = "From the start on each is held to the last period before it."
    brief = dataclasses.replace(_event_brief(*points), reference=None, held_to=held)
    figure = _drawn(event_study_figure(brief))
    assert not _marks(figure.wide, Rect)
    assert len(_marks(figure.wide, Circle)) == 3
    assert [row[0] for row in figure.table.rows] == [f"{MINUS}2", f"{MINUS}1", "0"]
    assert "square" not in figure.notes[0]
    assert figure.notes[0].endswith(held)
    # Effects from the start on alone leave no room for a reference, nor talk of hollow dots.
    after = dataclasses.replace(brief, estimates=points[2:])
    assert after.span == (0, 0)
    assert "Hollow" not in _drawn(event_study_figure(after)).notes[0]


def test_leads_that_were_chosen_small_are_not_called_a_test() -> None:
    brief = _event_brief(_lead(-2, 0.1, 1), _lead(0, -2, 1))
    figure = _drawn(event_study_figure(dataclasses.replace(brief, tests_trends=False)))
    assert "should lie around zero" not in figure.notes[0]


def test_an_estimate_without_an_interval_is_a_dot_without_a_bar() -> None:
    figure = _drawn(event_study_figure(_event_brief(_lead(-2, 0.5, None), _lead(0, 1.0, 0.5))))
    assert figure.table.rows[0] == (f"{MINUS}2", "0.50", "no range", "no range")
    assert figure.table.rows[1] == ("0", "1.00", "0.50", "1.50")


def test_log_effects_are_drawn_in_per_cent() -> None:
    figure = _drawn(event_study_figure(_event_brief(_lead(0, math.log(0.5), None, scale="log"))))
    assert figure.table.rows[0][1] == f"{MINUS}50.0"
    assert "per cent" in figure.subtitle


def test_effects_that_are_not_identified_are_left_out() -> None:
    assert event_study_figure(_event_brief(_lead(-2, math.nan, None))) is None


# ---------------------------------------------------------------------------- forest, poster


def _forest(*rows: ForestRow, smallest: float | None = None) -> Figure:
    brief = ForestBrief(key="falls", subject="Falls", rows=rows, level=0.95, smallest=smallest)
    return _drawn(forest_figure(brief))


def test_a_forest_counts_directions_and_ranges() -> None:
    first = ForestRow(label="A", value=-5.0, low=-9.0, high=-1.0, is_primary=True)
    second = ForestRow(label="B", value=2.0, low=-1.0, high=5.0)
    figure = _forest(first, second, smallest=-3.0)
    assert figure.title.startswith("1 of 2 estimates points to a fall, 1 to a rise; 1 of 2 likely")
    assert figure.table.rows[0] == ("A", f"{MINUS}5.0%", f"{MINUS}9.0%", f"{MINUS}1.0%")
    assert any("dashed line" in note for note in figure.notes)


def test_a_forest_row_without_an_interval_or_estimate_says_so() -> None:
    figure = _forest(
        ForestRow(label="A", value=-5.0, low=None, high=None, is_primary=True),
        ForestRow(label="B", value=None, low=None, high=None),
    )
    assert any("(no range)" in text for text in _words(figure.wide))
    assert "no estimate" in _words(figure.wide)
    assert figure.title == "The one estimate points to a fall; none has a likely range"


def test_every_word_of_a_forest_lies_within_the_drawing() -> None:
    long = ForestRow(
        label="A method with a name that is longer than any that we have",
        value=-12.0,
        low=-116.4,
        high=-107.3,
        is_primary=True,
    )
    figure = _forest(long, ForestRow(label="B", value=1.0, low=-1.0, high=2.0))
    for drawing in (figure.wide, figure.narrow):
        for layer in drawing.layers:
            for mark in layer.marks:
                if isinstance(mark, Words) and layer.paint.anchor == "start":
                    width = text_width(mark.text, layer.paint.size, bold=layer.paint.bold)
                    assert mark.x + width <= drawing.width + 1


def test_a_poster_carries_title_and_notice() -> None:
    both = _trend([1.0] * 12, group="pilot"), _trend([2.0] * 12, group="comparison")
    figure = _drawn(trend_figure(_brief(*both)))
    drawing = poster(figure, notice="These data are synthetic.")
    said = " ".join(_words(drawing))
    assert "These data are synthetic." in said
    assert figure.title.split(";")[0] in said
    assert "A: A winter" in said
    assert drawing.top < 0 < drawing.height


def test_per_cent_cells_never_show_a_signed_zero() -> None:
    assert cell(-0.04) == "0.0%"
    assert re.fullmatch(r"1,234\.6%", cell(1234.56))
