"""What `pilot-eval panel` prints: no small count, and none that could be had from the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.cli.panel import command
from evaluation.disclosure.overlaps import overlap_figures
from evaluation.disclosure.rule import SUPPRESSED, Rule
from evaluation.disclosure.tallies import EXACT, ledger_figures, note_words
from evaluation.records.exclusions import STAGES, Reason, Stage, ledger
from evaluation.records.notes import CountNote

RULE = Rule(suppress_below=8, round_to=5)
LEAST, MOST = 1, 7
# The solver's own tolerance is 1e-7, on counts up to some hundreds.
SLACK = 1e-4
FloatArray = NDArray[np.float64]


def span(sought: FloatArray, known: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Return the least and the most of a sum of counts, for who knows other sums exactly."""
    least, most = (
        linprog(sign * sought, A_eq=known, b_eq=values, bounds=(0, None)) for sign in (1.0, -1.0)
    )
    assert least.fun is not None
    top = np.inf if most.fun is None else -most.fun
    return float(least.fun), float(top)


def hides_nothing_narrower(found: tuple[float, float]) -> bool:
    return found[0] <= LEAST + SLACK and found[1] >= MOST - SLACK


# ------------------------------------------------------------------ the ledger


def tally(left_out: Sequence[Sequence[int]], used: int) -> pl.DataFrame:
    """Return the ledger of a run that left so many out in each stage."""
    stages: list[Stage] = list(STAGES)
    reasons = [
        Reason(key=f"{stage} {n}", stage=stage, words=f"{stage} {n}")
        for stage, gone in zip(stages, left_out, strict=True)
        for n in range(len(gone))
    ]
    counts: dict[str | None, int] = {None: used}
    for stage, gone in zip(stages, left_out, strict=True):
        counts |= {f"{stage} {n}": count for n, count in enumerate(gone)}
    return ledger(reasons, counts)


def sums(table: pl.DataFrame) -> Iterator[tuple[int, FloatArray]]:
    """Yield each line of a ledger as a sum of what was left out and what was used."""
    parts = [row for row, status in enumerate(table["status"]) if status in ("left out", "used")]
    for row, status in enumerate(table["status"]):
        if status in ("left out", "used"):
            yield row, np.array([float(part == row) for part in parts])
        else:
            yield row, np.array([float(part > row or status == "read") for part in parts])


def test_lines_of_a_ledger_are_rounded_and_small_ones_suppressed() -> None:
    table = tally([[3, 12, 0], [], [4], [41]], 100)
    shown = ledger_figures(table, RULE)
    said = dict(zip(table["reason"], shown, strict=True))
    assert said["records 0"] == said["spells 0"] == SUPPRESSED
    assert said["records 2"] == 0
    assert said["counted in the panel"] == 100
    # Alone in its stage, 4 is what the lines before and after differ by: they do not show it.
    assert SUPPRESSED in (said["spells"], said["emergency admissions"])


def test_a_ledger_without_small_counts_loses_nothing_but_digits() -> None:
    table = tally([[30, 12], [8], [13], []], 101)
    assert ledger_figures(table, RULE) == (165, 30, 10, 120, 10, 115, 15, 100, 100)


def test_restricted_figures_are_the_ledger() -> None:
    table = tally([[3, 12, 0], [], [4], [41]], 100)
    assert list(ledger_figures(table, EXACT)) == table["records"].to_list()


COUNTS = st.one_of(st.integers(0, 9), st.integers(0, 60))


@settings(deadline=None, max_examples=80)
@given(
    left_out=st.lists(st.lists(COUNTS, max_size=4), min_size=len(STAGES), max_size=len(STAGES)),
    used=st.integers(1, 60),
)
def test_no_small_line_of_a_ledger_can_be_had_from_the_others(
    left_out: list[list[int]], used: int
) -> None:
    table = tally(left_out, used)
    shown, lines = ledger_figures(table, RULE), dict(sums(table))
    known = [row for row, figure in enumerate(shown) if figure != SUPPRESSED]
    matrix = np.array([lines[row] for row in known] or [np.zeros_like(lines[0])])
    values = np.array([float(table["records"][row]) for row in known] or [0.0])
    for row, count in enumerate(table["records"]):
        if LEAST <= count <= MOST:
            assert shown[row] == SUPPRESSED
            assert hides_nothing_narrower(span(lines[row], matrix, values))


# ------------------------------------------------------------------ definitions


def flags(counts: Sequence[int]) -> pl.DataFrame:
    """Return counts of each way in which 2 or more definitions may count an admission."""
    width = (len(counts) - 1).bit_length()
    rows = [(*row, n) for row, n in zip(product((False, True), repeat=width), counts, strict=True)]
    names = [*"abcdefghij"[:width], "admissions"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_pair_with_a_small_quarter_is_suppressed_and_others_are_rounded() -> None:
    # 3 by both, 52 and 61 by one, 411 by neither.
    shown = overlap_figures(flags([411, 61, 52, 3]), RULE)
    assert shown.avoidable == {"a": 55, "b": 65}
    (pair,) = shown.pairs
    assert {pair[name] for name in ("both", "only_definition", "either")} == {SUPPRESSED}
    assert pair["agreement"] is None


def test_shares_are_of_what_is_shown() -> None:
    (pair,) = overlap_figures(flags([411, 61, 52, 33]), RULE).pairs
    assert (pair["both"], pair["either"], pair["neither"]) == (35, 145, 410)
    assert pair["agreement"] == 35 / 145


def test_all_but_a_few_are_as_telling_as_a_few() -> None:
    shown = overlap_figures(flags([3, 0, 52, 40]), RULE)
    assert shown.avoidable == {"a": SUPPRESSED, "b": 40}


def test_a_pair_that_would_give_a_small_quarter_away_is_suppressed_too() -> None:
    # b is within a, which has 12 besides; c has 16, none of them of b, so at least 4 not of a: 4.
    shown = overlap_figures(flags([40, 4, 0, 0, 0, 12, 48, 0]), RULE)
    assert [pair["both"] for pair in shown.pairs] == [SUPPRESSED, SUPPRESSED, 0]
    assert shown.avoidable == {"a": 60, "b": 50, "c": 15}


def test_restricted_figures_are_the_counts() -> None:
    shown = overlap_figures(flags([3, 2, 5, 1]), EXACT)
    assert shown.avoidable == {"a": 6, "b": 3}
    (pair,) = shown.pairs
    assert [pair[q] for q in ("both", "only_definition", "only_other", "neither")] == [1, 5, 2, 3]
    assert (pair["either"], pair["agreement"]) == (8, 1 / 8)


@pytest.mark.parametrize("width", [2, 3])
@settings(deadline=None, max_examples=50)
@given(drawn=st.data())
def test_no_small_count_of_definitions_can_be_had_from_the_others(
    width: int, drawn: st.DataObject
) -> None:
    counts = drawn.draw(st.lists(COUNTS, min_size=2**width, max_size=2**width))
    shown = overlap_figures(flags(counts), RULE)
    cells = np.array(list(product((False, True), repeat=width)))
    names = "abcdefghij"[:width]
    of = {name: cells[:, n] for n, name in enumerate(names)}
    pairs = {(str(pair["definition"]), str(pair["other"])): pair for pair in shown.pairs}
    # The ledger says how many there are, if they are not few.
    known = [np.ones(len(cells)) * (sum(counts) > MOST)]
    known += [of[n].astype(float) for n in names if shown.avoidable[n] != SUPPRESSED]
    known += [
        (of[a] & of[b]).astype(float) for (a, b), p in pairs.items() if p["both"] != SUPPRESSED
    ]
    matrix, values = np.array(known), np.array(known) @ np.array(counts, dtype=float)
    every_pair = all(pair["both"] == SUPPRESSED for pair in pairs.values())
    for a, b in combinations(names, 2):
        for quarter in (of[a] & of[b], of[a] & ~of[b], ~of[a] & of[b], ~of[a] & ~of[b]):
            if LEAST <= np.array(counts)[quarter].sum() <= MOST:
                found = span(quarter.astype(float), matrix, values)
                assert pairs[a, b]["both"] == SUPPRESSED
                # Where all are suppressed nothing says which is small, and none is known.
                assert found[1] > max(found[0], MOST) - SLACK
                assert every_pair or hides_nothing_narrower(found)


# ------------------------------------------------------------------ notes


def test_a_note_shows_its_counts_as_they_may_be_shown() -> None:
    few = CountNote(parts=("2 codes: QZZ (", 3, "), QYY (", 44, ")."))
    many = CountNote(parts=("In ", 1234, " records."))
    notes = (few.said(), "No figure.", many.said())
    assert notes[0] == "2 codes: QZZ (3), QYY (44)."
    assert note_words(notes, (few, many), RULE) == (
        "2 codes: QZZ ([c]), QYY ([c]).",
        "No figure.",
        "In 1,235 records.",
    )
    assert note_words(notes, (few, many), EXACT) == notes


def test_a_note_does_not_leave_a_small_count_over() -> None:
    # Of the 44 that the ledger tells, one code has 41, so that 3 are of others.
    note = CountNote(parts=("QZZ (", 41, ") and others."), rest=3)
    assert note_words((note.said(),), (note,), RULE) == ("QZZ ([c]) and others.",)


# ------------------------------------------------------------------ the command

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
files = ["hes.csv"]
definitions = ["cqc_2013_iau", "nhsof_3a", "iif_ac_02"]
residents = { rule = "everyone" }
"""
HEADER = (
    "TOKEN_PERSON_ID,PROCODET,PROVSPNOPS,ADMIDATE,ADMIMETH,STARTAGE,SEX,EPIORDER,EPISTAT,EPITYPE,"
    "CLASSPAT,CCG_RESIDENCE,DIAG_01,OPERTN_01"
)
# How many, when, by which method, from where, with which diagnosis.
ADMISSIONS = (
    (45, "2023-04-03", "21", "02P", "N390"),
    (12, "2023-04-09", "21", "02P", "J449"),
    (40, "2023-06-03", "21", "02P", "Z719"),
    (3, "2023-04-04", "21", "B2M3M", "J189"),
    (4, "2023-06-04", "21", "B2M3M", "J459"),
    (2, "2023-05-04", "66", "B2M3M", "N390"),
    (5, "2023-05-05", "11", "B2M3M", "N390"),
    (1, "", "21", "B2M3M", "N390"),
    (6, "2023-06-05", "21", "QZZ", "N390"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a study with a few records of everything that is counted."""
    rows = [
        f"p{kind}_{n},RX1,{kind}{n},{day},{method},84,2,1,3,1,1,{place},{code},-"
        for kind, (many, day, method, place, code) in enumerate(ADMISSIONS)
        for n in range(many)
    ]
    # Without the few records of May that are of another provider, RX1 sends nothing in it.
    rows = [row.replace(",RX1,", ",RX2,") if ",2023-05" in row else row for row in rows]
    (tmp_path / "hes.csv").write_text("\n".join((HEADER, *rows, "")), encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def printed(folder: Path, *words: str) -> str:
    called = CliRunner().invoke(command, [str(folder), *words], catch_exceptions=False)
    assert called.exit_code == 0
    return called.stdout


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def small(words: str) -> list[int]:
    """Return the counts from 1 to 7 of the ledger and the definitions."""
    told = words.split("What to know")[0]
    found = re.findall(r"(?:^ +| of +)(\d[\d,]*)", told, re.MULTILINE)
    assert len(found) > 10, "the lines are written otherwise"
    return [int(n) for n in found if LEAST <= int(n.replace(",", "")) <= MOST]


def test_no_small_count_is_printed_unless_it_is_asked_for(folder: Path) -> None:
    shown, asked = printed(folder), printed(folder, "--restricted")
    assert small(shown.replace(SUPPRESSED, "0")) == []
    assert {1, 5, 6} <= set(small(asked))
    assert "In [c] records a program had made" in shown
    assert "In 2 records a program had made" in asked
    assert "QZZ ([c])" in shown
    assert "QZZ (6)" in asked
    assert "from 1 to 7" in shown
    assert "before disclosure control: the same holds" in unwrapped(asked)
    assert shown.count("RESTRICTED") == asked.count("RESTRICTED") == 1


def test_machines_get_no_small_count_unless_they_ask(folder: Path) -> None:
    shown, asked = (json.loads(printed(folder, "--json", *w)) for w in ((), ("--restricted",)))
    for line in shown["ledger"]:
        assert line["records"] in (0, SUPPRESSED) or line["records"] % 5 == 0
    assert SUPPRESSED in {line["records"] for line in shown["ledger"]}
    assert {1, 5, 6} <= {line["records"] for line in asked["ledger"]}
    figures = [*shown["avoidable"].values()]
    figures += [p[name] for p in shown["disagreement"] for name in p if name in ("both", "either")]
    assert SUPPRESSED in figures
    assert all(figure == SUPPRESSED or figure % 5 == 0 for figure in figures)
    assert any(LEAST <= p["only_other"] <= MOST for p in asked["disagreement"])
    assert "share" not in shown["gaps"][0]
    assert 0 < asked["gaps"][0]["share"] <= 1
    assert "In [c] records" in " ".join(shown["notes"])


def test_the_files_are_exact_either_way(folder: Path) -> None:
    home = folder / "panel" / "restricted"
    printed(folder)
    before = {path.name: path.read_bytes() for path in home.iterdir() if path.suffix != ".parquet"}
    printed(folder, "--restricted")
    assert before == {name: (home / name).read_bytes() for name in before}
    assert pl.read_csv(home / "ledger.csv")["records"].sum() > 0
    assert "QZZ (6)" in (home / "notes.txt").read_text(encoding="utf-8")


def test_the_rule_is_that_of_the_study(folder: Path) -> None:
    path = folder / "study.toml"
    path.write_text(f"{STUDY}\n[release]\nsuppress_below = 0\nround_to = 1\n", encoding="utf-8")
    assert "QZZ (6)" in printed(folder)
