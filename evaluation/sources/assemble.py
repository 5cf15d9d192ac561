"""From tidy rows to a panel: the steps that every source's rows go through, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evaluation.errors import StudyError
from evaluation.findings import Check
from evaluation.named_files import find_files
from evaluation.panel import Adoption, Panel
from evaluation.sources.adoption import Members, assign, study_members
from evaluation.sources.borrowing import leave_out_without, with_borrowed
from evaluation.sources.count_ends import place_ends, within_exposure
from evaluation.sources.declaration import Source
from evaluation.sources.figures import read_figures, refuse_impossible
from evaluation.sources.period_hints import refusals
from evaluation.sources.presence import say_what_gives_nothing, say_who_is_missing
from evaluation.sources.repeats import settle_repeats
from evaluation.sources.rules import Sifting, to_checks
from evaluation.sources.selection import refuse_needless
from evaluation.sources.sums import one_row_a_period
from evaluation.sources.tidy import Tidy
from evaluation.sources.units import drop_totals, follow_codes, own_code, whole_units
from evaluation.study import Exclusion, Outcome, Study

__all__ = ["Loaded", "assemble"]

_YEARS = (1900, 2100)
_NEEDED = {
    "rate": ({"count", "exposure"},),
    "share": ({"count", "exposure"},),
    "count": ({"count"},),
    "mean": ({"value"}, {"count", "exposure"}),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """The data of one outcome, read.

    Parameters
    ----------
    panel : Panel or None
        None when a blocking check failed.
    trace : polars.DataFrame
        One line an input row: ``file`` (relative to the study's folder), ``row`` (1 is the
        header line), ``unit`` and ``period`` (ordinal), null where unknown, and ``left_out``,
        null for a row that is used, else the reason in plain words. Where the source adds rows
        up while it reads, a line stands for as many rows as ``behind`` says.
    checks : tuple of Check
        What was looked for in the rows, and found.
    files : tuple of Path
        The files read.
    """

    panel: Panel | None
    trace: pl.DataFrame
    checks: tuple[Check, ...]
    files: tuple[Path, ...]


def assemble(
    source: Source, study: Study, outcome: Outcome, lent: Mapping[str, Panel | None]
) -> Loaded:
    """Read one outcome by its source, and account for every row.

    ``lent`` are the panels of the outcomes that it takes an exposure or a dose from, by key; None
    for one that has none.
    """
    refuse_needless(source, outcome)
    files = find_files(study.folder, outcome.files, place="[[outcomes]] files")
    tidy = source.read(study, outcome, files)
    _refuse_lack_of_figures(tidy, outcome)
    members = study_members(study)
    sifting, adoption = _sift(Sifting(rows=tidy.rows), tidy, study, outcome, members)
    sifting = leave_out_without(sifting, outcome, lent)
    sifting = say_what_gives_nothing(sifting)
    sifting = say_who_is_missing(sifting, study, members, adoption)
    checks = [*tidy.checks, *to_checks(sifting.found, study.calendar, outcome.key)]
    checks += source.examine(sifting.rows, study, outcome)
    trace = sifting.rows.select(
        "file",
        "row",
        pl.coalesce("unit", "own", "code").alias("unit"),
        "period",
        "left_out",
        *(["behind"] if "behind" in sifting.rows.columns else []),
    )
    blocked = any(check.blocking and check.passed is False for check in checks)
    used = sifting.rows.filter(pl.col("left_out").is_null())
    panel = None
    if not blocked:
        rows = with_borrowed(one_row_a_period(used, tidy), outcome, lent)
        panel = _panel(rows, adoption, study, outcome)
    return Loaded(panel=panel, trace=trace, checks=tuple(checks), files=files)


def _refuse_lack_of_figures(tidy: Tidy, outcome: Outcome) -> None:
    if outcome.weight == "column" and "weight" not in tidy.figures:
        raise StudyError(
            'weight = "column" needs a column of weights',
            place=f'[[outcomes]] "{outcome.key}", columns',
            remedy='Name it: columns.weight = "...".',
        )
    if outcome.exposure_from is not None and "exposure" in tidy.figures:
        raise StudyError(
            f"the source {outcome.source!r} has an exposure of its own here",
            place=f'[[outcomes]] "{outcome.key}", exposure_from',
            remedy="Delete exposure_from.",
        )
    there = {*tidy.figures, *(["exposure"] if outcome.exposure_from is not None else [])}
    if any(needed <= there for needed in _NEEDED[outcome.measure]):
        return
    allowed = " or ".join(" and ".join(sorted(needed)) for needed in _NEEDED[outcome.measure])
    raise StudyError(
        f'measure = "{outcome.measure}" needs {allowed}',
        place=f'[[outcomes]] "{outcome.key}", columns',
        remedy="Name the columns that hold them.",
    )


def _sift(
    sifting: Sifting, tidy: Tidy, study: Study, outcome: Outcome, members: Members
) -> tuple[Sifting, Adoption]:
    register = study.geography.register_
    # Codes of rows that the layout leaves out, thousands in large files, are not looked up.
    codes = sifting.rows.filter(pl.col("left_out").is_null())["code"].drop_nulls().unique()
    own = {code: own_code(code, register) for code in codes}
    rows = sifting.rows.with_columns(
        pl.col("code").replace_strict(own, default=None, return_dtype=pl.String).alias("own"),
        pl.lit(None, pl.String).alias("unit"),
    )
    exclusions = [
        e for e in (*study.comparison.exclude, *study.exclude) if e.outcome in (None, outcome.key)
    ]
    sifting = drop_totals(Sifting(rows=rows), study)
    sifting = _exclude(sifting, exclusions, study, "own")
    sifting = _refuse_periods(sifting, tidy, study)
    sifting = _keep_window(sifting, study)
    sifting = follow_codes(sifting, study)
    sifting = _exclude(sifting, exclusions, study, "unit")
    adopting = [c for c in ("first_treated", "treated", "cluster") if c in sifting.rows.columns]
    sifting, adoption = assign(sifting, study, members)
    sifting = settle_repeats(sifting, [*tidy.figures, *adopting])
    sifting = place_ends(sifting, tidy, outcome)
    sifting = refuse_impossible(read_figures(sifting, tidy), outcome.measure)
    pilots = frozenset(own_code(c, register) or c for s in study.sites for c in s.units)
    sifting = whole_units(sifting, pilots, is_daily=tidy.is_daily)
    return sifting, adoption


def _refuse_periods(sifting: Sifting, tidy: Tidy, study: Study) -> Sifting:
    sifting = _refuse_years(sifting, study)
    no_period = pl.col("left_out").is_null() & pl.col("period").is_null()
    written = pl.col("period_text").fill_null("")
    texts = sifting.rows.filter(no_period).select(written.unique()).to_series()
    told = refusals(texts, study.calendar, tidy.headings.get("period_text", "Period"))
    return sifting.object_to(
        "periods",
        no_period,
        written.replace_strict(told, default=None, return_dtype=pl.String),
        value="period_text",
    )


def _refuse_years(sifting: Sifting, study: Study) -> Sifting:
    """Take periods of years that no data are of for unreadable: 01/04/24 is of the year 24."""
    in_a_year = {"month": 12, "quarter": 4, "year": 1, "financial_year": 1}
    if study.time.frequency not in in_a_year:
        return sifting
    year = pl.col("period") // in_a_year[study.time.frequency]
    period = pl.when(year.is_between(*_YEARS)).then("period")
    return Sifting(rows=sifting.rows.with_columns(period.alias("period")), found=sifting.found)


def _exclude(
    sifting: Sifting, exclusions: Iterable[Exclusion], study: Study, column: str
) -> Sifting:
    for item in exclusions:
        when = pl.lit(value=True)
        if item.unit is not None:
            named = own_code(item.unit, study.geography.register_) or item.unit
            when = pl.col(column) == named
        if item.first is not None:
            when &= pl.col("period") >= item.first
        if item.last is not None:
            when &= pl.col("period") <= item.last
        sifting = sifting.leave_out(when, f"excluded: {item.reason}")
    return sifting


def _keep_window(sifting: Sifting, study: Study) -> Sifting:
    first, last = study.time.first, study.time.last
    outside = pl.lit(value=False)
    if first is not None:
        outside |= pl.col("period") < first
    if last is not None:
        outside |= pl.col("period") > last
    return sifting.leave_out(outside, "outside the window")


def _panel(used: pl.DataFrame, adoption: Adoption, study: Study, outcome: Outcome) -> Panel:
    used = within_exposure(used, outcome)
    weight = _weight(used, outcome)
    return Panel(
        rows=used.with_columns(_measured(used, outcome).alias("outcome"), weight.alias("weight")),
        adoption=adoption,
        calendar=study.calendar,
        key=outcome.key,
        measure=outcome.measure,
        per=outcome.per if outcome.measure == "rate" else 1.0,
        covariates=outcome.covariates,
    )


def _measured(used: pl.DataFrame, outcome: Outcome) -> pl.Expr:
    if outcome.measure == "count":
        return pl.col("count")
    if outcome.measure == "mean" and "value" in used.columns:
        return pl.col("value")
    per = outcome.per if outcome.measure == "rate" else 1.0
    return per * pl.col("count") / pl.col("exposure")


def _weight(used: pl.DataFrame, outcome: Outcome) -> pl.Expr:
    if outcome.weight == "column":
        return pl.col("weight")
    by_exposure = outcome.weight == "exposure" or outcome.weight is None
    if by_exposure and "exposure" in used.columns:
        return pl.col("exposure")
    return pl.lit(1.0)
