"""Periods as whole numbers in order, with the calendar that gives them names.

Everything above this module counts periods (difference 1 between neighbours); only a
:class:`Calendar` knows that 24279 is April 2023.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

__all__ = ["FREQUENCIES", "Calendar", "Frequency"]

Frequency = Literal["month", "quarter", "year", "financial_year", "index"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH_NUMBER = {name[:3].lower(): i for i, name in enumerate(_MONTHS)}
_EXAMPLES: dict[str, str] = {
    "month": '"2023-04"',
    "quarter": '"2023-Q1"',
    "year": '"2023"',
    "financial_year": '"2023/24"',
    "index": "17",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """How periods of one frequency are read, counted and named.

    Parameters
    ----------
    frequency : Frequency
        ``month``, ``quarter``, ``year``, ``financial_year`` (April to March) or ``index``.

    Examples
    --------
    >>> calendar = Calendar(frequency="month")
    >>> calendar.parse("2024-01") - calendar.parse("2023-11")
    2
    """

    frequency: Frequency

    @property
    def example(self) -> str:
        """A period as a study file writes it, for messages."""
        return _EXAMPLES[self.frequency]

    def parse(self, value: object) -> int:
        """Read a period: the study file's form, an ISO or British date, or a month's name.

        Raises
        ------
        ValueError
            When ``value`` is not a period of this frequency; the caller adds the place.
        """
        if isinstance(value, bool) or value is None:
            raise ValueError(self._refusal(value))
        number = _READERS[self.frequency](value)
        if number is None:
            raise ValueError(self._refusal(value))
        return number

    def code(self, period: int) -> str:
        """Return the period as a study file writes it: ``2023-04``, ``2023-Q1``, ``2023``.

        :meth:`parse` reads it back, for the years 0001 to 9999.
        """
        if self.frequency == "month":
            return f"{period // 12:04d}-{period % 12 + 1:02d}"
        if self.frequency == "quarter":
            return f"{period // 4:04d}-Q{period % 4 + 1}"
        if self.frequency == "financial_year":
            return f"{period:04d}/{(period + 1) % 100:02d}"
        return str(period) if self.frequency == "index" else f"{period:04d}"

    def label(self, period: int) -> str:
        """Return the period as a report writes it: ``April 2023``, ``2023 Q1``, ``2023/24``."""
        if self.frequency == "month":
            return f"{_MONTHS[period % 12]} {period // 12}"
        if self.frequency == "quarter":
            return f"{period // 4} Q{period % 4 + 1}"
        return self.code(period)

    def short_label(self, period: int) -> str:
        """Return the period as an axis writes it: ``Apr 2023``."""
        if self.frequency == "month":
            return f"{_MONTHS[period % 12][:3]} {period // 12}"
        return self.label(period)

    @property
    def per_year(self) -> int:
        """Periods in a year; 1 for ``index``, which knows no year."""
        return {"month": 12, "quarter": 4}.get(self.frequency, 1)

    def _refusal(self, value: object) -> str:
        name = self.frequency.replace("_", " ")
        shown = repr(value.isoformat() if isinstance(value, date) else value)
        return f"{shown} is not a period of frequency {name}; write it like {self.example}"


# Spreadsheets and databases write a day as the midnight that it begins with.
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"


def _match(pattern: str, text: str) -> re.Match[str] | None:
    """Match the whole text; a digit is 0 to 9, and no other script's."""
    return re.fullmatch(pattern, text, flags=re.ASCII | re.IGNORECASE)


def _as_date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    iso = _match(rf"(\d{{4}})-(\d{{2}})-(\d{{2}})(?:[T ]{_TIME})?", text)
    british = _match(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})(?: {_TIME})?", text)
    if iso:
        year, month, day = (int(g) for g in iso.groups())
    elif british:
        day, month, year = (int(g) for g in british.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _month(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year * 12 + day.month - 1
    text = str(value).strip()
    numeric = _match(r"(\d{4})-?(\d{2})", text)
    if numeric and 1 <= int(numeric[2]) <= 12:
        return int(numeric[1]) * 12 + int(numeric[2]) - 1
    named = _match(r"([A-Za-z]{3,9})[ -](\d{4}|\d{2})", text)
    if named and _full_month(named[1]):
        year = int(named[2]) + (2000 if len(named[2]) == 2 else 0)
        return year * 12 + _MONTH_NUMBER[named[1][:3].lower()]
    return None


def _full_month(name: str) -> bool:
    key = name[:3].lower()
    return key in _MONTH_NUMBER and _MONTHS[_MONTH_NUMBER[key]].lower().startswith(name.lower())


def _quarter(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year * 4 + (day.month - 1) // 3
    match = _match(r"(\d{4})[ -]?Q([1-4])", str(value).strip())
    return int(match[1]) * 4 + int(match[2]) - 1 if match else None


def _year(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year
    text = str(value).strip()
    match = _match(r"(\d{4})(?:\.0+)?", text)
    return int(match[1]) if match else None


def _financial_year(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year - (day.month < 4)
    match = _match(r"(\d{4})[/-](\d{2}|\d{4})", str(value).strip())
    if match is None:
        return None
    following = f"{int(match[1]) + 1:04d}"
    return int(match[1]) if match[2] == following[-len(match[2]) :] else None


_LARGEST_INDEX = 9_999_999_999  # ten digits: far above any count of periods, and an Int64


def _index(value: object) -> int | None:
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_INDEX else None
    match = _match(r"(-?\d{1,10})(?:\.0+)?", str(value).strip())
    return int(match[1]) if match else None


_READERS: dict[str, Callable[[object], int | None]] = {
    "month": _month,
    "quarter": _quarter,
    "year": _year,
    "financial_year": _financial_year,
    "index": _index,
}
