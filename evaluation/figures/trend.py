"""The trend chart: pilot sites beside their comparison, with the start and other events marked."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.figures.marks import Figure, FigureTable
from evaluation.figures.scales import Frame, column_words
from evaluation.figures.trend_drawing import LETTERS, TrendBrief, draw, value_ticks
from evaluation.wording import number

__all__ = ["TrendBrief", "trend_figure"]

HIDDEN = "[c]"
ABSENT = "not reported"


def trend_figure(brief: TrendBrief) -> Figure | None:
    """Lay out a trend chart; None when neither line has a value to draw."""
    if not any(value is not None for line in brief.lines for value in line):
        return None
    first, last = (brief.calendar.label(brief.periods[i]) for i in (0, -1))
    return Figure(
        key=f"trend-{brief.key}",
        title=_story(brief),
        subtitle=f"{brief.subject}, {brief.unit}, by {brief.by}, {first} to {last}",
        description=_description(brief, first, last),
        wide=draw(brief, Frame(width=720, height=340, left=56, right=580, top=44, bottom=300), 8),
        narrow=draw(brief, Frame(width=340, height=300, left=44, right=334, top=64, bottom=264), 4),
        table=_table(brief),
        notes=_notes(brief),
        legend=tuple(
            (letter, f"{event.label} ({brief.calendar.label(event.at)})")
            for letter, event in zip(LETTERS, brief.shown_events, strict=False)
        ),
    )


def _averages(brief: TrendBrief) -> tuple[tuple[float | None, float | None], ...]:
    """Return each line's plain average before the first start and from the last one on."""
    if not brief.starts:
        return ((None, None), (None, None))
    halves = []
    for line in brief.lines:
        pairs = list(zip(brief.periods, line, strict=True))
        before = [v for p, v in pairs if v is not None and p < brief.starts[0]]
        after = [v for p, v in pairs if v is not None and p >= brief.starts[-1]]
        halves.append((_mean(before), _mean(after)))
    return tuple(halves)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _story(brief: TrendBrief) -> str:
    (ours_before, ours_after), (theirs_before, theirs_after) = _averages(brief)
    if None in (ours_before, ours_after, theirs_before, theirs_after):
        return f"{brief.names[0]} beside {_lower(brief.names[1])}"
    return (
        f"{brief.names[0]} went from {_value(ours_before)} to {_value(ours_after)}; "
        f"{_lower(brief.names[1])} from {_value(theirs_before)} to {_value(theirs_after)}"
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _value(value: float | None) -> str:
    return ABSENT if value is None else number(value)


def _starts_in_words(brief: TrendBrief) -> str:
    if not brief.starts:
        return "Starts are not marked."
    first, last = (brief.calendar.label(brief.starts[i]) for i in (0, -1))
    if first == last:
        return f"The start, {first}, is marked."
    return f"The starts of the sites, {first} to {last}, are marked as a shaded band."


def _description(brief: TrendBrief, first: str, last: str) -> str:
    return (
        f"Line chart of two lines from {first} to {last}: {_lower(brief.names[0])} (thick) and "
        f"{_lower(brief.names[1])} (thin). {_starts_in_words(brief)} {_story(brief)}. "
        "The table that follows has every value."
    )


def _notes(brief: TrendBrief) -> tuple[str, ...]:
    notes = []
    if not any(value is None for pair in _averages(brief) for value in pair):
        notes.append(_averaged(brief))
    notes.append(
        "The lines show what was counted. The estimate also allows for differences between areas "
        "and for changes that all areas shared."
    )
    if value_ticks(brief)[0] > 0:
        notes.append("The vertical axis does not start at 0.")
    hidden = sum(sum(t.suppressed) for t in (brief.pilot, brief.comparison))
    gaps = sum(v is None for line in brief.lines for v in line) - hidden
    if hidden:
        notes.append(
            f"{_points(hidden)} hidden because few people stand behind {_them(hidden)}; "
            f"{HIDDEN} in the table."
        )
    if gaps:
        notes.append(f"{_points(gaps)} missing because nothing was reported.")
    return tuple(notes)


def _averaged(brief: TrendBrief) -> str:
    one = brief.starts[0] == brief.starts[-1]
    when = "before the start and after it" if one else "before the first start and from the last on"
    return f"The title gives the averages {when}."


def _points(count: int) -> str:
    return "1 point is" if count == 1 else f"{count:,} points are"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _table(brief: TrendBrief) -> FigureTable:
    hidden = [
        {p for p, gone in zip(t.periods, t.suppressed, strict=True) if gone}
        for t in (brief.pilot, brief.comparison)
    ]
    both = column_words((*brief.lines[0], *brief.lines[1]), ABSENT)
    half = len(brief.periods)
    rows = tuple(
        (
            brief.calendar.label(period),
            HIDDEN if period in hidden[0] else ours,
            HIDDEN if period in hidden[1] else theirs,
        )
        for period, ours, theirs in zip(brief.periods, both[:half], both[half:], strict=True)
    )
    return FigureTable(
        caption=f"{brief.subject}, {brief.unit}",
        headings=("Period", *brief.names),
        rows=rows,
    )
