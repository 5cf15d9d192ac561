"""Every estimator answers by site, start, calendar period and event time, relatively too."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from evaluation import methods
from evaluation.findings import Estimate
from evaluation.pipeline import run
from evaluation.results import Result
from evaluation.study import parse_study

_STUDY = """
version = 1
title = "Wards"
time = {{ frequency = "index" }}

[[outcomes]]
key = "falls"
label = "falls"
files = ["falls.csv"]
measure = "rate"
per = 100

[outcomes.columns]
unit = "ward"
period = "week"
count = "falls"
exposure = "beds"
first_treated = "start"

[analysis]
primary = {{ estimator = "{primary}", procedure = "{procedure}" }}
estimators = {estimators}
procedures = ["cr1", "placebo", "simultaneous"]
draws = 99
"""
# Starts of pilot wards, each a site of its own: seven together, then five, then one alone.
_STARTS = (*(8,) * 7, *(10,) * 5, 11)
_WARDS, _WEEKS = 30, 13
_ALONE = "11"
_BAND = "simultaneous"
_ENOUGH = methods.PROCEDURES[_BAND].fewest_pilot_sites
_TREATED = range(8, _WEEKS)
_SEED = 20240402
ALL = pytest.mark.parametrize("key", list(methods.ESTIMATORS))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Return a run by each estimator."""
    folder = tmp_path_factory.mktemp("wards")
    draws = np.random.default_rng(_SEED)
    lines = ["ward,week,falls,beds,start"]
    for ward in range(_WARDS):
        start = dict(enumerate(_STARTS)).get(ward)
        for week in range(_WEEKS):
            treated = start is not None and week >= start
            falls = draws.poisson(40 * (0.8 if treated else 1.0))
            lines.append(f"W{ward:02d},{week},{falls},250,{'' if start is None else start}")
    (folder / "falls.csv").write_text("\n".join(lines), encoding="utf-8")

    def estimated(key: str) -> Result:
        entry = methods.ESTIMATORS[key]
        procedure = "cr1" if "cr1" in entry.procedures else "placebo"
        primary = "twfe" if entry.by_event_time else key
        text = _STUDY.format(
            primary=primary,
            procedure=procedure,
            estimators=list(dict.fromkeys((primary, key))),
        )
        return run(parse_study(text, folder / "study.toml"))

    return {key: estimated(key) for key in methods.ESTIMATORS}


def named(estimates: Iterable[Estimate], key: str) -> dict[tuple[str, str], Estimate]:
    """Return the estimates of one estimator by estimand and group."""
    return {(e.effect.estimand, e.effect.group): e for e in estimates if e.estimator == key}


@ALL
def test_effects_by_site_start_calendar_period_and_event_time(
    results: dict[str, Result], key: str
) -> None:
    result = results[key]
    found = named((*result.estimates, *result.event_study), key)
    wanted = {
        ("overall", ""),
        *(("site", f"W{ward:02d}") for ward in range(len(_STARTS))),
        *(("cohort", str(start)) for start in set(_STARTS)),
        *(("calendar", str(week)) for week in _TREATED),
        *(("event_time", str(time)) for time in range(_WEEKS - min(_STARTS))),
    }
    assert wanted <= found.keys()
    assert all(math.isfinite(found[name].effect.value) for name in wanted)


@ALL
def test_each_of_them_relative_to_what_would_have_been(
    results: dict[str, Result], key: str
) -> None:
    result = results[key]
    for estimate in named((*result.estimates, *result.event_study), key).values():
        relative, low, high = estimate.relative
        assert relative is not None, estimate.effect
        assert -100 < relative < 100
        if estimate.interval.low is not None:
            assert low is not None
            assert high is not None
            assert low < relative < high


@ALL
def test_an_effect_of_few_sites_has_no_interval_but_a_reason(
    results: dict[str, Result], key: str
) -> None:
    result = results[key]
    found = named((*result.estimates, *result.event_study), key)
    alone = found["cohort", _ALONE]
    assert alone.n_pilot_sites == 1
    if "cr1" not in methods.ESTIMATORS[key].procedures:
        return  # placebos hold for one site
    assert (alone.interval.low, alone.interval.high, alone.interval.p) == (None, None, None)
    assert alone.caveats[0].startswith("No interval for one pilot site: ")
    for start in set(_STARTS) - {int(_ALONE)}:
        whole = found["cohort", str(start)]
        assert whole.n_pilot_sites == _STARTS.count(start)
        assert whole.interval.low is not None
    # A calendar effect rests on the sites that had begun.
    for week in _TREATED:
        effect = found["calendar", str(week)]
        assert effect.n_pilot_sites == sum(start <= week for start in _STARTS)
        assert effect.interval.low is not None


@pytest.mark.parametrize("key", ["callaway_santanna", "imputation", "synthetic_did"])
def test_effects_of_a_start_in_a_period(results: dict[str, Result], key: str) -> None:
    found = named(results[key].estimates, key)
    wanted = {f"{start}:{week}" for start in set(_STARTS) for week in range(start, _WEEKS)}
    assert wanted <= {group for estimand, group in found if estimand == "group_time"}


def test_the_band_of_callaway_and_sant_anna_stands_in_the_event_study(
    results: dict[str, Result],
) -> None:
    rows = [e for e in results["callaway_santanna"].event_study if e.interval.low is not None]
    kinds = {name: [e for e in rows if e.interval.procedure == name] for name in ("cr1", _BAND)}
    by_time = {e.effect.group: e.interval for e in kinds["cr1"]}
    enough = [e.effect.group for e in kinds["cr1"] if e.n_pilot_sites >= _ENOUGH]
    assert len(enough) > 3
    assert [e.effect.group for e in kinds[_BAND]] == enough
    for estimate in kinds[_BAND]:
        band, own = estimate.interval, by_time[estimate.effect.group]
        assert band.low is not None
        assert own.low is not None
        assert band.low < own.low
        assert band.std_error == pytest.approx(own.std_error)
        assert "hold together" in estimate.caveats[0]
    assert not [e for e in results["callaway_santanna"].estimates if e.interval.procedure == _BAND]


@ALL
def test_a_reference_is_no_estimate_and_what_is_an_estimate_no_reference(
    results: dict[str, Result], key: str
) -> None:
    entry = methods.ESTIMATORS[key]
    times = {int(group) for kind, group in named(results[key].event_study, key)}
    assert entry.reference is None or entry.reference not in times
    # Between the first and the last event time nothing is missing but the reference.
    missing = set(range(min(times), max(times))) - times
    assert missing == ({entry.reference} if entry.reference is not None else set())
    assert not entry.tests_trends or min(times) < 0
