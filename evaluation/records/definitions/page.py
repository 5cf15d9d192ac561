"""The definitions as a page of markdown, so that docs and code cannot differ."""

from __future__ import annotations

from evaluation.records.definitions.codes import Codes
from evaluation.records.definitions.model import MARKS, Admissions, Condition, Definition, Where

__all__ = ["describe", "page"]

_HEAD = """# Definitions of avoidable admissions

Which emergency admissions count as avoidable. This page is made from the tables in
`evaluation/records/definitions/`; a study names one of them by its key, and a table of one's own,
laid out in the same way, by its path.

A code stands for every code that begins with it; `[56]` is 5 or 6, `[0-8]` is 0 to 8. Codes are
compared after cleaning: `I10X` is `I10`. An admission that meets several conditions is counted
once, under the first of them.
"""
_DIAGNOSES = {
    "primary": "primary diagnosis",
    "secondary": "secondary diagnosis",
    "any": "any diagnosis",
}
_PROCEDURES = {"first": "first procedure", "any": "any procedure"}


def page(definitions: tuple[Definition, ...]) -> str:
    """Return the whole page."""
    marks = "\n".join(f"- [{mark}] {meaning}" for mark, meaning in MARKS.items())
    listed = _table(
        ("key", "what", "made for", "conditions", "mark"),
        [
            (f"`{d.key}`", d.short_title, d.population, str(len(d.conditions)), f"[{d.mark}]")
            for d in definitions
        ],
    )
    return "\n".join([_HEAD, marks, "", listed, "", *(describe(d) for d in definitions)])


def describe(definition: Definition) -> str:
    """Return one definition as markdown."""
    lines = [
        f"## `{definition.key}`",
        "",
        f"{definition.title}.",
        "",
        *([f"**{definition.caveat}**", ""] if definition.caveat else []),
        f"- Mark: [{definition.mark}] {MARKS[definition.mark]}",
        f"- Source: {definition.source}",
        f"- Made for: {definition.population}",
        *(f"- {note}" for note in definition.notes),
        *(f"- Not applied: {rule}" for rule in definition.not_applied),
        "",
        f"### `{definition.key}`: which admissions",
        "",
        f"[{definition.admissions.mark}] {definition.admissions.source}.",
        "",
        *(f"- {rule}" for rule in _admissions(definition.admissions)),
        "",
        f"### `{definition.key}`: with which conditions",
        "",
        _table(
            ("condition", "key", "diagnosis", "needs", "unless", "mark"),
            [_row(condition) for condition in definition.conditions],
        ),
        "",
    ]
    noted = [f"- {c.label}: {c.note}" for c in definition.conditions if c.note]
    return "\n".join([*lines, *noted, ""] if noted else lines)


def _admissions(rules: Admissions) -> list[str]:
    lines = [f"Method of admission: {_codes(rules.methods)}"]
    if rules.first_episode:
        lines.append("The first episode of the spell")
    for what, allowed in (
        ("Episode status", rules.episode_status),
        ("Episode type", rules.episode_types),
        ("Patient classification", rules.patient_classes),
        ("Sex", rules.sexes),
    ):
        if allowed:
            lines.append(f"{what}: {', '.join(f'`{code}`' for code in allowed)}")
    if rules.least_age is not None and rules.most_age is not None:
        lines.append(f"Age: {rules.least_age} to {rules.most_age}, and known")
    elif rules.least_age is not None:
        lines.append(f"Age: {rules.least_age} and over, and known")
    elif rules.most_age is not None:
        lines.append(f"Age: up to {rules.most_age}, and known")
    for what, refused in (
        ("source of admission", rules.without_sources),
        ("administrative category", rules.without_categories),
        ("main specialty", rules.without_specialties),
        ("month of birth", Codes(written=rules.without_births)),
    ):
        if refused is not None and refused.written:
            lines.append(f"Not with {what} {_codes(refused)}")
    if rules.one_a_day:
        lines.append(
            "Of several such admissions of one person on one day only that of the longest stay, "
            "whatever their diagnoses"
        )
    return [*lines, *rules.notes]


def _row(condition: Condition) -> tuple[str, ...]:
    unless = [
        f"{names[where.position]} {_codes(where.codes)}"
        for where, names in (
            (condition.without, _DIAGNOSES),
            (condition.without_procedures, _PROCEDURES),
        )
        if where is not None
    ]
    needs = condition.needs
    return (
        condition.label,
        f"`{condition.key}`",
        _diagnosis(condition.diagnosis),
        "" if needs is None else _diagnosis(needs),
        "; ".join(unless),
        f"[{condition.mark}]",
    )


def _diagnosis(where: Where) -> str:
    return f"{_DIAGNOSES[where.position]} {_codes(where.codes)}"


def _codes(codes: Codes) -> str:
    return ", ".join(f"`{written}`" for written in codes.written)


def _table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    rule = tuple("---" for _ in header)
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))
