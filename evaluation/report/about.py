"""About the evaluation: who was compared with whom, what was left out, what it cannot show."""

from __future__ import annotations

from evaluation.disclosure import Released
from evaluation.report.charts import site_starts
from evaluation.report.names import (
    and_list,
    count_of,
    first_upper,
    period_words,
    pilot_sites,
    sentence,
)
from evaluation.report.sureness import followed_for
from evaluation.report.views import Fact, Section
from evaluation.study import Exclusion, Study
from evaluation.wording import number

__all__ = [
    "about_sections",
    "compared_with",
    "cost_sections",
    "event_facts",
    "glance_facts",
    "sites_of",
]


def sites_of(released: Released) -> tuple[str, ...]:
    """Return the names of the pilot sites."""
    return pilot_sites(released.study, tuple(t.site for t in released.trends if t.site))


def _window(released: Released) -> str:
    """Return first and last period analysed over all outcomes, in words."""
    if not released.glances:
        return "no period"
    calendar = released.study.calendar
    first = min(glance.first for glance in released.glances)
    last = max(glance.last for glance in released.glances)
    return f"{calendar.label(first)} to {calendar.label(last)}"


def _starts(released: Released) -> str:
    calendar = released.study.calendar
    starts = site_starts(released)
    if not starts:
        return "as the data say for each area"
    if len(starts) == 1:
        return calendar.label(starts[0])
    return f"{calendar.label(starts[0])} to {calendar.label(starts[-1])}, by site"


def glance_facts(released: Released) -> tuple[Fact, ...]:
    """Return the evaluation at a glance."""
    sites = sites_of(released)
    most = max((g.n_comparison_sites for g in released.glances), default=0)
    hidden = sum(g.hidden for g in released.glances)
    followed = followed_for(released)
    facts = [
        Fact(
            term="Pilot sites",
            words=f"{first_upper(count_of(len(sites), 'site', 'sites'))}: {and_list(sites)}",
        ),
        Fact(
            term="Compared with",
            words=count_of(most, "area without the pilot", "areas without the pilot"),
        ),
        Fact(term="Period", words=_window(released)),
        Fact(term="Start", words=_starts(released)),
    ]
    if followed:
        facts.append(Fact(term="Followed for", words=first_upper(followed)))
    facts.append(
        Fact(
            term="Outcomes",
            words="; ".join(outcome.label for outcome in released.study.outcomes),
        )
    )
    rule = released.study.release.suppress_below
    facts.append(
        Fact(
            term="Hidden numbers",
            words=(
                f"{hidden:,} figures rest on too few people to be shown (fewer than {rule}), or "
                "would give such a figure away"
                if hidden
                else "none"
            ),
        )
    )
    return tuple(facts)


def compared_with(released: Released) -> str:
    """Return whom the pilot sites are compared with, in a sentence."""
    most = max((g.n_comparison_sites for g in released.glances), default=0)
    return (
        f"With {count_of(most, 'area', 'areas')} that did not have the pilot, over the same "
        f"{period_words(released.study.calendar)[1]} ({_window(released)})."
    )


def _exclusion(study: Study, item: Exclusion) -> str:
    calendar = study.calendar
    what = item.unit or "All areas"
    when = ""
    if item.first is not None and item.last is not None:
        when = f", {calendar.label(item.first)} to {calendar.label(item.last)}"
    elif item.first is not None:
        when = f", from {calendar.label(item.first)}"
    elif item.last is not None:
        when = f", to {calendar.label(item.last)}"
    label = next((o.label for o in study.outcomes if o.key == item.outcome), "")
    which = f" ({label})" if label else ""
    return f"{what}{when}{which}: {sentence(item.reason)}"


def about_sections(released: Released) -> tuple[Section, ...]:
    """Return about this evaluation, choosing the comparison, limits."""
    study = released.study
    left_out = tuple(_exclusion(study, e) for e in (*study.exclude, *study.comparison.exclude))
    listed = study.comparison.units
    chosen = (
        "They are all the other areas in the data."
        if listed == "others"
        else "They were chosen in the study file."
    )
    return (
        Section(
            key="about-this-evaluation",
            heading="What was asked",
            paragraphs=(
                f"Did {study.title} change the outcomes of the areas that took part, compared with "
                "what would have been expected without it? The outcomes, the smallest effect that "
                "would matter and the main method were written down in the study file, which is "
                "printed whole in the annex.",
            ),
        ),
        Section(
            key="choosing-the-comparison",
            heading="Choosing the comparison",
            paragraphs=(
                f"{compared_with(released)} {chosen}",
                "The comparison shows what would have happened without the pilot only if both "
                "groups would have moved alike. The charts by time from the start show how far "
                "they did so before it.",
                *(() if listed == "others" else (f"The areas: {', '.join(listed)}.",)),
            ),
        ),
        Section(
            key="left-out",
            heading="What was left out, and why",
            paragraphs=() if left_out else ("Nothing was left out by choice.",),
            items=left_out,
        ),
        Section(key="limits", heading="Limits", items=_limits(released)),
    )


def cost_sections(released: Released) -> tuple[Section, ...]:
    """Return what the programme cost, where the study file says so; no value is put on effects."""
    programme = released.study.costs.programme
    if programme is None:
        return ()
    sites = len(sites_of(released))
    share = (
        f" Shared out evenly, that is about \N{POUND SIGN}{number(programme / sites)} for each of "
        f"the {count_of(sites, 'pilot site', 'pilot sites')}."
        if sites > 1
        else ""
    )
    return (
        Section(
            key="cost",
            heading="What it cost",
            paragraphs=(
                f"The programme cost \N{POUND SIGN}{programme:,.0f} in all, as the study file has "
                f"it.{share} This report does not set the cost against the effects.",
            ),
        ),
    )


def _limits(released: Released) -> tuple[str, ...]:
    sites = len(sites_of(released))
    followed = followed_for(released)
    limits = [
        "The sites were not drawn by lot. Something else that changed in the pilot sites at the "
        "same time would look like an effect of the pilot.",
        f"There are only {count_of(sites, 'pilot site', 'pilot sites')}. Small effects cannot be "
        "seen, and one unusual site weighs much.",
        "An outcome counts everybody in an area, also those whom the pilot did not reach. A large "
        "effect on a few people is a small effect on an area.",
        "If comparison areas took up something like the pilot, or if its effect spilled over to "
        "them, the difference is smaller than the effect.",
        "If people acted before the start because they knew of it, part of the effect lies before "
        "the start and is not counted.",
    ]
    if followed:
        limits.append(f"Outcomes were followed for {followed} after the first start.")
    outcomes = len(released.study.outcomes)
    if outcomes > 1:
        limits.append(
            f"{count_of(outcomes, 'outcome', 'outcomes')} were looked at. The more are looked at, "
            "the more likely one of them moves by chance."
        )
    return tuple(first_upper(text) for text in limits)


def event_facts(released: Released) -> tuple[Fact, ...]:
    """Return the concurrent events of the study, in order of time."""
    calendar = released.study.calendar
    ordered = sorted(released.study.events, key=lambda event: (event.at, event.label))
    return tuple(Fact(term=calendar.label(e.at), words=sentence(e.label)) for e in ordered)
