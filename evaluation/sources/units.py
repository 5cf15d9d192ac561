"""From the codes in the rows to the units of the study, through changes of boundary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from evaluation import geography
from evaluation.errors import StudyError
from evaluation.geography import BoundaryError, UnknownAreaError
from evaluation.periods import Calendar
from evaluation.sources.labels import even
from evaluation.sources.markers import cut
from evaluation.sources.rules import Sifting, finding
from evaluation.study import Study

__all__ = ["Refusal", "drop_totals", "follow_codes", "own_code", "study_unit", "whole_units"]

_ENGLAND = frozenset({"ENG", "ENGLAND", "E92000001", "ENGLAND (TYPE 1 TRUSTS)"})
_WORDS = frozenset({"TOTAL", "ALL", "GRAND TOTAL", "UK", "UNITED KINGDOM", "GREAT BRITAIN"})
_TOTAL_WORD = re.compile(r"\b(sub)?-?totals?\b", flags=re.IGNORECASE)
_REGION_CODE = r"^Y\d\d$"
# Of more unknown codes than these the nearest is not looked for, nor of text that is no code.
_MOST_ADVISED = 50
_LONGEST_CODE = 80
TOTAL = "total, not a unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a code cannot be used, and what to do about it."""

    problem: str
    remedy: str = field(default="")


@cache
def _totals() -> frozenset[str]:
    codes = {c for region in geography.regions() for c in (region.ods, *region.ons, region.name)}
    return _ENGLAND | {code.upper() for code in codes}


def own_code(code: str, register: str) -> str | None:
    """Return a code as the register writes it (ODS for an ONS code), None when it is unknown."""
    if register == "none":
        return code
    found = geography.find(code)
    return None if found is None else found.ods


def study_unit(code: str, study: Study, place: str) -> str:
    """Return the unit that a code in the study file stands for.

    Raises
    ------
    StudyError
        When the code is unknown or has no counterpart at the study's boundaries.
    """
    if study.geography.register_ == "none":
        return code
    try:
        return geography.follow(code, study.geography.boundaries)
    except (UnknownAreaError, BoundaryError) as error:
        raise StudyError(
            error.problem, place=place, allowed=error.allowed, remedy=error.remedy
        ) from error


def drop_totals(sifting: Sifting, study: Study) -> Sifting:
    """Leave out England and the regions among ICBs, and object to rows without a code."""
    sifting = sifting.object_to(
        "unit_codes", pl.col("code").is_null(), "the row names no unit", reason=pl.lit("no unit")
    )
    upper = pl.col("code").str.to_uppercase()
    is_total = upper.is_in(list(_totals())) | upper.str.contains(_REGION_CODE)
    if study.geography.register_ == "icb":
        return sifting.leave_out(is_total, TOTAL)
    live = sifting.rows.filter(pl.col("left_out").is_null())
    is_word = upper.is_in(list(_totals() | _WORDS)) | upper.str.contains(r"\b(SUB)?-?TOTALS?\b")
    suspects = live.filter(is_word)["code"].unique().sort()
    problem = "unit {!r} looks like a total over other units, and is used as a unit"
    found = [finding("totals", problem.format(code), unit=code) for code in suspects]
    return sifting.also(*found, *_under_two_names(live["code"].unique().sort().to_list()))


def _under_two_names(codes: list[str]) -> list[pl.DataFrame]:
    """Return a finding for each unit that seems to be written in two ways."""
    first: dict[str, str] = {}
    found = []
    for code in codes:
        other = first.setdefault(even(code), code)
        if other != code:
            problem = f"units {other!r} and {code!r} differ in spaces, dashes or capitals only"
            found.append(finding("units_apart", problem, unit=code))
    return found


def follow_codes(sifting: Sifting, study: Study) -> Sifting:
    """Give each row its ``unit``, ``outlines`` and how many codes make the unit whole."""
    if study.geography.register_ == "none":
        rows = sifting.rows.with_columns(
            pl.col("own").alias("unit"),
            pl.lit("").alias("outlines"),
            pl.lit(1, pl.Int64).alias("needed"),
        )
        return Sifting(rows=rows, found=sifting.found)
    boundaries = study.geography.boundaries
    sifting = _refuse_unknown(sifting)
    sifting = _with_outlines(sifting, study.calendar)
    pairs = sifting.rows.select("code", "own", "outlines").unique().drop_nulls()
    units: list[str | None] = []
    refusals: list[Refusal] = []
    for code, _, outlines in pairs.iter_rows():
        try:
            units.append(geography.follow(code, boundaries, outlines=outlines))
            refusals.append(Refusal(problem=""))
        except BoundaryError as error:
            units.append(None)
            refusals.append(Refusal(problem=error.problem, remedy=error.remedy))
    followed = pairs.select("code", "outlines").with_columns(
        pl.Series("unit", units, dtype=pl.String),
        pl.Series("refusal", [r.problem for r in refusals], dtype=pl.String),
        pl.Series("refusal_remedy", [r.remedy for r in refusals], dtype=pl.String),
    )
    needed = _needed(followed, boundaries)
    rows = (
        sifting.rows.drop("unit")
        .join(followed, on=["code", "outlines"], how="left", maintain_order="left")
        .join(needed, on=["unit", "outlines"], how="left", maintain_order="left")
        .with_columns(pl.col("needed").fill_null(1))
    )
    return Sifting(rows=rows, found=sifting.found).object_to(
        "unit_codes",
        pl.col("unit").is_null() & (pl.col("refusal") != ""),
        pl.col("refusal"),
        value="code",
        remedy=pl.col("refusal_remedy"),
        reason=pl.lit("no counterpart at the study's boundaries"),
    )


def _refuse_unknown(sifting: Sifting) -> Sifting:
    live = sifting.rows.filter(pl.col("left_out").is_null())
    unknown = live.filter(pl.col("own").is_null())["code"].drop_nulls().unique()
    refusals = {
        code: _unknown(code) if nth < _MOST_ADVISED else _unadvised(code)
        for nth, code in enumerate(unknown.sort())
    }
    problems = {code: refusal.problem for code, refusal in refusals.items()}
    remedies = {code: refusal.remedy for code, refusal in refusals.items()}
    return sifting.object_to(
        "unit_codes",
        pl.col("own").is_null(),
        _looked_up("code", problems),
        value="code",
        remedy=_looked_up("code", remedies),
    )


def _looked_up(column: str, table: Mapping[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(table), default=None, return_dtype=pl.String)


def _unknown(code: str) -> Refusal:
    if _TOTAL_WORD.search(code):
        total = f'"{cut(code)}" is no ICB code but looks like a total over others'
        return Refusal(problem=total, remedy="Take totals out of the table.")
    if len(code) > _LONGEST_CODE:
        return _unadvised(code)
    try:
        geography.area(code)
    except UnknownAreaError as error:
        inside = _icb_around(code)
        parts = (
            ""
            if inside is None
            else (
                f"It is a sub-ICB location of {inside}, and its figures are a part of that ICB's. "
                "Get the table by ICB, or add the parts up."
            )
        )
        return Refusal(problem=_unadvised(code).problem, remedy=parts or error.remedy)
    return Refusal(problem=f'ICB code "{code}" cannot be used')


def _icb_around(code: str) -> str | None:
    """Return the ICB that a sub-ICB location is in, None where the code is of none."""
    try:
        icb = geography.icb_of_sub_icb(code)
    except UnknownAreaError:
        return None
    return f'"{icb.ods}" ({icb.short_name})'


def _unadvised(code: str) -> Refusal:
    """Return the refusal without the nearest code, which takes long to find."""
    return Refusal(
        problem=f'ICB code "{cut(code)}" is not in the list of ICBs for this study',
        remedy="Is the column that of the code?",
    )


def _with_outlines(sifting: Sifting, calendar: Calendar) -> Sifting:
    """Give each row the outlines (before or from April 2026) that its period's codes mean."""
    live = sifting.rows.filter(pl.col("left_out").is_null())
    known = sifting.rows.filter(pl.col("own").is_not_null() & pl.col("period").is_not_null())
    outlines: dict[int, str] = {}
    clashes: dict[int, Refusal] = {}
    in_use = dict(live.group_by("period").agg(pl.col("code").unique()).iter_rows())
    for period, codes in known.group_by("period").agg(pl.col("code").unique()).iter_rows():
        month = _first_month(period, calendar)
        try:
            outlines[period] = geography.vintage(in_use.get(period, codes), month)
        except BoundaryError as error:
            outlines[period] = geography.vintage((), month)
            if period in in_use:
                clashes[period] = Refusal(problem=error.problem, remedy=error.remedy)
    rows = sifting.rows.with_columns(
        pl.col("period")
        .replace_strict(outlines, default=None, return_dtype=pl.String)
        .alias("outlines")
    )
    if not clashes:
        return Sifting(rows=rows, found=sifting.found)
    return Sifting(rows=rows, found=sifting.found).object_to(
        "unit_codes",
        pl.col("period").is_in(list(clashes)),
        pl.col("period").replace_strict(
            {p: r.problem for p, r in clashes.items()}, default=None, return_dtype=pl.String
        ),
        value="code",
        remedy=pl.lit(next(iter(clashes.values())).remedy),
    )


def _first_month(period: int, calendar: Calendar) -> str | None:
    """Return the first month of a period, "YYYY-MM"; None for an index."""
    if calendar.frequency == "index":
        return None
    year, month = {
        "month": (period // 12, period % 12 + 1),
        "quarter": (period // 4, period % 4 * 3 + 1),
        "financial_year": (period, 4),
    }.get(calendar.frequency, (period, 1))
    return f"{year:04d}-{month:02d}"


def _needed(followed: pl.DataFrame, boundaries: str) -> pl.DataFrame:
    """Return how many ICBs, of each set of outlines, make up each unit."""
    lines = []
    for outlines in followed["outlines"].unique():
        counts: dict[str, int] = {}
        for item in geography.areas(outlines):
            try:
                unit = geography.follow(item.ods, boundaries, outlines=outlines)
            except BoundaryError:
                continue
            counts[unit] = counts.get(unit, 0) + 1
        lines += [{"unit": u, "outlines": outlines, "needed": n} for u, n in counts.items()]
    schema = {"unit": pl.String, "outlines": pl.String, "needed": pl.Int64}
    return pl.DataFrame(lines, schema=schema)


def whole_units(sifting: Sifting, pilot_codes: frozenset[str], *, is_daily: bool) -> Sifting:
    """Leave out a joined unit's period when not all of its ICBs report it; its day, if daily."""
    live = sifting.rows.filter(pl.col("left_out").is_null())
    if live.filter((pl.col("needed") > 1) | (pl.col("own") != pl.col("unit"))).is_empty():
        return sifting
    # Rows that are no days are parts of their ICB, such as care homes: no two ICBs share one.
    keys = ["unit", "period", "day"] if is_daily else ["unit", "period"]
    made_of = live.group_by(keys).agg(
        pl.col("own").n_unique().alias("there"),
        (pl.col("own") == pl.col("unit")).any().alias("has_itself"),
    )
    rows = sifting.rows.join(made_of, on=keys, how="left", maintain_order="left")
    sifting = Sifting(rows=rows, found=sifting.found)
    itself = (pl.col("own") == pl.col("unit")) & (pl.col("needed") > 1)
    stands_alone = (pl.col("there") == 1) & pl.col("has_itself")
    sifting = sifting.object_to(
        "conflicting_rows",
        itself & (pl.col("there") > 1),
        pl.format("{} is given as a whole and by the ICBs that it joins", pl.col("unit")),
        value="code",
    )
    short = (pl.col("there") < pl.col("needed")) & ~stands_alone
    missing = live.filter(pl.col("needed") > 1).select(*keys, "own")
    return _say_what_is_joined(
        sifting.leave_out(
            short, pl.format("{} joins several ICBs, and not all of them reported", pl.col("unit"))
        ),
        missing,
        pilot_codes,
    )


def _say_what_is_joined(
    sifting: Sifting, joined: pl.DataFrame, pilot_codes: frozenset[str]
) -> Sifting:
    keys = [c for c in ("unit", "period", "day") if c in joined.columns]
    used = sifting.rows.filter(pl.col("left_out").is_null()).select(keys)
    unweighted = not {"count", "exposure", "weight"} & set(sifting.rows.columns)
    found = []
    for unit in joined["unit"].unique().sort():
        rows = joined.filter(pl.col("unit") == unit)
        members = rows["own"].unique().sort().to_list()
        periods = rows.select(keys).unique()
        lost = periods.join(used, on=keys, how="anti").height
        problems = [_mixed(unit, members, pilot_codes)]
        if unweighted:
            problems.append(
                f"the means of {', '.join(members)} are averaged without weights in {unit}, for "
                "the study names neither an exposure nor a weight"
            )
        if lost:
            problems.append(
                f"{unit} joins {', '.join(members)}; {lost:,} of its {periods.height:,} periods "
                "(days, for daily figures) are left out, for not all of them reported"
            )
        found += [finding("joined_units", problem, unit=unit) for problem in problems if problem]
    return sifting.also(*found)


def _mixed(unit: str, members: list[str], pilot_codes: frozenset[str]) -> str:
    pilots = [m for m in members if m in pilot_codes]
    others = [m for m in members if m not in pilot_codes]
    if not pilots or not others:
        return ""
    return (
        f"{unit} joins {', '.join(pilots)}, of the pilot, and {', '.join(others)}, which are not "
        "in it"
    )
