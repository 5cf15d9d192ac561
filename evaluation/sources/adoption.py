"""Who adopted when: from the sites of the study file, or from the table's own columns."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evaluation.errors import StudyError
from evaluation.panel import Adoption
from evaluation.periods import Calendar
from evaluation.sources.rules import Sifting
from evaluation.sources.units import study_unit
from evaluation.study import Study

__all__ = ["NOT_IN_STUDY", "Members", "adoption_of", "assign", "study_members"]

NOT_IN_STUDY = "not in the study: neither a pilot unit nor a listed comparison unit"
_NEVER = frozenset({"", "0", "0.0", "never", "inf", "na", "nan", "null", "none", "-"})
_TREATED = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The units that the study file names, at its boundaries.

    ``pilots`` gives site and start by unit; ``listed`` is None where every other unit is
    compared; ``written`` has each unit as the study file writes it.
    """

    pilots: dict[str, tuple[str, int]]
    listed: tuple[str, ...] | None
    written: dict[str, str]


def study_members(study: Study) -> Members:
    """Return the units that the study file names.

    Raises
    ------
    StudyError
        When a code is unknown or cannot be followed, or two sites fall into one unit.
    """
    pilots: dict[str, tuple[str, int]] = {}
    written: dict[str, str] = {}
    for site in study.sites:
        place = f'[[sites]] "{site.name}", units'
        for code in site.units:
            unit = study_unit(code, study, place)
            if unit in pilots and pilots[unit] != (site.name, site.starts):
                raise StudyError(
                    f"{code!r} is in unit {unit!r}, which is in site {pilots[unit][0]!r} already",
                    place=place,
                    allowed="each unit in one site",
                    remedy="Join the sites, or hold units at other boundaries.",
                )
            pilots[unit] = (site.name, site.starts)
            written.setdefault(unit, code)
    listed = study.comparison.units
    if listed == "others":
        return Members(pilots=pilots, listed=None, written=written)
    units = [study_unit(code, study, "[comparison] units") for code in listed]
    written |= dict(zip(units, listed, strict=True))
    return Members(pilots=pilots, listed=tuple(dict.fromkeys(units)), written=written)


def assign(sifting: Sifting, study: Study, members: Members) -> tuple[Sifting, Adoption]:
    """Leave out the rows of units that are not in the study; return who adopted when."""
    if study.sites:
        adoption = _from_sites(sifting, members)
    else:
        sifting, adoption = adoption_of(sifting, study.calendar)
    if members.listed is not None:
        kept = {*members.listed, *members.pilots, *adoption.first_treated}
        sifting = sifting.leave_out(~pl.col("unit").is_in(list(kept)), NOT_IN_STUDY)
    return sifting, adoption


def _from_sites(sifting: Sifting, members: Members) -> Adoption:
    units = sifting.rows["unit"].drop_nulls().unique()
    return Adoption(
        site={u: members.pilots[u][0] if u in members.pilots else u for u in units},
        first_treated={u: start for u, (_, start) in members.pilots.items()},
    )


def adoption_of(sifting: Sifting, calendar: Calendar) -> tuple[Sifting, Adoption]:
    """Return the adoption that a table's columns state, objecting to contradictions."""
    sifting = _with_start(sifting, calendar)
    if "cluster" in sifting.rows.columns:
        sifting = sifting.object_to(
            "adoption",
            pl.col("cluster").fill_null("") == "",
            pl.format("unit {} has no cluster", pl.col("unit")),
        )
        sifting = _constant(sifting, "cluster", "cluster")
    rows = sifting.rows.filter(pl.col("left_out").is_null())
    site = pl.col("cluster") if "cluster" in rows.columns else pl.col("unit")
    by_unit = rows.group_by("unit").agg(
        site.drop_nulls().first().alias("site"), pl.col("start").drop_nulls().min()
    )
    started = by_unit.filter(pl.col("start").is_not_null())
    return sifting, Adoption(
        site={u: s if s else u for u, s, _ in by_unit.iter_rows()},
        first_treated={u: int(g) for u, _, g in started.iter_rows()},
    )


def _with_start(sifting: Sifting, calendar: Calendar) -> Sifting:
    """Give each row its unit's ``start``: null for never."""
    if "first_treated" in sifting.rows.columns:
        return _start_from_first_treated(sifting, calendar)
    if "treated" in sifting.rows.columns:
        return _start_from_treated(sifting, calendar)
    rows = sifting.rows.with_columns(pl.lit(None, pl.Int64).alias("start"))
    return Sifting(rows=rows, found=sifting.found)


def _start_from_first_treated(sifting: Sifting, calendar: Calendar) -> Sifting:
    starts: dict[str, int | None] = {}
    refused: dict[str, str] = {}
    for text in sifting.rows["first_treated"].fill_null("").unique():
        if text.strip().lower() in _NEVER:
            starts[text] = None
            continue
        try:
            starts[text] = calendar.parse(text)
        except ValueError as error:
            starts[text] = None
            refused[text] = str(error)
    text = pl.col("first_treated").fill_null("")
    rows = sifting.rows.with_columns(
        text.replace_strict(starts, default=None, return_dtype=pl.Int64).alias("start")
    )
    sifting = Sifting(rows=rows, found=sifting.found).object_to(
        "adoption",
        text.is_in(list(refused)),
        text.replace_strict(refused, default=None, return_dtype=pl.String),
        value="first_treated",
    )
    return _constant(sifting, "start", "first treated period")


def _constant(sifting: Sifting, column: str, name: str) -> Sifting:
    """Object to the rows of a unit that say something else than its first row."""
    shown = pl.col(column).cast(pl.String).fill_null("never")
    first = shown.filter(pl.col("left_out").is_null()).first().over("unit")
    shown_column = {"cluster": "cluster", "start": "first_treated"}[column]
    return sifting.object_to(
        "adoption",
        shown != first,
        pl.format("unit {} has another {} than in its first row", pl.col("unit"), pl.lit(name)),
        value=shown_column,
    )


def _start_from_treated(sifting: Sifting, calendar: Calendar) -> Sifting:
    state = pl.col("treated").fill_null("").str.strip_chars().str.to_lowercase()
    rows = sifting.rows.with_columns(
        state.replace_strict(_TREATED, default=None, return_dtype=pl.Int64).alias("state")
    )
    names = {p: calendar.label(p) for p in rows["period"].drop_nulls().unique()}
    period = pl.col("period").replace_strict(names, default=None, return_dtype=pl.String)
    sifting = Sifting(rows=rows, found=sifting.found).object_to(
        "adoption",
        pl.col("state").is_null(),
        pl.format(
            'unit {} has "{}" for treated in {}, which is neither 0 nor 1',
            pl.col("unit"),
            pl.col("treated").fill_null(""),
            period,
        ),
        value="treated",
    )
    # Rows outside the window tell of a start too: it may lie before the window.
    treated = sifting.rows.filter(pl.col("state") == 1, pl.col("unit").is_not_null())
    starts = treated.group_by("unit").agg(pl.col("period").min().alias("start"))
    joined = sifting.rows.join(starts, on="unit", how="left", maintain_order="left")
    return Sifting(rows=joined, found=sifting.found).object_to(
        "adoption",
        (pl.col("state") == 0) & (pl.col("period") > pl.col("start")),
        pl.format(
            "unit {} is treated before {} and not treated in it: adoption does not end",
            pl.col("unit"),
            period,
        ),
        value="treated",
    )
