"""What a study file asks of its records, worked out before any is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from evaluation.errors import StudyError
from evaluation.periods import Calendar
from evaluation.records.definitions import Definition, definition, read_definition
from evaluation.records.exclusions import Reason, Stage
from evaluation.records.layouts import LAYOUTS, Layout
from evaluation.records.places import Finder, finder
from evaluation.study import Records, Study

__all__ = [
    "Plan",
    "Window",
    "in_window",
    "make_plan",
    "months_between",
    "period_of",
    "usable",
]

_FIRST_MONTH = {"month": (1, 0), "quarter": (3, 0), "year": (12, 0), "financial_year": (12, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Whole months, year * 12 + month - 1, both included; None where the data are to say."""

    first: int | None
    last: int | None

    @property
    def bounds(self) -> tuple[date | None, date | None]:
        """The first day, and the first day after the last."""
        start = None if self.first is None else _first_day(self.first)
        return start, None if self.last is None else _first_day(self.last + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done with the records of a study."""

    settings: Records
    layout: Layout
    calendar: Calendar
    definitions: tuple[Definition, ...]
    finder: Finder
    window: Window


def make_plan(study: Study) -> Plan:
    """Read off a study what is to be done.

    Raises
    ------
    StudyError
        Where there is no [records], or a definition that does not exist.
    SourceError
        For a lookup that cannot be read.
    """
    settings = study.records
    if settings is None:
        raise StudyError(
            "there is no section [records]",
            place=str(study.path),
            allowed="a section [records] with files and residents",
            remedy="docs/records.md has a whole example",
        )
    first = settings.first if settings.first is not None else study.time.first
    last = settings.last if settings.last is not None else study.time.last
    calendar = study.calendar
    window = Window(
        first=None if first is None else months_between(calendar, first, first)[0],
        last=None if last is None else months_between(calendar, last, last)[-1],
    )
    return Plan(
        settings=settings,
        layout=LAYOUTS[settings.layout],
        calendar=calendar,
        definitions=tuple(_definition(name, study) for name in settings.definitions),
        finder=finder(settings.place, study.folder),
        window=window,
    )


def _definition(name: str, study: Study) -> Definition:
    if name.endswith(".toml"):
        return read_definition(study.folder / name)
    try:
        return definition(name)
    except StudyError as error:
        raise StudyError(
            error.problem,
            place="[records], definitions",
            allowed=error.allowed,
            remedy=error.remedy,
        ) from error


def months_between(calendar: Calendar, first: int, last: int) -> range:
    """Return the months of the periods from ``first`` to ``last``."""
    length, offset = _FIRST_MONTH[calendar.frequency]
    return range(first * length + offset, (last + 1) * length + offset)


def period_of(calendar: Calendar, month: int) -> int:
    """Return the period that a month lies in."""
    length, offset = _FIRST_MONTH[calendar.frequency]
    return (month - offset) // length


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def usable(window: Window) -> tuple[Reason, ...]:
    """Return the reasons why a record can be no admission of the window, whatever it holds."""
    return (
        Reason(
            key="ragged",
            stage="records",
            words="the row has more cells than the header: a separator stands in a cell without "
            "quotation marks, and what is behind it is in the wrong column",
            holds=nw.col("ragged"),
        ),
        Reason(
            key="no_person",
            stage="records",
            words="no identifier of the person: it cannot be linked",
            holds=nw.col("person").is_null(),
        ),
        Reason(
            key="no_date",
            stage="records",
            words="no date of admission: blank, or one that means so (1800-01-01, 1801-01-01, "
            "1600-01-01, 1582-10-15)",
            holds=nw.col("admitted").is_null() & ~nw.col("unreadable"),
        ),
        Reason(
            key="bad_date",
            stage="records",
            words="the date of admission is not one of the calendar, or is written otherwise than "
            "[records] dates says",
            holds=nw.col("unreadable"),
        ),
        *in_window(window, stage="records"),
    )


def in_window(window: Window, *, stage: Stage) -> tuple[Reason, ...]:
    """Return the reasons for admissions before and after the window, where it has such ends."""
    start, end = window.bounds
    admitted = nw.col("admitted")
    ends = (
        ("before", "admitted before the window", None if start is None else admitted < start),
        ("after", "admitted after the window", None if end is None else admitted >= end),
    )
    return tuple(
        Reason(key=key, stage=stage, words=words, holds=holds)
        for key, words, holds in ends
        if holds is not None
    )
