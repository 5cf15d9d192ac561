"""What estimators, procedures and checks hand on: fits, intervals, estimates, checks.

Shapes: n observations, k columns of a design, r effects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.findings.equations import BlockFit, Equations, LinearFit, SiteBlock
from evaluation.panel import Panel

__all__ = [
    "BlockFit",
    "Check",
    "Effect",
    "Equations",
    "Estimand",
    "Estimate",
    "Estimator",
    "EventStudy",
    "Fit",
    "Interval",
    "LinearFit",
    "Probe",
    "Procedure",
    "Scale",
    "SiteBlock",
]

Estimand = Literal["overall", "site", "cohort", "calendar", "group_time", "event_time", "bound"]
Scale = Literal["level", "log"]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One point estimate; never a p-value.

    Parameters
    ----------
    estimand : Estimand
        What it is an effect on.
    group : str
        Empty for the overall effect; else the site, cohort, period, event time, or the end that
        suppressed and rounded counts are put at.
    value : float
        The estimate on ``scale``; NaN where it is not identified, with the reason in ``caveats``.
    scale : Scale
        ``level`` (the outcome's units) or ``log`` (log rate ratio).
    observed : float or None
        The weighted mean outcome of the treated observations that the effect averages over, in
        the outcome's units; the counterfactual is ``observed - value`` (level) or
        ``observed / exp(value)`` (log). None where undefined.
    caveats : tuple of str
        What a reader of this figure must know.
    n_pilot_sites : int or None
        Pilot sites that this effect rests on; None where these are all of the fit's.
    """

    estimand: Estimand
    value: float
    scale: Scale
    group: str = ""
    observed: float | None = None
    caveats: tuple[str, ...] = ()
    n_pilot_sites: int | None = None

    def relative(self, value: float | None) -> float | None:
        """Return ``value`` (on this effect's scale) as per cent of the counterfactual.

        None where that is undefined: no value, or nothing observed or expected above 0.
        """
        if value is None or not np.isfinite(value):
            return None
        if self.scale == "log":
            return 100.0 * float(np.expm1(value))
        if self.observed is None or self.observed <= 0 or not self.observed - value > 0:
            return None
        return 100.0 * value / (self.observed - value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventStudy:
    """Event-time estimates with their joint uncertainty.

    Parameters
    ----------
    relative_periods : int array, shape (r,)
        Event times, the reference left out.
    values : array, shape (r,)
        Estimates.
    covariance : array, shape (r, r)
        Their covariance.
    reference : int or None
        The event time that is 0 by construction; None where there is none, such as for effects
        before the start that are each held to the period before.
    """

    relative_periods: IntArray
    values: FloatArray
    covariance: FloatArray
    reference: int | None = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """What an estimator returns: point estimates and, where there are any, their equations.

    Parameters
    ----------
    estimator : str
        Key of the estimator.
    effects : tuple of Effect
        At least one; ``effects[0]`` is the overall effect where the estimator has one.
    focal : int
        Which effect a procedure is asked about.
    linear : LinearFit or None
        Estimating equations of the focal effect, whose ``contrasts`` run parallel to ``effects``;
        None for estimators that are only refitted, and for data too many for a matrix.
    blocks : BlockFit or None
        The same equations of data too many to hold the design as a matrix.
    designs : tuple of LinearFit or BlockFit
        Where effects come from several regressions, the equations of each, parallel to ``effects``
        too: NaN for the effects of the others. Empty where ``linear`` holds all there are.
    influence : array, shape (G, r), or None
        Site sums of each effect's influence function, sites in the order of ``Panel.sites``, for
        estimators that have one in place of estimating equations: the variance of effect j without
        a small-sample factor is ``(influence[:, j] ** 2).sum()``.
    recentred : callable or None
        Gives what effect j is judged by in place of ``influence[:, j]``, shape (G,): each site's
        own part left out of the average that it is held against, which few sites want. None where
        there is no such form.
    n_obs, n_units, n_sites, n_pilot_sites : int
        Counts of what entered the fit.
    refit : Estimator or None
        For procedures that refit many times: the estimator carried to its exact optimum, where the
        one that made the fit follows a published stopping rule at many times the cost, or without
        the effects behind the overall one. None: refit with the estimator itself.
    caveats : tuple of str
        What holds for every effect of the fit.
    """

    estimator: str
    effects: tuple[Effect, ...]
    n_obs: int
    n_units: int
    n_sites: int
    n_pilot_sites: int
    focal: int = 0
    linear: LinearFit | None = None
    blocks: BlockFit | None = None
    designs: tuple[Equations, ...] = ()
    influence: FloatArray | None = None
    recentred: Callable[[int], FloatArray] | None = None
    refit: Estimator | None = None
    caveats: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        """The effect that a procedure is asked about."""
        return self.effects[self.focal]

    def focused(self, index: int) -> Fit:
        """Return the same fit, asking about effect ``index`` and its equations."""
        holding = (one for one in self.designs if np.isfinite(one.contrasts[index]).all())
        found = next(holding, None)
        if found is None:
            return dataclasses.replace(self, focal=index)
        if isinstance(found, LinearFit):
            return dataclasses.replace(self, focal=index, linear=found, blocks=None)
        return dataclasses.replace(self, focal=index, linear=None, blocks=found)

    @property
    def equations(self) -> Equations | None:
        """The estimating equations in the one form or the other, where there are any."""
        return self.blocks if self.linear is None else self.linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The uncertainty of one effect by one procedure, on the effect's own scale.

    Parameters
    ----------
    procedure : str
        Key of the procedure.
    level : float
        Confidence level, such as 0.95.
    low, high, p : float or None
        Ends of the interval and two-sided p-value against 0; None where the procedure does not
        hold or does not give one, with the reason in ``caveats``; infinite where unbounded.
    std_error, df : float or None
        Standard error and degrees of freedom, for procedures that have them.
    draws : int or None
        Resampling draws made, for procedures that draw.
    failures : int
        Draws that could not be computed.
    caveats : tuple of str
        What a reader of this interval must know.
    """

    procedure: str
    level: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    std_error: float | None = None
    df: float | None = None
    draws: int | None = None
    failures: int = 0
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One row of ``estimates.csv`` or ``event_study.csv``: an effect with an interval."""

    outcome: str
    estimator: str
    effect: Effect
    interval: Interval
    n_obs: int
    n_units: int
    n_sites: int
    n_pilot_sites: int
    is_primary: bool = False
    caveats: tuple[str, ...] = ()

    @property
    def relative(self) -> tuple[float | None, float | None, float | None]:
        """Effect, low and high end as per cent of the counterfactual; None where undefined."""
        effect, interval = self.effect, self.interval
        return (
            effect.relative(effect.value),
            effect.relative(interval.low),
            effect.relative(interval.high),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check:
    """What one check found.

    Parameters
    ----------
    name : str
        Key of the check, such as ``reporting_break``.
    title : str
        The check as a heading, in plain words.
    passed : bool or None
        None for information that can neither pass nor fail.
    detail : str
        What was found and what it does to the estimate, in plain words.
    remedy : str
        What to put in the study file, or do to the data, about it; empty when nothing is to do.
    blocking : bool
        Whether a failure forbids estimating (exit code 12). A failure that does not block is
        printed before the result as "Read with caution".
    outcome : str
        Key of the outcome it was made on; empty for the whole study.
    table : polars.DataFrame
        The findings, one a row. Columns that are there mean the same everywhere: ``file``,
        ``row`` (1 is the header), ``unit``, ``period`` (its code), ``first``, ``last``, ``value``,
        ``problem``, ``effect_on_estimate``, ``remedy``.
    """

    name: str
    title: str
    passed: bool | None
    detail: str
    remedy: str = ""
    blocking: bool = False
    outcome: str = ""
    table: pl.DataFrame = field(default_factory=pl.DataFrame)


Estimator = Callable[[Panel], Fit]
Procedure = Callable[[Estimator, Panel, Fit, Generator], Interval]
Probe = Callable[[Estimator, Panel, Fit], Check]
