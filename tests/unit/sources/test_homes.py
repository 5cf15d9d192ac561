"""Sources of care homes: the capacity tracker and the local return."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from evaluation.errors import SourceError, StudyError
from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded, load
from evaluation.sources.homes import icb_code
from evaluation.sources.local_return_template import write_template
from evaluation.study import Study, load_study

Read = Callable[..., Loaded]
Make = Callable[..., Study]
Fields = dict[str, object]
Row = dict[str, str]

TRACKER = (
    *("cqcid", "odscode", "location", "localauthority", "icb", "subicb", "region", "maxcapacity"),
    *("usedbeds", "declaredvacancies", "nursesemployed", "agencynursesemployed"),
    *("careworkersemployed", "nursesabsentgeneral", "isacceptingadmissions", "lastupdatedutc"),
)
JANUARY = 2024 * 12


def home(name: str, icb: str, moment: str, used: str, **other: str) -> Row:
    """Return what one home reports."""
    return {
        **dict.fromkeys(TRACKER, ""),
        "cqcid": name,
        "location": f"Home, {name}",
        "icb": icb,
        "maxcapacity": "50",
        "usedbeds": used,
        "declaredvacancies": "2",
        "nursesemployed": "8",
        "agencynursesemployed": "1",
        "careworkersemployed": "20",
        "nursesabsentgeneral": "4",
        "isacceptingadmissions": "Yes",
        "lastupdatedutc": moment,
        **other,
    }


def file_of(*rows: Row, notes: str = "") -> str:
    text = io.StringIO()
    text.write(notes)
    writer = csv.DictWriter(text, TRACKER)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# Two homes of one ICB and one of another, each in two months.
HOMES = [
    home(name, icb, f"2024-0{m}-{day}T09:15:00Z", str(used + m))
    for name, icb, day, used in (
        ("H1", "QWU", 20, 30),
        ("H2", "QWU", 21, 40),
        ("H3", "QK1", 19, 10),
    )
    for m in (1, 2)
]
BY_ICB: Fields = {
    "geography": {"register": "icb"},
    "sites": ({"name": "Pilot", "units": ("QWU",), "starts": JANUARY + 1},),
}
BY_HOME: Fields = {"sites": ({"name": "Pilot", "units": ("H1",), "starts": JANUARY + 1},)}


@pytest.fixture
def read_homes(read: Read) -> Read:
    """Return a function that loads the capacity tracker."""

    def load_files(
        files: dict[str, str | bytes], outcome: Fields | None = None, fields: Fields | None = None
    ) -> Loaded:
        described = {
            "source": "capacity_tracker",
            "metric": "occupied_beds",
            "measure": "share",
            "columns": None,
            "per": 1.0,
        }
        return read(files, {**described, **(outcome or {})}, fields or BY_ICB)

    return load_files


def _panel(loaded: Loaded) -> Panel:
    blocking = [check.detail for check in loaded.checks if check.blocking and not check.passed]
    assert loaded.panel is not None, blocking
    return loaded.panel


def _check(loaded: Loaded, name: str) -> Check:
    return next(check for check in loaded.checks if check.name == name)


def _figures(loaded: Loaded, *columns: str) -> list[tuple[object, ...]]:
    rows = _panel(loaded).rows.sort("unit", "period")
    return rows.select("unit", *columns).rows()


def test_homes_are_added_up_by_icb(read_homes: Read) -> None:
    loaded = read_homes({"t.csv": file_of(*HOMES)})
    assert _figures(loaded, "count", "exposure") == [
        *(("QK1", 11.0, 50.0), ("QK1", 12.0, 50.0)),
        *(("QWU", 72.0, 100.0), ("QWU", 74.0, 100.0)),
    ]
    assert _check(loaded, "homes_reporting").passed is True


def test_without_a_register_each_home_is_a_unit(read_homes: Read) -> None:
    loaded = read_homes({"t.csv": file_of(*HOMES)}, None, BY_HOME)
    assert _panel(loaded).units == ("H1", "H2", "H3")
    columns = {"unit": "cqcid", "period": "lastupdatedutc"}
    columns |= {"count": "usedbeds", "exposure": "maxcapacity"}
    as_table: Fields = {"source": "table", "metric": None, "columns": columns}
    table = file_of(*HOMES)
    expected = _panel(read_homes({"t.csv": table}, as_table, BY_HOME))
    assert _panel(loaded).rows.equals(expected.rows)


@pytest.mark.parametrize(
    ("metric", "ratio"),
    [
        ("vacancies", 2 / 50),
        ("nurses", 8 / 36),
        ("agency_nurses", 1 / 36),
        ("care_workers", 20 / 36),
        ("nurses_absent", 4 / 8),
        ("accepting_admissions", 1.0),
    ],
)
def test_each_metric_has_its_denominator(read_homes: Read, metric: str, ratio: float) -> None:
    rows = [home(name, icb, "2024-01-05", "36") for name, icb in (("H1", "QWU"), ("H3", "QK1"))]
    loaded = read_homes({"t.csv": file_of(*rows)}, {"metric": metric, "measure": "mean"})
    assert set(_panel(loaded).values("outcome").tolist()) == {ratio}


def test_homes_say_yes_or_no(read_homes: Read) -> None:
    answers = ("Yes", "no", " TRUE", "false", "")
    rows = [
        home(f"H{i}", "QWU", "2024-01-05", "1", isacceptingadmissions=said)
        for i, said in enumerate(answers)
    ]
    rows.append(home("H9", "QK1", "2024-01-05", "1"))
    outcome: Fields = {"metric": "accepting_admissions"}
    loaded = read_homes({"t.csv": file_of(*rows)}, outcome)
    assert _figures(loaded, "count", "exposure") == [("QK1", 1.0, 1.0), ("QWU", 2.0, 4.0)]
    assert loaded.trace["left_out"].to_list()[4] == "not reported"
    rows[1]["isacceptingadmissions"] = "perhaps"
    loaded = read_homes({"t.csv": file_of(*rows)}, outcome)
    assert 'column "isacceptingadmissions" holds "perhaps"' in _check(loaded, "numbers").detail


def test_the_last_report_of_a_month_counts(read_homes: Read) -> None:
    rows = [
        home("H1", "QWU", "2024-01-05T09:00:00Z", "30"),
        home("H1", "QWU", "05/01/2024 17:30", "31"),
        home("H1", "QWU", "2024-01-02", "99"),
        home("H3", "QK1", "2024-01", "10"),
    ]
    loaded = read_homes({"t.csv": file_of(*rows)})
    assert _figures(loaded, "count") == [("QK1", 10.0), ("QWU", 31.0)]
    reason = "superseded by a later row of the same period"
    assert loaded.trace["left_out"].to_list() == [reason, None, reason, None]


def test_stocks_of_a_quarter_are_those_of_its_last_report(read_homes: Read) -> None:
    fields: Fields = {
        **BY_ICB,
        "time": {"frequency": "quarter"},
        "sites": ({"name": "Pilot", "units": ("QWU",), "starts": 2024 * 4 + 1},),
    }
    loaded = read_homes({"t.csv": file_of(*HOMES)}, None, fields)
    assert _figures(loaded, "count", "exposure") == [("QK1", 12.0, 50.0), ("QWU", 74.0, 100.0)]


def test_two_reports_of_one_moment_that_differ_block(read_homes: Read) -> None:
    rows = [*HOMES, {**HOMES[0], "usedbeds": "7"}]
    loaded = read_homes({"t.csv": file_of(*rows)})
    assert (loaded.panel, _check(loaded, "conflicting_rows").passed) == (None, False)
    repeated = read_homes({"t.csv": file_of(*HOMES, HOMES[0])})
    assert repeated.trace["left_out"].to_list()[-1] == "repeats a row of t.csv"


def test_homes_that_are_missing_from_a_total_are_told(read_homes: Read) -> None:
    files = {"t.csv": file_of(*HOMES[:3], *HOMES[4:])}
    check = _check(read_homes(files, {"measure": "count"}), "homes_reporting")
    assert (check.passed, check.blocking) == (False, False)
    assert check.detail == (
        "3 homes in 2 units. In 1 of 4 units and periods more than 5% of the unit's homes are "
        "missing. A total of fewer homes is lower without cause."
    )
    assert check.table.select("unit", "period", "value").rows() == [("QWU", "2024-02", "1 of 2")]
    assert _check(read_homes(files), "homes_reporting").passed is None
    alone = read_homes(files, {"measure": "count"}, BY_HOME)
    assert _check(alone, "homes_reporting").detail == "No homes are added up."


def test_merged_icbs_take_all_their_homes(read_homes: Read) -> None:
    rows = [
        *(home(f"M{i}", "QMJ", "2024-01-05", "10") for i in (1, 2)),
        home("R1", "QRV", "2024-01-05", "5"),
        home("H1", "QWU", "2024-01-05", "7"),
        home("M1", "QMJ", "2024-02-05", "10"),
    ]
    fields: Fields = {**BY_ICB, "geography": {"register": "icb", "boundaries": "2026-04"}}
    loaded = read_homes({"t.csv": file_of(*rows)}, None, fields)
    assert _figures(loaded, "count") == [("QWU", 7.0), ("Z9B2Z", 25.0)]
    assert loaded.trace["left_out"].to_list()[-1] == (
        "Z9B2Z joins several ICBs, and not all of them reported"
    )


@pytest.mark.parametrize(
    "name",
    [
        "NHS Leicester, Leicestershire and Rutland Integrated Care Board",
        "NHS Leicester Leicestershire & Rutland ICB",
        "leicester, leicestershire and rutland",
        " QK1 ",
    ],
)
def test_an_icb_may_be_named(name: str) -> None:
    assert icb_code(name) == "QK1"


def test_an_icb_that_is_none_blocks(read_homes: Read) -> None:
    loaded = read_homes({"t.csv": file_of(*HOMES, home("H9", "Atlantis", "2024-01-01", "3"))})
    assert 'ICB code "Atlantis" is not in the list' in _check(loaded, "unit_codes").detail


def test_a_row_without_its_home_is_left_out(read_homes: Read) -> None:
    rows = [*HOMES, home(" ", "QWU", "2024-01-05", "3"), dict.fromkeys(TRACKER, "")]
    loaded = read_homes({"t.csv": file_of(*rows)})
    assert loaded.trace["left_out"].to_list()[-2:] == ["no home", "blank row"]


def test_a_published_layout_is_read_by_headings_below_notes(read_homes: Read) -> None:
    text = (
        "Capacity Tracker statistics,,,\n,,,\n"
        "ICB code,Month,Occupied beds,Beds\n"
        "E54000018,Jan-24,72,100\nE54000015,Jan-24,11,50\n"
        "E54000018,Feb-24,-,100\nE54000015,Feb-24,12,50\n"
    )
    headings = {"icb": "ICB code", "lastupdatedutc": "Month"}
    headings |= {"usedbeds": "Occupied beds", "maxcapacity": "Beds"}
    loaded = read_homes({"t.csv": text}, {"headings": headings})
    assert _figures(loaded, "count") == [("QK1", 11.0), ("QK1", 12.0), ("QWU", 72.0)]
    assert loaded.trace["row"].to_list() == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"metric": "capacity"}, 'metric = "capacity" has no denominator'),
        ({"metric": "beds"}, "there is no 'beds'.*occupied_beds"),
        ({"headings": {"beds": "Beds"}}, "knows no 'beds' here.*Did you mean 'usedbeds'"),
        ({"select": {"region": "Midlands"}}, "no select: what this source reads is settled"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(
    read_homes: Read, outcome: Fields, said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        read_homes({"t.csv": file_of(*HOMES)}, outcome)


def test_a_file_without_a_needed_column_is_refused(read_homes: Read) -> None:
    text = file_of(*HOMES).replace("maxcapacity", "beds")
    with pytest.raises(SourceError, match="there is no column 'maxcapacity'"):
        read_homes({"t.csv": text})
    with pytest.raises(StudyError, match="no place in an index"):
        read_homes({"t.csv": text}, None, {**BY_ICB, "time": {"frequency": "index"}})


def test_a_date_that_is_none_blocks(read_homes: Read) -> None:
    loaded = read_homes({"t.csv": file_of(*HOMES, home("H9", "QWU", "last week", "3"))})
    assert 'period "last week" cannot be read' in _check(loaded, "periods").detail


# ------------------------------------------------------------------ the local return

RETURN = "home_id,icb,month,qualified_prescribers,residents\n"
RETURNED = RETURN + (
    "H1,QWU,2024-01,0,30\nH2,QWU,2024-01,1,40\nH3,QK1,2024-01,0,25\n"
    "H1,QWU,2024-02,2,30\nH2,QWU,2024-02,1,40\nH3,QK1,2024-02,0,25\n"
)
LOCAL: Fields = {"source": "local_return", "metric": "qualified_prescribers"}


def test_a_return_gives_prescribers_per_1000_residents(read_homes: Read) -> None:
    outcome = {**LOCAL, "measure": "rate", "per": 1000.0}
    loaded = read_homes({"r.csv": RETURNED}, outcome)
    assert _figures(loaded, "count", "exposure", "outcome") == [
        *(("QK1", 0.0, 25.0, 0.0), ("QK1", 0.0, 25.0, 0.0)),
        *(("QWU", 1.0, 70.0, 1000 / 70), ("QWU", 3.0, 70.0, 3000 / 70)),
    ]


def test_an_empty_cell_of_a_return_is_unknown_and_not_0(read_homes: Read) -> None:
    loaded = read_homes({"r.csv": RETURNED + "H4,QK1,2024-02,,9\n"}, {**LOCAL, "measure": "count"})
    assert loaded.trace["left_out"].to_list()[-1] == "not reported"
    assert _panel(loaded).values("count").sum() == 4


def test_a_return_is_the_dose_and_the_exposure_of_another_outcome(make_study: Make) -> None:
    admissions = "icb,month,n\nQWU,2024-01,7\nQWU,2024-02,5\nQK1,2024-01,4\nQK1,2024-03,4\n"
    source = {"source": "local_return", "label": "Return", "files": ("r.csv",)}
    outcomes = (
        {
            "key": "admissions",
            "label": "Admissions",
            "files": ("a.csv",),
            "columns": {"unit": "icb", "period": "month", "count": "n"},
            "per": 1000.0,
            "dose_from": "prescribers",
            "exposure_from": "residents",
        },
        {**source, "key": "prescribers", "metric": "qualified_prescribers", "measure": "count"},
        {**source, "key": "residents", "metric": "residents", "measure": "count"},
    )
    study = make_study(
        {"a.csv": admissions, "r.csv": RETURNED}, None, {**BY_ICB, "outcomes": outcomes}
    )
    loaded = load(study, study.outcomes[0])
    assert _figures(loaded, "period", "outcome", "dose") == [
        ("QK1", JANUARY, 160.0, 0.0),
        ("QWU", JANUARY, 100.0, 1.0),
        ("QWU", JANUARY + 1, 5000 / 70, 3.0),
    ]
    assert loaded.trace["left_out"].to_list()[-1] == (
        "no exposure: outcome 'residents' has no figure for the unit and period"
    )


def test_the_template_is_what_is_read(read_homes: Read, tmp_path: Path) -> None:
    table, workbook, page = write_template(tmp_path / "made")
    blank = table.read_bytes()
    assert blank == b"\xef\xbb\xbfhome_id,icb,month,qualified_prescribers,residents\r\n"
    outcome = {**LOCAL, "measure": "rate", "per": 1000.0}
    expected = _panel(read_homes({"r.csv": RETURNED}, outcome)).rows
    filled = blank + RETURNED.removeprefix(RETURN).encode()
    assert _panel(read_homes({"r.csv": filled}, outcome)).rows.equals(expected)
    book = openpyxl.load_workbook(workbook)
    assert book.sheetnames == ["return", "columns"]
    for line in RETURNED.splitlines()[1:]:
        book["return"].append([int(c) if c.isdigit() else c for c in line.split(",")])
    book.save(tmp_path / "filled.xlsx")
    raw = (tmp_path / "filled.xlsx").read_bytes()
    assert _panel(read_homes({"r.xlsx": raw}, outcome)).rows.equals(expected)
    text = page.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in RETURN.strip().split(","))


def test_the_outcome_of_the_readme_is_one_that_a_study_may_have(tmp_path: Path) -> None:
    _, _, page = write_template(tmp_path / "local_return")
    blocks = page.read_text(encoding="utf-8").split("```")
    outcome = next(b.removeprefix("toml") for b in blocks if "[[outcomes]]" in b)
    head = 'version = 1\ntitle = "T"\ntime = { frequency = "month" }\n'
    site = '[[sites]]\nname = "P"\nunits = ["H1"]\nstarts = "2026-01"\n'
    role = outcome.replace('role = "process"', 'role = "primary"')
    (tmp_path / "study.toml").write_text(head + site + role, encoding="utf-8")
    study = load_study(tmp_path / "study.toml")
    (tmp_path / "local_return" / "local_return.csv").write_text(RETURNED, encoding="utf-8")
    assert load(study, study.outcomes[0]).trace.height == 6
