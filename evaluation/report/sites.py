"""The page of one pilot site: what is known of it, what is not, and what to do now."""

from __future__ import annotations

import math

from evaluation.disclosure import Released
from evaluation.findings import Estimate
from evaluation.report.about import compared_with, sites_of
from evaluation.report.annex import commands, failed_checks, failed_in_words, sources_table
from evaluation.report.charts import trend_of
from evaluation.report.frame import frame_of
from evaluation.report.names import count_of, first_lower, sentence, slug
from evaluation.report.outcomes import (
    answer_of,
    counts_of,
    estimate_table,
    relevant_checks,
)
from evaluation.report.overall import main_outcomes
from evaluation.report.sureness import rests_on, small_chance
from evaluation.report.views import Fact, Link, SiteOutcome, SitePage
from evaluation.study import Outcome
from evaluation.wording import about, detectable, inline, next_steps, per_cent, statement

__all__ = ["site_page"]

_NO_CONTACT = "Ask whoever sent you this report; give them the number of the run at its end."

_UNSURE = "One site alone cannot show whether that is the pilot or chance."


def site_page(released: Released, name: str) -> SitePage:
    """Return everything that the page of one pilot site prints."""
    study = released.study
    main = main_outcomes(released)
    ask, email = _contact(released)
    units = next((site.units for site in study.sites if site.name == name), ())
    monday = tuple(_step(released, outcome) for outcome in study.outcomes)
    return SitePage(
        frame=frame_of(
            released,
            f"{name}: {study.title}",
            (
                Link(address="../index.html", words="Start page"),
                Link(address="../overall.html", words="All pilot sites together"),
            ),
        ),
        name=name,
        areas=f"Areas: {', '.join(units)}" if units else "",
        sites_together=_together(len(sites_of(released))),
        happened=tuple((answer_of(released, o), _alone(released, o, name)) for o in main),
        unsure=_unsure(released, main, name),
        failed=failed_in_words(released),
        sure=rests_on(released, main),
        compared=(compared_with(released),),
        todo=tuple(_step(released, outcome) for outcome in main),
        ask=ask,
        ask_email=email,
        monday=monday if len(monday) > len(main) else (),
        best=_best(released, main, name),
        outcomes=tuple(_outcome(released, outcome, name) for outcome in study.outcomes),
        cautions=failed_checks(released),
        commands=commands(released),
        sources=sources_table(released),
    )


def _together(sites: int) -> str:
    if sites == 1:
        return "The one pilot site"
    return f"All {count_of(sites, 'pilot site', 'pilot sites')} together"


def _step(released: Released, outcome: Outcome) -> Fact:
    checks = relevant_checks(released, outcome.key)
    said = statement(released.primary(outcome.key), outcome, checks, wording=released.study.wording)
    return Fact(term=outcome.label, words=next_steps(said, outcome))


def _contact(released: Released) -> tuple[str, str]:
    contact = released.study.contact
    if contact is None:
        return _NO_CONTACT, ""
    named = f"{contact.name}, {contact.organisation}" if contact.organisation else contact.name
    return named, contact.email or ""


def _own(released: Released, outcome: Outcome, site: str) -> Estimate | None:
    return released.primary(outcome.key, "site", site)


def _alone(released: Released, outcome: Outcome, site: str) -> str:
    """Say what can be said of one site alone: a statement where it has an interval."""
    own = _own(released, outcome, site)
    if own is None or not math.isfinite(own.effect.value):
        return "No figure could be estimated."
    if own.interval.low is not None and own.interval.high is not None:
        return statement(
            own,
            outcome,
            relevant_checks(released, outcome.key),
            subject=site,
            wording=released.study.wording,
        ).short
    relative = own.relative[0]
    if relative is None:
        return "A figure could not be put in per cent; see the table below."
    way = "below" if relative < 0 else "above"
    return f"Its own figure is {about(relative)} {way} what we would have expected."


def _unsure(released: Released, main: tuple[Outcome, ...], site: str) -> str:
    """Say what a figure without a range cannot show; empty where every figure has one."""
    own = [_own(released, outcome, site) for outcome in main]
    bare = any(e is not None and e.interval.low is None for e in own)
    return _UNSURE if bare else ""


def _best(released: Released, main: tuple[Outcome, ...], site: str) -> tuple[str, ...]:
    """Say why one site has no range of its own, and what it could show at best."""
    reasons = []
    for outcome in main:
        own = _own(released, outcome, site)
        if own is not None and own.interval.low is None:
            reasons += [
                f"Why this site has no likely range of its own: {first_lower(sentence(text))}"
                for text in (own.interval.caveats or own.caveats)[:1]
            ]
        seen = None if own is None else detectable(own)
        if seen is not None:
            reasons.append(
                f"One site alone could reliably show changes of about {per_cent(seen)} or more in "
                f"{inline(outcome.label)}."
            )
        reasons.append(small_chance(released, outcome.key))
    return tuple(dict.fromkeys(text for text in reasons if text))


def _outcome(released: Released, outcome: Outcome, site: str) -> SiteOutcome:
    return SiteOutcome(
        key=slug(outcome.key),
        label=outcome.label,
        role=outcome.role,
        together=answer_of(released, outcome),
        alone=f"{_alone(released, outcome, site)} {_unsure(released, (outcome,), site)}".strip(),
        trend=trend_of(released, outcome, site),
        estimates=estimate_table(released, outcome, estimand="site", group=site),
        counts=counts_of(released, outcome, site),
    )
