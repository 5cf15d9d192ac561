"""Whatever stands in a published file: each of its rows is used, or left out with a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.errors import PilotEvalError
from evaluation.sources import Loaded, ledger

Read = Callable[..., Loaded]
Fields = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A source, its headings, and cells that may stand under each."""

    outcome: Fields
    cells: dict[str, Sequence[str]]
    frequency: str = "month"


ICBS = ("QWU", "QK1", "QMJ", "QRV", "E54000061")
FIGURES = ("0", "5", "12", "*", "-", "", "-3", "many", "[x]")
KINDS = {
    "fingertips": Kind(
        outcome={"source": "fingertips", "metric": "91892", "select": {"Sex": "Persons"}},
        frequency="financial_year",
        cells={
            "Indicator ID": ("91892", "91892", "91892", "1"),
            "Indicator Name": ("Dementia",),
            "Area Code": (*ICBS, "E92000001", "E06000001", "Q99", ""),
            "Area Type": ("ICBs", "ICBs", "UA"),
            "Sex": ("Persons", "Persons", "Female"),
            "Age": ("65+ yrs",),
            "Category Type": ("", "", "Deprivation"),
            "Category": ("",),
            "Time period": ("2021/22", "2022/23", "2019 - 21", "2021", "soon"),
            "Value": FIGURES,
            "Count": FIGURES,
            "Denominator": ("12", "100", "*"),
            "Value note": ("", "", "Value suppressed", "Note"),
        },
    ),
    "nhs_outcomes_framework": Kind(
        outcome={"source": "nhs_outcomes_framework", "metric": "observed"},
        frequency="financial_year",
        cells={
            "Year": ("2021/22", "2022/23", "2021", "A note"),
            "Quarter": ("", "", "Q1"),
            "Breakdown": ("Integrated Care Board", "Age"),
            "Level": (*ICBS, "E92000001", "65-69", ""),
            "Level description": ("x", ""),
            "Indicator value": FIGURES,
            "Observed": FIGURES,
            "Population": ("12", "100", "*"),
        },
    ),
    "english_prescribing": Kind(
        outcome={
            "source": "english_prescribing",
            "metric": "items",
            "measure": "count",
            "select": {"bnf": "0501"},
        },
        cells={
            "YEAR_MONTH": ("202401", "202402", "202413"),
            "ICB_CODE": (*ICBS, "-", "QZZ", ""),
            "BNF_CHEMICAL_SUBSTANCE": ("0501013B0", "0407010H0"),
            "BNF_CODE": ("0501013B0AAABAB", "0407010H0AAAMAM"),
            "ITEMS": ("0", "5", "12", "*", "many"),
        },
    ),
    "capacity_tracker": Kind(
        outcome={"source": "capacity_tracker", "metric": "occupied_beds", "measure": "share"},
        cells={
            "cqcid": ("H1", "H2", "H3", ""),
            "icb": (*ICBS, "QZZ", "NHS Coventry and Warwickshire ICB", ""),
            "lastupdatedutc": ("2024-01-02", "2024-01-09T10:00:00Z", "2024-02", "soon"),
            "usedbeds": FIGURES,
            "maxcapacity": ("12", "100", "*"),
        },
    ),
    "local_return": Kind(
        outcome={"source": "local_return", "metric": "qualified_prescribers", "measure": "count"},
        cells={
            "home_id": ("H1", "H2", "H3", ""),
            "icb": (*ICBS, "QZZ", ""),
            "month": ("2024-01", "2024-02", "Jan-24", "soon"),
            "qualified_prescribers": FIGURES,
            "residents": ("12", "100", "*"),
        },
    ),
}


@pytest.mark.parametrize("key", KINDS)
@given(data=st.data())
@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_row_of_a_published_file_is_used_or_explained(
    read: Read, key: str, data: st.DataObject
) -> None:
    kind = KINDS[key]
    row = st.tuples(*(st.sampled_from(list(cells)) for cells in kind.cells.values()))
    tables = [data.draw(st.lists(row, max_size=15)) for _ in range(2)]
    header = ",".join(kind.cells)
    files = {
        f"{i}.csv": "\n".join([header, *(",".join(cells) for cells in rows), ""])
        for i, rows in enumerate(tables)
    }
    starts = 2022 if kind.frequency == "financial_year" else 2024 * 12 + 1
    fields: Fields = {
        "geography": {"register": "icb"},
        "time": {"frequency": kind.frequency},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": starts},),
    }
    try:
        loaded = read(files, {"columns": None, "per": 1.0, **kind.outcome}, fields)
    except PilotEvalError:
        return
    behind = pl.col("behind").sum() if "behind" in loaded.trace.columns else pl.len()
    read_rows = dict(loaded.trace.group_by("file").agg(behind.alias("rows")).iter_rows())
    assert read_rows == {f"{i}.csv": len(rows) for i, rows in enumerate(tables) if rows}
    booked = ledger({"o": loaded.trace})
    assert booked["rows"].sum() == sum(map(len, tables))
    assert (booked.filter(pl.col("status") == "left out")["reason"] != "").all()
    places = loaded.trace.select("file", "row")
    assert places.is_unique().all()
    blocked = any(check.blocking and check.passed is False for check in loaded.checks)
    assert (loaded.panel is None) == blocked
