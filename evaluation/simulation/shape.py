"""The shape of a simulated study: which units, in which sites and regions, starting when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.panel import Adoption

__all__ = ["PILOT", "Shape"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Who is observed when, and who starts when; U units, T periods.

    Parameters
    ----------
    units_in_site : tuple of int
        Units of each pilot site; they come first, in this order.
    start : tuple of int
        First treated period of each pilot site, counted from 0.
    region_of_site : tuple of int
        Region of each pilot site.
    comparison_in_region : tuple of int
        Comparison units of each region; each is a site of its own.
    n_periods : int
        Periods observed, from 0.
    sizes : tuple of float
        Sizes of the units, where a process has them; empty: measured ones, dealt out at random.
    """

    units_in_site: tuple[int, ...]
    start: tuple[int, ...]
    region_of_site: tuple[int, ...]
    comparison_in_region: tuple[int, ...]
    n_periods: int
    sizes: tuple[float, ...] = ()

    @property
    def n_units(self) -> int:
        """All units, U."""
        return self.n_pilot_units + sum(self.comparison_in_region)

    @property
    def n_pilot_units(self) -> int:
        """Units that adopt."""
        return sum(self.units_in_site)

    @property
    def n_pilot_sites(self) -> int:
        """Sites that adopt."""
        return len(self.units_in_site)

    @property
    def site(self) -> IntArray:
        """Site of each unit, pilot sites from 0, then one for each comparison unit; shape (U,)."""
        return _site(self)

    @property
    def region(self) -> IntArray:
        """Region of each unit; shape (U,)."""
        return _region(self)

    @property
    def treated(self) -> FloatArray:
        """1 from the first treated period of a pilot unit on, else 0; shape (U, T)."""
        return _treated(self)

    @property
    def unit_names(self) -> tuple[str, ...]:
        """Names of the units, in order of name; U of them."""
        return tuple(f"unit {i + 1:03d}" for i in range(self.n_units))

    @property
    def adoption(self) -> Adoption:
        """The shape as a panel knows it: a comparison unit is its own site."""
        return _adoption(self)

    def one_site(self, units: int = 1) -> Shape:
        """Return the same comparison units with one pilot site of ``units`` units alone."""
        return Shape(
            units_in_site=(units,),
            start=self.start[:1],
            region_of_site=self.region_of_site[:1],
            comparison_in_region=self.comparison_in_region,
            n_periods=self.n_periods,
        )


@lru_cache
def _site(shape: Shape) -> IntArray:
    pilot = np.repeat(np.arange(shape.n_pilot_sites), shape.units_in_site)
    rest = shape.n_pilot_sites + np.arange(sum(shape.comparison_in_region))
    return np.concatenate([pilot, rest]).astype(np.int64)


@lru_cache
def _region(shape: Shape) -> IntArray:
    pilot = np.repeat(shape.region_of_site, shape.units_in_site)
    codes = np.arange(len(shape.comparison_in_region))
    return np.concatenate([pilot, np.repeat(codes, shape.comparison_in_region)]).astype(np.int64)


@lru_cache
def _treated(shape: Shape) -> FloatArray:
    start = np.full(shape.n_units, shape.n_periods)
    start[: shape.n_pilot_units] = np.repeat(shape.start, shape.units_in_site)
    return (np.arange(shape.n_periods) >= start[:, None]).astype(np.float64)


@lru_cache
def _adoption(shape: Shape) -> Adoption:
    names = shape.unit_names
    pilots = names[: shape.n_pilot_units]
    starts = np.repeat(shape.start, shape.units_in_site)
    sites = [f"site {code + 1}" for code in shape.site[: shape.n_pilot_units]]
    return Adoption(
        site={name: name for name in names} | dict(zip(pilots, sites, strict=True)),
        first_treated={name: int(g) for name, g in zip(pilots, starts, strict=True)},
    )


# The pilot that the tool was made for: six sites of nine Integrated Care Boards and 33 boards
# beside them, in the regions of NHS England (North East and Yorkshire, North West, Midlands, East,
# London, South East, South West). Starts are staggered by 0, 2, 0, 3, 1 and 2 months from month 37
# of 54.
PILOT = Shape(
    units_in_site=(1, 3, 1, 1, 2, 1),
    start=(36, 38, 36, 39, 37, 38),
    region_of_site=(3, 1, 2, 2, 2, 0),
    comparison_in_region=(3, 0, 7, 5, 5, 6, 7),
    n_periods=54,
)
