"""Damage at random: rows and cells of a good file, its columns and its encoding."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

__all__ = ["Table", "damages"]

# What may stand in any cell: markers, garbage, other codes and periods, figures of all kinds.
CELLS = (
    *("", "-", "*", "..", "[x]", "[z]", "[c]", "NULL", "#N/A", "n/a", "0", "5", "-3", '"'),
    *("12%", "twelve", "1e308", "inf", "1,234", "12,5", "=A1", "#REF!", "£5", "two\nlines"),
    *(
        "(5)",
        "5.5",
        "-0",
        "1-7",
        "true",
        "1\N{NO-BREAK SPACE}200",
        "5\N{ZERO WIDTH SPACE}",
        "\N{EN DASH}5",
    ),
    *("England", "Total", "Y60", "QWU", "qk1 ", "QZZ", "02P", "E54000018", "S9B9J"),
    *("2024-05", "May-24", "01/05/2024", "05/13/2024", "45383", "2021/22", "soon", "x" * 90),
    *("ICB", "National", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
)
_TOTALS = ("England", "Total", "Y60", "ENG", "E92000001")
Row = tuple[str, ...]
Change = Callable[["Table"], "Table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CSV file taken apart: notes, header and rows, and how it is written.

    A row of no cells is a blank line.
    """

    notes: tuple[str, ...]
    header: Row
    rows: tuple[Row, ...]
    encoding: str = "utf-8"
    end: str = "\n"

    @classmethod
    def of(cls, text: str, notes: int = 0) -> Table:
        """Take a text apart, with so many lines above its header."""
        lines = text.splitlines(keepends=True)
        header, *rows = csv.reader(io.StringIO("".join(lines[notes:])))
        above = tuple(line.rstrip("\n") for line in lines[:notes])
        return cls(notes=above, header=tuple(header), rows=tuple(map(tuple, rows)))

    def written(self) -> bytes:
        """Return the file."""
        stream = io.StringIO()
        stream.writelines(f"{note}{self.end}" for note in self.notes)
        csv.writer(stream, lineterminator=self.end).writerows([self.header, *self.rows])
        # What an encoding does not have a program writes as a question mark.
        return stream.getvalue().encode(self.encoding, errors="replace")

    def only(self, numbers: set[int]) -> Table:
        """Return the table with the rows of these numbers alone: 1 is the first line."""
        first = len(self.notes) + 2
        kept = tuple(row for n, row in enumerate(self.rows, start=first) if n in numbers)
        return replace(self, rows=kept)

    def column(self, heading: str) -> int:
        """Return the index of a heading."""
        return self.header.index(heading)


def damages(
    table: Table, headings: Sequence[str], code: str
) -> st.SearchStrategy[tuple[Change, ...]]:
    """Return a strategy of some damages to a table, to be done one after the other.

    ``headings`` are those whose cells are flipped; ``code`` is that of the areas, which a total
    among the rows has something else for.
    """
    at, nth = st.integers(0, 10_000), st.integers(0, 10_000)
    return st.lists(
        st.one_of(
            st.builds(_flip, at, st.sampled_from(list(headings)), st.sampled_from(CELLS)),
            st.builds(_flip, at, st.sampled_from(list(headings)), st.sampled_from(CELLS)),
            st.builds(_drop, at),
            st.builds(_repeat, at, nth),
            st.builds(_move, at, nth),
            st.builds(_truncate, at),
            st.builds(_blank, at, st.sampled_from([(), ("",) * len(table.header)])),
            st.builds(_total, at, nth, st.just(code), st.sampled_from(_TOTALS)),
            st.builds(_shuffle, st.permutations(table.header)),
            st.builds(
                _encode,
                st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
                st.sampled_from(["\n", "\r\n"]),
            ),
        ),
        min_size=1,
        max_size=6,
    ).map(tuple)


def _placed(rows: tuple[Row, ...], at: int, row: Row) -> tuple[Row, ...]:
    i = at % (len(rows) + 1)
    return (*rows[:i], row, *rows[i:])


def _flip(at: int, heading: str, cell: str) -> Change:
    def change(table: Table) -> Table:
        if not table.rows or not table.rows[at % len(table.rows)]:
            return table
        i, j = at % len(table.rows), table.column(heading)
        row = table.rows[i]
        flipped = (*row[:j], cell, *row[j + 1 :])
        return replace(table, rows=(*table.rows[:i], flipped, *table.rows[i + 1 :]))

    return change


def _drop(at: int) -> Change:
    def change(table: Table) -> Table:
        i = at % (len(table.rows) + 1)
        return replace(table, rows=(*table.rows[:i], *table.rows[i + 1 :]))

    return change


def _repeat(at: int, to: int) -> Change:
    def change(table: Table) -> Table:
        if not table.rows:
            return table
        return replace(table, rows=_placed(table.rows, to, table.rows[at % len(table.rows)]))

    return change


def _move(at: int, to: int) -> Change:
    return lambda table: _drop(at + (to % (len(table.rows) + 1) <= at))(_repeat(at, to)(table))


def _truncate(at: int) -> Change:
    # More than half is kept, or nothing would be left to be held.
    return lambda table: replace(
        table, rows=table.rows[: len(table.rows) - at % (len(table.rows) // 2 + 1)]
    )


def _blank(at: int, row: Row) -> Change:
    def change(table: Table) -> Table:
        # A blank line at the end is no row to any program.
        to = at % max(len(table.rows), 1)
        return replace(table, rows=_placed(table.rows, to, row)) if table.rows else table

    return change


def _total(at: int, to: int, heading: str, word: str) -> Change:
    def change(table: Table) -> Table:
        given = [row for row in table.rows if row]
        if not given:
            return table
        row, j = given[at % len(given)], table.column(heading)
        return replace(table, rows=_placed(table.rows, to, (*row[:j], word, *row[j + 1 :])))

    return change


def _shuffle(headings: Sequence[str]) -> Change:
    def change(table: Table) -> Table:
        order = [table.header.index(heading) for heading in headings]
        rows = tuple(tuple(row[i] for i in order) if row else row for row in table.rows)
        return replace(table, header=tuple(headings), rows=rows)

    return change


def _encode(encoding: str, end: str) -> Change:
    return lambda table: replace(table, encoding=encoding, end=end)
