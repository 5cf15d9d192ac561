"""The commands as a user gives them, on the embedded sample study."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evaluation.cli import COMMANDS

# What must not be imported for --help: it would take seconds to answer.
_HEAVY = ("numpy", "polars", "pandas", "scipy", "statsmodels", "linearmodels", "jinja2", "pydantic")


def _run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluation.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one run of the embedded sample study, in an otherwise empty folder."""
    folder = tmp_path_factory.mktemp("sample")
    done = _run("estimate", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "SYNTHETIC" in done.stdout.upper()
    return folder / "pilot-eval-results"


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    code = "import sys; from evaluation.cli import cli; cli(['--help'], standalone_mode=False)\n"
    code += f"print([m for m in {_HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = _run(name, "--help")
    assert done.returncode == 0
    assert f"pilot-eval {name}" in done.stdout


def test_a_run_leaves_what_the_design_says(sample_run: Path) -> None:
    restricted = {p.name for p in (sample_run / "restricted").iterdir()}
    assert restricted == {
        "estimates.csv",
        "event_study.csv",
        "checks.csv",
        "panel.parquet",
        "ledger.csv",
        "manifest.json",
        "disclosure_audit.csv",
        "workbook.json",
    }
    release = sample_run / "release"
    assert {"index.html", "overall.html", "tables.xlsx"} <= {p.name for p in release.iterdir()}
    assert len(list((release / "sites").glob("*.html"))) == 6
    assert list((release / "figures").glob("*.svg"))


def test_every_page_says_that_the_sample_is_synthetic(sample_run: Path) -> None:
    pages = list((sample_run / "release").rglob("*.html"))
    assert len(pages) == 8
    assert all("synthetic" in page.read_text(encoding="utf-8").lower() for page in pages)


def test_one_site_has_an_interval_where_one_holds_and_else_the_reason(sample_run: Path) -> None:
    estimates = pl.read_csv(sample_run / "restricted" / "estimates.csv")
    sites = estimates.filter(pl.col("estimand") == "site")
    assert sites["estimate"].null_count() == 0
    assert set(sites.filter("is_primary")["procedure"]) == {"randomisation"}
    holding = sites.filter(pl.col("procedure") == "randomisation")
    assert holding.height > 0
    assert holding["ci_low"].null_count() == 0
    assert all("the smallest possible p-value is 1/34" in text for text in holding["caveats"])
    refused = sites.filter(pl.col("procedure") != "randomisation")
    assert refused["ci_low"].null_count() == refused.height > 0
    assert all("No interval for one pilot site" in text for text in refused["caveats"])


def test_a_rerun_agrees_to_the_last_bit(sample_run: Path) -> None:
    done = _run("rerun", sample_run, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["agrees"]
    assert found["identical"] == found["compared"] > 1000
    assert found["causes"] == []


def test_two_runs_leave_the_same_bytes(sample_run: Path, tmp_path: Path) -> None:
    done = _run("estimate", "--quiet", "--out", tmp_path / "again")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for path in sorted(p for p in sample_run.rglob("*") if p.is_file()):
        other = tmp_path / "again" / path.relative_to(sample_run)
        assert other.read_bytes() == path.read_bytes(), path.relative_to(sample_run)


def test_report_renders_the_same_bytes_again(sample_run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_run, copy)
    shutil.rmtree(copy / "release")
    done = _run("report", copy)
    assert done.returncode == 0, done.stderr
    for path in sorted(p for p in (sample_run / "release").rglob("*") if p.is_file()):
        assert (copy / path.relative_to(sample_run)).read_bytes() == path.read_bytes()


def test_a_changed_number_ends_a_rerun_with_14_and_a_table(
    sample_run: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sample_run, copy)
    path = copy / "restricted" / "estimates.csv"
    table = pl.read_csv(path)
    table.with_columns(pl.col("estimate") * 1.01).write_csv(path)
    done = _run("rerun", copy)
    assert done.returncode == 14
    assert f"{table.height} of " in done.stderr
    assert "estimates: " in done.stdout
    assert "please report it" in done.stderr


def test_a_changed_input_is_named_as_the_cause(tmp_path: Path) -> None:
    study = tmp_path / "study"
    assert _run("init", study).returncode == 0
    out = tmp_path / "out"
    assert _run("estimate", study, "--out", out, "--quiet").returncode == 0
    data = sorted(study.glob("*.csv"))[0]
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    data.write_text("".join(lines[:-1]), encoding="utf-8")
    done = _run("rerun", out)
    assert done.returncode == 14, done.stdout
    assert f"input {data.name} has changed" in done.stderr


def test_init_makes_a_study_that_runs_and_never_overwrites(tmp_path: Path) -> None:
    folder = tmp_path / "my-study"
    done = _run("init", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "study.toml").is_file()
    assert _run("check", folder).returncode == 0
    again = _run("init", folder)
    assert again.returncode == 2
    assert "not an empty folder" in again.stderr


def test_init_writes_a_form_for_care_homes_that_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "my-study"
    done = _run("init", folder)
    assert "local_return.csv, local_return.xlsx, README.md" in done.stdout
    form = folder / "local_return" / "local_return.csv"
    with form.open("a", encoding="utf-8") as rows:
        rows.write("H1,QWU,2026-01,2,38\nH2,QK1,2026-01,,40\n")
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    table = 'source = "table"\nfiles = ["prescribers.csv"]\n'
    columns = 'columns = { unit = "icb", period = "month", count = "nurses" }\n'
    assert table + columns in text
    source = 'source = "local_return"\nfiles = ["local_return/local_return.csv"]\n'
    metric = 'metric = "qualified_prescribers"\n'
    study.write_text(text.replace(table + columns, source + metric), encoding="utf-8")
    found = json.loads(_run("check", study, "--json").stdout)
    returned = [row for row in found["ledger"] if row["outcome"] == "prescribers"]
    assert [(row["status"], row["reason"], row["rows"]) for row in returned] == [
        ("used", "", 1),
        ("left out", "not reported", 1),
    ]


def test_check_reports_by_outcome_and_as_json() -> None:
    done = _run("check")
    assert done.returncode == 0, done.stderr
    assert "rows read" in done.stdout
    found = json.loads(_run("check", "--json").stdout)
    assert {"outcome", "check", "passed", "findings"} <= found["checks"][0].keys()
    assert sum(row["rows"] for row in found["ledger"]) > 0


def test_a_blocking_check_ends_with_12_and_leaves_no_results(tmp_path: Path) -> None:
    study = tmp_path / "study"
    _run("init", study)
    data = sorted(study.glob("*.csv"))[0]
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    fields = lines[1].split(",")
    numbers = [i for i, f in enumerate(fields) if f.strip().replace(".", "").isdigit()]
    fields[numbers[-1]] = "9e99x\n" if fields[numbers[-1]].endswith("\n") else "9e99x"
    data.write_text("".join([lines[0], ",".join(fields), *lines[2:]]), encoding="utf-8")
    done = _run("check", study)
    assert done.returncode == 12
    assert "row 2" in done.stdout
    assert "9e99x" in done.stdout
    done = _run("estimate", study, "--out", tmp_path / "out")
    assert done.returncode == 12
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("estimate", "nowhere.toml"), 10, "nowhere.toml"),
        (("estimate", "--frobnicate"), 2, "--frobnicate"),
        (("rerun", "nowhere"), 2, "there is no run here"),
        (("report", "nowhere"), 2, "there is no run here"),
        (("sources", "nothing"), 2, "'nothing' is not a source"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_a_wrong_call_ends_in_one_message_and_its_code(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = _run(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_sources_lists_and_describes() -> None:
    listed = _run("sources").stdout
    assert "table" in listed
    assert "acute_discharge_sitrep" in listed
    assert "Period" in _run("sources", "acute_discharge_sitrep").stdout
