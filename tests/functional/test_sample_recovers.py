"""The tool finds what the sample's generator put in."""

from __future__ import annotations

import json
from typing import TypedDict, cast

import numpy as np
import polars as pl
import pytest

from evaluation import pipeline
from evaluation.estimators import poisson, twfe
from evaluation.findings import Estimator
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar
from evaluation.resources import resource_folder
from evaluation.results import Result
from evaluation.study import load_study
from sample_generator import KEYS, Design, Simulated, design, simulate, true_effects

SAMPLE = resource_folder("sample_data")
# Seeds 1 to 40, never the shipped one.
SEEDS = range(1, 41)
# Of 7 mean errors one beyond 3 Monte Carlo standard errors comes about once in 50 generators.
MONTE_CARLO_ERRORS = 3.0


class Truth(TypedDict):
    """One entry of ``true_effects.json``."""

    log_rate_ratio: float
    per_cent: float
    level: float
    counterfactual: float


@pytest.fixture(scope="module")
def result() -> Result:
    """Return a run of the shipped sample."""
    return pipeline.run(load_study(SAMPLE / "study.toml"))


def stored_truth(key: str) -> Truth:
    text = (SAMPLE / "true_effects.json").read_text(encoding="utf-8")
    return cast("Truth", json.loads(text)["outcomes"][key]["overall"])


@pytest.mark.parametrize("key", KEYS)
def test_the_primary_interval_holds_the_true_overall_effect(result: Result, key: str) -> None:
    estimate = result.primary(key)
    assert estimate is not None
    low, high = estimate.interval.low, estimate.interval.high
    assert low is not None
    assert high is not None
    truth = stored_truth(key)
    value = truth["log_rate_ratio" if estimate.effect.scale == "log" else "level"]
    assert low < value < high


def test_the_sample_tells_a_benefit_from_too_early_to_tell(result: Result) -> None:
    avoidable = result.primary("avoidable_admissions")
    delayed = result.primary("delayed_discharges")
    prescribers = result.primary("prescribers")
    assert avoidable is not None
    assert delayed is not None
    assert prescribers is not None
    assert avoidable.interval.high is not None
    assert avoidable.interval.high < 0
    assert delayed.interval.low is not None
    assert delayed.interval.high is not None
    assert delayed.interval.low < 0 < delayed.interval.high
    assert prescribers.interval.low is not None
    assert prescribers.interval.low > 0


def test_no_check_blocks_the_sample(result: Result) -> None:
    assert not [check for check in result.checks if check.blocking and check.passed is False]


def as_panel(one: Simulated, plan: Design) -> Panel:
    shape = one.exposure.shape
    calendar = Calendar(frequency="month")
    months = [calendar.parse(month) for month in plan.months]
    is_count = one.measure in ("rate", "count", "share")
    outcome = one.per * one.observed / one.exposure if is_count else one.observed
    columns = {
        "unit": np.repeat(plan.units, shape[1]),
        "period": np.tile(months, shape[0]),
        "outcome": outcome.ravel(),
        "weight": one.exposure.ravel(),
        "count": one.observed.ravel(),
        "exposure": one.exposure.ravel(),
    }
    sites = {
        unit: plan.names[s] if s >= 0 else unit
        for unit, s in zip(plan.units, plan.site, strict=True)
    }
    starts = {
        unit: months[int(np.argmax(since >= 0))]
        for unit, since in zip(plan.units, plan.since, strict=True)
        if (since >= 0).any()
    }
    return Panel(
        rows=pl.DataFrame(columns),
        adoption=Adoption(site=sites, first_treated=starts),
        calendar=calendar,
        key=one.key,
        measure=one.measure,
        per=one.per,
    )


def errors(key: str, estimator: Estimator, plan: Design) -> list[float]:
    """Return estimate minus truth, in per cent of the counterfactual, seed by seed."""
    found = []
    for seed in SEEDS:
        one = simulate(plan, seed=seed)[key]
        effect = estimator(as_panel(one, plan)).effect
        relative = effect.relative(effect.value)
        assert relative is not None
        truth = cast("Truth", true_effects(one, plan)["overall"])
        found.append(relative - truth["per_cent"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "estimator"),
    [
        ("avoidable_admissions", poisson),
        ("avoidable_admissions", twfe),
        ("delayed_discharges", twfe),
        ("los_after_ready", twfe),
        ("gp_appointments", poisson),
        ("prescribers", poisson),
        ("prescribers", twfe),
    ],
    ids=lambda value: value if isinstance(value, str) else "by",
)
def test_over_40_seeds_the_mean_estimate_is_the_truth(key: str, estimator: Estimator) -> None:
    found = np.array(errors(key, estimator, design()))
    monte_carlo = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean()) < MONTE_CARLO_ERRORS * monte_carlo
