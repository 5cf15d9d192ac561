"""The user's table of residents or beds by unit and period, beside the counts."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from evaluation import geography
from evaluation.errors import SourceError
from evaluation.records.files import read_small
from evaluation.records.plan import Plan
from evaluation.study import Exposure

__all__ = ["read_exposure", "with_exposure"]

_LISTED = 5


def read_exposure(plan: Plan, folder: Path) -> pl.DataFrame | None:
    """Read ``unit``, ``period`` (ordinal) and ``exposure``; None where the study names no table.

    Raises
    ------
    SourceError
        For a file or column that is not there, a unit or period that is none, a figure that is no
        exposure, and a unit and period twice; it names the row.
    """
    asked = plan.settings.exposure
    if asked is None:
        return None
    table = read_small(folder, asked.file, (asked.unit, asked.period, asked.exposure))
    rows: list[tuple[str, int, float | None]] = []
    for row, unit, period, amount in table.iter_rows():
        place = f"{asked.file}, row {row}"
        code = _unit(unit, plan, place)
        rows.append((code, _period(period, plan, place), _amount(amount, place)))
    schema = {"unit": pl.String, "period": pl.Int64, "exposure": pl.Float64}
    exposed = pl.DataFrame(rows, schema=schema, orient="row")
    _refuse_repeats(exposed, asked, plan)
    return exposed


def _unit(text: str | None, plan: Plan, place: str) -> str:
    if text is None:
        raise SourceError("there is no unit", place=place, allowed="a unit code")
    if plan.settings.place.by == "column":
        return text
    try:
        return geography.area(text).ods
    except geography.UnknownAreaError as error:
        raise SourceError(
            error.problem, place=place, allowed=error.allowed, remedy=error.remedy
        ) from error


def _period(text: str | None, plan: Plan, place: str) -> int:
    if text is None:
        raise SourceError(
            "there is no period", place=place, allowed=f"periods like {plan.calendar.example}"
        )
    try:
        return plan.calendar.parse(text)
    except ValueError as error:
        raise SourceError(
            str(error), place=place, allowed=f"periods like {plan.calendar.example}"
        ) from error


def _amount(text: str | None, place: str) -> float | None:
    if text is None:
        return None
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SourceError(
            f'"{text}" is not an exposure', place=place, allowed="a number, 0 or more, or nothing"
        )
    return number


def _refuse_repeats(exposed: pl.DataFrame, asked: Exposure, plan: Plan) -> None:
    twice = exposed.filter(exposed.select("unit", "period").is_duplicated())
    if not twice.is_empty():
        unit, period = twice.row(0)[:2]
        raise SourceError(
            f"{unit} has more than one row for {plan.calendar.code(period)}",
            place=asked.file,
            allowed="one row a unit and period",
            remedy="Keep one of them",
        )


def with_exposure(
    panel: pl.DataFrame, exposed: pl.DataFrame | None, plan: Plan
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the panel with its exposure and codes of periods, and what must be said of it."""
    code = pl.col("period").map_elements(plan.calendar.code, return_dtype=pl.String)
    asked = plan.settings.exposure
    if exposed is None or asked is None:
        return panel.with_columns(code.alias("period")), ()
    joined = panel.join(exposed, on=["unit", "period"], how="left").sort("unit", "period")
    notes = []
    missing = joined["exposure"].null_count()
    if missing:
        notes.append(
            f"{missing:,} of {joined.height:,} units and periods have no {asked.exposure} in "
            f"{asked.file}: the cell is empty, and an estimate of the rate leaves them out."
        )
    strangers = sorted(set(exposed["unit"]) - set(panel["unit"]))
    if strangers:
        notes.append(
            f"{asked.file} has {len(strangers)} units without an admission in the records "
            f"({', '.join(strangers[:_LISTED])}): whether the extract covers them is not known, so "
            "that they are absent from the panel."
        )
    name = asked.exposure if asked.exposure not in panel.columns else "exposure"
    return joined.with_columns(code.alias("period")).rename({"exposure": name}), tuple(notes)
