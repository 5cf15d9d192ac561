"""Every rule and boundary of the table in REPORTS section 4, and that no statement says more."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.findings import Check, Effect, Estimate, Interval, Scale
from evaluation.study import Outcome
from evaluation.wording import Statement, check_in_words, next_steps, statement

Better = Literal["lower", "higher", "neither"]

_OBSERVED = 100.0
# Ends are given in per cent and turned into the logs that an estimate carries.
_THERE_AND_BACK = 1e-9
_NEVER_SAID = ("significan", "prove", "no effect", "no impact", "*", "p-value", "p =", "trend to")


def _outcome(
    better: Better = "lower",
    smallest: float | None = -5.0,
    label: str = "Emergency admissions",
    measure: Literal["rate", "count", "share", "mean"] = "rate",
) -> Outcome:
    return Outcome(
        key="outcome",
        label=label,
        files=("a.csv",),
        measure=measure,
        better=better,
        smallest_effect=smallest,
        unit_label={"mean": "days", "rate": "admissions per 1,000 residents"}.get(measure, ""),
    )


def _estimate(
    low: float | None, high: float | None, value: float | None = None, caveat: str = ""
) -> Estimate:
    """Return an estimate on the level scale whose ends are these per cents of the counterfactual.

    Level scale, so that the boundary cases are exact: 100 observed, x% more than 100 / (1 + x%).
    """
    middle = value if value is not None else ((low or 0.0) + (high or 0.0)) / 2
    return Estimate(
        outcome="outcome",
        estimator="twfe",
        effect=Effect(estimand="overall", value=_level(middle), scale="level", observed=_OBSERVED),
        interval=Interval(
            procedure="cr2",
            level=0.95,
            low=None if low is None else _level(low),
            high=None if high is None else _level(high),
            p=0.0001,
            df=5.0,
            caveats=(caveat,) if caveat else (),
        ),
        n_obs=100,
        n_units=42,
        n_sites=39,
        n_pilot_sites=6,
    )


def _level(per_cent: float) -> float:
    if math.isinf(per_cent):
        return per_cent
    return _OBSERVED - _OBSERVED / (1 + per_cent / 100)


def _kind(low: float, high: float, better: Better = "lower", smallest: float | None = -5.0) -> str:
    return statement(_estimate(low, high), _outcome(better, smallest), ()).kind


# 20% is exact in binary on this scale, both ways (100 / 0.8 = 125): an end can lie on it.
@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-50.0, -25.0, "matters"),
        (-50.0, -20.0, "matters"),  # reaches the smallest effect: an effect of it matters
        (-50.0, -19.9, "may_be_too_small"),
        (-10.0, -1.0, "may_be_too_small"),
        (-50.0, 0.0, "too_early"),  # an end at 0 holds 0
        (-10.0, 0.0, "too_small"),
        (-10.0, 10.0, "too_small"),
        (-20.0, 10.0, "too_early"),  # reaches the smallest effect
        (-19.9, 19.9, "too_small"),
        (-10.0, 25.0, "too_early"),
        (-50.0, 25.0, "too_early"),
        (0.0, 25.0, "too_early"),
        (0.0, 10.0, "too_small"),
        (1.0, 10.0, "worse"),
        (25.0, 50.0, "worse"),
    ],
)
def test_each_boundary_where_lower_is_better(low: float, high: float, kind: str) -> None:
    assert _kind(low, high, "lower", -20.0) == kind


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (25.0, 50.0, "matters"),
        (10.0, 50.0, "may_be_too_small"),
        (-10.0, 10.0, "too_small"),
        (-10.0, 30.0, "too_early"),
        (-30.0, 10.0, "too_early"),
        (-10.0, -1.0, "worse"),
    ],
)
def test_each_rule_where_higher_is_better(low: float, high: float, kind: str) -> None:
    assert _kind(low, high, "higher", 20.0) == kind


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-50.0, -25.0, "changed"),
        (25.0, 50.0, "changed"),
        (-10.0, 10.0, "too_small"),
        (-30.0, 10.0, "too_early"),
    ],
)
def test_each_rule_where_neither_is_better(low: float, high: float, kind: str) -> None:
    assert _kind(low, high, "neither", 20.0) == kind


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(-50.0, -25.0, "changed"), (1.0, 2.0, "worse"), (-1.0, 1.0, "too_early")],
)
def test_without_a_smallest_effect_nothing_is_said_to_matter_or_not(
    low: float, high: float, kind: str
) -> None:
    said = statement(_estimate(low, high), _outcome(smallest=None), ())
    assert said.kind == kind
    assert "large enough to matter." not in said.sentence.replace(
        "cannot say whether this is large enough to matter.", ""
    ).replace("cannot say whether a change of that size is large enough to matter.", "")
    if kind != "worse":
        assert "No smallest effect of interest was set" in said.sentence


def test_the_sentences_are_those_of_the_table() -> None:
    matters = statement(_estimate(-16.4, -7.3, -12), _outcome(), ())
    assert matters.sentence == (
        "The pilot sites had 12% fewer emergency admissions than we would have expected "
        "(likely between 7.3% and 16.4%). This is large enough to matter."
    )
    small = statement(_estimate(-10, -1, -6), _outcome(), ())
    assert small.sentence.endswith("(likely between 1% and 10%). It may be too small to matter.")
    none = statement(_estimate(-2, 1.5, -1), _outcome(), ())
    assert none.sentence == (
        "Any effect on emergency admissions in the pilot sites is too small to matter "
        "(likely between a fall of 2% and a rise of 1.5%)."
    )
    early = statement(_estimate(-9.1, 6.3, -2.6), _outcome(), ())
    assert early.headline == "Too early to tell"
    assert early.sentence.startswith(
        "Too early to tell. The results for emergency admissions in the pilot sites fit a fall of "
        "9.1% as well as a rise of 6.3%. With this number of sites the evaluation could reliably "
        "see changes of about "
    )
    assert early.sentence.endswith("% or more.")
    worse = statement(_estimate(2, 8, 5), _outcome(), ())
    assert worse.sentence == (
        "The pilot sites had 5% more emergency admissions than we would have expected "
        "(likely between 2% and 8%). Look into why before going on."
    )


def test_a_site_can_be_the_subject() -> None:
    said = statement(_estimate(-16.4, -7.3, -12), _outcome(), (), subject="South Yorkshire")
    assert said.sentence.startswith("South Yorkshire had 12% fewer emergency admissions")
    early = statement(_estimate(-9, 6), _outcome(), (), subject="South Yorkshire")
    assert "emergency admissions in South Yorkshire fit" in early.sentence


@pytest.mark.parametrize(
    ("label", "measure", "words"),
    [
        ("GP appointments", "count", "had 12% fewer GP appointments than"),
        ("A&E attendances", "count", "had 12% fewer A&E attendances than"),
        ("Length of stay", "mean", "the length of stay was 12% lower than"),
        ("Days in hospital", "mean", "the figure for days in hospital was 12% lower than"),
        ("Rate of falls", "rate", "In the pilot sites, the rate of falls was 12% lower than"),
    ],
)
def test_the_grammar_follows_what_is_measured(
    label: str, measure: Literal["rate", "count", "share", "mean"], words: str
) -> None:
    outcome = _outcome(label=label, measure=measure)
    assert words in statement(_estimate(-16.4, -7.3, -12), outcome, ()).sentence


def test_where_per_cent_is_undefined_the_units_of_the_outcome_are_used() -> None:
    effect = Effect(estimand="overall", value=-1.5, scale="level", observed=None)
    interval = Interval(procedure="cr2", level=0.95, low=-2.0, high=-1.0, df=5.0)
    estimate = Estimate(
        outcome="outcome",
        estimator="twfe",
        effect=effect,
        interval=interval,
        n_obs=1,
        n_units=1,
        n_sites=1,
        n_pilot_sites=1,
    )
    said = statement(estimate, _outcome(measure="mean", label="Length of stay"), ())
    assert said.kind == "changed"
    assert said.sentence.startswith(
        "In the pilot sites, the length of stay was 1.5 days lower than we would have expected "
        "(likely between 1 and 2 days). It cannot be put as a percentage"
    )
    share = statement(estimate, _outcome(measure="share", label="Share discharged"), ())
    assert "150 percentage points lower" in share.sentence


def test_where_nothing_was_observed_every_effect_would_be_all_of_it_so_the_level_is_used() -> None:
    effect = Effect(estimand="overall", value=-3.0, scale="level", observed=0.0)
    interval = Interval(procedure="cr2", level=0.95, low=-5.0, high=-1.0, df=5.0)
    estimate = Estimate(
        outcome="outcome",
        estimator="twfe",
        effect=effect,
        interval=interval,
        n_obs=1,
        n_units=1,
        n_sites=1,
        n_pilot_sites=1,
    )
    assert "100%" not in statement(estimate, _outcome(), ()).sentence


@pytest.mark.parametrize(
    ("estimate", "reason"),
    [
        (_estimate(None, None, -12, "ends do not meet."), "Ends do not meet."),
        (_estimate(None, None, -12), "No range could be worked out for it."),
        (_estimate(-20.0, None, -12), "No range could be worked out for it."),
        (_estimate(-math.inf, -1.0, -12), "has no end"),
        (_estimate(-20.0, math.inf, -12), "has no end"),
        (_estimate(-1.0, -20.0, -12), "has no end"),
        (_estimate(-10.0, -1.0, -12), "It lies outside the range"),
    ],
)
def test_without_a_whole_interval_the_reason_is_given_and_nothing_claimed(
    estimate: Estimate, reason: str
) -> None:
    said = statement(estimate, _outcome(), (), subject="South Yorkshire")
    assert said.kind == "no_interval"
    assert reason in said.sentence
    assert said.sentence.endswith("So we conclude nothing.")
    assert "matter" not in said.sentence


def test_one_site_without_an_interval_gets_a_plain_reason_not_the_method_s() -> None:
    caveat = "with one pilot site cluster-robust intervals call a true zero an effect"
    one = dataclasses.replace(_estimate(None, None, -12, caveat), n_pilot_sites=1)
    said = statement(one, _outcome(), (), subject="South Yorkshire")
    assert said.sentence == (
        "South Yorkshire had 12% fewer emergency admissions than we would have expected. "
        "We do not know how sure we can be of this figure. One site alone cannot show what is due "
        "to the pilot and what to chance. So we conclude nothing."
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-2.49, "The best single figure, a fall of 2.5%, is close to zero."),
        (0.0, "The best single figure, no change, is close to zero."),
        (2.49, "The best single figure, a rise of 2.5%, is close to zero."),
        (-2.51, ""),
        (2.51, ""),
    ],
)
def test_an_estimate_under_half_of_what_matters_is_called_close_to_zero(
    value: float, said: str
) -> None:
    early = statement(_estimate(-9, 9, value), _outcome(), ())
    assert early.kind == "too_early"
    assert early.sentence.endswith(said or "or more.")


def test_a_caution_is_the_first_sentence_of_what_was_found() -> None:
    check = dataclasses.replace(
        _check(False), detail="The figures of 9 areas jump. South Yorkshire: a fall of 40%."
    )
    said = statement(_estimate(-16, -7), _outcome(), [check])
    assert said.caution == "Read with caution: the figures of 9 areas jump."


def test_cautions_follow_one_another_as_sentences() -> None:
    said = statement(None, _outcome(), [_check(False), _check(False, "outcome")])
    assert said.caution == ("Read with caution: two areas have a break. Two areas have a break.")


def test_without_an_estimate_that_is_what_is_said() -> None:
    missing = statement(None, _outcome(), ())
    assert missing.kind == "not_estimated"
    assert missing.sentence == "We have no estimate for emergency admissions in the pilot sites."
    effect = Effect(
        estimand="overall", value=math.nan, scale="log", caveats=("Nothing came before.",)
    )
    unknown = Estimate(
        outcome="outcome",
        estimator="poisson",
        effect=effect,
        interval=Interval(procedure="cr2", level=0.95),
        n_obs=1,
        n_units=1,
        n_sites=1,
        n_pilot_sites=1,
    )
    assert statement(unknown, _outcome(), ()).sentence.endswith("sites. Nothing came before.")


def _check(passed: bool | None, outcome: str = "", *, blocking: bool = False) -> Check:
    return Check(
        name="reporting_break",
        title="Breaks in a series",
        passed=passed,
        detail="Two areas have a break.",
        remedy="Leave them out.",
        outcome=outcome,
        blocking=blocking,
    )


@pytest.mark.parametrize("blocking", [True, False])
def test_a_check_that_failed_comes_first_and_changes_nothing_else(blocking: bool) -> None:
    plain = statement(_estimate(-16, -7), _outcome(), ())
    warned = statement(_estimate(-16, -7), _outcome(), [_check(False, blocking=blocking)])
    assert warned.caution == "Read with caution: two areas have a break."
    assert (warned.kind, warned.sentence) == (plain.kind, plain.sentence)
    assert plain.caution == ""


def test_only_failed_checks_of_this_outcome_or_of_the_study_are_a_caution() -> None:
    checks = [_check(True), _check(None), _check(False, "another")]
    assert statement(_estimate(-16, -7), _outcome(), checks).caution == ""
    assert statement(_estimate(-16, -7), _outcome(), [_check(False, "outcome")]).caution


def test_a_check_in_words_says_how_it_went_and_what_to_do() -> None:
    assert check_in_words(_check(False)) == (
        "Breaks in a series: did not pass. Two areas have a break. Leave them out."
    )
    assert check_in_words(_check(True)) == "Breaks in a series: passed. Two areas have a break."
    assert "for information" in check_in_words(_check(None))


_ENDS = st.floats(-80.0, 300.0).map(lambda x: 0.0 if abs(x) < 0.01 else x)


@given(
    ends=st.tuples(_ENDS, _ENDS).map(sorted),
    better=st.sampled_from(["lower", "higher", "neither"]),
    smallest=st.one_of(st.none(), st.floats(0.5, 50.0)),
    share=st.floats(0.0, 1.0),
    scale=st.sampled_from(["level", "log"]),
)
def test_no_statement_says_more_than_its_interval(
    ends: list[float], better: Better, smallest: float | None, share: float, scale: Scale
) -> None:
    low, high = ends
    estimate = _on_scale(low, high, low + share * (high - low), scale)
    _, below, above = estimate.relative
    assert below == pytest.approx(low, abs=_THERE_AND_BACK * 400)
    assert below is not None
    assert above is not None
    said = statement(estimate, _outcome(better, smallest), ())
    if said.kind == "no_interval":  # rounding put the estimate a hair outside
        return
    good = -1 if better == "lower" else 1
    nearest = 0.0 if below <= 0 <= above else min(abs(below), abs(above))
    holds = {
        "matters": nearest >= (smallest or math.inf) and good * below > 0,
        "may_be_too_small": nearest > 0 and good * below > 0,
        "too_small": max(abs(below), abs(above)) < (smallest or 0.0),
        "too_early": nearest == 0,
        "worse": nearest > 0 and good * below < 0,
        "changed": nearest > 0 and (better == "neither" or smallest is None),
    }
    assert holds[said.kind], (said, below, above)
    _reads_well(said)
    directions = [word for word in ("fewer", "more emergency") if word in said.sentence]
    assert not directions or nearest > 0


def _on_scale(low: float, high: float, value: float, scale: Scale) -> Estimate:
    if scale == "level":
        return _estimate(low, high, value)
    logs = [math.log1p(x / 100) for x in (low, value, high)]
    return Estimate(
        outcome="outcome",
        estimator="poisson",
        effect=Effect(estimand="overall", value=logs[1], scale="log"),
        interval=Interval(procedure="cr2", level=0.95, low=logs[0], high=logs[2], df=5.0),
        n_obs=1,
        n_units=1,
        n_sites=1,
        n_pilot_sites=1,
    )


def _reads_well(said: Statement) -> None:
    text = f"{said.headline} {said.sentence}"
    assert not [word for word in _NEVER_SAID if word in text.lower()]
    assert said.sentence.endswith(".")
    assert "  " not in said.sentence
    assert "nan" not in text
    assert "None" not in text
    for figure in re.findall(r"\d[\d,]*\.?\d*", said.sentence):
        digits = figure.replace(",", "").replace(".", "").strip("0")
        assert len(digits) <= 3, figure
    assert max(len(s.split()) for s in re.split(r"[.:] ", said.sentence)) <= 35


_CASES = {
    "matters": (_estimate(-16, -7), _outcome()),
    "may_be_too_small": (_estimate(-16, -1), _outcome()),
    "too_small": (_estimate(-1, 1), _outcome()),
    "too_early": (_estimate(-16, 7), _outcome()),
    "worse": (_estimate(1, 7), _outcome()),
    "changed": (_estimate(-16, -7), _outcome("neither")),
    "no_interval": (_estimate(None, None, -5), _outcome()),
    "not_estimated": (None, _outcome()),
}


@pytest.mark.parametrize("kind", _CASES)
def test_every_kind_has_a_next_step_in_one_or_two_plain_sentences(kind: str) -> None:
    estimate, outcome = _CASES[kind]
    said = statement(estimate, outcome, ())
    assert said.kind == kind
    _reads_well(said)
    step = next_steps(said, outcome)
    assert 1 <= step.count(". ") + 1 <= 2
    assert step.endswith(".")
    assert not re.search("[{}]", step)


@pytest.mark.parametrize("kind", _CASES)
def test_a_p_value_changes_no_statement(kind: str) -> None:
    estimate, outcome = _CASES[kind]
    if estimate is None:
        return
    said = statement(estimate, outcome, ())
    for p in (None, 0.0, 1.0):
        other = dataclasses.replace(estimate.interval, p=p)
        assert statement(dataclasses.replace(estimate, interval=other), outcome, ()) == said
