"""The fourteen processes are what they say, and a draw depends on its names alone."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from evaluation.estimators import poisson, twfe
from evaluation.simulation import PILOT, PROCESSES, Process, Sites, draw, named_stream, repeat

SEED = 461000
# METHODS section 6.
KEYS = (
    "iid",
    "AR .5",
    "AR .8",
    "winter",
    "heteroskedastic",
    "Poisson",
    "negative binomial",
    "large pilots",
    "small pilots",
    "heterogeneous effects",
    "shared in site",
    "regional",
    "all together",
    "share",
)
# Means and correlations over some hundred thousand draws; five of their standard errors or more.
CLOSE = 0.02
# Least squares on data without noise; a Poisson fit of effects that differ by some hundredths.
EXACT = 1e-9
NEARLY = 1e-3


def quiet(process: Process) -> Process:
    """Return the process without noise, winters and counting."""
    events = 1e12 if process.events else 0.0
    return dataclasses.replace(process, noise=1e-12, winter=0.0, events=events)


def test_there_are_fourteen_and_each_says_what_it_is_and_why() -> None:
    assert tuple(PROCESSES) == KEYS
    for key, process in PROCESSES.items():
        assert process.key == key
        assert process.words.endswith(".")
        assert process.why.endswith(".")


def test_the_shape_is_the_pilot() -> None:
    assert (PILOT.n_units, PILOT.n_pilot_units, PILOT.n_pilot_sites) == (42, 9, 6)
    assert PILOT.units_in_site == (1, 3, 1, 1, 2, 1)
    assert PILOT.n_periods == 36 + 18
    assert [start - 36 for start in PILOT.start] == [0, 2, 0, 3, 1, 2]
    assert np.unique(PILOT.site).size == 39
    assert np.bincount(PILOT.region).tolist() == [4, 3, 11, 6, 5, 6, 7]
    first = np.argmax(PILOT.treated[:9] > 0, axis=1)
    assert first.tolist() == [36, 38, 38, 38, 36, 39, 37, 37, 38]
    assert not PILOT.treated[9:].any()


@pytest.mark.parametrize("key", KEYS)
def test_a_panel_holds_the_drawn_arrays(key: str) -> None:
    drawn = draw(PROCESSES[key], PILOT, named_stream(SEED, key))
    panel = drawn.panel()
    assert panel.measure == drawn.measure
    assert panel.is_balanced
    assert np.array_equal(panel.values("outcome").reshape(42, 54), drawn.outcome)
    assert np.array_equal(panel.treated.reshape(42, 54), PILOT.treated > 0)
    assert np.array_equal(panel.values("weight").reshape(42, 54)[:, 0], drawn.weight)
    codes = panel.site_codes.reshape(42, 54)[:, 0]
    same = codes[:, None] == codes
    assert np.array_equal(same, PILOT.site[:, None] == PILOT.site)
    if drawn.count is not None:
        rate = panel.values("count") / panel.values("exposure")
        assert np.array_equal(rate, panel.values("outcome"))


@pytest.mark.parametrize("key", KEYS)
def test_the_same_names_give_the_same_panel_and_others_another(key: str) -> None:
    first, again, other = (
        draw(PROCESSES[key], PILOT, named_stream(SEED, name)).outcome for name in ("a", "a", "b")
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("effect", [0.0, 0.05, 0.10])
def test_without_noise_the_estimator_finds_the_effect(key: str, effect: float) -> None:
    process = dataclasses.replace(quiet(PROCESSES[key]), site_effects=0.0)
    drawn = draw(process, PILOT, named_stream(SEED, key), effect=effect)
    fit = (poisson if drawn.measure == "rate" else twfe)(drawn.panel())
    size = 1.0 if drawn.measure == "rate" else process.level
    assert fit.effect.value / size == pytest.approx(drawn.truth / size, abs=1e-5)
    assert drawn.truth / size == pytest.approx(
        math.log1p(effect) if drawn.measure == "rate" else effect
    )


@pytest.mark.parametrize("key", ["heterogeneous effects", "all together"])
def test_these_sites_average_exactly_the_effect_and_sites_like_these_do_not(key: str) -> None:
    process = quiet(PROCESSES[key])
    estimator = poisson if process.family == "poisson" else twfe

    def missed(sites: Sites) -> float:
        drawn = draw(process, PILOT, named_stream(SEED, key), effect=0.1, sites=sites)
        size = 1.0 if drawn.measure == "rate" else process.level
        return abs(estimator(drawn.panel()).effect.value - drawn.truth) / size

    assert missed("these") < (NEARLY if process.family == "poisson" else EXACT)
    assert missed("like these") > 10 * missed("these")


def residuals(
    key: str, repetitions: int = 200
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return drawn noise of variance 1; shape (repetitions, U, T)."""
    process = dataclasses.replace(PROCESSES[key], family="normal", noise=1e6, sized=False)
    return np.stack(
        [
            draw(process, PILOT, named_stream(SEED, key, str(r))).outcome / (1e6 * process.level)
            for r in range(repetitions)
        ]
    )


@pytest.mark.parametrize("key", ["iid", "AR .5", "AR .8", "share"])
def test_noise_has_variance_one_and_its_correlation_in_time(key: str) -> None:
    noise = residuals(key)
    assert noise.var() == pytest.approx(1, abs=2 * CLOSE)
    lagged = float((noise[..., 1:] * noise[..., :-1]).mean())
    assert lagged == pytest.approx(PROCESSES[key].persistence, abs=2 * CLOSE)


@pytest.mark.parametrize(
    ("key", "group", "shared"),
    [
        ("shared in site", PILOT.site, 0.5),
        ("regional", PILOT.region, 0.3),
        ("AR .5", PILOT.region, 0.0),
    ],
)
def test_units_of_a_group_share_their_part_of_the_noise(
    key: str, group: np.ndarray[tuple[int, ...], np.dtype[np.int64]], shared: float
) -> None:
    noise = residuals(key)
    among = np.einsum("rut,rvt->uv", noise, noise) / (noise.shape[0] * noise.shape[2])
    together = (group[:, None] == group) & ~np.eye(42, dtype=bool)
    assert float(among[together].mean()) == pytest.approx(shared, abs=2 * CLOSE)
    assert float(among[group[:, None] != group].mean()) == pytest.approx(0, abs=CLOSE)


def test_a_negative_binomial_count_has_its_mean_and_variance() -> None:
    process = dataclasses.replace(PROCESSES["negative binomial"], events=100.0, noise=0.3)
    drawn = [draw(process, PILOT, named_stream(SEED, str(r))) for r in range(200)]
    bare = [
        draw(dataclasses.replace(process, noise=0.0), PILOT, named_stream(SEED, str(r)))
        for r in range(200)
    ]
    mean = float(np.mean([d.outcome for d in drawn]) / np.mean([d.outcome for d in bare]))
    assert mean == pytest.approx(1, abs=CLOSE)
    # Within a unit and month: the mean, and 0.3 squared of its square; levels and the national
    # course are those of the panel without gamma noise, drawn from the same stream.
    extra = np.mean([d.outcome.var() for d in drawn]) - np.mean([d.outcome.var() for d in bare])
    expected = 0.3**2 * float(np.mean([(d.outcome**2).mean() for d in bare]))
    assert extra == pytest.approx(expected, rel=5 * CLOSE)


def test_large_units_have_less_noise() -> None:
    process = dataclasses.replace(PROCESSES["heteroskedastic"], persistence=0.0)
    logs = []
    for repetition in range(100):
        drawn = draw(process, PILOT, named_stream(SEED, str(repetition)))
        around = drawn.outcome - drawn.outcome.mean(axis=0)
        spread = (around - around.mean(axis=1, keepdims=True)).std(axis=1)
        logs.append(np.polyfit(np.log(drawn.weight), np.log(spread), 1)[0])
    assert float(np.mean(logs)) == pytest.approx(-0.4, abs=2 * CLOSE)


@pytest.mark.parametrize("jobs", [2, 3])
def test_how_many_processes_share_the_work_changes_nothing(jobs: int) -> None:
    told: list[tuple[int, int]] = []
    shared = repeat(float, 7, jobs=jobs, progress=lambda done, of: told.append((done, of)))
    assert shared == repeat(float, 7) == tuple(map(float, range(7)))
    assert told[-1] == (7, 7)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
