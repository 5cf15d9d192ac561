"""How much definitions disagree: counts of pairs."""

from __future__ import annotations

import polars as pl
import pytest

from evaluation.records.disagreement import DISAGREEMENT, disagreement

CELLS = pl.DataFrame(
    {
        "a": [True, True, False, False, None],
        "b": [True, False, True, False, True],
        "c": [False, False, False, False, False],
        "records": [10, 5, 3, 70, 2],
    }
)


def test_each_pair_is_counted_once() -> None:
    table = disagreement(CELLS, ("a", "b", "c"))
    assert table.schema == pl.Schema(DISAGREEMENT)
    assert table.rows() == [
        ("a", "b", 10, 5, 5, 70, 10 / 20),
        ("a", "c", 0, 15, 0, 75, 0.0),
        ("b", "c", 0, 15, 0, 75, 0.0),
    ]


def test_quarters_add_up_to_all_admissions() -> None:
    table = disagreement(CELLS, ("a", "b", "c"))
    total = table.select(pl.sum_horizontal("both", "only_definition", "only_other", "neither"))
    assert total.to_series().to_list() == [CELLS["records"].sum()] * 3


def test_a_definition_agrees_with_its_copy() -> None:
    table = disagreement(CELLS.with_columns(copy=pl.col("a")), ("a", "copy"))
    assert table["agreement"].to_list() == [1.0]


def test_agreement_on_nothing_is_undefined() -> None:
    none = CELLS.with_columns(d=pl.lit(value=False))
    assert disagreement(none, ("c", "d"))["agreement"].to_list() == [None]


@pytest.mark.parametrize("keys", [(), ("a",)])
def test_fewer_than_two_definitions_are_no_pair(keys: tuple[str, ...]) -> None:
    table = disagreement(CELLS, keys)
    assert table.is_empty()
    assert table.columns == list(DISAGREEMENT)
