"""The monthly workbooks of Discharge Ready Date, as the rows that the CSV files would hold.

The sheet "Provider" has England, the regions, the ICBs and the providers one below another; the
sheet "UTLA Acceptable" the local authorities. The header differs in place and in columns from
month to month, so it is found by its words. The bands of delay stand there several times under
the same short headings ("1 day delay", "1 day"): first the numbers, then the shares, and what
stands in them must fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from evaluation import geography
from evaluation.errors import SourceError
from evaluation.sources.discharge_ready_date_metrics import COVERAGE, METRICS, TOTALS
from evaluation.sources.labels import even
from evaluation.sources.sheets import Sheet
from evaluation.sources.workbook import Cells, Grid, read_grids
from evaluation.sources.workbook_months import first_of_month

__all__ = ["read_workbook"]

_COVER = "Cover Sheet"
_PROVIDERS = ("Provider", "Provider Acceptable")
_AUTHORITIES = ("UTLA Acceptable",)
_CODES = ("utla code", "org code", "organisation code", "code")
_NAMES = ("utla", "org name", "organisation name", "name")
_TYPE = "summary type"
_ICB = "integrated care board"
_ANCHOR = even("Date of discharge is same as Discharge Ready Date")
_BY_DELAY = ("no delay", "1 day", "2 - 3 day", "4 - 6 day", "7 - 13 day", "14 - 20 day")
_OPEN = "21 days or more"
_SCHEMA = {
    "row": pl.Int64,
    **dict.fromkeys(
        ("Data Type", "Upper Tier Local Authority Code", "Code", "Measure", "Value"), pl.String
    ),
}


def read_workbook(path: Path, name: str, sheet: str | None, *, authorities: bool) -> Sheet:
    """Read the sheet of a workbook that holds the rows asked for.

    Parameters
    ----------
    path, name : Path, str
        The file, and what messages call it.
    sheet : str or None
        The sheet, where the study names one.
    authorities : bool
        Whether local authorities are asked for, and not ICBs.

    Raises
    ------
    SourceError
        When there is no such sheet, no header in it, no month, or the bands are not as described.
    """
    asked = (sheet,) if sheet is not None else _AUTHORITIES if authorities else _PROVIDERS
    grids = read_grids(path, name, (_COVER, *asked))
    grid = next((grids[title] for title in asked if title in grids), None)
    if grid is None:
        raise SourceError(
            f"the workbook has no sheet {' or '.join(repr(title) for title in asked)}",
            place=name,
            remedy='Name the sheet in the study file: sheet = "...".',
        )
    month = first_of_month(grid) or (first_of_month(grids[_COVER]) if _COVER in grids else None)
    if month is None:
        raise SourceError(
            "the month of the figures cannot be told",
            place=grid.name,
            allowed='a row "Period:" with the month, there or on the sheet "Cover Sheet"',
            remedy="Write the month on the cover sheet.",
        )
    cells = pl.DataFrame(_lines(grid), schema=_SCHEMA, orient="row")
    _refuse_other_bands(cells, grid)
    dated = cells.drop("row").with_columns(pl.lit(month).alias("Date"))
    return Sheet(name=grid.name, cells=dated, rows=cells["row"], encoding="xlsx", notes=grid.notes)


def _lines(grid: Grid) -> list[tuple[int, str, str | None, str | None, str, str | None]]:
    at, header = _header(grid)
    code = next(header.index(heading) for heading in _CODES if heading in header)
    name = next((header.index(heading) for heading in _NAMES if heading in header), code)
    kind = header.index(_TYPE) if _TYPE in header else None
    is_utla = header[code] == _CODES[0]
    every = _measures([cell or "" for cell in grid.rows[at]], header)
    # What stands beside the names is no figure.
    measures = {column: told for column, told in every.items() if column > max(code, name)}
    lines = []
    for number, plain in enumerate(grid.rows[at + 1 :], start=at + 2):
        # Notes below the table are merged over columns on purpose; figures are not.
        cells = plain if _cell(plain, code) is None else grid.told(number - 1)
        figures = [(measure, _cell(cells, column)) for column, measure in measures.items()]
        own = _cell(cells, code)
        if own is None and all(value is None for _, value in figures):
            continue
        level = _cell(cells, kind) if kind is not None else _level(own, _cell(cells, name))
        place = (own, None) if is_utla else (None, own)
        lines += [(number, level or "", *place, measure, value) for measure, value in figures]
    return lines


def _header(grid: Grid) -> tuple[int, list[str]]:
    for at, cells in enumerate(grid.rows):
        header = [even(cell) if cell else "" for cell in cells]
        if _ANCHOR in header and set(_CODES) & set(header):
            return at, header
    raise SourceError(
        "no row holds the headings of organisations and measures",
        place=grid.name,
        allowed='a header row with "Org Code", "Code" or "UTLA Code" and "Date of discharge is '
        'same as Discharge Ready Date"',
        remedy='Name another sheet (sheet = "..."), or use the CSV file.',
    )


def _measures(written: Sequence[str], header: Sequence[str]) -> dict[int, str]:
    """Return the measure of each column, as the CSV files call it."""
    known = {even(label): label for label in (*COVERAGE, *TOTALS)}
    known |= {even(label): label for metric in METRICS for label in metric.labels}
    # Short heading to the measures that it stands for, from left to right.
    bands: dict[str, list[str]] = {}
    for key in ("no_delay", "share_no_delay"):
        bands.setdefault("no delay", []).append(_label(key))
    for prefix in ("delayed", "share_delayed", "share_of_delayed", "days_lost"):
        tail = " delay" if prefix in ("delayed", "share_delayed") else ""
        for short, metric in zip((*_BY_DELAY[1:], _OPEN), _keys(prefix), strict=True):
            plural = "" if tail or short == "1 day" else "s"
            heading = short if short == _OPEN else f"{short}{plural}{tail}"
            bands.setdefault(heading, []).append(_label(metric))
    measures: dict[int, str] = {}
    taken: dict[str, int] = {}
    has_numbers = "1 day delay" in header
    for column, heading in enumerate(header):
        if heading in known:
            measures[column] = known[heading]
        elif heading in bands or heading == f"delay of {_OPEN}":
            short = _OPEN if heading.endswith(_OPEN) else heading
            # Without the columns by delay, the open band begins with the shares of the delayed.
            turn = taken.get(short, 0 if has_numbers or short != _OPEN else 2)
            taken[short] = turn + 1
            if turn < len(bands[short]):
                measures[column] = bands[short][turn]
        elif heading not in ("", *_CODES, *_NAMES, _TYPE):
            measures[column] = " ".join(written[column].split())
    return measures


def _keys(prefix: str) -> tuple[str, ...]:
    tails = ("1_day", "2_3_days", "4_6_days", "7_13_days", "14_20_days", "21_days")
    return tuple(f"{prefix}_{tail}" for tail in tails)


def _label(key: str) -> str:
    return next(metric.labels[0] for metric in METRICS if metric.key == key)


def _refuse_other_bands(cells: pl.DataFrame, grid: Grid) -> None:
    """Hold that numbers are whole and shares at most 1: the bands could have changed places."""
    figure = pl.col("Value").cast(pl.Float64, strict=False)
    shares = [m.labels[0] for m in METRICS if m.key.startswith("share_")]
    counts = [_label(key) for key in (*_keys("delayed"), *_keys("days_lost"), "no_delay")]
    wrong = cells.filter(
        (pl.col("Measure").is_in(shares) & (figure > 1))
        | (pl.col("Measure").is_in(counts) & (figure != figure.round()))
    )
    if not wrong.is_empty():
        row, measure, value = wrong.select("row", "Measure", "Value").row(0)
        raise SourceError(
            f"{value} cannot be {measure!r}",
            place=f"{grid.name}, row {row}",
            allowed="under each heading by delay first the numbers of patients, then the shares; "
            "under each heading by days first the shares, then the bed days",
            remedy="The columns have changed places; use the CSV file of the month.",
        )


def _level(code: str | None, name: str | None) -> str:
    """Return the level of a row of "Provider", where no column gives it."""
    told = {even(code or ""), even(name or "")}
    if told & {"england", "national"}:
        return "National"
    if told & {even(text) for region in geography.regions() for text in (region.ods, region.name)}:
        return "Region"
    return "ICB" if _ICB in even(name or "") else "Provider"


def _cell(cells: Cells, column: int) -> str | None:
    text = (cells[column] or "").strip() if column < len(cells) else ""
    return text or None
