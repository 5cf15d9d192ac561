"""Synthetic difference-in-differences, and synthetic control as its special case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.estimators.site_series import SiteSeries, Table, site_series, tabulate
from evaluation.estimators.synthetic_weights import (
    Block,
    Solution,
    Stopping,
    Weighting,
    blocks,
    solve,
)
from evaluation.findings import Effect, Estimand, Estimator, Fit
from evaluation.panel import Panel

__all__ = ["SyntheticWeights", "synthetic_did", "synthetic_weights"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_KEYS: dict[Weighting, str] = {
    "synthetic_did": "synthetic_did",
    "synthetic_control": "synthetic_control",
    "uniform": "uniform_did",
}
# An effect that the stopping rule moves by more than this share of the noise level says so.
_MOVED = 0.01
_LEAD = (
    "Before the start: the weights were chosen to make this small, so it is no test of whether "
    "pilot and comparison would have run parallel."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticWeights:
    """What one cohort was compared with.

    Shapes: n1 pilot series, n0 donors, T periods, T0 of them before the start.

    Parameters
    ----------
    cohort : int
        First treated period.
    pilots : tuple of str, length n1
        Pilot sites of the cohort.
    pilot_share : array, shape (n1,)
        Their weights in the cohort's mean, in proportion to the panel's weights.
    donors : tuple of str, length n0
        Comparison sites.
    donor_weights : array, shape (n0,)
        Not negative; they add up to 1.
    contributions : array, shape (n0,)
        What each donor puts into the change that the pilot is held to: its weight times its mean
        from the start on less its weighted mean before; in the outcome's units.
    periods : int array, shape (T,)
    period_weights : array, shape (T0,)
        Not negative; they add up to 1, or are all 0 for synthetic control.
    pilot_path, counterfactual : array, shape (T,)
        The cohort's mean outcome, and what the donors say that it would have been.
    noise_level, ridge : float
        Standard deviation of the donors' changes before the start, and the ridge of the donor
        weights; in the outcome's units.
    donor_gap, period_gap : float
        Bounds on how far each penalised mean square is above its minimum.
    effect, exact_effect : float
        The cohort's effect by these weights, and by those at the exact minimum.
    """

    cohort: int
    pilots: tuple[str, ...]
    pilot_share: FloatArray
    donors: tuple[str, ...]
    donor_weights: FloatArray
    contributions: FloatArray
    periods: IntArray
    period_weights: FloatArray
    pilot_path: FloatArray
    counterfactual: FloatArray
    noise_level: float
    ridge: float
    donor_gap: float
    period_gap: float
    effect: float
    exact_effect: float

    @property
    def effective_donors(self) -> float:
        """How many donors of equal weight would be as many."""
        return 1 / float(self.donor_weights @ self.donor_weights)

    @property
    def effective_periods(self) -> float | None:
        """How many periods of equal weight would be as many; None where they have no weights."""
        square = float(self.period_weights @ self.period_weights)
        return 1 / square if square > 0 else None


def synthetic_did(
    *, weights: Weighting = "synthetic_did", stopping: Stopping = "published"
) -> Estimator:
    r"""Return synthetic difference-in-differences, or one of its special cases.

    Arkhangelsky et al. (2021), American Economic Review 111, algorithm 1: the effect of a cohort is
    the mean difference of its pilot series from the weighted donors after the start, less the same
    difference in the weighted periods before it. Each cohort is held to the sites that never adopt,
    and cohorts are averaged by treated unit-periods (Clarke, Pailañir, Athey and Imbens 2023).

    Donors are the comparison sites, and pilots are pooled by site: a site's series is the mean of
    its units, by the rows' weights. The donors' weights come from the fit alone; pilot series are
    averaged by the panel's weights (each period the same), so that the effect is the study's.
    Covariates are taken out first, with coefficients from the comparison sites (their footnote 4).

    Parameters
    ----------
    weights : {"synthetic_did", "synthetic_control", "uniform"}
        ``uniform`` is difference-in-differences over the same periods and sites.
    stopping : {"published", "exact"}
        ``published`` stops where synthdid stops, and gives its figures; ``exact`` gives the minimum
        of the same objective, some twenty times faster.

    Returns
    -------
    Estimator
        Effects: overall; of each cohort and period, cohort, period; by event time, those before
        the start among them. Its fits bring the exact form along for procedures that refit often.

    Raises
    ------
    EstimationError
        From the estimator: when a pilot unit is not observed in every period, no pilot site is
        observed before and after its start, or no comparison site is observed throughout.
    """
    is_exact = stopping == "exact" or weights == "uniform"
    exact = None if is_exact else synthetic_did(weights=weights, stopping="exact")
    # Refits under another adoption meet the same rows: they are laid out once.
    laid_out: list[tuple[pl.DataFrame, Table]] = []

    def estimate(panel: Panel) -> Fit:
        if not laid_out or laid_out[0][0] is not panel.rows:
            laid_out[:] = [(panel.rows, tabulate(panel))]
        series = site_series(panel, laid_out[0][1])
        cohorts = blocks(series)
        solved = [solve(block, weights, stopping) for block in cohorts]
        moved = () if is_exact else _moved(cohorts, solved, weights)
        return Fit(
            estimator=_KEYS[weights],
            effects=_effects(panel, series, cohorts, solved),
            n_obs=series.n_units * series.periods.size,
            n_units=series.n_units,
            n_sites=len(series.donors) + len(set(series.pilots)),
            n_pilot_sites=len(set(series.pilots)),
            refit=exact,
            caveats=series.caveats + moved,
        )

    return estimate


def synthetic_weights(
    panel: Panel, *, weights: Weighting = "synthetic_did", stopping: Stopping = "published"
) -> tuple[SyntheticWeights, ...]:
    """Return what each cohort was compared with, in order of start; settings as the estimator's.

    Raises
    ------
    EstimationError
        As the estimator.
    """
    series = site_series(panel, tabulate(panel))
    return tuple(
        _described(series, block, solve(block, weights, stopping), weights)
        for block in blocks(series)
    )


def _described(
    series: SiteSeries, block: Block, solution: Solution, weighting: Weighting
) -> SyntheticWeights:
    before = block.n_before
    changes = block.donors[:, before:].mean(axis=1) - block.donors[:, :before] @ solution.lam
    return SyntheticWeights(
        cohort=block.cohort,
        pilots=tuple(p for p, m in zip(series.pilots, block.members, strict=True) if m),
        pilot_share=block.share,
        donors=series.donors,
        donor_weights=solution.omega,
        contributions=solution.omega * changes,
        periods=series.periods,
        period_weights=solution.lam,
        pilot_path=block.pilot,
        counterfactual=block.pilot - solution.curve(block),
        noise_level=block.noise_level,
        ridge=solution.zeta,
        donor_gap=solution.donor_gap,
        period_gap=solution.period_gap,
        effect=solution.effect(block),
        exact_effect=solve(block, weighting, "exact").effect(block),
    )


def _moved(cohorts: list[Block], solved: list[Solution], weighting: Weighting) -> tuple[str, ...]:
    """Say what the published stopping rule does to the overall effect, where it is not little."""
    size = np.array([block.mass * (block.pilot.size - block.n_before) for block in cohorts])
    share = size / size.sum()
    published = [s.effect(block) for s, block in zip(solved, cohorts, strict=True)]
    exact = [solve(block, weighting, "exact").effect(block) for block in cohorts]
    noise = share @ [block.noise_level for block in cohorts]
    if abs(share @ published - share @ exact) <= _MOVED * noise:
        return ()
    return (
        f"The weights are those at which the published algorithm stops; carried on to their exact "
        f"optimum they give an effect of {share @ exact:.4g} in place of {share @ published:.4g}.",
    )


def _effects(
    panel: Panel, series: SiteSeries, cohorts: list[Block], solved: list[Solution]
) -> tuple[Effect, ...]:
    """Return the overall effect, then by cohort and period, cohort, period and event time."""
    cells = _Cells.of(series, cohorts, solved)
    starts = [panel.calendar.code(block.cohort) for block in cohorts]
    dates = [panel.calendar.code(int(period)) for period in series.periods]
    n_periods = len(dates)
    shape = cells.curve.shape
    cohort = np.broadcast_to(np.arange(shape[0])[:, None], shape)
    period = np.broadcast_to(np.arange(shape[1]), shape)
    after = cells.event_time >= 0
    # The only period before a start is what it is compared with: 0 by construction.
    compared = np.array([[block.n_before > 1] for block in cohorts])
    return (
        *cells.averaged("overall", np.zeros_like(cohort), after, lambda _: ""),
        *cells.averaged(
            "group_time",
            cohort * n_periods + period,
            after,
            lambda cell: f"{starts[cell // n_periods]}:{dates[cell % n_periods]}",
        ),
        *cells.averaged("cohort", cohort, after, starts.__getitem__),
        *cells.averaged("calendar", period, after, dates.__getitem__),
        *cells.averaged("event_time", cells.event_time, after | compared, str),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """Cohorts by periods: what effects are averages over; C cohorts, T periods.

    Parameters
    ----------
    curve, observed, mass : array, shape (C, T)
        Difference from the donors, observed mean, and weight in an average.
    event_time : int array, shape (C, T)
    sites : bool array, shape (C, S)
        Which pilot sites are in the cohort.
    """

    curve: FloatArray
    observed: FloatArray
    mass: FloatArray
    event_time: IntArray
    sites: BoolArray

    @classmethod
    def of(cls, series: SiteSeries, cohorts: list[Block], solved: list[Solution]) -> _Cells:
        curve = np.stack([s.curve(block) for s, block in zip(solved, cohorts, strict=True)])
        names = np.unique(series.pilots, return_inverse=True)[1]
        member = np.stack([block.members for block in cohorts])
        return cls(
            curve=curve,
            observed=np.stack([block.observed for block in cohorts]),
            mass=np.repeat([[block.mass] for block in cohorts], curve.shape[1], axis=1),
            event_time=series.periods - np.array([[block.cohort] for block in cohorts]),
            sites=member @ (names[:, None] == np.arange(names.max() + 1)),
        )

    def averaged(
        self, estimand: Estimand, label: IntArray, chosen: BoolArray, name: Callable[[int], str]
    ) -> Iterator[Effect]:
        """Yield an average over the chosen cells of each label, in order of label."""
        labels, index = np.unique(label[chosen], return_inverse=True)
        mass = self.mass[chosen]
        total = np.bincount(index, mass)
        value = np.bincount(index, mass * self.curve[chosen]) / total
        observed = np.bincount(index, mass * self.observed[chosen]) / total
        present = np.zeros((labels.size, chosen.shape[0]), dtype=np.bool_)
        present[index, np.nonzero(chosen)[0]] = True
        n_sites = (present @ self.sites).sum(axis=1)
        columns = (labels.tolist(), value.tolist(), observed.tolist(), n_sites.tolist())
        for one, effect, seen, many in zip(*columns, strict=True):
            yield Effect(
                estimand=estimand,
                group=name(one),
                value=effect,
                scale="level",
                observed=seen,
                caveats=(_LEAD,) if estimand == "event_time" and one < 0 else (),
                n_pilot_sites=many,
            )
