"""The job, top to bottom as the report's method section tells it.

Read every outcome, check the data, stop when a check forbids going on, estimate each outcome by
each planned method (all pilot sites together, then each site alone), and gather the result.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from evaluation import manifest, methods, sources
from evaluation.censoring import ENDS, at_end, at_midpoint, how_many
from evaluation.checks import DATA_CHECKS, agreement, uncertain_counts
from evaluation.errors import CheckError, EstimationError
from evaluation.findings import Check, Effect, Estimand, Estimate, Estimator, Fit, Interval
from evaluation.methods import Combination
from evaluation.panel import Panel
from evaluation.records.used import definition_checks
from evaluation.results import Result
from evaluation.sources import Loaded
from evaluation.study import Outcome, Study

__all__ = ["DataReading", "Progress", "examine", "run"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataReading:
    """The data of a study, read and checked, before any estimate.

    Parameters
    ----------
    loaded : dict of str to Loaded
        Outcome key to its panel, trace and files.
    checks : tuple of Check
        Of every outcome, in the study's order.
    """

    loaded: dict[str, Loaded]
    checks: tuple[Check, ...]

    @property
    def blocking(self) -> tuple[Check, ...]:
        """The failed checks that forbid estimating."""
        return tuple(check for check in self.checks if check.blocking and check.passed is False)

    @property
    def ledger(self) -> pl.DataFrame:
        """Every input row accounted for."""
        return sources.ledger({key: loaded.trace for key, loaded in self.loaded.items()})


def run(study: Study, *, progress: Progress | None = None) -> Result:
    """Estimate a study, from files to result.

    Raises
    ------
    StudyError
        For a combination of methods that does not hold.
    SourceError
        For a file that is absent, unreadable or not laid out as declared.
    CheckError
        When a blocking data check failed; the message lists them.
    EstimationError
        When the primary estimate of an outcome cannot be had.
    """
    tell = progress or _silent
    reading = examine(study, progress=tell)
    if reading.blocking:
        raise _stopped(study, reading.blocking)
    estimates: list[Estimate] = []
    comparisons: list[Check | None] = []
    compares = {key: entry.compares for key, entry in methods.ESTIMATORS.items()}
    for outcome in study.outcomes:
        panel = reading.loaded[outcome.key].panel
        if panel is None:
            raise EstimationError("no panel could be made", place=f'[[outcomes]] "{outcome.key}"')
        estimates += _estimates(study, outcome, panel, tell)
        comparisons.append(agreement(outcome.key, estimates, compares))
        if hidden := how_many(panel):
            estimates += _at_ends(study, outcome, panel, tell)
            comparisons.append(uncertain_counts(outcome.key, hidden, panel.rows.height, estimates))
    files = [path for loaded in reading.loaded.values() for path in loaded.files]
    return Result(
        study=study,
        estimates=tuple(e for e in estimates if e.effect.estimand != "event_time"),
        event_study=tuple(e for e in estimates if e.effect.estimand == "event_time"),
        checks=(*reading.checks, *(check for check in comparisons if check is not None)),
        panel=_stacked(reading),
        ledger=reading.ledger,
        manifest=manifest.describe(study, files),
    )


def examine(study: Study, *, progress: Progress | None = None) -> DataReading:
    """Read and check the data of every outcome, and estimate nothing.

    Raises
    ------
    StudyError, SourceError
        As :func:`run`.
    """
    tell = progress or _silent
    methods.validate(study)
    loaded: dict[str, Loaded] = {}
    checks: list[Check] = []
    for outcome in study.outcomes:
        tell(f"Reading {outcome.label}")
        one = sources.load(study, outcome, loaded)
        loaded[outcome.key] = one
        checks += (*one.checks, *definition_checks(study, outcome))
        if one.panel is not None:
            tell(f"Checking {outcome.label}")
            panel = at_midpoint(one.panel)
            loaded[outcome.key] = dataclasses.replace(one, panel=panel)
            made = (check(panel) for check in DATA_CHECKS)
            checks += [dataclasses.replace(check, outcome=outcome.key) for check in made]
    return DataReading(loaded=loaded, checks=tuple(checks))


def _estimates(study: Study, outcome: Outcome, panel: Panel, tell: Progress) -> Iterator[Estimate]:
    """Yield every planned estimate of one outcome, all sites together first."""
    for estimator_key, combinations in _by_estimator(methods.plan(study, outcome)):
        entry = methods.ESTIMATORS[estimator_key]
        estimator = entry.whole(study.analysis)
        tell(f"Estimating {outcome.label}: {entry.title}")
        fit = _fitted(estimator_key, estimator, panel)
        if not np.isfinite(fit.effect.value) and any(c.is_primary for c in combinations):
            raise EstimationError(
                "; ".join(fit.effect.caveats),
                place=f'[[outcomes]] "{outcome.key}", estimator {estimator_key!r}',
            )
        yield from _with_intervals(study, panel, estimator, fit, combinations)
        estimator = entry.make(study.analysis)
        for site in panel.adoption.pilot_sites:
            alone = panel.site_alone(site)
            fit = _called(_fitted(estimator_key, estimator, alone), "site", site)
            yield from _with_intervals(study, alone, estimator, fit, combinations)


def _at_ends(study: Study, outcome: Outcome, panel: Panel, tell: Progress) -> Iterator[Estimate]:
    """Yield the primary estimate with every uncertain count at each of its ends."""
    combination = next(c for c in methods.plan(study, outcome) if c.is_primary)
    entry = methods.ESTIMATORS[combination.estimator]
    estimator = entry.make(study.analysis)
    tell(f"Estimating {outcome.label}: suppressed or rounded counts at their ends")
    for end in ENDS:
        placed = at_end(panel, end)
        fit = _called(_fitted(combination.estimator, estimator, placed), "bound", end.key)
        for estimate in _with_intervals(study, placed, estimator, fit, (combination,)):
            yield dataclasses.replace(estimate, is_primary=False)


def _by_estimator(
    combinations: tuple[Combination, ...],
) -> Iterator[tuple[str, tuple[Combination, ...]]]:
    for key in dict.fromkeys(c.estimator for c in combinations):
        yield key, tuple(c for c in combinations if c.estimator == key)


def _fitted(key: str, estimator: Estimator, panel: Panel) -> Fit:
    """Fit, or return an empty fit whose caveat says why there is none."""
    try:
        return estimator(panel)
    except EstimationError as error:
        effect = Effect(estimand="overall", value=np.nan, scale="level", caveats=(str(error),))
        return Fit(
            estimator=key,
            effects=(effect,),
            n_obs=panel.rows.height,
            n_units=len(panel.units),
            n_sites=len(panel.sites),
            n_pilot_sites=len(panel.adoption.pilot_sites),
        )


def _called(fit: Fit, estimand: Estimand, group: str) -> Fit:
    """Call the overall effect of a changed panel what it is; leave the others out."""
    effect = dataclasses.replace(fit.effect, estimand=estimand, group=group)
    return dataclasses.replace(fit, effects=(effect,))


def _with_intervals(
    study: Study,
    panel: Panel,
    estimator: Estimator,
    fit: Fit,
    combinations: tuple[Combination, ...],
) -> Iterator[Estimate]:
    primary = methods.primary_among(combinations, fit)
    for planned in combinations:
        is_primary = primary is not None and planned.procedure == primary.procedure
        combination = primary if primary is not None and is_primary else planned
        for index, effect in enumerate(fit.effects):
            focused = fit.focused(index)
            if not methods.is_asked(combination.procedure, focused):
                if planned is not combinations[0] or _any_asked(combinations, focused):
                    continue
                interval = methods.unasked(
                    combination.procedure, focused, level=study.analysis.level
                )
            else:
                interval = _interval(study, panel, estimator, focused, combination)
            yield Estimate(
                outcome=panel.key,
                estimator=combination.estimator,
                effect=effect,
                interval=interval,
                n_obs=fit.n_obs,
                n_units=fit.n_units,
                n_sites=fit.n_sites,
                n_pilot_sites=_own_pilot_sites(fit, effect),
                is_primary=is_primary,
                caveats=_caveats(combination, fit, effect, interval),
            )


def _any_asked(combinations: tuple[Combination, ...], fit: Fit) -> bool:
    return any(methods.is_asked(c.procedure, fit) for c in combinations)


def _own_pilot_sites(fit: Fit, effect: Effect) -> int:
    return fit.n_pilot_sites if effect.n_pilot_sites is None else effect.n_pilot_sites


def _interval(
    study: Study, panel: Panel, estimator: Estimator, fit: Fit, combination: Combination
) -> Interval:
    analysis = study.analysis
    if not np.isfinite(fit.effect.value):
        return Interval(procedure=combination.procedure, level=analysis.level)
    refused = methods.refusal(combination.procedure, fit, level=analysis.level)
    if refused is not None:
        return refused
    procedure = methods.PROCEDURES[combination.procedure].make(analysis)
    stream = random_stream(
        analysis.seed,
        panel.key,
        combination.estimator,
        combination.procedure,
        fit.effect.estimand,
        fit.effect.group,
    )
    try:
        return procedure(estimator, panel, fit, stream)
    except EstimationError as error:
        if combination.is_primary and fit.effect.estimand == "overall":
            raise
        reason = f"No interval: {error}"
        return Interval(procedure=combination.procedure, level=analysis.level, caveats=(reason,))


def random_stream(seed: int, *names: str) -> Generator:
    """Return the generator of one use, keyed by name: adding a method moves no other number."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype=np.uint32)
    return np.random.default_rng(np.random.SeedSequence([seed, *(int(w) for w in words)]))


def _caveats(
    combination: Combination, fit: Fit, effect: Effect, interval: Interval
) -> tuple[str, ...]:
    """Gather what a reader must know of one figure; why an interval is empty comes first."""
    own = (combination.caveat,) if combination.caveat else ()
    return tuple(dict.fromkeys((*interval.caveats, *own, *effect.caveats, *fit.caveats)))


def _stacked(reading: DataReading) -> pl.DataFrame:
    """Stack the panels of all outcomes, with site and adoption beside each row."""
    frames = []
    for key, loaded in reading.loaded.items():
        if loaded.panel is None:
            continue
        adoption = loaded.panel.adoption
        units = list(adoption.site)
        members = pl.DataFrame(
            {
                "unit": units,
                "site": [adoption.site[u] for u in units],
                "first_treated": [adoption.first_treated.get(u) for u in units],
            },
            schema={"unit": pl.String, "site": pl.String, "first_treated": pl.Int64},
        )
        rows = loaded.panel.rows.join(members, on="unit", how="left", maintain_order="left")
        frames.append(rows.select(pl.lit(key).alias("outcome_key"), pl.all()))
    return pl.concat(frames, how="diagonal")


def _stopped(study: Study, blocking: tuple[Check, ...]) -> CheckError:
    lines = "\n".join(f"  - {c.outcome}: {c.title}. {c.detail} {c.remedy}" for c in blocking)
    return CheckError(
        f"{len(blocking)} blocking data check(s) failed; nothing was estimated:\n{lines}",
        place=study.path.name,
        remedy=f"Run `pilot-eval check {study.path}` for every finding by file and row.",
    )


def _silent(_: str) -> None:
    """Tell nobody."""
