"""Size, power, coverage and bias of estimators with procedures, each with its Monte Carlo error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from evaluation.errors import EstimationError
from evaluation.findings import Estimator, Procedure
from evaluation.simulation.drawing import Drawn, Sites, draw
from evaluation.simulation.processes import Process
from evaluation.simulation.rates import Mean, Rate
from evaluation.simulation.repeat import Progress, repeat
from evaluation.simulation.shape import Shape
from evaluation.simulation.streams import named_stream

__all__ = ["Analyst", "Answer", "Experiment", "Measured", "Pairs", "ThroughPanel", "measure"]

# Failures above this share are an error, not a footnote.
_MOST_FAILURES = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one method said of one drawn panel.

    Parameters
    ----------
    value : float
        The estimate less the truth.
    p : float
        Two-sided p-value against 0; NaN where the method failed.
    p_truth : float
        The same against the true effect: the interval holds the truth when it is not below 1 less
        the level. NaN where it was not asked.
    """

    value: float
    p: float
    p_truth: float = math.nan


# Looks at a drawn panel by one or more methods, named; draws its own numbers from the stream.
Analyst = Callable[[Drawn, Generator], Mapping[str, Answer]]
Pairs = Mapping[str, tuple[Estimator, Procedure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughPanel:
    """The analyst that goes the way of every study: Panel, estimator, procedure.

    Parameters
    ----------
    pairs : Callable[[], Pairs]
        Makes the named pairs of estimator and procedure; a function of a module, so that other
        processes can be told of it.
    """

    pairs: Callable[[], Pairs]

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Estimate the panel by every pair; coverage is read off the interval's ends."""
        panel = drawn.panel()
        found = {}
        for name, (estimator, procedure) in self.pairs().items():
            fit = estimator(panel)
            interval = procedure(estimator, panel, fit, stream)
            inside = math.nan
            if interval.low is not None and interval.high is not None:
                inside = float(interval.low <= drawn.truth <= interval.high)
            found[name] = Answer(
                value=fit.effect.value - drawn.truth,
                p=math.nan if interval.p is None else interval.p,
                p_truth=inside,
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A process under one effect, seen by one analyst: what is repeated.

    ``effect`` is a share of the outcome (0.05 for 5%), ``sites`` whose average it is.
    """

    process: Process
    shape: Shape
    analyst: Analyst
    seed: int
    effect: float = 0.0
    sites: Sites = "these"

    def __call__(self, repetition: int) -> Mapping[str, Answer]:
        """Draw panel number ``repetition`` and look at it.

        The panel is the same whatever the effect, and whoever looks.
        """
        names = (self.process.key, str(repetition))
        drawn = draw(
            self.process,
            self.shape,
            named_stream(self.seed, "panel", *names),
            effect=self.effect,
            sites=self.sites,
        )
        return self.analyst(drawn, named_stream(self.seed, "analyst", *names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one method did over all repetitions.

    Parameters
    ----------
    rejected : Rate
        How often it rejected no effect: its size when there is none, its power when there is one.
    covered : Rate or None
        How often its interval held the true effect.
    bias : Mean
        Of the estimate.
    spread : float
        Standard deviation of the estimate.
    failures : int
        Repetitions in which it gave no p-value; they are in no rate.
    """

    rejected: Rate
    covered: Rate | None
    bias: Mean
    spread: float
    failures: int = 0


def measure(
    experiment: Experiment,
    repetitions: int,
    *,
    level: float = 0.95,
    jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Measured]:
    """Repeat an experiment and say what each method did.

    Raises
    ------
    EstimationError
        When a method failed in more than 1% of the repetitions.
    """
    answers = repeat(experiment, repetitions, jobs=jobs, progress=progress)
    return {
        name: _measured(name, [answer[name] for answer in answers], 1 - level)
        for name in answers[0]
    }


def _measured(name: str, answers: Sequence[Answer], alpha: float) -> Measured:
    given = [answer for answer in answers if not math.isnan(answer.p)]
    failures = len(answers) - len(given)
    if failures > _MOST_FAILURES * len(answers):
        raise EstimationError(
            f"{name} gave no p-value in {failures} of {len(answers)} repetitions",
            allowed="1% of the repetitions",
        )
    asked = [answer.p_truth for answer in given if not math.isnan(answer.p_truth)]
    values = np.array([answer.value for answer in given])
    # A p-value of a whole number of draws sits on the boundary: ties are no rejection of the truth.
    edge = alpha + 1e-12
    return Measured(
        rejected=Rate(count=sum(answer.p <= edge for answer in given), trials=len(given)),
        covered=Rate(count=sum(p > edge for p in asked), trials=len(asked)) if asked else None,
        bias=Mean(
            value=float(values.mean()), error=float(values.std(ddof=1) / math.sqrt(values.size))
        ),
        spread=float(values.std(ddof=1)),
        failures=failures,
    )
