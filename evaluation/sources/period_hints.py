"""Why a period cannot be read, and dates that are written month first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from evaluation.findings import Check
from evaluation.periods import Calendar
from evaluation.sources.markers import cut
from evaluation.study import Outcome

__all__ = ["month_first", "refusals"]

# Day 1 of spreadsheets, but for the 29 February 1900 that they hold to have been.
_SPREADSHEET_EPOCH = date(1899, 12, 30)
_SERIALS = range(25_569, 73_051)  # 1970 to 2099
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}).*", flags=re.ASCII | re.DOTALL)
_TWO_DIGITS = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}", flags=re.ASCII)


def refusals(texts: Iterable[str], calendar: Calendar, heading: str) -> dict[str, str]:
    """Return what is to be said of each text that is no period.

    Parameters
    ----------
    texts : iterable of str
        Cells of the column of periods.
    calendar : Calendar
        Says how a period is written.
    heading : str
        Heading of the column: a header line among the rows holds it.
    """
    return {
        text: f'period "{cut(text)}" cannot be read{_why(text.strip(), heading)}; write it like '
        f"{calendar.example}"
        for text in texts
    }


def _why(text: str, heading: str) -> str:
    if text and text == heading.strip():
        return " (a header line among the rows)"
    if text.isascii() and text.isdigit() and int(text[:9]) in _SERIALS:
        day = _SPREADSHEET_EPOCH + timedelta(days=int(text))
        return f" (a spreadsheet's number for {day.day} {day:%B %Y})"
    slashed = _SLASHED.fullmatch(text)
    if slashed is not None and int(slashed[1]) <= 12 < int(slashed[2]) <= 31:
        return " (the month seems to stand before the day)"
    return " (a year of two digits)" if _TWO_DIGITS.fullmatch(text) else ""


def month_first(text: pl.DataFrame, calendar: Calendar, outcome: Outcome) -> tuple[Check, ...]:
    """Return a blocking check where dates only begin periods if they are read month first.

    Parameters
    ----------
    text : polars.DataFrame
        ``file`` and ``period_text``, one line a row.
    calendar, outcome : Calendar, Outcome
        How a period is written; what the check is of.
    """
    if calendar.frequency == "index":
        return ()
    found = []
    for (file,), rows in text.group_by("file", maintain_order=True):
        cells = [cell.strip() for cell in rows["period_text"].drop_nulls().unique().sort()]
        dates = [match for cell in cells if (match := _SLASHED.fullmatch(cell))]
        firsts, seconds = ({int(match[i]) for match in dates} for i in (1, 2))
        if seconds == {1} and len(firsts) > 1 and max(firsts) <= 12:
            found.append((file, dates[0][0], f"{len(dates)} dates, all of the form {dates[0][0]}"))
    if not found:
        return ()
    file, example, _ = found[0]
    return (
        Check(
            name="month_first",
            title="Dates are written day first",
            passed=False,
            detail=f'{file}: dates such as "{example}" seem to be written month first. Read day '
            "first, as they are here, all of them lie in January; read month first, each of them "
            "begins a month.",
            remedy=f"Write the periods like {calendar.example}, or the dates like 2024-04-01.",
            blocking=True,
            outcome=outcome.key,
            table=pl.DataFrame(found, schema=["file", "value", "problem"], orient="row"),
        ),
    )
