"""A user's own words in place of ours, by rule: filled in, and never without what the rule keeps.

What may stand in them is held by the study file (``evaluation.study.wording_rules``).
"""

from __future__ import annotations

from evaluation.study import Outcome
from evaluation.wording.numbers import end
from evaluation.wording.phrases import Reading, inline, named, within

__all__ = ["filled"]


def filled(text: str, found: Reading | None, outcome: Outcome, subject: str) -> str:
    """Return a user's text with its placeholders filled in.

    Parameters
    ----------
    text : str
        As the study file has it.
    found : Reading or None
        The estimate in the units in which it is spoken of; None where there is none.
    outcome : Outcome
        What it is about.
    subject : str
        Who it is about, as a sentence starts with it.
    """
    values = {"Sites": subject, "sites": within(subject), "outcome": inline(outcome.label)}
    if found is not None:
        values |= {
            "finding": named(found, outcome, subject),
            "size": found.amount(),
            "change": found.move(),
        }
        if found.ends is not None:
            low, high = (end(side, found.unit) for side in found.ends)
            values |= {"between": found.range(), "low": low, "high": high}
    return text.format_map(values).strip()
