"""The charts of a report: what each is drawn from."""

from __future__ import annotations

import math

from evaluation.censoring import ENDS
from evaluation.disclosure import Released
from evaluation.figures import (
    EventStudyBrief,
    Figure,
    ForestBrief,
    ForestRow,
    MapBrief,
    SensitivityBrief,
    TimelineBrief,
    TrendBrief,
    event_study_figure,
    forest_figure,
    map_figure,
    sensitivity_figure,
    timeline_figure,
    trend_figure,
)
from evaluation.findings import Estimate
from evaluation.geography import areas
from evaluation.methods import ESTIMATORS
from evaluation.periods import Calendar
from evaluation.report.leads import charted, tests_trends
from evaluation.report.names import method_name, period_words, slug, unit_of
from evaluation.study import Outcome

__all__ = [
    "bounds_of",
    "event_study_of",
    "forest_of",
    "known",
    "map_of",
    "sensitivity_of",
    "site_starts",
    "timeline_of",
    "trend_of",
]


def site_starts(released: Released, site: str = "") -> tuple[int, ...]:
    """Return the first treated periods of the pilot sites, or of one, ascending."""
    group = "site" if site else "pilot"
    lines = [t for t in released.trends if (t.group, t.site) == (group, site)]
    return tuple(sorted({start for line in lines for start in line.starts}))


def trend_of(released: Released, outcome: Outcome, site: str = "") -> Figure | None:
    """Return the trend chart of all pilot sites, or of one, beside the comparison."""
    ours = released.trend(outcome.key, "site" if site else "pilot", site)
    theirs = released.trend(outcome.key, "comparison")
    if ours is None or theirs is None:
        return None
    unit = unit_of(outcome)
    return trend_figure(
        TrendBrief(
            key=slug(f"{outcome.key} {site}"),
            subject=outcome.label,
            pilot=ours,
            comparison=theirs,
            names=("This site" if site else "Pilot sites", "Comparison sites"),
            calendar=released.study.calendar,
            by=period_words(released.study.calendar)[0],
            starts=site_starts(released, site),
            events=released.study.events,
            unit=unit.level,
            factor=unit.factor,
        )
    )


def event_study_of(released: Released, outcome: Outcome) -> Figure | None:
    """Return the chart of differences by time from the start; None without any."""
    estimates = charted(released, outcome)
    if not estimates:
        return None
    entry = ESTIMATORS.get(estimates[0].estimator)
    unit = unit_of(outcome)
    binned = estimates[0].estimator == "event_study"
    return event_study_figure(
        EventStudyBrief(
            key=slug(outcome.key),
            subject=outcome.label,
            estimates=estimates,
            period=period_words(released.study.calendar),
            unit=unit.difference,
            factor=unit.factor,
            reference=None if entry is None else entry.reference,
            held_to="" if entry is None else entry.held_to,
            tests_trends=tests_trends(estimates[0]),
            window=released.study.analysis.event_window if binned else None,
        )
    )


def forest_of(released: Released, outcome: Outcome) -> Figure | None:
    """Return the chart of the overall effect by each method; None without an estimate."""
    rows = tuple(
        _row(e, method_name(e.estimator, e.interval.procedure))
        for e in _overall(released, outcome.key)
    )
    if not rows:
        return None
    return forest_figure(
        ForestBrief(
            key=slug(outcome.key),
            subject=outcome.label,
            rows=rows,
            level=released.study.analysis.level,
            smallest=outcome.smallest_effect,
        )
    )


def _row(estimate: Estimate, label: str, *, is_primary: bool | None = None) -> ForestRow:
    value, low, high = (known(number) for number in estimate.relative)
    return ForestRow(
        label=label,
        value=value,
        low=low,
        high=high,
        is_primary=estimate.is_primary if is_primary is None else is_primary,
        trace=(
            estimate.outcome,
            estimate.estimator,
            estimate.interval.procedure,
            estimate.effect.estimand,
            estimate.effect.group,
        ),
    )


def _overall(released: Released, key: str) -> list[Estimate]:
    """Return the overall estimates of an outcome, the primary one first."""
    found = [e for e in released.estimates if e.outcome == key and e.effect.estimand == "overall"]
    return sorted(found, key=lambda estimate: not estimate.is_primary)


def known(value: float | None) -> float | None:
    """Return a number, or None for one that is not finite."""
    return value if value is not None and math.isfinite(value) else None


def bounds_of(released: Released, outcome: Outcome) -> tuple[tuple[str, Estimate], ...]:
    """Return the estimates with uncertain counts at each of their ends, and where these are."""
    found = {
        e.effect.group: e
        for e in released.estimates
        if (e.outcome, e.effect.estimand) == (outcome.key, "bound")
    }
    return tuple((end.words, found[end.key]) for end in ENDS if end.key in found)


def sensitivity_of(released: Released, outcome: Outcome) -> Figure | None:
    """Return the chart of what uncertain counts could do; None where none is uncertain."""
    primary = released.primary(outcome.key)
    ends = bounds_of(released, outcome)
    if primary is None or not ends:
        return None
    first = _row(primary, "The answer: uncertain counts at their likeliest")
    return sensitivity_figure(
        SensitivityBrief(
            key=slug(outcome.key),
            subject=outcome.label,
            rows=(first, *(_row(e, words[:1].upper() + words[1:]) for words, e in ends)),
            level=released.study.analysis.level,
            smallest=outcome.smallest_effect,
        )
    )


# ---------------------------------------------------------------------------- who and when


def map_of(released: Released) -> Figure | None:
    """Return the map of who was compared with whom, over all outcomes."""
    site_of: dict[str, str] = {}
    others: set[str] = set()
    for glance in released.glances:
        for unit, site, is_pilot in glance.members:
            if is_pilot:
                site_of[unit] = site
            else:
                others.add(unit)
    sites = tuple(dict.fromkeys((*(s.name for s in released.study.sites), *site_of.values())))
    geography = released.study.geography
    registered = geography.register_ == "icb"
    month = geography.boundaries if registered else ""
    return map_figure(
        MapBrief(
            sites=tuple(
                (site, units)
                for site in sites
                if (units := tuple(u for u, of in site_of.items() if of == site))
            ),
            comparison=tuple(sorted(others - set(site_of))),
            names={a.ods: a.short_name for a in areas(month)} if registered else {},
            boundaries=month,
            outlines=_month(month),
        )
    )


def _month(text: str) -> str:
    calendar = Calendar(frequency="month")
    try:
        return calendar.label(calendar.parse(text))
    except ValueError:
        return text


def timeline_of(released: Released) -> Figure | None:
    """Return the timeline of starts; None where no start is known."""
    starts: dict[str, int] = {}
    for trend in released.trends:
        if trend.group == "site" and trend.starts:
            starts[trend.site] = min(trend.starts[0], starts.get(trend.site, trend.starts[0]))
    if not released.glances:
        return None
    return timeline_figure(
        TimelineBrief(
            starts=tuple(starts.items()),
            first=min(glance.first for glance in released.glances),
            last=max(glance.last for glance in released.glances),
            calendar=released.study.calendar,
            period=period_words(released.study.calendar),
        )
    )
