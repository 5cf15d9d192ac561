"""Suppressed and rounded counts at their likelihood midpoint, and at their ends."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import poisson as poisson_law

from evaluation.censoring import ENDS, at_end, at_midpoint, expected_between, how_many
from evaluation.censoring.completed import with_counts
from evaluation.errors import EstimationError
from evaluation.estimators import imputation, poisson, twfe
from evaluation.findings import Estimator
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

SEED = 461
EXACT = 1e-12
# The algorithm stops when no count moves by more than a thousandth.
SETTLED = 5e-3
# Of a log rate ratio or a rate: what iterations stop at.
SAME = 1e-6

FloatArray = NDArray[np.float64]


def _panel(counts: FloatArray, n_pilots: int, start: int, *, hide: bool) -> Panel:
    n_units, n_periods = counts.shape
    units = [f"U{u:02d}" for u in range(n_units)]
    flat = counts.ravel()
    hidden = (flat >= 1) & (flat <= 7) & hide
    rows = pl.DataFrame(
        {
            "unit": np.repeat(units, n_periods),
            "period": np.tile(np.arange(n_periods), n_units),
            "count": np.where(hidden, 1.0, flat),
            "count_low": np.where(hidden, 1.0, flat),
            "count_high": np.where(hidden, 7.0, flat),
            "outcome": flat / 100,
            "exposure": np.full(flat.size, 100.0),
            "weight": np.full(flat.size, 100.0),
        }
    )
    return Panel(
        rows=rows,
        adoption=Adoption(
            site={u: u for u in units}, first_treated=dict.fromkeys(units[:n_pilots], start)
        ),
        calendar=Calendar(frequency="index"),
        measure="rate",
    )


def _drawn(seed: int, effect: float, n_units: int = 24) -> FloatArray:
    stream = np.random.default_rng(seed)
    level = np.exp(stream.uniform(1.2, 2.6, n_units))
    mean = np.repeat(level[:, None], 30, axis=1)
    mean[:6, 18:] *= effect
    return stream.poisson(mean).astype(np.float64)


def test_the_expectation_is_the_sum_over_what_may_be() -> None:
    stream = np.random.default_rng(SEED)
    mean = stream.uniform(0.1, 40, 50)
    low = stream.integers(0, 9, 50).astype(np.float64)
    high = low + stream.integers(0, 12, 50).astype(np.float64)
    for m, a, b, found in zip(mean, low, high, expected_between(mean, low, high), strict=True):
        counts = np.arange(a, b + 1)
        chance = poisson_law.pmf(counts, m)
        assert found == pytest.approx(float(counts @ chance / chance.sum()), rel=EXACT)


def test_a_count_far_from_its_mean_is_at_the_nearer_end() -> None:
    mean, low, high = np.array([1e-9, 1e6]), np.array([1.0, 1.0]), np.array([7.0, 7.0])
    found = expected_between(mean, low, high)
    assert found == pytest.approx([1.0, 7.0], abs=1e-4)
    assert np.isfinite(found).all()


def test_a_panel_without_hidden_counts_keeps_them() -> None:
    panel = _panel(_drawn(SEED, 1.0), 6, 18, hide=False)
    assert how_many(panel) == 0
    assert at_midpoint(panel).rows["count"].equals(panel.rows["count"])
    plain = dataclasses.replace(panel, rows=panel.rows.drop("count_low", "count_high"))
    assert at_midpoint(plain) is plain


def test_the_midpoint_maximises_the_likelihood_of_what_is_known() -> None:
    """A panel small enough to maximise P(low <= count <= high) head on."""
    counts = np.array([[12.0, 15, 3, 4], [9, 5, 11, 10], [8, 6, 2, 9]])
    panel = _panel(counts, 1, 2, hide=True)
    low = panel.values("count_low").reshape(counts.shape)
    high = panel.values("count_high").reshape(counts.shape)
    treated = panel.treated.reshape(counts.shape)

    def mean_of(at: FloatArray) -> FloatArray:
        period = np.concatenate([[0.0], at[3:6]])
        mean: FloatArray = np.exp(at[:3, None] + period[None, :] + at[6] * treated)
        return mean

    def loss(at: FloatArray) -> float:
        mean = mean_of(at)
        inside = poisson_law.cdf(high, mean) - poisson_law.cdf(low - 1, mean)
        return -float(np.log(inside).sum())

    best = minimize(loss, np.concatenate([np.full(3, 2.0), np.zeros(4)]), options={"gtol": 1e-9})
    expected = expected_between(mean_of(best.x).ravel(), low.ravel(), high.ravel())
    assert at_midpoint(panel).values("count") == pytest.approx(expected, abs=SETTLED)


def test_counts_stay_within_their_ends_and_outcomes_follow() -> None:
    panel = _panel(_drawn(SEED, 0.7), 6, 18, hide=True)
    placed = at_midpoint(panel)
    count = placed.values("count")
    assert how_many(panel) > 100
    assert (count >= panel.values("count_low")).all()
    assert (count <= panel.values("count_high")).all()
    assert placed.values("outcome") == pytest.approx(count / 100, rel=EXACT)
    assert placed.rows["weight"].equals(panel.rows["weight"])


def test_the_midpoint_recovers_what_leaving_out_does_not() -> None:
    """With a fall of a third, dropping small counts drops what fell; the midpoint does not."""
    truth = float(np.log(2 / 3))
    errors: dict[str, list[float]] = {"midpoint": [], "left out": [], "all seen": []}
    for seed in range(12):
        counts = _drawn(SEED + seed, 2 / 3)
        whole = _panel(counts, 6, 18, hide=False)
        hidden = _panel(counts, 6, 18, hide=True)
        known = hidden.rows.filter(pl.col("count_low") == pl.col("count_high"))
        left_out = dataclasses.replace(
            hidden, rows=known, adoption=hidden.adoption.keep(known["unit"].unique())
        )
        for name, panel in (
            ("midpoint", at_midpoint(hidden)),
            ("left out", left_out),
            ("all seen", whole),
        ):
            errors[name].append(poisson(panel).effect.value - truth)
    bias = {name: float(np.mean(found)) for name, found in errors.items()}
    spread = float(np.std(errors["midpoint"]) / np.sqrt(12))
    assert abs(bias["midpoint"]) < 3 * spread
    assert bias["left out"] > 0.05


def test_counts_that_are_all_hidden_are_no_data() -> None:
    panel = _panel(np.full((6, 8), 4.0), 2, 4, hide=True)
    with pytest.raises(EstimationError, match="each of the 48 counts is hidden from 1 to 7"):
        at_midpoint(panel)


def test_the_ends_hold_the_estimate_of_the_true_counts() -> None:
    for seed in range(5):
        counts = _drawn(SEED + seed, 0.8)
        hidden = _panel(counts, 6, 18, hide=True)
        at = {e.key: poisson(at_end(hidden, e)).effect.value for e in ENDS}
        true = poisson(_panel(counts, 6, 18, hide=False)).effect.value
        assert at["lowest"] < true < at["highest"]
        assert at["lowest"] <= min(at["low"], at["high"])
        assert max(at["low"], at["high"]) <= at["highest"]


def _few_hidden(counts: FloatArray, starts: dict[str, int], seed: int) -> Panel:
    """Return a panel in which six counts, drawn at random, are from 1 to 7."""
    panel = _panel(counts, 1, 2, hide=False)
    where = np.random.default_rng(seed).choice(counts.size, 6, replace=False)
    low, high = panel.values("count_low").copy(), panel.values("count_high").copy()
    low[where], high[where] = 1, 7
    rows = panel.rows.with_columns(count_low=pl.Series(low), count_high=pl.Series(high))
    adoption = dataclasses.replace(panel.adoption, first_treated=starts)
    return dataclasses.replace(panel, rows=rows, adoption=adoption)


ONE_START, TWO_STARTS = {"U00": 3, "U01": 3}, {"U00": 2, "U01": 4}


@pytest.mark.parametrize(
    ("estimator", "starts"),
    [(twfe, ONE_START), (poisson, ONE_START), (imputation, ONE_START), (twfe, TWO_STARTS)],
)
def test_no_placing_of_the_hidden_counts_goes_beyond_the_two_that_move_it_most(
    estimator: Estimator, starts: dict[str, int]
) -> None:
    """Every one of the 64 placings at an end; an estimate is highest or lowest at one of them."""
    counts = np.random.default_rng(SEED).uniform(4, 16, (5, 6)).round()
    for seed in range(2):
        panel = _few_hidden(counts, starts, seed)
        at = {e.key: estimator(at_end(panel, e)).effect.value for e in ENDS}
        low, high = panel.values("count_low"), panel.values("count_high")
        every = []
        for placing in product((0, 1), repeat=6):
            chosen = low.copy()
            chosen[low < high] = np.where(placing, high[low < high], low[low < high])
            every.append(estimator(with_counts(panel, chosen)).effect.value)
        assert at["lowest"] == pytest.approx(min(every), abs=SAME)
        assert at["highest"] == pytest.approx(max(every), abs=SAME)


def test_where_there_is_a_dose_counts_are_placed_by_it() -> None:
    """Within the treated rows a count at a low dose pulls the estimate down, not up."""
    panel = _few_hidden(np.full((5, 8), 9.0), {"U00": 2}, SEED)
    dose = np.where(panel.treated, panel.rows["period"].to_numpy() - 1.0, 0.0)
    low = np.where(panel.treated, 1.0, 9.0)
    rows = panel.rows.with_columns(
        dose=pl.Series(dose),
        count_low=pl.Series(low),
        count_high=pl.Series(np.where(panel.treated, 7.0, 9.0)),
    )
    panel = dataclasses.replace(panel, rows=rows)
    at = {e.key: twfe(at_end(panel, e)).effect.value for e in ENDS}
    every = []
    for placing in product((1.0, 7.0), repeat=int(panel.treated.sum())):
        counts = np.full(low.shape, 9.0)
        counts[panel.treated] = placing
        every.append(twfe(with_counts(panel, counts)).effect.value)
    assert at["lowest"] == pytest.approx(min(every), abs=SAME)
    assert at["highest"] == pytest.approx(max(every), abs=SAME)


def test_units_seen_in_some_periods_only_are_placed_by_what_they_tell() -> None:
    """A unit that is seen once tells nothing: wherever its count lies, the estimate is the same."""
    panel = _panel(_drawn(SEED, 0.8, n_units=8), 2, 18, hide=True)
    once = panel.rows.filter((pl.col("unit") != "U07") | (pl.col("period") == 3))
    panel = dataclasses.replace(panel, rows=once)
    at = {e.key: twfe(at_end(panel, e)).effect.value for e in ENDS}
    assert at["lowest"] < min(at["low"], at["high"]) <= max(at["low"], at["high"]) < at["highest"]
