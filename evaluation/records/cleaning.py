"""What is odd in hospital records, put right: one expression for each kind of cell.

Every expression runs on polars, DuckDB and Spark alike: no back-references in patterns, no cast
of a text that was not looked at first (DuckDB and Spark stop at the first bad cell), no rounding
by cast.

Source of the oddities: HFAnalyticsLab/HES_pipeline ``src/clean.R`` and the HES data dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import narwhals as nw
from narwhals.dtypes import DType

__all__ = [
    "NULL_DATES",
    "DateStyle",
    "code_list",
    "codes_joined",
    "date_cell",
    "date_text",
    "first_code",
    "flag",
    "is_recast",
    "known_codes",
    "order_number",
    "primary_code",
    "six_digits",
    "text_cell",
    "two_digits",
    "undo_integer_method",
    "whole_number",
    "whole_years",
    "without_decimals",
    "without_null_dates",
    "without_slashes",
]

DateStyle = Literal["iso", "day_first", "compact"]

# What HES writes for "no date" and "no valid date", and what other tools make of it.
NULL_DATES: tuple[date, ...] = (
    date(1800, 1, 1),
    date(1801, 1, 1),
    date(1600, 1, 1),
    date(1582, 10, 15),
)

# A day that the calendar has, as YYYY-MM-DD; what follows it (a time) is not looked at.
_IS_A_DAY = (
    r"^\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))"
    r"|^(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
)
_IS_A_NUMBER = r"^\d{1,4}(?:\.\d+)?$"
# 7001 to 7007 are ages under one year, in steps; 120 means 120 or more.
_BABIES = (7001, 7007)
_OLDEST = 130
_NO_ORDER = (98, 99)
_FALSE = ("0", "N", "NO", "F", "FALSE")
# HFAnalyticsLab/HES_pipeline casts ADMIMETH to integers and writes 2A to 2D as 66 to 69.
_METHODS = {"66": "2A", "67": "2B", "68": "2C", "69": "2D"}


def text_cell(cell: nw.Expr, dtype: DType) -> nw.Expr:
    """Return cells of a type as text without spaces around; a blank cell is null."""
    if dtype.is_float():
        # A column of whole numbers with gaps is often stored as 21.0.
        cell = nw.when(~cell.is_nan()).then(cell).cast(nw.Int64)
    elif dtype == nw.Boolean:
        cell = cell.cast(nw.Int64)
    text = (cell if dtype == nw.String else cell.cast(nw.String)).str.strip_chars(" \t\r\n")
    return nw.when(text != "").then(text)


def date_text(column: str, style: DateStyle) -> nw.Expr:
    """Return a text of a date in ISO form, whether or not it is a day of the calendar."""
    text = nw.col(column).str.strip_chars(" \t\r\n")
    if style == "iso":
        return text
    if style == "compact":
        parts = (text.str.slice(0, 4), text.str.slice(4, 2), text.str.slice(6, 2))
    else:
        parts = (text.str.slice(6, 4), text.str.slice(3, 2), text.str.slice(0, 2))
    return nw.concat_str(*parts, separator="-")


def date_cell(column: str, dtype: DType, style: DateStyle) -> nw.Expr:
    """Return a column as dates, the null dates of HES among them; what is no date is null."""
    if dtype == nw.Date:
        return nw.col(column)
    if dtype == nw.Datetime:
        return nw.col(column).dt.date()
    text = date_text(column, style)
    day = nw.when(text.str.contains(_IS_A_DAY)).then(text.str.slice(0, 10))
    return day.str.to_date("%Y-%m-%d")


def without_null_dates(day: nw.Expr) -> nw.Expr:
    """Return dates with the null dates of HES as null."""
    return nw.when(~day.is_in(list(NULL_DATES))).then(day)


def whole_number(text: nw.Expr) -> nw.Expr:
    """Return a text as a whole number, rounded down; what is no number is null."""
    # Floored first: DuckDB's cast to a whole number rounds, the others' truncate.
    digits = nw.when(text.str.contains(_IS_A_NUMBER)).then(text)
    return digits.cast(nw.Float64).floor().cast(nw.Int64)


def whole_years(years: nw.Expr) -> nw.Expr:
    """Return an age in whole years: 0 under one year, null where not known (999)."""
    baby = years.is_between(*_BABIES)
    known = nw.when(years.is_between(0, _OLDEST)).then(years)
    return nw.when(baby).then(nw.lit(0)).otherwise(known)


def order_number(order: nw.Expr) -> nw.Expr:
    """Return the order of an episode; 98 (not applicable) and 99 (not known) are null."""
    return nw.when((order >= 0) & ~order.is_in(list(_NO_ORDER))).then(order)


def two_digits(text: nw.Expr) -> nw.Expr:
    """Return a code of two digits that may have lost its leading zero: "2" is "02"."""
    return nw.when(text.str.len_chars() == 1).then(nw.concat_str(nw.lit("0"), text)).otherwise(text)


def six_digits(text: nw.Expr) -> nw.Expr:
    """Return a month and year of birth that may have lost its leading zero: "61938" is "061938"."""
    return nw.when(text.str.len_chars() == 5).then(nw.concat_str(nw.lit("0"), text)).otherwise(text)


def without_slashes(text: nw.Expr) -> nw.Expr:
    """Return a month and year of birth as 061938 where it is written 06/1938."""
    return text.str.replace_all("/", "", literal=True)


def without_decimals(text: nw.Expr) -> nw.Expr:
    """Return 21.0 as 21."""
    decimal = text.str.ends_with(".0")
    whole = nw.when(decimal).then(text).otherwise(nw.lit("")).str.replace_all(r"\.0$", "")
    return nw.when(decimal).then(whole).otherwise(text)


def undo_integer_method(text: nw.Expr) -> nw.Expr:
    """Return the method of admission in capitals, with 66 to 69 as 2A to 2D again."""
    method = text.str.to_uppercase()
    for number, published in _METHODS.items():
        method = nw.when(text == number).then(nw.lit(published)).otherwise(method)
    return method


def is_recast(text: nw.Expr) -> nw.Expr:
    """Whether a program has made a method of admission a number; Boolean, null for null."""
    return text.is_in(list(_METHODS)) | text.str.ends_with(".0")


def flag(text: nw.Expr) -> nw.Expr:
    """Return a match flag: 0, N, no, false are False; blank is null; all else (an id) is True."""
    return nw.when(~text.is_null()).then(~text.str.to_uppercase().is_in(list(_FALSE)))


def first_code(text: nw.Expr) -> nw.Expr:
    """Return the first ICD-10 code of a cell in 3 or 4 characters."""
    code = text.str.replace_all(".", "", literal=True).str.slice(0, 4).str.to_uppercase()
    return code.str.replace_all("[^A-Z0-9].*$|X$", "")


def primary_code(code: nw.Expr) -> nw.Expr:
    """Return a first code; null where there is none, and for R69 (not known)."""
    return nw.when((code != "") & ~code.str.starts_with("R69")).then(code)


def codes_joined(texts: Sequence[nw.Expr]) -> nw.Expr:
    """Return the codes of one cell a position as one text, in order, 4 characters each.

    The fifth and sixth character of HES (a subdivision, dagger D or asterisk A) go.
    """
    cells = [text.str.replace_all(".", "", literal=True).str.slice(0, 4) for text in texts]
    return nw.concat_str(*cells, separator=",", ignore_nulls=True)


def code_list(text: nw.Expr, *, kind: Literal["diagnoses", "procedures"]) -> nw.Expr:
    """Return codes framed by commas, ",J189,E119,"; "," where there is none.

    Padding (I10X), stray punctuation and daggers go, and what stands for no code: R69 among
    diagnoses; ``-``, ``&`` and X997 to X999 among procedures.
    """
    plain = text.str.to_uppercase().str.replace_all(".", "", literal=True)
    framed = nw.concat_str(nw.lit(","), plain, nw.lit(","))
    framed = framed.str.replace_all("[^A-Z0-9]+", ",")
    if kind == "diagnoses":
        # X pads a code of three characters; a dagger or asterisk letter may follow it.
        framed = framed.str.replace_all("X[A-Z]{0,2},", ",")
        return framed.str.replace_all("R69[A-Z0-9]*,", "")
    return framed.str.replace_all("X99[789],", "")


def known_codes(framed: nw.Expr) -> nw.Expr:
    """Return codes framed by commas; null where there is none."""
    return nw.when(framed != ",").then(framed)
