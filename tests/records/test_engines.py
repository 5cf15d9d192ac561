"""The same expressions on polars, DuckDB and Spark: every cell of 200,000 records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evaluation.records.avoidable import admission_rules, condition_key, is_avoidable
from evaluation.records.definitions import definitions
from evaluation.records.engines import lazy
from evaluation.records.episodes import COLUMNS
from evaluation.records.layouts import LAYOUTS
from evaluation.records.reading import to_episodes
from records_generator import DEFINITIONS, Drawn
from records_generator import is_avoidable as true_by

Opened = Callable[[Path], object]
RECORDS = 200_000
# Each definition finds enough in the synthetic records to be tested by them.
MANY = 1000


@pytest.fixture(scope="session")
def expressions() -> dict[str, nw.Expr]:
    """Return every expression of every definition, by name."""
    found: dict[str, nw.Expr] = {}
    for key, definition in definitions().items():
        found[key] = is_avoidable(definition)
        found[f"{key} condition"] = condition_key(definition)
        for rule in admission_rules(definition):
            found[f"{key} {rule.key}"] = rule.keeps
    return found


def computed(native: object, expressions: dict[str, nw.Expr], into: Path) -> pl.DataFrame:
    """Run expressions over episodes on an engine, by way of Parquet, in the order of the rows."""
    columns = {"care_home": "CH_MATCH", "episode_key": "ROW"}
    episodes = to_episodes(lazy(native), LAYOUTS["hes_apc"], columns=columns).frame
    asked: Any = episodes.select(*COLUMNS, **expressions).to_native()
    if isinstance(asked, pl.LazyFrame):
        asked.sink_parquet(into)
    elif hasattr(asked, "write_parquet"):
        asked.write_parquet(str(into))
    else:
        asked.write.parquet(str(into))
    files = sorted(into.glob("*.parquet")) if into.is_dir() else [into]
    table = pl.read_parquet(files).with_columns(pl.col("episode_key").cast(pl.Int64))
    return table.sort("episode_key")


@pytest.fixture(scope="session")
def in_polars(
    records_file: Path,
    expressions: dict[str, nw.Expr],
    tmp_path_factory: pytest.TempPathFactory,
) -> pl.DataFrame:
    """Return every cell as polars has it."""
    into = tmp_path_factory.mktemp("computed") / "polars.parquet"
    return computed(pl.scan_parquet(records_file), expressions, into)


def test_what_polars_finds_is_what_is_true(in_polars: pl.DataFrame, drawn: Drawn) -> None:
    for key in DEFINITIONS:
        expected = drawn.truth.select(true_by(key).alias(key))
        assert_frame_equal(in_polars.select(key), expected)
        assert expected[key].sum() > MANY, key


def test_every_cell_is_the_same_on_every_engine(
    opened: Opened,
    records_file: Path,
    expressions: dict[str, nw.Expr],
    in_polars: pl.DataFrame,
    tmp_path: Path,
) -> None:
    found = computed(opened(records_file), expressions, tmp_path / "computed.parquet")
    assert found.columns == in_polars.columns
    assert found.height == RECORDS
    # Whole numbers may have another width; all else is equal, nulls with nulls.
    assert_frame_equal(found, in_polars, check_dtypes=False)
