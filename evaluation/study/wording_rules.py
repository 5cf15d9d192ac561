"""Rules of ``[wording]``: a user's own words for a statement say no more than its rule.

Every text stands for all outcomes, whichever direction is better, so numbers and directions come
from placeholders, the interval has to be among them, and words that would claim what the rule does
not are refused. No list of words can be complete; this one holds what evaluations are known to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from evaluation.study.keys import read_keys
from evaluation.study.mistakes import Mistake, written
from evaluation.study.model import Study, Wording

__all__ = ["PLACEHOLDERS", "broken_wording_rules"]

_NAMES = ("Sites", "sites", "outcome")
_FIGURES = ("finding", "size", "change")
_INTERVAL = ("between", "low", "high")
_WITHOUT_INTERVAL = {"no_interval": (*_NAMES, *_FIGURES), "not_estimated": _NAMES}

PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    rule: _WITHOUT_INTERVAL.get(rule, (*_NAMES, *_FIGURES, *_INTERVAL))
    for rule in Wording.model_fields
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Words that only some rules may use, and why."""

    words: re.Pattern[str]
    why: str
    remedy: str
    rules: tuple[str, ...] = ()


def _claim(words: str, why: str, remedy: str, *rules: str) -> _Claim:
    return _Claim(words=re.compile(words, re.IGNORECASE), why=why, remedy=remedy, rules=rules)


_PLAINLY = "Say what was found and how sure it is"
_CLAIMS = (
    _claim(
        r"significan\w*|\bpro(?:ve|ves|ved|ven|of)\b|\*",
        "is not used in reports: an interval neither proves nor marks anything",
        _PLAINLY,
    ),
    _claim(
        r"\bno (?:effect|difference|change|impact)\b|\b(?:nothing|failed|useless)\b",
        "is not used in reports: not to have seen a change is not to know that there is none",
        "Give the interval, and say what it holds",
    ),
    _claim(
        r"\b(?:certain(?:ly)?|definite(?:ly)?|undoubted(?:ly)?|conclusive(?:ly)?|clear(?:ly)?|"
        r"confirm\w*|demonstrat\w*|guarantee\w*|caus(?:e|es|ed)|because of|due to|thanks to|"
        r"led to|result of)\b",
        "says more than an interval can",
        _PLAINLY,
    ),
    _claim(
        r"\d[\d.,]*|\b(?:halv\w*|half|doubl\w*|twice|tripl\w*)\b",
        "is a number of its own",
        "Let numbers come from placeholders: {size}, {between}",
    ),
    _claim(
        r"\b(?:fewer|less|lower\w*|higher|fell|rose|drop\w*|increas\w*|decreas\w*|reduc\w*)\b",
        "is a direction of its own, and the text stands for every outcome",
        "Let the direction come from a placeholder: {finding}, {change}",
    ),
    _claim(
        r"\b(?:large enough|big enough|matters|important\w*|substantial\w*|meaningful\w*|"
        r"considerabl\w*|worth\w*)\b",
        "claims a change that is large enough to matter, which this rule does not",
        _PLAINLY,
        "matters",
    ),
    _claim(
        r"\b(?:better|improv\w*|benefi\w*|success\w*|works|worked|effective\w*|gain\w*|avoided|"
        r"prevent\w*|sav(?:e|es|ed|ing|ings))\b",
        "claims a change for the better, which this rule does not",
        _PLAINLY,
        "matters",
        "may_be_too_small",
    ),
    _claim(
        r"\b(?:too small|negligible|trivial)\b",
        "claims that an effect is too small to matter, which this rule does not",
        _PLAINLY,
        "too_small",
        "may_be_too_small",
    ),
    _claim(
        r"\b(?:worse\w*|harm\w*|damag\w*|detriment\w*)\b",
        "claims a change for the worse, which this rule does not",
        _PLAINLY,
        "worse",
    ),
)


def broken_wording_rules(study: Study) -> Iterator[Mistake]:
    """Yield a mistake for every text that cannot be filled in, or says more than its rule."""
    for rule in Wording.model_fields:
        text = getattr(study.wording, rule)
        if text is not None:
            at = ("wording", rule)
            found = next(_mistakes(rule, text), None)
            if found is not None:
                yield Mistake(at=at, problem=found[0], allowed=found[1], remedy=found[2])


def _mistakes(rule: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield problem, what is allowed and what to do, the first of which is told."""
    allowed = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS[rule])
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        yield (
            f"{written(text)} has a brace that is not closed or not opened",
            allowed,
            "Write placeholders as {outcome}, and no other braces",
        )
        return
    names = [name for _, name, _, _ in parts if name is not None]
    for _, name, form, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS[rule] or form or conversion):
            yield (
                f"{written(_spelt(name, form, conversion))} is no placeholder of this rule",
                allowed,
                "Write one of these, or none",
            )
    if rule not in _WITHOUT_INTERVAL and not ("between" in names or {"low", "high"} <= set(names)):
        yield (
            f"{written(text)} does not say how sure the figure is",
            "text with {between}, or with {low} and {high}",
            "Add ({between})",
        )
    said = " ".join(literal for literal, *_ in parts)
    for claim in _CLAIMS:
        found = claim.words.search(said)
        if found is not None and rule not in claim.rules:
            meant = read_keys()["Wording", rule].what.rstrip(".")
            yield f"{written(found[0])} {claim.why}", f"what the rule says: {meant}", claim.remedy


def _spelt(name: str, form: str | None, conversion: str | None) -> str:
    return f"{{{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
