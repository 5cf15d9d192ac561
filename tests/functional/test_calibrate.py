"""`pilot-eval calibrate` on the sample study, on real data, and on what cannot be done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evaluation.geography import PILOT_SITES
from evaluation.resources import resource_folder

SAMPLE = resource_folder("sample_data")
# Of 20 placebo pilots a method that holds 5% calls 6 or more an effect once in 3,000 runs; CR2 is
# conservative here.
MOST_OF_TWENTY = 5

_SHORT = """
version = 1
title = "One outcome of the sample, by the quickest methods"
[time]
frequency = "month"
first = "2023-04"
[[sites]]
name = "One"
units = ["QHG"]
starts = "2026-01"
[[sites]]
name = "Two"
units = ["QYG", "QOP", "QE1"]
starts = "2026-03"
[[sites]]
name = "Three"
units = ["QWU"]
starts = "2026-01"
[[sites]]
name = "Four"
units = ["QK1"]
starts = "2026-04"
[[outcomes]]
key = "gp_appointments"
label = "GP appointments"
files = ["gp_appointments.csv"]
columns = { unit = "icb", period = "month", count = "appointments", exposure = "residents" }
[analysis]
primary = { estimator = "twfe", procedure = "cr2" }
estimators = ["twfe"]
procedures = ["cr2", "randomisation", "ferman_pinto"]
"""

_REAL = """
version = 1
title = "Real discharge data before the pilot"
[time]
frequency = "month"
[geography]
register = "icb"
boundaries = "2025-04"
[comparison]
exclude = [{ unit = "QUE", reason = "no returns after August 2023" }]
[[outcomes]]
key = "nctr"
label = "patients a day who no longer need to be in hospital"
source = "acute_discharge_sitrep"
metric = "nctr"
files = ["sitrep/*.csv"]
measure = "rate"
[analysis]
primary = { estimator = "poisson", procedure = "cr2" }
estimators = ["poisson"]
procedures = ["cr2"]
"""


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluation.cli", "calibrate", *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def _folder(folder: Path, text: str) -> Path:
    for path in SAMPLE.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    study = folder / "study.toml"
    study.write_text(text, encoding="utf-8")
    return study


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Return a study of one outcome of the sample."""
    return _folder(tmp_path, _SHORT)


def test_the_sample_study_gets_a_table_and_a_sentence_for_each_method() -> None:
    done = _run("--repetitions", "10", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["placebo_pilots"]) == 5
    assert "sites of 1, 3, 1, 1, 2 and 1 units" in found["placebo_pilots"]["gp_appointments"]
    primary = [row for row in found["methods"] if row["is_primary"]]
    assert [row["outcome"] for row in primary] == list(found["placebo_pilots"])
    for row in found["methods"]:
        assert (row["placebo_pilots"] is None) == bool(row["reason"])
        if row["placebo_pilots"] is None:
            assert "has no figure" in row["sentence"]
            assert row["share"] is None
        else:
            assert row["placebo_pilots"] + row["failures"] == 10
            assert row["share"] == row["cried_wolf"] / row["placebo_pilots"]
            assert row["monte_carlo_error"] > 0
            assert re.search(
                r"^On this study's own comparison areas before the pilot, the 95% interval .* "
                r"excluded zero in \d+\.\d% of 10 placebo pilots \(Monte Carlo error \d+\.\d "
                r"points\), where 5% is promised\.$",
                row["sentence"],
            )


def test_the_figures_do_not_depend_on_how_many_processes_share_the_work(
    short: Path, tmp_path: Path
) -> None:
    printed = set()
    for jobs in ("1", "2"):
        out = tmp_path / f"{jobs}.csv"
        done = _run(short, "--repetitions", "20", "--jobs", jobs, "--out", out)
        assert done.returncode == 0, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    table = pl.read_csv(tmp_path / "1.csv")
    held = table.filter(pl.col("estimand") == "overall", pl.col("procedure") == "cr2")
    assert held["cried_wolf"].item() <= MOST_OF_TWENTY
    given = {
        (row["estimand"], row["procedure"]): row["reason"]
        for row in table.to_dicts()
        if row["share"] is None
    }
    assert set(given) == {("overall", "ferman_pinto"), ("site", "cr2")}
    assert "72%" in given["site", "cr2"]
    assert "not used above 3 pilot sites" in done.stdout
    assert "not used below 4 pilot sites" in done.stdout


def test_quiet_prints_nothing_and_a_folder_is_a_study(short: Path, tmp_path: Path) -> None:
    done = _run(
        short.parent, "--repetitions", "10", "--jobs", "1", "-q", "--out", tmp_path / "t.csv"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert pl.read_csv(tmp_path / "t.csv").height == 6


def test_real_discharge_data_are_calibrated(tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "sitrep").symlink_to(shared_data / "real" / "acute_discharge_sitrep")
    sites = "".join(
        f'[[sites]]\nname = "{site.name}"\nunits = {json.dumps(site.units)}\nstarts = "2024-10"\n'
        for site in PILOT_SITES
    )
    (tmp_path / "study.toml").write_text(_REAL + sites, encoding="utf-8")
    done = _run(tmp_path, "--repetitions", "20", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "from 32 comparison units" in found["placebo_pilots"]["nctr"]
    assert found["methods"][0]["cried_wolf"] <= MOST_OF_TWENTY


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('first = "2023-04"', 'first = "2025-10"'),
            "there are 3 periods before the first start, too few for a placebo start among them",
        ),
        (
            ("[[sites]]", '[comparison]\nunits = ["QF7", "QT1", "QUE"]\n[[sites]]', 1),
            "there are 3 comparison sites, and a placebo pilot would take 6 of them. Allowed: 10 "
            "or more comparison sites: 6 to take and 4 to compare with.",
        ),
    ],
)
def test_what_cannot_be_done_ends_with_13_and_what_is_needed(
    change: tuple[str, str] | tuple[str, str, int], said: str, tmp_path: Path
) -> None:
    study = _folder(tmp_path, _SHORT.replace(*change))
    done = _run(study, "--repetitions", "20", "--out", tmp_path / "t.csv")
    assert done.returncode == 13, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("wrong", [("--repetitions", "3"), ("--jobs", "0")])
def test_a_wrong_number_is_a_usage_error(wrong: tuple[str, str]) -> None:
    done = _run(*wrong)
    assert done.returncode == 2
    assert wrong[1] in done.stderr
