"""What a reader of the effects must know, in plain words, and why there may be none at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.callaway_santanna.group_time import GroupTime
from evaluation.estimators.callaway_santanna.layout import Base, ControlGroup
from evaluation.estimators.callaway_santanna.tables import UnitTables
from evaluation.estimators.callaway_santanna.two_periods import Reason
from evaluation.panel import Panel

__all__ = ["fit_remarks", "lead_remark", "left_out", "nothing_found", "refuse", "why"]

IntArray = NDArray[np.int64]

_WHY: dict[Reason, str] = {
    "no comparison": "no comparison unit is untreated by then",
    "not observed": "no unit of the start, or no comparison unit, is observed in both periods",
    "covariates": "the comparison units do not tell the covariates apart",
    "overlap": "the covariates tell the start's units from the comparison units, so that none of "
    'these can stand for them (method "reg" does not need that)',
}
_LEAD: dict[Base, str] = {
    "varying": "Before the start: a check on trends, the change since the period before.",
    "universal": "Before the start: a check on trends, held to the last period before the start.",
}
_SHOWN = 5


def why(reasons: Iterable[Reason]) -> str:
    """Return the reasons that occur, each once, in plain words."""
    met = set(reasons)
    return "; ".join(_WHY[reason] for reason in get_args(Reason) if reason and reason in met)


def lead_remark(base: Base) -> str:
    """Return what an effect before the start is."""
    return _LEAD[base]


def left_out(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    """Return the caveat of an average over these cells, some without an effect."""
    bad = [reason for reason in reasons if reason]
    if not bad:
        return ()
    if len(bad) == len(reasons):
        return (f"Not estimated: {why(bad)}.",)
    return (
        f"{len(bad)} of the {len(reasons)} pairs of start and period that it stands for are not in "
        f"it: {why(bad)}.",
    )


def refuse(panel: Panel, tables: UnitTables, *, control_group: ControlGroup) -> None:
    """Refuse a panel that holds no such comparison at all.

    Raises
    ------
    EstimationError
    """
    place = f"outcome {panel.key!r}"
    if not panel.adoption.first_treated:
        raise EstimationError(
            "no unit of the panel adopts, so there is no effect to estimate",
            place=place,
            remedy="Check [[sites]] and that the pilot units are in the data.",
        )
    if not tables.starts.size:
        raise EstimationError(
            "no pilot unit is observed after its start",
            place=place,
            remedy="Check `starts` in [[sites]] against the last period of the data.",
        )
    if (tables.base < 0).all():
        raise EstimationError(
            "no pilot unit has a period before its start in these data",
            place=place,
            remedy="Add earlier periods, or check `starts` in [[sites]].",
        )
    if control_group == "never_treated" and tables.unit_bounds[-1] == tables.unit_bounds[-2]:
        raise EstimationError(
            f"all {len(panel.units)} units adopt, so none is there that is never treated",
            place=place,
            remedy='Write control_group = "not_yet_treated" in [analysis] of the study file, or '
            "add units that never adopt in [comparison].",
        )


def nothing_found(panel: Panel, effects: GroupTime) -> EstimationError:
    """Return the error for a panel none of whose treated cells has an effect."""
    since = effects.cells.event_time >= 0
    reasons = {reason for reason, after in zip(effects.reasons, since, strict=True) if after}
    return EstimationError(
        f"no effect can be estimated: {why(reasons)}",
        place=f"outcome {panel.key!r}",
        remedy="Add comparison units that are observed in the same periods, or adjust for fewer "
        "covariates.",
    )


def fit_remarks(panel: Panel, tables: UnitTables, effects: GroupTime) -> tuple[str, ...]:
    """Return what holds for every effect of the fit."""
    return (
        *_starts_outside(panel, tables),
        *_gaps(panel, tables, effects),
        *_moving(tables),
        *_lone_sites(tables),
        *(("Taking part counts here, not the dose.",) if "dose" in panel.rows.columns else ()),
    )


def _starts_outside(panel: Panel, tables: UnitTables) -> tuple[str, ...]:
    found = []
    before = tables.units((0, int((tables.base < 0).sum())))
    if before.stop:
        found.append(
            f"{_counted(before.stop, 'unit')} {_has(before.stop)} no period before the start and "
            f"{_is(before.stop)} in no effect: {_named(panel, tables.unit[before])}."
        )
    after = tables.unit[tables.unit_bounds[-2] :]
    late = after[~np.isnan(panel.unit_first_treated[after])]
    if late.size:
        found.append(
            f"{_counted(late.size, 'unit')} that {'starts' if late.size == 1 else 'start'} after "
            f"the last period of the data count as not treated: {_named(panel, late)}."
        )
    if not after.size:
        last = panel.calendar.label(int(tables.starts[-1]))
        found.append(
            f"Every unit adopts: from the last start, {last}, there is no comparison left, and "
            "the effects end before it."
        )
    return tuple(found)


def _moving(tables: UnitTables) -> tuple[str, ...]:
    if tables.steady:
        return ()
    found = []
    seen = tables.observed
    for name, values in (("Weights", tables.weight[None]), ("Covariates", tables.covariates)):
        high = np.where(seen, values, -np.inf).max(axis=1)
        low = np.where(seen, values, np.inf).min(axis=1)
        if (high > low).any():
            found.append(f"{name} change over time; each effect takes those of its base period.")
    return tuple(found)


def _lone_sites(tables: UnitTables) -> tuple[str, ...]:
    blocks = np.diff(tables.block_bounds)[:-1][tables.base >= 0]
    alone = int((blocks == 1).sum())
    if not alone:
        return ()
    if np.unique(tables.block_site[: tables.block_bounds[-2]]).size == 1:
        return (
            "With one pilot site cr1 holds nothing of how that site varies: no second pilot site "
            "is there to judge it by.",
        )
    return (
        f"{alone} of {_counted(blocks.size, 'start')} {'rests' if alone == 1 else 'rest'} on one "
        "pilot site: cr1 and simultaneous bands judge such a site by how far its effect is from "
        "those of other sites as long after the start.",
    )


def _gaps(panel: Panel, tables: UnitTables, effects: GroupTime) -> tuple[str, ...]:
    """Count the observations that a missing base period keeps out of the effects."""
    if not tables.gaps:
        return ()
    cells, here = effects.cells, effects.found
    cohort, period, base = cells.cohort[here], cells.period[here], cells.base[here]
    first = cells.first_control[here]
    seen = tables.observed.astype(np.float64)
    parts = [seen[:, tables.units((c, c + 1))] for c in range(tables.starts.size + 1)]
    both = np.array([part @ part.T for part in parts])
    later = np.concatenate([np.cumsum(both[::-1], axis=0)[::-1], np.zeros_like(both[:1])])
    own = both[cohort, period, period], both[cohort, period, base]
    rest = tuple(
        later[first, period, at] - np.where(first <= cohort, both[cohort, period, at], 0.0)
        for at in (period, base)
    )
    after = cells.event_time[here] >= 0
    treated, kept = int(own[0][after].sum()), int(own[1][after].sum())
    lost = _without_base(tables)
    names = f" ({_named(panel, lost)})" if lost.size else ""
    return (
        "The panel has gaps. Each effect uses the units that are observed in its period and in its "
        "base period, and a unit missing elsewhere stays in: "
        f"{treated - kept} of {treated} treated observations are in no effect, because their unit "
        f"is not observed in the base period{names}; in the same way "
        f"{int((rest[0] - rest[1]).sum())} of {int(rest[0].sum())} observations of comparison "
        "units are left out, counted once for each effect.",
    )


def _without_base(tables: UnitTables) -> IntArray:
    """Return the treated units that are not observed in the last period before their start."""
    lost = [
        np.arange(tables.unit.size)[units][~tables.observed[base, units]]
        for units, base in (
            (tables.units((c, c + 1)), base) for c, base in enumerate(tables.base) if base >= 0
        )
    ]
    return tables.unit[np.concatenate(lost)]


def _named(panel: Panel, units: IntArray) -> str:
    names = sorted(panel.units[unit] for unit in units)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
