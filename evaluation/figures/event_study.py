"""The event-study chart: the difference in every period before and after the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.figures.marks import (
    Circle,
    Drawing,
    Figure,
    FigureTable,
    Layer,
    Line,
    Paint,
    Rect,
    Words,
    tenth,
)
from evaluation.figures.palette import BLUE, INK, QUIET, WHITE
from evaluation.figures.scales import (
    FONT,
    Frame,
    Scale,
    base_line,
    column_words,
    fitted,
    label_layer,
    minus,
    round_ticks,
    value_axis,
)
from evaluation.figures.text import text_width
from evaluation.findings import Estimate

__all__ = ["EventStudyBrief", "event_study_figure"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventStudyBrief:
    """What an event-study chart is drawn from.

    Parameters
    ----------
    key, subject : str
        Stem of the figure's key; the outcome in words.
    estimates : tuple of Estimate
        Event-time effects of one estimator and procedure.
    period : (str, str)
        One and several periods of the study in words: ``("month", "months")``.
    unit : str
        Unit of the effects when they are on the level scale.
    factor : float
        From the outcome's units to those drawn.
    reference : int or None
        The event time that is 0 by construction, and no estimate; None where there is none.
    held_to : str
        What each estimate is measured against, in a sentence, where there is no reference.
    tests_trends : bool
        Whether estimates before the start test that pilot and comparison sites moved alike.
    window : int or None
        So many periods before and after the start are apart; the outermost stand for all beyond.
    """

    key: str
    subject: str
    estimates: tuple[Estimate, ...]
    period: tuple[str, str]
    unit: str
    factor: float = 1.0
    reference: int | None = -1
    held_to: str = ""
    tests_trends: bool = True
    window: int | None = None

    @property
    def points(self) -> tuple[_Point, ...]:
        """What is drawn, in order of event time."""
        found = (_point(estimate, self.factor) for estimate in self.estimates)
        kept = [p for p in found if p is not None]
        return tuple(sorted(kept, key=lambda point: point.time))

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last event time on the axis."""
        times = [0, *(point.time for point in self.points)]
        if self.reference is not None:
            times.append(self.reference)
        return min(times), max(times)

    @property
    def drawn_unit(self) -> str:
        """Unit of the vertical axis."""
        logs = any(e.effect.scale == "log" for e in self.estimates)
        return "per cent" if logs else self.unit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    time: int
    value: float
    low: float | None
    high: float | None
    trace: tuple[str, ...]

    @property
    def covers_zero(self) -> bool:
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


def _point(estimate: Estimate, factor: float) -> _Point | None:
    effect, interval = estimate.effect, estimate.interval
    if not math.isfinite(effect.value):
        return None

    def drawn(value: float | None) -> float | None:
        if value is None or not math.isfinite(value):
            return None
        return 100 * math.expm1(value) if effect.scale == "log" else value * factor

    value = drawn(effect.value)
    if value is None:
        return None
    return _Point(
        time=int(effect.group),
        value=value,
        low=drawn(interval.low),
        high=drawn(interval.high),
        trace=(
            estimate.outcome,
            estimate.estimator,
            interval.procedure,
            effect.estimand,
            effect.group,
        ),
    )


def event_study_figure(brief: EventStudyBrief) -> Figure | None:
    """Lay out an event-study chart; None when no effect could be estimated."""
    if not brief.points:
        return None
    level = brief.estimates[0].interval.level
    return Figure(
        key=f"event-study-{brief.key}",
        title=_story(brief),
        subtitle=(
            f"Difference between pilot and comparison sites in {_lower(brief.subject)}, "
            f"{brief.drawn_unit}, by {brief.period[0]}s from the start, "
            f"with {100 * level:g}% intervals"
        ),
        description=_description(brief),
        wide=_draw(brief, Frame(width=720, height=340, left=56, right=708, top=34, bottom=276), 12),
        narrow=_draw(
            brief, Frame(width=340, height=300, left=44, right=334, top=34, bottom=236), 7
        ),
        table=_table(brief),
        notes=_notes(brief),
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _story(brief: EventStudyBrief) -> str:
    before = [point for point in brief.points if point.time < 0]
    after = [point for point in brief.points if point.time >= 0]
    told = (
        _told(half, brief.period, when)
        for half, when in ((before, "before the start"), (after, "after it"))
    )
    parts = [part for part in told if part]
    if not parts:
        return f"The difference in each {brief.period[0]}, without intervals"
    none = "\N{LEFT DOUBLE QUOTATION MARK}No difference\N{RIGHT DOUBLE QUOTATION MARK}"
    return f"{none} is within the likely range in {' and in '.join(parts)}"


def _told(points: list[_Point], period: tuple[str, str], when: str) -> str:
    """Return in how many periods zero is within the interval; empty where none has an interval."""
    bounded = [point for point in points if point.low is not None and point.high is not None]
    if not bounded:
        return ""
    have = "has" if len(bounded) == 1 else "have"
    some = "" if len(bounded) == len(points) else f" that {have} one"
    return f"{_share(bounded)} {period[len(bounded) != 1]} {when}{some}"


def _share(half: list[_Point]) -> str:
    """Return how many of some periods have zero within their interval: ``all 11``."""
    count = sum(point.covers_zero for point in half)
    if len(half) == 1:
        return "the one" if count else "not the one"
    if count == len(half):
        return f"all {count}"
    return f"{count or 'none'} of the {len(half)}"


def _description(brief: EventStudyBrief) -> str:
    first, last = brief.points[0].time, brief.points[-1].time
    return (
        f"Chart of one dot with an interval bar for each {brief.period[0]}, from "
        f"{minus(str(first))} to {minus(str(last))} {brief.period[1]} from the start. Hollow dots "
        f"are before the start, filled dots after it. {_story(brief)}. "
        "The table that follows has every value."
    )


def _notes(brief: EventStudyBrief) -> tuple[str, ...]:
    said = []
    if brief.tests_trends and any(point.time < 0 for point in brief.points):
        said.append(
            "Hollow dots before the start should lie around zero: pilot and comparison sites then "
            "moved alike."
        )
    said.append("Filled dots after it show the difference since.")
    if brief.reference is not None:
        said.append(f"The square is the {brief.period[0]} that all others are measured against.")
    elif brief.held_to:
        said.append(brief.held_to)
    notes = [" ".join(said)]
    beyond = [p.time for p in brief.points if brief.window and abs(p.time) == brief.window]
    if beyond:
        dots = " and ".join(_time(time) for time in beyond)
        stand = "dot at {0} stands" if len(beyond) == 1 else "dots at {0} stand"
        notes.append(f"The {stand.format(dots)} for all {brief.period[1]} beyond as well.")
    if any(point.low is None or point.high is None for point in brief.points):
        notes.append("A dot without a bar rests on too few sites for a likely range.")
    return tuple(notes)


def _table(brief: EventStudyBrief) -> FigureTable:
    points = brief.points
    columns = ([p.value for p in points], [p.low for p in points], [p.high for p in points])
    written = column_words([v for column in columns for v in column], "no range")
    n = len(points)
    rows = zip(
        (_time(point.time) for point in points),
        *(written[i * n : (i + 1) * n] for i in range(len(columns))),
        strict=True,
    )
    return FigureTable(
        caption=f"Difference in {_lower(brief.subject)}, {brief.drawn_unit}",
        headings=(f"{brief.period[1].capitalize()} from the start", "Estimate", "From", "To"),
        rows=tuple(rows),
        traces=tuple(point.trace for point in points),
        fields=("", "effect", "low_effect", "high_effect"),
    )


# ---------------------------------------------------------------------------- the picture


def _draw(brief: EventStudyBrief, frame: Frame, most: int) -> Drawing:
    points = brief.points
    values = [v for p in points for v in (p.value, p.low, p.high) if v is not None]
    ticks = round_ticks([*values, 0.0], 7)
    frame = fitted(frame, ticks)
    up = frame.up(ticks[0], ticks[-1])
    first, last = brief.span
    across = frame.across(first - 0.75, last + 0.75)
    layers = (
        *value_axis(frame, up, ticks),
        *base_line(frame, [(across.at(t), _time(t)) for t in _time_ticks(first, last, most)]),
        *_zero_and_start(brief, frame, across, up),
        *_bars(points, across, up),
        *_dots(brief, frame, across, up),
    )
    return Drawing(width=frame.width, height=frame.height, layers=layers)


def _time(time: int) -> str:
    return minus(f"{time:+d}") if time else "0"


def _time_ticks(first: int, last: int, most: int) -> tuple[int, ...]:
    steps = (1, 2, 3, 6, 12, 24, 60, 120)
    span = last - first
    step = next((s for s in steps if span / s <= most), span)
    return tuple(t for t in range(first, last + 1) if t % step == 0)


def _zero_and_start(
    brief: EventStudyBrief, frame: Frame, across: Scale, up: Scale
) -> tuple[Layer, ...]:
    zero = Line(x1=frame.left, y1=up.at(0), x2=frame.right, y2=up.at(0))
    x = across.at(-0.5)
    start = Line(x1=x, y1=tenth(frame.top - 6), x2=x, y2=frame.bottom)
    long = "After the start"
    after = long if text_width(long, FONT, bold=True) < frame.right - x - 8 else "After"
    axis = f"{brief.period[1].capitalize()} from the start"
    below = Words(x=tenth((frame.left + frame.right) / 2), y=tenth(frame.bottom + 46), text=axis)
    return (
        Layer(paint=Paint(stroke=INK, width=1.5), marks=(zero, start)),
        label_layer(
            (Words(x=tenth(x - 8), y=tenth(frame.top - 12), text="Before"),),
            anchor="end",
            bold=True,
        ),
        label_layer((Words(x=tenth(x + 8), y=tenth(frame.top - 12), text=after),), bold=True),
        label_layer((below,), anchor="middle", fill=QUIET),
    )


def _bars(points: Sequence[_Point], across: Scale, up: Scale) -> tuple[Layer, ...]:
    bars = tuple(
        Line(x1=across.at(p.time), y1=up.at(p.low), x2=across.at(p.time), y2=up.at(p.high))
        for p in points
        if p.low is not None and p.high is not None
    )
    return (Layer(paint=Paint(stroke=BLUE, width=2), marks=bars),) if bars else ()


def _dots(brief: EventStudyBrief, frame: Frame, across: Scale, up: Scale) -> tuple[Layer, ...]:
    room = (frame.right - frame.left) / (across.high - across.low)
    radius = tenth(min(5.0, max(2.0, 0.36 * room)))
    before = tuple(
        Circle(cx=across.at(p.time), cy=up.at(p.value), r=radius)
        for p in brief.points
        if p.time < 0
    )
    after = tuple(
        Circle(cx=across.at(p.time), cy=up.at(p.value), r=radius)
        for p in brief.points
        if p.time >= 0
    )
    hollow = Paint(fill=WHITE, stroke=BLUE, width=1.5)
    return (
        *((Layer(paint=hollow, marks=before),) if before else ()),
        *((Layer(paint=Paint(fill=BLUE), marks=after),) if after else ()),
        *_reference(brief.reference, radius, across, up),
    )


def _reference(time: int | None, radius: float, across: Scale, up: Scale) -> tuple[Layer, ...]:
    """Draw the event time that is 0 by construction as a square."""
    if time is None:
        return ()
    x, y = across.at(time), up.at(0)
    square = Rect(
        x=tenth(x - radius), y=tenth(y - radius), width=tenth(2 * radius), height=tenth(2 * radius)
    )
    return (Layer(paint=Paint(fill=WHITE, stroke=INK, width=1.5), marks=(square,)),)
