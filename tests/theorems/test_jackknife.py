"""CR3 is the leave-one-site-out jackknife: the algebra is the refits, for every estimator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
import pytest

from evaluation.errors import EstimationError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator, Fit, Interval
from evaluation.inference.jackknife import cr3, leave_one_out, refit_without
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

# Relative to effects of the order 1; what was measured is 1e-14.
SAME = 1e-10

Draw = Callable[..., Panel]
Ask = Callable[..., Interval]

SHAPES = [
    {},
    {"shape": (16, 7), "per_site": 2, "starts": (3, 5), "missing": 0.12},
    {"shape": (9, 12), "starts": (4,)},
]


POOLED = partial(event_study, interaction_weighted=False)


@pytest.mark.parametrize("options", SHAPES)
# Interaction weights are shares of the observations: algebra keeps them, a refit would not.
@pytest.mark.parametrize("estimator", [twfe, POOLED, poisson])
def test_algebra_is_refitting(draw: Draw, estimator: Estimator, options: dict[str, object]) -> None:
    panel = draw(11, measure="rate", **options)
    whole = estimator(panel)
    for focal in range(len(whole.effects)):
        fit = whole.focused(focal)
        found = leave_one_out(estimator, panel, fit)
        assert list(found) == list(panel.sites)
        for site, value in found.items():
            slow = refit_without(estimator, panel, fit, site)
            assert value == pytest.approx(slow, rel=SAME, abs=SAME)


def test_the_error_is_the_formula_on_the_refits(draw: Draw, ask: Ask) -> None:
    panel = draw(3, shape=(12, 8), missing=0.1)
    fit = twfe(panel)
    sites = panel.sites
    moves = [refit_without(twfe, panel, fit, site) - fit.effect.value for site in sites]
    wanted = ((len(sites) - 1) / len(sites) * float(np.square(moves).sum())) ** 0.5
    found = ask(cr3(level=0.9), twfe, panel)
    assert found.std_error == pytest.approx(wanted, rel=SAME)
    assert found.df == len(sites) - 1


def test_an_estimator_without_equations_is_refitted(draw: Draw, ask: Ask) -> None:
    def bare(panel: Panel) -> Fit:
        return dataclasses.replace(twfe(panel), linear=None)

    panel = draw(5, shape=(9, 6), starts=(3,))
    slow, fast = (ask(cr3(level=0.95), estimator, panel) for estimator in (bare, twfe))
    assert slow.std_error == pytest.approx(fast.std_error, rel=SAME)
    assert slow.p == pytest.approx(fast.p, rel=1e-8)


def test_effects_of_a_fit_share_one_set_of_refits(draw: Draw) -> None:
    asked: list[Panel] = []

    def counted(panel: Panel) -> Fit:
        asked.append(panel)
        return dataclasses.replace(POOLED(panel), linear=None)

    panel = draw(5, shape=(9, 6), starts=(3,))
    fit = counted(panel)
    slow = [leave_one_out(counted, panel, fit.focused(j)) for j in range(len(fit.effects))]
    assert len(asked) == 1 + len(panel.sites)
    for focal, found in enumerate(slow):
        wanted = leave_one_out(POOLED, panel, POOLED(panel).focused(focal))
        assert found == pytest.approx(wanted, rel=SAME, abs=SAME)
    # Another panel, or another estimator, knows nothing of them.
    again = dataclasses.replace(panel)
    leave_one_out(counted, again, fit)
    assert len(asked) == 1 + 2 * len(panel.sites)


def test_two_groups_and_two_periods_have_a_closed_form() -> None:
    # Differences of 3 treated and 4 comparison sites: leaving j out of m moves a mean by
    # (mean - value) / (m - 1).
    changes = {
        "treated": np.array([4.0, 1.0, 2.5]),
        "comparison": np.array([0.5, -1.0, 0.0, 2.0]),
    }
    rows: list[tuple[str, int, float]] = []
    sites, starts = {}, {}
    for group, values in changes.items():
        for i, change in enumerate(values):
            name = f"{group}{i}"
            sites[name] = name
            if group == "treated":
                starts[name] = 1
            rows += [(name, 0, 1.0 * i), (name, 1, 1.0 * i + change)]
    panel = Panel(
        rows=pl.DataFrame(rows, schema=["unit", "period", "outcome"], orient="row").with_columns(
            weight=pl.lit(1.0)
        ),
        adoption=Adoption(site=sites, first_treated=starts),
        calendar=Calendar(frequency="index"),
    )
    squares = sum(
        float(np.square((values.mean() - values) / (values.size - 1)).sum())
        for values in changes.values()
    )
    found = cr3(level=0.95)(twfe, panel, twfe(panel), np.random.default_rng(0))
    assert found.std_error == pytest.approx((6 / 7 * squares) ** 0.5, rel=SAME)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_a_period_that_only_one_site_has_is_no_loss(draw: Draw, estimator: Estimator) -> None:
    panel = draw(8, shape=(10, 6), measure="rate")
    first = panel.units[0]
    rows = panel.rows.filter((pl.col("period") != 5) | (pl.col("unit") == first))
    panel = dataclasses.replace(panel, rows=rows)
    fit = estimator(panel)
    for site, value in leave_one_out(estimator, panel, fit).items():
        assert value == pytest.approx(refit_without(estimator, panel, fit, site), rel=SAME)


@pytest.mark.parametrize("estimator", [twfe, poisson])
def test_a_site_that_alone_identifies_the_effect_is_named(draw: Draw, estimator: Estimator) -> None:
    panel = draw(2, measure="rate")
    alone = panel.site_alone("s01")
    fit = estimator(alone)
    with pytest.raises(EstimationError, match="without the site 's01'"):
        cr3(level=0.95)(estimator, alone, fit, np.random.default_rng(0))
    with pytest.raises(EstimationError, match="without the site 's01'"):
        refit_without(estimator, alone, fit, "s01")


def test_an_event_time_of_one_site_is_named(draw: Draw) -> None:
    panel = draw(4)
    starts = dict(panel.adoption.first_treated)
    starts["u00"] = 2
    panel = panel.with_adoption(dataclasses.replace(panel.adoption, first_treated=starts))
    fit = event_study(panel)
    last = len(fit.effects) - 1
    assert fit.effects[last].n_pilot_sites == 1
    with pytest.raises(EstimationError, match="without the site 's00'"):
        leave_one_out(event_study, panel, fit.focused(last))


def test_a_site_without_events_moves_a_poisson_fit_nowhere(draw: Draw) -> None:
    panel = draw(6, measure="rate")
    silent = pl.when(pl.col("unit") == "u09").then(0.0)
    rows = panel.rows.with_columns(
        count=silent.otherwise(pl.col("count")), outcome=silent.otherwise(pl.col("outcome"))
    )
    panel = dataclasses.replace(panel, rows=rows)
    fit = poisson(panel)
    found = leave_one_out(poisson, panel, fit)
    assert "s09" not in found
    assert len(found) == fit.n_sites == len(panel.sites) - 1
    assert refit_without(poisson, panel, fit, "s09") == pytest.approx(fit.effect.value, rel=SAME)
    for site, value in found.items():
        assert value == pytest.approx(refit_without(poisson, panel, fit, site), rel=SAME)
    # To least squares its rate of 0 is an outcome like any other.
    linear = leave_one_out(twfe, panel, twfe(panel))
    assert linear["s09"] == pytest.approx(refit_without(twfe, panel, twfe(panel), "s09"), rel=SAME)


def test_one_sites_own_effect_is_matched_to_the_refits_overall_effect(draw: Draw) -> None:
    panel = draw(7)
    fit = twfe(panel)
    own = dataclasses.replace(fit.effect, estimand="site", group="s00")
    named = dataclasses.replace(fit, effects=(own,))
    assert refit_without(twfe, panel, named, "s09") == refit_without(twfe, panel, fit, "s09")
