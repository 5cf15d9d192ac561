"""A run on disk: whole or not at all, and read back as it was."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import polars as pl
import pytest

from evaluation import results
from evaluation.errors import SourceError, UsageError
from evaluation.findings import Check, Effect, Estimate, Interval
from evaluation.results import Result, tables

# The observed mean is solved from two rounded doubles, not stored.
OBSERVED_TOLERANCE = 1e-12


class _StoppedHalfwayError(Exception):
    """Stands for whatever may end a run early."""


def _die_halfway(out: Path) -> None:
    with results.staged(out) as folder:
        (folder / "half").write_text("half")
        raise _StoppedHalfwayError


def _estimate(value: float, low: float | None, high: float | None) -> Estimate:
    return Estimate(
        outcome="admissions",
        estimator="twfe",
        effect=Effect(estimand="overall", value=value, scale="level", observed=41.3),
        interval=Interval(
            procedure="cr2", level=0.95, low=low, high=high, std_error=0.1 + 0.2, df=5.7
        ),
        n_obs=10,
        n_units=5,
        n_sites=4,
        n_pilot_sites=2,
        is_primary=True,
        caveats=("no interval, because; of this", 'a "quoted" reason'),
    )


def test_estimates_csv_has_the_columns_of_the_design_in_their_order(
    tmp_path: Path, example_result: Result
) -> None:
    results.write(example_result, tmp_path)
    header = (tmp_path / "restricted" / "estimates.csv").read_text().splitlines()[0]
    assert header == (
        "outcome,estimator,procedure,estimand,group,estimate,std_error,df,ci_low,ci_high,p_value,"
        "scale,relative_effect,relative_low,relative_high,n_obs,n_units,n_sites,n_pilot_sites,"
        "draws,is_primary,caveats"
    )
    header = (tmp_path / "restricted" / "event_study.csv").read_text().splitlines()[0]
    assert header == (
        "outcome,estimator,procedure,estimand,event_time,estimate,std_error,df,ci_low,ci_high,"
        "p_value,scale,relative_effect,relative_low,relative_high,n_obs,n_units,n_sites,"
        "n_pilot_sites,draws,is_primary,caveats"
    )


def test_tables_read_back_to_the_same_doubles(tmp_path: Path, example_result: Result) -> None:
    results.write(example_result, tmp_path)
    stored = results.load_tables(tmp_path)
    for name, table in results.result_tables(example_result).items():
        assert stored[name].equals(table, null_equal=True), name


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(-1.25, -3.1, 0.7), (0.0, -1.0, 1.0), (1 / 3, -math.inf, math.inf), (math.nan, None, None)],
)
def test_an_estimate_reads_back_to_the_same_doubles(
    tmp_path: Path, value: float, low: float | None, high: float | None
) -> None:
    written = _estimate(value, low, high)
    path = tmp_path / "estimates.csv"
    tables.estimates_frame([written]).write_csv(path)
    frame = pl.read_csv(path, schema=tables.ESTIMATE_SCHEMA)
    (read,) = tables.estimates_from(frame, level=0.95)
    assert read.interval == written.interval
    assert read.caveats == written.caveats
    assert (math.isnan(read.effect.value) and math.isnan(value)) or read.effect.value == value
    if math.isfinite(value):
        assert read.effect.observed == pytest.approx(41.3, rel=OBSERVED_TOLERANCE)


def test_undefined_is_empty_and_never_zero() -> None:
    row = tables.estimates_frame([_estimate(math.nan, None, None)]).row(0, named=True)
    assert row["estimate"] is None
    assert row["ci_low"] is None
    assert row["relative_effect"] is None
    assert row["p_value"] is None


def test_checks_read_back(example_result: Result) -> None:
    table = pl.DataFrame(
        {"unit": ["QWU", "QUE"], "row": [3, None], "problem": ["a break", "stops, early"]}
    )
    checks = (
        Check(name="a", title="A", passed=False, detail="d", outcome="x", table=table),
        Check(name="b", title="B", passed=True, detail="", outcome="x"),
        Check(name="c", title="C", passed=None, detail="info", blocking=True),
    )
    frame = tables.checks_frame(checks)
    read = tables.checks_from(frame)
    assert [dataclasses.replace(c, table=pl.DataFrame()).name for c in read] == ["a", "b", "c"]
    assert [c.passed for c in read] == [False, True, None]
    assert [c.blocking for c in read] == [False, False, True]
    assert read[0].table.select("row", "unit", "problem").rows() == [
        (3, "QWU", "a break"),
        (None, "QUE", "stops, early"),
    ]
    assert tables.checks_frame(read).equals(frame)
    assert tables.checks_from(tables.checks_frame(example_result.checks))


def test_a_run_that_dies_leaves_what_stood_before(tmp_path: Path, example_result: Result) -> None:
    out = tmp_path / "results"
    with results.staged(out) as folder:
        results.write(example_result, folder)
    before = sorted(p.relative_to(out) for p in out.rglob("*"))
    text = (out / "restricted" / "estimates.csv").read_bytes()
    with pytest.raises(_StoppedHalfwayError):
        _die_halfway(out)
    assert sorted(p.relative_to(out) for p in out.rglob("*")) == before
    assert (out / "restricted" / "estimates.csv").read_bytes() == text
    assert [p.name for p in tmp_path.iterdir()] == ["results"]


def test_a_run_that_dies_where_nothing_stood_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(_StoppedHalfwayError):
        _die_halfway(tmp_path / "results")
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_between_the_renames_is_put_back(
    tmp_path: Path, example_result: Result
) -> None:
    out = tmp_path / "results"
    with results.staged(out) as folder:
        results.write(example_result, folder)
    out.rename(tmp_path / ".results.before")
    with pytest.raises(_StoppedHalfwayError):
        _die_halfway(out)
    assert (out / "restricted" / "estimates.csv").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["results"]


def test_a_run_replaces_an_earlier_run_whole(tmp_path: Path, example_result: Result) -> None:
    out = tmp_path / "results"
    for name in ("first", "second"):
        with results.staged(out) as folder:
            results.write(example_result, folder)
            (folder / name).write_text(name)
    assert (out / "second").exists()
    assert not (out / "first").exists()


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with (
        pytest.raises(UsageError, match=r"not the result of a run.*--out"),
        results.staged(tmp_path),
    ):
        pass
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_no_run_and_a_damaged_run_are_told_apart(tmp_path: Path, example_result: Result) -> None:
    with pytest.raises(UsageError, match="there is no run here"):
        results.load(tmp_path)
    results.write(example_result, tmp_path)
    (tmp_path / "restricted" / "estimates.csv").write_text("outcome,estimator\nx,y\n")
    with pytest.raises(SourceError, match=r"estimates\.csv.*part of a stored run"):
        results.load_tables(tmp_path)
    (tmp_path / "restricted" / "manifest.json").write_text("{")
    with pytest.raises(SourceError, match=r"manifest\.json"):
        results.load_manifest(tmp_path)
