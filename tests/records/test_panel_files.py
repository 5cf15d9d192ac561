"""Extracts as files, the table of exposure, and the command that writes the panel."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from evaluation.cli.panel import command
from evaluation.errors import SourceError, UsageError
from evaluation.records.build import Built, build_panel
from evaluation.records.definitions import DEFINITION_KEYS
from evaluation.records.engines import lazy
from evaluation.records.layouts import LAYOUTS
from evaluation.records.places import COLUMN
from evaluation.records.residents import CODE_SETS, KNOWN
from evaluation.study import Place, Records, Residents, load_study
from evaluation.study.keys import choices

STUDY = """version = 1
title = "A pilot"

[time]
frequency = "month"

[[sites]]
name = "Coventry"
units = ["QWU"]
starts = "2023-05"

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel/restricted/panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes*"]
definitions = ["cqc_2013_iau", "nhsof_3a"]
"""
EVERYONE = 'residents = { rule = "everyone" }\n'
HEADER = (
    "TOKEN_PERSON_ID,PROCODET,PROVSPNOPS,ADMIDATE,ADMIMETH,STARTAGE,CCG_RESIDENCE,DIAG_01,"
    "OPERTN_01,ICB"
)
ROWS = (
    "a,RX1,1,2023-04-01,21,84,B2M3M,N390,-,home 1",
    "b,RX1,2,2023-05-01,2A,84,02P,N390,-,home 2",
    "c,RX1,3,2023-05-31,28,84,02P,R69X,-,home 2",
)
TEXT = "\n".join((HEADER, *ROWS, ""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a study file and three records."""
    write(tmp_path, EVERYONE)
    (tmp_path / "hes.csv").write_text(TEXT, encoding="utf-8")
    return tmp_path


def write(folder: Path, lines: str) -> None:
    (folder / "study.toml").write_text(STUDY + lines, encoding="utf-8")


def built(folder: Path) -> Built:
    return build_panel(load_study(folder))


def counts(folder: Path) -> dict[tuple[str, str], int]:
    panel = built(folder).tables.panel
    return {(u, p): n for u, p, n in panel.select("unit", "period", "emergency_admissions").rows()}


COUNTS = {
    ("QF7", "2023-04"): 0,
    ("QF7", "2023-05"): 2,
    ("QWU", "2023-04"): 1,
    ("QWU", "2023-05"): 0,
}


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("separator", [",", "|", "\t", ";"])
def test_the_separator_is_told_from_the_header(folder: Path, separator: str) -> None:
    (folder / "hes.csv").write_text(TEXT.replace(",", separator), encoding="utf-8")
    assert counts(folder) == COUNTS


def test_what_is_not_utf_8_does_no_harm(folder: Path) -> None:
    dagger = TEXT.replace("N390,-,home 1", "N390†,home 1")
    (folder / "hes.csv").write_bytes(dagger.encode("cp1252"))
    made = built(folder)
    assert made.tables.panel["avoidable_cqc_2013_iau"].sum() == 2


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(folder: Path) -> None:
    (folder / "hes.csv").write_bytes(TEXT.replace("\n", "\r\n").encode("utf-8-sig"))
    assert counts(folder) == COUNTS


def test_gzipped_text_and_parquet_are_read_beside_csv(folder: Path) -> None:
    (folder / "hes.csv").unlink()
    (folder / "hes_1.csv.gz").write_bytes(gzip.compress("\n".join((HEADER, ROWS[0])).encode()))
    (folder / "hes_2.txt").write_text("\n".join((HEADER, ROWS[1])), encoding="utf-8")
    cells = dict(zip(HEADER.split(","), ROWS[2].split(","), strict=True))
    pl.DataFrame([cells]).write_parquet(folder / "hes_3.parquet")
    assert counts(folder) == COUNTS


BAD_FILES = {
    "hes.xlsx": (b"PK", 'a file of kind ".xlsx" cannot be read'),
    "hes.parquet": (b"PAR1", "the file cannot be opened"),
    "hes_empty.csv": (b"", "the file cannot be opened"),
    "hes_gone.csv.gz": (b"no gzip", "the file cannot be opened"),
    "hes_other.csv": (b"x,y\n1,2\n", "there is no column of person"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_ends_in_one_error_that_names_it(folder: Path, name: str) -> None:
    content, problem = BAD_FILES[name]
    (folder / name).write_bytes(content)
    with pytest.raises(SourceError) as caught:
        built(folder)
    assert problem in str(caught.value)
    assert caught.value.place == name
    assert caught.value.remedy


def test_a_row_with_a_stray_separator_is_left_out_and_told(folder: Path) -> None:
    # Read as it stands it would be an admission of another person, on another day.
    stray = ROWS[0].replace("a,RX1", "a,,RX1")
    (folder / "hes.csv").write_text(f"{TEXT}{stray}\n", encoding="utf-8")
    made = built(folder)
    told = dict(made.ledger.select("reason", "records").rows())
    assert told["records read"] == 4
    assert told["counted in the panel"] == 3
    assert [n for reason, n in told.items() if "more cells than the header" in reason] == [1]


def test_a_file_that_ends_within_a_row_is_refused_for_others_may_be_lost(folder: Path) -> None:
    (folder / "hes.csv").write_text(f"{TEXT}d,RX1,4,2023-", encoding="utf-8")
    with pytest.raises(SourceError, match=r"hes\.csv: the last row has 4 cells, the header 10"):
        built(folder)


def test_a_row_that_is_cut_off_is_left_out_for_what_it_lacks(folder: Path) -> None:
    # The end of a gzip file is not looked at beforehand.
    (folder / "hes.csv").unlink()
    (folder / "hes.csv.gz").write_bytes(gzip.compress(f"{TEXT}d,RX1,4,2023-".encode()))
    told = dict(built(folder).ledger.select("reason", "records").rows())
    assert [n for reason, n in told.items() if "not one of the calendar" in reason] == [1]


def test_a_file_that_is_not_there_is_told_with_those_that_are(folder: Path) -> None:
    (folder / "hes.csv").rename(folder / "apc.csv")
    with pytest.raises(SourceError) as caught:
        built(folder)
    assert str(caught.value) == (
        "[records]: no file matches 'hes*'; in '.' there are: apc.csv, study.toml. "
        "Allowed: names and globs relative to the folder of the study file. Correct the name, or "
        "put the file there."
    )


# ------------------------------------------------------------------ exposure

EXPOSURE = 'exposure = { file = "homes.csv", unit = "icb", period = "month", exposure = "beds" }\n'


def exposure(folder: Path, text: str, lines: str = "") -> None:
    write(folder, EVERYONE + EXPOSURE + lines)
    (folder / "homes.csv").write_text(text, encoding="utf-8")


def test_exposure_is_put_beside_the_counts_and_stays_empty_where_there_is_none(
    folder: Path,
) -> None:
    text = (
        'icb,month,beds\nE54000018,2023-04,"1,200"\nQWU,2023-05,\nQF7,Apr 2023,900\nQT1,2023-04,1\n'
    )
    exposure(folder, text)
    made = built(folder)
    assert made.tables.panel.select("unit", "period", "beds").rows() == [
        ("QF7", "2023-04", 900.0),
        ("QF7", "2023-05", None),
        ("QWU", "2023-04", 1200.0),
        ("QWU", "2023-05", None),
    ]
    told = " ".join(made.notes)
    assert "2 of 4 units and periods have no beds in homes.csv" in told
    assert "homes.csv has 1 units without an admission in the records (QT1)" in told


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("QWU,2023-04,1\nQWU,2023-04,2\n", "homes.csv: QWU has more than one row for 2023-04."),
        ("QWU,2023-04,many\n", 'homes.csv, row 2: "many" is not an exposure.'),
        ("QWU,2023-04,-1\n", 'homes.csv, row 2: "-1" is not an exposure.'),
        ("QWU,2023-04,nan\n", 'homes.csv, row 2: "nan" is not an exposure.'),
        ("QWU,2023-04,1\nQWX,2023-04,1\n", 'homes.csv, row 3: "QWX" is not the code of an Int'),
        ("QWU,April,1\n", "homes.csv, row 2: 'April' is not a period of frequency month"),
        ("QWU,,1\n", "homes.csv, row 2: there is no period."),
        (",2023-04,1\n", "homes.csv, row 2: there is no unit."),
        ("QWU,2023-04,1,200\n", "homes.csv, row 2: the row has more cells than the header."),
    ],
)
def test_a_bad_row_of_exposure_is_told_by_its_number(folder: Path, rows: str, message: str) -> None:
    exposure(folder, f"icb,month,beds\n{rows}")
    with pytest.raises(SourceError) as caught:
        built(folder)
    assert str(caught.value).startswith(message)


def test_homes_without_admissions_are_0_where_the_exposure_says_that_they_are(
    folder: Path,
) -> None:
    text = "icb,month,beds\nhome 1,2023-04,30\nhome 3,2023-05,40\n"
    exposure(folder, text, 'place = { by = "column" }\ncolumns = { icb = "ICB" }\n')
    panel = built(folder).tables.panel
    assert panel.select("unit", "period", "emergency_admissions", "beds").rows() == [
        ("home 1", "2023-04", 1, 30.0),
        ("home 1", "2023-05", 0, None),
        ("home 2", "2023-04", 0, None),
        ("home 2", "2023-05", 2, None),
        ("home 3", "2023-04", 0, None),
        ("home 3", "2023-05", 0, 40.0),
    ]


# ------------------------------------------------------------------ the command


def call(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=True)


FILES = ["disagreement.csv", "gaps.csv", "ledger.csv", "notes.txt", "panel.csv", "panel.parquet"]


def test_the_command_writes_into_a_folder_named_restricted_and_says_so(folder: Path) -> None:
    called = call(folder)
    assert called.exit_code == 0
    home = folder / "panel" / "restricted"
    assert sorted(path.name for path in home.iterdir()) == FILES
    assert "RESTRICTED" in called.stdout
    assert "[U, not verified]" in called.stdout
    assert f"pilot-eval estimate {folder} --out results" in called.stdout
    elsewhere = call(folder, "--out", folder / "other").stdout
    assert 'source = "table", files = ["other/restricted/panel.csv"]' in elsewhere
    assert (home / "notes.txt").read_text(encoding="utf-8").startswith("These are counts")


def test_machines_get_the_ledger_the_disagreement_and_the_notes(folder: Path) -> None:
    called = call(folder, "--json", "--restricted")
    told = json.loads(called.stdout)
    assert told["ledger"][0] == {
        "step": 1,
        "stage": "records",
        "status": "read",
        "reason": "records read",
        "records": 3,
    }
    (pair,) = told["disagreement"]
    assert (pair["definition"], pair["other"]) == ("cqc_2013_iau", "nhsof_3a")
    assert any("nhsof_3a is not verified" in note for note in told["notes"])
    assert called.stderr == ""


def test_quiet_prints_nothing(folder: Path) -> None:
    called = call(folder, "--quiet")
    assert (called.exit_code, called.stdout, called.stderr) == (0, "", "")


def test_an_earlier_panel_is_replaced_and_nothing_else_is(folder: Path) -> None:
    assert call(folder, "-q").exit_code == 0
    assert call(folder, "-q").exit_code == 0
    (folder / "run" / "restricted").mkdir(parents=True)
    (folder / "run" / "restricted" / "manifest.json").write_text("{}", encoding="utf-8")
    refused = call(folder, "--out", folder / "run")
    assert isinstance(refused.exception, UsageError)
    assert "holds something other than a panel" in str(refused.exception)
    assert list((folder / "run" / "restricted").iterdir()) != []


def test_the_records_themselves_are_never_replaced(folder: Path) -> None:
    home = folder / "data" / "restricted"
    home.mkdir(parents=True)
    for name in ("panel.csv", "ledger.csv"):
        (home / name).write_text("", encoding="utf-8")
    (folder / "hes.csv").rename(home / "hes.csv")
    write(folder, EVERYONE.replace("residents", "columns = {}\nresidents"))
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('"hes*"', '"data/restricted/hes.csv"')
    (folder / "study.toml").write_text(text, encoding="utf-8")
    refused = call(folder, "--out", folder / "data")
    assert isinstance(refused.exception, UsageError)
    assert "holds the records themselves (hes.csv)" in str(refused.exception)
    assert (home / "hes.csv").is_file()


def test_a_panel_that_fails_leaves_the_earlier_one(folder: Path) -> None:
    assert call(folder, "-q").exit_code == 0
    before = (folder / "panel" / "restricted" / "panel.csv").read_bytes()
    (folder / "hes.csv").write_text(f"{HEADER}\n", encoding="utf-8")
    assert isinstance(call(folder, "-q").exception, SourceError)
    assert (folder / "panel" / "restricted" / "panel.csv").read_bytes() == before


# ------------------------------------------------------------------ names that must agree


def test_the_study_file_and_the_records_know_the_same_names() -> None:
    assert choices(Records.model_fields["layout"]) == tuple(LAYOUTS)
    assert choices(Residents.model_fields["codes"]) == tuple(CODE_SETS)
    assert choices(Residents.model_fields["rule"]) == tuple(KNOWN)
    assert choices(Place.model_fields["by"]) == tuple(COLUMN)
    assert Records.model_fields["definitions"].default == DEFINITION_KEYS[:1]


@pytest.mark.parametrize("native", [[1, 2], "hes.csv", pl.Series([1])])
def test_what_is_no_frame_of_an_engine_is_refused(native: object) -> None:
    with pytest.raises(UsageError) as caught:
        lazy(native)
    assert caught.value.allowed == (
        "a polars LazyFrame or DataFrame, a DuckDB relation, a Spark DataFrame"
    )
