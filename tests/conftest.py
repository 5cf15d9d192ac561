"""Fixtures for every test: where the published cases and real data lie, and an invented run."""

from __future__ import annotations

import math
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from numpy.random import Generator

from evaluation.findings import Check, Effect, Estimand, Estimate, Interval, Scale
from evaluation.manifest import Input, Manifest
from evaluation.periods import Calendar
from evaluation.study import (
    Analysis,
    Contact,
    Event,
    Geography,
    Method,
    Outcome,
    PilotSite,
    Study,
    Time,
)

if TYPE_CHECKING:
    from evaluation.results.result import Result

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def _under_shared(name: str) -> Path:
    folder = _SHARED / name
    if folder.is_dir():
        return folder
    message = f"../shared/{name} is absent: the published cases and the real data are not here"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Return the folder of published cases."""
    return _under_shared("cases")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data, code lists and formats."""
    return _under_shared("data")


# ------------------------------------------------------------------ an invented run

_SITES: dict[str, tuple[str, ...]] = {
    "Bedfordshire, Luton and Milton Keynes": ("QHG",),
    "Cheshire and Merseyside with Greater Manchester and Lancashire and South Cumbria": (
        "QE1",
        "QOP",
        "QYG",
    ),
    "Coventry and Warwickshire": ("QWU",),
    "Leicester, Leicestershire and Rutland": ("QK1",),
    "Nottingham and Nottinghamshire with Derby and Derbyshire": ("QJ2", "QT1"),
    "South Yorkshire": ("QF7",),
}
_COMPARISON = (
    "QGH QH8 QHL QHM QJG QJK QJM QKK QKS QM7 QMF QMJ QMM QNC QNQ QNX QOC QOQ QOX QPM QR1 QRL "
    "QRV QSL QT6 QU9 QUA QUE QUY QVV QWE QWO QXU"
)
_EXAMPLE_SEED = 20260101
_CRITICAL = 2.6  # Student's t at 97.5% and 5 degrees of freedom, which CR2 gives six sites
_NO_SITE_INTERVAL = (
    "one site's own effect has no interval in this version: the procedures here count sites, "
    "and one site cannot show how much sites differ"
)

# key, label, measure, per, unit label, better, role, smallest effect, mean, effect %, error %
_EXAMPLE_OUTCOMES: tuple[tuple[Any, ...], ...] = (
    (
        *("avoidable_admissions", "Avoidable emergency admissions of care home residents"),
        *("rate", 1000.0, "admissions per 1,000 residents", "lower", "primary", -5.0),
        *(14.0, -12.0, 2.0),
    ),
    (
        *("delayed_discharges", "Patients ready to leave hospital who stayed on"),
        *("share", 1.0, "share of patients ready to leave", "lower", "secondary", -5.0),
        *(0.55, -2.0, 3.0),
    ),
    (
        *("days_after_ready", "Days in hospital after being ready to leave"),
        *("mean", 1.0, "days", "lower", "secondary", None),
        *(6.2, 4.0, 1.0),
    ),
    (
        *("gp_appointments", "GP appointments with care homes"),
        *("count", 1.0, "appointments", "neither", "process", None),
        *(900.0, -6.0, 1.5),
    ),
    (
        *("qualified_prescribers", "Care home nurses qualified to prescribe"),
        *("count", 1.0, "nurses", "higher", "process", 20.0),
        *(5.0, 60.0, 15.0),
    ),
)


def _example_study() -> Study:
    month = Calendar(frequency="month").parse
    analysis = Analysis(
        primary=Method(estimator="poisson", procedure="cr2"),
        estimators=("poisson", "twfe"),
        procedures=("cr2",),
    )
    return Study(
        version=1,
        title="Adult Social Care Nurse Prescribing Pilot",
        time=Time(frequency="month", first=month("2024-01"), last=month("2026-09")),
        geography=Geography(register="icb"),
        outcomes=tuple(
            Outcome(
                key=key,
                label=label,
                files=(f"{key}.csv",),
                measure=measure,
                per=per,
                unit_label=unit_label,
                better=better,
                role=role,
                smallest_effect=smallest,
            )
            for key, label, measure, per, unit_label, better, role, smallest, *_ in (
                _EXAMPLE_OUTCOMES
            )
        ),
        analysis=analysis,
        sites=tuple(
            PilotSite(name=name, units=units, starts=month("2026-01"))
            for name, units in _SITES.items()
        ),
        contact=Contact(name="The evaluation team", email="evaluation@example.org"),
        events=(Event(at=month("2024-05"), label="New definition of delayed discharge"),),
        notice="These data are synthetic: they were made by a program and describe nobody.",
        text='version = 1\ntitle = "Adult Social Care Nurse Prescribing Pilot"\n',
    )


def _example_panel(study: Study, rng: Generator) -> pl.DataFrame:
    site_of = {unit: site for site, units in _SITES.items() for unit in units}
    site_of |= {unit: unit for unit in _COMPARISON.split()}
    first, last = study.time.first or 0, study.time.last or 0
    starts = study.sites[0].starts
    rows: list[dict[str, object]] = []
    for key, _, measure, per, *_rest, mean, effect, _error in _EXAMPLE_OUTCOMES:
        for unit in sorted(site_of):
            size = rng.lognormal(0.0, 0.3)
            pilot = site_of[unit] in _SITES
            for period in range(first, last + 1):
                lift = 1 + effect / 100 * (pilot and period >= starts)
                level = mean * lift * (1 + 0.08 * math.cos(math.pi * period / 6))
                exposure = float(round(4000 * size)) if measure in ("rate", "share") else None
                count = None
                if measure == "rate":
                    count = float(rng.poisson(level / per * (exposure or 0)))
                elif measure == "share":
                    count = float(rng.binomial(int(exposure or 0), level))
                elif measure == "count":
                    count = float(rng.poisson(level * size))
                if count is None:
                    value = level * rng.lognormal(0.0, 0.05)
                else:
                    value = count if exposure is None else per * count / exposure
                rows.append(
                    {
                        "outcome_key": key,
                        "unit": unit,
                        "site": site_of[unit],
                        "period": period,
                        "outcome": value,
                        "weight": exposure or 1.0,
                        "count": count,
                        "exposure": exposure,
                        "first_treated": starts if pilot else None,
                    }
                )
    types = {"outcome": pl.Float64, "count": pl.Float64, "exposure": pl.Float64}
    return pl.DataFrame(
        rows, schema_overrides={**types, "period": pl.Int64, "first_treated": pl.Int64}
    )


def _example_estimate(
    outcome: tuple[Any, ...], estimator: str, estimand: Estimand, group: str, observed: float
) -> Estimate:
    """Return an invented effect with a CR2-like interval; none for one site's own."""
    seed = zlib.crc32(repr((outcome[0], estimator, estimand, group)).encode())
    rng = np.random.default_rng([_EXAMPLE_SEED, seed])
    percent, error = outcome[-2], outcome[-1]
    spread = 0.2 if estimand == "overall" else 1.0
    target = 0.0 if estimand == "event_time" and int(group) < 0 else percent
    share = (target + spread * error * rng.standard_normal()) / 100
    scale: Scale = "log" if estimator == "poisson" and outcome[2] != "mean" else "level"
    unit = 1.0 if scale == "log" else observed / (1 + share)
    value = math.log1p(share) if scale == "log" else share * unit
    std_error = error / 100 * unit
    half = _CRITICAL * std_error
    interval = Interval(
        procedure="cr2",
        level=0.95,
        low=value - half,
        high=value + half,
        p=min(1.0, 2 * math.exp(-abs(value / std_error))),
        std_error=std_error,
        df=5.0,
    )
    if estimand == "site":
        interval = Interval(procedure="cr2", level=0.95, caveats=(_NO_SITE_INTERVAL,))
    primary = "twfe" if outcome[2] == "mean" else "poisson"
    return Estimate(
        outcome=outcome[0],
        estimator=estimator,
        effect=Effect(
            estimand=estimand, value=value, scale=scale, group=group, observed=float(observed)
        ),
        interval=interval,
        n_obs=42 * 33,
        n_units=42,
        n_sites=39 if estimand != "site" else 34,
        n_pilot_sites=6 if estimand != "site" else 1,
        is_primary=estimator == primary and estimand != "event_time",
    )


def _example_estimates(panel: pl.DataFrame) -> tuple[list[Estimate], list[Estimate]]:
    estimates: list[Estimate] = []
    events: list[Estimate] = []
    treated = panel.filter(pl.col("period") >= pl.col("first_treated"))
    for outcome in _EXAMPLE_OUTCOMES:
        mine = treated.filter(outcome_key=outcome[0])
        observed = {
            site: float(np.average(part["outcome"], weights=part["weight"]))
            for site, part in (("", mine), *((s, mine.filter(site=s)) for s in _SITES))
        }
        for estimator in ("poisson", "twfe"):
            if outcome[2] == "mean" and estimator == "poisson":
                continue
            estimates.append(_example_estimate(outcome, estimator, "overall", "", observed[""]))
            estimates.extend(
                _example_estimate(outcome, estimator, "site", site, observed[site])
                for site in _SITES
            )
        events.extend(
            _example_estimate(outcome, "event_study", "event_time", str(time), observed[""])
            for time in range(-12, 9)
            if time != -1
        )
    return estimates, events


def _example_checks() -> tuple[Check, ...]:
    breaks = pl.DataFrame(
        {
            "unit": ["QWU", "QUE"],
            "first": ["2024-05", "2024-09"],
            "last": ["2024-08", "2024-11"],
            "value": [136.0, 3.0],
            "problem": ["fell to a third of its level and came back", "fell and stayed low"],
            "remedy": ["[[exclude]] the months", "[[exclude]] the unit"],
        }
    )
    return (
        Check(
            name="reporting_break",
            title="Breaks in a unit's series",
            passed=False,
            detail="Two ICBs have a break in their series; the estimate takes it for a change.",
            remedy="Leave out the months, or the ICB, under [[exclude]] with the reason.",
            outcome="avoidable_admissions",
            table=breaks,
        ),
        Check(
            name="duplicates",
            title="Rows that are there twice",
            passed=True,
            detail="Every ICB has one row a month.",
        ),
        Check(
            name="pilot_sites",
            title="How many sites carry the answer",
            passed=None,
            detail="Six pilot sites are compared with 33 comparison sites.",
        ),
    )


def _example_ledger(panel: pl.DataFrame) -> pl.DataFrame:
    used = panel.group_by("outcome_key", maintain_order=True).len()
    parts = [
        {
            "outcome": key,
            "file": f"{key}.csv",
            "status": status,
            "reason": reason,
            "rows": rows,
            "row_ranges": row_ranges,
        }
        for key, n in used.iter_rows()
        for status, reason, rows, row_ranges in (
            ("used", "", n, f"2-{n + 1}"),
            ("left out", "before the first period of the study", 42, f"{n + 2}-{n + 43}"),
        )
    ]
    return pl.DataFrame(parts)


@pytest.fixture(scope="session")
def example_result() -> Result:
    """Return an invented run: six pilot sites of nine ICBs, 33 comparison ICBs, five outcomes.

    The panel is drawn by a seeded generator; estimates are invented around the effects that were
    put in, so that reports meet every kind of statement. One check fails.
    """
    # Imported here, so that tests of the layers below do not load the layers above.
    from evaluation.results.result import Result

    study = _example_study()
    panel = _example_panel(study, np.random.default_rng(_EXAMPLE_SEED))
    estimates, events = _example_estimates(panel)
    manifest = Manifest(
        study_path="study.toml",
        study_text=study.text,
        inputs=tuple(
            Input(path=f"{o.key}.csv", sha256=f"{i:064x}", size=1000)
            for i, o in enumerate(study.outcomes, start=1)
        ),
        versions={"pilot-eval": "0.1.0", "python": "3.11", "numpy": "2.0.0"},
        seed=study.analysis.seed,
        platform="Linux x86_64",
    )
    return Result(
        study=study,
        estimates=tuple(estimates),
        event_study=tuple(events),
        checks=_example_checks(),
        panel=panel,
        ledger=_example_ledger(panel),
        manifest=manifest,
    )
