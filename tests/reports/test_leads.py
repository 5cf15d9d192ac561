"""Which event study is charted and spoken of, where several estimators have one."""

from __future__ import annotations

import dataclasses

import pytest

from evaluation.disclosure import Released, release
from evaluation.findings import Estimate
from evaluation.report.leads import charted
from evaluation.report.outcomes import outcome_view
from evaluation.results import Result

KEY = "avoidable_admissions"


def released_with(result: Result, estimator: str, *, leads: bool = True, first: bool) -> Released:
    """Return the run with the event study of another estimator before or behind its own."""
    mine = [e for e in result.event_study if e.outcome == KEY]
    others: list[Estimate] = [
        dataclasses.replace(e, estimator=estimator)
        for e in mine
        if leads or int(e.effect.group) >= 0
    ]
    both = (*others, *mine) if first else (*mine, *others)
    return release(dataclasses.replace(result, event_study=both))


@pytest.mark.parametrize("first", [True, False])
def test_effects_after_the_start_alone_do_not_hide_leads_and_lags(
    example_result: Result, first: bool
) -> None:
    released = released_with(example_result, "poisson", leads=False, first=first)
    found = charted(released, released.study.outcome(KEY))
    assert {e.estimator for e in found} == {"event_study"}
    assert len(found) == sum(e.outcome == KEY for e in example_result.event_study)


def test_leads_that_were_chosen_small_do_not_hide_those_that_test(example_result: Result) -> None:
    released = released_with(example_result, "synthetic_did", first=True)
    assert charted(released, released.study.outcome(KEY))[0].estimator == "event_study"


def test_a_chart_says_what_its_estimates_are_held_to(example_result: Result) -> None:
    mine = tuple(
        dataclasses.replace(e, estimator="callaway_santanna")
        for e in example_result.event_study
        if e.outcome == KEY
    )
    released = release(dataclasses.replace(example_result, event_study=mine))
    figure = outcome_view(released, released.study.outcome(KEY)).event_study
    assert figure is not None
    assert "each to the period before itself" in figure.notes[0]
    assert "square" not in figure.notes[0]


def test_without_event_times_there_is_nothing_to_chart(example_result: Result) -> None:
    released = release(dataclasses.replace(example_result, event_study=()))
    assert charted(released, released.study.outcome(KEY)) == ()
