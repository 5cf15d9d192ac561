"""The wild bootstrap's algebra against samples made and refitted one by one, and what must hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import product

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator, Interval, LinearFit
from evaluation.inference.cluster_robust import cr1
from evaluation.inference.moments import moments, turned
from evaluation.inference.wild_bootstrap import draw_signs, wild, wild_p_value, wild_test
from evaluation.inference.wild_scores import Scores, linear_flips, poisson_flips
from evaluation.panel import Panel

FloatArray = NDArray[np.float64]
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]

# Squared statistics, relative: dense least squares with dummies loses some digits.
SAME = 1e-7
# Means of a Poisson fit, relative.
MEANS = 1e-8
KINDS: tuple[Scores, ...] = ("jackknifed", "plain")
SHAPES: list[dict[str, object]] = [
    {"shape": (10, 6)},
    {"shape": (18, 5), "per_site": 2, "starts": (2, 3), "missing": 0.15},
    {"shape": (21, 6), "per_site": 3, "starts": (3,)},
]


class Dense:
    """A panel as a regression with every dummy: the slow and obvious form of everything."""

    def __init__(self, panel: Panel, focal: FloatArray, weights: FloatArray) -> None:
        unit, period = panel.unit_codes, panel.period_codes
        parts = [
            focal,
            *(panel.values(name) for name in panel.covariates),
            unit[:, None] == np.arange(unit.max() + 1),
            period[:, None] == np.arange(1, period.max() + 1),
        ]
        self.columns = np.column_stack(parts).astype(float)
        self.root = np.sqrt(weights)[:, None]
        self.site = panel.site_codes
        self.sites = int(self.site.max()) + 1

    def fit(self, columns: FloatArray, outcome: FloatArray, rows: FloatArray) -> FloatArray:
        kept = rows.astype(bool)
        left = (columns * self.root)[kept]
        return np.asarray(np.linalg.lstsq(left, (outcome * self.root[:, 0])[kept], rcond=1e-11)[0])

    def squared_t(self, outcome: FloatArray, at: int, tested: float) -> float:
        """Return t^2 by CR1, its factor left out, of the coefficient ``at``."""
        weighted = self.columns * self.root
        bread = np.linalg.pinv(weighted.T @ weighted, rcond=1e-12)
        coef = bread @ (weighted.T @ (outcome * self.root[:, 0]))
        parts = (self.columns @ bread[at]) * self.root[:, 0] ** 2
        scores = np.bincount(self.site, parts * (outcome - self.columns @ coef))
        return float((coef[at] - tested) ** 2 / (scores @ scores))

    def samples(
        self, outcome: FloatArray, at: int, tested: float, kind: Scores, signs: FloatArray
    ) -> list[float]:
        """Return t^2 of each sample made by flipping sites, refitted from scratch."""
        others = np.delete(self.columns, at, axis=1)
        net = outcome - tested * self.columns[:, at]
        fitted = others @ self.fit(others, net, np.ones(net.size))
        residual = net - fitted
        if kind == "jackknifed":
            for site in range(self.sites):
                own = self.site == site
                residual[own] = (net - others @ self.fit(others, net, ~own))[own]
        base = tested * self.columns[:, at] + fitted
        return [self.squared_t(base + sign[self.site] * residual, at, tested) for sign in signs]


def squares(linear: LinearFit, focal: int, tested: float, kind: Scores) -> tuple[float, FloatArray]:
    """Return t^2 of the sample, and what gives that of a sign vector: moves and residuals."""
    cut = moments(linear)
    null = turned(cut, focal)
    distance = (float(linear.contrasts[focal] @ linear.coef) - tested) / null.scale
    if linear.family == "poisson":
        found = poisson_flips(cut, null, distance, kind)
        assert found is not None
        own = found.contrast**2 / found.square
        return own, np.vstack([found.moves[:, 0], found.residuals[0]])
    both = linear_flips(null, kind)
    moves = both.moves @ [1.0, distance]
    return distance**2 / both.square, np.vstack(
        [moves, both.residuals[0] + distance * both.residuals[1]]
    )


def flipped(algebra: FloatArray, signs: FloatArray) -> list[float]:
    met = signs @ algebra.T
    return list(met[:, 0] ** 2 / (met[:, 1:] ** 2).sum(axis=1))


def some_signs(sites: int) -> FloatArray:
    return np.random.default_rng(20260401).choice([-1.0, 1.0], size=(12, sites))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", SHAPES)
def test_least_squares_is_samples_refitted(
    draw: Draw, kind: Scores, options: dict[str, object]
) -> None:
    panel = draw(1, **options)
    linear = twfe(panel).linear
    assert linear is not None
    dense = Dense(panel, panel.treatment[:, None], panel.values("weight"))
    outcome = panel.values("outcome")
    signs = some_signs(dense.sites)
    for tested in (0.0, 0.7):
        own, algebra = squares(linear, 0, tested, kind)
        assert own == pytest.approx(dense.squared_t(outcome, 0, tested), rel=SAME)
        wanted = dense.samples(outcome, 0, tested, kind, signs)
        assert flipped(algebra, signs) == pytest.approx(wanted, rel=SAME)


@pytest.mark.parametrize("kind", KINDS)
def test_event_times_are_samples_refitted(draw: Draw, kind: Scores) -> None:
    panel = draw(2, shape=(18, 6), per_site=2, starts=(2, 4), missing=0.1)
    fit = event_study(panel, bin_ends=2, interaction_weighted=False)
    assert fit.linear is not None
    times = np.clip(panel.event_time, -2, 2)[:, None]
    shown = np.array([int(effect.group) for effect in fit.effects])
    dense = Dense(panel, (times == shown).astype(float), panel.values("weight"))
    signs = some_signs(dense.sites)
    for at in range(shown.size):
        own, algebra = squares(fit.linear, at, 0.3, kind)
        outcome = panel.values("outcome")
        assert own == pytest.approx(dense.squared_t(outcome, at, 0.3), rel=SAME)
        wanted = dense.samples(outcome, at, 0.3, kind, signs)
        assert flipped(algebra, signs) == pytest.approx(wanted, rel=SAME)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", SHAPES)
def test_poisson_is_the_working_regression_at_the_restricted_maximum(
    draw: Draw, kind: Scores, options: dict[str, object]
) -> None:
    panel = draw(3, measure="rate", **options)
    linear = poisson(panel).linear
    assert linear is not None
    count = panel.values("count")
    blank = Dense(panel, np.empty((count.size, 0)), np.ones(count.size))
    for tested in (0.0, 0.25, -1.0):
        offset = np.log(panel.values("exposure")) + tested * panel.treatment
        model = sm.GLM(count, blank.columns, family=sm.families.Poisson(), offset=offset)
        mean = model.fit(tol=1e-12, tol_criterion="params").mu
        dense = Dense(panel, panel.treatment[:, None], mean)
        response = (count - mean) / mean
        own, algebra = squares(linear, 0, tested, kind)
        assert own == pytest.approx(dense.squared_t(response, 0, 0.0), rel=SAME)
        signs = some_signs(dense.sites)
        wanted = dense.samples(response, 0, 0.0, kind, signs)
        assert flipped(algebra, signs) == pytest.approx(wanted, rel=SAME)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_the_p_value_is_the_share_of_samples_as_far_out(draw: Draw, estimator: Estimator) -> None:
    panel = draw(4, shape=(14, 6), measure="rate", missing=0.1)
    linear = estimator(panel).linear
    assert linear is not None
    signs = draw_signs(14, draws=999, random=np.random.default_rng(1))
    for tested in (0.0, 0.2):
        own, algebra = squares(linear, 0, tested, "jackknifed")
        count = sum(
            one >= own for one in flipped(algebra, np.asarray(signs.values, dtype=np.float64))
        )
        assert wild_p_value(linear, signs, tested=tested) == (1 + count) / 1000


def test_jackknifed_is_plain_with_equal_weights_and_sites_of_one_unit(draw: Draw) -> None:
    panel = draw(5, shape=(14, 8), starts=(2, 4, 5))
    even = panel.rows.with_columns(weight=pl.lit(1.0))
    panel = dataclasses.replace(panel, rows=even, covariates=())
    linear = twfe(panel).linear
    assert linear is not None
    signs = draw_signs(14, draws=4999, random=np.random.default_rng(2))
    tests = [wild_test(linear, signs, scores=kind) for kind in KINDS]
    for tested in np.linspace(-3, 3, 13):
        assert tests[0](tested) == tests[1](tested)


def test_jackknifed_is_not_plain_otherwise(draw: Draw) -> None:
    linear = twfe(draw(5, shape=(14, 8), starts=(2, 4, 5))).linear
    assert linear is not None
    signs = draw_signs(14, draws=4999, random=np.random.default_rng(2))
    tests = [wild_test(linear, signs, scores=kind) for kind in KINDS]
    between = float(linear.coef[0]) + np.linspace(-1, 1, 5)
    assert any(tests[0](tested) != tests[1](tested) for tested in between)


def test_samples_are_projected_on_the_effects_again(draw: Draw) -> None:
    # Without it (diff-diff) the fitted part of each flipped residual stays in the scores.
    panel = draw(6, shape=(14, 6), starts=(3, 4))
    linear = twfe(panel).linear
    assert linear is not None
    own, algebra = squares(linear, 0, 0.0, "plain")
    null = turned(moments(linear), 0)
    distance = float(linear.contrasts[0] @ linear.coef) / null.scale
    both = linear_flips(null, "plain")
    unprojected = np.vstack([algebra[0], np.diag(both.moves @ [1.0, distance])])
    signs = some_signs(14)
    dense = Dense(panel, panel.treatment[:, None], panel.values("weight"))
    right = dense.samples(panel.values("outcome"), 0, 0.0, "plain", signs)
    assert flipped(algebra, signs) == pytest.approx(right, rel=SAME)
    assert (
        min(
            abs(wrong / one - 1)
            for wrong, one in zip(flipped(unprojected, signs), right, strict=True)
        )
        > 1e-3
    )
    assert own == pytest.approx(dense.squared_t(panel.values("outcome"), 0, 0.0), rel=SAME)


def test_a_nuisance_coefficient_that_one_site_alone_identifies_does_no_harm(draw: Draw) -> None:
    panel = draw(7, shape=(10, 6))
    rows = panel.rows.filter((pl.col("period") != 5) | (pl.col("unit") == "u00"))
    panel = dataclasses.replace(panel, rows=rows)
    linear = twfe(panel).linear
    assert linear is not None
    dense = Dense(panel, panel.treatment[:, None], panel.values("weight"))
    signs = some_signs(10)
    wanted = dense.samples(panel.values("outcome"), 0, 0.4, "jackknifed", signs)
    assert flipped(squares(linear, 0, 0.4, "jackknifed")[1], signs) == pytest.approx(
        wanted, rel=SAME
    )


def test_any_contrast_is_the_coefficient_of_a_turned_design(draw: Draw) -> None:
    # The mean of the two last event times is a coefficient when one is taken from the other.
    fit = event_study(draw(8, shape=(13, 6)))
    assert fit.linear is not None
    mean = fit.linear.contrasts[-2:].mean(axis=0)
    turn = np.eye(mean.size)
    last = int(np.flatnonzero(mean)[-1])
    turn[last] = mean
    inverse = np.linalg.inv(turn)
    one = dataclasses.replace(fit.linear, contrasts=mean[None, :])
    other = dataclasses.replace(
        fit.linear,
        x=fit.linear.x @ inverse,
        coef=turn @ fit.linear.coef,
        contrasts=np.eye(mean.size)[last : last + 1],
    )
    signs = draw_signs(13, draws=999, random=np.random.default_rng(3))
    for tested in (0.0, 0.5):
        assert wild_p_value(one, signs, tested=tested) == wild_p_value(other, signs, tested=tested)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_few_sites_meet_every_sign_vector(draw: Draw, estimator: Estimator) -> None:
    panel = draw(9, shape=(9, 6), starts=(2, 3), measure="rate")
    linear = estimator(panel).linear
    assert linear is not None
    signs = draw_signs(9, draws=99, random=np.random.default_rng(0))
    assert signs.enumerated
    assert signs.draws == 2**9
    every = {tuple(row) for row in signs.values} | {tuple(-row) for row in signs.values}
    assert every == set(product([-1.0, 1.0], repeat=9))
    own, algebra = squares(linear, 0, 0.1, "plain")
    all_signs = np.array(list(product([-1.0, 1.0], repeat=9)))
    share = np.mean([one >= own * (1 - 1e-9) for one in flipped(algebra, all_signs)])
    assert wild_p_value(linear, signs, tested=0.1, scores="plain") == share
    # The sample itself and its mirror image are always among them.
    for kind in KINDS:
        assert (
            wild_p_value(linear, signs, tested=1e3 if estimator is twfe else 5.0, scores=kind)
            >= 2 / 2**9
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_is_the_vector_without_a_flip(draw: Draw, kind: Scores) -> None:
    # Exactly so for the plain scores: it is a tie, which counts.
    linear = twfe(draw(10, shape=(16, 6))).linear
    assert linear is not None
    own, algebra = squares(linear, 0, 0.3, kind)
    itself = flipped(algebra, np.ones((1, 16)))[0]
    assert (itself == pytest.approx(own, rel=1e-9)) == (kind == "plain")


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_the_interval_is_the_set_of_values_not_rejected(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = draw(11, shape=(20, 6), measure="rate", starts=(2, 3, 4))
    fit = estimator(panel)
    assert fit.linear is not None
    found = ask(wild(level=0.9, draws=999), estimator, panel)
    assert found.low is not None
    assert found.high is not None
    assert found.p is not None
    assert found.low < fit.effect.value < found.high
    assert (found.low <= 0 <= found.high) == (found.p > 0.1)
    signs = draw_signs(20, draws=999, random=np.random.default_rng(0))
    width = found.high - found.low
    test = wild_test(fit.linear, signs)
    assert test(0.0).p == found.p
    assert test(fit.effect.value).p == 1
    for end, outwards in ((found.low, -1), (found.high, 1)):
        assert test(end - outwards * 1e-3 * width).p > 0.1
        assert test(end + outwards * 1e-3 * width).p <= 0.1


def test_scale_and_level_of_the_outcome_move_the_interval_along(draw: Draw, ask: Ask) -> None:
    panel = draw(12, shape=(14, 6))
    other = dataclasses.replace(
        panel, rows=panel.rows.with_columns(outcome=1e4 - 250 * pl.col("outcome"))
    )
    one, two = (ask(wild(level=0.95, draws=999), twfe, p) for p in (panel, other))
    assert one.low is not None
    assert one.high is not None
    assert two.p == one.p
    assert (two.high, two.low) == pytest.approx((-250 * one.low, -250 * one.high), rel=1e-6)


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_one_treated_site_is_hardly_ever_rejected(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    # MacKinnon and Webb (2017): with the null imposed the statistic and its distribution grow
    # together, where CR1 rejects a true null most of the time.
    panel = draw(13, shape=(24, 6), measure="rate").site_alone("s00")
    found = ask(wild(level=0.95, draws=999), estimator, panel)
    plain = ask(cr1(level=0.95), estimator, panel)
    assert width(found) > 5 * width(plain)
    assert any("below 4" in caveat for caveat in found.caveats)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_an_end_that_is_not_there_is_said_to_be_missing(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    # Of the 32 sign vectors of five sites two are the sample: p is never below .0625.
    panel = draw(13, shape=(5, 6), starts=(3,), measure="rate")
    found = ask(wild(level=0.95, draws=999), estimator, panel)
    assert found.draws == 32
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert any("no lower end" in caveat for caveat in found.caveats)
    assert any("no upper end" in caveat for caveat in found.caveats)
    assert any("smallest possible p-value is 0.062" in caveat for caveat in found.caveats)


def test_the_same_stream_gives_the_same_interval(draw: Draw, ask: Ask) -> None:
    panel = draw(14, shape=(15, 6))
    first, second = (ask(wild(level=0.95, draws=499), twfe, panel) for _ in range(2))
    assert first == second
    assert first.draws == 499
    assert first.failures == 0


def test_webb_has_six_points_with_mean_square_one(draw: Draw, ask: Ask) -> None:
    signs = draw_signs(5, draws=60_000, weights="webb", random=np.random.default_rng(0))
    points, counts = np.unique(np.round(signs.values**2, 12), return_counts=True)
    assert list(points) == [0.5, 1.0, 1.5]
    assert counts / signs.values.size == pytest.approx([1 / 3] * 3, abs=0.005)
    assert np.mean(signs.values) == pytest.approx(0, abs=0.01)
    panel = draw(15, shape=(20, 6))
    by_signs, by_webb = (
        ask(wild(level=0.95, draws=9999, weights=weights), twfe, panel)
        for weights in ("rademacher", "webb")
    )
    assert by_signs.p == pytest.approx(by_webb.p, abs=0.05)


def test_what_cannot_be_asked_is_refused(draw: Draw) -> None:
    with pytest.raises(EstimationError, match="number of draws"):
        wild(level=0.95, draws=0)
    with pytest.raises(EstimationError, match="confidence level"):
        wild(level=95, draws=99)
    panel = draw(16)
    exact = dataclasses.replace(
        panel, rows=panel.rows.with_columns(outcome=pl.col("period").cast(pl.Float64))
    )
    with pytest.raises(EstimationError, match="fits every observation exactly"):
        wild(level=0.95, draws=99)(twfe, exact, twfe(exact), np.random.default_rng(0))
    bare = dataclasses.replace(twfe(panel), linear=None)
    with pytest.raises(EstimationError, match="needs estimating equations"):
        wild(level=0.95, draws=99)(twfe, panel, bare, np.random.default_rng(0))
