from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.sources import SOURCES, describe, document
from evaluation.study import Columns

DOCS = Path(__file__).resolve().parents[3] / "docs" / "sources.md"


def test_the_docs_are_the_declarations() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert page == document(), "write document() of evaluation.sources into docs/sources.md"


def test_the_table_declares_the_columns_that_a_study_may_name() -> None:
    assert {c.name for c in SOURCES["table"].columns} == set(Columns.model_fields)


@pytest.mark.parametrize("key", SOURCES)
def test_a_description_names_every_column_metric_and_mark(key: str) -> None:
    source = SOURCES[key]
    text = describe(source)
    assert all(f"`{column.name}`" in text for column in source.columns)
    assert all(f"`{metric.key}`" in text for metric in source.metrics)
    assert all(f"[{metric.mark}]" in text for metric in source.metrics)
    assert ("- Layout: [V]" in text) == (source.mark == "V")
    assert "27 May 2024" in text or not source.breaks


def test_a_break_touches_declared_metrics_only() -> None:
    for source in SOURCES.values():
        declared = {metric.key for metric in source.metrics}
        for item in source.breaks:
            assert set(item.metrics) <= declared
            assert {"nctr", "discharged", "remaining"}.isdisjoint(item.metrics)
