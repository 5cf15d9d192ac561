"""Numbers in sentences: three figures at most, rounding said, both directions named."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.wording import about, between, number, per_cent, plural, span

# Half a unit of the third figure of 1.00, and of the second below 1.
_ROUNDING = 0.05


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12, "12"),
        (16.44, "16.4"),
        (7.286, "7.3"),
        (9.96, "10"),
        (99.96, "100"),
        (141.9, "142"),
        (1234, "1,230"),
        (999.6, "1,000"),
        (0.0625, "0.062"),
        (0.0996, "0.1"),
        (-3.14, "\N{MINUS SIGN}3.1"),
    ],
)
def test_a_number_has_three_figures_at_most(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-6, 1e9))
def test_a_number_is_near_what_it_stands_for_and_short(value: float) -> None:
    text = number(value).replace(",", "")
    assert float(text) == pytest.approx(value, rel=_ROUNDING)
    assert len(re.sub(r"^0*\.?0*|\.|0+$", "", text)) <= 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be said"):
        number(value)


def test_about_says_that_a_number_is_rounded_and_only_then() -> None:
    assert about(-12.34) == "about 12.3%"
    assert about(12.0) == "12%"
    assert about(0) == "0%"
    assert about(3.21, " days") == "about 3.2 days"


def test_an_interval_in_one_direction_goes_from_small_to_large() -> None:
    assert between(-16.4, -7.3) == "likely between 7.3% and 16.4%"
    assert between(2, 4.1, " days") == "likely between 2 and 4.1 days"


def test_an_interval_in_two_directions_names_both() -> None:
    assert between(-2, 1.5) == "likely between a fall of 2% and a rise of 1.5%"
    assert between(0, 1.5) == "likely between no change and a rise of 1.5%"
    assert span(-9.1, 6.3) == "a fall of 9.1% as well as a rise of 6.3%"
    assert span(-9.1, 0) == "a fall of 9.1% as well as no change"


def test_nouns_follow_their_count() -> None:
    assert plural(1, "site") == "1 site"
    assert plural(6, "site") == "6 sites"
    assert plural(0, "country", "countries") == "0 countries"
    assert plural(1200, "row") == "1,200 rows"


def test_per_cent_keeps_its_sign() -> None:
    assert per_cent(-12.34) == "\N{MINUS SIGN}12.3%"
