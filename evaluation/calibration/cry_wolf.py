"""Ask every planned method for the effect of placebo pilots, and count the false alarms."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from numpy.random import Generator

from evaluation import methods
from evaluation.calibration.placebo import PlaceboDesign, design, placebo, untouched
from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Fit
from evaluation.methods import ProcedureEntry
from evaluation.panel import Panel
from evaluation.simulation import Rate, named_stream, repeat
from evaluation.study import Outcome, Study

__all__ = ["MOST_DRAWS", "Calibration", "CryWolf", "calibrate"]

# A verdict needs fewer draws than a published p-value, and 1/(999 + 1) divides the usual levels.
MOST_DRAWS = 999
_MOST_FAILURES = 0.01
# First words of titles that are somebody's name or an acronym.
_NAMES = ("Poisson", "Callaway", "Borusyak", "Ferman", "CR")

Progress = Callable[[str], None]
Whose = Literal["overall", "site"]
# What one method said of one placebo pilot: an effect or none; or why it says nothing.
Verdict = bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class CryWolf:
    """How often one method called nothing an effect.

    Parameters
    ----------
    outcome, estimator, procedure : str
        Keys.
    estimand : {"overall", "site"}
        All placebo sites together, or one of them alone.
    cried : Rate or None
        Placebo pilots in which the interval excluded zero; None where the method is not used.
    failures : int
        Placebo pilots for which it gave no answer; they are not in the rate.
    is_primary : bool
        Whether it is the outcome's primary method.
    reason : str
        Why ``cried`` is None.
    """

    outcome: str
    estimator: str
    procedure: str
    estimand: Whose
    cried: Rate | None = None
    failures: int = 0
    is_primary: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All methods of a study, with what the placebo pilots of each outcome were."""

    level: float
    repetitions: int
    designs: Mapping[str, PlaceboDesign]
    rows: tuple[CryWolf, ...]

    def table(self) -> pl.DataFrame:
        """Return one row a method; empty where a figure could not be had."""
        return pl.DataFrame(
            [
                {
                    "outcome": row.outcome,
                    "estimator": row.estimator,
                    "procedure": row.procedure,
                    "estimand": row.estimand,
                    "is_primary": row.is_primary,
                    "nominal": round(1 - self.level, 12),
                    "placebo_pilots": row.cried.trials if row.cried else None,
                    "cried_wolf": row.cried.count if row.cried else None,
                    "share": row.cried.value if row.cried else None,
                    "monte_carlo_error": row.cried.error if row.cried else None,
                    "failures": row.failures,
                    "reason": row.reason,
                }
                for row in self.rows
            ],
            schema_overrides={
                "placebo_pilots": pl.Int64,
                "cried_wolf": pl.Int64,
                "share": pl.Float64,
                "monte_carlo_error": pl.Float64,
            },
        )

    def sentence(self, row: CryWolf) -> str:
        """Say in one sentence what was found for one method, to paste into a report."""
        estimator = _within(methods.ESTIMATORS[row.estimator].title)
        procedure = _within(methods.PROCEDURES[row.procedure].title)
        alone = "" if row.estimand == "overall" else " for one site alone"
        head = (
            "On this study's own comparison areas before the pilot, the "
            f"{100 * self.level:g}% interval{alone} of {estimator}, {procedure},"
        )
        if row.cried is None:
            return f"{head} has no figure: {row.reason.rstrip('.')}."
        return (
            f"{head} excluded zero in {100 * row.cried.value:.1f}% of {row.cried.trials:,} placebo "
            f"pilots (Monte Carlo error {100 * row.cried.error:.1f} points), where "
            f"{100 * (1 - self.level):.3g}% is promised."
        )


def calibrate(
    study: Study,
    panels: Mapping[str, Panel],
    *,
    repetitions: int,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Calibration:
    """Run every planned method of a study on placebo pilots.

    Parameters
    ----------
    study : Study
        Its ``[analysis]`` says which methods, at which level; at most 999 draws are made of those
        that resample.
    panels : Mapping[str, Panel]
        Outcome key to panel, for the outcomes to look at.
    repetitions : int
        Placebo pilots for each outcome.
    jobs : int
        Processes; the figures do not depend on it.
    progress : Callable[[str], None], optional
        Told what is being done.

    Raises
    ------
    EstimationError
        When there are too few comparison units or periods before the start (the message says what
        is needed), or the primary method has no answer for more than 1% of the placebo pilots;
        other methods then have a reason in place of a figure.
    """
    tell = progress or _silent
    analysis = study.analysis.model_copy(update={"draws": min(study.analysis.draws, MOST_DRAWS)})
    short = study.model_copy(update={"analysis": analysis})
    designs = {key: design(panel, place=_place(key)) for key, panel in panels.items()}
    trials = tuple(
        _Trial(
            study=short,
            panel=untouched(panel),
            design=designs[key],
            planned=tuple(_planned(short, study.outcome(key), n_sites=len(designs[key].shape))),
        )
        for key, panel in panels.items()
    )
    total = repetitions * len(trials)
    tell(f"Placebo pilots of {len(trials)} outcomes")
    verdicts = repeat(
        _InTurn(trials=trials, repetitions=repetitions),
        total,
        jobs=jobs,
        progress=lambda done, of: tell(f"Placebo pilot {done:,} of {of:,}"),
    )
    rows = [
        _counted(row, [verdict[position] for verdict in verdicts[at : at + repetitions]])
        for at, trial in zip(range(0, total, repetitions), trials, strict=True)
        for position, row in enumerate(trial.planned)
    ]
    return Calibration(
        level=study.analysis.level, repetitions=repetitions, designs=designs, rows=tuple(rows)
    )


def _planned(study: Study, outcome: Outcome, *, n_sites: int) -> Iterator[CryWolf]:
    """Yield a row for each method of the outcome; with the reason where it would be refused."""
    for estimand, sites in (("overall", n_sites), ("site", 1)):
        for one in methods.plan(study, outcome):
            if methods.ESTIMATORS[one.estimator].by_event_time:
                continue
            entry = methods.PROCEDURES[one.procedure]
            yield CryWolf(
                outcome=outcome.key,
                estimator=one.estimator,
                procedure=one.procedure,
                estimand="overall" if estimand == "overall" else "site",
                is_primary=one.is_primary and estimand == "overall",
                reason=_unheld(entry, sites),
            )


def _unheld(entry: ProcedureEntry, sites: int) -> str:
    if entry.holds_for(sites):
        return ""
    return entry.why if sites < entry.fewest_pilot_sites else entry.why_not_more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    """Placebo pilots of one outcome, by number; other processes can be told of it."""

    study: Study
    panel: Panel
    design: PlaceboDesign
    planned: tuple[CryWolf, ...]

    def __call__(self, repetition: int) -> tuple[Verdict, ...]:
        """Return the verdict of each planned method on placebo pilot number ``repetition``."""
        seed, key = self.study.analysis.seed, self.panel.key
        drawn = placebo(
            self.panel,
            self.design,
            pilot := named_stream(seed, "calibrate", key, str(repetition)),
        )
        alone = drawn.site_alone(f"placebo site {1 + int(pilot.integers(len(self.design.shape)))}")
        fits: dict[tuple[str, Whose], tuple[Estimator, Fit | str]] = {}
        verdicts: list[Verdict] = []
        for row in self.planned:
            if row.reason:
                verdicts.append(row.reason)
                continue
            seen = drawn if row.estimand == "overall" else alone
            at = (row.estimator, row.estimand)
            if at not in fits:
                estimator = methods.ESTIMATORS[row.estimator].make(self.study.analysis)
                fits[at] = (estimator, _fitted(estimator, seen))
            stream = named_stream(seed, "calibrate", key, str(repetition), *at, row.procedure)
            verdicts.append(self._verdict(row, seen, *fits[at], stream))
        return tuple(verdicts)

    def _verdict(
        self, row: CryWolf, seen: Panel, estimator: Estimator, fit: Fit | str, stream: Generator
    ) -> Verdict:
        if isinstance(fit, str):
            return fit
        analysis = self.study.analysis
        procedure = methods.PROCEDURES[row.procedure].make(analysis)
        try:
            interval = procedure(estimator, seen, fit, stream)
        except EstimationError as error:
            return str(error)
        if interval.p is None:
            return " ".join(interval.caveats)
        # As everywhere: what is not above 1 - level is rejected, and outside the interval.
        return interval.p <= 1 - analysis.level


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _InTurn:
    """All placebo pilots of one outcome, then of the next: worker processes start only once."""

    trials: tuple[_Trial, ...]
    repetitions: int

    def __call__(self, number: int) -> tuple[Verdict, ...]:
        outcome, repetition = divmod(number, self.repetitions)
        return self.trials[outcome](repetition)


def _fitted(estimator: Estimator, panel: Panel) -> Fit | str:
    try:
        return estimator(panel)
    except EstimationError as error:
        return str(error)


def _counted(row: CryWolf, verdicts: Sequence[Verdict]) -> CryWolf:
    if row.reason:
        return row
    given = [verdict for verdict in verdicts if isinstance(verdict, bool)]
    silent = [verdict for verdict in verdicts if isinstance(verdict, str)]
    if len(silent) <= _MOST_FAILURES * len(verdicts):
        cried = Rate(count=sum(given), trials=len(given))
        return dataclasses.replace(row, cried=cried, failures=len(silent))
    problem = f"no answer for {len(silent):,} of {len(verdicts):,} placebo pilots"
    if row.is_primary:
        raise EstimationError(
            f"{row.estimator} with {row.procedure} has {problem}; for the first: {silent[0]}",
            place=_place(row.outcome),
            allowed="1% of them",
            remedy="Choose another primary method in [analysis].",
        )
    return dataclasses.replace(row, failures=len(silent), reason=f"{problem}: {silent[0]}")


def _within(title: str) -> str:
    """Return a title as it stands within a sentence; names keep their capital."""
    return title if title.startswith(_NAMES) else title[:1].lower() + title[1:]


def _place(key: str) -> str:
    return f'[[outcomes]] "{key}"'


def _silent(_: str) -> None:
    """Tell nobody."""
