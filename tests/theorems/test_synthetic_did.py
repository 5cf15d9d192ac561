"""What holds of synthetic difference-in-differences and control, whatever the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.estimators import twfe
from evaluation.estimators.synthetic_did import synthetic_did, synthetic_weights
from evaluation.estimators.synthetic_weights import Problem, Stopping, Weighting
from evaluation.findings import Fit
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

FloatArray = NDArray[np.float64]
# Linear algebra in double precision on numbers of the order of 1.
ROUNDING = 1e-9
# A weight's error is rounding over the smallest curvature, the faint ridge of period weights.
WEIGHTS = 1e-7
# 10,000 Frank-Wolfe steps turn rounding into no more than this.
STEPS = 1e-6
EVERY: tuple[tuple[Weighting, Stopping], ...] = (
    ("synthetic_did", "published"),
    ("synthetic_did", "exact"),
    ("synthetic_control", "published"),
    ("synthetic_control", "exact"),
    ("uniform", "exact"),
)
SYNTHETIC = EVERY[:4]


def panel_of(
    table: FloatArray,
    starts: Mapping[int, int],
    *,
    site: Mapping[str, str] | None = None,
    weight: FloatArray | None = None,
) -> Panel:
    """Return units u00, u01, ... by periods 0, 1, ..., the units of ``starts`` adopting."""
    units, periods = table.shape
    names = [f"u{i:02d}" for i in range(units)]
    rows = pl.DataFrame(
        {
            "unit": np.repeat(names, periods),
            "period": np.tile(np.arange(periods), units),
            "outcome": table.ravel(),
            "weight": (np.ones_like(table) if weight is None else weight).ravel(),
        }
    )
    adoption = Adoption(
        site=site or {name: name for name in names},
        first_treated={names[i]: start for i, start in starts.items()},
    )
    return Panel(rows=rows, adoption=adoption, calendar=Calendar(frequency="index"))


def wandering(seed: int, *, units: int = 14, periods: int = 16) -> FloatArray:
    """Return outcomes with unit and period effects, a factor and noise; shape (units, periods)."""
    random = np.random.default_rng(seed)
    factor = np.outer(random.normal(size=units), random.normal(size=periods).cumsum())
    effects = random.normal(0, 3, (units, 1)) + random.normal(0, 2, (1, periods))
    table: FloatArray = 20 + effects + factor + random.normal(0, 1, (units, periods))
    return table


def values(fit: Fit) -> dict[tuple[str, str], float]:
    return {(effect.estimand, effect.group): effect.value for effect in fit.effects}


# ------------------------------------------------------------------ special cases


@pytest.mark.parametrize("starts", [{0: 9}, {0: 9, 1: 9, 2: 9}])
def test_uniform_weights_are_difference_in_differences(starts: dict[int, int]) -> None:
    panel = panel_of(wandering(1), starts)
    fit = synthetic_did(weights="uniform")(panel)
    assert fit.effect.value == pytest.approx(twfe(panel).effect.value, abs=ROUNDING)


def test_staggered_uniform_weights_average_cohorts_by_treated_unit_periods() -> None:
    table, starts = wandering(2), {0: 6, 1: 6, 2: 11}
    panel = panel_of(table, starts)
    early, late = (twfe(panel.without(names)).effect.value for names in (["u02"], ["u00", "u01"]))
    fit = synthetic_did(weights="uniform")(panel)
    assert fit.effect.value == pytest.approx((20 * early + 5 * late) / 25, abs=ROUNDING)
    assert values(fit)["cohort", "6"] == pytest.approx(early, abs=ROUNDING)
    assert values(fit)["cohort", "11"] == pytest.approx(late, abs=ROUNDING)


@pytest.mark.parametrize("weights", ["synthetic_did", "uniform"])
def test_one_cohort_and_two_periods_is_two_by_two(weights: Weighting) -> None:
    table = wandering(3, periods=2)
    fit = synthetic_did(weights=weights)(panel_of(table, {0: 1, 1: 1}))
    change = table[:, 1] - table[:, 0]
    wanted = change[:2].mean() - change[2:].mean()
    assert fit.effect.value == pytest.approx(wanted, abs=ROUNDING)


# ------------------------------------------------------------------ the weights


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
@pytest.mark.parametrize("seed", range(3))
def test_weights_are_shares(weights: Weighting, stopping: Stopping, seed: int) -> None:
    panel = panel_of(wandering(seed), {0: 9, 1: 9, 2: 12})
    for found in synthetic_weights(panel, weights=weights, stopping=stopping):
        assert found.donor_weights.min() >= 0
        assert found.donor_weights.sum() == pytest.approx(1)
        assert found.period_weights.min() >= 0
        total = 0 if weights == "synthetic_control" else 1
        assert found.period_weights.sum() == pytest.approx(total)
        assert found.pilot_share.sum() == pytest.approx(1)
        assert len(found.donors) == 11


@pytest.mark.parametrize("weights", ["synthetic_did", "synthetic_control"])
@pytest.mark.parametrize("seed", range(5))
def test_exact_weights_are_optimal_and_published_ones_not_better(
    weights: Weighting, seed: int
) -> None:
    panel = panel_of(wandering(seed), {0: 9, 1: 9})
    (exact,) = synthetic_weights(panel, weights=weights, stopping="exact")
    (published,) = synthetic_weights(panel, weights=weights)
    scale = exact.noise_level**2
    assert max(exact.donor_gap, exact.period_gap) <= ROUNDING * scale
    below = synthetic_problem(panel, weights, exact.ridge)
    lowest = exact.donor_weights @ below.q @ exact.donor_weights / below.size
    reached = published.donor_weights @ below.q @ published.donor_weights / below.size
    assert lowest <= reached + ROUNDING * scale
    assert reached - lowest <= published.donor_gap + ROUNDING * scale
    assert exact.effect == exact.exact_effect
    assert published.exact_effect == pytest.approx(exact.effect, abs=ROUNDING)


def synthetic_problem(panel: Panel, weights: Weighting, zeta: float) -> Problem:
    """Return the donors' problem of the first two units, treated from period 9."""
    table = panel.values("outcome").reshape(len(panel.units), -1)
    return Problem.of(
        table[2:, :9].T,
        table[:2, :9].mean(axis=0),
        zeta=zeta,
        centre=weights == "synthetic_did",
    )


def test_the_ridge_is_that_of_the_paper() -> None:
    table = wandering(4)
    (found,) = synthetic_weights(panel_of(table, {0: 9, 1: 9}))
    changes = np.diff(table[2:, :9], axis=1)
    assert found.noise_level == pytest.approx(np.std(changes, ddof=1))
    assert found.ridge == pytest.approx((2 * 7) ** 0.25 * np.std(changes, ddof=1))
    # Equation 4 puts T_pre before the square of the ridge.
    problem = synthetic_problem(panel_of(table, {}), "synthetic_did", found.ridge)
    assert problem.ridge == pytest.approx(9 * found.ridge**2)


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_what_a_report_draws_adds_up_to_the_effect(weights: Weighting, stopping: Stopping) -> None:
    panel = panel_of(wandering(5), {0: 9, 1: 12})
    fit = synthetic_did(weights=weights, stopping=stopping)(panel)
    for found in synthetic_weights(panel, weights=weights, stopping=stopping):
        after = found.periods >= found.cohort
        cohort = values(fit)["cohort", str(found.cohort)]
        apart = (found.pilot_path - found.counterfactual)[after].mean()
        before = found.pilot_path[~after] @ found.period_weights
        change = found.pilot_path[after].mean() - before
        assert found.effect == pytest.approx(cohort, abs=ROUNDING)
        assert apart == pytest.approx(cohort, abs=ROUNDING)
        assert change - found.contributions.sum() == pytest.approx(cohort, abs=ROUNDING)
        assert 1 <= found.effective_donors <= 12
        assert (found.effective_periods is None) == (weights == "synthetic_control")


# ------------------------------------------------------------------ what moves nothing


@pytest.mark.parametrize("stopping", ["published", "exact"])
def test_unit_effects_and_a_common_trend_move_nothing(stopping: Stopping) -> None:
    table, starts = wandering(6), {0: 9, 1: 9, 2: 12}
    moved = table + np.random.default_rng(6).normal(0, 5, (14, 1)) + 0.7 * np.arange(16)
    estimator = synthetic_did(stopping=stopping)
    before, after = (values(estimator(panel_of(one, starts))) for one in (table, moved))
    assert after == pytest.approx(before, abs=STEPS)


def test_unit_effects_move_synthetic_control() -> None:
    table = wandering(6)
    moved = table + np.random.default_rng(6).normal(0, 5, (14, 1))
    estimator = synthetic_did(weights="synthetic_control")
    before, after = (estimator(panel_of(one, {0: 9})).effect.value for one in (table, moved))
    assert abs(after - before) > 0.1


def test_period_effects_move_nothing_but_the_published_noise_level() -> None:
    table = wandering(7)
    moved = table + 20.0 * (np.arange(16) % 2)
    zeta = 2.0
    same, other = (
        synthetic_problem(panel_of(one, {}), "synthetic_did", zeta).q for one in (table, moved)
    )
    np.testing.assert_allclose(same, other, atol=ROUNDING)
    (before,), (after,) = (synthetic_weights(panel_of(one, {0: 9})) for one in (table, moved))
    # The changes' overall mean, not each period's, comes out of the published noise level.
    assert after.noise_level > 1.5 * before.noise_level
    uniform = synthetic_did(weights="uniform")
    without, with_effects = (uniform(panel_of(one, {0: 9})).effect.value for one in (table, moved))
    assert with_effects == pytest.approx(without, abs=ROUNDING)


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_scaling_scales(weights: Weighting, stopping: Stopping) -> None:
    table, starts = wandering(8), {0: 9, 1: 12}
    estimator = synthetic_did(weights=weights, stopping=stopping)
    one = values(estimator(panel_of(table, starts)))
    thousand = values(estimator(panel_of(1000 * table, starts)))
    scaled = {name: 1000 * value for name, value in one.items()}
    assert thousand == pytest.approx(scaled, abs=1000 * STEPS)


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_names_and_order_move_nothing(weights: Weighting, stopping: Stopping) -> None:
    table = wandering(9)
    estimator = synthetic_did(weights=weights, stopping=stopping)
    before = values(estimator(panel_of(table, {0: 9, 1: 12})))
    backwards = values(estimator(panel_of(table[::-1], {13: 9, 12: 12})))
    assert backwards == pytest.approx(before, abs=STEPS)


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_a_constant_effect_without_noise_is_found(weights: Weighting, stopping: Stopping) -> None:
    random = np.random.default_rng(10)
    levels = np.zeros((14, 1)) if weights == "synthetic_control" else random.normal(0, 3, (14, 1))
    table = levels + random.normal(0, 2, (1, 16))
    starts = {0: 9, 1: 12}
    for unit, start in starts.items():
        table[unit, start:] += 1.5
    for effect in synthetic_did(weights=weights, stopping=stopping)(
        panel_of(table, starts)
    ).effects:
        is_lead = effect.estimand == "event_time" and int(effect.group) < 0
        assert effect.value == pytest.approx(0.0 if is_lead else 1.5, abs=ROUNDING)


@pytest.mark.parametrize("seed", range(3))
def test_a_match_by_donors_gives_the_exact_effect(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = wandering(seed, periods=24)
    share = random.dirichlet(np.ones(4))
    table[0] = share @ table[3:7]
    table[0, 20:] -= 2.0
    panel = panel_of(table, {0: 20})
    fit = synthetic_did(weights="synthetic_control", stopping="exact")(panel)
    assert fit.effect.value == pytest.approx(-2.0, abs=WEIGHTS)
    (found,) = synthetic_weights(panel, weights="synthetic_control", stopping="exact")
    np.testing.assert_allclose(found.donor_weights[2:6], share, atol=WEIGHTS)
    # The published steps come close and no closer: their stop is a share of the noise level.
    near = synthetic_did(weights="synthetic_control")(panel).effect.value
    assert near == pytest.approx(-2.0, abs=0.05 * found.noise_level)


# ------------------------------------------------------------------ effects and sites


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_effects_are_averages_of_cohort_periods(weights: Weighting, stopping: Stopping) -> None:
    starts = {0: 9, 1: 9, 2: 12}
    fit = synthetic_did(weights=weights, stopping=stopping)(panel_of(wandering(11), starts))
    found = values(fit)
    cells = {
        (int(g), int(t)): value
        for (estimand, group), value in found.items()
        if estimand == "group_time"
        for g, t in [group.split(":")]
    }
    units = {9: 2, 12: 1}

    def mean(chosen: dict[tuple[int, int], float]) -> float:
        return float(np.average(list(chosen.values()), weights=[units[g] for g, _ in chosen]))

    assert len(cells) == 7 + 4
    assert found["overall", ""] == pytest.approx(mean(cells))
    for g in units:
        assert found["cohort", str(g)] == pytest.approx(
            mean({cell: value for cell, value in cells.items() if cell[0] == g})
        )
    for t in range(9, 16):
        assert found["calendar", str(t)] == pytest.approx(
            mean({cell: value for cell, value in cells.items() if cell[1] == t})
        )
    for e in range(7):
        assert found["event_time", str(e)] == pytest.approx(
            mean({cell: value for cell, value in cells.items() if cell[1] - cell[0] == e})
        )
    order = [effect.estimand for effect in fit.effects]
    assert list(dict.fromkeys(order)) == [
        *("overall", "group_time", "cohort", "calendar", "event_time"),
    ]
    leads = [e for e in fit.effects if e.estimand == "event_time" and int(e.group) < 0]
    assert len(leads) == 12
    assert all("no test" in effect.caveats[0] for effect in leads)


def test_each_effect_counts_its_sites_and_what_they_observed() -> None:
    table = wandering(12)
    site = {f"u{i:02d}": "north" if i < 2 else f"u{i:02d}" for i in range(14)}
    panel = panel_of(table, {0: 9, 1: 9, 2: 12}, site=site)
    fit = synthetic_did()(panel)
    by_name = {(effect.estimand, effect.group): effect for effect in fit.effects}
    assert (fit.n_units, fit.n_sites, fit.n_pilot_sites) == (14, 13, 2)
    assert by_name["overall", ""].n_pilot_sites == 2
    assert by_name["event_time", "6"].n_pilot_sites == 1
    assert by_name["calendar", "10"].n_pilot_sites == 1
    assert by_name["calendar", "13"].n_pilot_sites == 2
    treated = [*table[0, 9:], *table[1, 9:], *table[2, 12:]]
    assert by_name["overall", ""].observed == pytest.approx(np.mean(treated))
    assert by_name["calendar", "13"].observed == pytest.approx(table[:3, 13].mean())


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_a_site_is_the_weighted_mean_of_its_units(weights: Weighting, stopping: Stopping) -> None:
    random = np.random.default_rng(13)
    table, weight = wandering(13, units=20), random.uniform(1, 9, (20, 16))
    site = {f"u{i:02d}": f"s{i // 2:02d}" for i in range(20)}
    pooled_weight = weight.reshape(10, 2, 16).sum(axis=1)
    pooled = (weight * table).reshape(10, 2, 16).sum(axis=1) / pooled_weight
    estimator = synthetic_did(weights=weights, stopping=stopping)
    by_unit = estimator(panel_of(table, {0: 9, 1: 9, 2: 11, 3: 11}, site=site, weight=weight))
    by_site = estimator(panel_of(pooled, {0: 9, 1: 11}, weight=pooled_weight))
    assert values(by_unit) == pytest.approx(values(by_site), abs=STEPS)


def test_pilot_sites_count_by_their_weight() -> None:
    table = wandering(14)
    weight = np.ones_like(table)
    weight[0] = 3.0
    alone = [
        values(
            synthetic_did(weights="uniform")(
                panel_of(table, {i: 9}).without(["u01" if i == 0 else "u00"])
            )
        )
        for i in (0, 1)
    ]
    both = synthetic_did(weights="uniform")(panel_of(table, {0: 9, 1: 9}, weight=weight))
    wanted = 0.75 * alone[0]["overall", ""] + 0.25 * alone[1]["overall", ""]
    assert both.effect.value == pytest.approx(wanted, abs=ROUNDING)


def test_the_form_for_refits_is_the_exact_one() -> None:
    panel = panel_of(wandering(15), {0: 9})
    fit = synthetic_did()(panel)
    assert fit.refit is not None
    exact = synthetic_did(stopping="exact")(panel)
    assert values(fit.refit(panel)) == values(exact)
    assert exact.refit is None
    assert exact.estimator == fit.estimator == "synthetic_did"


def test_another_adoption_of_the_same_rows_is_as_a_panel_of_its_own() -> None:
    table = wandering(16)
    estimator = synthetic_did(stopping="exact")
    first = panel_of(table, {0: 9})
    estimator(first)
    again = first.with_adoption(panel_of(table, {3: 8, 4: 11}).adoption)
    fresh = synthetic_did(stopping="exact")(panel_of(table, {3: 8, 4: 11}))
    assert values(estimator(again)) == values(fresh)


# ------------------------------------------------------------------ covariates


def with_covariates(
    table: FloatArray, columns: dict[str, FloatArray], starts: dict[int, int]
) -> Panel:
    panel = panel_of(table, starts)
    rows = panel.rows.with_columns(
        pl.Series(name, column.ravel()) for name, column in columns.items()
    )
    return dataclasses.replace(panel, rows=rows, covariates=tuple(columns))


@pytest.mark.parametrize(("weights", "stopping"), EVERY)
def test_covariates_are_taken_out(weights: Weighting, stopping: Stopping) -> None:
    random = np.random.default_rng(17)
    x, z = random.normal(size=(2, 14, 16))
    level = random.normal(0, 2, (1, 16)) + 3
    table = level + 2 * x - 0.5 * z
    table[0, 9:] += 1.5
    panel = with_covariates(table, {"x": x, "z": z}, {0: 9})
    fit = synthetic_did(weights=weights, stopping=stopping)(panel)
    assert fit.effect.value == pytest.approx(1.5, abs=ROUNDING)
    assert fit.effect.observed == pytest.approx(table[0, 9:].mean())


def test_a_covariate_that_adds_nothing_is_left_out_by_name() -> None:
    table = wandering(18)
    x = np.random.default_rng(18).normal(size=(14, 16))
    fixed = np.repeat(np.arange(14.0)[:, None], 16, axis=1)
    adjusted = synthetic_did()(with_covariates(table, {"x": x}, {0: 9}))
    fit = synthetic_did()(with_covariates(table, {"x": x, "size": fixed, "twice": 2 * x}, {0: 9}))
    assert fit.effect.value == pytest.approx(adjusted.effect.value, abs=STEPS)
    assert any("Not adjusted for size, twice" in caveat for caveat in fit.caveats)


# ------------------------------------------------------------------ what is left out, and refused


def without_cells(panel: Panel, cells: list[tuple[str, int]]) -> Panel:
    gone = pl.DataFrame(cells, schema=["unit", "period"], orient="row")
    return dataclasses.replace(panel, rows=panel.rows.join(gone, on=["unit", "period"], how="anti"))


def test_comparison_units_with_gaps_are_left_out_and_named() -> None:
    panel = panel_of(wandering(19), {0: 9})
    fit = synthetic_did()(without_cells(panel, [("u05", 3), ("u05", 4), ("u08", 12)]))
    rest = synthetic_did()(panel.without(["u05", "u08"]))
    assert values(fit) == pytest.approx(values(rest), abs=STEPS)
    assert fit.caveats[0] == (
        "Left out: 2 comparison units (u05, u08), not observed in every period."
    )
    assert (fit.n_obs, fit.n_units) == (12 * 16, 12)


def test_many_are_counted_and_some_named() -> None:
    panel = panel_of(wandering(19), {0: 9})
    fit = synthetic_did()(without_cells(panel, [(f"u{i:02d}", 3) for i in range(2, 10)]))
    assert "8 comparison units (u02, u03, u04, u05, u06 and 3 more)" in fit.caveats[0]


def test_pilot_units_without_a_before_or_after_are_left_out_and_named() -> None:
    table = wandering(20)
    fit = synthetic_did()(panel_of(table, {0: 9, 1: 0, 2: 40}))
    rest = synthetic_did()(panel_of(table, {0: 9}).without(["u01", "u02"]))
    assert values(fit) == pytest.approx(values(rest), abs=STEPS)
    assert fit.caveats[0].startswith("Left out: 2 pilot units (u01, u02)")
    assert fit.n_pilot_sites == 1


def test_untreated_units_of_pilot_sites_are_no_donors() -> None:
    table = wandering(21)
    site = {f"u{i:02d}": "u00" if i == 1 else f"u{i:02d}" for i in range(14)}
    fit = synthetic_did()(panel_of(table, {0: 9}, site=site))
    rest = synthetic_did()(panel_of(table, {0: 9}).without(["u01"]))
    assert fit.effect.value == pytest.approx(rest.effect.value, abs=STEPS)
    assert "1 untreated unit (u01), in a pilot site" in fit.caveats[0]


def test_a_dose_is_not_used_and_says_so() -> None:
    panel = panel_of(wandering(22), {0: 9})
    dosed = dataclasses.replace(panel, rows=panel.rows.with_columns(dose=pl.lit(0.5)))
    fit = synthetic_did()(dosed)
    assert values(fit) == values(synthetic_did()(panel))
    assert any("dose is not used" in caveat for caveat in fit.caveats)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (panel_of(wandering(23), {}), "no unit of the panel adopts"),
        (panel_of(wandering(23), {0: 40}), "no pilot unit is observed after its start"),
        (panel_of(wandering(23), {0: 0}), "no unit's treatment changes while it is observed"),
        (panel_of(wandering(23), dict.fromkeys(range(14), 9)), "there is no comparison"),
        (
            without_cells(panel_of(wandering(23), {0: 9, 1: 9}), [("u00", 3), ("u00", 5)]),
            r"1 pilot unit \(u00\) not observed in every period; u00 lacks 2, the first of them 3",
        ),
        (
            without_cells(
                panel_of(wandering(23, units=4), {0: 9}), [("u01", 1), ("u02", 1), ("u03", 2)]
            ),
            "none of the 3 comparison units is observed in every one of the 16 periods",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_in_plain_words(panel: Panel, message: str) -> None:
    with pytest.raises(EstimationError, match=message) as caught:
        synthetic_did()(panel)
    assert caught.value.place == "outcome 'outcome'"
    assert caught.value.remedy


def test_synthetic_control_needs_two_periods_before() -> None:
    panel = panel_of(wandering(24, periods=4), {0: 1})
    with pytest.raises(EstimationError, match="two periods before a start"):
        synthetic_did(weights="synthetic_control")(panel)


def test_more_donors_than_can_be_weighed_are_refused() -> None:
    units = 5_002
    names = [f"u{i:04d}" for i in range(units)]
    rows = pl.DataFrame(
        {
            "unit": np.repeat(names, 3),
            "period": np.tile(np.arange(3), units),
            "outcome": 1.0,
            "weight": 1.0,
        }
    )
    adoption = Adoption(site={name: name for name in names}, first_treated={names[0]: 2})
    panel = Panel(rows=rows, adoption=adoption, calendar=Calendar(frequency="index"))
    with pytest.raises(EstimationError, match="there are 5,001 comparison sites"):
        synthetic_did()(panel)
