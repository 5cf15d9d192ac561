"""The whole job on real NHS England files: a pilot that had not begun, as a placebo.

Six sites of the pilot with a start in October 2024, more than a year before any nurse was trained:
whatever is found is not the pilot.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evaluation.geography import PILOT_SITES

_STUDY = """
version = 1
title = "Placebo: the pilot sites with a start in October 2024"

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
per = 1
better = "lower"
role = "primary"
smallest_effect = -5.0

[release]
suppress_below = 0
round_to = 1
"""
# A tenth of the level: far less than the 22% by which one site stays lower after its break.
_NEAR_ZERO = 10.0
_ROWS = 103_454


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluation.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """Return a study file on the real files, in a folder of its own."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "sitrep").symlink_to(shared_data / "real" / "acute_discharge_sitrep")
    sites = "".join(
        f'[[sites]]\nname = "{site.name}"\nunits = {json.dumps(site.units)}\nstarts = "2024-10"\n'
        for site in PILOT_SITES
    )
    path = folder / "study.toml"
    path.write_text(_STUDY + sites, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(study: Path) -> Path:
    """Return the folder of the run."""
    out = study.parent / "out"
    done = _run("estimate", study, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_the_check_finds_the_break_and_the_end(study: Path) -> None:
    text = study.read_text(encoding="utf-8")
    whole = study.with_name("whole.toml")
    start = text.index("[comparison]")
    whole.write_text(text[:start] + text[text.index("[[outcomes]]") :], encoding="utf-8")
    done = _run("check", whole, "--json")
    assert done.returncode == 0, done.stderr
    checks = {c["check"]: c for c in json.loads(done.stdout)["checks"]}
    breaks = {f["unit"]: f for f in checks["reporting_break"]["findings"]}
    assert (breaks["QWU"]["first"], breaks["QWU"]["last"]) == ("2024-05", "2024-08")
    assert 'unit = "QWU"' in breaks["QWU"]["remedy"]
    stops = {f["unit"]: f for f in checks["stops_reporting"]["findings"]}
    assert stops["QUE"]["first"] == "2023-09"
    assert 'unit = "QUE"' in stops["QUE"]["remedy"]


def test_every_row_is_accounted_for(run: Path) -> None:
    ledger = pl.read_csv(run / "restricted" / "ledger.csv")
    assert ledger["rows"].sum() == _ROWS
    reasons = set(ledger.filter(pl.col("status") == "left out")["reason"])
    assert "excluded: no returns after August 2023" in reasons
    assert "not reported: nobody reported on 19 June 2022" in reasons
    assert all(name.startswith("sitrep/") for name in ledger["file"])


def test_a_pilot_that_had_not_begun_shows_nothing(run: Path) -> None:
    estimates = pl.read_csv(run / "restricted" / "estimates.csv")
    overall = estimates.filter(pl.col("estimand") == "overall")
    assert overall.height >= 2
    assert (overall["relative_effect"].abs() < _NEAR_ZERO).all()
    primary = overall.filter("is_primary").row(0, named=True)
    assert primary["ci_low"] < 0 < primary["ci_high"]
    assert primary["n_pilot_sites"] == 6
    assert (primary["n_units"], primary["n_sites"]) == (41, 38)


def test_the_words_say_so(run: Path) -> None:
    for page in ("overall.html", "sites/south-yorkshire.html"):
        text = (run / "release" / page).read_text(encoding="utf-8")
        assert "Too early to tell" in text
        assert "Read with caution" in text
        assert "close to zero" in text
    text = (run / "release" / "overall.html").read_text(encoding="utf-8")
    assert "no returns after August 2023" in text


def test_a_rerun_agrees(run: Path) -> None:
    done = _run("rerun", run)
    assert done.returncode == 0, done.stderr
    assert "Every number agrees" in done.stdout
