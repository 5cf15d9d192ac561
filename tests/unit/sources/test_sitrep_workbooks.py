"""Workbooks of the Acute discharge sitrep, written here in the shapes that were published."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from openpyxl import Workbook

from evaluation.errors import SourceError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded, ledger

Read = Callable[..., Loaded]
Cells = Sequence[object]
Figures = Mapping[str, Sequence[tuple[int, int] | None]]

NCTR = "Number of patients who no longer meet the criteria to reside"
DISCHARGED = "Number of patients discharged"
REMAINING = "Number of patients remaining in hospital who no longer meet the criteria to reside"
BY_17 = "Number of patients discharged by 17:00"
AFTER_17 = "Number of patients discharged between 17:01 and 23:59"
CARE_HOME = "P3b - Care Home\n(existing resident discharged back)"
MEDICINES = "Awaiting medicines to take home"
CSV = "Period,Level,Region,ICB,Org Code,Org Name,Metric,Value"
APRIL_2024 = 2024 * 12 + 3

# NCTR and discharged by ICB and day; None where nothing was reported.
ICBS: Figures = {
    "QWU": [(371, 101), (380, 90), None],
    "QK1": [(273, 70), (280, 71), (1290, 72)],
}
TRUSTS: Figures = {"RKB": [(300, 80), (310, 81), (320, 82)]}


def _day(first: date, i: int) -> date:
    return first + timedelta(days=i)


def _three(figures: Sequence[tuple[int, int] | None]) -> list[object]:
    cells: list[object] = []
    for pair in figures:
        cells += ["-", "-", "-"] if pair is None else [*pair, pair[0] - pair[1]]
    return cells


def _four(figures: Sequence[tuple[int, int] | None]) -> list[object]:
    cells: list[object] = []
    for pair in figures:
        early = 0 if pair is None else pair[1] // 3
        cells += ["-"] * 4 if pair is None else [pair[0], early, pair[1] - early, pair[0] - pair[1]]
    return cells


def _block(
    head: str, kind: str, figures: Figures, cells: Callable[..., list[object]]
) -> list[Cells]:
    names = {"QWU": "COVENTRY AND WARWICKSHIRE", "QK1": "LEICESTER", "RKB": "UHCW NHS TRUST"}
    tail = " INTEGRATED CARE BOARD" if kind == "ICB" else ""
    return [
        [None, "Region", f"{head} Code", f"{head} Name"],
        *(
            [None, "MIDLANDS", c, f"NHS {names[c]}{tail}", *cells(row)]
            for c, row in figures.items()
        ),
        [],
    ]


def table_2(
    first: date, *, icbs: Figures = ICBS, above: int = 0, split: bool = False, head: str = "Org"
) -> list[Cells]:
    """Return the rows of "Table 2": ``above`` more rows than usual stand over the header."""
    labels = [NCTR, BY_17, AFTER_17, REMAINING] if split else [NCTR, DISCHARGED, REMAINING]
    cells = _four if split else _three
    width, days = len(labels), len(icbs["QK1"])
    dates: list[object] = [None] * 4
    for i in range(days):
        dates += [_day(first, i), *[None] * (width - 1)]
    helpers: list[Cells] = [[None] * 4 + ["DIS002_TOTAL", "DIS003_TOTAL"] * days] if split else []
    zero = [0] * (width * days)
    return [
        [],
        [None, "Table 2: Number of patients who no longer meet the criteria to reside"],
        *([[None, "Contents"]] * above),
        dates,
        *helpers,
        [None, "Notes: ", None, None, *labels * days],
        [None, None, None, "ENGLAND (Type 1 Trusts)", *zero],
        [None, None, None, "EAST OF ENGLAND", *zero],
        [],
        *_block(head, "ICB", icbs, cells),
        *_block("Org", "PROVIDER", TRUSTS, cells),
        [None, "Note: figures are management information."],
    ]


def table_4(labels: Sequence[str], icbs: Mapping[str, Sequence[object]]) -> list[Cells]:
    """Return the rows of a monthly sheet: labels above England, and no dates."""
    total = [9] * len(labels)
    rows = [
        [None, "MIDLANDS", code, f"NHS {code} INTEGRATED CARE BOARD", *v]
        for code, v in icbs.items()
    ]
    return [
        [None, "Table 4: Month total number of patients discharged by destination"],
        *[[]] * 4,
        [None, None, None, None, *labels],
        [None, None, None, "ENGLAND (Type 1 Trusts)", *total],
        [None, None, None, "MIDLANDS", *total],
        [],
        [None, "Region", "Org Code", "Org Name"],
        *rows,
        [],
        [None, "Region", "Org Code", "Org Name"],
        [None, "MIDLANDS", "RKB", "UHCW NHS TRUST", *total],
    ]


def cover(period: object) -> list[Cells]:
    return [[], [None, "Title:", "Acute Discharge Situation Report"], [None, "Period:", period]]


def book(sheets: Mapping[str, Sequence[Cells]]) -> bytes:
    workbook = Workbook()
    del workbook["Sheet"]
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def april(*, above: int = 0, split: bool = False, head: str = "Org") -> bytes:
    sheet = table_2(date(2024, 4, 1), above=above, split=split, head=head)
    return book({"Cover Sheet": cover("April 2024"), "Table 2": sheet})


def as_csv(first: date, metric: str) -> str:
    """Return the same figures as a CSV file."""
    at = {NCTR: 0, DISCHARGED: 1}
    lines = [CSV]
    for level, table in (("ICB", ICBS), ("PROVIDER", TRUSTS)):
        for code, days in table.items():
            for i, pair in enumerate(days):
                value = "-" if pair is None else str([*pair, pair[0] - pair[1]][at.get(metric, 2)])
                day = _day(first, i).strftime("%d/%m/%Y")
                lines.append(f"{day},{level},M,[z],{code},NAME,{metric},{value}")
    return "\n".join(lines)


@pytest.fixture
def read_book(read: Read) -> Read:
    """Return a function that loads files of the sitrep; the pilot is QWU, from May 2024."""

    def load_files(
        files: dict[str, str | bytes],
        outcome: dict[str, object] | None = None,
        fields: dict[str, object] | None = None,
    ) -> Loaded:
        described = {"source": "acute_discharge_sitrep", "metric": "nctr", "columns": None}
        site = {"name": "Coventry", "units": ("QWU",), "starts": APRIL_2024 + 1}
        study = {"geography": {"register": "icb"}, "sites": (site,)}
        shown = {**described, "per": 1.0, **(outcome or {})}
        return read(files, shown, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


@pytest.mark.parametrize("metric", ["nctr", "discharged", "remaining"])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"above": 1},
        {"above": 7},
        {"split": True},
        {"split": True, "above": 2},
        {"head": "ICB"},
    ],
)
def test_a_workbook_and_a_csv_of_the_same_figures_give_the_same_panel(
    read_book: Read, metric: str, layout: dict[str, Any]
) -> None:
    label = {"nctr": NCTR, "discharged": DISCHARGED, "remaining": REMAINING}[metric]
    by_book = read_book({"april.xlsx": april(**layout)}, {"metric": metric})
    by_csv = read_book({"april.csv": as_csv(date(2024, 4, 1), label)}, {"metric": metric})
    assert _panel(by_book).rows.equals(_panel(by_csv).rows)


def test_every_figure_of_the_sheet_is_used_or_explained(read_book: Read) -> None:
    loaded = read_book({"april.xlsx": april(split=True)}, {"metric": "discharged"})
    trace = loaded.trace
    assert trace["file"].unique().to_list() == ["april.xlsx!Table 2"]
    # Two ICBs, a trust, England and a region: five rows of three days of four columns.
    assert trace.height == 5 * 3 * 4
    reasons = dict(trace.group_by("left_out").len().iter_rows())
    assert reasons == {
        None: 5,
        "not reported (-)": 1,
        "added to the discharges by 17:00 of the same row": 6,
        "another metric": 12,
        'level "National": only rows of level ICB are used': 12,
        'level "Region": only rows of level ICB are used': 12,
        'level "PROVIDER": only rows of level ICB are used': 12,
    }
    booked = ledger({"o": trace})
    assert booked["rows"].sum() == trace.height
    used = booked.filter(pl.col("status") == "used").row(0, named=True)
    assert (used["rows"], used["row_ranges"]) == (5, "10-11")
    assert "60 rows, read as xlsx" in _check(loaded, "files_read").detail


def test_half_a_split_that_was_not_reported_leaves_the_day_unreported(read_book: Read) -> None:
    rows = [list(row) for row in table_2(date(2024, 4, 1), split=True)]
    pilot = next(row for row in rows if "QWU" in row)
    assert pilot[5:7] == [33, 68]
    pilot[6] = "-"
    loaded = read_book({"a.xlsx": book({"Table 2": rows})}, {"metric": "discharged"})
    assert _panel(loaded).rows.filter(pl.col("unit") == "QWU")["exposure"].to_list() == [1.0]


def test_csv_and_workbooks_make_one_series(read_book: Read) -> None:
    may = book({"Table 2": table_2(date(2024, 5, 1), above=3)})
    loaded = read_book({"april.csv": as_csv(date(2024, 4, 1), NCTR), "may.xlsx": may})
    rows = _panel(loaded).rows
    assert rows["outcome"].to_list() == [(273 + 280 + 1290) / 3] * 2 + [(371 + 380) / 2] * 2
    assert _check(loaded, "missing_months").passed is True


def test_nobody_reported_on_19_june_2022_in_workbooks_either(read_book: Read) -> None:
    icbs: Figures = {"QWU": [None, (10, 1)], "QK1": [(0, 0), (12, 2)]}
    sheet = table_2(date(2022, 6, 19), icbs=icbs, split=True)
    fields = {"sites": ({"name": "C", "units": ("QWU",), "starts": 2022 * 12 + 6},)}
    rows = _panel(read_book({"june.xlsx": book({"Table 2": sheet})}, None, fields)).rows
    assert rows["outcome"].to_list() == [12.0, 10.0]


def test_a_date_that_stands_on_every_column_is_read_as_well(read_book: Read) -> None:
    rows = [list(row) for row in table_2(date(2024, 4, 1))]
    dates = next(row for row in rows if date(2024, 4, 1) in row)
    for i, cell in enumerate(dates[4:], start=4):
        dates[i] = dates[i - 1] if cell is None else cell
    loaded = read_book({"a.xlsx": book({"Table 2": rows})})
    assert _panel(loaded).rows.equals(_panel(read_book({"b.xlsx": april()})).rows)


def test_text_among_the_figures_is_named_by_sheet_and_row(read_book: Read) -> None:
    rows = [list(row) for row in table_2(date(2024, 4, 1))]
    next(row for row in rows if "QK1" in row)[4] = "about 270"
    loaded = read_book({"a.xlsx": book({"Table 2": rows})})
    assert loaded.panel is None
    assert (
        'a.xlsx!Table 2, row 10: column "Value" holds "about 270"'
        in _check(loaded, "numbers").detail
    )


def test_a_figure_that_is_merged_with_another_is_not_unreported(read_book: Read) -> None:
    """The figure of two ICBs in one cell: that of the second is not known, and said so."""
    workbook = openpyxl.load_workbook(io.BytesIO(april()))
    sheet = workbook["Table 2"]
    row = next(r for r in range(1, 30) if sheet.cell(r, 3).value == "QWU")
    sheet.merge_cells(start_row=row, end_row=row + 1, start_column=5, end_column=5)
    stream = io.BytesIO()
    workbook.save(stream)
    loaded = read_book({"a.xlsx": stream.getvalue()})
    assert loaded.panel is None
    told = _check(loaded, "numbers").detail
    assert f'a.xlsx!Table 2, row {row + 1}: column "Value" holds "merged with E{row}"' in told


def test_hidden_rows_are_read_and_told(read_book: Read) -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(april()))
    workbook["Table 2"].row_dimensions[9].hidden = True
    stream = io.BytesIO()
    workbook.save(stream)
    loaded = read_book({"a.xlsx": stream.getvalue()})
    assert "1 hidden in the sheet (row 9), read like the others" in (
        _check(loaded, "files_read").detail
    )


def test_a_row_without_a_code_among_the_icbs_blocks(read_book: Read) -> None:
    rows = [list(row) for row in table_2(date(2024, 4, 1))]
    next(row for row in rows if "QWU" in row)[2] = None
    loaded = read_book({"a.xlsx": book({"Table 2": rows})})
    assert loaded.panel is None
    assert "the row names no unit" in _check(loaded, "unit_codes").detail


def test_a_day_in_two_columns_is_refused(read_book: Read) -> None:
    rows = [list(row) for row in table_2(date(2024, 4, 1))]
    dates = next(row for row in rows if date(2024, 4, 2) in row)
    dates[dates.index(date(2024, 4, 2))] = date(2024, 4, 1)
    with pytest.raises(SourceError, match=r"two columns hold .* of 2024-04-01"):
        read_book({"a.xlsx": book({"Table 2": rows})})


def test_a_workbook_without_trusts_or_with_trusts_only(read_book: Read) -> None:
    rows = table_2(date(2024, 4, 1))
    second = [i for i, row in enumerate(rows) if list(row)[:3] == [None, "Region", "Org Code"]][1]
    alone = read_book({"a.xlsx": book({"Table 2": rows[:second]})})
    assert _panel(alone).rows.equals(_panel(read_book({"b.xlsx": april()})).rows)
    first = second - 4
    trusts = read_book({"c.xlsx": book({"Table 2": [*rows[:first], *rows[second:]]})})
    assert trusts.panel is None
    assert "no row of the data is for unit 'QWU'" in _check(trusts, "pilot_units").detail


# ---------------------------------------------------------------- monthly sheets


MONTHLY: Mapping[str, Sequence[object]] = {"QWU": [12, "-"], "QK1": [30, 4.5]}


def monthly(**others: Sequence[Cells]) -> bytes:
    sheets: dict[str, Sequence[Cells]] = {k.replace("_", " "): v for k, v in others.items()}
    return book({**sheets, "Table 4": table_4([CARE_HOME, MEDICINES], MONTHLY)})


@pytest.mark.parametrize(
    "others",
    [
        {"Table_2": table_2(date(2024, 4, 1))},
        {"Cover_Sheet": cover("April 2024")},
        {"Cover_Sheet": cover(date(2024, 4, 1))},
        {"Cover_Sheet": cover("1st April 2024 - 30th April 2024")},
        {"Cover_Sheet": cover("April 2024"), "Table_2": table_2(date(2024, 4, 1))},
    ],
)
def test_a_destination_is_the_months_total(
    read_book: Read, others: dict[str, Sequence[Cells]]
) -> None:
    loaded = read_book({"april.xlsx": monthly(**others)}, {"metric": "care_home_back"})
    rows = _panel(loaded).rows
    assert rows.select("unit", "period", "count", "exposure").rows() == [
        ("QK1", APRIL_2024, 30.0, 30.0),
        ("QWU", APRIL_2024, 12.0, 30.0),
    ]
    assert set(loaded.trace["file"]) == {"april.xlsx!Table 4"}


def test_a_reason_for_delay_is_an_average(read_book: Read) -> None:
    given = monthly(Cover_Sheet=cover("April 2024"))
    site = {"sites": ({"name": "L", "units": ("QK1",), "starts": APRIL_2024 + 1},)}
    rows = _panel(read_book({"april.xlsx": given}, {"metric": "delay_medicines"}, site)).rows
    assert rows.select("outcome", "exposure").rows() == [(4.5, 1.0)]


def test_a_label_that_is_not_listed_can_be_named(read_book: Read) -> None:
    sheet = table_4(["P2 - Care Home (24hr support)", "Other"], MONTHLY)
    given = {"april.xlsx": book({"Cover Sheet": cover("April 2024"), "Table 4": sheet})}
    outcome = {"metric": "label: p2 \N{EN DASH} Care Home (24hr support)"}
    assert _panel(read_book(given, outcome)).rows["outcome"].to_list() == [30.0, 12.0]
    with pytest.raises(SourceError, match=r"no row of metric 'label:P2'.*labels: Other; P2 - Care"):
        read_book(given, {"metric": "label:P2"})
    with pytest.raises(SourceError, match="no sheet holds figures"):
        read_book(given, {**outcome, "sheet": "Table 9"})


def test_a_daily_label_that_is_named_is_read_as_daily(read_book: Read) -> None:
    by_label = read_book({"a.xlsx": april()}, {"metric": f"label:{NCTR}"})
    assert _panel(by_label).rows.equals(_panel(read_book({"a.xlsx": april()})).rows)
    assert "days_not_reported" in {check.name for check in by_label.checks}


def test_the_month_must_be_told_and_not_contradicted(read_book: Read) -> None:
    outcome = {"metric": "care_home_back"}
    with pytest.raises(SourceError, match="the month of the figures cannot be told"):
        read_book({"april.xlsx": monthly()}, outcome)
    both = monthly(Cover_Sheet=cover("May 2024"), Table_2=table_2(date(2024, 4, 1)))
    with pytest.raises(SourceError, match='says 2024-05, and "Table 2" holds days of 2024-04'):
        read_book({"april.xlsx": both}, outcome)


def test_a_workbook_of_another_kind_is_refused(read_book: Read) -> None:
    with pytest.raises(SourceError, match=r"a\.xlsx: no sheet holds figures of organisations"):
        read_book({"a.xlsx": book({"Table 2": [["some", "notes"]]})})


# ---------------------------------------------------------------- real figures


def test_real_figures_are_the_same_from_a_workbook(read_book: Read, shared_data: Path) -> None:
    folder = shared_data / "real" / "acute_discharge_sitrep"
    real = folder / "Daily-discharge-sitrep-monthly-data-CSV-2024-05.csv"
    text = pl.read_csv(real, infer_schema=False, encoding="windows-1252")
    icbs = text.filter(pl.col("Level") == "ICB")
    days = icbs["Period"].unique().sort().to_list()
    wide = icbs.pivot(on=["Period", "Metric"], index="Org Code", values="Value")
    columns = [c for c in wide.columns if c != "Org Code"]
    keys = [c.strip("{}").replace('"', "").split(",", 1) for c in columns]
    rows: list[Cells] = [
        [None] * 4 + [date(int(d[6:]), int(d[3:5]), int(d[:2])) for d, _ in keys],
        [None] * 4 + [label for _, label in keys],
        [],
        [None, "Region", "ICB Code", "ICB Name"],
        *([None, "R", line[0], "N", *line[1:]] for line in wide.iter_rows()),
    ]
    assert len(days) == 31
    by_csv = read_book({"may.csv": real.read_bytes()})
    by_book = read_book({"may.xlsx": book({"Table 2": rows})})
    assert _panel(by_book).rows.equals(_panel(by_csv).rows)
