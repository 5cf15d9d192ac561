"""Whatever is done to a study file, it gives a study or a study error, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluation.errors import StudyError
from evaluation.study import Study, parse_study

PATH = Path("study.toml")
EDITS = 400  # each takes some milliseconds

WHOLE = """\
version = 1
title = "A pilot"
notice = "Synthetic."

[contact]
name = "The team"
email = "team@example.org"

[time]
frequency = "month"
first = "2023-04"
last = "2026-09"

[geography]
register = "icb"
boundaries = "2025-04"

[[sites]]
name = "North"
units = ["QT1", "QJ2"]
starts = "2026-01"

[[sites]]
name = "South"
units = ["E54000015"]
starts = 2026-02-01

[comparison]
units = "others"
exclude = [{ unit = "QUE", reason = "no returns" }]

[[exclude]]
unit = "QWU"
first = "2024-05"
last = "2024-08"
outcome = "stay"
reason = "break"

[[events]]
at = "2024-05"
label = "New definition"

[[outcomes]]
key = "stay"
label = "Long stays"
source = "table"
files = ["stay.csv"]
columns = { unit = "icb", period = "month", count = "long", exposure = "stays" }
measure = "rate"
per = 1000
better = "lower"
role = "primary"
smallest_effect = -5.0
weight = "exposure"
covariates = ["age"]

[[outcomes]]
key = "nctr"
label = "Ready to leave"
source = "acute_discharge_sitrep"
files = ["sitrep/*.csv"]
metric = "nctr"
measure = "count"
role = "secondary"

[analysis]
primary = { estimator = "poisson", procedure = "wild" }
estimators = ["poisson", "twfe"]
procedures = ["cr2", "wild", "randomisation"]
control_group = "never_treated"
draws = 999
level = 0.9
seed = 1
event_window = 12

[costs]
programme = 461000
unit_cost = { stay = 2000 }

[release]
suppress_below = 8
round_to = 5
"""
LINES = WHOLE.splitlines()
PAIRS = [n for n, line in enumerate(LINES) if " = " in line]
VALUES = (
    *('""', '" "', '"x"', '"QT1"', '"2023-04"', "''", '"""\n"""', "0", "1", "-1", "99", "1e400"),
    *("0.5", "-0.0", "nan", "inf", "true", "false", "[]", '["QT1"]', '["QT1", 3]', "[[]]", "{}"),
    *("2023-04-01", "07:30:00", "2023-04-01T07:30:00Z", '{ unit = "QT1" }', '[{ unit = "QT1" }]'),
    *("{ a = { b = { c = 1 } } }", "[1, 'a', {}]", "9" * 30, f"0x{'f' * 5000}", '"\\u0000"', "x"),
    *('"\U0001f600"', '"2026-04"', '"stable"', '"mean"', '"index"', '"table"', '"never_treated"'),
)


def answer(text: str) -> Study | StudyError:
    try:
        return parse_study(text, PATH)
    except StudyError as error:
        return error


def delete_line(n: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[: n % len(lines)] + lines[n % len(lines) + 1 :]


def repeat_line(n: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[: n % len(lines)] + lines[n % len(lines) - 1 :]


def change_value(n: int, value: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        n_th = n % len(lines)
        key = lines[n_th].partition(" = ")[0]
        return [*lines[:n_th], f"{key} = {value}", *lines[n_th + 1 :]]

    return change


def misspell(n: int, at: int, letter: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        n_th = n % len(lines)
        line = lines[n_th]
        cut = at % (len(line) + 1)
        return [*lines[:n_th], line[:cut] + letter + line[cut + 1 :], *lines[n_th + 1 :]]

    return change


def move_line(n: int, to: int) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        rest = delete_line(n)(lines)
        cut = to % (len(rest) + 1)
        return [*rest[:cut], lines[n % len(lines)], *rest[cut:]]

    return change


NUMBER = st.integers(0, 10_000)
DAMAGE = st.lists(
    st.one_of(
        st.builds(delete_line, NUMBER),
        st.builds(repeat_line, NUMBER),
        st.builds(move_line, NUMBER, NUMBER),
        st.builds(change_value, st.sampled_from(PAIRS), st.sampled_from(VALUES)),
        st.builds(misspell, NUMBER, NUMBER, st.sampled_from("ae_-. ='\"[]{}#1\\\n")),
    ),
    min_size=1,
    max_size=6,
)


def test_the_study_to_be_damaged_is_right() -> None:
    assert isinstance(answer(WHOLE), Study)


@settings(max_examples=EDITS, deadline=None)
@given(damage=DAMAGE)
def test_a_damaged_study_gives_a_study_or_a_study_error(
    damage: list[Callable[[list[str]], list[str]]],
) -> None:
    lines = LINES
    for change in damage:
        lines = change(lines) or [""]
    found = answer("\n".join(lines))
    if isinstance(found, Study):
        assert parse_study(found.text, found.path) == found
    else:
        assert_is_told(found)


@settings(max_examples=EDITS, deadline=None)
@given(n=st.sampled_from(PAIRS), value=st.sampled_from(VALUES))
def test_any_value_anywhere_gives_a_study_or_a_study_error(n: int, value: str) -> None:
    found = answer("\n".join(change_value(n, value)(LINES)))
    assert isinstance(found, Study) or found.exit_code == StudyError.exit_code


@settings(max_examples=EDITS, deadline=None)
@given(text=st.text())
@example("x = 0x" + "f" * 5000)
@example("[" * 5000)
@example("a.b.c.d = 1\na.b = 2")
def test_any_text_gives_a_study_error(text: str) -> None:
    found = answer(text)
    assert isinstance(found, StudyError)
    assert_is_told(found)


def test_every_key_left_out_gives_a_study_or_one_clear_error() -> None:
    for n in PAIRS:
        found = answer("\n".join(delete_line(n)(LINES)))
        if isinstance(found, StudyError):
            key = LINES[n].partition(" = ")[0]
            assert_is_told(found)
            assert key in str(found), f"without {LINES[n]!r}: {found}"


def test_every_key_misspelt_is_told_with_the_key_that_was_meant() -> None:
    for n in PAIRS:
        key, _, value = LINES[n].partition(" = ")
        wrong = f"{key}{key[-1]}"
        found = answer("\n".join([*LINES[:n], f"{wrong} = {value}", *LINES[n + 1 :]]))
        assert isinstance(found, StudyError)
        assert found.mistakes == (), f"{wrong}: {found}"
        assert found.place.endswith(wrong)
        assert found.remedy == f"Did you mean '{key}'?"


def test_every_key_given_a_table_is_told_at_its_place() -> None:
    for n in PAIRS:
        key = LINES[n].partition(" = ")[0]
        found = answer("\n".join(change_value(n, "{ zzz = [1] }")(LINES)))
        assert isinstance(found, StudyError)
        places = [mistake.place for mistake in found.mistakes or (found,)]
        assert any(re.search(rf"\b{key}\b", place) for place in places), f"{key}: {found}"


def assert_is_told(error: StudyError) -> None:
    for mistake in error.mistakes or (error,):
        assert mistake.place.startswith("study.toml")
        assert mistake.problem
        assert mistake.remedy
        assert not re.search("pydantic|Traceback|_type|Input should|NoneType", str(mistake))
