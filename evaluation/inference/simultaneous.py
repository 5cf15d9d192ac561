"""Bands that hold for all event times of a fit at once, by a multiplier bootstrap of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit, Interval, Procedure
from evaluation.inference.cluster_robust import judged_by
from evaluation.inference.student import (
    FITTED_EXACTLY,
    one_site_only,
    refuse_level,
    unidentified,
)
from evaluation.panel import Panel

__all__ = ["Band", "simultaneous", "simultaneous_band"]

FloatArray = NDArray[np.float64]

_KEY = "simultaneous"
_ROOT_5 = float(np.sqrt(5.0))
# Mammen (1993): two values with mean 0, variance 1 and third moment 1.
_LOW, _HIGH = (1 - _ROOT_5) / 2, (1 + _ROOT_5) / 2
_LOW_PROBABILITY = (_ROOT_5 + 1) / (2 * _ROOT_5)
# Multipliers held at a time (16 MB).
_AT_A_TIME = 2_000_000
# A standard error this small beside the largest of them is rounding.
_ROUNDING = 1e-12

_FOR_EVENT_TIMES = (
    "No interval: a simultaneous band is for effects by event time, all of them together."
)
_FEW = "No interval: it rests on too few pilot sites to be part of the simultaneous band."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Intervals that together contain all of the effects at the level; k effects, B draws.

    Parameters
    ----------
    effects : tuple of int
        Indices into the fit's effects.
    level : float
    critical : float
        How far the largest of normal statistics reaches.
    values, std_error, df, p : array, shape (k,)
        The estimates; CR1's error; pilot sites less 1; p-values against all effects being 0.
    draws : int
    """

    effects: tuple[int, ...]
    level: float
    critical: float
    values: FloatArray
    std_error: FloatArray
    df: FloatArray
    p: FloatArray
    draws: int

    @property
    def reach(self) -> FloatArray:
        """How many standard errors each interval reaches; shape (k,)."""
        from scipy.special import ndtr, stdtrit

        return np.asarray(stdtrit(self.df, ndtr(self.critical)))

    @property
    def low(self) -> FloatArray:
        """The lower ends; shape (k,)."""
        return np.asarray(self.values - self.reach * self.std_error)

    @property
    def high(self) -> FloatArray:
        """The upper ends; shape (k,)."""
        return np.asarray(self.values + self.reach * self.std_error)


# The event times of a fit share their band: that of a panel's last fit is remembered while the
# panel lives. Its multipliers come from the stream of the event time that is asked about first.
_REMEMBERED: WeakKeyDictionary[Panel, tuple[FloatArray, Band]] = WeakKeyDictionary()


def simultaneous(*, level: float, draws: int, fewest_pilot_sites: int) -> Procedure:
    """Return the band over all event times, for effects by event time.

    Each event time's p-value is that of its own distance from 0 among the largest ones.

    Parameters
    ----------
    level : float
        Probability that all of the effects are within, between 0 and 1.
    draws : int
        Such as 9999.
    fewest_pilot_sites : int
        The band is over the event times that rest on so many pilot sites.
    """
    refuse_level(level)

    def interval(_estimator: Estimator, panel: Panel, fit: Fit, random: Generator) -> Interval:
        if fit.effect.estimand != "event_time":
            return Interval(procedure=_KEY, level=level, caveats=(_FOR_EVENT_TIMES,))
        if not np.isfinite(fit.effect.value):
            return unidentified(_KEY, level)
        among = _together(fit, fewest_pilot_sites)
        if fit.focal not in among:
            return Interval(procedure=_KEY, level=level, caveats=(_FEW,))
        band = _remembered(panel, fit, level, draws)
        if band is None or band.effects != among:
            band = simultaneous_band(fit, among, level=level, draws=draws, random=random)
            _REMEMBERED[panel] = (_influence(fit), band)
        return _interval(fit, band)

    return interval


def _together(fit: Fit, fewest_pilot_sites: int) -> tuple[int, ...]:
    """Return the event times that are identified and rest on enough sites."""
    return tuple(
        j
        for j, effect in enumerate(fit.effects)
        if effect.estimand == "event_time"
        and np.isfinite(effect.value)
        and _pilot_sites(fit, j) >= fewest_pilot_sites
    )


def _pilot_sites(fit: Fit, index: int) -> int:
    own = fit.effects[index].n_pilot_sites
    return fit.n_pilot_sites if own is None else own


def _influence(fit: Fit) -> FloatArray:
    return np.empty((0, 0)) if fit.influence is None else fit.influence


def _remembered(panel: Panel, fit: Fit, level: float, draws: int) -> Band | None:
    influence, band = _REMEMBERED.get(panel, (None, None))
    if band is None or influence is not fit.influence:
        return None
    return band if (band.level, band.draws) == (level, draws) else None


def _interval(fit: Fit, band: Band) -> Interval:
    place = band.effects.index(fit.focal)
    if band.std_error[place] == 0:
        return Interval(procedure=_KEY, level=band.level, caveats=(FITTED_EXACTLY,))
    first, last = (fit.effects[band.effects[end]].group for end in (0, -1))
    caveat = (
        f"A band, not an interval of its own: the ranges of all {len(band.effects)} event times "
        f"from {first} to {last} hold together, at {band.level:.0%}."
    )
    return Interval(
        procedure=_KEY,
        level=band.level,
        low=float(band.low[place]),
        high=float(band.high[place]),
        p=float(band.p[place]),
        std_error=float(band.std_error[place]),
        df=float(band.df[place]),
        draws=band.draws,
        caveats=(caveat,),
    )


def simultaneous_band(
    fit: Fit, effects: Sequence[int], *, level: float, draws: int, random: Generator
) -> Band:
    r"""Return the band of several effects of a fit that has influence functions.

    Each draw multiplies every site's influence by a random number of mean 0 and variance 1; the
    critical value is the quantile of :math:`\max_j |\sum_s V_s \psi_{sj}| / \sigma_j`, with p-value
    (1 + count) / (draws + 1). These maxima are as if each :math:`\sigma_j` were known; an effect's
    own distance, which is not, is put on their scale through Student's distribution with as many
    degrees of freedom as it has pilot sites, less 1.

    Source: Callaway and Sant'Anna (2021), J. Econometrics 225, algorithm 1, with Mammen's (1993)
    multipliers by site and the standard error itself in place of the draws' interquartile range;
    influence recentred as for ``cr1``; Student's distribution is our own addition.

    Parameters
    ----------
    fit : Fit
    effects : sequence of int
        Which of its effects; each must be identified.
    level : float
        Probability that all are covered, between 0 and 1.
    draws : int
    random : Generator

    Raises
    ------
    EstimationError
        When the fit has no influence functions, an effect is not identified, there is one site
        only, or the draws are too few.
    """
    from scipy.special import ndtri, stdtr

    refuse_level(level)
    values = np.array([fit.effects[j].value for j in effects])
    if not values.size or not np.isfinite(values).all():
        raise EstimationError(
            "a band was asked for effects that are not identified",
            remedy="Leave them out of the band.",
        )
    if fit.n_sites < 2:
        raise one_site_only()
    beyond = int(np.floor((1 - level) * (draws + 1)))
    if beyond < 1:
        raise EstimationError(
            f"{draws} draws are too few for a band at {level:g}",
            allowed=f"{int(np.ceil(1 / (1 - level))) - 1} draws or more",
        )
    influence = judged_by(fit, effects)
    sigma = np.sqrt((influence**2).sum(axis=0))
    varying = sigma > _ROUNDING * sigma.max()
    largest = np.sort(_largest(influence[:, varying] / sigma[varying], draws, random))
    factor = np.sqrt(fit.n_sites / (fit.n_sites - 1))
    std_error = np.where(varying, factor * sigma, 0.0)
    df = np.array([max(_pilot_sites(fit, j) - 1.0, 1.0) for j in effects])
    beyond_own = stdtr(df, -np.abs(values) / np.where(varying, std_error, 1.0))
    count = draws - np.searchsorted(largest, -ndtri(beyond_own))
    return Band(
        effects=tuple(effects),
        level=level,
        critical=max(float(largest[-beyond]), float(ndtri(0.5 + level / 2))),
        values=values,
        std_error=std_error,
        df=df,
        p=np.maximum((1 + count) / (draws + 1), 2 * beyond_own),
        draws=draws,
    )


def _largest(scaled: FloatArray, draws: int, random: Generator) -> FloatArray:
    """Return the largest statistic of each draw; shape (draws,)."""
    if not scaled.shape[1]:
        return np.zeros(draws)
    sites = scaled.shape[0]
    step = max(1, _AT_A_TIME // sites)
    largest = np.empty(draws)
    for first in range(0, draws, step):
        count = min(step, draws - first)
        drawn = np.where(random.random((count, sites)) < _LOW_PROBABILITY, _LOW, _HIGH)
        largest[first : first + count] = np.abs(drawn @ scaled).max(axis=1)
    return largest
