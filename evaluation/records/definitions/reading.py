"""From a definition's file to a :class:`Definition`, or to an error that says what is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from evaluation.errors import StudyError
from evaluation.records.definitions.codes import Codes
from evaluation.records.definitions.model import (
    Admissions,
    Condition,
    Definition,
    Mark,
    Position,
    Where,
)

__all__ = ["parse_definition", "read_definition"]

_SHORTEST_DIAGNOSIS = 3
_DIAGNOSES: tuple[Position, ...] = ("primary", "secondary", "any")
_PROCEDURES: tuple[Position, ...] = ("first", "any")
_CODES = (
    'a list of beginnings of codes: "J45", "J4[56]", "E1[0-4][0-8]"; diagnoses with three places '
    "or four, without the padding X"
)
_MONTH = re.compile(r"(?:0[1-9]|1[0-2])\d{4}")
_START = "Compare with the definitions in evaluation/records/definitions."


def read_definition(path: Path) -> Definition:
    """Read a definition of one's own, or one that ships with this package.

    Parameters
    ----------
    path : Path
        A TOML file; its name without ``.toml`` is the definition's key.

    Raises
    ------
    StudyError
        When it cannot be read or is not a definition.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"cannot be read as a definition ({error})",
            place=str(path),
            allowed="a text file in UTF-8 that you may read",
            remedy=_START,
        ) from error
    return parse_definition(text, key=path.stem, place=str(path))


def parse_definition(text: str, *, key: str, place: str) -> Definition:
    """Parse the text of a definition's file.

    Raises
    ------
    StudyError
        With the key, the value and what is allowed.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"is not TOML ({error})", place=place, remedy=_START) from error
    top = _Table(tree, place)
    conditions = tuple(_condition(part) for part in top.tables("conditions"))
    definition = Definition(
        key=key,
        title=top.text("title"),
        short_title=top.text("short_title"),
        population=top.text("population"),
        mark=top.mark(),
        source=top.text("source"),
        admissions=_admissions(top.table("admissions")),
        conditions=conditions,
        notes=top.texts("notes"),
        not_applied=top.texts("not_applied"),
    )
    top.refuse_unread()
    keys = [condition.key for condition in conditions]
    for repeated in {name for name in keys if keys.count(name) > 1}:
        raise StudyError(f"two conditions have the key {repeated!r}", place=place)
    if any(c.mark == "U" for c in conditions) and definition.mark != "U":
        raise StudyError(
            f"has the mark {definition.mark!r}, and conditions whose codes are not verified",
            place=place,
            allowed='"U" for the whole where a condition has it',
        )
    return definition


def _admissions(table: _Table) -> Admissions:
    methods = table.codes("methods", shortest=2)
    if methods is None:
        raise table.missing("methods", 'a list of methods of admission: "21", "2[A-D]"')
    admissions = Admissions(
        methods=methods,
        mark=table.mark(),
        source=table.text("source"),
        episode_status=table.texts("episode_status"),
        episode_types=table.texts("episode_types"),
        patient_classes=table.texts("patient_classes"),
        sexes=table.texts("sexes"),
        first_episode=table.flag("first_episode"),
        one_a_day=table.flag("one_a_day"),
        least_age=table.whole("least_age"),
        most_age=table.whole("most_age"),
        without_sources=table.codes("without_sources", shortest=2),
        without_categories=table.codes("without_categories", shortest=2),
        without_specialties=table.codes("without_specialties", shortest=3),
        without_births=table.months("without_births"),
        notes=table.texts("notes"),
    )
    table.refuse_unread()
    return admissions


def _condition(table: _Table) -> Condition:
    diagnosis = Where(
        codes=table.needed_codes(_SHORTEST_DIAGNOSIS), position=table.position(_DIAGNOSES)
    )
    condition = Condition(
        key=table.text("key"),
        label=table.text("label"),
        diagnosis=diagnosis,
        mark=table.mark(),
        needs=_where(table, "needs", _DIAGNOSES, _SHORTEST_DIAGNOSIS),
        without=_where(table, "without", _DIAGNOSES, _SHORTEST_DIAGNOSIS),
        without_procedures=_where(table, "without_procedures", _PROCEDURES, 1),
        note=table.text("note", default=""),
    )
    table.refuse_unread()
    return condition


def _where(table: _Table, key: str, positions: tuple[Position, ...], shortest: int) -> Where | None:
    if not table.has(key):
        return None
    inner = table.table(key)
    where = Where(codes=inner.needed_codes(shortest), position=inner.position(positions))
    inner.refuse_unread()
    return where


class _Table:
    """A TOML table that knows where it stands and what of it has been read."""

    def __init__(self, tree: Mapping[str, object], place: str) -> None:
        self._tree = tree
        self._place = place
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        self._read.add(key)
        return key in self._tree

    def missing(self, key: str, allowed: str) -> StudyError:
        return StudyError(f"{key} is missing", place=self._place, allowed=allowed, remedy=_START)

    def _wrong(self, key: str, allowed: str) -> StudyError:
        return StudyError(
            f"{key} is {self._tree[key]!r}", place=self._place, allowed=allowed, remedy=_START
        )

    def _value(self, key: str) -> object:
        self._read.add(key)
        return self._tree.get(key)

    def text(self, key: str, *, default: str | None = None) -> str:
        found = self._value(key)
        if found is None:
            if default is None:
                raise self.missing(key, "a text")
            return default
        if not isinstance(found, str) or not found.strip():
            raise self._wrong(key, "a text that is not empty")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._value(key)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise self._wrong(key, "a list of texts")
        words = tuple(item for item in found if isinstance(item, str) and item.strip())
        if len(words) != len(found):
            raise self._wrong(key, "a list of texts, none of them empty")
        return words

    def months(self, key: str) -> tuple[str, ...]:
        found = self.texts(key)
        if not all(_MONTH.fullmatch(month) for month in found):
            raise self._wrong(key, 'a list of months and years of birth, as HES has them: "011900"')
        return found

    def flag(self, key: str) -> bool:
        found = self._value(key)
        if found is None or isinstance(found, bool):
            return bool(found)
        raise self._wrong(key, "true or false")

    def whole(self, key: str) -> int | None:
        found = self._value(key)
        if found is None or (isinstance(found, int) and not isinstance(found, bool)):
            return found
        raise self._wrong(key, "a whole number of years")

    def mark(self) -> Mark:
        found = self.text("mark")
        for mark in get_args(Mark):
            if mark == found:
                known: Mark = mark
                return known
        raise self._wrong("mark", '"V" (verified), "P" (partly) or "U" (not verified)')

    def position(self, allowed: tuple[Position, ...]) -> Position:
        found = self.text("position")
        for position in allowed:
            if position == found:
                return position
        raise self._wrong("position", ", ".join(f'"{position}"' for position in allowed))

    def codes(self, key: str, *, shortest: int) -> Codes | None:
        if not self.has(key):
            return None
        codes = Codes(written=self.texts(key))
        try:
            beginnings = codes.beginnings
        except ValueError as error:
            raise self._wrong(key, _CODES) from error
        if not beginnings or min(len(code) for code in beginnings) < shortest:
            raise self._wrong(key, _CODES)
        return codes

    def needed_codes(self, shortest: int) -> Codes:
        codes = self.codes("codes", shortest=shortest)
        if codes is None:
            raise self.missing("codes", _CODES)
        return codes

    def table(self, key: str) -> _Table:
        found = self._value(key)
        if found is None:
            raise self.missing(key, f"a section [{key}]")
        if not isinstance(found, dict):
            raise self._wrong(key, f"a section [{key}]")
        return _Table(found, f"{self._place}, {key}")

    def tables(self, key: str) -> list[_Table]:
        found = self._value(key)
        if not isinstance(found, list) or not found or not all(isinstance(t, dict) for t in found):
            raise self.missing(key, f"sections [[{key}]], at least one")
        return [_Table(part, f"{self._place}, {key} {n}") for n, part in enumerate(found, start=1)]

    def refuse_unread(self) -> None:
        for key in self._tree:
            if key not in self._read:
                raise StudyError(
                    f"there is no key {key!r} here",
                    place=self._place,
                    allowed=", ".join(sorted(self._read)),
                )
