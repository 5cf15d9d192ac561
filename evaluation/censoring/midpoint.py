"""The expectation of a count that is known only to lie between two ends.

Poisson maximum likelihood with interval-censored counts, by the EM algorithm (Dempster, Laird and
Rubin 1977): the expected counts given their ends and the means, and the means given the counts, in
turn. The means are unit effect x period effect x exposure x the effect of each pilot site after its
start. With an effect of its own for each site, what is filled in at one site is not drawn towards
what happened at another, and an effect is not filled away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.censoring.completed import with_counts
from evaluation.errors import EstimationError
from evaluation.panel import Panel

__all__ = ["at_midpoint", "expected_between"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Of a count; one in a thousand of the smallest that is ever hidden.
_SETTLED = 1e-3
_MOST_ROUNDS = 2_000
# A mean of 0 would keep a count that may be 1 at 0 for ever.
_SMALLEST_MEAN = 1e-9


def expected_between(mean: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the expectation of Poisson counts given that each lies between two ends.

    Parameters
    ----------
    mean, low, high : array, shape (n,)
        Means (above 0) and ends (whole numbers, both included).

    Returns
    -------
    array, shape (n,)
        From ``low`` to ``high``.
    """
    # Here, as scipy is slow to import and reports read this package's names alone.
    from scipy.special import gammaln

    width = int(np.max(high - low, initial=0))
    mode = np.clip(np.floor(mean), low, high)
    log_mean = np.log(np.maximum(mean, _SMALLEST_MEAN))
    peak = mode * log_mean - gammaln(mode + 1)
    total, weighted = np.zeros_like(mean), np.zeros_like(mean)
    for step in range(width + 1):
        count = low + step
        chance = np.where(count <= high, np.exp(count * log_mean - gammaln(count + 1) - peak), 0.0)
        total += chance
        weighted += chance * step
    return low + weighted / total


def at_midpoint(panel: Panel) -> Panel:
    """Return the panel with every uncertain count at its likelihood midpoint.

    A panel without uncertain counts is returned as it is.

    Raises
    ------
    EstimationError
        When the likelihood does not settle, or all counts are hidden within the same limits.
    """
    if "count_low" not in panel.rows.columns:
        return panel
    low, high = panel.values("count_low"), panel.values("count_high")
    uncertain = np.flatnonzero(low < high)
    _refuse_nothing_known(panel, low, high)
    counts = (low + high) / 2
    exposure = np.ones_like(counts)
    if "exposure" in panel.rows.columns:
        exposure = panel.values("exposure")
    model = _Means(panel, exposure)
    for _ in range(_MOST_ROUNDS):
        mean = model.given(counts)[uncertain]
        expected = expected_between(mean, low[uncertain], high[uncertain])
        moved = float(np.max(np.abs(expected - counts[uncertain]), initial=0.0))
        counts[uncertain] = expected
        if moved < _SETTLED:
            return with_counts(panel, counts)
    raise EstimationError(
        f"the likelihood of {uncertain.size:,} suppressed or rounded counts does not settle",
        place=f"outcome {panel.key!r}",
        remedy="Use longer periods or larger units, so that fewer counts are suppressed.",
    )


def _refuse_nothing_known(panel: Panel, low: FloatArray, high: FloatArray) -> None:
    first, last = low[:1], high[:1]
    if low.size and first[0] < last[0] and np.all(low == first) and np.all(high == last):
        raise EstimationError(
            f"each of the {low.size:,} counts is hidden from {first[0]:.0f} to {last[0]:.0f}",
            place=f"outcome {panel.key!r}",
            allowed="some counts that are known, or hidden within other limits",
            remedy="Nothing tells one from another: use longer periods or larger units.",
        )


class _Means:
    """Unit, period and site effects on the log scale, carried from round to round."""

    def __init__(self, panel: Panel, exposure: FloatArray) -> None:
        self._unit, self._period = panel.unit_codes, panel.period_codes
        # The effect of no site is 1: code 0; those of pilot sites after their start follow.
        self._site = np.where(panel.treated, panel.site_codes + 1, 0)
        self._exposure = exposure
        self._effects = [
            np.ones(len(panel.units)),
            np.ones(len(panel.periods)),
            np.ones(len(panel.sites) + 1),
        ]

    def given(self, counts: FloatArray) -> FloatArray:
        """Return the means after one round of proportional fitting to ``counts``.

        One round of an iteration that raises the likelihood is enough: a generalised EM step.
        """
        codes = (self._unit, self._period, self._site)
        for which, code in enumerate(codes):
            effect = self._effects[which]
            fitted = np.bincount(code, self._all(), effect.size)
            counted = np.bincount(code, counts, effect.size)
            ratio = np.divide(counted, fitted, out=np.ones_like(counted), where=fitted > 0)
            if which == len(codes) - 1:
                ratio[0] = 1.0
            self._effects[which] = effect * ratio
        return np.maximum(self._all(), _SMALLEST_MEAN)

    def _all(self) -> FloatArray:
        unit, period, site = self._effects
        return self._exposure * unit[self._unit] * period[self._period] * site[self._site]
