from __future__ import annotations

from collections.abc import Callable

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.sources import Loaded, ledger

Read = Callable[..., Loaded]

HEADER = "icb,month,admissions,residents"
Row = tuple[str, str, str, str]

CODES = ("QWU", "QK1", "QMJ", "QRV", "E54000061", "ENG", "Y60")
PERIODS = ("2024-01", "2024-02", "01/03/2024", "2030-01")
COUNTS = ("0", "5", "12", '"1,234"', "*", "-", "", "[z]")
EXPOSURES = ("5", "12", '"1,234"', "-", "..")

# Rows of which none blocks, and rows of any kind: unknown codes, text, contradictions.
SOUND = st.tuples(*(st.sampled_from(cells) for cells in (CODES, PERIODS, COUNTS, EXPOSURES)))
ANY = st.tuples(
    st.sampled_from((*CODES, "QM7", "ZZZ", "")),
    st.sampled_from((*PERIODS, "soon", "")),
    st.sampled_from((*COUNTS, "-3", "many")),
    st.sampled_from((*EXPOSURES, "0", "-1")),
)
SOUND_TABLES = st.lists(SOUND, max_size=25, unique_by=lambda row: row[:2])
TABLES = st.one_of(
    st.tuples(SOUND_TABLES, st.just([])),
    SOUND_TABLES.flatmap(
        lambda rows: st.tuples(
            st.just(rows), st.lists(st.sampled_from(rows), max_size=5) if rows else st.just([])
        )
    ),
    st.tuples(st.lists(ANY, max_size=15), st.lists(ANY, max_size=15)),
)
REGISTERS = st.sampled_from([("none", "2025-04"), ("icb", "2025-04"), ("icb", "2026-04")])


def _number(cell: str) -> float:
    """Return a figure as the panel holds it: a suppressed count is 1 at least."""
    if cell == "*":
        return 1.0
    return float(cell.strip('"').replace(",", ""))


@given(tables=TABLES, register=REGISTERS)
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_is_used_or_explained_and_the_panel_holds_what_is_used(
    read: Read, tables: tuple[list[Row], list[Row]], register: tuple[str, str]
) -> None:
    first, second = tables
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
    files["zero.csv"] = f"{HEADER}\nQWU,2023-12,1,10\nQOP,2023-12,1,10\n"
    loaded = read(files, None, fields)
    given_rows = {
        (name, i): row
        for name, rows in (("one.csv", first), ("two.csv", second))
        for i, row in enumerate(rows, start=2)
    }
    given_rows |= {("zero.csv", 2): ("QWU", "", "1", "10"), ("zero.csv", 3): ("QOP", "", "1", "10")}
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
