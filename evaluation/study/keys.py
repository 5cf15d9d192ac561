"""What is said of each key of the study file, and what kind of value the model gives it.

The words are in ``keys.toml``; messages and ``docs/study-file.md`` are made from them.
"""

from __future__ import annotations

import tomllib
import types
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evaluation.study.model import NOT_IN_FILE, READS_PERIOD

__all__ = [
    "Key",
    "choices",
    "core",
    "file_fields",
    "is_array",
    "is_period",
    "nested_model",
    "read_keys",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a reader is told of one key.

    Parameters
    ----------
    what : str
        What the key means, as a sentence.
    example : object
        A value that is accepted, as TOML gives it.
    allowed : str
        What is accepted, in words; empty where the type lists its values.
    default : str
        What holds without the key, in words; empty where the field's default says it.
    """

    what: str
    example: object
    allowed: str = ""
    default: str = ""


@cache
def read_keys() -> dict[tuple[str, str], Key]:
    """Return what is said of each key, by the name of the model and the key."""
    text = files("evaluation.study").joinpath("keys.toml").read_text(encoding="utf-8")
    return {
        (model, name): Key(**words)
        for model, names in tomllib.loads(text).items()
        for name, words in names.items()
    }


def file_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of ``model`` that are keys of the file, by their name in the file."""
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if name not in NOT_IN_FILE
    }


def core(annotation: object) -> object:
    """Return an annotation without its metadata, and without None as an alternative."""
    if get_origin(annotation) is Annotated:
        return core(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kept = [a for a in get_args(annotation) if a is not type(None)]
        return core(kept[0]) if len(kept) == 1 else annotation
    return annotation


def nested_model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of the table, or of each table of the list, that a key takes."""
    inner = core(field.annotation)
    if get_origin(inner) is tuple:
        inner = core(get_args(inner)[0])
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def is_array(field: FieldInfo) -> bool:
    """Whether the key takes a list of tables, which the file writes as ``[[key]]``."""
    return nested_model(field) is not None and get_origin(core(field.annotation)) is tuple


def is_period(field: FieldInfo) -> bool:
    """Whether the key takes a period of ``time.frequency``."""
    inside = [item for part in get_args(field.annotation) for item in get_args(part)]
    return any(item == READS_PERIOD for item in (*field.metadata, *inside))


def choices(field: FieldInfo) -> tuple[object, ...]:
    """Return the values that a key takes, where they are listed; else none."""
    inner = core(field.annotation)
    parts = get_args(inner) if get_origin(inner) in (Union, types.UnionType) else (inner,)
    return tuple(v for part in parts if get_origin(part) is Literal for v in get_args(part))
