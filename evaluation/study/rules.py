"""Rules between keys: of periods, sites, exclusions, methods and costs.

Each rule is a function from the study to its mistakes. A mistake says in ``about`` which keys it
follows from, so that one that only follows from a misread value is not told.
"""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.study.mistakes import Loc, Mistake, listed, nearest, written
from evaluation.study.model import Study
from evaluation.study.outcome_rules import broken_outcome_rules
from evaluation.study.record_rules import broken_record_rules
from evaluation.study.units import Followed, broken_unit_rules
from evaluation.study.wording_rules import broken_wording_rules

__all__ = ["broken_rules", "with_primary"]

_FIRST: Loc = ("time", "first")
_LAST: Loc = ("time", "last")
_FREQUENCY: Loc = ("time", "frequency")


def broken_rules(study: Study, followed: Followed) -> list[Mistake]:
    """Return a mistake for every rule between keys that the study breaks."""
    window = list(_window(study))
    return [
        *window,
        *_site_names(study),
        *([] if window else _starts(study)),
        *broken_unit_rules(study, followed),
        *_comparison_exclusions(study),
        *_exclusions(study),
        *broken_outcome_rules(study),
        *_methods(study),
        *_costs(study),
        *broken_record_rules(study),
        *broken_wording_rules(study),
    ]


def with_primary(study: Study) -> Study:
    """Return the study with its first outcome as the primary one, where none has a role."""
    if any("role" in outcome.model_fields_set for outcome in study.outcomes):
        return study
    first = study.outcomes[0].model_copy(update={"role": "primary"})
    return study.model_copy(update={"outcomes": (first, *study.outcomes[1:])})


def _code(study: Study, period: int) -> str:
    code = study.calendar.code(period)
    return code if study.time.frequency == "index" else written(code)


def _window(study: Study) -> Iterator[Mistake]:
    first, last = study.time.first, study.time.last
    if first is not None and last is not None and first >= last:
        order = "is the same period as" if first == last else "is after"
        yield Mistake(
            at=_FIRST,
            problem=f"{_code(study, first)} {order} last = {_code(study, last)}",
            allowed="a period before last",
            remedy="Write an earlier first or a later last",
            about=(_LAST, _FREQUENCY),
        )


def _site_names(study: Study) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for n, site in enumerate(study.sites):
        name = " ".join(site.name.split()).casefold()
        first = seen.setdefault(name, n)
        if first != n:
            yield Mistake(
                at=("sites", n, "name"),
                problem=f"{written(site.name)} is the name of [[sites]] {first + 1} as well",
                allowed="a name of one site only",
                remedy="Write another name, or list all the units in one section",
                about=(("sites", first, "name"),),
            )


def _starts(study: Study) -> Iterator[Mistake]:
    first, last = study.time.first, study.time.last
    for n, site in enumerate(study.sites):
        at: Loc = ("sites", n, "starts")
        start = _code(study, site.starts)
        if first is not None and site.starts <= first:
            problem = (
                f"{start} is the first period of the analysis, so that no period is before it"
                if site.starts == first
                else f"{start} is before the analysis, which begins in {_code(study, first)}"
            )
            yield Mistake(
                at=at,
                problem=problem,
                allowed=f"a period after time.first = {_code(study, first)}",
                remedy="Write a later starts, or an earlier first in [time]",
                about=(_FIRST, _FREQUENCY),
            )
        elif last is not None and site.starts > last:
            yield Mistake(
                at=at,
                problem=f"{start} is after the analysis, which ends in {_code(study, last)}",
                allowed=f"a period up to time.last = {_code(study, last)}",
                remedy="Write an earlier starts, or a later last in [time]",
                about=(_LAST, _FREQUENCY),
            )


def _comparison_exclusions(study: Study) -> Iterator[Mistake]:
    for n, exclusion in enumerate(study.comparison.exclude):
        at: Loc = ("comparison", "exclude", n)
        if exclusion.unit is None:
            yield Mistake(
                at=(*at, "unit"),
                problem="required, and missing",
                allowed="a unit code, in quotes",
                remedy='Add unit = "QUE"; to leave out some periods of every unit, write an '
                "[[exclude]] section",
            )
        for key in ("first", "last", "outcome"):
            value = getattr(exclusion, key)
            if value is not None:
                shown = written(value) if key == "outcome" else _code(study, value)
                yield Mistake(
                    at=(*at, key),
                    problem=f"{shown} has no meaning here: a unit is left out of the comparison "
                    "altogether",
                    allowed="unit, reason",
                    remedy="Delete it, or move the exclusion to an [[exclude]] section",
                    about=(_FREQUENCY,),
                )


def _exclusions(study: Study) -> Iterator[Mistake]:
    keys = [outcome.key for outcome in study.outcomes]
    for n, exclusion in enumerate(study.exclude):
        at: Loc = ("exclude", n)
        first, last = exclusion.first, exclusion.last
        if (exclusion.unit, first, last) == (None, None, None):
            yield Mistake(
                at=at,
                problem="it does not say what is left out",
                allowed="at least one of unit, first and last",
                remedy="Add unit, first or last",
                about=((*at, "unit"), (*at, "first"), (*at, "last")),
            )
        if first is not None and last is not None and first > last:
            yield Mistake(
                at=(*at, "first"),
                problem=f"{_code(study, first)} is after last = {_code(study, last)}",
                allowed="a period up to last",
                remedy="Exchange the two",
                about=((*at, "last"), _FREQUENCY),
            )
        if exclusion.outcome is not None and exclusion.outcome not in keys:
            yield _unknown_outcome((*at, "outcome"), exclusion.outcome, study)


def _unknown_outcome(at: Loc, key: str, study: Study) -> Mistake:
    keys = [outcome.key for outcome in study.outcomes]
    near = nearest(key, keys)
    return Mistake(
        at=at,
        problem=f"{written(key)} is not the key of an outcome",
        allowed=listed(keys),
        remedy=f'Did you mean "{near}"?' if near else "Write the key of an [[outcomes]] section",
        about=tuple(("outcomes", n, "key") for n in range(len(keys))),
    )


def _methods(study: Study) -> Iterator[Mistake]:
    analysis = study.analysis
    for key, chosen, names in (
        ("estimator", analysis.primary.estimator, analysis.estimators),
        ("procedure", analysis.primary.procedure, analysis.procedures),
    ):
        some: Loc = ("analysis", f"{key}s")
        if chosen not in names:
            whose = "" if "primary" in analysis.model_fields_set else ", which is the default,"
            yield Mistake(
                at=("analysis", "primary", key),
                problem=f"{written(chosen)}{whose} is not among {key}s",
                allowed=listed(names),
                remedy=f"Add {written(chosen)} to {key}s, or write primary with one of {key}s",
                about=(some,),
            )
        for n, name in enumerate(names):
            if name in names[:n]:
                yield Mistake(
                    at=(*some, n),
                    problem=f"{written(name)} is listed twice",
                    allowed="each name once",
                    remedy="Delete one of the two",
                )


def _costs(study: Study) -> Iterator[Mistake]:
    keys = [outcome.key for outcome in study.outcomes]
    for key in study.costs.unit_cost:
        if key not in keys:
            yield _unknown_outcome(("costs", "unit_cost", key), key, study)
