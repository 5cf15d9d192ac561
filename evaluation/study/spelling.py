"""Keys that are not known, with the nearest one that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from evaluation.study.keys import file_fields, is_array, nested_model
from evaluation.study.mistakes import Loc, Mistake, nearest, written
from evaluation.study.model import Study

__all__ = ["take_out_unknown"]

_VERY_NEAR = 0.8


def take_out_unknown(tree: dict[str, Any]) -> list[Mistake]:
    """Take keys that are not known out of ``tree``, and return a mistake for each.

    A misspelt key moves to the key that was meant, where that one is absent, so that what is
    said of the rest of the file is what will be true once the spelling is right.
    """
    return list(_walk(tree, Study, ()))


def _walk(table: dict[str, Any], model: type[BaseModel], at: Loc) -> Iterator[Mistake]:
    fields = file_fields(model)
    unknown = [key for key in table if key not in fields]
    for key in unknown:
        value = table.pop(key)
        absent = [name for name in fields if name not in table]
        meant, remedy = _advise(key, absent, model)
        if meant:
            table[meant] = value
        yield Mistake(
            at=(*at, key),
            problem=f"unknown {_noun(value, at)}, with the value {written(value)}",
            allowed=", ".join(fields),
            remedy=remedy,
        )
    for key, field in fields.items():
        inside = nested_model(field)
        value = table.get(key)
        if inside is None:
            continue
        if isinstance(value, dict) and not is_array(field):
            yield from _walk(value, inside, (*at, key))
        elif isinstance(value, tuple) and is_array(field):
            for n, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _walk(item, inside, (*at, key, n))


def _noun(value: object, at: Loc) -> str:
    tables = value[0] if isinstance(value, tuple) and value else value
    return "section" if isinstance(tables, dict) and not at else "key"


def _advise(key: str, absent: Sequence[str], model: type[BaseModel]) -> tuple[str, str]:
    """Return the key that was meant (empty where it is not clear) and what to do."""
    very_near = nearest(key, absent, _VERY_NEAR)
    if very_near:
        return very_near, f"Did you mean '{very_near}'?"
    homes = [home for home, other in _HOMES if other is not model and key in file_fields(other)]
    if homes:
        return "", f"It is a key of {' and of '.join(homes)}: write it there"
    near = nearest(key, absent)
    if near:
        return near, f"Did you mean '{near}'?"
    present = nearest(key, file_fields(model), _VERY_NEAR)
    if present:
        return "", f"Delete one of the two: '{present}' is there already"
    return "", "Delete it, or put it where it belongs"


def _find_homes(model: type[BaseModel], head: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield head or "the top of the file, above the first [section]", model
    for key, field in file_fields(model).items():
        inside = nested_model(field)
        if inside is None:
            continue
        brackets = f"[[{key}]]" if is_array(field) else f"[{key}]"
        yield from _find_homes(inside, f"{head} {key}" if head else brackets)


_HOMES = tuple(_find_homes(Study, ""))
