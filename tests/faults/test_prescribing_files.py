"""Files of the prescribing dataset, damaged in ways of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faulty.edits import add, both, bytewise, put, rows_of, swap, textwise
from faulty.fault import CHECK, STUDY, Answer, Fault
from faulty.good import CURRENT, LEGACY, as_csv

Damaged = Callable[[str, Fault], Answer]

EPD, EPD_NEW = "epd_202411.csv", "epd_202502.csv"


def _both_layouts(folder: Path) -> None:
    old = rows_of((folder / EPD).read_text(encoding="utf-8"))[1:]
    new = rows_of((folder / EPD_NEW).read_text(encoding="utf-8"))[1:]
    header = [*LEGACY, *(c for c in CURRENT if c not in LEGACY)]
    rows = [[*row, *[""] * (len(header) - len(row))] for row in [*old, *new]]
    (folder / EPD).write_text(as_csv(header, rows), encoding="utf-8")


PRESCRIBING_FAULTS = (
    Fault(
        name="headings of both layouts",
        build=_both_layouts,
        words=(EPD, "headings of both layouts", "Get the file again as published"),
    ),
    Fault(
        name="names where the legacy layout has codes",
        build=textwise(EPD, lambda text: text.replace(",0501013B0,", ",Amoxicillin,")),
        words=(f"{EPD}, row 2", "'BNF_CHEMICAL_SUBSTANCE' holds a name", "as published"),
    ),
    Fault(
        name="line ends of old computers of Apple",
        build=textwise(EPD, lambda text: text.replace("\n", "\r")),
        words=(EPD, "carriage returns alone", "Save it as CSV UTF-8"),
    ),
    Fault(
        name="fewer than no items",
        build=both(
            add(EPD, "202411,QWU,M09,0501013B0,Amox,0501013B0AAABAB,Amox,21,90,147,9.1"),
            swap(EPD, ",21,20,147,", ",21,-20,147,"),
        ),
        words=(
            f'{EPD}, row 2: column "ITEMS" holds "-20, below 0 (in 1 rows)"',
            "Write the number",
        ),
        code=CHECK,
    ),
    Fault(
        name="a quotation mark that is never closed",
        build=swap(EPD, "202411,QK1", '"202411,QK1'),
        words=(EPD, "cannot be read to its end", "Get it again"),
    ),
    Fault(
        name="a title above the header",
        build=textwise(EPD, lambda text: f"Title\n{text}"),
        words=(EPD, "there is no column 'YEAR_MONTH'", "'Title'"),
    ),
    Fault(
        name="a comma in the name of a drug, without quotation marks",
        build=swap(EPD, "Amoxicillin 500mg capsules", "Amoxicillin, 500mg capsules"),
        words=(f"{EPD}, row 2", "more cells than the header", "get it again as published"),
    ),
    Fault(
        name="a heading that is missing",
        build=swap(EPD_NEW, "ICB_CODE", "STP_CODE"),
        words=(EPD_NEW, "there is no column 'ICB_CODE'", 'headings = { "ICB_CODE" = '),
    ),
    Fault(
        name="a heading given twice",
        build=swap(EPD, "TOTAL_QUANTITY", "ITEMS"),
        words=(f"{EPD}, header", "two columns are called 'ITEMS'", "rename or delete"),
    ),
    Fault(
        name="half a file: it ends within a row",
        build=bytewise(EPD, lambda raw: raw[: raw.rindex(b",147")]),
        words=(EPD, "the last row has 9 cells, the header 11", "cut off"),
    ),
    Fault(
        name="half a file: it ends before the figure",
        build=bytewise(EPD, lambda raw: raw[: raw.rindex(b",21,")]),
        words=(EPD, "the last row has 7 cells, the header 11", "cut off"),
    ),
    Fault(
        name="half a file: it ends between two rows",
        build=bytewise(EPD, lambda raw: raw[: raw.index(b"202411,QGH")]),
        words=("Usual are 8 rows; fewer are in epd_202411.csv (4)", "it may have been cut off"),
        code=0,
    ),
    Fault(
        name="rows that came twice",
        build=add(EPD, "202411,QWU,M01,0501013B0,Amoxicillin,0501013B0AAABAB,Amox,21,20,147,9.1"),
        words=("1 rows agree with another", "Get the whole file rather than pages"),
        code=0,
    ),
    Fault(
        name="a figure that a spreadsheet changed",
        build=textwise(EPD, lambda text: text.replace(",21,20,147", ",21,2.0E+,147", 1)),
        words=(f'{EPD}, row 2: column "ITEMS" holds "2.0E+ (in 1 rows)"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a month that a spreadsheet changed",
        build=textwise(EPD, lambda text: text.replace("202411,QWU,M01", "Nov-24,QWU,M01", 1)),
        words=(f'{EPD}, row 2: period "Nov-24"', "Correct the period"),
        code=CHECK,
    ),
    Fault(
        name="an ICB code that is none",
        build=textwise(EPD, lambda text: text.replace(",QWU,", ",QVU,")),
        words=(f'{EPD}, row 2: ICB code "QVU"', "Did you mean"),
        code=CHECK,
    ),
    Fault(
        name="a NUL byte in the middle",
        build=bytewise(EPD, lambda raw: raw.replace(b",21,20,147", b",21,2\x000,147", 1)),
        words=(f"{EPD}, row 2", "ITEMS"),
        code=CHECK,
    ),
    Fault(
        name="a row with a cell too many",
        build=swap(EPD, "202411,QWU,M01", "202411,QWU,M0,1"),
        words=(f"{EPD}, row 2", "more cells than the header", "as published"),
    ),
    Fault(
        name="the zip file that the portal sends",
        build=both(put("epd_202504.zip", b"PK\3\4"), swap("study.toml", "epd_*.csv", "epd_*")),
        words=("epd_202504.zip", "'.zip' cannot be read", "Unpack a zip file first"),
    ),
    Fault(
        name="the error page of the portal",
        build=put("epd_202504.csv", "<html><body>504 Gateway Time-out</body></html>"),
        words=("epd_202504.csv", "a web page", "Get the file again"),
    ),
    Fault(
        name="no BNF codes",
        build=swap("study.toml", 'select = { bnf = ["0501"] }', ""),
        words=("nothing says which BNF codes are counted", 'select = { bnf = ["0501"] }'),
        code=STUDY,
    ),
    Fault(
        name="a BNF code that is none",
        build=swap("study.toml", '["0501"]', '["antibiotics"]'),
        words=("'antibiotics' is not the beginning of a BNF code", "two digits first"),
        code=STUDY,
    ),
)


@pytest.mark.parametrize("fault", PRESCRIBING_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_month_of_prescribing_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("PRESCRIBING", fault)
