"""Mistakes of a study file: where, what was written, what is allowed, what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path

from evaluation.errors import StudyError
from evaluation.study.keys import file_fields, is_array, nested_model
from evaluation.study.model import Study

__all__ = ["Loc", "Mistake", "listed", "nearest", "place", "refuse", "value_at", "written"]

Loc = tuple[str | int, ...]

_NEAR = 0.6
_LONGEST = 70
_LARGEST = 10**15
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NAMES = ("name", "key", "unit", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake.

    Parameters
    ----------
    at : tuple
        Keys and indices from the top of the file: ``("outcomes", 1, "columns", "count")``.
    problem, allowed, remedy : str
        As in :class:`~evaluation.errors.PilotEvalError`.
    about : tuple of tuple
        The other keys that the mistake follows from: where one of them is itself mistaken, this
        one is not told.
    """

    at: Loc
    problem: str
    allowed: str = ""
    remedy: str = ""
    about: tuple[Loc, ...] = ()

    def follows_from(self, wrong: Iterable[Loc]) -> bool:
        """Whether one of the keys that this mistake is about is among ``wrong``."""
        return any(loc[: len(bad)] == bad for bad in wrong for loc in (self.at, *self.about))


def written(value: object, *, longest: int = _LONGEST) -> str:
    """Return a value as TOML writes it, shortened where it has more than ``longest`` letters."""
    text = _toml(value)
    return text if len(text) <= longest else f"{text[: longest - 4].rstrip()} ..."


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST else "a number of very many digits"
    if isinstance(value, date | time):
        return value.isoformat()
    return _toml_of_many(value)


def _toml_of_many(value: object) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)


def _toml_key(key: object) -> str:
    return str(key) if _BARE_KEY.fullmatch(str(key)) else _toml(str(key))


def listed(values: Iterable[object], last: str = "or") -> str:
    """Return values as TOML writes them, as a list in words: ``"a", "b" or "c"``."""
    words = [_toml(value) for value in values]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def nearest(word: str, known: Iterable[str], cutoff: float = _NEAR) -> str:
    """Return the known word that is nearest to ``word``; empty where none is near."""
    folded = {name.casefold(): name for name in known}
    plain = word.strip().casefold().replace("-", "_").replace(" ", "_")
    found = get_close_matches(plain, folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""


def value_at(tree: object, loc: Loc) -> object:
    """Return what stands at ``loc``; None where there is nothing."""
    for step in loc:
        if isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(tree, tuple) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def place(loc: Loc, tree: object) -> str:
    """Return a place in words: ``[[outcomes]] 2 "los", columns.count``."""
    top = str(loc[0])
    field = file_fields(Study).get(top)
    value = value_at(tree, loc[:1])
    if (field is not None and is_array(field)) or (field is None and _is_tables(value)):
        head = f"[[{top}]]"
    elif (field is not None and nested_model(field)) or isinstance(value, Mapping):
        head = f"[{top}]"
    else:
        head = top
    parts = [head]
    for n, step in enumerate(loc[1:], start=1):
        if isinstance(step, int):
            item = value_at(tree, loc[: n + 1])
            word = " " if isinstance(item, Mapping) or n == 1 else ", item "
            parts[-1] += f"{word}{step + 1}{_name(item)}"
        elif n == 1 or isinstance(loc[n - 1], int):
            parts.append(step)
        else:
            parts[-1] += f".{step}"
    return ", ".join(parts)


def _name(item: object) -> str:
    if not isinstance(item, Mapping):
        return ""
    named = (item.get(key) for key in _NAMES)
    return next((f" {written(n)}" for n in named if isinstance(n, str) and n.strip()), "")


def _is_tables(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Mapping)


def refuse(mistakes: Sequence[Mistake], tree: object, path: Path) -> StudyError:
    """Return one StudyError for all the mistakes, in the order of the file's sections."""
    order = list(file_fields(Study))

    def rank(mistake: Mistake) -> int:
        top = mistake.at[0]
        return order.index(str(top)) if top in order else -1

    errors = [
        StudyError(
            mistake.problem,
            place=f"{path}, {place(mistake.at, tree)}",
            allowed=mistake.allowed,
            remedy=mistake.remedy,
        )
        for mistake in sorted(mistakes, key=rank)
    ]
    return StudyError.joined(errors, place=str(path))
