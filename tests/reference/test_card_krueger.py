"""card_krueger_1994: employment in New Jersey and Pennsylvania, Table 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation.estimators import twfe
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.panel import Panel

CASE = "card_krueger_1994"
# The case stores its own recomputation beside the two printed decimals.
RECOMPUTED = 1e-9

Expected = Callable[[str], dict[str, Any]]
MakePanel = Callable[..., Panel]


@pytest.fixture(scope="module")
def stores(cases: Path) -> pl.DataFrame:
    """Return the observed rows: full-time equivalents of 410 stores, before and after."""
    table = pl.read_csv(cases / CASE / "data.csv")
    return table.filter(pl.col("y").is_not_null()).with_columns(pl.col("y").cast(pl.Float64))


def by_state(stores: pl.DataFrame, as_panel: MakePanel) -> Panel:
    """Return the four cells of Table 3 as a panel: two states, each of its stores' mean."""
    cells = stores.group_by("nj", "time").agg(pl.col("y").mean())
    return as_panel(
        cells.with_columns(unit=pl.col("nj"), first_treated=pl.col("nj")).sort("unit", "time")
    )


def test_means_of_the_four_cells(stores: pl.DataFrame, expected: Expected) -> None:
    case = expected(CASE)["T3_means"]
    cells = stores.group_by("nj", "time").agg(
        mean=pl.col("y").mean(), error=pl.col("y").std() / pl.col("y").count().sqrt(), n=pl.len()
    )
    for row in cells.iter_rows(named=True):
        name = f"{'NJ' if row['nj'] else 'PA'}_{'after' if row['time'] else 'before'}"
        found = (row["mean"], row["error"])
        assert found == pytest.approx(case["published"][name], abs=case["tol"]["estimate"] + 0.002)
        assert (*found, row["n"]) == pytest.approx(case["recomputed"][name], rel=RECOMPUTED)


def test_all_available_stores(
    stores: pl.DataFrame, as_panel: MakePanel, expected: Expected
) -> None:
    # Row 3 compares means of cells, with stores seen once in them too: a panel of states. Store
    # effects would use only the stores seen twice, which is row 4.
    case = expected(CASE)["T3_did_all"]
    value = twfe(by_state(stores, as_panel)).effect.value
    assert value == pytest.approx(case["published"]["estimate"], abs=case["tol"]["estimate"])
    assert value == pytest.approx(case["recomputed"]["estimate"], rel=RECOMPUTED)


def test_stores_seen_twice(stores: pl.DataFrame, as_panel: MakePanel, expected: Expected) -> None:
    case = expected(CASE)["T3_did_balanced"]
    both = stores.filter(pl.len().over("unit") == 2)
    panel = as_panel(both)
    fit = twfe(panel)
    assert fit.n_units == case["published"]["N"]
    assert fit.effect.value == pytest.approx(case["recomputed"]["estimate"], rel=RECOMPUTED)
    assert fit.effect.value == pytest.approx(
        case["published"]["estimate"], abs=case["tol"]["estimate"]
    )
    # Two-sample error of the change: with two periods that is CR2 (Welch), by design.
    found = cr2(level=0.95)(twfe, panel, fit, np.random.default_rng(0))
    assert found.std_error == pytest.approx(case["recomputed"]["se"], rel=RECOMPUTED)
    assert found.std_error == pytest.approx(case["published"]["se"], abs=case["tol"]["se"])


def test_stores_seen_once_add_nothing_to_store_effects(
    stores: pl.DataFrame, as_panel: MakePanel
) -> None:
    everyone, both = (
        twfe(as_panel(table)) for table in (stores, stores.filter(pl.len().over("unit") == 2))
    )
    assert everyone.n_units > both.n_units
    assert everyone.effect.value == pytest.approx(both.effect.value, rel=RECOMPUTED)


def test_cr1_by_store(stores: pl.DataFrame, as_panel: MakePanel) -> None:
    panel = as_panel(stores.filter(pl.len().over("unit") == 2))
    found = cr1(level=0.95)(twfe, panel, twfe(panel), np.random.default_rng(0))
    change = panel.values("outcome").reshape(-1, 2)
    difference = change[:, 1] - change[:, 0]
    pilot = ~np.isnan(panel.first_treated.reshape(-1, 2)[:, 0])
    plain = sum(difference[rows].var() / rows.sum() for rows in (pilot, ~pilot))
    assert found.std_error == pytest.approx((384 / 383 * plain) ** 0.5, rel=RECOMPUTED)
