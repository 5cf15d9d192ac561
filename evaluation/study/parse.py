"""From the text of a study file to a :class:`Study`, or to one error with every mistake."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from evaluation.errors import StudyError
from evaluation.study.mistakes import refuse
from evaluation.study.model import Study
from evaluation.study.rules import broken_rules, with_primary
from evaluation.study.shape import shape, with_tuples
from evaluation.study.spelling import take_out_unknown
from evaluation.study.units import follow_units

__all__ = ["load_study", "parse_study"]

_FILE_NAME = "study.toml"
_START = "Run `pilot-eval init` for a study file to start from."
_ON_A_LINE = "Put text and periods in double quotes, and each key on a line of its own"
# What the parser's message begins with, what that means, and what to do.
_TOML_WORDS = (
    (
        "Unescaped '\\'",
        "a \\ in double quotes stands for something else",
        "In a path write / in place of \\, or put the text in single quotes",
    ),
    ("Invalid value", "no value can be read here", _ON_A_LINE),
    ("Expected newline", "something follows the value", _ON_A_LINE),
    ("Cannot overwrite", "the key is in its section already", "Delete one of the two"),
    (
        "Cannot declare",
        "the section is in the file already",
        "Delete one of the two; a section that may come often stands in [[two brackets]]",
    ),
    ("Expected '=' after", "a key has no value", "Write key = value"),
    ("Invalid statement", "no key can be read here", "Write key = value; a comment starts with #"),
    ("Unclosed array", "a list is not closed", "Close the list with ]"),
    ("Illegal character '\\n'", "a text does not end on its line", "Close it with the same quote"),
    ("Unterminated string", "a text does not end", "Close it with the same quotes"),
)
_AT_THE_END = ("the file ends where a value is due", "Write the value; close a list with ]")


def load_study(path: Path) -> Study:
    """Read a study file.

    Parameters
    ----------
    path : Path
        The file, or a folder that holds a ``study.toml``.

    Raises
    ------
    StudyError
        When it cannot be read, or with every mistake in it.
    """
    file = path / _FILE_NAME if path.is_dir() else path
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        where = f"in the folder {path}" if file != path else "at this path"
        raise StudyError(
            f"there is no study file {where}", place=str(file), remedy=_START
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is none"
        raise StudyError(
            f"cannot be read ({reason})",
            place=str(file),
            allowed="a text file that you may read",
            remedy="Check its permissions.",
        ) from error
    return parse_study(_decoded(content, file), file)


def _decoded(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"line {line} is not UTF-8 (byte 0x{content[error.start]:02x})",
            place=str(file),
            allowed="a text file in UTF-8",
            remedy="Save the file with the encoding UTF-8.",
        ) from error


def parse_study(text: str, path: Path) -> Study:
    """Read the text of a study file that lies, or is to lie, at ``path``.

    Raises
    ------
    StudyError
        With every mistake in it.
    """
    original = with_tuples(_read_toml(text, path))
    tree = with_tuples(original)
    misspelt = take_out_unknown(tree)
    named = {**original, **with_tuples(tree)}
    shaped = shape(tree, text=text, path=path)
    followed = follow_units(shaped.study)
    found = [*followed.mistakes, *broken_rules(shaped.study, followed)]
    mistakes = [*misspelt, *shaped.mistakes]
    mistakes += [m for m in found if not m.follows_from(shaped.wrong)]
    if mistakes:
        raise refuse(mistakes, named, path)
    return with_primary(followed.applied_to(shaped.study))


def _read_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(str(error), text, path) from error
    except RecursionError as error:
        raise StudyError(
            "lists or tables are nested too deeply to be read", place=str(path), remedy=_START
        ) from error
    except ValueError as error:
        # Python reads no whole number of more than some thousand digits.
        raise StudyError(
            "holds a number of too many digits", place=str(path), remedy="Write a shorter one."
        ) from error


def _not_toml(message: str, text: str, path: Path) -> StudyError:
    """Say where TOML cannot be read: tomllib gives the line and column in its message only."""
    lines = text.split("\n")
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    line, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    problem, remedy = _toml_words(message, is_at_end=found is None)
    return StudyError(
        f"{problem}: `{shown}`" if shown else problem,
        place=f"{path}, line {line}, column {column}",
        allowed="TOML, as in the file that `pilot-eval init` writes",
        remedy=remedy,
    )


def _toml_words(message: str, *, is_at_end: bool) -> tuple[str, str]:
    if is_at_end and message.startswith("Invalid value"):
        return _AT_THE_END
    for start, problem, remedy in _TOML_WORDS:
        if message.startswith(start):
            return problem, remedy
    what = re.sub(r" \(at [^)]*\)$", "", message)
    return f"not TOML ({what[:1].lower()}{what[1:]})", "Correct the line"
