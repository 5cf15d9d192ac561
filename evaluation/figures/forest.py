"""The forest chart: the same effect by each method, one row a method, in per cent."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.figures.marks import (
    Circle,
    Drawing,
    Figure,
    FigureTable,
    Layer,
    Line,
    Mark,
    Paint,
    Words,
    tenth,
)
from evaluation.figures.palette import BLUE, INK, QUIET, WHITE
from evaluation.figures.scales import (
    FONT,
    Frame,
    Scale,
    base_line,
    label_layer,
    round_ticks,
    tick_words,
)
from evaluation.figures.text import text_width, wrap
from evaluation.wording import number

__all__ = ["ForestBrief", "ForestRow", "forest_figure"]

_LINE = 18.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One method's effect, per cent of what would have been expected; None where there is none."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    is_primary: bool = False

    @property
    def words(self) -> str:
        """The figures as the row's right-hand column has them."""
        if self.value is None:
            return "no estimate"
        if self.low is None or self.high is None:
            return f"{number(self.value)}% (no interval)"
        return f"{number(self.value)}% ({number(self.low)}% to {number(self.high)}%)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestBrief:
    """What a forest chart is drawn from; ``smallest`` is the smallest effect of interest."""

    key: str
    subject: str
    rows: tuple[ForestRow, ...]
    level: float
    smallest: float | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """Every figure that the scale must reach, 0 among them."""
        found = [v for r in self.rows for v in (r.value, r.low, r.high) if v is not None]
        return (0.0, *found, *(() if self.smallest is None else (self.smallest,)))


def forest_figure(brief: ForestBrief) -> Figure | None:
    """Lay out a forest chart; None when no method gave an estimate."""
    if all(row.value is None for row in brief.rows):
        return None
    return Figure(
        key=f"forest-{brief.key}",
        title=_story(brief),
        subtitle=(
            f"Change in {brief.subject[:1].lower()}{brief.subject[1:]}, per cent of what would "
            f"have been expected, with {100 * brief.level:g}% intervals"
        ),
        description=(
            f"Chart of {len(brief.rows)} rows, one a method, each a dot with an interval bar round "
            f"a line at zero. {_story(brief)}. The table that follows has every value."
        ),
        wide=_wide(brief),
        narrow=_narrow(brief),
        table=FigureTable(
            caption="Change in per cent, by method",
            headings=("Method", "Estimate", "From", "To"),
            rows=tuple(_cells(row) for row in brief.rows),
        ),
        notes=_notes(brief),
    )


def _story(brief: ForestBrief) -> str:
    known = [row for row in brief.rows if row.value is not None]
    below = sum(row.value < 0 for row in known if row.value is not None)
    zero = sum(
        row.low <= 0 <= row.high for row in known if row.low is not None and row.high is not None
    )
    methods = "1 estimate" if len(known) == 1 else f"{len(known)} estimates"
    fall = "points to a fall" if below == 1 else "point to a fall"
    rise_count = len(known) - below
    rise = "points to a rise" if rise_count == 1 else "point to a rise"
    ways = " and ".join(
        f"{count} {text}" for count, text in ((below, fall), (rise_count, rise)) if count
    )
    none = "\N{LEFT DOUBLE QUOTATION MARK}no change\N{RIGHT DOUBLE QUOTATION MARK}"
    have = "has" if zero == 1 else "have"
    return f"Of {methods}, {ways}; {zero} {have} {none} within the likely range"


def _notes(brief: ForestBrief) -> tuple[str, ...]:
    notes = ["The filled dot in bold is the method that was chosen for the answer."]
    if brief.smallest is not None:
        notes.append(
            f"The dashed line is the smallest change that would matter, {number(brief.smallest)}%."
        )
    return tuple(notes)


def _cells(row: ForestRow) -> tuple[str, ...]:
    figures = (row.value, row.low, row.high)
    return (row.label, *("not available" if v is None else f"{number(v)}%" for v in figures))


# ---------------------------------------------------------------------------- the picture


def _wide(brief: ForestBrief) -> Drawing:
    label_width = 232.0
    labels = [wrap(row.label, FONT, label_width, bold=row.is_primary) for row in brief.rows]
    heights = [max(40.0, len(lines) * _LINE + 16) for lines in labels]
    top = 14.0
    bottom = top + sum(heights)
    frame = Frame(width=720, height=bottom + 34, left=250, right=530, top=top, bottom=bottom)
    across, axis = _axis(brief, frame, 6)
    layers = list(axis)
    y = top
    for row, lines, height in zip(brief.rows, labels, heights, strict=True):
        middle = y + height / 2
        first = middle + 0.35 * FONT - (len(lines) - 1) * _LINE / 2
        words = tuple(
            Words(x=0.0, y=tenth(first + i * _LINE), text=text) for i, text in enumerate(lines)
        )
        figures = Words(x=542.0, y=tenth(middle + 0.35 * FONT), text=row.words)
        layers += [label_layer((*words, figures), bold=row.is_primary), *_mark(row, across, middle)]
        y += height
    return Drawing(width=frame.width, height=tenth(frame.height), layers=tuple(layers))


def _narrow(brief: ForestBrief) -> Drawing:
    labels = [wrap(row.label, FONT, 336, bold=row.is_primary) for row in brief.rows]
    heights = [(len(lines) + 1) * _LINE + 34 for lines in labels]
    bottom = 8.0 + sum(heights)
    frame = Frame(width=340, height=bottom + 34, left=10, right=330, top=8, bottom=bottom)
    across, axis = _axis(brief, frame, 5)
    layers = list(axis)
    y = frame.top
    for row, lines, height in zip(brief.rows, labels, heights, strict=True):
        texts = (*lines, row.words)
        words = tuple(
            Words(x=2.0, y=tenth(y + 16 + i * _LINE), text=text) for i, text in enumerate(texts)
        )
        backs = Layer(paint=Paint(stroke=WHITE, width=_LINE), marks=_behind(words, row))
        middle = y + len(texts) * _LINE + 14
        layers += [backs, label_layer(words, bold=row.is_primary), *_mark(row, across, middle)]
        y += height
    return Drawing(width=frame.width, height=tenth(frame.height), layers=tuple(layers))


def _behind(words: tuple[Words, ...], row: ForestRow) -> tuple[Mark, ...]:
    """Return white ground behind words that the zero line would otherwise strike through."""
    return tuple(
        Line(
            x1=0.0,
            y1=tenth(word.y - 5),
            x2=tenth(text_width(word.text, FONT, bold=row.is_primary) + 6),
            y2=tenth(word.y - 5),
        )
        for word in words
    )


def _axis(brief: ForestBrief, frame: Frame, most: int) -> tuple[Scale, tuple[Layer, ...]]:
    ticks = round_ticks(brief.values, most)
    across = frame.across(ticks[0], ticks[-1])
    places = [
        (across.at(tick), f"{text}%") for tick, text in zip(ticks, tick_words(ticks), strict=True)
    ]
    zero = Line(x1=across.at(0), y1=frame.top, x2=across.at(0), y2=frame.bottom)
    layers = [*base_line(frame, places), Layer(paint=Paint(stroke=INK, width=1.5), marks=(zero,))]
    if brief.smallest is not None:
        x = across.at(brief.smallest)
        line = Line(x1=x, y1=frame.top, x2=x, y2=frame.bottom)
        layers.append(Layer(paint=Paint(stroke=QUIET, width=1.5, dash="5 4"), marks=(line,)))
    return across, tuple(layers)


def _mark(row: ForestRow, across: Scale, y: float) -> tuple[Layer, ...]:
    if row.value is None:
        return ()
    layers: list[Layer] = []
    width = 3.5 if row.is_primary else 2.0
    if row.low is not None and row.high is not None:
        bar = Line(x1=across.at(row.low), y1=tenth(y), x2=across.at(row.high), y2=tenth(y))
        layers.append(Layer(paint=Paint(stroke=BLUE, width=width), marks=(bar,)))
    dot = Circle(cx=across.at(row.value), cy=tenth(y), r=6.5 if row.is_primary else 5.0)
    fill = BLUE if row.is_primary else WHITE
    layers.append(Layer(paint=Paint(fill=fill, stroke=BLUE, width=2), marks=(dot,)))
    return tuple(layers)
