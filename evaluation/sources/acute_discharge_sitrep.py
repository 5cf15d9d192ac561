"""``acute_discharge_sitrep``: NHS England's monthly files of discharges, CSV and workbooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.periods import Calendar
from evaluation.sources.acute_discharge_sitrep_metrics import (
    BREAKS,
    BY_LABEL,
    METRICS,
    metric_of,
    refuse_measure,
)
from evaluation.sources.acute_discharge_sitrep_workbook import read_workbook
from evaluation.sources.csv_files import read_csv
from evaluation.sources.declaration import Column, Metric, Source
from evaluation.sources.declared import declared_text
from evaluation.sources.labels import even
from evaluation.sources.markers import blank
from evaluation.sources.reporting import definition_breaks, missing_months, reporting
from evaluation.sources.sheets import Sheet
from evaluation.sources.table import files_read
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["ACUTE_DISCHARGE_SITREP", "NO_COLLECTION"]

NO_COLLECTION = date(2022, 6, 19)
_READ = ("Period", "Level", "Org Code", "Metric", "Value")
_DAY_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d/%m/%Y %H:%M")
_LISTED = 6


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    metric = metric_of(study, outcome)
    labels = frozenset(map(even, metric.labels))
    named = [(path, relative_name(path, study.folder)) for path in files]
    sheets = [sheet for path, name in named for sheet in _sheets(path, name, labels, outcome.sheet)]
    rows = pl.concat([_text(sheet, outcome) for sheet in sheets])
    written = rows["Metric"].drop_nulls().unique().to_list()
    asked = [text for text in written if even(text) in labels]
    if not asked:
        raise _no_such_metric(metric, written, outcome)
    rows = _with_dates(rows, study.calendar)
    own = pl.col("Metric").is_in(asked).fill_null(value=False)
    metric = _with_grain(metric, rows.filter(own), study, outcome)
    tidy = rows.select(
        "file",
        "row",
        pl.col("Org Code").str.strip_chars().replace("", None).alias("code"),
        pl.col("Period").alias("period_text"),
        "period",
        "date",
        # Each row is a part of a period, with the time that it covers as exposure.
        pl.col("date").to_physical().fill_null(0).alias("day"),
        pl.col("Value").alias("count"),
        _exposure(metric).cast(pl.String).alias("exposure"),
        _left_out_by_layout(rows, own).alias("left_out"),
    )
    return Tidy(
        rows=tidy,
        headings={"count": "Value"},
        is_daily=True,
        checks=(files_read(sheets, outcome),),
    )


def _exposure(metric: Metric) -> pl.Expr:
    """Return how many days, weeks or averages a row stands for."""
    if metric.grain == "month" and not metric.averaged:
        return pl.col("date").dt.days_in_month()
    return pl.lit(1, pl.Int8)


def _with_grain(metric: Metric, rows: pl.DataFrame, study: Study, outcome: Outcome) -> Metric:
    """Return a metric that is named by its label with the grain that its rows show."""
    if not metric.key.startswith(BY_LABEL):
        return metric
    months = rows.select("date", pl.col("date").dt.month_start().alias("month")).unique()
    several = months.group_by("month").len()["len"] > 1
    found = replace(metric, grain="day") if several.any() else replace(metric, averaged=True)
    # A monthly figure of unknown kind is taken as it stands: a total may be counted, too.
    if found.grain == "day":
        refuse_measure(found, study, outcome)
    return found


def _text(sheet: Sheet, outcome: Outcome) -> pl.DataFrame:
    """Return the columns that are read, and ``known``: what a workbook's layout says of a row."""
    if "known" in sheet.cells.columns:
        return sheet.text((*_READ, "known"))
    text = declared_text(sheet, _READ, ACUTE_DISCHARGE_SITREP, outcome)
    return text.select("file", "row", *_READ, pl.lit(None, pl.String).alias("known"))


def _left_out_by_layout(rows: pl.DataFrame, own: pl.Expr) -> pl.Expr:
    levels = {text: even(text) for text in rows["Level"].drop_nulls().unique()}
    level = pl.col("Level").replace_strict(levels, default="", return_dtype=pl.String)
    given = pl.col("Level").fill_null("").str.strip_chars()
    return (
        pl.when(pl.all_horizontal(blank(column) for column in _READ))
        .then(pl.lit("blank row"))
        .when(level != "icb")
        .then(pl.format('level "{}": only rows of level ICB are used', given))
        .when(~own)
        .then(pl.lit("another metric"))
        .when(pl.col("known").is_not_null())
        .then("known")
        .when(pl.col("date") == NO_COLLECTION)
        .then(pl.lit("not reported: nobody reported on 19 June 2022"))
    )


def _sheets(path: Path, name: str, labels: frozenset[str], only: str | None) -> list[Sheet]:
    kind = path.suffix.lower()
    if kind == ".xlsx":
        return read_workbook(path, name, labels, only)
    if kind != ".csv":
        raise SourceError(
            f"a file of kind {path.suffix!r} cannot be read",
            place=name,
            allowed="the monthly CSV files and workbooks (.xlsx)",
            remedy="Save it as .xlsx, or use the CSV that NHS England publishes beside it.",
        )
    return [read_csv(path, name)]


def _with_dates(rows: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    texts = rows.select("Period").unique().drop_nulls()
    cell = pl.col("Period").str.strip_chars()
    dates = texts.with_columns(
        pl.coalesce(cell.str.to_date(form, strict=False) for form in _DAY_FORMATS).alias("date")
    )
    periods = pl.Series(
        "period", [None if d is None else calendar.parse(d) for d in dates["date"]], pl.Int64
    )
    return rows.join(dates.with_columns(periods), on="Period", how="left", maintain_order="left")


def _no_such_metric(metric: Metric, written: list[str], outcome: Outcome) -> SourceError:
    there = {even(text): " ".join(text.split()) for text in written}
    known = [f'"{m.key}"' for m in METRICS if any(even(label) in there for label in m.labels)]
    labels = sorted(there.values())
    more = f" and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    listed = "; ".join(labels[:_LISTED]) + more
    return SourceError(
        f"the files hold no row of metric {metric.key!r}",
        place=f'[[outcomes]] "{outcome.key}", metric',
        allowed=f"the metrics that are there: {', '.join(known) or 'none that is declared'} "
        f"(labels: {listed})",
        remedy="Choose one of them, or get files that hold the metric.",
    )


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    own = pl.col("left_out").is_null()
    metric = _with_grain(metric_of(study, outcome), rows.filter(own), study, outcome)
    return (
        reporting(rows, metric, study, outcome),
        missing_months(rows, outcome),
        *definition_breaks(rows, metric, BREAKS, outcome),
    )


ACUTE_DISCHARGE_SITREP = Source(
    key="acute_discharge_sitrep",
    title="Acute discharge situation report",
    publisher="NHS England",
    licence="Open Government Licence v3.0",
    mark="V",
    row="one metric of one organisation (England, a region, an ICB or a trust) on one day, or in "
    "one month for discharge destinations",
    columns=(
        Column(
            name="Period",
            kind="period",
            meaning="The day, or the first of the month.",
            example="01/06/2024",
        ),
        Column(
            name="Level",
            kind="text",
            meaning="National, Region, ICB or PROVIDER, in any case. Only ICB is used.",
            example="ICB",
        ),
        Column(
            name="Region",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="MIDLANDS",
        ),
        Column(
            name="ICB",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="NHS COVENTRY AND WARWICKSHIRE INTEGRATED CARE BOARD",
        ),
        Column(
            name="Org Code",
            kind="code",
            meaning="ODS code of the *provider's* ICB: the patients may live elsewhere.",
            example="QWU",
        ),
        Column(
            name="Org Name",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="NHS COVENTRY AND WARWICKSHIRE INTEGRATED CARE BOARD",
        ),
        Column(
            name="Metric",
            kind="text",
            meaning="The label of the figure; see below.",
            example="Number of patients discharged",
        ),
        Column(
            name="Metric Type",
            kind="text",
            meaning="Daily or weekly. Not read.",
            required="not needed; since June 2024",
            example="Daily metric",
        ),
        Column(
            name="Metric Group",
            kind="text",
            meaning="Not read.",
            required="not needed; since June 2024",
            example="NCTR",
        ),
        Column(
            name="Value",
            kind="number",
            meaning="Patients. `-` where nothing was reported, "
            "`[z]` where the figure does not apply.",
            example="465",
        ),
    ),
    takes_headings=True,
    metrics=METRICS,
    breaks=BREAKS,
    read=_read,
    examine=_examine,
    oddities=(
        'The figures cover all patients of the trusts that report (England is labelled "Type 1 '
        'Trusts"), not care home residents, and are unvalidated management information: '
        "definitions are not standardised, and some trusts under-report.",
        "A month's figure is the sum over the days reported, with the number of those days as "
        'exposure: measure = "rate" with per = 1 gives patients a day. Days that were not '
        "reported stay unreported; they are never 0.",
        "Nobody reported on 19 June 2022. Files show 0 for England and `-` elsewhere; the day is "
        "left out whatever stands there.",
        "Encodings vary: windows-1252, or UTF-8 with byte order mark. Levels vary in case.",
        "Metric labels hold line breaks, trailing, non-breaking and narrow spaces, and en-dashes "
        "beside hyphens; all are evened out before labels are compared. `Metric Type` has "
        '"Weekly snaphot metric" beside "Weekly snapshot metric"; it is not read. Labels of '
        'additional bed days changed from "7+ days" to "7 days or over".',
        "Destinations and reasons for delay have one row a month, dated the first. [P] A "
        "destination is the month's total (so the workbooks title it), with the days of the month "
        "as exposure. [P] A reason is the average of the month's weekly snapshots, until May 2024 "
        "of patients with a stay of more than 14 days; averages are averaged and not added up. "
        'Additional bed days are weekly snapshots: measure = "rate" gives the mean snapshot.',
        "Workbooks (.xlsx) are read beside CSV files, and both may be given together. [P] Sheet "
        '"Table 2" holds the daily figures: a row of days, a row of labels, England and regions, '
        "then the ICBs and the trusts, each below a header row. Until May 2023 discharges stand in "
        "two columns, by 17:00 and after, and are added up. Rows above the header differ in number "
        "from month to month, so it is found by its words. [P] Destinations and reasons stand in "
        '"Table 4" and "Table 5" without dates; their month is that of "Table 2", else of '
        '"Period:" on the cover sheet (October 2024 has none). Each figure of a sheet that holds '
        "the metric counts as a row, by file!sheet and row; other sheets are not read. `sheet` "
        "names another.",
        "Where a label is not listed, or reads differently in your files, write it: metric = "
        '"label:P2 - Care Home (24hr support)". [U] A label with several dates in a month is read '
        "as daily, another one as it stands.",
        "The file of May 2024 holds rows for 29/04 as well; rows count by their date, not by the "
        "file they stand in. The same row in two files is used once; rows that differ stop the "
        "estimate.",
        "In the files of April 2022 to August 2025, Cambridgeshire and Peterborough (QUE) is "
        "missing after August 2023, and Coventry and Warwickshire (QWU) has a break in reporting "
        "from May to August 2024 (409, 136, 201, 371 patients a day). 378 ICB-days hold no nctr "
        "(535 no discharged): 182 of them are of Frimley (QNQ), 94 of Lincolnshire (QJM); each "
        "ICB has one of them on 19 June 2022. The check `days_not_reported` counts them by unit "
        "and period.",
    ),
)
