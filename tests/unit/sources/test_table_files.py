from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import openpyxl
import polars as pl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.sources import Loaded

Read = Callable[..., Loaded]

TABLE = """icb,month,admissions,residents
A,2024-01,10,1000
A,2024-02,12,1000
A,2024-03,9,1000
A,2024-04,8,1000
B,2024-01,20,2000
B,2024-02,22,2000
B,2024-03,21,2000
B,2024-04,20,2000
"""


NOTED = TABLE.replace("\n", ",naïve\n")


def _rows(table: str) -> list[list[str]]:
    return [line.split(",") for line in table.splitlines()]


def _frame() -> pl.DataFrame:
    return pl.read_csv(TABLE.encode())


def _parquet(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


def _xlsx(sheets: dict[str, list[list[object]]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _same_panel(loaded: Loaded, other: Loaded) -> bool:
    assert loaded.panel is not None
    assert other.panel is not None
    return loaded.panel.rows.equals(other.panel.rows)


def test_a_tidy_csv_becomes_a_panel(read: Read) -> None:
    loaded = read({"outcomes.csv": TABLE})
    assert loaded.panel is not None
    panel = loaded.panel
    assert panel.units == ("A", "B")
    assert panel.adoption.first_treated == {"A": 2024 * 12 + 2}
    assert panel.adoption.site == {"A": "North", "B": "B"}
    assert panel.rows.row(0, named=True) == {
        "unit": "A",
        "period": 2024 * 12,
        "outcome": 10.0,
        "weight": 1000.0,
        "count": 10.0,
        "exposure": 1000.0,
    }
    assert loaded.trace["left_out"].null_count() == loaded.trace.height == 8
    assert loaded.trace["row"].to_list() == list(range(2, 10))
    assert set(loaded.trace["file"]) == {"outcomes.csv"}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (NOTED.encode("cp1252"), "windows-1252"),
        (NOTED.encode("utf-8-sig"), "utf-8"),
        (TABLE.encode("utf-8-sig"), "utf-8"),
        (TABLE.replace("\n", "\r\n").encode(), "utf-8"),
    ],
)
def test_the_encoding_is_found_by_trying_and_said(
    read: Read, content: bytes, encoding: str
) -> None:
    loaded = read({"outcomes.csv": content})
    assert _check(loaded, "files_read").table["encoding"].to_list() == [encoding]
    assert loaded.panel is not None


def test_bytes_in_no_known_encoding_are_refused(read: Read) -> None:
    with pytest.raises(SourceError, match=r"line 2: the file is not text in a known.*0x81.*UTF-8"):
        read({"outcomes.csv": TABLE.encode().replace(b"A,", b"\x81,", 1)})


def test_parquet_and_xlsx_give_the_same_panel_as_csv(read: Read) -> None:
    by_csv = read({"o.csv": TABLE})
    dated = _frame().with_columns(pl.col("month").str.to_date("%Y-%m"))
    cells: list[list[object]] = [list(_frame().columns)]
    cells += [
        [a, dt.datetime(2024, int(m[-2:]), 15), c, float(e)] for a, m, c, e in _frame().rows()
    ]
    cells += [[None, None, None, None]] * 3
    lower = read({"lower.xlsx": _xlsx({"Data": [[None], [], *cells]})})
    assert _same_panel(by_csv, lower)
    assert lower.trace["row"].to_list() == list(range(4, 12))
    assert _same_panel(by_csv, read({"o.parquet": _parquet(_frame())}))
    assert _same_panel(by_csv, read({"dated.parquet": _parquet(dated)}))
    by_xlsx = read({"o.xlsx": _xlsx({"Data": cells})})
    assert _same_panel(by_csv, by_xlsx)
    assert by_xlsx.trace["row"].to_list() == list(range(2, 10))


def test_a_workbook_of_several_sheets_wants_one_named(read: Read) -> None:
    sheets: dict[str, list[list[object]]] = {"Notes": [["Made in April"]], "Data ": []}
    sheets["Data "] = [list(row) for row in _rows(TABLE)]
    workbook = _xlsx(sheets)
    assert read({"o.xlsx": workbook}, {"sheet": "Data"}).panel is not None
    with pytest.raises(SourceError, match=r"has 2 sheets.*'Notes', 'Data '.*sheet = "):
        read({"o.xlsx": workbook})
    with pytest.raises(SourceError, match="no sheet 'Dta'"):
        read({"o.xlsx": workbook}, {"sheet": "Dta"})


def test_unit_codes_stored_as_numbers_lose_their_point(read: Read) -> None:
    frame = _frame().with_columns(
        pl.when(pl.col("icb") == "A").then(3.0).otherwise(4.0).alias("icb")
    )
    cells: list[list[object]] = [list(frame.columns), *(list(row) for row in frame.rows())]
    site = {"name": "North", "units": ("3",), "starts": 2024 * 12 + 2}
    for name, content in (("o.parquet", _parquet(frame)), ("o.xlsx", _xlsx({"S": cells}))):
        loaded = read({name: content}, None, {"sites": (site,)})
        assert loaded.panel is not None
        assert loaded.panel.units == ("3", "4")


def test_a_missing_column_is_named_with_those_there_and_the_nearest(read: Read) -> None:
    with pytest.raises(SourceError) as caught:
        read({"o.csv": TABLE.replace("admissions", "admission")})
    message = str(caught.value)
    assert message.startswith("o.csv: there is no column 'admissions'")
    assert "columns.count" in message
    assert "'icb', 'month', 'admission', 'residents'" in message
    assert "Did you mean 'admission'?" in message


def test_cells_separated_by_semicolons_are_recognised(read: Read) -> None:
    with pytest.raises(SourceError, match="separated by ';'"):
        read({"o.csv": TABLE.replace(",", ";")})


def test_a_row_with_too_many_cells_is_named(read: Read) -> None:
    with pytest.raises(SourceError, match=r"o\.csv, row 3: the row has 5 cells, the header 4"):
        read({"o.csv": TABLE.replace("A,2024-02,12", "A,2024-02,1,012")})


def test_an_open_quotation_mark_is_named(read: Read) -> None:
    with pytest.raises(SourceError, match="quotation mark is opened and not closed"):
        read({"o.csv": TABLE.replace("A,2024-02,12,1000", 'A,2024-02,"12,1000')})


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_named(read: Read, content: str) -> None:
    with pytest.raises(SourceError, match=r"o\.csv: the file is empty"):
        read({"o.csv": content})


def test_a_file_that_is_not_what_its_name_says_is_refused(read: Read) -> None:
    for name in ("o.parquet", "o.xlsx"):
        with pytest.raises(SourceError, match="cannot be read as"):
            read({name: TABLE})
    with pytest.raises(SourceError, match=r"kind '\.ods' cannot be read.*\.csv, \.parquet, \.xlsx"):
        read({"o.ods": TABLE})


def test_a_pattern_that_matches_nothing_says_what_is_there(read: Read) -> None:
    with pytest.raises(
        SourceError, match=r"no file matches 'out\*\.csv'; in '\.' there are: o\.csv"
    ):
        read({"o.csv": TABLE}, {"files": ("out*.csv",)})
    with pytest.raises(SourceError, match="the folder 'data' does not exist"):
        read({"o.csv": TABLE}, {"files": ("data/o.csv",)})


def test_globs_read_each_file_once_and_name_it_relative_to_the_study(read: Read) -> None:
    first, second = TABLE.split("B,2024-01", 1)
    header = first.splitlines()[0]
    files = {"data/a.csv": first, "data/b.csv": f"{header}\nB,2024-01{second}"}
    loaded = read(files, {"files": ("data/*.csv", "data/a.csv")})
    assert loaded.trace["file"].unique(maintain_order=True).to_list() == [
        "data/a.csv",
        "data/b.csv",
    ]
    assert [path.name for path in loaded.files] == ["a.csv", "b.csv"]
    assert _same_panel(loaded, read({"whole.csv": TABLE}, {"files": ("whole.csv",)}))


def test_rows_are_numbered_as_a_spreadsheet_shows_them(read: Read) -> None:
    # A blank line is a row of its own, and a quoted line break does not make a new row.
    table = (
        TABLE.replace("icb,", "note,icb,", 1).replace("\nA,", "\nx,A,").replace("\nB,", "\nx,B,")
    )
    table = table.replace("x,A,2024-02", '"two\nlines",A,2024-02').replace(
        "x,B,2024-01", "\nx,B,2024-01"
    )
    trace = read({"o.csv": table}).trace
    assert trace["row"].to_list() == list(range(2, 11))
    assert trace.filter(pl.col("left_out") == "blank row")["row"].to_list() == [6]
    assert trace.filter(pl.col("row") == 3)["period"].to_list() == [2024 * 12 + 1]


def test_blank_lines_above_the_header_are_counted(read: Read) -> None:
    assert read({"o.csv": "\n" + TABLE}).trace["row"].to_list() == list(range(3, 11))


def test_a_measure_without_its_columns_is_a_study_error(read: Read) -> None:
    columns = {"unit": "icb", "period": "month", "count": "admissions"}
    with pytest.raises(StudyError, match='measure = "rate" needs count and exposure'):
        read({"o.csv": TABLE}, {"columns": columns})
    with pytest.raises(StudyError, match='weight = "column" needs'):
        read({"o.csv": TABLE}, {"weight": "column"})
    with pytest.raises(StudyError, match="needs columns"):
        read({"o.csv": TABLE}, {"columns": None})
    with pytest.raises(StudyError, match="there is no source 'tabel'"):
        read({"o.csv": TABLE}, {"source": "tabel"})
    with pytest.raises(StudyError, match="a covariate may not be called 'weight'"):
        read({"o.csv": TABLE}, {"covariates": ("weight",)})
