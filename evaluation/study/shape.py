"""Whether each value of the file is of the kind that its key takes; pydantic judges, we tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from evaluation.periods import FREQUENCIES, Calendar, Frequency
from evaluation.study.hints import Spot, allowed_words, remedy_for_absent, remedy_for_value
from evaluation.study.keys import file_fields, is_array, is_period, nested_model, read_keys
from evaluation.study.mistakes import Loc, Mistake, value_at, written
from evaluation.study.model import PERIOD_READER, Study

__all__ = ["Shaped", "shape", "with_tuples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A study as far as it could be read.

    Parameters
    ----------
    study : Study
        Whole where there is no mistake; else with a default or an example in place of each value
        that is wrong, so that the rest can be judged.
    mistakes : tuple of Mistake
        The values that are wrong.
    wrong : tuple of tuple
        The keys whose value in ``study`` is not that of the file.
    """

    study: Study
    mistakes: tuple[Mistake, ...]
    wrong: tuple[Loc, ...]


class _Unread:
    """Stands for a period that could not be read."""


def with_tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a table, and of all in it, with tuples in place of lists."""
    return {key: _with_tuples(value) for key, value in table.items()}


def _with_tuples(value: object) -> object:
    if isinstance(value, Mapping):
        return with_tuples(value)
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def shape(tree: dict[str, Any], *, text: str, path: Path) -> Shaped:
    """Read ``tree``, whose keys are all known, and mend in place what cannot be read."""
    calendar = _calendar(tree)
    context = {PERIOD_READER: _period_reader(calendar)}
    mistakes: list[Mistake] = []
    wrong: list[Loc] = []
    # Each round mends what it finds with a default or with an example, which are accepted, so
    # that it ends; a wrong table hides what is in it, so that there may be a second round.
    while True:
        try:
            study = Study.model_validate({**tree, "text": text, "path": path}, context=context)
        except ValidationError as error:
            details = error.errors(include_url=False)
        else:
            return Shaped(study=study, mistakes=tuple(mistakes), wrong=tuple(wrong))
        spots: dict[Loc, tuple[Spot, bool]] = {}
        for detail in details:
            spot = _spot(detail, tree, calendar)
            spots[spot.at + spot.inside] = (spot, detail["type"] == "missing")
        # A list is wrong because an item of it is, to pydantic; it is the item that we tell.
        deepest = [
            found
            for loc, found in spots.items()
            if not any(other != loc and other[: len(loc)] == loc for other in spots)
        ]
        mistakes += [_mistake(spot, tree, is_absent=is_absent) for spot, is_absent in deepest]
        wrong += [_mend(spot, tree) for spot, _ in deepest]


def _calendar(tree: dict[str, Any]) -> Calendar | None:
    frequency = value_at(tree, ("time", "frequency"))
    known: Frequency | None = next((f for f in FREQUENCIES if f == frequency), None)
    return None if known is None else Calendar(frequency=known)


def _period_reader(calendar: Calendar | None) -> Callable[[object], int]:
    def read(value: object) -> int:
        if calendar is None or isinstance(value, _Unread):
            return 0
        is_quoted_index = calendar.frequency == "index" and isinstance(value, str)
        if isinstance(value, float) or is_quoted_index:
            raise ValueError(written(value))
        return calendar.parse(value)

    return read


def _spot(detail: ErrorDetails, tree: dict[str, Any], calendar: Calendar | None) -> Spot:
    """Find the key of a pydantic error; what else its path holds is pydantic's own business."""
    loc, model, n = detail["loc"], _STUDY, 0
    while True:
        name = str(loc[n])
        field = file_fields(model)[name]
        inside = nested_model(field)
        end = n + 2 if inside and is_array(field) else n + 1
        if inside is None or len(loc) <= end or loc[end] not in file_fields(inside):
            break
        model, n = inside, end
    at = loc[: n + 1]
    value = value_at(tree, at)
    return Spot(
        at=at,
        field=field,
        key=read_keys()[model.__name__, name],
        calendar=calendar,
        inside=tuple(step for step in loc[n + 1 :] if _leads_into(value, step))[:1],
    )


_STUDY: type[BaseModel] = Study


def _leads_into(value: object, step: str | int) -> bool:
    if isinstance(value, tuple):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _mistake(spot: Spot, tree: dict[str, Any], *, is_absent: bool) -> Mistake:
    allowed = allowed_words(spot)
    if is_absent:
        return Mistake(
            at=spot.at,
            problem="required, and missing",
            allowed=allowed,
            remedy=remedy_for_absent(spot),
        )
    value = value_at(tree, spot.at + spot.inside)
    return Mistake(
        at=spot.at + spot.inside,
        problem=f"{written(value)} is not allowed",
        allowed=allowed,
        remedy=remedy_for_value(spot, value),
    )


def _mend(spot: Spot, tree: dict[str, Any]) -> Loc:
    """Put in what is accepted: nothing where there is a default, else the example."""
    table = value_at(tree, spot.at[:-1])
    name = spot.at[-1]
    if not isinstance(table, dict):
        return spot.at
    if spot.inside and isinstance(table.get(name), dict) and nested_model(spot.field) is None:
        table[name].pop(spot.inside[0], None)
        return spot.at + spot.inside
    if spot.field.is_required():
        table[name] = _Unread() if is_period(spot.field) else _with_tuples(spot.key.example)
    else:
        table.pop(name, None)
    return spot.at
