"""A panel that is ended while records lie on disk leaves none of them there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from records_generator import draw

STUDY = """version = 1
title = "A pilot"
time = { frequency = "month" }
sites = [{ name = "Coventry", units = ["QWU"], starts = "2023-06" }]

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel/restricted/panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes.parquet"]
columns = { care_home = "CH_MATCH" }
residents = { rule = "match" }
"""
DRAWN, TIMES = 50_000, 12
PATIENCE = 120.0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch")
def test_sigterm_takes_away_what_was_laid_down(tmp_path: Path) -> None:
    drawn = draw(DRAWN).records
    person = pl.col("ENCRYPTED_HESID")
    more = [drawn.with_columns(pl.format("{}-{}", person, pl.lit(k))) for k in range(TIMES)]
    study, temporary = tmp_path / "study", tmp_path / "temporary"
    study.mkdir()
    temporary.mkdir()
    pl.concat(more).write_parquet(study / "hes.parquet")
    (study / "study.toml").write_text(STUDY, encoding="utf-8")
    program = "from evaluation.cli import main; main()"
    command = [sys.executable, "-c", program, "panel", str(study / "study.toml"), "--quiet"]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(temporary)}) as process:
        until = time.monotonic() + PATIENCE
        while not list(temporary.glob("pilot-eval-*/*")):
            assert process.poll() is None, "it ended before it laid anything down"
            assert time.monotonic() < until, "it laid nothing down"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not list(temporary.iterdir())
    assert not (study / "panel").exists()
