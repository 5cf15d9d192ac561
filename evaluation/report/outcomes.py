"""One outcome: its answer, its charts, its estimates, its counts."""

from __future__ import annotations

import dataclasses
import math

import polars as pl

from evaluation.disclosure import Released
from evaluation.figures import FigureTable, cell, figures
from evaluation.findings import Check, Estimate
from evaluation.report.charts import (
    event_study_of,
    forest_of,
    known,
    sensitivity_of,
    trend_of,
)
from evaluation.report.names import (
    count_of,
    first_upper,
    method_name,
    period_words,
    sentence,
    slug,
    unit_of,
)
from evaluation.report.views import Answer, EstimateRow, EstimateTable, OutcomeView
from evaluation.study import Outcome
from evaluation.wording import statement

__all__ = [
    "answer_of",
    "apart_tables",
    "counts_of",
    "estimate_table",
    "outcome_view",
    "relevant_checks",
]

_LOWEST_PRINTED_P = 0.001
_PHASES = {"before": "before the start", "after": "after the start"}
_GROUPS = {"pilot": "Pilot sites", "comparison": "Comparison sites", "site": "This site"}


def relevant_checks(released: Released, key: str) -> tuple[Check, ...]:
    """Return the checks that bear on an outcome: its own, and those of the whole study."""
    return tuple(check for check in released.checks if check.outcome in ("", key))


def answer_of(released: Released, outcome: Outcome) -> Answer:
    """Return what can be said of an outcome for all pilot sites together."""
    checks = relevant_checks(released, outcome.key)
    said = statement(released.primary(outcome.key), outcome, checks, wording=released.study.wording)
    return Answer(
        key=outcome.key,
        label=outcome.label,
        kind=said.kind,
        headline=sentence(said.headline),
        # The headline stands above the sentence; a sentence that repeats it starts after it.
        sentence=said.sentence.removeprefix(f"{said.headline}. "),
        caution=said.caution,
    )


# ---------------------------------------------------------------------------- tables


def estimate_table(
    released: Released, outcome: Outcome, *, estimand: str = "overall", group: str = ""
) -> EstimateTable:
    """Return every estimate of one estimand of an outcome, the primary one first."""
    found = sorted(
        (
            e
            for e in released.estimates
            if (e.outcome, e.effect.estimand, e.effect.group) == (outcome.key, estimand, group)
        ),
        key=lambda estimate: not estimate.is_primary,
    )
    unit = unit_of(outcome)
    notes = []
    if any(e.effect.scale == "level" and math.isfinite(e.effect.value) for e in found):
        notes.append(f"A difference is in the outcome's own unit: {unit.difference}.")
    if any(e.effect.scale == "log" for e in found):
        notes.append("A rate ratio of 1 is no change; its standard error is that of its logarithm.")
    caveats = dict.fromkeys(
        sentence(text) for e in found for text in (*e.caveats, *e.interval.caveats)
    )
    return EstimateTable(
        caption=f"{outcome.label}: {group or 'all pilot sites together'}, by each method",
        rows=tuple(_row(estimate, unit.factor) for estimate in found),
        has_ranges=any(e.interval.low is not None for e in found),
        notes=(*notes, *caveats),
    )


def apart_tables(released: Released, outcome: Outcome) -> tuple[EstimateTable, ...]:
    """Return the effects by start and by period, of the estimator of the answer where it has them.

    They are averages over fewer sites or periods than the answer, so most have no range.
    """
    calendar = released.study.calendar
    one = period_words(calendar)[0]
    primary = released.primary(outcome.key)
    tables = []
    for estimand, first, by in (
        ("cohort", "Start", "by when sites started"),
        ("calendar", first_upper(one), f"by {one}"),
    ):
        found = [
            e
            for e in released.estimates
            if (e.outcome, e.effect.estimand) == (outcome.key, estimand)
        ]
        keys = [(e.estimator, e.interval.procedure) for e in found]
        wanted = [key for key in keys if primary is not None and key[0] == primary.estimator]
        chosen = (wanted or keys or [("", "")])[0]
        mine = [e for e, key in zip(found, keys, strict=True) if key == chosen]
        if len(mine) < 2:
            continue
        unit = unit_of(outcome)
        rows = sorted(
            ((calendar.parse(e.effect.group), _row(e, unit.factor)) for e in mine),
            key=lambda pair: pair[0],
        )
        tables.append(
            EstimateTable(
                caption=f"{outcome.label}: {by} ({method_name(*chosen)})",
                rows=tuple(dataclasses.replace(row, method=calendar.label(at)) for at, row in rows),
                has_ranges=any(e.interval.low is not None for e in mine),
                notes=("A figure without a range rests on too few sites for one.",),
                first=first,
            )
        )
    return tuple(tables)


def _row(estimate: Estimate, factor: float) -> EstimateRow:
    effect, interval = estimate.effect, estimate.interval
    scale = 1.0 if effect.scale == "log" else factor
    relative, low, high = (known(value) for value in estimate.relative)
    return EstimateRow(
        outcome=estimate.outcome,
        estimator=estimate.estimator,
        procedure=interval.procedure,
        estimand=effect.estimand,
        group=effect.group,
        method=method_name(estimate.estimator, interval.procedure),
        effect=_effect_words(estimate, factor),
        relative=None if relative is None else cell(relative),
        low=None if low is None else cell(low),
        high=None if high is None else cell(high),
        std_error=None if interval.std_error is None else figures(interval.std_error * scale),
        df=None if interval.df is None else f"{interval.df:.1f}",
        p=None if interval.p is None else _p_words(interval.p),
        is_primary=estimate.is_primary,
    )


def _effect_words(estimate: Estimate, factor: float) -> str:
    value = estimate.effect.value
    if not math.isfinite(value):
        return "no estimate"
    if estimate.effect.scale == "log":
        return f"rate ratio {math.exp(value):.3f}"
    return figures(value * factor)


def _p_words(p: float) -> str:
    return f"under {_LOWEST_PRINTED_P}" if p < _LOWEST_PRINTED_P else f"{p:.3f}"


def counts_of(released: Released, outcome: Outcome, site: str = "") -> FigureTable | None:
    """Return the released counts of an outcome before and after the start; None without any."""
    groups = ("site", "comparison") if site else ("pilot", "comparison")
    own = released.counts.filter(
        pl.col("outcome") == outcome.key,
        pl.col("group").is_in(groups),
        (pl.col("group") != "site") | (pl.col("site") == site),
    )
    if own.is_empty() or (own["count"] == "[z]").all():
        return None
    order = {group: i for i, group in enumerate(groups)}
    rows = sorted(
        own.select("group", "phase", "count", "exposure").iter_rows(),
        key=lambda row: (order[row[0]], row[1] != "before"),
    )
    has_exposure = any(row[3] != "[z]" for row in rows)
    return FigureTable(
        caption=f"{outcome.label}: what was counted",
        headings=(
            "Sites and time",
            "Count",
            f"Out of (all {period_words(released.study.calendar)[1]})",
        )[: 3 if has_exposure else 2],
        rows=tuple(
            (
                f"{_GROUPS[group]}, {_PHASES.get(phase, phase)}",
                *(_grouped(text) for text in ((count, exposure) if has_exposure else (count,))),
            )
            for group, phase, count, exposure in rows
        ),
    )


def _grouped(text: str) -> str:
    """Put commas into a released count; markers stay as they are."""
    return f"{int(text):,}" if text.isdigit() else text


def outcome_view(released: Released, outcome: Outcome) -> OutcomeView:
    """Return everything that the overall page says of one outcome."""
    glance = next((g for g in released.glances if g.outcome == outcome.key), None)
    notes = []
    if glance is not None and glance.hidden:
        hidden = count_of(glance.hidden, "figure is", "figures are")
        notes.append(
            f"{first_upper(hidden)} hidden, marked [c], so that nobody can be recognised from a "
            "small number."
        )
    return OutcomeView(
        key=slug(outcome.key),
        label=outcome.label,
        role=outcome.role,
        answer=answer_of(released, outcome),
        trend=trend_of(released, outcome),
        event_study=event_study_of(released, outcome),
        forest=forest_of(released, outcome),
        sensitivity=sensitivity_of(released, outcome),
        estimates=estimate_table(released, outcome),
        apart=apart_tables(released, outcome),
        counts=counts_of(released, outcome),
        notes=tuple(notes),
    )
