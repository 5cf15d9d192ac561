"""What is run for a study: validated before any data is read, planned outcome by outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from evaluation.errors import StudyError
from evaluation.findings import Fit, Interval
from evaluation.methods.table import ESTIMATORS, PROCEDURES
from evaluation.study import Analysis, Outcome, Study

__all__ = ["Combination", "is_asked", "plan", "primary_among", "refusal", "unasked", "validate"]

# Whether a procedure is refused does not hang on the level of its interval.
_ANY_LEVEL = 0.95
_CLOSED_FORM = ("cr1", "cr2", "cr3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """An estimator with a procedure, as planned for one outcome."""

    estimator: str
    procedure: str
    is_primary: bool = False
    caveat: str = ""


def validate(study: Study) -> None:
    """Refuse names and pairs that this version cannot carry out.

    Raises
    ------
    StudyError
        For an unknown estimator or procedure, a pair that does not hold, or an outcome that none
        of the chosen estimators is defined for. All of them are named at once.
    """
    file = study.path.name
    found = _unknown_names(study.analysis, file) or [
        *_unpaired(study.analysis, file),
        *_bad_primary(study.analysis, file),
        *_without_estimator(study, file),
    ]
    if found:
        raise StudyError.joined(found, place=file)


def _unknown_names(analysis: Analysis, file: str) -> list[StudyError]:
    """Name each estimator and procedure that is not in the table; those of primary are listed."""
    chosen = [
        *(("estimators", name, tuple(ESTIMATORS)) for name in analysis.estimators),
        *(("procedures", name, tuple(PROCEDURES)) for name in analysis.procedures),
    ]
    found = []
    for key, name, allowed in chosen:
        if name in allowed:
            continue
        near = get_close_matches(name, allowed, n=1)
        remedy = f'Did you mean "{near[0]}"?' if near else f'Write {key} = ["{allowed[0]}"].'
        found.append(
            StudyError(
                f'"{name}" is not in this version of pilot-eval',
                place=f"{file}, [analysis], {key}",
                allowed=_quoted(allowed),
                remedy=remedy,
            )
        )
    return found


def _unpaired(analysis: Analysis, file: str) -> list[StudyError]:
    return [
        StudyError(
            f'"{key}" has none of the procedures chosen ({", ".join(analysis.procedures)})',
            place=f"{file}, [analysis], estimators",
            allowed=f"with it {_quoted(ESTIMATORS[key].procedures)}",
            remedy="Add one of them to procedures, or leave the estimator out.",
        )
        for key in analysis.estimators
        if not set(ESTIMATORS[key].procedures) & set(analysis.procedures)
    ]


def _bad_primary(analysis: Analysis, file: str) -> list[StudyError]:
    primary = analysis.primary
    entry = ESTIMATORS[primary.estimator]
    overall = [key for key, other in ESTIMATORS.items() if not other.by_event_time]
    if entry.by_event_time:
        return [
            StudyError(
                f'"{primary.estimator}" is there for its leads and lags, not for one answer',
                place=f"{file}, [analysis], primary.estimator",
                allowed=_quoted(overall),
                remedy="Keep it among estimators, and choose another as primary.",
            )
        ]
    allowed = _for_one_answer(entry.procedures)
    if primary.procedure in allowed:
        return []
    holds = primary.procedure in entry.procedures
    return [
        StudyError(
            f'"{primary.procedure}" is for effects by event time, not for one answer'
            if holds
            else f'"{primary.procedure}" does not hold for "{primary.estimator}"',
            place=f"{file}, [analysis], primary.procedure",
            allowed=_quoted(allowed),
            remedy="Choose one of them, and list it among procedures.",
        )
    ]


def _for_one_answer(procedures: Iterable[str]) -> tuple[str, ...]:
    return tuple(key for key in procedures if not PROCEDURES[key].by_event_time)


def _without_estimator(study: Study, file: str) -> list[StudyError]:
    return [
        StudyError(
            f'measure "{outcome.measure}" has no estimator among those chosen '
            f"({', '.join(study.analysis.estimators)})",
            place=f'{file}, [[outcomes]] "{outcome.key}"',
            allowed=_quoted(_defined_for(outcome, tuple(ESTIMATORS))),
            remedy="Add one of them to [analysis], estimators.",
        )
        for outcome in study.outcomes
        if not _defined_for(outcome, study.analysis.estimators)
    ]


def _quoted(names: Iterable[str]) -> str:
    *rest, last = (f'"{name}"' for name in names)
    return f"{', '.join(rest)} or {last}" if rest else last


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
    held = _for_one_answer(ESTIMATORS[estimator].procedures)
    wanted = (analysis.primary.procedure, *analysis.procedures)
    return next(key for key in wanted if key in held)


def primary_among(combinations: Iterable[Combination], fit: Fit) -> Combination | None:
    """Return which of one estimator's combinations gives the primary answer for a fit.

    The planned one; where its procedure does not hold for so few pilot sites (one site's own
    effect), the first of the others that does, with a caveat that says so.
    """
    chosen = tuple(c for c in combinations if not PROCEDURES[c.procedure].by_event_time)
    planned = next((c for c in chosen if c.is_primary), None)
    if planned is None or refusal(planned.procedure, fit, level=_ANY_LEVEL) is None:
        return planned
    for other in chosen:
        if refusal(other.procedure, fit, level=_ANY_LEVEL) is None:
            caveat = (
                f"{planned.procedure} does not hold for so few pilot sites; "
                f"{other.procedure} takes its place"
            )
            return dataclasses.replace(other, caveat=caveat)
    return planned


def is_asked(procedure: str, fit: Fit) -> bool:
    """Return whether a procedure is run for the focal effect of a fit.

    The overall effect and that of one site are asked of every procedure. For the many others, those
    in closed form cost next to nothing, and placebos are shared by all effects of a fit. By other
    refits each effect would cost as much as the first; so would each interval by the wild
    bootstrap, which is searched for: it is had for the leads and lags of an event study alone. A
    band is for event times, whichever the estimator.
    """
    if PROCEDURES[procedure].by_event_time:
        return fit.effect.estimand == "event_time"
    if procedure == "placebo" or fit.effect.estimand in ("overall", "site", "bound"):
        return True
    if fit.equations is None:
        return fit.influence is not None and procedure == "cr1"
    if procedure == "wild":
        leads_and_lags = ESTIMATORS[fit.estimator].by_event_time
        return leads_and_lags and fit.effect.estimand == "event_time"
    return procedure in _CLOSED_FORM


def unasked(procedure: str, fit: Fit, *, level: float) -> Interval:
    """Return the empty interval of an effect that none of the chosen procedures is asked about."""
    instead = "cr1" if fit.equations is None else "cr2"
    reason = (
        "No interval: the procedures chosen would each need as much work for this effect alone as "
        f"for the overall one. Add {instead} to procedures for one in closed form"
    )
    return Interval(procedure=procedure, level=level, caveats=(reason,))


def refusal(procedure: str, fit: Fit, *, level: float) -> Interval | None:
    """Return an empty interval with its reason where ``procedure`` does not hold for ``fit``.

    What counts is how many pilot sites the focal effect rests on: a late event time may rest on
    fewer than the whole fit.
    """
    entry = PROCEDURES[procedure]
    own = fit.effect.n_pilot_sites
    n_sites = fit.n_pilot_sites if own is None else own
    if entry.holds_for(n_sites):
        return None
    holding = [
        key for key in ESTIMATORS[fit.estimator].procedures if PROCEDURES[key].holds_for(n_sites)
    ]
    instead = (
        f"Use {' or '.join(holding)}."
        if holding
        else "This version has no procedure that holds there."
    )
    sites = "one pilot site" if n_sites == 1 else f"{n_sites} pilot sites"
    why = entry.why if n_sites < entry.fewest_pilot_sites else entry.why_not_more
    reason = f"No interval for {sites}: {why}. {instead}"
    return Interval(procedure=procedure, level=level, caveats=(reason,))
