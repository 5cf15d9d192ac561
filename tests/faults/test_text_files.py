"""Files of text that are not the CSV that they should be."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from faulty.edits import Build, add, both, bytewise, put, rename, swap, textwise
from faulty.fault import CHECK, Answer, Fault

Damaged = Callable[[str, Fault], Answer]

NAME = "outcomes.csv"
_HEADER = "icb,month,admissions,residents"


def _as_parquet(raw: bytes) -> bytes:
    stream = io.BytesIO()
    pl.read_csv(raw).write_parquet(stream)
    return stream.getvalue()


def _zipped(raw: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(NAME, raw)
    return stream.getvalue()


def _with_notes(text: str) -> str:
    """Return the table with a column of notes before the others."""
    first, *rows = text.splitlines()
    return "\n".join([f"note,{first}", *(f"x,{row}" for row in rows), ""])


def _folder_in_place(folder: Path) -> None:
    (folder / NAME).unlink()
    (folder / NAME).mkdir()


def _pipe_in_place(folder: Path) -> None:
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME)


def _beside(name: str, make: Callable[[Path], object]) -> Build:
    """Put something else beside the table, and name both by a glob."""

    def build(folder: Path) -> None:
        make(folder / name)
        swap("study.toml", '"outcomes.csv"', '"*.csv"')(folder)

    return build


def _parts(folder: Path) -> None:
    folder.mkdir()
    (folder / "part-0").write_text("icb,month\n")


def _link_to_itself(folder: Path) -> None:
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(folder / NAME)


FAULTS = (
    Fault(
        name="UTF-16 as a spreadsheet saves it",
        build=bytewise(NAME, lambda raw: raw.decode().encode("utf-16")),
        words=(NAME, "UTF-16", "Save it as CSV UTF-8"),
    ),
    Fault(
        name="UTF-16 without its mark",
        build=bytewise(NAME, lambda raw: raw.decode().encode("utf-16-le")),
        words=(f"{NAME}, line 1", "NUL byte", "UTF-8", "Save it as CSV UTF-8"),
    ),
    Fault(
        name="a byte that no encoding has",
        build=bytewise(NAME, lambda raw: raw.replace(b"\nQK1", b"\nQK\x81", 1)),
        words=(f"{NAME}, line 20", "0x81", "UTF-8", "windows-1252", "Save it as CSV UTF-8"),
    ),
    Fault(
        name="two encodings in one file",
        build=bytewise(
            NAME,
            lambda raw: raw.replace(b"\nQK1", b"\n\xc3\x89", 1).replace(b"\nQGH", b"\n\xc9", 1),
        ),
        words=(NAME, "line 20 is written in UTF-8", "line 38 in windows-1252", "CSV UTF-8"),
    ),
    Fault(
        name="a NUL byte",
        build=bytewise(NAME, lambda raw: raw.replace(b"2023-07,20", b"2023-07,2\0", 1)),
        words=(f"{NAME}, line 2", "NUL byte", "get it again"),
    ),
    Fault(
        name="an empty file",
        build=put(NAME, ""),
        words=(NAME, "the file is empty", "a header line and rows", "Get it again"),
    ),
    Fault(
        name="blank lines and nothing else",
        build=put(NAME, "\n\n \n\n"),
        words=(NAME, "the file is empty", "a header line and rows"),
    ),
    Fault(
        name="a header and no rows",
        build=put(NAME, _HEADER + "\n"),
        words=(f"{NAME} has a header and no rows", "no row of the data is for unit 'QWU'"),
        code=CHECK,
    ),
    Fault(
        name="a header and no rows in one file of two",
        build=both(
            put("more.csv", _HEADER + "\n"), swap("study.toml", '"outcomes.csv"', '"*.csv"')
        ),
        words=("more.csv has a header and no rows", "Get the files without rows again"),
        code=0,
    ),
    Fault(
        name="no header",
        build=textwise(NAME, lambda text: text.partition("\n")[2]),
        words=(NAME, "there is no column 'icb'", "'QWU', '2023-07', '20', '1000'", "columns.unit"),
    ),
    Fault(
        name="a header of two lines, the first for merged cells",
        build=textwise(NAME, lambda text: f"Area,,2023/24,\n{text}"),
        words=(NAME, "there is no column 'icb'", "'Area', '', '2023/24'", "columns.unit"),
    ),
    Fault(
        name="a heading that changed its name",
        build=swap(NAME, "admissions", "Admission count"),
        words=(NAME, "there is no column 'admissions'", "Did you mean 'Admission count'?"),
    ),
    Fault(
        name="a heading given twice",
        build=textwise(
            NAME,
            lambda text: "\n".join(
                f"{line},{'admissions' if i == 0 else 1}"
                for i, line in enumerate(text.splitlines())
            ),
        ),
        words=(f"{NAME}, header", "two columns are called 'admissions'", "rename or delete"),
    ),
    Fault(
        name="the header again among the rows: two files joined",
        build=textwise(NAME, lambda text: text.replace("\nQK1", f"\n{_HEADER}\nQK1", 1)),
        words=(f"{NAME}, row 20", 'period "month"', "a header line among the rows"),
        code=CHECK,
    ),
    Fault(
        name="a byte order mark among the rows: two files joined",
        build=bytewise(NAME, lambda raw: raw.replace(b"\nQK1", b"\n\xef\xbb\xbfQK1", 1)),
        words=(f"{NAME}, row 20", "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="an unquoted comma shifts the cells",
        build=swap(NAME, "2023-08,27,1000", "2023-08,1,027,1000"),
        words=(f"{NAME}, row 3", "the row has 5 cells, the header 4", '"1,234"'),
    ),
    Fault(
        name="semicolons between cells",
        build=textwise(NAME, lambda text: text.replace(",", ";")),
        words=(f"{NAME}, header", "separated by ';'", "commas", "Save the file with commas"),
    ),
    Fault(
        name="semicolons between cells and decimal commas",
        build=textwise(NAME, lambda text: text.replace(",", ";").replace("00\n", "00,5\n")),
        words=(f"{NAME}, header", "separated by ';'", "points in decimal numbers"),
    ),
    Fault(
        name="tabulators between cells",
        build=textwise(NAME, lambda text: text.replace(",", "\t")),
        words=(f"{NAME}, header", "separated by '\\t'", "Save the file with commas"),
    ),
    Fault(
        name="a line break in a quoted code",
        build=swap(NAME, "\nQK1,", '\n"QK\n1x",'),
        words=(f"{NAME}, row 20", '"QK 1x"', "is not in the list of ICBs"),
        code=CHECK,
    ),
    Fault(
        name="a quotation mark that takes in the next row",
        build=both(
            textwise(NAME, _with_notes),
            swap(NAME, "\nx,QWU,2023-08", '\n"x,QWU,2023-08'),
            swap(NAME, "\nx,QWU,2023-10", '\nx",QWU,2023-10'),
        ),
        words=("row 3", "holds what looks like whole rows"),
        code=0,
    ),
    Fault(
        name="a quotation mark within a cell",
        build=swap(NAME, "2023-08,27,", '2023-08,2"7,'),
        words=(f"{NAME}, row 3", "a quotation mark stands within a cell", "doubled within"),
    ),
    Fault(
        name="a cell that goes on after its quotation mark",
        build=swap(NAME, "2023-08,27,", '2023-08,"27"x,'),
        words=(f"{NAME}, row 3", "a quotation mark stands within a cell", "doubled within"),
    ),
    Fault(
        name="a quotation mark after a backslash",
        build=swap(NAME, "2023-08,27,", '2023-08,"27\\"",'),
        words=(NAME, "row 3", "a quotation mark", "doubled within"),
    ),
    Fault(
        name="quotation marks of typography",
        build=swap(NAME, "2023-08,27,", "2023-08,\N{LEFT DOUBLE QUOTATION MARK}27,"),
        words=(f"{NAME}, row 3", "which is not a number"),
        code=CHECK,
    ),
    Fault(
        name="a first line that tells a spreadsheet program the separator",
        build=textwise(NAME, lambda text: f"sep=,\n{text}"),
        words=(f"{NAME}, row 1", "'sep=,'", "Delete that line"),
    ),
    Fault(
        name="a note above the header",
        build=textwise(NAME, lambda text: f"# made on 3 March\n{text}"),
        words=(f"{NAME}, row 2", "the header 1", "If row 1 is a title or a note, delete it"),
    ),
    Fault(
        name="what a merge of two versions leaves",
        build=swap(NAME, "\nQK1", "\n<<<<<<< HEAD\nQK1"),
        words=(f"{NAME}, row 20", "the row has 1 cells, the header 4"),
    ),
    Fault(
        name="a heading with a character that cannot be seen",
        build=swap(NAME, "icb,", "icb\N{ZERO WIDTH SPACE},"),
        words=(NAME, "there is no column 'icb'", "Did you mean 'icb\\u200b'?"),
    ),
    Fault(
        name="two byte order marks",
        build=bytewise(NAME, lambda raw: b"\xef\xbb\xbf\xef\xbb\xbf" + raw),
        words=(NAME, "there is no column 'icb'", "Did you mean '\\ufefficb'?"),
    ),
    Fault(
        name="a pound sign in windows-1252, in a heading",
        build=bytewise(NAME, lambda raw: raw.replace(b"residents", b"residents \xa3", 1)),
        words=(NAME, "there is no column 'residents'", "Did you mean 'residents \N{POUND SIGN}'?"),
    ),
    Fault(
        name="an accent as old computers of Apple write it",
        build=bytewise(NAME, lambda raw: raw.replace(b"residents", b"r\x8esidents", 1)),
        words=(NAME, "there is no column 'residents'", "Did you mean"),
    ),
    Fault(
        name="UTF-32",
        build=bytewise(NAME, lambda raw: raw.decode().encode("utf-32")),
        words=(NAME, '"Unicode"', "Save it as CSV UTF-8"),
    ),
    Fault(
        name="line ends of Unicode",
        build=textwise(NAME, lambda text: text.replace("\n", "\N{LINE SEPARATOR}")),
        words=(NAME, "there is no column 'residents'"),
    ),
    Fault(
        name="the mark at which old systems end a file",
        build=bytewise(NAME, lambda raw: raw + b"\x1a"),
        words=(f"{NAME}, row 110", "the row has 1 cells"),
    ),
    Fault(
        name="a pointer to a file that was not fetched",
        build=put(NAME, "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"),
        words=(NAME, "there is no column 'icb'", "git-lfs"),
    ),
    Fault(
        name="one object a line",
        build=put(NAME, '{"icb":"QWU","month":"2023-07","admissions":20,"residents":1000}\n' * 3),
        words=(NAME, "row 1", "a quotation mark stands within a cell"),
    ),
    Fault(
        name="a gzip file that is cut off",
        build=bytewise(NAME, lambda raw: gzip.compress(raw)[:60]),
        words=(NAME, "a gzip file", "Unpack it"),
    ),
    Fault(
        name="a zip file within a zip file",
        build=bytewise(NAME, lambda raw: _zipped(_zipped(raw))),
        words=(NAME, "a zip file or a workbook", "Unpack it"),
    ),
    Fault(
        name="a picture",
        build=put(NAME, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        words=(NAME, "not text in a known encoding"),
    ),
    Fault(
        name="two files, the second without a header",
        build=both(
            put("more.csv", "QWU,2025-01,20,1000\n"),
            swap("study.toml", '"outcomes.csv"', '"outcomes.csv", "more.csv"'),
        ),
        words=("more.csv", "there is no column 'icb'", "'QWU', '2025-01', '20', '1000'"),
    ),
    Fault(
        name="two files, the second with another heading",
        build=both(
            put("more.csv", "icb,month,admits,residents\nQWU,2025-01,20,1000\n"),
            swap("study.toml", '"outcomes.csv"', '"outcomes.csv", "more.csv"'),
        ),
        words=("more.csv", "there is no column 'admissions'", "Did you mean 'admits'?"),
    ),
    Fault(
        name="a quotation mark that is never closed",
        build=swap(NAME, "2023-08,27", '2023-08,"27'),
        words=(NAME, "a quotation mark is opened and not closed", "stray quotation mark"),
    ),
    Fault(
        name="a row cut short",
        build=swap(NAME, "QWU,2023-08,27,1000", "QWU,2023-08,27"),
        words=(f"{NAME}, row 3", "the row has 3 cells, the header 4", "'residents'"),
    ),
    Fault(
        name="a note below the table",
        build=add(NAME, "Source: our own records"),
        words=(f"{NAME}, row 110", "the row has 1 cells, the header 4", "delete the note"),
    ),
    Fault(
        name="half a file: it ends within a row",
        build=bytewise(NAME, lambda raw: raw[: raw.index(b"QHM,2024-03") + 14]),
        words=(f"{NAME}, row 64", "the header 4", "Get the file again"),
    ),
    Fault(
        name="half a file: it ends within a number",
        build=bytewise(NAME, lambda raw: raw[:-3]),
        words=(f"{NAME}: the last line has no line end", "the file may be cut off"),
        code=0,
    ),
    Fault(
        name="half a file: it ends between two rows",
        build=bytewise(NAME, lambda raw: raw[: raw.index(b"QNX,2024-06")]),
        words=("Sussex (QNX) reports nothing after May 2024", "Units that stop reporting"),
        code=0,
    ),
    Fault(
        name="line ends of two kinds",
        build=swap(NAME, "1000\nQWU,2023-09", "1000\rQWU,2023-09"),
        words=(f"{NAME}, row 3", "carriage return"),
    ),
    Fault(
        name="the page where one signs in, saved as a table",
        build=put(NAME, "<!DOCTYPE html>\n<html><body>Sign in, or go back</body></html>\n"),
        words=(NAME, "a web page", "where one signs in", "Get the file again"),
    ),
    Fault(
        name="the answer of a web service, saved as a table",
        build=put(NAME, '{"error": "not found", "status": 404}\n'),
        words=(NAME, "there is no column 'icb'", "not found"),
    ),
    Fault(
        name="a PDF",
        build=put(NAME, b"%PDF-1.7\n%\xe2\xe3"),
        words=(NAME, "a PDF document", "table"),
    ),
    Fault(
        name="a zip file that holds the table",
        build=bytewise(NAME, _zipped),
        words=(NAME, "a zip file or a workbook", "Unpack it"),
    ),
    Fault(
        name="a gzip file",
        build=bytewise(NAME, gzip.compress),
        words=(NAME, "a gzip file", "Unpack it"),
    ),
    Fault(
        name="an old workbook",
        build=put(NAME, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)),
        words=(NAME, "an old workbook (.xls)", "save it as .xlsx"),
    ),
    Fault(
        name="a Parquet file",
        build=bytewise(NAME, _as_parquet),
        words=(NAME, "a Parquet file", "End its name in .parquet"),
    ),
    Fault(
        name="a kind of file that is not read",
        build=rename(NAME, "outcomes.ods"),
        words=("outcomes.ods", "'.ods' cannot be read", ".csv, .parquet, .xlsx", "CSV UTF-8"),
    ),
    Fault(
        name="a folder in place of a file",
        build=_folder_in_place,
        words=("no file matches 'outcomes.csv'", "it is a folder", "'outcomes.csv/*.csv'"),
    ),
    Fault(
        name="a glob that matches nothing",
        build=swap("study.toml", '"outcomes.csv"', '"data-*.csv"'),
        words=("no file matches 'data-*.csv'", "there are: outcomes.csv, study.toml", "Correct"),
    ),
    Fault(
        name="a folder that does not exist",
        build=swap("study.toml", '"outcomes.csv"', '"data/outcomes.csv"'),
        words=("no file matches 'data/outcomes.csv'", "the folder 'data' does not exist"),
    ),
    Fault(
        name="a glob that is none",
        build=swap("study.toml", '"outcomes.csv"', '"data**.csv"'),
        words=("'data**.csv' is not the name of a file or a glob", "** stands alone"),
    ),
    Fault(
        name="a link that leads to itself",
        build=_link_to_itself,
        words=("no file matches 'outcomes.csv'", "a link that leads nowhere"),
    ),
    Fault(
        name="the folder of the study in place of a file",
        build=swap("study.toml", '"outcomes.csv"', '"."'),
        words=("no file matches '.'", "it is a folder", "'./*.csv'"),
    ),
    Fault(
        name="a pipe in place of a file",
        build=_pipe_in_place,
        words=("no file matches 'outcomes.csv'", "it is a device or a pipe"),
    ),
    Fault(
        name="an address in place of a file",
        build=swap("study.toml", '"outcomes.csv"', '"https://example.org/outcomes.csv"'),
        words=("no file matches 'https://example.org/outcomes.csv'", "it is an address"),
    ),
    Fault(
        name="a glob that matches what a spreadsheet program leaves beside an open workbook",
        build=_beside("~$outcomes.csv", lambda path: path.write_bytes(b"\x05admin")),
        words=("'~$outcomes.csv' is what a spreadsheet program leaves", "a glob that do not match"),
    ),
    Fault(
        name="a glob that matches what macOS leaves beside a file",
        build=_beside("._outcomes.csv", lambda path: path.write_bytes(b"\0\5\x16\7")),
        words=("'._outcomes.csv' is what macOS leaves", "Delete it"),
    ),
    Fault(
        name="a glob that matches a folder: a table written in parts",
        build=_beside("more.csv", _parts),
        words=("'more.csv' is a folder", "Delete it, or write names"),
    ),
    Fault(
        name="a glob that matches a link that leads nowhere",
        build=_beside("more.csv", lambda path: path.symlink_to(path.parent / "gone.csv")),
        words=("'more.csv' is a link that leads nowhere", "Delete it, or write names"),
    ),
    Fault(
        name="a cell longer than any cell",
        build=swap(NAME, "QWU,2023-08,27", f"QWU,2023-08,{'7' * 40_000}"),
        words=(f"{NAME}, row 3", "40,000 characters", "at most 32,767"),
    ),
    Fault(
        name="more columns than a sheet has",
        build=textwise(NAME, lambda text: _HEADER + ",x" * 20_000 + "\n" + text.partition("\n")[2]),
        words=(f"{NAME}, header", "20,004 cells", "at most 16,384"),
    ),
    Fault(
        name="a cell of some lines' length in a number column",
        build=swap(NAME, "QWU,2023-08,27", f"QWU,2023-08,{'seven ' * 500}"),
        words=(f"{NAME}, row 3", 'holds "seven seven', "...", "which is not a number"),
        code=CHECK,
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_file_of_text_ends_in_one_clear_error_or_a_finding(
    damaged: Damaged, fault: Fault
) -> None:
    damaged("TABLE", fault)


def _not_readable(folder: Path) -> None:
    (folder / NAME).chmod(0)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_without_leave_to_read_it(damaged: Damaged) -> None:
    words = (NAME, "cannot be opened (permission denied)", "Ask its owner")
    damaged("TABLE", Fault(name="forbidden", build=_not_readable, words=words))


def _never_read(folder: Path) -> None:
    (folder / NAME).unlink()
    (folder / NAME).symlink_to("/proc/self/mem")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file that fails to be read")
def test_a_file_that_the_system_fails_to_read(damaged: Damaged) -> None:
    words = (NAME, "cannot be opened (input/output error)", "Ask its owner")
    damaged("TABLE", Fault(name="fails to be read", build=_never_read, words=words))
