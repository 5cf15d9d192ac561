"""NHS England's own files, April 2022 to August 2025, against what is known of them."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import polars as pl
import pytest

from evaluation.errors import SourceError
from evaluation.panel import Panel
from evaluation.periods import Calendar
from evaluation.sources import Loaded, ledger, load
from evaluation.study import Study

MONTHS = Calendar(frequency="month")
FILES = 41
ICBS = 42
# ../shared/SOURCES.md: "378 ICB-days are not reported". They are the rows of metric nctr whose
# value is "-": 42 of them on 19 June 2022, none of QUE after August 2023, which has no rows then.
NOT_REPORTED = 378
DISCHARGED_NOT_REPORTED = 535
QWU_MEAN_DAILY = {"2024-05": 409, "2024-06": 136, "2024-07": 201, "2024-08": 371}
WHOLE = 0.5  # the published means are rounded to whole patients
# Measured at 0.2 to 0.4 s on two shared cores; the bound leaves room for a busy machine.
SECONDS = 5.0


def _study(folder: Path, metric: str, frequency: str = "month") -> Study:
    calendar = Calendar(frequency="month" if frequency == "month" else "quarter")
    start = "2024-10" if frequency == "month" else "2024-Q4"
    site = {"name": "Coventry", "units": ("QWU",), "starts": calendar.parse(start)}
    outcome = {
        "key": metric,
        "label": metric,
        "files": ("*.csv",),
        "source": "acute_discharge_sitrep",
        "metric": metric,
    }
    method = {"estimator": "twfe", "procedure": "cr2"}
    return Study.model_validate(
        {
            "version": 1,
            "title": "Placebo",
            "time": {"frequency": frequency},
            "geography": {"register": "icb"},
            "outcomes": (outcome,),
            "sites": (site,),
            "analysis": {"primary": method, "estimators": ("twfe",), "procedures": ("cr2",)},
            "path": folder / "study.toml",
        }
    )


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    """Return the folder of real files."""
    return shared_data / "real" / "acute_discharge_sitrep"


@pytest.fixture(scope="module")
def nctr(folder: Path) -> Loaded:
    """Return the daily NCTR of all 41 months."""
    study = _study(folder, "nctr")
    return load(study, study.outcomes[0])


def _panel(loaded: Loaded) -> Panel:
    assert loaded.panel is not None
    return loaded.panel


def test_both_layouts_parse(nctr: Loaded) -> None:
    panel = _panel(nctr)
    assert (len(panel.units), len(panel.periods)) == (ICBS, FILES)
    assert not [check.name for check in nctr.checks if check.passed is False]


def test_the_days_not_reported_are_those_of_the_page(folder: Path, nctr: Loaded) -> None:
    reasons = nctr.trace.filter(pl.col("left_out").str.starts_with("not reported"))
    assert reasons.height == NOT_REPORTED
    nobody = reasons.filter(pl.col("left_out").str.contains("19 June 2022"))
    assert nobody.height == nobody["unit"].n_unique() == ICBS
    study = _study(folder, "discharged")
    discharged = load(study, study.outcomes[0]).trace
    silent = discharged.filter(pl.col("left_out").str.starts_with("not reported"))
    assert silent.height == DISCHARGED_NOT_REPORTED


def test_nobody_reported_on_19_june_2022(nctr: Loaded) -> None:
    june = _panel(nctr).rows.filter(pl.col("period") == MONTHS.parse("2022-06"))
    # Frimley (QNQ) reported on no day of that month.
    assert june.height == ICBS - 1
    assert june["exposure"].max() == 29.0
    check = next(c for c in nctr.checks if c.name == "days_not_reported")
    assert "Nobody reported on 19 June 2022." in check.detail


def test_que_ends_in_august_2023(nctr: Loaded) -> None:
    que = _panel(nctr).rows.filter(pl.col("unit") == "QUE")
    assert que["period"].max() == MONTHS.parse("2023-08")


def test_qwu_has_the_known_break(nctr: Loaded) -> None:
    qwu = _panel(nctr).rows.filter(pl.col("unit") == "QWU")
    for month, mean in QWU_MEAN_DAILY.items():
        value = qwu.filter(pl.col("period") == MONTHS.parse(month))["outcome"].item()
        assert abs(value - mean) <= WHOLE


def test_the_ledger_accounts_for_every_record_of_every_file(folder: Path, nctr: Loaded) -> None:
    book = ledger({"nctr": nctr.trace})
    by_file = dict(book.group_by("file").agg(pl.col("rows").sum()).iter_rows())
    assert len(by_file) == FILES
    for path in folder.glob("*.csv"):
        with path.open(encoding="cp1252", newline="") as lines:
            assert by_file[path.name] == sum(1 for _ in csv.reader(lines)) - 1


def test_used_rows_add_up_to_the_panel(folder: Path, nctr: Loaded) -> None:
    total = 0
    days = 0
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for line in csv.DictReader(lines):
                if line["Metric"].startswith("Number of patients who") and line["Value"] != "-":
                    total += int(line["Value"])
                    days += 1
    assert _panel(nctr).rows["count"].sum() == total
    assert _panel(nctr).rows["exposure"].sum() == days


def test_quarters_hold_the_same_patient_days(folder: Path, nctr: Loaded) -> None:
    study = _study(folder, "nctr", "quarter")
    quarters = _panel(load(study, study.outcomes[0]))
    assert quarters.rows["count"].sum() == _panel(nctr).rows["count"].sum()
    assert len(quarters.periods) == 14


def test_a_metric_that_is_not_in_the_files_is_named(folder: Path) -> None:
    study = _study(folder, "remaining")
    with pytest.raises(SourceError, match='there: "nctr", "discharged"'):
        load(study, study.outcomes[0])


def test_an_outcome_loads_in_seconds(folder: Path) -> None:
    study = _study(folder, "nctr")
    started = time.process_time()
    load(study, study.outcomes[0])
    assert time.process_time() - started < SECONDS
