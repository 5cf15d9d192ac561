"""The workbook: traced to what was released, the same bytes twice, fit for a screen reader."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from evaluation.disclosure import Released, release
from evaluation.report.workbook import write_workbook
from evaluation.results.result import Result

_MARKED = 1  # marked tables a sheet
_TEXT_SHEETS = {"Cover"}
# A spreadsheet holds 16 significant digits of a double's 17.
_WRITTEN = 1e-15


def _same(value: float) -> object:
    return pytest.approx(value, rel=_WRITTEN)


@pytest.fixture(scope="module")
def released(example_result: Result) -> Released:
    """Return the invented run after disclosure control."""
    return release(example_result)


@pytest.fixture(scope="module")
def written(released: Released, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workbook of the invented run."""
    path = tmp_path_factory.mktemp("workbook") / "tables.xlsx"
    write_workbook(released, path)
    return path


@pytest.fixture(scope="module")
def book(written: Path) -> Workbook:
    """Return the workbook as openpyxl reads it."""
    return load_workbook(written)


def _table(sheet: Worksheet) -> tuple[list[str], list[tuple[object, ...]]]:
    """Headings (without units of notes) and lines of the one marked table."""
    assert len(sheet.tables) == _MARKED, sheet.title
    (area,) = (sheet.tables[name].ref for name in sheet.tables)
    rows = [tuple(cell.value for cell in row) for row in sheet[area]]
    return [str(heading).split("\n")[0] for heading in rows[0]], rows[1:]


def test_every_estimate_is_in_the_workbook_with_the_same_numbers(
    released: Released, book: Workbook
) -> None:
    for place, key in enumerate(released.outcome_keys, start=1):
        headings, lines = _table(book[f"Estimates {place}"])
        mine = [estimate for estimate in released.estimates if estimate.outcome == key]
        assert len(lines) == len(mine)
        for line, estimate in zip(lines, mine, strict=True):
            found = dict(zip(headings, line, strict=True))
            interval = estimate.interval
            assert found["Effect on"] == (estimate.effect.group or "all pilot sites")
            assert found["Estimator"] == estimate.estimator
            assert found["Effect"] == _same(estimate.effect.value)
            relative = estimate.relative[0]
            assert found["Effect, per cent"] == ("[x]" if relative is None else _same(relative))
            for heading, end in (("Low end", interval.low), ("High end", interval.high)):
                assert found[heading] == ("[x]" if end is None else _same(end))


def test_every_event_time_is_in_the_workbook(released: Released, book: Workbook) -> None:
    headings, lines = _table(book["Event study"])
    at, effect = headings.index("Periods from the start"), headings.index("Effect")
    expected = [(int(e.effect.group), _same(e.effect.value)) for e in released.event_study]
    assert [(line[at], line[effect]) for line in lines] == expected


def test_counts_stand_as_they_were_released(released: Released, book: Workbook) -> None:
    headings, lines = _table(book["Counts"])
    column = headings.index("Count")
    assert [str(line[column]) for line in lines] == released.counts["count"].to_list()


def test_trends_stand_as_they_were_released(released: Released, book: Workbook) -> None:
    headings, lines = _table(book["Trends"])
    shown = [line[headings.index("Value")] for line in lines]
    expected: list[object] = []
    for trend in released.trends:
        for value, hidden in zip(trend.values, trend.suppressed, strict=True):
            expected.append("[c]" if hidden else "[x]" if value is None else _same(value))
    assert shown == expected
    assert "[c]" in shown


def test_no_small_count_is_in_the_workbook(book: Workbook) -> None:
    headings, lines = _table(book["Counts"])
    for name in ("Count", "Exposure"):
        figures = [line[headings.index(name)] for line in lines]
        assert not [f for f in figures if isinstance(f, int | float) and 0 < f < 8]
    headings, lines = _table(book["Findings"])
    assert "3.0" not in [line[headings.index("Value")] for line in lines]


def test_the_same_released_gives_the_same_bytes(
    released: Released, written: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.xlsx"
    write_workbook(released, again)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (written, again)}
    assert len(digests) == 1


def test_properties_hold_a_fixed_date_and_the_title(released: Released, book: Workbook) -> None:
    assert book.properties.created is not None
    assert book.properties.created.year == 2000
    assert book.properties.title == released.study.title


def test_sheets_are_plain_tables_that_a_screen_reader_can_follow(book: Workbook) -> None:
    for sheet in book.worksheets:
        assert not sheet.merged_cells.ranges, sheet.title
        if sheet.title in _TEXT_SHEETS:
            continue
        headings, lines = _table(sheet)
        assert all(heading.strip() for heading in headings)
        assert len(set(headings)) == len(headings)
        assert not [line for line in lines for cell in line if cell in (None, "")], sheet.title


def test_cover_contents_and_notes_come_first_and_contents_name_every_sheet(book: Workbook) -> None:
    assert book.sheetnames[:3] == ["Cover", "Contents", "Notes"]
    _, lines = _table(book["Contents"])
    assert [line[0] for line in lines] == book.sheetnames[3:]


def test_the_notice_is_on_every_sheet_of_figures_and_on_the_cover(
    released: Released, book: Workbook
) -> None:
    for sheet in book.worksheets:
        if sheet.title in ("Contents", "Notes"):
            continue
        top = [row[0].value for row in sheet.iter_rows(max_row=6)]
        assert released.study.notice in top, sheet.title


def test_codes_that_a_sheet_uses_are_explained_above_its_table(book: Workbook) -> None:
    for sheet in book.worksheets[3:]:
        _, lines = _table(sheet)
        cells = {cell for line in lines for cell in line}
        top = [str(row[0].value) for row in sheet.iter_rows(max_row=12)]
        for code in ("[c]", "[x]", "[z]"):
            explained = any(line.startswith(f"{code} ") for line in top)
            assert explained == (code in cells), (sheet.title, code)


def test_an_open_study_says_that_control_was_off(example_result: Result, tmp_path: Path) -> None:
    settings = example_result.study.release.model_copy(update={"suppress_below": 0, "round_to": 1})
    study = example_result.study.model_copy(update={"release": settings, "notice": ""})
    path = tmp_path / "open.xlsx"
    write_workbook(release(dataclasses.replace(example_result, study=study)), path)
    cover = [row[0].value for row in load_workbook(path)["Cover"].iter_rows()]
    assert "Disclosure control was switched off for this study." in cover
