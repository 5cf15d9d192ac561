"""Files that are not what their names say, told by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.errors import SourceError

__all__ = ["LOOKED_AT", "look_at", "not_opened", "refuse_foreign"]

LOOKED_AT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of file: the bytes that it begins with, what it is, and what to do about it."""

    suffix: str
    begins: bytes
    words: str
    remedy: str


_AS_WORKBOOK = "Open it in a spreadsheet program and save it as .xlsx."
_KINDS = (
    _Kind(
        suffix=".xlsx",
        begins=b"PK\x03\x04",
        words="a zip file or a workbook",
        remedy="Unpack it, or end its name in .xlsx if it is a workbook.",
    ),
    _Kind(
        suffix=".xls",
        begins=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        words="an old workbook (.xls), or one with a password",
        remedy=f"{_AS_WORKBOOK[:-1]} and without a password.",
    ),
    _Kind(
        suffix=".parquet",
        begins=b"PAR1",
        words="a Parquet file",
        remedy="End its name in .parquet.",
    ),
    _Kind(suffix=".gz", begins=b"\x1f\x8b", words="a gzip file", remedy="Unpack it."),
    _Kind(
        suffix=".pdf",
        begins=b"%PDF-",
        words="a PDF document",
        remedy="Get the table that it was made from.",
    ),
    _Kind(
        suffix=".utf16",
        begins=b"\xff\xfe",
        words='text in UTF-16 ("Unicode")',
        remedy="Save it as CSV UTF-8.",
    ),
    _Kind(
        suffix=".utf16",
        begins=b"\xfe\xff",
        words='text in UTF-16 ("Unicode")',
        remedy="Save it as CSV UTF-8.",
    ),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<script")
_PAGE = _Kind(
    suffix=".html",
    begins=b"<",
    words="a web page and no table",
    remedy="Open it in a browser to see what it says: it may be the page where one signs in. Get "
    "the file again.",
)


def refuse_foreign(start: bytes, name: str, *, suffix: str) -> None:
    """Refuse a file that begins as a file of another kind does.

    Parameters
    ----------
    start : bytes
        The first bytes, :data:`LOOKED_AT` of them.
    name : str
        What messages call the file.
    suffix : str
        The kind that it is to be: ``.csv``, ``.xlsx``, ``.parquet``.

    Raises
    ------
    SourceError
        Naming what the file is, and what to do about it.
    """
    found = next((kind for kind in _KINDS if start.startswith(kind.begins)), None)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = _PAGE if text.startswith(_PAGES) else found
    if found is not None and found.suffix != suffix:
        raise SourceError(
            f"the file is {found.words}",
            place=name,
            allowed=f"what its name says: {suffix}",
            remedy=found.remedy,
        )


def look_at(path: Path, name: str, *, suffix: str) -> None:
    """Refuse a file that cannot be opened, or begins as a file of another kind does.

    Raises
    ------
    SourceError
        As :func:`refuse_foreign` and :func:`not_opened`.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(LOOKED_AT)
    except OSError as error:
        raise not_opened(error, name) from error
    refuse_foreign(start, name, suffix=suffix)


def not_opened(error: OSError, name: str) -> SourceError:
    """Return the error for a file that the system does not let us read."""
    return SourceError(
        f"the file cannot be opened ({(error.strerror or 'no reason given').lower()})",
        place=name,
        allowed="a file that you may read",
        remedy="Ask its owner for leave to read it, or copy it beside the study file.",
    )
