"""Bands that hold for several effects of a fit at once, by a multiplier bootstrap of its sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Fit
from evaluation.inference.moments import moments
from evaluation.inference.student import one_site_only, refuse_level

__all__ = ["Band", "Multipliers", "simultaneous_band", "site_influence"]

Multipliers = Literal["mammen", "rademacher"]
FloatArray = NDArray[np.float64]

_ROOT_5 = float(np.sqrt(5.0))
# Mammen (1993): two values with mean 0, variance 1 and third moment 1.
_MAMMEN = ((1 - _ROOT_5) / 2, (1 + _ROOT_5) / 2)
_LOWER_PROBABILITY = (_ROOT_5 + 1) / (2 * _ROOT_5)
# Multipliers held at a time (16 MB).
_AT_A_TIME = 2_000_000
# A standard error this small beside the largest of them is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Intervals that together contain all of the effects at the level.

    Parameters
    ----------
    effects : tuple of int
        Indices into the fit's effects, k of them.
    level : float
    critical : float
        How many standard errors each interval reaches.
    std_error, low, high : array, shape (k,)
        The error is CR1's.
    draws : int
    """

    effects: tuple[int, ...]
    level: float
    critical: float
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    draws: int


def site_influence(fit: Fit) -> FloatArray:
    """Return each effect's influence function summed by site; shape (G, r).

    Raises
    ------
    EstimationError
        When the fit has neither influence functions nor estimating equations.
    """
    if fit.influence is not None:
        return fit.influence
    if fit.linear is None:
        raise EstimationError(
            f"the estimator {fit.estimator} has neither influence functions nor estimating "
            "equations, so its effects have no band",
            remedy="Choose another estimator.",
        )
    cut = moments(fit.linear)
    return np.asarray(cut.scores @ cut.contrasts)


def simultaneous_band(
    fit: Fit,
    effects: Sequence[int],
    *,
    level: float,
    draws: int,
    random: Generator,
    multipliers: Multipliers = "mammen",
) -> Band:
    r"""Return the band of several effects of a fit.

    Each draw multiplies every site's influence by a random number of mean 0 and variance 1; the
    critical value is the quantile of :math:`\max_j |\sum_s V_s \psi_{sj}| / \sigma_j`, with p-value
    (1 + count) / (draws + 1). It is never less than Student's for one effect, t(G-1). With few
    pilot sites a band by influence functions is too narrow, as CR1 is.

    Source: Callaway and Sant'Anna (2021), J. Econometrics 225, algorithm 1, with multipliers by
    site and the standard error itself in place of the draws' interquartile range.

    Parameters
    ----------
    fit : Fit
    effects : sequence of int
        Which of its effects; each must be identified.
    level : float
        Probability that all are covered, between 0 and 1.
    draws : int
    random : Generator
    multipliers : {"mammen", "rademacher"}

    Raises
    ------
    EstimationError
        When an effect is not identified, there is one site only, or the draws are too few.
    """
    from scipy.special import stdtrit

    refuse_level(level)
    kind = _checked(multipliers)
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
    influence = site_influence(fit)[:, list(effects)]
    sigma = np.sqrt((influence**2).sum(axis=0))
    varying = sigma > _ROUNDING * sigma.max()
    largest = _largest(influence[:, varying] / sigma[varying], draws, random, kind)
    student = float(stdtrit(fit.n_sites - 1, 0.5 + level / 2))
    critical = max(float(np.sort(largest)[-beyond]), student)
    std_error = np.sqrt(fit.n_sites / (fit.n_sites - 1)) * sigma
    return Band(
        effects=tuple(effects),
        level=level,
        critical=critical,
        std_error=std_error,
        low=values - critical * std_error,
        high=values + critical * std_error,
        draws=draws,
    )


def _checked(multipliers: Multipliers) -> Multipliers:
    if multipliers not in get_args(Multipliers):
        raise EstimationError(
            f"multipliers are {multipliers!r}",
            allowed=", ".join(map(repr, get_args(Multipliers))),
        )
    return multipliers


def _largest(
    scaled: FloatArray, draws: int, random: Generator, multipliers: Multipliers
) -> FloatArray:
    """Return the largest statistic of each draw; shape (draws,)."""
    if not scaled.shape[1]:
        return np.zeros(draws)
    sites = scaled.shape[0]
    step = max(1, _AT_A_TIME // sites)
    low, high = _MAMMEN if multipliers == "mammen" else (-1.0, 1.0)
    chance = _LOWER_PROBABILITY if multipliers == "mammen" else 0.5
    largest = np.empty(draws)
    for first in range(0, draws, step):
        count = min(step, draws - first)
        drawn = np.where(random.random((count, sites)) < chance, low, high)
        largest[first : first + count] = np.abs(drawn @ scaled).max(axis=1)
    return largest
