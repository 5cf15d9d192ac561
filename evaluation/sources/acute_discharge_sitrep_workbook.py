"""The monthly workbooks of the Acute discharge sitrep, as the rows that the CSV files would hold.

A sheet ("Table 2") has blocks one below another: England and the regions, the ICBs, the trusts.
Each of the last two begins with a header row ("Region, Org Code, Org Name"); to the right of the
names stand the figures, under a row of days (daily sheets) and a row of labels. How many rows
stand above differs from month to month, so rows are told by what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from evaluation import geography
from evaluation.errors import SourceError
from evaluation.sources.acute_discharge_sitrep_metrics import METRICS, SPLIT_AT_17
from evaluation.sources.labels import even
from evaluation.sources.markers import MARKERS
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import Cells, Grid, read_grids
from evaluation.sources.workbook_months import first_of_month, parsed

__all__ = ["ADDED_UP", "read_workbook"]

ADDED_UP = "added to the discharges by 17:00 of the same row"
_COVER = "Cover Sheet"
_DAILY = "Table 2"
_TABLES = tuple(f"Table {n}" for n in range(2, 13))
_CODES = frozenset({"org code", "icb code", "trust code", "provider code", "code"})
_NAMES = frozenset({"org name", "icb name", "trust name", "provider name", "name"})
_NUMBER = re.compile(r"[+-]?[\d,]*\.?\d+")
_ICB = "integrated care board"
_DISCHARGED = METRICS[1].labels[0]
_BY_17, _AFTER_17 = map(even, SPLIT_AT_17)
_SCHEMA = {
    "row": pl.Int64,
    "Period": pl.String,
    "Level": pl.String,
    "Org Code": pl.String,
    "Metric": pl.String,
    "Value": pl.String,
    "known": pl.String,
}
_Line = tuple[int, str | None, str, str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """The rows of one header, to the last that has a code; indices of rows and columns."""

    header: int
    end: int
    heading: str
    code: int
    name: int


def read_workbook(path: Path, name: str, labels: frozenset[str], sheet: str | None) -> list[Sheet]:
    """Read the sheets of a workbook that hold a metric.

    Parameters
    ----------
    path, name : Path, str
        The file, and what messages call it.
    labels : frozenset of str
        The labels of the metric, evened out.
    sheet : str or None
        The only sheet to be read; None for every "Table N" that holds one of the labels, or for
        all of them where none does, so that the caller can say what is there.

    Returns
    -------
    list of Sheet
        Each with the columns of the CSV files that are read, one row a figure, and ``known``: a
        reason to leave the row out that the layout gives.

    Raises
    ------
    SourceError
        When no sheet is laid out as described, a label stands twice, or the month cannot be told.
    """
    asked = _TABLES if sheet is None else (sheet,)
    grids = read_grids(path, name, (_COVER, *_TABLES, *asked))
    found = {title: list(_lines(grid)) for title, grid in grids.items() if title != _COVER}
    tables = {title: found[title] for title in asked if found.get(title)}
    if not tables:
        raise SourceError(
            "no sheet holds figures of organisations",
            place=name,
            allowed='sheets "Table 2" and on, with a header row "Region, Org Code, Org Name" and '
            "labels above the figures",
            remedy='Name the sheet in the study file: sheet = "...".',
        )
    month = _month(found.get(_DAILY, []), grids.get(_COVER), name)
    sheets = [_sheet(grids[title], lines, month) for title, lines in tables.items()]
    holding = [
        s for s in sheets if labels & set(map(even, s.cells["Metric"].drop_nulls().unique()))
    ]
    for chosen in holding:
        _refuse_twice(chosen, labels)
    return holding or sheets


def _sheet(grid: Grid, lines: list[_Line], month: str | None) -> Sheet:
    cells = pl.DataFrame(lines, schema=_SCHEMA, orient="row")
    if cells["Period"].null_count() and month is None:
        raise SourceError(
            "the month of the figures cannot be told",
            place=grid.name,
            allowed='a row "Period:" with the month on the sheet "Cover Sheet", or the days in '
            '"Table 2"',
            remedy="Write the month on the cover sheet.",
        )
    dated = cells.with_columns(pl.col("Period").fill_null(pl.lit(month)))
    return Sheet(
        name=grid.name,
        cells=dated.drop("row"),
        rows=dated["row"],
        encoding="xlsx",
        notes=grid.notes,
    )


def _refuse_twice(sheet: Sheet, labels: frozenset[str]) -> None:
    """Refuse a label of the metric in two columns: which of them is meant is not known."""
    own = [text for text in sheet.cells["Metric"].drop_nulls().unique() if even(text) in labels]
    live = sheet.cells.with_columns(sheet.rows.alias("row")).filter(
        pl.col("Metric").is_in(own) & pl.col("known").is_null()
    )
    twice = live.filter(pl.struct("row", "Period").is_duplicated())
    if not twice.is_empty():
        label, day = twice.select("Metric", "Period").row(0)
        raise SourceError(
            f"two columns hold {' '.join(label.split())!r} of {day}",
            place=sheet.name,
            allowed="each label once a day",
            remedy="Delete the column that is wrong.",
        )


def _lines(grid: Grid) -> Iterator[_Line]:
    """Yield one line a figure of a sheet, none where it is laid out in another way."""
    blocks = _blocks(grid)
    if not blocks:
        return
    left = max(blocks[0].code, blocks[0].name) + 1
    within = {i: block for block in blocks for i in range(block.header + 1, block.end + 1)}
    levels = {block: _level(grid, block, blocks) for block in blocks}
    # The row of days ends with its last day, which holds for the columns beyond, too.
    width = max(map(len, grid.rows))
    days: dict[int, str] = {}
    labels: dict[int, str] = {}
    for index, plain in enumerate(grid.rows):
        block = within.get(index)
        # Days and labels are merged over their columns on purpose; figures are not.
        cells = plain if block is None else grid.told(index)
        given = {i: c.strip() for i, c in enumerate(cells) if i >= left and c and c.strip()}
        if block is None and not any(map(_is_figure, given.values())):
            fresh = _days(given, width)
            days, labels = (fresh, labels) if fresh else (days, labels | given)
            continue
        code = None if block is None else (_cell(cells, block.code) or "").strip() or None
        if given or code:
            level = _above(cells[:left]) if block is None else levels[block]
            columns = sorted({*labels, *given})
            line = [(labels.get(c), days.get(c), given.get(c)) for c in columns]
            for label, day, value, known in _discharges_as_one(line):
                yield index + 1, day, level, code, label, value, known


def _discharges_as_one(
    line: Sequence[tuple[str | None, str | None, str | None]],
) -> Iterator[tuple[str | None, str | None, str | None, str | None]]:
    """Yield label, day, figure and reason of each cell, discharges by 17:00 and after added up."""
    later = {day: value for label, day, value in line if label and even(label) == _AFTER_17}
    earlier = {day for label, day, _ in line if label and even(label) == _BY_17}
    for label, day, value in line:
        told = even(label or "") if later else ""
        if told == _BY_17 and day in later:
            yield _DISCHARGED, day, _sum(value, later[day]), None
        elif told == _AFTER_17 and day in earlier:
            yield _DISCHARGED, day, value, ADDED_UP
        else:
            yield label, day, value, None


def _sum(first: str | None, second: str | None) -> str | None:
    """Return the sum of two counts; what is no number stands for both, for it is not known."""
    texts = [(cell or "").replace(",", "") for cell in (first, second)]
    for cell, text in zip((first, second), texts, strict=True):
        if not text.isdecimal():
            return cell
    return str(sum(map(int, texts)))


def _blocks(grid: Grid) -> list[_Block]:
    headers: list[tuple[int, int, int, str]] = []
    for index, cells in enumerate(grid.rows):
        told = [even(cell) if cell else "" for cell in cells[:8]]
        code = next((i for i, cell in enumerate(told) if cell in _CODES), None)
        name = next((i for i, cell in enumerate(told) if cell in _NAMES), None)
        if code is not None and name is not None:
            headers.append((index, code, name, told[code]))
    stops = [*(header[0] for header in headers[1:]), len(grid.rows)]
    blocks = []
    for (header, code, name, heading), stop in zip(headers, stops, strict=False):
        coded = [i for i in range(header + 1, stop) if (_cell(grid.rows[i], code) or "").strip()]
        end = max(coded, default=header)
        blocks.append(_Block(header=header, end=end, heading=heading, code=code, name=name))
    return blocks


def _level(grid: Grid, block: _Block, blocks: list[_Block]) -> str:
    rows = grid.rows[block.header + 1 : block.end + 1]
    says_icb = block.heading.startswith("icb") or any(
        _ICB in even(_cell(cells, block.name) or "") for cells in rows
    )
    is_first_of_two = len(blocks) > 1 and block is blocks[0]
    return "ICB" if says_icb or is_first_of_two else "PROVIDER"


def _above(cells: Cells) -> str:
    """Return the level of a row that is in no block: England or a region."""
    return "Region" if {even(cell) for cell in cells if cell} & _regions() else "National"


@cache
def _regions() -> frozenset[str]:
    return frozenset(even(region.name) for region in geography.regions())


def _cell(cells: Cells, column: int) -> str | None:
    return cells[column] if column < len(cells) else None


def _is_figure(cell: str) -> bool:
    return cell.casefold() in MARKERS or _NUMBER.fullmatch(cell) is not None


def _days(given: Mapping[int, str], width: int) -> dict[int, str]:
    """Return the day of each column, none where the row holds no day.

    A merged cell holds for the columns to its right.
    """
    days: dict[int, str] = {}
    current: date | None = None
    for column in range(min(given, default=width), width):
        current = parsed(given.get(column, "")) or current
        if current is not None:
            days[column] = current.isoformat()
    return days


def _month(daily: list[_Line], cover: Grid | None, name: str) -> str | None:
    """Return the first of the month that the workbook is of, None where it does not say."""
    months = {day[:7] for _, day, *_ in daily if day}
    covered = None if cover is None else first_of_month(cover)
    if len(months) != 1:
        return covered
    month = f"{months.pop()}-01"
    if covered is not None and covered != month:
        raise SourceError(
            f'the cover sheet says {covered[:7]}, and "{_DAILY}" holds days of {month[:7]}',
            place=name,
            remedy="Find out which of them is right, and correct the other.",
        )
    return month
