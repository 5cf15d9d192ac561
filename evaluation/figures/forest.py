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
    minus,
    round_ticks,
    tick_words,
)
from evaluation.figures.text import text_width, wrap
from evaluation.wording import number

__all__ = ["ForestBrief", "ForestRow", "cell", "forest_figure", "row_drawings"]

_LINE = 19.0
_WIDE = 720.0
_LABELS = 210.0


def cell(value: float) -> str:
    """Return per cent as a column of figures has it, always with one decimal: ``-12.0%``."""
    return minus(f"{round(value, 1) + 0.0:,.1f}%")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One method's effect, per cent of what would have been expected; None where there is none.

    ``trace`` names the estimate that the figures come from: outcome, estimator, procedure,
    estimand and group.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    is_primary: bool = False
    trace: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The figures as the row's right-hand column has them."""
        if self.value is None:
            return "no estimate"
        if self.low is None or self.high is None:
            return f"{cell(self.value)} (no range)"
        return f"{cell(self.value)} ({cell(self.low)} to {cell(self.high)})"

    @property
    def cells(self) -> tuple[str, ...]:
        """The label and the figures as cells of a table."""
        figures = (self.value, self.low, self.high)
        return (self.label, *("not available" if v is None else cell(v) for v in figures))


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
    wide, narrow = row_drawings(brief)
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
        wide=wide,
        narrow=narrow,
        table=FigureTable(
            caption="Change in per cent, by method",
            headings=("Method", "Estimate", "From", "To"),
            rows=tuple(row.cells for row in brief.rows),
            traces=tuple(row.trace for row in brief.rows),
            fields=("", "relative", "low", "high"),
        ),
        notes=_notes(brief),
    )


def _story(brief: ForestBrief) -> str:
    values = [row.value for row in brief.rows if row.value is not None]
    falls = sum(value < 0 for value in values)
    rises = len(values) - falls
    if falls and rises:
        ways = f"{falls} of {len(values)} estimates {_point(falls)} to a fall, {rises} to a rise"
    else:
        every = {1: "The one estimate", 2: "Both estimates"}
        name = every.get(len(values), f"All {len(values)} estimates")
        ways = f"{name} {_point(len(values))} to a {'fall' if falls else 'rise'}"
    return f"{ways}; {_ranges(brief)}"


def _point(count: int) -> str:
    return "points" if count == 1 else "point"


def _ranges(brief: ForestBrief) -> str:
    """Say how many of the intervals hold zero."""
    bounded = [(r.low, r.high) for r in brief.rows if r.low is not None and r.high is not None]
    zero = sum(low <= 0 <= high for low, high in bounded)
    none = "\N{LEFT DOUBLE QUOTATION MARK}no change\N{RIGHT DOUBLE QUOTATION MARK}"
    if not bounded:
        return "none has a likely range"
    if len(bounded) == 1:
        return f"its likely range {'takes in' if zero else 'leaves out'} {none}"
    if zero in (0, len(bounded)):
        every = "both likely ranges" if len(bounded) == 2 else "all likely ranges"
        return f"{every} {'take in' if zero else 'leave out'} {none}"
    return f"{zero} of {len(bounded)} likely ranges {'takes' if zero == 1 else 'take'} in {none}"


def _notes(brief: ForestBrief) -> tuple[str, ...]:
    notes = ["The filled dot in bold is the method that was chosen for the answer."]
    if brief.smallest is not None:
        notes.append(
            f"The dashed line is the smallest change that would matter, {number(brief.smallest)}%."
        )
    return tuple(notes)


# ---------------------------------------------------------------------------- the picture


def row_drawings(brief: ForestBrief) -> tuple[Drawing, Drawing]:
    """Return the wide and the narrow form: one row a label, with dot, bar and figures."""
    return _wide(brief), _narrow(brief)


def _wide(brief: ForestBrief) -> Drawing:
    figures_width = max(text_width(row.words, FONT, bold=row.is_primary) for row in brief.rows)
    right = tenth(_WIDE - figures_width - 14)
    labels = [wrap(row.label, FONT, _LABELS, bold=row.is_primary) for row in brief.rows]
    heights = [max(40.0, len(lines) * _LINE + 16) for lines in labels]
    top = 14.0
    bottom = top + sum(heights)
    frame = Frame(
        width=_WIDE, height=bottom + 34, left=_LABELS + 20, right=right - 14, top=top, bottom=bottom
    )
    across, axis = _axis(brief, frame, 6)
    layers = list(axis)
    y = top
    for row, lines, height in zip(brief.rows, labels, heights, strict=True):
        middle = y + height / 2
        first = middle + 0.35 * FONT - (len(lines) - 1) * _LINE / 2
        words = tuple(
            Words(x=0.0, y=tenth(first + i * _LINE), text=text) for i, text in enumerate(lines)
        )
        figures = Words(x=right, y=tenth(middle + 0.35 * FONT), text=row.words)
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
