"""A stored run beside its rerun."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from evaluation import results
from evaluation.manifest import Input
from evaluation.results import Comparison, Result
from evaluation.results.comparison import RELATIVE_TOLERANCE


def _compare(
    stored: Result, rerun: Result, changed: dict[str, pl.DataFrame] | None = None
) -> Comparison:
    return results.compare(
        {**results.result_tables(stored), **(changed or {})},
        results.result_tables(rerun),
        manifests=(stored.manifest, rerun.manifest),
    )


def test_a_run_agrees_with_itself_to_the_last_bit(example_result: Result) -> None:
    found = _compare(example_result, example_result)
    assert found.agrees
    assert found.compared == found.identical > 0
    assert found.causes == ()


def _nudged(result: Result, factor: float) -> dict[str, pl.DataFrame]:
    table = results.result_tables(result)["estimates"]
    first = pl.int_range(pl.len()) == 0
    nudged = pl.when(first).then(pl.col("estimate") * factor).otherwise("estimate")
    return {"estimates": table.with_columns(nudged.alias("estimate"))}


def test_a_changed_number_is_found_and_named(example_result: Result) -> None:
    found = _compare(example_result, example_result, _nudged(example_result, 1.0001))
    assert not found.agrees
    row = found.differences.row(0, named=True)
    first = example_result.estimates[0]
    assert found.differences.height == 1
    assert (row["table"], row["column"]) == ("estimates", "estimate")
    assert row["row"].startswith(f"{first.outcome} / {first.estimator}")
    assert row["rerun"] == str(first.effect.value)


def test_the_last_digits_are_not_a_difference_but_are_counted(example_result: Result) -> None:
    changed = _nudged(example_result, 1 + RELATIVE_TOLERANCE / 10)
    found = _compare(example_result, example_result, changed)
    assert found.agrees
    assert found.identical == found.compared - 1


@pytest.mark.parametrize("table", ["estimates", "event_study", "checks", "ledger", "panel"])
def test_an_absent_row_is_a_difference(example_result: Result, table: str) -> None:
    whole = results.result_tables(example_result)[table]
    found = _compare(example_result, example_result, {table: whole.tail(-1)})
    assert not found.agrees
    assert set(found.differences["stored"]) == {"(absent)"}


def test_an_emptied_number_is_a_difference(example_result: Result) -> None:
    table = results.result_tables(example_result)["estimates"]
    emptied = table.with_columns(pl.lit(None, pl.Float64).alias("ci_low"))
    found = _compare(example_result, example_result, {"estimates": emptied})
    assert found.differences.height == table["ci_low"].drop_nulls().len()


def test_causes_name_the_input_the_version_and_the_seed(example_result: Result) -> None:
    old = example_result.manifest
    new = dataclasses.replace(
        old,
        inputs=(
            *(dataclasses.replace(i, sha256="f" * 64) for i in old.inputs[:1]),
            *old.inputs[1:],
            Input(path="new.csv", sha256="0" * 64, size=1),
        ),
        versions={**old.versions, "numpy": "9.9.9"},
        seed=old.seed + 1,
    )
    found = _compare(example_result, dataclasses.replace(example_result, manifest=new))
    assert found.agrees
    text = "\n".join(found.causes)
    assert f"input {old.inputs[0].path} has changed" in text
    assert "input new.csv is read now and was not read then" in text
    assert "is 9.9.9" in text
    assert f"the seed was {old.seed} and is {old.seed + 1}" in text
