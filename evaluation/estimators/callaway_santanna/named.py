"""Group-time effects and their averages, each named and with what a reader must know of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.estimators.callaway_santanna.group_time import GroupTime
from evaluation.estimators.callaway_santanna.pooling import Averages
from evaluation.estimators.callaway_santanna.remarks import left_out, why
from evaluation.estimators.callaway_santanna.tables import UnitTables
from evaluation.findings import Effect
from evaluation.panel import Panel

__all__ = ["Named"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named:
    """The effects of a panel, to be named.

    Parameters
    ----------
    panel : Panel
    tables : UnitTables
    effects : GroupTime
    averages : Averages
    sites : tuple of int
        Pilot sites that each average rests on.
    lead : str
        What an effect before the start is.
    """

    panel: Panel
    tables: UnitTables
    effects: GroupTime
    averages: Averages
    sites: tuple[int, ...]
    lead: str

    def all(self) -> tuple[Effect, ...]:
        """Return the overall effect, the group-time effects and the other averages."""
        overall, *others = self._averages()
        return (overall, *self._cells(), *others)

    def _cells(self) -> Iterator[Effect]:
        effects, cells, code = self.effects, self.effects.cells, self.panel.calendar.code
        starts = [code(int(start)) for start in self.tables.starts]
        periods = [code(int(period)) for period in self.tables.periods]
        sites = effects.present.sum(axis=1)
        for i, reason in enumerate(effects.reasons):
            yield Effect(
                estimand="group_time",
                group=f"{starts[cells.cohort[i]]}:{periods[cells.period[i]]}",
                value=float(effects.value[i]),
                scale="level",
                observed=None if reason else float(effects.observed[i]),
                caveats=(
                    *((f"Not estimated: {why((reason,))}.",) if reason else ()),
                    *((self.lead,) if cells.event_time[i] < 0 else ()),
                ),
                n_pilot_sites=int(sites[i]),
            )

    def _averages(self) -> Iterator[Effect]:
        """Yield the averages, the overall effect first."""
        averages, effects = self.averages, self.effects
        values = averages.cells @ np.nan_to_num(effects.value)
        observed = averages.cells @ np.nan_to_num(effects.observed)
        known = averages.known
        code = self.panel.calendar.code
        times = {"cohort": self.tables.starts, "calendar": self.tables.periods}
        for i, (estimand, number) in enumerate(zip(averages.estimand, averages.group, strict=True)):
            group = str(number) if estimand == "event_time" else ""
            if estimand in times:
                group = code(int(times[estimand][number]))
            reasons = tuple(effects.reasons[k] for k in np.flatnonzero(averages.members[i]))
            is_lead = estimand == "event_time" and number < 0
            yield Effect(
                estimand=estimand,
                group=group,
                value=float(values[i]) if known[i] else np.nan,
                scale="level",
                observed=float(observed[i]) if known[i] else None,
                caveats=(*left_out(reasons), *((self.lead,) if is_lead else ())),
                n_pilot_sites=self.sites[i],
            )
