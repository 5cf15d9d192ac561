"""Workbooks and Parquet files that are damaged, or hold something else than they seem to."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from faulty.books import SHEET, Change, as_book, bomb, bookwise, data, partwise
from faulty.edits import Build, both, put, swap
from faulty.fault import CHECK, Answer, Fault

Damaged = Callable[[str, Fault], Answer]

NAME = "outcomes.xlsx"
PARQUET = "outcomes.parquet"


def _set(cell: str, value: int | str) -> Build:
    """Save the good table as a workbook with something else in a cell."""
    return as_book(lambda book: data(book).__setitem__(cell, value))


def _merged(cells: str) -> Build:
    return as_book(lambda book: data(book).merge_cells(cells))


def _with_title(book: Workbook) -> None:
    sheet = data(book)
    sheet.insert_rows(1, 2)
    sheet["A1"] = "Admissions of residents"
    sheet.merge_cells("A1:D1")


def _with_sheet(title: str, state: str = "visible") -> Change:
    def change(book: Workbook) -> None:
        book.create_sheet(title).sheet_state = state

    return change


def _hidden_rows(book: Workbook) -> None:
    for row in range(5, 9):
        data(book).row_dimensions[row].hidden = True


def _damaged_stream(raw: bytes) -> bytes:
    at = raw.index(SHEET.encode()) + len(SHEET) + 40
    return raw[:at] + bytes(byte ^ 0xFF for byte in raw[at : at + 40]) + raw[at + 40 :]


def _far_row(content: bytes) -> bytes:
    return content.replace(b'<row r="109"', b'<row r="2000000000"')


def _as_parquet(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Build:
    def build(folder: Path) -> None:
        table = change(pl.read_csv(folder / "outcomes.csv"))
        stream = io.BytesIO()
        table.write_parquet(stream)
        (folder / PARQUET).write_bytes(stream.getvalue())
        swap("study.toml", "outcomes.csv", PARQUET)(folder)

    return build


def _cut(build: Build, share: float) -> Build:
    def cut(folder: Path) -> None:
        raw = (folder / PARQUET).read_bytes()
        (folder / PARQUET).write_bytes(raw[: int(len(raw) * share)])

    return both(build, cut)


def _counted_from_1904(book: Workbook) -> None:
    book.epoch = CALENDAR_MAC_1904
    for row in range(2, data(book).max_row + 1):
        year, month = map(int, str(data(book).cell(row, 2).value).split("-"))
        days = (date(year, month, 1) - date(1904, 1, 1)).days
        data(book).cell(row, 2).value = days


def _rewritten(raw: bytes, change: Callable[[zipfile.ZipInfo, bytes], bytes | None]) -> bytes:
    """Return a workbook with each of its parts changed, or left out where None is returned."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(stream, "w") as new:
        for item in old.infolist():
            content = change(item, old.read(item))
            if content is not None:
                new.writestr(item.filename, content)
    return stream.getvalue()


def _without_part(raw: bytes, part: str) -> bytes:
    return _rewritten(raw, lambda item, content: None if item.filename == part else content)


def _second_sheet(raw: bytes) -> bytes:
    stream = io.BytesIO(raw)
    with zipfile.ZipFile(stream, "a") as book, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book.writestr(SHEET, book.read(SHEET).replace(b"<v>27<", b"<v>28<", 1))
    return stream.getvalue()


def _encrypted(raw: bytes) -> bytes:
    changed = bytearray(raw)
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = -1
        while (at := raw.find(signature, at + 1)) >= 0:
            changed[at + flags] |= 1
    return bytes(changed)


def _laughing(content: bytes) -> bytes:
    entities = [b'<!ENTITY a0 "ha">']
    entities += [b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 20) for i in range(1, 9)]
    kinds = b"<!DOCTYPE x [%s]>" % b"".join(entities)
    return kinds + content.replace(b"<t>QWU</t>", b"<t>&a8;</t>", 1)


_WHOLE = ("the file cannot be read as a workbook", "It may be cut off or damaged: get it again")

FAULTS = (
    Fault(
        name="half a workbook",
        build=bookwise(lambda raw: raw[: len(raw) // 2]),
        words=(NAME, *_WHOLE),
    ),
    Fault(name="an empty file", build=both(as_book(), put(NAME, "")), words=(NAME, *_WHOLE)),
    Fault(name="a damaged stream", build=bookwise(_damaged_stream), words=(NAME, *_WHOLE)),
    Fault(
        name="a sheet that ends within a row",
        build=partwise(SHEET, lambda content: content[: content.index(b'<row r="50"') + 40]),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a sheet that is no XML",
        build=partwise(SHEET, lambda _: b"\x00\x01\x02"),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="styles that are cut off",
        build=partwise("xl/styles.xml", lambda content: content[:200]),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a number that is none, where a sheet says that it is one",
        build=partwise(SHEET, lambda content: content.replace(b"<v>1000<", b"<v>1oo0<", 1)),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a text that the workbook lacks",
        build=partwise(
            SHEET,
            lambda content: content.replace(
                b'<c r="C3" t="n"><v>27</v>', b'<c r="C3" t="s"><v>999</v>'
            ),
        ),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a workbook without its sheet",
        build=partwise(
            "xl/_rels/workbook.xml.rels", lambda content: content.replace(b"sheet1", b"sheet9")
        ),
        words=(NAME, "the workbook has no sheets", "Get it again"),
    ),
    Fault(
        name="a zip file that is no workbook",
        build=both(
            as_book(),
            put(NAME, b"PK\3\4" + bytes(26) + b"PK\5\6" + bytes(18)),
        ),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="an old workbook under a new name",
        build=both(as_book(), put(NAME, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))),
        words=(NAME, "an old workbook (.xls), or one with a password", "save it as .xlsx"),
    ),
    Fault(
        name="a web page under the name of a workbook",
        build=both(as_book(), put(NAME, "\n <html><body>Sign in</body></html>")),
        words=(NAME, "a web page", "where one signs in"),
    ),
    Fault(
        name="a CSV file under the name of a workbook",
        build=both(as_book(), put(NAME, "icb,month,admissions,residents\n")),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a workbook that unpacks to gigabytes",
        build=bookwise(bomb(4000)),
        words=(NAME, "the workbook unpacks to 3.9 GiB", "at most 0.5 GiB", "CSV UTF-8"),
    ),
    Fault(
        name="a workbook that unpacks to more than it says",
        build=bookwise(bomb(100, declared=5000)),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a row two billion rows down",
        build=partwise(SHEET, _far_row),
        words=(NAME, "'Data' has over 1,048,576 rows", "CSV UTF-8"),
    ),
    Fault(
        name="an empty sheet",
        build=as_book(lambda book: data(book).delete_rows(1, 200)),
        words=(NAME, "the sheet 'Data' is empty", "name it in the study file"),
    ),
    Fault(
        name="several sheets, and none is named",
        build=as_book(_with_sheet("Notes")),
        words=(NAME, "the workbook has 2 sheets", "'Data', 'Notes'", 'sheet = "..."'),
    ),
    Fault(
        name="a hidden sheet beside the one that is seen",
        build=as_book(_with_sheet("Old", "hidden")),
        words=(NAME, "the workbook has 2 sheets", "'Data', 'Old'", 'sheet = "..."'),
    ),
    Fault(
        name="a sheet that is not there",
        build=both(
            as_book(), swap("study.toml", 'measure = "rate"', 'sheet = "Dta"\nmeasure = "rate"')
        ),
        words=(NAME, "no sheet 'Dta'", "Did you mean 'Data'?"),
    ),
    Fault(
        name="a chart in place of a sheet",
        build=both(
            as_book(lambda book: book.create_chartsheet("Chart")),
            swap("study.toml", 'measure = "rate"', 'sheet = "Chart"\nmeasure = "rate"'),
        ),
        words=(NAME, "workbook"),
    ),
    Fault(
        name="a title over merged cells above the header",
        build=as_book(_with_title),
        words=(
            NAME,
            "there is no column 'icb'",
            "'Admissions of residents'",
            "If that is a title, delete it",
        ),
    ),
    Fault(
        name="merged figures",
        build=_merged("C3:C4"),
        words=(f'{NAME}, row 4: column "admissions" holds "merged with C3"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a merged code",
        build=_merged("A20:A37"),
        words=(f'{NAME}, row 21: ICB code "merged with A20"', "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="merged figures in the last column",
        build=_merged("D3:D5"),
        words=(f'{NAME}, row 4: column "residents" holds "merged with D3"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a figure merged with that of the last column",
        build=_merged("C3:D3"),
        words=(f'{NAME}, row 3: column "residents" holds "merged with C3"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a last row of formulas that were never worked out",
        build=as_book(lambda book: data(book).append(["=A2", "=B2", "=C2", "=D2"])),
        words=(f"{NAME}, row 110", "=A2 (a formula whose value was not saved)"),
        code=CHECK,
    ),
    Fault(
        name="true for a number",
        build=as_book(lambda book: data(book).__setitem__("C3", True)),
        words=(f'{NAME}, row 3: column "admissions" holds "true"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="months as numbers, counted from 1904",
        build=as_book(_counted_from_1904),
        words=(f"{NAME}: days are counted from 1904", "four years", f"{NAME}, row 2"),
        code=CHECK,
    ),
    Fault(
        name="rows that do not stand in their order",
        build=partwise(SHEET, lambda content: content.replace(b'<row r="3"', b'<row r="30"', 1)),
        words=(NAME, "row 4 follows row 30 in the file", "save it as .xlsx"),
    ),
    Fault(
        name="a row given twice",
        build=partwise(SHEET, lambda content: content.replace(b'<row r="4"', b'<row r="3"', 1)),
        words=(NAME, "row 3 follows row 3 in the file", "save it as .xlsx"),
    ),
    Fault(
        name="a part of the workbook given twice",
        build=bookwise(_second_sheet),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a workbook whose parts are encrypted",
        build=bookwise(_encrypted),
        words=(NAME, "encrypted", "without a password"),
    ),
    Fault(
        name="a workbook without the list of its parts",
        build=bookwise(lambda raw: _without_part(raw, "[Content_Types].xml")),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="a text that grows to more than the memory holds",
        build=partwise(SHEET, _laughing),
        words=(NAME, *_WHOLE),
    ),
    Fault(
        name="hidden rows",
        build=as_book(_hidden_rows),
        words=("4 hidden in the sheet (rows 5 to 8), read like the others",),
        code=0,
    ),
    Fault(
        name="a formula that was never worked out",
        build=_set("C3", "=20+7"),
        words=(f"{NAME}, row 3", '"=20+7 (a formula whose value was not saved)"'),
        code=CHECK,
    ),
    Fault(
        name="a formula that was never worked out, for a month",
        build=_set("B3", "=DATE(2023,8,1)"),
        words=(f"{NAME}, row 3", 'period "=DATE(2023,8,1) (a formula'),
        code=CHECK,
    ),
    Fault(
        name="a formula whose value is an error",
        build=partwise(
            SHEET,
            lambda content: content.replace(
                b'<c r="C3" t="n"><v>27</v>', b'<c r="C3" t="e"><f>A1</f><v>#REF!</v>'
            ),
        ),
        words=(f"{NAME}, row 3", 'holds "#REF!"', "which is not a number"),
        code=CHECK,
    ),
    Fault(
        name="a formula that gives nothing",
        build=partwise(
            SHEET,
            lambda content: content.replace(
                b'<c r="C3" t="n"><v>27</v>', b'<c r="C3" t="str"><f>A1</f><v></v>'
            ),
        ),
        words=("1 left out: not reported", "no value in August 2023"),
        code=0,
    ),
    Fault(
        name="a month as the number of its first day",
        build=_set("B3", 45139),
        words=(f"{NAME}, row 3", 'period "45139"', "a spreadsheet's number for 1 August 2023"),
        code=CHECK,
    ),
    Fault(
        name="a percentage that a spreadsheet shows as 2.7%",
        build=_set("C3", "2.7%"),
        words=(f"{NAME}, row 3", 'holds "2.7%"', "which is not a number"),
        code=CHECK,
    ),
    # ------------------------------------------------------------------ Parquet
    Fault(
        name="half a Parquet file",
        build=_cut(_as_parquet(lambda table: table), 0.5),
        words=(PARQUET, "cannot be read as Parquet", "It may be cut off or damaged"),
    ),
    Fault(
        name="Parquet without its last bytes",
        build=_cut(_as_parquet(lambda table: table), 0.99),
        words=(PARQUET, "cannot be read as Parquet", "write it again, or get it again"),
    ),
    Fault(
        name="a CSV file under the name of a Parquet file",
        build=both(_as_parquet(lambda table: table), put(PARQUET, "icb,month\nQWU,2024-01\n")),
        words=(PARQUET, "cannot be read as Parquet", "a whole Parquet file"),
    ),
    Fault(
        name="lists in place of numbers",
        build=_as_parquet(lambda table: table.with_columns(pl.concat_list("admissions"))),
        words=(PARQUET, "column 'admissions' holds list", "text, numbers, dates"),
    ),
    Fault(
        name="bytes in place of codes",
        build=_as_parquet(lambda table: table.with_columns(pl.col("icb").cast(pl.Binary))),
        words=(PARQUET, "column 'icb' holds binary", "one plain value in each cell"),
    ),
    Fault(
        name="durations in place of numbers",
        build=_as_parquet(
            lambda table: table.with_columns(pl.col("admissions").cast(pl.Duration("us")))
        ),
        words=(PARQUET, "column 'admissions' holds duration", "one plain value in each cell"),
    ),
    Fault(
        name="numbers in place of codes",
        build=_as_parquet(lambda table: table.with_columns(icb=pl.int_range(pl.len()))),
        words=(f'{PARQUET}, row 2: ICB code "0"', "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="infinity in a column of numbers",
        build=_as_parquet(
            lambda table: table.with_columns(
                pl.when(pl.int_range(pl.len()) == 1)
                .then(float("inf"))
                .otherwise("admissions")
                .alias("admissions")
            )
        ),
        words=(f"{PARQUET}, row 3", 'holds "inf"', "which is not a number"),
        code=CHECK,
    ),
    Fault(
        name="moments in place of months",
        build=_as_parquet(
            lambda table: table.with_columns(month=pl.int_range(pl.len()).cast(pl.Time))
        ),
        words=(PARQUET, "column 'month' holds time", "one plain value in each cell"),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_workbook_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("TABLE", fault)


def test_a_sheet_whose_extent_is_wrong_is_read_to_its_end(damaged: Damaged) -> None:
    """Publishers' tools write extents that end before the rows do."""

    def shorten(content: bytes) -> bytes:
        return content.replace(b'ref="A1:D109"', b'ref="A1:D9"').replace(
            b"<v>1500<", b"<v>-1500<", 1
        )

    words = (f"{NAME}, row 92", "the exposure is below 0")
    damaged("TABLE", Fault(name="extent", build=partwise(SHEET, shorten), words=words, code=CHECK))
