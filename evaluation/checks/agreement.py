"""Estimators that disagree are shown disagreeing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from evaluation.checks.words import per_cent
from evaluation.findings import Check, Estimate

__all__ = ["agreement"]

_NAME = "estimators_agree"
_TITLE = "Whether other ways of estimating agree"
_SCHEMA = {"problem": pl.String, "effect_on_estimate": pl.String}


def agreement(
    outcome: str, estimates: Sequence[Estimate], compares: Mapping[str, str]
) -> Check | None:
    """Return the overall estimates of one outcome side by side, and why they may differ.

    They are compared as per cent of the counterfactual. A spread, from the lowest to the highest,
    that is wider than the widest of their intervals is more than their uncertainty explains, and
    fails.

    Parameters
    ----------
    outcome : str
        Key of the outcome.
    estimates : sequence of Estimate
        Of any outcomes and estimands; each estimator's first interval speaks for it, the primary
        one where it has that.
    compares : Mapping[str, str]
        Estimator to what it compares with what.

    Returns
    -------
    Check or None
        None with fewer than two estimators to compare.
    """
    chosen = _speakers(outcome, estimates)
    if len(chosen) < 2:
        return None
    values = [e.relative[0] for e in chosen if e.relative[0] is not None]
    widths = [_width(e) for e in chosen]
    spread = max(values) - min(values)
    widest = max((w for w in widths if w is not None), default=None)
    passed = None if widest is None else spread <= widest
    table = pl.DataFrame([_row(e, compares) for e in chosen], schema=_SCHEMA, orient="row")
    return Check(
        name=_NAME,
        title=_TITLE,
        passed=passed,
        detail=_detail(len(chosen), spread, widest),
        remedy="Read what each compares with what, and settle which answers the question asked."
        if passed is False
        else "",
        outcome=outcome,
        table=table,
    )


def _speakers(outcome: str, estimates: Sequence[Estimate]) -> list[Estimate]:
    """One estimate for each estimator: the primary, else the first with an interval."""
    found: dict[str, Estimate] = {}
    for estimate in estimates:
        effect = estimate.effect
        if (estimate.outcome, effect.estimand) != (outcome, "overall"):
            continue
        if estimate.relative[0] is None:
            continue
        kept = found.get(estimate.estimator)
        if kept is None or estimate.is_primary or (_width(kept) is None and not kept.is_primary):
            found[estimate.estimator] = estimate
    return list(found.values())


def _width(estimate: Estimate) -> float | None:
    _, low, high = estimate.relative
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return None
    return high - low


def _detail(count: int, spread: float, widest: float | None) -> str:
    apart = f"{count} ways of estimating lie {spread:.1f} percentage points apart"
    if widest is None:
        return f"{apart}. None of them has an interval to judge that by."
    if spread <= widest:
        return f"{apart}, within the {widest:.1f} points that the widest of their ranges spans."
    return (
        f"{apart}, more than the {widest:.1f} points that the widest of their ranges spans. They "
        "compare different things, and the answer hangs on which is chosen."
    )


def _row(estimate: Estimate, compares: Mapping[str, str]) -> tuple[str, str]:
    value, low, high = estimate.relative
    has_range = low is not None and high is not None
    span = f", likely between {per_cent(low)} and {per_cent(high)}" if has_range else ""
    how = compares.get(estimate.estimator, "")
    return f"{estimate.estimator}: {per_cent(value)}{span}", f"It {how}." if how else ""
