"""The short ways of the simulations are the package's own estimators and procedures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evaluation.estimators import poisson, twfe
from evaluation.findings import Fit, Procedure
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.inference.ferman_pinto import ferman_pinto
from evaluation.inference.jackknife import cr3
from evaluation.inference.randomisation import randomisation
from evaluation.inference.randomisation_gls import randomisation_gls
from evaluation.inference.wild_bootstrap import wild
from evaluation.panel import Panel
from evaluation.simulation import PILOT, PROCESSES, Drawn, Shape, draw, named_stream
from known_truth.analysts import OneSite, Sandwiches, Together, sandwich_p, shifted
from known_truth.kernels import equations, reduced, whole_equations

SEED = 461000
DRAWS = 499
LEVEL = 0.95
KEYS = ("AR .5", "heteroskedastic", "negative binomial", "all together", "share")
# Two routes to one maximum or one least-squares solution; Poisson stops at 1e-9 of a coefficient.
SAME = 1e-7
ONE = PILOT.one_site()


def drawn_of(key: str, *, effect: float = 0.0) -> Drawn:
    return draw(PROCESSES[key], PILOT, named_stream(SEED, key), effect=effect)


def fitted(drawn: Drawn) -> tuple[Panel, Fit]:
    panel = drawn.panel()
    return panel, (poisson if drawn.measure == "rate" else twfe)(panel)


def p_of(procedure: Procedure, drawn: Drawn, seed: str) -> float:
    panel, fit = fitted(drawn)
    estimator = poisson if drawn.measure == "rate" else twfe
    p = procedure(estimator, panel, fit, named_stream(SEED, seed)).p
    assert p is not None
    return p


@pytest.mark.parametrize("key", KEYS)
def test_the_equations_are_the_estimators(key: str) -> None:
    drawn = drawn_of(key, effect=0.05)
    panel, fit = fitted(drawn)
    assert fit.linear is not None
    short = equations(drawn)
    size = 1.0 if drawn.measure == "rate" else drawn.level
    assert short.coef[0] / size == pytest.approx(fit.effect.value / size, abs=SAME)
    if drawn.measure != "rate":
        assert reduced(drawn).coefficient / size == pytest.approx(fit.effect.value / size, abs=SAME)
    for name, long in (
        ("cr1", cr1(level=LEVEL)),
        ("cr2", cr2(level=LEVEL)),
        ("cr3", cr3(level=LEVEL)),
    ):
        assert sandwich_p(name, short, panel) == pytest.approx(p_of(long, drawn, name), rel=1e-4)


@pytest.mark.parametrize("key", KEYS)
def test_the_short_ways_give_the_p_values_of_the_procedures(key: str) -> None:
    drawn = drawn_of(key, effect=0.05)
    found = Together(draws=DRAWS)(drawn, named_stream(SEED, "analyst"))
    assert found["wild"].p == p_of(wild(level=LEVEL, draws=DRAWS), drawn, "analyst")
    # The analyst's stream has been used by then.
    stream = named_stream(SEED, "analyst")
    wild_alone = Together(draws=DRAWS)
    wild_alone(drawn, stream)
    panel, fit = fitted(drawn)
    estimator = poisson if drawn.measure == "rate" else twfe
    beside = named_stream(SEED, "analyst")
    wild(level=LEVEL, draws=DRAWS)(estimator, panel, fit, beside)
    p = randomisation(level=LEVEL, draws=DRAWS)(estimator, panel, fit, beside).p
    assert found["randomisation"].p == pytest.approx(p, abs=1e-12)
    # The two by reassignment share their draws.
    shared = named_stream(SEED, "analyst")
    wild(level=LEVEL, draws=DRAWS)(estimator, panel, fit, shared)
    p = randomisation_gls(level=LEVEL, draws=DRAWS)(estimator, panel, fit, shared).p
    assert found["randomisation_gls"].p == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_the_truth_is_covered_as_the_interval_says(key: str) -> None:
    for repetition in range(4):
        drawn = draw(PROCESSES[key], PILOT, named_stream(SEED, key, str(repetition)), effect=0.1)
        found = Together(draws=DRAWS)(drawn, named_stream(SEED, str(repetition)))["wild"]
        panel, fit = fitted(drawn)
        estimator = poisson if drawn.measure == "rate" else twfe
        interval = wild(level=LEVEL, draws=DRAWS)(
            estimator, panel, fit, named_stream(SEED, str(repetition))
        )
        assert interval.low is not None
        assert interval.high is not None
        assert (found.p_truth > 1 - LEVEL) == (interval.low <= drawn.truth <= interval.high)


@pytest.mark.parametrize("key", ["negative binomial", "AR .5"])
def test_one_site_alone_is_judged_as_by_the_procedures(key: str) -> None:
    drawn = draw(PROCESSES[key], ONE, named_stream(SEED, key), effect=0.1)
    found = OneSite(draws=DRAWS)(drawn, named_stream(SEED, "one"))
    assert found["randomisation"].p == pytest.approx(
        p_of(randomisation(level=LEVEL, draws=DRAWS), drawn, "one"), abs=1e-12
    )
    # One site's reassignments are few and need no draws: Ferman and Pinto's come first.
    assert found["ferman_pinto"].p == pytest.approx(
        p_of(ferman_pinto(level=LEVEL, draws=DRAWS), drawn, "one"), abs=1e-12
    )
    assert found["cr1"].p == pytest.approx(p_of(cr1(level=LEVEL), drawn, "one"), rel=1e-4)


@pytest.mark.parametrize("effect", [0.05, 0.10])
@pytest.mark.parametrize("key", ["AR .5", "heterogeneous effects"])
def test_an_effect_moved_in_is_an_effect_drawn(key: str, effect: float) -> None:
    without, drawn = (
        draw(PROCESSES[key], PILOT, named_stream(SEED, key), effect=e, sites="like these")
        for e in (0.0, effect)
    )
    moved = Sandwiches(draws=DRAWS)(without, named_stream(SEED, "analyst"))
    found = Sandwiches(draws=DRAWS)(drawn, named_stream(SEED, "analyst"))
    for name in ("wild", "randomisation"):
        assert moved[shifted(name, effect)].p == pytest.approx(found[name].p, abs=1e-12)
        assert moved[name].p == pytest.approx(found[name].p_truth, abs=1e-12)


def test_icbs_as_clusters_are_units() -> None:
    linear = equations(drawn_of("AR .5"))
    by_unit = dataclasses.replace(linear, cluster=linear.unit)
    assert (linear.n_clusters, by_unit.n_clusters) == (39, 42)
    assert np.unique(linear.cluster[np.isin(linear.unit, (1, 2, 3))]).size == 1


@pytest.mark.parametrize("shape", [PILOT, ONE])
@pytest.mark.parametrize("key", ["AR .5", "heteroskedastic", "share"])
def test_shortened_in_time_every_figure_by_site_is_the_same(key: str, shape: Shape) -> None:
    drawn = draw(PROCESSES[key], shape, named_stream(SEED, key))
    panel = drawn.panel()
    whole, short = whole_equations(drawn), equations(drawn)
    assert short.residual.size == 42 * 5 if shape == PILOT else 34 * 2
    assert short.coef[0] == pytest.approx(whole.coef[0], rel=1e-8)
    for name in ("cr1", "cr2", "cr3") if shape == PILOT else ("cr1",):
        exact = sandwich_p(name, whole, panel)
        assert sandwich_p(name, short, panel) == pytest.approx(exact, rel=1e-8)
