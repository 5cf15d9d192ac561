"""A study whose adoption is a column of the data, of units that are no ICBs: run and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation import report
from evaluation.disclosure import Released, release
from evaluation.pipeline import run
from evaluation.study import parse_study

_STUDY = """
version = 1
title = "Wards"
time = { frequency = "quarter" }

[[outcomes]]
key = "falls"
label = "falls"
files = ["falls.csv"]
measure = "rate"
per = 100
better = "lower"
smallest_effect = -10.0

[outcomes.columns]
unit = "ward"
period = "quarter"
count = "falls"
exposure = "beds"
treated = "on"
cluster = "hospital"
"""
_QUARTERS = [f"{year}-Q{quarter}" for year in range(2021, 2025) for quarter in range(1, 5)]
_SEED = 20240401


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """Return the released run of 24 wards in 12 hospitals, five of which begin in two quarters."""
    folder = tmp_path_factory.mktemp("wards")
    draws = np.random.default_rng(_SEED)
    lines = ["ward,quarter,falls,beds,on,hospital"]
    for ward in range(24):
        hospital = ward // 2
        start = {0: 9, 1: 9, 2: 11, 3: 11, 4: 11}.get(hospital, len(_QUARTERS))
        for i, quarter in enumerate(_QUARTERS):
            falls = draws.poisson(40 * (0.8 if i >= start else 1.0))
            lines.append(f"W{ward:02d},{quarter},{falls},250,{int(i >= start)},H{hospital:02d}")
    (folder / "falls.csv").write_text("\n".join(lines), encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(_STUDY, encoding="utf-8")
    return release(run(parse_study(_STUDY, path)))


def test_inference_is_by_the_cluster_column(released: Released) -> None:
    primary = released.primary("falls")
    assert primary is not None
    assert (primary.n_units, primary.n_sites, primary.n_pilot_sites) == (24, 12, 5)


def test_the_starts_are_known_to_the_charts(released: Released) -> None:
    calendar = released.study.calendar
    pilot = released.trend("falls", "pilot")
    one = released.trend("falls", "site", "H02")
    assert pilot is not None
    assert one is not None
    assert [calendar.code(start) for start in pilot.starts] == ["2023-Q2", "2023-Q4"]
    assert [calendar.code(start) for start in one.starts] == ["2023-Q4"]


def test_the_report_says_when_it_began_and_how_long_it_was_followed(
    released: Released, tmp_path: Path
) -> None:
    pages = report.render(released, tmp_path)
    names = {page.name for page in pages}
    assert {"overall.html", "h00.html", "h04.html"} <= names
    text = (tmp_path / "overall.html").read_text(encoding="utf-8")
    assert "2023 Q2 to 2023 Q4, by site" in text
    assert "Seven quarters" in text
