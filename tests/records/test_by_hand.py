"""Small random extracts counted by hand, in plain Python: what polars and DuckDB must find too."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from evaluation.records.avoidable import is_admission, is_avoidable
from evaluation.records.build import Built, build_panel
from evaluation.records.by_person import count_by_person
from evaluation.records.definitions import definition
from evaluation.records.engines import lazy
from evaluation.records.layouts import LAYOUTS
from evaluation.records.plan import make_plan
from evaluation.records.query import Query
from evaluation.records.reading import to_episodes
from evaluation.records.residents import CODE_SETS
from evaluation.study import Study, parse_study

STUDY = """version = 1
title = "A pilot"
time = { frequency = "month" }
sites = [{ name = "Coventry", units = ["QWU"], starts = "2023-06" }]

[[outcomes]]
key = "admissions"
label = "Admissions"
files = ["panel.csv"]
measure = "count"
columns = { unit = "unit", period = "period", count = "emergency_admissions" }

[records]
files = ["hes.csv"]
columns = { care_home = "CH" }
definitions = ["nhsof_2_3_i"]
first = "2023-05"
last = "2023-06"
"""
FIRST, AFTER = date(2023, 5, 1), date(2023, 7, 1)
NEVER = date(9999, 12, 31)
WAYS = 12
TIED_WAYS = 4
# Extracts of one way, each with some persons of its own and 1 to 24 records.
EXTRACTS = 25
EMERGENCIES = ("21", "22", "2A", "2B")
OTHERS = ("81", "11")
HOSPITALS = ("51", "52", "53")
UNITS = {"B2M3M": "QWU", "15E": "QHL"}
NO_UNIT = {"": "place_blank", "59898": "place_not_applicable", "59999": "place_unknown"}
# What an extract may lack.
OPTIONAL = ("PROCODET", "PROVSPNOPS", "DISDATE", "EPISTART", "EPIEND", "EPISTAT", "FYEAR")
# Of these the definition asks something.
LACKED = {"discharged": "DISDATE", "episode_status": "EPISTAT"}
DAYS = ("2023-04-29", "2023-05-30", "2023-06-01", "2023-06-02", "2023-06-04", "2023-07-01")
POOLS: dict[str, tuple[str, ...]] = {
    "PROCODET": ("RA", "RB"),
    "PROVSPNOPS": ("s1", "s1", "s2"),
    "EPIORDER": ("1", "1", "1", "2", "98", "99"),
    "EPISTAT": ("3", "3", "3", "3", "1", "9"),
    "EPITYPE": ("1", "1", "1", "2"),
    "CLASSPAT": ("1", "1", "1", "1", "3"),
    "ADMINCAT": ("01", "01", "01", "02"),
    "ADMIMETH": ("21", "21", "21", "2A", "66", "22.0", "2B", "81", "11", "99", "77"),
    "ADMISORC": ("19", "19", "54", "51"),
    "DISDEST": ("19", "54", "51", "98"),
    "SEX": ("1", "2"),
    "STARTAGE": ("84", "84", "64", "7003", "999"),
    "CCG_RESIDENCE": ("B2M3M", "B2M3M", "15E", "59898", "59999", "ZZZ"),
    "FYEAR": ("2223", "2324"),
    "CH": ("1", "1", "0"),
    "DIAG_01": ("I500", "I500", "A419", "R69X"),
    "OPERTN_01": ("-",),
}
Cells = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a study counts."""

    admissions: str
    transfers: str
    rule: str
    at: str
    unfinished: str
    least_age: int | None

    def study(self) -> Study:
        text = f'{STUDY}admissions = "{self.admissions}"\ntransfers = "{self.transfers}"\n'
        text += f'unfinished = "{self.unfinished}"\n'
        text += f'residents = {{ rule = "{self.rule}", at = "{self.at}" }}\n'
        text += f"least_age = {self.least_age}\n" if self.least_age is not None else ""
        return parse_study(text, Path("study.toml"))


@dataclass(kw_only=True)
class Seen:
    """A record as a reader sees it, its fate, and where and when its spell ended."""

    cells: Cells
    asked: bool
    is_avoidable: bool
    fate: str | None = None
    went_to: str = ""
    ended: date | None = None

    def __getitem__(self, heading: str) -> str:
        return self.cells.get(heading, "")

    @property
    def admitted(self) -> date | None:
        return day(self["ADMIDATE"])

    @property
    def method(self) -> str:
        return {"66": "2A", "22.0": "22"}.get(self["ADMIMETH"], self["ADMIMETH"])

    @property
    def order(self) -> int:
        return 1000 if self["EPIORDER"] in ("", "98", "99") else int(self["EPIORDER"])

    @property
    def spell(self) -> tuple[Hashable, ...]:
        attendance = self["EPIKEY"] if self["CLASSPAT"] in ("3", "4") else ""
        headings = ("TOKEN_PERSON_ID", "ADMIDATE", "PROCODET", "PROVSPNOPS")
        return (*(self[heading] for heading in headings), attendance)

    @property
    def episode(self) -> tuple[Hashable, ...]:
        which = self["EPIKEY"] if self.order == 1000 else ""
        return (*self.spell, self["EPISTART"], self.order, which)

    @property
    def sorted_by(self) -> tuple[Any, ...]:
        start, end = day(self["EPISTART"]) or NEVER, day(self["EPIEND"]) or NEVER
        return (start, self.order, end, self["EPIKEY"])

    @property
    def preferred(self) -> tuple[Any, ...]:
        end = day(self["EPIEND"]) or NEVER
        return (self["EPISTAT"] != "3", -int(self["FYEAR"] or 0), end, self["EPIKEY"])


def day(text: str) -> date | None:
    return None if text in ("", "1800-01-01", "2023-02-30") else date.fromisoformat(text)


# ------------------------------------------------------------------ at random


def drawn_way(chance: random.Random) -> Way:
    way = Way(
        admissions=chance.choice(("spells", "spells", "spells", "first_episodes")),
        transfers=chance.choice(("separate", "join")),
        rule=chance.choice(("match", "codes", "match_or_codes", "everyone")),
        at=chance.choice(("admission", "discharge", "either")),
        unfinished=chance.choice(("leave_out", "keep")),
        least_age=chance.choice((None, 65)),
    )
    firsts = way.admissions == "first_episodes"
    return replace(way, transfers="separate", at="admission") if firsts else way


def drawn_cells(chance: random.Random, persons: list[str], blank: float) -> Cells:
    def cell(pool: Iterable[str]) -> str:
        return "" if chance.random() < blank else chance.choice(list(pool))

    admitted = cell(DAYS)
    near = [str((day(admitted) or date(2023, 6, 1)) + timedelta(days=n)) for n in (0, 0, 1, 3)]
    dates = {"EPISTART": cell(near), "EPIEND": cell(near), "DISDATE": cell(near)}
    odd = {1: "1800-01-01", 2: "2023-02-30"}.get(chance.randrange(25), admitted)
    cells = {heading: cell(pool) for heading, pool in POOLS.items()}
    return {"TOKEN_PERSON_ID": cell(persons), "ADMIDATE": odd, **dates, **cells}


def drawn_extract(chance: random.Random, number: int) -> list[Cells]:
    """Return records of a few persons, many of them much like another."""
    persons = [f"{number}-{n}" for n in range(chance.randint(1, 5))]
    blank = chance.choice((0, 0.03, 0.2))
    records: list[Cells] = []
    for _ in range(chance.randint(1, 24)):
        cells = drawn_cells(chance, persons, blank)
        if records and chance.random() < 0.4:
            other = chance.choice(records)
            changed = chance.sample(sorted(cells), chance.randint(0, 4))
            cells = {**other, **{heading: cells[heading] for heading in changed}}
        records.append(cells)
    return records


def drawn_files(chance: random.Random, *, keys: bool) -> dict[str, pl.DataFrame]:
    """Return two files, each without some columns; without keys many records are ties."""
    records = [cells for n in range(EXTRACTS) for cells in drawn_extract(chance, n)]
    chance.shuffle(records)
    for n, cells in enumerate(records):
        cells["EPIKEY"] = f"{n if keys else n % 3:05d}"
    half = len(records) // 2
    files = {"one": pl.DataFrame(records[:half]), "two": pl.DataFrame(records[half:])}
    return {
        name: file.drop([heading for heading in OPTIONAL if chance.random() < 0.1])
        for name, file in files.items()
    }


# ------------------------------------------------------------------ by hand


def absent(files: dict[str, pl.DataFrame]) -> frozenset[str]:
    return frozenset(
        column
        for column, heading in LACKED.items()
        if any(heading not in file.columns for file in files.values())
    )


def seen(files: dict[str, pl.DataFrame]) -> list[Seen]:
    """Return the records; by their cells alone the definition says which it looks at."""
    list_of_codes = definition("nhsof_2_3_i")
    lacking = absent(files)
    found = []
    for file in files.values():
        episodes = to_episodes(lazy(file), LAYOUTS["hes_apc"], columns={}).frame
        asked = is_admission(list_of_codes, lacking=lacking)
        truths = episodes.select(a=asked, b=is_avoidable(list_of_codes, lacking=lacking))
        told = truths.to_native().collect().rows()
        for cells, (one, other) in zip(file.to_dicts(), told, strict=True):
            once_a_day = one and "discharged" not in lacking
            found.append(Seen(cells=cells, asked=once_a_day, is_avoidable=other))
    return found


def of_its_own(record: Seen, way: Way) -> str | None:
    """Return why a record can be no admission, whatever the others are."""
    if not record["TOKEN_PERSON_ID"]:
        return "no_person"
    if record.admitted is None:
        return "bad_date" if record["ADMIDATE"] == "2023-02-30" else "no_date"
    if way.transfers == "separate" and (outside := out_of_window(record)):
        return outside
    if way.unfinished == "leave_out" and record["EPISTAT"] in ("1", "9"):
        return "unfinished"
    return "not_first" if way.admissions == "first_episodes" and record.order != 1 else None


def out_of_window(record: Seen) -> str | None:
    admitted = record.admitted or NEVER
    return "before" if admitted < FIRST else "after" if admitted >= AFTER else None


def no_admission(record: Seen, way: Way) -> str | None:
    """Return why a spell is no emergency admission of a resident."""
    if record.method in ("", "98", "99"):
        return "method_unknown"
    if record.method not in EMERGENCIES:
        return "not_emergency" if record.method in OTHERS else "method_no_code"
    if outside := out_of_window(record):
        return outside
    if way.least_age is not None and record["STARTAGE"] in ("", "999"):
        return "ageless"
    if way.least_age is not None and record["STARTAGE"] != "84":
        return "young"
    return no_resident(record, way)


def no_resident(record: Seen, way: Way) -> str | None:
    if way.rule == "everyone":
        return None
    codes = CODE_SETS["nhse_2020"].codes
    came, went = record["ADMISORC"] in codes, record.went_to in codes
    coded = {"admission": came, "discharge": went, "either": came or went}[way.at]
    if way.rule == "match":
        return {"1": None, "": "no_match"}.get(record["CH"], "not_resident")
    if record["ADMINCAT"] == "02":
        return "private"
    matched = way.rule == "match_or_codes" and record["CH"] == "1"
    return None if matched or coded else "not_resident"


def groups(records: list[Seen], key: Callable[[Seen], Hashable]) -> list[list[Seen]]:
    found: dict[Hashable, list[Seen]] = defaultdict(list)
    for record in records:
        if record.fate is None:
            found[key(record)].append(record)
    return list(found.values())


def join_spells(records: list[Seen]) -> None:
    for same in groups(records, lambda record: record.episode):
        for record in sorted(same, key=lambda record: record.preferred)[1:]:
            record.fate = "repeated"
    for spell in groups(records, lambda record: record.spell):
        first, *later = sorted(spell, key=lambda record: record.sorted_by)
        first.went_to = (later or [first])[-1]["DISDEST"]
        first.ended = max((end for r in spell if (end := day(r["DISDATE"]))), default=None)
        for record in later:
            record.fate = "later_episode"


def join_stays(records: list[Seen]) -> None:
    for person in groups(records, lambda record: record["TOKEN_PERSON_ID"]):
        spells = sorted(person, key=lambda r: (r.admitted, r.ended or NEVER, *r.sorted_by))
        heads, last_of = [spells[0]], {0: spells[0].went_to}
        for before, record in pairwise(spells):
            soon = before.ended and before.ended + timedelta(days=3) >= (record.admitted or NEVER)
            moved = before.went_to in HOSPITALS or record["ADMISORC"] in HOSPITALS
            if soon and (moved or record.method in ("2B", "81")):
                record.fate = "transfer"
            else:
                heads.append(record)
            last_of[len(heads) - 1] = record.went_to
        for n, head in enumerate(heads):
            head.went_to = last_of[n]


def by_hand(files: dict[str, pl.DataFrame], way: Way) -> list[Seen]:
    """Return every record with its fate; those without one are counted."""
    records = seen(files)
    for record in records:
        record.fate = of_its_own(record, way)
        record.went_to, record.ended = record["DISDEST"], day(record["DISDATE"])
    if way.admissions == "spells":
        join_spells(records)
    if way.transfers == "join":
        join_stays(records)
    for record in records:
        record.fate = record.fate or no_admission(record, way)
    for same_day in groups(records, lambda r: (r["TOKEN_PERSON_ID"], r.admitted, r.asked)):
        longest = sorted(same_day, key=lambda r: (-(r.ended or date.min).toordinal(), *r.sorted_by))
        for record in longest[1:] if longest[0].asked else ():
            record.is_avoidable = False
    for record in records:
        place = record["CCG_RESIDENCE"]
        nowhere = None if place in UNITS else NO_UNIT.get(place, "place_not_listed")
        record.fate = record.fate or nowhere
    return records


# ------------------------------------------------------------------ held to it

Found = tuple[dict[str | None, int], dict[tuple[str, str], tuple[int, int]]]


def found_by_hand(files: dict[str, pl.DataFrame], way: Way) -> Found:
    records = by_hand(files, way)
    cells: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for record in records:
        if record.fate is None:
            at = (UNITS[record["CCG_RESIDENCE"]], str(record.admitted)[:7])
            cells[at] = (cells[at][0] + 1, cells[at][1] + record.is_avoidable)
    return dict(Counter(record.fate for record in records)), dict(cells)


def found_in(built: Built) -> Found:
    told = built.tables.panel.filter(pl.col("emergency_admissions") > 0)
    rows = {(unit, period): tuple(counts) for unit, period, *counts in told.iter_rows()}
    return dict(built.tables.fates.iter_rows()), rows


def cells_in_bins(files: dict[str, pl.DataFrame], study: Study, sizes: tuple[int, int]) -> Found:
    """Return what is counted where little is linked at once, in bins on disk."""
    plan = make_plan(study)
    query = Query(plan=plan, lacking=absent(files))
    columns = plan.settings.columns
    at_once, bins = sizes
    settled = {
        name: query.settled(to_episodes(lazy(file), plan.layout, columns=columns).frame)
        for name, file in files.items()
    }
    counts = count_by_person(settled, query, at_once=at_once, bins=bins)
    fates: Counter[str | None] = Counter()
    cells: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in counts.iter_rows(named=True):
        unit, why = plan.finder.fate(row["place"]) if row["fate"] is None else (None, row["fate"])
        fates[why] += row["records"]
        if unit is not None:
            at = (unit, plan.calendar.code(row["month"]))
            avoidable = row["records"] if row["nhsof_2_3_i"] else 0
            cells[at] = (cells[at][0] + row["records"], cells[at][1] + avoidable)
    return dict(fates), dict(cells)


@pytest.mark.parametrize("seed", range(WAYS))
def test_every_fate_and_cell_is_as_counted_by_hand(seed: int) -> None:
    chance = random.Random(seed)
    way = drawn_way(chance)
    files = drawn_files(chance, keys=True)
    expected = found_by_hand(files, way)
    built = build_panel(way.study(), dict(files))
    assert found_in(built) == expected
    read, used = (
        built.ledger.filter(status=status)["records"].sum() for status in ("read", "used")
    )
    assert read == sum(file.height for file in files.values())
    assert used == expected[0][None] == built.tables.panel["emergency_admissions"].sum()
    sizes = (chance.choice((5, 40, 150)), chance.choice((2, 3, 7)))
    if Query(plan=make_plan(way.study()), lacking=absent(files)).links:
        assert cells_in_bins(files, way.study(), sizes) == expected


@pytest.mark.parametrize("seed", range(WAYS, WAYS + TIED_WAYS))
def test_of_records_that_tie_the_same_are_taken_in_any_order_on_any_engine(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    study = drawn_way(chance).study()
    files = drawn_files(chance, keys=False)
    expected = found_in(build_panel(study, dict(files)))
    shuffled = {name: file.sample(fraction=1, shuffle=True, seed=1) for name, file in files.items()}
    assert found_in(build_panel(study, dict(reversed(shuffled.items())))) == expected
    if Query(plan=make_plan(study), lacking=absent(files)).links:
        assert cells_in_bins(shuffled, study, (40, 3)) == expected
    with duckdb.connect() as connection:
        relations: dict[str, object] = {}
        for name, file in shuffled.items():
            file.write_parquet(tmp_path / name)
            relations[name] = connection.read_parquet(str(tmp_path / name))
        assert found_in(build_panel(study, relations)) == expected
