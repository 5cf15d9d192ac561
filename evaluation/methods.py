"""The one table of estimators and procedures, and of which may be combined.

A bad pair is a study error before any data is read; a procedure that does not hold for the number
of pilot sites at hand is refused where it would be used, with the reason in place of the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from evaluation.errors import StudyError
from evaluation.estimators import event_study, poisson, twfe
from evaluation.findings import Estimator, Fit, Interval, Procedure
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.panel import MEASURES, Measure
from evaluation.study import Analysis, Outcome, Study

__all__ = [
    "ESTIMATORS",
    "PROCEDURES",
    "Combination",
    "EstimatorEntry",
    "ProcedureEntry",
    "plan",
    "refusal",
    "validate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorEntry:
    """One estimator: how it is made for a study, and what it may be used with.

    Parameters
    ----------
    title : str
        Name in reports.
    make : Callable[[Analysis], Estimator]
        The estimator under the study's settings.
    measures : tuple of Measure
        Outcomes it is defined for.
    procedures : tuple of str
        Procedures that hold for it, by algebra or by refit.
    by_event_time : bool
        Whether its effects are leads and lags, which go to ``event_study.csv``.
    """

    title: str
    make: Callable[[Analysis], Estimator]
    measures: tuple[Measure, ...]
    procedures: tuple[str, ...]
    by_event_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureEntry:
    """One procedure: how it is made, and how many pilot sites it needs to hold its size.

    Parameters
    ----------
    title : str
        Name in reports.
    make : Callable[[Analysis], Procedure]
        The procedure under the study's settings.
    fewest_pilot_sites : int
        Below this number of pilot sites the interval is left empty.
    why : str
        What happens below it (METHODS section 3), as a sentence.
    """

    title: str
    make: Callable[[Analysis], Procedure]
    fewest_pilot_sites: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """An estimator with a procedure, as planned for one outcome."""

    estimator: str
    procedure: str
    is_primary: bool = False
    caveat: str = ""


_ALGEBRA = ("cr1", "cr2")
_FEWEST_FOR_SANDWICH = 4
_SANDWICH_FAILS = (
    "with one pilot site cluster-robust intervals call a true zero an effect in 72% of studies, "
    "with two in 30% and with three in 18 to 23%"
)

ESTIMATORS: dict[str, EstimatorEntry] = {
    "poisson": EstimatorEntry(
        title="Poisson regression with area and period effects",
        make=lambda _: poisson,
        measures=("rate", "count"),
        procedures=_ALGEBRA,
    ),
    "twfe": EstimatorEntry(
        title="Two-way fixed effects regression",
        make=lambda _: twfe,
        measures=MEASURES,
        procedures=_ALGEBRA,
    ),
    "event_study": EstimatorEntry(
        title="Event study: leads and lags around the start",
        make=lambda analysis: _windowed_event_study(analysis.event_window),
        measures=MEASURES,
        procedures=_ALGEBRA,
        by_event_time=True,
    ),
}

PROCEDURES: dict[str, ProcedureEntry] = {
    "cr2": ProcedureEntry(
        title="Cluster-robust by site, small-sample corrected (CR2, Satterthwaite)",
        make=lambda analysis: cr2(level=analysis.level),
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_SANDWICH_FAILS,
    ),
    "cr1": ProcedureEntry(
        title="Cluster-robust by site (CR1), to compare with other software only",
        make=lambda analysis: cr1(level=analysis.level),
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_SANDWICH_FAILS,
    ),
}


def _windowed_event_study(window: int | None) -> Estimator:
    return lambda panel: event_study(panel, bin_ends=window)


def validate(study: Study) -> None:
    """Refuse names and pairs that this version cannot carry out.

    Raises
    ------
    StudyError
        For an unknown estimator or procedure, a pair that does not hold, or an outcome that none
        of the chosen estimators is defined for. All of them are named at once.
    """
    analysis = study.analysis
    problems = [_unknown("estimators", key, ESTIMATORS) for key in analysis.estimators]
    problems += [_unknown("procedures", key, PROCEDURES) for key in analysis.procedures]
    problems += [
        _unknown("primary.estimator", analysis.primary.estimator, ESTIMATORS),
        _unknown("primary.procedure", analysis.primary.procedure, PROCEDURES),
    ]
    found = list(dict.fromkeys(p for p in problems if p)) or _bad_pairs(study)
    if not found:
        return
    place = study.path.name
    if len(found) == 1:
        raise StudyError(found[0], place=place)
    lines = "\n".join(f"  - {text}" for text in found)
    raise StudyError(f"{len(found)} mistakes in the choice of methods:\n{lines}", place=place)


def _unknown(
    key: str, name: str, table: dict[str, EstimatorEntry] | dict[str, ProcedureEntry]
) -> str:
    if name in table:
        return ""
    near = get_close_matches(name, table, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    allowed = ", ".join(table)
    return (
        f"[analysis] {key}: {name!r} is not in this version of pilot-eval. Allowed: {allowed}{hint}"
    )


def _bad_pairs(study: Study) -> list[str]:
    analysis = study.analysis
    found = []
    for key in analysis.estimators:
        held = ESTIMATORS[key].procedures
        if not set(held) & set(analysis.procedures):
            found.append(
                f"[analysis] estimators: {key!r} has none of the procedures chosen "
                f"({', '.join(analysis.procedures)}). Allowed with it: {', '.join(held)}."
            )
    primary = ESTIMATORS[analysis.primary.estimator]
    if primary.by_event_time:
        found.append(
            f"[analysis] primary: {analysis.primary.estimator!r} gives effects by event time, "
            "not one answer. Write twfe or poisson as the primary estimator."
        )
    elif analysis.primary.procedure not in primary.procedures:
        found.append(
            f"[analysis] primary: {analysis.primary.procedure!r} does not hold for "
            f"{analysis.primary.estimator!r}. Allowed: {', '.join(primary.procedures)}."
        )
    found += [
        f'[[outcomes]] "{outcome.key}": measure {outcome.measure!r} has no estimator among those '
        f"chosen ({', '.join(analysis.estimators)}). Add one of: "
        f"{', '.join(_defined_for(outcome, tuple(ESTIMATORS)))}."
        for outcome in study.outcomes
        if not _defined_for(outcome, analysis.estimators)
    ]
    return found


def _defined_for(outcome: Outcome, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of ``keys`` that give one overall effect for the outcome's measure."""
    return tuple(
        key
        for key in keys
        if outcome.measure in ESTIMATORS[key].measures and not ESTIMATORS[key].by_event_time
    )


def plan(study: Study, outcome: Outcome) -> tuple[Combination, ...]:
    """Return what is run for one outcome, the primary combination first.

    Where the study's primary estimator is not defined for the outcome's measure (Poisson for a
    mean), the first of the study's estimators that is takes its place, and a caveat says so.
    """
    analysis = study.analysis
    defined = _defined_for(outcome, (analysis.primary.estimator, *analysis.estimators))
    chosen = defined[0]
    caveat = ""
    if chosen != analysis.primary.estimator:
        caveat = (
            f"{analysis.primary.estimator} is not defined for a {outcome.measure}; "
            f"{chosen} is the primary estimator of this outcome"
        )
    primary = (chosen, _procedure_for(chosen, analysis))
    pairs = [
        (estimator, procedure)
        for estimator in analysis.estimators
        if outcome.measure in ESTIMATORS[estimator].measures
        for procedure in analysis.procedures
        if procedure in ESTIMATORS[estimator].procedures
    ]
    ordered = [primary, *(pair for pair in dict.fromkeys(pairs) if pair != primary)]
    return tuple(
        Combination(
            estimator=estimator,
            procedure=procedure,
            is_primary=(estimator, procedure) == primary,
            caveat=caveat if (estimator, procedure) == primary else "",
        )
        for estimator, procedure in ordered
    )


def _procedure_for(estimator: str, analysis: Analysis) -> str:
    held = ESTIMATORS[estimator].procedures
    wanted = (analysis.primary.procedure, *analysis.procedures)
    return next(key for key in wanted if key in held)


def refusal(procedure: str, fit: Fit, *, level: float) -> Interval | None:
    """Return an empty interval with its reason where ``procedure`` does not hold for ``fit``.

    What counts is how many pilot sites the focal effect rests on: a late event time may rest on
    fewer than the whole fit.
    """
    entry = PROCEDURES[procedure]
    own = fit.effect.n_pilot_sites
    n_sites = fit.n_pilot_sites if own is None else own
    if n_sites >= entry.fewest_pilot_sites:
        return None
    holding = [
        key
        for key in ESTIMATORS[fit.estimator].procedures
        if PROCEDURES[key].fewest_pilot_sites <= n_sites
    ]
    instead = (
        f"Use {' or '.join(holding)}."
        if holding
        else "This version has no procedure that holds there."
    )
    sites = "one pilot site" if n_sites == 1 else f"{n_sites} pilot sites"
    reason = f"No interval for {sites}: {entry.why}. {instead}"
    return Interval(procedure=procedure, level=level, caveats=(reason,))
