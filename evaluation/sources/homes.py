"""Rows of care homes: by home, or added up by ICB, the last row of a home in a period counting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from evaluation import geography
from evaluation.errors import StudyError
from evaluation.named_files import relative_name
from evaluation.periods import Calendar
from evaluation.sources.declaration import Source
from evaluation.sources.declared import declared_text, read_below_notes
from evaluation.sources.labels import even
from evaluation.sources.markers import blank
from evaluation.sources.selection import known_metric, leave_out, live
from evaluation.sources.table import files_read
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = ["HomeFigure", "HomeFiles", "icb_code", "read_homes"]

_DAYS = ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFigure:
    """A metric of homes: ``count`` and ``exposure`` are declared columns.

    ``exposure`` None is no exposure, "" one for each home. ``words`` are what cells may say in
    place of numbers: yes, no.
    """

    count: str
    exposure: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFiles:
    """What the columns of a source of homes are called, and its metrics.

    ``sheets`` are names of the sheet of a workbook, where the study names none. ``home`` may be
    absent from files that have one row an ICB.
    """

    home: str
    icb: str
    moment: str
    figures: Mapping[str, HomeFigure]
    sheets: tuple[str | None, ...] = (None,)
    is_home_needed: bool = False


def read_homes(
    source: Source, laid_out: HomeFiles, study: Study, outcome: Outcome, files: tuple[Path, ...]
) -> Tidy:
    """Read files of a source that has one row a home and period.

    With the register of ICBs a unit is the ICB, and the homes in it are added up; without a
    register a unit is the home.

    Raises
    ------
    StudyError
        For a metric or measure that does not fit.
    SourceError
        For files that cannot be read or lack a column.
    """
    figures, words = _figures(source, laid_out, outcome)
    if study.time.frequency == "index":
        raise StudyError(
            "the files hold dates, which have no place in an index",
            place="[time] frequency",
            allowed='"month", "quarter", "year" or "financial_year"',
        )
    by_icb = study.geography.register_ == "icb"
    needed = [laid_out.moment, laid_out.icb if by_icb else laid_out.home]
    needed += [column for column in figures.values() if column]
    needed += [laid_out.home] if laid_out.is_home_needed else []
    called = [outcome.headings.get(name, name) for name in needed]
    sheets = [
        read_below_notes(
            path, relative_name(path, study.folder), called, (outcome.sheet, *laid_out.sheets)
        )
        for path in files
    ]
    has_homes = any(
        even(outcome.headings.get(laid_out.home, laid_out.home)) == even(heading)
        for sheet in sheets
        for heading in sheet.cells.columns
    )
    rows = pl.concat(declared_text(sheet, needed, source, outcome) for sheet in sheets)
    rows = _with_places(rows, laid_out, by_icb=by_icb)
    all_blank = pl.all_horizontal(blank(c.name) for c in source.columns)
    rows = rows.with_columns(pl.when(all_blank).then(pl.lit("blank row")).alias("left_out"))
    if by_icb and has_homes:
        rows = leave_out(rows, pl.when(pl.col("home") == "").then(pl.lit("no home")))
    rows = _last_of_each_period(_with_moments(rows, laid_out.moment, study.calendar))
    return Tidy(
        rows=_as_tidy(rows, laid_out.moment, figures, words),
        headings={name: outcome.headings.get(c, c) for name, c in figures.items()},
        checks=(files_read(sheets, outcome),),
    )


def _figures(
    source: Source, laid_out: HomeFiles, outcome: Outcome
) -> tuple[dict[str, str], Mapping[str, str]]:
    """Return which declared column holds which figure, and the words in place of numbers."""
    figure = laid_out.figures[known_metric(source, outcome).key]
    columns = {"count": figure.count}
    is_ratio = outcome.measure != "count" or outcome.weight == "exposure"
    if outcome.exposure_from is None and is_ratio:
        if figure.exposure is None:
            raise StudyError(
                f'measure = "{outcome.measure}" does not fit: metric = "{outcome.metric}" has no '
                "denominator",
                place=f'[[outcomes]] "{outcome.key}", measure',
                allowed='"count", or "rate" with exposure_from',
            )
        columns["exposure"] = figure.exposure
    return columns, figure.words


def _with_places(rows: pl.DataFrame, laid_out: HomeFiles, *, by_icb: bool) -> pl.DataFrame:
    home = pl.col(laid_out.home).fill_null("").str.strip_chars()
    rows = rows.with_columns(home.alias("home"))
    if not by_icb:
        return rows.with_columns(pl.col("home").replace("", None).alias("code"))
    written = rows[laid_out.icb].drop_nulls().unique()
    codes = {text: icb_code(text) for text in written}
    code = pl.col(laid_out.icb).replace_strict(codes, default=None, return_dtype=pl.String)
    return rows.with_columns(code.replace("", None).alias("code"))


def icb_code(text: str) -> str:
    """Return the ODS code of an ICB that is given by its name; any other text as it is."""
    return _names().get(_plain(text), text.strip())


@cache
def _names() -> dict[str, str]:
    """Return the ODS code of each name that an ICB goes by, evened out."""
    known: dict[str, str] = {}
    for boundaries in ("2025-04", "2026-04"):
        for item in geography.areas(boundaries):
            for name in (item.name, item.short_name):
                known[_plain(name)] = item.ods
    return known


def _plain(name: str) -> str:
    text = even(name).replace("&", "and").replace(",", "")
    text = text.removeprefix("nhs ").removesuffix(" icb").removesuffix(" integrated care board")
    return " ".join(text.split())


def _with_moments(rows: pl.DataFrame, column: str, calendar: Calendar) -> pl.DataFrame:
    """Give each row its ``period`` and its ``moment``, to tell which of two is later."""
    periods: dict[str, int] = {}
    moments: dict[str, datetime] = {}
    for text in rows[column].drop_nulls().unique():
        moment = _moment(text.strip())
        if moment is None:
            continue
        periods[text] = calendar.parse(moment.date())
        moments[text] = moment
    cell = pl.col(column)
    return rows.with_columns(
        cell.replace_strict(periods, default=None, return_dtype=pl.Int64).alias("period"),
        cell.replace_strict(moments, default=None, return_dtype=pl.Datetime("us")).alias("moment"),
    )


def _moment(text: str) -> datetime | None:
    """Read a date, a date with a time, or a month; None for anything else."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        pass
    for form in _DAYS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        month = Calendar(frequency="month").parse(text)
    except ValueError:
        return None
    return datetime(month // 12, month % 12 + 1, 1)


def _last_of_each_period(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out rows of a home (or an ICB) that a later one of the same period supersedes."""
    place = pl.when(pl.col("home") == "").then("code").otherwise("home")
    rows = rows.with_columns(place.alias("place"))
    last = (
        live(rows)
        .filter(pl.col("place").is_not_null(), pl.col("moment").is_not_null())
        .group_by("place", "period")
        .agg(pl.col("moment").max().alias("last"))
    )
    rows = rows.join(last, on=["place", "period"], how="left", maintain_order="left")
    reason = pl.lit("superseded by a later row of the same period")
    return leave_out(rows, pl.when(pl.col("moment") < pl.col("last")).then(reason))


def _as_tidy(
    rows: pl.DataFrame, moment: str, figures: Mapping[str, str], words: Mapping[str, str]
) -> pl.DataFrame:
    # A home is a part of its ICB, told from the others by its place in the list of homes.
    part = pl.col("home").rank("dense").cast(pl.Int32)
    return rows.select(
        "file",
        "row",
        "code",
        pl.col(moment).alias("period_text"),
        "period",
        pl.when(pl.col("home") == "").then(0).otherwise(part).cast(pl.Int32).alias("day"),
        *(_worded(column, words).alias(name) for name, column in figures.items()),
        "left_out",
        "home",
    )


def _worded(column: str, words: Mapping[str, str]) -> pl.Expr:
    if column == "":
        return pl.lit("1")
    cell = pl.col(column)
    if not words:
        return cell
    plain = cell.str.strip_chars().str.to_lowercase()
    return plain.replace_strict(dict(words), default=cell, return_dtype=pl.String)
