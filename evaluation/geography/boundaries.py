"""Boundaries at dates: which units there are, what changed, and what stayed the same.

There are two sets of outlines since July 2022: those before and those from 1 April 2026. Data
by ICB are sums over residents or patients, so a series may only be carried from one set to the
other where the unit of one is a union of whole units of the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from evaluation.geography.errors import BoundaryError
from evaluation.geography.register import area, by_code, nearest, tidy_code
from evaluation.geography.tables import Area, Succession, read_areas, read_successions

__all__ = [
    "AFTER",
    "BEFORE",
    "BOUNDARIES",
    "STABLE",
    "Change",
    "all_changes",
    "areas",
    "changes",
    "check_boundaries",
    "existed",
    "find",
    "stable_units",
    "unions",
    "unit_area",
]

BOUNDARIES: tuple[str, ...] = ("2022-07", "2023-04", "2024-04", "2025-04", "2026-04", "stable")

BEFORE, AFTER, STABLE = "2025-04", "2026-04", "stable"
# Stable units that are not one ICB of either date, by their first member.
_UNIONS = {
    "QH8": ("STABLE-EAST", "East of England", "East of England (six former ICBs)"),
    "QNQ": (
        "STABLE-SOUTH-EAST",
        "South East without Kent and Medway",
        "South East without Kent and Medway (five former ICBs)",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of boundary.

    Parameters
    ----------
    date : str
        First month of the new outline, "YYYY-MM".
    before : tuple of str
        ODS codes of the ICBs that went into the new one, wholly or in part.
    after : str
        ODS code of the new one.
    parts : tuple of str
        Those of ``before`` of which only a part went there.
    """

    date: str
    before: tuple[str, ...]
    after: str
    parts: tuple[str, ...]

    @property
    def is_split(self) -> bool:
        """Whether an ICB was divided, so that no series can be carried across."""
        return bool(self.parts)

    @property
    def detail(self) -> str:
        """The change in words."""
        pieces = [
            f"part of {area(c).short_name} ({c})"
            if c in self.parts
            else f"{area(c).short_name} ({c})"
            for c in self.before
        ]
        joined = " and ".join(pieces) if len(pieces) < 3 else "; ".join(pieces)
        return f"{area(self.after).short_name} ({self.after}) was formed from {joined}"


@cache
def all_changes() -> tuple[Change, ...]:
    """Return every change of boundary, in order of date and successor."""
    grouped: dict[tuple[str, str], list[Succession]] = {}
    for item in read_successions():
        grouped.setdefault((item.date, item.after), []).append(item)
    return tuple(
        Change(
            date=date,
            before=tuple(s.before for s in items),
            after=after,
            parts=tuple(s.before for s in items if s.extent == "part"),
        )
        for (date, after), items in sorted(grouped.items())
    )


def changes(between: tuple[str, str]) -> tuple[Change, ...]:
    """Return the changes of boundary after the first month and up to the last.

    Only outlines count: the new ONS codes of Surrey Heartlands and Sussex in April 2023 are a
    change of code, which :func:`~evaluation.geography.area` knows.

    Parameters
    ----------
    between : tuple of str
        First and last month, "YYYY-MM", of a study.

    Raises
    ------
    ValueError
        When a month is not written like "2023-04".
    """
    for month in between:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise ValueError(f'{month!r} is not a month; write it like "2023-04"')
    return tuple(c for c in all_changes() if between[0] < c.date <= between[1])


@cache
def stable_units() -> dict[str, str]:
    """Return the stable unit of each ODS code: connected components of before and after."""
    root = {a.ods: a.ods for a in read_areas()}

    def top(code: str) -> str:
        while root[code] != code:
            code = root[code]
        return code

    for item in read_successions():
        root[top(item.before)] = top(item.after)
    groups: dict[str, list[str]] = {}
    for code in root:
        groups.setdefault(top(code), []).append(code)
    return {code: _stable_code(group) for group in groups.values() for code in group}


def _stable_code(group: list[str]) -> str:
    if len(group) == 1:
        return group[0]
    old = sorted(c for c in group if existed(c, BEFORE))
    new = [c for c in group if existed(c, AFTER)]
    return new[0] if len(new) == 1 else _UNIONS[old[0]][0]


def existed(code: str, month: str) -> bool:
    """Return whether the ICB with this ODS code existed in a month."""
    item = area(code)
    return (item.first or month) <= month <= (item.last or month)


@cache
def unions() -> dict[str, Area]:
    """Return the stable units that are no ICB, by code."""
    found = {}
    for code, short, name in _UNIONS.values():
        inside = [a for a in read_areas() if stable_units()[a.ods] == code]
        found[code] = Area(
            ods=code,
            ons=(),
            name=name,
            short_name=short,
            region=inside[0].region,
            first="2022-07",
            last=None,
        )
    return found


def find(code: str) -> Area | None:
    """Return the area of a code, or None: for units that need not be ICBs."""
    tidied = tidy_code(code)
    return unions().get(tidied) or by_code().get(tidied)


def unit_area(code: str) -> Area:
    """Return an ICB as :func:`~evaluation.geography.area` does, or a stable unit by its code.

    Raises
    ------
    UnknownAreaError
        When the code is of neither.
    """
    return unions().get(tidy_code(code)) or area(code)


@cache
def areas(boundaries: str) -> tuple[Area, ...]:
    """Return the units at these boundaries, in order of code: 42, 36 (2026-04) or 32 (stable).

    Raises
    ------
    BoundaryError
        When ``boundaries`` is not one of :data:`BOUNDARIES`.
    """
    check_boundaries(boundaries)
    if boundaries == STABLE:
        return tuple(unit_area(code) for code in sorted(set(stable_units().values())))
    return tuple(a for a in read_areas() if existed(a.ods, boundaries))


def check_boundaries(boundaries: str) -> None:
    """Refuse what is not one of :data:`BOUNDARIES`."""
    if boundaries not in BOUNDARIES:
        close = nearest(boundaries, BOUNDARIES)
        hint = f'Did you mean "{close[0]}"?' if close else ""
        raise BoundaryError(
            f'boundaries = "{boundaries}" is not known',
            allowed=", ".join(f'"{b}"' for b in BOUNDARIES),
            remedy=hint or "2025-04 holds the 42 ICBs that there were until March 2026.",
        )
