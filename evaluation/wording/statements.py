"""Rules from an interval, a smallest effect of interest and the checks to a statement.

Never from a p-value. With s the smallest effect of interest (an effect of s matters):

=========================================  ==================================================
interval                                   kind
=========================================  ==================================================
better, no end nearer to 0 than s          ``matters``
better, holds effects smaller than s       ``may_be_too_small``
better, no s set; or no better direction   ``changed``
holds 0, both ends smaller than s          ``too_small``
holds 0, reaches s, or no s set            ``too_early``
worse                                      ``worse``
none, unbounded, or without the estimate   ``no_interval``
no estimate                                ``not_estimated``
=========================================  ==================================================

An end at 0 holds 0. Better and worse are of intervals without 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evaluation.findings import Check, Estimate
from evaluation.study import Outcome, Wording
from evaluation.wording.own_words import filled
from evaluation.wording.phrases import Reading, changed, inline, named, reading, within

__all__ = ["Kind", "Statement", "check_in_words", "next_steps", "statement"]

Kind = Literal[
    "matters",
    "may_be_too_small",
    "too_small",
    "too_early",
    "worse",
    "changed",
    "no_interval",
    "not_estimated",
]

# An estimate is called close to zero below this share of the smallest effect of interest.
_NEAR_ZERO = 0.5

_UNSET = (
    "No smallest effect of interest was set, so we cannot say whether {it} is large enough to "
    "matter."
)
_INCOMPARABLE = (
    "It cannot be put as a percentage here, so we cannot say whether {it} is large enough to "
    "matter."
)
_OURS = Wording()
_HEADLINES: dict[Kind, str] = {
    "matters": "Better, and large enough to matter",
    "may_be_too_small": "Better, but it may be too small to matter",
    "too_small": "Any effect is too small to matter",
    "too_early": "Too early to tell",
    "worse": "Worse than expected",
    "changed": "A change",
    "no_interval": "We cannot say how sure this is",
    "not_estimated": "No estimate",
}
_NEXT_STEPS: dict[Kind, str] = {
    "matters": "Carry on, and keep collecting the data. Write down what made it work, so that "
    "others can do the same.",
    "may_be_too_small": "Carry on, and keep collecting the data. Ask whether a gain of this size "
    "is worth what it costs.",
    "too_small": "Do not count on a change in {label}. Ask whether the pilot earns its cost "
    "in other ways.",
    "too_early": "Keep collecting the data, and do not change course because of this figure.",
    "worse": "Look into why before going on: talk to the teams, and check whether the records or "
    "something else that happened can explain it.",
    "changed": "Talk with the teams about why {label} changed and whether that is wanted. Keep "
    "collecting the data.",
    "no_interval": "Do not act on this figure alone. Read it beside the result for all the pilot "
    "sites together, and keep collecting the data.",
    "not_estimated": "Find out why there is no estimate, and whether the data can be sent or put "
    "right.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What may be said about one outcome, and no more.

    Parameters
    ----------
    kind : Kind
        Which rule it comes from.
    headline : str
        A few words, no full stop.
    sentence : str
        The whole statement in plain English; one or more sentences.
    short : str
        The same by the same rule, where the outcome and who it is about are named above.
    caution : str
        Empty, or "Read with caution: ..." with the checks that failed; goes first.
    kept : str
        The end of ``sentence`` that stands whatever words a user puts before it: what the rule
        does not know, and what the evaluation could not have seen.
    """

    kind: Kind
    headline: str
    sentence: str
    short: str
    caution: str = ""
    kept: str = ""


def statement(
    estimate: Estimate | None,
    outcome: Outcome,
    checks: Sequence[Check],
    *,
    subject: str = "The pilot sites",
    wording: Wording = _OURS,
) -> Statement:
    """Return what the primary estimate of an outcome lets us say.

    Parameters
    ----------
    estimate : Estimate or None
        Of the primary method; None where there is none.
    outcome : Outcome
        Its label, its better direction and its smallest effect of interest.
    checks : sequence of Check
        Those of this outcome and of the whole study are looked at.
    subject : str
        Who the statement is on, as a sentence starts with it.
    wording : Wording
        The user's own words by rule; the rule itself never changes.
    """
    caution = _caution(outcome, checks)
    if estimate is None or not math.isfinite(estimate.effect.value):
        reason = _why_not_estimated(estimate)
        first = f"We have no estimate for {inline(outcome.label)} in {within(subject)}."
        told = (f"{first} {reason}".strip(), "No figure could be estimated.")
        said = _made("not_estimated", told, caution, kept=reason)
        return _in_own_words(said, wording, lambda own: filled(own, None, outcome, subject))
    found = reading(estimate, outcome)
    ends = found.ends
    if ends is None:
        unsure = _why_unsure(estimate, found)
        parts = (named(found, outcome, subject), changed(found, outcome))
        told = (f"{parts[0]}. {unsure}", f"{parts[1]}. {unsure}")
        said = _made("no_interval", told, caution, kept=unsure)
    elif ends[0] <= 0 <= ends[1]:
        said = _holding_zero(found, outcome, subject, caution)
    else:
        said = _without_zero(found, outcome, subject, caution)
    return _in_own_words(said, wording, lambda own: filled(own, found, outcome, subject))


def _in_own_words(said: Statement, wording: Wording, fill: Callable[[str], str]) -> Statement:
    own: str | None = getattr(wording, said.kind)
    if own is None:
        return said
    first = fill(own)
    whole = f"{first} {said.kept}".strip()
    return replace(said, sentence=whole, short=first if said.kind == "too_early" else whole)


def _made(
    kind: Kind, said: tuple[str, str], caution: str, headline: str = "", *, kept: str = ""
) -> Statement:
    sentence, short = said
    return Statement(
        kind=kind,
        headline=headline or _HEADLINES[kind],
        sentence=sentence,
        short=short,
        caution=caution,
        kept=kept,
    )


def _holding_zero(found: Reading, outcome: Outcome, subject: str, caution: str) -> Statement:
    low, high = found.ends or (math.nan, math.nan)
    where = f"{inline(outcome.label)} in {within(subject)}"
    if found.smallest is not None and max(-low, high) < found.smallest:
        small = f"is too small to matter ({found.range()})."
        return _made(
            "too_small", (f"Any effect on {where} {small}", f"Any effect {small}"), caution
        )
    parts = [f"Too early to tell. The results for {where} fit {found.fit()}.", found.visible()]
    if found.smallest is not None and abs(found.value) < _NEAR_ZERO * found.smallest:
        parts.append(f"The best single figure, {found.move()}, is close to zero.")
    if found.smallest is None:
        parts.append(_cannot_weigh(outcome, "a change of that size"))
    first, *others = (part for part in parts if part)
    kept = " ".join(others)
    short = f"Too early to tell. The results fit {found.fit()}."
    return _made("too_early", (f"{first} {kept}".strip(), short), caution, kept=kept)


def _without_zero(found: Reading, outcome: Outcome, subject: str, caution: str) -> Statement:
    low, high = found.ends or (math.nan, math.nan)
    parts = (named(found, outcome, subject), changed(found, outcome))

    def made(kind: Kind, verdict: str, headline: str = "") -> Statement:
        whole, short = (f"{part} ({found.range()}). {verdict}" for part in parts)
        # That a change is large may be left unsaid, that we do not know it may not.
        kept = "" if kind == "matters" else verdict
        return _made(kind, (whole, short), caution, headline, kept=kept)

    fell = high < 0
    if outcome.better != "neither" and fell != (outcome.better == "lower"):
        return made("worse", "Look into why before going on.")
    large = found.smallest is not None and min(abs(low), abs(high)) >= found.smallest
    weighed = "This is large enough to matter." if large else "It may be too small to matter."
    if found.smallest is None:
        weighed = _cannot_weigh(outcome, "this")
    if outcome.better == "neither":
        aside = "The study did not say which direction is better."
        headline = "Lower than expected" if fell else "Higher than expected"
        return made("changed", f"{weighed} {aside}", headline)
    if found.smallest is None:
        headline = "Better; whether by enough we cannot say"
        return made("changed", weighed, headline)
    return made("matters" if large else "may_be_too_small", weighed)


def _cannot_weigh(outcome: Outcome, it: str) -> str:
    return (_UNSET if outcome.smallest_effect is None else _INCOMPARABLE).format(it=it)


def _why_unsure(estimate: Estimate, found: Reading) -> str:
    """Say why an estimate has no interval, so that nobody leans on it."""
    interval = estimate.interval
    has_ends = interval.low is not None and interval.high is not None
    if not has_ends and _pilot_sites(estimate) == 1:
        # The method's own reason is for the annex; this is what it comes to.
        reason = "One site alone cannot show what is due to the pilot and what to chance"
    elif caveats := interval.caveats or estimate.caveats:
        reason = _sentence(caveats[0])
    elif not has_ends:
        reason = "No range could be worked out for it"
    elif found.low is None or found.high is None:
        reason = "The range of values that fit the data has no end"
    else:
        reason = "It lies outside the range of values that fit the data"
    return f"We do not know how sure we can be of this figure. {reason}. So we conclude nothing."


def _pilot_sites(estimate: Estimate) -> int:
    own = estimate.effect.n_pilot_sites
    return estimate.n_pilot_sites if own is None else own


def _sentence(text: str) -> str:
    trimmed = text.strip().rstrip(".")
    return trimmed[:1].upper() + trimmed[1:]


def _why_not_estimated(estimate: Estimate | None) -> str:
    caveats = estimate.effect.caveats or estimate.caveats if estimate is not None else ()
    return f"{_sentence(caveats[0])}." if caveats else ""


def _caution(outcome: Outcome, checks: Sequence[Check]) -> str:
    failed = [c for c in checks if c.passed is False and c.outcome in ("", outcome.key)]
    if not failed:
        return ""
    # The first sentence of a check says what was found; the rest is in the list of checks.
    found = [_sentence((check.detail or check.title).split(". ")[0]) for check in failed]
    return "Read with caution: " + " ".join(
        f"{sentence}." for sentence in (inline(found[0]), *found[1:])
    )


def check_in_words(check: Check) -> str:
    """Return one check as a line: its title, how it went, what was found, what to do."""
    went = {True: "passed", False: "did not pass", None: "for information"}[check.passed]
    parts = [f"{check.title}: {went}.", check.detail, check.remedy if not check.passed else ""]
    return " ".join(part for part in parts if part)


def next_steps(said: Statement, outcome: Outcome) -> str:
    """Return what to do on Monday about a statement: one or two plain sentences."""
    return _NEXT_STEPS[said.kind].format(label=inline(outcome.label))
