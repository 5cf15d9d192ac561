"""What to write in place of a value that is wrong, and what would have been allowed."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from evaluation.periods import Calendar, Frequency
from evaluation.study.keys import Key, choices, core, is_array, is_period, nested_model
from evaluation.study.mistakes import Loc, listed, nearest, written

__all__ = ["Spot", "allowed_words", "remedy_for_absent", "remedy_for_value"]

# "index" is left out: a whole number may be a year as well.
_DATED: tuple[Frequency, ...] = ("month", "quarter", "year", "financial_year")
_PER_CENT = 100
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_LONGEST = 200  # an example is there to be copied


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A key of the file: ``at`` is its place, ``inside`` leads to an item of its value.

    ``calendar`` is that of the study; None where its frequency is wrong.
    """

    at: Loc
    field: FieldInfo
    key: Key
    calendar: Calendar | None
    inside: Loc = ()

    @property
    def name(self) -> str:
        """The key, or the entry of the table that it takes."""
        return [step for step in (self.at[-1], *self.inside) if isinstance(step, str)][-1]

    @property
    def example(self) -> str:
        """An accepted value, as TOML writes it."""
        if is_period(self.field) and self.calendar is not None:
            return self.calendar.example
        example = self.key.example
        if self.inside and isinstance(example, Mapping):
            return written(next(iter(example.values())))
        return written(example, longest=_LONGEST)

    @property
    def wanted(self) -> frozenset[object]:
        """The kinds of value that are taken here: str, int, float, tuple, dict or a model."""
        inner = core(self.field.annotation)
        origin = get_origin(inner)
        if self.inside and origin in (tuple, dict):
            inner = core(get_args(inner)[0 if origin is tuple else 1])
        return frozenset(_kinds(inner))


def _kinds(inner: object) -> list[object]:
    origin = get_origin(inner)
    if origin in (Union, types.UnionType):
        return [kind for part in get_args(inner) for kind in _kinds(core(part))]
    if origin is Literal:
        return [type(value) for value in get_args(inner)]
    return [origin or inner]


def allowed_words(spot: Spot) -> str:
    """Return what is accepted, in words."""
    if is_period(spot.field) and spot.calendar is not None:
        return _period_words(spot.calendar)
    return spot.key.allowed or listed(choices(spot.field))


def _period_words(calendar: Calendar) -> str:
    if calendar.frequency == "index":
        return f"a whole number, like {calendar.example}"
    return f"a {calendar.frequency.replace('_', ' ')}, written like {calendar.example}"


def remedy_for_absent(spot: Spot) -> str:
    """Return what to add for a key that is required and absent."""
    if len(spot.at) > 1 or nested_model(spot.field) is None:
        return f"Add {spot.name} = {spot.example}"
    example = spot.key.example
    table = example[0] if isinstance(example, list) else example
    keys = table if isinstance(table, Mapping) else {}
    inside = ", ".join(f"{key} = {written(value, longest=_LONGEST)}" for key, value in keys.items())
    return f"Add a section {_header(spot)} with {inside}"


def _header(spot: Spot) -> str:
    return f"[[{spot.name}]]" if is_array(spot.field) else f"[{spot.name}]"


def remedy_for_value(spot: Spot, value: object) -> str:
    """Return what to write in place of ``value``."""
    advisers = (_near_choice, _period, _number, _text, _list, _section)
    found = (advice for adviser in advisers if (advice := adviser(spot, value)))
    return next(found, f"Write for example {spot.name} = {spot.example}")


def _near_choice(spot: Spot, value: object) -> str:
    known = [str(c) for c in choices(spot.field) if isinstance(c, str)]
    near = nearest(value, known) if isinstance(value, str) else ""
    return f'Did you mean "{near}"?' if near else ""


def _period(spot: Spot, value: object) -> str:
    if not is_period(spot.field) or spot.calendar is None:
        return ""
    if spot.calendar.frequency == "index":
        return _number(spot, value)
    for frequency in _DATED:
        if frequency != spot.calendar.frequency and _reads(frequency, value):
            return (
                f'Write it like {spot.calendar.example}, or set frequency = "{frequency}" in [time]'
            )
    return f"Write it like {spot.calendar.example}"


def _reads(frequency: Frequency, value: object) -> bool:
    try:
        Calendar(frequency=frequency).parse(value)
    except ValueError:
        return False
    return not isinstance(value, float)


def _number(spot: Spot, value: object) -> str:
    if not spot.wanted & {int, float} or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        text = value.strip()
        is_meant = _NUMBER.fullmatch(text) and _is_accepted(spot, _read_number(text))
        return f"Write {spot.name} = {text}, without quotes" if is_meant else ""
    if not isinstance(value, int | float):
        return ""
    if spot.name == "level" and 1 < value < _PER_CENT and _is_accepted(spot, value / _PER_CENT):
        return f"Write it as a fraction of 1: level = {value / _PER_CENT:g}"
    if isinstance(value, float) and value.is_integer() and _is_accepted(spot, int(value)):
        return f"Write {spot.name} = {value:.0f}, without decimals"
    return ""


def _read_number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _is_accepted(spot: Spot, value: float) -> bool:
    """Whether a value that we are about to advise would be taken."""
    annotation = spot.field.rebuild_annotation()
    settings = ConfigDict(strict=True, allow_inf_nan=False)
    whole = {spot.name: value} if spot.inside else value
    try:
        TypeAdapter(annotation, config=settings).validate_python(whole)
    except ValidationError:
        return False
    return True


def _text(spot: Spot, value: object) -> str:
    if str not in spot.wanted or isinstance(value, bool):
        return ""
    # In place of one of a few words no number was meant.
    if isinstance(value, int | float | date | time) and spot.key.allowed:
        quoted = written(written(value))
        return f"Write it in quotes: {quoted if spot.inside else f'{spot.name} = {quoted}'}"
    return ""


def _list(spot: Spot, value: object) -> str:
    if tuple not in spot.wanted or not isinstance(value, str) or nested_model(spot.field):
        return ""
    return f"Write it as a list: {spot.name} = [{written(value)}]" if value.strip() else ""


def _section(spot: Spot, value: object) -> str:
    if len(spot.at) > 1 or nested_model(spot.field) is None:
        return ""
    if is_array(spot.field) and isinstance(value, dict):
        return f"Write [[{spot.name}]], in two pairs of brackets, above each section"
    if not is_array(spot.field) and isinstance(value, tuple):
        return f"Write [{spot.name}], in one pair of brackets, and only once"
    keys = "its keys below it, one a line"
    return f"Write {_header(spot)} on a line of its own, and {keys}"
