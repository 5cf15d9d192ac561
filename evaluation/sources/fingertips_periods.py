"""Time periods as Fingertips writes them: "2021/22", "2021/22 Q1", and pooled ones, "2019 - 21"."""

from __future__ import annotations

import re

import polars as pl

from evaluation.periods import Calendar

__all__ = ["ordinals", "pooled", "span"]

_POOLED = r"\s[-\x{2013}]\s"
_QUARTER = re.compile(r"(\d{4})/(\d{2}) Q([1-4])", flags=re.ASCII)


def pooled(column: str) -> pl.Expr:
    """Return the reason of rows that pool several periods, null for the others."""
    text = pl.col(column).fill_null("").str.strip_chars()
    reason = pl.format(
        '"{}" pools several periods, and shares most of them with its neighbours', text
    )
    return pl.when(text.str.contains(_POOLED)).then(reason)


def ordinals(text: pl.Series, calendar: Calendar) -> pl.Series:
    """Return the ordinals of periods, null for what cannot be read; each text is read once."""
    known: dict[str, int] = {}
    for cell in text.drop_nulls().unique():
        try:
            known[cell] = calendar.parse(_as_calendar(cell.strip()))
        except ValueError:
            continue
    return text.replace_strict(known, default=None, return_dtype=pl.Int64).alias("period")


def _as_calendar(text: str) -> str:
    """Return a quarter of a financial year as the quarter of the calendar year that it is."""
    found = _QUARTER.fullmatch(text)
    if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
        return text
    year, number = int(found[1]), int(found[3])
    return f"{year}-Q{number + 1}" if number < 4 else f"{year + 1}-Q1"


def span(first: str, last: str) -> str:
    """Return the period from one day to another (2021-04-01) as Fingertips writes periods."""
    begin, end = first[:10].split("-"), last[:10].split("-")
    if len(begin) != 3 or len(end) != 3 or not (begin[0] + end[0]).isdigit():
        return f"{first} - {last}"
    year, days = int(begin[0]), ("-".join(begin[1:]), "-".join(end[1:]))
    if days == ("01-01", "12-31") and end[0] == begin[0]:
        return begin[0]
    if days == ("04-01", "03-31") and int(end[0]) == year + 1:
        return f"{year}/{int(end[0]) % 100:02d}"
    quarters = {("01-01", "03-31"): 1, ("04-01", "06-30"): 2, ("07-01", "09-30"): 3}
    quarters[("10-01", "12-31")] = 4
    if end[0] == begin[0] and days in quarters:
        return f"{year}-Q{quarters[days]}"
    is_month = begin[:2] == end[:2] and begin[2] == "01" and int(end[2]) >= 28
    return f"{begin[0]}-{begin[1]}" if is_month else f"{first} - {last}"
