"""The rule on one figure: 0 stands, 1 to 7 goes, the rest is rounded to the nearest 5."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import pytest

from evaluation.disclosure.rule import NOT_APPLICABLE, SUPPRESSED, Reason, Rule
from evaluation.panel import Measure
from evaluation.study import Release

_HES = Rule(suppress_below=8, round_to=5)
_OFF = Rule(suppress_below=0, round_to=1)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (8, "10"), (12, "10"), (13, "15"), (12.5, "15"), (17.5, "20"), (1234, "1235")],
)
def test_counts_that_may_stand_are_rounded_half_up(count: float, text: str) -> None:
    assert not _HES.hides(count)
    assert _HES.text(count) == text


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 0.5, 7.5])
def test_small_counts_are_hidden(count: float) -> None:
    assert _HES.hides(count)
    assert _HES.text(count, hidden=True) == SUPPRESSED


def test_what_would_round_to_nothing_is_hidden_because_0_says_none() -> None:
    assert Rule(suppress_below=8, round_to=20).hides(9)
    assert not Rule(suppress_below=8, round_to=20).hides(10)


def test_a_count_that_an_outcome_does_not_have_is_not_applicable() -> None:
    assert not _HES.hides(math.nan)
    assert _HES.text(math.nan) == NOT_APPLICABLE


def test_switched_off_nothing_is_hidden_rounded_or_cut() -> None:
    assert not _OFF.controlled
    assert not any(_OFF.hides(count) for count in range(100))
    assert [_OFF.text(count) for count in (3, 12.5)] == ["3", "12.5"]
    assert _OFF.figures(1 / 3) == 1 / 3


@pytest.mark.parametrize(("below", "nearest"), [(8, 1), (0, 5), (2, 1)])
def test_either_half_of_the_rule_counts_as_control(below: int, nearest: int) -> None:
    assert Rule.of(Release(suppress_below=below, round_to=nearest)).controlled


def test_a_study_that_says_nothing_gets_the_rule_for_hospital_episodes() -> None:
    assert Rule.of(Release()) == _HES


@pytest.mark.parametrize(
    ("measure", "count", "exposure", "hidden"),
    [
        ("rate", 0, 100, False),
        ("rate", 7, 100, True),
        ("rate", 8, 100, False),
        ("rate", 12, 7, True),
        ("share", 90, 100, False),
        ("share", 93, 100, True),  # 100 - 93 = 7: the others are too few
        ("share", 100, 100, False),
        ("share", 0, 100, False),
        ("share", 3, 100, True),
        ("count", 7, math.nan, True),
        ("count", 8, math.nan, False),
        ("mean", math.nan, 7, True),
        ("mean", math.nan, 8, False),
        ("mean", math.nan, math.nan, False),
    ],
)
def test_a_rate_goes_with_its_numerator_denominator_or_rest(
    measure: Measure, count: float, exposure: float, hidden: bool
) -> None:
    assert bool(_HES.reasons(measure, count, exposure)) == hidden


def test_a_rate_keeps_four_figures_so_that_it_does_not_give_its_fraction_back() -> None:
    assert _HES.figures(1000 * 17 / 2345) == 7.249


def test_a_hidden_count_is_known_to_lie_where_the_rule_hides() -> None:
    assert _HES.widest == (1, 7)
    # What would round to 0 is hidden too.
    assert Rule(suppress_below=8, round_to=20).widest == (1, 9)
    assert Rule(suppress_below=1, round_to=5).widest == (1, 2)


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_words_and_is_in_the_documentation(reason: Reason) -> None:
    assert _HES.words(reason)
    page = Path(__file__).parents[3] / "docs" / "disclosure.md"
    assert f"`{reason}`" in page.read_text(encoding="utf-8")
