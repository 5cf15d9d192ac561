"""Which event study is charted and spoken of, where several estimators and procedures have one."""

from __future__ import annotations

from evaluation.disclosure import Released
from evaluation.findings import Estimate
from evaluation.methods import ESTIMATORS
from evaluation.study import Outcome

__all__ = ["charted", "tests_trends"]


def charted(released: Released, outcome: Outcome) -> tuple[Estimate, ...]:
    """Return the effects by event time of one estimator and procedure; none where there are none.

    The first of the study's estimators whose effects before the start test trends, else the first
    that has some, else the first with effects after it; by the study's primary procedure where it
    has that.
    """
    found = [e for e in released.event_study if e.outcome == outcome.key]
    if not found:
        return ()
    leads = [e for e in found if int(e.effect.group) < 0]
    tests = [e for e in leads if tests_trends(e)]
    mine = [e for e in found if e.estimator == (tests or leads or found)[0].estimator]
    wanted = released.study.analysis.primary.procedure
    held = {e.interval.procedure for e in mine}
    procedure = wanted if wanted in held else mine[0].interval.procedure
    return tuple(e for e in mine if e.interval.procedure == procedure)


def tests_trends(estimate: Estimate) -> bool:
    """Return whether an effect before the start tests whether pilot and comparison moved alike."""
    entry = ESTIMATORS.get(estimate.estimator)
    return entry is not None and entry.tests_trends
