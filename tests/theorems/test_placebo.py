"""Placebos in space: by hand, in closed form, and when they are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from evaluation.errors import EstimationError
from evaluation.estimators.synthetic_did import synthetic_did
from evaluation.findings import Effect, Estimator, Fit
from evaluation.inference.placebo import placebo, placebo_effects
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

ROUNDING = 1e-10
# The error of a standard deviation from 4,000 draws is 1.1% of it; four of these.
DRAWS = 4000
MONTE_CARLO = 0.045
NORMAL = 1.959963984540054

UNIFORM = synthetic_did(weights="uniform")


def drawn(
    seed: int, starts: dict[str, int], *, units: int = 14, site: dict[str, str] | None = None
) -> Panel:
    """Return ten periods of noise around unit effects; units u00, u01, ..."""
    random = np.random.default_rng(seed)
    names = [f"u{i:02d}" for i in range(units)]
    table = random.normal(0, 3, (units, 1)) + random.normal(0, 1, (units, 10))
    rows = pl.DataFrame(
        {
            "unit": np.repeat(names, 10),
            "period": np.tile(np.arange(10), units),
            "outcome": table.ravel(),
            "weight": 1.0,
        }
    )
    adoption = Adoption(site=site or {name: name for name in names}, first_treated=starts)
    return Panel(rows=rows, adoption=adoption, calendar=Calendar(frequency="index"))


def changes(panel: Panel, start: int) -> np.ndarray:
    """Return each comparison unit's change of mean at ``start``."""
    table = panel.values("outcome").reshape(len(panel.units), -1)
    never = [i for i, u in enumerate(panel.units) if u not in panel.adoption.first_treated]
    change: np.ndarray = table[never, start:].mean(axis=1) - table[never, :start].mean(axis=1)
    return change


def random() -> np.random.Generator:
    return np.random.default_rng(1)


# ------------------------------------------------------------------ one pilot site


def test_one_pilot_site_every_comparison_site_has_its_turn() -> None:
    panel = drawn(1, {"u03": 6})
    estimator = synthetic_did()
    fit = estimator(panel)
    found = placebo_effects(estimator, panel, fit, draws=99, random=random())
    control = panel.without(["u03"])
    for (site,), value in zip(found.sites, found.of(fit.effect), strict=True):
        adoption = Adoption(site=control.adoption.site, first_treated={site: 6})
        by_hand = estimator(control.with_adoption(adoption))
        assert value == by_hand.effect.value
    interval = placebo(level=0.9, draws=99)(estimator, panel, fit, random())
    effects = found.of(fit.effect)
    larger = int((np.abs(effects) >= abs(fit.effect.value)).sum())
    assert interval.p == (1 + larger) / 14
    assert interval.std_error == pytest.approx(effects.std())
    assert (interval.draws, interval.failures, interval.level) == (13, 0, 0.9)
    assert any("no smaller than 0.071" in caveat for caveat in interval.caveats)
    assert any("as much as" in caveat for caveat in interval.caveats)


def test_with_equal_weights_the_spread_is_that_of_changes() -> None:
    panel = drawn(2, {"u00": 6})
    fit = UNIFORM(panel)
    interval = placebo(level=0.95, draws=99)(UNIFORM, panel, fit, random())
    # A placebo is its change less the mean of the 12 others: 13/12 of its distance from the mean.
    spread = changes(panel, 6).std() * 13 / 12
    assert interval.std_error == pytest.approx(spread, rel=ROUNDING)
    ends = fit.effect.value + np.array([-1, 1]) * NORMAL * spread
    assert [interval.low, interval.high] == pytest.approx(ends.tolist(), rel=ROUNDING)


def test_units_of_a_site_start_together() -> None:
    site = {f"u{i:02d}": f"s{i // 2}" for i in range(14)}
    panel = drawn(3, {"u00": 6, "u01": 6}, site=site)
    table = panel.values("outcome").reshape(7, 2, 10).mean(axis=1)[1:]
    change = table[:, 6:].mean(axis=1) - table[:, :6].mean(axis=1)
    interval = placebo(level=0.95, draws=99)(UNIFORM, panel, UNIFORM(panel), random())
    assert interval.draws == 6
    assert interval.std_error == pytest.approx(change.std() * 6 / 5, rel=ROUNDING)


def test_a_sites_own_effect_is_judged_as_the_overall_one() -> None:
    panel = drawn(4, {"u00": 6})
    fit = UNIFORM(panel)
    own = dataclasses.replace(fit.effect, estimand="site", group="u00")
    as_site = dataclasses.replace(fit, effects=(own, *fit.effects[1:]))
    procedure = placebo(level=0.95, draws=99)
    fresh = drawn(4, {"u00": 6})
    assert procedure(UNIFORM, panel, fit, random()) == procedure(UNIFORM, fresh, as_site, random())


# ------------------------------------------------------------------ several pilot sites


def test_several_sites_give_the_variance_of_sampling_without_replacement() -> None:
    panel = drawn(5, {"u00": 6, "u01": 6, "u02": 6})
    interval = placebo(level=0.95, draws=DRAWS)(UNIFORM, panel, UNIFORM(panel), random())
    change = changes(panel, 6)
    # A mean of 3 of 11 less that of the other 8.
    spread = change.std(ddof=1) * np.sqrt(11 / (3 * 8))
    assert interval.std_error == pytest.approx(spread, rel=MONTE_CARLO)
    assert interval.draws == DRAWS
    assert interval.p is not None
    assert interval.low is not None
    assert interval.high is not None
    assert (interval.p < 0.05) == (interval.low > 0 or interval.high < 0)


def test_each_start_is_dealt_to_one_site() -> None:
    seen: list[dict[str, int]] = []

    def watched(panel: Panel) -> Fit:
        seen.append(dict(panel.adoption.first_treated))
        return UNIFORM(panel)

    panel = drawn(6, {"u00": 4, "u01": 4, "u05": 7})
    placebo(level=0.95, draws=50)(watched, panel, UNIFORM(panel), random())
    assert all(sorted(starts.values()) == [4, 4, 7] for starts in seen)
    assert all(not {"u00", "u01", "u05"} & set(starts) for starts in seen)
    # The same placebo drawn again is not computed again.
    assert len({frozenset(starts.items()) for starts in seen}) == len(seen) <= 50


def test_the_same_stream_gives_the_same_interval_and_another_another() -> None:
    starts = {"u00": 6, "u01": 7}
    first, second, third = (
        placebo(level=0.95, draws=40)(
            UNIFORM, panel, UNIFORM(panel), np.random.default_rng(seed)
        ).std_error
        for seed, panel in ((1, drawn(7, starts)), (1, drawn(7, starts)), (2, drawn(7, starts)))
    )
    assert first == second != third


def test_the_effects_of_a_fit_share_their_placebos() -> None:
    calls: list[Panel] = []

    def counted(panel: Panel) -> Fit:
        calls.append(panel)
        return UNIFORM(panel)

    panel = drawn(8, {"u00": 5, "u01": 7})
    fit = UNIFORM(panel)
    procedure = placebo(level=0.95, draws=30)
    errors = [
        procedure(counted, panel, fit.focused(i), np.random.default_rng(i)).std_error
        for i in range(len(fit.effects))
    ]
    assert len(calls) <= 30
    assert len(set(errors)) > 1
    by_name = {(e.estimand, e.group): error for e, error in zip(fit.effects, errors, strict=True)}
    found = placebo_effects(counted, panel, fit, draws=30, random=random())
    assert by_name["cohort", "7"] == pytest.approx(
        found.values[:, found.names.index(("cohort", "7"))].std()
    )


def test_drawn_placebos_are_refitted_by_the_quick_form() -> None:
    slow, quick = synthetic_did(), synthetic_did(stopping="exact")
    panel, same = (drawn(9, {"u00": 6, "u01": 6}) for _ in range(2))
    interval = placebo(level=0.95, draws=30)(slow, panel, slow(panel), random())
    wanted = placebo(level=0.95, draws=30)(quick, same, quick(same), random())
    assert interval.std_error == wanted.std_error


def test_units_of_a_pilot_site_that_start_apart_stand_in_together_and_it_says_so() -> None:
    site = {f"u{i:02d}": f"s{i // 2}" for i in range(14)}
    panel = drawn(10, {"u00": 5, "u01": 7}, site=site)
    fit = UNIFORM(panel)
    interval = placebo(level=0.95, draws=30)(UNIFORM, panel, fit, random())
    assert any("start when the first unit" in caveat for caveat in interval.caveats)
    assert interval.draws == 6


# ------------------------------------------------------------------ what is refused


def test_more_pilot_than_comparison_sites_are_refused() -> None:
    panel = drawn(11, {"u00": 6, "u01": 6, "u02": 6}, units=6)
    with pytest.raises(EstimationError, match=r"there are 3 .* and 3") as caught:
        placebo(level=0.95, draws=30)(UNIFORM, panel, UNIFORM(panel), random())
    assert caught.value.remedy


def without_one_period(panel: Panel, units: list[str]) -> Panel:
    gone = pl.col("unit").is_in(units) & (pl.col("period") == 2)
    return dataclasses.replace(panel, rows=panel.rows.filter(~gone))


def test_comparison_units_with_gaps_do_not_stand_in_and_are_counted() -> None:
    panel = drawn(12, {"u00": 6})
    broken = without_one_period(panel, ["u04", "u09"])
    found, whole = (
        placebo(level=0.95, draws=30)(UNIFORM, one, UNIFORM(one), random())
        for one in (broken, panel.without(["u04", "u09"]))
    )
    assert found.std_error == pytest.approx(whole.std_error)
    assert (found.p, found.draws) == (whole.p, 11)
    assert any(caveat.startswith("2 comparison units") for caveat in found.caveats)
    few = without_one_period(panel, [f"u{i:02d}" for i in range(1, 13)])
    with pytest.raises(EstimationError, match="there are 1 "):
        placebo(level=0.95, draws=30)(UNIFORM, few, UNIFORM(few), random())


def failing_at(sites: set[str]) -> Estimator:
    def estimate(panel: Panel) -> Fit:
        if sites & set(panel.adoption.first_treated):
            raise EstimationError("cannot be had")
        return UNIFORM(panel)

    return estimate


def test_placebos_that_fail_are_counted_and_many_of_them_refused() -> None:
    panel = drawn(13, {"u00": 6, "u01": 6})
    with pytest.raises(EstimationError, match="of 300 placebos could not be estimated"):
        placebo(level=0.95, draws=300)(failing_at({"u05"}), panel, UNIFORM(panel), random())
    many = drawn(13, {"u00": 6, "u01": 6}, units=700)
    interval = placebo(level=0.95, draws=300)(failing_at({"u05"}), many, UNIFORM(many), random())
    assert interval.draws == 300
    assert interval.failures <= 3


def test_an_effect_that_is_not_identified_has_no_interval() -> None:
    panel = drawn(14, {"u00": 6})
    nothing = Effect(estimand="overall", value=np.nan, scale="level")
    fit = dataclasses.replace(UNIFORM(panel), effects=(nothing,))
    interval = placebo(level=0.95, draws=30)(UNIFORM, panel, fit, random())
    assert (interval.low, interval.p) == (None, None)


def test_placebos_that_are_all_alike_give_no_interval() -> None:
    panel = drawn(15, {"u00": 6})
    flat = dataclasses.replace(panel, rows=panel.rows.with_columns(outcome=pl.col("period") * 1.0))
    interval = placebo(level=0.95, draws=30)(UNIFORM, flat, UNIFORM(flat), random())
    assert (interval.low, interval.std_error) == (None, None)
    assert "No interval: the placebos do not differ." in interval.caveats


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(EstimationError, match="confidence level is 95"):
        placebo(level=95, draws=30)
