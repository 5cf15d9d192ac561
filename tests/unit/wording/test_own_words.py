"""A user's own words: in place of ours for one rule, and never past it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.findings import Effect, Estimate, Interval
from evaluation.study import Outcome, Wording
from evaluation.study.keys import read_keys
from evaluation.wording import Kind, Statement, statement

OBSERVED = 100.0
# Ends in per cent of the counterfactual that lead to each rule, with a smallest effect of 5%.
ENDS: dict[Kind, tuple[float, float] | None] = {
    "matters": (-12.0, -7.0),
    "may_be_too_small": (-12.0, -2.0),
    "too_small": (-3.0, 2.0),
    "too_early": (-9.0, 6.0),
    "worse": (2.0, 9.0),
    "no_interval": None,
}
ALL = Wording.model_validate(
    {rule: f"Put so: {read_keys()['Wording', rule].example}" for rule in Wording.model_fields}
)


def _outcome(smallest: float | None = -5.0) -> Outcome:
    return Outcome(
        key="falls", label="Falls", files=("a.csv",), better="lower", smallest_effect=smallest
    )


def _level(per_cent: float) -> float:
    return OBSERVED - OBSERVED / (1 + per_cent / 100)


def _estimate(ends: tuple[float, float] | None) -> Estimate:
    low, high = ends or (-9.0, 6.0)
    return Estimate(
        outcome="falls",
        estimator="twfe",
        effect=Effect(
            estimand="overall", value=_level((low + high) / 2), scale="level", observed=OBSERVED
        ),
        interval=Interval(
            procedure="cr2",
            level=0.95,
            low=_level(low) if ends else None,
            high=_level(high) if ends else None,
            df=5.0,
        ),
        n_obs=100,
        n_units=42,
        n_sites=39,
        n_pilot_sites=6,
    )


def _both(kind: Kind) -> tuple[Statement, Statement]:
    estimate = _estimate(ENDS[kind])
    ours = statement(estimate, _outcome(), ())
    return ours, statement(estimate, _outcome(), (), wording=ALL)


@pytest.mark.parametrize("kind", list(ENDS))
def test_own_words_replace_the_sentence_and_neither_rule_nor_headline(kind: Kind) -> None:
    ours, own = _both(kind)
    assert own.kind == ours.kind == kind
    assert own.headline == ours.headline
    assert own.sentence != ours.sentence
    assert own.sentence.endswith(ours.kept)


@pytest.mark.parametrize("kind", [kind for kind, ends in ENDS.items() if ends])
def test_own_words_have_both_ends_of_the_interval(kind: Kind) -> None:
    said = _both(kind)[1].sentence
    for end in ENDS[kind] or ():
        assert f"{abs(end):g}%" in said


def test_a_rule_without_own_words_keeps_ours() -> None:
    only = Wording(worse="{finding} ({between}).")
    estimate = _estimate(ENDS["too_early"])
    assert statement(estimate, _outcome(), (), wording=only) == statement(estimate, _outcome(), ())


def test_every_placeholder_is_filled_in() -> None:
    text = "{Sites}|{sites}|{outcome}|{finding}|{size}|{change}|{between}|{low}|{high}"
    said = statement(_estimate((-12.0, -7.0)), _outcome(), (), wording=Wording(matters=text))
    assert said.sentence.split("|") == [
        "The pilot sites",
        "the pilot sites",
        "falls",
        "The pilot sites had 9.5% fewer falls than we would have expected",
        "9.5%",
        "a fall of 9.5%",
        "likely between 7% and 12%",
        "a fall of 12%",
        "a fall of 7%",
    ]


def test_what_could_have_been_seen_stands_after_own_words() -> None:
    said = _both("too_early")[1]
    assert said.sentence.startswith("Put so: We cannot tell yet: the results for falls in the")
    assert "With this number of sites the evaluation could reliably see changes of" in said.sentence
    assert "reliably" not in said.short


def test_what_the_rule_does_not_know_stands_after_own_words() -> None:
    assert _both("may_be_too_small")[1].sentence.endswith("It may be too small to matter.")
    unset = statement(_estimate((-12.0, -7.0)), _outcome(None), (), wording=ALL)
    assert unset.kind == "changed"
    assert "No smallest effect of interest was set" in unset.sentence
    assert "So we conclude nothing." in _both("no_interval")[1].sentence


def test_no_estimate_has_own_words_and_its_reason() -> None:
    none = statement(None, _outcome(), (), wording=ALL)
    assert none.sentence == "Put so: There is no figure for falls in the pilot sites."


@given(
    low=st.floats(-60, 60), width=st.floats(0.1, 60), smallest=st.one_of(st.none(), st.just(-5.0))
)
def test_own_words_never_change_what_rule_holds(
    low: float, width: float, smallest: float | None
) -> None:
    estimate, outcome = _estimate((low, low + width)), _outcome(smallest)
    ours = statement(estimate, outcome, ())
    own = statement(estimate, outcome, (), wording=ALL)
    assert (own.kind, own.headline, own.caution) == (ours.kind, ours.headline, ours.caution)
    assert ours.sentence.endswith(ours.kept)
    assert "{" not in own.sentence
