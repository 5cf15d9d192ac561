"""What a source is, declared once: the docs, the reading and the checks come from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from evaluation.findings import Check
from evaluation.sources.markers import MARKERS
from evaluation.sources.tidy import Tidy
from evaluation.study import Outcome, Study

__all__ = [
    "ANY_COLUMN",
    "Column",
    "DefinitionBreak",
    "Kind",
    "Mark",
    "Metric",
    "Select",
    "Source",
    "describe",
]

ANY_COLUMN = "any column"

Mark = Literal["V", "P", "U"]
Kind = Literal["code", "number", "period", "text"]
_MARKS: dict[str, str] = {
    "V": "verified: read in the publisher's own files",
    "P": "partly corroborated",
    "U": "not verified: treat it as a setting and look at the publisher's notes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a source's files.

    Parameters
    ----------
    name : str
        The heading; for ``table`` the key of ``columns`` in the study file.
    kind : {"code", "number", "period", "text"}
        What a cell holds.
    meaning : str
        In plain words.
    required : str
        When it must be there: ``always`` or the condition.
    example : str
        A cell as it may stand in a file.
    """

    name: str
    kind: Kind
    meaning: str
    required: str = "always"
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure that a source publishes under a label.

    Parameters
    ----------
    key : str
        What ``metric`` in the study file says.
    definition : str
        In plain words.
    labels : tuple of str
        The labels that stand for it in the files, one spelling each: spaces, dashes and case
        are evened out before they are compared.
    grain : {"day", "week", "month", "period"}
        What one row covers; a week is counted on its first day. A period is what the row says.
    mark : Mark
        How far the label and the definition are verified.
    averaged : bool
        Whether a row is itself a mean, so that several are averaged and never added up.
    """

    key: str
    definition: str
    labels: tuple[str, ...]
    grain: Literal["day", "week", "month", "period"]
    mark: Mark = "V"
    averaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionBreak:
    """A day on which metrics changed their meaning, so that no series crosses it unharmed."""

    on: date
    metrics: tuple[str, ...]
    detail: str
    mark: Mark = "V"


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """A choice of rows that a study may make: a key of ``select`` in the study file.

    Parameters
    ----------
    name : str
        The key; :data:`ANY_COLUMN` where every column of the file is one.
    meaning : str
        What it selects, and what holds without it.
    example : str
        As the study file writes it.
    """

    name: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A declaration and the function that reads by it.

    Parameters
    ----------
    key : str
        What ``source`` in the study file says.
    title, publisher, licence : str
        As the report names them.
    row : str
        What one row of a file is.
    columns : tuple of Column
        In the order of the files.
    metrics : tuple of Metric
        Empty where the study names columns instead.
    breaks : tuple of DefinitionBreak
        Known changes of definition.
    selects : tuple of Select
        By what a study may select rows.
    covariates : tuple of Column
        What a study may name in ``covariates``; for ``table`` any column of the file.
    takes_headings : bool
        Whether ``headings`` in the study file may rename columns.
    oddities : tuple of str
        What is known to be odd in the files, and what is done about it.
    mark : Mark or None
        How far the layout is verified; None where the study names it.
    read : callable
        ``(study, outcome, files) -> Tidy``.
    examine : callable
        ``(rows, study, outcome) -> checks`` on the rows once each is used or left out.
    """

    key: str
    title: str
    publisher: str
    licence: str
    row: str
    columns: tuple[Column, ...]
    read: Callable[[Study, Outcome, tuple[Path, ...]], Tidy]
    examine: Callable[[pl.DataFrame, Study, Outcome], tuple[Check, ...]]
    metrics: tuple[Metric, ...] = ()
    breaks: tuple[DefinitionBreak, ...] = ()
    selects: tuple[Select, ...] = ()
    covariates: tuple[Column, ...] = ()
    takes_headings: bool = False
    oddities: tuple[str, ...] = ()
    mark: Mark | None = None

    def metric(self, key: str) -> Metric | None:
        """Return the metric with this key, or None."""
        return next((m for m in self.metrics if m.key == key), None)


def describe(source: Source) -> str:
    """Return the declaration as markdown: what ``pilot-eval sources KEY`` prints."""
    layout = f"\n- Layout: [{source.mark}] {_MARKS[source.mark]}" if source.mark else ""
    parts = [
        f"## `{source.key}`: {source.title}",
        f"- Publisher: {source.publisher}\n- Licence: {source.licence}\n"
        f"- One row is: {source.row}{layout}",
        "### Columns",
        _table(
            ("column", "holds", "needed", "meaning", "example"),
            [
                (
                    f"`{c.name}`",
                    c.kind,
                    c.required,
                    c.meaning,
                    f"`{c.example}`" if c.example else "",
                )
                for c in source.columns
            ],
        ),
    ]
    if source.takes_headings:
        parts.append(
            "Where your files call a column something else, say so in the study file: "
            f'`headings = {{ "{source.columns[0].name}" = "your heading" }}`.'
        )
    if source.selects:
        parts += ["### Which rows: `select` in the study file", _selects(source)]
    if source.covariates:
        lines = (f"- `{c.name}` ({c.kind}): {c.meaning}" for c in source.covariates)
        parts += ["### Covariates", "\n".join(lines)]
    parts += ["### Missing figures", _missing()]
    if source.metrics:
        parts += ["### Metrics", _metrics(source)]
    if source.breaks:
        parts += ["### Changes of definition", "\n".join(_break(b) for b in source.breaks)]
    if source.oddities:
        parts += [
            "### Notes and known oddities",
            "\n".join(f"- {oddity}" for oddity in source.oddities),
        ]
    return "\n\n".join(parts) + "\n"


def _missing() -> str:
    """Return which markers leave a row out, and what each means; the ledger keeps the meaning."""
    lines = []
    for meaning in dict.fromkeys(MARKERS.values()):
        markers = [
            f"`{m}`" if m else "an empty cell" for m, means in MARKERS.items() if means == meaning
        ]
        lines.append(f"- {meaning}: {', '.join(markers)}")
    return "\n".join(lines)


def _selects(source: Source) -> str:
    return _table(
        ("select", "meaning", "example"),
        [(f"`{s.name}`", s.meaning, f"`{s.example}`") for s in source.selects],
    )


def _metrics(source: Source) -> str:
    return _table(
        ("metric", "one row a", "label in the files", "meaning", "mark"),
        [
            (f"`{m.key}`", m.grain, "; ".join(m.labels), m.definition, f"[{m.mark}]")
            for m in source.metrics
        ],
    )


def _break(item: DefinitionBreak) -> str:
    metrics = ", ".join(f"`{key}`" for key in item.metrics)
    return f"- {item.on.day} {item.on:%B %Y} [{item.mark}], {metrics}: {item.detail}"


def _table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    rule = tuple("---" for _ in header)
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))
