"""``acute_discharge_sitrep``: NHS England's monthly CSV files of daily discharge figures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.periods import Calendar
from evaluation.sources.declaration import Column, DefinitionBreak, Metric, Source
from evaluation.sources.files import Sheet, read_csv, relative_name
from evaluation.sources.markers import blank
from evaluation.sources.reporting import definition_breaks, missing_months, reporting
from evaluation.sources.table import files_read, require_columns
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["ACUTE_DISCHARGE_SITREP", "NO_COLLECTION"]

NO_COLLECTION = date(2022, 6, 19)
_READ = ("Period", "Level", "Org Code", "Metric", "Value")
_DAY_FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%d/%m/%Y %H:%M")
_LISTED = 6


def _even(text: str) -> str:
    """Return a label with spaces, dashes and case evened out, for comparison."""
    dashes = text.replace("\N{EN DASH}", "-").replace("\N{EM DASH}", "-")
    return " ".join(dashes.replace("-", " - ").split()).casefold()


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    metric = _metric_of(study, outcome)
    sheets = [_sheet(path, relative_name(path, study.folder)) for path in files]
    rows = pl.concat([sheet.text(_READ) for sheet in sheets])
    written = rows["Metric"].drop_nulls().unique().to_list()
    labels = {_even(label) for label in metric.labels}
    asked = [text for text in written if _even(text) in labels]
    if not asked:
        raise _no_such_metric(metric, written, outcome)
    rows = _with_dates(rows, study.calendar)
    is_daily = metric.grain == "day"
    exposure = pl.lit(1, pl.Int8) if is_daily else pl.col("date").dt.days_in_month()
    day = pl.col("date").to_physical().fill_null(0) if is_daily else pl.lit(0, pl.Int32)
    tidy = rows.select(
        "file",
        "row",
        pl.col("Org Code").str.strip_chars().replace("", None).alias("code"),
        pl.col("Period").alias("period_text"),
        "period",
        "date",
        day.alias("day"),
        pl.col("Value").alias("count"),
        exposure.cast(pl.String).alias("exposure"),
        _left_out_by_layout(rows, asked).alias("left_out"),
    )
    return Tidy(
        rows=tidy,
        headings={"count": "Value"},
        is_daily=is_daily,
        checks=(files_read(sheets, outcome),),
    )


def _left_out_by_layout(rows: pl.DataFrame, asked: list[str]) -> pl.Expr:
    levels = {text: _even(text) for text in rows["Level"].drop_nulls().unique()}
    level = pl.col("Level").replace_strict(levels, default="", return_dtype=pl.String)
    given = pl.col("Level").fill_null("").str.strip_chars()
    return (
        pl.when(pl.all_horizontal(blank(column) for column in _READ))
        .then(pl.lit("blank row"))
        .when(level != "icb")
        .then(pl.format('level "{}": only rows of level ICB are used', given))
        .when(~pl.col("Metric").is_in(asked).fill_null(value=False))
        .then(pl.lit("another metric"))
        .when(pl.col("date") == NO_COLLECTION)
        .then(pl.lit("not reported: nobody reported on 19 June 2022"))
    )


def _metric_of(study: Study, outcome: Outcome) -> Metric:
    place = f'[[outcomes]] "{outcome.key}"'
    known = ", ".join(f'"{m.key}"' for m in ACUTE_DISCHARGE_SITREP.metrics)
    metric = ACUTE_DISCHARGE_SITREP.metric(outcome.metric or "")
    if metric is None:
        said = "no metric is named" if outcome.metric is None else f"there is no {outcome.metric!r}"
        raise StudyError(said, place=f"{place}, metric", allowed=known)
    if outcome.measure in ("share", "count") and metric.grain == "day":
        raise StudyError(
            f'measure = "{outcome.measure}" does not fit daily figures: days that were not '
            "reported would count as 0",
            place=f"{place}, measure",
            allowed='"rate" (with per = 1: patients a day) or "mean"',
        )
    if outcome.measure == "share":
        raise StudyError(
            'measure = "share" does not fit: the files have no denominator',
            place=f"{place}, measure",
            allowed='"rate" (per day), "count" or "mean"',
        )
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold dates, which have no place in an index",
            place="[time] frequency",
            allowed='"month", "quarter", "year" or "financial_year"',
        )
    return metric


def _sheet(path: Path, name: str) -> Sheet:
    if path.suffix.lower() != ".csv":
        raise SourceError(
            f"a file of kind {path.suffix!r} cannot be read",
            place=name,
            allowed="the monthly CSV files",
            remedy="NHS England publishes a CSV beside each workbook; use that.",
        )
    sheet = read_csv(path, name)
    require_columns(sheet, dict.fromkeys(_READ, "a column of the monthly CSV files"))
    return sheet


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
    there = {_even(text): " ".join(text.split()) for text in written}
    known = [
        f'"{m.key}"'
        for m in ACUTE_DISCHARGE_SITREP.metrics
        if any(_even(label) in there for label in m.labels)
    ]
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
    metric = _metric_of(study, outcome)
    return (
        reporting(rows, metric, study, outcome),
        missing_months(rows, outcome),
        *definition_breaks(rows, metric, ACUTE_DISCHARGE_SITREP.breaks, outcome),
    )


_BEFORE = "Discharges to this destination, until the redefinition of 27 May 2024."
_AFTER = "Discharges to this destination, from the redefinition of 27 May 2024."
_CARE_HOMES = (
    ("care_home_back", _BEFORE, "P3b - Care Home (existing resident discharged back)"),
    ("care_home_new", _BEFORE, "P3 - Care Home (new admission, likely permanent)"),
    ("care_home_short_term", _BEFORE, "P2 - Care Home (short term 24hr support)"),
    (
        "care_home_back_p0_2024",
        _AFTER,
        "Pathway 0: Discharge back to an original care home placement when the care home has "
        "confirmed they can continue to meet the persons needs with the same level of support",
    ),
    (
        "care_home_back_p1_2024",
        _AFTER,
        "Pathway 1: Discharge back to original care home placement with rehabilitation, "
        "reablement and recovery or with an increased level of support",
    ),
    ("care_home_new_2024", _AFTER, "Pathway 3: Discharge to a care home as a new admission"),
    (
        "care_home_end_of_life_2024",
        _AFTER,
        "Pathway 3: Discharge to a care home/hospice as a new admission for end-of-life care",
    ),
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
    metrics=(
        Metric(
            key="nctr",
            grain="day",
            definition="Patients in hospital who no longer meet the criteria to reside: "
            "discharged and remaining together. Sums over days are patient-days.",
            labels=("Number of patients who no longer meet the criteria to reside",),
        ),
        Metric(
            key="discharged",
            grain="day",
            definition="Of these, those discharged on the day.",
            labels=("Number of patients discharged",),
        ),
        Metric(
            key="remaining",
            grain="day",
            definition="Of these, those who remained in hospital: nctr less discharged.",
            labels=(
                "Number of patients remaining in hospital who no longer meet the criteria to "
                "reside",
            ),
        ),
        *(
            Metric(key=key, grain="month", definition=definition, labels=(label,), mark="P")
            for key, definition, label in _CARE_HOMES
        ),
    ),
    breaks=(
        DefinitionBreak(
            on=date(2024, 5, 27),
            metrics=tuple(key for key, _, _ in _CARE_HOMES),
            detail="Discharge destinations and reasons for delay were defined anew, and nothing "
            "bridges the old and the new. The labels of nctr, discharged and remaining are the "
            "same on both sides; the files have two more columns from June 2024.",
        ),
    ),
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
        "Destinations and delay reasons have one row a month, dated the first. [U] That it is "
        "the month's total is not verified; its exposure is the number of days of the month.",
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
