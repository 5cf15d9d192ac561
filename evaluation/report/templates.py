"""The templates of reports: those that ship with the tool, and a user's own in front of them.

A file in the user's folder takes the place of ours of the same name. It may build on the one that
it replaces by the name ``pilot-eval/<name>``: ``{% extends "pilot-eval/site.html" %}``.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)

from evaluation.errors import UsageError
from evaluation.resources import resource_folder

__all__ = ["blaming", "environment"]

_OURS = "pilot-eval"
# What the code of a template can raise while it is rendered: Jinja hands on what Python raises.
_RAISED = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def environment(own: Path | None = None) -> Environment:
    """Return what renders templates, with those in the folder ``own`` before ours.

    Raises
    ------
    UsageError
        When ``own`` is no folder, holds nothing that takes the place of a template, or a template
        in it is no Jinja.
    """
    ours = FileSystemLoader(resource_folder("templates"))
    loaders: list[BaseLoader] = [ours, PrefixLoader({_OURS: ours})]
    if own is not None:
        _refuse_without_effect(own, ours)
        loaders.insert(0, FileSystemLoader(own))
    made = Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_written,
    )
    if own is not None:
        # Found before anything is written, and in templates that no page of this study uses.
        with blaming(own):
            for name in _names(own):
                made.get_template(name)
    return made


def _written(value: object) -> object:
    """Write coordinates without a trailing .0; floats reach a template in drawings alone."""
    return f"{value:g}" if isinstance(value, float) else value


def _names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _refuse_without_effect(own: Path, ours: FileSystemLoader) -> None:
    allowed = ours.list_templates()
    if not own.is_dir():
        raise UsageError(
            "there is no such folder of templates",
            place=str(own),
            allowed="a folder that holds templates",
            remedy="Make it, or leave out --templates and [report] templates.",
        )
    if not set(_names(own)) & set(allowed):
        raise UsageError(
            "no file in it takes the place of a template",
            place=str(own),
            allowed=", ".join(allowed),
            remedy="Copy one of these from the templates of pilot-eval and change it.",
        )


@contextmanager
def blaming(own: Path | None) -> Iterator[None]:
    """Turn what a template in the folder ``own`` raises into one error with file and line.

    Errors of our own templates and code pass: they are defects.

    Raises
    ------
    UsageError
        When a template in ``own`` cannot be read or rendered.
    """
    try:
        yield
    except _RAISED as error:
        place = None if own is None else _place(error, own)
        if place is None:
            raise
        raise UsageError(
            f"the template cannot be rendered: {_reason(error)}",
            place=place,
            allowed="what the template of the same name in pilot-eval uses",
            remedy="Mend the line, or take the file out of the folder.",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, TemplateNotFound):
        return f"there is no template {str(error)!r}"
    said = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    return (said or type(error).__name__).rstrip(".")


def _place(error: Exception, own: Path) -> str | None:
    """Return file and line of the user's template that raised; None where none did."""
    if isinstance(error, TemplateSyntaxError) and error.filename is not None:
        return _named(Path(error.filename), error.lineno, own)
    found = [
        _named(Path(frame.filename), frame.lineno or 0, own)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    places = [place for place in found if place is not None]
    if places:
        return places[-1]
    if isinstance(error, UnicodeDecodeError):
        return next((str(own / name) for name in _names(own) if not _is_text(own / name)), None)
    return None


def _named(path: Path, line: int, own: Path) -> str | None:
    return f"{path}, line {line}" if path.is_relative_to(own) else None


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True
