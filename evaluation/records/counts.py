"""From counts by provider, month, place and definition to the panel and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from evaluation.errors import SourceError
from evaluation.records.coverage import Coverage, coverage
from evaluation.records.definitions import avoidable_column
from evaluation.records.exclusions import Reason
from evaluation.records.exposure import with_exposure
from evaluation.records.notes import CountNote
from evaluation.records.places import Finder
from evaluation.records.plan import Plan, months_between, period_of

__all__ = ["ADMISSIONS", "Counted", "Tables", "tables"]

ADMISSIONS = "emergency_admissions"
_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the query gives.

    Parameters
    ----------
    cells : polars.DataFrame
        ``fate`` (null: an admission), ``provider``, ``month`` (year * 12 + month - 1), ``place``
        and one Boolean a definition (both null but for admissions), ``records``.
    definitions : tuple of str
        Keys of the definitions, which are the names of their columns.
    recast : int
        Records whose method of admission a program had made a number, and that was put right.
    """

    cells: pl.DataFrame
    definitions: tuple[str, ...]
    recast: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The panel and what goes with it.

    Parameters
    ----------
    panel : polars.DataFrame
        One row a unit and period that is known: ``unit``, ``period`` (code),
        ``emergency_admissions``, ``avoidable_<definition>`` each, and the exposure.
    flags : polars.DataFrame
        Of the admissions in the panel, one row a combination of definitions: a Boolean each, and
        ``admissions``.
    gaps : polars.DataFrame
        Units and months that are not known, as :class:`~evaluation.records.coverage.Coverage`.
    fates : polars.DataFrame
        ``fate`` (null for used) and ``records``.
    reasons : tuple of Reason
        Those told after counting, in order.
    notes : tuple of str
        What a reader must know.
    counted : tuple of CountNote
        More of it, with counts of records.
    """

    panel: pl.DataFrame
    flags: pl.DataFrame
    gaps: pl.DataFrame
    fates: pl.DataFrame
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    counted: tuple[CountNote, ...] = ()


_AFTERWARDS = (
    Reason(
        key="partly_covered",
        stage="admissions",
        words="in a period that the records cover in part only",
    ),
    Reason(
        key="gap",
        stage="admissions",
        words="in a unit and period in which a provider that serves the unit sent nothing: not "
        "known, so absent from the panel",
    ),
)


def tables(
    counted: Counted, plan: Plan, exposed: pl.DataFrame | None, asked: Sequence[Reason] = ()
) -> Tables:
    """Make the panel, with what :func:`~evaluation.records.exposure.read_exposure` read.

    ``asked`` are the reasons that records were left out for, to say which where none is left.

    Raises
    ------
    SourceError
        Where no admission is left.
    """
    cells, unlisted = _placed(counted.cells, plan.finder)
    months = _months(cells, plan)
    covered = coverage(cells, months)
    cells = _known(cells, covered, plan)
    used = cells.filter(pl.col("fate").is_null())
    fates = cells.group_by("fate").agg(pl.col("records").sum())
    if used.is_empty():
        raise _nothing_left(fates, (*asked, *_AFTERWARDS))
    grid = _grid(used, covered, plan, exposed)
    panel, notes = with_exposure(_counted(grid, used, counted.definitions), exposed, plan)
    by_flags = used.group_by(counted.definitions).agg(pl.col("records").sum().alias("admissions"))
    return Tables(
        panel=panel,
        flags=by_flags.sort(counted.definitions),
        gaps=covered.gaps,
        fates=fates,
        reasons=_AFTERWARDS,
        notes=(*covered.notes, *notes),
        counted=_unlisted(unlisted, plan),
    )


def _placed(cells: pl.DataFrame, finder: Finder) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give admissions their unit, or the reason why they have none; and the codes not listed."""
    codes = cells.filter(pl.col("fate").is_null())["place"].unique().to_list()
    found = [(code, *finder.fate(code)) for code in codes]
    schema = {"place": pl.String, "unit": pl.String, "why": pl.String}
    table = pl.DataFrame(found, schema=schema, orient="row")
    placed = cells.join(table, on="place", how="left", nulls_equal=True)
    live = pl.col("fate").is_null()
    placed = placed.with_columns(
        pl.when(live).then(pl.col("unit")).alias("unit"),
        pl.when(live).then(pl.col("why")).otherwise(pl.col("fate")).alias("fate"),
    )
    unlisted = placed.filter(pl.col("fate") == "place_not_listed")
    return placed.drop("why"), unlisted.group_by("place").agg(pl.col("records").sum())


def _months(cells: pl.DataFrame, plan: Plan) -> range:
    """Return the months of the window, of whole periods."""
    window, calendar = plan.window, plan.calendar
    seen = cells.filter(pl.col("fate").is_null())["month"]
    if seen.is_empty():
        return range(window.first or 0, (window.last or -1) + 1)
    low, high = int(seen.unique().sort()[0]), int(seen.unique().sort()[-1])
    first = period_of(calendar, low if window.first is None else window.first)
    last = period_of(calendar, high if window.last is None else window.last)
    return months_between(calendar, first, last)


def _periods(covered: Coverage, plan: Plan) -> list[int]:
    """Return the periods all of whose months are covered."""
    known = set(covered.months)
    periods = sorted({period_of(plan.calendar, month) for month in covered.months})
    return [p for p in periods if known.issuperset(months_between(plan.calendar, p, p))]


def _absent(covered: Coverage, plan: Plan) -> pl.DataFrame:
    """Return the units and periods that a gap leaves unknown."""
    months = covered.gaps.select("unit", "month").rows()
    rows = {(unit, period_of(plan.calendar, month)) for unit, month in months}
    schema = {"unit": pl.String, "period": pl.Int64}
    return pl.DataFrame(sorted(rows), schema=schema, orient="row")


def _known(cells: pl.DataFrame, covered: Coverage, plan: Plan) -> pl.DataFrame:
    """Take admissions out that lie in a unit and period which is not known whole."""
    of_month = {m: period_of(plan.calendar, m) for m in cells["month"].unique().drop_nulls()}
    period = pl.col("month").replace_strict(of_month, default=None, return_dtype=pl.Int64)
    absent = _absent(covered, plan).with_columns(pl.lit(value=True).alias("is_gap"))
    cells = cells.with_columns(period.alias("period"))
    cells = cells.join(absent, on=["unit", "period"], how="left")
    live = pl.col("fate").is_null()
    partly = live & ~pl.col("period").is_in(_periods(covered, plan))
    return cells.with_columns(
        pl.when(partly)
        .then(pl.lit("partly_covered"))
        .when(live & pl.col("is_gap").fill_null(value=False))
        .then(pl.lit("gap"))
        .otherwise(pl.col("fate"))
        .alias("fate")
    )


def _nothing_left(fates: pl.DataFrame, asked: Sequence[Reason]) -> SourceError:
    words = {reason.key: reason.words for reason in asked}
    told = fates.sort("records", descending=True)["fate"].to_list()
    # Without counts: an error is read where the records may not be, and some are small.
    shown = "; ".join(words.get(fate, fate) for fate in told[:_LISTED])
    why = f"left out, most of them first: {shown}" if shown else "there are none"
    return SourceError(
        f"no admission is left of the records ({why})",
        place="[records]",
        allowed="at least one emergency admission of a resident, in the window, of a known unit",
        remedy="Look at the first of these reasons: columns, dates, residents and place say "
        "how each is told",
    )


def _grid(
    used: pl.DataFrame, covered: Coverage, plan: Plan, exposed: pl.DataFrame | None
) -> pl.DataFrame:
    """Return the units and periods that are known, with or without admissions."""
    units = set(used["unit"])
    if exposed is not None and plan.settings.place.by == "column":
        # A home without any admission is in no record; that it is one, its residents say.
        units |= set(exposed["unit"])
    grid = pl.DataFrame({"unit": sorted(units)}).join(
        pl.DataFrame({"period": _periods(covered, plan)}, schema={"period": pl.Int64}), how="cross"
    )
    return grid.join(_absent(covered, plan), on=["unit", "period"], how="anti").sort(
        "unit", "period"
    )


def _counted(grid: pl.DataFrame, used: pl.DataFrame, definitions: Sequence[str]) -> pl.DataFrame:
    records = pl.col("records")
    counts = used.group_by("unit", "period").agg(
        records.sum().alias(ADMISSIONS),
        *(records.filter(pl.col(key)).sum().alias(avoidable_column(key)) for key in definitions),
    )
    names = [ADMISSIONS, *(avoidable_column(key) for key in definitions)]
    panel = grid.join(counts, on=["unit", "period"], how="left")
    return panel.with_columns(pl.col(names).fill_null(0)).sort("unit", "period")


def _unlisted(unlisted: pl.DataFrame, plan: Plan) -> tuple[CountNote, ...]:
    if unlisted.is_empty():
        return ()
    every = unlisted.sort("records", "place", descending=[True, False]).rows()
    top = every[:_LISTED]
    shown = [part for code, records in top for part in (", ", f"{code} (", records, ")")][1:]
    others = " and others" if unlisted.height > _LISTED else ""
    note = (
        f"{unlisted.height:,} codes are not in {plan.finder.listed}: ",
        *shown,
        f"{others}. Codes of another date need a lookup of that date.",
    )
    return (CountNote(parts=note, rest=sum(records for _, records in every[_LISTED:])),)
