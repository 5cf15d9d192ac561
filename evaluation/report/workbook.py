"""``tables.xlsx``: every released figure in accessible tables, one marked table a sheet.

Laid out by gptables after the Government Analysis Function's guidance on statistics in
spreadsheets: a cover, contents and notes, no merged cells, no empty cells, shorthands explained.
The same Released gives the same bytes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.disclosure import Released
from evaluation.report.workbook_sheets import NOTES, Cell, Sheet, sheets

if TYPE_CHECKING:
    from gptables import GPTable
    from pandas import DataFrame

__all__ = ["workbook_identity", "write_workbook"]

# Stands in the file's properties in place of the clock, so that a rerun gives the same bytes.
_CREATED = datetime(2000, 1, 1)
_MAKERS = ("gptables", "xlsxwriter", "pandas")
_LONG = 60  # characters: longer texts wrap in a column of this many pixels
_WRAPPED = 460
_LEGEND = {
    "[c]": "[c] suppressed: too small to be shown, or it would give away one that is",
    "[x]": "[x] not available: it could not be worked out, or was not reported",
    "[z]": "[z] not applicable",
}


def workbook_identity(released: Released) -> str:
    """Return a hash of all that the workbook is made of: the same hash, the same bytes.

    Making the workbook takes longer than everything else of a report together, so one that was
    made before is kept where this has not changed.
    """
    parts = [
        repr((sheets(released), _cover(released))),
        Path(__file__).read_text(encoding="utf-8"),
        *(f"{package} {version(package)}" for package in _MAKERS),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_workbook(released: Released, path: Path) -> None:
    """Write the released figures to ``path``.

    Parameters
    ----------
    released : Released
        What disclosure control let through; the workbook adds no figure to it.
    path : Path
        Where the workbook goes; an existing file is replaced.
    """
    chosen = sheets(released)
    used = {note for sheet in chosen for _, note in sheet.notes}
    notes = [(key, text) for key, text in NOTES.items() if key in used]
    with _edge_to_pandas():
        from gptables import Cover, produce_workbook

        workbook = produce_workbook(
            str(path),
            {sheet.label: _table(sheet, released) for sheet in chosen},
            cover=Cover(**_cover(released)),
            contentsheet_options={"instructions": "This worksheet contains one table."},
            notes_table=_frame(("Reference", "Note"), notes),
            workbook_options={
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
            },
        )
        for sheet in chosen:
            for column in _long_columns(sheet):
                worksheet = workbook.get_worksheet_by_name(sheet.label)
                worksheet.set_column_pixels(column, column, _WRAPPED)
        for label in ("Contents", "Notes"):
            workbook.get_worksheet_by_name(label).set_column_pixels(1, 1, _WRAPPED)
        workbook.set_properties(
            {"title": released.study.title, "author": "pilot-eval", "created": _CREATED}
        )
        workbook.close()


@contextmanager
def _edge_to_pandas() -> Iterator[None]:
    """Keep quiet about what gptables 2.0 does inside: none of it can be mended from here.

    It leaves the file of its theme to be closed by the interpreter, and calls pandas in ways that
    pandas 3.1 says pandas 4 will refuse (the requirement is pandas below 4).
    """
    with warnings.catch_warnings():
        for category in (ResourceWarning, DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _cover(released: Released) -> dict[str, str | list[str]]:
    """Return the words of the cover."""
    study = released.study
    notice = [study.notice] if study.notice else []
    period = ""
    if released.glances:
        first = min(glance.first for glance in released.glances)
        last = max(glance.last for glance in released.glances)
        period = f"Period: {study.calendar.label(first)} to {study.calendar.label(last)}."
    control = "Disclosure control was switched off for this study."
    if released.controlled:
        hidden = sum(glance.hidden for glance in released.glances)
        control = (
            f"Disclosure control: figures from 1 to {study.release.suppress_below - 1} are "
            f"suppressed and others rounded to the nearest {study.release.round_to}; "
            f"{hidden:,} figures of the outcomes are suppressed."
        )
    contact = study.contact
    parts = (contact.name, contact.organisation, contact.email) if contact else ()
    return {
        "title": study.title,
        "intro": [
            *notice,
            "Tables behind the report: estimates for each outcome, the event study, counts, "
            "trends, checks, and the data used.",
            *([period] if period else []),
        ],
        "about": [control, *_LEGEND.values(), "Made with pilot-eval; a rerun gives the same file."],
        "contact": [part for part in parts if part] or ["No contact was named in the study file."],
    }


def _table(sheet: Sheet, released: Released) -> GPTable:
    from gptables import GPTable

    notice = [released.study.notice] if released.study.notice else []
    cells = {cell for line in sheet.lines for cell in line if isinstance(cell, str)}
    refers = "Numbered notes in its headings are on the Notes worksheet." if sheet.notes else ""
    return GPTable(
        table=_frame(sheet.columns, sheet.lines),
        table_name=sheet.name,
        title=sheet.title,
        subtitles=[*notice, *sheet.subtitles],
        instructions=f"This worksheet contains one table. {refers}".strip(),
        legend=[text for code, text in _LEGEND.items() if code in cells],
        table_notes={column: f"$${note}$$" for column, note in sheet.notes},
        index_columns={},
    )


def _frame(columns: Sequence[str], lines: Sequence[Sequence[Cell]]) -> DataFrame:
    """Return a pandas frame of any mixture of cells: numbers stay numbers beside codes."""
    from pandas import DataFrame

    return DataFrame([list(line) for line in lines], columns=list(columns), dtype=object)


def _long_columns(sheet: Sheet) -> list[int]:
    return [
        column
        for column in range(len(sheet.columns))
        if any(len(str(line[column])) > _LONG for line in sheet.lines)
    ]
