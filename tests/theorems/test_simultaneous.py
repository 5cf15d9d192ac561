"""Simultaneous bands: what they are for one effect, for copies and for independent ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from scipy.special import ndtri, stdtrit

from evaluation.errors import EstimationError
from evaluation.estimators import event_study
from evaluation.findings import Effect, Fit
from evaluation.inference.cluster_robust import covariance
from evaluation.inference.simultaneous import Multipliers, simultaneous_band, site_influence
from evaluation.panel import Panel

Draw = Callable[..., Panel]
SITES, DRAWS = 400, 19_999
# Three Monte Carlo errors of a 95% quantile near 2.9 with 19,999 draws.
MONTE_CARLO = 0.06
EQUAL = 1e-10
KINDS = pytest.mark.parametrize("multipliers", get_args(Multipliers))


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
        n_pilot_sites=SITES // 2,
    )


def critical(influence: np.ndarray, multipliers: Multipliers, seed: int = 0) -> float:
    fit = fit_with(influence)
    return simultaneous_band(
        fit,
        range(len(fit.effects)),
        level=0.95,
        draws=DRAWS,
        random=np.random.default_rng(seed),
        multipliers=multipliers,
    ).critical


def independent(effects: int) -> np.ndarray:
    """Return influence functions of independent effects, evenly over the sites."""
    columns = np.random.default_rng(3).normal(size=(SITES, effects))
    return np.asarray(np.linalg.qr(columns)[0])


@KINDS
def test_one_effect_has_student_s_interval(multipliers: Multipliers) -> None:
    found = critical(independent(1), multipliers)
    assert found >= stdtrit(SITES - 1, 0.975)
    assert found == pytest.approx(stdtrit(SITES - 1, 0.975), abs=MONTE_CARLO)


@KINDS
def test_copies_of_an_effect_ask_for_no_more(multipliers: Multipliers) -> None:
    one = independent(1)
    copies = one * np.array([[1.0, -3.0, 1e-6]])
    assert critical(copies, multipliers) == pytest.approx(critical(one, multipliers), rel=EQUAL)


@KINDS
@pytest.mark.parametrize("effects", [3, 12])
def test_independent_effects_have_sidak_s_value(multipliers: Multipliers, effects: int) -> None:
    wanted = float(ndtri(0.5 + 0.95 ** (1 / effects) / 2))
    assert critical(independent(effects), multipliers) == pytest.approx(wanted, abs=MONTE_CARLO)


def test_ends_and_errors() -> None:
    influence = independent(2) * np.array([[1.0, 2.0]])
    fit = fit_with(influence)
    band = simultaneous_band(
        fit, (1,), level=0.9, draws=999, random=np.random.default_rng(1), multipliers="rademacher"
    )
    assert band.std_error[0] == pytest.approx(2 * np.sqrt(SITES / (SITES - 1)))
    assert band.high[0] - 0.5 == pytest.approx(band.critical * band.std_error[0])
    assert 0.5 - band.low[0] == pytest.approx(band.critical * band.std_error[0])


def test_regressions_have_bands_too(draw: Draw) -> None:
    panel = draw(31, shape=(20, 7), starts=(3, 4))
    fit = event_study(panel)
    influence = site_influence(fit)
    assert fit.linear is not None
    assert influence.T @ influence == pytest.approx(covariance(fit.linear, kind="cr0"), abs=EQUAL)
    band = simultaneous_band(
        fit,
        range(len(fit.effects)),
        level=0.95,
        draws=999,
        random=np.random.default_rng(1),
    )
    assert band.std_error**2 == pytest.approx(np.diag(covariance(fit.linear, kind="cr1")), rel=1e-8)


def test_what_has_no_band_is_refused() -> None:
    fit = fit_with(independent(2))
    ask: Any = simultaneous_band
    settings = {"level": 0.95, "draws": 99, "random": np.random.default_rng(0)}
    with pytest.raises(EstimationError, match="19 draws or more"):
        ask(fit, (0,), **(settings | {"draws": 18}))
    with pytest.raises(EstimationError, match="not identified"):
        ask(fit, (), **settings)
    with pytest.raises(EstimationError, match="Allowed: 'mammen', 'rademacher'"):
        ask(fit, (0,), multipliers="webb", **settings)
    bare = fit_with(np.zeros((1, 1)))
    with pytest.raises(EstimationError, match="one site only"):
        ask(bare, (0,), **settings)
