r"""Donor weights and period weights of one cohort, and the effects that they give.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111, "Synthetic
Difference-in-Differences": donor weights :math:`\omega` (equations 4 and 5) make the donors run
parallel to the pilot before its start, period weights :math:`\lambda` (equation 6) pick the periods
before it that resemble the donors after it.

Shapes: n0 donors, T periods, T0 of them before the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators.simplex import duality_gap, frank_wolfe, minimise
from evaluation.estimators.site_series import SiteSeries

__all__ = ["Block", "Problem", "Solution", "Stopping", "Weighting", "blocks", "solve"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Weighting = Literal["synthetic_did", "synthetic_control", "uniform"]
Stopping = Literal["published", "exact"]

# What synthdid stands by: a ridge that only decides between equals, and a least decrease of the
# objective's root, both as shares of the noise level; and its numbers of steps.
_FAINT = 1e-6
_LEAST_DECREASE = 1e-5
_FIRST_STEPS = 100
_MOST_STEPS = 10_000
# In between, weights up to this share of the largest are set to 0.
_SPARSE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """One cohort and its donors.

    Parameters
    ----------
    cohort : int
        First treated period.
    members : bool array, shape (n1,)
        Which pilot series of the panel are in the cohort.
    share : array, shape (members,)
        Weights of the cohort's pilot series in its mean; they add up to 1.
    mass : float
        Sum of the pilot series' weights.
    pilot : array, shape (T,)
        Their mean.
    observed : array, shape (T,)
        Their mean before adjusting for covariates.
    donors : array, shape (n0, T)
    n_before : int
        T0.
    """

    cohort: int
    members: BoolArray
    share: FloatArray
    mass: float
    pilot: FloatArray
    observed: FloatArray
    donors: FloatArray
    n_before: int

    @property
    def noise_level(self) -> float:
        """Standard deviation of the donors' changes before the start (equation 5).

        0 where there are fewer than two changes.
        """
        changes = np.diff(self.donors[:, : self.n_before], axis=1)
        return float(changes.std(ddof=1)) if changes.size > 1 else 0.0


def blocks(series: SiteSeries) -> list[Block]:
    """Split a panel into its cohorts, each beside all donors; in order of start."""
    found = []
    for cohort in np.unique(series.starts):
        members = series.starts == cohort
        weight = series.pilot_weight[members]
        share = weight / weight.sum()
        found.append(
            Block(
                cohort=int(cohort),
                members=members,
                share=share,
                mass=float(weight.sum()),
                pilot=share @ series.pilot_outcome[members],
                observed=share @ series.pilot_observed[members],
                donors=series.donor_outcome,
                n_before=int((series.periods < cohort).sum()),
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A quadratic form over the simplex: ``x'Qx / size`` is the penalised mean square.

    Parameters
    ----------
    q : array, shape (n, n)
    ridge : float
        What was added to its diagonal.
    size : int
        Over how many squares the mean is taken.
    """

    q: FloatArray
    ridge: float
    size: int

    @classmethod
    def of(cls, columns: FloatArray, target: FloatArray, *, zeta: float, centre: bool) -> Problem:
        """Return the problem of matching ``target``, shape (m,), by ``columns``, shape (m, n)."""
        apart = columns - target[:, None]
        if centre:
            apart = apart - apart.mean(axis=0)
        ridge = apart.shape[0] * zeta**2
        q = apart.T @ apart
        q.flat[:: q.shape[0] + 1] += ridge
        return cls(q=q, ridge=ridge, size=apart.shape[0])

    def solve(self, stopping: Stopping, noise_level: float) -> FloatArray:
        """Return the weights; see :func:`solve`."""
        if stopping == "exact":
            return minimise(self.q, ridge=self.ridge)
        least = self.size * (_LEAST_DECREASE * noise_level) ** 2
        start = np.full(self.q.shape[0], 1 / self.q.shape[0])
        rough = frank_wolfe(self.q, start, least_decrease=least, most_steps=_FIRST_STEPS)
        rough[rough <= _SPARSE * rough.max()] = 0.0
        rough /= rough.sum()
        return frank_wolfe(self.q, rough, least_decrease=least, most_steps=_MOST_STEPS)

    def gap(self, weights: FloatArray) -> float:
        """Return a bound on how far the penalised mean square is above its minimum."""
        return duality_gap(self.q, weights) / self.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The weights of one cohort.

    Parameters
    ----------
    omega : array, shape (n0,)
        Donor weights; not negative, they add up to 1.
    lam : array, shape (T0,)
        Period weights; the same, but all 0 for synthetic control.
    zeta : float
        The ridge of equation 4.
    donor_gap, period_gap : float
        Bounds on how far each penalised mean square is above its minimum, in squares of the
        outcome's units; 0 for weights that solve nothing.
    """

    omega: FloatArray
    lam: FloatArray
    zeta: float
    donor_gap: float
    period_gap: float

    def curve(self, block: Block) -> FloatArray:
        """Return the difference of pilot from donors less that before the start; shape (T,)."""
        apart = block.pilot - self.omega @ block.donors
        return apart - float(self.lam @ apart[: block.n_before])

    def effect(self, block: Block) -> float:
        """Return the mean of the curve from the start on."""
        return float(self.curve(block)[block.n_before :].mean())


def solve(block: Block, weighting: Weighting, stopping: Stopping) -> Solution:
    r"""Return the weights of one cohort.

    ``synthetic_did``: donor weights match the pilot's path before the start up to a constant, with
    the ridge :math:`\zeta = (N_{tr} T_{post})^{1/4} \hat\sigma`; period weights match the donors'
    mean after the start up to a constant. ``synthetic_control``: donor weights match the level too,
    with a ridge of :math:`10^{-6} \hat\sigma`, and there are no period weights. ``uniform``: all
    alike, which is difference-in-differences.

    Stopping ``published`` follows synthdid: 100 Frank-Wolfe steps from equal weights, small weights
    set to 0, up to 10,000 more; stopped when a step lowers the root of the objective by less than
    :math:`10^{-5} \hat\sigma`. ``exact`` gives the minimum itself.

    Raises
    ------
    EstimationError
        For synthetic control with fewer than two periods before the start.
    """
    n_donors, before = block.donors.shape[0], block.n_before
    after = block.donors.shape[1] - before
    noise = block.noise_level
    omega, lam = np.full(n_donors, 1 / n_donors), np.full(before, 1 / before)
    if weighting == "uniform":
        return Solution(omega=omega, lam=lam, zeta=np.inf, donor_gap=0.0, period_gap=0.0)
    levels = weighting == "synthetic_control"
    if levels and before < 2:
        raise EstimationError(
            f"synthetic control needs two periods before a start, and there is {before}",
            remedy="Choose synthetic_did, or add earlier periods.",
        )
    zeta = noise * (_FAINT if levels else float(block.members.sum() * after) ** 0.25)
    # One period says nothing about running parallel, so that any ridge makes the weights equal.
    donor_problem = Problem.of(
        block.donors[:, :before].T, block.pilot[:before], zeta=zeta, centre=not levels
    )
    omega = donor_problem.solve(stopping, noise)
    donor_gap = donor_problem.gap(omega)
    if levels:
        none = np.zeros(before)
        return Solution(omega=omega, lam=none, zeta=zeta, donor_gap=donor_gap, period_gap=0.0)
    period_problem = Problem.of(
        block.donors[:, :before],
        block.donors[:, before:].mean(axis=1),
        zeta=noise * _FAINT,
        centre=True,
    )
    lam = period_problem.solve(stopping, noise)
    return Solution(
        omega=omega,
        lam=lam,
        zeta=zeta,
        donor_gap=donor_gap,
        period_gap=period_problem.gap(lam),
    )
