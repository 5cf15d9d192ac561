"""What no estimator may answer is refused in plain words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator
from evaluation.panel import Adoption, Panel

Draw = Callable[..., Panel]
ALL = pytest.mark.parametrize("estimator", [twfe, poisson, event_study])


def adopting(panel: Panel, first_treated: dict[str, int]) -> Panel:
    return panel.with_adoption(Adoption(site=panel.adoption.site, first_treated=first_treated))


@ALL
def test_nobody_adopts(draw: Draw, estimator: Estimator) -> None:
    with pytest.raises(EstimationError, match="no unit of the panel adopts"):
        estimator(adopting(draw(1, measure="rate"), {}))


@ALL
def test_nobody_is_observed_after_the_start(draw: Draw, estimator: Estimator) -> None:
    with pytest.raises(EstimationError, match="no pilot unit is observed after its start"):
        estimator(adopting(draw(1, measure="rate"), {"u00": 6, "u01": 9}))


@ALL
def test_nobody_is_observed_before_the_start(draw: Draw, estimator: Estimator) -> None:
    with pytest.raises(EstimationError, match="no period before their start"):
        estimator(adopting(draw(1, measure="rate"), {"u00": 0, "u01": -2}))


@ALL
def test_everybody_adopts_at_once(draw: Draw, estimator: Estimator) -> None:
    panel = draw(1, measure="rate")
    with pytest.raises(EstimationError, match=r"no comparison|every unit adopts"):
        estimator(adopting(panel, dict.fromkeys(panel.units, 3)))


def test_leads_and_lags_need_units_that_never_adopt(draw: Draw) -> None:
    panel = draw(1)
    starts = {name: 2 + i % 3 for i, name in enumerate(panel.units)}
    with pytest.raises(EstimationError, match="every unit adopts"):
        event_study(adopting(panel, starts), interaction_weighted=False)
    assert np.isfinite(twfe(adopting(panel, starts)).effect.value)


def test_an_event_study_needs_its_reference_period(draw: Draw) -> None:
    panel = draw(1, starts=(3,))
    rows = panel.rows.filter(pl.col("period") != 2)
    with pytest.raises(EstimationError, match="the period before its start, the reference"):
        event_study(dataclasses.replace(panel, rows=rows))


def test_an_event_time_without_comparison_is_named_and_the_rest_kept(draw: Draw) -> None:
    panel = dataclasses.replace(draw(1, starts=(3,)), covariates=())
    # One pilot unit alone is left in the last period, which its own dummy then fits.
    alone = (pl.col("period") == 5) & (pl.col("unit") != "u00")
    part = dataclasses.replace(panel, rows=panel.rows.filter(~alone))
    fit = event_study(part)
    by_time = {effect.group: effect for effect in fit.effects}
    assert np.isnan(by_time["2"].value)
    assert any("no comparison is observed" in text for text in by_time["2"].caveats)
    kept = event_study(dataclasses.replace(panel, rows=panel.rows.filter(pl.col("period") < 5)))
    for effect in kept.effects:
        assert by_time[effect.group].value == pytest.approx(effect.value, abs=1e-10)


@pytest.mark.parametrize("estimator", [twfe, event_study])
def test_an_outcome_that_never_varies(draw: Draw, estimator: Estimator) -> None:
    panel = draw(1)
    flat = panel.rows.with_columns(outcome=pl.lit(4.0))
    with pytest.raises(EstimationError, match="the outcome is 4 in every unit and period"):
        estimator(dataclasses.replace(panel, rows=flat))


def test_counts_that_are_all_zero(draw: Draw) -> None:
    panel = draw(1, measure="rate")
    with pytest.raises(EstimationError, match="every count is zero"):
        poisson(dataclasses.replace(panel, rows=panel.rows.with_columns(count=pl.lit(0.0))))


@pytest.mark.parametrize("measure", ["share", "mean"])
def test_poisson_needs_a_count(draw: Draw, measure: str) -> None:
    with pytest.raises(EstimationError, match=r"this outcome is a (share|mean).*'rate' or 'count'"):
        poisson(draw(1, measure=measure))


def test_poisson_names_the_row_of_an_impossible_value(draw: Draw) -> None:
    panel = draw(1, measure="rate")
    at = (pl.col("unit") == "u03") & (pl.col("period") == 2)
    for column, bad in (("count", -1.0), ("exposure", 0.0)):
        rows = panel.rows.with_columns(pl.when(at).then(bad).otherwise(column).alias(column))
        with pytest.raises(EstimationError, match=rf"unit 'u03', 2: the {column} is {bad:g}"):
            poisson(dataclasses.replace(panel, rows=rows))


def test_a_covariate_that_says_nothing_new_is_left_out_with_a_caveat(draw: Draw) -> None:
    panel = draw(1)
    rows = panel.rows.with_columns(rurality=pl.col("unit").str.tail(1).cast(pl.Float64))
    more = dataclasses.replace(panel, rows=rows, covariates=("rurality", "x"))
    fit = twfe(more)
    assert fit.effect.value == pytest.approx(twfe(panel).effect.value, abs=1e-10)
    assert any("Not adjusted for rurality" in text for text in fit.caveats)


def test_staggered_starts_carry_their_caveats(draw: Draw) -> None:
    pooled = event_study(draw(1), interaction_weighted=False).caveats
    assert any("mix them if effects differ" in text for text in pooled)
    assert any("takes the shares as given" in text for text in event_study(draw(1)).caveats)
    assert any("Goodman-Bacon 2021" in text for text in twfe(draw(1)).caveats)
    assert event_study(draw(1, starts=(3,))).caveats == ()


def test_a_dose_says_what_its_effect_is_per(draw: Draw) -> None:
    panel = draw(1)
    rows = panel.rows.with_columns(dose=pl.Series(panel.treatment) * 2)
    fit = twfe(dataclasses.replace(panel, rows=rows))
    assert fit.effect.value == pytest.approx(twfe(panel).effect.value / 2, abs=1e-10)
    assert fit.effect.observed is None
    assert "per unit of dose" in fit.effect.caveats[0]


def test_an_event_time_says_on_how_many_pilot_sites_it_rests(draw: Draw) -> None:
    by_time = {e.group: e.n_pilot_sites for e in event_study(draw(1, starts=(2, 4))).effects}
    assert by_time == {"-4": 2, "-3": 2, "-2": 4, "0": 4, "1": 4, "2": 2, "3": 2}


def test_the_last_to_start_are_the_comparison_where_everybody_adopts(draw: Draw) -> None:
    panel = dataclasses.replace(draw(1, shape=(9, 8)), covariates=())
    starts = {name: 3 + i % 3 for i, name in enumerate(panel.units)}
    fit = event_study(adopting(panel, starts), with_averages=True)
    assert any("those that start last (5) are the comparison" in text for text in fit.caveats)
    # The same as with them never treated, before they start.
    early = {name: start for name, start in starts.items() if start < 5}
    rows = panel.rows.filter(pl.col("period") < 5)
    other = event_study(adopting(dataclasses.replace(panel, rows=rows), early), with_averages=True)
    found = [{(e.estimand, e.group): e.value for e in f.effects} for f in (fit, other)]
    assert found[0] == pytest.approx(found[1], abs=1e-10)
    assert fit.n_obs == rows.height
    assert fit.n_pilot_sites == 6


def test_a_start_without_its_reference_is_left_out_of_the_averages(draw: Draw) -> None:
    panel = dataclasses.replace(draw(1, starts=(2, 4)), covariates=())
    early = pl.col("unit").is_in(["u00", "u01"])
    rows = panel.rows.filter(~(early & (pl.col("period") == 1)))
    by_time = {e.group: e for e in event_study(dataclasses.replace(panel, rows=rows)).effects}
    assert "1 of 2 starts is left out" in by_time["0"].caveats[0]
    assert by_time["0"].n_pilot_sites == 2
    assert np.isnan(by_time["2"].value)
    assert np.isfinite(by_time["0"].value)
