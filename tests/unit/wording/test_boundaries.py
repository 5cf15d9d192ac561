"""Ends exactly at 0 and exactly at the smallest effect of interest, whichever way is better."""

from __future__ import annotations

import math
import re
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.findings import Check, Effect, Estimate, Interval
from evaluation.study import Outcome
from evaluation.wording import Kind, Statement, statement

Better = Literal["lower", "higher", "neither"]

_OBSERVED = 100.0
# On this scale -50, -20, 25 and 100 per cent are exact in binary: an end can lie on the number.
_WAYS: tuple[Better, ...] = ("lower", "higher", "neither")


def _outcome(better: Better, smallest: float | None) -> Outcome:
    return Outcome(
        key="outcome",
        label="Emergency admissions",
        files=("a.csv",),
        better=better,
        smallest_effect=smallest,
    )


def _level(per_cent: float) -> float:
    if math.isinf(per_cent):
        return per_cent
    return _OBSERVED - _OBSERVED / (1 + per_cent / 100)


def _said(
    low: float | None,
    high: float | None,
    better: Better = "lower",
    smallest: float | None = None,
    checks: tuple[Check, ...] = (),
) -> Statement:
    ends = tuple(None if end is None else _level(end) for end in (low, high))
    value = sum(end for end in ends if end is not None and math.isfinite(end)) / 2
    estimate = Estimate(
        outcome="outcome",
        estimator="twfe",
        effect=Effect(estimand="overall", value=value, scale="level", observed=_OBSERVED),
        interval=Interval(procedure="cr2", level=0.95, low=ends[0], high=ends[1], df=5.0),
        n_obs=100,
        n_units=42,
        n_sites=39,
        n_pilot_sites=6,
    )
    return statement(estimate, _outcome(better, smallest), checks)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (25.0, 100.0, "matters"),  # the near end lies on the smallest effect: it matters
        (24.9, 100.0, "may_be_too_small"),
        (0.0, 100.0, "too_early"),
        (0.0, 24.9, "too_small"),
        (0.0, 25.0, "too_early"),  # reaches the smallest effect
        (-20.0, 24.9, "too_small"),
        (-20.0, 25.0, "too_early"),
        (-50.0, 10.0, "too_early"),  # as far the other way
        (-20.0, 0.0, "too_small"),
        (-50.0, 0.0, "too_early"),
        (-50.0, -0.1, "worse"),
        (-0.2, -0.1, "worse"),
    ],
)
def test_where_higher_is_better(low: float, high: float, kind: Kind) -> None:
    assert _said(low, high, "higher", 25.0).kind == kind


@pytest.mark.parametrize("smallest", [-20.0, 20.0])
@pytest.mark.parametrize("better", _WAYS)
@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-20.0, 0.0, "too_early"),
        (-19.9, 0.0, "too_small"),
        (0.0, 19.9, "too_small"),
        (0.0, 25.0, "too_early"),
        (0.0, 0.0, "too_small"),
    ],
)
def test_an_end_at_0_holds_0_whatever_is_better_and_however_the_smallest_effect_is_signed(
    better: Better, smallest: float, low: float, high: float, kind: Kind
) -> None:
    assert _said(low, high, better, smallest).kind == kind


@pytest.mark.parametrize(
    ("low", "high", "headline"),
    [
        (-50.0, -20.0, "Lower than expected"),
        (25.0, 100.0, "Higher than expected"),
        (0.1, 0.2, "Higher than expected"),
    ],
)
def test_where_neither_is_better_a_change_is_told_without_praise(
    low: float, high: float, headline: str
) -> None:
    said = _said(low, high, "neither", 20.0)
    assert (said.kind, said.headline) == ("changed", headline)
    assert "did not say which direction is better" in said.sentence
    assert "etter" not in said.headline


@pytest.mark.parametrize(
    ("low", "high", "weighed"),
    [
        (-50.0, -20.0, "This is large enough to matter."),
        (-50.0, -19.9, "It may be too small to matter."),
        (25.0, 100.0, "This is large enough to matter."),
        (19.9, 100.0, "It may be too small to matter."),
    ],
)
def test_where_neither_is_better_the_size_is_weighed_all_the_same(
    low: float, high: float, weighed: str
) -> None:
    assert weighed in _said(low, high, "neither", 20.0).sentence


@pytest.mark.parametrize(
    ("low", "high", "better", "kind"),
    [
        (-50.0, -20.0, "lower", "changed"),
        (-50.0, -20.0, "higher", "worse"),
        (-50.0, -20.0, "neither", "changed"),
        (25.0, 100.0, "lower", "worse"),
        (25.0, 100.0, "higher", "changed"),
        (-50.0, 0.0, "lower", "too_early"),
        (0.0, 0.0, "lower", "too_early"),
        (-0.1, 0.1, "higher", "too_early"),
    ],
)
def test_without_a_smallest_effect_nothing_is_too_small_or_large_enough(
    low: float, high: float, better: Better, kind: Kind
) -> None:
    said = _said(low, high, better)
    assert said.kind == kind
    for text in (said.sentence, said.short):
        assert "too small to matter" not in text
        assert not re.search(r"(?<!say whether )(this|it) is large enough", text.lower())


@pytest.mark.parametrize("better", _WAYS)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (-math.inf, -20.0),
        (-20.0, math.inf),
        (-math.inf, math.inf),
        (-50.0, None),
        (None, 25.0),
        (25.0, -50.0),
    ],
)
def test_without_a_whole_interval_there_is_no_claim(
    low: float | None, high: float | None, better: Better
) -> None:
    said = _said(low, high, better, 20.0)
    assert said.kind == "no_interval"
    assert said.headline == "We cannot say how sure this is"
    assert said.sentence.endswith("So we conclude nothing.")
    assert said.short.endswith("So we conclude nothing.")


_ENDS = st.one_of(
    st.sampled_from([-50.0, -20.0, 0.0, 25.0, 100.0]), st.floats(-80.0, 300.0, allow_nan=False)
)


@given(
    ends=st.tuples(_ENDS, _ENDS).map(sorted),
    better=st.sampled_from(_WAYS),
    smallest=st.sampled_from([None, -20.0, 25.0]),
    blocking=st.booleans(),
)
def test_a_failed_check_goes_first_and_changes_no_other_word(
    ends: list[float], better: Better, smallest: float | None, blocking: bool
) -> None:
    check = Check(
        name="gaps", title="Gaps", passed=False, detail="Months are missing.", blocking=blocking
    )
    plain = _said(ends[0], ends[1], better, smallest)
    warned = _said(ends[0], ends[1], better, smallest, (check,))
    assert warned.caution == "Read with caution: months are missing."
    assert (warned.kind, warned.headline, warned.sentence, warned.short) == (
        plain.kind,
        plain.headline,
        plain.sentence,
        plain.short,
    )


@given(
    ends=st.tuples(_ENDS, _ENDS).map(sorted),
    better=st.sampled_from(_WAYS),
    smallest=st.sampled_from([None, -20.0, 25.0]),
)
def test_the_short_form_says_what_the_long_one_says_and_no_more(
    ends: list[float], better: Better, smallest: float | None
) -> None:
    said = _said(ends[0], ends[1], better, smallest)
    assert len(said.short) < len(said.sentence)
    assert "admissions" not in said.short
    figures = re.findall(r"\d[\d,.]*%", said.short)
    assert (
        figures
        == [f for f in re.findall(r"\d[\d,.]*%", said.sentence) if f in figures][: len(figures)]
    )
    if said.kind == "too_early":
        assert said.short.startswith("Too early to tell.")
    claims = re.search(r"\b(fewer|more|lower|higher)\b than we would", said.short)
    assert bool(claims) == (said.kind in ("matters", "may_be_too_small", "worse", "changed")) or (
        said.kind == "no_interval"
    )
