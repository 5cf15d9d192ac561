"""The experiments about what was tried for more power, and their figures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from evaluation.simulation import PROCESSES, Measured
from known_truth.analysts import shifted
from known_truth.table import MIXED, Plan, Runner, Tell
from known_truth.tried import EFFECTS, TRIED, OfCourses, Tried

__all__ = ["COURSES_OF", "DRAWS", "TriedFigures", "run_tried", "tried_plan"]

# Where courses of the effect are asked about: the noise lasts ever longer, and a real series.
COURSES_OF = ("iid", "AR .5", "AR .8", "winter", "heteroskedastic", "share")
# A p-value of 5% or less needs no more: 1/(499 + 1) divides 5%.
DRAWS = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedFigures:
    """What each candidate did in one process.

    Parameters
    ----------
    size : dict of str to Measured
        Where the sites' own effects average 0.
    like_these : dict of str to Measured
        Where the average is 0 over all sites like these.
    power : dict of (str, float) to Measured
        Method and effect.
    courses : dict of str to Measured
        By :func:`known_truth.tried.over`; empty for processes that are not in COURSES_OF.
    """

    size: dict[str, Measured]
    like_these: dict[str, Measured]
    power: dict[tuple[str, float], Measured]
    courses: dict[str, Measured] = field(default_factory=dict)


def tried_plan(plan: Plan) -> Plan:
    """Return how much is done for what was tried: half of the panels of the main table."""
    return dataclasses.replace(plan, repetitions=max(2, plan.repetitions // 2), draws=DRAWS)


def run_tried(key: str, plan: Plan, tell: Tell) -> TriedFigures:
    """Measure all candidates on one process."""
    process = PROCESSES[key]
    tried = tried_plan(plan)
    runner = Runner(plan=tried, process=process, tell=tell)
    analyst = Tried(draws=tried.draws)
    size = runner.ask(analyst)
    like = runner.ask(analyst, sites="like these") if key in MIXED else size
    power = {}
    for effect in EFFECTS:
        if process.family == "normal":
            found = {name: like[shifted(name, effect)] for name in TRIED}
        else:
            found = runner.ask(analyst, effect=effect, sites="like these")
        power.update({(name, effect): measured for name, measured in found.items()})
    courses = runner.ask(OfCourses(draws=tried.draws)) if key in COURSES_OF else {}
    return TriedFigures(
        size={name: size[name] for name in TRIED},
        like_these={name: like[name] for name in TRIED},
        power=power,
        courses=courses,
    )
