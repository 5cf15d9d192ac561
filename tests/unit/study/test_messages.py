"""Every way to get a study file wrong, with the whole of what is said about it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluation.errors import StudyError

Edits = list[tuple[str, str]]

# Words of the library that reads values, of Python, and of programmers.
JARGON = (
    "pydantic",
    "validation",
    "literal",
    "tuple",
    "dict",
    "NoneType",
    "datetime",
    "instance",
    "extra inputs",
    "input should",
    "value error",
    "string_",
    "_type",
    "regex",
    "pattern",
    "<class",
    "None",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Edits that spoil the study file of ``conftest.py``, and the message then."""

    group: str
    name: str
    edits: Edits
    message: str


def _cases() -> list[Case]:
    return [
        Case(
            group=file.stem,
            name=name,
            edits=[(old, new) for old, new in case["edits"]],
            message=case["message"],
        )
        for file in sorted((Path(__file__).parent / "messages").glob("*.toml"))
        for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items()
    ]


CASES = _cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_a_mistake_is_told_whole(case: Case, refused: Callable[[Edits], StudyError]) -> None:
    error = refused(case.edits)
    assert str(error) == case.message
    assert bool(error.mistakes) == (case.group == "several")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_a_mistake_has_all_four_parts_and_no_jargon(
    case: Case, refused: Callable[[Edits], StudyError]
) -> None:
    error = refused(case.edits)
    for mistake in error.mistakes or (error,):
        assert mistake.place.startswith("study.toml, ")
        assert mistake.problem
        assert mistake.allowed
        assert mistake.remedy
        assert not [word for word in JARGON if word in str(mistake)]


def test_all_mistakes_of_a_file_are_held_one_by_one(
    refused: Callable[[Edits], StudyError],
) -> None:
    error = refused([("version = 1", "version = 2"), ('"A pilot"', "3"), ('"2026-01"', '"May"')])
    assert error.place == "study.toml"
    assert [mistake.place for mistake in error.mistakes] == [
        "study.toml, version",
        "study.toml, title",
        'study.toml, [[sites]] 1 "North", starts',
    ]
    assert str(error).count("\n- study.toml, ") == 3
