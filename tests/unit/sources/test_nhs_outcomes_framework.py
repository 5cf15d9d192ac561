from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.panel import Panel
from evaluation.sources import Loaded

Read = Callable[..., Loaded]
Fields = dict[str, object]
Line = tuple[str, ...]

HEADER = (
    *("Year", "Quarter", "Period of coverage", "Breakdown", "Level", "Level description"),
    *("Indicator value", "Lower CI", "Upper CI", "Standardised ratio"),
    *("Standardised ratio lower CI", "Standardised ratio upper CI", "Observed", "Population"),
    *("Expected", "Percent unclassified"),
)
ICB = "Integrated Care Board"
NOTES = 14


def line(code: str, year: str, observed: str, breakdown: str = ICB, quarter: str = "") -> Line:
    ratio = str(100 * int(observed) / 50) if observed.isdigit() else "*"
    value = str(7 * float(ratio)) if observed.isdigit() else "*"
    kept = (year, quarter, "as the year", breakdown, code, f"Name of {code}")
    return (*kept, value, "1", "2", ratio, "3", "4", observed, "1000", "50", "0.1")


SERIES = [
    line(code, f"{year}/{(year + 1) % 100:02d}", str(count + year - 2017))
    for code, count in (("E54000018", 40), ("E54000015", 60))
    for year in (2017, 2018, 2019)
]


def as_csv(*lines: Line, notes: int = 0) -> str:
    text = io.StringIO()
    text.write("".join(f"A note, number {i}\n" for i in range(notes)))
    csv.writer(text).writerows([HEADER, *lines])
    return text.getvalue()


def as_workbook(folder: Path, *lines: Line, sheet: str = "Indicator data") -> bytes:
    """Return a workbook as published: a cover, and the table below notes, numbers as numbers."""
    workbook = openpyxl.Workbook()
    table = workbook.create_sheet(sheet)
    for i in range(NOTES):
        table.append([f"Note {i}"] if i % 3 else [])
    table.append(HEADER)
    for cells in lines:
        table.append([float(c) if c.replace(".", "").isdigit() else c or None for c in cells])
    table.append([])
    table.append(["Source: somewhere"])
    workbook.save(folder / "made.xlsx")
    return (folder / "made.xlsx").read_bytes()


@pytest.fixture
def read_years(read: Read) -> Read:
    """Return a function that loads tables by financial year; the pilot is QWU, from 2018/19."""

    def load_files(
        files: dict[str, str | bytes], outcome: Fields | None = None, fields: Fields | None = None
    ) -> Loaded:
        described = {
            "source": "nhs_outcomes_framework",
            "metric": "observed",
            "columns": None,
            "per": 100.0,
        }
        study = {
            "time": {"frequency": "financial_year"},
            "geography": {"register": "icb"},
            "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2018},),
        }
        return read(files, {**described, **(outcome or {})}, {**study, **(fields or {})})

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _reasons(loaded: Loaded) -> list[str | None]:
    return loaded.trace["left_out"].to_list()


CASES = [
    ("observed", "rate", {"count": "Observed", "exposure": "Population"}),
    ("observed", "share", {"count": "Observed", "exposure": "Population"}),
    ("observed", "count", {"count": "Observed"}),
    ("standardised_ratio", "rate", {"count": "Observed", "exposure": "Expected"}),
    ("standardised_ratio", "mean", {"value": "Standardised ratio"}),
    ("indicator_value", "mean", {"value": "Indicator value"}),
]


@pytest.mark.parametrize(("metric", "measure", "columns"), CASES)
def test_a_table_gives_the_panel_of_the_same_numbers_in_a_table_of_your_own(
    read_years: Read, metric: str, measure: str, columns: dict[str, str]
) -> None:
    per = 100.0 if measure == "rate" else 1.0
    text = as_csv(*SERIES)
    own: Fields = {
        "source": "table",
        "metric": None,
        "columns": {"unit": "Level", "period": "Year", **columns},
        "measure": measure,
        "per": per,
    }
    expected = _panel(read_years({"t.csv": text}, own))
    loaded = read_years({"n.csv": text}, {"metric": metric, "measure": measure, "per": per})
    assert _panel(loaded).rows.equals(expected.rows)


def test_the_ratio_per_100_is_the_published_one(read_years: Read) -> None:
    text = as_csv(*SERIES)
    made = _panel(read_years({"n.csv": text}, {"metric": "standardised_ratio"}))
    ratio = {"metric": "standardised_ratio", "measure": "mean", "per": 1.0}
    published = _panel(read_years({"n.csv": text}, ratio))
    assert made.values("outcome").tolist() == published.values("outcome").tolist()


def test_the_header_is_found_below_notes(read_years: Read, tmp_path: Path) -> None:
    expected = _panel(read_years({"n.csv": as_csv(*SERIES)}))
    below = read_years({"m.csv": as_csv(*SERIES, notes=3)})
    assert _panel(below).rows.equals(expected.rows)
    assert below.trace["row"].to_list() == list(range(5, 11))
    workbook = read_years({"n.xlsx": as_workbook(tmp_path, *SERIES)})
    assert _panel(workbook).rows.equals(expected.rows)
    assert workbook.trace["row"].to_list() == list(range(NOTES + 2, NOTES + 10))
    assert _reasons(workbook)[6:] == ["blank row", "a note, not a row of the table"]


def test_rows_of_other_breakdowns_say_why(read_years: Read) -> None:
    lines = [
        *SERIES,
        line("E92000001", "2017/18", "9", "England"),
        line("65-69", "2017/18", "9", "Age"),
        line("E54000018", "2017/18", "9", quarter="Q1"),
        line("", "2017/18", "9"),
    ]
    loaded = read_years({"n.csv": as_csv(*lines)})
    assert _reasons(loaded)[6:] == [
        'breakdown "England": no ICB',
        'breakdown "Age": no ICB',
        'quarter "Q1": a part of the year',
        "no unit",
    ]


def test_without_a_register_a_breakdown_is_chosen(read_years: Read) -> None:
    lines = [
        *(line(code, "2018/19", "9", "LTLA") for code in ("E06000001", "E06000002")),
        line("65-69", "2018/19", "9", "Age"),
        line("E92000001", "2018/19", "9", "England"),
    ]
    fields: Fields = {
        "geography": {"register": "none"},
        "sites": ({"name": "Pilot", "units": ("E06000001",), "starts": 2018},),
    }
    with pytest.raises(StudyError, match='one of "Age", "LTLA"'):
        read_years({"n.csv": as_csv(*lines)}, None, fields)
    loaded = read_years({"n.csv": as_csv(*lines)}, {"select": {"Breakdown": "LTLA"}}, fields)
    assert _panel(loaded).units == ("E06000001", "E06000002")
    with pytest.raises(SourceError, match="no row has Breakdown 'CCG'"):
        read_years({"n.csv": as_csv(*lines)}, {"select": {"Breakdown": "CCG"}}, fields)


def test_quarters_are_those_of_the_financial_year(read_years: Read) -> None:
    lines = [
        *(line("E54000018", "2018/19", str(q), quarter=f"Q{q}") for q in (1, 2, 3, 4)),
        line("E54000015", "2018/19", "9", quarter="Q1"),
        line("E54000018", "2018/19", "9"),
    ]
    fields: Fields = {
        "time": {"frequency": "quarter"},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2018 * 4 + 2},),
    }
    loaded = read_years({"n.csv": as_csv(*lines)}, None, fields)
    pilot = _panel(loaded).rows.filter(unit="QWU").sort("period")
    assert pilot["period"].to_list() == [2018 * 4 + 1, 2018 * 4 + 2, 2018 * 4 + 3, 2019 * 4]
    assert pilot["count"].to_list() == [1, 2, 3, 4]
    assert _reasons(loaded)[-1] == "a whole year, not a quarter"


def test_a_star_is_a_suppressed_count(read_years: Read) -> None:
    loaded = read_years({"n.csv": as_csv(*SERIES, line("E54000010", "2018/19", "*"))})
    check = next(c for c in loaded.checks if c.name == "suppressed_counts")
    assert check.passed is not True
    assert check.table["unit"].to_list() == ["QNC"]


@pytest.mark.parametrize(
    ("metric", "measure", "allowed"),
    [
        ("indicator_value", "rate", '"mean"'),
        ("standardised_ratio", "share", '"rate" or "count" or "mean"'),
        ("observed", "mean", '"rate" or "share" or "count"'),
    ],
)
def test_a_measure_that_does_not_fit_the_metric_is_refused(
    read_years: Read, metric: str, measure: str, allowed: str
) -> None:
    with pytest.raises(StudyError) as caught:
        read_years({"n.csv": as_csv(*SERIES)}, {"metric": metric, "measure": measure, "per": 1.0})
    assert f'measure = "{measure}" does not fit metric = "{metric}"' in str(caught.value)
    assert f"Allowed: {allowed}" in str(caught.value)


def test_an_unknown_metric_is_refused_with_the_nearest(read_years: Read) -> None:
    with pytest.raises(StudyError, match="Did you mean 'observed'"):
        read_years({"n.csv": as_csv(*SERIES)}, {"metric": "observd"})


def test_months_are_refused(read_years: Read) -> None:
    with pytest.raises(StudyError, match="financial years and their quarters"):
        read_years({"n.csv": as_csv(*SERIES)}, None, {"time": {"frequency": "month"}})


def test_a_sheet_without_the_table_is_refused(read_years: Read, tmp_path: Path) -> None:
    made = as_workbook(tmp_path, *SERIES, sheet="Data")
    with pytest.raises(SourceError, match="the workbook has 2 sheets"):
        read_years({"n.xlsx": made})
    assert read_years({"n.xlsx": made}, {"sheet": "data"}).panel is not None
    with pytest.raises(SourceError, match="no row holds the headings 'Year', 'Breakdown'"):
        read_years({"n.xlsx": made}, {"sheet": "Sheet"})


def test_a_column_under_another_heading_is_named_in_the_study(read_years: Read) -> None:
    text = as_csv(*SERIES).replace("Level,", "Org code,")
    with pytest.raises(SourceError, match="no column 'Level'"):
        read_years({"n.csv": text})
    loaded = read_years({"n.csv": text}, {"headings": {"Level": "Org Code"}})
    assert _panel(loaded).values("count").sum() == 306


def test_a_row_with_more_cells_than_the_header_is_an_error(read_years: Read) -> None:
    text = as_csv(*SERIES, notes=2) + ",".join(["x"] * (len(HEADER) + 1)) + "\n"
    with pytest.raises(SourceError, match=r"n.csv, row 10: the row has 17 cells, the header 16"):
        read_years({"n.csv": text})
