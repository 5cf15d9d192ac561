"""Small builders of faults: each returns a function that damages a file of a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

__all__ = ["Build", "add", "both", "bytewise", "put", "rename", "rows_of", "swap", "textwise"]

Build = Callable[[Path], object]


def put(name: str, content: str | bytes) -> Build:
    """Write a file, in place of what is there."""
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(raw)


def textwise(name: str, change: Callable[[str], str]) -> Build:
    """Change the text of a file."""
    return bytewise(name, lambda raw: change(raw.decode()).encode())


def bytewise(name: str, change: Callable[[bytes], bytes]) -> Build:
    """Change the bytes of a file."""

    def build(folder: Path) -> None:
        raw = (folder / name).read_bytes()
        changed = change(raw)
        assert changed != raw, "nothing was damaged"
        (folder / name).write_bytes(changed)

    return build


def swap(name: str, old: str, new: str, times: int = 1) -> Build:
    """Write ``new`` for ``old``, the first time that it is there; -1 for every time."""
    return textwise(name, lambda text: text.replace(old, new, times))


def add(name: str, *lines: str) -> Build:
    """Write lines at the end."""
    return textwise(name, lambda text: "\n".join([text.rstrip("\n"), *lines, ""]))


def rename(old: str, new: str) -> Build:
    """Give a file another name, in the study file too."""

    def build(folder: Path) -> None:
        (folder / old).rename(folder / new)
        swap("study.toml", f'"{old}"', f'"{new}"')(folder)

    return build


def both(*builds: Build) -> Build:
    """Do one after the other."""

    def build(folder: Path) -> None:
        for one in builds:
            one(folder)

    return build


def rows_of(text: str) -> list[list[str]]:
    """Return the records of a CSV text."""
    return list(csv.reader(io.StringIO(text)))
