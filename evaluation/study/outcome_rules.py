"""Rules between the keys of an outcome, and between outcomes."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.study.borrowing_rules import broken_borrowing_rules
from evaluation.study.mistakes import Loc, Mistake, nearest, written
from evaluation.study.model import Columns, Outcome, Study

__all__ = ["broken_outcome_rules"]

_NEEDS = {
    "rate": ("count", "exposure"),
    "share": ("count", "exposure"),
    "count": ("count",),
    "mean": ("value",),
}
_ADOPTION = ("first_treated", "treated")
_NOT_OF_METRICS = {
    "columns": 'Delete columns, or write source = "table"; where your files call a declared '
    "column something else, write headings",
    "dose": 'Delete dose, or write dose_from = "..." with the key of the outcome that holds it',
}
_VERY_NEAR = 0.8


def broken_outcome_rules(study: Study) -> Iterator[Mistake]:
    """Find what is wrong with the outcomes of a study."""
    yield from _keys(study)
    for n, outcome in enumerate(study.outcomes):
        at: Loc = ("outcomes", n)
        yield from _source(outcome, at)
        yield from _measure(outcome, at)
        yield from _smallest_effect(outcome, at)
        yield from _weight(outcome, at)
        yield from _covariates(outcome, at)
        yield from _suppressed(outcome, at)
    yield from broken_borrowing_rules(study)
    yield from _roles(study)
    yield from _adoption(study)


def _keys(study: Study) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for n, outcome in enumerate(study.outcomes):
        # Keys name files, and some file systems know no capitals.
        first = seen.setdefault(outcome.key.casefold(), n)
        if first != n:
            yield Mistake(
                at=("outcomes", n, "key"),
                problem=f"{written(outcome.key)} is the key of [[outcomes]] {first + 1} as well",
                allowed="a key of one outcome only, capitals or not",
                remedy="Write another key",
                about=(("outcomes", first, "key"),),
            )


def _source(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    if outcome.source == "table":
        yield from _of_a_table(outcome, at)
    elif _means_table(outcome):
        yield Mistake(
            at=(*at, "source"),
            problem=f"{written(outcome.source)} is not a source",
            allowed='"table" or the name of another source',
            remedy='Did you mean "table"?',
        )
    else:
        yield from _of_metrics(outcome, at)


def _of_a_table(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    if outcome.columns is None:
        yield Mistake(
            at=(*at, "columns"),
            problem='required with source = "table", and missing',
            allowed="a table of column names",
            remedy='Add columns = { unit = "icb", period = "month", count = "admissions", '
            'exposure = "residents" }, with the names in your file',
            about=((*at, "source"), (*at, "metric")),
        )
    if outcome.metric is not None:
        yield Mistake(
            at=(*at, "metric"),
            problem=f'{written(outcome.metric)} has no meaning with source = "table"',
            allowed="columns, and no metric",
            remedy="Delete metric, or name the source that has it, such as "
            'source = "acute_discharge_sitrep"',
            about=((*at, "source"),),
        )
    if outcome.headings:
        yield Mistake(
            at=(*at, "headings"),
            problem=f'{written(outcome.headings)} has no meaning with source = "table"',
            allowed="columns, and no headings",
            remedy="Name the headings in columns",
            about=((*at, "source"),),
        )


def _of_metrics(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    source = f"source = {written(outcome.source)}"
    about: tuple[Loc, ...] = ((*at, "source"),)
    if outcome.metric is None:
        yield Mistake(
            at=(*at, "metric"),
            problem=f"required with {source}, and missing",
            allowed="the name of a metric of the source",
            remedy='Add metric, such as metric = "nctr"; `pilot-eval sources` lists them',
            about=about,
        )
    columns = outcome.columns and outcome.columns.model_dump(exclude_none=True)
    needless = {"columns": columns, "dose": outcome.dose}
    for key, value in needless.items():
        if value:
            yield Mistake(
                at=(*at, key),
                problem=f"{written(value)} has no meaning with {source}, whose columns are known",
                allowed='with a source other than "table": metric, and no columns',
                remedy=_NOT_OF_METRICS[key],
                about=about,
            )


def _means_table(outcome: Outcome) -> bool:
    """Whether the source is "table", misspelt: sources are known further up, this one here."""
    return outcome.source != "table" and bool(nearest(outcome.source, ["table"], _VERY_NEAR))


def _measure(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    measure = f"measure = {written(outcome.measure)}"
    about: tuple[Loc, ...] = ((*at, "measure"), (*at, "source"))
    if outcome.measure != "rate" and "per" in outcome.model_fields_set:
        yield Mistake(
            at=(*at, "per"),
            problem=f"{outcome.per:g} has no meaning with {measure}",
            allowed='per with measure = "rate" only',
            remedy='Delete per, or write measure = "rate"',
            about=about,
        )
    columns = outcome.columns
    if columns is None or outcome.source != "table":
        return
    for name in _NEEDS[outcome.measure]:
        is_borrowed = name == "exposure" and outcome.exposure_from is not None
        if getattr(columns, name) is None and not is_borrowed:
            yield Mistake(
                at=(*at, "columns", name),
                problem=f"required with {measure}, and missing",
                allowed="the name of a column, in quotes",
                remedy=_measure_remedy(name, columns),
                about=about,
            )
    if outcome.measure != "mean" and columns.value is not None:
        yield Mistake(
            at=(*at, "columns", "value"),
            problem=f"{written(columns.value)} is not used with {measure}",
            allowed='columns.value with measure = "mean" only',
            remedy='Delete it, or write measure = "mean"',
            about=about,
        )


def _measure_remedy(name: str, columns: Columns) -> str:
    add = f"Add {name} to columns"
    if name == "value":
        other = "rate" if columns.exposure is not None else "count"
        return add if columns.count is None else f'{add}, or write measure = "{other}"'
    if name == "exposure":
        return f'{add}, or write measure = "count"'
    return add if columns.value is None else f'{add}, or write measure = "mean"'


def _smallest_effect(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    effect, better = outcome.smallest_effect, outcome.better
    if effect is None:
        return
    about: tuple[Loc, ...] = ((*at, "better"),)
    shown, here = f"{effect:g}", (*at, "smallest_effect")
    if effect == 0:
        yield Mistake(
            at=here,
            problem=f"{shown} is no effect",
            allowed="a number of per cent, not 0",
            remedy="Write the smallest effect that would matter, or delete the key",
        )
    elif (better == "lower" and effect > 0) or (better == "higher" and effect < 0):
        sign = "below" if better == "lower" else "above"
        yield Mistake(
            at=here,
            problem=f'{shown} is no improvement where better = "{better}"',
            allowed=f"a number {sign} 0",
            remedy=f"Write smallest_effect = {-effect:g}, or change better",
            about=about,
        )


def _suppressed(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    low, high = outcome.suppressed
    if low > high:
        yield Mistake(
            at=(*at, "suppressed"),
            problem=f"[{low}, {high}] ends below where it begins",
            allowed="two whole numbers, the second not below the first",
            remedy=f"Write suppressed = [{high}, {low}]",
        )


def _weight(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    columns = outcome.columns
    about: tuple[Loc, ...] = ((*at, "columns"), (*at, "columns", "weight"), (*at, "source"))
    has_column = columns is not None and columns.weight is not None
    if outcome.weight == "column" and not has_column:
        yield Mistake(
            at=(*at, "weight"),
            problem='"column" needs columns.weight, which is missing',
            allowed='"column" with columns.weight',
            remedy="Add weight to columns, or delete this key",
            about=about,
        )
    if has_column and columns is not None and outcome.weight != "column":
        yield Mistake(
            at=(*at, "columns", "weight"),
            problem=f'{written(columns.weight)} is not used without weight = "column"',
            allowed='columns.weight with weight = "column" only',
            remedy='Add weight = "column" to the outcome, or delete it here',
            about=((*at, "weight"), (*at, "source")),
        )
    own = columns is None or columns.exposure is not None
    if outcome.weight == "exposure" and not own and outcome.exposure_from is None:
        yield Mistake(
            at=(*at, "weight"),
            problem='"exposure" needs columns.exposure, which is missing',
            allowed='"exposure" with columns.exposure',
            remedy="Add exposure to columns, or delete this key",
            about=((*at, "columns"), (*at, "columns", "exposure"), (*at, "source")),
        )


def _covariates(outcome: Outcome, at: Loc) -> Iterator[Mistake]:
    for n, name in enumerate(outcome.covariates):
        if name in outcome.covariates[:n]:
            yield Mistake(
                at=(*at, "covariates", n),
                problem=f"{written(name)} is listed twice",
                allowed="each column once",
                remedy="Delete one of the two",
            )


def _roles(study: Study) -> Iterator[Mistake]:
    roles = [outcome.role for outcome in study.outcomes]
    has_role = any("role" in outcome.model_fields_set for outcome in study.outcomes)
    if has_role and "primary" not in roles:
        yield Mistake(
            at=("outcomes",),
            problem="some have a role, and none is primary",
            allowed='role = "primary" for at least one outcome, or no role at all (the first is '
            "primary then)",
            remedy='Write role = "primary" in the outcome that the study rests on',
            about=tuple(("outcomes", n, "role") for n in range(len(roles))),
        )


def _adoption(study: Study) -> Iterator[Mistake]:
    given = [_adoption_columns(outcome) for outcome in study.outcomes]
    about = (
        ("sites",),
        *(("outcomes", n, "columns", key) for n in range(len(given)) for key in _ADOPTION),
    )
    if not study.sites and not any(given):
        yield Mistake(
            at=("sites",),
            problem="nothing says which units adopted, and when",
            allowed="either [[sites]] sections, or first_treated or treated in the columns of "
            "every outcome",
            remedy="Add a section [[sites]] with name, units and starts for each pilot site",
            about=about,
        )
    for n, (outcome, columns) in enumerate(zip(study.outcomes, given, strict=True)):
        at: Loc = ("outcomes", n, "columns")
        if study.sites:
            yield from _adoption_twice(columns, at)
            yield from _cluster_alone(outcome, columns, at)
        elif any(given):
            yield from _adoption_elsewhere(outcome, columns, at)


def _adoption_columns(outcome: Outcome) -> list[str]:
    columns = outcome.columns
    return [] if columns is None else [k for k in _ADOPTION if getattr(columns, k) is not None]


def _adoption_twice(columns: list[str], at: Loc) -> Iterator[Mistake]:
    if columns:
        yield Mistake(
            at=(*at, columns[0]),
            problem="it says who adopted when, as the [[sites]] sections do",
            allowed="either [[sites]] sections, or first_treated or treated in columns",
            remedy=f"Delete {' and '.join(columns)} here, or delete the [[sites]] sections",
            about=(("sites",),),
        )


def _adoption_elsewhere(outcome: Outcome, columns: list[str], at: Loc) -> Iterator[Mistake]:
    about = (("sites",), (*at[:2], "source"), *((*at, key) for key in _ADOPTION))
    allowed = (
        "first_treated or treated in the columns of every outcome, or [[sites]] sections and "
        "neither of the two"
    )
    if not columns and outcome.source != "table":
        yield Mistake(
            at=(*at[:2], "source"),
            problem=f"{written(outcome.source)} has no column that says who adopted when, and the "
            "tables of other outcomes have one",
            allowed=allowed,
            remedy="Add a section [[sites]] for each pilot site, and delete first_treated and "
            "treated",
            about=about,
        )
    elif not columns:
        yield Mistake(
            at=at,
            problem="no column says who adopted when, as those of other outcomes do",
            allowed=allowed,
            remedy="Add first_treated or treated to columns",
            about=about,
        )
    elif len(columns) > 1:
        yield Mistake(
            at=at,
            problem="first_treated and treated both say who adopted when",
            allowed="one of the two",
            remedy="Delete one of them",
            about=about,
        )


def _cluster_alone(outcome: Outcome, columns: list[str], at: Loc) -> Iterator[Mistake]:
    if outcome.columns is not None and outcome.columns.cluster is not None and not columns:
        yield Mistake(
            at=(*at, "cluster"),
            problem=f"{written(outcome.columns.cluster)} is not used without first_treated or "
            "treated",
            allowed="cluster with first_treated or treated only; [[sites]] say themselves which "
            "units are a site",
            remedy="Add first_treated or treated, or delete cluster",
            about=tuple((*at, key) for key in _ADOPTION),
        )
