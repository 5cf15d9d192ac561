"""Simultaneous bands: what they are for one effect, for copies and for independent ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit

from evaluation.errors import EstimationError
from evaluation.estimators import callaway_santanna, event_study
from evaluation.findings import Effect, Fit, Interval, Procedure
from evaluation.inference.cluster_robust import covariance, cr1
from evaluation.inference.simultaneous import simultaneous, simultaneous_band
from evaluation.panel import Panel

Draw = Callable[..., Panel]
SITES, PILOTS, DRAWS = 400, 200, 19_999
# Three Monte Carlo errors of a 95% quantile near 2.9 with 19,999 draws.
MONTE_CARLO = 0.06
EQUAL = 1e-10


def fit_with(influence: np.ndarray) -> Fit:
    effects = tuple(
        Effect(estimand="event_time", group=str(j), value=0.5 * j, scale="level")
        for j in range(influence.shape[1])
    )
    return Fit(
        estimator="invented",
        effects=effects,
        influence=influence,
        n_obs=SITES,
        n_units=SITES,
        n_sites=influence.shape[0],
        n_pilot_sites=PILOTS,
    )


def reach(influence: np.ndarray, seed: int = 0) -> float:
    fit = fit_with(influence)
    every = range(len(fit.effects))
    random = np.random.default_rng(seed)
    band = simultaneous_band(fit, every, level=0.95, draws=DRAWS, random=random)
    assert len(set(band.reach)) == 1
    return float(band.reach[0])


def independent(effects: int) -> np.ndarray:
    """Return influence functions of independent effects, evenly over the sites."""
    columns = np.random.default_rng(3).normal(size=(SITES, effects))
    return np.asarray(np.linalg.qr(columns)[0])


def test_one_effect_has_student_s_interval() -> None:
    found = reach(independent(1))
    assert found >= stdtrit(PILOTS - 1, 0.975)
    assert found == pytest.approx(stdtrit(PILOTS - 1, 0.975), abs=MONTE_CARLO)


def test_copies_of_an_effect_ask_for_no_more() -> None:
    one = independent(1)
    copies = one * np.array([[1.0, -3.0, 1e-6]])
    assert reach(copies) == pytest.approx(reach(one), rel=EQUAL)


@pytest.mark.parametrize("effects", [3, 12])
def test_independent_effects_have_sidak_s_value(effects: int) -> None:
    wanted = float(stdtrit(PILOTS - 1, 0.5 + 0.95 ** (1 / effects) / 2))
    assert reach(independent(effects)) == pytest.approx(wanted, abs=MONTE_CARLO)


def test_an_effect_of_fewer_sites_reaches_further() -> None:
    fit = fit_with(independent(3))
    effects = tuple(
        dataclasses.replace(effect, n_pilot_sites=sites)
        for effect, sites in zip(fit.effects, (6, 20, 200), strict=True)
    )
    few = dataclasses.replace(fit, effects=effects)
    settings: Any = {"level": 0.95, "draws": 999}
    one, other = (
        simultaneous_band(each, range(3), random=np.random.default_rng(0), **settings)
        for each in (few, fit)
    )
    assert one.critical == other.critical
    assert one.df.tolist() == [5, 19, 199]
    assert one.reach == pytest.approx(stdtrit(one.df, ndtr(one.critical)))
    assert one.reach[0] > one.reach[1] > one.reach[2] == other.reach[2]
    assert (one.p >= other.p).all()


def test_ends_errors_and_p_values() -> None:
    influence = independent(2) * np.array([[1.0, 2.0]])
    fit = fit_with(influence)
    band = simultaneous_band(fit, (0, 1), level=0.9, draws=999, random=np.random.default_rng(1))
    factor = np.sqrt(SITES / (SITES - 1))
    assert band.std_error == pytest.approx([factor, 2 * factor])
    assert band.high - band.values == pytest.approx(band.reach * band.std_error)
    assert band.values - band.low == pytest.approx(band.reach * band.std_error)
    # Nothing is further out than 0, and the p-value of .5 is that of nearly all draws.
    assert band.p[0] == 1.0
    assert 0.5 < band.p[1] <= 1.0


@pytest.mark.parametrize("seed", range(5))
def test_the_band_leaves_zero_out_just_where_the_p_value_is_small(seed: int) -> None:
    random = np.random.default_rng(seed)
    fit = fit_with(independent(6))
    values = random.normal(0, 2.5, 6)
    effects = tuple(
        dataclasses.replace(effect, value=float(value))
        for effect, value in zip(fit.effects, values, strict=True)
    )
    moved = dataclasses.replace(fit, effects=effects)
    band = simultaneous_band(moved, range(6), level=0.95, draws=999, random=random)
    away = (band.low > 0) | (band.high < 0)
    assert away.tolist() == (band.p <= 0.05).tolist()


def banded(level: float = 0.95) -> Procedure:
    return simultaneous(level=level, draws=999, fewest_pilot_sites=4)


def by_time(panel: Panel, procedure: Procedure) -> dict[int, Interval]:
    """Return the intervals of all event times, each from a stream of its own."""
    estimator = callaway_santanna()
    fit = estimator(panel)
    return {
        int(effect.group): procedure(estimator, panel, fit.focused(j), np.random.default_rng(j))
        for j, effect in enumerate(fit.effects)
        if effect.estimand == "event_time"
    }


def test_all_event_times_share_one_band(draw: Draw) -> None:
    panel = dataclasses.replace(draw(33, shape=(40, 7), starts=(3, 3, 5, 5)), covariates=())
    band = by_time(panel, banded())
    each = by_time(panel, cr1(level=0.95))
    reaches: set[tuple[float, float]] = set()
    for time, interval in band.items():
        own = each[time]
        assert interval.std_error == pytest.approx(own.std_error, rel=EQUAL)
        assert interval.high is not None
        assert own.high is not None
        assert interval.high >= own.high
        assert interval.p is not None
        assert own.p is not None
        assert interval.p >= own.p
        assert interval.low is not None
        assert interval.std_error is not None
        assert interval.df is not None
        width = (interval.high - interval.low) / interval.std_error
        reaches.add((interval.df, round(width, 9)))
        assert f"the ranges of all {len(band)} event times" in interval.caveats[0]
    # Four sites at each start: event times of one start and of both.
    assert [df for df, _ in sorted(reaches)] == [3, 7]
    # Asked again, with another level, it is another band.
    other = by_time(panel, banded(level=0.8))
    assert other[0].low != band[0].low


def test_event_times_of_few_sites_are_no_part_of_it(draw: Draw) -> None:
    panel = dataclasses.replace(draw(34, shape=(40, 7), starts=(3, 5, 5)), covariates=())
    found = by_time(panel, banded())
    held = [time for time, interval in found.items() if interval.low is not None]
    # Two sites start at 3 and four at 5, which are seen for two periods.
    assert held == [-4, -3, -2, -1, 0, 1]
    assert "too few pilot sites" in found[3].caveats[0]
    assert f"all {len(held)} event times" in found[0].caveats[0]


def test_other_effects_have_no_band(draw: Draw) -> None:
    panel = draw(35, shape=(30, 6))
    fit = callaway_santanna()(panel)
    found = banded()(callaway_santanna(), panel, fit, np.random.default_rng(0))
    assert (found.low, found.p) == (None, None)
    assert "for effects by event time, all of them together" in found.caveats[0]


def test_what_has_no_band_is_refused(draw: Draw) -> None:
    fit = fit_with(independent(2))
    ask: Any = simultaneous_band
    settings = {"level": 0.95, "draws": 99, "random": np.random.default_rng(0)}
    with pytest.raises(EstimationError, match="19 draws or more"):
        ask(fit, (0,), **(settings | {"draws": 18}))
    with pytest.raises(EstimationError, match="not identified"):
        ask(fit, (), **settings)
    bare = fit_with(np.zeros((1, 1)))
    with pytest.raises(EstimationError, match="one site only"):
        ask(bare, (0,), **settings)
    with pytest.raises(EstimationError, match="event_study has no influence functions"):
        ask(event_study(draw(36)), (0,), **settings)


def test_the_error_is_that_of_cr1(draw: Draw) -> None:
    panel = dataclasses.replace(draw(37, shape=(40, 7), starts=(3, 3)), covariates=())
    fit = callaway_santanna()(panel)
    every = [j for j, e in enumerate(fit.effects) if e.estimand == "event_time"]
    random = np.random.default_rng(1)
    band = simultaneous_band(fit, every, level=0.95, draws=999, random=random)
    squares = np.diag(covariance(fit, kind="cr1"))[every]
    assert band.std_error**2 == pytest.approx(squares, rel=EQUAL)
