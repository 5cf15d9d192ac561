"""Randomisation inference: identities, and what it must never do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Effect, Estimator, Fit, Interval
from evaluation.inference.jackknife import leave_one_out
from evaluation.inference.randomisation import randomisation
from evaluation.inference.reassignment_tests import deal, p_value
from evaluation.inference.site_tables import collapse_arrays
from evaluation.panel import Adoption, Panel

# The search for an end stops at this share of a standard error, or of Poisson's.
END = 1e-6
POISSON_END = 3e-4

LEVEL = 0.9
DRAWS = 499
FEW = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 10_000)
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]


def adopting(panel: Panel, units: tuple[str, ...], start: int = 3) -> Panel:
    """Return the panel with these units, and no others, adopting together."""
    adoption = Adoption(site=panel.adoption.site, first_treated=dict.fromkeys(units, start))
    return panel.with_adoption(adoption)


def information(panel: Panel) -> float:
    linear = twfe(panel).linear
    assert linear is not None
    weighted = linear.x * linear.weights[:, None]
    return float(1 / np.linalg.inv(weighted.T @ linear.x)[0, 0])


def statistic(panel: Panel) -> float:
    """Return the squared t of the jackknife by site, brought to the normal scale."""
    fit = twfe(panel)
    moves = np.array(list(leave_one_out(twfe, panel, fit).values())) - fit.effect.value
    square = fit.effect.value**2 / ((moves.size - 1) / moves.size * (moves @ moves))
    whole = information(panel)
    larger = np.array([whole / information(panel.without([s])) - 1 for s in panel.sites])
    freedom = larger.sum() ** 2 / (larger @ larger)
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return float(scale**2 * freedom * np.log1p(square / freedom))


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_p_is_the_share_of_all_ways_counted_by_hand(draw: Draw, ask: Ask, missing: float) -> None:
    panel = draw(7, shape=(7, 6), starts=(), missing=missing)
    panel = adopting(panel, panel.units[:4])
    squares = [statistic(adopting(panel, units)) for units in combinations(panel.units, 4)]
    by_hand = sum(square >= squares[0] * (1 - 1e-9) for square in squares)
    found = ask(randomisation(level=LEVEL, draws=DRAWS), twfe, panel)
    assert found.draws == math.comb(7, 4) == len(squares)
    assert found.p == by_hand / len(squares)


def test_two_of_five_by_hand(draw: Draw, ask: Ask) -> None:
    """With two periods and sites alike the statistic is Welch's numerator over a common spread."""
    panel = draw(1, shape=(5, 2), starts=())
    rows = panel.rows.with_columns(weight=pl.lit(1.0))
    panel = dataclasses.replace(panel, rows=rows, covariates=())
    change = np.diff(panel.values("outcome").reshape(5, 2), axis=1).ravel()

    def statistic(chosen: tuple[int, ...]) -> float:
        others = np.delete(change, chosen)
        gap = change[list(chosen)].mean() - others.mean()
        return float(gap**2 / (others.var() * (1 / 2 + 1 / 3)))

    values = {chosen: statistic(chosen) for chosen in combinations(range(5), 2)}
    for chosen, value in values.items():
        found = ask(
            randomisation(level=LEVEL, draws=DRAWS),
            twfe,
            adopting(panel, tuple(panel.units[i] for i in chosen), start=1),
        )
        assert found.p == sum(other >= value * (1 - 1e-9) for other in values.values()) / 10


@pytest.mark.parametrize("measure", ["mean", "rate"])
def test_one_site_among_sites_alike_is_the_rank_of_its_change(
    draw: Draw, ask: Ask, measure: str
) -> None:
    panel = draw(3, shape=(12, 6), starts=(), measure=measure)
    rows = panel.rows.with_columns(weight=pl.lit(1.0), exposure=pl.lit(1000.0))
    panel = dataclasses.replace(panel, rows=rows, covariates=())
    values = panel.values("outcome").reshape(12, 6)
    change = values[:, 3:].mean(axis=1) - values[:, :3].mean(axis=1)
    gap = np.abs(change - change.mean())
    seen = []
    for i, unit in enumerate(panel.units):
        found = ask(randomisation(level=LEVEL, draws=DRAWS), twfe, adopting(panel, (unit,)))
        assert found.p == pytest.approx((gap >= gap[i]).mean())
        seen.append(found.p)
    assert min(p for p in seen if p is not None) == pytest.approx(1 / 12)


@FEW
@given(
    seed=SEEDS,
    starts=st.sampled_from([(3,), (3, 4)]),
    per_site=st.sampled_from([1, 2]),
    estimator=st.sampled_from([twfe, poisson]),
)
def test_the_interval_holds_what_is_not_rejected(
    draw: Draw, ask: Ask, seed: int, starts: tuple[int, ...], per_site: int, estimator: Estimator
) -> None:
    panel = draw(
        seed,
        shape=(12 * per_site, 6),
        per_site=per_site,
        starts=starts,
        missing=0.1 * (seed % 2),
        measure="rate",
    )
    found = ask(randomisation(level=LEVEL, draws=DRAWS), estimator, panel)
    assert found.low is not None
    assert found.high is not None
    assert found.p is not None
    assert found.low < found.high
    assert (found.low < 0 < found.high) == (found.p > 1 - LEVEL)
    if per_site == 1:
        assert found.low <= estimator(panel).effect.value <= found.high


@pytest.mark.parametrize("starts", [(3,), (2, 3)])
def test_ends_are_where_a_shifted_outcome_is_just_rejected(
    draw: Draw, ask: Ask, starts: tuple[int, ...]
) -> None:
    panel = draw(21, shape=(12, 6), starts=starts)
    procedure = randomisation(level=LEVEL, draws=DRAWS)
    found = ask(procedure, twfe, panel)
    for end, inwards in ((found.low, 1), (found.high, -1)):
        assert end is not None
        p: dict[int, float] = {}
        for side in (-1, 1):
            null = end + side * inwards * 1e-4
            outcome = panel.values("outcome") - null * panel.treatment
            rows = panel.rows.with_columns(outcome=pl.Series(outcome))
            p[side] = ask(procedure, twfe, dataclasses.replace(panel, rows=rows)).p or 0.0
        assert p[-1] <= 1 - LEVEL + 1e-12 < p[1]


@FEW
@given(seed=SEEDS, factor=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_scale_and_effects_of_the_outcome_carry_over(
    draw: Draw, ask: Ask, seed: int, factor: float, shift: float
) -> None:
    panel = draw(seed, shape=(11, 6), starts=(3,))
    moved = (
        factor * panel.values("outcome")
        + panel.unit_codes**1.5
        - panel.period_codes**2
        + shift * panel.treatment
    )
    rows = panel.rows.with_columns(outcome=pl.Series(moved))
    before = ask(randomisation(level=LEVEL, draws=DRAWS), twfe, panel)
    after = ask(
        randomisation(level=LEVEL, draws=DRAWS), twfe, dataclasses.replace(panel, rows=rows)
    )
    for end, other in ((before.low, after.low), (before.high, after.high)):
        assert end is not None
        reach = (before.high or 0) - (before.low or 0)
        assert other == pytest.approx(factor * end + shift, abs=END * factor * reach)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_names_and_the_order_of_rows_move_nothing(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = draw(23, shape=(9, 6), starts=(3, 4), measure="rate", missing=0.1)
    random = np.random.default_rng(4)
    names = dict(zip(panel.units, random.permutation([f"x{i}" for i in range(9)]), strict=True))
    adoption = Adoption(
        site={names[u]: f"{s}!" for u, s in panel.adoption.site.items()},
        first_treated={names[u]: g for u, g in panel.adoption.first_treated.items()},
    )
    rows = panel.rows.with_columns(pl.col("unit").replace_strict(names)).sample(
        fraction=1, shuffle=True, seed=1
    )
    renamed = dataclasses.replace(panel, rows=rows, adoption=adoption)
    before = ask(randomisation(level=LEVEL, draws=DRAWS), estimator, panel)
    after = ask(randomisation(level=LEVEL, draws=DRAWS), estimator, renamed)
    assert before.draws == after.draws == math.comb(9, 2) * math.comb(7, 2)
    assert before.p == after.p
    assert (after.low, after.high) == pytest.approx((before.low, before.high), abs=POISSON_END)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_one_site_says_the_smallest_p_and_has_no_ends_beyond_it(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = draw(5, shape=(34, 6), starts=(), measure="rate")
    panel = adopting(panel, panel.units[:1])
    found = ask(randomisation(level=0.95, draws=DRAWS), estimator, panel)
    assert found.draws == 34
    assert found.p is not None
    assert found.p * 34 == pytest.approx(round(found.p * 34))
    smallest = "With one pilot site among 34 the smallest possible p-value is 1/34 = 0.029."
    assert smallest in found.caveats
    steps = "p-values move in steps of 1/34, so that the 95% interval is in truth one of 97%."
    assert steps in found.caveats
    assert math.isfinite((found.high or math.inf) - (found.low or -math.inf))
    sure = ask(randomisation(level=0.99, draws=DRAWS), estimator, panel)
    assert (sure.low, sure.high) == (-math.inf, math.inf)
    assert sure.caveats[0] == (
        "The interval has no ends: no effect can be rejected at 99% with so few ways to choose the "
        "pilot sites."
    )
    assert sure.p == found.p


def test_every_interval_says_that_its_null_is_sharp(draw: Draw, ask: Ask) -> None:
    found = ask(randomisation(level=LEVEL, draws=DRAWS), twfe, draw(2))
    assert any("sharp null" in caveat for caveat in found.caveats)


def test_effects_by_event_time_are_refused_with_the_reason(draw: Draw, ask: Ask) -> None:
    found = ask(randomisation(level=LEVEL, draws=DRAWS), event_study, draw(2))
    assert (found.low, found.high, found.p) == (None, None, None)
    assert "not for each event time" in found.caveats[0]


@pytest.mark.parametrize(("level", "draws"), [(1.0, 9), (0.0, 9), (0.9, 0)])
def test_settings_that_are_none_are_refused(level: float, draws: int) -> None:
    with pytest.raises(EstimationError):
        randomisation(level=level, draws=draws)


# ------------------------------------------------------------------ any estimator


def change_on_change(panel: Panel) -> Fit:
    """Estimate by plain means before and after, without equations."""
    treated = panel.treated
    pilot = ~np.isnan(panel.first_treated)
    after = panel.values("period") >= min(panel.adoption.first_treated.values())
    outcome = panel.values("outcome")
    means = [outcome[pilot == p][after[pilot == p] == a].mean() for p in (1, 0) for a in (1, 0)]
    assert treated.any()
    value = means[0] - means[1] - means[2] + means[3]
    return Fit(
        estimator="means",
        effects=(Effect(estimand="overall", value=float(value), scale="level"),),
        n_obs=outcome.size,
        n_units=len(panel.units),
        n_sites=len(panel.sites),
        n_pilot_sites=len(panel.adoption.pilot_sites),
    )


def growth(panel: Panel) -> Fit:
    """Estimate on the log scale: nothing that is linear in the outcome."""
    logs = panel.rows.with_columns(outcome=pl.col("outcome").log())
    fit = change_on_change(dataclasses.replace(panel, rows=logs))
    effect = dataclasses.replace(fit.effect, scale="log")
    return dataclasses.replace(fit, effects=(effect,))


def test_an_estimator_without_equations_is_refitted(draw: Draw, ask: Ask) -> None:
    panel = draw(6, shape=(8, 5), starts=())
    panel = adopting(panel, panel.units[:2])
    found = ask(randomisation(level=LEVEL, draws=DRAWS), change_on_change, panel)
    values: dict[tuple[str, ...], float] = {
        units: change_on_change(adopting(panel, units)).effect.value
        for units in combinations(panel.units, 2)
    }
    actual = abs(values[panel.units[:2]])
    by_hand = [abs(value) >= actual * (1 - 1e-9) for value in values.values()]
    assert found.p == np.mean(by_hand)
    assert found.low is not None
    assert found.high is not None
    assert found.low < change_on_change(panel).effect.value < found.high
    assert any("larger or smaller" in caveat for caveat in found.caveats)


def test_an_estimator_that_is_not_linear_has_a_p_value_alone(draw: Draw, ask: Ask) -> None:
    panel = draw(6, shape=(8, 5), starts=())
    panel = adopting(panel, panel.units[:2])
    found = ask(randomisation(level=LEVEL, draws=DRAWS), growth, panel)
    assert found.p is not None
    assert (found.low, found.high) == (None, None)
    assert any("estimated again" in caveat for caveat in found.caveats)


def test_too_many_failing_refits_are_an_error(draw: Draw, ask: Ask) -> None:
    panel = draw(6, shape=(8, 5), starts=())
    panel = adopting(panel, panel.units[:2])

    def moody(panel: Panel) -> Fit:
        if "s07" in panel.adoption.first_treated:
            raise EstimationError("not today")
        return change_on_change(panel)

    with pytest.raises(EstimationError, match="7 of 28 reassignments"):
        ask(randomisation(level=LEVEL, draws=DRAWS), moody, panel)


# ------------------------------------------------------------------ size


@pytest.mark.parametrize("pilots", [1, 2, 4])
def test_a_true_sharp_null_is_rejected_as_often_as_promised(pilots: int) -> None:
    """Exchangeable sites of unequal size: P(p <= a) is at most a, whatever a."""
    random = np.random.default_rng(8)
    repetitions, sites, periods, start = 400, 20, 6, 3
    found = []
    for _ in range(repetitions):
        size = random.uniform(0.5, 4, (sites, 1)) * np.ones((sites, periods))
        treatment = np.zeros((sites, periods))
        treatment[random.permutation(sites)[:pilots], start:] = 1
        outcome = random.normal(0, 1, (sites, periods)) / np.sqrt(size) + 3 * treatment
        tables = collapse_arrays(outcome - 3 * treatment, size, treatment, np.arange(sites))
        found.append(p_value(tables, deal(tables, draws=199, random=random)))
    for size_wanted in (0.05, 0.1, 0.3, 0.5):
        rate = float(np.mean(np.array(found) <= size_wanted + 1e-12))
        error = math.sqrt(size_wanted * (1 - size_wanted) / repetitions)
        assert rate <= size_wanted + 3 * error
        # At most one step of 1/20 too rare.
        assert rate >= size_wanted - 0.05 - 3 * error
