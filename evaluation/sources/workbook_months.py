"""The month of a workbook or sheet, and days as publishers write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from evaluation.sources.labels import even
from evaluation.sources.workbook import Grid

__all__ = ["DAY_FORMATS", "first_of_month", "parsed"]

DAY_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d %B %Y", "%d %b %Y", "%d-%b-%y")
_MONTH_FORMATS = (*DAY_FORMATS, "%B %Y", "%b %Y", "%b-%y", "%B-%Y", "%b-%Y")
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b")
_UNTIL = re.compile(r"\s(?:-|\N{EN DASH}|to)\s")


def parsed(text: str, formats: Sequence[str] = DAY_FORMATS) -> date | None:
    """Return the day that a cell says, None where it says none."""
    for form in formats if text[:1].isalnum() else ():
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def first_of_month(grid: Grid) -> str | None:
    """Return the first of the month of the row "Period:", as 2024-04-01; None where none says so.

    Where the cell holds a span ("1st April 2024 - 30th April 2024") its beginning counts.
    """
    for cells in grid.rows:
        given = [cell for cell in cells if cell and cell.strip()]
        if not given or even(given[0]).rstrip(": ") != "period":
            continue
        for cell in given[1:]:
            start = " ".join(_ORDINAL.sub("", _UNTIL.split(cell.strip())[0]).split())
            day = parsed(start, _MONTH_FORMATS)
            if day is not None:
                return day.replace(day=1).isoformat()
    return None
