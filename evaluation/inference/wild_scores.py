r"""The algebra of the wild cluster bootstrap: from a tested value to what signs of sites do.

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

from evaluation.inference.moments import Null, RowMoments, SiteMoments, solve_without
from evaluation.inference.site_likelihood import (
    Counts,
    Point,
    RowCounts,
    SiteCounts,
    SiteSums,
    row_sums,
)

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
        What each site's sign adds to the contrast, and to its own score.
    projected : array, shape (G, k)
        What each site's score loses to the columns on which outcomes are projected again.
    flipped : array, shape (G, k, j)
        What each site's sign gives to these.
    contrast : float
        The sample's own contrast less the tested value: for a single part.
    square : float
        Sum of the squares of the sample's own scores at the full estimate.
    """

    moves: FloatArray
    projected: FloatArray
    flipped: FloatArray
    contrast: float
    square: float

    @property
    def residuals(self) -> FloatArray:
        """What sign h adds to site g's score; shape (j, G, G)."""
        made = -np.einsum("gk,hkj->jgh", self.projected, self.flipped, optimize=True)
        diagonal = np.arange(self.moves.shape[0])
        made[:, diagonal, diagonal] += self.moves.T
        return np.asarray(made)

    def at(self, distance: float) -> Flips:
        """Return two parts added up for one tested value; a single part as it is."""
        if self.moves.shape[1] == 1:
            return self
        return Flips(
            moves=self.moves @ [[1.0], [distance]],
            projected=self.projected,
            flipped=self.flipped @ [[1.0], [distance]],
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
    plain = scores[:, :, 0]
    shift = solved @ plain.sum(axis=0)
    own = plain @ row - (row @ grams) @ shift
    return Flips(
        moves=np.einsum("k,gkj->gj", row, flipped),
        projected=(row @ grams) @ solved,
        flipped=flipped,
        contrast=float(shift[-1]),
        square=float(own @ own),
    )


def _jackknifed(grams: FloatArray, scores: FloatArray, total: FloatArray) -> FloatArray:
    nuisance = slice(0, -1)
    solution, _ = solve_without(
        grams[:, nuisance, nuisance], scores[:, nuisance], total=total[nuisance, nuisance]
    )
    return scores + grams[:, :, nuisance] @ solution


def poisson_flips(
    cut: RowMoments | SiteMoments, null: Null, distance: float, scores: Scores
) -> Flips | None:
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
    cut, null : RowMoments or SiteMoments, Null
        Of the full fit.
    distance : float
        The estimate less the tested value, in units of ``null.scale``.
    scores : {"jackknifed", "plain"}
    """
    counts = _counts(cut, null.mirror)
    point = _restricted(counts, cut.scores.shape[1], distance)
    return None if point is None else _score_flips(counts.sums(point), scores)


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
    sums = row_sums(columns, count, mean, unit_start=unit_start, site_start=site_start)
    return _score_flips(sums, kind)


def _score_flips(sums: SiteSums, kind: Scores) -> Flips:
    return flips(sums.grams, sums.scores[:, :, None], sums.grams.sum(axis=0), kind)


def _counts(cut: RowMoments | SiteMoments, mirror: FloatArray) -> Counts:
    """Return the counts in the basis turned so that the tested contrast is its last coefficient."""
    if isinstance(cut, RowMoments):
        return RowCounts(cut, cut.basis - (cut.basis @ mirror)[:, None] * mirror)
    basis = cut.read.basis
    return SiteCounts(cut.read, basis - (basis @ mirror)[:, None] * mirror)


def _restricted(counts: Counts, size: int, distance: float) -> Point | None:
    """Return the maximum with the last coefficient moved by minus ``distance``."""
    coefs = np.zeros(size)
    coefs[-1] = -distance
    point = counts.at(coefs)
    for _ in range(_MOST_STEPS):
        step = np.zeros(size)
        try:
            step[:-1] = np.linalg.solve(counts.curvature(point)[:-1, :-1], point.gradient[:-1])
        except np.linalg.LinAlgError:
            return None
        reach = counts.reach(step)
        share = 1.0 if reach <= _FURTHEST else _FURTHEST / reach
        for _halving in range(_MOST_HALVINGS):
            tried = counts.at(coefs + share * step)
            if tried.likelihood >= point.likelihood - 1e-12 * abs(point.likelihood):
                break
            share /= 2
        else:
            return None
        coefs, point = coefs + share * step, tried
        if np.abs(step).max() <= _STILL:
            return point
    return None
