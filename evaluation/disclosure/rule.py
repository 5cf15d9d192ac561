"""The rule on one figure: what is hidden, what is rounded, what may stand.

The rule for Hospital Episode Statistics since September 2018 (NHS Digital, HES analysis guide):
below national level 0 stands, 1 to 7 is suppressed, the rest is rounded to the nearest 5; means
of fewer than 8 people are suppressed; rates and model results need no control of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from evaluation.panel import Measure
from evaluation.study import Release

__all__ = ["NOT_APPLICABLE", "PRIMARY", "ROUNDING", "SUPPRESSED", "Reason", "Rule"]

# Why a figure is changed; docs/disclosure.md describes each.
Reason = Literal[
    "small_count",
    "small_denominator",
    "small_remainder",
    "small_mean",
    "by_subtraction",
    "by_division",
    "by_a_check",
    "rounded",
    "figures",
]
# These hide a figure for its own sake, the others for the sake of another figure.
PRIMARY: frozenset[str] = frozenset(get_args(Reason)[:4])
# These hide nothing.
ROUNDING: frozenset[str] = frozenset(get_args(Reason)[-2:])

SUPPRESSED = "[c]"
NOT_APPLICABLE = "[z]"

# A rate at full precision gives back its numerator and denominator (17/2345 has one simplest
# fraction); at four figures it does not, and no chart shows more.
_FIGURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A study's disclosure rule.

    Parameters
    ----------
    suppress_below : int
        Figures above 0 and below this are hidden; 0 hides none.
    round_to : int
        The others are rounded to the nearest multiple, half up; 1 leaves whole numbers alone.
    """

    suppress_below: int
    round_to: int

    @classmethod
    def of(cls, settings: Release) -> Rule:
        """Return the rule that a study file sets."""
        return cls(suppress_below=settings.suppress_below, round_to=settings.round_to)

    @property
    def controlled(self) -> bool:
        """Whether the rule does anything at all."""
        return self.suppress_below > 1 or self.round_to > 1

    def rounded(self, value: float) -> float:
        """Return ``value`` at the nearest multiple, half up; unchanged where control is off."""
        if self.round_to <= 1:
            return value
        return math.floor(value / self.round_to + 0.5) * float(self.round_to)

    def hides(self, value: float) -> bool:
        """Whether a count of people or events is too small to be shown; NaN is no count.

        What would round to 0 is hidden too: 0 says "none", and there were some.
        """
        return value > 0 and (value < self.suppress_below or self.rounded(value) == 0)

    def text(self, value: float, *, hidden: bool = False) -> str:
        """Return a count as a table shows it: digits, ``[c]``, or ``[z]`` where there is none."""
        if hidden:
            return SUPPRESSED
        if math.isnan(value):
            return NOT_APPLICABLE
        shown = self.rounded(value)
        return str(int(shown)) if shown == int(shown) else repr(shown)

    def figures(self, value: float) -> float:
        """Return a rate, share or mean at the precision that may leave."""
        return float(f"{value:.{_FIGURES}g}") if self.controlled else value

    def reasons(self, measure: Measure, count: float, exposure: float) -> tuple[Reason, ...]:
        """Why a rate, share, count or mean on these totals is hidden; empty when it may stand.

        Parameters
        ----------
        measure : Measure
            The outcome's measure.
        count, exposure : float
            Numerator and denominator, NaN where the outcome has none.
        """
        if measure == "mean":
            return ("small_mean",) if self.hides(exposure) else ()
        found: list[Reason] = []
        if self.hides(count):
            found.append("small_count")
        if self.hides(exposure):
            found.append("small_denominator")
        if measure == "share" and self.hides(exposure - count):
            found.append("small_remainder")
        return tuple(found)

    @property
    def widest(self) -> tuple[float, float]:
        """The range that a hidden count is known to lie in, and in which it must stay: 1 to 7."""
        return 1.0, float(max(self.suppress_below, (self.round_to + 1) // 2) - 1)

    def words(self, reason: Reason) -> str:
        """Return a reason in words, as the audit lists it."""
        least = self.suppress_below
        return {
            "small_count": f"a count above 0 and below {least}",
            "small_denominator": f"a denominator above 0 and below {least}",
            "small_remainder": f"all but fewer than {least} of the denominator",
            "small_mean": f"a mean of fewer than {least} people",
            "by_subtraction": "with it a hidden figure could be had by subtracting: other sites, "
            "other periods or parts from a total",
            "by_division": "a mean at full precision: with its denominator it gives a count that "
            "is hidden, or with which a hidden one could be had",
            "by_a_check": "a figure of a check that is small, or rests on one that is hidden",
            "rounded": f"counts and denominators are rounded to the nearest {self.round_to}, "
            "totals on their own",
            "figures": f"rates, shares and means of a chart are given to {_FIGURES} figures: at "
            "full precision they give back numerator and denominator",
        }[reason]
