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
        """Return the period as a study file writes it: ``2023-04``, ``2023-Q1``, ``2023``."""
        if self.frequency == "month":
            return f"{period // 12:04d}-{period % 12 + 1:02d}"
        if self.frequency == "quarter":
            return f"{period // 4:04d}-Q{period % 4 + 1}"
        if self.frequency == "financial_year":
            return f"{period}/{(period + 1) % 100:02d}"
        return str(period)

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
        return f"{value!r} is not a period of frequency {name}; write it like {self.example}"


def _as_date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:[T ][\d:.]+Z?)?", text)
    british = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
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
    numeric = re.fullmatch(r"(\d{4})-?(\d{2})", text)
    if numeric and 1 <= int(numeric[2]) <= 12:
        return int(numeric[1]) * 12 + int(numeric[2]) - 1
    named = re.fullmatch(r"([A-Za-z]{3,9})[ -](\d{4}|\d{2})", text)
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
    match = re.fullmatch(r"(\d{4})[ -]?Q([1-4])", str(value).strip(), flags=re.IGNORECASE)
    return int(match[1]) * 4 + int(match[2]) - 1 if match else None


def _year(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year
    text = str(value).strip()
    match = re.fullmatch(r"(\d{4})(?:\.0+)?", text)
    return int(match[1]) if match else None


def _financial_year(value: object) -> int | None:
    day = _as_date(value)
    if day is not None:
        return day.year - (day.month < 4)
    match = re.fullmatch(r"(\d{4})[/-](\d{2}|\d{4})", str(value).strip())
    if match and int(match[2]) % 100 == (int(match[1]) + 1) % 100:
        return int(match[1])
    return None


def _index(value: object) -> int | None:
    match = re.fullmatch(r"(-?\d+)(?:\.0+)?", str(value).strip())
    return int(match[1]) if match else None


_READERS: dict[str, Callable[[object], int | None]] = {
    "month": _month,
    "quarter": _quarter,
    "year": _year,
    "financial_year": _financial_year,
    "index": _index,
}
