from __future__ import annotations

import polars as pl

from evaluation.sources import ledger


def test_a_ledger_names_rows_as_ranges() -> None:
    trace = pl.DataFrame(
        {
            "file": ["a.csv"] * 6 + ["b.csv"] * 2,
            "row": [2, 3, 4, 5, 6, 9, 2, 3],
            "unit": ["x"] * 8,
            "period": [1] * 8,
            "left_out": [None, None, "total, not a unit", None, None, None, "not reported", None],
        }
    )
    assert ledger({"o": trace}).rows() == [
        ("o", "a.csv", "used", "", 5, "2-3, 5-6, 9"),
        ("o", "a.csv", "left out", "total, not a unit", 1, "4"),
        ("o", "b.csv", "used", "", 1, "3"),
        ("o", "b.csv", "left out", "not reported", 1, "2"),
    ]


def test_a_ledger_of_nothing_has_its_columns() -> None:
    assert ledger({}).columns == ["outcome", "file", "status", "reason", "rows", "row_ranges"]
