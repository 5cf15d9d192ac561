"""From records to admissions: what happens to each record of small extracts, on three engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evaluation.records.engines import collected, lazy
from evaluation.records.layouts import LAYOUTS
from evaluation.records.plan import make_plan
from evaluation.records.query import Query
from evaluation.records.reading import to_episodes
from evaluation.study import Study, parse_study

Opened = Callable[[Path], object]
Fates = dict[str, str | None]

STUDY = """version = 1
title = "A pilot"

[time]
frequency = "month"
first = "2023-04"
last = "2024-03"

[[sites]]
name = "Coventry"
units = ["QWU"]
starts = "2023-10"

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes.csv"]
columns = { care_home = "UPRN" }
"""
EVERYONE = 'residents = { rule = "everyone" }\n'
USED = None
# An emergency of a matched resident, in the window, as one finished episode.
PLAIN = {
    "TOKEN_PERSON_ID": "a",
    "PROCODET": "RX1",
    "PROVSPNOPS": "s1",
    "ADMIDATE": "2023-06-01",
    "DISDATE": "2023-06-05",
    "EPISTART": "2023-06-01",
    "EPIEND": "2023-06-05",
    "EPIORDER": "1",
    "EPISTAT": "3",
    "CLASSPAT": "1",
    "ADMINCAT": "01",
    "ADMIMETH": "21",
    "ADMISORC": "19",
    "DISDEST": "19",
    "STARTAGE": "84",
    "FYEAR": "2324",
    "DIAG_01": "J189",
    "UPRN": "1",
}


def study(*lines: str) -> Study:
    return parse_study(STUDY + "".join(lines or (EVERYONE,)), Path("study.toml"))


def fates(native: object, how: Study) -> Fates:
    """Return the fate of each record by its key."""
    plan = make_plan(how)
    settings = plan.settings
    extract = to_episodes(lazy(native), LAYOUTS["hes_apc"], columns=settings.columns)
    query = Query(plan=plan)
    told = query.finished(query.linked(query.settled(extract.frame)))
    rows = collected(told, {"episode_key": pl.String, "fate": pl.String}).rows()
    assert len({key for key, _ in rows}) == len(rows)
    return dict(rows)


def raw(records: dict[str, dict[str, str]]) -> pl.DataFrame:
    """Return records that differ from the plain one in what is given, keyed by EPIKEY."""
    return pl.DataFrame([{**PLAIN, "EPIKEY": key, **cells} for key, cells in records.items()])


def of(person: str, **cells: str) -> dict[str, str]:
    return {"TOKEN_PERSON_ID": person, **cells}


# ------------------------------------------------------------------ every reason, on every engine

EVERY: dict[str, tuple[dict[str, str], str | None]] = {
    "plain": (of("a"), USED),
    "no person": (of(" "), "no_person"),
    "null date": (of("b", ADMIDATE="1801-01-01"), "no_date"),
    "bad date": (of("c", ADMIDATE="2023-06-31"), "bad_date"),
    "before": (of("d", ADMIDATE="2023-03-31"), "before"),
    "first day": (of("e", ADMIDATE="2023-04-01"), USED),
    "last day": (of("f", ADMIDATE="2024-03-31"), USED),
    "after": (of("g", ADMIDATE="2024-04-01"), "after"),
    "unfinished": (of("h", EPISTAT="1"), "unfinished"),
    "derived unfinished": (of("i", EPISTAT="9"), "unfinished"),
    # A long stay: unfinished in one file, finished in the next, and twice in later files.
    "stay, unfinished": (of("j", EPISTAT="1", FYEAR="2223", EPIEND=""), "unfinished"),
    "stay": (of("j", FYEAR="2425"), USED),
    "stay again": (of("j"), "repeated"),
    # Two episodes of a spell; the order says which is first, not the row nor the key.
    "2 of 2": (of("k", EPIORDER="2", EPISTART="2023-06-03", ADMIMETH="21"), "later_episode"),
    "1 of 2": (of("k", EPIEND="2023-06-03", DISDEST="98"), USED),
    # Both on the first day: EPIORDER tells them apart.
    "3, second": (of("l", EPIORDER="2"), "later_episode"),
    "4, first": (of("l", EPIORDER="1"), USED),
    # Without an order, the earlier end and then the key do.
    "5": (of("m", EPIORDER="99", EPIEND="2023-06-02"), USED),
    "6": (of("m", EPIORDER="98"), "later_episode"),
    # Not one spell: another provider, spell number or admission.
    "provider 1": (of("n"), USED),
    "provider 2": (of("n", PROCODET="RX2"), USED),
    "number 2": (of("n", PROVSPNOPS="s2"), USED),
    # Regular attenders are not joined; they are no emergencies as a rule.
    "attender 1": (of("o", CLASSPAT="3"), USED),
    "attender 2": (of("o", CLASSPAT="3", EPIORDER="2"), USED),
    "unknown method": (of("p", ADMIMETH="99"), "method_unknown"),
    "blank method": (of("q", ADMIMETH=""), "method_unknown"),
    "elective": (of("r", ADMIMETH="11"), "not_emergency"),
    "transfer": (of("s", ADMIMETH="81"), "not_emergency"),
    **{
        f"emergency {m}": (of(f"t{m}", ADMIMETH=m), USED)
        for m in ("21", "22", "23", "24", "25", "2A", "2B", "2C", "2D", "28", "66", "69")
    },
}


def test_every_record_has_the_fate_that_it_should(opened: Opened, tmp_path: Path) -> None:
    raw({key: cells for key, (cells, _) in EVERY.items()}).write_parquet(tmp_path / "hes.parquet")
    found = fates(opened(tmp_path / "hes.parquet"), study())
    assert found == {key: fate for key, (_, fate) in EVERY.items()}


def test_an_episode_of_several_files_is_kept_as_its_best_record() -> None:
    records = {
        "no end": of("a", EPIEND="", DIAG_01="R69X"),
        "latest year": of("a", FYEAR="2526"),
        "earlier year": of("a", FYEAR="2425"),
    }
    found = fates(raw(records), study())
    assert found == {"no end": "repeated", "latest year": USED, "earlier year": "repeated"}
    kept = 'unfinished = "keep"\n'
    records["unfinished, of the last file"] = of("a", FYEAR="2627", EPISTAT="1", EPIEND="")
    assert fates(raw(records), study(kept, EVERYONE))["latest year"] is USED


def test_unfinished_episodes_are_kept_where_asked_and_no_finished_one_is_there() -> None:
    records = {"alone": of("a", EPISTAT="1", EPIEND=""), "both 1": of("b", EPISTAT="9")}
    records["both 3"] = of("b", EPISTAT="3", FYEAR="2425")
    kept = study('unfinished = "keep"\n', EVERYONE)
    assert fates(raw(records), kept) == {"alone": USED, "both 1": "repeated", "both 3": USED}


def test_a_spell_that_is_elective_at_first_is_no_emergency() -> None:
    records = {
        "first": of("a", ADMIMETH="11"),
        "second": of("a", ADMIMETH="21", EPIORDER="2", EPISTART="2023-06-02"),
    }
    found = fates(raw(records), study())
    assert found == {"first": "not_emergency", "second": "later_episode"}


def test_first_episodes_are_counted_by_their_order_alone(opened: Opened, tmp_path: Path) -> None:
    records = {
        "first": of("a"),
        "second": of("a", EPIORDER="2"),
        "unknown": of("b", EPIORDER="99"),
        "elective": of("c", ADMIMETH="12"),
    }
    raw(records).write_parquet(tmp_path / "hes.parquet")
    how = study('admissions = "first_episodes"\n', EVERYONE)
    expected = {"first": USED, "second": "not_first", "unknown": "not_first"}
    found = fates(opened(tmp_path / "hes.parquet"), how)
    assert found == {**expected, "elective": "not_emergency"}


# ------------------------------------------------------------------ transfers

CHAINS: dict[str, tuple[dict[str, str], str | None]] = {
    # Discharged to a hospital on the 5th, admitted elsewhere on the 8th: three days.
    "a1": (of("a", DISDEST="51"), USED),
    "a2": (of("a", PROVSPNOPS="x", ADMIDATE="2023-06-08", DISDATE="2023-06-09"), "transfer"),
    # A third hospital; and four days later another stay.
    "a3": (
        of("a", PROVSPNOPS="y", ADMIDATE="2023-06-09", DISDATE="2023-06-20", ADMISORC="51"),
        "transfer",
    ),
    "a4": (of("a", PROVSPNOPS="z", ADMIDATE="2023-06-24", ADMISORC="51"), USED),
    # Home in between: another admission.
    "b1": (of("b"), USED),
    "b2": (of("b", PROVSPNOPS="x", ADMIDATE="2023-06-06"), USED),
    # By transfer of an admitted patient, the destination not known.
    "c1": (of("c", DISDEST="99"), USED),
    "c2": (of("c", PROVSPNOPS="x", ADMIDATE="2023-06-05", ADMIMETH="2B"), "transfer"),
    # An elective stay moved on in an emergency is no emergency admission.
    "d1": (of("d", ADMIMETH="11", DISDEST="51"), "not_emergency"),
    "d2": (of("d", PROVSPNOPS="x", ADMIDATE="2023-06-05", ADMIMETH="2B"), "transfer"),
    # Begun before the window, moved on within it.
    "e1": (of("e", ADMIDATE="2023-03-30", DISDATE="2023-04-01", DISDEST="51"), "before"),
    "e2": (of("e", PROVSPNOPS="x", ADMIDATE="2023-04-02"), "transfer"),
    # Another person's hospital is not one's own.
    "f1": (of("f", ADMISORC="51"), USED),
}


def test_stays_go_on_after_a_transfer_within_three_days(opened: Opened, tmp_path: Path) -> None:
    raw({key: cells for key, (cells, _) in CHAINS.items()}).write_parquet(tmp_path / "hes.parquet")
    found = fates(opened(tmp_path / "hes.parquet"), study('transfers = "join"\n', EVERYONE))
    assert found == {key: fate for key, (_, fate) in CHAINS.items()}


def test_without_joining_each_spell_is_an_admission() -> None:
    found = fates(raw({key: cells for key, (cells, _) in CHAINS.items()}), study())
    left_out = {key for key, fate in found.items() if fate is not USED}
    assert left_out == {"d1", "e1"}


# ------------------------------------------------------------------ residents and ages

PEOPLE = {
    "matched": of("a"),
    "not matched": of("b", UPRN="0"),
    "no match given": of("c", UPRN=""),
    "from a home": of("d", UPRN="0", ADMISORC="54"),
    "to a home": of("e", UPRN="0", DISDEST="65"),
    "from a home with nursing": of("f", UPRN="0", ADMISORC="55"),
    "from a hospice": of("g", UPRN="0", ADMISORC="88"),
    "private, from a home": of("h", UPRN="0", ADMISORC="85", ADMINCAT="02"),
    "private, matched": of("i", ADMINCAT="2"),
}
RULES = {
    '{ rule = "match" }': {"matched", "private, matched"},
    '{ rule = "codes" }': {"from a home", "from a hospice"},
    '{ rule = "codes", at = "discharge" }': {"to a home"},
    '{ rule = "codes", at = "either" }': {"from a home", "to a home", "from a hospice"},
    '{ rule = "codes", codes = "strategy_unit" }': {
        "from a home",
        "from a home with nursing",
        "private, from a home",
    },
    '{ rule = "codes", codes = "care_homes" }': {
        "from a home",
        "from a home with nursing",
        "private, from a home",
    },
    '{ rule = "match_or_codes" }': {"matched", "from a home", "from a hospice"},
    '{ rule = "everyone" }': set(PEOPLE),
}


@pytest.mark.parametrize("rule", RULES)
def test_residents_are_told_by_the_rule_of_the_study(rule: str) -> None:
    found = fates(raw(PEOPLE), study(f"residents = {rule}\n"))
    assert {key for key, fate in found.items() if fate is USED} == RULES[rule]


def test_why_somebody_is_no_resident_is_told_apart() -> None:
    found = fates(raw(PEOPLE), study('residents = { rule = "match" }\n'))
    assert (found["not matched"], found["no match given"]) == ("not_resident", "no_match")
    found = fates(raw(PEOPLE), study('residents = { rule = "codes" }\n'))
    assert found["private, from a home"] == "private"


def test_the_destination_looked_at_is_that_of_the_last_episode() -> None:
    records = {
        "1": of("a", UPRN="0", DISDEST="98", EPIEND="2023-06-03"),
        "2": of("a", UPRN="0", DISDEST="54", EPISTART="2023-06-03", EPIORDER="2"),
    }
    how = study('residents = { rule = "codes", at = "discharge" }\n')
    assert fates(raw(records), how) == {"1": USED, "2": "later_episode"}


def test_ages_are_asked_only_where_the_study_does() -> None:
    records = {"baby": of("a", STARTAGE="7003"), "64": of("b", STARTAGE="64"), "65": of("c")}
    records["unknown"] = of("d", STARTAGE="")
    assert set(fates(raw(records), study()).values()) == {USED}
    found = fates(raw(records), study("least_age = 65\n", EVERYONE))
    assert found == {"baby": "young", "64": "young", "65": USED, "unknown": "ageless"}
