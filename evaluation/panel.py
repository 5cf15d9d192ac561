"""The analysed data of one outcome: who was measured when, and who adopted when.

Three verbs carry nearly everything that inference and robustness need:
:meth:`Panel.with_adoption`, :meth:`Panel.before` and :meth:`Panel.without`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.errors import SourceError
from evaluation.periods import Calendar

__all__ = ["MEASURES", "Adoption", "Measure", "Panel"]

Measure = Literal["rate", "count", "share", "mean"]
MEASURES: tuple[Measure, ...] = ("rate", "count", "share", "mean")

_REQUIRED = ("unit", "period", "outcome", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Which site each unit belongs to and when it was first treated.

    Parameters
    ----------
    site : Mapping[str, str]
        Unit to site, for every unit; a comparison unit is its own site unless the data say
        otherwise. Inference is by site.
    first_treated : Mapping[str, int]
        Unit to first treated period, for adopting units only.
    """

    site: Mapping[str, str]
    first_treated: Mapping[str, int]

    @property
    def pilot_sites(self) -> tuple[str, ...]:
        """Sites with an adopting unit, in order of name."""
        return tuple(sorted({self.site[unit] for unit in self.first_treated}))

    @property
    def comparison_sites(self) -> tuple[str, ...]:
        """Sites without an adopting unit, in order of name."""
        return tuple(sorted(set(self.site.values()) - set(self.pilot_sites)))

    @property
    def cohorts(self) -> tuple[int, ...]:
        """The distinct first treated periods, ascending."""
        return tuple(sorted(set(self.first_treated.values())))

    def units_of(self, site: str) -> tuple[str, ...]:
        """Return the units of a site, in order of name."""
        return tuple(sorted(unit for unit, name in self.site.items() if name == site))

    def keep(self, units: Iterable[str]) -> Adoption:
        """Return the adoption of these units alone."""
        kept = set(units)
        return Adoption(
            site={u: s for u, s in self.site.items() if u in kept},
            first_treated={u: g for u, g in self.first_treated.items() if u in kept},
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Observations of one outcome, one row a unit and period, ordered by unit then period.

    Parameters
    ----------
    rows : polars.DataFrame
        ``unit`` (String), ``period`` (Int64), ``outcome`` (Float64, in the outcome's units),
        ``weight`` (Float64, above 0), and where the measure has them ``count`` and ``exposure``
        (Float64), ``dose`` (Float64, treatment intensity) and each of ``covariates`` (Float64).
        No nulls in the columns that are there. Rows that are not reported are not here: the
        ledger has them.
    adoption : Adoption
        Covers every unit of ``rows``, and no other.
    calendar : Calendar
        Names the periods.
    key : str
        The outcome's key.
    measure : Measure
        ``rate`` (per x count / exposure), ``count``, ``share`` (count / exposure) or ``mean``.
    per : float
        The base of a rate: 1000 for "per 1,000 residents"; 1 elsewhere.
    covariates : tuple of str
        Columns that estimators adjust for.

    Raises
    ------
    SourceError
        When a row is repeated, a value missing or not finite, or a unit without a site.
    """

    rows: pl.DataFrame
    adoption: Adoption
    calendar: Calendar
    key: str = "outcome"
    measure: Measure = "mean"
    per: float = 1.0
    covariates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Order the rows and refuse what no estimator may meet."""
        optional = [c for c in ("count", "exposure", "dose") if c in self.rows.columns]
        wanted = [*_REQUIRED, *optional, *self.covariates]
        absent = [c for c in wanted if c not in self.rows.columns]
        if absent:
            raise SourceError(f"the panel of {self.key!r} lacks the columns {absent}")
        rows = self.rows.select(
            pl.col("unit").cast(pl.String),
            pl.col("period").cast(pl.Int64),
            *(pl.col(c).cast(pl.Float64) for c in wanted if c not in ("unit", "period")),
        ).sort("unit", "period")
        self._refuse_bad(rows)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "adoption", self.adoption.keep(rows["unit"].unique()))

    def _refuse_bad(self, rows: pl.DataFrame) -> None:
        place = f"outcome {self.key!r}"
        if rows.is_empty():
            raise SourceError(
                "no observation is left",
                place=place,
                remedy="Check [time], [[sites]], [comparison] and the exclusions.",
            )
        repeated = rows.filter(pl.struct("unit", "period").is_duplicated())
        if not repeated.is_empty():
            unit, period = repeated.row(0)[:2]
            raise SourceError(
                f"unit {unit!r} has more than one row for {self.calendar.label(period)}",
                place=place,
                allowed="one row a unit and period",
            )
        numeric = [c for c in rows.columns if c not in ("unit", "period")]
        bad = rows.filter(pl.any_horizontal(~pl.col(numeric).is_finite().fill_null(value=False)))
        bad = bad if not bad.is_empty() else rows.filter(pl.col("weight") <= 0)
        if not bad.is_empty():
            unit, period = bad.row(0)[:2]
            raise SourceError(
                f"unit {unit!r} has a missing, infinite or weightless value in "
                f"{self.calendar.label(period)}",
                place=place,
            )
        homeless = sorted(set(rows["unit"].unique()) - set(self.adoption.site))
        if homeless:
            raise SourceError(f"units without a site: {homeless[:5]}", place=place)

    # ------------------------------------------------------------------ the three verbs

    def with_adoption(self, adoption: Adoption) -> Panel:
        """Return the same observations under another assignment of who adopted when."""
        return dataclasses.replace(self, adoption=adoption)

    def before(self, period: int) -> Panel:
        """Return the observations before ``period``; adoptions from then on are forgotten."""
        rows = self.rows.filter(pl.col("period") < period)
        kept = {u: g for u, g in self.adoption.first_treated.items() if g < period}
        adoption = Adoption(site=self.adoption.site, first_treated=kept)
        return dataclasses.replace(self, rows=rows, adoption=adoption)

    def without(self, sites: Iterable[str]) -> Panel:
        """Return the panel without the units of ``sites``."""
        gone = set(sites)
        units = [u for u, s in self.adoption.site.items() if s not in gone]
        return dataclasses.replace(self, rows=self.rows.filter(pl.col("unit").is_in(units)))

    def site_alone(self, site: str) -> Panel:
        """Return one pilot site against the comparison sites, the other pilot sites left out."""
        return self.without(s for s in self.adoption.pilot_sites if s != site)

    # ------------------------------------------------------------------ what estimators read

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in order of name."""
        return tuple(self.rows["unit"].unique().sort())

    @property
    def periods(self) -> tuple[int, ...]:
        """The observed periods, ascending."""
        return tuple(self.rows["period"].unique().sort())

    @property
    def unit_codes(self) -> NDArray[np.int64]:
        """For each row the index of its unit in :attr:`units`; shape (n,)."""
        return np.searchsorted(np.array(self.units), self.rows["unit"].to_numpy()).astype(np.int64)

    @property
    def period_codes(self) -> NDArray[np.int64]:
        """For each row the index of its period in :attr:`periods`; shape (n,)."""
        return np.searchsorted(np.array(self.periods), self.rows["period"].to_numpy()).astype(
            np.int64
        )

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites of the panel, in order of name."""
        return tuple(sorted(set(self.adoption.site.values())))

    @property
    def site_codes(self) -> NDArray[np.int64]:
        """For each row the index of its site in :attr:`sites`; shape (n,)."""
        index = {site: i for i, site in enumerate(self.sites)}
        by_unit = np.array([index[self.adoption.site[u]] for u in self.units], dtype=np.int64)
        return by_unit[self.unit_codes]

    @property
    def first_treated(self) -> NDArray[np.float64]:
        """For each row its unit's first treated period, NaN for never; shape (n,)."""
        by_unit = np.array(
            [self.adoption.first_treated.get(u, np.nan) for u in self.units], dtype=np.float64
        )
        return by_unit[self.unit_codes]

    @property
    def event_time(self) -> NDArray[np.float64]:
        """For each row the periods since adoption (0 = first treated), NaN for never."""
        return self.rows["period"].to_numpy() - self.first_treated

    @property
    def treated(self) -> NDArray[np.bool_]:
        """For each row whether its unit had adopted; shape (n,)."""
        return np.nan_to_num(self.event_time, nan=-1.0) >= 0

    @property
    def treatment(self) -> NDArray[np.float64]:
        """For each row the treatment: the dose where there is one, else 0 or 1; shape (n,)."""
        if "dose" in self.rows.columns:
            return self.rows["dose"].to_numpy()
        return self.treated.astype(np.float64)

    @property
    def is_balanced(self) -> bool:
        """Whether every unit is observed in every period."""
        return self.rows.height == len(self.units) * len(self.periods)

    def values(self, column: str) -> NDArray[np.float64]:
        """Return one numeric column; shape (n,)."""
        return self.rows[column].to_numpy()
