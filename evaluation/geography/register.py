"""Codes to areas: ODS and ONS codes of every vintage, and sub-ICB locations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from evaluation.geography.errors import UnknownAreaError
from evaluation.geography.tables import Area, read_areas, read_sub_icbs

__all__ = ["area", "by_code", "icb_of_sub_icb", "nearest", "tidy_code"]

_NO_SUB_ICB = {
    "59898": "not applicable: the person lives outside England, or the record has no residence",
    "59999": "unknown: the residence could not be coded",
}
# A swap of neighbours or a letter read as a digit is a likelier slip than any other letter.
_LIKELY_SLIP = 0.5
_LOOKALIKES = frozenset({("O", "0"), ("0", "O"), ("I", "1"), ("1", "I"), ("S", "5"), ("5", "S")})
_MOST_SUGGESTIONS = 3
_TOO_FAR = 3.0


def tidy_code(code: str) -> str:
    """Return ``code`` in capitals and without spaces."""
    return "".join(code.split()).upper()


@cache
def by_code() -> dict[str, Area]:
    """Return every ICB by each of its codes."""
    return {code: item for item in read_areas() for code in (item.ods, *item.ons)}


def area(code: str) -> Area:
    """Return the ICB with this ODS or ONS code, of any vintage; case and spaces do not matter.

    The clusters of 2025 (Derby, Nottingham and Lincolnshire; Leicester and Northamptonshire;
    Coventry and Herefordshire) share leadership but stay separate bodies: no code changed. More
    mergers are due on 1 April 2027; they are not in the table.

    Raises
    ------
    UnknownAreaError
        When no ICB since July 2022 has this code; the remedy names the nearest one.
    """
    found = by_code().get(tidy_code(code))
    if found is None:
        raise UnknownAreaError(
            f'"{code}" is not the code of an Integrated Care Board',
            allowed='an ODS code such as "QWU" or an ONS code such as "E54000018", '
            "of any year since July 2022",
            remedy=_advice(code),
        )
    return found


def _advice(code: str) -> str:
    tidied = tidy_code(code)
    inside = read_sub_icbs().get(tidied)
    if inside is not None:
        return f'It is a sub-ICB location in "{inside}" ({area(inside).short_name}): write that'
    words = " ".join(code.split()).casefold()
    named = [a for a in read_areas() if words and words in a.name.casefold()]
    if named and tidied.isalpha() and len(words) > 3:
        return f"Write the code: {_listed((a.ods, a.short_name) for a in named)}"
    return _near(tidied, {c: a.short_name for c, a in by_code().items()})


def _near(code: str, names: dict[str, str]) -> str:
    found = nearest(code, names)
    if not found:
        return "No known code is near it. Is the column that of the code?"
    return f"Did you mean {_listed((c, names[c]) for c in found)}?"


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    written = [f'"{code}" ({name})' for code, name in pairs][:_MOST_SUGGESTIONS]
    return " or ".join(written)


def nearest(code: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the known codes that the fewest slips of the hand separate from ``code``.

    Source: the optimal string alignment distance (Damerau 1964), with a swap of neighbours and
    a letter mistaken for a digit counted as half a slip. Empty when three slips or more
    separate every one.
    """
    distances = {item: _slips(code, item) for item in known}
    least = min(distances.values())
    if least >= _TOO_FAR:
        return ()
    return tuple(sorted(item for item, d in distances.items() if d == least))


def _slips(left: str, right: str) -> float:
    rows = [[float(j) for j in range(len(right) + 1)]]
    for i, a in enumerate(left, start=1):
        row = [float(i)]
        for j, b in enumerate(right, start=1):
            change = 0.0 if a == b else _LIKELY_SLIP if (a, b) in _LOOKALIKES else 1.0
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + change)
            swapped = i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b and a != b
            row.append(min(best, rows[-2][j - 2] + _LIKELY_SLIP) if swapped else best)
        rows.append(row)
    return rows[-1][-1]


def icb_of_sub_icb(code: str) -> Area:
    """Return the ICB of a sub-ICB location, by NHS code ("02P") or ONS code ("E38000006").

    Sub-ICB locations are those of April 2024 (ICBs of 2022 to March 2026).

    Raises
    ------
    UnknownAreaError
        For other codes; 59898 (not applicable) and 59999 (unknown) are explained.
    """
    tidied = tidy_code(code)
    found = read_sub_icbs().get(tidied)
    if found is not None:
        return area(found)
    allowed = 'one of the 106 NHS codes such as "02P", or ONS codes such as "E38000006"'
    if tidied in _NO_SUB_ICB:
        raise UnknownAreaError(
            f'"{code}" is not a sub-ICB location: {_NO_SUB_ICB[tidied]}',
            allowed=allowed,
            remedy="Leave these records out and say how many they are: no ICB can be given to them",
        )
    places = {c: area(icb).short_name for c, icb in read_sub_icbs().items()}
    raise UnknownAreaError(
        f'"{code}" is not a sub-ICB location',
        allowed=allowed,
        remedy=_near(tidied, places),
    )
