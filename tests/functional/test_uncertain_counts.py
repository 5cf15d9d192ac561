"""A study of suppressed counts, from its file to its report."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from evaluation.cli import cli
from evaluation.pipeline import run
from evaluation.results import Result
from evaluation.study import load_study

SEED = 461
FALL = 0.7
STUDY = """
version = 1
title = "A pilot whose counts are small"
time = {{ frequency = "month" }}
analysis = {{ draws = 999 }}
{release}

{sites}

[[outcomes]]
key = "falls"
label = "Falls"
files = ["falls.csv"]
columns = {{ unit = "home", period = "month", count = "falls", exposure = "residents" }}
better = "lower"
smallest_effect = -5.0
per = 100
{more}
"""
SITE = '[[sites]]\nname = "Site {n}"\nunits = ["H{n:02d}"]\nstarts = "2025-01"\n'


def _study(folder: Path, more: str = "", *, fall: float = FALL, mean: float = 9.0) -> Path:
    """Write a study of 30 homes and 36 months, 1 to 7 suppressed; six of them fall at the start."""
    stream = np.random.default_rng(SEED)
    lines = ["home,month,falls,residents"]
    for home in range(30):
        level = mean * stream.uniform(0.8, 1.5)
        for month in range(36):
            treated = home < 6 and month >= 24
            count = int(stream.poisson(level * (fall if treated else 1)))
            shown = "*" if 1 <= count <= 7 and "rounded" not in more else str(count)
            if "rounded" in more:
                shown = str(5 * round(count / 5))
            lines.append(f"H{home:02d},{2023 + month // 12}-{month % 12 + 1:02d},{shown},100")
    folder.mkdir(exist_ok=True)
    (folder / "falls.csv").write_text("\n".join(lines) + "\n")
    sites = "\n".join(SITE.format(n=n) for n in range(6))
    path = folder / "study.toml"
    path.write_text(STUDY.format(sites=sites, more=more, release=""))
    assert tomllib.loads(path.read_text())["version"] == 1
    return path


def _relative(result: Result, group: str) -> tuple[float, float, float]:
    estimate = next(
        e for e in result.estimates if (e.effect.estimand, e.effect.group) == ("bound", group)
    )
    value, low, high = estimate.relative
    assert value is not None
    assert low is not None
    assert high is not None
    return value, low, high


@pytest.fixture(scope="module")
def suppressed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(load_study(_study(tmp_path_factory.mktemp("suppressed"))))


def test_the_answer_is_at_the_midpoint_and_every_row_is_used(suppressed: Result) -> None:
    primary = suppressed.primary("falls")
    assert primary is not None
    value, low, high = primary.relative
    assert value is not None
    assert low is not None
    assert high is not None
    assert low < 100 * (FALL - 1) < high
    assert set(suppressed.ledger["status"]) == {"used"}
    assert suppressed.panel.filter(pl.col("count_low") < pl.col("count_high")).height > 200


def test_estimates_stand_at_both_ends_and_at_the_widest(suppressed: Result) -> None:
    primary = suppressed.primary("falls")
    assert primary is not None
    middle = primary.relative[0]
    assert middle is not None
    lowest, highest = _relative(suppressed, "lowest")[0], _relative(suppressed, "highest")[0]
    assert lowest < middle < highest
    for group in ("low", "high"):
        assert lowest <= _relative(suppressed, group)[0] <= highest


def test_the_check_says_how_much_it_matters(suppressed: Result) -> None:
    check = next(c for c in suppressed.checks if c.name == "uncertain_counts")
    hidden = suppressed.panel.filter(pl.col("count_low") < pl.col("count_high")).height
    lowest, highest = _relative(suppressed, "lowest")[0], _relative(suppressed, "highest")[0]
    assert f"{hidden:,} of 1,080 counts are suppressed or rounded" in check.detail
    assert (
        f"between {lowest:.1f}% and {highest:.1f}%".replace("-", "\N{MINUS SIGN}") in check.detail
    )
    assert check.table.height == 5


def test_an_answer_that_hangs_on_what_is_hidden_fails_its_check(tmp_path: Path) -> None:
    """Nearly every count of small homes is hidden: the ends lie on both sides of no change."""
    result = run(load_study(_study(tmp_path / "hidden", mean=4.0, fall=0.75)))
    check = next(c for c in result.checks if c.name == "uncertain_counts")
    assert check.passed is False
    assert "hangs on figures that nobody may see" in check.detail


def test_rounding_is_carried_the_same_way(tmp_path: Path) -> None:
    path = _study(tmp_path / "rounded", "rounded_to = 5", mean=60.0)
    result = run(load_study(path))
    check = next(c for c in result.checks if c.name == "uncertain_counts")
    assert check.passed is True
    lowest, highest = _relative(result, "lowest")[0], _relative(result, "highest")[0]
    assert lowest < 100 * (FALL - 1) < highest
    # Each of the four group means may be off by 2 of about 69.
    assert highest - lowest < 100 * FALL * 8 / 60 * 2


def test_the_report_says_it(tmp_path: Path) -> None:
    path = _study(tmp_path / "hidden", mean=4.0, fall=0.75)
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, ["estimate", str(path), "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    page = (out / "release" / "overall.html").read_text()
    assert "suppressed or rounded" in page
    rows = pl.read_csv(out / "restricted" / "estimates.csv", infer_schema=False)
    assert rows.filter(pl.col("estimand") == "bound")["group"].to_list() == [
        "low",
        "high",
        "lowest",
        "highest",
    ]
