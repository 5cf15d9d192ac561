"""Published definitions of avoidable admissions, each a table of data beside this page.

``nhsof_3a`` is not verified: its caveat goes wherever it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from evaluation.errors import StudyError
from evaluation.records.definitions.codes import Codes
from evaluation.records.definitions.model import (
    MARKS,
    Admissions,
    Condition,
    Definition,
    Mark,
    Position,
    Where,
)
from evaluation.records.definitions.page import describe, page
from evaluation.records.definitions.reading import parse_definition, read_definition

__all__ = [
    "DEFINITION_KEYS",
    "MARKS",
    "Admissions",
    "Codes",
    "Condition",
    "Definition",
    "Mark",
    "Position",
    "Where",
    "avoidable_column",
    "definition",
    "definitions",
    "describe",
    "document",
    "parse_definition",
    "read_definition",
]

# The care homes' own first: it leads where a study names none.
DEFINITION_KEYS: tuple[str, ...] = (
    "cqc_2013_iau",
    "nhsof_2_3_i",
    "nhsof_3a",
    "su_19_acsc",
    "iif_ac_02",
)


@cache
def definitions() -> Mapping[str, Definition]:
    """Return every definition that ships with this package, by key; read once."""
    folder = files(__name__)
    return {
        key: parse_definition(
            folder.joinpath(f"{key}.toml").read_text(encoding="utf-8"),
            key=key,
            place=f"{key}.toml",
        )
        for key in DEFINITION_KEYS
    }


def definition(key: str) -> Definition:
    """Return the definition with this key.

    Raises
    ------
    StudyError
        When there is none.
    """
    found = definitions().get(key)
    if found is None:
        near = get_close_matches(key, DEFINITION_KEYS, n=1, cutoff=0.6)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise StudyError(
            f"there is no definition {key!r}",
            allowed=", ".join(f'"{known}"' for known in DEFINITION_KEYS),
            remedy=f"{meant}docs/definitions.md says what each of them holds.",
        )
    return found


def avoidable_column(key: str) -> str:
    """Return the column of a panel that counts by the definition with this key."""
    return f"avoidable_{key}"


def document() -> str:
    """Return ``docs/definitions.md``: every definition, rule by rule."""
    return page(tuple(definitions().values()))
