"""The wild bootstrap without a fit is the wild bootstrap of the fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import poisson, twfe
from evaluation.findings import LinearFit
from evaluation.inference.engine import Reduced, reduce_panel
from evaluation.inference.moments import moments, turned
from evaluation.inference.wild_bootstrap import (
    draw_signs,
    flip_p_value,
    wild_p_value,
    wild_test,
)
from evaluation.inference.wild_direct import poisson_null_flips, reduced_flips
from evaluation.inference.wild_scores import Scores, linear_flips
from evaluation.panel import Panel

Draw = Callable[..., Panel]
# Relative to numbers of the order 1; what was measured is 1e-15.
SAME = 1e-12
KINDS: tuple[Scores, ...] = ("jackknifed", "plain")
SHAPES: list[dict[str, object]] = [
    {"shape": (14, 8)},
    {"shape": (18, 7), "per_site": 3, "starts": (2, 4)},
]


@pytest.fixture(params=SHAPES)
def both(request: pytest.FixtureRequest, draw: Draw) -> tuple[LinearFit, Reduced]:
    """Return a balanced panel's fit and its reduction; weights differ between units."""
    panel = draw(1, **request.param)
    weight = pl.col("weight").first().over("unit")
    panel = dataclasses.replace(panel, rows=panel.rows.with_columns(weight=weight), covariates=())
    linear, reduced = twfe(panel).linear, reduce_panel(panel)
    assert linear is not None
    assert reduced is not None
    return linear, reduced


@pytest.mark.parametrize("kind", KINDS)
def test_a_reduced_panel_has_the_flips_of_the_fit(
    both: tuple[LinearFit, Reduced], kind: Scores
) -> None:
    linear, reduced = both
    null = turned(moments(linear), 0)
    long, short = linear_flips(null, kind), reduced_flips(reduced, kind)
    # Distances of the long form are in units of `scale`, and its contrasts with them.
    units = np.array([null.scale, 1.0])
    assert short.moves == pytest.approx(long.moves * units, rel=SAME, abs=SAME)
    assert short.residuals == pytest.approx(
        long.residuals * units[:, None, None], rel=SAME, abs=SAME
    )
    assert short.square == pytest.approx(long.square * null.scale**2, rel=SAME)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reduced_panel_has_the_p_values_of_the_fit(
    both: tuple[LinearFit, Reduced], kind: Scores
) -> None:
    linear, reduced = both
    signs = draw_signs(linear.n_clusters, draws=999, random=np.random.default_rng(1))
    tests = [wild_test(one, signs, scores=kind) for one in both]
    for tested in (0.0, 0.4, -1.0):
        p = tests[0](tested).p
        assert tests[1](tested).p == p
        assert wild_p_value(reduced, signs, tested=tested, scores=kind) == p
        assert wild_p_value(linear, signs, tested=tested, scores=kind) == p


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [*SHAPES, {"shape": (15, 6), "missing": 0.15}])
def test_a_poisson_model_needs_the_means_under_the_null_alone(
    draw: Draw, options: dict[str, object], kind: Scores
) -> None:
    panel = draw(2, measure="rate", **options)
    linear = poisson(panel).linear
    assert linear is not None
    signs = draw_signs(linear.n_clusters, draws=999, random=np.random.default_rng(1))
    for tested in (0.0, -0.3, 0.5):
        direct = flip_p_value(poisson_null_flips(panel, tested, kind), signs)
        assert direct == wild_p_value(linear, signs, tested=tested, scores=kind)


def test_units_and_periods_without_events_do_not_matter(draw: Draw) -> None:
    panel = draw(3, shape=(15, 6), measure="rate")
    silent = (pl.col("unit") == "u14") | (pl.col("period") == 0)
    rows = panel.rows.with_columns(count=pl.when(silent).then(0.0).otherwise(pl.col("count")))
    panel = dataclasses.replace(panel, rows=rows)
    linear = poisson(panel).linear
    assert linear is not None
    signs = draw_signs(14, draws=999, random=np.random.default_rng(1))
    direct = flip_p_value(poisson_null_flips(panel, 0.2), signs)
    assert direct == wild_p_value(linear, signs, tested=0.2)
