"""``nhs_outcomes_framework``: NHS Digital's tables of one indicator by area and financial year."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evaluation.errors import StudyError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.sources.declaration import Column, Kind, Metric, Select, Source
from evaluation.sources.declared import declared_text, read_below_notes
from evaluation.sources.fingertips_periods import ordinals
from evaluation.sources.labels import even, is_icbs
from evaluation.sources.markers import blank
from evaluation.sources.selection import chosen, known_metric, leave_out, of_one
from evaluation.sources.table import files_read
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["NHS_OUTCOMES_FRAMEWORK"]

_SHEET = "Indicator data"
_MARKS = ("Year", "Breakdown", "Level", "Indicator value")
_ENGLAND = "E92000001"
_ICB = r"^(E54\d{6}|Q[0-9A-Z]{2})$"
_WHOLE_YEARS = ("", "all", "annual", "year")
# Metric and measure to the columns that hold the figures.
_FIGURES: dict[str, dict[str, dict[str, str]]] = {
    "indicator_value": {"mean": {"value": "Indicator value"}},
    "standardised_ratio": {
        "rate": {"count": "Observed", "exposure": "Expected"},
        "count": {"count": "Observed"},
        "mean": {"value": "Standardised ratio"},
    },
    "observed": {
        "rate": {"count": "Observed", "exposure": "Population"},
        "share": {"count": "Observed", "exposure": "Population"},
        "count": {"count": "Observed"},
    },
}


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    figures = _figures(outcome)
    if study.time.frequency not in ("financial_year", "quarter"):
        raise StudyError(
            "the files hold financial years and their quarters",
            place="[time] frequency",
            allowed='"financial_year" or "quarter"',
        )
    called = [outcome.headings.get(mark, mark) for mark in _MARKS]
    sheets = [
        read_below_notes(path, relative_name(path, study.folder), called, (outcome.sheet, _SHEET))
        for path in files
    ]
    needed = dict.fromkeys((*_MARKS, "Quarter", "Level description", *figures.values()))
    rows = pl.concat(
        declared_text(sheet, needed, NHS_OUTCOMES_FRAMEWORK, outcome) for sheet in sheets
    ).with_columns(pl.lit(None, pl.String).alias("left_out"), pl.col("Level").str.strip_chars())
    all_blank = pl.all_horizontal(blank(c.name) for c in NHS_OUTCOMES_FRAMEWORK.columns)
    rows = leave_out(rows, pl.when(all_blank).then(pl.lit("blank row")))
    rows = leave_out(rows, _note(rows))
    rows = _of_areas(rows, study, outcome)
    rows = leave_out(rows, _of_another_length(study))
    texts = pl.when(_is_whole_year()).then("Year").otherwise(pl.format("{} {}", "Year", "Quarter"))
    rows = rows.with_columns(texts.str.strip_chars().alias("period_text"))
    tidy = rows.select(
        "file",
        "row",
        pl.col("Level").replace("", None).alias("code"),
        "period_text",
        ordinals(rows["period_text"], study.calendar),
        pl.lit(0, pl.Int32).alias("day"),
        *(pl.col(heading).alias(figure) for figure, heading in figures.items()),
        "left_out",
    )
    return Tidy(rows=tidy, headings=figures, checks=(files_read(sheets, outcome),))


def _figures(outcome: Outcome) -> dict[str, str]:
    metric = known_metric(NHS_OUTCOMES_FRAMEWORK, outcome)
    measures = _FIGURES[metric.key]
    if outcome.measure not in measures:
        raise StudyError(
            f'measure = "{outcome.measure}" does not fit metric = "{metric.key}"',
            place=f'[[outcomes]] "{outcome.key}", measure',
            allowed=" or ".join(f'"{measure}"' for measure in measures),
        )
    figures = dict(measures[outcome.measure])
    if outcome.exposure_from is not None:
        figures.pop("exposure", None)
    elif outcome.weight == "exposure" and "exposure" not in figures:
        figures["exposure"] = "Population"
    return figures


def _note(rows: pl.DataFrame) -> pl.Expr:
    """Return the reason of notes below the table: one cell of text, and nothing else."""
    rest = [c for c in rows.columns if c not in ("file", "row", "left_out", "Year")]
    alone = pl.all_horizontal(blank(c) for c in rest)
    return pl.when(alone).then(pl.lit("a note, not a row of the table"))


def _of_areas(rows: pl.DataFrame, study: Study, outcome: Outcome) -> pl.DataFrame:
    by_code = study.geography.register_ == "icb" and chosen(outcome, "Breakdown") is None
    code = pl.col("Level").fill_null("")
    shown = pl.format('breakdown "{}": no ICB', pl.col("Breakdown").fill_null(""))
    if by_code:
        # Where they are said to be ICBs and a code is none, the code is refused later on.
        said = [text for text in rows["Breakdown"].drop_nulls().unique() if is_icbs(text)]
        is_icb = code.str.to_uppercase().str.contains(_ICB) | pl.col("Breakdown").is_in(said)
        return leave_out(rows, pl.when(~is_icb & (code != "")).then(shown))
    if chosen(outcome, "Breakdown") is None:
        rows = leave_out(rows, pl.when(code == _ENGLAND).then(pl.lit("total, not a unit")))
    return of_one(rows, "Breakdown", outcome)


def _is_whole_year() -> pl.Expr:
    quarter = pl.col("Quarter").fill_null("").str.strip_chars().str.to_lowercase()
    return quarter.is_in(_WHOLE_YEARS) | quarter.is_in(["-", "[z]", "n/a"])


def _of_another_length(study: Study) -> pl.Expr:
    if study.time.frequency == "quarter":
        return pl.when(_is_whole_year()).then(pl.lit("a whole year, not a quarter"))
    return pl.when(~_is_whole_year()).then(
        pl.format('quarter "{}": a part of the year', pl.col("Quarter"))
    )


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    """Say how the units of the study stand to what is expected of them."""
    del rows, study
    if even(outcome.metric or "") == "observed":
        return ()
    return (
        Check(
            name="indirect_standardisation",
            title="What the indicator is standardised to",
            passed=None,
            detail="The indicator is standardised indirectly: each area is held against the rates "
            "of a reference year (2012/13 for 2.3.i) among people of its own age and sex. Areas "
            "are comparable with the reference, and over time with themselves.",
            outcome=outcome.key,
        ),
    )


_COLUMNS: tuple[tuple[str, Kind, str, str], ...] = (
    ("Year", "period", "2019/20", "Financial year."),
    ("Quarter", "text", "Q1", "Q1 (April to June) to Q4; empty for the whole year."),
    ("Period of coverage", "text", "1/4/2019 to 31/3/2020", ""),
    ("Breakdown", "text", "Integrated Care Board", "What the rows are by: England, areas, age."),
    ("Level", "code", "E54000018", "Code of the area, or the group of the breakdown."),
    ("Level description", "text", "NHS Coventry and Warwickshire ICB", "Name of the area."),
    ("Indicator value", "number", "712.4", "Indirectly standardised rate per 100,000."),
    ("Lower CI", "number", "695.0", ""),
    ("Upper CI", "number", "730.1", ""),
    ("Standardised ratio", "number", "98.2", "Observed over expected, times 100."),
    ("Standardised ratio lower CI", "number", "95.8", ""),
    ("Standardised ratio upper CI", "number", "100.6", ""),
    ("Observed", "number", "6520", "Admissions counted."),
    ("Population", "number", "964200", "Residents."),
    ("Expected", "number", "6639.5", "Admissions at the rates of the reference year."),
    ("Percent unclassified", "number", "0.1", ""),
)

NHS_OUTCOMES_FRAMEWORK = Source(
    key="nhs_outcomes_framework",
    title="NHS Outcomes Framework, indicator tables",
    publisher="NHS Digital, now NHS England",
    licence="Open Government Licence v3.0",
    mark="P",
    row="the indicator for one area, or one group of people, in one year or quarter",
    takes_headings=True,
    columns=tuple(
        Column(
            name=name,
            kind=kind,
            meaning=meaning or "Not read.",
            required="not needed" if not meaning else "always" if name in _MARKS else "if read",
            example=example,
        )
        for name, kind, example, meaning in _COLUMNS
    ),
    selects=(
        Select(
            name="Breakdown",
            meaning='With register = "icb" the rows with a code of an ICB, unless one is '
            "selected; else required where the file has several, England apart.",
            example='select = { Breakdown = "Integrated Care Board" }',
        ),
    ),
    metrics=(
        Metric(
            key="indicator_value",
            grain="period",
            labels=("Indicator value",),
            definition='The standardised rate as published; measure = "mean".',
        ),
        Metric(
            key="standardised_ratio",
            grain="period",
            labels=("Observed", "Expected", "Standardised ratio"),
            definition='Observed over expected: measure = "rate" (with per = 100 the published '
            'ratio) or "count"; with "mean" the ratio as published.',
        ),
        Metric(
            key="observed",
            grain="period",
            labels=("Observed", "Population"),
            definition='Observed over population: the crude rate; measure = "rate", "share" or '
            '"count".',
        ),
    ),
    read=_read,
    examine=_examine,
    oddities=(
        "Seen as used by others in files named like NHSOF_2.3.i_I00708_D (unplanned "
        "hospitalisation for chronic ambulatory care sensitive conditions). [U] How quarters and "
        "whole years stand in Quarter is not verified: empty, All, Annual and Year are read as a "
        "whole year.",
        f'In a workbook the sheet "{_SHEET}" is read, unless the study names another. Notes stand '
        "above the header (14 rows in the file seen); it is found by its headings, wherever it is. "
        "Notes below the table are left out as such.",
        "`*` is a suppressed count: 1 to 7 in figures below England since September 2018 (other "
        "counts are rounded to 5), 1 to 5 before. It is not 0.",
        "Publication is suspended, and the update of March 2023 for 3a is delayed pending review. "
        "2.3.i counts finished and unfinished admission episodes, without transfers; 2020/21 is "
        "marked by the pandemic.",
    ),
)
