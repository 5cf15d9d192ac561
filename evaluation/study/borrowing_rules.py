"""Rules on figures that an outcome takes from another one: its exposure, its dose."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.study.mistakes import Loc, Mistake, listed, nearest, written
from evaluation.study.model import Outcome, Study

__all__ = ["broken_borrowing_rules"]


def broken_borrowing_rules(study: Study) -> Iterator[Mistake]:
    """Find what is wrong with ``exposure_from`` and ``dose_from``."""
    for n, outcome in enumerate(study.outcomes):
        at: Loc = ("outcomes", n)
        for key in ("exposure_from", "dose_from"):
            lender = getattr(outcome, key)
            if lender is not None:
                yield from _lender(study, outcome, (*at, key), lender)
        yield from _given_twice(outcome, at)
        yield from _exposure_of_a_count(outcome, at)


def _lender(study: Study, outcome: Outcome, at: Loc, key: str) -> Iterator[Mistake]:
    others = [o.key for o in study.outcomes if o.key != outcome.key]
    about = tuple(("outcomes", n, "key") for n in range(len(study.outcomes)))
    if key not in others:
        near = nearest(key, others)
        itself = "is this outcome itself" if key == outcome.key else "is not the key of an outcome"
        yield Mistake(
            at=at,
            problem=f"{written(key)} {itself}",
            allowed=f"the key of another outcome: {listed(others) or 'there is none'}",
            remedy=f'Did you mean "{near}"?' if near else "Add an [[outcomes]] section for it",
            about=about,
        )
        return
    lender = study.outcome(key)
    if lender.exposure_from is not None or lender.dose_from is not None:
        yield Mistake(
            at=at,
            problem=f"{written(key)} takes a figure from another outcome itself",
            allowed="an outcome whose figures are all its own",
            remedy="Name an outcome that takes nothing from another",
            about=about,
        )


def _given_twice(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    columns = outcome.columns
    if outcome.exposure_from is not None and columns is not None and columns.exposure is not None:
        yield Mistake(
            at=(*at, "exposure_from"),
            problem=f"columns.exposure = {written(columns.exposure)} gives the exposure already",
            allowed="one of the two",
            remedy="Delete one of them",
            about=((*at, "columns"),),
        )
    if outcome.dose_from is not None and outcome.dose is not None:
        yield Mistake(
            at=(*at, "dose_from"),
            problem=f"dose = {written(outcome.dose)} gives the dose already",
            allowed="one of the two",
            remedy="Delete one of them",
            about=((*at, "dose"),),
        )


def _exposure_of_a_count(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    if outcome.exposure_from is not None and outcome.measure not in ("rate", "share"):
        yield Mistake(
            at=(*at, "exposure_from"),
            problem=f"it has no meaning with measure = {written(outcome.measure)}",
            allowed='exposure_from with measure = "rate" or "share" only',
            remedy='Delete it, or write measure = "rate"',
            about=((*at, "measure"),),
        )
