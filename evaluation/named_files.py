"""From the names and globs in a study file to files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from evaluation.errors import SourceError

__all__ = ["find_files", "relative_name"]

_LISTED = 12
_SUFFIXES = (".csv", ".gz", ".parquet", ".txt", ".xlsx")
_ALLOWED = "names and globs relative to the folder of the study file"
# What a spreadsheet program and macOS put beside a file under a name that globs match.
_NO_FILES = {
    "~$": "is what a spreadsheet program leaves beside a workbook that is open, and no data",
    "._": "is what macOS leaves beside a file that it copies, and no data",
}


def find_files(folder: Path, patterns: Iterable[str], *, place: str) -> tuple[Path, ...]:
    """Return the files that the names and globs of a study file stand for, each once.

    Parameters
    ----------
    folder : Path
        The folder of the study file.
    patterns : iterable of str
        Names and globs, relative to ``folder`` or absolute.
    place : str
        The key of the study file that holds them, for messages.

    Raises
    ------
    SourceError
        When a name or glob stands for no file; it says what is in the folder.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        absolute = Path(pattern).is_absolute()
        root = Path(Path(pattern).anchor) if absolute else folder
        parts = Path(pattern).relative_to(root) if absolute else Path(pattern)
        literal = root / parts
        try:
            is_one = literal.exists() or not parts.parts
            hits = [literal] if is_one else sorted(root.glob(str(parts)))
            files = [path for path in hits if path.is_file()]
        except (OSError, ValueError, NotImplementedError) as error:
            raise _no_pattern(pattern, place) from error
        if not files:
            raise _no_file(folder, literal, pattern, place)
        _refuse_no_data(hits, files, folder, place)
        for path in files:
            found.setdefault(path.resolve(), path)
    return tuple(found.values())


def _refuse_no_data(hits: Iterable[Path], files: Iterable[Path], folder: Path, place: str) -> None:
    """Refuse what a glob matches by its name and is no file: what it was to hold would be lost."""
    within = {parent for path in files for parent in path.parents}
    for path in hits:
        told = _NO_FILES.get(path.name[:2])
        if path.is_symlink() and not path.exists():
            told = "is a link that leads nowhere"
        elif path.is_dir() and path.suffix.lower() in _SUFFIXES and path not in within:
            told = "is a folder"
        if told is not None:
            raise SourceError(
                f"{relative_name(path, folder)!r} {told}",
                place=place,
                allowed=_ALLOWED,
                remedy="Delete it, or write names or a glob that do not match it.",
            )


def _no_pattern(pattern: str, place: str) -> SourceError:
    return SourceError(
        f"{pattern!r} is not the name of a file or a glob",
        place=place,
        allowed=f"{_ALLOWED}; ** stands alone between slashes",
        remedy='Write it like "data/*.csv" or "data/**/*.csv".',
    )


def _no_file(folder: Path, literal: Path, pattern: str, place: str) -> SourceError:
    home = literal.parent
    if literal.is_symlink():
        there = "it is a link that leads nowhere"
    elif literal.is_dir():
        there = f"it is a folder: to read what is in it, write {f'{pattern}/*.csv'!r}"
    elif literal.exists():
        there = "it is a device or a pipe, and no file"
    elif "://" in pattern:
        there = "it is an address: get the file from there, and name the file"
    elif not home.is_dir():
        there = f"the folder {relative_name(home, folder)!r} does not exist"
    else:
        there = _listing(home, relative_name(home, folder))
    return SourceError(
        f"no file matches {pattern!r}; {there}",
        place=place,
        allowed=_ALLOWED,
        remedy="Correct the name, or put the file there.",
    )


def _listing(home: Path, where: str) -> str:
    try:
        names = sorted(p.name + ("/" if p.is_dir() else "") for p in home.iterdir())
    except OSError as error:
        return f"{where!r} cannot be looked into ({(error.strerror or 'no reason given').lower()})"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (
        f"in {where!r} there are: {', '.join(names[:_LISTED])}{more}"
        if names
        else (f"{where!r} is empty")
    )


def relative_name(path: Path, folder: Path) -> str:
    """Return the name of a file relative to the study's folder, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()
