"""Indicators of Fingertips and the NHS Outcomes Framework, damaged in ways of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faulty.edits import Build, both, bytewise, rows_of, swap, textwise
from faulty.fault import CHECK, STUDY, Answer, Fault
from faulty.good import as_csv

Damaged = Callable[[str, Fault], Answer]

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
    *(
        Fault(
            name=f"a code of a sub-ICB among ICBs: {code}",
            build=swap(TIPS, "E54000015", code, -1),
            words=(f"{TIPS}, row 12", f'"{code}"', "a sub-ICB location of"),
            code=CHECK,
        )
        for code in ("E38000097", "02P", "04C")
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
        words=(f'{TIPS}, row 7: ICB code "E10000003"', "is not in the list of ICBs"),
        code=CHECK,
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
        words=(f"{TIPS}, row 19", "opened and not closed", "if it is cut off"),
    ),
    Fault(
        name="both layouts in one file",
        build=swap(TIPS, "Area Code", "area_code,date_from,date_to,Area Code"),
        words=(TIPS, "there is no column 'period_type' (a column of the upload layout)"),
    ),
)

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
    *(
        Fault(
            name=f"a code of a sub-ICB among ICBs: {code}",
            build=swap(TIPS, "E54000015", code, -1),
            words=(f"{TIPS}, row 14", f'"{code}"', "a sub-ICB location of"),
            code=CHECK,
        )
        for code in ("E38000097", "02P")
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


@pytest.mark.parametrize("fault", FINGERTIPS_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_download_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("FINGERTIPS", fault)


@pytest.mark.parametrize("fault", NHSOF_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_table_of_the_framework_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("NHS_OUTCOMES_FRAMEWORK", fault)
