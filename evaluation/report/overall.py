"""The page of all pilot sites together, and the first page."""

from __future__ import annotations

import dataclasses

from evaluation.disclosure import Released
from evaluation.figures import Figure
from evaluation.report.about import (
    about_sections,
    cost_sections,
    event_facts,
    glance_facts,
    sites_of,
)
from evaluation.report.annex import (
    check_views,
    commands,
    failed_in_words,
    ledger_table,
    method_sections,
    quiet_checks,
    sources_table,
)
from evaluation.report.charts import map_of, timeline_of
from evaluation.report.conditions import condition_facts
from evaluation.report.csv_tables import csv_titles
from evaluation.report.frame import frame_of
from evaluation.report.names import slugs
from evaluation.report.outcomes import answer_of, estimate_table, outcome_view
from evaluation.report.sureness import doubts, reasons, rests_on
from evaluation.report.views import IndexPage, Link, OverallPage
from evaluation.study import Outcome

__all__ = ["index_page", "main_outcomes", "overall_page"]

_CONTENTS = (
    ("answer", "The answer"),
    ("sure", "How sure, and why"),
    ("glance", "At a glance"),
    ("outcomes", "Each outcome"),
    ("doubts", "What would change our mind"),
    ("process", "Process and cost"),
    ("about", "About this evaluation"),
    ("annex", "Annex: data, methods, checks, rerun"),
)


def main_outcomes(released: Released) -> tuple[Outcome, ...]:
    """Return the primary outcomes; all of them where the study names none."""
    primary = tuple(o for o in released.study.outcomes if o.role == "primary")
    return primary or released.study.outcomes


def overall_page(released: Released) -> OverallPage:
    """Return everything that the page of all pilot sites prints."""
    study = released.study
    main = main_outcomes(released)
    process = tuple(o for o in study.outcomes if o.role == "process" and o not in main)
    others = tuple(o for o in study.outcomes if o not in process)
    costs = cost_sections(released)
    present = {"process": bool(process or costs)}
    return OverallPage(
        frame=frame_of(
            released,
            f"{study.title}: all pilot sites together",
            (Link(address="index.html", words="Start page"),),
        ),
        contents=tuple(
            Link(address=f"#{key}", words=words)
            for key, words in _CONTENTS
            if present.get(key, True)
        ),
        answers=tuple(answer_of(released, outcome) for outcome in main),
        sureness=(
            *rests_on(released, main),
            f"A likely range is a {100 * study.analysis.level:g}% confidence interval. It is "
            "counted by site, not by area or patient.",
        ),
        reasons=reasons(released, main),
        failed=failed_in_words(released),
        glance=glance_facts(released),
        outcomes=tuple(outcome_view(released, outcome) for outcome in others),
        process=tuple(outcome_view(released, outcome) for outcome in process),
        doubts=doubts(released),
        costs=costs,
        about=about_sections(released),
        who=tuple(figure for figure in (map_of(released), timeline_of(released)) if figure),
        conditions=condition_facts(released, main),
        sources=sources_table(released),
        ledger=ledger_table(released),
        methods=method_sections(released),
        figures=tuple(
            dataclasses.replace(table, notes=())
            for table in (estimate_table(released, outcome) for outcome in study.outcomes)
            if table.rows
        ),
        checks=check_views(released),
        quiet_checks=quiet_checks(released),
        events=event_facts(released),
        commands=commands(released),
        study_text=released.manifest.study_text,
    )


def index_page(released: Released, charts: tuple[Figure, ...]) -> IndexPage:
    """Return the first page; ``charts`` are those written as files."""
    study = released.study
    stems = slugs(sites_of(released))
    return IndexPage(
        frame=frame_of(released, f"{study.title}: evaluation"),
        answers=tuple(answer_of(released, outcome) for outcome in main_outcomes(released)),
        overall=Link(
            address="overall.html",
            words="All pilot sites together",
            note="The answer for each outcome, how sure, what could change it, and the annex",
        ),
        sites=tuple(Link(address=f"sites/{stem}.html", words=name) for name, stem in stems.items()),
        workbook=Link(address="tables.xlsx", words="All tables as a workbook (Excel)"),
        tables=tuple(Link(address=name, words=words) for name, words in csv_titles().items()),
        charts=tuple(
            Link(address=f"figures/{chart.key}.svg", words=chart.subtitle) for chart in charts
        ),
    )
