"""Periods: order, difference and names of each frequency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.periods import FREQUENCIES, Calendar, Frequency

DATED: tuple[Frequency, ...] = ("month", "quarter", "year", "financial_year")
FIRST_MONTHS: dict[Frequency, Sequence[int]] = {
    "month": range(1, 13),
    "quarter": (1, 4, 7, 10),
    "year": (1,),
    "financial_year": (4,),
}
A_CENTURY = st.dates(date(1950, 1, 1), date(2049, 12, 31))


def read(frequency: Frequency, value: object) -> int:
    return Calendar(frequency=frequency).parse(value)


# ------------------------------------------------------------------ identities


@pytest.mark.parametrize("frequency", FREQUENCIES)
@given(day=A_CENTURY)
def test_a_period_written_is_read_back_as_itself(frequency: Frequency, day: date) -> None:
    calendar = Calendar(frequency=frequency)
    period = day.toordinal() if frequency == "index" else calendar.parse(day)
    assert calendar.parse(calendar.code(period)) == period


@pytest.mark.parametrize("frequency", ["month", "quarter"])
@given(day=A_CENTURY)
def test_the_label_in_a_report_is_read_back_too(frequency: Frequency, day: date) -> None:
    calendar = Calendar(frequency=frequency)
    period = calendar.parse(day)
    assert calendar.parse(calendar.label(period)) == period
    assert calendar.parse(calendar.short_label(period)) == period


@pytest.mark.parametrize("frequency", DATED)
@given(day=A_CENTURY)
def test_neighbours_differ_by_one_and_days_within_a_period_by_none(
    frequency: Frequency, day: date
) -> None:
    calendar = Calendar(frequency=frequency)
    following = day + timedelta(days=1)
    step = calendar.parse(following) - calendar.parse(day)
    assert step == int(following.day == 1 and following.month in FIRST_MONTHS[frequency])


@pytest.mark.parametrize("frequency", DATED)
@given(first=A_CENTURY, second=A_CENTURY)
def test_order_of_periods_is_order_of_days(frequency: Frequency, first: date, second: date) -> None:
    earlier, later = sorted([first, second])
    calendar = Calendar(frequency=frequency)
    assert calendar.parse(earlier) <= calendar.parse(later)


@given(day=A_CENTURY)
def test_every_spelling_of_a_day_gives_the_same_month(day: date) -> None:
    spellings = [
        day,
        datetime(day.year, day.month, day.day, 12, 30),
        day.isoformat(),
        f"{day.isoformat()}T00:00:00",
        f"{day.isoformat()} 00:00:00.000000",
        f"{day.isoformat()}T00:00:00Z",
        f"{day.isoformat()}T00:00:00+01:00",
        f"{day:%d/%m/%Y}",
        f"{day:%d/%m/%Y} 00:00:00",
        f"{day:%d/%m/%Y} 00:00",
        f"{day:%Y-%m}",
        f"{day:%Y%m}",
        int(f"{day:%Y%m}"),
        f"  {day:%Y-%m}  ",
    ]
    assert {read("month", spelling) for spelling in spellings} == {day.year * 12 + day.month - 1}


# ------------------------------------------------------------------ what is written


@pytest.mark.parametrize(
    ("frequency", "value", "code", "label", "short"),
    [
        ("month", "2023-04", "2023-04", "April 2023", "Apr 2023"),
        ("month", "2023-12", "2023-12", "December 2023", "Dec 2023"),
        ("quarter", "2023-Q1", "2023-Q1", "2023 Q1", "2023 Q1"),
        ("quarter", "2023-Q4", "2023-Q4", "2023 Q4", "2023 Q4"),
        ("year", "2023", "2023", "2023", "2023"),
        ("financial_year", "2023/24", "2023/24", "2023/24", "2023/24"),
        ("financial_year", "1999/00", "1999/00", "1999/00", "1999/00"),
        ("index", 17, "17", "17", "17"),
        ("index", -3, "-3", "-3", "-3"),
    ],
)
def test_a_period_has_a_code_a_label_and_a_short_label(
    frequency: Frequency, value: object, code: str, label: str, short: str
) -> None:
    calendar = Calendar(frequency=frequency)
    period = calendar.parse(value)
    assert calendar.code(period) == code
    assert calendar.label(period) == label
    assert calendar.short_label(period) == short


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_the_example_in_messages_is_a_period(frequency: Frequency) -> None:
    calendar = Calendar(frequency=frequency)
    example = calendar.example.strip('"')
    assert calendar.code(calendar.parse(example)) == example


@pytest.mark.parametrize(
    ("frequency", "value", "code"),
    [
        ("month", "Apr-24", "2024-04"),
        ("month", "April 2023", "2023-04"),
        ("month", "SEPT 2023", "2023-09"),
        ("month", "may 2023", "2023-05"),
        ("month", "1/4/2023", "2023-04"),
        ("quarter", "2023Q2", "2023-Q2"),
        ("quarter", "2023 q2", "2023-Q2"),
        ("quarter", "31/03/2023", "2023-Q1"),
        ("quarter", date(2023, 4, 1), "2023-Q2"),
        ("year", 2023, "2023"),
        ("year", "2023.0", "2023"),
        ("year", date(2023, 1, 1), "2023"),
        ("financial_year", "2023-24", "2023/24"),
        ("financial_year", "2023-2024", "2023/24"),
        ("financial_year", "1999/2000", "1999/00"),
        ("financial_year", date(2024, 3, 31), "2023/24"),
        ("financial_year", date(2024, 4, 1), "2024/25"),
        ("index", "17.0", "17"),
        ("index", 17.0, "17"),
        ("index", "-3", "-3"),
    ],
)
def test_other_spellings_that_data_use(frequency: Frequency, value: object, code: str) -> None:
    calendar = Calendar(frequency=frequency)
    assert calendar.code(calendar.parse(value)) == code


@pytest.mark.parametrize(
    ("frequency", "per_year"),
    [("month", 12), ("quarter", 4), ("year", 1), ("financial_year", 1), ("index", 1)],
)
def test_periods_in_a_year(frequency: Frequency, per_year: int) -> None:
    assert Calendar(frequency=frequency).per_year == per_year


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("frequency", "value"),
    [
        ("month", "2023-13"),
        ("month", "2023-00"),
        ("month", "2023-4"),
        ("month", "2023-02-30"),
        ("month", "30/02/2023"),
        ("month", "04/13/2023"),
        ("month", "2023-Q1"),
        ("month", "2023"),
        ("month", "2023-24"),
        ("month", "Ap 2023"),
        ("month", "Aprill 2023"),
        ("month", "Smarch 2023"),
        ("month", "\u0662\u0660\u0662\u0663-\u0660\u0664"),
        ("month", ""),
        ("quarter", "2023-Q5"),
        ("quarter", "2023-Q0"),
        ("quarter", "Q1 2023"),
        ("quarter", "2023-04"),
        ("year", "23"),
        ("year", "2023.5"),
        ("year", "2023-04"),
        ("financial_year", "2023"),
        ("financial_year", "2023/25"),
        ("financial_year", "2023/1924"),
        ("financial_year", "2023-04"),
        ("index", "2023-04"),
        ("index", "seventeen"),
        ("index", 17.5),
        ("index", float("nan")),
        ("index", float("inf")),
        ("index", 10**10),
        ("index", "9" * 11),
        ("index", date(2023, 4, 1)),
    ],
)
def test_what_is_no_period_is_refused(frequency: Frequency, value: object) -> None:
    with pytest.raises(ValueError, match="is not a period of frequency"):
        read(frequency, value)


@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("value", [None, True, False, [], {}, "never"])
def test_what_is_no_text_number_or_date_is_refused(frequency: Frequency, value: object) -> None:
    with pytest.raises(ValueError, match="is not a period of frequency"):
        read(frequency, value)


@pytest.mark.parametrize(
    ("frequency", "value", "message"),
    [
        (
            "month",
            "2023-Q1",
            "'2023-Q1' is not a period of frequency month; write it like \"2023-04\"",
        ),
        (
            "financial_year",
            "2023",
            "'2023' is not a period of frequency financial year; write it like \"2023/24\"",
        ),
        (
            "index",
            date(2023, 4, 1),
            "'2023-04-01' is not a period of frequency index; write it like 17",
        ),
    ],
)
def test_a_refusal_names_the_value_the_frequency_and_the_form(
    frequency: Frequency, value: object, message: str
) -> None:
    with pytest.raises(ValueError, match="period") as refusal:
        read(frequency, value)
    assert str(refusal.value) == message


@pytest.mark.parametrize("frequency", FREQUENCIES)
@given(value=st.one_of(st.text(), st.integers(), st.floats(), st.datetimes(), st.binary()))
def test_anything_is_a_period_or_a_refusal(frequency: Frequency, value: object) -> None:
    assert isinstance(_answer(frequency, value), int) or "is not a period of frequency" in str(
        _answer(frequency, value)
    )


def _answer(frequency: Frequency, value: object) -> int | str:
    try:
        return read(frequency, value)
    except ValueError as refusal:
        return str(refusal)
