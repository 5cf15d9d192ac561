"""``table``: any tidy table of units and periods, with columns named in the study file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.periods import Calendar
from evaluation.sources.declaration import ANY_COLUMN, Column, Select, Source
from evaluation.sources.files import read_sheet
from evaluation.sources.labels import listed
from evaluation.sources.markers import blank
from evaluation.sources.period_hints import month_first
from evaluation.sources.selection import not_selected
from evaluation.sources.sheets import Sheet
from evaluation.sources.tidy import FIGURES, Tidy, covariate
from evaluation.study import Outcome, Study

__all__ = ["TABLE", "files_read", "parse_periods", "require_columns"]

_MOST_NOTES = 5
_RESERVED = {*FIGURES, "unit", "period", "outcome"}


def require_columns(sheet: Sheet, wanted: dict[str, str]) -> None:
    """Hold that a file has the columns asked for.

    Parameters
    ----------
    sheet : Sheet
        The file.
    wanted : dict of str to str
        Heading to the place that asks for it.

    Raises
    ------
    SourceError
        Naming the file, the column, the columns that are there and the nearest one.
    """
    there = sheet.cells.columns
    for heading, asked_by in wanted.items():
        if heading in there:
            continue
        by_case = [c for c in there if c.lower() == heading.lower()]
        near = by_case or get_close_matches(heading, there, n=1, cutoff=0.6)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Correct the name in {asked_by}."
        if not near and not any(name in there for name in wanted):
            remedy += " The first row is taken for the header. If that is a title, delete it."
        raise SourceError(
            f"there is no column {heading!r} ({asked_by})",
            place=sheet.name,
            allowed=f"the columns that are there: {listed(there)}",
            remedy=remedy,
        )


def parse_periods(text: pl.Series, calendar: Calendar) -> pl.Series:
    """Return the ordinals of periods, null for what cannot be read; each text is read once."""
    known: dict[str, int] = {}
    for cell in text.drop_nulls().unique():
        try:
            known[cell] = calendar.parse(cell.strip())
        except ValueError:
            continue
    return text.replace_strict(known, default=None, return_dtype=pl.Int64).alias("period")


def files_read(sheets: list[Sheet], outcome: Outcome) -> Check:
    """Return the check that says which files were read, how many rows and in which encoding.

    It fails, and does not block, where a file has no rows.
    """
    rows = sum(sheet.cells.height for sheet in sheets)
    encodings = sorted({sheet.encoding for sheet in sheets})
    count = f"{len(sheets)} files" if len(sheets) > 1 else "1 file"
    empty = [sheet.name for sheet in sheets if not sheet.cells.height]
    said = [f"{name} has a header and no rows" for name in empty]
    said += [f"{sheet.name}: {note}" for sheet in sheets for note in sheet.notes]
    told = "".join(f" {line}." for line in said[:_MOST_NOTES])
    more = f" And {len(said) - _MOST_NOTES:,} more." if len(said) > _MOST_NOTES else ""
    return Check(
        name="files_read",
        title="Files read",
        passed=False if empty else None,
        detail=f"{count} with {rows:,} rows, read as {' and '.join(encodings)}.{told}{more}",
        remedy="Get the files without rows again, or take them out of files." if empty else "",
        outcome=outcome.key,
        table=pl.DataFrame(
            {
                "file": [sheet.name for sheet in sheets],
                "rows": [sheet.cells.height for sheet in sheets],
                "encoding": [sheet.encoding for sheet in sheets],
                "problem": [
                    "; ".join([f"{s.cells.height:,} rows, read as {s.encoding}", *s.notes])
                    for s in sheets
                ],
            }
        ),
    )


def _asked_for(outcome: Outcome) -> dict[str, str]:
    """Return the tidy column of each heading that the study names: tidy name to heading."""
    place = f'[[outcomes]] "{outcome.key}"'
    if outcome.columns is None:
        raise StudyError(
            'source = "table" needs columns',
            place=place,
            remedy='Write columns = { unit = "...", period = "...", count = "..." }.',
        )
    clash = sorted(_RESERVED & set(outcome.covariates))
    if clash:
        raise StudyError(
            f"a covariate may not be called {clash[0]!r}",
            place=f"{place}, covariates",
            allowed="any name but " + ", ".join(sorted(_RESERVED)),
            remedy="Rename the column in the table.",
        )
    named = outcome.columns.model_dump(exclude_none=True)
    asked = {"code": named.pop("unit"), "period_text": named.pop("period"), **named}
    asked |= {covariate(name): name for name in outcome.covariates}
    return asked | ({"dose": outcome.dose} if outcome.dose is not None else {})


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    asked = _asked_for(outcome)
    places = {
        heading: f'[[outcomes]] "{outcome.key}", {_place(name)}' for name, heading in asked.items()
    }
    sheets = []
    frames = []
    for path in files:
        sheet = read_sheet(path, relative_name(path, study.folder), outcome.sheet)
        require_columns(sheet, places)
        require_columns(
            sheet, dict.fromkeys(outcome.select, f'[[outcomes]] "{outcome.key}", select')
        )
        sheets.append(sheet)
        frames.append(sheet.text(dict.fromkeys([*asked.values(), *outcome.select])))
    text = pl.concat(frames)
    blank_row = pl.all_horizontal(blank(column) for column in text.columns[2:])
    unselected = pl.coalesce(
        pl.lit(None, pl.String), *(not_selected(text, c, outcome) for c in outcome.select)
    )
    rows = text.select(
        "file",
        "row",
        *(pl.col(heading).alias(name) for name, heading in asked.items()),
        pl.when(blank_row).then(pl.lit("blank row")).otherwise(unselected).alias("left_out"),
    )
    identity = [c for c in ("code", "cluster") if c in rows.columns]
    trimmed = (pl.col(c).str.strip_chars().replace("", None) for c in identity)
    rows = rows.with_columns(
        *trimmed,
        parse_periods(rows["period_text"], study.calendar),
        pl.lit(0, pl.Int32).alias("day"),
    )
    dates = month_first(rows.select("file", "period_text"), study.calendar, outcome)
    return Tidy(rows=rows, headings=asked, checks=(files_read(sheets, outcome), *dates))


def _place(name: str) -> str:
    if name == "dose":
        return "dose"
    renamed = {"code": "unit", "period_text": "period"}.get(name, name)
    return "covariates" if ":" in name else f"columns.{renamed}"


def _whole_counts(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    """Return a check where counts have decimals: they may be rates, or 1.234 for 1,234."""
    del study
    if "count" not in rows.columns or outcome.columns is None:
        return ()
    count = pl.col("count").cast(pl.Float64, strict=False)
    odd = rows.filter(pl.col("left_out").is_null() & (count != count.round()))
    if odd.is_empty():
        return ()
    # Without the counts themselves: what is found is told in releases, too.
    file, row = odd.select("file", "row").row(0)
    heading = outcome.columns.count
    return (
        Check(
            name="whole_counts",
            title="Every count is a whole number",
            passed=False,
            detail=f'{file}, row {row}: column "{heading}" holds a number with decimals '
            f"({odd.height:,} rows). It may hold rates, averages or costs, or numbers whose "
            "thousands are parted by points; they are used as they stand.",
            remedy='Write 1234 for 1.234; analyse a rate or an average with measure = "mean".',
            outcome=outcome.key,
            table=odd.select(
                "file",
                "row",
                "unit",
                pl.lit("the count is no whole number").alias("problem"),
            ),
        ),
    )


TABLE = Source(
    key="table",
    title="A tidy table of your own",
    publisher="whoever made the table",
    licence="as the table's owner says",
    row="one unit (an ICB, a care home, any area) in one period",
    columns=(
        Column(
            name="unit",
            kind="code",
            meaning='The unit. With geography.register = "icb" an ODS or ONS code of any vintage.',
            example="QWU",
        ),
        Column(
            name="period",
            kind="period",
            meaning="The period: 2023-04, 2023-Q1, 2023, 2023/24, an index, or a date within it.",
            example="2023-04",
        ),
        Column(
            name="count",
            kind="number",
            required="for rate, share and count",
            meaning="Events counted: the numerator.",
            example="1,234",
        ),
        Column(
            name="exposure",
            kind="number",
            required="for rate and share",
            meaning="What they are counted in: residents, bed days, admissions. The denominator.",
            example="5210",
        ),
        Column(
            name="value",
            kind="number",
            required="for mean, unless count and exposure are named",
            meaning="A mean or any other figure that is analysed as it is.",
            example="3.2",
        ),
        Column(
            name="weight",
            kind="number",
            required='when weight = "column"',
            meaning="Weight of the row in every estimate; above 0.",
            example="12.5",
        ),
        Column(
            name="first_treated",
            kind="period",
            required="in place of [[sites]]",
            meaning="First treated period of the unit; empty, 0, never or inf for never. The same "
            "in every row of a unit.",
            example="2026-01",
        ),
        Column(
            name="treated",
            kind="number",
            required="in place of [[sites]]",
            meaning="0 before adoption, 1 from the first treated period on, without return.",
            example="0",
        ),
        Column(
            name="cluster",
            kind="code",
            required="optional, with first_treated or treated",
            meaning="The site that the unit joined with; by default each unit is a site of its "
            "own. The same in every row of a unit.",
            example="South Yorkshire",
        ),
    ),
    selects=(
        Select(
            name=ANY_COLUMN,
            meaning="Rows with one of these values in that column; the others are left out, each "
            "with what stands there as the reason. Spaces and capitals do not matter.",
            example='select = { sex = "Persons" }',
        ),
    ),
    read=_read,
    examine=_whole_counts,
    oddities=(
        "The names above are the keys of `columns` in the study file; the headings of the file "
        "are their values. Covariates and the dose are named in `covariates` and `dose`. Other "
        "columns are not read.",
        "CSV is read as UTF-8, with or without byte order mark, and where that fails as "
        "windows-1252; the check `files_read` says which. Cells are separated by commas. A file "
        "in both encodings, a row with more cells than the header or without a cell for a column "
        "that is read, and a heading given twice are refused: what they mean is not known. "
        "XLSX is read from the sheet that `sheet` names, or the only one; its first row is the "
        "header, dates and formulas count by their stored value, and blank rows at the end are no "
        "rows. A formula whose value was not saved and a cell that is merged into another are "
        "named and stop the estimate; hidden rows are read, and told by `files_read`.",
        "A row's number is the one a spreadsheet shows, 1 for the header. A CSV cell in "
        "quotation marks may hold line breaks; the number then counts records, not lines.",
        "A suppressed count is from 1 to 7 (`suppressed` says otherwise) and not 0: it is used at "
        "its likelihood midpoint, and the check `uncertain_counts` says how far the estimate can "
        "move with what is hidden. Counts that are rounded (`rounded_to`) are carried likewise.",
        'Numbers may have thousands separators ("1,234"; "0,512" has none and is refused). Any '
        "other text in a number column stops the estimate and is named by file and row; there is "
        "no guessing. Dates are read day first; where all of a file's would begin a period if read "
        "month first, the estimate stops.",
        "A marker of a missing figure leaves its row out with its meaning and as it is written "
        '("not available ([x])"), so that markers stay apart in the ledger. Counts with decimals, '
        "counts shown that are as small as hidden ones, and units that differ in spaces, dashes "
        "or capitals only are told.",
        "A row that two files give is used once: the first counts. A figure is the same where one "
        "file prints it with fewer decimals than another and has three digits or more; rows that "
        "differ otherwise stop the estimate.",
        "Unit codes that a workbook or Parquet file stores as numbers (3.0) are read as whole "
        "numbers (3).",
        'With the register of ICBs, rows for England and for regions are left out as "total, not '
        'a unit". Without a register every code is a unit, so take totals out of the table; the '
        "check `totals` names what looks like one.",
        "A code of an earlier or later vintage is followed to the boundaries of the study. Where "
        "several ICBs fall into one unit, counts, exposures and weights are added up and means "
        "weighted by exposure, else by weight, else equally, but only for periods that all of "
        "them report.",
    ),
)
