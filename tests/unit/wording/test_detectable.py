"""The change that could reliably be seen, against the power that it claims."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from evaluation.findings import Effect, Estimate, Interval, Scale
from evaluation.wording import detectable

# 80% within what the neglected wrong tail and the approximation by a shifted t leave.
_POWER = 0.8
_NEAR = 0.02
# Quantiles of two libraries agree to this.
_LIBRARIES = 1e-9


def _estimate(
    half: float, df: float | None, scale: Scale = "level", observed: float | None = 100.0
) -> Estimate:
    return Estimate(
        outcome="falls",
        estimator="twfe",
        effect=Effect(estimand="overall", value=0.0, scale=scale, observed=observed),
        interval=Interval(procedure="cr2", level=0.95, low=-half, high=half, df=df),
        n_obs=100,
        n_units=10,
        n_sites=10,
        n_pilot_sites=3,
    )


def test_with_many_sites_it_is_the_textbook_2_8_standard_errors() -> None:
    # Bloom (1995): 2.80 standard errors at 5% two-sided and 80% power, large samples.
    found = detectable(_estimate(half=float(stats.norm.ppf(0.975)), df=None))
    assert found == pytest.approx(2.80, abs=0.005)


@pytest.mark.parametrize("df", [3.0, 5.0, 20.0, 200.0])
def test_with_few_sites_it_is_the_sum_of_two_quantiles_of_t(df: float) -> None:
    critical = float(stats.t.ppf(0.975, df))
    found = detectable(_estimate(half=critical, df=df))
    assert found == pytest.approx(critical + float(stats.t.ppf(0.8, df)), rel=_LIBRARIES)


@pytest.mark.parametrize("df", [3.0, 5.0, 20.0, 200.0])
def test_an_effect_of_that_size_is_seen_in_four_studies_of_five(df: float) -> None:
    critical = float(stats.t.ppf(0.975, df))
    found = detectable(_estimate(half=critical, df=df))
    assert found is not None
    seen = 1 - float(stats.nct.cdf(critical, df, found))
    assert seen == pytest.approx(_POWER, abs=_NEAR)


def test_on_the_log_scale_it_is_the_rise_which_is_the_larger_direction() -> None:
    level = detectable(_estimate(half=0.1, df=5.0))
    log = detectable(_estimate(half=0.1, df=5.0, scale="log", observed=None))
    assert level is not None
    assert log is not None
    assert log == pytest.approx(100 * math.expm1(level), rel=_LIBRARIES)


@pytest.mark.parametrize(
    "estimate",
    [
        _estimate(half=math.inf, df=5.0),
        _estimate(half=-1.0, df=5.0),
        _estimate(half=1.0, df=5.0, observed=None),
        _estimate(half=1.0, df=5.0, observed=0.0),
    ],
)
def test_it_is_unknown_without_a_finite_interval_or_a_level(estimate: Estimate) -> None:
    assert detectable(estimate) is None
