"""From an extract, by its layout, to ``episodes``: the columns that every later step reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import narwhals as nw
from narwhals.dtypes import DType

from evaluation.errors import SourceError, StudyError
from evaluation.records.cleaning import (
    DateStyle,
    code_list,
    codes_joined,
    date_cell,
    first_code,
    flag,
    is_recast,
    known_codes,
    order_number,
    primary_code,
    six_digits,
    text_cell,
    two_digits,
    undo_integer_method,
    whole_number,
    whole_years,
    without_decimals,
    without_null_dates,
    without_slashes,
)
from evaluation.records.engines import Frame
from evaluation.records.episodes import COLUMNS
from evaluation.records.files import BEYOND
from evaluation.records.layouts import CodeList, Layout

__all__ = ["Episodes", "to_episodes"]

_DATES = ("admitted", "discharged", "episode_start", "episode_end")
_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """Records with the columns of :data:`~evaluation.records.episodes.COLUMNS`.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        One row a record, with two more Booleans: ``unreadable``, the cell of the admission date
        holds something that is no date, and ``ragged``, the row has more cells than the header;
        and ``recast``, 1 where a program had made the method of admission a number, else 0.
    found : mapping of str to str
        Column to the heading that it was read from, for those that the extract has; the others
        are null.
    layout : Layout
        The declaration that it was read by.
    name : str
        The file, or what else messages call the extract.
    """

    frame: Frame
    found: Mapping[str, str]
    layout: Layout
    name: str

    def need(self, column: str, purpose: str) -> None:
        """Hold that the extract has a column.

        Raises
        ------
        SourceError
            With the headings that were looked for, what needs the column and what to do.
        """
        if column in self.found:
            return
        looked = ", ".join(_looked_for(self.layout, column)) or "none is usual"
        raise SourceError(
            f"there is no column of {column} (headings looked for: {looked}), and it is needed "
            f"{purpose}",
            place=self.name,
            remedy=f'If it has another heading, write columns = {{ {column} = "..." }} in '
            "[records]",
        )


def to_episodes(
    frame: Frame,
    layout: Layout,
    *,
    columns: Mapping[str, str],
    dates: DateStyle = "iso",
    coded: nw.Expr | None = None,
    name: str = "the records",
) -> Episodes:
    """Read an extract by its layout.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        The extract, as text or typed as a database has it.
    layout : Layout
        The declaration.
    columns : mapping of str to str
        Column of ``episodes`` to the user's own heading, which comes before the layout's. For
        ``diagnoses`` and ``procedures`` the heading of the first ("DX_01") or of all in one.
    dates : DateStyle
        How dates are written where they are text.
    coded : narwhals.Expr or None
        Over the columns of ``episodes``: only records for which it holds get ``primary``,
        ``diagnoses`` and ``procedures``, which take longest to clean. None: every record.
    name : str
        What messages call the extract.

    Raises
    ------
    StudyError
        For a column that ``episodes`` does not have.
    SourceError
        For a heading that is not there.
    """
    schema = frame.collect_schema()
    _refuse_unknown(columns)
    own = {column: _heading(schema, h, column, name) for column, h in columns.items()}
    found = {**_declared(layout, schema), **own}
    lists = {c: _list_headings(c, layout, own, schema) for c in ("diagnoses", "procedures")}
    found |= {column: headings[0] for column, headings in lists.items() if headings}
    if "primary" not in found and lists["diagnoses"]:
        found["primary"] = lists["diagnoses"][0]
    first = [found["primary"]] if "primary" in found else []
    codes = {column: h for column, h in {"primary": first, **lists}.items() if h}
    _refuse_nested(schema, {*found.values(), *(h for c in codes.values() for h in c)}, name)
    made: dict[str, list[nw.Expr]] = {}
    for column, dtype in COLUMNS.items():
        if column in codes:
            continue
        if column in found:
            made[column] = _cell(column, found[column], schema[found[column]], dates)
        else:
            empty = nw.lit(layout.constants.get(column), dtype=nw.String).cast(dtype())
            made[column] = [empty]
    known = {**dict.fromkeys(layout.constants, "(the same in every row)"), **found}
    unreadable = _is_unreadable(found.get("admitted"), schema, dates)
    ragged = ~nw.col(BEYOND).is_null() if BEYOND in schema else nw.lit(value=False)
    raw = {h: f"_raw {n}" for n, h in enumerate(sorted({h for c in codes.values() for h in c}))}
    frame = frame.select(
        *(steps[0].alias(column) for column, steps in made.items()),
        unreadable.alias("unreadable"),
        ragged.alias("ragged"),
        _recast(found.get("method"), schema).alias("recast"),
        *(nw.col(heading).alias(kept) for heading, kept in raw.items()),
    )
    frame = _further(frame, {column: steps[1:] for column, steps in made.items()})
    # A column of its own: written into each of the expressions it would make Spark's plan huge.
    frame = frame.with_columns((nw.lit(value=True) if coded is None else coded).alias("_coded"))
    frame = frame.with_columns(
        text_cell(_where_coded(kept, schema[heading]), schema[heading]).alias(kept)
        for heading, kept in raw.items()
    )
    lists_of_steps = {c: _codes(c, [nw.col(raw[h]) for h in there]) for c, there in codes.items()}
    frame = _further(frame, lists_of_steps)
    frame = frame.select(*COLUMNS, "unreadable", "ragged", "recast")
    return Episodes(frame=frame, found=known, layout=layout, name=name)


def _refuse_nested(schema: nw.Schema, headings: Iterable[str], name: str) -> None:
    nested = next((h for h in sorted(headings) if schema[h].is_nested()), None)
    if nested is not None:
        raise SourceError(
            f'column "{nested}" holds lists or structures',
            place=name,
            allowed="one text, number or date in each cell",
            remedy="Write the file again with one code in each cell, or all in one text",
        )


def _refuse_unknown(columns: Mapping[str, str]) -> None:
    for column in columns:
        if column not in COLUMNS:
            near = get_close_matches(column, COLUMNS, n=1, cutoff=0.6)
            raise StudyError(
                f'"{column}" is not a column of episodes',
                place="[records], columns",
                allowed=", ".join(COLUMNS),
                remedy=f'Did you mean "{near[0]}"?' if near else "",
            )


def _heading(schema: nw.Schema, wanted: str, column: str, name: str) -> str:
    found = _same(schema, wanted)
    if found is not None:
        return found
    near = get_close_matches(wanted, schema, n=1, cutoff=0.6)
    there = [heading for heading in schema if heading != BEYOND]
    more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    raise SourceError(
        f'there is no column "{wanted}", which [records] columns names for {column}',
        place=name,
        allowed=f"the columns that are there: {', '.join(there[:_LISTED])}{more}",
        remedy=f'Did you mean "{near[0]}"?' if near else "Correct the name",
    )


def _same(schema: Iterable[str], wanted: str) -> str | None:
    """Return the heading that is ``wanted``, or differs from it in capitals only."""
    folded = wanted.strip().casefold()
    headings = list(schema)
    return (
        wanted
        if wanted in headings
        else next((h for h in headings if h.strip().casefold() == folded), None)
    )


def _declared(layout: Layout, schema: nw.Schema) -> dict[str, str]:
    found = {}
    for column, item in layout.columns.items():
        heading = next((h for n in item.names if (h := _same(schema, n)) is not None), None)
        if heading is not None:
            found[column] = heading
    return found


def _list_headings(
    column: str, layout: Layout, own: Mapping[str, str], schema: nw.Schema
) -> list[str]:
    """Return the headings of a list of codes: one a position, or one that holds them all."""
    if column in own:
        return _positions(schema, own[column]) or [own[column]]
    codes = _list_of(layout, column)
    for first in codes.first:
        if (heading := _same(schema, first)) is not None:
            return _positions(schema, heading)
    joined = next((h for n in codes.joined if (h := _same(schema, n)) is not None), None)
    return [] if joined is None else [joined]


def _positions(schema: nw.Schema, first: str) -> list[str]:
    """Return ``first`` ("DIAG_01") and the headings that differ in its number, by number."""
    match = re.fullmatch(r"(.*?)0*1", first)
    if match is None:
        return []
    same = re.compile(rf"{re.escape(match[1])}0*(\d+)")
    numbered = {h: int(m[1]) for h in schema if (m := same.fullmatch(h))}
    return sorted(numbered, key=numbered.__getitem__)


def _list_of(layout: Layout, column: str) -> CodeList:
    return layout.diagnoses if column == "diagnoses" else layout.procedures


def _looked_for(layout: Layout, column: str) -> tuple[str, ...]:
    if column in ("diagnoses", "procedures"):
        codes = _list_of(layout, column)
        return (*codes.first, *codes.joined)
    declared = layout.columns.get(column)
    if column == "primary" and declared is None:
        return (*layout.diagnoses.first, *layout.diagnoses.joined)
    return declared.names if declared else ()


def _further(frame: Frame, steps: Mapping[str, Sequence[nw.Expr]]) -> Frame:
    """Work columns out step by step, all at once: each step is over what the one before gave.

    In one expression what is used twice would be worked out twice.
    """
    for number in range(max(map(len, steps.values()), default=0)):
        frame = frame.with_columns(
            of_column[number].alias(column)
            for column, of_column in steps.items()
            if number < len(of_column)
        )
    return frame


def _where_coded(column: str, dtype: DType) -> nw.Expr:
    """Return cells of the records that get codes; the others are blank.

    Blank and not null at first: polars works on what lies under a null.
    """
    chosen = nw.when(nw.col("_coded")).then(nw.col(column))
    return chosen.otherwise(nw.lit("")) if dtype == nw.String else chosen


def _codes(column: str, texts: list[nw.Expr]) -> list[nw.Expr]:
    """Return the steps from texts to a column of codes."""
    if column == "primary":
        return [first_code(texts[0]), primary_code(nw.col(column))]
    joined = codes_joined(texts) if len(texts) > 1 else texts[0]
    kind: Literal["diagnoses", "procedures"] = (
        "diagnoses" if column == "diagnoses" else "procedures"
    )
    return [code_list(joined, kind=kind), known_codes(nw.col(column))]


def _cell(column: str, heading: str, dtype: DType, dates: DateStyle) -> list[nw.Expr]:
    """Return the steps from a cell of the extract to one of episodes."""
    if column in _DATES:
        return [date_cell(heading, dtype, dates), without_null_dates(nw.col(column))]
    if column in _NUMBERS:
        meaning = _NUMBERS[column](nw.col(column))
        if dtype.is_integer():
            return [nw.col(heading).cast(nw.Int64), meaning]
        text = text_cell(nw.col(heading), dtype)
        return [text, whole_number(nw.col(column)), meaning]
    text = text_cell(nw.col(heading), dtype)
    return [text, *(make(nw.col(column)) for make in _MAKERS.get(column, ()))]


_NUMBERS: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "age": whole_years,
    "episode_order": order_number,
}
_MAKERS: Mapping[str, tuple[Callable[[nw.Expr], nw.Expr], ...]] = {
    **dict.fromkeys(("category", "source_of_admission", "destination"), (two_digits,)),
    "method": (without_decimals, undo_integer_method),
    "birth_month": (without_decimals, without_slashes, six_digits),
    "care_home": (flag,),
}


def _recast(heading: str | None, schema: nw.Schema) -> nw.Expr:
    """Return 1 for a method of admission that a program has made a number, else 0."""
    if heading is None:
        return nw.lit(0, dtype=nw.Int64)
    recast = is_recast(text_cell(nw.col(heading), schema[heading])).fill_null(value=False)
    return nw.when(recast).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


def _is_unreadable(heading: str | None, schema: nw.Schema, dates: DateStyle) -> nw.Expr:
    if heading is None or schema[heading] in (nw.Date, nw.Datetime):
        return nw.lit(value=False)
    has_text = ~text_cell(nw.col(heading), schema[heading]).is_null()
    return has_text & date_cell(heading, schema[heading], dates).is_null()
