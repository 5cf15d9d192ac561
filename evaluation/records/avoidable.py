"""From a definition to expressions: which records are its admissions, and which are avoidable.

Written once, in narwhals, over the columns of :mod:`~evaluation.records.episodes`; runs on polars,
DuckDB and Spark alike. A row is what the definition counts: a spell with the codes of its first
episode, or an episode. No expression here is ever null: what is not known does not count, and
:func:`admission_rules` says why.

Diagnoses and procedures are read from texts framed by commas, ",J189,E119,": a code anywhere is a
comma and its beginning; a secondary one has something before that comma.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_

import narwhals as nw

from evaluation.records.definitions.codes import LONGEST_CODE, Codes
from evaluation.records.definitions.model import Condition, Definition, Where

__all__ = [
    "Rule",
    "admission_rules",
    "condition_key",
    "has_condition",
    "is_admission",
    "is_avoidable",
    "meets",
    "needed_columns",
]

# ICD-10 codes after cleaning have three characters or four.
_LENGTHS = (LONGEST_CODE - 1, LONGEST_CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule on admissions, for the ledger.

    Parameters
    ----------
    key : str
        The column that it looks at.
    reason : str
        Why a row that does not keep it is left out.
    keeps : nw.Expr
        Whether a row passes; never null.
    """

    key: str
    reason: str
    keeps: nw.Expr


# ------------------------------------------------------------------ which admissions


def admission_rules(definition: Definition, *, lacking: Collection[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of a definition, in the order in which its ledger gives reasons.

    Parameters
    ----------
    definition : Definition
    lacking : collection of str
        Columns that the extract does not have: their rules cannot be asked and are left out of
        the answer, which the caller says. A method of admission must be there.
    """
    rules = definition.admissions
    what = f"not an admission by {definition.key}"
    found = [
        _allowed("method", rules.methods.whole(2), f"{what}: method of admission"),
        _refused("source_of_admission", rules.without_sources, f"{what}: transfer"),
        _allowed("episode_status", rules.episode_status, f"{what}: episode status"),
        _first_episode(rules.first_episode, f"{what}: not the first episode"),
        _allowed("episode_type", rules.episode_types, f"{what}: episode type"),
        _allowed("patient_class", rules.patient_classes, f"{what}: patient classification"),
        _refused("category", rules.without_categories, f"{what}: administrative category"),
        _refused("specialty", rules.without_specialties, f"{what}: main specialty"),
        _none_of("birth_month", rules.without_births, f"{what}: month of birth"),
        _allowed("sex", rules.sexes, f"{what}: sex not known"),
        _aged(rules.least_age, rules.most_age, f"{what}: age"),
    ]
    return tuple(rule for rule in found if rule is not None and rule.key not in lacking)


def is_admission(definition: Definition, *, lacking: Collection[str] = ()) -> nw.Expr:
    """Return whether a row is an admission that the definition looks at."""
    return reduce(and_, (rule.keeps for rule in admission_rules(definition, lacking=lacking)))


def _allowed(column: str, values: Sequence[str], reason: str) -> Rule | None:
    """Return the rule that a column holds one of ``values``; no rule where there are none."""
    if not values:
        return None
    keeps = _known(nw.col(column).is_in(list(values)))
    return Rule(key=column, reason=f"{reason}, or not known", keeps=keeps)


def _refused(column: str, codes: Codes | None, reason: str) -> Rule | None:
    """Return the rule that a column holds none of ``codes``; what is not known is kept."""
    if codes is None:
        return None
    lengths = sorted({len(code) for code in codes.beginnings})
    held = _known(nw.col(column).is_in(codes.whole(*lengths)))
    return Rule(key=column, reason=f"{reason} {', '.join(codes.beginnings)}", keeps=~held)


def _none_of(column: str, values: Sequence[str], reason: str) -> Rule | None:
    """Return the rule that a column holds none of the texts; what is not known is kept."""
    if not values:
        return None
    held = _known(nw.col(column).is_in(list(values)))
    return Rule(key=column, reason=f"{reason} {', '.join(values)}", keeps=~held)


def _first_episode(asked: bool, reason: str) -> Rule | None:
    if not asked:
        return None
    keeps = _known(nw.col("episode_order") == 1)
    return Rule(key="episode_order", reason=reason, keeps=keeps)


def _aged(least: int | None, most: int | None, reason: str) -> Rule | None:
    bounds = [nw.col("age") >= least] if least is not None else []
    bounds += [nw.col("age") <= most] if most is not None else []
    if not bounds:
        return None
    said = f"under {least}" if least else ""
    said += f"{' or ' if said else ''}over {most}" if most is not None else ""
    keeps = _known(reduce(and_, bounds))
    return Rule(key="age", reason=f"{reason} {said}, or not known", keeps=keeps)


# ------------------------------------------------------------------ with which conditions


def meets(condition: Condition) -> nw.Expr:
    """Return whether a row has a condition, whatever its admission."""
    parts = [_known(_diagnosed(condition.diagnosis, None))]
    # Long texts are searched only where the diagnosis asks; elsewhere an empty one is.
    asked = parts[0]
    if condition.needs is not None:
        parts.append(_known(_diagnosed(condition.needs, asked)))
    if condition.without is not None:
        parts.append(~_known(_diagnosed(condition.without, asked)))
    if condition.without_procedures is not None:
        parts.append(~_known(_operated(condition.without_procedures, asked)))
    return reduce(and_, parts)


def has_condition(definition: Definition) -> nw.Expr:
    """Return whether a row has any condition of the definition, whatever its admission.

    Conditions that differ in nothing but the codes of their diagnosis are looked up together.
    """
    alike: dict[tuple[object, ...], Condition] = {}
    for condition in definition.conditions:
        where = condition.diagnosis
        rest = (condition.needs, condition.without, condition.without_procedures)
        first = alike.setdefault((where.position, *rest), condition)
        if first is not condition:
            written = first.diagnosis.codes.written + where.codes.written
            both = Where(codes=Codes(written=written), position=where.position)
            alike[where.position, *rest] = replace(first, diagnosis=both)
    return reduce(or_, (meets(condition) for condition in alike.values()))


def condition_key(definition: Definition) -> nw.Expr:
    """Return the key of the first condition of the list that a row has, or null."""
    found: nw.Expr = nw.lit(None, nw.String)
    for condition in reversed(definition.conditions):
        found = nw.when(meets(condition)).then(nw.lit(condition.key)).otherwise(found)
    return found


def is_avoidable(definition: Definition, *, lacking: Collection[str] = ()) -> nw.Expr:
    """Return whether a row is an avoidable admission: the definition's, with a condition of it."""
    return is_admission(definition, lacking=lacking) & has_condition(definition)


def needed_columns(definition: Definition) -> frozenset[str]:
    """Return the columns that the definition looks at."""
    needed = {rule.key for rule in admission_rules(definition)} | {"primary"}
    if definition.admissions.one_a_day:
        needed.add("discharged")
    for condition in definition.conditions:
        wheres = (condition.diagnosis, condition.needs, condition.without)
        if any(where is not None and where.position != "primary" for where in wheres):
            needed.add("diagnoses")
        if condition.without_procedures is not None:
            needed.add("procedures")
    return frozenset(needed)


def _known(truth: nw.Expr) -> nw.Expr:
    """Return a truth value with False for what is not known."""
    return truth.fill_null(value=False)


def _only(column: str, asked: nw.Expr | None) -> nw.Expr:
    if asked is None:
        return nw.col(column)
    return nw.when(asked).then(nw.col(column)).otherwise(nw.lit(""))


def _diagnosed(where: Where, asked: nw.Expr | None) -> nw.Expr:
    if where.position == "primary":
        return nw.col("primary").is_in(where.codes.whole(*_LENGTHS))
    text = _only("diagnoses", asked)
    anywhere = text.str.contains(f",{where.codes.pattern}")
    if where.position == "any":
        return anywhere
    # Where the primary diagnosis is not known, the first code of the text is a secondary one.
    after_another = text.str.contains(f".,{where.codes.pattern}")
    return after_another | (nw.col("primary").is_null() & anywhere)


def _operated(where: Where, asked: nw.Expr | None) -> nw.Expr:
    start = "^," if where.position == "first" else ","
    return _only("procedures", asked).str.contains(f"{start}{where.codes.pattern}")
