"""What readers of intervals by reassignment must know, in sentences."""

from __future__ import annotations

import math

from evaluation.inference.reassignment import Reassignments

__all__ = ["SEPARATED", "SHARP", "about_ends", "about_ways"]

# Up to so many reassignments the smallest possible p-value is worth a sentence.
_FEW_WAYS = 1000
# A level that steps of the p-value raise by so much is mentioned.
_WIDER = 0.005
_ROUNDING = 1e-9

SHARP = (
    "Randomisation tests one and the same effect in every pilot site and period (a sharp null), "
    "and takes it that any site could have been in the pilot."
)
SEPARATED = (
    "No interval: observations with no event left the Poisson model because the actual pilot sites "
    "explain them; who leaves would differ with every other choice of pilot sites."
)


def about_ways(dealt: Reassignments, *, level: float) -> tuple[str, ...]:
    """Say the smallest p-value, and the level that its steps leave, where the ways are few."""
    if not dealt.is_exact or dealt.possible > _FEW_WAYS:
        return ()
    pilots, sites = dealt.path.size, dealt.n_sites
    who = "one pilot site" if pilots == 1 else f"{pilots} pilot sites"
    smallest = (
        f"With {who} among {sites} the smallest possible p-value is "
        f"1/{dealt.possible} = {dealt.smallest_p:.2g}."
    )
    steps = math.floor((1 - level) * dealt.possible + _ROUNDING)
    attained = 1 - steps / dealt.possible
    if steps == 0 or attained - level < _WIDER:
        return (smallest,)
    return (
        smallest,
        f"p-values move in steps of 1/{dealt.possible}, so that the {level:.0%} interval is in "
        f"truth one of {attained:.0%}.",
    )


def about_ends(
    low: float | None, high: float | None, *, smallest: float, level: float
) -> tuple[str, ...]:
    """Say which ends an interval does not have, and why."""
    if low is None or high is None or not (math.isinf(low) or math.isinf(high)):
        return ()
    if smallest > 1 - level:
        return (
            f"The interval has no ends: no effect can be rejected at {level:.0%} with so few ways "
            "to choose the pilot sites.",
        )
    named = {(True, True): "ends", (True, False): "lower end", (False, True): "upper end"}
    return (
        f"The interval has no {named[math.isinf(low), math.isinf(high)]}: nothing that far out is "
        "rejected.",
    )
