"""The rows of pilot units as arrays: which of them a figure is a mean of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.disclosure.series import Analysed
from evaluation.findings import Effect
from evaluation.periods import Calendar

__all__ = ["PilotRows"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PilotRows:
    """n rows of s pilot sites over t periods.

    Parameters
    ----------
    sites : tuple of str
        Names of the sites.
    site, period, start, phase : int arrays, shape (n,)
        Number of the site, ordinal of the period and of the unit's start, 0 before or 1 after it.
    count, exposure : array, shape (n,)
        NaN where there is none.
    shape : tuple of int
        (s, t, 2).
    first : int
        Ordinal of the first period.
    """

    sites: tuple[str, ...]
    site: IntArray
    period: IntArray
    start: IntArray
    phase: IntArray
    count: NDArray[np.float64]
    exposure: NDArray[np.float64]
    shape: tuple[int, int, int]
    first: int

    @classmethod
    def of(cls, analysed: Analysed) -> PilotRows:
        """Take them from an outcome's rows."""
        rows = analysed.pilot
        order = {site: number for number, site in enumerate(analysed.sites)}
        return cls(
            sites=analysed.sites,
            site=np.array([order[site] for site in rows["site"]], dtype=np.int64),
            period=rows["period"].to_numpy(),
            start=rows["first_treated"].to_numpy(),
            phase=rows["phase"].to_numpy(),
            count=_floats(rows["count"]),
            exposure=_floats(rows["exposure"]),
            shape=(len(analysed.sites), len(analysed.periods), 2),
            first=analysed.periods[0],
        )

    def behind(self, effect: Effect, calendar: Calendar) -> BoolArray | None:
        """Which rows an effect averages over, shape (n,); None where its group is not known."""
        if effect.estimand == "event_time":
            try:
                return np.asarray(self.period - self.start == int(effect.group))
            except ValueError:
                return None
        treated: BoolArray = self.phase == 1
        if effect.estimand == "overall":
            return treated
        if effect.estimand == "site":
            number = self.sites.index(effect.group) if effect.group in self.sites else -1
            return np.asarray(treated & (self.site == number))
        columns = {
            "cohort": (self.start,),
            "calendar": (self.period,),
            "group_time": (self.start, self.period),
        }
        try:
            numbers = [calendar.parse(name) for name in effect.group.split(":")]
            for column, number in zip(columns[effect.estimand], numbers, strict=True):
                treated = treated & (column == number)
        except ValueError:
            return None
        return treated

    def units(self, chosen: BoolArray) -> IntArray:
        """Return how many units each site, period and phase has among the chosen rows."""
        found = np.zeros(self.shape, dtype=np.int64)
        places = (self.site[chosen], self.period[chosen] - self.first, self.phase[chosen])
        np.add.at(found, places, 1)
        return found


def _floats(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
