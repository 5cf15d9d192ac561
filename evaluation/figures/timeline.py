"""The timeline of starts: for each pilot site, the time before its start and since."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.figures.marks import (
    Circle,
    Drawing,
    Figure,
    FigureTable,
    Layer,
    Line,
    Paint,
    Words,
    tenth,
)
from evaluation.figures.palette import BLUE, QUIET, WHITE
from evaluation.figures.scales import FONT, Frame, Scale, base_line, label_layer, period_ticks
from evaluation.figures.text import text_width, wrap
from evaluation.periods import Calendar

__all__ = ["TimelineBrief", "timeline_figure"]

_LINE = 19.0
_LABELS = 250.0
_MOST_ROWS = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBrief:
    """What a timeline is drawn from.

    Parameters
    ----------
    starts : tuple of (str, int)
        Each pilot site and its first treated period.
    first, last : int
        First and last period analysed.
    calendar : Calendar
        Names the periods.
    period : (str, str)
        One and several periods in words.
    """

    starts: tuple[tuple[str, int], ...]
    first: int
    last: int
    calendar: Calendar
    period: tuple[str, str]

    @property
    def rows(self) -> tuple[tuple[str, int], ...]:
        """What has a line of its own, by start: sites, or where they are many, each start."""
        ordered = sorted(self.starts, key=lambda item: (item[1], item[0]))
        if len(ordered) <= _MOST_ROWS:
            return tuple(ordered)
        together: dict[int, int] = {}
        for _, start in ordered:
            together[start] = together.get(start, 0) + 1
        return tuple((_sites(n), start) for start, n in together.items())

    def since(self, start: int) -> str:
        """Return how long a start is followed, in words."""
        periods = max(0, self.last - start + 1)
        return f"{periods} {self.period[periods != 1]}"


def _sites(count: int) -> str:
    return f"{count} {'site' if count == 1 else 'sites'}"


def timeline_figure(brief: TimelineBrief) -> Figure | None:
    """Lay out a timeline; None without a start, or when starts are too many for a line each."""
    if not brief.starts or len(brief.rows) > _MOST_ROWS:
        return None
    first, last = (brief.calendar.label(period) for period in (brief.first, brief.last))
    return Figure(
        key="timeline",
        title=_story(brief),
        subtitle=f"When each pilot site started, and how long it was followed, {first} to {last}",
        description=f"Chart of {len(brief.rows)} lines from {first} to {last}: thin before the "
        f"start, thick after it. {_story(brief)}. The table that follows has every start.",
        wide=_wide(brief),
        narrow=_narrow(brief),
        table=FigureTable(
            caption="When pilot sites started",
            headings=("Site", "Start", "Followed for"),
            rows=tuple(
                (name, brief.calendar.label(start), brief.since(start))
                for name, start in sorted(brief.starts, key=lambda item: (item[1], item[0]))
            ),
        ),
        notes=("Thin line: before the start. Thick line: since the start.",),
    )


def _story(brief: TimelineBrief) -> str:
    starts = sorted(start for _, start in brief.starts)
    label = brief.calendar.label
    if len(starts) == 1:
        return f"The pilot site started in {label(starts[0])}"
    if starts[0] == starts[-1]:
        every = "Both" if len(starts) == 2 else f"All {len(starts)}"
        return f"{every} pilot sites started in {label(starts[0])}"
    return (
        f"{_sites(starts.count(starts[0]))} started in {label(starts[0])}, "
        f"the last in {label(starts[-1])}"
    )


def _wide(brief: TimelineBrief) -> Drawing:
    words = [f"{brief.calendar.short_label(s)}, {brief.since(s)}" for _, s in brief.rows]
    right = 720 - max(text_width(text, FONT) for text in words) - 16
    labels = [wrap(name, FONT, _LABELS) for name, _ in brief.rows]
    heights = [max(32.0, len(lines) * _LINE + 12) for lines in labels]
    bottom = 8 + sum(heights)
    frame = Frame(
        width=720, height=bottom + 34, left=_LABELS + 20, right=tenth(right), top=8, bottom=bottom
    )
    across = frame.across(brief.first, max(brief.last, brief.first + 1))
    layers = list(_axis(brief, frame, across, 6))
    y = frame.top
    for (_, start), lines, text, height in zip(brief.rows, labels, words, heights, strict=True):
        middle = y + height / 2
        top = middle + 0.35 * FONT - (len(lines) - 1) * _LINE / 2
        names = tuple(Words(x=0.0, y=tenth(top + i * _LINE), text=t) for i, t in enumerate(lines))
        said = Words(x=tenth(frame.right + 12), y=tenth(middle + 0.35 * FONT), text=text)
        layers += [*_line(brief, across, start, middle), label_layer((*names, said))]
        y += height
    return Drawing(width=frame.width, height=tenth(frame.height), layers=tuple(layers))


def _narrow(brief: TimelineBrief) -> Drawing:
    labels = [
        wrap(f"{name}: {brief.calendar.short_label(start)}", FONT, 334)
        for name, start in brief.rows
    ]
    heights = [len(lines) * _LINE + 26 for lines in labels]
    bottom = 4 + sum(heights)
    frame = Frame(width=340, height=bottom + 34, left=8, right=332, top=4, bottom=bottom)
    across = frame.across(brief.first, max(brief.last, brief.first + 1))
    layers = list(_axis(brief, frame, across, 4))
    y = frame.top
    for (_, start), lines, height in zip(brief.rows, labels, heights, strict=True):
        names = tuple(
            Words(x=2.0, y=tenth(y + 16 + i * _LINE), text=t) for i, t in enumerate(lines)
        )
        middle = y + len(lines) * _LINE + 10
        layers += [label_layer(names), *_line(brief, across, start, middle)]
        y += height
    return Drawing(width=frame.width, height=tenth(frame.height), layers=tuple(layers))


def _axis(brief: TimelineBrief, frame: Frame, across: Scale, most: int) -> tuple[Layer, ...]:
    named = period_ticks(brief.calendar, brief.first, brief.last, most)
    return base_line(frame, [(across.at(p), brief.calendar.short_label(p)) for p in named])


def _line(brief: TimelineBrief, across: Scale, start: int, y: float) -> tuple[Layer, ...]:
    # As on the trend charts, a start lies between the period before it and its own.
    x = across.at(start - 0.5)
    before = Line(x1=across.at(brief.first), y1=tenth(y), x2=x, y2=tenth(y))
    since = Line(x1=x, y1=tenth(y), x2=across.at(brief.last), y2=tenth(y))
    dot = Circle(cx=x, cy=tenth(y), r=5.5)
    return (
        Layer(paint=Paint(stroke=QUIET, width=1.5), marks=(before,)),
        Layer(paint=Paint(stroke=BLUE, width=7), marks=(since,)),
        Layer(paint=Paint(fill=WHITE, stroke=BLUE, width=2.5), marks=(dot,)),
    )
