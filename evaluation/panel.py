"""The analysed data of one outcome: who was measured when, and who adopted when.

Three verbs carry nearly everything that inference and robustness need:
:meth:`Panel.with_adoption`, :meth:`Panel.before` and :meth:`Panel.without`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.errors import SourceError
from evaluation.periods import Calendar

__all__ = ["MEASURES", "Adoption", "Measure", "Panel"]

Measure = Literal["rate", "count", "share", "mean"]
MEASURES: tuple[Measure, ...] = ("rate", "count", "share", "mean")

_REQUIRED = ("unit", "period", "outcome", "weight")
_OPTIONAL = ("count", "count_low", "count_high", "exposure", "dose")
# A lookup by period is held while it is no longer than this many times the rows.
_LONGEST_LOOKUP = 4

Kept = TypeVar("Kept")


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Panel:
    """Observations of one outcome, one row a unit and period, ordered by unit then period.

    Parameters
    ----------
    rows : polars.DataFrame
        ``unit`` (String), ``period`` (Int64), ``outcome`` (Float64, in the outcome's units),
        ``weight`` (Float64, above 0), and where the measure has them ``count`` and ``exposure``
        (Float64), with the ends of uncertain counts ``count_low`` and ``count_high``, ``dose``
        (Float64, treatment intensity) and each of ``covariates`` (Float64). No nulls in the columns
        that are there. Rows that are not reported are not here: the ledger has them.
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

    # What was read off the rows, and off the adoption: nothing that could not be made again.
    _of_rows: dict[str, object] = field(init=False, repr=False, default_factory=dict)
    _of_adoption: dict[str, object] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Order the rows and refuse what no estimator may meet."""
        wanted = [*_REQUIRED, *(c for c in _OPTIONAL if c in self.rows.columns), *self.covariates]
        absent = [c for c in wanted if c not in self.rows.columns]
        if absent:
            raise SourceError(f"the panel of {self.key!r} lacks the columns {absent}")
        rows = self.rows.select(
            pl.col("unit").cast(pl.String),
            pl.col("period").cast(pl.Int64),
            *(pl.col(c).cast(pl.Float64) for c in wanted if c not in ("unit", "period")),
        )
        if rows["unit"].null_count() or rows["period"].null_count():
            raise SourceError("a row has no unit or no period", place=f"outcome {self.key!r}")
        if rows.height and not _is_ordered(rows):
            rows = rows.sort("unit", "period")
        _settle(self, rows.rechunk(), self.adoption)
        self._refuse_bad_rows()

    def _refuse_bad_rows(self) -> None:
        rows, place = self.rows, f"outcome {self.key!r}"
        again = np.diff(rows["period"].to_numpy()) <= 0
        again[self.unit_starts[1:] - 1] = False
        if again.any():
            unit, period = rows.row(int(again.argmax()))[:2]
            raise SourceError(
                f"unit {unit!r} has more than one row for {self.calendar.label(period)}",
                place=place,
                allowed="one row a unit and period",
            )
        good = pl.col("weight") > 0
        for column in rows.columns[2:]:
            good &= pl.col(column).is_finite().fill_null(value=False)
        bad = rows.filter(~good)
        if bad.is_empty():
            return
        unit, period = bad.row(0)[:2]
        raise SourceError(
            f"unit {unit!r} has a missing, infinite or weightless value in "
            f"{self.calendar.label(period)}",
            place=place,
        )

    # ------------------------------------------------------------------ the three verbs

    def with_adoption(self, adoption: Adoption) -> Panel:
        """Return the same observations under another assignment of who adopted when."""
        return self._derived(self.rows, adoption)

    def before(self, period: int) -> Panel:
        """Return the observations before ``period``; adoptions from then on are forgotten."""
        rows = self.rows.filter(pl.col("period") < period)
        kept = {u: g for u, g in self.adoption.first_treated.items() if g < period}
        return self._derived(rows, Adoption(site=self.adoption.site, first_treated=kept))

    def without(self, sites: Iterable[str]) -> Panel:
        """Return the panel without the units of ``sites``."""
        gone = set(sites)
        kept = np.array([self.adoption.site[u] not in gone for u in self.units], dtype=np.bool_)
        rows = self.rows.filter(pl.Series(np.repeat(kept, self._lengths)))
        return self._derived(rows, self.adoption)

    def _derived(self, rows: pl.DataFrame, adoption: Adoption) -> Panel:
        """Return a panel of rows of this one, which are in order and were checked."""
        panel = copy.copy(self)
        _settle(panel, rows, adoption)
        return panel

    def site_alone(self, site: str) -> Panel:
        """Return one pilot site against the comparison sites, the other pilot sites left out."""
        return self.without(s for s in self.adoption.pilot_sites if s != site)

    # ------------------------------------------------------------------ what estimators read

    @property
    def unit_starts(self) -> NDArray[np.int64]:
        """The first row of each of :attr:`units`; shape (U,)."""
        return self._kept(self._of_rows, "unit_starts", lambda: _starts(self.rows["unit"]))

    @property
    def _lengths(self) -> NDArray[np.int64]:
        return np.diff(self.unit_starts, append=self.rows.height)

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in order of name."""
        rows, starts = self.rows, self.unit_starts
        return self._kept(self._of_rows, "units", lambda: tuple(rows["unit"].gather(starts)))

    @property
    def periods(self) -> tuple[int, ...]:
        """The observed periods, ascending."""
        return self._kept(self._of_rows, "periods", lambda: _distinct(self.rows["period"]))

    @property
    def unit_codes(self) -> NDArray[np.int64]:
        """For each row the index of its unit in :attr:`units`; shape (n,)."""
        every = np.arange(self.unit_starts.size)
        return self._kept(self._of_rows, "unit_codes", lambda: np.repeat(every, self._lengths))

    @property
    def period_codes(self) -> NDArray[np.int64]:
        """For each row the index of its period in :attr:`periods`; shape (n,)."""

        def make() -> NDArray[np.int64]:
            return _indices(self.rows["period"].to_numpy(), np.array(self.periods))

        return self._kept(self._of_rows, "period_codes", make)

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites of the panel, in order of name."""
        site = self.adoption.site
        return self._kept(self._of_adoption, "sites", lambda: tuple(sorted(set(site.values()))))

    @property
    def unit_sites(self) -> NDArray[np.int64]:
        """For each of :attr:`units` the index of its site in :attr:`sites`; shape (U,)."""

        def make() -> NDArray[np.int64]:
            index = {site: i for i, site in enumerate(self.sites)}
            return np.array([index[self.adoption.site[u]] for u in self.units], dtype=np.int64)

        return self._kept(self._of_adoption, "unit_sites", make)

    @property
    def unit_first_treated(self) -> NDArray[np.float64]:
        """For each of :attr:`units` its first treated period, NaN for never; shape (U,)."""

        def make() -> NDArray[np.float64]:
            starts = self.adoption.first_treated
            return np.array([starts.get(u, np.nan) for u in self.units], dtype=np.float64)

        return self._kept(self._of_adoption, "unit_first_treated", make)

    @property
    def site_codes(self) -> NDArray[np.int64]:
        """For each row the index of its site in :attr:`sites`; shape (n,)."""
        return np.repeat(self.unit_sites, self._lengths)

    @property
    def first_treated(self) -> NDArray[np.float64]:
        """For each row its unit's first treated period, NaN for never; shape (n,)."""
        return np.repeat(self.unit_first_treated, self._lengths)

    @property
    def event_time(self) -> NDArray[np.float64]:
        """For each row the periods since adoption (0 = first treated), NaN for never."""
        return self.rows["period"].to_numpy() - self.first_treated

    @property
    def treated(self) -> NDArray[np.bool_]:
        """For each row whether its unit had adopted; shape (n,)."""
        return self.rows["period"].to_numpy() >= np.nan_to_num(self.first_treated, nan=np.inf)

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

    def _kept(self, where: dict[str, object], name: str, make: Callable[[], Kept]) -> Kept:
        """Return what was kept under ``name``, made at the first asking; arrays are read-only."""
        if name not in where:
            made = make()
            if isinstance(made, np.ndarray):
                made.flags.writeable = False
            where[name] = made
        return cast("Kept", where[name])


def _settle(panel: Panel, rows: pl.DataFrame, adoption: Adoption) -> None:
    place = f"outcome {panel.key!r}"
    if rows.is_empty():
        raise SourceError(
            "no observation is left",
            place=place,
            remedy="Check [time], [[sites]], [comparison] and the exclusions.",
        )
    if rows is not panel.rows:
        object.__setattr__(panel, "rows", rows)
        object.__setattr__(panel, "_of_rows", {})
    homeless = [unit for unit in panel.units if unit not in adoption.site]
    if homeless:
        raise SourceError(f"units without a site: {homeless[:5]}", place=place)
    object.__setattr__(panel, "adoption", adoption.keep(panel.units))
    object.__setattr__(panel, "_of_adoption", {})


def _starts(units: pl.Series) -> NDArray[np.int64]:
    """Return where the runs of equal names begin."""
    return units.ne_missing(units.shift()).arg_true().cast(pl.Int64).to_numpy()


def _is_ordered(rows: pl.DataFrame) -> bool:
    """Return whether rows come by unit and, within units, by period; repeats are in order."""
    units, period = rows["unit"], rows["period"]
    starts = _starts(units)
    names = units.gather(starts)
    if not (names.slice(1) > names.slice(0, names.len() - 1)).all():
        return False
    falls = np.diff(period.to_numpy()) < 0
    falls[starts[1:] - 1] = False
    return not falls.any()


def _distinct(period: pl.Series) -> tuple[int, ...]:
    values = period.to_numpy()
    low, high = int(values.min()), int(values.max())
    if high - low > _LONGEST_LOOKUP * values.size:
        return tuple(np.unique(values).tolist())
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    seen[values - low] = True
    return tuple((np.flatnonzero(seen) + low).tolist())


def _indices(values: NDArray[np.int64], distinct: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of each value among the distinct ones."""
    if distinct[-1] - distinct[0] + 1 == distinct.size:
        return np.asarray(values - distinct[0])
    return np.searchsorted(distinct, values).astype(np.int64)
