"""Files of publishers that are damaged in ways of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from faulty.books import saved
from faulty.edits import Build, add, both, bytewise, put, rows_of, swap, textwise
from faulty.fault import CHECK, STUDY, Answer, Fault
from faulty.good import COVERED, CURRENT, LEGACY, LOST, NCTR, TOTAL, as_csv

Damaged = Callable[[str, Fault], Answer]

# ------------------------------------------------------------------ the sitrep

APRIL, MAY, JUNE = (f"sitrep-2024-0{n}.csv" for n in (4, 5, 6))
BOOK = "sitrep-2024-08.xlsx"
_TABLE = "Table 2"
_COVER = "Cover Sheet"


def _days(*labels: str, icbs: tuple[str, ...] = ("QWU", "QK1", "QGH", "QHM")) -> list[list[object]]:
    """Return "Table 2" of one day of August 2024."""
    figures: list[object] = [40 + 3 * i for i in range(len(labels))]
    body: list[list[object]] = [
        [None, "MIDLANDS", icb, f"NHS {icb} INTEGRATED CARE BOARD", *figures] for icb in icbs
    ]
    header: list[object] = [None, "Region", "Org Code", "Org Name"]
    return [
        [None, "Table 2: patients who no longer meet the criteria to reside"],
        [None, None, None, None, date(2024, 8, 1)],
        [None, None, None, None, *labels],
        [None, None, None, "ENGLAND (Type 1 Trusts)", *figures],
        header,
        *body,
        [],
        header,
        [None, "MIDLANDS", "RKB", "A TRUST", *figures],
    ]


def _book(rows: list[list[object]], period: str = "August 2024", sheet: str = _TABLE) -> Build:
    cover: list[list[object]] = [[None, "Period:", period]]
    raw = saved({_COVER: cover, sheet: rows})
    return both(
        put(BOOK, raw), swap("study.toml", '"sitrep-*.csv"', '"sitrep-*.csv", "sitrep-*.xlsx"')
    )


def _monthly(rows: list[list[object]]) -> list[list[object]]:
    """Return the rows without the day above the labels."""
    return [row if i != 1 else [] for i, row in enumerate(rows)]


SITREP_FAULTS = (
    Fault(
        name="a label that changed",
        build=textwise(APRIL, lambda text: text.replace(NCTR, "Number of patients not meeting")),
        words=(f"no row of {APRIL} is used: another metric", "Look for a heading"),
        code=0,
    ),
    Fault(
        name="a label that changed in every file",
        build=both(
            *(
                textwise(f"sitrep-2024-0{n}.csv", lambda text: text.replace(NCTR, "Patients"))
                for n in (4, 5, 6, 7)
            )
        ),
        words=("the files hold no row of metric 'nctr'", "labels: Patients", "Choose one of them"),
    ),
    Fault(
        name="a heading that changed",
        build=swap(APRIL, "Org Code", "Organisation"),
        words=(APRIL, "there is no column 'Org Code'", 'headings = { "Org Code" = '),
    ),
    Fault(
        name="a heading given twice, but for spaces",
        build=swap(APRIL, "Org Name", "Org  code"),
        words=(f"{APRIL}, header", "two columns are called 'Org Code'", "rename or delete"),
    ),
    Fault(
        name="a year of two digits",
        build=textwise(APRIL, lambda text: text.replace("/2024", "/24")),
        words=(f'{APRIL}, row 3: period "01/04/24"', "a year of two digits", "Correct the period"),
        code=CHECK,
    ),
    Fault(
        name="American dates",
        build=textwise(APRIL, lambda text: text.replace("03/04/2024", "04/30/2024")),
        words=(f'{APRIL}, row 15: period "04/30/2024"', "the month seems to stand before the day"),
        code=CHECK,
    ),
    Fault(
        name="days as the numbers of a spreadsheet",
        build=textwise(APRIL, lambda text: text.replace("01/04/2024", "45383")),
        words=(f'{APRIL}, row 3: period "45383"', "a spreadsheet's number for 1 April 2024"),
        code=CHECK,
    ),
    Fault(
        name="a figure in words",
        build=textwise(APRIL, lambda text: text.replace(f"{NCTR},20\n", f"{NCTR},twenty\n", 1)),
        words=(f'{APRIL}, row 3: column "Value" holds "twenty"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a negative figure",
        build=textwise(APRIL, lambda text: text.replace(f"{NCTR},20\n", f"{NCTR},-20\n", 1)),
        words=(f"{APRIL}, row 3: the count is below 0", "Correct the figure"),
        code=CHECK,
    ),
    Fault(
        name="a day that was not reported",
        build=textwise(APRIL, lambda text: text.replace(f"{NCTR},20\n", f"{NCTR},-\n", 1)),
        words=(
            "1 left out: not reported",
            "1 of 48 rows of the study's units (2.1%)",
        ),
        code=0,
    ),
    Fault(
        name="the trusts' level among the ICBs",
        build=textwise(APRIL, lambda text: text.replace("PROVIDER", "ICB")),
        words=(f'{APRIL}, row 7: ICB code "RKB"', "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="a month's file twice",
        build=lambda folder: put("sitrep-copy.csv", (folder / APRIL).read_bytes())(folder),
        words=("the row repeats row 3 of sitrep-2024-04.csv", "Name each file once"),
        code=0,
    ),
    Fault(
        name="a month's file issued again",
        build=lambda folder: put(
            "sitrep-2024-04-revised.csv",
            (folder / APRIL).read_text(encoding="utf-8").replace(f"{NCTR},20\n", f"{NCTR},21\n"),
        )(folder),
        words=("sitrep-2024-04-revised.csv, row 3", "again with other figures", "the newest"),
        code=CHECK,
    ),
    Fault(
        name="a month's file that is not there",
        build=lambda folder: (folder / MAY).unlink(),
        words=("No file holds rows for May 2024", "Add the file of the month"),
        code=0,
    ),
    Fault(
        name="half a file",
        build=bytewise(APRIL, lambda raw: raw[: int(len(raw) * 0.61)]),
        words=(f"{APRIL}, row", "the header 8", "Get the file again"),
    ),
    Fault(
        name="no file of the kind",
        build=both(
            put("sitrep-x.txt", "x"), swap("study.toml", '"sitrep-*.csv"', '"sitrep-*.txt"')
        ),
        words=("sitrep-x.txt", "'.txt' cannot be read", "the CSV that NHS England publishes"),
    ),
    Fault(
        name="a metric that is none",
        build=swap("study.toml", '"nctr"', '"nctrr"'),
        words=("there is no 'nctrr'", "Did you mean 'nctr'?"),
        code=STUDY,
    ),
    Fault(
        name="a workbook whose label stands twice",
        build=_book(_days(NCTR, NCTR)),
        words=(f"{BOOK}!{_TABLE}", "two columns hold", "Delete the column that is wrong"),
    ),
    Fault(
        name="a workbook without the header of its blocks",
        build=_book(_days(NCTR)[:4]),
        words=(BOOK, "no sheet holds figures of organisations", 'sheet = "..."'),
    ),
    Fault(
        name="a workbook without days or month",
        build=_book(_monthly(_days(NCTR)), period="soon"),
        words=(f"{BOOK}!{_TABLE}", "the month of the figures cannot be told", "cover sheet"),
    ),
    Fault(
        name="a workbook whose cover says another month",
        build=_book(_days(NCTR), period="July 2024"),
        words=(BOOK, "the cover sheet says 2024-07", "holds days of 2024-08", "correct the other"),
    ),
    Fault(
        name="a workbook of another publication",
        build=_book(_days(NCTR), sheet="Figures"),
        words=(BOOK, "no sheet holds figures of organisations", '"Table 2" and on'),
    ),
)

# ------------------------------------------------------------------ Discharge Ready Date

DRD = "drd-0.csv"


def _measured(measure: str, value: str) -> Build:
    """Write another value for a measure of QWU, the first ICB of the file."""

    def change(text: str) -> str:
        rows = rows_of(text)
        at = next(i for i, row in enumerate(rows) if row[7] == "QWU" and row[9] == measure)
        rows[at][10] = value
        return as_csv(rows[0], rows[1:])

    return textwise(DRD, change)


def _dropped(measure: str) -> Build:
    def change(text: str) -> str:
        header, *rows = rows_of(text)
        return as_csv(header, [r for r in rows if not (r[7] == "QWU" and r[9] == measure)])

    return textwise(DRD, change)


DRD_FAULTS = (
    Fault(
        name="the discharges in total are missing",
        build=_dropped(TOTAL),
        words=("1 left out: exposure not reported", "QWU"),
        code=0,
    ),
    Fault(
        name="bed days without a figure",
        build=_measured(LOST, "#N/A"),
        words=("1 left out: not available", "(QWU) reports nothing before May 2024"),
        code=0,
    ),
    Fault(
        name="more days than a number",
        build=_measured(LOST, "many"),
        words=(f"{DRD}, row 7", 'column "Value" holds "many"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="days lost by nobody",
        build=_measured(TOTAL, "0"),
        words=(f"{DRD}, row 7", "although the exposure is 0", "Correct the figure"),
        code=CHECK,
    ),
    Fault(
        name="a percentage with its sign in place of a number",
        build=_measured(LOST, "86%"),
        words=(f"{DRD}, row 7", 'holds "86%"', "which is not a number"),
        code=CHECK,
    ),
    Fault(
        name="coverage that jumps",
        build=_measured(COVERED, "0.5"),
        words=("coverage", "QWU", "May 2024"),
        code=0,
    ),
    Fault(
        name="a month that cannot be read",
        build=textwise(DRD, lambda text: text.replace("Apr-24", "Apr")),
        words=(f'{DRD}, row 7: period "Apr" cannot be read', "Correct the period"),
        code=CHECK,
    ),
    Fault(
        name="a month of the wrong year, so that it stands twice",
        build=textwise(DRD, lambda text: text.replace("Apr-24", "May-24")),
        words=("May 2024 is in drd-0.csv and in drd-1.csv", "Keep the right row"),
        code=CHECK,
    ),
    Fault(
        name="a revised file beside the original",
        build=lambda folder: put(
            "drd-revised.csv", (folder / DRD).read_bytes().replace(b",20\n", b",22\n")
        )(folder),
        words=("drd-revised.csv", "drd-0.csv", "again with other figures"),
        code=CHECK,
    ),
    Fault(
        name="a level that the files lack",
        build=textwise(
            "study.toml",
            lambda text: text.replace(
                'metric = "days_lost"', 'metric = "days_lost"\nselect = { "Data Type" = "UTLA" }'
            ),
        ),
        words=("no row has Data Type 'UTLA'", '"ICB"', "Choose one of them"),
    ),
    Fault(
        name="a file of providers alone",
        build=both(
            *(
                textwise(f"drd-{j}.csv", lambda text: text.replace(",ICB,", ",Provider,"))
                for j in range(4)
            )
        ),
        words=("the files hold no row", "only rows of ICB are used", "choose the level"),
    ),
    Fault(
        name="a measure under another label",
        build=textwise(DRD, lambda text: text.replace(LOST, "Bed days lost")),
        words=(f"no row of {DRD} is used", "Look for a heading, label or code"),
        code=0,
    ),
    Fault(
        name="a row without a code",
        build=textwise(DRD, lambda text: text.replace(",QWU,", ",,")),
        words=(f"{DRD}, row 7: the row names no unit", "Correct the code"),
        code=CHECK,
    ),
    Fault(
        name="a measure given twice with two figures",
        build=textwise(
            DRD,
            lambda text: (
                text
                + next(line for line in text.splitlines() if "QWU" in line and LOST in line)
                + "1\n"
            ),
        ),
        words=(f"{DRD}, row 7", "again with other figures in row 20"),
        code=CHECK,
    ),
    Fault(
        name="an exposure given twice with two figures",
        build=textwise(
            DRD,
            lambda text: (
                text
                + next(line for line in text.splitlines() if "QWU" in line and TOTAL in line)
                + "1\n"
            ),
        ),
        words=(f"{DRD}, row 7", "is given 2 times"),
        code=CHECK,
    ),
)

# ------------------------------------------------------------------ Fingertips

TIPS = "indicator.csv"


def _tips(column: str, value: str, row: int = 6) -> Build:
    """Write a cell of a row; row 6 is the first of the pilot."""

    def change(text: str) -> str:
        rows = rows_of(text)
        rows[row][rows[0].index(column)] = value
        return as_csv(rows[0], rows[1:])

    return textwise(TIPS, change)


def _every(column: str, value: str) -> Build:
    def change(text: str) -> str:
        header, *rows = rows_of(text)
        at = header.index(column)
        return as_csv(header, [[*row[:at], value, *row[at + 1 :]] for row in rows])

    return textwise(TIPS, change)


FINGERTIPS_FAULTS = (
    Fault(
        name="another indicator",
        build=_every("Indicator ID", "1"),
        words=("the files hold no indicator '91892'", "1: Dementia", "Choose one of them"),
    ),
    Fault(
        name="periods that pool several years",
        build=_every("Time period", "2019 - 21"),
        words=("every time period of the indicator pools several", "Get the indicator by single"),
    ),
    Fault(
        name="two sexes",
        build=_tips("Sex", "Female"),
        words=("is given for 2 values of Sex", '"Female", "Persons"', 'select = { "Sex" = '),
        code=STUDY,
    ),
    Fault(
        name="a period that cannot be read",
        build=_tips("Time period", "soon"),
        words=(f'{TIPS}, row 7: period "soon"', '"2023/24"'),
        code=CHECK,
    ),
    Fault(
        name="a year that is no financial one",
        build=_tips("Time period", "2018"),
        words=(f'{TIPS}, row 7: period "2018"', '"2023/24"'),
        code=CHECK,
    ),
    Fault(
        name="a count that is withheld",
        build=both(_tips("Count", ""), _tips("Value note", "Value suppressed for disclosure")),
        words=('1 left out: withheld, says the value note: "Value suppressed',),
        code=0,
    ),
    Fault(
        name="a heading that is missing",
        build=swap(TIPS, "Time period,", "Period,"),
        words=(TIPS, "there is no column 'Time period'", 'headings = { "Time period" = '),
    ),
    Fault(
        name="a count in words",
        build=_tips("Count", "few"),
        words=(f'{TIPS}, row 7: column "Count" holds "few"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a county among the ICBs",
        build=_tips("Area Code", "E10000003"),
        words=('1 left out: area type "ICBs": no ICB', "no value"),
        code=0,
    ),
    Fault(
        name="an ICB code that is none",
        build=_tips("Area Code", "E54000099"),
        words=(f'{TIPS}, row 7: ICB code "E54000099"', "Did you mean"),
        code=CHECK,
    ),
    Fault(
        name="half a download",
        build=bytewise(TIPS, lambda raw: raw[: int(len(raw) * 0.71)]),
        words=(f"{TIPS}, at or before row", "opened and not closed", "if it is cut off"),
    ),
    Fault(
        name="both layouts in one file",
        build=textwise(
            TIPS,
            lambda text: (
                text.replace("Area Code", "area_code,date_from,date_to,Area Code", 1)
                .replace("\n91892,", "\n91892,")
                .replace(",E", ",E")
            ),
        ),
        words=(TIPS, "there is no column 'period_type' (a column of the upload layout)"),
    ),
)

# ------------------------------------------------------------------ the NHS Outcomes Framework

NHSOF_FAULTS = (
    Fault(
        name="no row of headings",
        build=swap(TIPS, "Breakdown", "By"),
        words=(TIPS, "no row holds the headings 'Year', 'Breakdown'", "A note above the table"),
    ),
    Fault(
        name="a heading that is read is missing",
        build=swap(TIPS, "Observed", "Counted"),
        words=(TIPS, "there is no column 'Observed'", "'Counted'"),
    ),
    Fault(
        name="a year that cannot be read",
        build=swap(TIPS, "2018/19,,as the year,Integrated", "2018,,as the year,Integrated"),
        words=(f'{TIPS}, row 9: period "2018"', '"2023/24"'),
        code=CHECK,
    ),
    Fault(
        name="a code that is none",
        build=textwise(TIPS, lambda text: text.replace("E54000018", "Q99")),
        words=(f'{TIPS}, row 9: ICB code "Q99"', "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="a quarter among years",
        build=swap(TIPS, "2018/19,,as the year,Integrated", "2018/19,Q1,as the year,Integrated"),
        words=('1 left out: quarter "Q1": a part of the year',),
        code=0,
    ),
    Fault(
        name="a count with a note",
        build=swap(TIPS, "98.2,3,4,20,1000", "98.2,3,4,20 (r),1000"),
        words=(f'{TIPS}, row 9: column "Observed" holds "20 (r)"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="a suppressed count",
        build=swap(TIPS, "98.2,3,4,20,1000", "98.2,3,4,*,1000"),
        words=(f"{TIPS}, row 9", "the count is suppressed: it is from 1 to 7"),
        code=0,
    ),
    Fault(
        name="a row cut short",
        build=swap(TIPS, "98.2,3,4,20,1000,50,0.1", "98.2,3,4,20"),
        words=(f"{TIPS}, row 9", "the row has 13 cells, the header 16", "Get the file again"),
    ),
    Fault(
        name="a row with a cell too many",
        build=swap(TIPS, "98.2,3,4,20,1000,50,0.1", "98.2,3,4,1,020,1000,50,0.1"),
        words=(f"{TIPS}, row 9", "the row has 17 cells, the header 16"),
    ),
    Fault(
        name="a measure that does not fit",
        build=swap("study.toml", 'measure = "rate"\nper = 1000', 'measure = "mean"'),
        words=('measure = "mean" does not fit metric = "observed"', '"rate" or "share"'),
        code=STUDY,
    ),
)

# ------------------------------------------------------------------ prescribing

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

# ------------------------------------------------------------------ care homes

HOMES = "tracker.csv"
TRACKER_FAULTS = (
    Fault(
        name="a moment that cannot be read",
        build=swap(HOMES, "2024-01-20T09:15:00Z", "20 Jan morning"),
        words=(f"{HOMES}, row 2: period", "20 Jan morning", "Correct the period"),
        code=CHECK,
    ),
    Fault(
        name="more beds used than there are",
        build=swap(HOMES, "QWU,90,", "QWU,9,"),
        words=(f"{HOMES}, row 2: the numerator is over the denominator", "Correct the figure"),
        code=CHECK,
    ),
    Fault(
        name="a home without its number",
        build=swap(HOMES, "1-01,", ","),
        words=("1 left out: no home", "homes"),
        code=0,
    ),
    Fault(
        name="a home that stops",
        build=textwise(
            HOMES,
            lambda text: "".join(
                line
                for line in text.splitlines(keepends=True)
                if not (line.startswith("1-01,") and "2024-06" in line)
            ),
        ),
        words=("1 homes reported, at most 2", "QWU"),
        code=0,
    ),
    Fault(
        name="two reports of a home at one moment, which differ",
        build=add(HOMES, '1-01,"Home, 1",QWU,90,70,2,8,Yes,2024-01-20T09:15:00Z'),
        words=(f"{HOMES}, row 2", "again with other figures in row 50", "Keep the right row"),
        code=CHECK,
    ),
    Fault(
        name="an ICB by a name that is none",
        build=swap(HOMES, "QWU,90,", "NHS Coventry ICB of old,90,"),
        words=(f"{HOMES}, row 2: ICB code", "Coventry ICB of old", "not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="a heading that is missing",
        build=swap(HOMES, "usedbeds", "Occupied"),
        words=(HOMES, "there is no column 'usedbeds'", 'headings = { "usedbeds" = '),
    ),
    Fault(
        name="beds in words",
        build=swap(HOMES, "QWU,90,", "QWU,ninety,"),
        words=(f'{HOMES}, row 2: column "maxcapacity" holds "ninety"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="yes and no, but for a third word",
        build=both(
            swap(HOMES, ",Yes,", ",Perhaps,"),
            swap("study.toml", '"occupied_beds"', '"accepting_admissions"'),
        ),
        words=(f'{HOMES}, row 2: column "isacceptingadmissions" holds "Perhaps"', "Write"),
        code=CHECK,
    ),
)

RETURN = "return.csv"
RETURN_FAULTS = (
    Fault(
        name="the template, sent back empty",
        build=textwise(RETURN, lambda text: text.partition("\n")[0] + "\n"),
        words=(f"{RETURN} has a header and no rows", "no row of the data is for unit 'QWU'"),
        code=CHECK,
    ),
    Fault(
        name="a month by its name alone",
        build=swap(RETURN, "QWU,2024-01,", "QWU,January,"),
        words=(f'{RETURN}, row 2: period "January"', '"2023-04"'),
        code=CHECK,
    ),
    Fault(
        name="none, in words",
        build=swap(RETURN, "QWU,2024-01,0,", "QWU,2024-01,none,"),
        words=(f'{RETURN}, row 2: column "qualified_prescribers" holds "none"', "Write"),
        code=CHECK,
    ),
    Fault(
        name="a total among the homes",
        build=add(RETURN, *(f",Total,2024-0{m},9,999" for m in range(1, 7))),
        words=("6 left out: no home",),
        code=0,
    ),
    Fault(
        name="a total with a number",
        build=add(RETURN, *(f"all homes,Total,2024-0{m},9,999" for m in range(1, 7))),
        words=(f'{RETURN}, row 50: "Total" is no ICB code but looks like a total', "Take totals"),
        code=CHECK,
    ),
    Fault(
        name="a home twice in a month, which differ",
        build=add(RETURN, "1-01,QWU,2024-01,2,20"),
        words=(f"{RETURN}, row 2", "again with other figures in row 50"),
        code=CHECK,
    ),
    Fault(
        name="a home without an ICB",
        build=swap(RETURN, "1-01,QWU,", "1-01,,"),
        words=(f"{RETURN}, row 2: the row names no unit", "Correct the code"),
        code=CHECK,
    ),
    Fault(
        name="a home that moved to another ICB",
        build=swap(RETURN, "1-01,QWU,2024-03", "1-01,QK1,2024-03"),
        words=("2 homes reported, at most 3", "QK1"),
        code=0,
    ),
    Fault(
        name="prescribers of nobody",
        build=swap(RETURN, "QWU,2024-02,1,23", "QWU,2024-02,1,0"),
        words=(f"{RETURN}, row", "although the exposure is 0", "Correct the figure"),
        code=CHECK,
    ),
    Fault(
        name="a column left out",
        build=swap(RETURN, "residents", "people"),
        words=(RETURN, "there is no column 'residents'", 'headings = { "residents" = '),
    ),
    Fault(
        name="unknown, which is not 0",
        build=swap(RETURN, "QWU,2024-01,0,", "QWU,2024-01,,"),
        words=("1 left out: not reported",),
        code=0,
    ),
)

_BY_SOURCE = {
    "SITREP": SITREP_FAULTS,
    "DISCHARGE_READY_DATE": DRD_FAULTS,
    "FINGERTIPS": FINGERTIPS_FAULTS,
    "NHS_OUTCOMES_FRAMEWORK": NHSOF_FAULTS,
    "PRESCRIBING": PRESCRIBING_FAULTS,
    "TRACKER": TRACKER_FAULTS,
    "LOCAL_RETURN": RETURN_FAULTS,
}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        pytest.param(source, fault, id=f"{source}: {fault.name}")
        for source, faults in _BY_SOURCE.items()
        for fault in faults
    ],
)
def test_a_bad_published_file_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, source: str, fault: Fault
) -> None:
    damaged(source, fault)
