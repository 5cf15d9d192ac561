r"""Tests by reassignment of one outcome: the p-value of any tested effect, the draws held fixed.

With four or more paths to deal out the statistic is the t of the leave-one-site-out jackknife
(CR3) on the site-collapsed panel: randomisation on t is MacKinnon and Webb's (2020), CR1 there. An
assignment whose information comes from few sites, because they are large, has a t with heavier
tails than one whose sites are alike, so that each t is first brought to the normal scale from as
many degrees of freedom as the assignment has (Wallace 1959):

.. math:: z^2 = \left(\frac{8 \nu + 1}{8 \nu + 3}\right)^2 \nu \log(1 + t^2 / \nu)

With fewer paths the statistic is the coefficient over the error that sizes of sites lead to expect:
no jackknife can see the variance of one site (without it there is no effect), and with two or three
it sees little of it.

Shapes: S sites, T periods, K paths, B reassignments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.inference.engine import Reduced, distinct_paths, product_weights, reduce_arrays
from evaluation.inference.left_out import left_out
from evaluation.inference.poisson_null import null_table
from evaluation.inference.reassigned import (
    Sums,
    make_parts,
    sums_of_parts,
    sums_of_reduced,
    sums_of_tables,
)
from evaluation.inference.reassignment import FEWEST_TO_SAMPLE, Reassignments, reassign
from evaluation.inference.site_slopes import SiteSlopes, expected_variance, slopes_along
from evaluation.inference.site_tables import SiteTables
from evaluation.inference.two_way import TwoWay, two_way

__all__ = [
    "FEWEST_FOR_T",
    "Statistics",
    "deal",
    "least_squares",
    "p_value",
    "poisson_at",
    "poisson_p",
    "share_as_far",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# From so many pilot sites on a t by their own variance is the statistic.
FEWEST_FOR_T = 4
# Squares of statistics this close are the same but for rounding: a tie, which counts.
_TIE = 1e-9
# A site with less than this share of a path's size left tells nothing about an effect.
_UNINFORMED = 1e-9
# Inner products of parts that are held at once, 160 megabytes.
_MOST_PRODUCTS = 20_000_000
# Work on whole tables takes about so many passes over their periods; on parts, one for each pair.
_PASSES = 6
# Where a Poisson model's sums are computed, and how many standard errors from the estimate.
_NODES = 7
_REACH = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistics:
    """Squared statistics of every reassignment, as functions of the tested effect.

    Parameters
    ----------
    sums : Sums
        Coefficients and spreads.
    slopes : SiteSlopes or None
        For the expected error; None where the jackknife's t is the statistic.
    dealt : Reassignments
    """

    sums: Sums
    slopes: SiteSlopes | None
    dealt: Reassignments

    def p(self, null: float) -> float:
        """Return the share of reassignments at least as far out as the actual one, ties counted."""
        freedom = self.sums.freedom if self.slopes is None else None
        return share_as_far(self.sums.coefficient(null) ** 2, self.variance(null), freedom)

    def variance(self, null: float) -> FloatArray:
        """Return the variances that coefficients are judged by; shape (B,)."""
        if self.slopes is None:
            return self.sums.variance(null)
        slope = self.slopes.at(null)
        return expected_variance(slope, self.slopes.information, self.dealt.chosen)


def share_as_far(
    squared: FloatArray, variance: FloatArray, freedom: FloatArray | None = None
) -> float:
    """Return the share of reassignments whose statistic reaches the first's.

    Parameters
    ----------
    squared : array, shape (B,)
        Of the coefficients.
    variance : array, shape (B,)
        Theirs; 0 makes the statistic infinite.
    freedom : array, shape (B,), optional
        Degrees of freedom from which each t is brought to the normal scale; without them t itself
        is the statistic.
    """
    some = variance > 0
    statistic: FloatArray = np.where(squared > 0, np.inf, 0.0)
    statistic[some] = squared[some] / variance[some]
    if freedom is not None:
        scale = ((8 * freedom + 1) / (8 * freedom + 3)) ** 2 * freedom
        statistic = scale * np.log1p(statistic / freedom)
    return float((statistic >= statistic[0] * (1 - _TIE)).mean())


def deal(
    tables: SiteTables, *, draws: int, random: Generator, fewest: int = FEWEST_TO_SAMPLE
) -> Reassignments:
    """Deal the treatment paths out anew among the sites that could tell an effect of each.

    Parameters
    ----------
    tables : SiteTables
    draws : int
        Reassignments drawn when they are too many to take all.
    random : numpy.random.Generator
    fewest : int
        From so many on.

    Raises
    ------
    EstimationError
        When no site with a path could tell an effect of it.
    """
    paths, member = distinct_paths(tables.treatment)
    pool = np.flatnonzero(informed(tables, paths))
    if not (member[pool] >= 0).any():
        raise EstimationError(
            "no pilot site is observed both before and after its start, so none can be reassigned",
            remedy="Check `starts` in [[sites]] against the periods of the data.",
        )
    dealt = reassign(member[pool], draws=draws, random=random, fewest=fewest)
    return dataclasses.replace(dealt, chosen=pool[dealt.chosen])


def informed(tables: SiteTables, paths: FloatArray) -> BoolArray:
    """Return which sites are observed so that an effect of every path would show; shape (S,)."""
    weight = tables.weight
    if tables.family == "poisson":
        weight = weight * (tables.outcome.sum(axis=1, keepdims=True) > 0)
    total = weight.sum(axis=1)
    share = weight / np.where(total > 0, total, 1.0)[:, None]
    squares = share @ (paths**2).T - (share @ paths.T) ** 2
    enough = squares > _UNINFORMED * np.ptp(paths, axis=1) ** 2
    return np.asarray(enough.all(axis=1))


def least_squares(
    tables: SiteTables, dealt: Reassignments, *, with_actual: bool = True
) -> Statistics:
    """Prepare the statistics of least squares; any tested effect then costs a few sums.

    Parameters
    ----------
    tables : SiteTables
        Of family gaussian.
    dealt : Reassignments
    with_actual : bool
        False where only no effect will be tested: half the work.
    """
    product = _product(tables)
    if product is not None:
        reduced = _reduced(tables.outcome, tables, *product)
        return _from_reduced(reduced, dealt, with_actual=with_actual)
    system = two_way(tables.weight, tables.covariates)
    tested = [tables.outcome, tables.treatment] if with_actual else [tables.outcome]
    return _from_residuals(system, system.residual(np.stack(tested)), tables, dealt)


def poisson_at(tables: SiteTables, dealt: Reassignments, null: float) -> Statistics:
    r"""Return the statistics of a Poisson model with ``null`` imposed; what is tested is then 0.

    The score form: counts are :math:`y e^{-b_0 D}`, unit and period effects (and covariates) are
    refitted without treatment, and the least-squares machinery runs on :math:`(y - \mu) / \mu`
    with weights :math:`\mu`.

    Parameters
    ----------
    tables : SiteTables
        Of family poisson.
    dealt : Reassignments
    null : float
        Log rate ratio.

    Raises
    ------
    EstimationError
        When the fit without treatment does not converge.
    """
    count = tables.outcome * np.exp(-null * tables.treatment)
    mean = null_table(count, tables.weight, covariates=tables.covariates)
    residual = (count - mean) / np.where(mean > 0, mean, 1.0)
    if _product(tables) is not None:
        by_unit, by_period = count.sum(axis=1), count.sum(axis=0)
        reduced = _reduced(residual, tables, by_unit / by_period.size, by_period / by_period.mean())
        return _from_reduced(reduced, dealt, with_actual=False)
    return _from_residuals(two_way(mean, tables.covariates), residual[None], tables, dealt)


def poisson_p(
    tables: SiteTables, dealt: Reassignments, *, estimate: float, std_error: float
) -> Callable[[float], float]:
    """Return the p-value of a Poisson model as a function of the tested log rate ratio.

    Where the fits are closed, or the reassignments few, each value is computed. Else coefficients,
    variances and degrees of freedom, which are smooth in the tested value, are computed at seven
    values and interpolated between: t statistics are then off by 1e-6 or less. No effect, 0, and
    what is far from the estimate is always computed.

    Parameters
    ----------
    tables : SiteTables
        Of family poisson.
    dealt : Reassignments
    estimate, std_error : float
        The values between which to interpolate lie within four errors of the estimate.
    """

    def computed(null: float) -> float:
        return poisson_at(tables, dealt, null).p(0.0)

    if _product(tables) is not None or dealt.path.size < FEWEST_FOR_T:
        return computed
    reach = _REACH * std_error
    places = np.cos((2 * np.arange(_NODES) + 1) * np.pi / (2 * _NODES))
    sums = [poisson_at(tables, dealt, estimate + reach * place).sums for place in places]
    coefficients = np.stack([one.coefficient() for one in sums])
    variances = np.stack([one.variance() for one in sums])
    freedoms = np.stack([one.freedom for one in sums if one.freedom is not None])

    def interpolated(null: float) -> float:
        if null == 0 or abs(null - estimate) > reach:
            return computed(null)
        apart = (null - estimate) / reach - places
        shares = np.array(
            [
                np.prod(np.delete(apart, i)) / np.prod(np.delete(place - places, i))
                for i, place in enumerate(places)
            ]
        )
        return share_as_far((shares @ coefficients) ** 2, shares @ variances, shares @ freedoms)

    return interpolated


def p_value(tables: SiteTables, dealt: Reassignments) -> float:
    """Return the p-value of no effect, without an interval: for simulations."""
    if tables.family == "poisson":
        return poisson_at(tables, dealt, 0.0).p(0.0)
    return least_squares(tables, dealt, with_actual=False).p(0.0)


def _reduced(
    outcome: FloatArray, tables: SiteTables, unit_weights: FloatArray, period_weights: FloatArray
) -> Reduced:
    return reduce_arrays(
        outcome,
        tables.treatment,
        unit_weights=unit_weights,
        period_weights=period_weights,
        site=np.arange(unit_weights.size),
    )


def _from_reduced(reduced: Reduced, dealt: Reassignments, *, with_actual: bool) -> Statistics:
    slopes = None
    if dealt.path.size < FEWEST_FOR_T:
        shares = np.bincount(dealt.path, minlength=reduced.q.shape[0]) / dealt.path.size
        square = float(shares @ reduced.q @ shares)
        tables = [reduced.z, reduced.moved] if with_actual else [reduced.z]
        slopes = SiteSlopes(
            slope=np.stack([z @ shares / square for z in tables], axis=1),
            information=reduced.weights * square,
        )
    sums = sums_of_reduced(reduced, dealt, with_actual=with_actual)
    return Statistics(sums=sums, slopes=slopes, dealt=dealt)


def _from_residuals(
    system: TwoWay, residuals: FloatArray, tables: SiteTables, dealt: Reassignments
) -> Statistics:
    """Return the statistics by the general route; ``residuals`` are (o, S, T)."""
    paths, member = distinct_paths(tables.treatment)
    without = left_out(system)
    n_sites, n_paths = member.size, paths.shape[0]
    pairs = dealt.path.size * (dealt.path.size + 1) // 2
    too_many = (n_sites * n_paths) ** 2 * n_sites > _MOST_PRODUCTS
    if too_many or pairs > _PASSES * paths.shape[1]:
        sums = sums_of_tables(system, without, residuals, paths, dealt)
    else:
        assigned = (member[:, None] == np.arange(n_paths)).astype(np.float64)
        actual = assigned if len(residuals) > 1 else None
        sums = sums_of_parts(make_parts(system, without, residuals[0], paths, actual), dealt)
    slopes = None
    if dealt.path.size < FEWEST_FOR_T:
        slopes = slopes_along(paths[dealt.path].mean(axis=0), system.weights, residuals)
    return Statistics(sums=sums, slopes=slopes, dealt=dealt)


def _product(tables: SiteTables) -> tuple[FloatArray, FloatArray] | None:
    """Return the parts of the weights where the fast route is open, else None."""
    if tables.covariates.shape[2] or not (tables.weight > 0).all():
        return None
    return product_weights(tables.weight)
