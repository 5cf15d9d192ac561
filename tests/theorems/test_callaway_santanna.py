"""Callaway and Sant'Anna: cells by hand, averages by their weights, influence by derivative."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from evaluation.errors import EstimationError
from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.estimators.callaway_santanna.group_time import group_time
from evaluation.estimators.callaway_santanna.layout import ControlGroup, cells_of
from evaluation.estimators.callaway_santanna.pooling import Overall, averages
from evaluation.estimators.callaway_santanna.tables import unit_tables
from evaluation.estimators.callaway_santanna.two_periods import Method, compare
from evaluation.findings import Fit
from evaluation.inference.cluster_robust import covariance, cr1, cr2
from evaluation.inference.jackknife import cr3
from evaluation.panel import Adoption, Panel

Draw = Callable[..., Panel]
Ask = Callable[..., Any]
METHODS = get_args(Method)
CONTROLS = get_args(ControlGroup)
OVERALL = get_args(Overall)

# Two ways to the same number in double precision.
EQUAL = 1e-10
# A central difference with steps of 1e-4 of a weight, beside its derivative.
STEP, DERIVATIVE = 1e-4, 1e-6


def steady(panel: Panel, covariates: tuple[str, ...] = ()) -> Panel:
    """Return the panel with each unit's first weight and covariate throughout."""
    kept = [pl.col(c).first().over("unit") for c in ("weight", *covariates)]
    return dataclasses.replace(panel, rows=panel.rows.with_columns(kept), covariates=covariates)


def plain(panel: Panel) -> Panel:
    """Return the panel without covariates, its weights as they are."""
    return dataclasses.replace(panel, covariates=())


def valued(fit: Fit) -> dict[tuple[str, str], float]:
    return {(effect.estimand, effect.group): effect.value for effect in fit.effects}


def mean_change(panel: Panel, units: set[str], first: int, then: int) -> float:
    """Return the mean change of the units seen in both periods, weighted as in the first."""
    rows = panel.rows.filter(pl.col("unit").is_in(units))
    before = rows.filter(period=first).select("unit", "weight", was="outcome")
    both = rows.filter(period=then).select("unit", "outcome").join(before, on="unit")
    change = (both["outcome"] - both["was"]).to_numpy()
    return float(np.average(change, weights=both["weight"].to_numpy())) if len(change) else np.nan


@pytest.mark.parametrize("control_group", CONTROLS)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_every_cell_is_a_two_by_two(
    draw: Draw, control_group: ControlGroup, missing: float
) -> None:
    panel = plain(draw(11, shape=(24, 7), starts=(3, 5), missing=missing))
    fit = callaway_santanna(control_group=control_group)(panel)
    starts = panel.adoption.first_treated
    found = [effect for effect in fit.effects if effect.estimand == "group_time"]
    assert len(found) == 12
    for effect in found:
        start, then = (int(part) for part in effect.group.split(":"))
        first = min(start - 1, then - 1)
        own = {unit for unit in panel.units if starts.get(unit) == start}
        latest = 99 if control_group == "never_treated" else max(first, then)
        others = {u for u in panel.units if starts.get(u, 100) > latest and u not in own}
        wanted = mean_change(panel, own, first, then) - mean_change(panel, others, first, then)
        assert effect.value == pytest.approx(wanted, abs=EQUAL, nan_ok=True)
    assert sum(np.isfinite(effect.value) for effect in found) >= 10


def test_a_missing_month_leaves_out_no_unit_and_is_counted(draw: Draw) -> None:
    whole = steady(draw(12, shape=(12, 6), starts=(3,)))
    pilot = whole.adoption.pilot_sites[0].replace("s", "u")
    lost = ((pl.col("unit") == pilot) & (pl.col("period") == 2)) | (
        (pl.col("unit") == "u09") & (pl.col("period") == 5)
    )
    panel = dataclasses.replace(whole, rows=whole.rows.filter(~lost))
    fits = {name: callaway_santanna()(p) for name, p in (("whole", whole), ("gaps", panel))}
    found = {name: valued(fit) for name, fit in fits.items()}
    # Nobody's change from period 0 to 1 lost a month.
    key = ("group_time", "3:1")
    assert found["gaps"][key] == pytest.approx(found["whole"][key], abs=EQUAL)
    assert fits["gaps"].n_units == 12
    assert not fits["whole"].caveats
    (caveat,) = fits["gaps"].caveats[:1]
    # Periods 3, 4 and 5 of the pilot unit lack their base; no comparison unit lacks one.
    assert "3 of 6 treated observations are in no effect, because their unit" in caveat
    assert f"({pilot})" in caveat
    assert "0 of 49 observations of comparison units" in caveat


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("control_group", CONTROLS)
@pytest.mark.parametrize(
    ("overall", "missing", "covariates"),
    [
        ("simple", 0.0, ("x",)),
        ("group", 0.0, ()),
        ("dynamic", 0.1, ()),
        ("calendar", 0.1, ("x",)),
    ],
)
def test_influence_is_the_derivative_in_the_weight(
    draw: Draw,
    method: Method,
    control_group: ControlGroup,
    overall: Overall,
    missing: float,
    covariates: tuple[str, ...],
) -> None:
    panel = steady(
        _wide_starts(draw(13, shape=(40, 5), starts=(2, 3), missing=missing)), covariates
    )
    estimator = callaway_santanna(control_group=control_group, method=method, overall=overall)
    fit = estimator(panel)
    known = np.isfinite([effect.value for effect in fit.effects])
    assert known.all()
    for unit in ("u00", "u09", "u20", "u39"):
        moved = []
        for factor in (1 + STEP, 1 - STEP):
            weight = pl.when(pl.col("unit") == unit).then(factor).otherwise(1.0)
            rows = panel.rows.with_columns(weight=pl.col("weight") * weight)
            other = estimator(dataclasses.replace(panel, rows=rows))
            moved.append(np.array([effect.value for effect in other.effects]))
        slope = (moved[0] - moved[1]) / (2 * STEP)
        row = panel.sites.index(panel.adoption.site[unit])
        assert fit.influence is not None
        assert fit.influence[row] == pytest.approx(slope, abs=DERIVATIVE)


def _wide_starts(panel: Panel) -> Panel:
    """Return the panel with eight units at each start, so that covariates overlap."""
    starts = panel.adoption.cohorts
    first = {unit: starts[i // 8] for i, unit in enumerate(panel.units[: 8 * len(starts)])}
    return panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=first))


@pytest.mark.parametrize("method", METHODS)
def test_without_covariates_the_three_methods_are_one(method: Method) -> None:
    random = np.random.default_rng(14)
    change, weight = random.normal(size=(4, 30)), random.uniform(0.5, 3, 30)
    treated = np.arange(30) < 7
    found = compare(
        change, treated=treated, covariates=np.empty((30, 0)), weight=weight, method=method
    )
    means = [
        np.average(change[:, side], axis=1, weights=weight[side]) for side in (treated, ~treated)
    ]
    assert found.effect == pytest.approx(means[0] - means[1], abs=EQUAL)
    influence = np.zeros_like(change)
    for sign, side, mean in ((1, treated, means[0]), (-1, ~treated, means[1])):
        share = weight[side] / weight[side].sum()
        influence[:, side] = sign * share * (change[:, side] - mean[:, None])
    assert found.influence == pytest.approx(influence, abs=EQUAL)


@pytest.mark.parametrize("method", METHODS)
def test_with_one_group_covariate_all_methods_standardise(method: Method) -> None:
    random = np.random.default_rng(15)
    group = random.integers(0, 2, 60).astype(float)
    treated = random.uniform(size=60) < 0.2 + 0.3 * group
    change = random.normal(size=(2, 60)) + 3 * group
    weight = random.uniform(0.5, 3, 60)
    found = compare(
        change, treated=treated, covariates=group[:, None], weight=weight, method=method
    )
    # By hand: the difference within each group, weighted by the treated in it.
    wanted = np.zeros(2)
    for value in (0.0, 1.0):
        inside = group == value
        own, others = (
            np.average(change[:, inside & side], axis=1, weights=weight[inside & side])
            for side in (treated, ~treated)
        )
        wanted += (own - others) * weight[inside & treated].sum() / weight[treated].sum()
    assert found.effect == pytest.approx(wanted, abs=EQUAL)


@pytest.mark.parametrize("method", METHODS)
def test_units_and_origin_of_a_covariate_move_nothing(draw: Draw, method: Method) -> None:
    panel = steady(_wide_starts(draw(16, shape=(30, 5), starts=(2, 3))), ("x",))
    moved = dataclasses.replace(panel, rows=panel.rows.with_columns(x=1e4 + 250 * pl.col("x")))
    estimator = callaway_santanna(method=method)
    fits = [estimator(p) for p in (panel, moved)]
    assert valued(fits[1]) == pytest.approx(valued(fits[0]), abs=1e-8)
    assert fits[1].influence == pytest.approx(fits[0].influence, abs=1e-8)


@pytest.mark.parametrize("overall", OVERALL)
@pytest.mark.parametrize("balance", [None, 1])
def test_weights_of_every_average_sum_to_one(
    draw: Draw, overall: Overall, balance: int | None
) -> None:
    tables = unit_tables(plain(draw(17, shape=(14, 8), starts=(2, 4, 7))))
    cells = cells_of(tables, control_group="not_yet_treated", base="varying")
    room = np.zeros((cells.cohort.size, tables.n_sites))
    effects = group_time(tables, cells, method="dr", influence=room)
    pooled = averages(tables, effects, overall=overall, balance=balance)
    assert pooled.cells.sum(axis=1) == pytest.approx(1.0, abs=EQUAL)
    assert (pooled.cells >= 0).all()
    # A cohort's own average does not depend on the sizes of cohorts.
    own = [e == "cohort" for e in pooled.estimand]
    assert not pooled.sizes[own].any()


def test_universal_and_varying_base_agree_from_the_start_and_add_up_before(draw: Draw) -> None:
    panel = steady(draw(18, shape=(14, 8), starts=(4, 6)))
    fits = {base: callaway_santanna(base_period=base) for base in ("varying", "universal")}
    varying, universal = (valued(fits[base](panel)) for base in ("varying", "universal"))
    for key, value in universal.items():
        if key[0] != "group_time":
            continue
        start, then = (int(part) for part in key[1].split(":"))
        if then >= start:
            assert value == pytest.approx(varying[key], abs=EQUAL)
        else:
            steps = [varying["group_time", f"{start}:{t}"] for t in range(then + 1, start)]
            assert value == pytest.approx(-sum(steps), abs=EQUAL)
    assert varying["overall", ""] == pytest.approx(universal["overall", ""], abs=EQUAL)
    assert ("event_time", "-1") in varying
    assert ("event_time", "-1") not in universal


def test_a_site_s_influence_is_that_of_its_units(draw: Draw) -> None:
    panel = plain(draw(19, shape=(24, 6), per_site=3, starts=(2, 3), missing=0.05))
    # Units of one site may start together or not.
    first = dict(panel.adoption.first_treated) | {"u12": 3, "u00": 4, "u03": 4}
    adoption = Adoption(site=panel.adoption.site, first_treated=first)
    apart = Adoption(site={unit: unit for unit in panel.units}, first_treated=first)
    estimator = callaway_santanna(control_group="not_yet_treated")
    together, alone = (estimator(panel.with_adoption(a)) for a in (adoption, apart))
    assert valued(together) == pytest.approx(valued(alone), abs=EQUAL)
    assert together.influence is not None
    assert alone.influence is not None
    summed = np.zeros_like(together.influence)
    np.add.at(summed, [panel.sites.index(adoption.site[u]) for u in panel.units], alone.influence)
    assert together.influence == pytest.approx(summed, abs=EQUAL)


def test_effects_come_in_order_with_what_they_rest_on(draw: Draw) -> None:
    panel = plain(draw(20, shape=(12, 6), starts=(2, 4)))
    fit = callaway_santanna()(panel)
    kinds = list(dict.fromkeys(effect.estimand for effect in fit.effects))
    assert kinds == ["overall", "group_time", "cohort", "calendar", "event_time"]
    by_name = {(e.estimand, e.group): e for e in fit.effects}
    assert by_name["overall", ""].n_pilot_sites == 4
    assert by_name["cohort", "4"].n_pilot_sites == 2
    assert by_name["calendar", "3"].n_pilot_sites == 2
    assert by_name["event_time", "3"].n_pilot_sites == 2
    cell = by_name["group_time", "2:3"]
    own = panel.rows.filter(period=3).filter(pl.col("unit").is_in(["u00", "u01"]))
    base = panel.rows.filter(period=1).filter(pl.col("unit").is_in(["u00", "u01"]))
    weights = base["weight"].to_numpy()
    assert cell.observed == pytest.approx(np.average(own["outcome"].to_numpy(), weights=weights))
    assert "check on trends" in by_name["group_time", "4:2"].caveats[0]


@pytest.mark.parametrize("control_group", CONTROLS)
def test_when_every_unit_adopts(draw: Draw, control_group: ControlGroup) -> None:
    panel = plain(draw(21, shape=(6, 8), starts=(3, 5, 7)))
    estimator = callaway_santanna(control_group=control_group)
    if control_group == "never_treated":
        wanted = r'all 6 units adopt.*Write control_group = "not_yet_treated" in \[analysis\]'
        with pytest.raises(EstimationError, match=wanted):
            estimator(panel)
        return
    fit = estimator(panel)
    found = {(e.estimand, e.group): e for e in fit.effects}
    assert np.isfinite(fit.effect.value)
    assert "3 of the 9 pairs of start and period" in fit.effect.caveats[0]
    assert np.isnan(found["group_time", "3:7"].value)
    assert found["group_time", "3:7"].observed is None
    assert "no comparison unit is untreated by then" in found["group_time", "3:7"].caveats[0]
    assert np.isnan(found["cohort", "7"].value)
    assert any("Every unit adopts: from the last start, 7" in c for c in fit.caveats)
    # Up to the last start, those who start then are never treated.
    before = callaway_santanna(control_group="not_yet_treated")(panel.before(7))
    assert valued(before)["overall", ""] == pytest.approx(fit.effect.value, abs=EQUAL)
    nan = [bool(np.isnan(effect.value)) for effect in fit.effects]
    assert fit.influence is not None
    assert np.isnan(fit.influence).any(axis=0).tolist() == nan


def test_units_treated_throughout_or_after_the_end_are_named(draw: Draw) -> None:
    panel = plain(draw(22, shape=(12, 6), starts=(0, 3, 9)))
    fit = callaway_santanna()(panel)
    assert "2 units have no period before the start and are in no effect: u00, u01." in fit.caveats
    assert any("2 units that start after the last period" in c for c in fit.caveats)
    starts = {u: g for u, g in panel.adoption.first_treated.items() if g == 3}
    rest = panel.without(["s00", "s01"])
    clean = rest.with_adoption(Adoption(site=rest.adoption.site, first_treated=starts))
    assert valued(callaway_santanna()(clean)) == pytest.approx(valued(fit), abs=EQUAL)
    assert (fit.n_units, fit.n_sites, fit.n_pilot_sites) == (10, 10, 2)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ((), "no unit of the panel adopts"),
        ((9,), "after its start"),
        ((0,), "has a period before its start"),
    ],
)
def test_what_cannot_be_had_is_refused(draw: Draw, starts: tuple[int, ...], message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        callaway_santanna()(draw(23, starts=starts))


def test_settings_that_are_not_there_are_refused(draw: Draw) -> None:
    make: Any = callaway_santanna
    for setting in ({"method": "ols"}, {"control_group": "all"}, {"overall": "mean"}):
        with pytest.raises(EstimationError, match="Allowed: "):
            make(**setting)
    with pytest.raises(EstimationError, match="0 or more"):
        make(balance=-1)
    with pytest.raises(EstimationError, match="nothing to balance"):
        make(balance=9)(plain(draw(24)))


@pytest.mark.parametrize("method", METHODS)
def test_covariates_that_tell_the_groups_apart_are_named(draw: Draw, method: Method) -> None:
    panel = draw(25, shape=(20, 6), starts=(3,))
    apart = (~np.isnan(panel.first_treated)).astype(float) * 50 + panel.values("outcome") * 1e-3
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(x=pl.Series(apart)))
    if method == "reg":
        assert np.isfinite(callaway_santanna(method=method)(panel).effect.value)
        return
    with pytest.raises(EstimationError, match="none of these can stand for them"):
        callaway_santanna(method=method)(panel)


@pytest.mark.parametrize("method", METHODS)
def test_a_covariate_that_says_nothing_new_is_named(draw: Draw, method: Method) -> None:
    panel = draw(26, shape=(20, 6), starts=(3,))
    rows = panel.rows.with_columns(x=pl.lit(4.0))
    with pytest.raises(EstimationError, match="do not tell the covariates apart"):
        callaway_santanna(method=method)(dataclasses.replace(panel, rows=rows))


def test_errors_by_site(draw: Draw, ask: Ask) -> None:
    panel = plain(draw(27, shape=(16, 6), starts=(2, 4)))
    estimator = callaway_santanna()
    fit = estimator(panel)
    assert fit.influence is not None
    plain_error = np.sqrt((fit.influence[:, 0] ** 2).sum())
    assert covariance(fit, kind="cr0")[0, 0] == pytest.approx(plain_error**2, rel=EQUAL)
    assert ask(cr1(level=0.9), estimator, panel).df == 15
    with pytest.raises(EstimationError, match="no"):
        ask(cr2(level=0.9), estimator, panel)
    moves = [
        estimator(panel.without([site])).effect.value - fit.effect.value for site in panel.sites
    ]
    jackknife = ask(cr3(level=0.9), estimator, panel)
    assert jackknife.std_error == pytest.approx(
        np.sqrt(15 / 16 * np.square(moves).sum()), rel=EQUAL
    )


def test_without_noise_there_is_no_interval(draw: Draw, ask: Ask) -> None:
    panel = plain(draw(28, shape=(16, 6), starts=(2, 4)))
    exact = panel.period_codes + 2.0 * panel.treated
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(outcome=pl.Series(exact)))
    interval = ask(cr1(level=0.9), callaway_santanna(), panel)
    assert interval.low is None
    assert "fitted exactly" in interval.caveats[0]


def test_starts_of_one_site_are_counted(draw: Draw) -> None:
    panel = plain(draw(29, shape=(16, 6), starts=(2, 4)))
    first = dict(panel.adoption.first_treated) | {"u08": 3}
    lone = panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=first))
    assert any(
        "1 of 3 starts rests on one pilot site" in c for c in callaway_santanna()(lone).caveats
    )
    assert not callaway_santanna()(panel).caveats[1:]
