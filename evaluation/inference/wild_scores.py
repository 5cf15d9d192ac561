r"""The algebra of the wild cluster bootstrap: from a tested value to a matrix of sites by sites.

Residuals under the null are flipped by whole sites and the model is refitted to what comes out. Of
that refit only the contrast and its CR1 variance are asked for, and both are linear in the signs:

.. math:: b^* - b_0 = \sum_h v_h m_h, \qquad r_g^* = \sum_h C_{gh} v_h, \qquad
    t^{*2} = (b^* - b_0)^2 / \textstyle\sum_g r_g^{*2}

with :math:`m_h = a's_h` and :math:`C_{gh} = 1\{g = h\} m_h - a'Q_g M^{-1} s_h`, where
:math:`Q_g = X_g'W_gX_g`, :math:`M = \sum_g Q_g`, :math:`a` is the contrast's row of
:math:`M^{-1}` and :math:`s_h` are the site scores that are flipped. The second term of C is the
projection of the outcome made, y*, on the columns again; period effects are among them, and move
with every flip. Leaving it out takes the fitted part of the residuals for noise: diff-diff does,
and has p .0008 where .0017 is right.

The plain scores (WCR-C) are :math:`s_g = X_g'W_g\tilde u_g` with the restricted residuals. The
jackknifed ones (WCR-S) take the restricted estimate without site g for site g's residuals:
:math:`s_g = X_g'W_g(y_g - X_g\tilde\beta^{(g)})`. Where leaving g out leaves a nuisance coefficient
open, any choice of it gives the same statistics: what it adds to y* is a column, and projected out.

Source: MacKinnon, Nielsen and Webb (2023), J. Applied Econometrics 38, their WCR-S; the projected
scores are those of MacKinnon (2023), Econometrics and Statistics 26. Roodman et al. (2019), Stata
Journal 19, for what is linear in the tested value.

Shapes: k columns, the contrast being the last coefficient; G sites; j parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.moments import Moments, Null, site_grams, solve_without

__all__ = ["Flips", "Scores", "flips", "linear_flips", "poisson_flips", "score_flips"]

Scores = Literal["jackknifed", "plain"]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_STEPS = 100
_MOST_HALVINGS = 30
# Moves of the nuisance coefficients, in their standard errors. Newton squares what is left.
_STILL = 1e-7
# Linear predictors that would move further at once are held back: exp() has its limits.
_FURTHEST = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flips:
    """What sign vectors meet, in parts: one, or two that are added as 1 and the distance.

    Parameters
    ----------
    moves : array, shape (G, j)
        What each site's sign adds to the contrast.
    residuals : array, shape (j, G, G)
        What sign h adds to site g's score.
    contrast : float
        The sample's own contrast less the tested value: for a single part.
    square : float
        Sum of the squares of the sample's own scores at the full estimate.
    """

    moves: FloatArray
    residuals: FloatArray
    contrast: float
    square: float

    def at(self, distance: float) -> Flips:
        """Return two parts added up for one tested value; a single part as it is."""
        if self.moves.shape[1] == 1:
            return self
        return Flips(
            moves=self.moves @ [[1.0], [distance]],
            residuals=(self.residuals[0] + distance * self.residuals[1])[None],
            contrast=distance,
            square=self.square,
        )


def linear_flips(null: Null, scores: Scores) -> Flips:
    """Return the flips of a least-squares fit: at the estimate, and by distance from it.

    ``distance`` is the estimate less the tested value, in units of ``null.scale``.
    """
    size = null.grams.shape[1]
    at_estimate = np.stack([null.scores, null.grams[:, :, -1]], axis=2)
    return flips(null.grams, at_estimate, np.eye(size), scores)


def flips(grams: FloatArray, scores: FloatArray, total: FloatArray, kind: Scores) -> Flips:
    """Return the flips of site scores under the null.

    Parameters
    ----------
    grams : array, shape (G, k, k)
    scores : array, shape (G, k, j)
        Their sum is 0 but for the last column.
    total : array, shape (k, k)
        Sum of ``grams``.
    kind : {"jackknifed", "plain"}
    """
    flipped = _jackknifed(grams, scores, total) if kind == "jackknifed" else scores
    solved = np.linalg.solve(total, np.eye(total.shape[0]))
    row = solved[-1]
    moves = np.einsum("k,gkj->gj", row, flipped)
    projected = (row @ grams) @ solved
    residuals = -np.einsum("gk,hkj->jgh", projected, flipped, optimize=True)
    diagonal = np.arange(grams.shape[0])
    residuals[:, diagonal, diagonal] += moves.T
    plain = scores[:, :, 0]
    shift = solved @ plain.sum(axis=0)
    own = plain @ row - (row @ grams) @ shift
    return Flips(
        moves=moves, residuals=residuals, contrast=float(shift[-1]), square=float(own @ own)
    )


def _jackknifed(grams: FloatArray, scores: FloatArray, total: FloatArray) -> FloatArray:
    nuisance = slice(0, -1)
    solution, _ = solve_without(
        grams[:, nuisance, nuisance], scores[:, nuisance], total=total[nuisance, nuisance]
    )
    return scores + grams[:, :, nuisance] @ solution


def poisson_flips(cut: Moments, null: Null, distance: float, scores: Scores) -> Flips | None:
    r"""Return the flips of a Poisson fit at a tested value; None where it cannot be fitted.

    The score bootstrap of Kline and Santos (2012), J. Econometric Methods 1, at the maximum under
    the null: the effects, and covariates, are fitted again with the contrast held at the tested
    value (an offset), and the linear algebra is that of the working response :math:`(n - \mu)/\mu`
    with weights :math:`\mu`. At the estimate itself the restricted maximum is the full one, so that
    the interval always holds it. Taking the tested effect out of the counts instead,
    :math:`n e^{-b_0 D}`, is the same test of no effect and nearly the same elsewhere, but centred
    on another estimate.

    Parameters
    ----------
    cut, null : Moments, Null
        Of the full fit.
    distance : float
        The estimate less the tested value, in units of ``null.scale``.
    scores : {"jackknifed", "plain"}
    """
    basis = cut.basis - (cut.basis @ null.mirror)[:, None] * null.mirror
    units = _Units(cut)
    mean = _restricted_means(units, basis, distance)
    if mean is None:
        return None
    return score_flips(
        basis,
        units.count,
        mean,
        unit_start=cut.unit_start,
        site_start=cut.site_start,
        kind=scores,
    )


def score_flips(
    columns: FloatArray,
    count: FloatArray,
    mean: FloatArray,
    *,
    unit_start: IntArray,
    site_start: IntArray,
    kind: Scores,
) -> Flips:
    """Return the flips of a Poisson model from its means at the restricted maximum.

    Parameters
    ----------
    columns : array, shape (n, k)
        Rows ordered by site and unit; the tested column is the last.
    count, mean : array, shape (n,)
        Means above 0, with each unit's total that of its counts.
    unit_start, site_start : int array, shapes (U,) and (G,)
    kind : {"jackknifed", "plain"}
    """
    root = np.sqrt(mean)[:, None]
    within = _absorb(columns, mean, unit_start) * root
    grams = site_grams(within, site_start)
    parts = within * ((count - mean)[:, None] / root)
    by_site = np.add.reduceat(parts, site_start, axis=0)
    return flips(grams, by_site[:, :, None], grams.sum(axis=0), kind)


def _absorb(columns: FloatArray, mean: FloatArray, unit_start: IntArray) -> FloatArray:
    """Take each unit's weighted mean out of the columns."""
    sums = np.add.reduceat(columns * mean[:, None], unit_start, axis=0)
    total = np.add.reduceat(mean, unit_start)
    lengths = np.diff(np.r_[unit_start, mean.size])
    return columns - np.repeat(sums / total[:, None], lengths, axis=0)


class _Units:
    """A Poisson fit's counts, and its units' effects taken to their own maximum."""

    def __init__(self, cut: Moments) -> None:
        self.full_mean = cut.weights
        self.count = cut.weights * (1 + cut.residual)
        self.start = cut.unit_start
        self.lengths = np.diff(np.r_[cut.unit_start, cut.weights.size])
        self.events = np.add.reduceat(self.count, self.start)

    def mean(self, predictor: FloatArray) -> FloatArray:
        """Return the means for a change of the linear predictor from the full fit's."""
        shape = self.full_mean * np.exp(predictor)
        return shape * np.repeat(self.events / np.add.reduceat(shape, self.start), self.lengths)


def _restricted_means(units: _Units, basis: FloatArray, distance: float) -> FloatArray | None:
    """Return the means at the maximum with the last coefficient moved by minus ``distance``."""
    nuisance = basis[:, :-1]
    predictor = -distance * basis[:, -1]
    mean = units.mean(predictor)
    level = _likelihood(units.count, mean)
    for _ in range(_MOST_STEPS):
        within = _absorb(nuisance, mean, units.start)
        curvature = (within * mean[:, None]).T @ within
        try:
            step = np.linalg.solve(curvature, nuisance.T @ (units.count - mean))
        except np.linalg.LinAlgError:
            return None
        change = nuisance @ step
        change *= min(1.0, _FURTHEST / max(float(np.abs(change).max()), _FURTHEST))
        for halving in range(_MOST_HALVINGS):
            tried = units.mean(predictor + change / 2**halving)
            reached = _likelihood(units.count, tried)
            if reached >= level - 1e-12 * abs(level):
                break
        else:
            return None
        predictor, mean, level = predictor + change / 2**halving, tried, reached
        if np.abs(step).max() <= _STILL:
            return mean
    return None


def _likelihood(count: FloatArray, mean: FloatArray) -> float:
    events = count > 0
    with np.errstate(divide="ignore"):
        return float(count[events] @ np.log(mean[events]))
