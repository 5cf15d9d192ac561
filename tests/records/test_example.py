"""The example of docs/records.md runs as it stands there: records, panel, estimate."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evaluation.records.definitions import definition
from evaluation.records.layouts import document
from evaluation.records.residents import CODE_SETS, KNOWN

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found is not None
    return found[1]


def _run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sample_data'}"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the page makes, and the panel made of them."""
    folder = tmp_path_factory.mktemp("example")
    made = _run("-c", _block("python"), folder=folder)
    assert made.returncode == 0, made.stderr
    (folder / "study.toml").write_text(_block("toml"), encoding="utf-8")
    ran = _run("-m", "evaluation.cli", "panel", "study.toml", folder=folder)
    assert ran.returncode == 0, ran.stderr
    (folder / "said.txt").write_text(ran.stdout, encoding="utf-8")
    return folder


def test_every_record_of_the_example_is_accounted_for(folder: Path) -> None:
    with (folder / "panel" / "restricted" / "ledger.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    by_status = {
        status: sum(int(line["records"]) for line in lines if line["status"] == status)
        for status in ("read", "left out", "used")
    }
    in_files = sum(pl.read_csv(f).height for f in folder.glob("hes_*.csv"))
    assert by_status["read"] == in_files == 60_000
    assert by_status["used"] + by_status["left out"] == by_status["read"]
    panel = pl.read_csv(folder / "panel" / "restricted" / "panel.csv")
    assert panel["emergency_admissions"].sum() == by_status["used"]


def test_what_is_printed_says_what_must_be_known(folder: Path) -> None:
    lines = (folder / "said.txt").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 100
    said = " ".join(" ".join(lines).split())
    assert KNOWN["match"] in said
    assert "[U] The definition nhsof_3a" in said
    assert "RESTRICTED" in said
    assert "figures from 1 to 7" in said
    assert "before disclosure control" in said
    assert lines[-1].split(maxsplit=1) == ["Next", "pilot-eval estimate study.toml --out results"]


def test_the_panel_is_written_the_same_way_in_both_forms(folder: Path) -> None:
    home = folder / "panel" / "restricted"
    assert pl.read_csv(home / "panel.csv").equals(pl.read_parquet(home / "panel.parquet"))


def test_the_study_reads_its_panel(folder: Path) -> None:
    ran = _run(
        *("-m", "evaluation.cli", "estimate", "study.toml", "--out", "results", "--json"),
        folder=folder,
    )
    assert ran.returncode == 0, ran.stderr
    (answer,) = json.loads(ran.stdout)["answers"]
    assert answer["outcome"] == "avoidable_admissions"
    told = (folder / "results" / "release" / "overall.html").read_text(encoding="utf-8")
    assert definition("cqc_2013_iau").caveat in told
    ledger = pl.read_csv(folder / "results" / "restricted" / "ledger.csv")
    used = ledger.filter(pl.col("status") == "used")["rows"].sum()
    assert used == 12 * 16  # ICBs with residents, by months
    assert answer["answer"].startswith("Too early to tell")


def test_an_answer_by_a_definition_that_is_not_verified_says_so_first(folder: Path) -> None:
    text = _block("toml").replace(
        'count = "avoidable_cqc_2013_iau"', 'count = "avoidable_nhsof_3a"'
    )
    (folder / "unsure.toml").write_text(text, encoding="utf-8")
    words = ("estimate", "unsure.toml", "--out", "unsure", "--json")
    ran = _run("-m", "evaluation.cli", *words, folder=folder)
    assert ran.returncode == 0, ran.stderr
    (answer,) = json.loads(ran.stdout)["answers"]
    said = "Read with caution: the definition of avoidable that is counted here is not verified"
    assert answer["answer"].startswith(said)
    for page in ("index.html", "overall.html"):
        assert said in (folder / "unsure" / "release" / page).read_text(encoding="utf-8")


def test_a_second_run_gives_the_same_bytes(folder: Path) -> None:
    home = folder / "panel" / "restricted"
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.suffix == ".csv"}
    assert _run("-m", "evaluation.cli", "panel", "study.toml", "-q", folder=folder).returncode == 0
    assert {p.name: p.read_bytes() for p in home.iterdir() if p.suffix == ".csv"} == before


def test_the_page_holds_the_declarations() -> None:
    assert document() in PAGE
    assert all(known in PAGE for known in KNOWN.values())
    for codes in CODE_SETS.values():
        assert ", ".join(codes.codes) in PAGE
        assert codes.source in PAGE
