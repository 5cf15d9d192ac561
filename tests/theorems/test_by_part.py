"""Effects by start, period and time since the start: regressions of their own beside the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.estimators import event_study, poisson, twfe
from evaluation.estimators.by_blocks import is_large
from evaluation.estimators.design import build_design, least_squares
from evaluation.estimators.panel_ols import panel_ols
from evaluation.findings import Effect, Estimand, Estimator, Fit, Interval
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.inference.jackknife import cr3
from evaluation.inference.wild_bootstrap import wild
from evaluation.panel import Panel

# Two ways to the same number in double precision.
EQUAL = 1e-10
# Newton's method stops where coefficients move less than 1e-9, and by then moves far less.
MAXIMUM = 1e-8
LEVEL = 0.95
KINDS: tuple[Estimand, ...] = ("cohort", "calendar", "event_time")

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=10, deadline=None)
Draw = Callable[..., Panel]
Ask = Callable[..., Interval]
Array = np.ndarray


def whole_twfe(panel: Panel) -> Fit:
    return twfe(panel, by_part=True)


def whole_poisson(panel: Panel) -> Fit:
    return poisson(panel, by_part=True)


BOTH = pytest.mark.parametrize("estimator", [whole_twfe, whole_poisson])


def columns(panel: Panel, kind: Estimand) -> tuple[list[str], Array]:
    """Return the parts of a kind, and a treatment column for each; shape (n, m)."""
    label = {
        "cohort": panel.first_treated,
        "calendar": panel.rows["period"].to_numpy(),
        "event_time": panel.event_time,
    }[kind]
    found = np.unique(label[panel.treated])
    return [f"{value:.0f}" for value in found], (
        panel.treated[:, None] & (label[:, None] == found)
    ).astype(float)


def of_kind(fit: Fit, kind: Estimand) -> dict[str, Effect]:
    return {effect.group: effect for effect in fit.effects if effect.estimand == kind}


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.1]), per_site=st.sampled_from([1, 2]))
def test_least_squares_by_part_is_linearmodels(
    draw: Draw, seed: int, missing: float, per_site: int
) -> None:
    panel = draw(seed, shape=(20, 7), missing=missing, per_site=per_site)
    fit = whole_twfe(panel)
    for kind in KINDS:
        names, focal = columns(panel, kind)
        design = build_design(panel, focal, weights=panel.values("weight"))
        slopes = panel_ols(design, panel.values("outcome"))
        found = of_kind(fit, kind)
        assert list(found) == names
        values = [effect.value for effect in found.values()]
        assert values == pytest.approx(slopes[: len(names)], abs=EQUAL)


@FEW
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.1]))
def test_poisson_by_part_is_statsmodels(draw: Draw, seed: int, missing: float) -> None:
    import statsmodels.api as sm

    panel = draw(seed, shape=(20, 7), missing=missing, measure="rate")
    fit = whole_poisson(panel)
    dummies = [
        codes[:, None] == np.arange(first, codes.max() + 1)
        for codes, first in ((panel.unit_codes, 0), (panel.period_codes, 1))
    ]
    for kind in KINDS:
        names, focal = columns(panel, kind)
        found = of_kind(fit, kind)
        assert list(found) == names
        other = sm.GLM(
            panel.values("count"),
            np.column_stack([focal, panel.values("x"), *dummies]).astype(float),
            family=sm.families.Poisson(),
            offset=np.log(panel.values("exposure")),
        ).fit(tol=1e-12)
        values = [effect.value for effect in found.values()]
        assert values == pytest.approx(other.params[: len(names)], abs=MAXIMUM)


@pytest.mark.parametrize(("estimator", "alone"), [(whole_twfe, twfe), (whole_poisson, poisson)])
def test_the_overall_effect_stays_as_it_is(
    draw: Draw, ask: Ask, estimator: Estimator, alone: Estimator
) -> None:
    panel = draw(3, shape=(20, 7), measure="rate", missing=0.05)
    fit, plain = estimator(panel), alone(panel)
    assert fit.effect == plain.effect
    for procedure in (cr1(level=LEVEL), cr2(level=LEVEL), cr3(level=LEVEL)):
        one, other = (ask(procedure, each, panel) for each in (estimator, alone))
        assert one.std_error == pytest.approx(other.std_error, rel=1e-9)
        assert one.df == pytest.approx(other.df, rel=1e-9)


def places(fit: Fit) -> Iterator[int]:
    yield from (j for j, effect in enumerate(fit.effects) if effect.estimand != "overall")


def test_every_interval_is_that_of_the_part_s_own_regression(draw: Draw, ask: Ask) -> None:
    panel = draw(4, shape=(18, 7), per_site=2, missing=0.05)
    fit = whole_twfe(panel)
    own: dict[tuple[Estimand, str], tuple[Fit, int]] = {}
    for kind in KINDS:
        names, focal = columns(panel, kind)
        design = build_design(panel, focal, weights=panel.values("weight"))
        linear = least_squares(design, panel.values("outcome"))
        effects = tuple(of_kind(fit, kind).values())
        alone = dataclasses.replace(fit, effects=effects, linear=linear, designs=())
        own |= {(kind, name): (alone, j) for j, name in enumerate(names)}
    procedures = (cr1(level=LEVEL), cr2(level=LEVEL), wild(level=LEVEL, draws=199))
    for j in places(fit):
        alone, place = own[fit.effects[j].estimand, fit.effects[j].group]
        for procedure in procedures:
            one = ask(procedure, whole_twfe, panel, j)
            other = ask(procedure, lambda _, fit=alone: fit, panel, place)
            found = [one.low, one.high, one.p]
            assert found == pytest.approx([other.low, other.high, other.p], rel=1e-6)


@BOTH
def test_the_jackknife_by_algebra_is_the_jackknife_by_refits(
    draw: Draw, ask: Ask, estimator: Estimator
) -> None:
    panel = draw(5, shape=(14, 6), measure="rate")
    fit = estimator(panel)
    for j in places(fit):
        algebra = ask(cr3(level=LEVEL), estimator, panel, j)
        values = []
        for site in panel.sites:
            effects = estimator(panel.without([site])).effects
            names = [(effect.estimand, effect.group) for effect in effects]
            asked = fit.effects[j]
            values.append(effects[names.index((asked.estimand, asked.group))].value)
        moves = np.array(values) - fit.effects[j].value
        error = np.sqrt((moves.size - 1) / moves.size * (moves @ moves))
        assert algebra.std_error == pytest.approx(error, rel=1e-6)


@BOTH
def test_with_one_start_its_effect_is_the_overall_one(draw: Draw, estimator: Estimator) -> None:
    fit = estimator(draw(6, starts=(3,), measure="rate"))
    (cohort,) = of_kind(fit, "cohort").values()
    assert cohort.value == pytest.approx(fit.effect.value, abs=MAXIMUM)
    assert cohort.observed == pytest.approx(fit.effect.observed)
    by_period, by_time = of_kind(fit, "calendar"), of_kind(fit, "event_time")
    for (_, one), (_, other) in zip(by_period.items(), by_time.items(), strict=True):
        assert one.value == pytest.approx(other.value, abs=EQUAL)


def test_least_squares_by_time_averages_to_the_overall_effect_with_one_start(draw: Draw) -> None:
    panel = draw(7, starts=(3,))
    even = dataclasses.replace(
        panel, rows=panel.rows.with_columns(weight=pl.lit(1.0)), covariates=()
    )
    fit = whole_twfe(even)
    values = [effect.value for effect in of_kind(fit, "event_time").values()]
    assert np.mean(values) == pytest.approx(fit.effect.value, abs=EQUAL)


@BOTH
def test_each_part_says_what_was_seen_and_on_how_many_sites(
    draw: Draw, estimator: Estimator
) -> None:
    panel = draw(8, shape=(20, 7), per_site=2, measure="rate", missing=0.05)
    fit = estimator(panel)
    count, exposure = panel.values("count"), panel.values("exposure")
    for kind in KINDS:
        names, focal = columns(panel, kind)
        for name, column in zip(names, focal.T, strict=True):
            effect = of_kind(fit, kind)[name]
            assert effect.observed == pytest.approx(1000 * (column @ count) / (column @ exposure))
            assert effect.n_pilot_sites == np.unique(panel.site_codes[column > 0]).size


@BOTH
def test_a_period_without_anybody_untreated_has_no_effect(draw: Draw, estimator: Estimator) -> None:
    panel = draw(9, shape=(8, 6), measure="rate")
    full = dict.fromkeys(panel.units, 5) | dict(panel.adoption.first_treated)
    everybody = panel.with_adoption(dataclasses.replace(panel.adoption, first_treated=full))
    found = of_kind(estimator(everybody), "calendar")
    assert [name for name, effect in found.items() if np.isnan(effect.value)] == ["5"]
    assert "no comparison is observed" in found["5"].caveats[0]


def silenced(panel: Panel, where: pl.Expr) -> Panel:
    count = pl.when(where).then(0.0).otherwise("count")
    return dataclasses.replace(panel, rows=panel.rows.with_columns(count=count))


def test_a_part_without_an_event_has_no_rate_ratio(draw: Draw) -> None:
    panel = draw(10, shape=(20, 7), measure="rate")
    pilots = list(panel.adoption.first_treated)
    here = (pl.col("period") == 6) & pl.col("unit").is_in(pilots)
    silent = silenced(panel, here)
    found = of_kind(whole_poisson(silent), "calendar")
    assert np.isnan(found["6"].value)
    assert "no event is observed among its treated observations" in found["6"].caveats[0]
    # The others are those of the panel without these observations.
    rest = of_kind(
        whole_poisson(dataclasses.replace(panel, rows=panel.rows.filter(~here))), "calendar"
    )
    for name in ("3", "4", "5"):
        assert found[name].value == pytest.approx(rest[name].value, abs=MAXIMUM)


@BOTH
def test_a_dose_has_no_effects_by_part_and_says_so(draw: Draw, estimator: Estimator) -> None:
    panel = draw(11, measure="rate")
    dose = 2.0 * panel.treatment
    dosed = dataclasses.replace(panel, rows=panel.rows.with_columns(dose=pl.Series(dose)))
    fit = estimator(dosed)
    assert [effect.estimand for effect in fit.effects] == ["overall"]
    assert any("Of a dose there is the overall effect alone" in text for text in fit.caveats)


@pytest.mark.parametrize("missing", [0.03])
def test_above_the_limit_it_is_the_same(draw: Draw, missing: float) -> None:
    panel = draw(31, shape=(1200, 60), per_site=2, starts=(52, 56) * 8, missing=missing)
    assert is_large(panel, 1)
    fit = whole_twfe(panel)
    assert fit.influence is not None
    at = 1
    for kind in KINDS:
        names, focal = columns(panel, kind)
        design = build_design(panel, focal, weights=panel.values("weight"))
        linear = least_squares(design, panel.values("outcome"))
        found = of_kind(fit, kind)
        assert list(found) == names
        values = [effect.value for effect in found.values()]
        assert values == pytest.approx(linear.coef[: len(names)], abs=EQUAL)
        squares = (fit.influence[:, at : at + len(names)] ** 2).sum(axis=0)
        alone = dataclasses.replace(fit, linear=linear, designs=(), influence=None)
        for j, square in enumerate(squares):
            own = dataclasses.replace(alone, effects=tuple(found.values()), focal=j)
            interval = cr1(level=LEVEL)(whole_twfe, panel, own, np.random.default_rng(0))
            sites = len(panel.sites)
            assert (square * sites / (sites - 1)) ** 0.5 == pytest.approx(
                interval.std_error, rel=1e-8
            )
        at += len(names)


def test_poisson_above_the_limit_finds_what_there_is(draw: Draw) -> None:
    panel = draw(32, shape=(1200, 60), per_site=2, starts=(55, 58) * 8, measure="rate")
    assert is_large(panel, 1)
    effect = np.select([panel.first_treated == start for start in (55, 58)], [-0.3, 0.2], 0.0)
    random = np.random.default_rng(32)
    level = random.normal(0, 0.4, 1200)[panel.unit_codes]
    season = random.normal(0, 0.2, 60)[panel.period_codes]
    exact = panel.values("exposure") * np.exp(level + season - 3 + effect * panel.treated)
    even = dataclasses.replace(panel, rows=panel.rows.with_columns(count=pl.Series(exact)))
    cohorts = of_kind(whole_poisson(even), "cohort")
    values = {name: cohort.value for name, cohort in cohorts.items()}
    assert values == pytest.approx({"55": -0.3, "58": 0.2}, abs=MAXIMUM)
    here = (pl.col("period") == 59) & pl.col("unit").is_in(list(panel.adoption.first_treated))
    fit = whole_poisson(silenced(panel, here))
    assert fit.influence is not None
    empty = of_kind(fit, "calendar")["59"]
    assert np.isnan(empty.value)
    assert "no event" in empty.caveats[0]


@FEW
@given(seed=SEEDS)
def test_an_event_study_by_its_equations_is_linearmodels(draw: Draw, seed: int) -> None:
    panel = draw(seed, shape=(20, 7), missing=0.1)
    one, other = (
        event_study(panel, with_averages=True, by_library=by_library)
        for by_library in (True, False)
    )
    assert [e.group for e in one.effects] == [e.group for e in other.effects]
    for first, second in zip(one.effects, other.effects, strict=True):
        assert first.value == pytest.approx(second.value, abs=EQUAL, nan_ok=True)
