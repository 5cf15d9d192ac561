"""Good studies of a few units and periods, one for each source."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CURRENT",
    "DISCHARGE_READY_DATE",
    "FINGERTIPS",
    "HES",
    "LEGACY",
    "LOCAL_RETURN",
    "NHS_OUTCOMES_FRAMEWORK",
    "PRESCRIBING",
    "SITREP",
    "TABLE",
    "TRACKER",
    "Good",
    "as_csv",
]

UNITS = ("QWU", "QK1", "QGH", "QHM", "QNX", "QOP")
ONS = ("E54000018", "E54000015", "E54000019", "E54000050")


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A study that is in order: its file, and the files beside it."""

    study: str
    files: Mapping[str, str]
    command: str = "check"

    def write(self, folder: Path) -> None:
        """Write the study into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.toml").write_text(self.study, encoding="utf-8")
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")

    def arguments(self, folder: Path) -> tuple[str | Path, ...]:
        """Return what is typed to have the study checked, or its panel made."""
        out = ("--restricted", "--out", folder / "out") if self.command == "panel" else ()
        return (self.command, folder / "study.toml", *out)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _study(outcome: str, *, units: str = '"QWU"', starts: str, frequency: str = "month") -> str:
    return f"""version = 1
title = "A study of bad files"

[time]
frequency = "{frequency}"

[geography]
register = "icb"
boundaries = "2025-04"

[[sites]]
name = "The pilot"
units = [{units}]
starts = "{starts}"

[[outcomes]]
key = "outcome"
label = "The outcome"
{outcome}

[analysis]
primary = {{ estimator = "twfe", procedure = "cr2" }}
estimators = ["twfe"]
procedures = ["cr2"]
"""


def _months(first: int, count: int) -> list[str]:
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in range(first, first + count)]


def _figure(i: int, j: int) -> int:
    """Return a figure that differs from unit to unit and from period to period."""
    return 20 + 5 * i + (7 * j + 3 * i) % 11


# ------------------------------------------------------------------ a table of one's own

TABLE = Good(
    study=_study(
        'source = "table"\nfiles = ["outcomes.csv"]\nmeasure = "rate"\nper = 1000\n'
        'columns = { unit = "icb", period = "month", count = "admissions", '
        'exposure = "residents" }',
        starts="2024-07",
    ),
    files={
        "outcomes.csv": as_csv(
            ("icb", "month", "admissions", "residents"),
            [
                (unit, month, str(_figure(i, j)), str(1000 + 100 * i))
                for i, unit in enumerate(UNITS)
                for j, month in enumerate(_months(2023 * 12 + 6, 18))
            ],
        )
    },
)

# ------------------------------------------------------------------ the sitrep

NCTR = "Number of patients who no longer meet the criteria to reside"
_OLD = ("Period", "Level", "Region", "ICB", "Org Code", "Org Name", "Metric", "Value")
_NEW = (*_OLD[:7], "Metric Type", "Metric Group", "Value")


def _days(month: str) -> list[str]:
    year, number = month.split("-")
    return [f"{day:02d}/{number}/{year}" for day in (1, 2, 3)]


def _sitrep(month: str, j: int) -> str:
    is_new = month >= "2024-06"
    rows: list[tuple[str, ...]] = []
    for k, day in enumerate(_days(month)):
        for level, code, value in (
            ("National", "ENG", "9999"),
            *(("ICB", unit, str(_figure(i, j + k))) for i, unit in enumerate(UNITS[:4])),
            ("PROVIDER", "RKB", "77"),
        ):
            row = (day, level, "MIDLANDS", "[z]", code, f"NAME, OF {code}", NCTR)
            rows.append((*row, *(("Daily metric", "NCTR") if is_new else ()), value))
    return as_csv(_NEW if is_new else _OLD, rows)


SITREP = Good(
    study=_study(
        'source = "acute_discharge_sitrep"\nfiles = ["sitrep-*.csv"]\nmetric = "nctr"\n'
        'measure = "rate"\nper = 1',
        starts="2024-06",
    ),
    files={
        f"sitrep-{month}.csv": _sitrep(month, 3 * j)
        for j, month in enumerate(_months(2024 * 12 + 3, 4))
    },
)

# ------------------------------------------------------------------ Discharge Ready Date

_DRD = (
    *("Date", "Data Source", "Data Type", "Upper Tier Local Authority Code"),
    *("Upper Tier Local Authority", "Region (of Provider)", "ICB (of Provider)", "Code"),
    *("Organisation Name", "Measure", "Value"),
)
TOTAL = "Number of patients discharged in total"
LOST = "Total bed days lost due to delayed discharge"
COVERED = "% of providers submitting acceptable data"


def _drd(month: str, j: int) -> str:
    rows: list[tuple[str, ...]] = []
    for level, code, i in (
        ("National", "ENGLAND", 9),
        *(("ICB", unit, i) for i, unit in enumerate(UNITS[:4])),
        ("Provider", "RKB", 7),
    ):
        own = {COVERED: "1", TOTAL: str(1000 + 10 * i), LOST: str(_figure(i, j))}
        for measure, value in own.items():
            place = (month, "SUS & HODF", level, "[z]", "[z]", "MIDLANDS", "[z]")
            rows.append((*place, code, f"NAME, OF {code}", measure, value))
    return as_csv(_DRD, rows)


DISCHARGE_READY_DATE = Good(
    study=_study(
        'source = "discharge_ready_date"\nfiles = ["drd-*.csv"]\nmetric = "days_lost"\n'
        'measure = "rate"\nper = 1',
        starts="2024-06",
    ),
    files={
        f"drd-{j}.csv": _drd(month, j)
        for j, month in enumerate(("Apr-24", "May-24", "Jun-24", "Jul-24"))
    },
)

# ------------------------------------------------------------------ Fingertips

_FINGERTIPS = (
    *("Indicator ID", "Indicator Name", "Parent Code", "Parent Name", "Area Code", "Area Name"),
    *("Area Type", "Sex", "Age", "Category Type", "Category", "Time period", "Value"),
    *("Lower CI 95.0 limit", "Upper CI 95.0 limit", "Lower CI 99.8 limit", "Upper CI 99.8 limit"),
    *("Count", "Denominator", "Value note", "Recent Trend"),
    "Compared to England value or percentiles",
    "Compared to ICBs value or percentiles",
    *("Time period Sortable", "New data", "Compared to goal", "Time period range"),
)
_YEARS = tuple(f"{year}/{year % 100 + 1:02d}" for year in range(2018, 2023))


def _fingertips(area: str, kind: str, year: str, figure: int, size: int) -> tuple[str, ...]:
    parent = ("NA", "NA") if kind == "England" else ("E40000011", "Midlands")
    first = ("91892", "Dementia, emergency admissions", *parent, area, f"Name, of {area}", kind)
    value = repr(100 * figure / size)
    figures = (value, "", "", "", "", str(figure), str(size))
    last = ("", "Cannot be calculated", "", "", f"{year[:4]}0000", "", "Not compared", "1y")
    return (*first, "Persons", "65+ yrs", "", "", year, *figures, *last)


FINGERTIPS = Good(
    study=_study(
        'source = "fingertips"\nfiles = ["indicator.csv"]\nmetric = "91892"\nmeasure = "rate"\n'
        "per = 100",
        starts="2021/22",
        frequency="financial_year",
    ),
    files={
        "indicator.csv": as_csv(
            _FINGERTIPS,
            [
                *(_fingertips("E92000001", "England", year, 900, 10_000) for year in _YEARS),
                *(
                    _fingertips(area, "ICBs", year, _figure(i, j), 1000 + 100 * i)
                    for i, area in enumerate(ONS)
                    for j, year in enumerate(_YEARS)
                ),
            ],
        )
    },
)

# ------------------------------------------------------------------ the NHS Outcomes Framework

_NHSOF = (
    *("Year", "Quarter", "Period of coverage", "Breakdown", "Level", "Level description"),
    *("Indicator value", "Lower CI", "Upper CI", "Standardised ratio"),
    *("Standardised ratio lower CI", "Standardised ratio upper CI", "Observed", "Population"),
    *("Expected", "Percent unclassified"),
)


def _nhsof(area: str, breakdown: str, year: str, figure: int) -> tuple[str, ...]:
    place = (year, "", "as the year", breakdown, area, f"Name of {area}")
    return (*place, str(7 * figure), "1", "2", "98.2", "3", "4", str(figure), "1000", "50", "0.1")


NHS_OUTCOMES_FRAMEWORK = Good(
    study=_study(
        'source = "nhs_outcomes_framework"\nfiles = ["indicator.csv"]\nmetric = "observed"\n'
        'measure = "rate"\nper = 1000',
        starts="2021/22",
        frequency="financial_year",
    ),
    files={
        "indicator.csv": "A note above the table\nAnother one\n"
        + as_csv(
            _NHSOF,
            [
                *(_nhsof("E92000001", "England", year, 900) for year in _YEARS),
                *(
                    _nhsof(area, "Integrated Care Board", year, _figure(i, j))
                    for i, area in enumerate(ONS)
                    for j, year in enumerate(_YEARS)
                ),
            ],
        )
    },
)

# ------------------------------------------------------------------ prescribing

LEGACY = (
    *("YEAR_MONTH", "ICB_CODE", "PRACTICE_CODE", "BNF_CHEMICAL_SUBSTANCE"),
    *("CHEMICAL_SUBSTANCE_BNF_DESCR", "BNF_CODE", "BNF_DESCRIPTION", "QUANTITY", "ITEMS"),
    *("TOTAL_QUANTITY", "NIC"),
)
CURRENT = (
    *("YEAR_MONTH", "ICB_CODE", "PRACTICE_CODE", "BNF_CHEMICAL_SUBSTANCE_CODE"),
    *("BNF_CHEMICAL_SUBSTANCE", "BNF_PRESENTATION_CODE", "BNF_PRESENTATION_NAME", "QUANTITY"),
    *("ITEMS", "TOTAL_QUANTITY", "NIC", "SNOMED_CODE"),
)


def _prescribed(month: str, j: int, *, current: bool) -> str:
    rows: list[tuple[str, ...]] = []
    for i, unit in enumerate(UNITS[:4]):
        for practice, bnf in ((f"M{i}1", "0501013B0AAABAB"), (f"M{i}2", "0407010H0AAAMAM")):
            drug = (bnf[:9], "Amoxicillin", bnf, "Amoxicillin 500mg capsules")
            row = (month, unit, practice, *drug, "21", str(_figure(i, j)), "147", "9.1")
            rows.append((*row, "323510009") if current else row)
    return as_csv(CURRENT if current else LEGACY, rows)


PRESCRIBING = Good(
    study=_study(
        'source = "english_prescribing"\nfiles = ["epd_*.csv"]\nmetric = "items"\n'
        'measure = "count"\nselect = { bnf = ["0501"] }',
        starts="2025-02",
    ),
    files={
        f"epd_{month}.csv": _prescribed(month, j, current=month > "2025")
        for j, month in enumerate(("202411", "202412", "202501", "202502", "202503"))
    },
)

# ------------------------------------------------------------------ care homes

_TRACKER = (
    *("cqcid", "location", "icb", "maxcapacity", "usedbeds", "declaredvacancies"),
    *("nursesemployed", "isacceptingadmissions", "lastupdatedutc"),
)
TRACKER = Good(
    study=_study(
        'source = "capacity_tracker"\nfiles = ["tracker.csv"]\nmetric = "occupied_beds"\n'
        'measure = "share"',
        starts="2024-04",
    ),
    files={
        "tracker.csv": as_csv(
            _TRACKER,
            [
                (
                    *(f"1-{i}{home}", f"Home, {home}", unit, "90", str(_figure(i, j + home))),
                    *("2", "8", "Yes", f"{month}-20T09:15:00Z"),
                )
                for i, unit in enumerate(UNITS[:4])
                for home in (1, 2)
                for j, month in enumerate(_months(2024 * 12, 6))
            ],
        )
    },
)
LOCAL_RETURN = Good(
    study=_study(
        'source = "local_return"\nfiles = ["return.csv"]\nmetric = "qualified_prescribers"\n'
        'measure = "rate"\nper = 1000',
        starts="2024-04",
    ),
    files={
        "return.csv": as_csv(
            ("home_id", "icb", "month", "qualified_prescribers", "residents"),
            [
                (f"1-{i}{home}", unit, month, str((i + j) % 3), str(_figure(i, j + home)))
                for i, unit in enumerate(UNITS[:4])
                for home in (1, 2)
                for j, month in enumerate(_months(2024 * 12, 6))
            ],
        )
    },
)

# ------------------------------------------------------------------ hospital records

_HES = (
    *("TOKEN_PERSON_ID", "PROCODET", "PROVSPNOPS", "ADMIDATE", "DISDATE", "EPISTART", "EPIEND"),
    *("EPIORDER", "EPIKEY", "EPISTAT", "EPITYPE", "CLASSPAT", "ADMINCAT", "ADMIMETH"),
    *("ADMISORC", "DISDEST", "STARTAGE", "CCG_RESIDENCE", "FYEAR", "DIAG_01", "DIAG_02"),
    "OPERTN_01",
)
# A sub-ICB of each ICB: Coventry and Warwickshire, Cheshire and Merseyside.
_SUB_ICBS = ("B2M3M", "02P")


def _hes() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for i, place in enumerate(_SUB_ICBS):
        for j, month in enumerate(_months(2023 * 12 + 3, 6)):
            for k in range(2 + (i + j) % 2):
                first, last, key = f"{month}-0{k + 1}", f"{month}-0{k + 4}", f"{i}{j}{k}"
                who = (f"p{key}", "RX1", f"s{key}", first, last, first, last)
                what = ("1", key, "3", "1", "1", "01", "21", "19", "19", "84")
                rows.append((*who, *what, place, "2324", ("N390", "J189", "I10X")[k], "E119", "-"))
    return rows


HES = Good(
    command="panel",
    study=_study(
        'source = "table"\nfiles = ["out/restricted/panel.csv"]\nmeasure = "count"\n'
        'columns = { unit = "unit", period = "period", count = "emergency_admissions" }',
        starts="2023-07",
    )
    + """
[records]
files = ["hes*.csv"]
definitions = ["cqc_2013_iau", "nhsof_3a"]
residents = { rule = "everyone" }
""",
    files={"hes.csv": as_csv(_HES, _hes())},
)
