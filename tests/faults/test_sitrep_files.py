"""Files of the Acute discharge sitrep, damaged in ways of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from faulty.books import saved
from faulty.edits import Build, both, bytewise, put, swap, textwise
from faulty.fault import CHECK, STUDY, Answer, Fault
from faulty.good import NCTR

Damaged = Callable[[str, Fault], Answer]

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


@pytest.mark.parametrize("fault", SITREP_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_sitrep_ends_in_one_clear_error_or_a_finding(damaged: Damaged, fault: Fault) -> None:
    damaged("SITREP", fault)
