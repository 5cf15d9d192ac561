"""Files of Discharge Ready Date, damaged in ways of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faulty.edits import Build, both, put, rows_of, swap, textwise
from faulty.fault import CHECK, Answer, Fault
from faulty.good import COVERED, LOST, TOTAL, as_csv

Damaged = Callable[[str, Fault], Answer]

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


_ADJUSTED = swap(
    "study.toml", 'metric = "days_lost"', 'metric = "days_lost"\ncovariates = ["coverage"]'
)

DRD_FAULTS = (
    Fault(
        name="the discharges in total are missing",
        build=_dropped(TOTAL),
        words=("1 left out: exposure not reported", "QWU"),
        code=0,
    ),
    Fault(
        name="coverage that is not given in one month",
        build=_dropped(COVERED),
        words=(f"{DRD}, row", "acceptable data is not known (1 rows)", "get the file anew"),
        code=0,
    ),
    Fault(
        name="coverage in per cent",
        build=_measured(COVERED, "75%"),
        words=(f"{DRD}, row", "acceptable data is not known (1 rows)"),
        code=0,
    ),
    Fault(
        name="coverage in per cent, as a covariate",
        build=both(_measured(COVERED, "75%"), _ADJUSTED),
        words=('column "coverage" holds "75%"', "Write the number"),
        code=CHECK,
    ),
    Fault(
        name="coverage of 100 beside coverage of 1, as a covariate",
        build=both(_measured(COVERED, "100"), _ADJUSTED),
        words=("acceptable data is 100, and not from 0 to 1", "Correct it in the file"),
        code=CHECK,
    ),
    Fault(
        name="coverage with a marker, as a covariate",
        build=both(_measured(COVERED, "-"), _ADJUSTED),
        words=("1 left out: coverage not reported (-)",),
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


@pytest.mark.parametrize("fault", DRD_FAULTS, ids=lambda fault: fault.name)
def test_a_bad_file_of_discharges_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("DISCHARGE_READY_DATE", fault)
