"""``discharge_ready_date``: how long patients stay after they are ready to leave, by month."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.sources.csv_files import read_csv
from evaluation.sources.declaration import Column, Select, Source
from evaluation.sources.declared import declared_text
from evaluation.sources.discharge_ready_date_checks import (
    coverage,
    coverage_in_order,
    months_twice,
    shares,
)
from evaluation.sources.discharge_ready_date_figures import with_figures
from evaluation.sources.discharge_ready_date_metrics import FIGURES, METRICS, Figure, refuse_measure
from evaluation.sources.discharge_ready_date_workbook import read_workbook
from evaluation.sources.labels import even
from evaluation.sources.markers import blank
from evaluation.sources.reporting import missing_months, reporting
from evaluation.sources.selection import chosen, known_metric, leave_out, live, not_selected
from evaluation.sources.sheets import Sheet
from evaluation.sources.table import files_read
from evaluation.sources.tidy import Tidy, covariate
from evaluation.study import Outcome, Study

__all__ = ["DISCHARGE_READY_DATE"]

_LEVEL = "Data Type"
_AUTHORITY = "Upper Tier Local Authority Code"
_NEEDED = ("Date", _LEVEL, "Code", "Measure", "Value")
_READ = (*_NEEDED, _AUTHORITY)
# Codes that the Office for National Statistics replaced in 2025; the files keep the old ones.
_OLD = {"E08000016": "Barnsley", "E08000019": "Sheffield"}
_NOWHERE = ("", "null", "#n/a", "[z]", "n/a", "-")
_MONTH_FORMATS = ("%b-%y", "%B %Y", "%b %Y", "%b-%Y", "%B-%Y", "%B-%y", "%Y-%m-%d", "%d/%m/%Y")


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    metric = known_metric(DISCHARGE_READY_DATE, outcome)
    refuse_measure(metric.key, study, outcome)
    figure = FIGURES[metric.key]
    sheets, frames = [], []
    for path in files:
        sheet = _sheet(path, relative_name(path, study.folder), outcome)
        frames.append(_rows(sheet, figure, outcome))
        # A file holds 50 MB; only how many rows it has is wanted any more.
        sheets.append(replace(sheet, cells=sheet.cells.select(sheet.cells.columns[0])))
    rows = _with_periods(pl.concat(frames), study)
    if live(rows).is_empty():
        raise _no_row(rows, metric.labels[0], outcome)
    if outcome.covariates and rows["coverage"].null_count() == rows.height:
        raise _no_coverage(outcome)
    main = "value" if figure.kind == "mean" else "count"
    is_total = figure.kind == "total"
    days = pl.col("date").dt.days_in_month().cast(pl.String)
    tidy = rows.select(
        "file",
        "row",
        "code",
        pl.col("Date").alias("period_text"),
        "period",
        "date",
        pl.col("date").to_physical().fill_null(0).alias("day"),
        pl.col("figure").alias(main),
        (days if is_total else pl.col("exposure")).alias("exposure"),
        *(pl.col("coverage").alias(covariate(name)) for name in outcome.covariates),
        pl.col("coverage").cast(pl.Float64, strict=False).alias("coverage"),
        "left_out",
    )
    return Tidy(
        rows=tidy,
        headings={main: "Value", **{covariate(name): name for name in outcome.covariates}},
        is_daily=is_total,
        checks=(files_read(sheets, outcome), *months_twice(tidy, outcome)),
    )


def _sheet(path: Path, name: str, outcome: Outcome) -> Sheet:
    kind = path.suffix.lower()
    if kind == ".csv":
        return read_csv(path, name)
    if kind == ".xlsx":
        levels = chosen(outcome, _LEVEL) or ()
        authorities = any(even(level).startswith("utla") for level in levels)
        return read_workbook(path, name, outcome.sheet, authorities=authorities)
    raise SourceError(
        f"a file of kind {path.suffix!r} cannot be read",
        place=name,
        allowed="the monthly CSV files and workbooks (.xlsx)",
        remedy="Save it as .xlsx, or use the CSV that NHS England publishes beside it.",
    )


def _rows(sheet: Sheet, figure: Figure, outcome: Outcome) -> pl.DataFrame:
    """Return the rows of one file: those of the metric with their figures, others with a reason."""
    text = declared_text(sheet, _NEEDED, DISCHARGE_READY_DATE, outcome)
    is_blank = pl.all_horizontal(blank(column) for column in _READ)
    rows = text.select(
        "file", "row", *_READ, pl.when(is_blank).then(pl.lit("blank row")).alias("left_out")
    )
    rows = leave_out(rows, _other_level(rows, outcome))
    level = pl.col(_LEVEL).fill_null("").str.strip_chars().str.to_lowercase()
    is_authority = level.str.starts_with("utla")
    code = pl.when(is_authority).then(pl.col(_AUTHORITY)).otherwise(pl.col("Code"))
    rows = rows.with_columns(code.str.strip_chars().replace("", None).alias("code"))
    nowhere = pl.col("code").fill_null("").str.to_lowercase().is_in(_NOWHERE)
    rows = leave_out(
        rows,
        pl.when(is_authority & nowhere).then(
            pl.format('local authority code "{}": not in England', pl.col("code").fill_null(""))
        ),
    )
    kept = with_figures(rows, figure)
    return kept.select("file", "row", "code", "Date", "figure", "exposure", "coverage", "left_out")


def _other_level(rows: pl.DataFrame, outcome: Outcome) -> pl.Expr:
    """Return the reason of rows of another level than the study selects; ICB by default."""
    level = pl.col(_LEVEL).fill_null("").str.strip_chars()
    reason = not_selected(rows, _LEVEL, outcome)
    if chosen(outcome, _LEVEL) is None:
        icbs = [text for text in rows[_LEVEL].fill_null("").unique() if even(text) == "icb"]
        reason = pl.when(~pl.col(_LEVEL).fill_null("").is_in(icbs)).then(
            pl.format('Data Type "{}": only rows of ICB are used', level)
        )
    old = pl.col(_AUTHORITY).str.strip_chars()
    named = old.replace_strict(_OLD, default=None, return_dtype=pl.String)
    return (
        pl.when(named.is_not_null() & reason.is_not_null())
        .then(pl.format("{}; {} is the old code of {}", reason, old, named))
        .otherwise(reason)
    )


def _with_periods(rows: pl.DataFrame, study: Study) -> pl.DataFrame:
    texts = rows["Date"].unique().drop_nulls()
    months = [_month(text) for text in texts]
    periods = [None if month is None else study.calendar.parse(month) for month in months]
    dated = pl.DataFrame(
        {"Date": texts, "date": months, "period": periods},
        schema={"Date": pl.String, "date": pl.Date, "period": pl.Int64},
    )
    return rows.join(dated, on="Date", how="left", maintain_order="left")


def _month(text: str) -> date | None:
    for form in _MONTH_FORMATS:
        try:
            # A month without its day is read as the first; a day stands for its month.
            return datetime.strptime(text.strip(), form).date().replace(day=1)
        except ValueError:
            continue
    return None


def _no_row(rows: pl.DataFrame, label: str, outcome: Outcome) -> SourceError:
    reasons = rows.group_by("left_out").len().sort("len", descending=True)["left_out"].head(3)
    return SourceError(
        f"the files hold no row {label!r} of the level asked for",
        place=f'[[outcomes]] "{outcome.key}", metric',
        allowed=f"files with rows of it; left out were: {'; '.join(reasons.drop_nulls())}",
        remedy=f'Get other files, or choose the level: select = {{ "{_LEVEL}" = "ICB" }}.',
    )


def _no_coverage(outcome: Outcome) -> StudyError:
    return StudyError(
        "the files give no coverage for the rows that are used",
        place=f'[[outcomes]] "{outcome.key}", covariates',
        remedy="Delete covariates.",
    )


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    metric = known_metric(DISCHARGE_READY_DATE, outcome)
    return (
        reporting(rows, metric, study, outcome),
        missing_months(rows, outcome),
        coverage(rows, study, outcome),
        *coverage_in_order(rows, outcome),
        *shares(rows, metric, outcome),
    )


DISCHARGE_READY_DATE = Source(
    key="discharge_ready_date",
    title="Discharge Ready Date: discharge delays",
    publisher="NHS England",
    licence="Open Government Licence v3.0",
    mark="V",
    row="one measure of one organisation or local authority in one month",
    columns=(
        Column(name="Date", kind="period", meaning="The month.", example="Apr-24"),
        Column(
            name="Data Source",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="SUS & HODF",
        ),
        Column(
            name=_LEVEL,
            kind="text",
            meaning="National, Region, ICB, Provider, UTLA Aggregate and others. ICB is used "
            "unless `select` says otherwise.",
            example="ICB",
        ),
        Column(
            name=_AUTHORITY,
            kind="code",
            meaning="The unit, for rows of local authorities.",
            required="for rows of local authorities",
            example="E08000016",
        ),
        Column(
            name="Upper Tier Local Authority",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="Barnsley",
        ),
        Column(
            name="Region (of Provider)",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="MIDLANDS",
        ),
        Column(
            name="ICB (of Provider)",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="NHS COVENTRY AND WARWICKSHIRE INTEGRATED CARE BOARD",
        ),
        Column(
            name="Code",
            kind="code",
            meaning="The unit: ODS code of the *provider's* ICB; patients may live elsewhere.",
            example="QWU",
        ),
        Column(
            name="Organisation Name",
            kind="text",
            meaning="Not read.",
            required="not needed",
            example="NHS COVENTRY AND WARWICKSHIRE INTEGRATED CARE BOARD",
        ),
        Column(
            name="Measure",
            kind="text",
            meaning="The label of the figure; see below.",
            example="Number of patients discharged in total",
        ),
        Column(
            name="Value",
            kind="number",
            meaning="The figure; percentages as fractions of 1. `-`, `NULL` and `#N/A` where "
            "there is none.",
            example="0.86269935",
        ),
    ),
    covariates=(
        Column(
            name="coverage",
            kind="number",
            meaning="[P] Share of the ICB's providers with acceptable data in the month; of a "
            "local authority the share of its discharges that are from such providers.",
        ),
    ),
    selects=(
        Select(
            name=_LEVEL,
            meaning="The level whose rows are used; ICB without it. Local authorities need "
            'geography.register = "none".',
            example='select = { "Data Type" = "UTLA Aggregate" }',
        ),
    ),
    takes_headings=True,
    metrics=METRICS,
    read=_read,
    examine=_examine,
    oddities=(
        "Figures are published for providers with acceptable data only, so numbers of discharges "
        "and days jump when a provider comes in or drops out, and shares move with who is in. The "
        "check `coverage` fails where the share of providers changes by more than 5 percentage "
        'points from one month to the next; covariates = ["coverage"] carries it to the '
        "estimators. Prefer shares and rates to counts.",
        "Counts of patients and of days have the discharges in total as exposure: rate and share "
        "are per discharge. The number of discharges has the days of the month. Shares and means "
        'as published are taken with measure = "mean", weighted by the discharges they are of '
        '(weight = "none" if they are to count alike).',
        "`delayed` adds up the six numbers by delay; five of its rows are in the ledger as added "
        "to the first. Rows that give the exposure or the coverage are there under these names.",
        '"Date of discharge is same as Discharge Ready Date" has no per cent sign and is a share; '
        "where the label is given twice, the number above 1 is left out.",
        "Revised files replace the originals, for all months of a year at once. A month that is "
        "given twice is a finding that names both files (check `months_given_twice`); where "
        "figures differ the estimate stops until one of the files is taken out.",
        'Workbooks (.xlsx) are read beside CSV files. [P] ICBs stand on the sheet "Provider", '
        'local authorities on "UTLA Acceptable" (`sheet` names another); the header is found by '
        "its words. The bands of delay stand there several times under the same short headings, "
        "first the numbers, then the shares: where a figure cannot be what its place says, the "
        "workbook is refused. Each figure counts as a row, by file!sheet and row.",
        "The month is written in several ways (Apr-24, March 2025); a row counts by what it says.",
        "Local authorities: Barnsley and Sheffield keep their old codes E08000016 and E08000019; "
        "the ledger says so where rows of them are left out. Rows with the code NULL, #N/A or [z] "
        "are of patients from outside England and are left out.",
        "Under 16s, stays without a night, deaths, transfers and specialties that are not acute "
        "are not in the figures. [U] Recording matured over the first years; early months "
        "understate delays, and by how much is not known.",
    ),
)
