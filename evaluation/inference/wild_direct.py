"""The wild bootstrap without a fit, for simulations: the flips straight from a panel.

They are those of the fit's estimating equations. A balanced panel needs Z, q and the weights alone;
a Poisson model the means under the tested value, and no maximum of the whole likelihood.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.inference.engine import Reduced
from evaluation.inference.poisson_null import null_means
from evaluation.inference.wild_scores import Flips, Scores, score_flips
from evaluation.panel import Panel

__all__ = ["poisson_null_flips", "reduced_flips"]

FloatArray = NDArray[np.float64]


def reduced_flips(reduced: Reduced, scores: Scores = "jackknifed") -> Flips:
    """Return the flips at the estimate, and by its distance from the tested value.

    A site's residuals without the site: period effects are weighted means over the other units,
    so that ``z`` of its units gains the sum of ``weights * z`` over the site, divided by the
    weight of all others.

    Parameters
    ----------
    reduced : Reduced
        U units, K paths, G sites.
    scores : {"jackknifed", "plain"}
    """
    weights, site = reduced.weights, reduced.site
    sites, total = int(site.max()) + 1, float(weights.sum())
    paths = reduced.q.shape[0]
    at_estimate = reduced.z - reduced.coefficient * reduced.moved
    # Both parts side by side, shape (U, 2, K), and each site's sums of them.
    parts = np.stack([at_estimate, reduced.moved], axis=1)
    member: FloatArray = (np.arange(sites)[:, None] == site).astype(np.float64)
    weighted = member * weights
    sums = (weighted @ parts.reshape(site.size, -1)).reshape(sites, 2, paths)
    mass = weighted.sum(axis=1)
    if scores == "jackknifed":
        parts = parts + (sums / (total - mass)[:, None, None])[site]
        sums = sums * (total / (total - mass))[:, None, None]
    information = reduced.information
    along = weighted @ np.einsum("uk,ujk->uj", reduced.centred, parts) / information
    direction = weighted @ reduced.centred / information
    curvature = weighted @ (reduced.centred * reduced.moved).sum(axis=1) / information
    # Flipping site h moves the period means by its share, and the coefficient by its move.
    moved = np.concatenate([sums.transpose(0, 2, 1) / total, along[:, None, :]], axis=1)
    own = member @ reduced.scores() / information
    return Flips(
        moves=along,
        projected=np.column_stack([direction, curvature]),
        flipped=moved,
        contrast=0.0,
        square=float(own @ own),
    )


def poisson_null_flips(panel: Panel, tested: float, scores: Scores = "jackknifed") -> Flips:
    """Return the flips of a Poisson model with the log rate ratio held at a tested value.

    Parameters
    ----------
    panel : Panel
        Measure ``rate`` or ``count``, n rows.
    tested : float
    scores : {"jackknifed", "plain"}

    Raises
    ------
    EstimationError
        When the model without the treatment does not converge.
    """
    order = np.lexsort((panel.unit_codes, panel.site_codes))
    count, treatment = panel.values("count")[order], panel.treatment[order]
    exposure = panel.values("exposure")[order] if panel.measure == "rate" else np.ones(count.size)
    # A selection of no columns would have no rows either.
    given = [panel.values(name) for name in panel.covariates]
    covariates = np.column_stack([np.empty((count.size, 0)), *given])[order]
    site, unit, period = (
        codes[order] for codes in (panel.site_codes, panel.unit_codes, panel.period_codes)
    )
    mean = null_means(
        count, exposure * np.exp(tested * treatment), unit, period, covariates=covariates
    )
    kept = mean > 0
    # Periods without events are left out with their rows.
    dummies = period[kept, None] == np.unique(period[kept])[1:]
    columns = np.column_stack([covariates[kept], dummies, treatment[kept]])
    columns = columns / np.sqrt(mean[kept] @ columns**2)
    site, unit = site[kept], unit[kept]
    return score_flips(
        columns,
        count[kept],
        mean[kept],
        unit_start=np.flatnonzero(np.r_[True, unit[1:] != unit[:-1]]),
        site_start=np.flatnonzero(np.r_[True, site[1:] != site[:-1]]),
        kind=scores,
    )
