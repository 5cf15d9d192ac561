"""What care homes report and send back, damaged in ways of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faulty.edits import add, both, swap, textwise
from faulty.fault import CHECK, Answer, Fault

Damaged = Callable[[str, Fault], Answer]

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
        name="a home in two ICBs at once",
        build=add(RETURN, "1-01,QK1,2024-03,1,20"),
        words=("home 1-01 counts in QK1 and in QWU in March 2024", "Keep the row of the ICB"),
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


@pytest.mark.parametrize("fault", TRACKER_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_report_of_homes_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("TRACKER", fault)


@pytest.mark.parametrize("fault", RETURN_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_return_ends_in_one_clear_error_or_a_finding(damaged: Damaged, fault: Fault) -> None:
    damaged("LOCAL_RETURN", fault)
