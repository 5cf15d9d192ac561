"""How far suppressed and rounded counts can move the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from evaluation.censoring import ENDS
from evaluation.checks.words import per_cent
from evaluation.findings import Check, Estimate

__all__ = ["uncertain_counts"]

_WORDS = {
    "": "every uncertain count at its likelihood midpoint",
    **{end.key: end.words for end in ENDS},
}
# The ends themselves: every count at its lowest, and at its highest.
_PLAIN = ("low", "high")
_SAME = "The likely range comes down on the same side of no change at each of their ends."
_TURNED = (
    "The likely range leaves no change out at some of their ends, and not at others: the answer "
    "hangs on figures that nobody may see."
)
_TURNED_AT_WORST = (
    "With all of them at their lowest or all at their highest the likely range comes down on the "
    "same side of no change. Only each at its worst place, all at once, could turn it."
)
_REMEDY = "Ask the publisher for unsuppressed figures, or use longer periods or larger units."
_SCHEMA = {"problem": pl.String, "effect_on_estimate": pl.String}


def uncertain_counts(
    outcome: str, hidden: int, n_obs: int, estimates: Sequence[Estimate]
) -> Check | None:
    """Return the primary estimate with uncertain counts at their midpoint and at their ends.

    Fails when the range leaves 0 out at the midpoint and holds it with every count at its lowest
    or highest, or the other way round: what is hidden could turn the answer. Where no more than
    the widest that the ends allow would turn it, each count where it moves the estimate most, it
    is for information: rounding, for one, does not fall like that.

    Parameters
    ----------
    outcome : str
        Key of the outcome.
    hidden, n_obs : int
        Counts that are known only to lie between two ends, and all counts.
    estimates : sequence of Estimate
        Of any outcomes and estimands; the primary overall one and those of estimand ``bound``
        are read.

    Returns
    -------
    Check or None
        None where the outcome has no primary estimate.
    """
    own = [e for e in estimates if e.outcome == outcome and e.relative[0] is not None]
    primary = next((e for e in own if e.is_primary and e.effect.estimand == "overall"), None)
    if primary is None:
        return None
    ends = [e for e in own if e.effect.estimand == "bound"]
    values = [e.relative[0] for e in (primary, *ends) if e.relative[0] is not None]
    plain = [e for e in ends if e.effect.group in _PLAIN]
    if not _agree(primary, *plain):
        passed, words = False, _TURNED
    elif not _agree(primary, *ends):
        passed, words = None, _TURNED_AT_WORST
    else:
        passed, words = True, _SAME
    return Check(
        name="uncertain_counts",
        title="Whether suppressed and rounded counts could change the answer",
        passed=passed,
        detail=f"{hidden:,} of {n_obs:,} counts are suppressed or rounded. Put where they "
        f"move it most, they leave the estimate between {per_cent(min(values))} and "
        f"{per_cent(max(values))}. {words}",
        remedy="" if passed else _REMEDY,
        outcome=outcome,
        table=pl.DataFrame([_row(e) for e in (primary, *ends)], schema=_SCHEMA, orient="row"),
    )


def _agree(*estimates: Estimate) -> bool:
    """Whether all likely ranges lie on the same side of 0, or hold it."""
    sides = (_side(estimate) for estimate in estimates)
    return len({side for side in sides if side is not None}) <= 1


def _side(estimate: Estimate) -> int | None:
    """Return on which side of 0 the range lies: -1, 1, or 0 where it holds 0."""
    low, high = estimate.interval.low, estimate.interval.high
    if low is None or high is None:
        return None
    return int(math.copysign(1, low)) if low * high > 0 else 0


def _row(estimate: Estimate) -> tuple[str, str]:
    value, low, high = estimate.relative
    group = estimate.effect.group if estimate.effect.estimand == "bound" else ""
    ends = "" if low is None or high is None else f"{per_cent(low)} and {per_cent(high)}"
    return _WORDS[group], per_cent(value) + (f", likely between {ends}" if ends else "")
