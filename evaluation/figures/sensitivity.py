"""The sensitivity chart: the same estimate with what is uncertain put at each of its ends."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.figures.forest import ForestBrief, ForestRow, row_drawings
from evaluation.figures.marks import Figure, FigureTable

__all__ = ["SensitivityBrief", "sensitivity_figure"]

_NONE = "\N{LEFT DOUBLE QUOTATION MARK}no change\N{RIGHT DOUBLE QUOTATION MARK}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityBrief:
    """What a sensitivity chart is drawn from; ``rows[0]`` is the estimate of the answer."""

    key: str
    subject: str
    rows: tuple[ForestRow, ...]
    level: float
    smallest: float | None = None


def sensitivity_figure(brief: SensitivityBrief) -> Figure | None:
    """Lay out a sensitivity chart; None unless there is an end to set beside the estimate."""
    known = [row for row in brief.rows if row.value is not None]
    if len(known) < 2 or brief.rows[0].value is None:
        return None
    drawn = ForestBrief(
        key=brief.key,
        subject=brief.subject,
        rows=brief.rows,
        level=brief.level,
        smallest=brief.smallest,
    )
    wide, narrow = row_drawings(drawn)
    return Figure(
        key=f"sensitivity-{brief.key}",
        title=_story(brief),
        subtitle=(
            f"Change in {brief.subject[:1].lower()}{brief.subject[1:]}, per cent of what would "
            f"have been expected, with {100 * brief.level:g}% intervals, by where hidden or "
            "rounded counts are put"
        ),
        description=(
            f"Chart of {len(brief.rows)} rows, each a dot with an interval bar round a line at "
            f"zero: the answer, then the counts that nobody may see at their ends. {_story(brief)}."
            " The table that follows has every value."
        ),
        wide=wide,
        narrow=narrow,
        table=FigureTable(
            caption="Change in per cent, by where uncertain counts are put",
            headings=("Uncertain counts", "Estimate", "From", "To"),
            rows=tuple(row.cells for row in brief.rows),
            traces=tuple(row.trace for row in brief.rows),
            fields=("", "relative", "low", "high"),
        ),
        notes=(
            "Some counts are hidden or rounded by the publisher. The filled dot in bold is the "
            "answer; the others put every such count as low or as high as it can be.",
        ),
    )


def _story(brief: SensitivityBrief) -> str:
    sides = {side for row in brief.rows if (side := _side(row)) is not None}
    if not sides:
        return "What hidden counts could do to the estimate; none has a likely range"
    if len(sides) > 1:
        return (
            f"Hidden counts could turn the answer: some likely ranges take in {_NONE}, "
            "others do not"
        )
    if sides == {0}:
        return f"Hidden counts change little: every likely range takes in {_NONE}"
    return f"Hidden counts change little: every likely range leaves out {_NONE}, the same way"


def _side(row: ForestRow) -> int | None:
    if row.low is None or row.high is None:
        return None
    if row.low <= 0 <= row.high:
        return 0
    return 1 if row.low > 0 else -1
