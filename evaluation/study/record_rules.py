"""Rules between the keys of [records]."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.study.mistakes import Loc, Mistake, written
from evaluation.study.model import Records, Study

__all__ = ["broken_record_rules"]

_RECORDS: Loc = ("records",)
_ADMISSIONS: Loc = ("records", "admissions")
_BY: Loc = ("records", "place", "by")


def broken_record_rules(study: Study) -> Iterator[Mistake]:
    """Yield a mistake for every rule between keys that [records] breaks."""
    records = study.records
    if records is None:
        return
    if study.time.frequency == "index":
        yield Mistake(
            at=_RECORDS,
            problem='admissions have dates, and time.frequency = "index" has none',
            allowed="a frequency of month, quarter, year or financial_year",
            remedy="Write another frequency in [time], or delete [records]",
            about=(("time", "frequency"),),
        )
    else:
        yield from _window(study, records)
    yield from _first_episodes(records)
    yield from _lookup(records)
    yield from _once(records)


def _window(study: Study, records: Records) -> Iterator[Mistake]:
    first, last = records.first, records.last
    if first is not None and last is not None and first > last:
        code = study.calendar.code
        yield Mistake(
            at=(*_RECORDS, "first"),
            problem=f"{written(code(first))} is after last = {written(code(last))}",
            allowed="a period up to last",
            remedy="Exchange the two",
            about=((*_RECORDS, "last"), ("time", "frequency")),
        )


def _first_episodes(records: Records) -> Iterator[Mistake]:
    """Refuse what needs the last episode of a spell where only first ones are looked at."""
    if records.admissions == "spells":
        return
    remedy = 'Write admissions = "spells"'
    if records.transfers == "join":
        yield Mistake(
            at=(*_RECORDS, "transfers"),
            problem='"join" needs to know where spells ended, and admissions = "first_episodes" '
            "does not look at that",
            allowed='"separate"',
            remedy=f'{remedy}, or transfers = "separate"',
            about=(_ADMISSIONS,),
        )
    rule, at = records.residents.rule, records.residents.at
    if rule in ("codes", "match_or_codes") and at != "admission":
        yield Mistake(
            at=(*_RECORDS, "residents", "at"),
            problem=f"{written(at)} needs to know where spells ended, and admissions = "
            '"first_episodes" does not look at that',
            allowed='"admission"',
            remedy=f'{remedy}, or at = "admission"',
            about=(_ADMISSIONS, (*_RECORDS, "residents", "rule")),
        )


def _lookup(records: Records) -> Iterator[Mistake]:
    place = records.place
    for key in ("lookup", "lsoa", "icb"):
        at: Loc = ("records", "place", key)
        value = getattr(place, key)
        if place.by == "lsoa" and value is None:
            yield Mistake(
                at=at,
                problem='required with by = "lsoa", and missing',
                allowed="lookup (a table of your own), lsoa and icb (its columns)",
                remedy='Add it, as in { by = "lsoa", lookup = "lsoa21_to_icb24.csv", '
                'lsoa = "LSOA21CD", icb = "ICB24CDH" }',
                about=(_BY,),
            )
        elif place.by != "lsoa" and value is not None:
            yield Mistake(
                at=at,
                problem=f"{written(value)} has no meaning with by = {written(place.by)}",
                allowed='lookup, lsoa and icb with by = "lsoa"',
                remedy='Delete it, or write by = "lsoa"',
                about=(_BY,),
            )


def _once(records: Records) -> Iterator[Mistake]:
    for n, name in enumerate(records.definitions):
        if name in records.definitions[:n]:
            yield Mistake(
                at=(*_RECORDS, "definitions", n),
                problem=f"{written(name)} is listed twice",
                allowed="each name once",
                remedy="Delete one of the two",
            )
