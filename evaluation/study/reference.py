"""Every key of the study file as tables in Markdown, made from the model and ``keys.toml``.

``python -m evaluation.study.reference docs/study-file.md`` writes them into that file, between
its two markers; a test holds the file to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evaluation.errors import UsageError
from evaluation.study.keys import (
    Key,
    choices,
    core,
    file_fields,
    is_array,
    is_period,
    nested_model,
    read_keys,
)
from evaluation.study.mistakes import listed, written
from evaluation.study.model import Exclusion, Study

__all__ = ["BEGIN", "END", "key_tables", "main", "with_key_tables"]

BEGIN = "<!-- keys: made by python -m evaluation.study.reference, do not edit by hand -->"
END = "<!-- end of keys -->"

_HEADINGS = ("Key", "Meaning", "Type", "Allowed", "Default", "Example")
_KINDS: dict[object, str] = {str: "text", int: "whole number", float: "number", dict: "table"}
_NO_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    heading: str
    model: type[BaseModel]


def key_tables() -> str:
    """Return a heading and a table for each section of the study file."""
    return "\n".join(_section_text(section) for section in _sections(Study, ""))


def _sections(model: type[BaseModel], heading: str) -> Iterator[_Section]:
    yield _Section(heading=heading or "The top of the file", model=model)
    for name, field in file_fields(model).items():
        inside = nested_model(field)
        # Of comparison.exclude the words at the key say all.
        if inside is None or (inside is Exclusion and heading):
            continue
        brackets = f"`[[{name}]]`" if is_array(field) else f"`[{name}]`"
        yield from _sections(inside, f"`{name}` of {heading}" if heading else brackets)


def _section_text(section: _Section) -> str:
    keys = read_keys()
    lines = [f"## {section.heading}", "", _row(_HEADINGS), _row(["---"] * len(_HEADINGS))]
    for name, field in file_fields(section.model).items():
        key = keys[section.model.__name__, name]
        cells = [
            f"`{name}`",
            key.what,
            kind_words(field),
            key.allowed or listed(choices(field)),
            _default(field, key),
            f"`{written(key.example, longest=_NO_LIMIT)}`",
        ]
        lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _row(cells: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def kind_words(field: FieldInfo) -> str:
    """Return the type of a key's value, in words."""
    if is_period(field):
        return "period"
    if nested_model(field) is not None:
        return "list of tables" if is_array(field) else "table"
    inner = core(field.annotation)
    parts = [inner] if get_origin(inner) in (Literal, tuple, dict, None) else get_args(inner)
    return " or ".join(_kind(core(part)) for part in parts)


def _kind(inner: object) -> str:
    origin = get_origin(inner)
    if origin is Literal:
        return _KINDS[type(get_args(inner)[0])]
    if origin is tuple:
        return f"list of {_kind(core(get_args(inner)[0]))}s"
    return _KINDS[origin or inner]


def _default(field: FieldInfo, key: Key) -> str:
    if field.is_required():
        return "**required**"
    if key.default:
        return key.default
    value = field.default
    if isinstance(value, BaseModel):
        return "its defaults"
    return f"`{written(value)}`"


def with_key_tables(text: str) -> str:
    """Return the text of ``docs/study-file.md`` with the tables between its markers.

    Raises
    ------
    UsageError
        When the markers are not there, once each and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        raise UsageError(
            "the markers of the tables are not there", allowed=f"{BEGIN} once, then {END} once"
        )
    return f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{key_tables()}\n{text[text.index(END) :]}"


def main() -> None:
    """Write the tables into the file that the command line names."""
    page = Path(sys.argv[1])
    page.write_text(with_key_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
