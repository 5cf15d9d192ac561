"""The local return to be filled in: a CSV file, a workbook, and what their columns mean."""

from __future__ import annotations

from pathlib import Path

from evaluation.sources.local_return import LOCAL_RETURN, RETURN_SHEET

__all__ = ["write_template"]

_NAME = "local_return"
_COLUMN_WIDTH = 24


def write_template(folder: Path) -> tuple[Path, ...]:
    """Write the template into a folder, which is made; return the files.

    The headings and their meanings are those that the source declares, so that what is sent back
    is what is read. No example stands among the rows, for it would be read as a home.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"{_NAME}.csv"
    # With a byte order mark, for Excel takes a file without one for windows-1252.
    table.write_text(",".join(_headings()) + "\r\n", encoding="utf-8-sig", newline="")
    workbook = folder / f"{_NAME}.xlsx"
    _write_workbook(workbook)
    page = folder / "README.md"
    page.write_text(_page(), encoding="utf-8", newline="\n")
    return table, workbook, page


def _headings() -> list[str]:
    return [column.name for column in LOCAL_RETURN.columns]


def _write_workbook(path: Path) -> None:
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    table = workbook.create_sheet(RETURN_SHEET)
    told = workbook.create_sheet("columns")
    table.append(_headings())
    told.append(["column", "what to write", "for example"])
    for column in LOCAL_RETURN.columns:
        told.append([column.name, column.meaning, column.example])
    for sheet in (table, told):
        sheet.freeze_panes = "A2"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            sheet.column_dimensions[get_column_letter(cell.column)].width = _COLUMN_WIDTH
    # Months typed as 2026-01 stay as they are typed.
    month = _headings().index("month") + 1
    table.column_dimensions[get_column_letter(month)].number_format = "@"
    workbook.save(path)


def _page() -> str:
    lines = "\n".join(
        f"| `{c.name}` | {c.meaning} | {c.required} | `{c.example}` |" for c in LOCAL_RETURN.columns
    )
    example = ",".join(column.example for column in LOCAL_RETURN.columns)
    return f"""# Local return: qualified prescribers in care homes

Send `{_NAME}.csv` or `{_NAME}.xlsx` to the homes or ICBs of the study, those of the comparison too,
and put what comes back beside the study file. One row is one home in one month.

| column | what to write | needed | for example |
| --- | --- | --- | --- |
{lines}

A row looks like this:

```
{example}
```

- 0 means that there is none; an empty cell means that it is not known. They are not the same.
- Every home has a row in every month, so that no total drops because somebody did not answer.
- No name of a nurse or a resident belongs in this file.

## In the study file

Did the pilot bring more prescribers? A process outcome:

```toml
[[outcomes]]
key = "prescribers"
label = "Qualified prescribers in care homes"
source = "local_return"
files = ["{_NAME}/{_NAME}.csv"]
metric = "qualified_prescribers"
measure = "rate"
per = 1000
unit_label = "per 1,000 residents"
better = "higher"
role = "process"
```

What did each prescriber do? In another outcome, such as emergency admissions, add

```toml
dose_from = "prescribers"
```

Areas without a figure have no dose and are left out: comparison areas need rows as well.
`pilot-eval sources local_return` says how the file is read.
"""
