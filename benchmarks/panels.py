"""The panels that are raced on, as files of arrays: drawn from a seed, the same for every racer.

    python -m benchmarks.panels NAME FILE

Arrays, one entry a row, ordered by unit and period: ``unit``, ``site``, ``period`` (codes from 0),
``first`` (first treated period, -1 for never), ``treated`` (0 or 1), ``y``, ``count``; for rates
``exposure`` too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.simulation import PILOT, PROCESSES, draw

__all__ = ["PANELS"]

Arrays = dict[str, NDArray[Any]]
_SEED = 20260401
_UNBALANCED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """So many units in so many sites, and which share of the sites starts when; -1 for never.

    With ``residents`` units are care homes: an exposure, and weight, that changes every month.
    """

    units: int
    sites: int
    periods: int
    starts: tuple[tuple[int, float], ...]
    residents: bool = False

    def first(self) -> NDArray[np.int64]:
        """Return the first treated period of each site; shape (S,)."""
        first = np.full(self.sites, -1)
        at = 0
        for start, share in self.starts:
            number = round(share * self.sites)
            first[at : at + number] = start
            at += number
        return first


def pilot(process: str, effect: float) -> Arrays:
    """Draw the pilot's own panel: 42 areas in 39 sites, six of them pilots; 54 months."""
    drawn = draw(PROCESSES[process], PILOT, np.random.default_rng(_SEED), effect=effect)
    units, periods = drawn.outcome.shape
    start = np.where(PILOT.treated.any(axis=1), PILOT.treated.argmax(axis=1), -1)
    count = np.zeros_like(drawn.outcome) if drawn.count is None else drawn.count
    return {
        "unit": np.repeat(np.arange(units), periods),
        "site": np.repeat(PILOT.site, periods),
        "period": np.tile(np.arange(periods), units),
        "first": np.repeat(start, periods),
        "treated": PILOT.treated.ravel(),
        "y": drawn.outcome.ravel(),
        "count": count.ravel(),
        "exposure": np.repeat(drawn.weight, periods),
    }


def grown(shape: Shape, *, missing: float = 0.0) -> Arrays:
    """Draw a panel of any size: levels, a national course, noise of units and of sites."""
    random = np.random.default_rng(_SEED)
    site = np.arange(shape.units) * shape.sites // shape.units
    first = shape.first()[site]
    period = np.arange(shape.periods)
    treated = (first[:, None] >= 0) & (period >= first[:, None])
    y = random.standard_normal((shape.units, shape.periods))
    y += random.standard_normal((shape.sites, shape.periods))[site] / 4
    y += random.standard_normal((shape.units, 1)) + np.sin(period / 6)
    y -= treated * 0.25
    mean = np.exp(1 + 0.3 * np.clip(y, -6, 6))
    columns: Arrays = {
        "unit": np.repeat(np.arange(shape.units), shape.periods),
        "site": np.repeat(site, shape.periods),
        "period": np.tile(period, shape.units),
        "first": np.repeat(first, shape.periods),
        "treated": treated.ravel().astype(np.float64),
        "y": y.ravel(),
    }
    if shape.residents:
        homes = random.uniform(10, 70, (shape.units, 1))
        exposure = homes * random.uniform(0.8, 1.2, mean.shape)
        columns["exposure"] = exposure.ravel()
        mean = mean * exposure / 40
    columns["count"] = random.poisson(mean).ravel().astype(np.float64)
    if not missing:
        return columns
    kept = random.uniform(size=y.size) >= missing
    return {name: column[kept] for name, column in columns.items()}


_LARGE = Shape(units=100_000, sites=300, periods=50, starts=((36, 0.2),))
_HOMES = Shape(
    units=15_000, sites=300, periods=60, starts=((36, 0.1), (40, 0.1), (44, 0.1), (48, 0.1))
)
_HOMES_IN_PILOT = Shape(
    units=15_000,
    sites=375,
    periods=60,
    starts=((36, 2 / 375), (38, 2 / 375), (40, 2 / 375)),
    residents=True,
)
_HOMES_IN_FEW_SITES = replace(
    _HOMES_IN_PILOT, sites=39, starts=((36, 2 / 39), (38, 2 / 39), (40, 2 / 39))
)
_HOMES_ALONE = replace(_HOMES_IN_PILOT, sites=15_000, starts=((36, 0.01),))
_AREAS = Shape(units=42, sites=42, periods=60, starts=((48, 9 / 42),))
_STAGGERED = Shape(
    units=42, sites=42, periods=60, starts=((40, 3 / 42), (44, 3 / 42), (48, 3 / 42))
)

PANELS: dict[str, Callable[[], Arrays]] = {
    "pilot": lambda: pilot("AR .5", -0.04),
    "pilot_rate": lambda: pilot("negative binomial", -0.04),
    "large": lambda: grown(_LARGE),
    "large_unbalanced": lambda: grown(_LARGE, missing=_UNBALANCED),
    "homes": lambda: grown(_HOMES),
    "homes_pilot": lambda: grown(_HOMES_IN_PILOT),
    "homes_pilot_unbalanced": lambda: grown(_HOMES_IN_PILOT, missing=_UNBALANCED),
    "homes_few_sites": lambda: grown(_HOMES_IN_FEW_SITES),
    "homes_alone": lambda: grown(_HOMES_ALONE),
    "areas": lambda: grown(_AREAS),
    "areas_staggered": lambda: grown(_STAGGERED),
}


if __name__ == "__main__":
    np.savez(Path(sys.argv[2]), allow_pickle=False, **PANELS[sys.argv[1]]())
