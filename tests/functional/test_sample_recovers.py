"""The tool finds what the sample's generator put in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypedDict, cast

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation import pipeline
from evaluation.estimators import poisson, twfe
from evaluation.findings import Fit
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
# Least squares and Poisson weigh sites and months a little otherwise than the average on the
# treated does, and effects differ by site and grow over three months (prescribers: 1.7%).
OTHER_WEIGHTS = 0.02


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


def test_without_its_exclusion_the_break_in_dorset_is_found() -> None:
    study = load_study(SAMPLE / "study.toml").model_copy(update={"exclude": ()})
    delayed = study.outcome("delayed_discharges")
    reading = pipeline.examine(study.model_copy(update={"outcomes": (delayed,)}))
    breaks = next(check for check in reading.checks if check.name == "reporting_break")
    assert breaks.passed is False
    assert breaks.table["unit"].unique().to_list() == ["QVV"]


def as_panel(one: Simulated, plan: Design, seen: NDArray[np.float64]) -> Panel:
    """Return ``seen`` (outcomes for each unit of exposure) as a panel of the sample's design."""
    calendar = Calendar(frequency="month")
    months = [calendar.parse(month) for month in plan.months]
    columns = {
        "unit": np.repeat(plan.units, len(months)),
        "period": np.tile(months, len(plan.units)),
        "outcome": (one.per * seen).ravel(),
        "weight": one.exposure.ravel(),
        "count": (one.exposure * seen).ravel(),
        "exposure": one.exposure.ravel(),
    }
    paired = list(zip(plan.units, plan.site, plan.since, strict=True))
    sites = {unit: plan.names[s] if s >= 0 else unit for unit, s, _ in paired}
    starts = {unit: months[int(np.argmax(since >= 0))] for unit, s, since in paired if s >= 0}
    return Panel(
        rows=pl.DataFrame(columns),
        adoption=Adoption(site=sites, first_treated=starts),
        calendar=calendar,
        key=one.key,
        measure=one.measure,
        per=one.per,
    )


def observed(one: Simulated) -> NDArray[np.float64]:
    return one.observed if one.measure == "mean" else one.observed / one.exposure


PAIRS = pytest.mark.parametrize(
    ("key", "estimator"),
    [
        pytest.param(key, estimator, id=f"{key}-{estimator.__name__}")
        for key, estimator in (
            ("avoidable_admissions", poisson),
            ("avoidable_admissions", twfe),
            ("delayed_discharges", twfe),
            ("los_after_ready", twfe),
            ("gp_appointments", poisson),
            ("prescribers", poisson),
            ("prescribers", twfe),
        )
    ],
)


@PAIRS
def test_what_is_written_as_true_is_what_the_estimators_estimate(
    key: str, estimator: Callable[[Panel], Fit]
) -> None:
    plan = design()
    one = simulate(plan)[key]
    with_pilot = estimator(as_panel(one, plan, one.expected)).effect
    without = estimator(as_panel(one, plan, one.untreated)).effect
    truth = stored_truth(key)
    true = truth["log_rate_ratio" if with_pilot.scale == "log" else "level"]
    assert with_pilot.value - without.value == pytest.approx(true, rel=OTHER_WEIGHTS)


@pytest.fixture(scope="module")
def samples() -> list[dict[str, Simulated]]:
    """Return the outcomes of other seeds."""
    return [simulate(design(), seed=seed) for seed in SEEDS]


@pytest.mark.slow
@PAIRS
def test_over_40_seeds_the_mean_estimate_is_the_truth(
    samples: list[dict[str, Simulated]], key: str, estimator: Callable[[Panel], Fit]
) -> None:
    plan = design()
    errors = []
    for drawn in samples:
        one = drawn[key]
        effect = estimator(as_panel(one, plan, observed(one))).effect
        relative = effect.relative(effect.value)
        assert relative is not None
        errors.append(relative - cast("Truth", true_effects(one, plan)["overall"])["per_cent"])
    monte_carlo = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert abs(np.mean(errors)) < MONTE_CARLO_ERRORS * monte_carlo
