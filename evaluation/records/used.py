"""Which definition an outcome counts by, and what its readers must know of it."""

from __future__ import annotations

from pathlib import Path

from evaluation.errors import StudyError
from evaluation.findings import Check
from evaluation.records.definitions import (
    DEFINITION_KEYS,
    Definition,
    avoidable_column,
    definition,
    read_definition,
)
from evaluation.study import Outcome, Study

__all__ = ["definition_checks"]

_NAME = "definition"
_TITLE = "What counts as avoidable is by a definition that is verified"
_REMEDY = (
    "docs/definitions.md says what is behind each part. Compare it with the specification, or "
    "count by another definition as well: [records] takes several."
)


def definition_checks(study: Study, outcome: Outcome) -> tuple[Check, ...]:
    """Say how far the definition of avoidable admissions that an outcome counts is verified.

    Parameters
    ----------
    study : Study
        Its section [records] may name definitions of one's own.
    outcome : Outcome
        Reads a panel of ``pilot-eval panel`` where its count is a column "avoidable_<key>".

    Returns
    -------
    tuple of Check
        None where every part is verified, or nothing is counted by a definition. A definition that
        is not verified does not pass, which is said before the answer; parts that are not, or only
        partly, are for information.
    """
    column = outcome.columns.count if outcome.columns is not None else None
    if outcome.source != "table" or column is None:
        return ()
    named = study.records.definitions if study.records is not None else ()
    own = {Path(name).stem: name for name in named if name.endswith(".toml")}
    for key in dict.fromkeys((*DEFINITION_KEYS, *own)):
        if column == avoidable_column(key):
            return _told(_found(key, own.get(key), study), key, outcome)
    return ()


def _found(key: str, file: str | None, study: Study) -> Definition | None:
    """Return the definition; None for one of one's own that is not beside the study any more."""
    if file is None:
        return definition(key)
    try:
        return read_definition(study.folder / file)
    except StudyError:
        return None


def _told(found: Definition | None, key: str, outcome: Outcome) -> tuple[Check, ...]:
    if found is None:
        detail = (
            f"The definition {key} cannot be read here, so how far it is verified is not known."
        )
        return (Check(name=_NAME, title=_TITLE, passed=None, detail=detail, outcome=outcome.key),)
    if not found.caveat:
        return ()
    is_unverified = found.worst == "U"
    how = "not verified" if is_unverified else "only partly corroborated"
    of, verb = ("The", "is") if found.worst == found.mark else ("Parts of the", "are")
    first = f"{of} definition of avoidable that is counted here {verb} {how}"
    return (
        Check(
            name=_NAME,
            title=_TITLE,
            passed=False if is_unverified else None,
            detail=f"{first} ({found.short_title}). {found.caveat}",
            remedy=_REMEDY,
            outcome=outcome.key,
        ),
    )
