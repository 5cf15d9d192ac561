"""The measured constants are what the real files hold, and the sample is shaped by them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from sample_generator import design, simulate
from sample_generator.facts import DAILY_READY, LEFT_A_DAY

# Medians over some 40 series of 42 months: another seed moves them by about this much.
ONE_SAMPLE = 0.25
CORRELATION = 0.15
# Two ICBs of 42 have breaks or gaps; how these are treated moves a mean by this much.
TREATMENT_OF_GAPS = 0.02
# Daily means are stored as whole patients.
WHOLE = 0.5 + 1e-9


def own_changes(outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log deviations from unit and month means, shape (units, months)."""
    y: NDArray[np.float64] = np.log(outcome)
    deviation: NDArray[np.float64] = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    return deviation


def typical_size(changes: NDArray[np.float64]) -> float:
    return float(np.median(changes.std(axis=1)))


def typical_persistence(changes: NDArray[np.float64]) -> float:
    return float(np.median([np.corrcoef(row[:-1], row[1:])[0, 1] for row in changes]))


@pytest.fixture(scope="module")
def real(shared_data: Path) -> pl.DataFrame:
    """Return daily patients ready to leave and discharged, by ICB."""
    frames = []
    for path in sorted((shared_data / "real" / "acute_discharge_sitrep").glob("*.csv")):
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "windows-1252")
        frames.append(
            pl.read_csv(text.encode(), infer_schema=False).select(
                pl.col("Period").str.to_date("%d/%m/%Y"),
                pl.col("Org Code").alias("icb"),
                pl.col("Metric").str.contains("no longer").alias("ready"),
                pl.col("Value").cast(pl.Float64, strict=False),
            )
        )
    # The files of some months repeat a day of the month before.
    return pl.concat(frames).drop_nulls().unique(["Period", "icb", "ready"])


def test_the_sizes_are_those_of_the_situation_report(real: pl.DataFrame) -> None:
    monthly = (
        real.pivot(on="ready", index=["Period", "icb"], values="Value")
        .drop_nulls()
        .group_by("icb", pl.col("Period").dt.truncate("1mo"))
        .agg(pl.col("true").mean(), pl.col("false").mean())
    )
    size = dict(monthly.group_by("icb").agg(pl.col("true").mean()).iter_rows())
    assert size.keys() == DAILY_READY.keys()
    for icb, daily in DAILY_READY.items():
        assert daily == pytest.approx(size[icb], abs=WHOLE)
    left = float(monthly["false"].to_numpy().sum() / monthly["true"].to_numpy().sum())
    assert left == pytest.approx(LEFT_A_DAY, rel=TREATMENT_OF_GAPS)


# Measured on 37 ICBs, April 2022 to August 2025 (QUE, QWU and three with gaps left out):
# spread of log levels, size and month-to-month correlation of an ICB's own changes.
@pytest.mark.parametrize(
    ("key", "spread", "size", "persistence"),
    [("delayed_discharges", 0.169, 0.079, 0.72), ("los_after_ready", 0.385, 0.155, 0.74)],
)
def test_levels_and_noise_are_like_the_real_ones(
    key: str, spread: float, size: float, persistence: float
) -> None:
    one = simulate(design())[key]
    outcome = one.untreated
    assert np.log(outcome).mean(axis=1).std() == pytest.approx(spread, rel=ONE_SAMPLE)
    assert typical_size(own_changes(outcome)) == pytest.approx(size, rel=ONE_SAMPLE)
    assert typical_persistence(own_changes(outcome)) == pytest.approx(persistence, abs=CORRELATION)


def test_patient_days_are_like_the_real_ones() -> None:
    exposure = simulate(design())["delayed_discharges"].exposure
    assert typical_size(own_changes(exposure)) == pytest.approx(0.087, rel=ONE_SAMPLE)
    assert typical_persistence(own_changes(exposure)) == pytest.approx(0.79, abs=CORRELATION)


def test_admissions_of_a_year_are_those_of_the_briefing() -> None:
    one = simulate(design(), effects={"avoidable_admissions": 0.0})["avoidable_admissions"]
    a_year = one.observed.sum() / 42 * 12
    # 192,000 emergency admissions from homes in 2016/17, 41% of them avoidable.
    assert a_year == pytest.approx(192_000 * 0.41, rel=0.1)


def test_more_people_are_admitted_in_winter() -> None:
    one = simulate(design())["avoidable_admissions"]
    rate = (one.observed / one.exposure).mean(axis=0)
    months = np.array([int(month[5:]) for month in design().months])
    winter = rate[np.isin(months, (12, 1, 2))].mean()
    summer = rate[np.isin(months, (6, 7, 8))].mean()
    assert 0.05 < math.log(winter / summer) < 0.3
