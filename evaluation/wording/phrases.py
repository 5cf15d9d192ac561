"""The parts that statements are put together from: who, what, by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluation.findings import Estimate
from evaluation.study import Outcome
from evaluation.wording.numbers import about, between, end, number, span
from evaluation.wording.power import detectable, detectable_on_scale

__all__ = ["Reading", "changed", "inline", "named", "reading", "within"]

_EXPECTED = "than we would have expected"

# A label that starts like this is a quantity ("the length of stay was lower"); others are things
# that can be counted ("fewer admissions").
_QUANTITIES = (
    "average",
    "cost",
    "length",
    "mean",
    "median",
    "number",
    "percentage",
    "proportion",
    "rate",
    "share",
    "time",
    "total",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An estimate in the units in which it is spoken of.

    Parameters
    ----------
    value : float
        The estimate.
    low, high : float or None
        Ends of the interval; None without one that has two finite ends in order.
    unit : str
        What follows a number: ``%``, `` percentage points``, `` days``.
    relative : bool
        Whether the numbers are per cent of the counterfactual.
    smallest : float or None
        Smallest effect of interest as a size, in the same units; None where none was set, or it
        cannot be compared.
    seen : float or None
        The change that could reliably be seen, in the same units.
    alone : bool
        Whether the estimate is of one pilot site.
    """

    value: float
    low: float | None
    high: float | None
    unit: str
    relative: bool
    smallest: float | None
    seen: float | None
    alone: bool = False

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval, if it has them and the estimate lies between."""
        if self.low is None or self.high is None or not self.low <= self.value <= self.high:
            return None
        return self.low, self.high

    def amount(self) -> str:
        """Return the size of the estimate: ``about 12%``."""
        return about(self.value, self.unit)

    def move(self) -> str:
        """Return the estimate by direction: ``a rise of 1.7%``."""
        return end(self.value, self.unit)

    def range(self) -> str:
        """Return the interval: ``likely between 7.3% and 16.4%``."""
        low, high = self.ends or (math.nan, math.nan)
        return between(low, high, self.unit)

    def fit(self) -> str:
        """Return what the results fit: ``a fall of 9% as well as a rise of 6%``."""
        low, high = self.ends or (math.nan, math.nan)
        return span(low, high, self.unit)

    def visible(self) -> str:
        """Return the sentence on what could have been seen; empty where that is not known."""
        if self.seen is None:
            return ""
        size = f"{number(self.seen)}{self.unit}"
        if self.alone:
            return f"One site alone could reliably show changes of about {size} or more."
        return (
            f"With this number of sites the evaluation could reliably see changes of about {size} "
            "or more."
        )


def reading(estimate: Estimate, outcome: Outcome) -> Reading:
    """Return an estimate as per cent of the counterfactual; as level where that is undefined.

    A level that is not above 0 has no percentages: with none observed, every effect is -100%.
    """
    alone = estimate.effect.estimand == "site" or estimate.n_pilot_sites == 1
    low, high = _finite_ends(estimate)
    value, below, above = estimate.relative
    lacks_end = (low is not None and below is None) or (high is not None and above is None)
    effect = estimate.effect
    has_level = effect.scale == "log" or (effect.observed is not None and effect.observed > 0)
    if value is not None and has_level and not lacks_end:
        return Reading(
            value=value,
            low=None if low is None else below,
            high=None if high is None else above,
            unit="%",
            relative=True,
            smallest=None if outcome.smallest_effect is None else abs(outcome.smallest_effect),
            seen=detectable(estimate),
            alone=alone,
        )
    factor = 100.0 if outcome.measure == "share" else 1.0
    seen = detectable_on_scale(estimate.interval)
    return Reading(
        value=factor * effect.value,
        low=None if low is None else factor * low,
        high=None if high is None else factor * high,
        unit=_unit(outcome),
        relative=False,
        smallest=None,
        seen=None if seen is None else factor * seen,
        alone=alone,
    )


def _finite_ends(estimate: Estimate) -> tuple[float, float] | tuple[None, None]:
    low, high = estimate.interval.low, estimate.interval.high
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return None, None
    return (low, high) if low <= high else (None, None)


def _unit(outcome: Outcome) -> str:
    if outcome.measure == "share":
        return " percentage points"
    if outcome.unit_label:
        return f" {inline(outcome.unit_label)}"
    return f" per {outcome.per:,.0f}" if outcome.measure == "rate" else ""


def inline(text: str) -> str:
    """Return text as it stands within a sentence: no capital, unless its first word is a name."""
    first = text.split(" ", 1)[0]
    plain = first[:1].isupper() and (len(first) == 1 or first[1:].islower())
    return text[:1].lower() + text[1:] if plain else text


def named(found: Reading, outcome: Outcome, subject: str) -> str:
    """Return who had how much more or less of what than expected, without a full stop."""
    label = inline(outcome.label)
    if found.value == 0:
        return f"In {within(subject)}, {_figure(label)} was what we would have expected"
    compared = _compared(found, outcome)
    if _is_countable(found, outcome):
        return f"{subject} had {found.amount()} {compared} {label} {_EXPECTED}"
    return f"In {within(subject)}, {_figure(label)} was {found.amount()} {compared} {_EXPECTED}"


def changed(found: Reading, outcome: Outcome) -> str:
    """Return how much more or less than expected, where the outcome is named already."""
    if found.value == 0:
        return "As we would have expected"
    said = f"{found.amount()} {_compared(found, outcome)} {_EXPECTED}"
    return said[:1].upper() + said[1:]


def _is_countable(found: Reading, outcome: Outcome) -> bool:
    plain = not inline(outcome.label).startswith(_QUANTITIES)
    return plain and found.relative and outcome.measure in ("rate", "count")


def _compared(found: Reading, outcome: Outcome) -> str:
    if _is_countable(found, outcome):
        return "fewer" if found.value < 0 else "more"
    return "lower" if found.value < 0 else "higher"


def _figure(label: str) -> str:
    return f"the {label}" if label.startswith(_QUANTITIES) else f"the figure for {label}"


def within(subject: str) -> str:
    """Return the subject of a statement as it stands within a sentence."""
    return f"the{subject[3:]}" if subject.startswith("The ") else subject
