"""``english_prescribing``: the English Prescribing Dataset, added up by ICB and month."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.named_files import relative_name
from evaluation.sources.declaration import Column, Kind, Mark, Metric, Select, Source
from evaluation.sources.declared import headings_in, require_declared
from evaluation.sources.prescribing_checks import (
    files_scanned,
    months_whole,
    repeats,
    rows_accounted,
)
from evaluation.sources.prescribing_scan import Layout, Wanted, heading_line, scan
from evaluation.sources.selection import chosen, known_metric
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["ENGLISH_PRESCRIBING"]

# What only one of the two layouts has.
_LEGACY = ("CHEMICAL_SUBSTANCE_BNF_DESCR", "BNF_CODE", "BNF_DESCRIPTION")
_CURRENT = (
    *("BNF_CHEMICAL_SUBSTANCE_CODE", "BNF_PRESENTATION_CODE", "BNF_PRESENTATION_NAME"),
    "SNOMED_CODE",
)
_FIGURES = {
    "items": ("ITEMS",),
    "total_quantity": ("TOTAL_QUANTITY",),
    "nic": ("NIC",),
    "actual_cost": ("ACTUAL_COST",),
    "adq": ("ADQUSAGE", "ADQ_USAGE"),
}
_TELLING = ("PRACTICE_CODE", "QUANTITY", "ITEMS", "TOTAL_QUANTITY", "NIC", "SNOMED_CODE")
_BNF = re.compile(r"[0-9]{2}[0-9A-Z]{0,13}")
_MONTHS_IN = {"month": 1, "quarter": 3, "year": 12, "financial_year": 12}


def _read(study: Study, outcome: Outcome, files: tuple[Path, ...]) -> Tidy:
    wanted = _wanted(outcome)
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold months, which have no place in an index",
            place="[time] frequency",
            allowed='"month", "quarter", "year" or "financial_year"',
        )
    layouts = {path: _layout(path, relative_name(path, study.folder), outcome) for path in files}
    parts = []
    for path, layout in layouts.items():
        name = relative_name(path, study.folder)
        lines = scan(path, name, layout, wanted)
        total = int(lines["behind"].sum())
        parts.append(
            lines.select(
                pl.lit(name).alias("file"),
                pl.lit(layout.name).alias("layout"),
                pl.lit(total, pl.Int64).alias("rows_in_file"),
                pl.all(),
            )
        )
    heading = next(iter(layouts.values())).figure
    figures = {"count": heading, **({"exposure": heading} if wanted.of else {})}
    tidy = _as_tidy(pl.concat(parts), study, figures)
    return Tidy(rows=tidy, headings=figures, checks=(files_scanned(tidy, outcome),))


def _wanted(outcome: Outcome) -> Wanted:
    known_metric(ENGLISH_PRESCRIBING, outcome)
    place = f'[[outcomes]] "{outcome.key}"'
    example = 'select = { bnf = ["0501"] } for antibacterial drugs'
    counted, of = chosen(outcome, "bnf"), chosen(outcome, "bnf_of")
    if counted is None:
        raise StudyError(
            "nothing says which BNF codes are counted",
            place=f"{place}, select",
            allowed="the beginnings of BNF codes",
            remedy=f"Write for example {example}.",
        )
    wrong = next((code for code in (*counted, *(of or ())) if not _BNF.fullmatch(code)), None)
    if wrong is not None:
        raise StudyError(
            f"{wrong!r} is not the beginning of a BNF code",
            place=f"{place}, select",
            allowed="2 to 15 digits and capitals, two digits first: a chapter (05), a section "
            "(0501), a substance (0501013B0), a presentation",
            remedy=f"Write for example {example}.",
        )
    needs_of = outcome.measure in ("rate", "share") and outcome.exposure_from is None
    if outcome.measure == "mean" or (needs_of and of is None):
        raise StudyError(
            f'measure = "{outcome.measure}" does not fit: the files have no denominator',
            place=f"{place}, measure",
            allowed='"count"; "share" or "rate" with select.bnf_of (of all the items of those '
            'codes); "rate" with exposure_from (for each resident)',
        )
    if of is not None and not needs_of:
        raise StudyError(
            "bnf_of would not be used",
            place=f"{place}, select",
            allowed='bnf_of with measure = "share" or "rate", and no exposure_from',
            remedy="Delete bnf_of.",
        )
    return Wanted(counted=counted, of=of or ())


def _layout(path: Path, name: str, outcome: Outcome) -> Layout:
    """Tell the two layouts apart by their headings.

    Raises
    ------
    SourceError
        When the file has headings of both, of neither, or lacks one that is needed.
    """
    there = heading_line(path, name)
    found = headings_in(there, ENGLISH_PRESCRIBING, outcome)
    legacy = [c for c in _LEGACY if c in found]
    current = [c for c in _CURRENT if c in found]
    if legacy and current:
        raise SourceError(
            f"the file has headings of both layouts: {', '.join(legacy)} of the legacy one, "
            f"{', '.join(current)} of the current one",
            place=name,
            allowed="one layout a file: BNF_CHEMICAL_SUBSTANCE is a code in the legacy layout and "
            "a name in the current one",
            remedy="Get the file again as published. Files of both layouts may stand side by side.",
        )
    bnf, chemical = (
        ("BNF_PRESENTATION_CODE", "BNF_CHEMICAL_SUBSTANCE_CODE")
        if current
        else ("BNF_CODE", "BNF_CHEMICAL_SUBSTANCE")
    )
    figure = next((c for c in _FIGURES[outcome.metric or ""] if c in found), None)
    needed = ["YEAR_MONTH", "ICB_CODE", bnf, chemical]
    needed.append(figure or _FIGURES[outcome.metric or ""][0])
    require_declared(there, needed, ENGLISH_PRESCRIBING, outcome, name)
    telling = dict.fromkeys((*_TELLING, *needed))
    return Layout(
        name="current" if current else "legacy",
        month=found["YEAR_MONTH"],
        icb=found["ICB_CODE"],
        bnf=found[bnf],
        chemical=found[chemical],
        figure=found[needed[-1]],
        telling=tuple(found[c] for c in telling if c in found),
    )


def _as_tidy(lines: pl.DataFrame, study: Study, figures: dict[str, str]) -> pl.DataFrame:
    month = pl.col("month").str.strip_chars().str.replace_all("-", "")
    lines = lines.with_columns(
        pl.format("{}01", month).str.to_date("%Y%m%d", strict=False).alias("date")
    )
    periods = [None if d is None else study.calendar.parse(d) for d in lines["date"]]
    # Months of one period are added up. What is no number stands beside them, and is refused.
    is_sum = pl.col("as_written").is_null()
    day = pl.when(is_sum).then(pl.col("date").dt.month()).otherwise(100 + pl.int_range(pl.len()))
    lines = lines.with_columns(
        pl.Series("period", periods, dtype=pl.Int64),
        day.cast(pl.Int32).fill_null(0).alias("day"),
    )
    return lines.select(
        "file",
        "row",
        pl.col("code").replace("", None),
        pl.col("month").alias("period_text"),
        "period",
        "day",
        *figures,
        pl.coalesce("reason", _part_of_a_period(study)).alias("left_out"),
        "behind",
        "date",
        "layout",
        "rows_in_file",
        "told_apart",
    )


def _part_of_a_period(study: Study) -> pl.Expr:
    """Return the reason of lines of a quarter or year of which a month is missing."""
    needed = _MONTHS_IN[study.time.frequency]
    there = pl.col("date").n_unique().over("code", "period")
    reason = pl.format("only {} of the {} months of the period are there", there, pl.lit(needed))
    is_live = pl.col("reason").is_null() & pl.col("date").is_not_null()
    return pl.when(is_live & (there < needed)).then(reason)


def _examine(rows: pl.DataFrame, study: Study, outcome: Outcome) -> tuple[Check, ...]:
    del study
    return (rows_accounted(rows, outcome), months_whole(rows, outcome), repeats(rows, outcome))


_BOTH, _OLD, _NEW = "always", "legacy layout", "current layout"
_UNREAD = "not needed"
_COLUMNS: tuple[tuple[str, Kind, str, str, str], ...] = (
    ("YEAR_MONTH", "period", _BOTH, "202404", "Month."),
    ("REGIONAL_OFFICE_NAME", "text", _UNREAD, "MIDLANDS", ""),
    ("REGIONAL_OFFICE_CODE", "code", _UNREAD, "Y60", ""),
    ("ICB_NAME", "text", _UNREAD, "NHS COVENTRY AND WARWICKSHIRE ICB", ""),
    ("ICB_CODE", "code", _BOTH, "QWU", "ODS code of the practice's ICB; `-` where unidentified."),
    ("PCO_NAME", "text", _UNREAD, "NHS COVENTRY AND WARWICKSHIRE ICB - B2M3M", ""),
    ("PCO_CODE", "code", _UNREAD, "B2M3M", ""),
    ("PRACTICE_NAME", "text", _UNREAD, "A PRACTICE", ""),
    ("PRACTICE_CODE", "code", "where there", "M86001", "Tells rows apart that are given twice."),
    ("ADDRESS_1 to ADDRESS_4, POSTCODE", "text", _UNREAD, "", ""),
    (
        *("BNF_CHEMICAL_SUBSTANCE", "code", _OLD, "0501013B0"),
        "The code in the legacy layout, the *name* in the current one.",
    ),
    ("CHEMICAL_SUBSTANCE_BNF_DESCR", "text", _UNREAD, "Amoxicillin", "Tells the legacy layout."),
    ("BNF_CODE", "code", _OLD, "0501013B0AAABAB", "Presentation."),
    ("BNF_DESCRIPTION", "text", _UNREAD, "Amoxicillin 500mg capsules", ""),
    ("BNF_CHEMICAL_SUBSTANCE_CODE", "code", _NEW, "0501013B0", "The code."),
    ("BNF_PRESENTATION_CODE", "code", _NEW, "0501013B0AAABAB", "Presentation."),
    ("BNF_PRESENTATION_NAME", "text", _UNREAD, "Amoxicillin 500mg capsules", ""),
    ("SNOMED_CODE", "code", "where there", "323510009", "Tells rows apart; current layout."),
    ("BNF_CHAPTER_PLUS_CODE", "text", _UNREAD, "05: Infections", ""),
    ("QUANTITY", "number", "where there", "21", "Of one item. Tells rows apart."),
    ("ITEMS", "number", "for items", "7", "Items prescribed and dispensed."),
    ("TOTAL_QUANTITY", "number", "for total_quantity", "147", "Quantity times items."),
    ("ADQUSAGE", "number", "for adq", "73.5", "Average daily quantities."),
    ("ADQ_USAGE", "number", "for adq, where it is called so", "73.5", "The same."),
    ("NIC", "number", "for nic", "9.1", "Net ingredient cost, pounds."),
    ("ACTUAL_COST", "number", "for actual_cost", "8.63447", "Actual cost, pounds."),
    ("UNIDENTIFIED", "text", _UNREAD, "N", ""),
)

_METRICS: tuple[tuple[str, Mark, str], ...] = (
    ("items", "V", "Items prescribed and dispensed."),
    ("total_quantity", "V", "Tablets, millilitres and so on: of like things only."),
    ("nic", "V", "Net ingredient cost in pounds: at list price."),
    ("actual_cost", "V", "Cost in pounds after discounts."),
    ("adq", "P", "Average daily quantities, for substances that have one."),
)

ENGLISH_PRESCRIBING = Source(
    key="english_prescribing",
    title="English Prescribing Dataset (EPD)",
    publisher="NHS Business Services Authority",
    licence="Open Government Licence v3.0",
    mark="P",
    row="one presentation and quantity prescribed by one practice in one month",
    takes_headings=True,
    columns=tuple(
        Column(name=name, kind=kind, required=needed, example=example, meaning=said or "Not read.")
        for name, kind, needed, example, said in _COLUMNS
    ),
    selects=(
        Select(
            name="bnf",
            meaning="Required: the beginnings of the BNF codes that are counted, from the chapter "
            "(05) over the section (0501) and the substance (0501013B0) to the presentation.",
            example='select = { bnf = ["0501"] }',
        ),
        Select(
            name="bnf_of",
            meaning="The beginnings of the BNF codes of the denominator: with "
            'measure = "share", which share of these is of bnf.',
            example='select = { bnf = ["0501021", "0501120"], bnf_of = ["0501"] }',
        ),
    ),
    metrics=tuple(
        Metric(key=key, grain="month", definition=said, labels=_FIGURES[key], mark=mark)
        for key, mark, said in _METRICS
    ),
    read=_read,
    examine=_examine,
    oddities=(
        "There are two layouts. Until the files of early 2025 [P], BNF_CHEMICAL_SUBSTANCE is the "
        "code; since then it is the name, and the code is in BNF_CHEMICAL_SUBSTANCE_CODE. A file's "
        "layout is told by its headings; one with headings of both, or with names where codes are "
        "due, is refused. Files of both may stand side by side.",
        "A month has some 18 million rows (6 GB): files are read in streams and added up by ICB "
        "while they are read (measured on invented rows: 18 million, 7 GB of CSV, in one minute "
        "and 0.4 GiB, two busy cores). The ledger counts rows for each reason; one line of it may "
        "stand for millions, and names the first of them. The check `rows_accounted` holds that "
        "the rows of each file are those used and those explained.",
        'The dataset has no denominator: measure = "count" for totals; "share" with bnf_of; '
        '"rate" for each resident or bed with exposure_from, from another outcome of the study.',
        "[U] There is no prescriber in the dataset: pilot nurses cannot be told from others. A "
        "cost centre or prescriber code would come by ePACT2 or local returns. All prescribing of "
        "the ICB's practices is counted, for every patient, by where the practice is.",
        "Rows of unidentified prescribers have the code - for the ICB; they are left out and "
        "counted.",
        "A quarter or year of which a month is missing for an ICB is left out: its sum would drop "
        "without cause. The check `months_whole` compares the rows of files, for half a file is "
        "read without an error; `rows_given_twice` finds rows that came twice through the "
        "publisher's paged interface.",
        "From April 2026 the ICBs are those of the new boundaries. Files from before July 2022 may "
        'call the columns STP_CODE and STP_NAME [P]: headings = { "ICB_CODE" = "STP_CODE" }.',
    ),
)
