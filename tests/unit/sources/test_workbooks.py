from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from evaluation.errors import SourceError
from evaluation.sources import workbook
from evaluation.sources.labels import even
from evaluation.sources.workbook import Grid, cell_text, opened, read_grids
from evaluation.sources.workbook_tables import table_below


def _saved(folder: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> Path:
    book = Workbook()
    del book["Sheet"]
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    path = folder / "book.xlsx"
    book.save(path)
    return path


def _grid(*rows: Sequence[str | None]) -> Grid:
    return Grid(name="b.xlsx!S", title="S", rows=tuple(tuple(row) for row in rows))


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, None),
        (3.0, "3"),
        (0.1, "0.1"),
        (12, "12"),
        (datetime(2024, 4, 1, 0, 0), "2024-04-01"),
        (date(2024, 4, 1), "2024-04-01"),
        (True, "true"),
        (" a ", " a "),
    ],
)
def test_cells_become_text(cell: object, text: str | None) -> None:
    assert cell_text(cell) == text


def test_labels_that_look_alike_are_equal() -> None:
    narrow = "P3 \N{EN DASH}\N{NARROW NO-BREAK SPACE}Care\nHome "
    assert even(narrow) == even("p3 - care\N{NO-BREAK SPACE}home") == even("P3-Care Home")


def test_only_the_sheets_asked_for_are_read(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"Cover Sheet ": [["x"]], "Table 2": [[], [None, 1.0], [None]]})
    grids = read_grids(path, "book.xlsx", ["cover sheet", "table 2", "table 9"])
    assert set(grids) == {"cover sheet", "table 2"}
    assert grids["table 2"].name == "book.xlsx!Table 2"
    assert grids["cover sheet"].title == "Cover Sheet"
    assert grids["table 2"].rows[1] == (None, "1")
    assert len(grids["table 2"].rows) == 2


def test_a_header_is_found_by_what_it_says_wherever_it_stands() -> None:
    header = ("Region", "Org\N{NO-BREAK SPACE}Code", None)
    for above in range(4):
        grid = _grid(*[("a note", None)] * above, header, ("x", "y", "z"))
        assert grid.find(["org code", "REGION"]) == above
        table = table_below(grid, ["Region", "Org Code"])
        assert table.cells.columns == ["Region", "Org Code", ""]
        assert table.rows.to_list() == [above + 2]
    assert _grid(header).find(["Region", "Value"]) is None
    with pytest.raises(SourceError, match=r"b\.xlsx!S: no row holds the headings 'Value'"):
        table_below(_grid(header), ["Value"])


def test_what_is_no_workbook_is_one_clear_error(tmp_path: Path) -> None:
    text = tmp_path / "text.xlsx"
    text.write_text("Region,Value\n")
    other = tmp_path / "other.xlsx"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("notes.txt", "no workbook")
    for path in (text, other):
        with (
            pytest.raises(SourceError, match="cannot be read as a workbook"),
            opened(path, path.name),
        ):
            pass


def test_a_workbook_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _saved(tmp_path, {"S": [["x"] * 50] * 50})
    monkeypatch.setattr(workbook, "_MOST_UNPACKED", 100)
    with pytest.raises(SourceError, match="unpacks to"), opened(path, path.name):
        pass
