"""Following a code from one set of outlines to another, and refusing to guess."""

from __future__ import annotations

from collections.abc import Iterable

from evaluation.geography.boundaries import (
    AFTER,
    BEFORE,
    STABLE,
    all_changes,
    areas,
    check_boundaries,
    existed,
    stable_units,
    unions,
)
from evaluation.geography.errors import BoundaryError
from evaluation.geography.register import area, tidy_code
from evaluation.geography.tables import read_successions

__all__ = ["follow", "members", "vintage"]

_CHOICES = (
    'Freeze at the ICBs before: boundaries = "2025-04" and last = "2026-03" (a later last where '
    'the data keep the old codes); or write boundaries = "stable", which joins ICBs to the '
    "smallest areas whose outline is the same before and after; or, for a comparison unit, leave "
    "it out"
)


def vintage(codes: Iterable[str], month: str | None = None) -> str:
    """Return which outlines a set of codes means: ``"2025-04"`` (before) or ``"2026-04"``.

    QRL (Hampshire and Isle of Wight) is a code of both, with two outlines. Its company tells
    them apart: a table that names an abolished ICB keeps the old outlines, one that names a new
    ICB has the new ones, whatever the month, for publishers recast old figures. Only where
    neither is there does the month decide.

    Parameters
    ----------
    codes : iterable of str
        The ODS or ONS codes of one period of one table.
    month : str or None
        That period, "YYYY-MM", or None where periods are no months.

    Raises
    ------
    UnknownAreaError
        When a code is unknown.
    BoundaryError
        When codes of both sets stand side by side: residents would be counted twice.
    """
    tidied = sorted({tidy_code(c) for c in codes} - set(unions()))
    eras = {code: _eras(code) for code in tidied}
    old = [c for c, era in eras.items() if era == {BEFORE}]
    new = [c for c, era in eras.items() if era == {AFTER}]
    if old and new:
        when = f" in {month}" if month else ""
        raise BoundaryError(
            f'ICBs from before April 2026 ("{old[0]}", {area(old[0]).short_name}) and from after '
            f'("{new[0]}", {area(new[0]).short_name}) stand side by side{when}',
            allowed="the codes of one date in each period",
            remedy="Keep the rows of one set; both together count residents twice",
        )
    if new or old:
        return AFTER if new else BEFORE
    return AFTER if month is not None and month >= AFTER else BEFORE


def follow(code: str, boundaries: str, *, outlines: str | None = None) -> str:
    """Return the ODS code, at these boundaries, of the unit that ``code`` belongs to.

    Parameters
    ----------
    code : str
        ODS or ONS code of any vintage, or the code of a stable unit.
    boundaries : str
        One of :data:`BOUNDARIES`.
    outlines : str or None
        What :func:`vintage` says of the table and period that the code stands in. It matters
        for QRL alone: without it, the ODS code QRL is taken at its word at every date (the ONS
        codes E54000042 and E54000067 tell the old outline from the enlarged one).

    Raises
    ------
    UnknownAreaError
        When the code is unknown.
    BoundaryError
        When the unit has no exact counterpart: an ICB that was divided, an ICB that went into
        one that took part of another (a series would jump in April 2026), or an ICB after that
        would have to be divided to go back.
    """
    check_boundaries(boundaries)
    tidied = tidy_code(code)
    if tidied in unions():
        return _follow_union(tidied, boundaries)
    if boundaries == STABLE:
        return stable_units()[area(code).ods]
    target = AFTER if boundaries == AFTER else BEFORE
    ods, eras = area(code).ods, _eras(tidied)
    if tidied == "QRL" and outlines is not None:
        eras = {outlines}
    if target in eras:
        return ods
    return _forward(code, ods) if target == AFTER else _back(code, ods)


def members(unit: str, boundaries: str) -> tuple[str, ...]:
    """Return the ODS codes of the ICBs of 2025 that make up the unit that ``unit`` lies in.

    Raises
    ------
    UnknownAreaError
        When the code is unknown.
    BoundaryError
        When the unit is not made of whole ICBs of 2025 (Central East takes part of QM7).
    """
    code = follow(unit, boundaries)
    if boundaries == STABLE:
        return tuple(a.ods for a in areas(BEFORE) if stable_units()[a.ods] == code)
    if boundaries != AFTER:
        return (code,)
    formed = next((c for c in all_changes() if c.after == code), None)
    if formed is None:
        return (code,)
    if formed.is_split:
        raise BoundaryError(
            f'"{code}" is not made up of whole ICBs of 2025: {formed.detail}',
            allowed="a unit made of whole ICBs, such as Z9B2Z",
            remedy=_CHOICES,
        )
    return formed.before


def _eras(code: str) -> set[str]:
    """Return the sets of outlines that a code is used for."""
    item = area(code)
    eras = {month for month in (BEFORE, AFTER) if existed(item.ods, month)}
    if code.startswith("E54") and len(eras) == 2 and len(item.ons) > 1:
        # The one ICB that kept its ODS code but not its outline: its ONS codes differ.
        return {AFTER} if code == item.ons[-1] else {BEFORE}
    return eras


def _forward(code: str, ods: str) -> str:
    steps = [s for s in read_successions() if s.before == ods]
    into = " and ".join(f"{area(s.after).short_name} ({s.after})" for s in steps)
    if len(steps) > 1:
        raise BoundaryError(
            f'"{code}" ({area(ods).short_name}) was divided on 1 April 2026 between {into}, and '
            "nothing says which of its figures went where",
            allowed='at boundaries "2026-04", ICBs that were not divided',
            remedy=_CHOICES,
        )
    formed = next(c for c in all_changes() if c.after == steps[0].after)
    if formed.is_split:
        whole = area(formed.after).short_name
        divided = " and ".join(f"{area(c).short_name} ({c})" for c in formed.parts)
        took = f"on 1 April 2026 took in part of {divided}"
        fate = took if ods == formed.after else f"went whole into {into}, which {took}"
        raise BoundaryError(
            f'"{code}" ({area(ods).short_name}) {fate}, so figures of the ICBs before do not add '
            "up to it",
            allowed='at boundaries "2026-04", ICBs that did not change and mergers of whole ICBs',
            remedy=f"{_CHOICES}; or, with data that are for the {whole} of today in every period, "
            f'write "{formed.after}" for the unit',
        )
    return steps[0].after


def _back(code: str, ods: str) -> str:
    formed = next(c for c in all_changes() if c.after == ods)
    raise BoundaryError(
        f'"{code}" ({area(ods).short_name}) has its outline since 1 April 2026 only '
        f"({formed.detail}), and its figures cannot be divided among the ICBs before",
        allowed='at boundaries before "2026-04", the 42 ICBs of 2025 and, for QRL, '
        "its outline before (ONS code E54000042)",
        remedy=_CHOICES,
    )


def _follow_union(code: str, boundaries: str) -> str:
    if boundaries != STABLE:
        raise BoundaryError(
            f'"{code}" ({unions()[code].short_name}) is a unit of boundaries = "stable" and '
            f'cannot be divided into the ICBs of "{boundaries}"',
            allowed="at these boundaries, the codes of ICBs",
            remedy='Write boundaries = "stable"',
        )
    return code
