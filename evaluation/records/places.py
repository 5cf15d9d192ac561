"""Of which unit an admission is: from sub-ICB, LSOA or a column, with a reason where there is none.

Places are looked up after counting, on the few distinct codes that there are, so that it is the
same on every engine. The sub-ICB locations are those of April 2024, which
:mod:`evaluation.geography` holds; LSOA tables are the user's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation import geography
from evaluation.errors import SourceError, StudyError
from evaluation.records.exclusions import Reason
from evaluation.records.files import read_small
from evaluation.study import Place

__all__ = ["COLUMN", "Finder", "finder", "place_reasons"]

COLUMN: Mapping[str, str] = {"sub_icb": "sub_icb", "lsoa": "lsoa", "icb": "icb", "column": "icb"}

_WHAT = {
    "sub_icb": "sub-ICB of residence",
    "lsoa": "LSOA of residence",
    "icb": "ICB",
    "column": "unit",
}
_NOT_APPLICABLE = "59898"
_UNKNOWN = ("59999", "Z99999999")
# Wales, Scotland, Northern Ireland, Channel Islands, Isle of Man.
_ABROAD = ("W", "S", "95", "N", "L", "M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """From a code to a unit.

    Parameters
    ----------
    find : callable
        Unit of a code, or None.
    listed : str
        Where codes were looked up, for the ledger.
    """

    find: Callable[[str], str | None]
    listed: str
    by: str

    def fate(self, code: str | None) -> tuple[str | None, str | None]:
        """Return the unit of a code, or None and the key of the reason why there is none."""
        tidied = "" if code is None else "".join(code.split()).upper()
        if not tidied:
            return None, "place_blank"
        if self.by in ("sub_icb", "lsoa"):
            if tidied == _NOT_APPLICABLE:
                return None, "place_not_applicable"
            if tidied in _UNKNOWN:
                return None, "place_unknown"
        if self.by == "lsoa" and tidied.startswith(_ABROAD):
            return None, "place_abroad"
        unit = self.find(code or "")
        return (unit, None) if unit is not None else (None, "place_not_listed")


def finder(place: Place, folder: Path) -> Finder:
    """Return what finds units for the study's rule.

    Raises
    ------
    SourceError, StudyError
        For a lookup that is absent, unreadable or of other columns.
    """
    if place.by == "lsoa":
        table = _lookup(place, folder)
        listed = f"the lookup {place.lookup}"
        return Finder(find=lambda c: table.get(c.strip().upper()), listed=listed, by=place.by)
    if place.by == "sub_icb":
        listed = "the 106 sub-ICBs of April 2024"
        return Finder(find=_of(geography.icb_of_sub_icb), listed=listed, by=place.by)
    if place.by == "icb":
        return Finder(find=_of(geography.area), listed="the register of ICBs", by=place.by)
    return Finder(find=lambda code: code.strip() or None, listed="the units", by=place.by)


def _of(look_up: Callable[[str], geography.Area]) -> Callable[[str], str | None]:
    def find(code: str) -> str | None:
        try:
            return look_up(code).ods
        except geography.UnknownAreaError:
            return None

    return find


def _lookup(place: Place, folder: Path) -> dict[str, str]:
    if place.lookup is None or place.lsoa is None or place.icb is None:
        raise StudyError(
            'by = "lsoa" needs a lookup of your own',
            place="[records], place",
            allowed="lookup, lsoa and icb",
        )
    table = read_small(folder, place.lookup, (place.lsoa, place.icb)).drop("row")
    find = _of(geography.area)
    known = {code: find(code) for code in table[place.icb].unique().drop_nulls()}
    wrong = sorted(code for code, unit in known.items() if unit is None)
    if wrong:
        raise SourceError(
            f'"{wrong[0]}" in column {place.icb} is not the code of an ICB',
            place=place.lookup,
            allowed="ODS codes (QWU) or ONS codes (E54000018) of ICBs",
            remedy="Name the column of ICB codes in [records] place.icb",
        )
    pairs = table.drop_nulls().unique()
    doubled = pairs.filter(pairs[place.lsoa].is_duplicated())
    if not doubled.is_empty():
        raise SourceError(
            f'LSOA "{doubled[place.lsoa][0]}" is in two ICBs',
            place=place.lookup,
            allowed="each LSOA in one ICB",
            remedy="Keep the rows of one date",
        )
    return {
        lsoa.strip().upper(): unit
        for lsoa, code in pairs.iter_rows()
        if (unit := known[code]) is not None
    }


def place_reasons(by: str, listed: str) -> tuple[Reason, ...]:
    """Return the reasons why an admission is of no unit."""
    what = _WHAT[by]
    words = {"place_blank": f"no {what}: the cell is blank"}
    if by in ("sub_icb", "lsoa"):
        words["place_unknown"] = f"the {what} is not known ({_UNKNOWN[by == 'lsoa']})"
    if by == "sub_icb":
        words["place_not_applicable"] = f"no {what}: not applicable ({_NOT_APPLICABLE})"
    if by == "lsoa":
        words["place_abroad"] = "lives outside England (LSOA of W, S, 95, N, L or M)"
    if by != "column":
        words["place_not_listed"] = f"the {what} is not in {listed}"
    return tuple(Reason(key=k, stage="admissions", words=said) for k, said in words.items())
