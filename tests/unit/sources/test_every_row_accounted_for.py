from __future__ import annotations

from collections.abc import Callable

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.sources import Loaded, ledger

Read = Callable[..., Loaded]

HEADER = "icb,month,admissions,residents"
CODES = ("QWU", "QK1", "QMJ", "QRV", "E54000063", "QM7", "ENG", "Y60", "ZZZ", "")
PERIODS = ("2024-01", "2024-02", "01/03/2024", "2030-01", "soon")
FIGURES = ("0", "5", "12", '"1,234"', "*", "-", "", "[z]", "-3", "many")
LIKELY = 6


def _mostly(values: tuple[str, ...], good: int) -> st.SearchStrategy[str]:
    """Draw a good value most of the time, so that panels are made too."""
    often = st.sampled_from(values[:good])
    return st.one_of(*[often] * LIKELY, st.sampled_from(values))


ROW = st.tuples(_mostly(CODES, 5), _mostly(PERIODS, 3), _mostly(FIGURES, 4), _mostly(FIGURES, 4))
TABLES = st.lists(ROW, min_size=1, max_size=25)
REGISTERS = st.sampled_from([("none", "2025-04"), ("icb", "2025-04"), ("icb", "2026-04")])


def _number(cell: str) -> float:
    return float(cell.strip('"').replace(",", ""))


@given(first=TABLES, second=TABLES, register=REGISTERS)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_is_used_or_explained_and_the_panel_holds_what_is_used(
    read: Read,
    first: list[tuple[str, str, str, str]],
    second: list[tuple[str, str, str, str]],
    register: tuple[str, str],
) -> None:
    files = {
        name: "\n".join([HEADER, *(",".join(row) for row in rows), ""])
        for name, rows in (("one.csv", first), ("two.csv", second))
    }
    kind, boundaries = register
    geography = (
        {"register": kind} if kind == "none" else {"register": kind, "boundaries": boundaries}
    )
    fields = {
        "geography": geography,
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2024 * 12 + 1},),
        "comparison": {"exclude": ({"unit": "QK1", "reason": "because"},)},
        "time": {"frequency": "month", "last": 2024 * 12 + 5},
    }
    # The pilot always has one good row, so that more examples reach the panel.
    files["zero.csv"] = f"{HEADER}\nQWU,2023-12,1,10\nQXU,2023-12,1,10\n"
    loaded = read(files, None, fields)
    given_rows = {
        (name, i): row
        for name, rows in (("one.csv", first), ("two.csv", second))
        for i, row in enumerate(rows, start=2)
    }
    given_rows |= {("zero.csv", 2): ("QWU", "", "1", "10"), ("zero.csv", 3): ("QXU", "", "1", "10")}
    places = list(loaded.trace.select("file", "row").iter_rows())
    assert sorted(places) == sorted(given_rows)
    booked = ledger({"admissions": loaded.trace})
    assert booked["rows"].sum() == len(given_rows)
    assert (booked.filter(pl.col("status") == "left out")["reason"] != "").all()
    blocked = any(check.blocking and check.passed is False for check in loaded.checks)
    assert (loaded.panel is None) == blocked
    if loaded.panel is not None:
        used = loaded.trace.filter(pl.col("left_out").is_null()).select("file", "row").rows()
        # Sums of whole numbers below 2**53 lose nothing, so equality is exact.
        for column, index in (("count", 2), ("exposure", 3)):
            total = sum(_number(given_rows[place][index]) for place in used)
            assert loaded.panel.values(column).sum() == total


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
