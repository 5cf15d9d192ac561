r"""Each site's own change along a treatment path, and the error to expect of it from its size.

With the null imposed, :math:`W_s` is the slope of site s's residuals on the path: for a path of 0
and then 1, the mean after the start less the mean before it. Its variance is modelled as
:math:`A + B / M_s`, with :math:`M_s` the information in the site's slope (exposure; for counts the
expected events), A and B not negative (Ferman and Pinto 2019), fitted with weights
:math:`M_s`, because the squares of small sites' slopes vary most. The line is fitted through the
sites that do not get a path in the assignment at hand, around their own mean, so that an effect in
pilot sites neither widens nor narrows what is expected of them.

Shapes: S sites, T periods, B reassignments of m paths, o outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SiteSlopes", "constrained_line", "expected_variance", "model_variance", "slopes_along"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Sizes that vary by less than this share tell no line from a constant.
_SAME_SIZE = 1e-9
# Squared slopes this small beside what they are differences of are rounding.
_ROUNDING = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteSlopes:
    """Slopes of the sites' residuals on one path.

    Parameters
    ----------
    slope : array, shape (S, o)
        0 for sites without information.
    information : array, shape (S,)
        Weighted sum of squares of the path within the site; its weight in a mean of slopes.
    """

    slope: FloatArray
    information: FloatArray

    def at(self, null: float) -> FloatArray:
        """Return the slopes of the outcome less ``null`` times the actual treatment; (S,)."""
        slope: FloatArray = self.slope[:, 0]
        return slope if self.slope.shape[1] == 1 else slope - null * self.slope[:, 1]


def slopes_along(path: FloatArray, weight: FloatArray, residuals: FloatArray) -> SiteSlopes:
    """Return the slopes of residuals on a path.

    Parameters
    ----------
    path : array, shape (T,)
    weight : array, shape (S, T)
        0 where not observed.
    residuals : array, shape (o, S, T)
        Residuals from unit and period effects (and covariates) under ``weight``.
    """
    total = weight.sum(axis=1)
    mean = weight @ path / np.where(total > 0, total, 1.0)
    varying = weight * (path - mean[:, None])
    information = (varying * (path - mean[:, None])).sum(axis=1)
    informed = information > _SAME_SIZE * total * np.ptp(path) ** 2
    known = np.where(informed, information, 1.0)
    slope = np.einsum("st,ost->so", varying, residuals) / known[:, None]
    return SiteSlopes(
        slope=np.where(informed[:, None], slope, 0.0),
        information=np.where(informed, information, 0.0),
    )


def expected_variance(slope: FloatArray, information: FloatArray, chosen: IntArray) -> FloatArray:
    """Return the variance to expect of the coefficient when ``chosen`` sites get the path.

    The coefficient is the difference of two means of slopes, weighted by information: of the sites
    chosen and of all others.

    Parameters
    ----------
    slope, information : array, shape (S,)
    chosen : int array, shape (B, m)

    Returns
    -------
    array, shape (B,)
        0 where the other sites' slopes do not differ at all.
    """
    inverse = _inverse_size(information)
    seen = (information > 0).astype(np.float64)

    def others(values: FloatArray) -> FloatArray:
        left: FloatArray = values.sum() - values[chosen].sum(axis=1)
        return left

    weight = others(information)
    mean = others(information * slope) / weight
    size = _size(inverse)
    sums = [
        others(along * slope**2) - 2 * mean * others(along * slope) + mean**2 * others(along)
        for along in (size, seen)
    ]
    sums = [np.where(part > _ROUNDING * others(slope**2), part, 0.0) for part in sums]
    level, rise = constrained_line(others(size), others(seen), others(inverse), sums[0], sums[1])
    squared = information**2
    rising = squared * inverse
    own: FloatArray = information[chosen].sum(axis=1)
    of_chosen: FloatArray = level * squared[chosen].sum(axis=1) + rise * rising[chosen].sum(axis=1)
    of_others: FloatArray = level * others(squared) + rise * others(rising)
    return np.asarray(of_chosen / own**2 + of_others / weight**2)


def model_variance(
    slope: FloatArray, information: FloatArray, fitted: NDArray[np.bool_]
) -> FloatArray:
    """Return each site's variance by the line through the sites ``fitted``; shape (S,).

    Parameters
    ----------
    slope, information : array, shape (S,)
    fitted : bool array, shape (S,)
    """
    inverse = _inverse_size(information)
    weight, at = information[fitted], inverse[fitted]
    squares = (slope[fitted] - weight @ slope[fitted] / weight.sum()) ** 2
    if float(squares.sum()) <= _ROUNDING * float(slope @ slope):
        return np.zeros_like(slope)
    size = _size(at)
    parts = (size.sum(), (at > 0).sum(), at.sum(), size @ squares, squares.sum())
    sums = [np.array(part, dtype=np.float64) for part in parts]
    level, rise = constrained_line(*sums)
    return np.asarray(level + rise * inverse)


def _inverse_size(information: FloatArray) -> FloatArray:
    """Return 1 / M with a mean of 1, 0 for sites without information; shape (S,)."""
    seen = information > 0
    inverse: FloatArray = np.zeros_like(information)
    inverse[seen] = 1 / information[seen]
    inverse[seen] /= inverse[seen].mean()
    return inverse


def _size(inverse: FloatArray) -> FloatArray:
    return np.where(inverse > 0, 1 / np.where(inverse > 0, inverse, 1.0), 0.0)


def constrained_line(
    n: FloatArray, x: FloatArray, xx: FloatArray, y: FloatArray, xy: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Fit ``y = level + rise * x``, neither below 0, from weighted sums over points.

    Where the rise would be negative, or x does not vary, y is constant; where the level would be,
    y is proportional to x.

    Parameters
    ----------
    n, x, xx, y, xy : array
        The sums of the weights, and of x, x squared, y and x times y under them; y is not negative.
    """
    spread = n * xx - x**2
    varies = spread > _SAME_SIZE * n * xx
    rise = np.where(varies, (n * xy - x * y) / np.where(varies, spread, 1.0), 0.0)
    rise = np.maximum(rise, 0.0)
    level = (y - rise * x) / n
    proportional = level < 0
    rise = np.where(proportional, xy / np.where(proportional, xx, 1.0), rise)
    return np.where(proportional, 0.0, level), rise
