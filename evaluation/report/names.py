"""Names and units as a report writes them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from evaluation.periods import Calendar
from evaluation.study import Outcome, Study

__all__ = [
    "Unit",
    "and_list",
    "count_of",
    "first_lower",
    "first_upper",
    "method_name",
    "period_words",
    "pilot_sites",
    "sentence",
    "slug",
    "slugs",
    "unit_of",
]

_ESTIMATORS = {
    "callaway_santanna": "Callaway and Sant\N{RIGHT SINGLE QUOTATION MARK}Anna",
    "event_study": "Event study",
    "imputation": "Imputation",
    "poisson": "Poisson regression",
    "synthetic_did": "Synthetic difference-in-differences",
    "twfe": "Two-way fixed effects",
}
_PROCEDURES = {
    "cr1": "CR1",
    "cr2": "CR2",
    "cr3": "CR3 (jackknife)",
    "ferman_pinto": "Ferman-Pinto",
    "placebo": "placebo",
    "randomisation": "randomisation",
    "randomisation_gls": "weighed randomisation",
    "simultaneous": "simultaneous band",
    "wild": "wild bootstrap",
}
_PERIODS = {
    "month": ("month", "months"),
    "quarter": ("quarter", "quarters"),
    "year": ("year", "years"),
    "financial_year": ("year", "years"),
    "index": ("period", "periods"),
}
_SMALL_NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """How the values and differences of an outcome are written.

    Parameters
    ----------
    factor : float
        From the outcome's units to those written: 100 for a share, which is written in per cent.
    level : str
        Unit of a value, such as ``admissions per 1,000 residents a month``.
    difference : str
        Unit of a difference: percentage points for a share.
    """

    factor: float
    level: str
    difference: str


def unit_of(outcome: Outcome) -> Unit:
    """Return the unit of an outcome."""
    own = outcome.unit_label
    if outcome.measure == "share":
        return Unit(
            factor=100.0,
            level=f"{own}, per cent" if own else "per cent",
            difference="percentage points",
        )
    if outcome.measure == "mean":
        return Unit(factor=1.0, level=own or "average", difference=own or "units of the outcome")
    name = own or (f"per {outcome.per:,g}" if outcome.measure == "rate" else "number")
    # A count is shown as the mean of the areas; its effect is one on that mean.
    return Unit(
        factor=1.0,
        level=f"{name}, average of the areas" if outcome.measure == "count" else name,
        difference=f"{name} in an average area" if outcome.measure == "count" else name,
    )


def period_words(calendar: Calendar) -> tuple[str, str]:
    """Return one and several periods in words."""
    return _PERIODS[calendar.frequency]


def method_name(estimator: str, procedure: str = "") -> str:
    """Return an estimator, and the procedure of its interval, in few words."""
    name = _ESTIMATORS.get(estimator, first_upper(estimator.replace("_", " ")))
    if not procedure:
        return name
    return f"{name}, {_PROCEDURES.get(procedure, procedure.replace('_', ' '))}"


def pilot_sites(study: Study, trend_sites: tuple[str, ...]) -> tuple[str, ...]:
    """Return the pilot sites: in the study's order, else in that of the trends."""
    named = tuple(site.name for site in study.sites)
    return named or tuple(dict.fromkeys(trend_sites))


def slug(text: str) -> str:
    """Return text as the stem of a file: lower-case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "site"


def slugs(names: tuple[str, ...]) -> dict[str, str]:
    """Return a file stem for each name, none of them twice."""
    found: dict[str, str] = {}
    for name in names:
        stem = base = slug(name)
        copy = 1
        while stem in found.values():
            copy += 1
            stem = f"{base}-{copy}"
        found[name] = stem
    return found


def count_of(number: int, one: str, several: str) -> str:
    """Return ``one site``, ``six sites``, ``33 sites``."""
    word = _SMALL_NUMBERS[number] if 0 <= number < len(_SMALL_NUMBERS) else f"{number:,}"
    return f"{word} {one if number == 1 else several}"


def and_list(parts: tuple[str, ...]) -> str:
    """Join parts as a sentence does; with semicolons where a part has a comma or "and" in it."""
    if len(parts) < 2:
        return "".join(parts)
    if any("," in part or " and " in part for part in parts):
        return "; ".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def first_upper(text: str) -> str:
    """Return text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def first_lower(text: str) -> str:
    """Return text without the capital at its start, unless it starts with an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """Return text with a capital at its start and a full stop at its end."""
    trimmed = text.strip()
    if not trimmed:
        return ""
    return first_upper(trimmed if trimmed.endswith((".", "!", "?", ":")) else f"{trimmed}.")
