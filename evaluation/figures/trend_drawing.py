"""The picture of a trend chart: lines, starts, events, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.disclosure import Trend
from evaluation.figures.marks import (
    Circle,
    Drawing,
    Layer,
    Line,
    Paint,
    Path,
    Rect,
    Words,
    broken_path,
    tenth,
)
from evaluation.figures.palette import BLUE, INK, ORANGE, QUIET, SHADE, WHITE
from evaluation.figures.scales import (
    FONT,
    Frame,
    Scale,
    base_line,
    fitted,
    label_layer,
    period_ticks,
    round_ticks,
    value_axis,
)
from evaluation.figures.text import spread, text_width
from evaluation.periods import Calendar
from evaluation.study import Event

__all__ = ["LETTERS", "TrendBrief", "draw", "value_ticks"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Below this share of the largest value the axis is taken down to 0.
_NEAR_ZERO = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrendBrief:
    """What a trend chart is drawn from.

    Parameters
    ----------
    key, subject : str
        Stem of the figure's key; the outcome in words.
    pilot, comparison : Trend
        The two lines, over the same periods.
    names : (str, str)
        What the two lines are called in the picture: short.
    calendar : Calendar
        Names the periods.
    by : str
        One period in a word.
    starts : tuple of int
        First treated periods of the sites in ``pilot``, ascending.
    events : tuple of Event
        What else happened.
    unit : str
        The outcome's unit, such as ``per 1,000 residents``.
    factor : float
        From the outcome's units to those drawn: 100 for a share in per cent.
    """

    key: str
    subject: str
    pilot: Trend
    comparison: Trend
    names: tuple[str, str]
    calendar: Calendar
    by: str
    starts: tuple[int, ...]
    events: tuple[Event, ...]
    unit: str
    factor: float = 1.0

    @property
    def periods(self) -> tuple[int, ...]:
        """Every period of either line, ascending."""
        return tuple(sorted({*self.pilot.periods, *self.comparison.periods}))

    @property
    def lines(self) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
        """The values of the two lines in the drawn unit, parallel to :attr:`periods`."""
        drawn = []
        for trend in (self.pilot, self.comparison):
            known = dict(zip(trend.periods, trend.values, strict=True))
            values = (known.get(period) for period in self.periods)
            drawn.append(tuple(None if v is None else v * self.factor for v in values))
        return drawn[0], drawn[1]

    @property
    def shown_events(self) -> tuple[Event, ...]:
        """The events inside the periods drawn, in order of time."""
        inside = [e for e in self.events if self.periods[0] <= e.at <= self.periods[-1]]
        return tuple(sorted(inside, key=lambda event: (event.at, event.label)))


def value_ticks(brief: TrendBrief) -> tuple[float, ...]:
    """Return the ticks of the vertical axis, from 0 where the values come near it."""
    values = [value for line in brief.lines for value in line if value is not None]
    if 0 <= min(values) <= _NEAR_ZERO * max(values):
        values.append(0.0)
    return round_ticks(values, 6)


def draw(brief: TrendBrief, frame: Frame, most: int) -> Drawing:
    """Draw a trend within ``frame``, with at most ``most`` periods labelled."""
    ticks = value_ticks(brief)
    frame = fitted(frame, ticks)
    up = frame.up(ticks[0], ticks[-1])
    first, last = brief.periods[0], brief.periods[-1]
    # A chart of one period still needs a scale.
    across = frame.across(first, max(last, first + 1))
    named = period_ticks(brief.calendar, first, last, most)
    axis = [(across.at(p), brief.calendar.short_label(p)) for p in named]
    layers = (
        *_start_layers(brief, frame, across),
        *value_axis(frame, up, ticks),
        *base_line(frame, axis),
        *_event_layers(brief, frame, across),
        *_line_layers(brief, across, up),
        *_name_layers(brief, frame, up),
    )
    return Drawing(width=frame.width, height=frame.height, layers=layers)


def _start_layers(brief: TrendBrief, frame: Frame, across: Scale) -> tuple[Layer, ...]:
    """Return the start as a line, or staggered starts as a band with a tick for each."""
    starts = tuple(sorted({s for s in brief.starts if across.low <= s <= across.high}))
    if not starts:
        return ()
    # The start lies between the last period before and the first after.
    places = [across.at(start - 0.5) for start in starts]
    band = Rect(
        x=places[0],
        y=frame.top,
        width=tenth(places[-1] - places[0]),
        height=tenth(frame.bottom - frame.top),
    )
    ticks = tuple(
        Line(
            x1=x,
            y1=frame.top,
            x2=x,
            y2=tenth(frame.top + 8 if 0 < i < len(places) - 1 else frame.bottom),
        )
        for i, x in enumerate(places)
    )
    label = _start_label(brief, frame, starts)
    half = text_width(label, FONT, bold=True) / 2
    middle = min(max((places[0] + places[-1]) / 2, frame.left + half), frame.right - half)
    word = Words(x=tenth(middle), y=tenth(frame.top - 8), text=label)
    return (
        *((Layer(paint=Paint(fill=SHADE), marks=(band,)),) if len(places) > 1 else ()),
        Layer(paint=Paint(stroke=INK, width=1.5), marks=ticks),
        label_layer((word,), anchor="middle", bold=True),
    )


def _start_label(brief: TrendBrief, frame: Frame, starts: Sequence[int]) -> str:
    first, last = (brief.calendar.short_label(starts[i]) for i in (0, -1))
    long = f"Start, {first}" if first == last else f"Starts, {first} to {last}"
    short = "Start" if first == last else "Starts"
    fits = text_width(long, FONT, bold=True) <= (frame.right - frame.left) * 0.7
    return long if fits else short


def _event_layers(brief: TrendBrief, frame: Frame, across: Scale) -> tuple[Layer, ...]:
    """Return a dashed line for each event, with its letter in a badge on the base line."""
    events = brief.shown_events[: len(LETTERS)]
    if not events:
        return ()
    places = [across.at(event.at) for event in events]
    y = frame.bottom - 12
    badges = spread(places, 20, frame.left + 10, frame.right - 10)
    lines = tuple(Line(x1=x, y1=frame.top, x2=x, y2=frame.bottom) for x in places)
    dots = tuple(Circle(cx=tenth(x), cy=tenth(y), r=9) for x in badges)
    words = tuple(
        Words(x=tenth(x), y=tenth(y + 4.5), text=letter)
        for x, letter in zip(badges, LETTERS, strict=False)
    )
    return (
        Layer(paint=Paint(stroke=QUIET, width=1, dash="3 3"), marks=lines),
        Layer(paint=Paint(fill=WHITE, stroke=QUIET, width=1), marks=dots),
        Layer(paint=Paint(fill=INK, size=12, bold=True, anchor="middle"), marks=words),
    )


def _line_layers(brief: TrendBrief, across: Scale, up: Scale) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    ours, theirs = brief.lines
    for line, colour, width in ((theirs, ORANGE, 2.0), (ours, BLUE, 3.5)):
        points = [
            None if v is None else (across.at(p), up.at(v))
            for p, v in zip(brief.periods, line, strict=True)
        ]
        lonely = tuple(
            Circle(cx=point[0], cy=point[1], r=width)
            for before, point, after in zip(
                [None, *points], points, [*points[1:], None], strict=False
            )
            if point is not None and before is None and after is None
        )
        path = Path(d=broken_path(points))
        layers.append(Layer(paint=Paint(stroke=colour, width=width), marks=(path,)))
        if lonely:
            layers.append(Layer(paint=Paint(fill=colour), marks=lonely))
    return tuple(layers)


def _name_layers(brief: TrendBrief, frame: Frame, up: Scale) -> tuple[Layer, ...]:
    """Return the lines' names: at their ends where there is room, else above the plot."""
    colours = (BLUE, ORANGE)
    if frame.width - frame.right < 60:
        return _key_above(brief, frame)
    ends = [next((v for v in reversed(line) if v is not None), None) for line in brief.lines]
    wanted = [frame.top if end is None else up.at(end) for end in ends]
    places = spread(wanted, FONT + 6, frame.top, frame.bottom)
    x = frame.right
    leads = tuple(
        Layer(
            paint=Paint(stroke=colour, width=1),
            marks=(Line(x1=tenth(x + 3), y1=want, x2=tenth(x + 11), y2=tenth(y)),),
        )
        for colour, want, y in zip(colours, wanted, places, strict=True)
    )
    words = [
        Words(x=tenth(x + 15), y=tenth(y + 0.35 * FONT), text=name)
        for y, name in zip(places, brief.names, strict=True)
    ]
    return (
        *leads,
        label_layer((words[0],), bold=True, fill=BLUE),
        label_layer((words[1],)),
    )


def _key_above(brief: TrendBrief, frame: Frame) -> tuple[Layer, ...]:
    y = 16.0
    x = frame.left
    layers: list[Layer] = []
    for name, colour, width, bold in (
        (brief.names[0], BLUE, 3.5, True),
        (brief.names[1], ORANGE, 2.0, False),
    ):
        sample = Line(x1=tenth(x), y1=y, x2=tenth(x + 18), y2=y)
        word = Words(x=tenth(x + 24), y=tenth(y + 0.35 * FONT), text=name)
        layers.append(Layer(paint=Paint(stroke=colour, width=width), marks=(sample,)))
        layers.append(label_layer((word,), bold=bold, fill=BLUE if bold else INK))
        x += 24 + text_width(name, FONT, bold=bold) + 20
    return tuple(layers)
