"""Draw one panel of a process, as arrays or as a Panel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.panel import Measure, Panel
from evaluation.periods import Calendar
from evaluation.simulation.processes import Process
from evaluation.simulation.shape import Shape

__all__ = ["Drawn", "Sites", "draw"]

FloatArray = NDArray[np.float64]

_Family = Callable[
    [Process, Generator, FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray | None]
]

# Whose average effect the given one is: of the sites that are there, or of all like them.
Sites = Literal["these", "like these"]

# Sizes of the 42 Integrated Care Boards: mean daily number of patients who no longer meet the
# criteria to reside, April 2022 to August 2025. Source: NHS England, Acute discharge situation
# report, monthly CSVs (Open Government Licence v3.0).
# fmt: off
_SIZES = (
    602, 809, 236, 324, 361, 335, 1163, 458, 344, 571, 240, 442, 601, 672, 395, 539, 528, 451, 276,
    313, 805, 218, 1225, 741, 499, 285, 218, 989, 673, 309, 568, 198, 499, 524, 345, 604, 439, 470,
    1163, 439, 363, 1511,
)
# fmt: on

# December to February, where period 0 is April.
_WINTER_MONTHS = (8, 9, 10)
# Spread of levels over units, and a national course that is the same for all.
_LEVELS = 0.12
_NATIONAL = 0.03
# A share can never leave these, whatever the noise.
_SHARE_LIMITS = (0.02, 0.98)
# Gamma quantiles are read off a table at these normal ones.
_GRID = np.linspace(-6.5, 6.5, 2601)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """One drawn panel: U units in the order of the shape, T periods, every unit in every period.

    Parameters
    ----------
    shape : Shape
        Who starts when.
    measure : Measure
        As the panel has it.
    outcome : array, shape (U, T)
        The mean, rate (for each unit of exposure) or share.
    weight : array, shape (U,)
        Exposure, or 1; constant in time.
    count : array, shape (U, T), or None
        Counted events, for rates and shares.
    truth : float
        The average effect, on the scale of the measure's own estimator: in the outcome's units for
        means and shares, the log rate ratio for rates.
    level : float
        The mean outcome of the process, of which effects and noise are shares.
    """

    shape: Shape
    measure: Measure
    outcome: FloatArray
    weight: FloatArray
    count: FloatArray | None
    truth: float
    level: float

    def panel(self) -> Panel:
        """Return the same observations as a Panel."""
        units, periods = self.outcome.shape
        columns: dict[str, FloatArray | Sequence[str] | NDArray[np.int64]] = {
            "unit": np.repeat(self.shape.unit_names, periods).tolist(),
            "period": np.tile(np.arange(periods), units),
            "outcome": self.outcome.ravel(),
            "weight": np.repeat(self.weight, periods),
        }
        if self.count is not None:
            columns["count"] = self.count.ravel()
            columns["exposure"] = np.repeat(self.weight, periods)
        return Panel(
            rows=pl.DataFrame(columns),
            adoption=self.shape.adoption,
            calendar=Calendar(frequency="index"),
            measure=self.measure,
        )


def draw(
    process: Process,
    shape: Shape,
    stream: Generator,
    *,
    effect: float = 0.0,
    sites: Sites = "these",
) -> Drawn:
    """Draw one panel.

    Parameters
    ----------
    process : Process
        How it comes about.
    shape : Shape
        Who is observed and who starts when.
    stream : numpy.random.Generator
        Where the numbers come from.
    effect : float
        The average effect as a share of the outcome: 0.05 for 5%.
    sites : {"these", "like these"}
        Where effects differ by site: whether ``effect`` is the average over these very sites, or
        over all sites like these, of which these are a sample.
    """
    size = _sizes(process, shape, stream)
    level = _LEVELS * stream.standard_normal(shape.n_units)
    common = level[:, None] + _common(process, shape, stream)
    lasting = _lasting(process, shape, stream)
    own = _site_effects(process, shape, stream)
    if sites == "these":
        # Poisson weighs by means, which have the unit's level in them.
        weight = size * np.exp(level) if process.family == "poisson" else size
        own = own - np.average(own, weights=_say(shape, weight))
    base = math.log1p(effect) if process.family == "poisson" else effect
    change = common + (base + own)[:, None] * shape.treated
    outcome, count = _FAMILIES[process.family](process, stream, size, change, lasting)
    return Drawn(
        shape=shape,
        measure=process.measure,
        outcome=outcome,
        weight=size,
        count=count,
        truth=base if process.family == "poisson" else process.level * effect,
        level=process.level,
    )


def _normal(
    process: Process, stream: Generator, size: FloatArray, change: FloatArray, lasting: FloatArray
) -> tuple[FloatArray, None]:
    del stream
    return process.level * (1 + change + _scaled(process, size, lasting)), None


def _counts(
    process: Process, stream: Generator, size: FloatArray, change: FloatArray, lasting: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Draw Poisson counts of gamma-distributed rates: negative binomial, correlated in time."""
    rate = process.events * np.exp(change)
    if process.noise > 0:
        rate = rate * np.interp(lasting, _GRID, _gamma_quantiles(process.noise))
    count = stream.poisson(size[:, None] * rate).astype(np.float64)
    return count / size[:, None], count


def _share(
    process: Process, stream: Generator, size: FloatArray, change: FloatArray, lasting: FloatArray
) -> tuple[FloatArray, FloatArray]:
    share = process.level * (1 + change + _scaled(process, size, lasting))
    people = size[:, None]
    count = stream.binomial(people.astype(np.int64), np.clip(share, *_SHARE_LIMITS))
    return count / people, count.astype(np.float64)


_FAMILIES: dict[str, _Family] = {"normal": _normal, "poisson": _counts, "binomial": _share}


def _sizes(process: Process, shape: Shape, stream: Generator) -> FloatArray:
    """Return each unit's exposure, whole people for a share; around 1 otherwise; shape (U,)."""
    size = np.ones(shape.n_units)
    if process.sized:
        dealt = stream.permutation(np.array(_SIZES, dtype=np.float64))
        size = np.array(shape.sizes) if shape.sizes else dealt[: shape.n_units]
        size = size / dealt.mean()
        size[: shape.n_pilot_units] *= process.pilot_size
    return np.rint(process.events * size) if process.family == "binomial" else size


def _scaled(process: Process, size: FloatArray, lasting: FloatArray) -> FloatArray:
    relative = size / np.exp(np.log(size).mean())
    return np.asarray(process.noise * relative[:, None] ** process.noise_by_size * lasting)


def _common(process: Process, shape: Shape, stream: Generator) -> FloatArray:
    """Return what comes from outside: a national course, and winters; shape (U, T)."""
    national = _NATIONAL * _autoregressive(stream, 1, shape.n_periods, 0.8)
    if process.winter == 0:
        return np.broadcast_to(national, (shape.n_units, shape.n_periods))
    month = np.arange(shape.n_periods)
    shocks = process.winter * (1 + stream.standard_normal(1 + shape.n_periods // 12))
    shock = np.where(np.isin(month % 12, _WINTER_MONTHS), shocks[month // 12], 0.0)
    hit = 1 + process.loading * stream.standard_normal(shape.n_units)
    return np.asarray(national + hit[:, None] * shock)


def _lasting(process: Process, shape: Shape, stream: Generator) -> FloatArray:
    """Return noise of variance 1: a unit's own, its site's and its region's; shape (U, T)."""
    parts = (
        (1 - process.in_site - process.in_region, np.arange(shape.n_units)),
        (process.in_site, shape.site),
        (process.in_region, shape.region),
    )
    total = np.zeros((shape.n_units, shape.n_periods))
    for variance, group in parts:
        if variance > 0:
            drawn = _autoregressive(
                stream, int(group.max()) + 1, shape.n_periods, process.persistence
            )
            total += math.sqrt(variance) * drawn[group]
    return total


def _autoregressive(stream: Generator, n: int, n_periods: int, persistence: float) -> FloatArray:
    fresh = stream.standard_normal((n, n_periods))
    return fresh if persistence == 0 else fresh @ _root(persistence, n_periods).T


@lru_cache
def _root(persistence: float, n_periods: int) -> FloatArray:
    """Return the root of the correlation of a stationary autoregression; shape (T, T)."""
    apart = np.abs(np.subtract.outer(np.arange(n_periods), np.arange(n_periods)))
    return np.asarray(np.linalg.cholesky(persistence**apart), dtype=np.float64)


@lru_cache
def _gamma_quantiles(spread: float) -> FloatArray:
    """Return quantiles of the gamma distribution of mean 1, at the grid's normal ones."""
    from scipy.special import gammaincinv, ndtr

    shape = spread**-2
    return np.asarray(gammaincinv(shape, ndtr(_GRID)) / shape)


def _site_effects(process: Process, shape: Shape, stream: Generator) -> FloatArray:
    """Return each unit's deviation from the average effect; 0 for comparison units; shape (U,)."""
    deviation = np.zeros(shape.n_units)
    if process.site_effects > 0:
        drawn = process.site_effects * stream.standard_normal(shape.n_pilot_sites)
        deviation[: shape.n_pilot_units] = np.repeat(drawn, shape.units_in_site)
    return deviation


def _say(shape: Shape, weight: FloatArray) -> FloatArray:
    """Return what each unit's effect counts for in the two-way coefficient; shape (U,).

    With staggered starts the coefficient weighs effects by more than the units' weights and months:
    by their own residual treatment.
    """
    within = shape.treated - shape.treated.mean(axis=1, keepdims=True)
    residual = within - np.average(within, axis=0, weights=weight)
    return np.asarray(weight * (residual * shape.treated).sum(axis=1))
