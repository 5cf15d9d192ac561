"""Estimators that disagree are shown disagreeing."""

from __future__ import annotations

import math

from evaluation.checks import agreement
from evaluation.findings import Effect, Estimand, Estimate, Interval

_COMPARES = {"poisson": "compares all periods", "callaway_santanna": "compares with one period"}


def _estimate(
    estimator: str,
    per_cent: float,
    reach: float | None = 5.0,
    *,
    estimand: Estimand = "overall",
    is_primary: bool = False,
) -> Estimate:
    """Return an estimate of ``per_cent`` with an interval ``reach`` points to either side."""
    log = [math.log1p((per_cent + step) / 100) for step in (-(reach or 0), 0, reach or 0)]
    low, high = (None, None) if reach is None else (log[0], log[2])
    return Estimate(
        outcome="y",
        estimator=estimator,
        effect=Effect(estimand=estimand, value=log[1], scale="log"),
        interval=Interval(procedure="cr2", level=0.95, low=low, high=high),
        n_obs=9,
        n_units=9,
        n_sites=9,
        n_pilot_sites=4,
        is_primary=is_primary,
    )


def test_estimates_within_their_intervals_agree() -> None:
    found = agreement("y", [_estimate("poisson", -8), _estimate("imputation", -3)], _COMPARES)
    assert found is not None
    assert found.passed is True
    assert found.detail.startswith("2 ways of estimating lie 5.0 percentage points apart")
    assert (
        found.table["problem"][0]
        == "poisson: \N{MINUS SIGN}8.0%, likely between \N{MINUS SIGN}13.0% and \N{MINUS SIGN}3.0%"
    )
    assert found.table["effect_on_estimate"].to_list() == ["It compares all periods.", ""]


def test_a_spread_wider_than_the_widest_interval_fails() -> None:
    estimates = [_estimate("poisson", -8, 1), _estimate("callaway_santanna", 3, 5.4)]
    found = agreement("y", estimates, _COMPARES)
    assert found is not None
    assert found.passed is False
    assert "more than the 10.8 points" in found.detail
    assert found.remedy


def test_each_estimator_speaks_once_by_its_primary_or_its_first_interval() -> None:
    estimates = [
        _estimate("poisson", -8, None),
        _estimate("poisson", -7, 2),
        _estimate("poisson", -6, 3),
        _estimate("poisson", -5, 4, is_primary=True),
        _estimate("twfe", -4, None),
        _estimate("twfe", -3, 2),
        _estimate("twfe", 40, 2, estimand="site"),
    ]
    found = agreement("y", estimates, {})
    assert found is not None
    assert [text.split(",")[0] for text in found.table["problem"]] == [
        "poisson: \N{MINUS SIGN}5.0%",
        "twfe: \N{MINUS SIGN}3.0%",
    ]


def test_one_estimator_has_nothing_to_agree_with() -> None:
    assert agreement("y", [_estimate("poisson", -8), _estimate("poisson", -7)], {}) is None
    assert agreement("other", [_estimate("poisson", -8), _estimate("twfe", -7)], {}) is None


def test_without_any_interval_it_is_information() -> None:
    found = agreement("y", [_estimate("a", -8, None), _estimate("b", 8, None)], {})
    assert found is not None
    assert found.passed is None
