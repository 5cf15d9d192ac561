"""How sure, and why: what stands behind an answer, and what would change it."""

from __future__ import annotations

import math

from evaluation.disclosure import Released
from evaluation.findings import Estimate
from evaluation.report.annex import failed_checks
from evaluation.report.charts import bounds_of, site_starts
from evaluation.report.conditions import lead_words
from evaluation.report.names import (
    count_of,
    first_lower,
    method_name,
    period_words,
    sentence,
)
from evaluation.report.outcomes import relevant_checks
from evaluation.report.views import Fact, Section
from evaluation.study import Outcome
from evaluation.wording import between, detectable, per_cent, statement

__all__ = ["doubts", "followed_for", "reasons", "rests_on", "small_chance"]


def rests_on(released: Released, outcomes: tuple[Outcome, ...]) -> tuple[str, ...]:
    """Return what the answers rest on, in sentences; one for outcomes that rest on the same."""
    said = []
    for outcome in outcomes:
        estimate = released.primary(outcome.key)
        if estimate is None or not math.isfinite(estimate.effect.value):
            continue
        ours = count_of(estimate.n_pilot_sites, "pilot site", "pilot sites")
        theirs = estimate.n_sites - estimate.n_pilot_sites
        said.append(
            f"The answer rests on {ours} beside "
            f"{count_of(theirs, 'comparison site', 'comparison sites')}. With so few pilot sites "
            "the likely range is wide."
        )
    return tuple(dict.fromkeys(said))


def reasons(released: Released, outcomes: tuple[Outcome, ...]) -> tuple[Fact, ...]:
    """Return for each outcome what speaks for its answer, and what against."""
    facts = []
    for outcome in outcomes:
        estimate = released.primary(outcome.key)
        if estimate is None or not math.isfinite(estimate.effect.value):
            continue
        said = (_agreement(released, outcome, estimate), lead_words(released, outcome))
        if any(said):
            words = " ".join(text for text in said if text)
            facts.append(Fact(term=outcome.label, words=words))
    return tuple(facts)


def _others(released: Released, outcome: Outcome) -> list[Estimate]:
    return [
        e
        for e in released.estimates
        if e.outcome == outcome.key
        and e.effect.estimand == "overall"
        and not e.is_primary
        and math.isfinite(e.effect.value)
    ]


def _agreement(released: Released, outcome: Outcome, primary: Estimate) -> str:
    """Say how many of the other methods come under the same rule as the primary one."""
    others = _others(released, outcome)
    if not others:
        return ""
    checks = relevant_checks(released, outcome.key)
    kind = statement(primary, outcome, checks).kind
    same = sum(statement(e, outcome, checks).kind == kind for e in others)
    if len(others) == 1:
        return (
            "A second method comes to the same answer."
            if same
            else "A second method comes to another answer: see what would change our mind."
        )
    return f"Of {len(others)} other methods, {same or 'none'} {_come(same)} to the same answer."


def _come(count: int) -> str:
    return "comes" if count == 1 else "come"


def followed_for(released: Released) -> str:
    """Return how long outcomes were followed after the first start, in words; empty if not."""
    starts = site_starts(released)
    last = max((glance.last for glance in released.glances), default=None)
    if not starts or last is None or last < starts[0]:
        return ""
    one, several = period_words(released.study.calendar)
    return count_of(last - starts[0] + 1, one, several)


def small_chance(released: Released, outcome: str) -> str:
    """Return the strongest that one site alone can show: first of all sites, by chance."""
    glance = next((g for g in released.glances if g.outcome == outcome), None)
    if glance is None or glance.n_comparison_sites < 1:
        return ""
    rank = glance.n_comparison_sites + 1
    return (
        f"At best, one site alone can be shown to have changed more than each of the "
        f"{glance.n_comparison_sites} comparison sites. Chance alone would do that once in {rank} "
        "times, so even then one site is a hint and not an answer."
    )


# ---------------------------------------------------------------------------- doubts


def doubts(released: Released) -> tuple[Section, ...]:
    """Return what would change our mind: other methods, hidden counts, failed checks."""
    primary = [o for o in released.study.outcomes if o.role == "primary"]
    sections = [_other_answers(released, outcome) for outcome in primary or released.study.outcomes]
    sections.append(_hidden_counts(released))
    cautions = failed_checks(released)
    checks = Section(
        key="failed-checks",
        heading="Checks that did not pass",
        paragraphs=() if cautions else ("Every check passed.",),
        items=tuple(f"{caution.term}: {caution.words}" for caution in cautions),
    )
    return (*(section for section in sections if section is not None), checks)


def _other_answers(released: Released, outcome: Outcome) -> Section | None:
    primary = released.primary(outcome.key)
    if primary is None or not math.isfinite(primary.effect.value):
        return None
    checks = relevant_checks(released, outcome.key)
    kind = statement(primary, outcome, checks).kind
    items = []
    for other in _others(released, outcome):
        said = statement(other, outcome, checks)
        name = method_name(other.estimator, other.interval.procedure)
        same = said.kind == kind
        verdict = "the same answer" if same else f"another answer, {first_lower(said.headline)}"
        items.append(f"{name}: {verdict}{_range(other)}.")
    smallest = detectable(primary)
    paragraphs = [] if items else ["No other method was run on this outcome."]
    if smallest is not None:
        paragraphs.append(
            f"With this number of sites the evaluation can reliably see changes of about "
            f"{per_cent(smallest)} or more. A smaller change may be there and not show."
        )
    return Section(
        key=outcome.key,
        heading=f"Other ways to estimate {first_lower(outcome.label)}",
        paragraphs=tuple(paragraphs),
        items=tuple(items),
    )


def _hidden_counts(released: Released) -> Section | None:
    """Say what counts that nobody may see could do; None where none could, or its check failed."""
    items = []
    for outcome in released.study.outcomes:
        ends = bounds_of(released, outcome)
        checked = [
            check
            for check in released.checks
            if (check.name, check.outcome) == ("uncertain_counts", outcome.key)
            and check.passed is not False  # a failed check is told below
        ]
        if ends:
            items += [f"{outcome.label}: {first_lower(sentence(c.detail))}" for c in checked]
    if not items:
        return None
    return Section(
        key="hidden-counts",
        heading="Hidden or rounded counts in the data",
        paragraphs=(
            "Some counts came to us hidden or rounded. We put each at its likeliest place, and "
            "tried how far the answer moves when all of them are as low or as high as they can be.",
        ),
        items=tuple(items),
    )


def _range(estimate: Estimate) -> str:
    _, low, high = estimate.relative
    if low is None or high is None:
        return ""
    return f" ({between(low, high)})"
