"""``fingertips``: the public health profiles' CSV files of indicators by area and year."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.sources.declaration import Column, Kind, Select, Source
from evaluation.sources.declared import declared_text
from evaluation.sources.files import read_sheet
from evaluation.sources.fingertips_checks import examine
from evaluation.sources.fingertips_periods import ordinals, pooled
from evaluation.sources.fingertips_upload import UPLOAD, as_download, is_upload
from evaluation.sources.labels import even, is_icbs
from evaluation.sources.markers import blank
from evaluation.sources.selection import chosen, leave_out, live, of_one, quoted
from evaluation.sources.table import files_read
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["FINGERTIPS"]

_ENGLAND = "E92000001"
_ICB = r"^(E54\d{6}|Q[0-9A-Z]{2})$"
_NEEDED = (
    *("Indicator ID", "Indicator Name", "Area Code", "Area Type", "Sex", "Age", "Category Type"),
    *("Category", "Time period", "Value", "Count", "Denominator", "Value note"),
)
# What the study's measure takes from a row, and the column that holds it.
_FIGURES = {
    "rate": {"count": "Count", "exposure": "Denominator"},
    "share": {"count": "Count", "exposure": "Denominator"},
    "count": {"count": "Count"},
    "mean": {"value": "Value"},
}
_SUPPRESSED = "suppress|disclos|small number"


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold years and months, which have no place in an index",
            place="[time] frequency",
            allowed='"financial_year", "year", "quarter" or "month"',
        )
    sheets = [read_sheet(path, relative_name(path, study.folder), outcome.sheet) for path in files]
    texts = []
    for sheet in sheets:
        if is_upload(sheet):
            texts.append(as_download(sheet, outcome.metric or ""))
        else:
            texts.append(declared_text(sheet, _NEEDED, FINGERTIPS, outcome))
    rows = pl.concat(texts, how="diagonal").with_columns(
        pl.lit(None, pl.String).alias("left_out"), pl.col("Area Code").str.strip_chars()
    )
    rows = leave_out(rows, pl.when(_is_blank_row(rows)).then(pl.lit("blank row")))
    rows = _of_indicator(rows, outcome)
    rows = _of_areas(rows, study, outcome)
    rows = _whole_population(rows, outcome)
    for column in ("Sex", "Age", "Time period range"):
        rows = of_one(rows, column, outcome)
    rows = leave_out(rows, pooled("Time period"))
    _refuse_if_all_pooled(rows, outcome)
    periods = ordinals(rows["Time period"], study.calendar)
    figures = _figures(outcome)
    rows = leave_out(rows, _withheld(figures))
    tidy = rows.select(
        "file",
        "row",
        pl.col("Area Code").replace("", None).alias("code"),
        pl.col("Time period").alias("period_text"),
        periods,
        pl.lit(0, pl.Int32).alias("day"),
        *(pl.col(heading).alias(figure) for figure, heading in figures.items()),
        *(pl.col(c).alias(f"published {c.lower()}") for c in ("Value", "Count", "Denominator")),
        pl.col("Value note").fill_null("").str.strip_chars().alias("note"),
        "left_out",
    )
    return Tidy(rows=tidy, headings=figures, checks=(files_read(sheets, outcome),))


def _is_blank_row(rows: pl.DataFrame) -> pl.Expr:
    return pl.all_horizontal(blank(c) for c in rows.columns if c not in ("file", "row", "left_out"))


def _of_indicator(rows: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """Keep the rows of the indicator that ``metric`` names by its number or its name."""
    wanted = outcome.metric or ""
    named = live(rows).select("Indicator ID", "Indicator Name").unique().sort("Indicator ID")
    there = [(number or "", name or "") for number, name in named.iter_rows()]
    numbers = {n for n, name in there if wanted.strip() == n.strip() or even(wanted) == even(name)}
    if not numbers:
        listed = quoted(f"{number.strip()}: {' '.join(name.split())}" for number, name in there)
        raise SourceError(
            f"the files hold no indicator {wanted!r}",
            place=f'[[outcomes]] "{outcome.key}", metric',
            allowed=f"the number or name of one that is there: {listed or 'there is none'}",
            remedy="Choose one of them, or get files that hold the indicator.",
        )
    is_other = ~pl.col("Indicator ID").fill_null("").is_in(list(numbers))
    return leave_out(rows, pl.when(is_other).then(pl.lit("another indicator")))


def _of_areas(rows: pl.DataFrame, study: Study, outcome: Outcome) -> pl.DataFrame:
    if chosen(outcome, "Area Type") is None and study.geography.register_ == "icb":
        code = pl.col("Area Code").fill_null("")
        # Where they are said to be ICBs and a code is none, the code is refused later on.
        said = [text for text in rows["Area Type"].drop_nulls().unique() if is_icbs(text)]
        other = ~(code.str.to_uppercase().str.contains(_ICB) | pl.col("Area Type").is_in(said))
        shown = pl.format('area type "{}": no ICB', pl.col("Area Type").fill_null(""))
        return leave_out(rows, pl.when(other & (code != "")).then(shown))
    if chosen(outcome, "Area Type") is None:
        is_england = pl.col("Area Code") == _ENGLAND
        rows = leave_out(rows, pl.when(is_england).then(pl.lit("total, not a unit")))
    return of_one(rows, "Area Type", outcome)


def _whole_population(rows: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """Keep the rows of the categories chosen; without a choice, those of no category."""
    kept = live(rows)
    some = ~(blank("Category Type") & blank("Category"))
    is_open = chosen(outcome, "Category Type") is None and chosen(outcome, "Category") is None
    if is_open and not kept.filter(~some).is_empty():
        shown = pl.format(
            '{} "{}": a part of the population', pl.col("Category Type").fill_null(""), "Category"
        )
        return leave_out(rows, pl.when(some).then(shown))
    for column in ("Category Type", "Category"):
        rows = of_one(rows, column, outcome)
    return rows


def _refuse_if_all_pooled(rows: pl.DataFrame, outcome: Outcome) -> None:
    if not live(rows).is_empty():
        return
    reasons = rows.filter(pl.col("left_out").str.contains("pools several"))["left_out"].unique()
    if reasons.is_empty():
        return
    raise SourceError(
        f"every time period of the indicator pools several: {reasons.sort()[0]}",
        place=f'[[outcomes]] "{outcome.key}", metric',
        allowed="an indicator with one figure for each year, quarter or month",
        remedy="Neighbouring figures share most of their years, so that none shows when a change "
        "came. Get the indicator by single years, or another one.",
    )


def _figures(outcome: Outcome) -> dict[str, str]:
    figures = dict(_FIGURES[outcome.measure])
    if outcome.exposure_from is not None:
        figures.pop("exposure", None)
    elif outcome.weight == "exposure":
        figures["exposure"] = "Denominator"
    return figures


def _withheld(figures: dict[str, str]) -> pl.Expr:
    """Return the reason of rows whose figure is withheld, as the value note says."""
    note = pl.col("Value note").fill_null("")
    is_empty = pl.any_horizontal(blank(heading) for heading in figures.values())
    is_withheld = is_empty & note.str.to_lowercase().str.contains(_SUPPRESSED)
    return pl.when(is_withheld).then(pl.format('withheld, says the value note: "{}"', note))


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    del study
    return examine(rows, outcome)


_COMPARED = "Compared to <parent type> value or percentiles"
# Heading, what it holds, an example, and what it is where it is read.
_COLUMNS: tuple[tuple[str, Kind, str, str], ...] = (
    ("Indicator ID", "text", "91892", "Number of the indicator: what `metric` names."),
    ("Indicator Name", "text", "Dementia: direct standardised rate", "`metric` may name it too."),
    ("Parent Code", "code", "E40000011", ""),
    ("Parent Name", "text", "Midlands NHS Region", ""),
    ("Area Code", "code", "E54000018", "ONS code of the area, of any vintage."),
    ("Area Name", "text", "NHS Coventry and Warwickshire Integrated Care Board", ""),
    ("Area Type", "text", "ICBs", 'What kind of area; with register = "icb" the code decides.'),
    ("Sex", "text", "Persons", "Persons, Male or Female."),
    ("Age", "text", "65+ yrs", "Age group."),
    ("Category Type", "text", "", "What the population is divided by; empty for all of it."),
    ("Category", "text", "", "Which part of the population."),
    ("Time period", "period", "2021/22", "2021/22, 2021, 2021/22 Q1 or Apr 2021."),
    ("Value", "number", "3512.6", 'The figure as published: for measure = "mean".'),
    ("Lower CI 95.0 limit", "number", "3390.1", ""),
    ("Upper CI 95.0 limit", "number", "3638.2", ""),
    ("Lower CI 99.8 limit", "number", "3321.0", ""),
    ("Upper CI 99.8 limit", "number", "3711.9", ""),
    ("Count", "number", "6650", "Numerator: for rate, share and count."),
    ("Denominator", "number", "187410", "For rate and share."),
    ("Value note", "text", "", "Why a figure is not there, or what is to be known of it."),
    ("Recent Trend", "text", "Cannot be calculated", ""),
    ("Compared to England value or percentiles", "text", "Worse 95%", ""),
    (_COMPARED, "text", "Column not used", ""),
    ("Time period Sortable", "number", "20210000", ""),
    ("New data", "text", "", ""),
    ("Compared to goal", "text", "Not compared", ""),
    ("Time period range", "text", "1y", "How long the period is; one of them may be selected."),
)

FINGERTIPS = Source(
    key="fingertips",
    title="Fingertips, public health profiles",
    publisher="Department of Health and Social Care",
    licence="Open Government Licence v3.0",
    mark="V",
    row="one indicator of one area in one period, for one sex, age and category",
    takes_headings=True,
    columns=tuple(
        Column(
            name=name,
            kind=kind,
            meaning=meaning or "Not read.",
            required=("always" if name in _NEEDED else "where there" if meaning else "not needed"),
            example=example,
        )
        for name, kind, example, meaning in _COLUMNS
    ),
    selects=tuple(
        Select(name=name, meaning=meaning, example=f'select = {{ "{name}" = "{example}" }}')
        for name, example, meaning in (
            (
                "Area Type",
                "ICBs",
                'With register = "icb" the rows with a code of an ICB, unless one is selected; '
                "else required where the file has several, England apart.",
            ),
            ("Sex", "Persons", "Required where the indicator is given for several."),
            ("Age", "65+ yrs", "Required where the indicator is given for several."),
            (
                "Category Type",
                "County & UA deprivation deciles in England (IMD2019)",
                "Without it, and without Category, the rows of no category are used: the whole "
                "population.",
            ),
            ("Category", "Most deprived decile (IMD2019)", "As Category Type."),
            ("Time period range", "1y", "Required where the indicator is given for several."),
        )
    ),
    read=_read,
    examine=_examine,
    oddities=(
        "`metric` is the number or the name of the indicator. Rows of other indicators, areas, "
        "sexes, ages and categories are left out, each with its reason. Where several values of "
        "one of them remain, nothing is guessed: the error lists them.",
        'The measure decides what is read: "mean" the Value, "rate" and "share" Count and '
        'Denominator, "count" the Count. The check `published_value` says whether Value is Count '
        "over Denominator, or standardised.",
        f'One heading changes its name with the parent areas: "{_COMPARED}", "Column not used" '
        "where there are none. It is not read. The R package fingertipsR writes headings without "
        "spaces (AreaCode, Timeperiod, LowerCI95.0limit); both spellings are read.",
        'A period such as "2019 - 21" pools several years and shares most of them with its '
        "neighbours, so that it cannot show when a change came: such rows are left out, and an "
        "indicator with no others is refused. Quarters of financial years (2021/22 Q1) are read "
        "as quarters of the calendar year.",
        "A row whose figure is empty and whose value note speaks of suppression or disclosure is "
        "left out with the note as the reason: how small a withheld count is differs between "
        "indicators. The notes of rows that are used are told by the check `value_notes`.",
        "England has no parent area (NA), and codes of ICBs are often of an older vintage than "
        "the file (E54000052, E54000053): they are followed to the boundaries of the study.",
        "The layout that FingertipsNext takes in for upload is read too [V]: "
        f"{', '.join(UPLOAD)}. It names no indicator, so `metric` may be any name; the period is "
        "made of date_from and date_to, the age of its two limits.",
    ),
)
