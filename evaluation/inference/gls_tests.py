r"""A test by reassignment that weighs sites and periods by the noise they turn out to have.

At every tested value the noise is fitted anew (:mod:`evaluation.inference.working_noise`) to what
is left when the value is taken out of the outcome, the sites all treated alike; then a path is
regressed on what is left by generalised least squares. Under the tested value nothing about the
weights knows which sites were the pilot, so that reassignment is as exact as without them.

Noise that lasts makes neighbouring periods the best comparison: the full weights for an effect that
is there at once would look at little but the step at the start, and miss one that builds up. So the
path that is sought is a third of the effect at once and the rest built up evenly over the first
third of the treated periods. What is tested stays one and the same effect in every treated period.

Shapes: S sites, T periods, K paths, B reassignments.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.engine import Reduced, distinct_paths
from evaluation.inference.poisson_null import null_table
from evaluation.inference.reassigned import Sums, sums_of_reduced
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.reassignment_tests import share_as_far
from evaluation.inference.site_tables import SiteTables
from evaluation.inference.two_way import two_way
from evaluation.inference.working_noise import WorkingNoise, fit_noise

__all__ = ["GlsTest", "building_up", "gls_test"]

FloatArray = NDArray[np.float64]

# The share of the effect that is sought from the first treated period on, and the share of the
# treated periods over which the rest builds up.
_AT_ONCE = 1 / 3
_BUILDING = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GlsTest:
    """The test of any value, with the reassignments held fixed.

    Parameters
    ----------
    tables : SiteTables
    dealt : Reassignments
        Of the paths of the tables.
    residuals : array, shape (2, S, T), or None
        Of outcome and treatment from effects and covariates; None for Poisson, where they are
        fitted at each tested value.
    """

    tables: SiteTables
    dealt: Reassignments
    residuals: FloatArray | None

    def p(self, null: float) -> float:
        """Return the share of reassignments at least as far out as the actual one."""
        sums = self.sums(null)
        return share_as_far(sums.coefficient() ** 2, sums.variance(), sums.freedom)

    def sums(self, null: float, *, actual_alone: bool = False) -> Sums:
        """Return coefficient and variance of every reassignment on the path that is sought.

        Raises
        ------
        EstimationError
            When a Poisson fit without treatment does not converge.
        """
        residual, size = self.left(null)
        noise = fit_noise(residual, size, self._seen())
        chosen = self.dealt.chosen[:1] if actual_alone else self.dealt.chosen
        dealt = dataclasses.replace(self.dealt, chosen=chosen)
        return sums_of_reduced(self._reduced(residual, noise), dealt, with_actual=False)

    def noise(self, null: float) -> WorkingNoise:
        """Return the noise model at a tested value."""
        return fit_noise(*self.left(null), self._seen())

    def left(self, null: float) -> tuple[FloatArray, FloatArray]:
        """Return what is left of the outcome under a tested value, and the sizes of the sites.

        Shapes (S, T) and (S,): residuals from effects of sites and periods (for Poisson relative to
        the fitted means), and mean weights (fitted means).
        """
        tables = self.tables
        if self.residuals is not None:
            return self.residuals[0] - null * self.residuals[1], tables.weight.mean(axis=1)
        count = tables.outcome * np.exp(-null * tables.treatment)
        mean = null_table(count, tables.weight, covariates=tables.covariates)
        residual = np.where(mean > 0, (count - mean) / np.where(mean > 0, mean, 1.0), 0.0)
        return residual, mean.mean(axis=1)

    def _seen(self) -> FloatArray:
        seen: FloatArray = (self.tables.weight > 0).sum(axis=1).astype(np.float64)
        return seen

    def _reduced(self, residual: FloatArray, noise: WorkingNoise) -> Reduced:
        paths, member = distinct_paths(self.tables.treatment)
        sought = building_up(paths)
        across = noise.precision @ sought.T
        z = residual @ across
        return Reduced(
            weights=noise.weights,
            z=z - noise.weights @ z / noise.weights.sum(),
            q=sought @ across,
            assigned=(member[:, None] == np.arange(paths.shape[0])).astype(np.float64),
            site=np.arange(member.size),
        )


def gls_test(tables: SiteTables, dealt: Reassignments) -> GlsTest:
    """Prepare the test."""
    residuals = None
    if tables.family == "gaussian":
        system = two_way(tables.weight, tables.covariates)
        residuals = system.residual(np.stack([tables.outcome, tables.treatment]))
    return GlsTest(tables=tables, dealt=dealt, residuals=residuals)


def building_up(paths: FloatArray) -> FloatArray:
    """Return the paths as they are sought: part at once, the rest as a trailing mean.

    Parameters
    ----------
    paths : array, shape (K, T)
        Treatment; for 0 and then 1 the rest is a straight line up.
    """
    treated = float((paths != paths[:, :1]).sum(axis=1).mean())
    length = max(1, round(_BUILDING * treated))
    before = np.repeat(paths[:, :1], length, axis=1)
    total = np.cumsum(np.hstack([before, paths]), axis=1)
    trailing = (total[:, length:] - total[:, :-length]) / length
    return np.asarray(_AT_ONCE * paths + (1 - _AT_ONCE) * trailing)
